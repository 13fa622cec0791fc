/*
 * A clock that is set back: what was made before that does not wait until it
 * is that late again, and nothing is sent before its time for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "post.h"

enum { DAY = 24 * 60 * 60 };

/* An endpoint that an event is on its way to. */
struct route {
	struct id merchant;
	struct id endpoint;
	struct id event;
	struct due_delivery row;
};

static struct route
make_route(struct till *till)
{
	struct route route = {.merchant = till_merchant_plain(till)};

	route.endpoint = post_endpoint_plain(till, FAMILY_COIN);
	route.event = post_coin_event(till, route.merchant);
	route.row = post_only_due(till);
	return route;
}

static bool
claimed(const struct till *till)
{
	return till->outcome.length > 0;
}

static void
claim(struct till *till, const struct due_delivery *row)
{
	post_claim(till, row, post_first);
	assert_true(claimed(till));
}

/* What it said before is not waited for. */
static void
first_attempts_do_not_wait_for_the_clock(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till);
	const struct due_deliveries *due;
	struct delivery delivery;
	struct id other;

	till_pass_seconds(till, 1);
	other = post_coin_event(till, route.merchant);
	till_pass_seconds(till, -DAY);
	due = post_due(till, 8);
	assert_int_equal(due->count, 2);
	assert_true(id_equal(due->rows[0].event, route.event));
	assert_true(id_equal(due->rows[1].event, other));
	assert_int_equal(due->oldest.us, till->now.us);
	route.row = due->rows[0];
	claim(till, &route.row);
	post_claim(till, &route.row, post_second);
	assert_false(claimed(till));
	/* The lease is of the new time, and so is the wait for the next. */
	assert_true(id_equal(post_only_due(till).event, other));
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	assert_true(id_equal(post_only_due(till).event, other));
	delivery =
	    post_must(till, route.endpoint, route.event, DELIVERY_PENDING, 1);
	assert_int_equal(delivery.due.us, till->now.us + 60 * 1000000);
	till_pass_seconds(till, 59);
	assert_true(id_equal(post_only_due(till).event, other));
	till_pass_seconds(till, 1);
	assert_true(id_equal(post_only_due(till).event, route.event));
}

/* A claim of the one delivery that is due, which brings it nearer. */
static void
bring_nearer(struct till *till, const struct route *route, int64_t wait_s)
{
	struct due_delivery row = post_only_due(till);
	struct delivery delivery;

	post_claim(till, &row, post_second);
	assert_false(claimed(till));
	assert_int_equal(post_due(till, 8)->count, 0);
	assert_true(post_get(till, route->endpoint, route->event, &delivery));
	assert_int_equal(
	    delivery.due.us, till->now.us + wait_s * INT64_C(1000000));
}

/* Neither a lease nor a retry is taken for it, nor waits for the clock. */
static void
what_waits_for_its_time_goes_on_waiting(void **state)
{
	static const int64_t waits_s[] = {60, 5 * 60, 30 * 60, 2 * 60 * 60};
	struct till *till = *state;
	struct route route = make_route(till);

	for (unsigned i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		route.row = post_only_due(till);
		claim(till, &route.row);
		till_pass_seconds(till, -DAY);
		bring_nearer(till, &route, 5 + LEASE_MARGIN_SECONDS);
		post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
		till_pass_seconds(till, -DAY);
		bring_nearer(till, &route, waits_s[i]);
		till_pass_seconds(till, waits_s[i] - 1);
		assert_int_equal(post_due(till, 8)->count, 0);
		till_pass_seconds(till, 1);
	}
	assert_true(id_equal(post_only_due(till).event, route.event));
}

static void
claim_all_due(struct till *till)
{
	static struct due_deliveries due;

	due = *post_due(till, 8);
	for (unsigned i = 0; i < due.count; i++)
		post_claim(till, &due.rows[i], post_second);
}

/* More than are looked at together: none is left behind the others. */
static void
all_that_wait_are_brought_nearer(void **state)
{
	enum { EVENTS = 40, WAIT_SECONDS = 60 };
	struct till *till = *state;
	struct route route = make_route(till);
	struct id events[EVENTS] = {route.event};
	struct delivery delivery;

	for (unsigned i = 1; i < EVENTS; i++)
		events[i] = post_coin_event(till, route.merchant);
	for (unsigned i = 0; i < EVENTS; i++) {
		route.row = post_due(till, 1)->rows[0];
		claim(till, &route.row);
		post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	}
	till_pass_seconds(till, -30 * DAY);
	for (unsigned i = 0; i < EVENTS; i++)
		claim_all_due(till);
	assert_int_equal(post_due(till, 8)->count, 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		assert_true(
		    post_get(till, route.endpoint, events[i], &delivery));
		assert_true(delivery.due.us <=
			    till->now.us + WAIT_SECONDS * INT64_C(1000000));
	}
}

/* Whose courier has died does not wait for the clock either. */
static void
a_lease_ends_in_its_time(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till);
	struct due_delivery row;

	claim(till, &route.row);
	till_pass_seconds(till, -DAY);
	bring_nearer(till, &route, 5 + LEASE_MARGIN_SECONDS);
	till_pass_seconds(till, 5 + LEASE_MARGIN_SECONDS);
	row = post_only_due(till);
	post_claim(till, &row, post_second);
	assert_true(claimed(till));
}

/* A clock that was set back by less than a minute is nothing. */
static void
a_small_step_changes_nothing(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till);

	claim(till, &route.row);
	till_pass_seconds(till, -CLOCK_SET_BACK_SECONDS / 2);
	assert_int_equal(post_due(till, 8)->count, 0);
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_pass_seconds(till, -CLOCK_SET_BACK_SECONDS / 2);
	assert_int_equal(post_due(till, 8)->count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(first_attempts_do_not_wait_for_the_clock),
	    TILL_TEST(what_waits_for_its_time_goes_on_waiting),
	    TILL_TEST(all_that_wait_are_brought_nearer),
	    TILL_TEST(a_lease_ends_in_its_time),
	    TILL_TEST(a_small_step_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
