#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/currency.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *code;
	int digits;
} currencies[] = {
#define CURRENCY(code, digits) {code, digits},
#include "core/currencies.def"
#undef CURRENCY
};

static void
the_table_is_sorted_for_the_search(void **state)
{
	(void)state;
	for (size_t i = 1; i < COUNT(currencies); i++)
		assert_true(
		    strcmp(currencies[i - 1].code, currencies[i].code) < 0);
}

static void
the_codes_are_three_lower_case_letters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(currencies); i++) {
		const char *code = currencies[i].code;
		assert_int_equal(strlen(code), 3);
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz"), 3);
		assert_in_range(currencies[i].digits, 0, 3);
	}
}

static void
every_currency_of_the_table_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(currencies); i++)
		assert_true(currency_is_known(text_of(currencies[i].code)));
	assert_true(currency_is_known(TEXT("usd")));
	assert_true(currency_is_known(TEXT("jpy")));
}

static void
everything_else_is_unknown(void **state)
{
	static const char *const refused[] = {"", "u", "us", "usdd", "USD",
	    "Usd", "us ", "aaa", "zzz", "\xff\xff\xff",
	    /* Gold, no currency, the code for tests, a fund. */
	    "xau", "xxx", "xts", "che"};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(currency_is_known(text_of(refused[i])));
	assert_false(currency_is_known(TEXT_NONE));
	assert_false(currency_is_known(TEXT("us\0")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_sorted_for_the_search),
	    cmocka_unit_test(the_codes_are_three_lower_case_letters),
	    cmocka_unit_test(every_currency_of_the_table_is_known),
	    cmocka_unit_test(everything_else_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
