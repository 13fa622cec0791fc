#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/reference_mdoc.h"

static void
assert_page(struct buffer *page, const char *expected)
{
	struct text text = buffer_text(page);

	assert_false(page->overflow);
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.bytes, expected, text.length);
	buffer_reset(page);
}

static void
every_sentence_has_a_line(void **state)
{
	char bytes[1024];
	struct buffer page;

	(void)state;
	buffer_init(&page, bytes, sizeof(bytes));
	mdoc_sentences(&page, TEXT("One.  Two of it.  Three; and"));
	assert_page(&page, "One.\nTwo of it.\nThree; and\n");
	mdoc_sentences(&page, TEXT(""));
	assert_page(&page, "");
}

static void
no_line_is_longer_than_a_linter_allows(void **state)
{
	const char *word = "0123456789";
	char sentence[20 * 11 + 1] = "";
	char bytes[1024];
	struct buffer page;
	struct text line, rest;
	size_t lines = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		strcat(sentence, word);
		strcat(sentence, " ");
	}
	buffer_init(&page, bytes, sizeof(bytes));
	mdoc_sentences(&page, text_of(sentence));
	rest = buffer_text(&page);
	while (text_split(rest, '\n', &line, &rest)) {
		assert_in_range(line.length, 1, 79);
		lines++;
	}
	assert_int_equal(lines, 3);
}

static void
nothing_is_taken_for_a_macro_or_an_escape(void **state)
{
	char bytes[1024];
	struct buffer page;

	(void)state;
	buffer_init(&page, bytes, sizeof(bytes));
	mdoc_sentences(&page, TEXT(".Sh 'x a\\b --json `init it` on"));
	assert_page(
	    &page, "\\&.Sh \\&'x a\\eb \\-\\-json \\(oqinit it\\(cq on\n");
	mdoc_argument(&page, TEXT("key list"));
	mdoc_argument(&page, TEXT("a-b"));
	assert_page(&page, " \"\\&key list\" \"\\&a\\-b\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sentence_has_a_line),
	    cmocka_unit_test(no_line_is_longer_than_a_linter_allows),
	    cmocka_unit_test(nothing_is_taken_for_a_macro_or_an_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
