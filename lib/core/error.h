/*
 * A refusal: which row of the catalogue (errors.def), and what it is about.
 *
 * Flat and bounded, so that it can be stored, replayed, and handed from one
 * process to another.
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/names.h"

/* Who speaks: the published contracts (the tables stand in lib/api). */
enum contract_id { CONTRACT_CARD, CONTRACT_STABLE, CONTRACT_COUNT };

enum error_id {
	ERROR_NONE,
#define ERROR(id, card, stable, meaning, advice, sample) ERROR_##id,
#include "core/errors.def"
#undef ERROR
	ERROR_COUNT
};

/* The published types, and those that a contract adds. */
#define ERROR_TYPE_NAMES(NAME)                                    \
	NAME(ERROR_TYPE_API, "api_error")                         \
	NAME(ERROR_TYPE_AUTHENTICATION, "authentication_error")   \
	NAME(ERROR_TYPE_AUTHORIZATION, "authorization_error")     \
	NAME(ERROR_TYPE_CONFLICT, "conflict_error")               \
	NAME(ERROR_TYPE_INVALID_REQUEST, "invalid_request_error") \
	NAME(ERROR_TYPE_NOT_FOUND, "not_found_error")             \
	NAME(ERROR_TYPE_PAYMENT, "payment_error")                 \
	NAME(ERROR_TYPE_RATE_LIMIT, "rate_limit_error")

#define NAME_ENUMERATOR(id, text) id,
enum error_type {
	ERROR_TYPE_NONE,
	ERROR_TYPE_NAMES(NAME_ENUMERATOR) ERROR_TYPE_COUNT
};
#undef NAME_ENUMERATOR

extern const struct names error_type_names;

struct error {
	enum error_id id;     /* ERROR_NONE: no refusal */
	enum decline decline; /* of ERROR_CARD_DECLINED */
	char param[ERROR_PARAM_BYTES_MAX];
	char value[ERROR_VALUE_BYTES_MAX];
	char detail[ERROR_DETAIL_BYTES_MAX];
};

/* How one contract says one row. */
struct error_words {
	uint16_t status;     /* HTTP; 0: the contract has no such refusal */
	uint8_t type;	     /* enum error_type */
	struct text code;    /* static, as all texts here */
	struct text param;   /* TEXT_NONE: null, "*": the one given */
	struct text message; /* with {param}, {value}, {detail} */
};

/* What the reference pages say of a row. */
struct error_reference {
	struct text name; /* ROUTE_NOT_FOUND */
	struct text meaning;
	struct text advice;
	struct text sample_param;
	struct text sample_value;
	struct text sample_detail;
};

/* `id` is a row (asserted), not ERROR_NONE. */
const struct error_words *error_words(
    enum error_id id, enum contract_id contract);
const struct error_reference *error_reference(enum error_id id);

/* The reason phrase of an HTTP status, from statuses.def; static. */
struct text status_phrase(int status);

/* The row of a name as error_reference() has it; ERROR_NONE: no such row. */
enum error_id error_named(struct text name);

void error_clear(struct error *error);
/* Refuses: always false, so that a caller can return it. */
bool refuse(struct error *error, enum error_id id);
/*
 * Refuses and says about what; each text may be TEXT_NONE.  `value` is text
 * of the request: cut to ERROR_VALUE_CHARACTERS_MAX, with what cannot be
 * shown replaced.  Keys and secrets in it, and in `param`, are masked.
 * Always false.
 */
bool refuse_about(struct error *error, enum error_id id, struct text param,
    struct text value, struct text detail);

/* Writes the row's message with the error's words put in. */
void error_message(const struct error *error, enum contract_id contract,
    struct buffer *message);
/* The parameter to name, TEXT_NONE for null; borrowed from the error. */
struct text error_param(const struct error *error, enum contract_id contract);
/* The same where nothing escapes it, as {param} in the message; "" for null. */
void error_param_shown(const struct error *error, enum contract_id contract,
    char to[ERROR_VALUE_BYTES_MAX]);

#endif
