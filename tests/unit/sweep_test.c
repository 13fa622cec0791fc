/*
 * Expiry: decided at the very instant by whoever looks, and written down by
 * the sweeper, at a cost of its own work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "store/faulty.h"
#include "store/memory.h"
#include "till.h"

#define DUE INT64_C(10000000)

static unsigned
sweep(struct till *till, unsigned batch)
{
	unsigned count = 99;

	assert_int_equal(
	    engine_sweep(till->engine, till->now, batch, &count), STORE_OK);
	return count;
}

static void
must_count(
    struct till *till, struct id merchant, enum state status, unsigned total)
{
	const struct till_page *page;

	till_make_list(till, KIND_COIN_INTENT, merchant, LIST_LIMIT_MAX)
	    ->with_status = (uint8_t)status;
	page = till_list(till);
	assert_int_equal(page->total, total);
	assert_int_equal(page->count, total);
	assert_false(page->has_more);
}

/* To the last microsecond before, or to the first of, the end. */
static void
pass_to_expiry(struct till *till, struct id intent, int64_t before_us)
{
	till->now.us = till_intent(till, intent).expires.us - before_us;
}

static void
all_readers_see_expired_at_expires_at(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);

	pass_to_expiry(till, intent, 1);
	till_must_see(till, intent, STATE_AWAITING_PAYMENT);
	must_count(till, merchant, STATE_AWAITING_PAYMENT, 1);
	must_count(till, merchant, STATE_EXPIRED, 0);
	pass_to_expiry(till, intent, 0);
	till_must_see(till, intent, STATE_EXPIRED);
	must_count(till, merchant, STATE_AWAITING_PAYMENT, 0);
	must_count(till, merchant, STATE_EXPIRED, 1);
	must_count(till, merchant, STATE_NONE, 1);
	/* The sweeper makes no difference but to the outbox. */
	assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 0);
	assert_int_equal(sweep(till, 8), 1);
	till_must_see(till, intent, STATE_EXPIRED);
	must_count(till, merchant, STATE_AWAITING_PAYMENT, 0);
	must_count(till, merchant, STATE_EXPIRED, 1);
	must_count(till, merchant, STATE_NONE, 1);
	assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 1);
}

static void
commands_see_expired_at_expires_at(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id in_time = till_create(till, merchant, DUE);
	struct id paid = till_create(till, merchant, DUE);
	struct id cancelled = till_create(till, merchant, DUE);
	struct id late = till_create(till, merchant, DUE);

	pass_to_expiry(till, in_time, 1);
	till_do(till, COMMAND_COIN_CANCEL, cancelled);
	till_pay(till, paid, 0);
	till_must_see(till, paid, STATE_CONFIRMED);
	pass_to_expiry(till, in_time, 0);
	(void)till_make_about(till, COMMAND_COIN_CANCEL, in_time);
	till_must(till, ERROR_INTENT_NOT_CANCELLABLE);
	assert_string_equal(till->outcome.error.detail, "expired");
	till_pay(till, late, 0);
	till_must_see(till, late, STATE_EXPIRED);
	/* The refusal wrote nothing; the transfer wrote the expiry down. */
	assert_int_equal(
	    till_intent(till, in_time).state, STATE_AWAITING_PAYMENT);
	assert_int_equal(till_intent(till, late).state, STATE_EXPIRED);
	assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 1);
	assert_int_equal(sweep(till, 8), 1);
	assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 2);
}

static void
expire_before_its_time_does_nothing(void **state)
{
	struct till *till = *state;
	struct id intent = till_create(till, till_merchant_plain(till), DUE);

	pass_to_expiry(till, intent, 1);
	till_do(till, COMMAND_COIN_EXPIRE, intent);
	assert_int_equal(sweep(till, 8), 0);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 0);
	assert_int_equal(till_rows(till, TABLE_EXPIRIES), 1);
	till_must_see(till, intent, STATE_AWAITING_PAYMENT);
	pass_to_expiry(till, intent, 0);
	till_do(till, COMMAND_COIN_EXPIRE, intent);
	till_do(till, COMMAND_COIN_EXPIRE, intent);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 1);
}

static void
what_is_due_is_written_in_batches_oldest_first(void **state)
{
	enum { MANY = 23, BATCH = 5 };
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);
	struct id ids[MANY];

	for (int i = 0; i < MANY; i++) {
		ids[i] = till_create(till, merchant, DUE + i);
		till_pass_seconds(till, 1);
	}
	till_pass_seconds(till, TILL_TTL_SECONDS);
	for (unsigned swept = 0; swept < MANY;) {
		unsigned count = sweep(till, BATCH);

		assert_int_equal(
		    count, MANY - swept < BATCH ? MANY - swept : BATCH);
		swept += count;
		assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), swept);
		assert_int_equal(till_rows(till, TABLE_EXPIRIES), MANY - swept);
		/* Those that ended first. */
		for (unsigned i = 0; i < MANY; i++)
			assert_int_equal(till_intent(till, ids[i]).state,
			    i < swept ? STATE_EXPIRED : STATE_AWAITING_PAYMENT);
		must_count(till, merchant, STATE_EXPIRED, MANY);
	}
	assert_int_equal(sweep(till, BATCH), 0);
}

static void
all_accounts_and_modes_are_swept(void **state)
{
	struct till *till = *state;
	struct id own = till_merchant_fixed(till);
	struct id foreign;

	(void)till_create(till, own, DUE);
	till->scope.mode = MODE_LIVE;
	(void)till_create(till, own, DUE);
	till->scope.account = till->foreign;
	foreign = till_merchant_fixed(till);
	(void)till_create(till, foreign, DUE);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	assert_int_equal(sweep(till, 8), 3);
	must_count(till, foreign, STATE_EXPIRED, 1);
	till->scope.account = till->account;
	must_count(till, own, STATE_EXPIRED, 1);
	till->scope.mode = MODE_TEST;
	must_count(till, own, STATE_EXPIRED, 1);
}

static bool
event_visit(struct text key, struct text encoded, void *context)
{
	struct coin_intent *intent = context;
	struct event event;
	bool found;

	(void)key;
	assert_int_equal(codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
	assert_int_equal(event.type, EVENT_COIN_EXPIRED);
	found = bundle_find(event.objects, KIND_COIN_INTENT, 0, intent);
	assert_true(found);
	assert_true(id_equal(event.merchant, intent->merchant));
	assert_int_equal(intent->state, STATE_EXPIRED);
	return true;
}

static void
the_event_has_the_payment_as_it_then_is(void **state)
{
	struct till *till = *state;
	struct id id = till_create(till, till_merchant_plain(till), DUE);
	struct coin_intent seen = {0};

	till_pass_seconds(till, TILL_TTL_SECONDS);
	assert_int_equal(sweep(till, 8), 1);
	assert_int_equal(
	    engine_visit(till->engine, TABLE_EVENTS, event_visit, &seen),
	    STORE_OK);
	assert_true(id_equal(seen.id, id));
}

/* What a sweep costs, with `due` that are and `others` that are not. */
static struct till_counts
cost_of_sweep(unsigned due, unsigned others)
{
	struct till *till = till_open(memory_open());
	struct id merchant = till_merchant_plain(till);

	for (unsigned i = 0; i < due; i++)
		(void)till_create(till, merchant, DUE);
	till_pass_seconds(till, 1);
	for (unsigned i = 0; i < others; i++)
		(void)till_create(till, merchant, DUE);
	till_pass_seconds(till, TILL_TTL_SECONDS - 1);
	till_count(till);
	assert_int_equal(sweep(till, 64), due);
	till_close(till);
	return till_counts;
}

static void
a_sweep_costs_what_is_due_alone(void **state)
{
	struct till_counts idle = cost_of_sweep(0, 5);
	struct till_counts few = cost_of_sweep(7, 5);

	(void)state;
	for (unsigned others = 50; others <= 500; others *= 10) {
		struct till_counts cost = cost_of_sweep(7, others);

		assert_int_equal(cost.operations, few.operations);
		assert_int_equal(cost.rows, few.rows);
		cost = cost_of_sweep(0, others);
		assert_int_equal(cost.operations, idle.operations);
		assert_int_equal(cost.rows, idle.rows);
	}
	/* One look, at nothing; else two looks, at what is due. */
	assert_int_equal(idle.operations, 1);
	assert_int_equal(idle.rows, 0);
	assert_int_equal(few.rows, 2 * 7);
}

/* What a page costs, after `history` payments that are over. */
static struct till_counts
cost_of_page(unsigned history, enum state status)
{
	struct till *till = till_open(memory_open());
	struct id merchant = till_merchant_plain(till);

	for (unsigned i = 0; i < history; i++) {
		struct id id = till_create(till, merchant, DUE);

		if (i % 3 == 0)
			till_do(till, COMMAND_COIN_CANCEL, id);
		else if (i % 3 == 1)
			till_pay(till, id, 0);
	}
	till_pass_seconds(till, TILL_TTL_SECONDS);
	while (sweep(till, 64) > 0)
		;
	for (unsigned i = 0; i < 12; i++)
		(void)till_create(till, merchant, DUE);
	till_make_list(till, KIND_COIN_INTENT, merchant, 10)->with_status =
	    (uint8_t)status;
	till_count(till);
	assert_true(till_list(till)->has_more);
	till_close(till);
	return till_counts;
}

static void
a_page_and_its_total_cost_no_history(void **state)
{
	static const enum state states[] = {STATE_NONE, STATE_AWAITING_PAYMENT,
	    STATE_CONFIRMED, STATE_EXPIRED, STATE_CANCELLED};

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct till_counts few = cost_of_page(60, states[i]);
		struct till_counts many = cost_of_page(1500, states[i]);

		assert_int_equal(many.operations, few.operations);
		assert_int_equal(many.rows, few.rows);
	}
}

static void
a_sweep_that_fails_does_nothing_and_says_so(void **state)
{
	static const struct {
		const char *plan;
		enum store_result result;
	} cases[] = {
	    {"commit=full@1", STORE_FULL},
	    {"put:events=full@2", STORE_FULL},
	    {"get:coin_intents=damaged@2", STORE_DAMAGED},
	    {"begin=unavailable@1", STORE_UNAVAILABLE},
	    {"begin=unavailable@2", STORE_UNAVAILABLE},
	    {"scan:expiries=damaged@2", STORE_DAMAGED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct till *till = till_open(memory_open());
		struct id merchant = till_merchant_plain(till);
		struct engine_options options = {0};
		struct engine *own = till->engine;
		unsigned count = 99;

		(void)till_create(till, merchant, DUE);
		(void)till_create(till, merchant, DUE);
		till_pass_seconds(till, TILL_TTL_SECONDS);
		till->store = faulty_open(till->store, cases[i].plan);
		assert_non_null(till->store);
		options.store = till->store;
		till->engine = engine_open(&options);
		engine_close(own);
		assert_int_equal(
		    engine_sweep(till->engine, till->now, 8, &count),
		    cases[i].result);
		assert_int_equal(count, 0);
		assert_false(engine_is_lost(till->engine));
		assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 0);
		assert_int_equal(sweep(till, 8), 2);
		assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 2);
		till_close(till);
	}
}

/* The store is not to be trusted: the process should make place. */
static void
a_sweep_of_unknown_fate_is_lost(void **state)
{
	struct till *till = till_open(memory_open());
	struct engine_options options = {0};
	struct engine *own = till->engine;
	unsigned count = 99;

	(void)state;
	(void)till_create(till, till_merchant_plain(till), DUE);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	till->store = faulty_open(till->store, "commit=unknown@1");
	options.store = till->store;
	till->engine = engine_open(&options);
	engine_close(own);
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_UNKNOWN);
	assert_int_equal(count, 0);
	assert_true(engine_is_lost(till->engine));
	till_close(till);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(all_readers_see_expired_at_expires_at),
	    TILL_TEST(commands_see_expired_at_expires_at),
	    TILL_TEST(expire_before_its_time_does_nothing),
	    TILL_TEST(what_is_due_is_written_in_batches_oldest_first),
	    TILL_TEST(all_accounts_and_modes_are_swept),
	    TILL_TEST(the_event_has_the_payment_as_it_then_is),
	    cmocka_unit_test(a_sweep_costs_what_is_due_alone),
	    cmocka_unit_test(a_page_and_its_total_cost_no_history),
	    cmocka_unit_test(a_sweep_that_fails_does_nothing_and_says_so),
	    cmocka_unit_test(a_sweep_of_unknown_fate_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
