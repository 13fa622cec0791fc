#include "base/text.h"

#include <assert.h>
#include <string.h>

/*
 * RFC 3629, section 4, row by row: what a sequence may begin with, how long
 * it is, and what its second byte may be.  All later bytes are 80 to bf.
 */
static const struct sequence {
	uint8_t first_low, first_high;
	uint8_t length;
	uint8_t second_low, second_high;
} sequences[] = {
    {0x00, 0x7f, 1, 0x00, 0x00},
    {0xc2, 0xdf, 2, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x80, 0x8f},
};

struct text
text_of(const char *string)
{
	if (string == NULL)
		return TEXT_NONE;
	return (struct text){string, strlen(string)};
}

bool
text_equal(struct text a, struct text b)
{
	return a.length == b.length && text_compare(a, b) == 0;
}

/* Not tolower(): that would ask the locale. */
static char
fold(char byte)
{
	if (byte < 'A' || byte > 'Z')
		return byte;
	return (char)(byte - 'A' + 'a');
}

bool
text_equal_nocase(struct text a, struct text b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++) {
		if (fold(a.bytes[i]) != fold(b.bytes[i]))
			return false;
	}
	return true;
}

bool
text_starts(struct text text, struct text prefix)
{
	if (prefix.length > text.length)
		return false;
	text.length = prefix.length;
	return text_equal(text, prefix);
}

int
text_compare(struct text a, struct text b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;

	/* memcmp() may not be given the NULL of an absent text. */
	int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
	if (order != 0)
		return order;
	return (a.length > b.length) - (a.length < b.length);
}

struct text
text_after(struct text text, size_t length)
{
	assert(length <= text.length);
	if (length == 0)
		return text;
	return (struct text){text.bytes + length, text.length - length};
}

bool
text_split(
    struct text text, char separator, struct text *head, struct text *tail)
{
	const char *found = NULL;

	if (text.length > 0)
		found = memchr(text.bytes, separator, text.length);
	*head = text;
	*tail = TEXT_NONE;
	if (found == NULL)
		return false;
	head->length = (size_t)(found - text.bytes);
	*tail = text_after(text, head->length + 1);
	return true;
}

static bool
is_between(char byte, uint8_t low, uint8_t high)
{
	return (uint8_t)byte >= low && (uint8_t)byte <= high;
}

static bool
is_continuation(char byte)
{
	return is_between(byte, 0x80, 0xbf);
}

/* The bytes of the valid sequence that the text begins with, or 0. */
static size_t
sequence_length(struct text text)
{
	const struct sequence *row = sequences;
	const struct sequence *end =
	    sequences + sizeof(sequences) / sizeof(sequences[0]);

	assert(text.length > 0);
	while (row < end &&
	       !is_between(text.bytes[0], row->first_low, row->first_high))
		row++;
	if (row == end || row->length > text.length)
		return 0;
	if (row->length > 1 &&
	    !is_between(text.bytes[1], row->second_low, row->second_high))
		return 0;
	for (size_t i = 2; i < row->length; i++) {
		if (!is_continuation(text.bytes[i]))
			return 0;
	}
	return row->length;
}

/* Without the bytes in front of which eight at a time are plain ASCII. */
static struct text
skip_ascii(struct text text)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	uint64_t eight;

	for (; text.length >= sizeof(eight);
	     text = text_after(text, sizeof(eight))) {
		memcpy(&eight, text.bytes, sizeof(eight));
		if ((eight & high_bits) != 0)
			break;
	}
	return text;
}

bool
text_is_utf8(struct text text)
{
	text = skip_ascii(text);
	while (text.length > 0) {
		size_t length = sequence_length(text);
		if (length == 0)
			return false;
		text = text_after(text, length);
	}
	return true;
}

size_t
text_characters(struct text text)
{
	size_t characters = 0;

	for (size_t i = 0; i < text.length; i++) {
		if (!is_continuation(text.bytes[i]))
			characters++;
	}
	return characters;
}

bool
text_is_printable_ascii(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (!is_between(text.bytes[i], 0x20, 0x7e))
			return false;
	}
	return true;
}

bool
text_has_control(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		char byte = text.bytes[i];
		if (byte == '\t' || byte == '\n')
			continue;
		if (is_between(byte, 0x00, 0x1f) || byte == 0x7f)
			return true;
	}
	return false;
}

/* Digits alone, the first of them '0' only where it stands alone. */
static bool
is_canonical_digits(struct text text)
{
	if (text.length == 0)
		return false;
	if (text.bytes[0] == '0' && text.length > 1)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (!is_between(text.bytes[i], '0', '9'))
			return false;
	}
	return true;
}

bool
text_to_integer(
    struct text text, int64_t minimum, int64_t maximum, int64_t *value)
{
	bool negative = text_starts(text, TEXT("-"));
	struct text digits = text_after(text, negative ? 1 : 0);
	int64_t number = 0;

	assert(minimum <= maximum);
	if (!is_canonical_digits(digits))
		return false;
	if (negative && digits.bytes[0] == '0')
		return false;
	for (size_t i = 0; i < digits.length; i++) {
		int64_t digit = digits.bytes[i] - '0';
		/* Towards its own sign, so that INT64_MIN can be read too. */
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(
			number, negative ? -digit : digit, &number))
			return false;
	}
	if (number < minimum || number > maximum)
		return false;
	*value = number;
	return true;
}

size_t
text_copy(struct text text, char *to, size_t size)
{
	size_t length = text.length;

	assert(size >= 1);
	if (length >= size) {
		length = size - 1;
		while (length > 0 && is_continuation(text.bytes[length]))
			length--;
	}
	if (length > 0)
		memcpy(to, text.bytes, length);
	to[length] = '\0';
	return length;
}
