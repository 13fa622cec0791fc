/*
 * The schedules of both contracts with given times, and what an attempt makes
 * of a delivery and its endpoint.
 */
#include "core/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { JITTER_MAX = JITTER_PERCENT_MAX * 100, BEGIN = 1767312000 };

/* As the contracts have them: seconds from one attempt to the next. */
struct contract_schedule {
	enum family family;
	int64_t timeout_s;
	unsigned attempts;
	int64_t waits_s[ATTEMPTS_MAX];
};
static const struct contract_schedule contracts[] = {
    {FAMILY_CARD, 30, 8,
	{0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 8 * HOUR, 24 * HOUR,
	    72 * HOUR}},
    {FAMILY_COIN, 5, 6,
	{0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR}},
};
enum { CONTRACTS = sizeof(contracts) / sizeof(contracts[0]) };

static struct endpoint
endpoint_of(enum family family)
{
	return (struct endpoint){
	    .id = {{7}},
	    .family = (uint8_t)family,
	    .status = ENDPOINT_ENABLED,
	    .events = UINT32_C(1) << EVENT_NONE,
	};
}

static struct instant
at(int64_t seconds)
{
	return instant_from_seconds(BEGIN + seconds);
}

/* An attempt that begins and ends at the same moment. */
static bool
attempted(struct delivery *delivery, struct endpoint *endpoint,
    enum attempt_result result, struct instant now)
{
	const struct attempt attempt = {
	    .begun = now,
	    .result = (uint8_t)result,
	};

	return delivery_attempted(delivery, endpoint, &attempt, 0, now);
}

/* All attempts fail at the moment that each is due. */
static void
walk(const struct contract_schedule *contract, unsigned jitter)
{
	struct endpoint endpoint = endpoint_of(contract->family);
	struct instant now = at(0);
	struct delivery delivery = delivery_first(
	    &endpoint, (struct id){{9}}, contract->attempts, now);

	assert_int_equal(delivery.due.us, now.us);
	for (unsigned i = 1; i <= contract->attempts; i++) {
		struct attempt attempt = {
		    .begun = now,
		    .result = ATTEMPT_REFUSED,
		};
		/* It takes a second; the wait counts from its begin. */
		struct instant end = instant_plus(now, span_from_seconds(1));
		int64_t wait_us;

		assert_int_equal(delivery.state, DELIVERY_PENDING);
		(void)delivery_attempted(
		    &delivery, &endpoint, &attempt, jitter, end);
		assert_int_equal(delivery.attempts, i);
		assert_int_equal(delivery.left, contract->attempts - i);
		if (i == contract->attempts)
			break;
		wait_us = contract->waits_s[i] * 1000000;
		assert_int_equal(delivery.due.us - now.us,
		    wait_us + wait_us * jitter / 10000);
		assert_true(delivery.due.us - now.us >= wait_us);
		assert_true(delivery.due.us - now.us <= wait_us * 11 / 10);
		now = delivery.due;
	}
	assert_int_equal(delivery.state, DELIVERY_FAILED);
	assert_false(instant_is_set(delivery.due));
}

static void
attempts_are_made_when_the_contracts_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTRACTS; i++) {
		const struct attempt_schedule *schedule =
		    attempt_schedule_of(contracts[i].family);

		assert_int_equal(schedule->attempts, contracts[i].attempts);
		assert_int_equal(schedule->timeout.us,
		    span_from_seconds(contracts[i].timeout_s).us);
		walk(&contracts[i], 0);
		walk(&contracts[i], 1);
		walk(&contracts[i], 499);
		walk(&contracts[i], JITTER_MAX);
	}
}

static void
one_success_is_enough(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTRACTS; i++) {
		struct endpoint endpoint = endpoint_of(contracts[i].family);
		struct delivery delivery = delivery_first(
		    &endpoint, (struct id){{9}}, contracts[i].attempts, at(0));

		delivery.holder = (struct id){{5}};
		assert_true(
		    attempted(&delivery, &endpoint, ATTEMPT_TIMED_OUT, at(0)));
		assert_false(id_is_set(delivery.holder));
		assert_true(
		    attempted(&delivery, &endpoint, ATTEMPT_SUCCEEDED, at(60)));
		assert_int_equal(delivery.state, DELIVERY_SUCCEEDED);
		assert_int_equal(delivery.attempts, 2);
		assert_int_equal(delivery.left, 0);
		assert_false(instant_is_set(delivery.due));
		assert_false(instant_is_set(endpoint.failing_since));
	}
}

static void
all_other_results_are_failures(void **state)
{
	(void)state;
	for (unsigned result = ATTEMPT_SUCCEEDED + 1;
	     result < ATTEMPT_RESULT_COUNT; result++) {
		struct endpoint endpoint = endpoint_of(FAMILY_COIN);
		struct delivery delivery =
		    delivery_first(&endpoint, (struct id){{9}}, 6, at(0));

		assert_true(attempted(
		    &delivery, &endpoint, (enum attempt_result)result, at(0)));
		assert_int_equal(delivery.state, DELIVERY_PENDING);
		assert_int_equal(delivery.due.us, at(MINUTE).us);
		assert_int_equal(endpoint.failing_since.us, at(0).us);
	}
}

static void
a_ping_is_tried_once(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 1, at(0));

	(void)state;
	endpoint.status = ENDPOINT_PENDING;
	/* What it waits for is not the endpoint's history. */
	assert_false(
	    attempted(&delivery, &endpoint, ATTEMPT_UNREACHABLE, at(0)));
	assert_int_equal(delivery.state, DELIVERY_FAILED);
	assert_int_equal(endpoint.status, ENDPOINT_PENDING);
}

/* -- Once more ------------------------------------------------------------- */

static void
what_had_none_left_is_tried_once_more(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_CARD);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 1, at(0));

	(void)state;
	(void)attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(0));
	assert_int_equal(delivery.state, DELIVERY_FAILED);
	delivery_renew(&delivery, at(HOUR));
	assert_int_equal(delivery.state, DELIVERY_PENDING);
	assert_int_equal(delivery.left, 1);
	assert_int_equal(delivery.due.us, at(HOUR).us);
	assert_true(delivery.resent);
	(void)attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(HOUR));
	assert_int_equal(delivery.state, DELIVERY_FAILED);
	assert_int_equal(delivery.attempts, 2);
	assert_false(delivery.resent);
}

/* However often it was resent before. */
static void
a_schedule_goes_on_where_it_was(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_CARD);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 8, at(0));

	(void)state;
	delivery.attempts = 20;
	(void)attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(0));
	assert_int_equal(delivery.due.us, at(MINUTE).us);
	/* Resent before it was due: the second attempt, made early. */
	delivery_renew(&delivery, at(10));
	assert_int_equal(delivery.due.us, at(10).us);
	assert_int_equal(delivery.left, 7);
	(void)attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(10));
	assert_int_equal(delivery.due.us, at(10 + 5 * MINUTE).us);
	/* What is due already keeps its place. */
	delivery_renew(&delivery, at(HOUR));
	assert_int_equal(delivery.due.us, at(10 + 5 * MINUTE).us);
}

/* -- The clock ------------------------------------------------------------- */

static void
nothing_is_due_before_now(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_CARD);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 8, at(0));
	struct attempt attempt = {.begun = at(0), .result = ATTEMPT_REFUSED};

	(void)state;
	/* The clock was set forward during the attempt. */
	(void)delivery_attempted(&delivery, &endpoint, &attempt, 0, at(HOUR));
	assert_int_equal(delivery.due.us, at(HOUR).us);
	/* And back: the wait is not an hour longer. */
	attempt.begun = at(HOUR);
	(void)delivery_attempted(&delivery, &endpoint, &attempt, 0, at(7));
	assert_int_equal(delivery.due.us, at(7 + 5 * MINUTE).us);
}

/* -- An endpoint that fails ------------------------------------------------ */

/* A delivery of its own each time, so that there are always attempts left. */
static bool
endpoint_attempted(
    struct endpoint *endpoint, enum attempt_result result, int64_t seconds)
{
	struct delivery delivery =
	    delivery_first(endpoint, (struct id){{9}}, 6, at(seconds));

	return attempted(&delivery, endpoint, result, at(seconds));
}

static void
five_days_of_failures_disable_an_endpoint(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 6, at(5 * DAY));

	(void)state;
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 0));
	for (int64_t day = 1; day < 5; day++)
		assert_true(endpoint_attempted(
		    &endpoint, ATTEMPT_TLS_FAILED, day * DAY));
	assert_true(
	    endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 5 * DAY - 1));
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_true(
	    attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(5 * DAY)));
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
	assert_int_equal(endpoint.disabled_reason, DISABLED_BY_FAILURES);
	assert_int_equal(endpoint.disabled.us, at(5 * DAY).us);
	/* There was more to try, which is not tried any more. */
	assert_int_equal(delivery.left, 5);
	assert_int_equal(delivery.state, DELIVERY_CANCELED);
	assert_false(instant_is_set(delivery.due));
}

static void
a_success_lets_the_five_days_begin_anew(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);

	(void)state;
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 0));
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_SUCCEEDED, 4 * DAY));
	assert_false(instant_is_set(endpoint.failing_since));
	assert_false(endpoint_attempted(&endpoint, ATTEMPT_SUCCEEDED, 4 * DAY));
	assert_true(
	    endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 4 * DAY + 1));
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 7 * DAY));
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 9 * DAY));
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_true(
	    endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 9 * DAY + 1));
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
}

/* Nothing was tried: an endpoint without events does not fail. */
static void
silence_lets_the_five_days_begin_anew(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);

	(void)state;
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 0));
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 5 * DAY));
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_int_equal(endpoint.failing_since.us, at(5 * DAY).us);
	/* The longest wait of a schedule is no silence. */
	assert_true(endpoint_attempted(
	    &endpoint, ATTEMPT_REFUSED, 5 * DAY + 80 * HOUR));
	assert_int_equal(endpoint.failing_since.us, at(5 * DAY).us);
	assert_true(endpoint_attempted(&endpoint, ATTEMPT_REFUSED, 10 * DAY));
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
}

static void
failures_of_a_disabled_endpoint_count_for_nothing(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);
	struct delivery delivery =
	    delivery_first(&endpoint, (struct id){{9}}, 6, at(0));

	(void)state;
	endpoint.status = ENDPOINT_DISABLED;
	endpoint.disabled_reason = DISABLED_BY_REQUEST;
	assert_false(attempted(&delivery, &endpoint, ATTEMPT_REFUSED, at(0)));
	assert_int_equal(delivery.state, DELIVERY_CANCELED);
	assert_false(instant_is_set(endpoint.failing_since));
	assert_int_equal(endpoint.disabled_reason, DISABLED_BY_REQUEST);
}

/* -- Families -------------------------------------------------------------- */

static void
each_type_is_of_one_family(void **state)
{
	uint32_t cards = events_of(FAMILY_CARD);
	uint32_t coins = events_of(FAMILY_COIN);
	unsigned count = 0;

	(void)state;
	assert_int_equal(cards & coins, 0);
	/* Neither a ping, nor the bit for all. */
	assert_int_equal(
	    (cards | coins) & UINT32_C(1) << EVENT_ENDPOINT_PING, 0);
	assert_int_equal((cards | coins) & 1, 0);
	for (uint32_t rest = cards; rest != 0; rest &= rest - 1)
		count++;
	assert_int_equal(count, 16);
	for (uint32_t rest = coins; rest != 0; rest &= rest - 1)
		count++;
	assert_int_equal(count, 16 + 6);
	assert_int_equal(event_family(EVENT_INTENT_SUCCEEDED), FAMILY_CARD);
	assert_int_equal(event_family(EVENT_CUSTOMER_DELETED), FAMILY_CARD);
	assert_int_equal(event_family(EVENT_COIN_CONFIRMED), FAMILY_COIN);
	assert_int_equal(event_family(EVENT_ENDPOINT_PING), FAMILY_NONE);
}

static void
nobody_wants_a_ping(void **state)
{
	struct endpoint endpoint = endpoint_of(FAMILY_COIN);

	(void)state;
	endpoint.events = UINT32_MAX;
	assert_true(endpoint_wants(&endpoint, EVENT_COIN_EXPIRED, ID_NONE));
	assert_false(endpoint_wants(&endpoint, EVENT_ENDPOINT_PING, ID_NONE));
	assert_false(endpoint_wants(&endpoint, EVENT_INTENT_CREATED, ID_NONE));
}

static void
a_secret_s_text_has_its_prefix(void **state)
{
	char text[ENDPOINT_SECRET_BYTES];

	(void)state;
	endpoint_secret_text(TEXT("0123456789abcdefghijABCDEFGHIJxy"), text);
	assert_string_equal(text, "whsec_0123456789abcdefghijABCDEFGHIJxy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attempts_are_made_when_the_contracts_say),
	    cmocka_unit_test(one_success_is_enough),
	    cmocka_unit_test(all_other_results_are_failures),
	    cmocka_unit_test(a_ping_is_tried_once),
	    cmocka_unit_test(what_had_none_left_is_tried_once_more),
	    cmocka_unit_test(a_schedule_goes_on_where_it_was),
	    cmocka_unit_test(nothing_is_due_before_now),
	    cmocka_unit_test(five_days_of_failures_disable_an_endpoint),
	    cmocka_unit_test(a_success_lets_the_five_days_begin_anew),
	    cmocka_unit_test(silence_lets_the_five_days_begin_anew),
	    cmocka_unit_test(failures_of_a_disabled_endpoint_count_for_nothing),
	    cmocka_unit_test(each_type_is_of_one_family),
	    cmocka_unit_test(nobody_wants_a_ping),
	    cmocka_unit_test(a_secret_s_text_has_its_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
