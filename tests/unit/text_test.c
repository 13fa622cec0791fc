#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
text_of_a_string_ends_at_its_nul(void **state)
{
	(void)state;
	assert_int_equal(text_of("abc").length, 3);
	assert_int_equal(text_of("").length, 0);
	assert_non_null(text_of("").bytes);
	assert_null(text_of(NULL).bytes);
	assert_int_equal(TEXT("a\0b").length, 3);
}

static void
equality_is_of_all_bytes(void **state)
{
	(void)state;
	assert_true(text_equal(TEXT("abc"), TEXT("abc")));
	assert_true(text_equal(TEXT("a\0b"), TEXT("a\0b")));
	assert_false(text_equal(TEXT("a\0b"), TEXT("a\0c")));
	assert_false(text_equal(TEXT("abc"), TEXT("ab")));
	assert_false(text_equal(TEXT("abc"), TEXT("ABC")));
	assert_true(text_equal(TEXT_NONE, TEXT("")));
}

static void
equality_without_case_folds_ascii_alone(void **state)
{
	(void)state;
	assert_true(text_equal_nocase(TEXT("aBcZ9"), TEXT("AbCz9")));
	assert_true(text_equal_nocase(TEXT_NONE, TEXT("")));
	assert_false(text_equal_nocase(TEXT("abc"), TEXT("abd")));
	assert_false(text_equal_nocase(TEXT("abc"), TEXT("abcd")));
	/* The neighbours of the letters differ from them by the same bit. */
	assert_false(text_equal_nocase(TEXT("@["), TEXT("`{")));
	assert_false(text_equal_nocase(TEXT("\xc3\xa4"), TEXT("\xc3\x84")));
}

static void
order_is_bytewise_and_a_prefix_comes_first(void **state)
{
	static const struct text ordered[] = {
	    {"", 0},
	    {"\0", 1},
	    {"A", 1},
	    {"a", 1},
	    {"a\0", 2},
	    {"ab", 2},
	    {"b", 1},
	    {"\xff", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ordered); i++) {
		for (size_t j = 0; j < COUNT(ordered); j++) {
			int order = text_compare(ordered[i], ordered[j]);
			assert_int_equal(
			    (order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	assert_int_equal(text_compare(TEXT_NONE, TEXT_NONE), 0);
	assert_true(text_compare(TEXT_NONE, TEXT("a")) < 0);
}

static void
beginnings_and_what_follows_them(void **state)
{
	(void)state;
	assert_true(text_starts(TEXT("pi_123"), TEXT("pi_")));
	assert_true(text_starts(TEXT("pi_"), TEXT("pi_")));
	assert_true(text_starts(TEXT("pi_"), TEXT("")));
	assert_true(text_starts(TEXT_NONE, TEXT("")));
	assert_false(text_starts(TEXT("pi"), TEXT("pi_")));
	assert_false(text_starts(TEXT("ch_123"), TEXT("pi_")));
	assert_true(text_equal(text_after(TEXT("pi_123"), 3), TEXT("123")));
	assert_int_equal(text_after(TEXT("pi_"), 3).length, 0);
	assert_null(text_after(TEXT_NONE, 0).bytes);
}

static void
a_split_is_at_the_first_separator(void **state)
{
	struct text head, tail;

	(void)state;
	assert_true(text_split(TEXT("a=b=c"), '=', &head, &tail));
	assert_true(text_equal(head, TEXT("a")));
	assert_true(text_equal(tail, TEXT("b=c")));
	assert_true(text_split(TEXT("="), '=', &head, &tail));
	assert_int_equal(head.length, 0);
	assert_int_equal(tail.length, 0);
	assert_non_null(tail.bytes);
}

static void
a_split_without_separator_gives_all_to_the_head(void **state)
{
	struct text head, tail;

	(void)state;
	assert_false(text_split(TEXT("abc"), '=', &head, &tail));
	assert_true(text_equal(head, TEXT("abc")));
	assert_null(tail.bytes);
	assert_false(text_split(TEXT_NONE, '=', &head, &tail));
	assert_null(head.bytes);
	assert_null(tail.bytes);
}

static void
utf8_accepts_the_ends_of_every_range(void **state)
{
	static const char *const accepted[] = {
	    "",
	    "\x01\x7f",
	    "\xc2\x80\xdf\xbf",
	    "\xe0\xa0\x80\xe0\xbf\xbf",
	    "\xe1\x80\x80\xec\xbf\xbf",
	    "\xed\x80\x80\xed\x9f\xbf",
	    "\xee\x80\x80\xef\xbf\xbf",
	    "\xf0\x90\x80\x80\xf0\xbf\xbf\xbf",
	    "\xf1\x80\x80\x80\xf3\xbf\xbf\xbf",
	    "\xf4\x80\x80\x80\xf4\x8f\xbf\xbf",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++)
		assert_true(text_is_utf8(text_of(accepted[i])));
	assert_true(text_is_utf8(TEXT("a\0b")));
	assert_true(text_is_utf8(TEXT_NONE));
}

static void
utf8_refuses_what_lies_outside_every_range(void **state)
{
	static const char *const refused[] = {
	    "\x80",		/* a continuation alone */
	    "\xbf",		/* another */
	    "\xc0\x80",		/* overlong NUL */
	    "\xc1\xbf",		/* overlong DEL */
	    "\xc2",		/* cut short */
	    "\xc2\x7f",		/* no continuation */
	    "\xc2\xc0",		/* no continuation */
	    "\xe0\x9f\xbf",	/* overlong */
	    "\xe1\x80",		/* cut short */
	    "\xe1\x80\x7f",	/* no continuation */
	    "\xed\xa0\x80",	/* first surrogate */
	    "\xed\xbf\xbf",	/* last surrogate */
	    "\xf0\x8f\xbf\xbf", /* overlong */
	    "\xf0\x90\x80",	/* cut short */
	    "\xf1\x80\x80\xc0", /* no continuation */
	    "\xf4\x90\x80\x80", /* beyond U+10FFFF */
	    "\xf5\x80\x80\x80", /* beyond U+10FFFF */
	    "\xff",		/* never in UTF-8 */
	    "valid, then \xfe", /* at the end */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(text_is_utf8(text_of(refused[i])));
}

static void
characters_are_code_points(void **state)
{
	(void)state;
	assert_int_equal(text_characters(TEXT_NONE), 0);
	assert_int_equal(text_characters(TEXT("abc")), 3);
	assert_int_equal(text_characters(TEXT("\xc3\xa4")), 1);
	assert_int_equal(
	    text_characters(TEXT("\xe2\x82\xac\xf0\x9f\x98\x80!")), 3);
}

static void
printable_ascii_is_from_space_to_tilde(void **state)
{
	(void)state;
	assert_true(text_is_printable_ascii(TEXT(" order-1 ~")));
	assert_true(text_is_printable_ascii(TEXT_NONE));
	assert_false(text_is_printable_ascii(TEXT("\x1f")));
	assert_false(text_is_printable_ascii(TEXT("\x7f")));
	assert_false(text_is_printable_ascii(TEXT("\xc3\xa4")));
	assert_false(text_is_printable_ascii(TEXT("a\0")));
}

static void
control_characters_are_all_but_tab_and_newline(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char character = (char)byte;
		bool is_control = (byte < 0x20 || byte == 0x7f) &&
				  byte != '\t' && byte != '\n';
		assert_int_equal(
		    text_has_control((struct text){&character, 1}), is_control);
	}
	assert_false(text_has_control(TEXT_NONE));
	assert_true(text_has_control(TEXT("end\r")));
}

static void
integers_are_read_to_both_ends_of_the_type(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} accepted[] = {
	    {"0", 0},
	    {"7", 7},
	    {"-1", -1},
	    {"1000", 1000},
	    {"9223372036854775807", INT64_MAX},
	    {"-9223372036854775808", INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		int64_t value = 42;
		assert_true(text_to_integer(
		    text_of(accepted[i].text), INT64_MIN, INT64_MAX, &value));
		assert_true(value == accepted[i].value);
	}
}

static void
integers_have_one_form(void **state)
{
	static const char *const refused[] = {"", "-", "+1", "01", "00", "-0",
	    "-01", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "1-",
	    "9223372036854775808", "-9223372036854775809",
	    "99999999999999999999999999"};
	int64_t value = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(text_to_integer(
		    text_of(refused[i]), INT64_MIN, INT64_MAX, &value));
	assert_false(text_to_integer(TEXT_NONE, 0, 9, &value));
	assert_false(text_to_integer(TEXT("1\0"), 0, 9, &value));
	assert_int_equal(value, 42);
}

static void
integers_stay_within_their_bounds(void **state)
{
	int64_t value = 42;

	(void)state;
	assert_false(text_to_integer(TEXT("0"), 1, 3, &value));
	assert_false(text_to_integer(TEXT("4"), 1, 3, &value));
	assert_int_equal(value, 42);
	assert_true(text_to_integer(TEXT("1"), 1, 3, &value));
	assert_int_equal(value, 1);
	assert_true(text_to_integer(TEXT("3"), 1, 3, &value));
	assert_int_equal(value, 3);
}

static void
a_copy_is_cut_between_characters(void **state)
{
	char to[6];

	(void)state;
	assert_int_equal(text_copy(TEXT("hello"), to, sizeof(to)), 5);
	assert_string_equal(to, "hello");
	assert_int_equal(text_copy(TEXT("hello!"), to, sizeof(to)), 5);
	assert_string_equal(to, "hello");
	assert_int_equal(text_copy(TEXT("hell\xc3\xa4"), to, sizeof(to)), 4);
	assert_string_equal(to, "hell");
	assert_int_equal(
	    text_copy(TEXT("he\xf0\x9f\x98\x80"), to, sizeof(to)), 2);
	assert_string_equal(to, "he");
	assert_int_equal(text_copy(TEXT("hello"), to, 1), 0);
	assert_string_equal(to, "");
	assert_int_equal(text_copy(TEXT_NONE, to, sizeof(to)), 0);
	assert_string_equal(to, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_of_a_string_ends_at_its_nul),
	    cmocka_unit_test(equality_is_of_all_bytes),
	    cmocka_unit_test(equality_without_case_folds_ascii_alone),
	    cmocka_unit_test(order_is_bytewise_and_a_prefix_comes_first),
	    cmocka_unit_test(beginnings_and_what_follows_them),
	    cmocka_unit_test(a_split_is_at_the_first_separator),
	    cmocka_unit_test(a_split_without_separator_gives_all_to_the_head),
	    cmocka_unit_test(utf8_accepts_the_ends_of_every_range),
	    cmocka_unit_test(utf8_refuses_what_lies_outside_every_range),
	    cmocka_unit_test(characters_are_code_points),
	    cmocka_unit_test(printable_ascii_is_from_space_to_tilde),
	    cmocka_unit_test(control_characters_are_all_but_tab_and_newline),
	    cmocka_unit_test(integers_are_read_to_both_ends_of_the_type),
	    cmocka_unit_test(integers_have_one_form),
	    cmocka_unit_test(integers_stay_within_their_bounds),
	    cmocka_unit_test(a_copy_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
