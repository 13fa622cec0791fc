#include "engine_model.h"

#include <stddef.h>
#include <string.h>

enum reply { APPROVES, DECLINES, WANTS_ACTION, WAITS, IS_UNREACHABLE };

/* card.md, "The sandbox engine". */
static const struct {
	const char *name;
	enum reply reply;
} methods[] = {
    {"pm_card_visa", APPROVES},
    {"pm_card_mastercard", APPROVES},
    {"pm_card_declined", DECLINES},
    {"pm_card_insufficient_funds", DECLINES},
    {"pm_card_expired", DECLINES},
    {"pm_card_lost", DECLINES},
    {"pm_card_stolen", DECLINES},
    {"pm_card_incorrect_cvc", DECLINES},
    {"pm_card_processing_error", DECLINES},
    {"pm_card_do_not_honor", DECLINES},
    {"pm_card_3ds_required", WANTS_ACTION},
    {"pm_card_pending", WAITS},
    {"pm_card_not_initialized", IS_UNREACHABLE},
};

enum { METHOD_NUMBERS = sizeof(methods) / sizeof(methods[0]) };

const char *
model_method(unsigned number)
{
	return number < METHOD_NUMBERS ? methods[number].name : NULL;
}

static enum reply
reply_of(const char *method)
{
	for (size_t i = 0; i < METHOD_NUMBERS; i++)
		if (strcmp(methods[i].name, method) == 0)
			return methods[i].reply;
	return IS_UNREACHABLE;
}

static bool
is_open(const struct model_intent *intent)
{
	return intent->state == STATE_REQUIRES_PAYMENT_METHOD ||
	       intent->state == STATE_REQUIRES_CONFIRMATION;
}

/* A charge that waits becomes this one, or there is one more. */
static void
charge_ends(struct model_intent *intent)
{
	if (!intent->pending)
		intent->charges++;
	intent->pending = false;
}

static void
hold(struct model_intent *intent)
{
	charge_ends(intent);
	intent->held = intent->amount;
	intent->state = STATE_REQUIRES_CAPTURE;
}

static void
take(struct model_intent *intent, int64_t amount)
{
	intent->held = 0;
	intent->captured = amount;
	intent->state = STATE_SUCCEEDED;
}

static void
fail(struct model_intent *intent)
{
	charge_ends(intent);
	intent->method = NULL;
	intent->state = STATE_REQUIRES_PAYMENT_METHOD;
}

static void
wait(struct model_intent *intent)
{
	charge_ends(intent);
	intent->pending = true;
	intent->state = STATE_PROCESSING;
}

static enum error_id
confirm(struct model_intent *intent, const char *given)
{
	const char *method = given != NULL ? given : intent->method;

	if (!is_open(intent))
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	if (intent->state == STATE_REQUIRES_PAYMENT_METHOD && given == NULL)
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	if (!intent->initialized)
		return ERROR_PAYMENT_NOT_INITIALIZED;
	if (reply_of(method) == IS_UNREACHABLE)
		return ERROR_PAYMENT_NOT_INITIALIZED;
	intent->method = method;
	switch (reply_of(method)) {
	case APPROVES:
		hold(intent);
		if (!intent->manual)
			take(intent, intent->amount);
		return ERROR_NONE;
	case DECLINES:
		fail(intent);
		return ERROR_CARD_DECLINED;
	case WANTS_ACTION:
		intent->state = STATE_REQUIRES_ACTION;
		return ERROR_NONE;
	case WAITS:
		wait(intent);
		return ERROR_NONE;
	case IS_UNREACHABLE:
		break;
	}
	return ERROR_SERVICE_UNAVAILABLE;
}

static enum error_id
create(struct model_intent *intent, const struct model_wish *wish)
{
	struct model_intent made = {
	    .state = wish->method == NULL ? STATE_REQUIRES_PAYMENT_METHOD
					  : STATE_REQUIRES_CONFIRMATION,
	    .amount = wish->amount,
	    .manual = wish->manual,
	    .initialized = wish->method == NULL ||
			   reply_of(wish->method) != IS_UNREACHABLE,
	    .method = wish->method,
	    .customer = wish->customer,
	};
	enum error_id error = ERROR_NONE;

	if (wish->customer_gone)
		return ERROR_CUSTOMER_MISSING;
	if (wish->confirm)
		error = confirm(&made, NULL);
	if (error == ERROR_NONE || error == ERROR_CARD_DECLINED)
		*intent = made;
	return error;
}

static enum error_id
update(struct model_intent *intent, const struct model_wish *wish)
{
	bool more = wish->amount != 0 || wish->method != NULL ||
		    wish->customer != MODEL_CUSTOMER_KEEP;

	if (wish->customer_gone)
		return ERROR_CUSTOMER_MISSING;
	if (more && !is_open(intent))
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	if (wish->amount != 0)
		intent->amount = wish->amount;
	if (wish->customer != MODEL_CUSTOMER_KEEP)
		intent->customer = wish->customer;
	if (wish->method != NULL) {
		intent->method = wish->method;
		intent->state = STATE_REQUIRES_CONFIRMATION;
	}
	return ERROR_NONE;
}

static enum error_id
capture(struct model_intent *intent, int64_t amount)
{
	if (intent->state != STATE_REQUIRES_CAPTURE)
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	if (amount > intent->held)
		return ERROR_PARAMETER_INVALID;
	take(intent, amount != 0 ? amount : intent->held);
	return ERROR_NONE;
}

static enum error_id
cancel(struct model_intent *intent)
{
	if (!is_open(intent) && intent->state != STATE_REQUIRES_ACTION &&
	    intent->state != STATE_REQUIRES_CAPTURE)
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	intent->held = 0;
	intent->pending = false;
	intent->state = STATE_CANCELED;
	return ERROR_NONE;
}

static enum error_id
refund(struct model_intent *intent, int64_t amount)
{
	int64_t left = intent->captured - intent->refunded;

	if (intent->state != STATE_SUCCEEDED || left == 0)
		return ERROR_PAYMENT_INTENT_UNEXPECTED_STATE;
	if (amount > left)
		return ERROR_AMOUNT_TOO_LARGE;
	intent->refunded += amount != 0 ? amount : left;
	return ERROR_NONE;
}

/* card.md, "PaymentIntent", the column "engine says". */
static bool
may_say(enum state state, enum state says)
{
	if (state == STATE_REQUIRES_CAPTURE)
		return says == STATE_SUCCEEDED || says == STATE_CANCELED;
	if (state != STATE_PROCESSING && state != STATE_REQUIRES_ACTION)
		return false;
	if (says == STATE_REQUIRES_ACTION || says == STATE_PROCESSING)
		return says != state;
	return says == STATE_SUCCEEDED || says == STATE_REQUIRES_CAPTURE ||
	       says == STATE_REQUIRES_PAYMENT_METHOD;
}

static enum error_id
notify(struct model_intent *intent, enum state says)
{
	bool held = intent->state == STATE_REQUIRES_CAPTURE;

	if (!may_say(intent->state, says))
		return ERROR_INVALID_STATE_TRANSITION;
	if (says == STATE_CANCELED)
		return cancel(intent);
	if (says == STATE_REQUIRES_PAYMENT_METHOD)
		fail(intent);
	else if (says == STATE_PROCESSING)
		wait(intent);
	else if (says == STATE_REQUIRES_ACTION)
		intent->state = STATE_REQUIRES_ACTION;
	else if (!held)
		hold(intent);
	if (says == STATE_SUCCEEDED)
		take(intent, intent->held);
	return ERROR_NONE;
}

enum error_id
model_do(struct model_intent *intent, const struct model_wish *wish)
{
	if (wish->kind == COMMAND_INTENT_CREATE)
		return create(intent, wish);
	if (wish->kind == COMMAND_INTENT_UPDATE)
		return update(intent, wish);
	if (wish->kind == COMMAND_INTENT_CONFIRM)
		return confirm(intent, wish->method);
	if (wish->kind == COMMAND_INTENT_CAPTURE)
		return capture(intent, wish->amount);
	if (wish->kind == COMMAND_INTENT_CANCEL)
		return cancel(intent);
	if (wish->kind == COMMAND_INTENT_REFUND)
		return refund(intent, wish->amount);
	return notify(intent, wish->says);
}

bool
model_keeps(enum error_id error)
{
	return error != ERROR_SERVICE_UNAVAILABLE &&
	       error != ERROR_CUSTOMER_MISSING;
}

#define TO(state) (1u << STATE_##state)

/* card.md, "PaymentIntent": the whole table as arrows. */
bool
model_may_become(enum state from, enum state to)
{
	static const unsigned arrows[STATE_COUNT] = {
	    [STATE_NONE] = TO(REQUIRES_PAYMENT_METHOD) |
			   TO(REQUIRES_CONFIRMATION) | TO(PROCESSING) |
			   TO(REQUIRES_ACTION) | TO(REQUIRES_CAPTURE) |
			   TO(SUCCEEDED),
	    [STATE_REQUIRES_PAYMENT_METHOD] =
		TO(REQUIRES_CONFIRMATION) | TO(PROCESSING) |
		TO(REQUIRES_ACTION) | TO(REQUIRES_CAPTURE) | TO(SUCCEEDED) |
		TO(CANCELED),
	    [STATE_REQUIRES_CONFIRMATION] =
		TO(REQUIRES_PAYMENT_METHOD) | TO(PROCESSING) |
		TO(REQUIRES_ACTION) | TO(REQUIRES_CAPTURE) | TO(SUCCEEDED) |
		TO(CANCELED),
	    [STATE_PROCESSING] = TO(SUCCEEDED) | TO(REQUIRES_CAPTURE) |
				 TO(REQUIRES_ACTION) |
				 TO(REQUIRES_PAYMENT_METHOD),
	    [STATE_REQUIRES_ACTION] = TO(CANCELED) | TO(SUCCEEDED) |
				      TO(REQUIRES_CAPTURE) | TO(PROCESSING) |
				      TO(REQUIRES_PAYMENT_METHOD),
	    [STATE_REQUIRES_CAPTURE] = TO(SUCCEEDED) | TO(CANCELED),
	};

	return from == to || (arrows[from] & (1u << to)) != 0;
}
