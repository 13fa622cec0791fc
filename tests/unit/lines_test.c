#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/lines.h"

static struct lines lines;

/* A file of `count` times the text; the descriptor is the caller's. */
static int
make_file(const char *bytes, size_t length, unsigned count)
{
	int descriptor = memfd_create("lines", MFD_CLOEXEC);

	assert_true(descriptor >= 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(
		    write(descriptor, bytes, length), (ssize_t)length);
	assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
	lines_init(&lines, descriptor);
	return descriptor;
}

static void
must_be(const char *bytes, size_t length)
{
	struct text line;

	assert_int_equal(lines_next(&lines, &line), LINES_LINE);
	assert_int_equal(line.length, length);
	assert_memory_equal(line.bytes, bytes, length);
}

static void
must_end(uint64_t number)
{
	struct text line;

	assert_int_equal(lines_next(&lines, &line), LINES_END);
	assert_int_equal(lines_next(&lines, &line), LINES_END);
	assert_int_equal(lines.number, number);
}

static void
every_end_of_a_line_is_taken_off(void **state)
{
	static const char bytes[] = "a\nb\r\n\n\r\nc\0d\r\r\nlast";
	int descriptor = make_file(bytes, sizeof(bytes) - 1, 1);

	(void)state;
	must_be("a", 1);
	must_be("b", 1);
	must_be("", 0);
	must_be("", 0);
	must_be("c\0d\r", 4);
	must_be("last", 4);
	must_end(6);
	assert_int_equal(lines.bytes, sizeof(bytes) - 1);
	close(descriptor);
}

static void
an_empty_file_has_no_line(void **state)
{
	int descriptor = make_file("", 0, 1);

	(void)state;
	must_end(0);
	close(descriptor);
}

static void
lines_that_do_not_fit_the_buffer_together_are_whole(void **state)
{
	static char bytes[50001];
	int descriptor;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = '\n';
	descriptor = make_file(bytes, sizeof(bytes), 100);
	for (unsigned i = 0; i < 100; i++)
		must_be(bytes, sizeof(bytes) - 1);
	must_end(100);
	assert_int_equal(lines.bytes, 100 * sizeof(bytes));
	close(descriptor);
}

/* A line of `length` bytes, and one more behind it. */
static void
must_find(size_t length, const char *end, enum lines_result expected)
{
	size_t end_length = strlen(end);
	char *bytes = malloc(length + end_length + 1);
	struct text line;
	int descriptor;

	assert_non_null(bytes);
	memset(bytes, 'x', length);
	memcpy(bytes + length, end, end_length);
	bytes[length + end_length] = 'y';
	descriptor =
	    make_file(bytes, length + end_length + (end_length > 0 ? 1 : 0), 1);
	assert_int_equal(lines_next(&lines, &line), expected);
	if (expected == LINES_LINE)
		assert_int_equal(line.length, length);
	if (end_length > 0)
		must_be("y", 1);
	must_end(end_length > 0 ? 2 : 1);
	close(descriptor);
	free(bytes);
}

static void
a_line_that_is_too_long_is_passed_over(void **state)
{
	static const char *const ends[] = {"", "\n", "\r\n"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		must_find(BODY_BYTES_MAX, ends[i], LINES_LINE);
		must_find(BODY_BYTES_MAX + 1, ends[i], LINES_TOO_LONG);
		must_find(BODY_BYTES_MAX + 2, ends[i], LINES_TOO_LONG);
		must_find(LINES_BUFFER_BYTES - 1, ends[i], LINES_TOO_LONG);
		must_find(LINES_BUFFER_BYTES, ends[i], LINES_TOO_LONG);
		must_find(10 * LINES_BUFFER_BYTES, ends[i], LINES_TOO_LONG);
	}
}

static void
what_cannot_be_read_fails(void **state)
{
	struct text line;

	(void)state;
	lines_init(&lines, -1);
	assert_int_equal(lines_next(&lines, &line), LINES_FAILED);
	assert_int_equal(errno, EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_end_of_a_line_is_taken_off),
	    cmocka_unit_test(an_empty_file_has_no_line),
	    cmocka_unit_test(
		lines_that_do_not_fit_the_buffer_together_are_whole),
	    cmocka_unit_test(a_line_that_is_too_long_is_passed_over),
	    cmocka_unit_test(what_cannot_be_read_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
