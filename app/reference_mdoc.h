/*
 * Words as mdoc(7) has them, in such a way that mandoc's linter is content:
 * lines of at most 80 bytes, a line for each sentence.
 */
#ifndef APP_REFERENCE_MDOC_H
#define APP_REFERENCE_MDOC_H

#include "base/buffer.h"

/*
 * Appends text of one or more sentences as lines.  What stands between
 * backquotes is quoted; nothing in it is taken for a macro or an escape.
 */
void mdoc_sentences(struct buffer *page, struct text sentences);

/*
 * Appends one argument of a macro, with a blank before it: in quotes where it
 * has blanks, and never taken for a macro itself.
 */
void mdoc_argument(struct buffer *page, struct text argument);

#endif
