/*
 * Writes JSON (RFC 8259) from front to back into a buffer: commas, quotes and
 * escapes are its business, nesting is checked by assertions.
 */
#ifndef API_JSON_WRITER_H
#define API_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

enum { JSON_DEPTH_MAX = 16 };

struct json_writer {
	struct buffer *buffer; /* borrowed */
	unsigned depth;
	bool is_object[JSON_DEPTH_MAX + 1];  /* else an array, or outside */
	bool has_member[JSON_DEPTH_MAX + 1]; /* a comma is due */
	bool after_name;		     /* a value is due */
};

void json_init(struct json_writer *writer, struct buffer *buffer);
void json_object_begin(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
/* The name of the next value, inside an object. */
void json_name(struct json_writer *writer, struct text name);
/* Valid UTF-8; escapes what RFC 8259 section 7 demands, and no more. */
void json_string(struct json_writer *writer, struct text value);
void json_integer(struct json_writer *writer, int64_t value);
void json_boolean(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
/* A number's text or other JSON that is known to be valid. */
void json_raw(struct json_writer *writer, struct text value);

#endif
