/*
 * What holds of webhooks: the endpoints, what is or was on its way to them,
 * the queue of what is due, and the log of attempts.
 *
 * Deleting an endpoint leaves what is on its way until somebody claims it, and
 * what has ended until its event is forgotten; so none of it needs its
 * endpoint.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/delivery.h"
#include "engine/verify_work.h"

/* -- Endpoints ------------------------------------------------------------- */

static bool
is_disabled_soundly(const struct endpoint *endpoint)
{
	const bool disabled = endpoint->status == ENDPOINT_DISABLED;

	return disabled == instant_is_set(endpoint->disabled) &&
	       disabled == (endpoint->disabled_reason != DISABLED_NONE);
}

static bool
events_are_sound(const struct endpoint *endpoint)
{
	const uint32_t all = UINT32_C(1) << EVENT_NONE;

	/* Of no family, which has been said already. */
	if (endpoint->family == FAMILY_NONE || endpoint->family >= FAMILY_COUNT)
		return true;
	return endpoint->events != 0 &&
	       (endpoint->events &
		   ~(all | events_of((enum family)endpoint->family))) == 0;
}

/* Base 62, of one length. */
static bool
secret_is_sound(struct text secret)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < secret.length; i++)
		if (memchr(digits, secret.bytes[i], sizeof(digits) - 1) == NULL)
			return false;
	return secret.length == ENDPOINT_SECRET_DIGITS;
}

void
verify_endpoint(struct verification *verification, const union record *record)
{
	const struct endpoint *endpoint = &record->endpoint;

	if (!is_disabled_soundly(endpoint))
		verify_find(verification, FINDING_ENDPOINT_DISABLED, TEXT_NONE);
	if (endpoint->status == ENDPOINT_PENDING &&
	    endpoint->ping == PROGRESS_NONE)
		verify_find(verification, FINDING_ENDPOINT_UNASKED, TEXT_NONE);
	if (!events_are_sound(endpoint))
		verify_find(verification, FINDING_ENDPOINT_EVENTS, TEXT_NONE);
	if (!secret_is_sound(endpoint->secret))
		verify_find(
		    verification, FINDING_ENDPOINT_SECRET, TEXT("secret"));
	if (endpoint->old_secret.length > 0 &&
	    (!secret_is_sound(endpoint->old_secret) ||
		!instant_is_set(endpoint->old_until)))
		verify_find(
		    verification, FINDING_ENDPOINT_SECRET, TEXT("old_secret"));
	if (endpoint->url.length == 0)
		verify_find(verification, FINDING_ENDPOINT_URL, TEXT_NONE);
}

/* -- Keys ------------------------------------------------------------------ */

enum { ENDPOINT_AT = ID_BYTES + 1, EVENT_AT = ENDPOINT_AT + ID_BYTES };

static struct id
id_at(struct text key, size_t at)
{
	assert(at + ID_BYTES <= key.length);
	return key_id((struct text){key.bytes, at + ID_BYTES});
}

/* What stands behind the event in an attempt's key. */
static uint32_t
number_in(struct text key)
{
	uint32_t number = 0;

	assert(key.length == ATTEMPT_KEY_BYTES);
	for (size_t i = DELIVERY_KEY_BYTES; i < ATTEMPT_KEY_BYTES; i++)
		number = number << 8 | (uint8_t)key.bytes[i];
	return number;
}

void
verify_name_delivery_row(
    enum table table, struct text key, char to[FINDING_ROW_BYTES])
{
	const bool queued = table == TABLE_DELIVERIES_DUE;
	char endpoint[ID_TEXT_BYTES];
	char event[ID_TEXT_BYTES];

	id_format(id_at(key, queued ? 0 : ENDPOINT_AT),
	    record_type(KIND_ENDPOINT)->prefix, endpoint);
	id_format(id_at(key, queued ? ID_BYTES + 8 : EVENT_AT),
	    record_type(KIND_EVENT)->prefix, event);
	if (table == TABLE_ATTEMPTS)
		(void)snprintf(to, FINDING_ROW_BYTES, "%s/%s/%u", endpoint,
		    event, (unsigned)number_in(key));
	else
		(void)snprintf(to, FINDING_ROW_BYTES, "%s/%s", endpoint, event);
}

/* -- Deliveries and attempts ----------------------------------------------- */

/*
 * What has ended is due no more.  A ping is an exception: when it has been
 * answered it is due once more, so that its endpoint goes if nobody waits.
 */
static bool
is_due_soundly(
    struct verification *verification, const struct delivery *delivery)
{
	union record event;

	if (delivery->state == DELIVERY_PENDING)
		return delivery->left > 0 && instant_is_set(delivery->due);
	if (id_is_set(delivery->holder))
		return false;
	return !instant_is_set(delivery->due) ||
	       (verify_load_object(
		    verification, KIND_EVENT, delivery->event, &event) &&
		   event.event.type == EVENT_ENDPOINT_PING);
}

static bool
is_queued(struct verification *verification, const struct delivery *delivery)
{
	const struct place *place = &verification->place;
	struct store_key row =
	    key_of_due(delivery->endpoint, delivery->due, delivery->event);
	struct store_key objects = key_of_objects(place->account, place->mode);
	struct text value;

	return verify_get(verification, TABLE_DELIVERIES_DUE, key_text(&row),
		   &value) &&
	       text_equal(value, key_text(&objects));
}

static bool
count_attempt(struct text key, struct text value, void *context)
{
	uint32_t *count = context;

	(void)key;
	(void)value;
	++*count;
	return true;
}

static uint32_t
attempts_of(struct verification *verification)
{
	struct store_key prefix = key_copy(verification->key);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	enum store_result result;
	uint32_t count = 0;

	result = store_scan(verification->transaction, TABLE_ATTEMPTS, &range,
	    count_attempt, &count);
	if (result != STORE_OK)
		verification->result = result;
	return count;
}

void
verify_delivery(struct verification *verification, const union record *record)
{
	const struct delivery *delivery = &record->delivery;
	union record event;

	/* Nothing else can be found out about it then. */
	if (!id_equal(
		delivery->endpoint, id_at(verification->key, ENDPOINT_AT))) {
		verify_find(verification, FINDING_DELIVERY_DIFFERS, TEXT_NONE);
		return;
	}
	if (!is_due_soundly(verification, delivery))
		verify_find(verification, FINDING_DELIVERY_STATE, TEXT_NONE);
	if (instant_is_set(delivery->due) && !is_queued(verification, delivery))
		verify_find(
		    verification, FINDING_DELIVERY_NOT_QUEUED, TEXT_NONE);
	if (delivery->state == DELIVERY_PENDING &&
	    !verify_load_object(
		verification, KIND_EVENT, delivery->event, &event))
		verify_find(verification, FINDING_DELIVERY_UNBACKED, TEXT_NONE);
	if (attempts_of(verification) != delivery->attempts)
		verify_find(verification, FINDING_DELIVERY_ATTEMPTS, TEXT_NONE);
}

void
verify_attempt(struct verification *verification, const union record *record)
{
	const struct attempt *attempt = &record->attempt;
	struct text key = verification->key;
	union record delivery;

	if (!id_equal(attempt->endpoint, id_at(key, ENDPOINT_AT)) ||
	    attempt->number != number_in(key))
		verify_find(verification, FINDING_DELIVERY_DIFFERS, TEXT_NONE);
	key.length = DELIVERY_KEY_BYTES;
	if (!verify_load(
		verification, TABLE_DELIVERIES, KIND_DELIVERY, key, &delivery))
		verify_find(verification, FINDING_ATTEMPT_UNBACKED, TEXT_NONE);
	else if (attempt->number == 0 ||
		 attempt->number > delivery.delivery.attempts)
		verify_find(verification, FINDING_ATTEMPT_NUMBER, TEXT_NONE);
}

/* -- The queue ------------------------------------------------------------- */

void
verify_due(struct verification *verification, struct text value)
{
	struct text key = verification->key;
	struct store_key place;
	struct store_key row;
	union record record;

	if (value.length != ID_BYTES + 1) {
		verify_find(verification, FINDING_PLACE_MALFORMED, TEXT_NONE);
		return;
	}
	place = key_of_delivery(key_id((struct text){value.bytes, ID_BYTES}),
	    (uint8_t)value.bytes[ID_BYTES], id_at(key, 0), key_id(key));
	if (!verify_load(verification, TABLE_DELIVERIES, KIND_DELIVERY,
		key_text(&place), &record)) {
		verify_find(verification, FINDING_PLACE_EMPTY, TEXT_NONE);
		return;
	}
	row = key_of_due(
	    id_at(key, 0), record.delivery.due, record.delivery.event);
	if (!text_equal(key_text(&row), key))
		verify_find(verification, FINDING_DUE_WRONG, TEXT_NONE);
}
