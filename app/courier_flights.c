#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "app/clock.h"
#include "app/courier_work.h"
#include "app/crash.h"
#include "app/log.h"
#include "app/metrics.h"
#include "core/bundle.h"
#include "core/webhook_url.h"

enum {
	/*
	 * Addresses, not memory: the records of a claim, and the longest event
	 * as JSON, all of whose characters may be escaped: below 2 MiB.
	 */
	ARENA_BYTES = 4 << 20,
	/* A flight that used more gives its pages back to the host. */
	ARENA_KEPT_BYTES = 64 << 10,
	/* How long one that has begun may keep the next one waiting. */
	TURN_MS = 1000,
	/*
	 * ... after it has left: connections are not equally fast, and what
	 * begins in order is to arrive in order where that costs this little.
	 */
	TURN_SENT_MS = 1,
	/* Claimed longer ago it is not begun: the lease must outlast it. */
	CLAIM_KEPT_MS = LEASE_MARGIN_SECONDS * 1000 / 2,
	/* Before a command that could not be committed, or that came to
	 * nothing, is tried again. */
	COMMAND_REST_MS = 1000,
	/* That an endpoint fails is said at most once in so long. */
	FAILURE_LOG_SECONDS = 10 * 60,
};

_Static_assert(METRIC_WEBHOOK_UNREADABLE - METRIC_WEBHOOK_SUCCEEDED ==
		   ATTEMPT_UNREADABLE - ATTEMPT_SUCCEEDED,
    "a counter for each result, in their order");

/* -- The start ------------------------------------------------------------- */

static bool
open_arena(struct arena *arena)
{
	void *memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	arena_init(arena, memory, ARENA_BYTES);
	return true;
}

bool
flights_open(struct courier *courier)
{
	TAILQ_INIT(&courier->free);
	TAILQ_INIT(&courier->queued);
	TAILQ_INIT(&courier->resting);
	TAILQ_INIT(&courier->waiting);
	TAILQ_INIT(&courier->sending);
	courier->all = calloc(courier->flight_count, sizeof(*courier->all));
	if (courier->all == NULL || !targets_open(&courier->targets) ||
	    !lanes_open(courier)) {
		log_message("no memory for webhooks");
		return false;
	}
	for (unsigned i = 0; i < courier->flight_count; i++) {
		if (!open_arena(&courier->all[i].arena)) {
			log_message(
			    "no memory for webhooks: %s", strerror(errno));
			return false;
		}
		TAILQ_INSERT_TAIL(&courier->free, &courier->all[i], place);
	}
	return true;
}

void
flights_close(struct courier *courier)
{
	for (unsigned i = 0; courier->all != NULL && i < courier->flight_count;
	     i++)
		if (courier->all[i].arena.memory != NULL)
			(void)munmap(courier->all[i].arena.memory, ARENA_BYTES);
	free(courier->all);
	targets_close(&courier->targets);
	lanes_close(courier);
}

/* -- One flight: its begin and its end ------------------------------------- */

static struct flight *
take_flight(struct courier *courier, const struct due_delivery *row)
{
	struct flight *flight = TAILQ_FIRST(&courier->free);

	assert(flight != NULL);
	assert(flight->state == FLIGHT_FREE);
	TAILQ_REMOVE(&courier->free, flight, place);
	courier->used++;
	flight->row = *row;
	return flight;
}

void
flight_claim(struct courier *courier, const struct due_delivery *row)
{
	struct target *target = target_take(&courier->targets, row->endpoint);
	struct flight *flight;

	if (target == NULL || TAILQ_EMPTY(&courier->free))
		return;
	flight = take_flight(courier, row);
	flight->target = target;
	flight->of_unproved = !target_is_proved(target);
	courier->unproved += flight->of_unproved;
	target->used = clock_uptime();
	target->flight_count++;
	TAILQ_INSERT_TAIL(&target->flights, flight, beside);
	flight->state = FLIGHT_CLAIMS;
	lane_queue(courier, flight);
}

void
flight_give_back(struct courier *courier, const struct due_delivery *row)
{
	struct flight *flight = take_flight(courier, row);

	flight->state = FLIGHT_RELEASES;
	lane_queue(courier, flight);
}

static void
forget_arena(struct arena *arena)
{
	int result;

	if (arena->used > ARENA_KEPT_BYTES) {
		result = madvise(arena->memory, arena->used, MADV_DONTNEED);
		assert(result == 0);
	}
	arena_reset(arena);
}

/* It is in no list of its state any more. */
static void
end_flight(struct courier *courier, struct flight *flight)
{
	struct target *target = flight->target;
	struct arena arena;

	if (target != NULL) {
		assert(target->flight_count > 0);
		target->flight_count--;
		TAILQ_REMOVE(&target->flights, flight, beside);
		courier->unproved -= flight->of_unproved;
	}
	forget_arena(&flight->arena);
	arena = flight->arena;
	*flight = (struct flight){.state = FLIGHT_FREE, .arena = arena};
	assert(courier->used > 0);
	courier->used--;
	TAILQ_INSERT_HEAD(&courier->free, flight, place);
}

static void
release(struct courier *courier, struct flight *flight)
{
	flight->state = FLIGHT_RELEASES;
	lane_queue(courier, flight);
}

/* -- Its attempt ----------------------------------------------------------- */

static void
show_attempts(const struct courier *courier)
{
	const struct flight *oldest = TAILQ_FIRST(&courier->sending);

	process_show_begun(courier->context->status, (int64_t)courier->begun);
	process_show_requests(courier->context->status, courier->sent_count,
	    oldest != NULL ? oldest->sends : (struct span){0});
}

/* Said once where it begins, and not for every attempt. */
static void
log_failure(struct target *target, const char *reason, struct span now)
{
	char endpoint[ID_TEXT_BYTES];

	if (target->failing ||
	    (target->logged.us != 0 &&
		now.us - target->logged.us <=
		    span_from_seconds(FAILURE_LOG_SECONDS).us))
		return;
	id_format(
	    target->endpoint, record_type(KIND_ENDPOINT)->prefix, endpoint);
	log_notice("webhook endpoint %s fails: %s", endpoint, reason);
	target->logged = now;
}

static void
note_result(struct courier *courier, const struct flight *flight)
{
	const struct webhook_attempt *attempt = &flight->attempt;
	const struct span now = clock_uptime();
	struct target *target = flight->target;
	const bool fails = attempt->result != ATTEMPT_SUCCEEDED;

	if (fails)
		log_failure(target, attempt->reason, now);
	target_attempted(target, fails, attempt->duration, now);
	metrics_count(
	    courier->metrics, (enum metric)((unsigned)METRIC_WEBHOOK_SUCCEEDED +
					    (unsigned)attempt->result -
					    (unsigned)ATTEMPT_SUCCEEDED));
	metrics_observe(
	    courier->metrics, DISTRIBUTION_WEBHOOK, attempt->duration.us);
}

/* There is a result: it is written down, however long that takes. */
static void
report(struct courier *courier, struct flight *flight)
{
	note_result(courier, flight);
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	if (getrandom(&flight->entropy, sizeof(flight->entropy), 0) < 0)
		log_message("getrandom: %s", strerror(errno));
	flight->state = FLIGHT_REPORTS;
	lane_queue(courier, flight);
}

void
flight_sent(struct webhook_attempt *attempt, void *context)
{
	struct courier *courier = context;
	struct flight *flight =
	    (struct flight *)(void *)((char *)attempt -
				      offsetof(struct flight, attempt));

	assert(flight->state == FLIGHT_SENDS);
	CRASH_POINT(COURIER_ANSWERED);
	TAILQ_REMOVE(&courier->sending, flight, place);
	courier->sent_count--;
	show_attempts(courier);
	if (!attempt->lacking) {
		report(courier, flight);
		return;
	}
	courier_lacks(courier, attempt->reason);
	release(courier, flight);
}

/* An attempt that could not even begin. */
static void
refuse_attempt(struct courier *courier, struct flight *flight,
    enum attempt_result result, const char *what, const char *why)
{
	struct webhook_attempt *attempt = &flight->attempt;

	attempt->result = result;
	attempt->sent = true;
	(void)snprintf(
	    attempt->reason, sizeof(attempt->reason), "%s%s", what, why);
	report(courier, flight);
}

/* False: there is no room for the message, or for the attempt. */
static bool
prepare(struct courier *courier, struct flight *flight)
{
	struct webhook_attempt *attempt = &flight->attempt;
	const struct text url =
	    arena_copy(&flight->arena, flight->endpoint.url);

	if (url.bytes == NULL ||
	    !webhook_write(&courier->service, flight->row.mode,
		&flight->endpoint, &flight->event, flight->begun,
		&flight->arena, &flight->message))
		return false;
	attempt->url = url.bytes;
	attempt->headers = flight->message.headers;
	attempt->header_count = flight->message.header_count;
	attempt->body = flight->message.body;
	attempt->timeout =
	    attempt_schedule_of((enum family)flight->endpoint.family)->timeout;
	return true;
}

/*
 * Its turn has come.  What its URL says is looked at once more: the rules may
 * be others than when it was registered.
 */
static void
begin_attempt(struct courier *courier, struct flight *flight)
{
	const char *fault = webhook_url_fault(flight->endpoint.url,
	    &courier->service.webhook_urls[flight->row.mode]);

	TAILQ_REMOVE(&courier->waiting, flight, place);
	flight->attempt = (struct webhook_attempt){0};
	flight->begun = clock_now();
	flight->sends = clock_uptime();
	if (flight->sends.us - flight->claimed.us >
	    span_from_ms(CLAIM_KEPT_MS).us) {
		release(courier, flight);
	} else if (fault != NULL) {
		refuse_attempt(
		    courier, flight, ATTEMPT_FORBIDDEN, "its URL: ", fault);
	} else if (!prepare(courier, flight)) {
		log_message("courier: an event is too long to be sent");
		refuse_attempt(courier, flight, ATTEMPT_UNREADABLE,
		    "the event is too long", "");
	} else if (!webhook_begin(courier->webhooks, &flight->attempt)) {
		courier_lacks(courier, "no memory");
		release(courier, flight);
	} else {
		flight->state = FLIGHT_SENDS;
		TAILQ_INSERT_TAIL(&courier->sending, flight, place);
		courier->begun++;
		courier->sent_count++;
		show_attempts(courier);
	}
}

/* -- What became of its commands ------------------------------------------- */

/* Which may be all for now: it is tried again, since the world has failed. */
static void
rest(struct courier *courier, struct flight *flight)
{
	flight->until =
	    (struct span){clock_uptime().us + span_from_ms(COMMAND_REST_MS).us};
	TAILQ_INSERT_TAIL(&courier->resting, flight, place);
}

/* Whether trying a command again may help. */
static bool
is_passing(const struct outcome *outcome)
{
	return outcome->error.id == ERROR_SERVICE_UNAVAILABLE ||
	       outcome->error.id == ERROR_INTERNAL_ERROR;
}

/*
 * Takes the records of a claim into the flight; false: there are none, or no
 * room for them.
 */
static bool
take_records(struct flight *flight, const struct outcome *outcome)
{
	const struct text objects = outcome_objects(outcome);
	struct text copy;

	if (objects.length == 0)
		return false;
	copy = arena_copy(&flight->arena, objects);
	return copy.bytes != NULL &&
	       bundle_find(copy, KIND_ENDPOINT, 0, &flight->endpoint) &&
	       bundle_find(copy, KIND_EVENT, 0, &flight->event);
}

static void
claimed(struct courier *courier, struct flight *flight,
    const struct outcome *outcome)
{
	struct target *target = flight->target;
	const enum error_id error = outcome->error.id;

	courier->looking.wanted |= courier->looking.doubles;
	if (error != ERROR_NONE || !take_records(flight, outcome)) {
		courier_pass_over(courier, flight, error);
		end_flight(courier, flight);
		return;
	}
	CRASH_POINT(COURIER_CLAIMED);
	flight->claimed = clock_uptime();
	/* Of an endpoint that was forgotten, or is new to this process. */
	target->failing |= instant_is_set(flight->endpoint.failing_since);
	if (courier->stopping) {
		release(courier, flight);
		return;
	}
	flight->state = FLIGHT_WAITS;
	TAILQ_INSERT_TAIL(&courier->waiting, flight, place);
}

/* Failures have disabled it: its record is in the report's outcome. */
static void
note_disabled(const struct outcome *outcome, const struct flight *flight)
{
	const struct text objects = outcome_objects(outcome);
	char id[ID_TEXT_BYTES];
	struct endpoint after;

	if (flight->endpoint.status != ENDPOINT_ENABLED ||
	    objects.length == 0 ||
	    !bundle_find(objects, KIND_ENDPOINT, 0, &after) ||
	    after.status != ENDPOINT_DISABLED ||
	    after.disabled_reason != DISABLED_BY_FAILURES)
		return;
	id_format(after.id, record_type(KIND_ENDPOINT)->prefix, id);
	log_message("webhook endpoint %s is disabled: it has failed for too "
		    "long",
	    id);
}

static void
written(struct courier *courier, struct flight *flight,
    const struct outcome *outcome)
{
	if (is_passing(outcome) && !outcome->given_up) {
		rest(courier, flight);
		return;
	}
	if (outcome->error.id != ERROR_NONE)
		log_message("courier: a delivery's end was refused");
	else if (flight->state == FLIGHT_REPORTS)
		note_disabled(outcome, flight);
	if (flight->state == FLIGHT_REPORTS)
		CRASH_POINT(COURIER_REPORTED);
	else
		CRASH_POINT(COURIER_RELEASED);
	courier->looking.wanted = true;
	end_flight(courier, flight);
}

void
flight_answered(struct courier *courier, struct flight *flight,
    const struct outcome *outcome)
{
	if (flight->state == FLIGHT_CLAIMS) {
		claimed(courier, flight, outcome);
		return;
	}
	assert(flight->state == FLIGHT_REPORTS ||
	       flight->state == FLIGHT_RELEASES);
	written(courier, flight, outcome);
}

void
flight_write_command(const struct courier *courier, const struct flight *flight,
    struct command *command)
{
	const struct engine *engine = courier->service.engine;
	const struct webhook_attempt *attempt = &flight->attempt;
	const struct attempt_report what = {
	    .begun = flight->begun,
	    .duration = attempt->duration,
	    .result = attempt->result,
	    .status = attempt->status,
	    .reason = text_of(attempt->reason),
	    .response = {attempt->response, attempt->response_length},
	};
	const struct instant now = clock_now();

	if (flight->state == FLIGHT_CLAIMS)
		engine_claim_delivery(
		    engine, &flight->row, courier->holder, now, command);
	else if (flight->state == FLIGHT_REPORTS)
		engine_end_delivery(engine, &flight->row, courier->holder,
		    &what, flight->entropy, now, command);
	else
		engine_release_delivery(
		    engine, &flight->row, courier->holder, now, command);
}

/* -- All of them ----------------------------------------------------------- */

/*
 * When it may begin: once the one before it at its endpoint has left, or is
 * over, or has had its time; INT64_MAX: not by time alone.
 */
static struct span
turn_after(const struct flight *before)
{
	if (before == NULL)
		return (struct span){0};
	switch (before->state) {
	case FLIGHT_SENDS:
		if (before->attempt.sent)
			return (struct span){before->attempt.sent_at.us +
					     span_from_ms(TURN_SENT_MS).us};
		return (struct span){
		    before->sends.us + span_from_ms(TURN_MS).us};
	case FLIGHT_CLAIMS:
	case FLIGHT_WAITS:
		return (struct span){INT64_MAX};
	case FLIGHT_FREE:
	case FLIGHT_REPORTS:
	case FLIGHT_RELEASES:
		break;
	}
	return (struct span){0};
}

static struct span
turn_of(const struct flight *flight)
{
	const struct span turn =
	    turn_after(TAILQ_PREV(flight, flights, beside));
	const struct span rests = flight->target->rests;

	return turn.us > rests.us ? turn : rests;
}

void
flights_move(struct courier *courier)
{
	const struct span now = clock_uptime();
	struct flight *flight, *next;

	for (flight = TAILQ_FIRST(&courier->waiting); flight != NULL;
	     flight = next) {
		next = TAILQ_NEXT(flight, place);
		if (turn_of(flight).us <= now.us)
			begin_attempt(courier, flight);
	}
	for (flight = TAILQ_FIRST(&courier->resting);
	     flight != NULL && flight->until.us <= now.us;
	     flight = TAILQ_FIRST(&courier->resting)) {
		TAILQ_REMOVE(&courier->resting, flight, place);
		lane_queue(courier, flight);
	}
}

struct span
flights_next(const struct courier *courier)
{
	const struct flight *flight = TAILQ_FIRST(&courier->resting);
	struct span next = {0}, turn;

	if (flight != NULL)
		next = flight->until;
	TAILQ_FOREACH(flight, &courier->waiting, place)
	{
		turn = turn_of(flight);
		if (turn.us < INT64_MAX)
			/* One whose turn has come is not to be missed. */
			next = span_earlier(
			    next, turn.us > 0 ? turn : (struct span){1});
	}
	return next;
}

void
flights_stop(struct courier *courier)
{
	struct flight *flight, *next;

	courier->stopping = true;
	for (flight = TAILQ_FIRST(&courier->queued); flight != NULL;
	     flight = next) {
		next = TAILQ_NEXT(flight, place);
		if (flight->state != FLIGHT_CLAIMS)
			continue;
		TAILQ_REMOVE(&courier->queued, flight, place);
		end_flight(courier, flight);
	}
	while (!TAILQ_EMPTY(&courier->waiting)) {
		flight = TAILQ_FIRST(&courier->waiting);
		TAILQ_REMOVE(&courier->waiting, flight, place);
		release(courier, flight);
	}
}

void
flights_cancel(struct courier *courier)
{
	struct flight *flight;

	while (!TAILQ_EMPTY(&courier->sending)) {
		flight = TAILQ_FIRST(&courier->sending);
		TAILQ_REMOVE(&courier->sending, flight, place);
		courier->sent_count--;
		webhook_cancel(courier->webhooks, &flight->attempt);
		release(courier, flight);
	}
	show_attempts(courier);
}
