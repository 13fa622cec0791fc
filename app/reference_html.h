/*
 * HTML, piece by piece.  What comes from a table is escaped; html() alone
 * takes markup.
 */
#ifndef APP_REFERENCE_HTML_H
#define APP_REFERENCE_HTML_H

#include "base/buffer.h"

/* The style sheet of all pages. */
extern const char html_style[];

/* Markup as it stands. */
void html(struct buffer *page, const char *markup);
/* Text, also inside a quoted attribute. */
void html_text(struct buffer *page, struct text text);
/* Text in which `this` is code. */
void html_prose(struct buffer *page, struct text prose);
/* <code>text</code> */
void html_code(struct buffer *page, struct text text);
/* Compact JSON with a line for each member. */
void html_json(struct buffer *page, struct text json);

#endif
