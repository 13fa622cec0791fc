#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/json_writer.h"

static char bytes[1024];
static struct buffer buffer;
static struct json_writer writer;

static int
start(void **state)
{
	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	json_init(&writer, &buffer);
	return 0;
}

static void
assert_written(const char *expected)
{
	assert_false(buffer.overflow);
	assert_int_equal(writer.depth, 0);
	bytes[buffer.length] = '\0';
	assert_string_equal(bytes, expected);
}

static void
members_of_every_kind(void **state)
{
	(void)state;
	json_object_begin(&writer);
	json_name(&writer, TEXT("string"));
	json_string(&writer, TEXT("x"));
	json_name(&writer, TEXT("integer"));
	json_integer(&writer, INT64_MIN);
	json_name(&writer, TEXT("true"));
	json_boolean(&writer, true);
	json_name(&writer, TEXT("false"));
	json_boolean(&writer, false);
	json_name(&writer, TEXT("null"));
	json_null(&writer);
	json_name(&writer, TEXT("raw"));
	json_raw(&writer, TEXT("24.50"));
	json_object_end(&writer);
	assert_written("{\"string\":\"x\",\"integer\":-9223372036854775808,"
		       "\"true\":true,\"false\":false,\"null\":null,"
		       "\"raw\":24.50}");
}

static void
containers_in_containers(void **state)
{
	(void)state;
	json_array_begin(&writer);
	json_object_begin(&writer);
	json_object_end(&writer);
	json_array_begin(&writer);
	json_array_end(&writer);
	json_object_begin(&writer);
	json_name(&writer, TEXT("a"));
	json_array_begin(&writer);
	json_integer(&writer, 1);
	json_integer(&writer, 2);
	json_array_end(&writer);
	json_name(&writer, TEXT("b"));
	json_object_begin(&writer);
	json_name(&writer, TEXT("c"));
	json_null(&writer);
	json_object_end(&writer);
	json_object_end(&writer);
	json_integer(&writer, 3);
	json_array_end(&writer);
	assert_written("[{},[],{\"a\":[1,2],\"b\":{\"c\":null}},3]");
}

static void
nesting_down_to_the_bound(void **state)
{
	(void)state;
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		json_array_begin(&writer);
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		json_array_end(&writer);
	assert_written("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
}

static const struct {
	struct text value;
	const char *written;
} strings[] = {
    {TEXT_NONE, "\"\""},
    {TEXT(""), "\"\""},
    {TEXT("plain text"), "\"plain text\""},
    {TEXT("\"\\"), "\"\\\"\\\\\""},
    {TEXT("a\"b\\c"), "\"a\\\"b\\\\c\""},
    {TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {TEXT("\x01\x1f\v"), "\"\\u0001\\u001f\\u000b\""},
    {TEXT("a\0b"), "\"a\\u0000b\""},
    /* And no more than that. */
    {TEXT("/ \x7f </script>"), "\"/ \x7f </script>\""},
    {TEXT("\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"),
	"\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\""},
};

static void
strings_are_escaped_where_they_must_be(void **state)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		start(state);
		json_string(&writer, strings[i].value);
		assert_written(strings[i].written);
	}
}

static void
names_are_escaped_too(void **state)
{
	(void)state;
	json_object_begin(&writer);
	json_name(&writer, TEXT("a\"\n"));
	json_null(&writer);
	json_name(&writer, TEXT(""));
	json_null(&writer);
	json_object_end(&writer);
	assert_written("{\"a\\\"\\n\":null,\"\":null}");
}

static void
a_small_buffer_overflows_and_nothing_else(void **state)
{
	(void)state;
	buffer_init(&buffer, bytes, 8);
	json_init(&writer, &buffer);
	json_object_begin(&writer);
	json_name(&writer, TEXT("name"));
	json_string(&writer, TEXT("a text that is longer than the buffer"));
	json_object_end(&writer);
	assert_true(buffer.overflow);
	assert_true(buffer.length <= 8);
}

static void
a_name_outside(void)
{
	json_name(&writer, TEXT("a"));
}

static void
a_name_in_an_array(void)
{
	json_array_begin(&writer);
	json_name(&writer, TEXT("a"));
}

static void
a_name_after_a_name(void)
{
	json_object_begin(&writer);
	json_name(&writer, TEXT("a"));
	json_name(&writer, TEXT("b"));
}

static void
a_value_without_its_name(void)
{
	json_object_begin(&writer);
	json_null(&writer);
}

static void
an_end_without_its_value(void)
{
	json_object_begin(&writer);
	json_name(&writer, TEXT("a"));
	json_object_end(&writer);
}

static void
the_wrong_end(void)
{
	json_array_begin(&writer);
	json_object_end(&writer);
}

static void
an_end_too_many(void)
{
	json_array_end(&writer);
}

static void
a_second_value_outside(void)
{
	json_null(&writer);
	json_null(&writer);
}

static void
one_level_too_many(void)
{
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		json_array_begin(&writer);
}

static void
bytes_that_are_no_text(void)
{
	json_string(&writer, TEXT("\xff"));
}

static void (*const mistakes[])(void) = {
    a_name_outside,
    a_name_in_an_array,
    a_name_after_a_name,
    a_value_without_its_name,
    an_end_without_its_value,
    the_wrong_end,
    an_end_too_many,
    a_second_value_outside,
    one_level_too_many,
    bytes_that_are_no_text,
};

static void
run_quietly(void (*mistake)(void))
{
	static const struct rlimit no_core;
	int null = open("/dev/null", O_WRONLY);

	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGABRT, SIG_DFL);
	(void)dup2(null, STDERR_FILENO);
	mistake();
	_exit(0);
}

static void
a_mistake_of_nesting_ends_the_program(void **state)
{
	int status;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		pid_t child;

		start(state);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			run_quietly(mistakes[i]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(members_of_every_kind, start),
	    cmocka_unit_test_setup(containers_in_containers, start),
	    cmocka_unit_test_setup(nesting_down_to_the_bound, start),
	    cmocka_unit_test(strings_are_escaped_where_they_must_be),
	    cmocka_unit_test_setup(names_are_escaped_too, start),
	    cmocka_unit_test(a_small_buffer_overflows_and_nothing_else),
	    cmocka_unit_test(a_mistake_of_nesting_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
