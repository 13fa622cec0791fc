#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"

static void
what_is_put_stands_in_order(void **state)
{
	char bytes[32];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put(&buffer, "ab", 2);
	buffer_put_byte(&buffer, 0xff);
	buffer_put_text(&buffer, TEXT("cd"));
	buffer_put_text(&buffer, TEXT_NONE);
	buffer_put_integer(&buffer, -12);
	buffer_print(&buffer, "[%s]", "x");
	assert_true(text_equal(buffer_text(&buffer), TEXT("ab\xff"
							  "cd-12[x]")));
	assert_false(buffer.overflow);
}

static void
integers_are_written_to_both_ends_of_the_type(void **state)
{
	char bytes[64];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_integer(&buffer, 0);
	buffer_put_byte(&buffer, ' ');
	buffer_put_integer(&buffer, INT64_MAX);
	buffer_put_byte(&buffer, ' ');
	buffer_put_integer(&buffer, INT64_MIN);
	assert_true(text_equal(buffer_text(&buffer),
	    TEXT("0 9223372036854775807 -9223372036854775808")));
}

static void
a_buffer_holds_its_size_and_not_a_byte_more(void **state)
{
	char bytes[5] = "....#";
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, 4);
	buffer_print(&buffer, "%s", "abcd");
	assert_false(buffer.overflow);
	assert_true(text_equal(buffer_text(&buffer), TEXT("abcd")));
	buffer_put_byte(&buffer, 'e');
	assert_true(buffer.overflow);
	assert_true(text_equal(buffer_text(&buffer), TEXT("abcd")));
	assert_int_equal(bytes[4], '#');
}

static void
after_an_overflow_nothing_is_written(void **state)
{
	char bytes[4];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_text(&buffer, TEXT("ab"));
	buffer_put_text(&buffer, TEXT("long"));
	buffer_put_text(&buffer, TEXT("c"));
	buffer_put_text(&buffer, TEXT(""));
	assert_true(buffer.overflow);
	assert_true(text_equal(buffer_text(&buffer), TEXT("ab")));
}

static void
a_length_near_the_end_of_its_type_overflows(void **state)
{
	char bytes[4];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_byte(&buffer, 'a');
	buffer_put(&buffer, bytes, SIZE_MAX);
	assert_true(buffer.overflow);
	assert_int_equal(buffer.length, 1);
}

static void
one_print_holds_512_bytes(void **state)
{
	char bytes[2048], line[514];
	struct buffer buffer;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[512] = '\0';
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_print(&buffer, "%s", line);
	assert_false(buffer.overflow);
	assert_int_equal(buffer.length, 512);
	line[512] = 'x';
	line[513] = '\0';
	buffer_print(&buffer, "%s", line);
	assert_true(buffer.overflow);
	assert_int_equal(buffer.length, 512);
}

static void
a_reset_empties_the_buffer(void **state)
{
	char bytes[2];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_text(&buffer, TEXT("abc"));
	buffer_reset(&buffer);
	assert_false(buffer.overflow);
	buffer_put_text(&buffer, TEXT("de"));
	assert_false(buffer.overflow);
	assert_true(text_equal(buffer_text(&buffer), TEXT("de")));
}

static void
a_buffer_of_no_size_takes_nothing(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, NULL, 0);
	buffer_put_text(&buffer, TEXT(""));
	assert_false(buffer.overflow);
	buffer_put_byte(&buffer, 0);
	assert_true(buffer.overflow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_stands_in_order),
	    cmocka_unit_test(integers_are_written_to_both_ends_of_the_type),
	    cmocka_unit_test(a_buffer_holds_its_size_and_not_a_byte_more),
	    cmocka_unit_test(after_an_overflow_nothing_is_written),
	    cmocka_unit_test(a_length_near_the_end_of_its_type_overflows),
	    cmocka_unit_test(one_print_holds_512_bytes),
	    cmocka_unit_test(a_reset_empties_the_buffer),
	    cmocka_unit_test(a_buffer_of_no_size_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
