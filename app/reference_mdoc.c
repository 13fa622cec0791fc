#include "app/reference_mdoc.h"

#include <assert.h>
#include <stdbool.h>

enum { LINE_BYTES = 79, WORD_BYTES_MAX = 512 };

/*
 * One byte of a word.  A hyphen is written as the minus that it is on a
 * command line, so that it can be copied from the page.
 */
static void
put_byte(struct buffer *word, char byte, bool *quoted)
{
	switch (byte) {
	case '`':
		*quoted = !*quoted;
		buffer_put_text(word, *quoted ? TEXT("\\(oq") : TEXT("\\(cq"));
		return;
	case '\\':
		buffer_put_text(word, TEXT("\\e"));
		return;
	case '-':
		buffer_put_text(word, TEXT("\\-"));
		return;
	default:
		buffer_put_byte(word, (uint8_t)byte);
	}
}

static struct text
escape(struct text word, char bytes[WORD_BYTES_MAX], bool *quoted)
{
	struct buffer escaped;

	buffer_init(&escaped, bytes, WORD_BYTES_MAX);
	/* At the beginning of a line, these would be a macro. */
	if (word.bytes[0] == '.' || word.bytes[0] == '\'')
		buffer_put_text(&escaped, TEXT("\\&"));
	for (size_t i = 0; i < word.length; i++)
		put_byte(&escaped, word.bytes[i], quoted);
	assert(!escaped.overflow);
	return buffer_text(&escaped);
}

static bool
ends_sentence(struct text word)
{
	return word.length > 0 && word.bytes[word.length - 1] == '.';
}

void
mdoc_sentences(struct buffer *page, struct text sentences)
{
	char bytes[WORD_BYTES_MAX];
	struct text rest = sentences;
	struct text word;
	size_t column = 0;
	bool quoted = false;
	bool more;

	do {
		more = text_split(rest, ' ', &word, &rest);
		if (word.length == 0)
			continue;
		word = escape(word, bytes, &quoted);
		if (column > 0 && column + 1 + word.length > LINE_BYTES) {
			buffer_put_byte(page, '\n');
			column = 0;
		} else if (column > 0) {
			buffer_put_byte(page, ' ');
			column++;
		}
		buffer_put_text(page, word);
		column += word.length;
		if (ends_sentence(word)) {
			buffer_put_byte(page, '\n');
			column = 0;
		}
	} while (more);
	if (column > 0)
		buffer_put_byte(page, '\n');
}

void
mdoc_argument(struct buffer *page, struct text argument)
{
	buffer_put_text(page, TEXT(" \"\\&"));
	for (size_t i = 0; i < argument.length; i++)
		if (argument.bytes[i] == '-')
			buffer_put_text(page, TEXT("\\-"));
		else
			buffer_put_byte(page, (uint8_t)argument.bytes[i]);
	buffer_put_byte(page, '"');
}
