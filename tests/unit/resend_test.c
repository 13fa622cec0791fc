/*
 * Sending an event once more, as the operator wants it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bundle.h"
#include "engine_steps.h"
#include "post.h"

static unsigned
deliveries_shown(const struct till *till)
{
	struct text objects = outcome_objects(&till->outcome);
	struct text encoded;
	unsigned count = 0;

	while (bundle_next(&objects, &encoded))
		count++;
	return count;
}

/* Claims what is due first and says what came of it. */
static struct due_delivery
attempt(struct till *till, enum attempt_result result)
{
	struct due_delivery row = post_only_due(till);

	post_claim(till, &row, post_first);
	assert_true(till->outcome.length > 0);
	post_end(till, &row, post_first, result);
	return row;
}

static void
what_has_arrived_is_sent_again(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	unsigned lines = till_rows(till, TABLE_AUDIT);
	struct delivery delivery;

	(void)attempt(till, ATTEMPT_SUCCEEDED);
	till_pass_seconds(till, 3600);
	post_resend(till, event, endpoint, ERROR_NONE);
	assert_true(till->outcome.delivers);
	assert_int_equal(till_rows(till, TABLE_AUDIT), lines + 1);
	till_first(till, KIND_DELIVERY, &delivery);
	assert_int_equal(delivery.state, DELIVERY_PENDING);
	delivery = post_must(till, endpoint, event, DELIVERY_PENDING, 1);
	assert_int_equal(delivery.due.us, till->now.us);
	assert_int_equal(delivery.left, 1);
	(void)attempt(till, ATTEMPT_REFUSED);
	delivery = post_must(till, endpoint, event, DELIVERY_FAILED, 2);
	assert_false(delivery.resent);
	assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 2);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 1);
}

static void
what_waits_is_sent_now_and_goes_on_after(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	struct delivery delivery;

	(void)attempt(till, ATTEMPT_REFUSED);
	assert_int_equal(post_due(till, 8)->count, 0);
	post_resend(till, event, endpoint, ERROR_NONE);
	(void)attempt(till, ATTEMPT_REFUSED);
	delivery = post_must(till, endpoint, event, DELIVERY_PENDING, 2);
	assert_int_equal(delivery.left, 4);
	assert_int_equal(delivery.due.us - till->now.us, 300 * 1000000);
}

static void
what_is_being_attempted_is_left_alone(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	struct due_delivery row = post_only_due(till);
	struct delivery delivery;
	struct snapshot before;
	struct snapshot after;

	post_claim(till, &row, post_first);
	snapshot_take(till->store, &before);
	post_resend(till, event, endpoint, ERROR_NONE);
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_false(till->outcome.delivers);
	till_first(till, KIND_DELIVERY, &delivery);
	assert_true(id_equal(delivery.holder, post_first));
	/* One whose lease is over is nobody's. */
	till_pass_seconds(till, 20);
	post_resend(till, event, endpoint, ERROR_NONE);
	delivery = post_must(till, endpoint, event, DELIVERY_PENDING, 0);
	assert_false(id_is_set(delivery.holder));
}

static void
whoever_did_not_ask_for_it_can_be_sent_it(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id event = post_coin_event(till, merchant);
	/* Of another type, and made later. */
	struct id endpoint = post_endpoint(
	    till, &(struct endpoint){.events = POST_TYPE(EVENT_COIN_EXPIRED)});
	struct delivery delivery;

	post_resend(till, event, endpoint, ERROR_NONE);
	delivery = post_must(till, endpoint, event, DELIVERY_PENDING, 0);
	assert_int_equal(delivery.left, 1);
	assert_int_equal(delivery.created.us, till->now.us);
	(void)attempt(till, ATTEMPT_SUCCEEDED);
	(void)post_must(till, endpoint, event, DELIVERY_SUCCEEDED, 1);
}

/* The operator wants to see whether it is well again. */
static void
a_disabled_endpoint_is_sent_it_once(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	struct due_delivery row = post_only_due(till);
	struct endpoint stored;

	post_set_status(till, endpoint, ENDPOINT_DISABLED);
	post_claim(till, &row, post_first);
	(void)post_must(till, endpoint, event, DELIVERY_CANCELED, 0);
	post_resend(till, event, endpoint, ERROR_NONE);
	(void)attempt(till, ATTEMPT_REFUSED);
	/* Five are left, but not for one that is disabled. */
	(void)post_must(till, endpoint, event, DELIVERY_CANCELED, 1);
	post_resend(till, event, endpoint, ERROR_NONE);
	(void)attempt(till, ATTEMPT_SUCCEEDED);
	(void)post_must(till, endpoint, event, DELIVERY_SUCCEEDED, 2);
	assert_true(post_get_endpoint(till, endpoint, &stored));
	assert_int_equal(stored.status, ENDPOINT_DISABLED);
}

static void
without_a_name_it_is_sent_to_all(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id before = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	struct id after =
	    post_endpoint(till, &(struct endpoint){.merchant = merchant});
	struct id unasked = post_endpoint(
	    till, &(struct endpoint){.events = POST_TYPE(EVENT_COIN_EXPIRED)});
	struct id disabled = post_endpoint(
	    till, &(struct endpoint){.status = ENDPOINT_DISABLED});
	struct delivery delivery;

	(void)attempt(till, ATTEMPT_SUCCEEDED);
	post_resend(till, event, ID_NONE, ERROR_NONE);
	assert_int_equal(deliveries_shown(till), 2);
	(void)post_must(till, before, event, DELIVERY_PENDING, 1);
	(void)post_must(till, after, event, DELIVERY_PENDING, 0);
	assert_false(post_get(till, unasked, event, &delivery));
	assert_false(post_get(till, disabled, event, &delivery));
}

static void
what_is_not_there_is_refused(void **state)
{
	static const struct id nobody = {{3, 3, 3}};
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id event = post_coin_event(till, merchant);
	struct id foreign_ones;
	struct snapshot before;
	struct snapshot after;

	foreign_ones = post_endpoint(
	    till, &(struct endpoint){.merchant = till_merchant_fixed(till)});
	snapshot_take(till->store, &before);
	post_resend(till, nobody, endpoint, ERROR_EVENT_MISSING);
	post_resend(till, event, nobody, ERROR_ENDPOINT_MISSING);
	/* It would be told of somebody else's payment. */
	post_resend(till, event, foreign_ones, ERROR_ENDPOINT_MISSING);
	till->scope.account = till->foreign;
	post_resend(till, event, endpoint, ERROR_EVENT_MISSING);
	till->scope.account = till->account;
	till->scope.mode = MODE_LIVE;
	post_resend(till, event, endpoint, ERROR_EVENT_MISSING);
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
}

static void
the_other_contract_s_endpoints_and_pending_ones_are_refused(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id cards = post_endpoint_plain(till, FAMILY_CARD);
	struct id pending =
	    post_endpoint(till, &(struct endpoint){.status = ENDPOINT_PENDING});
	struct id event = post_coin_event(till, merchant);

	post_resend(till, event, cards, ERROR_ENDPOINT_MISSING);
	post_resend(till, event, pending, ERROR_ENDPOINT_MISSING);
	post_resend(till, event, ID_NONE, ERROR_ENDPOINT_MISSING);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
}

static void
a_ping_is_sent_again_to_whom_it_was_for(void **state)
{
	struct till *till = *state;
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);
	struct id other = post_endpoint_plain(till, FAMILY_COIN);
	struct id ping = post_ping(till, endpoint);

	(void)attempt(till, ATTEMPT_REFUSED);
	post_resend(till, ping, ID_NONE, ERROR_NONE);
	assert_int_equal(deliveries_shown(till), 1);
	(void)post_must(till, endpoint, ping, DELIVERY_PENDING, 1);
	post_resend(till, ping, other, ERROR_ENDPOINT_MISSING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(what_has_arrived_is_sent_again),
	    TILL_TEST(what_waits_is_sent_now_and_goes_on_after),
	    TILL_TEST(what_is_being_attempted_is_left_alone),
	    TILL_TEST(whoever_did_not_ask_for_it_can_be_sent_it),
	    TILL_TEST(a_disabled_endpoint_is_sent_it_once),
	    TILL_TEST(without_a_name_it_is_sent_to_all),
	    TILL_TEST(what_is_not_there_is_refused),
	    TILL_TEST(
		the_other_contract_s_endpoints_and_pending_ones_are_refused),
	    TILL_TEST(a_ping_is_sent_again_to_whom_it_was_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
