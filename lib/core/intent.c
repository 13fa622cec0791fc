#include "core/intent.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/intent_effects.h"
#include "core/machine.h"
#include "core/metadata.h"

/* Sets of states, for the first column of the table. */
#define IN_ANY (((1u << (STATE_CANCELED + 1)) - 1) & ~IN_NONE)
#define IN_OPEN (IN(REQUIRES_PAYMENT_METHOD) | IN(REQUIRES_CONFIRMATION))
#define IN_ENGINE (IN(PROCESSING) | IN(REQUIRES_ACTION))

/* The guards: what a row asks besides the state and the action. */
#define GUARDS(GUARD)                                      \
	GUARD(ALWAYS, "")                                  \
	GUARD(METHOD_GIVEN, "payment method given")        \
	GUARD(METHOD_ABSENT, "no payment method given")    \
	GUARD(NOT_INITIALIZED, "no payment at the engine") \
	GUARD(APPROVED, "approved")                        \
	GUARD(APPROVED_MANUAL, "approved, manual capture") \
	GUARD(DECLINED, "declined")                        \
	GUARD(ACTION_REQUIRED, "authentication needed")    \
	GUARD(LATER, "answers later")                      \
	GUARD(UNREACHABLE, "engine unreachable")           \
	GUARD(CAPTURES_TOO_MUCH, "more than capturable")   \
	GUARD(CHARGE_PENDING, "charge pending")            \
	GUARD(TEXT_ONLY, "description and metadata only")  \
	GUARD(NOTHING_LEFT, "nothing left to refund")      \
	GUARD(REFUNDS_TOO_MUCH, "more than is left")       \
	GUARD(SAYS_SUCCEEDED, "says succeeded")            \
	GUARD(SAYS_CAPTURABLE, "says requires_capture")    \
	GUARD(SAYS_ACTION, "says requires_action")         \
	GUARD(SAYS_PROCESSING, "says processing")          \
	GUARD(SAYS_FAILED, "says requires_payment_method") \
	GUARD(SAYS_CANCELED, "says canceled")

enum guard {
#define GUARD(id, words) GUARD_##id,
	GUARDS(GUARD)
#undef GUARD
	    GUARD_COUNT
};

static const struct text guard_words[GUARD_COUNT] = {
#define GUARD(id, words) [GUARD_##id] = {words, sizeof(words) - 1},
    GUARDS(GUARD)
#undef GUARD
};

#define CREATE COMMAND_INTENT_CREATE
#define CONFIRM COMMAND_INTENT_CONFIRM
#define CAPTURE COMMAND_INTENT_CAPTURE
#define CANCEL COMMAND_INTENT_CANCEL
#define UPDATE COMMAND_INTENT_UPDATE
#define REFUND COMMAND_INTENT_REFUND
#define NOTIFY COMMAND_INTENT_NOTIFY
/*
 * The state machine (contract, card.md, "PaymentIntent").  The first row that
 * matches decides; each action ends with the row that refuses the rest.
 */
/* clang-format off */
static const struct transition transitions[] = {
	{IN_NONE, CREATE, GUARD_METHOD_GIVEN, TO(REQUIRES_CONFIRMATION),
	    EFFECT(CREATE), EVENTS(EVENT_INTENT_CREATED)},
	{IN_NONE, CREATE, GUARD_ALWAYS, TO(REQUIRES_PAYMENT_METHOD),
	    EFFECT(CREATE), EVENTS(EVENT_INTENT_CREATED)},

	{IN(REQUIRES_PAYMENT_METHOD), CONFIRM, GUARD_METHOD_ABSENT,
	    REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},
	{IN_OPEN, CONFIRM, GUARD_NOT_INITIALIZED,
	    REFUSE(PAYMENT_NOT_INITIALIZED)},
	{IN_OPEN, CONFIRM, GUARD_APPROVED_MANUAL, TO(REQUIRES_CAPTURE),
	    EFFECT(AUTHORIZE),
	    EVENTS(EVENT_CHARGE_SUCCEEDED, EVENT_INTENT_CAPTURABLE)},
	{IN_OPEN, CONFIRM, GUARD_APPROVED, TO(SUCCEEDED), EFFECT(PAY),
	    EVENTS(EVENT_CHARGE_SUCCEEDED, EVENT_INTENT_SUCCEEDED)},
	{IN_OPEN, CONFIRM, GUARD_ACTION_REQUIRED, TO(REQUIRES_ACTION),
	    EFFECT(WAIT), EVENTS(EVENT_INTENT_REQUIRES_ACTION)},
	{IN_OPEN, CONFIRM, GUARD_LATER, TO(PROCESSING), EFFECT(PEND),
	    EVENTS(EVENT_INTENT_PROCESSING)},
	{IN_OPEN, CONFIRM, GUARD_DECLINED, TO(REQUIRES_PAYMENT_METHOD),
	    REFUSE(CARD_DECLINED), EFFECT(DECLINE),
	    EVENTS(EVENT_CHARGE_FAILED, EVENT_INTENT_FAILED)},
	{IN_OPEN, CONFIRM, GUARD_UNREACHABLE,
	    REFUSE(PAYMENT_NOT_INITIALIZED)},
	{IN_ANY, CONFIRM, GUARD_ALWAYS,
	    REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},

	{IN(REQUIRES_CAPTURE), CAPTURE, GUARD_CAPTURES_TOO_MUCH,
	    REFUSE(PARAMETER_INVALID)},
	{IN(REQUIRES_CAPTURE), CAPTURE, GUARD_APPROVED, TO(SUCCEEDED),
	    EFFECT(CAPTURE),
	    EVENTS(EVENT_CHARGE_CAPTURED, EVENT_INTENT_SUCCEEDED)},
	{IN(REQUIRES_CAPTURE), CAPTURE, GUARD_ALWAYS,
	    REFUSE(SERVICE_UNAVAILABLE)},
	{IN_ANY, CAPTURE, GUARD_ALWAYS,
	    REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},

	{IN_OPEN, CANCEL, GUARD_ALWAYS, TO(CANCELED), EFFECT(CANCEL),
	    EVENTS(EVENT_INTENT_CANCELED)},
	{IN(REQUIRES_ACTION) | IN(REQUIRES_CAPTURE), CANCEL,
	    GUARD_UNREACHABLE, REFUSE(SERVICE_UNAVAILABLE)},
	{IN(REQUIRES_ACTION), CANCEL, GUARD_CHARGE_PENDING, TO(CANCELED),
	    EFFECT(CANCEL), EVENTS(EVENT_CHARGE_FAILED, EVENT_INTENT_CANCELED)},
	{IN(REQUIRES_ACTION) | IN(REQUIRES_CAPTURE), CANCEL, GUARD_ALWAYS,
	    TO(CANCELED), EFFECT(CANCEL), EVENTS(EVENT_INTENT_CANCELED)},
	{IN_ANY, CANCEL, GUARD_ALWAYS, REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},

	{IN(REQUIRES_PAYMENT_METHOD), UPDATE, GUARD_METHOD_GIVEN,
	    TO(REQUIRES_CONFIRMATION), EFFECT(UPDATE)},
	{IN_OPEN, UPDATE, GUARD_ALWAYS, EFFECT(UPDATE)},
	{IN_ANY, UPDATE, GUARD_TEXT_ONLY, EFFECT(UPDATE)},
	{IN_ANY, UPDATE, GUARD_ALWAYS, REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},

	{IN(SUCCEEDED), REFUND, GUARD_NOTHING_LEFT,
	    REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},
	{IN(SUCCEEDED), REFUND, GUARD_REFUNDS_TOO_MUCH,
	    REFUSE(AMOUNT_TOO_LARGE)},
	{IN(SUCCEEDED), REFUND, GUARD_APPROVED, EFFECT(REFUND),
	    EVENTS(EVENT_REFUND_CREATED, EVENT_CHARGE_REFUNDED)},
	{IN(SUCCEEDED), REFUND, GUARD_DECLINED, EFFECT(REFUND_FAILED),
	    EVENTS(EVENT_REFUND_CREATED, EVENT_REFUND_FAILED)},
	{IN(SUCCEEDED), REFUND, GUARD_ALWAYS, REFUSE(SERVICE_UNAVAILABLE)},
	{IN_ANY, REFUND, GUARD_ALWAYS, REFUSE(PAYMENT_INTENT_UNEXPECTED_STATE)},

	{IN_ENGINE, NOTIFY, GUARD_SAYS_SUCCEEDED, TO(SUCCEEDED), EFFECT(PAY),
	    EVENTS(EVENT_CHARGE_SUCCEEDED, EVENT_INTENT_SUCCEEDED)},
	{IN_ENGINE, NOTIFY, GUARD_SAYS_CAPTURABLE, TO(REQUIRES_CAPTURE),
	    EFFECT(AUTHORIZE),
	    EVENTS(EVENT_CHARGE_SUCCEEDED, EVENT_INTENT_CAPTURABLE)},
	{IN(PROCESSING), NOTIFY, GUARD_SAYS_ACTION, TO(REQUIRES_ACTION),
	    EFFECT(WAIT), EVENTS(EVENT_INTENT_REQUIRES_ACTION)},
	{IN(REQUIRES_ACTION), NOTIFY, GUARD_SAYS_PROCESSING, TO(PROCESSING),
	    EFFECT(PEND), EVENTS(EVENT_INTENT_PROCESSING)},
	{IN_ENGINE, NOTIFY, GUARD_SAYS_FAILED, TO(REQUIRES_PAYMENT_METHOD),
	    EFFECT(DECLINE), EVENTS(EVENT_CHARGE_FAILED, EVENT_INTENT_FAILED)},
	{IN(REQUIRES_CAPTURE), NOTIFY, GUARD_CAPTURES_TOO_MUCH,
	    REFUSE(INVALID_STATE_TRANSITION)},
	{IN(REQUIRES_CAPTURE), NOTIFY, GUARD_SAYS_SUCCEEDED, TO(SUCCEEDED),
	    EFFECT(CAPTURE),
	    EVENTS(EVENT_CHARGE_CAPTURED, EVENT_INTENT_SUCCEEDED)},
	{IN(REQUIRES_CAPTURE), NOTIFY, GUARD_SAYS_CANCELED, TO(CANCELED),
	    EFFECT(CANCEL), EVENTS(EVENT_INTENT_CANCELED)},
	{IN_ANY, NOTIFY, GUARD_ALWAYS, REFUSE(INVALID_STATE_TRANSITION)},
};
/* clang-format on */

enum { TRANSITION_COUNT = sizeof(transitions) / sizeof(transitions[0]) };

/* The actions in words: as the diagram names them, and as messages do. */
static const struct {
	struct text present;
	struct text past;
} action_words[COMMAND_COUNT] = {
    [CREATE] = {{"create", 6}, {"created", 7}},
    [CONFIRM] = {{"confirm", 7}, {"confirmed", 9}},
    [CAPTURE] = {{"capture", 7}, {"captured", 8}},
    [CANCEL] = {{"cancel", 6}, {"canceled", 8}},
    [UPDATE] = {{"update", 6}, {"updated", 7}},
    [REFUND] = {{"refund", 6}, {"refunded", 8}},
    [NOTIFY] = {{"engine", 6}, {"changed", 7}},
};

static struct text
action_word(enum command_kind action)
{
	assert(action_words[action].present.length > 0);
	return action_words[action].present;
}

static bool
says(const struct intent_question *question, enum state state)
{
	return question->command->status == state;
}

static bool
answers(const struct intent_question *question, enum answer answer)
{
	return question->verdict.answer == answer;
}

/* True when the row's guard lets the question through. */
static bool
guard_holds(unsigned guard, const void *asked)
{
	const struct intent_question *question = asked;
	const struct command *command = question->command;
	const struct intent *intent = question->intent;
	const uint32_t texts =
	    GIVEN_DESCRIPTION | GIVEN_METADATA | GIVEN_METADATA_CLEARED;

	switch ((enum guard)guard) {
	case GUARD_ALWAYS:
		return true;
	case GUARD_METHOD_GIVEN:
		return command_has(command, GIVEN_PAYMENT_METHOD);
	case GUARD_METHOD_ABSENT:
		return !command_has(command, GIVEN_PAYMENT_METHOD);
	case GUARD_NOT_INITIALIZED:
		return !intent->initialized;
	case GUARD_APPROVED_MANUAL:
		return answers(question, ANSWER_APPROVED) &&
		       intent->capture_method == METHOD_MANUAL;
	case GUARD_APPROVED:
		return answers(question, ANSWER_APPROVED);
	case GUARD_DECLINED:
		return answers(question, ANSWER_DECLINED);
	case GUARD_ACTION_REQUIRED:
		return answers(question, ANSWER_ACTION_REQUIRED);
	case GUARD_LATER:
		return answers(question, ANSWER_LATER);
	case GUARD_UNREACHABLE:
		return answers(question, ANSWER_UNREACHABLE);
	case GUARD_CAPTURES_TOO_MUCH:
		return command_has(command, GIVEN_AMOUNT) &&
		       money_compare(
			   command->amount, intent->amount_capturable) > 0;
	case GUARD_CHARGE_PENDING:
		return question->charge != NULL &&
		       question->charge->progress == PROGRESS_PENDING;
	case GUARD_TEXT_ONLY:
		return (command->given & ~texts) == 0;
	case GUARD_NOTHING_LEFT:
		return !money_is_positive(charge_refundable(question->charge));
	case GUARD_REFUNDS_TOO_MUCH:
		return command_has(command, GIVEN_AMOUNT) &&
		       money_compare(command->amount,
			   charge_refundable(question->charge)) > 0;
	case GUARD_SAYS_SUCCEEDED:
		return says(question, STATE_SUCCEEDED);
	case GUARD_SAYS_CAPTURABLE:
		return says(question, STATE_REQUIRES_CAPTURE);
	case GUARD_SAYS_ACTION:
		return says(question, STATE_REQUIRES_ACTION);
	case GUARD_SAYS_PROCESSING:
		return says(question, STATE_PROCESSING);
	case GUARD_SAYS_FAILED:
		return says(question, STATE_REQUIRES_PAYMENT_METHOD);
	case GUARD_SAYS_CANCELED:
		return says(question, STATE_CANCELED);
	case GUARD_COUNT:
		break;
	}
	assert(false && "a guard");
	return false;
}

static enum state
state_before(const struct intent_question *question)
{
	return question->intent == NULL ? STATE_NONE
					: (enum state)question->intent->state;
}

const struct machine intent_machine = {
    .rows = transitions,
    .row_count = TRANSITION_COUNT,
    .guards = guard_words,
    .action = action_word,
    .holds = guard_holds,
};

static const struct transition *
transition_find(const struct intent_question *question)
{
	return machine_find(&intent_machine, state_before(question),
	    question->action, question);
}

/* "..., a status that allows it: a, b": the states that a row changes from. */
static void
describe_unexpected_state(
    const struct intent_question *question, struct buffer *detail)
{
	enum command_kind action = question->action;
	struct text separator = TEXT("; a status that allows it: ");
	uint32_t allowed = 0;

	for (size_t i = 0; i < TRANSITION_COUNT; i++)
		if (transitions[i].action == action &&
		    transitions[i].effect != EFFECT_NONE)
			allowed |= transitions[i].from;
	if (action == UPDATE)
		allowed = IN_OPEN;
	buffer_put_text(detail, action_words[action].past);
	buffer_put_text(detail, TEXT(" while its status is "));
	buffer_put_text(
	    detail, name_text(&state_names, state_before(question)));
	if (action == CONFIRM &&
	    (allowed & (1u << state_before(question))) != 0) {
		buffer_put_text(detail, TEXT(" without a payment_method"));
		allowed &= ~(1u << state_before(question));
	}
	if (action == REFUND && question->intent->state == STATE_SUCCEEDED) {
		buffer_put_text(
		    detail, TEXT(" and nothing of it is left to refund"));
		allowed = 0;
	}
	for (unsigned state = STATE_NONE + 1; state <= STATE_CANCELED;
	     state++) {
		if ((allowed & (1u << state)) == 0)
			continue;
		buffer_put_text(detail, separator);
		buffer_put_text(detail, name_text(&state_names, state));
		separator = TEXT(", ");
	}
}

/* Fills the error of a refusal with what it is about. */
static void
describe(const struct intent_question *question, enum error_id refusal,
    struct intent_decision *decision)
{
	char bytes[ERROR_DETAIL_BYTES_MAX];
	struct text param = TEXT_NONE;
	struct buffer detail;

	buffer_init(&detail, bytes, sizeof(bytes));
	if (refusal == ERROR_PAYMENT_INTENT_UNEXPECTED_STATE) {
		describe_unexpected_state(question, &detail);
	} else if (refusal == ERROR_INVALID_STATE_TRANSITION) {
		buffer_print(&detail, "'%.*s' from '%.*s'",
		    TEXT_PRINT(
			name_text(&state_names, question->command->status)),
		    TEXT_PRINT(
			name_text(&state_names, state_before(question))));
	} else if (refusal == ERROR_AMOUNT_TOO_LARGE) {
		buffer_put_integer(
		    &detail, charge_refundable(question->charge).units);
	} else if (refusal == ERROR_PARAMETER_INVALID) {
		param = TEXT("amount_to_capture");
		buffer_print(&detail, "must be at most amount_capturable, %lld",
		    (long long)question->intent->amount_capturable.units);
	}
	refuse_about(
	    &decision->error, refusal, param, TEXT_NONE, buffer_text(&detail));
	if (refusal == ERROR_CARD_DECLINED)
		decision->error.decline = question->verdict.decline;
}

void
intent_decide(
    const struct intent_question *question, struct intent_decision *decision)
{
	const struct transition *row = transition_find(question);

	memset(decision, 0, sizeof(*decision));
	error_clear(&decision->error);
	if (row->refusal != ERROR_NONE)
		describe(question, row->refusal, decision);
	if (row->effect == EFFECT_NONE)
		return;
	if (question->intent != NULL)
		decision->intent = *question->intent;
	if (question->charge != NULL)
		decision->charge = *question->charge;
	if (!effect_apply((enum effect)row->effect, question, decision))
		return;
	decision->acts = true;
	if (row->to != STATE_NONE)
		decision->intent.state = (uint8_t)row->to;
	decision->event_count = transition_events(row, decision->events);
	assert(intent_is_consistent(&decision->intent,
	    id_is_set(decision->intent.latest_charge) ? &decision->charge
						      : NULL));
}

bool
intent_needs_verdict(const struct intent_question *question)
{
	struct intent_question asked = *question;

	if (question->action == CREATE || question->action == UPDATE ||
	    question->action == NOTIFY)
		return false;
	asked.verdict = (struct verdict){ANSWER_APPROVED, DECLINE_NONE};
	return transition_find(&asked)->effect != EFFECT_NONE &&
	       !((1u << state_before(question)) & IN_OPEN &&
		   question->action == CANCEL);
}
