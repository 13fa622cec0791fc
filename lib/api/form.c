#include <assert.h>
#include <string.h>

#include "api/parameters.h"
#include "api/parameters_build.h"

#define REASON_ESCAPE "has a broken percent escape."
#define REASON_BRACKETS "has unbalanced brackets in a name."
#define REASON_NO_NAME "has a parameter without a name."
#define REASON_NO_VALUE "has a parameter without '='."

/*
 * Decodes `text` into `to`, which has room for text.length bytes.  Gives
 * false for an escape that is not whole.
 */
static bool
unescape(struct text text, bool plus_is_space, char *to, size_t *length)
{
	size_t at, written = 0;
	unsigned byte;

	for (at = 0; at < text.length; at++) {
		byte = (unsigned char)text.bytes[at];
		if (byte == '+' && plus_is_space) {
			byte = ' ';
		} else if (byte == '%') {
			if (!hex_read(text_after(text, at + 1), 2, &byte))
				return false;
			at += 2;
		}
		to[written++] = (char)byte;
	}
	assert(written <= text.length);
	*length = written;
	return true;
}

/* NULL, or the reason why `text` cannot be decoded. */
static const char *
decode(struct text text, bool plus_is_space, struct arena *arena,
    struct text *decoded)
{
	char *to = arena_take(arena, text.length + 1);
	size_t length;

	if (to == NULL)
		return REASON_TOO_LARGE;
	if (!unescape(text, plus_is_space, to, &length))
		return REASON_ESCAPE;
	if (memchr(to, '\0', length) != NULL)
		return REASON_NUL;
	to[length] = '\0';
	*decoded = (struct text){to, length};
	return text_is_utf8(*decoded) ? NULL : REASON_NOT_UTF8;
}

bool
percent_decode(struct text text, bool plus_is_space, struct arena *arena,
    struct text *decoded)
{
	return decode(text, plus_is_space, arena, decoded) == NULL;
}

static bool
take_byte(struct text *rest, char byte)
{
	if (rest->length == 0 || rest->bytes[0] != byte)
		return false;
	*rest = text_after(*rest, 1);
	return true;
}

/* What stands before the next bracket, of either kind. */
static struct text
take_plain(struct text *rest)
{
	struct text plain = {rest->bytes, 0};

	while (plain.length < rest->length &&
	       rest->bytes[plain.length] != '[' &&
	       rest->bytes[plain.length] != ']')
		plain.length++;
	*rest = text_after(*rest, plain.length);
	return plain;
}

/*
 * Reads `root[key]...` into the row's root, key and shape.  The name is
 * decoded already: client libraries escape brackets or not, as they please.
 */
static const char *
name_read(struct text name, struct parameter *row)
{
	struct text rest = name;
	struct text key = take_plain(&rest);
	unsigned depth = 1;

	if (name.length == 0)
		return REASON_NO_NAME;
	if (key.length == 0)
		return REASON_BRACKETS;
	*row = parameter_inside(*row, key);
	while (rest.length > 0) {
		if (!take_byte(&rest, '['))
			return REASON_BRACKETS;
		key = take_plain(&rest);
		if (!take_byte(&rest, ']'))
			return REASON_BRACKETS;
		if (++depth > BODY_DEPTH_MAX)
			return REASON_TOO_DEEP;
		if (key.length == 0)
			key = TEXT_NONE;
		*row = parameter_inside(*row, key);
	}
	return NULL;
}

/* NULL, or the reason why `piece` (name=value) is no parameter. */
static const char *
piece_read(struct text piece, struct arena *arena, struct parameter *row)
{
	struct text head, tail, name;
	const char *reason;

	if (!text_split(piece, '=', &head, &tail))
		return REASON_NO_VALUE;
	reason = decode(head, true, arena, &name);
	if (reason != NULL)
		return reason;
	reason = name_read(name, row);
	if (reason != NULL)
		return reason;
	row->kind = PARAMETER_FORM_TEXT;
	return decode(tail, true, arena, &row->value);
}

enum parameters_result
parameters_from_form(struct parameters *parameters, struct text text,
    struct arena *arena, struct parameters_failure *failure)
{
	enum parameters_result result;
	struct text piece, rest = text;
	const char *reason;
	bool more = text.length > 0;

	while (more) {
		struct parameter row = {.root = TEXT_NONE};

		more = text_split(rest, '&', &piece, &rest);
		reason = piece_read(piece, arena, &row);
		if (reason != NULL)
			return parameters_malformed(failure, reason);
		result = parameters_add(parameters, &row, arena, failure);
		if (result != PARAMETERS_OK)
			return result;
	}
	return PARAMETERS_OK;
}
