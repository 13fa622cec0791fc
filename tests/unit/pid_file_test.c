/*
 * The supervisor's pid file: whole, ours, and gone with us alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "app/pid_file.h"
#include "temporary.h"

static struct temporary temporary;

static int
set_up(void **state)
{
	(void)state;
	temporary_make(&temporary);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_remove(&temporary);
	return 0;
}

static void
put(const char *text)
{
	FILE *file = fopen(temporary.path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static long
number_in_file(void)
{
	FILE *file = fopen(temporary.path, "r");
	char line[32];

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(fclose(file), 0);
	return strtol(line, NULL, 10);
}

static void
it_names_us_in_place_of_another(void **state)
{
	struct stat status;
	mode_t before = umask(0077);

	(void)state;
	put("1\n");
	assert_int_equal(chmod(temporary.path, 0600), 0);
	assert_true(pid_file_write(temporary.path));
	umask(before);
	assert_int_equal(number_in_file(), getpid());
	assert_int_equal(stat(temporary.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	pid_file_remove(temporary.path);
	assert_int_equal(access(temporary.path, F_OK), -1);
	/* Nothing beside it either, or the directory would stay. */
	assert_int_equal(rmdir(temporary.directory), 0);
	temporary_make(&temporary);
}

static void
one_that_names_another_stays(void **state)
{
	char longer[32];

	(void)state;
	put("1\n");
	pid_file_remove(temporary.path);
	assert_int_equal(number_in_file(), 1);
	snprintf(longer, sizeof(longer), "%d0\n", (int)getpid());
	put(longer);
	pid_file_remove(temporary.path);
	assert_int_equal(access(temporary.path, F_OK), 0);
}

static void
none_and_one_that_cannot_be_are_no_reason_to_end(void **state)
{
	(void)state;
	assert_true(pid_file_write(""));
	pid_file_remove("");
	assert_false(pid_file_write("/nowhere/at/all"));
	pid_file_remove("/nowhere/at/all");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    TEST(it_names_us_in_place_of_another),
	    TEST(one_that_names_another_stays),
	    TEST(none_and_one_that_cannot_be_are_no_reason_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
