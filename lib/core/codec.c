#include "core/codec.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum { HEADER_BYTES = 2, CHECKSUM_BYTES = 4 };

static void
encode_text(struct text text, struct buffer *buffer)
{
	uint8_t length[4];

	assert(text.length <= UINT32_MAX);
	bytes_put_le32(length, (uint32_t)text.length);
	buffer_put(buffer, length, sizeof(length));
	buffer_put_text(buffer, text);
}

static void
encode_field(enum field_type type, const void *field, struct buffer *buffer)
{
	uint8_t word[8];

	switch (type) {
	case FIELD_ID:
		buffer_put(buffer, field, ID_BYTES);
		return;
	case FIELD_DIGEST:
		buffer_put(buffer, field, DIGEST_BYTES);
		return;
	case FIELD_ENUM:
		buffer_put_byte(buffer, *(const uint8_t *)field);
		return;
	case FIELD_FLAG:
		buffer_put_byte(buffer, *(const bool *)field);
		return;
	case FIELD_COUNT:
		bytes_put_le32(word, *(const uint32_t *)field);
		buffer_put(buffer, word, 4);
		return;
	case FIELD_MONEY:
		bytes_put_le64(
		    word, (uint64_t)((const struct money *)field)->units);
		buffer_put(buffer, word, 8);
		return;
	case FIELD_INSTANT:
		bytes_put_le64(
		    word, (uint64_t)((const struct instant *)field)->us);
		buffer_put(buffer, word, 8);
		return;
	case FIELD_TEXT:
		encode_text(*(const struct text *)field, buffer);
		return;
	}
}

void
codec_encode(enum kind kind, const void *record, struct buffer *buffer)
{
	const struct record_type *type = record_type(kind);
	size_t start = buffer->length;
	uint8_t sum[CHECKSUM_BYTES];

	assert(record != NULL);
	buffer_put_byte(buffer, (uint8_t)kind);
	buffer_put_byte(buffer, type->version);
	for (unsigned i = 0; i < type->field_count; i++)
		encode_field(type->fields[i].type,
		    (const char *)record + type->fields[i].offset, buffer);
	bytes_put_le32(
	    sum, checksum(buffer->bytes + start, buffer->length - start));
	buffer_put(buffer, sum, sizeof(sum));
}

/* The bytes of stored fields, from the front. */
struct reader {
	const uint8_t *next;
	size_t left;
	bool damaged; /* too few, or none that a field is written as */
};

static const uint8_t *
read_bytes(struct reader *reader, size_t length)
{
	const uint8_t *bytes = reader->next;

	if (reader->left < length) {
		reader->damaged = true;
		return NULL;
	}
	reader->next += length;
	reader->left -= length;
	return bytes;
}

static struct text
read_text(struct reader *reader)
{
	const uint8_t *size = read_bytes(reader, 4);
	const uint8_t *bytes;
	size_t length;

	if (size == NULL)
		return TEXT_NONE;
	length = bytes_get_le32(size);
	bytes = read_bytes(reader, length);
	return bytes == NULL ? TEXT_NONE
			     : (struct text){(const char *)bytes, length};
}

/* Another byte would read as what was never written. */
static void
read_flag(struct reader *reader, uint8_t byte, bool *flag)
{
	if (byte > 1)
		reader->damaged = true;
	*flag = byte == 1;
}

static size_t
field_bytes(enum field_type type)
{
	switch (type) {
	case FIELD_ID:
		return ID_BYTES;
	case FIELD_DIGEST:
		return DIGEST_BYTES;
	case FIELD_ENUM:
	case FIELD_FLAG:
		return 1;
	case FIELD_COUNT:
		return 4;
	case FIELD_MONEY:
	case FIELD_INSTANT:
		return 8;
	case FIELD_TEXT:
		return 0;
	}
	return 0;
}

static void
decode_field(enum field_type type, struct reader *reader, void *field)
{
	const uint8_t *bytes;

	if (type == FIELD_TEXT) {
		*(struct text *)field = read_text(reader);
		return;
	}
	bytes = read_bytes(reader, field_bytes(type));
	if (bytes == NULL)
		return;
	if (type == FIELD_MONEY)
		((struct money *)field)->units = (int64_t)bytes_get_le64(bytes);
	else if (type == FIELD_INSTANT)
		((struct instant *)field)->us = (int64_t)bytes_get_le64(bytes);
	else if (type == FIELD_COUNT)
		*(uint32_t *)field = bytes_get_le32(bytes);
	else if (type == FIELD_FLAG)
		read_flag(reader, bytes[0], field);
	else
		memcpy(field, bytes, field_bytes(type));
}

enum codec_result
codec_decode(enum kind kind, struct text bytes, void *record)
{
	const struct record_type *type = record_type(kind);
	const uint8_t *start = (const uint8_t *)bytes.bytes;
	struct reader reader;
	size_t body;

	if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES)
		return CODEC_DAMAGED;
	body = bytes.length - CHECKSUM_BYTES;
	if (checksum(start, body) != bytes_get_le32(start + body))
		return CODEC_DAMAGED;
	if (start[0] != (uint8_t)kind)
		return CODEC_OTHER_KIND;
	if (start[1] != type->version)
		return CODEC_UNKNOWN_VERSION;
	reader =
	    (struct reader){start + HEADER_BYTES, body - HEADER_BYTES, false};
	memset(record, 0, type->size);
	for (unsigned i = 0; i < type->field_count; i++)
		decode_field(type->fields[i].type, &reader,
		    (char *)record + type->fields[i].offset);
	return reader.damaged || reader.left > 0 ? CODEC_DAMAGED : CODEC_OK;
}

enum kind
codec_kind(struct text bytes)
{
	uint8_t kind;

	if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES)
		return KIND_NONE;
	kind = (uint8_t)bytes.bytes[0];
	return kind < KIND_COUNT ? (enum kind)kind : KIND_NONE;
}
