/*
 * Bytes of strangers as text that can be shown.
 */
#ifndef APP_PRINTABLE_H
#define APP_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes `length` bytes printable UTF-8, in place, where they never get more:
 * control characters and those that turn a text's direction around become
 * blanks, bytes that are no UTF-8 question marks.
 * With `cut` the last character may lack its end, and is then left out.
 * Returns the new length; a NUL is the caller's.
 */
size_t printable(char *bytes, size_t length, bool cut);

#endif
