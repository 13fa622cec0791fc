/*
 * Registration of a webhook endpoint that is to prove that it listens.
 *
 * It is pending at first: nobody sees it, and a ping is on its way to it.  The
 * request that made it looks again and again whether the courier has said what
 * became of the ping, and makes the endpoint one of its owner's, or removes
 * every trace of it.
 */
#include <assert.h>
#include <string.h>

#include "core/delivery.h"
#include "engine/deliveries.h"
#include "engine/endpoints.h"
#include "engine/outbox.h"

enum {
	/* How soon a registration looks for the answer to its ping... */
	LOOK_STEP_US = 10 * 1000,
	/* ... and again, after a part of the time that it has waited... */
	LOOK_PART = 4,
	/* ... but soon enough for a person. */
	LOOK_STEP_US_MAX = 250 * 1000,
};

/* -- Pings ----------------------------------------------------------------- */

struct id
endpoint_ping_of(const struct command *command)
{
	return id_next(command->fresh, 0);
}

/* Its object is the endpoint, without what signs it. */
enum store_result
endpoint_ping(struct work *work, const struct endpoint *endpoint)
{
	struct outcome *objects = work_scratch(work);
	struct endpoint object = *endpoint;
	enum store_result result;

	assert(work->event_count == 0);
	object.secret = TEXT_NONE;
	object.old_secret = TEXT_NONE;
	outcome_put(objects, KIND_ENDPOINT, &object);
	result =
	    work_event(work, EVENT_ENDPOINT_PING, endpoint->merchant, objects);
	return result == STORE_OK ? work_deliver(work, endpoint,
					endpoint_ping_of(work->command), 1)
				  : result;
}

/* The first row of a queue. */
struct row {
	struct store_key key;
	bool found;
};

static bool
take_row(struct text key, struct text value, void *context)
{
	struct row *row = context;

	(void)value;
	row->key = key_copy(key);
	row->found = true;
	return false;
}

/* Nothing is to be done for the endpoint any more: few rows are there. */
static enum store_result
empty_queue(struct work *work, struct id endpoint)
{
	struct store_key prefix = key_of_place(endpoint);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	enum store_result result;
	struct row row;

	do {
		row.found = false;
		result = store_scan(work->transaction, TABLE_DELIVERIES_DUE,
		    &range, take_row, &row);
		if (result == STORE_OK && row.found)
			result =
			    work_remove(work, TABLE_DELIVERIES_DUE, &row.key);
	} while (result == STORE_OK && row.found);
	return result;
}

enum store_result
endpoint_ask(struct work *work, struct endpoint *endpoint)
{
	enum store_result result;

	work->decided = true;
	work->outcome->asks_outside = true;
	endpoint->status = ENDPOINT_PENDING;
	endpoint->ping = PROGRESS_PENDING;
	result = endpoint_save(work, endpoint);
	return result == STORE_OK ? endpoint_ping(work, endpoint) : result;
}

/* -- Registration: whether the ping was answered --------------------------- */

bool
endpoint_goes_on(const struct engine *engine, const struct command *command,
    const struct outcome *outcome, struct span waited, struct command *next,
    struct span *rest)
{
	const int64_t left_us = engine->registration_wait.us - waited.us;
	int64_t rest_us = LOOK_STEP_US + waited.us / LOOK_PART;

	if (!outcome->asks_outside)
		return false;
	if (next != command)
		memcpy(next, command, command_size(command));
	if (rest_us > LOOK_STEP_US_MAX)
		rest_us = LOOK_STEP_US_MAX;
	next->kind = COMMAND_ENDPOINT_ANSWER;
	next->fresh = outcome->fresh;
	next->target.id = outcome->fresh;
	next->gave_up = rest_us >= left_us;
	if (next->gave_up)
		rest_us = left_us > 0 ? left_us : 0;
	*rest = (struct span){rest_us};
	return true;
}

/* What a ping came to, as the end of "did not answer the ping: ...". */
static const struct text failures[ATTEMPT_RESULT_COUNT] = {
#define FAILURE(result, words) [result] = {words, sizeof(words) - 1}
    FAILURE(ATTEMPT_NONE, "it did not answer in time"),
    /* There was an answer, and the endpoint vanished before it was seen. */
    FAILURE(ATTEMPT_SUCCEEDED, "it did not answer in time"),
    FAILURE(ATTEMPT_REFUSED, "it answered "),
    FAILURE(ATTEMPT_TIMED_OUT, "it did not answer in time"),
    /* The same words: else they would tell which names this network has. */
    FAILURE(ATTEMPT_UNREACHABLE, "no public host could be connected to"),
    FAILURE(ATTEMPT_FORBIDDEN, "no public host could be connected to"),
    FAILURE(ATTEMPT_TLS_FAILED, "its certificate or its TLS was not accepted"),
    FAILURE(ATTEMPT_UNREADABLE, "its answer could not be read"),
#undef FAILURE
};

static void
refuse_registration(struct work *work, const struct attempt *attempt)
{
	struct buffer detail;
	char bytes[96];

	assert(attempt->result < ATTEMPT_RESULT_COUNT);
	buffer_init(&detail, bytes, sizeof(bytes));
	buffer_put_text(&detail, failures[attempt->result]);
	if (attempt->result == ATTEMPT_REFUSED)
		buffer_put_integer(&detail, attempt->status);
	assert(!detail.overflow);
	refuse_about(&work->outcome->error, ERROR_WEBHOOK_UNREACHABLE,
	    TEXT("url"), TEXT_NONE, buffer_text(&detail));
}

/* Every row of an endpoint that nothing but its ping was sent to. */
static enum store_result
remove_pending(struct work *work)
{
	const struct scope *scope = &work->command->scope;
	struct id endpoint = work->command->target.id;
	struct id event = endpoint_ping_of(work->command);
	struct store_key place =
	    key_of_object(scope->account, scope->mode, endpoint);
	struct store_key event_place =
	    key_of_object(scope->account, scope->mode, event);
	struct store_key delivery =
	    key_of_delivery(scope->account, scope->mode, endpoint, event);
	struct store_key attempt =
	    key_of_attempt(scope->account, scope->mode, endpoint, event, 1);
	enum store_result result;

	result = work_remove(work, TABLE_ENDPOINTS, &place);
	if (result == STORE_OK)
		result = work_remove(work, TABLE_DELIVERIES, &delivery);
	if (result == STORE_OK)
		result = work_remove(work, TABLE_ATTEMPTS, &attempt);
	if (result == STORE_OK)
		result = work_remove(work, TABLE_EVENTS, &event_place);
	return result == STORE_OK ? empty_queue(work, endpoint) : result;
}

/* The registration came to nothing, and its key can be used again. */
static enum store_result
give_up(struct work *work)
{
	const struct scope *scope = &work->command->scope;
	struct store_key place = key_of_attempt(scope->account, scope->mode,
	    work->command->target.id, endpoint_ping_of(work->command), 1);
	struct attempt attempt = {.result = ATTEMPT_NONE};
	enum store_result result;

	result = work_load_key(
	    work, TABLE_ATTEMPTS, KIND_ATTEMPT, key_text(&place), &attempt);
	if (result != STORE_OK && result != STORE_MISSING)
		return result;
	result = remove_pending(work);
	if (result == STORE_OK && work->command->idempotent)
		result = idempotency_forget(work);
	/* Else there is no room for it, which is said already. */
	if (result == STORE_OK && work->outcome->error.id == ERROR_NONE)
		refuse_registration(work, &attempt);
	return result;
}

/* The ping is over: nothing of it waits for the courier. */
static enum store_result
end_ping(struct work *work, const struct endpoint *endpoint)
{
	const struct scope *scope = &work->command->scope;
	struct store_key place = key_of_delivery(scope->account, scope->mode,
	    endpoint->id, endpoint_ping_of(work->command));
	enum store_result result = empty_queue(work, endpoint->id);
	struct delivery delivery;

	if (result == STORE_OK)
		result = outbox_load(work, endpoint->id,
		    endpoint_ping_of(work->command), &delivery);
	if (result != STORE_OK || !instant_is_set(delivery.due))
		return result == STORE_MISSING ? STORE_OK : result;
	delivery.due = INSTANT_NEVER;
	delivery.holder = ID_NONE;
	return work_save_key(
	    work, TABLE_DELIVERIES, KIND_DELIVERY, key_text(&place), &delivery);
}

static enum store_result
accept_pending(struct work *work, struct endpoint *endpoint)
{
	enum store_result result;
	bool room;

	/* Others may have come in meanwhile. */
	result = endpoint_find_room(work, endpoint, &room);
	if (result == STORE_OK && !room)
		return give_up(work);
	if (result == STORE_OK)
		result = end_ping(work, endpoint);
	return result == STORE_OK ? endpoint_admit(work, endpoint) : result;
}

/*
 * Whether it is still this command's: where it stood still for so long that
 * its key was used again, the later request is the one that counts.
 */
static enum store_result
is_own(struct work *work, bool *own)
{
	*own = true;
	return work->command->idempotent ? idempotency_is_own(work, own)
					 : STORE_OK;
}

enum store_result
endpoint_answer(struct work *work)
{
	const struct command *command = work->command;
	struct endpoint endpoint;
	enum store_result result;
	bool own;

	assert(id_equal(command->target.id, command->fresh));
	result = work_load_any(work, TABLE_ENDPOINTS, KIND_ENDPOINT,
	    command->target.id, &endpoint);
	if (result == STORE_MISSING)
		return give_up(work);
	if (result == STORE_OK)
		result = is_own(work, &own);
	if (result != STORE_OK)
		return result;
	assert(endpoint.status == ENDPOINT_PENDING);
	if (own && endpoint.ping == PROGRESS_SUCCEEDED)
		return accept_pending(work, &endpoint);
	if (!own || command->gave_up || endpoint.ping == PROGRESS_FAILED)
		return give_up(work);
	work->outcome->asks_outside = true;
	return STORE_OK;
}
