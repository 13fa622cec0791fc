/*
 * The engine on a store that is full: it grows, and only at its bound, or
 * where it cannot, is a command refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "engine_steps.h"
#include "store/faulty.h"
#include "store_files.h"
#include "till.h"

enum { CREATES_MAX = 10000, PAIRS = 10 };

static int
setup(void **state)
{
	(void)files_setup(state);
	files.options.map_bytes = 1 * MIB;
	files.options.map_bytes_max = 4 * MIB;
	return 0;
}

static off_t
file_length(void)
{
	struct stat status;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	return status.st_size;
}

/* A world on the store, of which its engine alone sees the failures. */
static struct world *
open_world(const char *plan, int64_t latency_ms)
{
	struct world *world;
	struct store *faulty;

	files_must_open();
	world = world_open(files.store);
	faulty = faulty_open(files.store, plan);
	assert_non_null(faulty);
	files.store = NULL;
	world->store = faulty;
	world_engine(world, faulty, latency_ms, 0, 1000);
	assert_int_equal(file_length(), 1 * MIB);
	return world;
}

static void
close_world(struct world *world)
{
	world_verify(world);
	world_close(world);
}

/* With much metadata, so that the store is full soon. */
static enum error_id
create(struct world *world)
{
	static char value[METADATA_VALUE_CHARACTERS_MAX + 1];
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);
	char key[] = "key 0";

	command_give_amount(command, 2000);
	command_give(command, GIVEN_CURRENCY, "eur");
	for (int i = 0; i < PAIRS; i++) {
		key[4] = (char)('0' + i);
		memset(value, 'v', sizeof(value) - 1);
		command_give_pair(command, key, value);
	}
	return world_run(world)->error.id;
}

static void
a_full_store_grows_to_its_bound_and_then_refuses(void **state)
{
	struct world *world = open_world("", 0);
	struct id last = ID_NONE;
	enum error_id error;
	int count = 0;

	(void)state;
	for (error = create(world); error == ERROR_NONE && count < CREATES_MAX;
	     error = create(world)) {
		last = world->command.fresh;
		count++;
	}
	assert_int_equal(error, ERROR_SERVICE_UNAVAILABLE);
	assert_int_equal(file_length(), 4 * MIB);
	assert_false(engine_is_lost(world->engine));
	/* More than the first MiB had room for. */
	assert_true(count > 40);
	assert_true(id_equal(world_intent(world, last).id, last));
	close_world(world);
}

static void
a_call_that_says_full_once_costs_one_growth(void **state)
{
	static const char *const plans[] = {
	    "begin=full@1", "put:intents=full@1", "commit=full@1"};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct world *world = open_world(plans[i], 0);

		(void)world_create(world, 2000, METHOD_AUTOMATIC);
		assert_int_equal(file_length(), 2 * MIB);
		close_world(world);
		assert_int_equal(unlink(files.temporary.path), 0);
	}
}

static void
a_store_that_does_not_grow_refuses_and_lives(void **state)
{
	struct world *world = open_world("commit=full@1,grow=full", 0);

	(void)state;
	(void)world_make(world, COMMAND_CUSTOMER_CREATE);
	world_must(world, ERROR_SERVICE_UNAVAILABLE);
	assert_false(engine_is_lost(world->engine));
	assert_int_equal(file_length(), 1 * MIB);
	(void)world_create(world, 2000, METHOD_AUTOMATIC);
	close_world(world);
}

static void
a_store_that_fails_to_grow_is_to_be_opened_anew(void **state)
{
	struct world *world = open_world("commit=full@1,grow=unavailable", 0);

	(void)state;
	(void)world_make(world, COMMAND_CUSTOMER_CREATE);
	world_must(world, ERROR_SERVICE_UNAVAILABLE);
	assert_true(engine_is_lost(world->engine));
	close_world(world);
}

/* The second commit is that of the answer, which nobody would give again. */
static void
the_answer_of_a_processor_outside_finds_room(void **state)
{
	struct world *world = open_world("commit=full@3", 1);
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);

	(void)state;
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, id),
	    GIVEN_PAYMENT_METHOD, "pm_card_visa");
	world_must(world, ERROR_NONE);
	must_be_state(world_intent(world, id).state, STATE_SUCCEEDED);
	assert_int_equal(file_length(), 2 * MIB);
	close_world(world);
}

static void
a_sweep_finds_room(void **state)
{
	struct engine_options options = {0};
	struct till *till;
	unsigned count = 0;

	(void)state;
	files_must_open();
	till = till_open(files.store);
	(void)till_create(till, till_merchant_plain(till), 10000000);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	till->store = faulty_open(files.store, "commit=full@1");
	files.store = NULL;
	assert_non_null(till->store);
	engine_close(till->engine);
	options.store = till->store;
	till->engine = engine_open(&options);
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_OK);
	assert_int_equal(count, 1);
	assert_int_equal(file_length(), 2 * MIB);
	till_close(till);
}

#define ON_FILES(name)                                   \
	{                                                \
#name, name, setup, files_teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_FILES(a_full_store_grows_to_its_bound_and_then_refuses),
	    ON_FILES(a_call_that_says_full_once_costs_one_growth),
	    ON_FILES(a_store_that_does_not_grow_refuses_and_lives),
	    ON_FILES(a_store_that_fails_to_grow_is_to_be_opened_anew),
	    ON_FILES(the_answer_of_a_processor_outside_finds_room),
	    ON_FILES(a_sweep_finds_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
