/*
 * Deliveries: claimed by one courier at a time, tried as the contracts say,
 * and what comes of it written down once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine_steps.h"
#include "post.h"
#include "store/memory.h"

enum { DAY = 24 * 60 * 60 };

/* An endpoint that an event is on its way to. */
struct route {
	struct id merchant;
	struct id endpoint;
	struct id event;
	struct due_delivery row;
};

static struct route
make_route(struct till *till, enum family family)
{
	struct route route = {.merchant = till_merchant_plain(till)};

	route.endpoint = post_endpoint_plain(till, family);
	route.event = family == FAMILY_CARD
			  ? post_card_event(till, route.merchant)
			  : post_coin_event(till, route.merchant);
	route.row = post_only_due(till);
	assert_true(id_equal(route.row.endpoint, route.endpoint));
	assert_true(id_equal(route.row.event, route.event));
	assert_true(id_equal(route.row.account, till->account));
	assert_int_equal(route.row.mode, MODE_TEST);
	return route;
}

/* Whether the last claim has got the delivery. */
static bool
claimed(const struct till *till)
{
	return till->outcome.length > 0;
}

static void
claim(struct till *till, const struct route *route, struct id holder)
{
	post_claim(till, &route->row, holder);
	assert_true(claimed(till));
}

static struct snapshot
store_now(struct till *till)
{
	struct snapshot snapshot;

	snapshot_take(till->store, &snapshot);
	return snapshot;
}

static void
must_be_as(struct till *till, const struct snapshot *before)
{
	struct snapshot after = store_now(till);

	assert_true(snapshot_equal(before, &after));
}

/* -- Claims ---------------------------------------------------------------- */

static void
a_claim_shows_what_is_to_be_sent(void **state)
{
	static const enum kind kinds[] = {
	    KIND_DELIVERY, KIND_ENDPOINT, KIND_EVENT};
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct delivery delivery;
	struct text objects;
	struct endpoint endpoint;
	struct event event;

	claim(till, &route, post_first);
	objects = outcome_objects(&till->outcome);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct text encoded;

		assert_true(bundle_next(&objects, &encoded));
		assert_int_equal(codec_kind(encoded), kinds[i]);
	}
	assert_int_equal(objects.length, 0);
	till_first(till, KIND_DELIVERY, &delivery);
	assert_true(id_equal(delivery.holder, post_first));
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, route.endpoint));
	till_first(till, KIND_EVENT, &event);
	assert_true(id_equal(event.id, route.event));
	assert_int_equal(event.type, EVENT_COIN_CANCELLED);
	assert_true(event.objects.length > 0);
}

static void
a_lease_lasts_a_time_out_and_a_margin(void **state)
{
	struct till *till = *state;
	static const struct {
		enum family family;
		int64_t seconds;
	} cases[] = {{FAMILY_CARD, 30 + 15}, {FAMILY_COIN, 5 + 15}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route route = make_route(till, cases[i].family);
		struct instant end = instant_plus(
		    till->now, span_from_seconds(cases[i].seconds));
		const struct due_deliveries *due;
		struct delivery delivery;

		claim(till, &route, post_first);
		delivery = post_must(
		    till, route.endpoint, route.event, DELIVERY_PENDING, 0);
		assert_int_equal(delivery.due.us, end.us);
		till->now.us = end.us - 1;
		due = post_due(till, 8);
		assert_int_equal(due->count, 0);
		assert_int_equal(due->next.us, end.us);
		assert_int_equal(due->waiting, 1);
		till->now = end;
		assert_int_equal(post_due(till, 8)->count, 1);
		post_end(till, &route.row, post_first, ATTEMPT_SUCCEEDED);
	}
}

static void
one_of_two_couriers_gets_it(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct snapshot before;

	claim(till, &route, post_first);
	before = store_now(till);
	/* The second has read the queue before. */
	post_claim(till, &route.row, post_second);
	assert_false(claimed(till));
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	post_end(till, &route.row, post_second, ATTEMPT_SUCCEEDED);
	assert_false(claimed(till));
	post_release(till, &route.row, post_second);
	must_be_as(till, &before);
}

static void
what_is_not_due_yet_is_not_claimed(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct snapshot before = store_now(till);

	till->now.us--;
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	must_be_as(till, &before);
}

static void
after_the_lease_another_one_takes_over(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct due_delivery again;
	struct snapshot before;
	struct event event;

	claim(till, &route, post_first);
	till_pass_seconds(till, 20);
	again = post_only_due(till);
	/* Not from where it was before. */
	post_claim(till, &route.row, post_second);
	assert_false(claimed(till));
	post_claim(till, &again, post_second);
	assert_true(claimed(till));
	till_first(till, KIND_EVENT, &event);
	assert_true(id_equal(event.id, route.event));
	before = store_now(till);
	/* The first was only slow. */
	post_end(till, &route.row, post_first, ATTEMPT_SUCCEEDED);
	post_release(till, &route.row, post_first);
	assert_false(till->outcome.delivers);
	must_be_as(till, &before);
	post_end(till, &again, post_second, ATTEMPT_REFUSED);
	(void)post_must(till, route.endpoint, route.event, DELIVERY_PENDING, 1);
	assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 1);
}

/* Nobody knows whether it was sent: it is not counted, and made again. */
static void
an_attempt_that_died_is_made_again(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct delivery delivery;

	for (int i = 0; i < 10; i++) {
		claim(till, &route, post_first);
		till_pass_seconds(till, 20);
		route.row = post_only_due(till);
	}
	claim(till, &route, post_second);
	post_end(till, &route.row, post_second, ATTEMPT_REFUSED);
	delivery =
	    post_must(till, route.endpoint, route.event, DELIVERY_PENDING, 1);
	assert_int_equal(delivery.left, 5);
}

static void
a_row_that_leads_nowhere_is_removed(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct store_key key = key_of_delivery(
	    till->account, MODE_TEST, route.endpoint, route.event);
	struct transaction *write;

	assert_int_equal(
	    store_begin(till->store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(
	    store_delete(write, TABLE_DELIVERIES, key_text(&key)), STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
}

/* -- What is not to be sent ------------------------------------------------ */

static void
what_is_on_its_way_to_a_deleted_endpoint_is_dropped(void **state)
{
	struct till *till = *state;

	for (int held = 0; held < 2; held++) {
		struct route route = make_route(till, FAMILY_COIN);

		claim(till, &route, post_first);
		post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
		assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 1);
		till_pass_seconds(till, 60);
		route.row = post_only_due(till);
		if (held)
			claim(till, &route, post_first);
		post_delete_endpoint(till, route.endpoint);
		if (held)
			post_end(
			    till, &route.row, post_first, ATTEMPT_SUCCEEDED);
		else
			post_claim(till, &route.row, post_first);
		assert_false(claimed(till));
		assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
		assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 0);
	}
}

static void
what_waits_for_a_disabled_endpoint_is_canceled(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct delivery delivery;

	post_set_status(till, route.endpoint, ENDPOINT_DISABLED);
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	delivery =
	    post_must(till, route.endpoint, route.event, DELIVERY_CANCELED, 0);
	assert_false(instant_is_set(delivery.due));
	assert_int_equal(delivery.left, 6);
	/* A ping goes wherever it is sent. */
	(void)post_ping(till, route.endpoint);
	route.row = post_only_due(till);
	claim(till, &route, post_first);
}

static void
what_was_forgotten_is_canceled(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);

	post_delete_event(till, route.event);
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	(void)post_must(
	    till, route.endpoint, route.event, DELIVERY_CANCELED, 0);
}

static void
a_failure_of_what_was_disabled_meanwhile_is_the_last(void **state)
{
	struct till *till = *state;

	for (enum attempt_result result = ATTEMPT_SUCCEEDED;
	     result <= ATTEMPT_REFUSED; result++) {
		struct route route = make_route(till, FAMILY_COIN);

		claim(till, &route, post_first);
		post_set_status(till, route.endpoint, ENDPOINT_DISABLED);
		post_end(till, &route.row, post_first, result);
		(void)post_must(till, route.endpoint, route.event,
		    result == ATTEMPT_SUCCEEDED ? DELIVERY_SUCCEEDED
						: DELIVERY_CANCELED,
		    1);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
	}
}

/* -- Ends ------------------------------------------------------------------ */

static void
an_attempt_is_written_down(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct instant begun = till->now;
	struct attempt attempt;
	struct delivery delivery;

	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_first(till, KIND_DELIVERY, &delivery);
	assert_int_equal(delivery.attempts, 1);
	assert_true(
	    post_get_attempt(till, route.endpoint, route.event, 1, &attempt));
	assert_true(id_equal(attempt.event, route.event));
	assert_true(id_equal(attempt.endpoint, route.endpoint));
	assert_int_equal(attempt.number, 1);
	assert_int_equal(attempt.begun.us, begun.us);
	assert_int_equal(attempt.duration_ms, 1500);
	assert_int_equal(attempt.result, ATTEMPT_REFUSED);
	assert_int_equal(attempt.status, 500);
	assert_true(text_equal(attempt.reason, TEXT("it answered 500")));
	assert_true(text_equal(attempt.response, TEXT("an answer")));
	till_pass_seconds(till, 60);
	route.row = post_only_due(till);
	claim(till, &route, post_second);
	post_end(till, &route.row, post_second, ATTEMPT_SUCCEEDED);
	assert_true(
	    post_get_attempt(till, route.endpoint, route.event, 2, &attempt));
	assert_int_equal(attempt.result, ATTEMPT_SUCCEEDED);
	(void)post_must(
	    till, route.endpoint, route.event, DELIVERY_SUCCEEDED, 2);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
}

/* Due at these seconds, and not a microsecond before. */
static void
walk_schedule(
    struct till *till, enum family family, const int64_t *waits, unsigned count)
{
	struct route route = make_route(till, family);
	struct id endpoint = route.endpoint;

	for (unsigned i = 1; i <= count; i++) {
		claim(till, &route, post_first);
		post_end(till, &route.row, post_first, ATTEMPT_TIMED_OUT);
		if (i == count)
			break;
		till_pass_seconds(till, waits[i]);
		till->now.us--;
		assert_int_equal(post_due(till, 8)->count, 0);
		till->now.us++;
		route.row = post_only_due(till);
		(void)post_must(
		    till, endpoint, route.event, DELIVERY_PENDING, i);
	}
	(void)post_must(till, endpoint, route.event, DELIVERY_FAILED, count);
	assert_int_equal(till_rows(till, TABLE_ATTEMPTS), count);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
}

static void
the_schedule_of_cards_ends_after_eight(void **state)
{
	static const int64_t waits[] = {
	    0, 60, 300, 1800, 7200, 28800, 86400, 259200};

	walk_schedule(*state, FAMILY_CARD, waits, 8);
}

static void
the_schedule_of_coins_ends_after_six(void **state)
{
	static const int64_t waits[] = {0, 60, 300, 1800, 7200, 43200};

	walk_schedule(*state, FAMILY_COIN, waits, 6);
}

static void
jitter_is_of_the_entropy_and_within_its_bound(void **state)
{
	static const uint64_t entropies[] = {0, 1, 1000, 1001, UINT64_MAX};
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);

	for (size_t i = 0; i < sizeof(entropies) / sizeof(entropies[0]); i++) {
		const struct attempt_report report = {
		    .begun = till->now,
		    .result = ATTEMPT_REFUSED,
		};
		int64_t jitter = (int64_t)(entropies[i] % 1001);
		struct delivery delivery;

		claim(till, &route, post_first);
		engine_end_delivery(till->engine, &route.row, post_first,
		    &report, entropies[i], till->now, &till->command);
		till_must(till, ERROR_NONE);
		till_first(till, KIND_DELIVERY, &delivery);
		/* Of a minute. */
		assert_int_equal(
		    delivery.due.us - till->now.us, 60000000 + jitter * 6000);
		(void)post_coin_event(till, route.merchant);
		route.row = post_only_due(till);
	}
}

/* -- Disabled by failures -------------------------------------------------- */

static void
five_days_of_failures_disable_and_say_so(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct endpoint endpoint;
	struct id other;
	unsigned lines;

	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_int_equal(endpoint.failing_since.us, till->now.us);
	till_pass_seconds(till, 3 * DAY);
	route.row = post_only_due(till);
	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_pass_seconds(till, 2 * DAY);
	other = post_coin_event(till, route.merchant);
	lines = till_rows(till, TABLE_AUDIT);
	route.row = post_due(till, 1)->rows[0];
	assert_true(id_equal(route.row.event, route.event));
	claim(till, &route, post_first);
	assert_int_equal(till_rows(till, TABLE_AUDIT), lines);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	assert_int_equal(till_rows(till, TABLE_AUDIT), lines + 1);
	assert_true(post_get_endpoint(till, route.endpoint, &endpoint));
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
	assert_int_equal(endpoint.disabled_reason, DISABLED_BY_FAILURES);
	assert_int_equal(endpoint.disabled.us, till->now.us);
	(void)post_must(
	    till, route.endpoint, route.event, DELIVERY_CANCELED, 3);
	/* What waited behind it is not sent, and nothing new comes. */
	route.row = post_only_due(till);
	assert_true(id_equal(route.row.event, other));
	post_claim(till, &route.row, post_first);
	assert_false(claimed(till));
	(void)post_must(till, route.endpoint, other, DELIVERY_CANCELED, 0);
	(void)post_coin_event(till, route.merchant);
	assert_false(till->outcome.delivers);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 2);
}

static void
a_success_is_remembered(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct endpoint endpoint;

	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_pass_seconds(till, 60);
	route.row = post_only_due(till);
	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_SUCCEEDED);
	assert_true(post_get_endpoint(till, route.endpoint, &endpoint));
	assert_false(instant_is_set(endpoint.failing_since));
}

/* -- Releases -------------------------------------------------------------- */

static void
what_is_released_has_its_place_again(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	const struct due_deliveries *due;
	struct id later;

	till_pass_seconds(till, 1);
	later = post_coin_event(till, route.merchant);
	claim(till, &route, post_first);
	assert_true(id_equal(post_only_due(till).event, later));
	till_pass_seconds(till, 1);
	post_release(till, &route.row, post_first);
	assert_true(till->outcome.delivers);
	due = post_due(till, 8);
	assert_int_equal(due->count, 2);
	assert_true(id_equal(due->rows[0].event, route.event));
	assert_true(id_equal(due->rows[1].event, later));
	assert_int_equal(due->rows[0].due.us, route.row.due.us);
	(void)post_must(till, route.endpoint, route.event, DELIVERY_PENDING, 0);
}

static void
a_retry_that_is_released_is_due_now(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till, FAMILY_COIN);
	struct delivery delivery;

	claim(till, &route, post_first);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_pass_seconds(till, 70);
	route.row = post_only_due(till);
	claim(till, &route, post_first);
	post_release(till, &route.row, post_first);
	delivery =
	    post_must(till, route.endpoint, route.event, DELIVERY_PENDING, 1);
	assert_int_equal(delivery.due.us, till->now.us);
	assert_int_equal(delivery.left, 5);
	assert_false(id_is_set(delivery.holder));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(a_claim_shows_what_is_to_be_sent),
	    TILL_TEST(a_lease_lasts_a_time_out_and_a_margin),
	    TILL_TEST(one_of_two_couriers_gets_it),
	    TILL_TEST(what_is_not_due_yet_is_not_claimed),
	    TILL_TEST(after_the_lease_another_one_takes_over),
	    TILL_TEST(an_attempt_that_died_is_made_again),
	    TILL_TEST(a_row_that_leads_nowhere_is_removed),
	    TILL_TEST(what_is_on_its_way_to_a_deleted_endpoint_is_dropped),
	    TILL_TEST(what_waits_for_a_disabled_endpoint_is_canceled),
	    TILL_TEST(what_was_forgotten_is_canceled),
	    TILL_TEST(a_failure_of_what_was_disabled_meanwhile_is_the_last),
	    TILL_TEST(an_attempt_is_written_down),
	    TILL_TEST(the_schedule_of_cards_ends_after_eight),
	    TILL_TEST(the_schedule_of_coins_ends_after_six),
	    TILL_TEST(jitter_is_of_the_entropy_and_within_its_bound),
	    TILL_TEST(five_days_of_failures_disable_and_say_so),
	    TILL_TEST(a_success_is_remembered),
	    TILL_TEST(what_is_released_has_its_place_again),
	    TILL_TEST(a_retry_that_is_released_is_due_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
