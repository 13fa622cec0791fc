#include "api/json_writer.h"

#include <assert.h>
#include <stddef.h>

void
json_init(struct json_writer *writer, struct buffer *buffer)
{
	*writer = (struct json_writer){.buffer = buffer};
}

/* Before every value: the comma that is due, and the place it may stand in. */
static void
value_begin(struct json_writer *writer)
{
	bool *has_member = &writer->has_member[writer->depth];

	if (writer->is_object[writer->depth]) {
		assert(writer->after_name);
		writer->after_name = false;
		return;
	}
	/* Outside of all containers there is room for one value. */
	assert(writer->depth > 0 || !*has_member);
	if (*has_member)
		buffer_put_byte(writer->buffer, ',');
	*has_member = true;
}

static void
container_begin(struct json_writer *writer, bool is_object)
{
	value_begin(writer);
	assert(writer->depth < JSON_DEPTH_MAX);
	writer->depth++;
	writer->is_object[writer->depth] = is_object;
	writer->has_member[writer->depth] = false;
	buffer_put_byte(writer->buffer, is_object ? '{' : '[');
}

static void
container_end(struct json_writer *writer, bool is_object)
{
	assert(writer->depth > 0);
	assert(writer->is_object[writer->depth] == is_object);
	assert(!writer->after_name);
	buffer_put_byte(writer->buffer, is_object ? '}' : ']');
	writer->depth--;
}

void
json_object_begin(struct json_writer *writer)
{
	container_begin(writer, true);
}

void
json_object_end(struct json_writer *writer)
{
	container_end(writer, true);
}

void
json_array_begin(struct json_writer *writer)
{
	container_begin(writer, false);
}

void
json_array_end(struct json_writer *writer)
{
	container_end(writer, false);
}

/* RFC 8259, section 7: what must be escaped, by its short form if any. */
static void
put_escaped(struct buffer *buffer, char byte)
{
	static const char short_forms[0x20] = {
	    ['\b'] = 'b',
	    ['\f'] = 'f',
	    ['\n'] = 'n',
	    ['\r'] = 'r',
	    ['\t'] = 't',
	};

	if (byte == '"' || byte == '\\')
		buffer_print(buffer, "\\%c", byte);
	else if (short_forms[(uint8_t)byte] != '\0')
		buffer_print(buffer, "\\%c", short_forms[(uint8_t)byte]);
	else
		buffer_print(buffer, "\\u%04x", (unsigned)byte);
}

static bool
needs_escape(char byte)
{
	return (uint8_t)byte < 0x20 || byte == '"' || byte == '\\';
}

static void
put_quoted(struct buffer *buffer, struct text value)
{
	size_t plain = 0;

	assert(text_is_utf8(value));
	buffer_put_byte(buffer, '"');
	for (size_t at = 0; at < value.length; at++) {
		if (!needs_escape(value.bytes[at]))
			continue;
		buffer_put(buffer, value.bytes + plain, at - plain);
		put_escaped(buffer, value.bytes[at]);
		plain = at + 1;
	}
	buffer_put_text(buffer, text_after(value, plain));
	buffer_put_byte(buffer, '"');
}

void
json_name(struct json_writer *writer, struct text name)
{
	bool *has_member = &writer->has_member[writer->depth];

	assert(writer->is_object[writer->depth]);
	assert(!writer->after_name);
	if (*has_member)
		buffer_put_byte(writer->buffer, ',');
	*has_member = true;
	put_quoted(writer->buffer, name);
	buffer_put_byte(writer->buffer, ':');
	writer->after_name = true;
}

void
json_string(struct json_writer *writer, struct text value)
{
	value_begin(writer);
	put_quoted(writer->buffer, value);
}

void
json_integer(struct json_writer *writer, int64_t value)
{
	value_begin(writer);
	buffer_put_integer(writer->buffer, value);
}

void
json_boolean(struct json_writer *writer, bool value)
{
	value_begin(writer);
	buffer_put_text(writer->buffer, value ? TEXT("true") : TEXT("false"));
}

void
json_null(struct json_writer *writer)
{
	value_begin(writer);
	buffer_put_text(writer->buffer, TEXT("null"));
}

void
json_raw(struct json_writer *writer, struct text value)
{
	assert(value.length > 0);
	value_begin(writer);
	buffer_put_text(writer->buffer, value);
}
