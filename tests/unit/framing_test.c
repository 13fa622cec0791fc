#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "app/framing.h"
#include "base/limits.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, INPUT = 5, DATA = 8, VALUES = 9 };

/* Records, one behind the other. */
static uint8_t bytes[REQUEST_BYTES_MAX];
static size_t length;

static void
put_record(unsigned type, unsigned id, size_t content, unsigned padding)
{
	uint8_t header[8] = {1, (uint8_t)type, (uint8_t)(id >> 8), (uint8_t)id,
	    (uint8_t)(content >> 8), (uint8_t)content, (uint8_t)padding};

	assert_true(length + 8 + content + padding <= sizeof(bytes));
	memcpy(bytes + length, header, sizeof(header));
	length += sizeof(header);
	/* What a header would look like, were it taken for one. */
	memset(bytes + length, 1, content + padding);
	length += content + padding;
}

static void
put_request(unsigned id, size_t parameters, size_t body, unsigned padding)
{
	put_record(BEGIN, id, 8, 0);
	if (parameters > 0)
		put_record(PARAMS, id, parameters, padding);
	put_record(PARAMS, id, 0, padding);
	if (body > 0)
		put_record(INPUT, id, body, padding);
	put_record(INPUT, id, 0, padding);
}

static int
empty(void **state)
{
	(void)state;
	length = 0;
	return 0;
}

static enum framing_result
scan(size_t count)
{
	struct framing framing = {0};

	return framing_scan(&framing, bytes, count);
}

static void
a_request_is_whole_at_its_last_byte_wherever_it_was_split(void **state)
{
	struct framing framing;
	size_t split;

	(void)state;
	put_request(0x0102, 40, 30, 3);
	for (split = 0; split < length; split++) {
		framing = (struct framing){0};
		assert_int_equal(
		    FRAMING_PARTIAL, framing_scan(&framing, bytes, split));
		assert_int_equal(
		    FRAMING_WHOLE, framing_scan(&framing, bytes, length));
		assert_int_equal(length, framing.next);
	}
}

static void
a_request_may_come_byte_by_byte(void **state)
{
	struct framing framing = {0};
	size_t count;

	(void)state;
	put_request(1, 300, 500, 255);
	for (count = 0; count < length; count++)
		assert_int_equal(
		    FRAMING_PARTIAL, framing_scan(&framing, bytes, count));
	assert_int_equal(FRAMING_WHOLE, framing_scan(&framing, bytes, length));
}

static void
what_is_behind_a_request_belongs_to_the_next(void **state)
{
	struct framing framing = {0};
	size_t first;

	(void)state;
	put_request(1, 9, 0, 0);
	first = length;
	put_request(2, 0, 7, 0);
	assert_int_equal(FRAMING_WHOLE, framing_scan(&framing, bytes, length));
	assert_int_equal(first, framing.next);
}

static void
neither_parameters_nor_a_body_are_needed(void **state)
{
	(void)state;
	put_request(1, 0, 0, 0);
	assert_int_equal(FRAMING_WHOLE, scan(length));
}

struct record {
	unsigned type;
	unsigned id;
	size_t content;
};

/* Each is broken as soon as the header of its last record has come. */
static const struct record broken[][5] = {
    {{PARAMS, 1, 0}},
    {{INPUT, 1, 0}},
    {{VALUES, 0, 0}},
    {{BEGIN, 0, 8}},
    {{BEGIN, 1, 7}},
    {{BEGIN, 1, 9}},
    {{BEGIN, 1, 0}},
    {{BEGIN, 1, 8}, {BEGIN, 2, 8}},
    {{BEGIN, 1, 8}, {ABORT, 1, 0}},
    {{BEGIN, 1, 8}, {INPUT, 1, 0}},
    {{BEGIN, 1, 8}, {VALUES, 0, 0}},
    {{BEGIN, 1, 8}, {PARAMS, 2, 0}},
    {{BEGIN, 1, 8}, {PARAMS, 1, 0}, {PARAMS, 1, 0}},
    {{BEGIN, 1, 8}, {PARAMS, 1, 0}, {DATA, 1, 0}},
    {{BEGIN, 1, 8}, {PARAMS, 1, 0}, {INPUT, 257, 0}},
    {{BEGIN, 1, 8}, {PARAMS, 1, 0}, {INPUT, 1, 4}, {ABORT, 1, 0}},
};

static void
anything_else_is_broken_at_once(void **state)
{
	const struct record *record;
	size_t i, before = 0;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		length = 0;
		for (record = broken[i]; record->type != 0; record++) {
			before = length;
			put_record(
			    record->type, record->id, record->content, 0);
		}
		assert_int_equal(FRAMING_PARTIAL, scan(before + 7));
		assert_int_equal(FRAMING_BROKEN, scan(before + 8));
		assert_int_equal(FRAMING_BROKEN, scan(length));
	}
}

static void
another_version_is_broken(void **state)
{
	(void)state;
	put_request(1, 0, 0, 0);
	bytes[0] = 2;
	assert_int_equal(FRAMING_BROKEN, scan(length));
	assert_int_equal(FRAMING_BROKEN, scan(8));
}

static void
parameters_have_a_bound(void **state)
{
	size_t left = REQUEST_PARAMETERS_BYTES_MAX;

	(void)state;
	put_record(BEGIN, 1, 8, 0);
	for (; left > 0; left -= 0x8000)
		put_record(PARAMS, 1, 0x8000, 0);
	assert_int_equal(FRAMING_PARTIAL, scan(length));
	put_record(PARAMS, 1, 1, 0);
	assert_int_equal(FRAMING_BROKEN, scan(length));
}

static void
a_body_is_read_to_a_bound(void **state)
{
	size_t left = BODY_READ_BYTES_MAX;

	(void)state;
	put_record(BEGIN, 1, 8, 0);
	put_record(PARAMS, 1, 0, 0);
	for (; left > 0; left -= 0x8000)
		put_record(INPUT, 1, 0x8000, 0);
	assert_int_equal(FRAMING_PARTIAL, scan(length));
	put_record(INPUT, 1, 1, 0);
	assert_int_equal(FRAMING_CUT, scan(length));
	put_record(INPUT, 1, 0, 0);
	assert_int_equal(FRAMING_CUT, scan(length));
}

static void
so_many_short_records_are_none(void **state)
{
	struct framing framing = {0};
	size_t count;

	(void)state;
	put_record(BEGIN, 1, 8, 0);
	put_record(PARAMS, 1, 0, 0);
	while (length + 9 <= sizeof(bytes))
		put_record(INPUT, 1, 1, 0);
	count = sizeof(bytes);
	assert_int_equal(
	    FRAMING_PARTIAL, framing_scan(&framing, bytes, count - 1));
	assert_int_equal(FRAMING_BROKEN, framing_scan(&framing, bytes, count));
}

static void
padding_is_taken_out(void **state)
{
	static uint8_t padded[4096];
	const unsigned paddings[] = {0, 1, 8, 255};
	size_t stripped;

	(void)state;
	for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
		length = 0;
		put_record(BEGIN, 3, 8, paddings[i]);
		put_record(PARAMS, 3, 300, paddings[i]);
		put_record(PARAMS, 3, 0, paddings[i]);
		put_record(INPUT, 3, 20, paddings[i]);
		put_record(INPUT, 3, 0, paddings[i]);
		memcpy(padded, bytes, length);
		stripped = framing_strip(padded, length);
		length = 0;
		put_request(3, 300, 20, 0);
		assert_int_equal(length, stripped);
		assert_memory_equal(bytes, padded, length);
	}
}

/* As much of a request as has come is what libfcgi gets. */
static void
padding_is_taken_out_of_what_was_cut(void **state)
{
	static uint8_t part[4096];
	size_t cut, stripped;

	(void)state;
	put_request(1, 40, 30, 9);
	for (cut = 0; cut <= length; cut++) {
		memcpy(part, bytes, cut);
		memset(part + cut, 0xee, 300);
		stripped = framing_strip(part, cut);
		assert_true(stripped <= cut);
		assert_int_equal(0xee, part[cut]);
		assert_int_equal(stripped, framing_strip(part, stripped));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		a_request_is_whole_at_its_last_byte_wherever_it_was_split,
		empty),
	    cmocka_unit_test_setup(a_request_may_come_byte_by_byte, empty),
	    cmocka_unit_test_setup(
		what_is_behind_a_request_belongs_to_the_next, empty),
	    cmocka_unit_test_setup(
		neither_parameters_nor_a_body_are_needed, empty),
	    cmocka_unit_test_setup(anything_else_is_broken_at_once, empty),
	    cmocka_unit_test_setup(another_version_is_broken, empty),
	    cmocka_unit_test_setup(parameters_have_a_bound, empty),
	    cmocka_unit_test_setup(a_body_is_read_to_a_bound, empty),
	    cmocka_unit_test_setup(so_many_short_records_are_none, empty),
	    cmocka_unit_test_setup(padding_is_taken_out, empty),
	    cmocka_unit_test_setup(padding_is_taken_out_of_what_was_cut, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
