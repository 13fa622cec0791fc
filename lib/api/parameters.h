/*
 * The parameters of a request as one flat list, whatever syntax they came in:
 * JSON (json.c, the one door to json-c), a form or a query string (form.c).
 *
 * `metadata[order_id]=6735` and {"metadata":{"order_id":"6735"}} give the
 * same row, so that everything behind this list knows one syntax.
 */
#ifndef API_PARAMETERS_H
#define API_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/text.h"

enum parameter_shape {
	PARAMETER_SCALAR, /* amount=1 */
	/*
	 * metadata[key]=1, created[gt]=1; also expand[0]=a, with the key "0":
	 * whether digits are an index or a key, the field's own rule says.
	 */
	PARAMETER_MEMBER,
	PARAMETER_ELEMENT, /* expand[]=a, ["a"] */
	/* Anything nested further, a row a leaf; `key` is its 1st key. */
	PARAMETER_DEEPER,
};

enum parameter_kind {
	PARAMETER_FORM_TEXT, /* read by the field's own rule */
	PARAMETER_STRING,
	PARAMETER_NUMBER, /* `value` is the number's own text */
	PARAMETER_TRUE,
	PARAMETER_FALSE,
	PARAMETER_NULL,
	PARAMETER_EMPTY_OBJECT, /* {} */
	PARAMETER_EMPTY_ARRAY,	/* [] */
};

struct parameter {
	struct text root; /* amount, metadata, expand */
	struct text key;  /* order_id; TEXT_NONE for scalars and elements */
	/*
	 * Decoded, in the arena; a JSON number is borrowed from the body.
	 * TEXT_NONE for the kinds that say all by themselves.
	 */
	struct text value;
	enum parameter_shape shape;
	enum parameter_kind kind;
};

struct parameters {
	struct parameter rows[BODY_PARAMETERS_MAX];
	size_t count;
};

enum parameters_result {
	PARAMETERS_OK,
	/* Not the syntax at all; `reason` says why. */
	PARAMETERS_MALFORMED,
	/* The same scalar or member twice; `name` is its full name. */
	PARAMETERS_REPEATED,
};

/*
 * What a body of BODY_BYTES_MAX takes from the arena at most, in either
 * syntax.  The worst that was found (json_test.c measures it) is 529346: as
 * many nested objects as are let through, and one string in what is left.
 */
enum { PARAMETERS_ARENA_BYTES = 1024 * 1024 };

struct parameters_failure {
	const char *reason; /* static: completes "The request body ..." */
	struct text name;   /* in the arena; for repeated, else TEXT_NONE */
};

/*
 * Appends what `body` (at most BODY_BYTES_MAX) says to `parameters`.  The
 * body is JSON: exactly one object, RFC 8259, valid UTF-8, without NUL (also
 * as \u0000), halves of surrogate pairs, NaN, Infinity, duplicate members (at
 * any depth, whatever their escapes) or anything but white space after it,
 * nested at most BODY_DEPTH_MAX deep, at most BODY_PARAMETERS_MAX rows.  No
 * memory but the arena's; a full arena is PARAMETERS_MALFORMED.  Repeated is
 * only what the list held already.
 */
enum parameters_result parameters_from_json(struct parameters *parameters,
    struct text body, struct arena *arena, struct parameters_failure *failure)
    __attribute__((warn_unused_result));

/*
 * Appends what an application/x-www-form-urlencoded text says (a body, or a
 * query string): '+' is a space, percent escapes must be whole, the result
 * valid UTF-8 without NUL.  An empty text has no rows; a piece without '=' is
 * malformed, and so are an empty name, unbalanced brackets (read after the
 * decoding: libraries escape them or not) and more than BODY_DEPTH_MAX levels.
 */
enum parameters_result parameters_from_form(struct parameters *parameters,
    struct text text, struct arena *arena, struct parameters_failure *failure)
    __attribute__((warn_unused_result));

/*
 * `metadata[order_id]`, `expand[]`: for `param` in an error.  What is deeper
 * has the name of its first two levels; in a full arena it is the root alone.
 */
struct text parameter_name(
    const struct parameter *parameter, struct arena *arena);

/*
 * Decodes percent escapes of one path segment or text.  False for a broken
 * escape, NUL, what is not UTF-8 afterwards, or a full arena.  *decoded is in
 * the arena, and a NUL follows it.
 */
bool percent_decode(struct text text, bool plus_is_space, struct arena *arena,
    struct text *decoded) __attribute__((warn_unused_result));

#endif
