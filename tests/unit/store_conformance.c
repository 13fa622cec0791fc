#include "store_conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "store_steps.h"

#define EVERYTHING ((struct store_range){TEXT_NONE, TEXT_NONE, false})

static void
what_is_put_is_got(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
an_empty_store_has_no_row_in_any_table(void **state)
{
	struct transaction *read = must_begin(*state, STORE_READ);

	for (int i = 0; i < TABLE_COUNT; i++) {
		must_find(read, (enum table)i, "schema", NULL);
		must_scan(read, (enum table)i, EVERYTHING, "");
	}
	store_abort(read);
}

static void
a_second_put_takes_the_place_of_the_first(void **state)
{
	struct transaction *write;

	must_store(*state, TABLE_META, "schema", "1");
	must_store(*state, TABLE_META, "schema", "a longer one");
	must_hold(*state, TABLE_META, "schema", "a longer one");
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_META, "schema", "2");
	must_put(write, TABLE_META, "schema", "3");
	must_commit(write);
	must_hold(*state, TABLE_META, "schema", "3");
}

static void
what_is_deleted_is_missing(void **state)
{
	struct transaction *write;

	must_store(*state, TABLE_META, "schema", "1");
	write = must_begin(*state, STORE_WRITE);
	must_delete(write, TABLE_META, "schema");
	must_find(write, TABLE_META, "schema", NULL);
	must_commit(write);
	must_hold(*state, TABLE_META, "schema", NULL);
}

static void
deleting_what_is_not_there_changes_nothing(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);

	assert_int_equal(
	    store_delete(write, TABLE_META, TEXT("none")), STORE_MISSING);
	must_put(write, TABLE_META, "schema", "1");
	must_commit(write);
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
an_empty_value_is_not_a_missing_one(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);

	must_put(write, TABLE_LISTS, "from a literal", "");
	assert_int_equal(
	    store_put(write, TABLE_LISTS, TEXT("from none"), TEXT_NONE),
	    STORE_OK);
	must_find(write, TABLE_LISTS, "from none", "");
	must_commit(write);
	must_hold(*state, TABLE_LISTS, "from a literal", "");
	must_hold(*state, TABLE_LISTS, "from none", "");
}

/* More than an OUTCOME_BYTES_MAX, the largest record there is. */
enum { LARGE_BYTES = 300 * 1024 };

static void
a_large_value_comes_back_whole(void **state)
{
	struct transaction *transaction = must_begin(*state, STORE_WRITE);
	struct text large;
	struct text found;
	char *bytes = malloc(LARGE_BYTES);

	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE_BYTES; i++)
		bytes[i] = (char)(i * 31 % 251);
	large = (struct text){bytes, LARGE_BYTES};
	assert_int_equal(
	    store_put(transaction, TABLE_OUTCOMES, TEXT("large"), large),
	    STORE_OK);
	must_put(transaction, TABLE_OUTCOMES, "small", "1");
	must_commit(transaction);
	transaction = must_begin(*state, STORE_READ);
	assert_int_equal(
	    store_get(transaction, TABLE_OUTCOMES, TEXT("large"), &found),
	    STORE_OK);
	assert_true(text_equal(found, large));
	must_find(transaction, TABLE_OUTCOMES, "small", "1");
	store_abort(transaction);
	free(bytes);
}

static void
put_bytes(struct transaction *write, struct text key, struct text value)
{
	assert_int_equal(store_put(write, TABLE_META, key, value), STORE_OK);
}

static void
keys_are_bytes_in_bytewise_order(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);

	put_bytes(write, TEXT("\xff\xff"), TEXT("7"));
	put_bytes(write, TEXT("a\0"), TEXT("4"));
	put_bytes(write, TEXT("\xff"), TEXT("6"));
	put_bytes(write, TEXT("\0\0"), TEXT("2"));
	put_bytes(write, TEXT("ab"), TEXT("5"));
	put_bytes(write, TEXT("\0"), TEXT("1"));
	put_bytes(write, TEXT("a"), TEXT("3"));
	must_scan(write, TABLE_META,
	    (struct store_range){TEXT("\0"), TEXT("\0\0"), false}, "<00>=1 ");
	must_scan(write, TABLE_META,
	    (struct store_range){TEXT("a"), TEXT("b"), false},
	    "a=3 a<00>=4 ab=5 ");
	must_scan(write, TABLE_META,
	    (struct store_range){TEXT("\xfe"), TEXT_NONE, false},
	    "<ff>=6 <ff><ff>=7 ");
	must_scan(write, TABLE_META,
	    (struct store_range){TEXT("b"), TEXT_NONE, true},
	    "<ff><ff>=7 <ff>=6 ");
	store_abort(write);
}

static void
the_longest_key_is_a_key(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);
	char bytes[STORE_KEY_BYTES_MAX];
	struct text key = {bytes, sizeof(bytes)};
	struct text found;

	memset(bytes, 0xff, sizeof(bytes));
	put_bytes(write, key, TEXT("longest"));
	assert_int_equal(store_get(write, TABLE_META, key, &found), STORE_OK);
	assert_true(text_equal(found, TEXT("longest")));
	key.length--;
	assert_int_equal(
	    store_get(write, TABLE_META, key, &found), STORE_MISSING);
	store_abort(write);
}

/* a=1 c=3 e=5 in EVENTS, and neighbours in the tables before and after. */
static struct transaction *
three_rows(struct store *store)
{
	struct transaction *write = must_begin(store, STORE_WRITE);

	must_put(write, TABLE_EVENTS, "e", "5");
	must_put(write, TABLE_EVENTS, "a", "1");
	must_put(write, TABLE_EVENTS, "c", "3");
	must_put(write, TABLE_CUSTOMERS, "b", "customer");
	must_put(write, TABLE_LISTS, "d", "list");
	must_commit(write);
	return must_begin(store, STORE_READ);
}

struct range_case {
	const char *first;
	const char *end;
	const char *ascending;
	const char *descending;
};

static const struct range_case range_cases[] = {
    {"", "", "a=1 c=3 e=5 ", "e=5 c=3 a=1 "},
    {"a", "", "a=1 c=3 e=5 ", "e=5 c=3 a=1 "},
    {"a", "e", "a=1 c=3 ", "c=3 a=1 "},
    {"a", "ee", "a=1 c=3 e=5 ", "e=5 c=3 a=1 "},
    {"b", "d", "c=3 ", "c=3 "},
    {"c", "c0", "c=3 ", "c=3 "},
    {"c", "", "c=3 e=5 ", "e=5 c=3 "},
    {"", "c", "a=1 ", "a=1 "},
    {"", "z", "a=1 c=3 e=5 ", "e=5 c=3 a=1 "},
    {"e", "", "e=5 ", "e=5 "},
    /* Empty ones: between rows, at a row, before all, behind all, turned. */
    {"b", "b0", "", ""},
    {"c", "c", "", ""},
    {"", "a", "", ""},
    {"A", "Z", "", ""},
    {"f", "", "", ""},
    {"f", "z", "", ""},
    {"e", "a", "", ""},
    {"z", "A", "", ""},
};

static void
a_range_holds_its_first_key_and_not_its_end(void **state)
{
	struct transaction *read = three_rows(*state);

	for (size_t i = 0; i < sizeof(range_cases) / sizeof(range_cases[0]);
	     i++) {
		const struct range_case *is = &range_cases[i];
		struct store_range range = {
		    text_of(is->first), text_of(is->end), false};

		must_scan(read, TABLE_EVENTS, range, is->ascending);
		range.descending = true;
		must_scan(read, TABLE_EVENTS, range, is->descending);
	}
	store_abort(read);
}

static void
the_ranges_are_the_same_among_own_writes(void **state)
{
	struct transaction *write;

	store_abort(three_rows(*state));
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_EVENTS, "d", "4");
	must_delete(write, TABLE_EVENTS, "c");
	must_put(write, TABLE_EVENTS, "a", "one");
	must_scan(write, TABLE_EVENTS, EVERYTHING, "a=one d=4 e=5 ");
	must_scan(write, TABLE_EVENTS,
	    (struct store_range){TEXT("b"), TEXT("e"), true}, "d=4 ");
	store_abort(write);
}

struct stop_after {
	struct buffer keys;
	int left;
};

static bool
stop(struct text key, struct text value, void *context)
{
	struct stop_after *after = context;

	assert_int_equal(value.length, 1);
	buffer_put_text(&after->keys, key);
	after->left--;
	return after->left > 0;
}

static void
a_scan_stops_when_its_visitor_says_so(void **state)
{
	struct transaction *read = three_rows(*state);
	struct store_range range = EVERYTHING;
	char bytes[64];
	struct stop_after after = {.left = 2};

	buffer_init(&after.keys, bytes, sizeof(bytes));
	assert_int_equal(
	    store_scan(read, TABLE_EVENTS, &range, stop, &after), STORE_OK);
	range.descending = true;
	after.left = 1;
	assert_int_equal(
	    store_scan(read, TABLE_EVENTS, &range, stop, &after), STORE_OK);
	assert_true(text_equal(buffer_text(&after.keys), TEXT("ace")));
	store_abort(read);
}

static bool
scan_again(struct text key, struct text value, void *context)
{
	struct transaction *read = context;
	char first[2] = {key.bytes[0], '\0'};

	assert_int_equal(value.length, 1);
	must_scan(read, TABLE_EVENTS, EVERYTHING, "a=1 c=3 e=5 ");
	must_scan(read, TABLE_CUSTOMERS, EVERYTHING, "b=customer ");
	must_find(read, TABLE_LISTS, "d", "list");
	/* What was borrowed outlives the reads of the same transaction. */
	assert_true(text_equal(key, text_of(first)));
	return true;
}

static void
a_visitor_may_read_the_same_transaction(void **state)
{
	struct transaction *read = three_rows(*state);
	struct store_range range = EVERYTHING;

	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    store_scan(read, TABLE_EVENTS, &range, scan_again, read),
		    STORE_OK);
	store_abort(read);
}

static void
an_abort_leaves_nothing(void **state)
{
	struct transaction *write;

	must_store(*state, TABLE_META, "kept", "1");
	must_store(*state, TABLE_META, "changed", "1");
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_META, "new", "2");
	must_put(write, TABLE_META, "changed", "2");
	must_put(write, TABLE_INTENTS, "new", "2");
	must_delete(write, TABLE_META, "kept");
	store_abort(write);
	write = must_begin(*state, STORE_WRITE);
	must_scan(write, TABLE_META, EVERYTHING, "changed=1 kept=1 ");
	must_scan(write, TABLE_INTENTS, EVERYTHING, "");
	must_commit(write);
}

static void
own_writes_are_seen_at_once(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);

	must_put(write, TABLE_META, "schema", "1");
	must_find(write, TABLE_META, "schema", "1");
	must_put(write, TABLE_META, "schema", "2");
	must_find(write, TABLE_META, "schema", "2");
	must_delete(write, TABLE_META, "schema");
	must_find(write, TABLE_META, "schema", NULL);
	must_commit(write);
}

static void
a_reader_sees_one_moment_whatever_a_writer_does(void **state)
{
	struct transaction *read;
	struct transaction *write;

	must_store(*state, TABLE_META, "schema", "1");
	read = must_begin(*state, STORE_READ);
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_META, "schema", "2");
	must_put(write, TABLE_META, "second", "2");
	must_scan(read, TABLE_META, EVERYTHING, "schema=1 ");
	must_commit(write);
	must_scan(read, TABLE_META, EVERYTHING, "schema=1 ");
	must_find(read, TABLE_META, "second", NULL);
	/* Several later writers free what the reader still sees. */
	for (int i = 0; i < 5; i++)
		must_store(*state, TABLE_META, "schema", "3");
	must_find(read, TABLE_META, "schema", "1");
	must_commit(read);
	read = must_begin(*state, STORE_READ);
	must_scan(read, TABLE_META, EVERYTHING, "schema=3 second=2 ");
	store_abort(read);
}

static void
a_reader_begun_beside_a_writer_sees_what_was_committed(void **state)
{
	struct transaction *read;
	struct transaction *write;

	must_store(*state, TABLE_META, "schema", "1");
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_META, "schema", "2");
	read = must_begin(*state, STORE_READ);
	must_find(read, TABLE_META, "schema", "1");
	store_abort(write);
	must_find(read, TABLE_META, "schema", "1");
	store_abort(read);
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
tables_are_apart(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);

	for (int i = 0; i < TABLE_COUNT; i++)
		must_put(
		    write, (enum table)i, "key", table_name((enum table)i));
	must_delete(write, TABLE_INTENTS, "key");
	must_commit(write);
	for (int i = 0; i < TABLE_COUNT; i++)
		must_hold(*state, (enum table)i, "key",
		    i == TABLE_INTENTS ? NULL : table_name((enum table)i));
}

static void
many_are_got_at_once_whether_there_or_not(void **state)
{
	struct store_read reads[] = {
	    {.table = TABLE_EVENTS, .key = TEXT("a")},
	    {.table = TABLE_EVENTS, .key = TEXT("b")},
	    {.table = TABLE_CUSTOMERS, .key = TEXT("b")},
	    {.table = TABLE_EVENTS, .key = TEXT("e")},
	};
	struct transaction *read = three_rows(*state);

	assert_int_equal(store_get_many(read, reads, 4), STORE_OK);
	assert_int_equal(reads[0].result, STORE_OK);
	assert_true(text_equal(reads[0].value, TEXT("1")));
	assert_int_equal(reads[1].result, STORE_MISSING);
	assert_null(reads[1].value.bytes);
	assert_true(text_equal(reads[2].value, TEXT("customer")));
	assert_true(text_equal(reads[3].value, TEXT("5")));
	assert_int_equal(store_get_many(read, NULL, 0), STORE_OK);
	store_abort(read);
}

static void
what_is_given_is_copied_before_the_call_returns(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);
	char key[] = "key";
	char value[] = "value";

	must_put(write, TABLE_META, key, value);
	memset(key, 'x', sizeof(key) - 1);
	memset(value, 'x', sizeof(value) - 1);
	must_scan(write, TABLE_META, EVERYTHING, "key=value ");
	must_commit(write);
	must_hold(*state, TABLE_META, "key", "value");
}

static void
a_transaction_may_be_empty(void **state)
{
	must_commit(must_begin(*state, STORE_WRITE));
	must_commit(must_begin(*state, STORE_READ));
	store_abort(must_begin(*state, STORE_WRITE));
	must_store(*state, TABLE_META, "schema", "1");
	must_commit(must_begin(*state, STORE_WRITE));
	must_hold(*state, TABLE_META, "schema", "1");
}

static bool
count_in_order(struct text key, struct text value, void *context)
{
	int *count = context;
	char expected[16];

	(void)snprintf(expected, sizeof(expected), "%08d", *count * 2);
	assert_true(text_equal(key, text_of(expected)));
	assert_true(text_equal(value, key));
	(*count)++;
	return true;
}

/* 7919 is prime: its multiples visit every number below 4000 once. */
static void
thousands_of_rows_lie_in_order(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);
	struct store_range range = EVERYTHING;
	char key[16];
	int count = 0;

	for (int i = 0; i < 4000; i++) {
		(void)snprintf(key, sizeof(key), "%08d", i * 7919 % 4000);
		must_put(write, TABLE_INTENTS, key, key);
	}
	must_commit(write);
	write = must_begin(*state, STORE_WRITE);
	for (int i = 1; i < 4000; i += 2) {
		(void)snprintf(key, sizeof(key), "%08d", i);
		must_delete(write, TABLE_INTENTS, key);
	}
	must_commit(write);
	write = must_begin(*state, STORE_READ);
	assert_int_equal(
	    store_scan(write, TABLE_INTENTS, &range, count_in_order, &count),
	    STORE_OK);
	assert_int_equal(count, 2000);
	store_abort(write);
}

static void
rows_are_counted_in_a_transaction(void **state)
{
	struct transaction *write = must_begin(*state, STORE_WRITE);
	uint64_t count;

	must_put(write, TABLE_EVENTS, "a", "1");
	must_put(write, TABLE_EVENTS, "b", "2");
	must_put(write, TABLE_EVENTS, "b", "3");
	assert_int_equal(store_count(write, TABLE_EVENTS, &count), STORE_OK);
	assert_int_equal(count, 2);
	must_delete(write, TABLE_EVENTS, "a");
	assert_int_equal(store_count(write, TABLE_EVENTS, &count), STORE_OK);
	assert_int_equal(count, 1);
	assert_int_equal(store_count(write, TABLE_INTENTS, &count), STORE_OK);
	assert_int_equal(count, 0);
	store_abort(write);
}

/* More than a bound of 64 bits can be doubled. */
enum { GROWTHS_MAX = 64 };

static void
growing_ends_at_full_and_loses_nothing(void **state)
{
	enum store_result result = STORE_OK;
	int growths = 0;

	must_store(*state, TABLE_META, "schema", "1");
	must_hold(*state, TABLE_META, "schema", "1");
	while (result == STORE_OK && growths++ < GROWTHS_MAX) {
		result = store_grow(*state);
		must_hold(*state, TABLE_META, "schema", "1");
		must_store(*state, TABLE_META, "growths", "another");
	}
	assert_int_equal(result, STORE_FULL);
	assert_int_equal(store_grow(*state), STORE_FULL);
	must_hold(*state, TABLE_META, "growths", "another");
}

#define CASE(name)                                 \
	{                                          \
#name, name, setup, teardown, NULL \
	}

int
store_conformance(
    const char *backend, int (*setup)(void **), int (*teardown)(void **))
{
	const struct CMUnitTest tests[] = {
	    CASE(what_is_put_is_got),
	    CASE(an_empty_store_has_no_row_in_any_table),
	    CASE(a_second_put_takes_the_place_of_the_first),
	    CASE(what_is_deleted_is_missing),
	    CASE(deleting_what_is_not_there_changes_nothing),
	    CASE(an_empty_value_is_not_a_missing_one),
	    CASE(a_large_value_comes_back_whole),
	    CASE(keys_are_bytes_in_bytewise_order),
	    CASE(the_longest_key_is_a_key),
	    CASE(a_range_holds_its_first_key_and_not_its_end),
	    CASE(the_ranges_are_the_same_among_own_writes),
	    CASE(a_scan_stops_when_its_visitor_says_so),
	    CASE(a_visitor_may_read_the_same_transaction),
	    CASE(an_abort_leaves_nothing),
	    CASE(own_writes_are_seen_at_once),
	    CASE(a_reader_sees_one_moment_whatever_a_writer_does),
	    CASE(a_reader_begun_beside_a_writer_sees_what_was_committed),
	    CASE(tables_are_apart),
	    CASE(many_are_got_at_once_whether_there_or_not),
	    CASE(what_is_given_is_copied_before_the_call_returns),
	    CASE(a_transaction_may_be_empty),
	    CASE(thousands_of_rows_lie_in_order),
	    CASE(rows_are_counted_in_a_transaction),
	    CASE(growing_ends_at_full_and_loses_nothing),
	};

	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
