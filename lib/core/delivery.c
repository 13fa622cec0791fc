#include "core/delivery.h"

#include <assert.h>
#include <string.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE };

/* Contract, card.md and stable.md, "Webhooks". */
static const struct attempt_schedule schedules[FAMILY_COUNT] = {
    [FAMILY_CARD] = {.timeout = {INT64_C(30) * 1000000},
	.attempts = 8,
	.delays_s = {0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 8 * HOUR,
	    24 * HOUR, 72 * HOUR}},
    [FAMILY_COIN] = {.timeout = {INT64_C(5) * 1000000},
	.attempts = 6,
	.delays_s = {0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR}},
};

const struct attempt_schedule *
attempt_schedule_of(enum family family)
{
	assert(family > FAMILY_NONE && family < FAMILY_COUNT);
	return &schedules[family];
}

enum family
event_family(enum event_type type)
{
	assert(type > EVENT_NONE && type < EVENT_COUNT);
	if (type == EVENT_ENDPOINT_PING)
		return FAMILY_NONE;
	return type >= EVENT_COIN_CONFIRMED ? FAMILY_COIN : FAMILY_CARD;
}

uint32_t
events_of(enum family family)
{
	uint32_t events = 0;

	_Static_assert(EVENT_COUNT <= 32, "a set of types is 32 bits");
	assert(family > FAMILY_NONE && family < FAMILY_COUNT);
	for (unsigned type = EVENT_NONE + 1; type < EVENT_COUNT; type++)
		if (event_family((enum event_type)type) == family)
			events |= UINT32_C(1) << type;
	return events;
}

bool
endpoint_wants(
    const struct endpoint *endpoint, enum event_type type, struct id merchant)
{
	const uint32_t all = UINT32_C(1) << EVENT_NONE;

	if (endpoint->status != ENDPOINT_ENABLED ||
	    event_family(type) != endpoint->family)
		return false;
	if (id_is_set(endpoint->merchant) &&
	    !id_equal(endpoint->merchant, merchant))
		return false;
	return (endpoint->events & (all | UINT32_C(1) << type)) != 0;
}

struct delivery
delivery_first(const struct endpoint *endpoint, struct id event,
    unsigned attempts, struct instant now)
{
	return (struct delivery){
	    .event = event,
	    .endpoint = endpoint->id,
	    .state = DELIVERY_PENDING,
	    .left = attempts,
	    .created = now,
	    .due = now,
	};
}

bool
delivery_is_due(const struct delivery *delivery, struct instant now)
{
	struct instant soon =
	    instant_plus(now, span_from_seconds(CLOCK_SET_BACK_SECONDS));

	return !instant_before(now, delivery->due) ||
	       (delivery->attempts == 0 && !id_is_set(delivery->holder) &&
		   instant_before(soon, delivery->created));
}

struct span
delivery_lease(enum family family)
{
	return (struct span){attempt_schedule_of(family)->timeout.us +
			     span_from_seconds(LEASE_MARGIN_SECONDS).us};
}

/* With all of its jitter, and as much as a clock may be off. */
static struct instant
due_max(struct span wait, struct instant now)
{
	return instant_plus(
	    now, (struct span){wait.us / 100 * (100 + JITTER_PERCENT_MAX) +
			       span_from_seconds(CLOCK_SET_BACK_SECONDS).us});
}

struct instant
delivery_due_max(struct instant now)
{
	struct span longest = {0};

	for (enum family family = FAMILY_NONE + 1; family < FAMILY_COUNT;
	     family++) {
		const struct attempt_schedule *schedule =
		    attempt_schedule_of(family);
		struct span wait = span_from_seconds(
		    schedule->delays_s[schedule->attempts - 1]);

		if (wait.us > longest.us)
			longest = wait;
	}
	return due_max(longest, now);
}

bool
delivery_waits_too_long(const struct delivery *delivery, enum family family,
    struct instant now, struct instant *due)
{
	const struct attempt_schedule *schedule = attempt_schedule_of(family);
	struct span wait = delivery_lease(family);

	if (delivery->state != DELIVERY_PENDING || delivery->left == 0 ||
	    delivery->left > schedule->attempts)
		return false;
	if (!id_is_set(delivery->holder))
		wait = span_from_seconds(
		    delivery->resent
			? 0
			: schedule
			      ->delays_s[schedule->attempts - delivery->left]);
	if (!instant_before(due_max(wait, now), delivery->due))
		return false;
	*due = instant_plus(now, wait);
	return true;
}

void
delivery_renew(struct delivery *delivery, struct instant now)
{
	assert(delivery->state != DELIVERY_NONE);
	delivery->state = DELIVERY_PENDING;
	delivery->holder = ID_NONE;
	delivery->resent = true;
	if (delivery->left == 0)
		delivery->left = 1;
	if (!instant_is_set(delivery->due) ||
	    instant_before(now, delivery->due))
		delivery->due = now;
}

/*
 * When the next of the attempts that are left is due.  The schedule's row is
 * the number of those that it has used up, whatever else was tried besides.
 */
static struct instant
next_due(const struct attempt_schedule *schedule, unsigned left,
    struct instant begun, unsigned jitter, struct instant now)
{
	int64_t delay_us;
	struct instant due;

	assert(left > 0 && left < schedule->attempts);
	assert(jitter <= JITTER_PERCENT_MAX * 100);
	delay_us = schedule->delays_s[schedule->attempts - left] * 1000000;
	/* A clock that was set back meanwhile makes the wait no longer. */
	if (instant_before(now, begun))
		begun = now;
	due = instant_plus(
	    begun, (struct span){delay_us + delay_us / 10000 * jitter});
	return instant_before(due, now) ? now : due;
}

/* Whether nothing was heard of its failures for too long. */
static bool
was_silent(const struct endpoint *endpoint, struct instant now)
{
	return instant_minus(now, endpoint->failed).us >=
	       span_from_seconds(FAILING_SILENCE_SECONDS_MAX).us;
}

/* True: the endpoint has changed. */
static bool
note_failure(struct endpoint *endpoint, struct instant now)
{
	struct span failing;

	/* One that is disabled begins anew when it is enabled. */
	if (endpoint->status != ENDPOINT_ENABLED)
		return false;
	if (!instant_is_set(endpoint->failing_since) ||
	    was_silent(endpoint, now))
		endpoint->failing_since = now;
	endpoint->failed = now;
	failing = instant_minus(now, endpoint->failing_since);
	if (failing.us < span_from_seconds(FAILING_SECONDS_MAX).us)
		return true;
	endpoint->status = ENDPOINT_DISABLED;
	endpoint->disabled_reason = DISABLED_BY_FAILURES;
	endpoint->disabled = now;
	return true;
}

static bool
note_success(struct endpoint *endpoint)
{
	bool failed = instant_is_set(endpoint->failing_since);

	endpoint->failing_since = INSTANT_NEVER;
	endpoint->failed = INSTANT_NEVER;
	return failed;
}

bool
delivery_attempted(struct delivery *delivery, struct endpoint *endpoint,
    const struct attempt *attempt, unsigned jitter, struct instant now)
{
	bool succeeded = attempt->result == ATTEMPT_SUCCEEDED;
	bool changed =
	    succeeded ? note_success(endpoint) : note_failure(endpoint, now);

	assert(attempt->result > ATTEMPT_NONE);
	assert(delivery->state == DELIVERY_PENDING && delivery->left > 0);
	delivery->attempts++;
	delivery->left--;
	delivery->holder = ID_NONE;
	delivery->resent = false;
	delivery->due = INSTANT_NEVER;
	if (succeeded) {
		delivery->state = DELIVERY_SUCCEEDED;
		delivery->left = 0;
	} else if (delivery->left == 0) {
		delivery->state = DELIVERY_FAILED;
	} else if (endpoint->status == ENDPOINT_DISABLED) {
		delivery->state = DELIVERY_CANCELED;
	} else {
		delivery->due =
		    next_due(attempt_schedule_of((enum family)endpoint->family),
			delivery->left, attempt->begun, jitter, now);
	}
	return changed;
}

void
endpoint_secret_text(struct text digits, char to[ENDPOINT_SECRET_BYTES])
{
	assert(digits.length == ENDPOINT_SECRET_DIGITS);
	memcpy(to, "whsec_", 6);
	memcpy(to + 6, digits.bytes, ENDPOINT_SECRET_DIGITS);
	to[ENDPOINT_SECRET_BYTES - 1] = '\0';
}
