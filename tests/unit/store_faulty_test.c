#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/faulty.h"
#include "store/memory.h"
#include "store_conformance.h"
#include "store_steps.h"

static int
setup(void **state)
{
	*state = faulty_open(memory_open(), "");
	return *state == NULL;
}

static int
teardown(void **state)
{
	store_close(*state);
	return 0;
}

static struct store *
planned(const char *plan)
{
	struct store *store = faulty_open(memory_open(), plan);

	assert_non_null(store);
	return store;
}

static void
a_malformed_plan_is_refused_and_the_inner_store_untouched(void **state)
{
	static const char *const plans[] = {
	    ",",
	    "get",
	    "get=",
	    "=full",
	    "get=ok",
	    "get=full",
	    "get=unknown",
	    "put=missing",
	    "begin=missing",
	    "scan=conflict",
	    "grow=conflict",
	    "grow:meta=full",
	    "commit=missing",
	    "read=full",
	    "GET=missing",
	    "get:=missing",
	    "get:nowhere=missing",
	    "begin:meta=full",
	    "commit:meta=full",
	    "get=missing@",
	    "get=missing@0",
	    "get=missing@-1",
	    "get=missing@x",
	    "get=missing@1@2",
	    " get=missing",
	    "get=missing,",
	    "get=missing,,put=full",
	    /* One more than 16 rules. */
	    "get=missing,get=missing,get=missing,get=missing,get=missing,"
	    "get=missing,get=missing,get=missing,get=missing,get=missing,"
	    "get=missing,get=missing,get=missing,get=missing,get=missing,"
	    "get=missing,get=missing",
	};
	struct store *inner = memory_open();

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		assert_null(faulty_open(inner, plans[i]));
	must_store(inner, TABLE_META, "schema", "1");
	store_close(inner);
}

static void
without_a_number_every_call_fails(void **state)
{
	struct store *store = planned("begin=full");
	struct transaction *transaction;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    store_begin(store, STORE_READ, &transaction), STORE_FULL);
		assert_int_equal(
		    store_begin(store, STORE_WRITE, &transaction), STORE_FULL);
	}
	store_close(store);
}

static void
with_a_number_that_call_alone_fails(void **state)
{
	struct store *store = planned("begin=unavailable@2");
	struct transaction *transaction;

	(void)state;
	store_abort(must_begin(store, STORE_READ));
	assert_int_equal(
	    store_begin(store, STORE_READ, &transaction), STORE_UNAVAILABLE);
	store_abort(must_begin(store, STORE_READ));
	store_close(store);
}

static bool
must_not_visit(struct text key, struct text value, void *context)
{
	(void)key;
	(void)value;
	(void)context;
	fail();
	return false;
}

static void
a_rule_with_a_table_leaves_the_others_alone(void **state)
{
	struct store *store =
	    planned("get:intents=damaged,put:charges=full,scan:events=damaged,"
		    "delete:refunds=conflict");
	struct transaction *write = must_begin(store, STORE_WRITE);
	struct store_range range = {TEXT_NONE, TEXT_NONE, false};
	struct text value;

	(void)state;
	must_put(write, TABLE_INTENTS, "a", "1");
	must_put(write, TABLE_EVENTS, "a", "1");
	must_find(write, TABLE_CHARGES, "a", NULL);
	must_scan(write, TABLE_INTENTS, range, "a=1 ");
	assert_int_equal(
	    store_delete(write, TABLE_META, TEXT("a")), STORE_MISSING);
	assert_int_equal(
	    store_get(write, TABLE_INTENTS, TEXT("a"), &value), STORE_DAMAGED);
	assert_null(value.bytes);
	assert_int_equal(
	    store_scan(write, TABLE_EVENTS, &range, must_not_visit, NULL),
	    STORE_DAMAGED);
	assert_int_equal(
	    store_put(write, TABLE_CHARGES, TEXT("a"), TEXT("1")), STORE_FULL);
	assert_int_equal(
	    store_delete(write, TABLE_REFUNDS, TEXT("a")), STORE_CONFLICT);
	store_abort(write);
	store_close(store);
}

static void
each_rule_counts_its_own_calls_and_the_first_has_the_word(void **state)
{
	struct store *store =
	    planned("get:meta=damaged@2,get=unavailable@2,get=missing@4");
	struct transaction *read;
	struct text value;

	(void)state;
	must_store(store, TABLE_META, "a", "1");
	read = must_begin(store, STORE_READ);
	must_find(read, TABLE_META, "a", "1");
	assert_int_equal(
	    store_get(read, TABLE_META, TEXT("a"), &value), STORE_DAMAGED);
	must_find(read, TABLE_META, "a", "1");
	assert_int_equal(
	    store_get(read, TABLE_META, TEXT("a"), &value), STORE_MISSING);
	must_find(read, TABLE_META, "a", "1");
	store_abort(read);
	store_close(store);
}

static void
get_many_gives_the_first_failure(void **state)
{
	struct store *store = planned("get=damaged@2");
	struct transaction *read;
	struct store_read reads[] = {
	    {.table = TABLE_META, .key = TEXT("a")},
	    {.table = TABLE_META, .key = TEXT("b")},
	    {.table = TABLE_META, .key = TEXT("c")},
	};

	(void)state;
	read = must_begin(store, STORE_READ);
	assert_int_equal(store_get_many(read, reads, 3), STORE_DAMAGED);
	assert_int_equal(reads[0].result, STORE_MISSING);
	assert_int_equal(reads[1].result, STORE_DAMAGED);
	store_abort(read);
	store_close(store);
}

static enum store_result
try_to_store(struct store *store, const char *key)
{
	struct transaction *write = must_begin(store, STORE_WRITE);

	must_put(write, TABLE_META, key, "1");
	return store_commit(write);
}

static void
a_failed_commit_has_done_nothing(void **state)
{
	struct store *store = planned("commit=full@1,commit=conflict@3");

	(void)state;
	assert_int_equal(try_to_store(store, "a"), STORE_FULL);
	assert_int_equal(try_to_store(store, "b"), STORE_OK);
	/* Readers' commits neither count nor fail. */
	must_commit(must_begin(store, STORE_READ));
	assert_int_equal(try_to_store(store, "c"), STORE_CONFLICT);
	must_hold(store, TABLE_META, "a", NULL);
	must_hold(store, TABLE_META, "b", "1");
	must_hold(store, TABLE_META, "c", NULL);
	store_close(store);
}

static void
an_unknown_commit_is_done_every_second_time(void **state)
{
	struct store *store = planned("commit=unknown");

	(void)state;
	assert_int_equal(try_to_store(store, "first"), STORE_UNKNOWN);
	assert_int_equal(try_to_store(store, "second"), STORE_UNKNOWN);
	assert_int_equal(try_to_store(store, "third"), STORE_UNKNOWN);
	assert_int_equal(try_to_store(store, "fourth"), STORE_UNKNOWN);
	must_hold(store, TABLE_META, "first", NULL);
	must_hold(store, TABLE_META, "second", "1");
	must_hold(store, TABLE_META, "third", NULL);
	must_hold(store, TABLE_META, "fourth", "1");
	store_close(store);
}

static void
growth_fails_as_planned_and_else_passes_through(void **state)
{
	struct store *store =
	    planned("grow=damaged@1,grow=unavailable@2,grow=full@3");

	(void)state;
	assert_int_equal(store_grow(store), STORE_DAMAGED);
	assert_int_equal(store_grow(store), STORE_UNAVAILABLE);
	assert_int_equal(store_grow(store), STORE_FULL);
	/* What the store of memory says by itself. */
	assert_int_equal(store_grow(store), STORE_FULL);
	store_close(store);
}

static void
names_of_results_are_those_of_plans(void **state)
{
	(void)state;
	assert_string_equal(store_result_name(STORE_OK), "ok");
	assert_string_equal(store_result_name(STORE_DAMAGED), "damaged");
	assert_string_equal(table_name(TABLE_META), "meta");
	assert_string_equal(table_name(TABLE_OUTCOMES), "outcomes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_malformed_plan_is_refused_and_the_inner_store_untouched),
	    cmocka_unit_test(without_a_number_every_call_fails),
	    cmocka_unit_test(with_a_number_that_call_alone_fails),
	    cmocka_unit_test(a_rule_with_a_table_leaves_the_others_alone),
	    cmocka_unit_test(
		each_rule_counts_its_own_calls_and_the_first_has_the_word),
	    cmocka_unit_test(get_many_gives_the_first_failure),
	    cmocka_unit_test(a_failed_commit_has_done_nothing),
	    cmocka_unit_test(an_unknown_commit_is_done_every_second_time),
	    cmocka_unit_test(growth_fails_as_planned_and_else_passes_through),
	    cmocka_unit_test(names_of_results_are_those_of_plans),
	};
	int failed =
	    store_conformance("faulty without a plan", setup, teardown);

	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
