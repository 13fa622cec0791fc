/*
 * A bounded buffer that is written from front to back.
 *
 * What does not fit is not written and sets `overflow`, once and for good: a
 * writer may append without looking and ask at the end.  Nothing is written
 * after that, so the buffer holds the beginning of what was meant.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct buffer {
	char *bytes;   /* borrowed */
	size_t size;   /* bytes; the bound */
	size_t length; /* bytes written */
	bool overflow;
};

void buffer_init(struct buffer *buffer, void *bytes, size_t size);
void buffer_reset(struct buffer *buffer);
void buffer_put(struct buffer *buffer, const void *bytes, size_t length);
void buffer_put_byte(struct buffer *buffer, uint8_t byte);
void buffer_put_text(struct buffer *buffer, struct text text);
/* Base ten, with '-' where negative, without leading zeros. */
void buffer_put_integer(struct buffer *buffer, int64_t value);
/* As printf; more than 512 bytes in one call do not fit. */
void buffer_print(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What was written; borrowed from the buffer. */
struct text buffer_text(const struct buffer *buffer);

#endif
