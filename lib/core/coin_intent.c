#include "core/coin_intent.h"

#include <assert.h>
#include <string.h>

#define IN_COIN                                                               \
	(IN(AWAITING_PAYMENT) | IN(CONFIRMED) | IN(EXPIRED) | IN(CANCELLED) | \
	    IN(SETTLED))
#define IN_CLOSED (IN_COIN & ~IN(AWAITING_PAYMENT))

enum guard {
	GUARD_ALWAYS,
	GUARD_PAID_IN_FULL,
	GUARD_UNTOLD, /* expired, and not yet written down */
	GUARD_COUNT
};

static const struct text guard_words[GUARD_COUNT] = {
    [GUARD_ALWAYS] = {"", 0},
    [GUARD_PAID_IN_FULL] = {"paid in full", 12},
    [GUARD_UNTOLD] = {"not yet written down", 20},
};

enum effect {
	EFFECT_NONE,
	EFFECT_CREATE,
	EFFECT_RECEIVE, /* a transfer that is counted */
	EFFECT_LATE,	/* a transfer that changes no status */
	EFFECT_CONFIRM, /* the transfer that pays in full */
	EFFECT_CANCEL,
	EFFECT_SETTLE,
	EFFECT_EXPIRE,
};

#define CREATE COMMAND_COIN_CREATE
#define CANCEL COMMAND_COIN_CANCEL
#define TRANSFER COMMAND_COIN_TRANSFER
#define SETTLE COMMAND_COIN_SETTLE
#define EXPIRE COMMAND_COIN_EXPIRE

/*
 * The state machine (contract, stable.md, "payment_intent"), asked of the
 * state at the instant.  A transfer on an expired payment that nobody wrote
 * down also writes it down.
 */
/* clang-format off */
static const struct transition transitions[] = {
	{IN_NONE, CREATE, GUARD_ALWAYS, TO(AWAITING_PAYMENT), EFFECT(CREATE)},

	{IN(AWAITING_PAYMENT), CANCEL, GUARD_ALWAYS, TO(CANCELLED),
	    EFFECT(CANCEL), EVENTS(EVENT_COIN_CANCELLED)},
	{IN_CLOSED, CANCEL, GUARD_ALWAYS, REFUSE(INTENT_NOT_CANCELLABLE)},

	{IN(AWAITING_PAYMENT), TRANSFER, GUARD_PAID_IN_FULL, TO(CONFIRMED),
	    EFFECT(CONFIRM),
	    EVENTS(EVENT_TRANSACTION_CREATED, EVENT_COIN_CONFIRMED)},
	{IN(AWAITING_PAYMENT), TRANSFER, GUARD_ALWAYS, EFFECT(RECEIVE),
	    EVENTS(EVENT_TRANSACTION_CREATED)},
	{IN(EXPIRED), TRANSFER, GUARD_UNTOLD, TO(EXPIRED), EFFECT(LATE),
	    EVENTS(EVENT_COIN_EXPIRED, EVENT_TRANSACTION_CREATED)},
	{IN_CLOSED, TRANSFER, GUARD_ALWAYS, EFFECT(LATE),
	    EVENTS(EVENT_TRANSACTION_CREATED)},

	{IN(CONFIRMED), SETTLE, GUARD_ALWAYS, TO(SETTLED), EFFECT(SETTLE),
	    EVENTS(EVENT_SETTLEMENT_COMPLETED)},
	{IN_COIN, SETTLE, GUARD_ALWAYS, REFUSE(INTENT_NOT_CONFIRMED)},

	{IN(EXPIRED), EXPIRE, GUARD_UNTOLD, TO(EXPIRED), EFFECT(EXPIRE),
	    EVENTS(EVENT_COIN_EXPIRED)},
	{IN_COIN, EXPIRE, GUARD_ALWAYS, TO(NONE)},
};
/* clang-format on */

static struct text
action_word(enum command_kind action)
{
	static const struct text words[COMMAND_COUNT] = {
	    [CREATE] = {"create", 6},
	    [CANCEL] = {"cancel", 6},
	    [TRANSFER] = {"transfer", 8},
	    [SETTLE] = {"settle", 6},
	    [EXPIRE] = {"time reaches expires_at", 23},
	};

	assert(words[action].length > 0);
	return words[action];
}

/* What a transfer brings; where nobody says, what is due, or all of it. */
static struct money
transfer_amount(const struct coin_intent *intent, const struct command *command)
{
	struct money due = intent->amount;

	if (command_has(command, GIVEN_AMOUNT))
		return command->amount;
	if (money_subtract(intent->amount, intent->amount_received, &due) &&
	    money_is_positive(due))
		return due;
	return intent->amount;
}

/* What will have come in with this transfer; saturates far above any due. */
static struct money
received_with(const struct coin_intent *intent, const struct command *command)
{
	struct money sum;

	if (!money_add(intent->amount_received,
		transfer_amount(intent, command), &sum))
		return MONEY(INT64_MAX);
	return sum;
}

static bool
guard_holds(unsigned guard, const void *asked)
{
	const struct coin_question *question = asked;
	const struct coin_intent *intent = question->intent;

	switch ((enum guard)guard) {
	case GUARD_ALWAYS:
		return true;
	case GUARD_PAID_IN_FULL:
		return money_compare(received_with(intent, question->command),
			   intent->amount) >= 0;
	case GUARD_UNTOLD:
		return intent->state == STATE_AWAITING_PAYMENT;
	case GUARD_COUNT:
		break;
	}
	assert(false && "a guard");
	return false;
}

const struct machine coin_machine = {
    .rows = transitions,
    .row_count = sizeof(transitions) / sizeof(transitions[0]),
    .guards = guard_words,
    .action = action_word,
    .holds = guard_holds,
};

enum state
coin_intent_state(const struct coin_intent *intent, struct instant now)
{
	if (intent->state == STATE_AWAITING_PAYMENT &&
	    !instant_before(now, intent->expires))
		return STATE_EXPIRED;
	return (enum state)intent->state;
}

static void
create(const struct command *command, struct coin_intent *intent)
{
	intent->id = command->fresh;
	intent->amount = command->amount;
	intent->currency = command_text(command, command->currency);
	intent->metadata = command_text(command, command->metadata);
	intent->chain = command_text(command, command->chain);
	intent->chain_id = command->chain_id;
	intent->token = command_text(command, command->token);
	intent->created = command->now;
	/* Whole seconds, as it is shown: from that very instant on. */
	intent->expires = instant_from_seconds(
	    instant_seconds(instant_plus(command->now, command->ttl)));
}

/* Money is never lost sight of: every transfer becomes a record. */
static void
receive(
    const struct command *command, bool late, struct coin_decision *decision)
{
	struct coin_intent *intent = &decision->intent;

	decision->transferred = true;
	decision->transfer = (struct transfer){
	    .id = command->fresh,
	    .intent = intent->id,
	    .merchant = intent->merchant,
	    .status = TRANSACTION_CONFIRMED,
	    .amount = transfer_amount(intent, command),
	    .fee_rate = intent->fee_rate,
	    .currency = intent->currency,
	    .chain = intent->chain,
	    .token = intent->token,
	    .tx_hash = command_text(command, command->tx_hash),
	    .log_index = command->log_index,
	    .block_number = command->block_number,
	    .sender_address = command_text(command, command->sender_address),
	    .payment_address = intent->payment_address,
	    .late = late,
	    .metadata = intent->metadata,
	    .confirmed = command->now,
	};
	intent->amount_received = received_with(intent, command);
}

static void
confirm(const struct command *command, struct coin_decision *decision)
{
	struct coin_intent *intent = &decision->intent;

	receive(command, false, decision);
	intent->tx_hash = decision->transfer.tx_hash;
	intent->sender_address = decision->transfer.sender_address;
	intent->block_number = command->block_number;
	intent->confirmed = command->now;
}

static void
apply(enum effect effect, const struct command *command,
    struct coin_decision *decision)
{
	switch (effect) {
	case EFFECT_CREATE:
		create(command, &decision->intent);
		return;
	case EFFECT_RECEIVE:
		receive(command, false, decision);
		return;
	case EFFECT_LATE:
		receive(command, true, decision);
		return;
	case EFFECT_CONFIRM:
		confirm(command, decision);
		return;
	case EFFECT_CANCEL:
		decision->intent.cancelled = command->now;
		return;
	case EFFECT_SETTLE:
		decision->intent.settled = command->now;
		return;
	case EFFECT_EXPIRE:
	case EFFECT_NONE:
		return;
	}
}

void
coin_intent_decide(
    const struct coin_question *question, struct coin_decision *decision)
{
	const struct command *command = question->command;
	enum state before =
	    question->intent == NULL
		? STATE_NONE
		: coin_intent_state(question->intent, command->now);
	const struct transition *row =
	    machine_find(&coin_machine, before, question->action, question);

	error_clear(&decision->error);
	decision->acts = row->effect != EFFECT_NONE;
	decision->transferred = false;
	decision->event_count = transition_events(row, decision->events);
	if (question->intent != NULL)
		decision->intent = *question->intent;
	if (row->refusal != ERROR_NONE)
		refuse_about(&decision->error, row->refusal, TEXT_NONE,
		    TEXT_NONE, name_text(&state_names, before));
	apply((enum effect)row->effect, command, decision);
	if (row->to != STATE_NONE)
		decision->intent.state = (uint8_t)row->to;
	assert(!decision->acts || coin_intent_is_consistent(&decision->intent));
}

bool
coin_intent_is_consistent(const struct coin_intent *intent)
{
	bool paid = money_compare(intent->amount_received, intent->amount) >= 0;
	bool confirmed =
	    intent->state == STATE_CONFIRMED || intent->state == STATE_SETTLED;

	if (intent->state < STATE_AWAITING_PAYMENT ||
	    intent->state > STATE_SETTLED)
		return false;
	if (!money_is_positive(intent->amount) ||
	    intent->amount_received.units < 0 ||
	    !instant_before(intent->created, intent->expires))
		return false;
	if (confirmed != instant_is_set(intent->confirmed) ||
	    (intent->state == STATE_CANCELLED) !=
		instant_is_set(intent->cancelled) ||
	    (intent->state == STATE_SETTLED) != instant_is_set(intent->settled))
		return false;
	return confirmed ? paid
			 : intent->state != STATE_AWAITING_PAYMENT || !paid;
}
