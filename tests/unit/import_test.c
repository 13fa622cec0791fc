/*
 * Many commands in one transaction: all of it or nothing, whatever fails,
 * and keys that are remembered from when they were used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/import.h"
#include "store/faulty.h"
#include "store/memory.h"
#include "till.h"

enum { COMMANDS_MAX = 8 };

/* Commands that wait for an import, and what came of them. */
struct load {
	struct till *till;
	const struct command *commands[COMMANDS_MAX]; /* owned */
	size_t count;
	unsigned seen;
	unsigned created;
	unsigned replayed;
	unsigned refused;
	unsigned stop_at; /* the visit that ends it; 0: none */
};

static void
load_begin(struct load *load, struct till *till)
{
	*load = (struct load){.till = till};
	till->scope.merchant = till_merchant_plain(till);
}

static struct command *
add(struct load *load)
{
	struct command *command = till_make(load->till, COMMAND_INTENT_CREATE);

	command->amount.units = 100;
	command->given = GIVEN_AMOUNT | GIVEN_CURRENCY;
	till_keep(load->till, "usd", &command->currency);
	return command;
}

/* After add(): the command as it now stands. */
static void
queue(struct load *load)
{
	struct command *copy = malloc(sizeof(*copy));

	assert_non_null(copy);
	assert_true(load->count < COMMANDS_MAX);
	memcpy(copy, &load->till->command, command_size(&load->till->command));
	load->commands[load->count++] = copy;
}

static void
queue_many(struct load *load, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		add(load);
		queue(load);
	}
}

static bool
see(size_t index, const struct outcome *outcome, void *context)
{
	struct load *load = context;

	assert_int_equal(index, load->seen);
	load->seen++;
	load->refused += outcome->error.id != ERROR_NONE;
	load->replayed += outcome->replayed;
	load->created += outcome->error.id == ERROR_NONE && !outcome->replayed;
	return load->seen != load->stop_at;
}

static bool
run(struct load *load, enum store_result expected)
{
	bool ended;

	load->seen = load->created = load->replayed = load->refused = 0;
	assert_int_equal(engine_import(load->till->engine, load->commands,
			     load->count, see, load, &ended),
	    expected);
	return !ended;
}

static void
load_clear(struct load *load)
{
	for (size_t i = 0; i < load->count; i++)
		free((void *)(uintptr_t)load->commands[i]);
	load->count = 0;
}

static void
all_commands_are_written(void **state)
{
	struct load load;

	load_begin(&load, *state);
	queue_many(&load, 5);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.created, 5);
	assert_int_equal(till_rows(*state, TABLE_INTENTS), 5);
	load_clear(&load);
}

static void
a_visit_that_ends_it_leaves_nothing(void **state)
{
	struct load load;

	load_begin(&load, *state);
	queue_many(&load, 5);
	load.stop_at = 5;
	assert_false(run(&load, STORE_OK));
	assert_int_equal(load.seen, 5);
	assert_int_equal(till_rows(*state, TABLE_INTENTS), 0);
	load.stop_at = 2;
	assert_false(run(&load, STORE_OK));
	assert_int_equal(load.seen, 2);
	assert_int_equal(till_rows(*state, TABLE_INTENTS), 0);
	load_clear(&load);
}

static void
a_refused_command_keeps_no_other_from_being_written(void **state)
{
	struct load load;

	load_begin(&load, *state);
	queue_many(&load, 1);
	till_keep(load.till, "cus_none", &add(&load)->customer.text);
	queue(&load);
	queue_many(&load, 1);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.created, 2);
	assert_int_equal(load.refused, 1);
	assert_int_equal(till_rows(*state, TABLE_INTENTS), 2);
	load_clear(&load);
}

static void
a_key_is_seen_by_the_commands_behind_it(void **state)
{
	struct load load;

	load_begin(&load, *state);
	for (unsigned i = 0; i < 3; i++) {
		add(&load);
		till_give_key(load.till, "a", "the same");
		queue(&load);
	}
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.created, 1);
	assert_int_equal(load.replayed, 2);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.replayed, 3);
	assert_int_equal(till_rows(*state, TABLE_INTENTS), 1);
	load_clear(&load);
}

/* Made long ago, asked for now. */
static void
queue_old(struct load *load)
{
	struct command *command = add(load);

	command->asked = command->now;
	command->now = instant_from_seconds(1500000000);
	till_give_key(load->till, "old", "the same");
	queue(load);
}

static void
a_key_is_remembered_from_when_it_was_used(void **state)
{
	const int64_t day = 24 * 60 * 60;
	struct load load;

	load_begin(&load, *state);
	queue_old(&load);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.created, 1);
	load_clear(&load);
	till_pass_seconds(load.till, day - 1);
	/* A request that knows of no other time than now. */
	add(&load);
	till_give_key(load.till, "old", "the same");
	queue(&load);
	queue_old(&load);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.replayed, 2);
	load_clear(&load);
	till_pass_seconds(load.till, 1);
	queue_old(&load);
	assert_true(run(&load, STORE_OK));
	assert_int_equal(load.created, 1);
	load_clear(&load);
}

static void
what_fails_leaves_nothing_and_says_so(void **state)
{
	static const struct {
		const char *plan;
		enum store_result result;
	} cases[] = {
	    {"begin=unavailable@1", STORE_UNAVAILABLE},
	    {"put:intents=full@3", STORE_FULL},
	    {"get:merchants=damaged@2", STORE_DAMAGED},
	    {"commit=full@1", STORE_FULL},
	    {"commit=unknown@1", STORE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct till *till = till_open(memory_open());
		struct engine_options options = {0};
		struct engine *own = till->engine;
		struct load load;

		load_begin(&load, till);
		queue_many(&load, 4);
		till->store = faulty_open(till->store, cases[i].plan);
		options.store = till->store;
		till->engine = engine_open(&options);
		engine_close(own);
		assert_true(run(&load, cases[i].result));
		assert_int_equal(engine_is_lost(till->engine),
		    cases[i].result == STORE_UNKNOWN);
		assert_int_equal(till_rows(till, TABLE_INTENTS), 0);
		assert_true(run(&load, STORE_OK));
		assert_int_equal(till_rows(till, TABLE_INTENTS), 4);
		load_clear(&load);
		till_close(till);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(all_commands_are_written),
	    TILL_TEST(a_visit_that_ends_it_leaves_nothing),
	    TILL_TEST(a_refused_command_keeps_no_other_from_being_written),
	    TILL_TEST(a_key_is_seen_by_the_commands_behind_it),
	    TILL_TEST(a_key_is_remembered_from_when_it_was_used),
	    cmocka_unit_test(what_fails_leaves_nothing_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
