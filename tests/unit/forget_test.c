/*
 * Events are forgotten when they are old, with their rows in lists and the log
 * of their deliveries, and nothing else is: by the command, a part at a time,
 * and by the operator's purge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/delivery.h"
#include "engine/deliveries.h"
#include "engine/upkeep.h"
#include "engine/verify.h"
#include "store/faulty.h"
#include "store/memory.h"
#include "verify_shop.h"

static struct command command;
static struct outcome outcome;

static uint64_t
rows_of(const struct shop *shop, enum table table)
{
	uint64_t counts[TABLE_COUNT];

	assert_int_equal(engine_count_tables(shop->store, counts), STORE_OK);
	return counts[table];
}

static void
fail_of(const struct finding *finding, void *context)
{
	(void)context;
	fail_msg("%s %s: %.*s", table_name(finding->table), finding->row,
	    TEXT_PRINT(finding->sentence));
}

static void
must_be_healthy(const struct shop *shop)
{
	struct verification_summary summary;

	assert_int_equal(
	    verify_store(shop->store, fail_of, NULL, &summary), STORE_OK);
}

/* Runs commands until nothing is old; returns how many there were. */
static unsigned
forget_all(struct shop *shop, struct instant before)
{
	struct old_events old = {.before = before};
	unsigned commands = 0;

	for (;;) {
		assert_int_equal(
		    engine_old_events(shop->engine, &old), STORE_OK);
		if (old.kind == KIND_NONE)
			return commands;
		engine_forget_events(shop->engine, &old, shop->now, &command);
		engine_apply(shop->engine, &command, &outcome);
		assert_int_equal(outcome.error.id, ERROR_NONE);
		/* Nothing outlives its event, whenever one looks. */
		must_be_healthy(shop);
		commands++;
	}
}

static void
nothing_is_forgotten_before_its_time(void **state)
{
	struct shop shop;
	uint64_t events, deliveries;

	(void)state;
	shop_open(&shop);
	events = rows_of(&shop, TABLE_EVENTS);
	deliveries = rows_of(&shop, TABLE_DELIVERIES);
	assert_int_equal(forget_all(&shop, id_instant(shop.event)), 0);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), events);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES), deliveries);
	shop_close(&shop);
}

/* The first event alone: it was sent to the hook and to one that is gone. */
static void
an_event_goes_with_its_rows_and_its_deliveries(void **state)
{
	uint64_t events, lists, deliveries, due, attempts, lines;
	struct shop shop;

	(void)state;
	shop_open(&shop);
	events = rows_of(&shop, TABLE_EVENTS);
	lists = rows_of(&shop, TABLE_LISTS);
	deliveries = rows_of(&shop, TABLE_DELIVERIES);
	due = rows_of(&shop, TABLE_DELIVERIES_DUE);
	attempts = rows_of(&shop, TABLE_ATTEMPTS);
	lines = rows_of(&shop, TABLE_AUDIT);
	/* Two endpoints, and the events. */
	assert_int_equal(forget_all(&shop, id_instant(shop.waits)), 3);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), events - 1);
	assert_int_equal(rows_of(&shop, TABLE_LISTS), lists - 2);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES), deliveries - 2);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES_DUE), due - 1);
	assert_int_equal(rows_of(&shop, TABLE_ATTEMPTS), attempts - 2);
	/* Of the events, not of the log of deliveries. */
	assert_int_equal(rows_of(&shop, TABLE_AUDIT), lines + 1);
	shop_close(&shop);
}

static bool
take_last(uint64_t sequence, struct text line, void *context)
{
	(void)sequence;
	text_copy(line, context, AUDIT_LINE_BYTES_MAX);
	return true;
}

static void
a_line_says_how_many_went(void **state)
{
	char line[AUDIT_LINE_BYTES_MAX] = "";
	struct shop shop;

	(void)state;
	shop_open(&shop);
	(void)forget_all(&shop, id_instant(shop.waits));
	assert_int_equal(
	    engine_audit_lines(shop.engine, 1, take_last, line), STORE_OK);
	assert_non_null(strstr(line, "what=events_forget"));
	assert_non_null(strstr(line, "detail=1 "));
	assert_non_null(strstr(line, "account=acct_"));
	shop_close(&shop);
}

static void
all_of_it_goes_at_last(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	shop.now = instant_plus(shop.now, span_from_seconds(1));
	(void)forget_all(&shop, shop.now);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), 0);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES), 0);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES_DUE), 0);
	assert_int_equal(rows_of(&shop, TABLE_ATTEMPTS), 0);
	assert_int_equal(rows_of(&shop, TABLE_ENDPOINTS), 3);
	shop_close(&shop);
}

/* Copies of what waits, of other events, as many as a command cannot take. */
static void
send_many(struct shop *shop, unsigned count)
{
	struct delivery delivery = shop_edit_key(
	    shop, KIND_DELIVERY, shop_delivery(shop, shop->hook, shop->event))
				       ->delivery;
	struct event event = shop_edit(shop, KIND_EVENT, shop->ping)->event;

	delivery.attempts = 0;
	for (unsigned i = 0; i < count; i++) {
		uint8_t random[ID_RANDOM_BYTES] = {
		    (uint8_t)(i >> 8), (uint8_t)i};

		event.id = id_make(id_instant(shop->ping), random);
		delivery.event = event.id;
		shop_write(shop, KIND_EVENT,
		    shop_place(shop, KIND_EVENT, event.id), &event);
		shop_write(shop, KIND_DELIVERY,
		    shop_delivery(shop, shop->hook, event.id), &delivery);
	}
}

static void
a_command_takes_a_part_of_them(void **state)
{
	struct old_events old;
	struct shop shop;
	uint64_t before;

	(void)state;
	shop_open(&shop);
	send_many(&shop, 2 * EVENTS_FORGOTTEN_MAX);
	shop.now = instant_plus(shop.now, span_from_seconds(1));
	old = (struct old_events){.before = shop.now};
	before = rows_of(&shop, TABLE_DELIVERIES);
	assert_int_equal(engine_old_events(shop.engine, &old), STORE_OK);
	assert_int_equal(old.kind, KIND_DELIVERY);
	engine_forget_events(shop.engine, &old, shop.now, &command);
	engine_apply(shop.engine, &command, &outcome);
	assert_int_equal(
	    rows_of(&shop, TABLE_DELIVERIES), before - EVENTS_FORGOTTEN_MAX);
	assert_true(forget_all(&shop, shop.now) > 4);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), 0);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES), 0);
	shop_close(&shop);
}

static void
a_command_that_comes_twice_does_nothing(void **state)
{
	struct old_events old;
	struct shop shop;
	uint64_t lines;

	(void)state;
	shop_open(&shop);
	(void)forget_all(&shop, id_instant(shop.waits));
	lines = rows_of(&shop, TABLE_AUDIT);
	old = (struct old_events){
	    .before = id_instant(shop.waits),
	    .kind = KIND_EVENT,
	    .account = shop.account,
	    .mode = MODE_TEST,
	};
	engine_forget_events(shop.engine, &old, shop.now, &command);
	engine_apply(shop.engine, &command, &outcome);
	assert_int_equal(outcome.error.id, ERROR_NONE);
	assert_int_equal(rows_of(&shop, TABLE_AUDIT), lines);
	shop_close(&shop);
}

static void
a_purge_does_it_for_the_operator(void **state)
{
	struct purge purge = {.dry_run = true};
	struct shop shop;
	uint64_t events;

	(void)state;
	shop_open(&shop);
	send_many(&shop, 2 * EVENTS_FORGOTTEN_MAX);
	events = rows_of(&shop, TABLE_EVENTS);
	shop.now = instant_plus(shop.now, span_from_seconds(1));
	purge.now = shop.now;
	purge.events_before = shop.now;
	assert_int_equal(engine_purge(shop.engine, &purge), STORE_OK);
	assert_int_equal(purge.events, events);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), events);
	purge.dry_run = false;
	assert_int_equal(engine_purge(shop.engine, &purge), STORE_OK);
	assert_int_equal(purge.events, events);
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), 0);
	assert_int_equal(rows_of(&shop, TABLE_DELIVERIES), 0);
	assert_int_equal(rows_of(&shop, TABLE_ATTEMPTS), 0);
	must_be_healthy(&shop);
	shop_close(&shop);
}

/* A year that ids cannot have: the operator may say so. */
static void
a_time_beyond_all_ids_is_after_all_events(void **state)
{
	struct shop shop;

	(void)state;
	shop_open(&shop);
	(void)forget_all(&shop, instant_from_seconds(INT64_C(200000000000)));
	assert_int_equal(rows_of(&shop, TABLE_EVENTS), 0);
	shop_close(&shop);
}

static void
what_fails_changes_nothing(void **state)
{
	static const char *const plans[] = {
	    "begin=unavailable",
	    "scan:deliveries=unavailable@3",
	    "delete:attempts=unavailable@2",
	    "delete:deliveries_due=unavailable",
	    "delete:lists=unavailable@2",
	    "commit=unavailable@3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct purge purge = {0};
		struct engine_options options = {0};
		struct shop shop;

		shop_open(&shop);
		shop.store = faulty_open(shop.store, plans[i]);
		assert_non_null(shop.store);
		engine_close(shop.engine);
		options.store = shop.store;
		shop.engine = engine_open(&options);
		shop.now = instant_plus(shop.now, span_from_seconds(1));
		purge.now = shop.now;
		purge.events_before = shop.now;
		assert_int_equal(
		    engine_purge(shop.engine, &purge), STORE_UNAVAILABLE);
		if (strncmp(plans[i], "begin", 5) != 0)
			must_be_healthy(&shop);
		shop_close(&shop);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_forgotten_before_its_time),
	    cmocka_unit_test(an_event_goes_with_its_rows_and_its_deliveries),
	    cmocka_unit_test(a_line_says_how_many_went),
	    cmocka_unit_test(all_of_it_goes_at_last),
	    cmocka_unit_test(a_command_takes_a_part_of_them),
	    cmocka_unit_test(a_command_that_comes_twice_does_nothing),
	    cmocka_unit_test(a_purge_does_it_for_the_operator),
	    cmocka_unit_test(a_time_beyond_all_ids_is_after_all_events),
	    cmocka_unit_test(what_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
