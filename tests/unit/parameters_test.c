#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/parameters_build.h"

static uint8_t memory[256];
static struct arena arena;

static void
assert_name(struct parameter row, struct text name)
{
	arena_init(&arena, memory, sizeof(memory));
	assert_true(text_equal(parameter_name(&row, &arena), name));
}

static void
a_name_grows_inwards(void **state)
{
	struct parameter row = {.root = TEXT_NONE};

	(void)state;
	row = parameter_inside(row, TEXT("a"));
	assert_int_equal(row.shape, PARAMETER_SCALAR);
	assert_name(row, TEXT("a"));
	row = parameter_inside(row, TEXT("b"));
	assert_int_equal(row.shape, PARAMETER_MEMBER);
	assert_name(row, TEXT("a[b]"));
	row = parameter_inside(row, TEXT("c"));
	assert_int_equal(row.shape, PARAMETER_DEEPER);
	assert_name(row, TEXT("a[b]"));
	row = parameter_inside(row, TEXT_NONE);
	assert_int_equal(row.shape, PARAMETER_DEEPER);
	assert_name(row, TEXT("a[b]"));
}

static void
elements_have_no_key(void **state)
{
	struct parameter row = {.root = TEXT("a"), .shape = PARAMETER_SCALAR};

	(void)state;
	row = parameter_inside(row, TEXT_NONE);
	assert_int_equal(row.shape, PARAMETER_ELEMENT);
	assert_name(row, TEXT("a[]"));
	row = parameter_inside(row, TEXT("b"));
	assert_int_equal(row.shape, PARAMETER_DEEPER);
	assert_name(row, TEXT("a[]"));
}

static void
a_full_arena_leaves_the_root_of_a_name(void **state)
{
	struct parameter row = {
	    .root = TEXT("a"), .key = TEXT("b"), .shape = PARAMETER_MEMBER};

	(void)state;
	arena_init(&arena, memory, 0);
	assert_true(text_equal(parameter_name(&row, &arena), TEXT("a")));
}

static void
hexadecimal_digits_are_read_in_both_cases(void **state)
{
	unsigned number = 7;

	(void)state;
	assert_true(hex_read(TEXT("0"), 1, &number));
	assert_int_equal(number, 0);
	assert_true(hex_read(TEXT("aFx"), 2, &number));
	assert_int_equal(number, 0xaf);
	assert_true(hex_read(TEXT("FfFf"), 4, &number));
	assert_int_equal(number, 0xffff);
	assert_false(hex_read(TEXT(""), 1, &number));
	assert_false(hex_read(TEXT("123"), 4, &number));
	assert_false(hex_read(TEXT("0g"), 2, &number));
	assert_false(hex_read(TEXT("-1"), 2, &number));
	assert_false(hex_read(TEXT(" 1"), 2, &number));
	assert_int_equal(number, 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_grows_inwards),
	    cmocka_unit_test(elements_have_no_key),
	    cmocka_unit_test(a_full_arena_leaves_the_root_of_a_name),
	    cmocka_unit_test(hexadecimal_digits_are_read_in_both_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
