#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/time.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static void
seconds_are_rounded_down(void **state)
{
	(void)state;
	assert_int_equal(instant_seconds((struct instant){0}), 0);
	assert_int_equal(instant_seconds((struct instant){999999}), 0);
	assert_int_equal(instant_seconds((struct instant){1000000}), 1);
	assert_int_equal(instant_seconds((struct instant){-1}), -1);
	assert_int_equal(instant_seconds((struct instant){-1000000}), -1);
	assert_int_equal(instant_seconds((struct instant){-1000001}), -2);
}

static void
units_are_microseconds(void **state)
{
	(void)state;
	assert_int_equal(instant_from_seconds(3).us, 3000000);
	assert_int_equal(span_from_seconds(-3).us, -3000000);
	assert_int_equal(span_from_ms(3).us, 3000);
	assert_false(instant_is_set(INSTANT_NEVER));
	assert_true(instant_is_set((struct instant){1}));
	assert_true(instant_before((struct instant){1}, (struct instant){2}));
	assert_false(instant_before((struct instant){2}, (struct instant){2}));
}

static void
arithmetic_saturates(void **state)
{
	const struct instant last = {INT64_MAX}, first = {INT64_MIN};
	const struct span plus = {1}, minus = {-1};

	(void)state;
	assert_true(instant_from_seconds(INT64_MAX).us == INT64_MAX);
	assert_true(instant_from_seconds(INT64_MIN).us == INT64_MIN);
	assert_true(span_from_seconds(INT64_MAX).us == INT64_MAX);
	assert_true(span_from_ms(INT64_MIN).us == INT64_MIN);
	assert_true(instant_plus(last, plus).us == INT64_MAX);
	assert_true(instant_plus(first, minus).us == INT64_MIN);
	assert_true(instant_plus(last, minus).us == INT64_MAX - 1);
	assert_true(instant_minus(last, first).us == INT64_MAX);
	assert_true(instant_minus(first, last).us == INT64_MIN);
	assert_true(instant_minus((struct instant){0}, first).us == INT64_MAX);
	assert_int_equal(
	    instant_minus((struct instant){5}, (struct instant){7}).us, -2);
}

static const struct {
	const char *text;
	int64_t seconds;
} instants[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:01Z", 1},
    {"1970-12-31T23:59:59Z", 31535999},
    {"1972-02-29T00:00:00Z", 68169600},
    {"2000-02-29T12:00:00Z", 951825600},
    {"2000-03-01T00:00:00Z", 951868800},
    {"2026-01-02T03:04:05Z", 1767323045},
    {"2038-01-19T03:14:08Z", INT64_C(2147483648)},
    {"2100-02-28T23:59:59Z", INT64_C(4107542399)},
    {"2100-03-01T00:00:00Z", INT64_C(4107542400)},
    {"9999-12-31T23:59:59Z", LAST_SECOND},
};

static void
instants_are_written_in_utc(void **state)
{
	char text[TIME_ISO_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(instants); i++) {
		instant_to_iso(instant_from_seconds(instants[i].seconds), text);
		assert_string_equal(text, instants[i].text);
	}
	instant_to_iso((struct instant){1999999}, text);
	assert_string_equal(text, "1970-01-01T00:00:01Z");
}

static void
instants_are_read_in_utc(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(instants); i++) {
		struct instant instant = {42};
		assert_true(
		    instant_from_iso(text_of(instants[i].text), &instant));
		assert_true(instant.us == instants[i].seconds * 1000000);
	}
}

static void
a_fraction_of_a_second_is_dropped(void **state)
{
	static const char *const accepted[] = {"1970-01-01T00:00:01.9Z",
	    "1970-01-01T00:00:01.000Z", "1970-01-01T00:00:01.999999999Z"};

	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct instant instant = {42};
		assert_true(instant_from_iso(text_of(accepted[i]), &instant));
		assert_int_equal(instant.us, 1000000);
	}
}

static void
other_forms_and_days_that_do_not_exist_are_refused(void **state)
{
	static const char *const refused[] = {"", "Z", "2026-01-02",
	    "2026-01-02T03:04:05", "2026-01-02T03:04:05z",
	    "2026-01-02t03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04Z",
	    "2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05.Z",
	    "2026-01-02T03:04:05.1.2Z", "2026-01-02T03:04:05.-1Z",
	    "2026-01-02T03:04:05,5Z", "2026-1-2T03:04:05Z",
	    "02026-01-02T03:04:05Z", "-026-01-02T03:04:05Z",
	    "+026-01-02T03:04:05Z", "2026/01/02T03:04:05Z",
	    " 026-01-02T03:04:05Z", "2026-01-02T03:04:05Z ",
	    "2026-00-02T03:04:05Z", "2026-13-02T03:04:05Z",
	    "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
	    "2026-04-31T03:04:05Z", "2026-02-29T03:04:05Z",
	    "2024-02-30T03:04:05Z", "2100-02-29T03:04:05Z",
	    "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z",
	    "2026-01-02T03:04:60Z", "1969-12-31T23:59:59Z",
	    "0000-01-01T00:00:00Z"};
	struct instant instant = {42};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(instant_from_iso(text_of(refused[i]), &instant));
	assert_false(instant_from_iso(TEXT_NONE, &instant));
	assert_int_equal(instant.us, 42);
}

static void
every_day_is_the_day_of_the_c_library(void **state)
{
	(void)state;
	for (int64_t second = 86399; second <= LAST_SECOND; second += 86400) {
		struct instant read, instant = instant_from_seconds(second);
		char text[TIME_ISO_BYTES], expected[TIME_ISO_BYTES];
		struct tm tm;

		assert_non_null(gmtime_r(&(time_t){second}, &tm));
		strftime(expected, sizeof(expected), "%FT%TZ", &tm);
		instant_to_iso(instant, text);
		assert_string_equal(text, expected);
		assert_true(instant_from_iso(text_of(text), &read));
		assert_true(read.us == instant.us);
	}
}

static void
zero_is_no_time_to_be_earlier(void **state)
{
	const struct span none = {0}, soon = {3}, late = {7};

	(void)state;
	assert_int_equal(span_earlier(soon, late).us, soon.us);
	assert_int_equal(span_earlier(late, soon).us, soon.us);
	assert_int_equal(span_earlier(none, late).us, late.us);
	assert_int_equal(span_earlier(late, none).us, late.us);
	assert_int_equal(span_earlier(none, none).us, none.us);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seconds_are_rounded_down),
	    cmocka_unit_test(units_are_microseconds),
	    cmocka_unit_test(arithmetic_saturates),
	    cmocka_unit_test(instants_are_written_in_utc),
	    cmocka_unit_test(instants_are_read_in_utc),
	    cmocka_unit_test(a_fraction_of_a_second_is_dropped),
	    cmocka_unit_test(
		other_forms_and_days_that_do_not_exist_are_refused),
	    cmocka_unit_test(every_day_is_the_day_of_the_c_library),
	    cmocka_unit_test(zero_is_no_time_to_be_earlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
