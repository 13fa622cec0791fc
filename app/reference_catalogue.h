/*
 * Walks over the error catalogue for the documents: a contract's rows in
 * their order, and those among them that say something new.
 */
#ifndef APP_REFERENCE_CATALOGUE_H
#define APP_REFERENCE_CATALOGUE_H

#include <stdbool.h>

#include "core/error.h"

/* "card" */
struct text catalogue_contract(enum contract_id contract);

/*
 * The row that follows, of those that the contract has; ERROR_NONE comes
 * before the first and after the last.
 */
enum error_id catalogue_next(enum error_id id, enum contract_id contract);

/* In what two rows of one contract are alike. */
bool same_code(enum error_id a, enum error_id b, enum contract_id contract);
/* Code, status, type and parameter. */
bool same_facts(enum error_id a, enum error_id b, enum contract_id contract);
/* Code, facts, meaning and advice. */
bool same_case(enum error_id a, enum error_id b, enum contract_id contract);

/* True when no earlier row of the contract is alike. */
bool catalogue_is_new(enum error_id id, enum contract_id contract,
    bool (*same)(enum error_id, enum error_id, enum contract_id));

/* The refusal that the reference shows as the row's example. */
struct error catalogue_sample(enum error_id id);

enum { MESSAGE_BYTES_MAX = 1024 };
/* The refusal's message; borrowed from `bytes`. */
struct text catalogue_message(const struct error *error,
    enum contract_id contract, char bytes[MESSAGE_BYTES_MAX]);

/* The body of a refusal, compact; `public_url` has no slash at its end. */
void catalogue_body(const struct error *error, enum contract_id contract,
    struct text message, struct text public_url, struct buffer *json);

#endif
