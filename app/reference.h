/*
 * Documents made from the program's tables, at build time: the reference pages
 * of the errors, the web server's own errors, parts of the README, of the
 * manual pages and of intentctl's completion.
 *
 * Each function appends one document to its buffer and does nothing else;
 * overflow as buffer.h says.
 */
#ifndef APP_REFERENCE_H
#define APP_REFERENCE_H

#include <stdint.h>

#include "base/buffer.h"

/* HTML: the pages that every doc_url leads to. */
void reference_page_card(struct buffer *page);
void reference_page_stable(struct buffer *page);

/* JSON: the rows of the catalogue, contract by contract, for the tests. */
void reference_catalogue(struct buffer *json);

/* JSON: every route of both contracts, from their tables, for the tests. */
void reference_routes(struct buffer *json);

/* nginx's settings: its own errors in the words of the catalogue. */
void reference_nginx(struct buffer *settings);
void reference_nginx_pages(struct buffer *settings);

/* Apache's; they lead to files, one for each status that is said. */
void reference_apache(struct buffer *settings);
/* The next status that is said; 0 for the first, and after the last. */
uint16_t reference_apache_status(uint16_t after);
void reference_apache_file(uint16_t status, struct buffer *file);

/* Markdown: the tables of errors, and the life of a payment intent. */
void reference_errors(struct buffer *markdown);
void reference_states(struct buffer *markdown);

/* mdoc(7): the items of lists in app/intentd.8 and its neighbours. */
void reference_manual_signals(struct buffer *page);
void reference_manual_settings(struct buffer *page);
void reference_manual_commands(struct buffer *page);
void reference_manual_options(struct buffer *page);

/* bash: the functions that app/intentctl.bash asks. */
void reference_completion(struct buffer *script);

#endif
