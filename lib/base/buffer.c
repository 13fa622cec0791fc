#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PRINT_BYTES_MAX = 512 };

void
buffer_init(struct buffer *buffer, void *bytes, size_t size)
{
	assert(bytes != NULL || size == 0);
	*buffer = (struct buffer){.bytes = bytes, .size = size};
}

void
buffer_reset(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->overflow = false;
}

void
buffer_put(struct buffer *buffer, const void *bytes, size_t length)
{
	assert(buffer->length <= buffer->size);
	if (length > buffer->size - buffer->length)
		buffer->overflow = true;
	if (buffer->overflow || length == 0)
		return;
	memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
}

void
buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
	if (buffer->overflow || buffer->length == buffer->size) {
		buffer->overflow = true;
		return;
	}
	((uint8_t *)buffer->bytes)[buffer->length++] = byte;
}

void
buffer_put_text(struct buffer *buffer, struct text text)
{
	buffer_put(buffer, text.bytes, text.length);
}

void
buffer_put_integer(struct buffer *buffer, int64_t value)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[sizeof("-9223372036854775808")];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		digits[--first] = '-';
	buffer_put(buffer, digits + first, sizeof(digits) - first);
}

void
buffer_print(struct buffer *buffer, const char *format, ...)
{
	/* By way of the stack: vsnprintf() would spend a byte on its NUL. */
	char line[PRINT_BYTES_MAX + 1];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	assert(length >= 0);
	if ((size_t)length < sizeof(line))
		buffer_put(buffer, line, (size_t)length);
	else
		buffer->overflow = true;
}

struct text
buffer_text(const struct buffer *buffer)
{
	return (struct text){buffer->bytes, buffer->length};
}
