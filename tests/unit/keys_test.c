#include "store/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/names.h"
#include "store/memory.h"
#include "store_steps.h"

/* An id of sixteen equal bytes. */
static struct id
id_of(uint8_t byte)
{
	struct id id;

	memset(id.bytes, byte, sizeof(id.bytes));
	return id;
}

static int
order(struct store_key a, struct store_key b)
{
	return text_compare(key_text(&a), key_text(&b));
}

static struct store_key
key_of_bytes(const char *bytes, size_t length)
{
	struct store_key key = {.length = (uint8_t)length};

	memcpy(key.bytes, bytes, length);
	return key;
}

static void
keys_have_the_lengths_that_tables_def_says(void **state)
{
	struct digest digest = {{1}};

	(void)state;
	assert_int_equal(key_of_account(id_of(1)).length, 16);
	assert_int_equal(key_of_merchant(id_of(1), id_of(2)).length, 32);
	assert_int_equal(key_of_objects(id_of(1), MODE_TEST).length, 17);
	assert_int_equal(
	    key_of_object(id_of(1), MODE_TEST, id_of(2)).length, 33);
	assert_int_equal(
	    key_of_list(id_of(1), MODE_TEST, LIST_CHARGES_OF_INTENT, id_of(2))
		.length,
	    34);
	assert_int_equal(key_of_list_row(id_of(1), MODE_TEST,
			     LIST_CHARGES_OF_INTENT, id_of(2), id_of(3))
			     .length,
	    50);
	assert_int_equal(key_of_idempotency(&digest).length, 16);
	assert_int_equal(key_of_api_key(&digest).length, 32);
}

static void
objects_lie_by_account_then_mode_then_time(void **state)
{
	struct store_key first = key_of_object(id_of(1), MODE_TEST, id_of(9));

	(void)state;
	assert_true(
	    order(first, key_of_object(id_of(1), MODE_TEST, id_of(10))) < 0);
	assert_true(
	    order(first, key_of_object(id_of(1), MODE_LIVE, id_of(1))) < 0);
	assert_true(
	    order(first, key_of_object(id_of(2), MODE_TEST, id_of(1))) < 0);
	assert_int_equal(
	    order(first, key_of_object(id_of(1), MODE_TEST, id_of(9))), 0);
	/* Bytes are unsigned. */
	assert_true(order(key_of_object(id_of(1), MODE_TEST, id_of(0x7f)),
			key_of_object(id_of(1), MODE_TEST, id_of(0x80))) < 0);
}

static void
later_ids_have_later_keys(void **state)
{
	uint8_t random[ID_RANDOM_BYTES];
	struct store_key before = {0};

	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		struct instant now = instant_plus(
		    instant_from_seconds(1767312000), span_from_ms(i * i));
		struct store_key key;

		memset(random, (int)(255 - i % 256), sizeof(random));
		key = key_of_object(id_of(1), MODE_TEST, id_make(now, random));
		assert_true(i == 0 || order(before, key) < 0);
		before = key;
	}
}

/* No row of one list lies between the rows of another. */
static void
lists_lie_apart(void **state)
{
	(void)state;
	for (unsigned a = 1; a < LIST_COUNT; a++) {
		struct store_key prefix =
		    key_of_list(id_of(1), MODE_TEST, (enum list)a, id_of(0xff));
		struct store_key end = key_end(&prefix);

		for (unsigned b = 1; b < LIST_COUNT; b++) {
			struct store_key low = key_of_list_row(id_of(1),
			    MODE_TEST, (enum list)b, id_of(0xff), id_of(0));
			struct store_key high = key_of_list_row(id_of(1),
			    MODE_TEST, (enum list)b, id_of(0xff), id_of(0xff));
			bool within =
			    order(low, prefix) > 0 && order(high, end) < 0;
			bool without =
			    order(high, prefix) < 0 || order(low, end) >= 0;

			assert_int_equal(within, a == b);
			assert_int_equal(without, a != b);
		}
	}
}

static void
the_lists_of_owners_accounts_and_modes_lie_apart(void **state)
{
	enum list list = LIST_INTENTS_OF_CUSTOMER;
	struct store_key prefix =
	    key_of_list(id_of(1), MODE_TEST, list, id_of(5));
	struct store_key end = key_end(&prefix);
	const struct store_key others[] = {
	    key_of_list_row(id_of(1), MODE_TEST, list, id_of(4), id_of(7)),
	    key_of_list_row(id_of(1), MODE_TEST, list, id_of(6), id_of(7)),
	    key_of_list_row(id_of(1), MODE_LIVE, list, id_of(5), id_of(7)),
	    key_of_list_row(id_of(2), MODE_TEST, list, id_of(5), id_of(7)),
	    key_of_list_row(id_of(0), MODE_TEST, list, id_of(5), id_of(7)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(
		    order(others[i], prefix) < 0 || order(others[i], end) >= 0);
}

static void
a_row_begins_with_its_list_and_ends_with_its_id(void **state)
{
	struct store_key list =
	    key_of_list(id_of(1), MODE_LIVE, LIST_REFUNDS_OF_INTENT, id_of(2));
	struct store_key row = key_of_list_row(
	    id_of(1), MODE_LIVE, LIST_REFUNDS_OF_INTENT, id_of(2), id_of(3));
	struct store_key appended = key_append(&list, id_of(3));

	(void)state;
	assert_true(text_starts(key_text(&row), key_text(&list)));
	assert_true(id_equal(key_id(key_text(&row)), id_of(3)));
	assert_int_equal(order(row, appended), 0);
}

static void
the_end_of_a_prefix_is_behind_all_that_begin_with_it(void **state)
{
	static const struct {
		struct text prefix;
		struct text end;
	} rows[] = {
	    {TEXT("a"), TEXT("b")},
	    {TEXT("ab"), TEXT("ac")},
	    {TEXT("a\x7f"), TEXT("a\x80")},
	    {TEXT("a\xff"), TEXT("b")},
	    {TEXT("a\xff\xff\xff"), TEXT("b")},
	    {TEXT("a\xfe\xff"), TEXT("a\xff")},
	    {TEXT("\0"), TEXT("\1")},
	    /* There is none: an empty end of a range means no end. */
	    {TEXT("\xff"), TEXT("")},
	    {TEXT("\xff\xff"), TEXT("")},
	    {TEXT(""), TEXT("")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_key prefix =
		    key_of_bytes(rows[i].prefix.bytes, rows[i].prefix.length);
		struct store_key end = key_end(&prefix);

		assert_true(text_equal(key_text(&end), rows[i].end));
	}
}

static void
a_scan_up_to_the_end_sees_the_prefix_alone(void **state)
{
	struct store *store = memory_open();
	struct store_key prefix = key_of_bytes("k\xff", 2);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	struct transaction *read;

	(void)state;
	must_store(store, TABLE_LISTS, "k", "before");
	must_store(store, TABLE_LISTS, "k\xfe\xff", "before");
	must_store(store, TABLE_LISTS, "k\xff", "1");
	must_store(store, TABLE_LISTS, "k\xff\x01", "2");
	must_store(store, TABLE_LISTS, "k\xff\xff\xff", "3");
	must_store(store, TABLE_LISTS, "l", "behind");
	read = must_begin(store, STORE_READ);
	must_scan(
	    read, TABLE_LISTS, range, "k<ff>=1 k<ff><01>=2 k<ff><ff><ff>=3 ");
	store_abort(read);
	store_close(store);
}

static void
the_key_of_an_object_is_read_back(void **state)
{
	struct store_key key = key_of_object(id_of(7), MODE_LIVE, id_of(8));
	struct place place;

	(void)state;
	assert_true(place_parse(key_text(&key), &place));
	assert_true(id_equal(place.account, id_of(7)));
	assert_int_equal(place.mode, MODE_LIVE);
	assert_true(id_equal(place.id, id_of(8)));
}

static void
other_keys_are_no_places(void **state)
{
	struct store_key row = key_of_list_row(
	    id_of(1), MODE_TEST, LIST_REFUNDS_OF_INTENT, id_of(2), id_of(3));
	struct store_key object = key_of_object(id_of(7), MODE_LIVE, id_of(8));
	struct text text = key_text(&object);
	struct place place;

	(void)state;
	assert_false(place_parse(key_text(&row), &place));
	assert_false(place_parse(TEXT_NONE, &place));
	text.length--;
	assert_false(place_parse(text, &place));
}

static void
keys_of_digests_are_their_first_bytes(void **state)
{
	struct digest a;
	struct digest b;

	(void)state;
	for (uint8_t i = 0; i < DIGEST_BYTES; i++)
		a.bytes[i] = i;
	b = a;
	/* The record behind the index tells these two apart. */
	b.bytes[16] ^= 1;
	assert_int_equal(
	    order(key_of_idempotency(&a), key_of_idempotency(&b)), 0);
	assert_int_not_equal(order(key_of_api_key(&a), key_of_api_key(&b)), 0);
	b = a;
	b.bytes[15] ^= 1;
	assert_int_not_equal(
	    order(key_of_idempotency(&a), key_of_idempotency(&b)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_have_the_lengths_that_tables_def_says),
	    cmocka_unit_test(objects_lie_by_account_then_mode_then_time),
	    cmocka_unit_test(later_ids_have_later_keys),
	    cmocka_unit_test(lists_lie_apart),
	    cmocka_unit_test(the_lists_of_owners_accounts_and_modes_lie_apart),
	    cmocka_unit_test(a_row_begins_with_its_list_and_ends_with_its_id),
	    cmocka_unit_test(
		the_end_of_a_prefix_is_behind_all_that_begin_with_it),
	    cmocka_unit_test(a_scan_up_to_the_end_sees_the_prefix_alone),
	    cmocka_unit_test(the_key_of_an_object_is_read_back),
	    cmocka_unit_test(other_keys_are_no_places),
	    cmocka_unit_test(keys_of_digests_are_their_first_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
