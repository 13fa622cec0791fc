#include "api/json_token.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "api/parameters_build.h"

static bool
is_one_of(char byte, const char *set)
{
	return memchr(set, byte, strlen(set)) != NULL;
}

static bool
skip_one_of(struct text *rest, const char *set)
{
	if (rest->length == 0 || !is_one_of(rest->bytes[0], set))
		return false;
	*rest = text_after(*rest, 1);
	return true;
}

static bool
skip_digits(struct text *rest)
{
	if (!skip_one_of(rest, "0123456789"))
		return false;
	while (skip_one_of(rest, "0123456789"))
		continue;
	return true;
}

/* number = [ minus ] int [ frac ] [ exp ], RFC 8259 section 6. */
static bool
is_number(struct text word)
{
	struct text rest = word;

	(void)skip_one_of(&rest, "-");
	if (!skip_one_of(&rest, "0") && !skip_digits(&rest))
		return false;
	if (skip_one_of(&rest, ".") && !skip_digits(&rest))
		return false;
	if (skip_one_of(&rest, "eE")) {
		(void)skip_one_of(&rest, "+-");
		if (!skip_digits(&rest))
			return false;
	}
	return rest.length == 0;
}

static enum json_token_kind
word_kind(struct text word)
{
	if (text_equal(word, TEXT("true")) || text_equal(word, TEXT("false")) ||
	    text_equal(word, TEXT("null")))
		return JSON_TOKEN_LITERAL;
	return is_number(word) ? JSON_TOKEN_NUMBER : JSON_TOKEN_BROKEN;
}

enum {
	SIMPLE_ESCAPE_BYTES = 2, /* \n */
	UNIT_ESCAPE_BYTES = 6,	 /* \u000a: one unit of UTF-16 */
};

static bool
unit_read(struct text text, unsigned *unit)
{
	if (!text_starts(text, TEXT("\\u")))
		return false;
	return hex_read(text_after(text, 2), UNIT_ESCAPE_BYTES - 2, unit);
}

/* `text` begins with the backslash; *length is set for a whole escape. */
static enum json_token_kind
escape_kind(struct text text, size_t *length)
{
	unsigned unit, low;

	*length = SIMPLE_ESCAPE_BYTES;
	if (text.length >= SIMPLE_ESCAPE_BYTES &&
	    is_one_of(text.bytes[1], "\"\\/bfnrt"))
		return JSON_TOKEN_STRING;

	*length = UNIT_ESCAPE_BYTES;
	if (!unit_read(text, &unit))
		return JSON_TOKEN_BROKEN;
	if (unit == 0)
		return JSON_TOKEN_NUL;
	if (unit < 0xd800 || unit > 0xdfff)
		return JSON_TOKEN_STRING;

	*length = 2 * UNIT_ESCAPE_BYTES;
	if (unit > 0xdbff ||
	    !unit_read(text_after(text, UNIT_ESCAPE_BYTES), &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return JSON_TOKEN_HALF_PAIR;
	return JSON_TOKEN_STRING;
}

/* `text` begins with the quote; *length is set for a whole string. */
static enum json_token_kind
string_kind(struct text text, size_t *length)
{
	enum json_token_kind kind;
	size_t at = 1, escape_length;

	assert(text.length > 0 && text.bytes[0] == '"');
	while (at < text.length && text.bytes[at] != '"') {
		if ((unsigned char)text.bytes[at] < 0x20)
			return JSON_TOKEN_BROKEN;
		if (text.bytes[at] != '\\') {
			at++;
			continue;
		}
		kind = escape_kind(text_after(text, at), &escape_length);
		if (kind != JSON_TOKEN_STRING)
			return kind;
		at += escape_length;
	}
	if (at == text.length)
		return JSON_TOKEN_BROKEN;
	*length = at + 1;
	return JSON_TOKEN_STRING;
}

static size_t
word_length(struct text text)
{
	size_t length = 0;

	while (length < text.length &&
	       !is_one_of(text.bytes[length], " \t\n\r{}[]:,\""))
		length++;
	return length;
}

/* `text` is not empty and begins with no white space. */
static enum json_token_kind
token_kind(struct text text, size_t *length)
{
	*length = 1;
	switch (text.bytes[0]) {
	case '{':
		return JSON_TOKEN_OBJECT_BEGIN;
	case '}':
		return JSON_TOKEN_OBJECT_END;
	case '[':
		return JSON_TOKEN_ARRAY_BEGIN;
	case ']':
		return JSON_TOKEN_ARRAY_END;
	case ':':
		return JSON_TOKEN_COLON;
	case ',':
		return JSON_TOKEN_COMMA;
	case '"':
		return string_kind(text, length);
	default:
		*length = word_length(text);
		return word_kind((struct text){text.bytes, *length});
	}
}

struct json_token
json_token_next(struct text *rest)
{
	struct json_token token = {.kind = JSON_TOKEN_END};
	size_t length = 0;

	while (skip_one_of(rest, " \t\n\r"))
		continue;
	if (rest->length == 0)
		return token;

	token.kind = token_kind(*rest, &length);
	if (token.kind < JSON_TOKEN_BROKEN) {
		assert(length > 0);
		token.text = (struct text){rest->bytes, length};
		*rest = text_after(*rest, length);
	}
	return token;
}
