/*
 * What a web server refuses by itself, for the writers of its settings
 * (reference_nginx.c, reference_apache.c): the rows of web_errors.def, and
 * what each of them says.
 */
#ifndef APP_REFERENCE_WEB_H
#define APP_REFERENCE_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

enum web_server { WEB_SERVER_ANY, WEB_SERVER_NGINX, WEB_SERVER_APACHE };

struct web_error {
	enum web_server server;
	uint16_t status; /* the web server's */
	enum error_id id;
	struct text detail;
};

/* The next row of `server`; NULL for the first, and after the last. */
const struct web_error *web_error_next(
    enum web_server server, const struct web_error *row);

/* What the answer says: the same status in both contracts. */
uint16_t web_error_status(const struct web_error *row);

/* Whether the same request may succeed a moment later. */
bool web_error_passes(const struct web_error *row);

/* Whether it says which methods are allowed. */
bool web_error_names_methods(const struct web_error *row);

/*
 * A regular expression, of PCRE, for a request's first line that speaks to
 * the contract: the only thing known of a request that could not be read.
 */
void web_contract_pattern(enum contract_id contract, struct buffer *pattern);

/*
 * The body, in which `public_url` and `allowed` (for those that name the
 * methods) are the web server's variables, or any text.
 */
void web_error_body(const struct web_error *row, enum contract_id contract,
    struct text public_url, struct text allowed, struct buffer *body);

#endif
