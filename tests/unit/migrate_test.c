/*
 * The schema of a store, and the steps from an older one; on the memory store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/codec.h"
#include "engine/schema.h"
#include "store/faulty.h"
#include "store/keys.h"
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
    {"intentd store, schema 3", SCHEMA_OWN, 3},
    {"intentd store, schema 1", SCHEMA_OLDER, 1},
    {"intentd store, schema 2", SCHEMA_OLDER, 2},
    {"intentd store, schema 4", SCHEMA_NEWER, 4},
    {"intentd store, schema 999999", SCHEMA_NEWER, 999999},
    {"intentd store, schema 9999999", SCHEMA_DAMAGED, 0},
    {"intentd store, schema 0", SCHEMA_DAMAGED, 0},
    {"intentd store, schema ", SCHEMA_DAMAGED, 0},
    {"intentd store, schema -1", SCHEMA_DAMAGED, 0},
    {"intentd store, schema 3 ", SCHEMA_DAMAGED, 0},
    {"another store, schema 3", SCHEMA_DAMAGED, 0},
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

/* -- Schema 2 -------------------------------------------------------------- */

static const struct id account = {{1}}, merchant = {{2}};

static struct id
numbered(unsigned number)
{
	return (struct id){{3, (uint8_t)(number >> 8), (uint8_t)number}};
}

static void
put_event(struct store *store, uint8_t mode, unsigned number, uint8_t type)
{
	const struct event event = {
	    .id = numbered(number),
	    .merchant = merchant,
	    .type = type,
	    .created = instant_from_seconds(1800000000),
	};
	struct store_key key = key_of_object(account, mode, event.id);
	struct transaction *transaction;
	struct buffer buffer;
	char bytes[256];

	buffer_init(&buffer, bytes, sizeof(bytes));
	codec_encode(KIND_EVENT, &event, &buffer);
	assert_false(buffer.overflow);
	assert_int_equal(
	    store_begin(store, STORE_WRITE, &transaction), STORE_OK);
	assert_int_equal(store_put(transaction, TABLE_EVENTS, key_text(&key),
			     buffer_text(&buffer)),
	    STORE_OK);
	assert_int_equal(store_commit(transaction), STORE_OK);
}

static bool
has_row(struct store *store, uint8_t mode, enum list list, struct id owner,
    unsigned number)
{
	struct store_key key =
	    key_of_list_row(account, mode, list, owner, numbered(number));
	struct transaction *transaction;
	enum store_result result;
	struct text value;

	assert_int_equal(
	    store_begin(store, STORE_READ, &transaction), STORE_OK);
	result = store_get(transaction, TABLE_LISTS, key_text(&key), &value);
	store_abort(transaction);
	return result == STORE_OK && value.length == 0;
}

static uint64_t
rows_of(struct store *store, enum table table)
{
	struct transaction *transaction;
	uint64_t count = 0;

	assert_int_equal(
	    store_begin(store, STORE_READ, &transaction), STORE_OK);
	assert_int_equal(store_count(transaction, table, &count), STORE_OK);
	store_abort(transaction);
	return count;
}

/* More than are read at once; of two modes; those of coins stay unlisted. */
static void
the_second_step_lists_the_events_of_cards(void **state)
{
	enum { MANY = 600 };

	must_store(*state, TABLE_META, "schema", "intentd store, schema 2");
	for (unsigned i = 0; i < MANY; i++)
		put_event(*state, MODE_TEST, i,
		    i % 3 == 0 ? EVENT_COIN_EXPIRED : EVENT_INTENT_CREATED);
	put_event(*state, MODE_LIVE, MANY, EVENT_CUSTOMER_DELETED);
	assert_int_equal(engine_migrate(*state, schema_step(2)), STORE_OK);
	must_hold(*state, TABLE_META, "schema", "intentd store, schema 3");
	for (unsigned i = 0; i < MANY; i++) {
		bool listed = i % 3 != 0;

		assert_int_equal(has_row(*state, MODE_TEST,
				     LIST_EVENTS_OF_MERCHANT, merchant, i),
		    listed);
		assert_int_equal(
		    has_row(*state, MODE_TEST,
			list_of_event(EVENT_INTENT_CREATED), account, i),
		    listed);
	}
	assert_true(has_row(
	    *state, MODE_LIVE, LIST_EVENTS_OF_MERCHANT, merchant, MANY));
	assert_true(has_row(*state, MODE_LIVE,
	    list_of_event(EVENT_CUSTOMER_DELETED), account, MANY));
	assert_int_equal(rows_of(*state, TABLE_LISTS), 2 * (MANY / 3 * 2 + 1));
	assert_int_equal(rows_of(*state, TABLE_DELIVERIES), 0);
}

static void
an_event_that_cannot_be_read_ends_the_second_step(void **state)
{
	must_store(*state, TABLE_META, "schema", "intentd store, schema 2");
	put_event(*state, MODE_TEST, 1, EVENT_INTENT_CREATED);
	put_event(*state, MODE_TEST, 2, EVENT_COUNT);
	assert_int_equal(engine_migrate(*state, schema_step(2)), STORE_DAMAGED);
	must_hold(*state, TABLE_META, "schema", "intentd store, schema 2");
	assert_int_equal(rows_of(*state, TABLE_LISTS), 0);
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
	    CASE(the_second_step_lists_the_events_of_cards),
	    CASE(an_event_that_cannot_be_read_ends_the_second_step),
	    CASE(a_step_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
