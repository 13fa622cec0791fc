#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/money.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
sums_are_checked(void **state)
{
	struct money sum = MONEY(42);

	(void)state;
	assert_false(money_add(MONEY(INT64_MAX), MONEY(1), &sum));
	assert_false(money_add(MONEY(INT64_MIN), MONEY(-1), &sum));
	assert_int_equal(sum.units, 42);
	assert_true(money_add(MONEY(INT64_MAX - 1), MONEY(1), &sum));
	assert_true(sum.units == INT64_MAX);
	assert_true(money_add(MONEY(2000), MONEY(-500), &sum));
	assert_int_equal(sum.units, 1500);
}

static void
differences_are_checked(void **state)
{
	struct money difference = MONEY(42);

	(void)state;
	assert_false(money_subtract(MONEY(INT64_MIN), MONEY(1), &difference));
	assert_false(money_subtract(MONEY_NONE, MONEY(INT64_MIN), &difference));
	assert_int_equal(difference.units, 42);
	assert_true(money_subtract(MONEY(-1), MONEY(INT64_MIN), &difference));
	assert_true(difference.units == INT64_MAX);
	assert_true(money_subtract(MONEY(500), MONEY(2000), &difference));
	assert_int_equal(difference.units, -1500);
}

static void
money_is_ordered(void **state)
{
	(void)state;
	assert_true(money_compare(MONEY(INT64_MIN), MONEY(INT64_MAX)) < 0);
	assert_true(money_compare(MONEY(1), MONEY_NONE) > 0);
	assert_int_equal(money_compare(MONEY(7), MONEY(7)), 0);
	assert_true(money_is_positive(MONEY(1)));
	assert_false(money_is_positive(MONEY_NONE));
	assert_false(money_is_positive(MONEY(-1)));
}

static void
decimals_are_read_into_units(void **state)
{
	static const struct {
		const char *text;
		unsigned scale, decimals_max;
		int64_t units;
	} accepted[] = {
	    {"0", 0, 0, 0},
	    {"0", 6, 2, 0},
	    {"-0", 6, 2, 0},
	    {"0.00", 6, 2, 0},
	    {"25", 6, 2, 25000000},
	    {"25.5", 6, 2, 25500000},
	    {"25.50", 6, 2, 25500000},
	    {"0.01", 6, 2, 10000},
	    {"0.000001", 6, 6, 1},
	    {"-0.000001", 6, 6, -1},
	    {"100.25", 2, 2, 10025},
	    {"0.123456789", 9, 9, 123456789},
	    {"9223372036854775807", 0, 0, INT64_MAX},
	    {"-9223372036854775808", 0, 0, INT64_MIN},
	    {"9223372036854.775807", 6, 6, INT64_MAX},
	    {"-9223372036854.775808", 6, 6, INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct money money = MONEY(42);
		assert_int_equal(
		    money_parse(text_of(accepted[i].text), accepted[i].scale,
			accepted[i].decimals_max, &money),
		    MONEY_PARSE_OK);
		assert_true(money.units == accepted[i].units);
	}
}

static void
what_is_no_decimal_is_malformed(void **state)
{
	static const char *const refused[] = {"", "-", ".", "-.", "+1", "--1",
	    "01", "00", "-01", "00.5", ".5", "-.5", "5.", "1.2.3", "1..2",
	    "1e3", "1E3", "1.0e0", "1,5", " 1", "1 ", "0x1", "NaN", "Infinity",
	    "1.-5", "1.5a", "\xd9\xa1"};
	struct money money = MONEY(42);

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_int_equal(money_parse(text_of(refused[i]), 6, 6, &money),
		    MONEY_PARSE_MALFORMED);
	assert_int_equal(
	    money_parse(TEXT_NONE, 6, 6, &money), MONEY_PARSE_MALFORMED);
	assert_int_equal(
	    money_parse(TEXT("1\0"), 6, 6, &money), MONEY_PARSE_MALFORMED);
	assert_int_equal(money.units, 42);
}

static void
too_many_decimals_are_too_fine_even_if_zero(void **state)
{
	struct money money = MONEY(42);

	(void)state;
	assert_int_equal(
	    money_parse(TEXT("1.005"), 6, 2, &money), MONEY_PARSE_TOO_FINE);
	assert_int_equal(
	    money_parse(TEXT("1.000"), 6, 2, &money), MONEY_PARSE_TOO_FINE);
	assert_int_equal(
	    money_parse(TEXT("1.0"), 0, 0, &money), MONEY_PARSE_TOO_FINE);
	assert_int_equal(money.units, 42);
}

static void
what_does_not_fit_is_too_large(void **state)
{
	static const struct {
		const char *text;
		unsigned scale;
	} refused[] = {
	    {"9223372036854775808", 0},
	    {"-9223372036854775809", 0},
	    {"9223372036854.775808", 6},
	    {"-9223372036854.775809", 6},
	    {"9223372036854775807", 1},
	    {"100000000000000000000000000000", 0},
	};
	struct money money = MONEY(42);

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		unsigned scale = refused[i].scale;
		assert_int_equal(
		    money_parse(text_of(refused[i].text), scale, scale, &money),
		    MONEY_PARSE_TOO_LARGE);
	}
	assert_int_equal(money.units, 42);
}

static void
the_first_of_several_faults_is_named(void **state)
{
	struct money money;

	(void)state;
	assert_int_equal(money_parse(TEXT("1.0000000x"), 6, 6, &money),
	    MONEY_PARSE_MALFORMED);
	assert_int_equal(
	    money_parse(TEXT("99999999999999999999.0000001"), 6, 6, &money),
	    MONEY_PARSE_TOO_FINE);
}

static void
units_are_written_as_decimals(void **state)
{
	static const struct {
		int64_t units;
		unsigned scale, decimals_min;
		const char *text;
	} rows[] = {
	    {0, 0, 0, "0"},
	    {0, 6, 0, "0"},
	    {0, 6, 2, "0.00"},
	    {25000000, 6, 2, "25.00"},
	    {25500000, 6, 2, "25.50"},
	    {25500000, 6, 0, "25.5"},
	    {25500001, 6, 2, "25.500001"},
	    {1, 6, 2, "0.000001"},
	    {-1, 6, 2, "-0.000001"},
	    {10025, 2, 2, "100.25"},
	    {1000, 0, 0, "1000"},
	    {INT64_MAX, 0, 0, "9223372036854775807"},
	    {INT64_MIN, 0, 0, "-9223372036854775808"},
	    {INT64_MIN, 9, 9, "-9223372036.854775808"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[MONEY_TEXT_BYTES];
		unsigned length = money_format(MONEY(rows[i].units),
		    rows[i].scale, rows[i].decimals_min, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(length, strlen(text));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_are_checked),
	    cmocka_unit_test(differences_are_checked),
	    cmocka_unit_test(money_is_ordered),
	    cmocka_unit_test(decimals_are_read_into_units),
	    cmocka_unit_test(what_is_no_decimal_is_malformed),
	    cmocka_unit_test(too_many_decimals_are_too_fine_even_if_zero),
	    cmocka_unit_test(what_does_not_fit_is_too_large),
	    cmocka_unit_test(the_first_of_several_faults_is_named),
	    cmocka_unit_test(units_are_written_as_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
