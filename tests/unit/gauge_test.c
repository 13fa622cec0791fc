#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/gauge.h"

static const struct gauge_state half = {
    .bytes = 500,
    .bytes_total = 1000,
    .lines = 12000,
    .elapsed = {2 * 1000 * 1000},
};

static void
must_print(
    const struct gauge_state *state, unsigned columns, const char *expected)
{
	char bytes[GAUGE_COLUMNS_MAX + 1];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes) - 1);
	gauge_print(state, columns, &buffer);
	assert_false(buffer.overflow);
	bytes[buffer.length] = '\0';
	assert_string_equal(bytes, expected);
}

static void
a_wide_terminal_has_it_all(void **state)
{
	(void)state;
	must_print(&half, 61,
	    "[##########..........]   50%  12000 lines  6000/s  0:02 left");
}

static void
a_narrow_one_has_what_matters_most(void **state)
{
	static const struct {
		unsigned columns;
		const char *line;
	} rows[] = {
	    {0, ""},
	    {1, ""},
	    {4, ""},
	    {5, " 50%"},
	    {16, " 50%"},
	    {17, "[####....]   50%"},
	    {18, " 50%  12000 lines"},
	    {25, " 50%  12000 lines"},
	    {26, " 50%  12000 lines  6000/s"},
	    {37, " 50%  12000 lines  6000/s  0:02 left"},
	    {48, " 50%  12000 lines  6000/s  0:02 left"},
	    {49, "[####....]   50%  12000 lines  6000/s  0:02 left"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		must_print(&half, rows[i].columns, rows[i].line);
}

static void
no_line_is_as_wide_as_its_terminal(void **state)
{
	(void)state;
	for (unsigned columns = 1; columns < 2 * GAUGE_COLUMNS_MAX; columns++) {
		char bytes[GAUGE_COLUMNS_MAX];
		struct buffer buffer;

		buffer_init(&buffer, bytes, sizeof(bytes));
		gauge_print(&half, columns, &buffer);
		assert_false(buffer.overflow);
		assert_true(buffer.length < columns);
	}
}

static void
a_pipe_has_no_percent_no_bar_and_no_end(void **state)
{
	struct gauge_state pipe = half;

	(void)state;
	pipe.bytes_total = 0;
	must_print(&pipe, 80, "12000 lines  6000/s");
}

static void
before_time_has_passed_there_is_no_rate(void **state)
{
	struct gauge_state begun = {.bytes_total = 1000};

	(void)state;
	must_print(&begun, 40, "[......................]    0%  0 lines");
}

static void
time_left_is_in_minutes_or_in_hours(void **state)
{
	struct gauge_state slow = half;

	(void)state;
	slow.bytes_total = 250 * 65 + 500;
	must_print(&slow, 35, "  2%  12000 lines  6000/s");
	slow.lines = 1;
	slow.elapsed.us = 1000 * 1000;
	slow.bytes = 1;
	slow.bytes_total = 1 + 3599;
	must_print(&slow, 34, "  0%  1 lines  1/s  59:59 left");
	slow.bytes_total = 1 + 3661;
	must_print(&slow, 34, "  0%  1 lines  1/s  1:01:01 left");
	/* Of a thousand hours it tells nothing. */
	slow.bytes_total = 1 + 3600 * 1000;
	must_print(&slow, 24, "  0%  1 lines  1/s");
}

static void
a_file_that_grows_is_at_its_end(void **state)
{
	struct gauge_state more = half;

	(void)state;
	more.bytes = 2000;
	must_print(&more, 30, "100%  12000 lines  6000/s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wide_terminal_has_it_all),
	    cmocka_unit_test(a_narrow_one_has_what_matters_most),
	    cmocka_unit_test(no_line_is_as_wide_as_its_terminal),
	    cmocka_unit_test(a_pipe_has_no_percent_no_bar_and_no_end),
	    cmocka_unit_test(before_time_has_passed_there_is_no_rate),
	    cmocka_unit_test(time_left_is_in_minutes_or_in_hours),
	    cmocka_unit_test(a_file_that_grows_is_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
