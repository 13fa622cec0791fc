#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/json_token.h"

static const char kind_letters[JSON_TOKEN_KINDS] = {
    [JSON_TOKEN_END] = '.',
    [JSON_TOKEN_OBJECT_BEGIN] = '{',
    [JSON_TOKEN_OBJECT_END] = '}',
    [JSON_TOKEN_ARRAY_BEGIN] = '[',
    [JSON_TOKEN_ARRAY_END] = ']',
    [JSON_TOKEN_COLON] = ':',
    [JSON_TOKEN_COMMA] = ',',
    [JSON_TOKEN_STRING] = 's',
    [JSON_TOKEN_NUMBER] = 'n',
    [JSON_TOKEN_LITERAL] = 'l',
    [JSON_TOKEN_BROKEN] = '!',
    [JSON_TOKEN_NUL] = '0',
    [JSON_TOKEN_HALF_PAIR] = '/',
};

/* The kinds of all tokens, a letter each, up to the end or a refusal. */
static const char *
kinds_of(struct text text)
{
	static char letters[64];
	struct json_token token;
	size_t count = 0;

	do {
		token = json_token_next(&text);
		assert_true(count < sizeof(letters) - 1);
		letters[count++] = kind_letters[token.kind];
	} while (
	    token.kind != JSON_TOKEN_END && token.kind < JSON_TOKEN_BROKEN);
	letters[count] = '\0';
	return letters;
}

static const struct {
	struct text text;
	const char *kinds;
} cases[] = {
    {TEXT(""), "."},
    {TEXT(" \t\r\n"), "."},
    {TEXT("{}[]:,"), "{}[]:,."},
    {TEXT("{\"a\" : [1, true,null,false]}"), "{s:[n,l,l,l]}."},
    {TEXT("1\"a\"2"), "nsn."},
    /* The grammar is not looked at here. */
    {TEXT("]1:{"), "]n:{."},
    {TEXT("\"\""), "s."},
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uFFFF\""), "s."},
    {TEXT("\"\\ud83d\\uDE00\""), "s."},
    {TEXT("\"\\ud7ff\\ue000\""), "s."},
    {TEXT("\""), "!"},
    {TEXT("\"\\"), "!"},
    {TEXT("\"\\\""), "!"},
    {TEXT("\"\\u"), "!"},
    {TEXT("\"\\u00e"), "!"},
    {TEXT("\"\\u00 9\""), "!"},
    {TEXT("\"\x1f\""), "!"},
    {TEXT("\"\0\""), "!"},
    {TEXT("1,\"\\u0000\",1"), "n,0"},
    {TEXT("\"\\ud800\""), "/"},
    {TEXT("\"\\ud800\\"), "/"},
    {TEXT("\"\\ude00\\ud83d\""), "/"},
    {TEXT("\"\\ud83d\\ud83d\""), "/"},
    {TEXT("0 -0 10 -1 0.0 1.50 0e0 1E+9 1e-09"), "nnnnnnnnn."},
    {TEXT("99999999999999999999999999"), "n."},
    {TEXT("01"), "!"},
    {TEXT("1."), "!"},
    {TEXT(".1"), "!"},
    {TEXT("-"), "!"},
    {TEXT("+1"), "!"},
    {TEXT("1e"), "!"},
    {TEXT("1e+"), "!"},
    {TEXT("1-1"), "!"},
    {TEXT("0x1"), "!"},
    {TEXT("1\0"), "!"},
    {TEXT("NaN"), "!"},
    {TEXT("Infinity"), "!"},
    {TEXT("-Infinity"), "!"},
    {TEXT("True"), "!"},
    {TEXT("truenull"), "!"},
    {TEXT("'a'"), "!"},
    {TEXT("//"), "!"},
    {TEXT("\xef\xbb\xbf"), "!"},
    {TEXT("\v"), "!"},
};

static void
tokens_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(kinds_of(cases[i].text), cases[i].kinds);
}

static void
a_token_has_its_own_text(void **state)
{
	struct text rest = TEXT(" \"a b\" -1.5e3,");

	(void)state;
	assert_true(text_equal(json_token_next(&rest).text, TEXT("\"a b\"")));
	assert_true(text_equal(json_token_next(&rest).text, TEXT("-1.5e3")));
	assert_true(text_equal(json_token_next(&rest).text, TEXT(",")));
	assert_int_equal(json_token_next(&rest).kind, JSON_TOKEN_END);
	assert_int_equal(json_token_next(&rest).kind, JSON_TOKEN_END);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_are_those_of_the_rfc),
	    cmocka_unit_test(a_token_has_its_own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
