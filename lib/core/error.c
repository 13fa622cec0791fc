#include "core/error.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

NAMES_DEFINE(error_type, ERROR_TYPE_NAMES);

/* An initializer that is a constant, for the expansions of errors.def. */
#define STATIC_TEXT(words)               \
	{                                \
		words, sizeof(words) - 1 \
	}
#define NONE            \
	{               \
		NULL, 0 \
	}
#define GIVEN STATIC_TEXT("*")
#define PARAM(name) STATIC_TEXT(name)
#define CARD(status, type, code, param, message)                     \
	{                                                            \
		status, ERROR_TYPE_##type, STATIC_TEXT(code), param, \
		    STATIC_TEXT(message)                             \
	}
#define STABLE(status, type, code, param, message)                   \
	{                                                            \
		status, ERROR_TYPE_##type, STATIC_TEXT(code), param, \
		    STATIC_TEXT(message)                             \
	}
#define STABLE_NEVER \
	{            \
		0    \
	}
#define CARD_NEVER \
	{          \
		0  \
	}

static const struct error_words words[ERROR_COUNT][CONTRACT_COUNT] = {
#define ERROR(id, card, stable, meaning, advice, sample) \
	[ERROR_##id] = {[CONTRACT_CARD] = card, [CONTRACT_STABLE] = stable},
#include "core/errors.def"
#undef ERROR
};

#define SAMPLE(param, value, detail) \
	STATIC_TEXT(param), STATIC_TEXT(value), STATIC_TEXT(detail)

static const struct error_reference references[ERROR_COUNT] = {
#define ERROR(id, card, stable, meaning, advice, sample)        \
	[ERROR_##id] = {STATIC_TEXT(#id), STATIC_TEXT(meaning), \
	    STATIC_TEXT(advice), sample},
#include "core/errors.def"
#undef ERROR
};

const struct error_words *
error_words(enum error_id id, enum contract_id contract)
{
	assert(id > ERROR_NONE && id < ERROR_COUNT);
	assert(contract < CONTRACT_COUNT);
	return &words[id][contract];
}

const struct error_reference *
error_reference(enum error_id id)
{
	assert(id > ERROR_NONE && id < ERROR_COUNT);
	return &references[id];
}

enum error_id
error_named(struct text name)
{
	for (unsigned id = ERROR_NONE + 1; id < ERROR_COUNT; id++)
		if (text_equal(references[id].name, name))
			return (enum error_id)id;
	return ERROR_NONE;
}

struct text
status_phrase(int status)
{
	switch (status) {
#define STATUS(number, phrase) \
	case number:           \
		return TEXT(phrase);
#include "core/statuses.def"
#undef STATUS
	}
	assert(false && "a status of statuses.def");
	return TEXT_NONE;
}

void
error_clear(struct error *error)
{
	assert(error != NULL);
	error->id = ERROR_NONE;
	error->decline = DECLINE_NONE;
	error->param[0] = '\0';
	error->value[0] = '\0';
	error->detail[0] = '\0';
}

bool
refuse(struct error *error, enum error_id id)
{
	return refuse_about(error, id, TEXT_NONE, TEXT_NONE, TEXT_NONE);
}

/*
 * Base 62 of keys, base 64 of webhook secrets: also with a plus that became
 * a blank in a form, or that is still percent-encoded in a path.
 */
static bool
is_secret_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == ' ' ||
	       c == '%';
}

/*
 * Keys and secrets get into the wrong place by mistake; a message never
 * holds one (contract, README section 1).  What makes it secret is masked.
 */
static void
hide_secrets(char *text)
{
	static const struct {
		const char *mark;
		size_t shown; /* characters behind it, as a key's prefix */
	} marks[] = {
	    {"sk_test_", 4},
	    {"sk_live_", 4},
	    {"pk_test_", 4},
	    {"pk_live_", 4},
	    {"rk_test_", 4},
	    {"rk_live_", 4},
	    {"whsec_", 0},
	    {"_secret_", 0},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		for (char *at = strstr(text, marks[i].mark); at != NULL;
		     at = strstr(at, marks[i].mark)) {
			size_t shown = marks[i].shown;

			at += strlen(marks[i].mark);
			for (; is_secret_character(*at); at++)
				if (shown > 0)
					shown--;
				else
					*at = '*';
		}
}

/*
 * The offending text as it may be shown: bytes that are not UTF-8, and
 * control characters, become question marks; the rest is cut.
 */
static void
copy_value(struct text value, char *to, size_t size)
{
	size_t length = text_copy(value, to, size);
	bool valid = text_is_utf8((struct text){to, length});
	size_t characters = 0;

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)to[i];

		if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid))
			to[i] = '?';
		/* U+0080 to U+009F, of which terminals obey some. */
		if (byte == 0xc2 && valid && (uint8_t)to[i + 1] < 0xa0)
			to[i] = to[i + 1] = '?';
		if (((uint8_t)to[i] & 0xc0) == 0x80)
			continue;
		if (characters == ERROR_VALUE_CHARACTERS_MAX) {
			to[i] = '\0';
			return;
		}
		characters++;
	}
}

bool
refuse_about(struct error *error, enum error_id id, struct text param,
    struct text value, struct text detail)
{
	assert(id > ERROR_NONE && id < ERROR_COUNT);
	error_clear(error);
	error->id = id;
	text_copy(param, error->param, sizeof(error->param));
	copy_value(value, error->value, sizeof(error->value));
	hide_secrets(error->param);
	hide_secrets(error->value);
	text_copy(detail, error->detail, sizeof(error->detail));
	return false;
}

void
error_message(const struct error *error, enum contract_id contract,
    struct buffer *message)
{
	/* A name of the request is text of it, like a value. */
	char param[ERROR_VALUE_BYTES_MAX];
	const struct {
		struct text mark;
		const char *words;
	} marks[] = {
	    {TEXT("{param}"), param},
	    {TEXT("{value}"), error->value},
	    {TEXT("{detail}"), error->detail},
	};
	struct text rest = error_words(error->id, contract)->message;

	copy_value(text_of(error->param), param, sizeof(param));
	while (rest.length > 0) {
		size_t step = 0;

		for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
			if (!text_starts(rest, marks[i].mark))
				continue;
			buffer_put_text(message, text_of(marks[i].words));
			step = marks[i].mark.length;
		}
		if (step == 0) {
			buffer_put_byte(message, (uint8_t)rest.bytes[0]);
			step = 1;
		}
		rest = text_after(rest, step);
	}
}

struct text
error_param(const struct error *error, enum contract_id contract)
{
	struct text param = error_words(error->id, contract)->param;

	if (!text_equal(param, TEXT("*")))
		return param;
	return error->param[0] == '\0' ? TEXT_NONE : text_of(error->param);
}

void
error_param_shown(const struct error *error, enum contract_id contract,
    char to[ERROR_VALUE_BYTES_MAX])
{
	copy_value(error_param(error, contract), to, ERROR_VALUE_BYTES_MAX);
}
