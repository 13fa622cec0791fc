/*
 * The ping of an endpoint that is being registered: what came of it, and that
 * nothing stays of a registration that nobody ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "post.h"

struct registration {
	struct id endpoint;
	struct id event; /* the ping */
	struct due_delivery row;
};

static void
claim(struct till *till, const struct due_delivery *row)
{
	post_claim(till, row, post_first);
	assert_true(till->outcome.length > 0);
}

static void
must_not_claim(struct till *till, const struct due_delivery *row)
{
	post_claim(till, row, post_first);
	assert_int_equal(till->outcome.length, 0);
}

static struct registration
begin(struct till *till)
{
	struct registration registration = {0};

	registration.endpoint =
	    post_endpoint(till, &(struct endpoint){.status = ENDPOINT_PENDING});
	registration.event = post_ping(till, registration.endpoint);
	registration.row = post_only_due(till);
	return registration;
}

static void
must_be_gone(struct till *till)
{
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), 0);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
	assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 0);
}

static void
a_pending_endpoint_says_what_came_of_its_ping(void **state)
{
	struct till *till = *state;

	for (enum attempt_result result = ATTEMPT_SUCCEEDED;
	     result <= ATTEMPT_REFUSED; result++) {
		bool succeeded = result == ATTEMPT_SUCCEEDED;
		struct registration registration = begin(till);
		struct endpoint endpoint;

		claim(till, &registration.row);
		post_end(till, &registration.row, post_first, result);
		assert_true(
		    post_get_endpoint(till, registration.endpoint, &endpoint));
		assert_int_equal(endpoint.status, ENDPOINT_PENDING);
		assert_int_equal(endpoint.ping,
		    succeeded ? PROGRESS_SUCCEEDED : PROGRESS_FAILED);
		(void)post_must(till, registration.endpoint, registration.event,
		    succeeded ? DELIVERY_SUCCEEDED : DELIVERY_FAILED, 1);
		/* Whoever registered it never asks. */
		till_pass_seconds(till, 59);
		assert_int_equal(post_due(till, 8)->count, 0);
		till_pass_seconds(till, 1);
		registration.row = post_only_due(till);
		must_not_claim(till, &registration.row);
		must_be_gone(till);
	}
}

static void
an_endpoint_that_came_to_be_stays(void **state)
{
	struct till *till = *state;
	struct registration registration = begin(till);

	claim(till, &registration.row);
	post_end(till, &registration.row, post_first, ATTEMPT_SUCCEEDED);
	post_set_status(till, registration.endpoint, ENDPOINT_ENABLED);
	till_pass_seconds(till, 60);
	registration.row = post_only_due(till);
	must_not_claim(till, &registration.row);
	(void)post_must(till, registration.endpoint, registration.event,
	    DELIVERY_SUCCEEDED, 1);
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), 1);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
}

static void
nobody_is_pinged_who_is_not_waited_for(void **state)
{
	struct till *till = *state;
	struct registration registration = begin(till);

	till_pass_seconds(till, 60);
	must_not_claim(till, &registration.row);
	must_be_gone(till);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(a_pending_endpoint_says_what_came_of_its_ping),
	    TILL_TEST(an_endpoint_that_came_to_be_stays),
	    TILL_TEST(nobody_is_pinged_who_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
