/*
 * Decodes a request's parameters into a command, walking the endpoint's
 * field table: the table is the parser.
 */
#ifndef API_DECODE_H
#define API_DECODE_H

#include "api/contract.h"
#include "api/handle.h"
#include "api/parameters.h"
#include "engine/engine.h"

/* One request on its way into a command. */
struct decoding {
	const struct service *service; /* borrowed, as all below */
	const struct request *request;
	const struct contract *contract;
	const struct route *route;
	const struct caller *caller;
	struct arena *arena;
	struct parameters parameters;
	bool used[BODY_PARAMETERS_MAX]; /* rows that a field has read */
	struct command *command;
	struct text idempotency_key; /* of the body; TEXT_NONE without one */
	struct error *error;
};

/*
 * Reads the query string and the body into decoding->parameters.  False, with
 * the refusal, when the syntax is wrong.
 */
bool decode_syntax(struct decoding *decoding)
    __attribute__((warn_unused_result));

/*
 * Fills the command from the parameters, field by field in the order of the
 * table, then refuses what no field has read.  Also the idempotency key and
 * the fingerprint.  `id` is the path's, as sent.
 */
bool decode_command(struct decoding *decoding, struct text id)
    __attribute__((warn_unused_result));

/* For checks of lists: one cursor, not both; false with the refusal. */
bool decode_cursors(struct decoding *decoding)
    __attribute__((warn_unused_result));

/* For rules: refuses the field's parameter, or one of its rows. */
bool decode_refuse(struct decoding *decoding, const struct field *field,
    const struct parameter *row);

/*
 * For rules: feeds a decoded value into the fingerprint, so that the same
 * request has the same one in either syntax.
 */
void decode_mark(struct text name, struct text value);
void decode_mark_integer(struct text name, int64_t value);

/* For rules: keeps a text in the command. */
bool decode_keep(struct decoding *decoding, struct text text,
    struct slice *slice) __attribute__((warn_unused_result));

/* For rules: the target of a field in the command. */
static inline void *
decode_target(struct decoding *decoding, const struct field *field)
{
	return (char *)decoding->command + field->offset;
}

/*
 * For rules: the one row of a scalar, a string or a form's text; NULL, and
 * refused, when it is given in another shape or type.  `numbers` and so on
 * say which kinds of JSON value are taken besides a form's text.
 */
const struct parameter *decode_scalar(struct decoding *decoding,
    const struct field *field, enum parameter_kind json_kind);

/*
 * For rules: a whole number within the field's bounds; false, and refused, if
 * it is none.  It is not yet marked as part of the request.
 */
bool decode_integer(struct decoding *decoding, const struct field *field,
    int64_t *value) __attribute__((warn_unused_result));

/* For rules: an element of a list: name[]=a, name[0]=a or ["a"]. */
bool decode_is_element(const struct parameter *row);

/* For rules: the next row of the field from `*at` on; NULL at the end. */
const struct parameter *decode_next(
    struct decoding *decoding, const struct field *field, size_t *at);

#endif
