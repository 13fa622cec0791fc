/*
 * The probe: a command that is written down, or not, like any other.
 */
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "engine_steps.h"
#include "store/faulty.h"
#include "store/memory.h"

static void
probe_at(struct world *world, int64_t seconds)
{
	engine_probe(instant_from_seconds(seconds), &world->command);
}

/* When the last probe was, as the store has it; 0: there was none. */
static int64_t
stored_us(struct store *store)
{
	struct transaction *transaction;
	int64_t us = 0;
	struct text row;

	assert_int_equal(
	    store_begin(store, STORE_READ, &transaction), STORE_OK);
	if (store_get(transaction, TABLE_META, TEXT("probe"), &row) ==
	    STORE_OK) {
		assert_int_equal(row.length, 8);
		us = (int64_t)bytes_get_le64((const uint8_t *)row.bytes);
	}
	store_abort(transaction);
	return us;
}

static void
it_writes_when_it_was_and_nothing_else(void **state)
{
	struct world *world = *state;

	assert_int_equal(stored_us(world->store), 0);
	probe_at(world, 1700000000);
	world_must(world, ERROR_NONE);
	assert_int_equal(world->outcome.length, 0);
	assert_int_equal(
	    stored_us(world->store), INT64_C(1700000000) * 1000000);
	probe_at(world, 1700000001);
	world_must(world, ERROR_NONE);
	assert_int_equal(
	    stored_us(world->store), INT64_C(1700000001) * 1000000);
}

static void
where_nothing_can_be_written_it_is_refused(void **state)
{
	static const char *const plans[] = {"begin=full", "put:meta=full",
	    "put:meta=unavailable", "commit=full", "commit=unavailable"};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct world *world = world_open(memory_open());
		struct store *faulty = faulty_open(world->store, plans[i]);
		struct store *inner = world->store;

		world_engine(world, faulty, 0, 0, 0);
		probe_at(world, 1700000000);
		world_must(world, ERROR_SERVICE_UNAVAILABLE);
		assert_int_equal(stored_us(inner), 0);
		world_close(world);
	}
}

int
main(void)
{
	struct CMUnitTest both[] = {
	    cmocka_unit_test(it_writes_when_it_was_and_nothing_else),
	};
	const struct CMUnitTest others[] = {
	    cmocka_unit_test(where_nothing_can_be_written_it_is_refused),
	};

	return world_run_on_both(
		   "probe", both, sizeof(both) / sizeof(both[0])) +
	       cmocka_run_group_tests(others, NULL, NULL);
}
