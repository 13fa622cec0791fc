#include "core/intent_effects.h"

#include <assert.h>

#include "base/bytes.h"
#include "core/metadata.h"

struct money
charge_refundable(const struct charge *charge)
{
	struct money left;
	bool fits;

	if (charge == NULL)
		return MONEY_NONE;
	fits = money_subtract(
	    charge->amount_captured, charge->amount_refunded, &left);
	assert(fits);
	assert(left.units >= 0);
	return left;
}

/* Bytes in the arena for one buffer; false, refused, when it is full. */
static bool
take_buffer(struct arena *arena, size_t size, struct buffer *buffer,
    struct error *error)
{
	void *bytes = arena_take(arena, size);

	if (bytes == NULL)
		return refuse(error, ERROR_SERVICE_UNAVAILABLE);
	buffer_init(buffer, bytes, size);
	return true;
}

bool
metadata_apply(const struct command *command, struct arena *arena,
    struct text *metadata, struct error *error)
{
	struct text changes = command_text(command, command->metadata);
	struct buffer merged;

	if (command_has(command, GIVEN_METADATA_CLEARED))
		*metadata = TEXT_NONE;
	if (!command_has(command, GIVEN_METADATA))
		return true;
	if (!take_buffer(
		arena, metadata->length + changes.length, &merged, error))
		return false;
	if (!metadata_merge(*metadata, changes, &merged))
		return refuse_about(error, ERROR_PARAMETER_INVALID,
		    TEXT("metadata"), TEXT_NONE,
		    TEXT("must have at most 50 keys"));
	*metadata = buffer_text(&merged);
	return true;
}

static bool
create(const struct intent_question *question, struct intent_decision *decision)
{
	const struct command *command = question->command;
	struct intent *intent = &decision->intent;
	struct buffer secret = {0};

	if (!take_buffer(
		question->arena, SECRET_DIGITS, &secret, &decision->error))
		return false;
	bytes_to_base62(command->entropy, sizeof(command->entropy),
	    secret.bytes, SECRET_DIGITS);
	*intent = (struct intent){
	    .id = command->fresh,
	    .merchant = command->scope.merchant,
	    .amount = command->amount,
	    .currency = command_text(command, command->currency),
	    .capture_method = command->capture_method,
	    .confirmation_method = command->confirmation_method,
	    .customer = command->customer.id,
	    .payment_method = command_text(command, command->payment_method),
	    .description = command_text(command, command->description),
	    .return_url = command_text(command, command->return_url),
	    .secret = {secret.bytes, SECRET_DIGITS},
	    .initialized = question->verdict.answer == ANSWER_APPROVED,
	    .created = command->now,
	};
	return metadata_apply(
	    command, question->arena, &intent->metadata, &decision->error);
}

static bool
update(const struct intent_question *question, struct intent_decision *decision)
{
	const struct command *command = question->command;
	struct intent *intent = &decision->intent;

	if (command_has(command, GIVEN_AMOUNT))
		intent->amount = command->amount;
	if (command_has(command, GIVEN_CURRENCY))
		intent->currency = command_text(command, command->currency);
	if (command_has(command, GIVEN_CUSTOMER))
		intent->customer = command->customer.id;
	if (command_has(command, GIVEN_PAYMENT_METHOD))
		intent->payment_method =
		    command_text(command, command->payment_method);
	if (command_has(command, GIVEN_DESCRIPTION))
		intent->description =
		    command_text(command, command->description);
	return metadata_apply(
	    command, question->arena, &intent->metadata, &decision->error);
}

/* What a confirmation brings along. */
static void
take_confirmation(const struct command *command, struct intent *intent)
{
	if (command_has(command, GIVEN_PAYMENT_METHOD))
		intent->payment_method =
		    command_text(command, command->payment_method);
	if (command_has(command, GIVEN_RETURN_URL))
		intent->return_url = command_text(command, command->return_url);
	intent->last_decline = DECLINE_NONE;
}

/* The charge that waits for the engine, or a new one. */
static struct charge *
open_charge(const struct command *command, struct intent_decision *decision)
{
	const struct intent *intent = &decision->intent;
	struct charge *charge = &decision->charge;

	decision->charge_changed = true;
	if (id_is_set(intent->latest_charge) &&
	    charge->progress == PROGRESS_PENDING)
		return charge;
	*charge = (struct charge){
	    .id = command->fresh,
	    .intent = intent->id,
	    .merchant = intent->merchant,
	    .customer = intent->customer,
	    .progress = PROGRESS_PENDING,
	    .amount = intent->amount,
	    .currency = intent->currency,
	    .payment_method = intent->payment_method,
	    .created = command->now,
	};
	decision->intent.latest_charge = charge->id;
	return charge;
}

static void
authorize(const struct command *command, struct intent_decision *decision)
{
	struct charge *charge;

	take_confirmation(command, &decision->intent);
	charge = open_charge(command, decision);
	charge->progress = PROGRESS_SUCCEEDED;
	decision->intent.amount_capturable = charge->amount;
}

/* Takes `amount` of what is held; whatever more is held is released. */
static void
take_money(struct money amount, struct intent_decision *decision)
{
	assert(money_is_positive(amount));
	assert(money_compare(amount, decision->intent.amount_capturable) <= 0);
	decision->charge_changed = true;
	decision->charge.amount_captured = amount;
	decision->intent.amount_received = amount;
	decision->intent.amount_capturable = MONEY_NONE;
}

static void
decline(
    const struct intent_question *question, struct intent_decision *decision)
{
	const struct command *command = question->command;
	enum decline reason = question->action == COMMAND_INTENT_NOTIFY
				  ? (enum decline)command->decline
				  : question->verdict.decline;
	struct charge *charge;

	/* A notification need not say why. */
	if (question->action == COMMAND_INTENT_NOTIFY && reason == DECLINE_NONE)
		reason = DECLINE_GENERIC;
	assert(reason != DECLINE_NONE);
	take_confirmation(command, &decision->intent);
	charge = open_charge(command, decision);
	charge->progress = PROGRESS_FAILED;
	charge->decline = (uint8_t)reason;
	decision->intent.last_decline = (uint8_t)reason;
	decision->intent.payment_method = TEXT_NONE;
}

static void
cancel(const struct command *command, struct intent_decision *decision)
{
	struct intent *intent = &decision->intent;

	intent->amount_capturable = MONEY_NONE;
	intent->canceled = command->now;
	intent->cancellation = command->cancellation;
	if (!id_is_set(intent->latest_charge) ||
	    decision->charge.progress != PROGRESS_PENDING)
		return;
	decision->charge_changed = true;
	decision->charge.progress = PROGRESS_FAILED;
}

static bool
put_refund(const struct intent_question *question, enum progress progress,
    struct intent_decision *decision)
{
	const struct command *command = question->command;
	struct refund *refund = &decision->refund;
	struct charge *charge = &decision->charge;
	bool fits;

	*refund = (struct refund){
	    .id = command->fresh,
	    .intent = decision->intent.id,
	    .charge = charge->id,
	    .merchant = decision->intent.merchant,
	    .progress = (uint8_t)progress,
	    .amount = command_has(command, GIVEN_AMOUNT)
			  ? command->amount
			  : charge_refundable(charge),
	    .currency = decision->intent.currency,
	    .reason = command_text(command, command->description),
	    .created = command->now,
	};
	assert(money_compare(refund->amount, charge_refundable(charge)) <= 0);
	decision->refunded = true;
	if (progress == PROGRESS_SUCCEEDED) {
		decision->charge_changed = true;
		fits = money_add(charge->amount_refunded, refund->amount,
		    &charge->amount_refunded);
		assert(fits);
	}
	return metadata_apply(
	    command, question->arena, &refund->metadata, &decision->error);
}

bool
effect_apply(enum effect effect, const struct intent_question *question,
    struct intent_decision *decision)
{
	const struct command *command = question->command;
	struct intent *intent = &decision->intent;

	switch (effect) {
	case EFFECT_CREATE:
		return create(question, decision);
	case EFFECT_UPDATE:
		return update(question, decision);
	case EFFECT_AUTHORIZE:
		authorize(command, decision);
		return true;
	case EFFECT_PAY:
		authorize(command, decision);
		take_money(intent->amount_capturable, decision);
		return true;
	case EFFECT_WAIT:
		take_confirmation(command, intent);
		return true;
	case EFFECT_PEND:
		take_confirmation(command, intent);
		open_charge(command, decision);
		return true;
	case EFFECT_DECLINE:
		decline(question, decision);
		return true;
	case EFFECT_CAPTURE:
		take_money(command_has(command, GIVEN_AMOUNT)
			       ? command->amount
			       : intent->amount_capturable,
		    decision);
		return true;
	case EFFECT_CANCEL:
		cancel(command, decision);
		return true;
	case EFFECT_REFUND:
		return put_refund(question, PROGRESS_SUCCEEDED, decision);
	case EFFECT_REFUND_FAILED:
		return put_refund(question, PROGRESS_FAILED, decision);
	case EFFECT_NONE:
		break;
	}
	assert(false && "an effect");
	return false;
}

/* What each state says of the money; by table, so that it is complete. */
struct money_rule {
	bool holds;    /* amount_capturable is positive, else zero */
	bool received; /* amount_received is positive, else zero */
};

static const struct money_rule money_rules[STATE_COUNT] = {
    [STATE_REQUIRES_CAPTURE] = {.holds = true},
    [STATE_SUCCEEDED] = {.received = true},
};

static bool
charge_is_consistent(const struct charge *charge)
{
	if (!money_is_positive(charge->amount))
		return false;
	if (charge->amount_captured.units < 0 ||
	    charge->amount_refunded.units < 0)
		return false;
	if (money_compare(charge->amount_captured, charge->amount) > 0)
		return false;
	if (money_compare(charge->amount_refunded, charge->amount_captured) > 0)
		return false;
	return charge->progress == PROGRESS_SUCCEEDED ||
	       charge->amount_captured.units == 0;
}

bool
intent_is_consistent(const struct intent *intent, const struct charge *charge)
{
	struct money_rule rule;

	if (intent->state == STATE_NONE || intent->state >= STATE_COUNT)
		return false;
	rule = money_rules[intent->state];
	if (!money_is_positive(intent->amount) ||
	    money_is_positive(intent->amount_capturable) != rule.holds ||
	    money_is_positive(intent->amount_received) != rule.received ||
	    money_compare(intent->amount_capturable, intent->amount) > 0 ||
	    money_compare(intent->amount_received, intent->amount) > 0)
		return false;
	if (charge == NULL)
		return !rule.holds && !rule.received;
	if (!charge_is_consistent(charge) ||
	    !id_equal(charge->intent, intent->id) ||
	    !id_equal(charge->id, intent->latest_charge))
		return false;
	if ((rule.holds || rule.received) &&
	    charge->progress != PROGRESS_SUCCEEDED)
		return false;
	return money_compare(
		   charge->amount_captured, intent->amount_received) == 0;
}
