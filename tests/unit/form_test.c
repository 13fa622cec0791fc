#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/parameters.h"
#include "unit/parameters_show.h"

static struct parameters rows;
static struct parameters_failure failure;
static uint8_t memory[PARAMETERS_ARENA_BYTES];
static struct arena arena;

/* The text is copied to its exact size, so that a sanitizer sees its end. */
static enum parameters_result
read_form(struct text text)
{
	enum parameters_result result;
	char *bytes = malloc(text.length);

	assert_true(bytes != NULL || text.length == 0);
	if (text.length > 0)
		memcpy(bytes, text.bytes, text.length);
	text.bytes = bytes;
	arena_init(&arena, memory, sizeof(memory));
	rows.count = 0;
	result = parameters_from_form(&rows, text, &arena, &failure);
	free(bytes);
	return result;
}

static const struct {
	struct text text;
	const char *rows;
} accepted[] = {
    {TEXT(""), ""},
    {TEXT("amount=2000"), "amount=2000 form\n"},
    {TEXT("amount=2000&currency=usd"), "amount=2000 form\ncurrency=usd form\n"},
    {TEXT("a="), "a= form\n"},
    {TEXT("a==b=c"), "a==b=c form\n"},
    {TEXT("a=b+c%2B%26%3D%25+%c3%A9"), "a=b c+&=% \xc3\xa9 form\n"},
    {TEXT("a+b=c"), "a b=c form\n"},
    {TEXT("metadata[order_id]=6735"), "metadata[order_id]=6735 form\n"},
    {TEXT("metadata%5Border_id%5d=6735"), "metadata[order_id]=6735 form\n"},
    {TEXT("metadata[a%3Db]=c"), "metadata[a=b]=c form\n"},
    {TEXT("metadata[0]=x&metadata[1]=x"),
	"metadata[0]=x form\nmetadata[1]=x form\n"},
    {TEXT("expand[]=a&expand[]=a&expand[0]=b"),
	"expand[]=a form\nexpand[]=a form\nexpand[0]=b form\n"},
    {TEXT("created[gt]=1&created[lte]=2&created=3"),
	"created[gt]=1 form\ncreated[lte]=2 form\ncreated=3 form\n"},
    {TEXT("a[b][c]=1&a[b][c]=1&a[][b]=2&a[b][]=3"),
	"a[b]=1 form deeper\na[b]=1 form deeper\n"
	"a[]=2 form deeper\na[b]=3 form deeper\n"},
    {TEXT("a[1][2][3][4][5][6][7]=8"), "a[1]=8 form deeper\n"},
};

static void
pieces_become_rows(void **state)
{
	char shown[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		if (read_form(accepted[i].text) != PARAMETERS_OK)
			fail_msg("%.*s: %s", TEXT_PRINT(accepted[i].text),
			    failure.reason);
		parameters_show(&rows, shown, sizeof(shown));
		assert_string_equal(shown, accepted[i].rows);
	}
}

#define NO_VALUE "has a parameter without '='."
#define NO_NAME "has a parameter without a name."
#define BRACKETS "has unbalanced brackets in a name."
#define ESCAPE "has a broken percent escape."

static const struct {
	struct text text;
	const char *reason;
} refused[] = {
    {TEXT("amount"), NO_VALUE},
    {TEXT("&"), NO_VALUE},
    {TEXT("a=1&"), NO_VALUE},
    {TEXT("&a=1"), NO_VALUE},
    {TEXT("a=1&&b=2"), NO_VALUE},
    {TEXT("a=1&b"), NO_VALUE},
    {TEXT("{\"a\":1}"), NO_VALUE},
    {TEXT("=1"), NO_NAME},
    {TEXT("a=1&="), NO_NAME},
    {TEXT("[]=1"), BRACKETS},
    {TEXT("[a]=1"), BRACKETS},
    {TEXT("a[=1"), BRACKETS},
    {TEXT("a]=1"), BRACKETS},
    {TEXT("a[b=1"), BRACKETS},
    {TEXT("a[b=c]=1"), BRACKETS},
    {TEXT("a[b]c=1"), BRACKETS},
    {TEXT("a[b]]=1"), BRACKETS},
    {TEXT("a[[b]]=1"), BRACKETS},
    {TEXT("a[b[c]]=1"), BRACKETS},
    {TEXT("a[b]c[d]=1"), BRACKETS},
    {TEXT("a%5B=1"), BRACKETS},
    {TEXT("a=%"), ESCAPE},
    {TEXT("a=%4"), ESCAPE},
    {TEXT("a=%4g"), ESCAPE},
    {TEXT("a=%%41"), ESCAPE},
    {TEXT("a=%+1"), ESCAPE},
    {TEXT("a%=1"), ESCAPE},
    {TEXT("a=%4&1=2"), ESCAPE},
    {TEXT("a=%00"), "has a NUL character."},
    {TEXT("a=\0"), "has a NUL character."},
    {TEXT("a%00=1"), "has a NUL character."},
    {TEXT("a=%ff"), "is not valid UTF-8."},
    {TEXT("a=%c3"), "is not valid UTF-8."},
    {TEXT("a=%ed%a0%80"), "is not valid UTF-8."},
    {TEXT("%c0%80=1"), "is not valid UTF-8."},
    {TEXT("a[1][2][3][4][5][6][7][8]=9"), "is nested more than 8 deep."},
};

static void
broken_forms_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(
		    PARAMETERS_MALFORMED, read_form(refused[i].text));
		assert_string_equal(failure.reason, refused[i].reason);
		assert_null(failure.name.bytes);
	}
}

static const struct {
	struct text text;
	const char *name;
} repeated[] = {
    {TEXT("a=1&a=1"), "a"},
    {TEXT("a=1&b=2&%61=3"), "a"},
    {TEXT("metadata[b]=1&metadata%5bb%5d=2"), "metadata[b]"},
    {TEXT("expand[0]=a&expand[0]=b"), "expand[0]"},
};

static void
scalars_and_members_may_stand_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		assert_int_equal(
		    PARAMETERS_REPEATED, read_form(repeated[i].text));
		assert_non_null(failure.reason);
		assert_true(
		    text_equal(failure.name, text_of(repeated[i].name)));
	}
}

static void
as_many_pieces_as_rows_are_taken(void **state)
{
	char text[5 * BODY_PARAMETERS_MAX + 2];
	size_t length = 0;

	(void)state;
	for (int i = 0; i < BODY_PARAMETERS_MAX; i++, length += 5)
		memcpy(text + length, "a[]=&", 5);
	assert_int_equal(
	    PARAMETERS_OK, read_form((struct text){text, length - 1}));
	assert_int_equal(rows.count, BODY_PARAMETERS_MAX);
	memcpy(text + length, "b=", 2);
	assert_int_equal(
	    PARAMETERS_MALFORMED, read_form((struct text){text, length + 2}));
	assert_string_equal(failure.reason, "has too many values.");
}

static void
rows_are_appended_to_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(PARAMETERS_OK, read_form(TEXT("a=1")));
	assert_int_equal(PARAMETERS_OK,
	    parameters_from_form(&rows, TEXT("b=2"), &arena, &failure));
	assert_int_equal(rows.count, 2);
	assert_int_equal(PARAMETERS_REPEATED,
	    parameters_from_form(&rows, TEXT("a=2"), &arena, &failure));
}

static void
a_full_arena_is_a_refusal(void **state)
{
	struct text text = TEXT("metadata[a]=0123456789&metadata[b]=c");
	enum parameters_result result;
	size_t refusals = 0;

	(void)state;
	for (size_t size = 0;; size++) {
		arena_init(&arena, memory, size);
		rows.count = 0;
		result = parameters_from_form(&rows, text, &arena, &failure);
		if (result == PARAMETERS_OK)
			break;
		assert_int_equal(result, PARAMETERS_MALFORMED);
		assert_string_equal(failure.reason, "is too large to be read.");
		refusals++;
	}
	assert_true(refusals > text.length / 2);
}

static void
path_segments_keep_their_plus(void **state)
{
	struct text decoded;

	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	assert_true(percent_decode(TEXT("a+b%20c"), false, &arena, &decoded));
	assert_true(text_equal(decoded, TEXT("a+b c")));
	assert_int_equal(decoded.bytes[decoded.length], '\0');
	assert_true(percent_decode(TEXT("a+b"), true, &arena, &decoded));
	assert_true(text_equal(decoded, TEXT("a b")));
	assert_true(percent_decode(TEXT(""), false, &arena, &decoded));
	assert_int_equal(decoded.length, 0);
	assert_non_null(decoded.bytes);
	/* What is decoded is not decoded again. */
	assert_true(percent_decode(TEXT("%2541"), false, &arena, &decoded));
	assert_true(text_equal(decoded, TEXT("%41")));
	assert_false(percent_decode(TEXT("%2"), false, &arena, &decoded));
	assert_false(percent_decode(TEXT("%00"), false, &arena, &decoded));
	assert_false(percent_decode(TEXT("%ff"), false, &arena, &decoded));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_become_rows),
	    cmocka_unit_test(broken_forms_are_refused),
	    cmocka_unit_test(scalars_and_members_may_stand_once),
	    cmocka_unit_test(as_many_pieces_as_rows_are_taken),
	    cmocka_unit_test(rows_are_appended_to_what_is_there),
	    cmocka_unit_test(a_full_arena_is_a_refusal),
	    cmocka_unit_test(path_segments_keep_their_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
