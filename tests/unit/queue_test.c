/*
 * The queue: every endpoint gets its turn, in the order of its own events,
 * and a look costs endpoints and not what waits behind them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "post.h"
#include "store/memory.h"

/* A world with some endpoints of the whole account. */
enum { ENDPOINTS = 5, EVENTS = 4 };
struct town {
	struct id merchant;
	struct id endpoints[ENDPOINTS];
	struct id events[EVENTS];
};

static struct town
make_town(struct till *till)
{
	struct town town = {.merchant = till_merchant_plain(till)};

	for (unsigned i = 0; i < ENDPOINTS; i++)
		town.endpoints[i] = post_endpoint_plain(till, FAMILY_COIN);
	/* The last two at one moment. */
	for (unsigned i = 0; i < EVENTS; i++) {
		if (i + 1 < EVENTS)
			till_pass_seconds(till, 1);
		town.events[i] = post_coin_event(till, town.merchant);
	}
	return town;
}

/* What each endpoint has room for; how often it was asked. */
struct rooms {
	const struct town *town;
	unsigned room[ENDPOINTS];
	unsigned asked[ENDPOINTS];
};

static unsigned
room_of(struct id endpoint, void *context)
{
	struct rooms *rooms = context;

	for (unsigned i = 0; i < ENDPOINTS; i++)
		if (id_equal(endpoint, rooms->town->endpoints[i])) {
			rooms->asked[i]++;
			return rooms->room[i];
		}
	fail();
	return 0;
}

static void
look(struct till *till, struct rooms *rooms, unsigned count_max,
    struct id *from, struct due_deliveries *due)
{
	assert_int_equal(engine_due_deliveries(till->engine, till->now, room_of,
			     rooms, count_max, from, due),
	    STORE_OK);
	assert_true(due->count <= count_max);
}

static void
each_endpoint_gives_its_first_ones(void **state)
{
	struct till *till = *state;
	struct town town = make_town(till);
	struct rooms rooms = {&town, {1, 0, 2, 99, EVENTS}, {0}};
	const unsigned given[ENDPOINTS] = {1, 0, 2, EVENTS, EVENTS};
	struct due_deliveries due;
	struct id from = ID_NONE;
	unsigned next = 0;

	look(till, &rooms, DUE_DELIVERIES_MAX, &from, &due);
	for (unsigned i = 0; i < ENDPOINTS; i++)
		for (unsigned j = 0; j < given[i]; j++) {
			const struct due_delivery *row = &due.rows[next++];

			assert_true(id_equal(row->endpoint, town.endpoints[i]));
			assert_true(id_equal(row->event, town.events[j]));
			assert_true(id_equal(row->account, till->account));
			assert_int_equal(row->mode, MODE_TEST);
		}
	assert_int_equal(due.count, next);
	assert_int_equal(due.waiting, ENDPOINTS * EVENTS);
	/* Also of those that have no room. */
	assert_int_equal(due.oldest.us, till->now.us - 2 * 1000000);
	assert_false(instant_is_set(due.next));
	assert_true(id_equal(from, town.endpoints[ENDPOINTS - 1]));
}

static void
all_get_their_turn(void **state)
{
	struct till *till = *state;
	struct town town = make_town(till);
	struct rooms rooms = {&town, {9, 9, 9, 9, 9}, {0}};
	struct id from = ID_NONE;
	struct due_deliveries due;

	/* Nothing is claimed: only whose turn it is changes. */
	for (unsigned i = 0; i < 3 * ENDPOINTS; i++) {
		look(till, &rooms, EVENTS, &from, &due);
		assert_int_equal(due.count, EVENTS);
		assert_true(id_equal(
		    due.rows[0].endpoint, town.endpoints[i % ENDPOINTS]));
		assert_true(id_equal(from, town.endpoints[i % ENDPOINTS]));
		assert_int_equal(due.waiting, ENDPOINTS * EVENTS);
	}
	/* One that has no room does not stop those behind it. */
	rooms.room[0] = rooms.room[1] = rooms.room[2] = 0;
	look(till, &rooms, 2, &from, &due);
	assert_int_equal(due.count, 2);
	assert_true(id_equal(due.rows[0].endpoint, town.endpoints[3]));
	/* A turn that goes around. */
	rooms = (struct rooms){&town, {1, 0, 0, 0, 1}, {0}};
	from = town.endpoints[3];
	look(till, &rooms, 9, &from, &due);
	assert_int_equal(due.count, 2);
	assert_true(id_equal(due.rows[0].endpoint, town.endpoints[4]));
	assert_true(id_equal(due.rows[1].endpoint, town.endpoints[0]));
	assert_true(id_equal(from, town.endpoints[0]));
	for (unsigned i = 0; i < ENDPOINTS; i++)
		assert_int_equal(rooms.asked[i], 1);
}

static void
the_next_one_is_the_first_that_is_not_due(void **state)
{
	struct till *till = *state;
	struct town town = make_town(till);
	struct rooms none = {&town, {0}, {0}};
	struct id from = ID_NONE;
	struct due_deliveries due;
	struct due_delivery row;

	till->now.us -= 2 * 1000000 + 1;
	look(till, &none, 9, &from, &due);
	assert_false(instant_is_set(due.oldest));
	assert_int_equal(due.next.us, till->now.us + 1);
	assert_int_equal(due.waiting, ENDPOINTS * EVENTS);
	till->now.us++;
	look(till, &none, 9, &from, &due);
	assert_int_equal(due.oldest.us, till->now.us);
	assert_int_equal(due.next.us, till->now.us + 1000000);
	/* A lease is of the queue: its end is waited for. */
	till_pass_seconds(till, 2);
	for (unsigned i = 0; i < ENDPOINTS * EVENTS; i++) {
		row = post_due(till, 1)->rows[0];
		post_claim(till, &row, post_first);
		assert_true(till->outcome.length > 0);
	}
	look(till, &none, 9, &from, &due);
	assert_false(instant_is_set(due.oldest));
	assert_int_equal(due.next.us, till->now.us + 20 * 1000000);
	assert_int_equal(due.waiting, ENDPOINTS * EVENTS);
	assert_true(id_equal(from, ID_NONE));
}

static void
accounts_and_modes_are_told_apart(void **state)
{
	struct till *till = *state;
	struct id own = till_merchant_plain(till);
	const struct due_deliveries *due;
	struct id foreign;

	till->scope.mode = MODE_LIVE;
	(void)post_endpoint_plain(till, FAMILY_COIN);
	till->scope.merchant = till_merchant_fixed(till);
	(void)post_coin_event(till, till->scope.merchant);
	till->scope.account = till->foreign;
	till->scope.mode = MODE_TEST;
	foreign = till_merchant_plain(till);
	(void)post_endpoint_plain(till, FAMILY_COIN);
	(void)post_coin_event(till, foreign);
	till->scope.account = till->account;
	(void)post_coin_event(till, own);
	due = post_due(till, 8);
	assert_int_equal(due->count, 2);
	assert_true(id_equal(due->rows[0].account, till->account));
	assert_int_equal(due->rows[0].mode, MODE_LIVE);
	assert_true(id_equal(due->rows[1].account, till->foreign));
	assert_int_equal(due->rows[1].mode, MODE_TEST);
}

/* -- What it costs --------------------------------------------------------- */

static struct till_counts
cost_of_look(unsigned endpoints, unsigned events)
{
	struct till *till = till_open(memory_open());
	struct id merchant = till_merchant_plain(till);

	for (unsigned i = 0; i < endpoints; i++)
		(void)post_endpoint_plain(till, FAMILY_COIN);
	for (unsigned i = 0; i < events; i++)
		(void)post_coin_event(till, merchant);
	till_count(till);
	assert_int_equal(post_due(till, 2)->count, endpoints * 2);
	till_close(till);
	return till_counts;
}

static void
a_look_costs_endpoints_and_not_what_waits(void **state)
{
	struct till_counts few = cost_of_look(3, 2);
	struct till_counts many = cost_of_look(3, 500);

	(void)state;
	assert_int_equal(many.operations, few.operations);
	assert_int_equal(many.rows, few.rows);
	/* A row to find each endpoint, and its two. */
	assert_int_equal(few.rows, 3 * (1 + 2));
}

/* -- What a dead courier held ---------------------------------------------- */

static void
what_somebody_held_is_found_and_given_back(void **state)
{
	struct till *till = *state;
	struct town town = make_town(till);
	struct due_deliveries held;
	struct store_key from = {0};
	struct due_delivery row;

	(void)town;
	for (unsigned i = 0; i < ENDPOINTS * EVENTS; i++) {
		row = post_due(till, 1)->rows[0];
		post_claim(till, &row, i % 3 == 0 ? post_first : post_second);
		if (i == 6)
			post_end(till, &row, post_first, ATTEMPT_SUCCEEDED);
	}
	assert_int_equal(post_due(till, 8)->count, 0);
	assert_int_equal(
	    engine_held_deliveries(till->engine, post_first, &from, &held),
	    STORE_OK);
	assert_int_equal(from.length, 0);
	/* Of the numbers 0, 3, ... 18, but 6. */
	assert_int_equal(held.count, 6);
	for (unsigned i = 0; i < held.count; i++)
		post_release(till, &held.rows[i], post_first);
	assert_int_equal(post_due(till, 8)->count, 6);
	assert_int_equal(
	    engine_held_deliveries(till->engine, post_first, &from, &held),
	    STORE_OK);
	assert_int_equal(held.count, 0);
}

static void
much_that_is_held_is_told_in_parts(void **state)
{
	enum { MANY = DUE_DELIVERIES_MAX + 10 };
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct store_key from = {0};
	struct due_deliveries held;
	struct due_delivery row;

	(void)post_endpoint_plain(till, FAMILY_COIN);
	for (unsigned i = 0; i < MANY; i++) {
		(void)post_coin_event(till, merchant);
		row = post_only_due(till);
		post_claim(till, &row, post_first);
	}
	assert_int_equal(
	    engine_held_deliveries(till->engine, post_first, &from, &held),
	    STORE_OK);
	assert_int_equal(held.count, DUE_DELIVERIES_MAX);
	assert_true(from.length > 0);
	row = held.rows[DUE_DELIVERIES_MAX - 1];
	assert_int_equal(
	    engine_held_deliveries(till->engine, post_first, &from, &held),
	    STORE_OK);
	assert_int_equal(held.count, MANY - DUE_DELIVERIES_MAX);
	assert_int_equal(from.length, 0);
	assert_false(id_equal(held.rows[0].event, row.event));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(each_endpoint_gives_its_first_ones),
	    TILL_TEST(all_get_their_turn),
	    TILL_TEST(the_next_one_is_the_first_that_is_not_due),
	    TILL_TEST(accounts_and_modes_are_told_apart),
	    TILL_TEST(what_somebody_held_is_found_and_given_back),
	    cmocka_unit_test_setup_teardown(much_that_is_held_is_told_in_parts,
		till_setup_memory, till_teardown_memory),
	    cmocka_unit_test(a_look_costs_endpoints_and_not_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
