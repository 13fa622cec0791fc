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

/* Neither a lease nor a retry is taken for it. */
static void
what_waits_for_its_time_goes_on_waiting(void **state)
{
	struct till *till = *state;
	struct route route = make_route(till);

	claim(till, &route.row);
	till_pass_seconds(till, -DAY);
	post_claim(till, &route.row, post_second);
	assert_false(claimed(till));
	post_end(till, &route.row, post_first, ATTEMPT_REFUSED);
	till_pass_seconds(till, -DAY);
	assert_int_equal(post_due(till, 8)->count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(first_attempts_do_not_wait_for_the_clock),
	    TILL_TEST(what_waits_for_its_time_goes_on_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
