/*
 * The tokens of JSON exactly as RFC 8259 has them.
 *
 * json-c, also where it is strict, takes more than the RFC: `-012`, `1.`,
 * NaN, names in single quotes, control characters and halves of surrogate
 * pairs in strings.  So the tokens are looked at here first; their order
 * (the grammar) and the decoding of strings are left to the library.
 */
#ifndef API_JSON_TOKEN_H
#define API_JSON_TOKEN_H

#include "base/text.h"

enum json_token_kind {
	JSON_TOKEN_END, /* nothing but white space was left */
	JSON_TOKEN_OBJECT_BEGIN,
	JSON_TOKEN_OBJECT_END,
	JSON_TOKEN_ARRAY_BEGIN,
	JSON_TOKEN_ARRAY_END,
	JSON_TOKEN_COLON,
	JSON_TOKEN_COMMA,
	JSON_TOKEN_STRING, /* with its quotes and escapes */
	JSON_TOKEN_NUMBER,
	JSON_TOKEN_LITERAL, /* true, false, null */

	/* Refused: nothing further is to be read. */
	JSON_TOKEN_BROKEN,
	JSON_TOKEN_NUL,	      /* \u0000, which no text here can hold */
	JSON_TOKEN_HALF_PAIR, /* a surrogate alone, which is no character */
};
enum { JSON_TOKEN_KINDS = JSON_TOKEN_HALF_PAIR + 1 };

struct json_token {
	enum json_token_kind kind;
	struct text text; /* borrowed from the body; TEXT_NONE if refused */
};

/* Takes the next token off the front of *rest, which is valid UTF-8. */
struct json_token json_token_next(struct text *rest)
    __attribute__((warn_unused_result));

#endif
