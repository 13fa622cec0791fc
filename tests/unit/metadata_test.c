#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "core/metadata.h"

enum { PACKED_BYTES = 2 * METADATA_BYTES_MAX };

/*
 * Packs "a=1 b=2", in words of this test; the bytes are the caller's.  A
 * word without a value is a removal.
 */
static struct text
pack(const char *words, char bytes[PACKED_BYTES])
{
	struct text rest = text_of(words);
	struct buffer packed;

	buffer_init(&packed, bytes, PACKED_BYTES);
	while (rest.length > 0) {
		struct text word, key, value;

		text_split(rest, ' ', &word, &rest);
		text_split(word, '=', &key, &value);
		metadata_put(&packed, key, value);
	}
	assert_false(packed.overflow);
	return buffer_text(&packed);
}

/* "k1=v k2=v ...": pairs `from` to `to` - 1. */
static struct text
pack_many(unsigned from, unsigned to, char bytes[PACKED_BYTES])
{
	struct buffer packed;

	buffer_init(&packed, bytes, PACKED_BYTES);
	for (unsigned i = from; i < to; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%u", i);
		metadata_put(&packed, text_of(key), TEXT("v"));
	}
	return buffer_text(&packed);
}

static void
assert_merged(const char *before, const char *changes, const char *expected)
{
	static char a[PACKED_BYTES], b[PACKED_BYTES], c[PACKED_BYTES],
	    bytes[PACKED_BYTES];
	struct buffer merged;

	buffer_init(&merged, bytes, sizeof(bytes));
	assert_true(metadata_merge(pack(before, a), pack(changes, b), &merged));
	assert_true(text_equal(buffer_text(&merged), pack(expected, c)));
}

static void
changes_lie_over_what_was_there(void **state)
{
	(void)state;
	assert_merged("", "", "");
	assert_merged("", "a=1", "a=1");
	assert_merged("a=1", "", "a=1");
	assert_merged("a=1", "b=2", "a=1 b=2");
	assert_merged("a=1 b=2", "a=3", "a=3 b=2");
	assert_merged("b=1 a=2", "a=3 c=4 b=5", "b=5 a=3 c=4");
	/* A key is its bytes: no other is like it. */
	assert_merged("a=1", "A=2 aa=3", "a=1 A=2 aa=3");
}

static void
an_empty_value_removes_its_key(void **state)
{
	(void)state;
	assert_merged("a=1", "a=", "");
	assert_merged("a=1 b=2 c=3", "b=", "a=1 c=3");
	assert_merged("a=1", "b=", "a=1");
	assert_merged("", "a=", "");
	assert_merged("a=1 b=2", "a= b= c=3", "c=3");
}

static void
fifty_pairs_are_accepted(void **state)
{
	static char a[PACKED_BYTES], b[PACKED_BYTES], bytes[PACKED_BYTES];
	struct buffer merged;

	(void)state;
	buffer_init(&merged, bytes, sizeof(bytes));
	assert_true(metadata_merge(
	    TEXT_NONE, pack_many(0, METADATA_PAIRS_MAX, a), &merged));
	buffer_reset(&merged);
	assert_true(metadata_merge(pack_many(0, 25, a),
	    pack_many(25, METADATA_PAIRS_MAX, b), &merged));
	/* All of them again: nothing is new. */
	buffer_reset(&merged);
	assert_true(metadata_merge(pack_many(0, METADATA_PAIRS_MAX, a),
	    pack_many(0, METADATA_PAIRS_MAX, b), &merged));
	assert_int_equal(
	    metadata_count(buffer_text(&merged)), METADATA_PAIRS_MAX);
}

static void
fifty_one_pairs_are_refused(void **state)
{
	static char a[PACKED_BYTES], b[PACKED_BYTES], bytes[PACKED_BYTES];
	struct buffer merged;

	(void)state;
	buffer_init(&merged, bytes, sizeof(bytes));
	assert_false(metadata_merge(
	    TEXT_NONE, pack_many(0, METADATA_PAIRS_MAX + 1, a), &merged));
	buffer_reset(&merged);
	assert_false(metadata_merge(pack_many(0, METADATA_PAIRS_MAX, a),
	    pack_many(METADATA_PAIRS_MAX, METADATA_PAIRS_MAX + 1, b), &merged));
	buffer_reset(&merged);
	assert_false(metadata_merge(pack_many(0, 26, a),
	    pack_many(26, METADATA_PAIRS_MAX + 1, b), &merged));
}

static void
removing_one_makes_room_for_another(void **state)
{
	static char a[PACKED_BYTES], b[PACKED_BYTES], bytes[PACKED_BYTES];
	struct buffer merged;
	struct text value;

	(void)state;
	buffer_init(&merged, bytes, sizeof(bytes));
	assert_true(metadata_merge(pack_many(0, METADATA_PAIRS_MAX, a),
	    pack("new=1 k7=", b), &merged));
	assert_false(metadata_find(buffer_text(&merged), TEXT("k7"), &value));
	assert_true(metadata_find(buffer_text(&merged), TEXT("new"), &value));
	assert_true(text_equal(value, TEXT("1")));
}

static void
pairs_come_back_in_their_order(void **state)
{
	static char bytes[PACKED_BYTES];
	struct text rest = pack("b=2 a=1 c=", bytes);
	struct metadata_pair pair;

	(void)state;
	assert_int_equal(metadata_count(rest), 3);
	assert_true(metadata_next(&rest, &pair));
	assert_true(text_equal(pair.key, TEXT("b")));
	assert_true(text_equal(pair.value, TEXT("2")));
	assert_true(metadata_next(&rest, &pair));
	assert_true(text_equal(pair.key, TEXT("a")));
	assert_true(metadata_next(&rest, &pair));
	assert_true(text_equal(pair.key, TEXT("c")));
	assert_int_equal(pair.value.length, 0);
	assert_false(metadata_next(&rest, &pair));
}

static void
the_longest_key_and_value_come_back(void **state)
{
	static char bytes[PACKED_BYTES];
	char key[4 * METADATA_KEY_CHARACTERS_MAX];
	char value[4 * METADATA_VALUE_CHARACTERS_MAX];
	struct metadata_pair pair;
	struct buffer packed;
	struct text rest;

	(void)state;
	memset(key, 0xff, sizeof(key));
	memset(value, 0xfe, sizeof(value));
	buffer_init(&packed, bytes, sizeof(bytes));
	for (unsigned i = 0; i < METADATA_PAIRS_MAX; i++)
		metadata_put(&packed, (struct text){key, sizeof(key)},
		    (struct text){value, sizeof(value)});
	assert_int_equal(packed.length, METADATA_BYTES_MAX);
	rest = buffer_text(&packed);
	assert_true(metadata_next(&rest, &pair));
	assert_true(text_equal(pair.key, (struct text){key, sizeof(key)}));
	assert_true(
	    text_equal(pair.value, (struct text){value, sizeof(value)}));
}

static void
a_key_that_is_not_there_is_not_found(void **state)
{
	static char bytes[PACKED_BYTES];
	struct text packed = pack("a=1 bb=2", bytes);
	struct text value = TEXT("untouched");

	(void)state;
	assert_false(metadata_find(packed, TEXT("b"), &value));
	assert_false(metadata_find(packed, TEXT("bbb"), &value));
	assert_false(metadata_find(packed, TEXT(""), &value));
	assert_false(metadata_find(TEXT_NONE, TEXT("a"), &value));
	assert_true(text_equal(value, TEXT("untouched")));
	assert_int_equal(metadata_count(TEXT_NONE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_lie_over_what_was_there),
	    cmocka_unit_test(an_empty_value_removes_its_key),
	    cmocka_unit_test(fifty_pairs_are_accepted),
	    cmocka_unit_test(fifty_one_pairs_are_refused),
	    cmocka_unit_test(removing_one_makes_room_for_another),
	    cmocka_unit_test(pairs_come_back_in_their_order),
	    cmocka_unit_test(the_longest_key_and_value_come_back),
	    cmocka_unit_test(a_key_that_is_not_there_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
