/*
 * Sending an event once more: the operator's wish, also where the endpoint is
 * disabled or did not ask for the event.
 */
#include <assert.h>

#include "engine/outbox.h"

/* What is resent, and what there is of it. */
struct resending {
	struct event event;
	struct endpoint endpoint;
	struct delivery delivery;
	bool begun; /* there is a delivery of it already */
};

static enum store_result
refuse_missing(
    struct work *work, enum error_id missing, const char *prefix, struct id id)
{
	char text[ID_TEXT_BYTES];

	id_format(id, prefix, text);
	refuse_about(&work->outcome->error, missing, TEXT("id"),
	    id_is_set(id) ? text_of(text) : TEXT("none of them"), TEXT_NONE);
	return STORE_OK;
}

/* -- One delivery ---------------------------------------------------------- */

/* As it is, or, where there is none, as it would be the first time. */
static enum store_result
load_delivery(struct work *work, struct resending *resending)
{
	enum store_result result = outbox_load(work, resending->endpoint.id,
	    resending->event.id, &resending->delivery);

	resending->begun = result == STORE_OK;
	if (result != STORE_MISSING)
		return result;
	resending->delivery = delivery_first(
	    &resending->endpoint, resending->event.id, 1, work->command->now);
	resending->delivery.due = INSTANT_NEVER;
	return STORE_OK;
}

static enum store_result
audit_resent(struct work *work, const struct resending *resending)
{
	char endpoint[ID_TEXT_BYTES];
	struct change change = {
	    .merchant = resending->event.merchant,
	    .kind = KIND_EVENT,
	    .object = resending->event.id,
	};

	id_format(resending->endpoint.id, record_type(KIND_ENDPOINT)->prefix,
	    endpoint);
	change.detail = text_of(endpoint);
	return work_audit(work, &change);
}

/* One that is being attempted right now is left alone, and shown. */
static enum store_result
resend(struct work *work, struct resending *resending)
{
	const struct instant now = work->command->now;
	struct delivery *delivery = &resending->delivery;
	const struct instant queued = delivery->due;
	bool held = id_is_set(delivery->holder) && instant_before(now, queued);
	enum store_result result = STORE_OK;

	if (!held) {
		delivery_renew(delivery, now);
		work->outcome->delivers = true;
		result = outbox_save(work, delivery, queued);
	}
	if (result == STORE_OK && !held)
		result = audit_resent(work, resending);
	outcome_put(work->outcome, KIND_DELIVERY, delivery);
	return result;
}

/* -- To whom --------------------------------------------------------------- */

/* Never what is another merchant's, nor of another contract. */
static bool
may_hear(const struct endpoint *endpoint, const struct event *event)
{
	return endpoint->family == event_family((enum event_type)event->type) &&
	       (!id_is_set(endpoint->merchant) ||
		   id_equal(endpoint->merchant, event->merchant));
}

/* To the one that is named, whether it asked for the event or not. */
static enum store_result
resend_to_one(struct work *work, struct resending *resending)
{
	const struct command *command = work->command;
	struct endpoint *endpoint = &resending->endpoint;
	enum store_result result;
	bool found;

	result = work_load_any(
	    work, TABLE_ENDPOINTS, KIND_ENDPOINT, command->endpoint, endpoint);
	found = result == STORE_OK && endpoint->status != ENDPOINT_PENDING;
	if (found)
		result = load_delivery(work, resending);
	if (result != STORE_OK && result != STORE_MISSING)
		return result;
	if (!found ||
	    (!resending->begun && !may_hear(endpoint, &resending->event)))
		return refuse_missing(work, ERROR_ENDPOINT_MISSING,
		    record_type(KIND_ENDPOINT)->prefix, command->endpoint);
	return resend(work, resending);
}

/* To all that want it, or that it was on its way to before. */
static enum store_result
resend_to_all(struct work *work, struct resending *resending)
{
	const enum event_type type = (enum event_type)resending->event.type;
	const struct id merchant = resending->event.merchant;
	const struct hearers *hearers;
	enum store_result result;
	bool any = false;

	result = outbox_hearers(work, merchant, &hearers);
	if (result != STORE_OK)
		return result;
	for (const struct hearer *hearer = hearers->first;
	     result == STORE_OK && hearer != NULL; hearer = hearer->next) {
		resending->endpoint = hearer->endpoint;
		result = load_delivery(work, resending);
		if (result != STORE_OK)
			return result;
		if (!resending->begun &&
		    !endpoint_wants(&hearer->endpoint, type, merchant))
			continue;
		any = true;
		result = resend(work, resending);
	}
	if (result == STORE_OK && !any)
		return refuse_missing(
		    work, ERROR_ENDPOINT_MISSING, "", ID_NONE);
	return result;
}

enum store_result
delivery_resend(struct work *work)
{
	const struct command *command = work->command;
	struct resending resending;
	enum store_result result;

	result = work_load_any(
	    work, TABLE_EVENTS, KIND_EVENT, command->event, &resending.event);
	if (result == STORE_MISSING)
		return refuse_missing(work, ERROR_EVENT_MISSING,
		    record_type(KIND_EVENT)->prefix, command->event);
	if (result != STORE_OK)
		return result;
	work->decided = true;
	if (id_is_set(command->endpoint))
		return resend_to_one(work, &resending);
	return resend_to_all(work, &resending);
}
