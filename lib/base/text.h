/*
 * Text: bytes with a length, borrowed from whoever owns them.
 *
 * Nothing here allocates or keeps a pointer.  "Characters" are Unicode code
 * points of valid UTF-8; "bytes" are bytes.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const char *bytes; /* borrowed; need not end in NUL; NULL if absent */
	size_t length;	   /* bytes */
};

#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
#define TEXT_NONE ((struct text){NULL, 0})
/* For printf's "%.*s". */
#define TEXT_PRINT(text) (int)(text).length, (text).bytes ? (text).bytes : ""

/* The text of a C string; NULL gives TEXT_NONE. */
struct text text_of(const char *string);

/* By their bytes: an absent text equals an empty one. */
bool text_equal(struct text a, struct text b);
/* ASCII case only. */
bool text_equal_nocase(struct text a, struct text b);
bool text_starts(struct text text, struct text prefix);
/* Bytewise order, a prefix before what it begins: <0, 0 or >0. */
int text_compare(struct text a, struct text b);
/* What follows the first `length` bytes; length <= text.length. */
struct text text_after(struct text text, size_t length);
/*
 * Splits at the first `separator`: *head gets what is before it, *tail what
 * is after it.  Without one, *head is all, *tail TEXT_NONE, and it is false.
 */
bool text_split(
    struct text text, char separator, struct text *head, struct text *tail);

/* Valid UTF-8 by RFC 3629: no surrogates, no overlong forms. */
bool text_is_utf8(struct text text);
/* Code points; the text must be valid UTF-8. */
size_t text_characters(struct text text);
/* True for 0x20 to 0x7e alone, also for the empty text. */
bool text_is_printable_ascii(struct text text);
/* True if there is a byte below 0x20 other than tab and newline, or DEL. */
bool text_has_control(struct text text);

/*
 * Reads a whole number in base ten: an optional '-', digits without leading
 * zeros, nothing else, within [minimum, maximum].  "-0" is refused.  False
 * otherwise, with *value untouched.
 */
bool text_to_integer(struct text text, int64_t minimum, int64_t maximum,
    int64_t *value) __attribute__((warn_unused_result));

/*
 * Copies into a NUL-terminated array of `size` bytes (>= 1), cutting before
 * the character that would not fit.  Returns the bytes copied.
 */
size_t text_copy(struct text text, char *to, size_t size);

#endif
