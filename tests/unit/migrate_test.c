/*
 * The schema of a store, and the steps from an older one; on the memory store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/schema.h"
#include "store/faulty.h"
#include "store/memory.h"
#include "store_steps.h"

static int
setup(void **state)
{
	*state = memory_open();
	return 0;
}

static int
teardown(void **state)
{
	store_close(*state);
	return 0;
}

static struct schema
schema_of(struct store *store)
{
	struct schema schema;

	assert_int_equal(engine_read_schema(store, &schema), STORE_OK);
	return schema;
}

static const struct {
	const char *row;
	enum schema_state state;
	unsigned version;
} rows[] = {
    {"intentd store, schema 2", SCHEMA_OWN, 2},
    {"intentd store, schema 1", SCHEMA_OLDER, 1},
    {"intentd store, schema 3", SCHEMA_NEWER, 3},
    {"intentd store, schema 999999", SCHEMA_NEWER, 999999},
    {"intentd store, schema 9999999", SCHEMA_DAMAGED, 0},
    {"intentd store, schema 0", SCHEMA_DAMAGED, 0},
    {"intentd store, schema ", SCHEMA_DAMAGED, 0},
    {"intentd store, schema -1", SCHEMA_DAMAGED, 0},
    {"intentd store, schema 2 ", SCHEMA_DAMAGED, 0},
    {"another store, schema 2", SCHEMA_DAMAGED, 0},
    {"", SCHEMA_DAMAGED, 0},
};

static void
a_schema_is_told_by_its_row(void **state)
{
	assert_int_equal(schema_of(*state).state, SCHEMA_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		must_store(*state, TABLE_META, "schema", rows[i].row);
		assert_int_equal(schema_of(*state).state, rows[i].state);
		assert_int_equal(schema_of(*state).version, rows[i].version);
	}
}

static void
steps_lead_from_every_older_version_to_this_one(void **state)
{
	(void)state;
	assert_null(schema_step(0));
	assert_null(schema_step(SCHEMA_VERSION));
	assert_null(schema_step(SCHEMA_VERSION + 1));
	for (unsigned from = 1; from < SCHEMA_VERSION; from++)
		assert_int_equal(schema_step(from)->from, from);
}

static void
the_first_step_forgets_the_last_batch(void **state)
{
	must_store(*state, TABLE_META, "schema", "intentd store, schema 1");
	must_store(*state, TABLE_META, "batch", "of one server");
	assert_int_equal(engine_migrate(*state, schema_step(1)), STORE_OK);
	must_hold(*state, TABLE_META, "schema", "intentd store, schema 2");
	must_hold(*state, TABLE_META, "batch", NULL);
}

static void
a_step_is_not_done_twice(void **state)
{
	must_store(*state, TABLE_META, "schema", "intentd store, schema 2");
	must_store(*state, TABLE_META, "batch", "of one server");
	assert_int_equal(engine_migrate(*state, schema_step(1)), STORE_DAMAGED);
	must_hold(*state, TABLE_META, "batch", "of one server");
}

/* Wherever it fails: old, with all of it. */
static void
a_step_that_fails_changes_nothing(void **state)
{
	static const char *const plans[] = {"begin=unavailable",
	    "put=unavailable", "delete=unavailable", "commit=unavailable"};
	struct store *faulty;

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct store *inner = memory_open();

		must_store(
		    inner, TABLE_META, "schema", "intentd store, schema 1");
		must_store(inner, TABLE_META, "batch", "of one server");
		faulty = faulty_open(inner, plans[i]);
		assert_non_null(faulty);
		assert_int_equal(
		    engine_migrate(faulty, schema_step(1)), STORE_UNAVAILABLE);
		must_hold(
		    inner, TABLE_META, "schema", "intentd store, schema 1");
		must_hold(inner, TABLE_META, "batch", "of one server");
		store_close(faulty);
	}
	(void)state;
}

#define CASE(name)                                 \
	{                                          \
#name, name, setup, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_schema_is_told_by_its_row),
	    CASE(steps_lead_from_every_older_version_to_this_one),
	    CASE(the_first_step_forgets_the_last_batch),
	    CASE(a_step_is_not_done_twice),
	    CASE(a_step_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
