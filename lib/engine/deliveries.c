/*
 * Events on their way to webhook endpoints: the commands that claim a delivery
 * and say what became of it.
 *
 * A delivery that is to be tried has `due`, and a row of the queue that says
 * the same.  Whoever claims it moves both to the end of the lease: until then
 * it is due to nobody, and after that to everybody again.
 */
#include "engine/deliveries.h"

#include <assert.h>
#include <string.h>

#include "engine/outbox.h"

/*
 * An endpoint whose registration nobody has ended by now is of a worker that
 * died: requests wait for a few seconds only.
 */
enum { REGISTRATION_SECONDS_MAX = 60 };

/* -- Deliveries that are not to be made ------------------------------------ */

/* A row of the queue that leads to nothing. */
static enum store_result
drop_queued(struct work *work, struct instant due)
{
	const struct command *command = work->command;
	struct store_key key =
	    key_of_due(command->endpoint, due, command->event);

	return work_remove(work, TABLE_DELIVERIES_DUE, &key);
}

/* A delivery whose endpoint is gone, with its attempts. */
static enum store_result
drop_delivery(struct work *work, const struct delivery *delivery)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_delivery(
	    scope->account, scope->mode, delivery->endpoint, delivery->event);
	enum store_result result = STORE_OK;

	for (uint32_t i = 1; result == STORE_OK && i <= delivery->attempts;
	     i++) {
		struct store_key attempt = key_of_attempt(scope->account,
		    scope->mode, delivery->endpoint, delivery->event, i);

		result = work_remove(work, TABLE_ATTEMPTS, &attempt);
	}
	if (result == STORE_OK && instant_is_set(delivery->due))
		result = drop_queued(work, delivery->due);
	return result == STORE_OK ? work_remove(work, TABLE_DELIVERIES, &key)
				  : result;
}

/* An endpoint that nobody waits for any longer, with its ping. */
static enum store_result
drop_registration(struct work *work, const struct delivery *delivery)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_object(scope->account, scope->mode, delivery->endpoint);
	enum store_result result = drop_delivery(work, delivery);

	return result == STORE_OK ? work_remove(work, TABLE_ENDPOINTS, &key)
				  : result;
}

static enum store_result
take_from_queue(struct work *work, struct delivery *delivery)
{
	const struct instant queued = delivery->due;

	delivery->due = INSTANT_NEVER;
	delivery->holder = ID_NONE;
	return outbox_save(work, delivery, queued);
}

static enum store_result
cancel(struct work *work, struct delivery *delivery)
{
	delivery->state = DELIVERY_CANCELED;
	return take_from_queue(work, delivery);
}

/* -- Claims ---------------------------------------------------------------- */

/* Whether a registration is over that nobody has ended. */
static bool
is_abandoned(const struct endpoint *endpoint, const struct delivery *delivery,
    struct instant now)
{
	struct instant end = instant_plus(
	    endpoint->created, span_from_seconds(REGISTRATION_SECONDS_MAX));

	return endpoint->status == ENDPOINT_PENDING &&
	       (delivery->state != DELIVERY_PENDING ||
		   !instant_before(now, end));
}

/* Whether an endpoint is sent an event now. */
static bool
may_be_sent(const struct endpoint *endpoint, const struct delivery *delivery,
    const struct event *event)
{
	return endpoint->status == ENDPOINT_ENABLED || delivery->resent ||
	       event->type == EVENT_ENDPOINT_PING;
}

static enum store_result
lease(struct work *work, struct delivery *delivery,
    const struct endpoint *endpoint, const struct event *event)
{
	const struct command *command = work->command;
	const struct instant queued = delivery->due;
	enum store_result result;

	assert(id_is_set(command->holder));
	delivery->holder = command->holder;
	delivery->due = instant_plus(
	    command->now, delivery_lease((enum family)endpoint->family));
	result = outbox_save(work, delivery, queued);
	outcome_put(work->outcome, KIND_DELIVERY, delivery);
	outcome_put(work->outcome, KIND_ENDPOINT, endpoint);
	outcome_put(work->outcome, KIND_EVENT, event);
	return result;
}

/* Of a delivery that is due: leased, or written down as not to be made. */
static enum store_result
claim(struct work *work, struct delivery *delivery)
{
	const struct command *command = work->command;
	struct endpoint endpoint;
	struct event event;
	enum store_result result;

	result = work_load_any(work, TABLE_ENDPOINTS, KIND_ENDPOINT,
	    delivery->endpoint, &endpoint);
	if (result == STORE_MISSING)
		return drop_delivery(work, delivery);
	if (result != STORE_OK)
		return result;
	if (is_abandoned(&endpoint, delivery, command->now))
		return drop_registration(work, delivery);
	/* It was in the queue for its registration, which has ended well. */
	if (delivery->state != DELIVERY_PENDING)
		return take_from_queue(work, delivery);
	result = work_load_any(
	    work, TABLE_EVENTS, KIND_EVENT, delivery->event, &event);
	if (result != STORE_OK && result != STORE_MISSING)
		return result;
	if (result == STORE_MISSING ||
	    !may_be_sent(&endpoint, delivery, &event))
		return cancel(work, delivery);
	return lease(work, delivery, &endpoint, &event);
}

/* One that is not due: the clock may have been set back since it was put. */
static enum store_result
bring_nearer(struct work *work, struct delivery *delivery)
{
	const struct instant queued = delivery->due;
	struct endpoint endpoint;
	enum store_result result;

	result = work_load_any(work, TABLE_ENDPOINTS, KIND_ENDPOINT,
	    delivery->endpoint, &endpoint);
	if (result == STORE_MISSING)
		return drop_delivery(work, delivery);
	if (result != STORE_OK ||
	    !delivery_waits_too_long(delivery, (enum family)endpoint.family,
		work->command->now, &delivery->due))
		return result;
	return outbox_save(work, delivery, queued);
}

enum store_result
delivery_claim(struct work *work)
{
	const struct command *command = work->command;
	struct delivery delivery;
	enum store_result result;

	assert(instant_is_set(command->due));
	result =
	    outbox_load(work, command->endpoint, command->event, &delivery);
	if (result == STORE_MISSING)
		return drop_queued(work, command->due);
	if (result != STORE_OK)
		return result;
	/* Claimed meanwhile: the row that the courier saw is gone. */
	if (delivery.due.us != command->due.us)
		return drop_queued(work, command->due);
	if (!delivery_is_due(&delivery, command->now))
		return bring_nearer(work, &delivery);
	return claim(work, &delivery);
}

/* -- Their ends ------------------------------------------------------------ */

static bool
is_held(const struct command *command, const struct delivery *delivery)
{
	return delivery->state == DELIVERY_PENDING &&
	       id_is_set(delivery->holder) &&
	       id_equal(delivery->holder, command->holder);
}

static struct attempt
make_attempt(const struct command *command, const struct delivery *delivery)
{
	int64_t ms = command->duration.us / 1000;

	if (ms < 0)
		ms = 0;
	return (struct attempt){
	    .event = delivery->event,
	    .endpoint = delivery->endpoint,
	    .number = delivery->attempts + 1,
	    .begun = command->begun,
	    .duration_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX,
	    .result = command->attempt,
	    .status = command->answered,
	    .reason = command_text(command, command->reason),
	    .response = command_text(command, command->response),
	};
}

static enum store_result
save_attempt(struct work *work, const struct attempt *attempt)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_attempt(scope->account, scope->mode,
	    attempt->endpoint, attempt->event, attempt->number);

	return work_save_key(
	    work, TABLE_ATTEMPTS, KIND_ATTEMPT, key_text(&key), attempt);
}

static enum store_result
audit_disabled(struct work *work, const struct endpoint *endpoint)
{
	const struct change change = {
	    .merchant = endpoint->merchant,
	    .kind = KIND_ENDPOINT,
	    .object = endpoint->id,
	    .from = name_text(&endpoint_status_names, ENDPOINT_ENABLED),
	    .to = name_text(&endpoint_status_names, endpoint->status),
	    .detail = name_text(&disabled_names, endpoint->disabled_reason),
	};

	return work_audit(work, &change);
}

/* The endpoint as the attempt has changed it. */
static enum store_result
change_endpoint(struct work *work, const struct endpoint *endpoint, bool fell)
{
	enum store_result result = work_save(
	    work, TABLE_ENDPOINTS, KIND_ENDPOINT, endpoint->id, endpoint);

	return result == STORE_OK && fell ? audit_disabled(work, endpoint)
					  : result;
}

/*
 * A registration waits for this: the endpoint says what came of its ping, and
 * goes away by itself if nobody asks.
 */
static void
note_ping(
    struct endpoint *endpoint, struct delivery *delivery, struct instant now)
{
	assert(delivery->state != DELIVERY_PENDING);
	endpoint->ping = delivery->state == DELIVERY_SUCCEEDED
			     ? PROGRESS_SUCCEEDED
			     : PROGRESS_FAILED;
	delivery->due =
	    instant_plus(now, span_from_seconds(REGISTRATION_SECONDS_MAX));
}

/* Of up to JITTER_PERCENT_MAX, in hundredths of a percent. */
static unsigned
jitter_of(const struct command *command)
{
	uint64_t entropy;

	memcpy(&entropy, command->entropy, sizeof(entropy));
	return (unsigned)(entropy % (JITTER_PERCENT_MAX * 100 + 1));
}

static enum store_result
end(struct work *work, struct delivery *delivery, struct endpoint *endpoint)
{
	const struct command *command = work->command;
	const struct attempt attempt = make_attempt(command, delivery);
	const struct instant queued = delivery->due;
	const uint8_t status = endpoint->status;
	enum store_result result = save_attempt(work, &attempt);
	bool changed = delivery_attempted(
	    delivery, endpoint, &attempt, jitter_of(command), command->now);

	if (status == ENDPOINT_PENDING) {
		note_ping(endpoint, delivery, command->now);
		changed = true;
	}
	if (result == STORE_OK)
		result = outbox_save(work, delivery, queued);
	if (result == STORE_OK && changed)
		result =
		    change_endpoint(work, endpoint, endpoint->status != status);
	outcome_put(work->outcome, KIND_DELIVERY, delivery);
	outcome_put(work->outcome, KIND_ENDPOINT, endpoint);
	return result;
}

enum store_result
delivery_end(struct work *work)
{
	const struct command *command = work->command;
	struct delivery delivery;
	struct endpoint endpoint;
	enum store_result result;

	assert(command->attempt > ATTEMPT_NONE);
	assert(command->attempt < ATTEMPT_RESULT_COUNT);
	result =
	    outbox_load(work, command->endpoint, command->event, &delivery);
	if (result == STORE_MISSING)
		return STORE_OK;
	if (result != STORE_OK || !is_held(command, &delivery))
		return result;
	result = work_load_any(
	    work, TABLE_ENDPOINTS, KIND_ENDPOINT, delivery.endpoint, &endpoint);
	if (result == STORE_MISSING)
		return drop_delivery(work, &delivery);
	return result == STORE_OK ? end(work, &delivery, &endpoint) : result;
}

/* As it was: in its place among the first attempts, or at once. */
static struct instant
due_again(const struct delivery *delivery, struct instant now)
{
	return delivery->attempts == 0 && !delivery->resent &&
		       instant_before(delivery->created, now)
		   ? delivery->created
		   : now;
}

enum store_result
delivery_release(struct work *work)
{
	const struct command *command = work->command;
	struct delivery delivery;
	struct instant queued;
	enum store_result result;

	result =
	    outbox_load(work, command->endpoint, command->event, &delivery);
	if (result == STORE_MISSING)
		return STORE_OK;
	if (result != STORE_OK || !is_held(command, &delivery))
		return result;
	queued = delivery.due;
	delivery.holder = ID_NONE;
	delivery.due = due_again(&delivery, command->now);
	work->outcome->delivers = true;
	return outbox_save(work, &delivery, queued);
}
