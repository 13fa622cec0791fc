/*
 * The codec: records, bundles and metadata from any bytes, and back.
 *
 * The first byte says what the others are: bytes that somebody claims to be a
 * record, with a right checksum or without; fields of a record; a bundle;
 * packed metadata.  What is read must be what writing it again gives, byte
 * for byte; what was written must be read as it was; and one flipped bit must
 * be seen.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "core/metadata.h"
#include "fuzz.h"

enum { HEADER_BYTES = 2, CHECKSUM_BYTES = 4, RECORDS_BYTES_MAX = 1 << 17 };

static char encoded[RECORDS_BYTES_MAX];
static char again[RECORDS_BYTES_MAX];

static enum kind
feed_kind(struct feed *feed)
{
	return (enum kind)(1 + feed_byte(feed) % (KIND_COUNT - 1));
}

/* -- Records ------------------------------------------------------------- */

static struct text
encode(enum kind kind, const union record *record, char *to)
{
	struct buffer buffer;

	buffer_init(&buffer, to, RECORDS_BYTES_MAX);
	codec_encode(kind, record, &buffer);
	MUST(!buffer.overflow);
	return buffer_text(&buffer);
}

static void
must_be_canonical(enum kind kind, struct text bytes)
{
	union record record;

	MUST(codec_kind(bytes) == kind);
	MUST(codec_decode(kind, bytes, &record) == CODEC_OK);
	MUST(text_equal(encode(kind, &record, again), bytes));
}

/* As they are: for every kind. */
static void
try_claimed(struct text claimed)
{
	struct text bytes = text_alone(claimed);
	union record record;

	for (unsigned i = 1; i < KIND_COUNT; i++)
		if (codec_decode((enum kind)i, bytes, &record) == CODEC_OK)
			must_be_canonical((enum kind)i, bytes);
	free((void *)bytes.bytes);
}

/* With kind, version and checksum put right, the last two in most cases. */
static void
try_sealed(struct feed *feed)
{
	const enum kind kind = feed_kind(feed);
	const uint8_t version = feed_byte(feed);
	struct text fields = feed_text(feed, feed->length);
	size_t body = HEADER_BYTES + fields.length;
	struct text bytes;
	union record record;
	uint8_t *sealed = malloc(body + CHECKSUM_BYTES);
	enum codec_result result;

	MUST(sealed != NULL);
	sealed[0] = (uint8_t)kind;
	sealed[1] = version < 240 ? record_type(kind)->version : version;
	if (fields.length > 0)
		memcpy(sealed + HEADER_BYTES, fields.bytes, fields.length);
	bytes_put_le32(sealed + body, checksum(sealed, body));
	bytes = (struct text){(const char *)sealed, body + CHECKSUM_BYTES};
	result = codec_decode(kind, bytes, &record);
	MUST((result == CODEC_UNKNOWN_VERSION) ==
	     (sealed[1] != record_type(kind)->version));
	if (result == CODEC_OK)
		must_be_canonical(kind, bytes);
	free(sealed);
}

static void
feed_field(struct feed *feed, const struct record_field *field, void *record)
{
	void *at = (char *)record + field->offset;
	struct text text;

	switch (field->type) {
	case FIELD_ID:
		text = feed_text(feed, ID_BYTES);
		memcpy(at, text.bytes, text.length);
		return;
	case FIELD_DIGEST:
		text = feed_text(feed, DIGEST_BYTES);
		memcpy(at, text.bytes, text.length);
		return;
	case FIELD_ENUM:
		*(uint8_t *)at = feed_byte(feed);
		return;
	case FIELD_FLAG:
		*(bool *)at = feed_byte(feed) % 2 != 0;
		return;
	case FIELD_COUNT:
		*(uint32_t *)at = (uint32_t)feed_number(feed, 4);
		return;
	case FIELD_MONEY:
		((struct money *)at)->units = (int64_t)feed_number(feed, 8);
		return;
	case FIELD_INSTANT:
		((struct instant *)at)->us = (int64_t)feed_number(feed, 8);
		return;
	case FIELD_TEXT:
		*(struct text *)at = feed_text(feed, feed_byte(feed));
		return;
	}
}

static void
feed_record(struct feed *feed, enum kind kind, union record *record)
{
	const struct record_type *type = record_type(kind);

	memset(record, 0, sizeof(*record));
	for (unsigned i = 0; i < type->field_count; i++)
		feed_field(feed, &type->fields[i], record);
}

static bool
fields_equal(const struct record_field *field, const void *a, const void *b)
{
	const void *one = (const char *)a + field->offset;
	const void *other = (const char *)b + field->offset;

	switch (field->type) {
	case FIELD_ID:
		return memcmp(one, other, ID_BYTES) == 0;
	case FIELD_DIGEST:
		return memcmp(one, other, DIGEST_BYTES) == 0;
	case FIELD_ENUM:
	case FIELD_FLAG:
		return memcmp(one, other, 1) == 0;
	case FIELD_COUNT:
		return memcmp(one, other, 4) == 0;
	case FIELD_MONEY:
	case FIELD_INSTANT:
		return memcmp(one, other, 8) == 0;
	case FIELD_TEXT:
		return text_equal(
		    *(const struct text *)one, *(const struct text *)other);
	}
	return false;
}

static void
must_be_equal(enum kind kind, const union record *a, const union record *b)
{
	const struct record_type *type = record_type(kind);

	for (unsigned i = 0; i < type->field_count; i++)
		MUST(fields_equal(&type->fields[i], a, b));
}

static void
try_flipped(enum kind kind, struct text bytes, uint64_t place)
{
	struct text flipped = text_alone(bytes);
	union record record;

	place %= 8 * bytes.length;
	((char *)flipped.bytes)[place / 8] ^= (char)(1 << place % 8);
	MUST(codec_decode(kind, flipped, &record) == CODEC_DAMAGED);
	free((void *)flipped.bytes);
}

/* A buffer that is too small is not written beyond its end. */
static void
try_narrow(
    enum kind kind, const union record *record, size_t whole, uint64_t choice)
{
	const size_t size = (size_t)(choice % whole);
	char *bytes = malloc(size + 1);
	struct buffer buffer;

	MUST(bytes != NULL);
	buffer_init(&buffer, bytes, size);
	codec_encode(kind, record, &buffer);
	MUST(buffer.overflow && buffer.length <= size);
	free(bytes);
}

static void
try_fields(struct feed *feed)
{
	const enum kind kind = feed_kind(feed);
	const uint64_t place = feed_number(feed, 2);
	union record record, read;
	struct text bytes;

	feed_record(feed, kind, &record);
	bytes = encode(kind, &record, encoded);
	MUST(codec_kind(bytes) == kind);
	MUST(codec_decode(kind, bytes, &read) == CODEC_OK);
	must_be_equal(kind, &record, &read);
	try_flipped(kind, bytes, place);
	try_narrow(kind, &record, bytes.length, place);
}

/* -- What records lie in, and what lies in them --------------------------- */

/* What nobody vouches for: walked only where it is sound. */
static void
must_be_sound_or_not(struct text claimed)
{
	struct text bytes = text_alone(claimed);
	struct text rest = bytes, one;
	struct buffer buffer;

	buffer_init(&buffer, again, sizeof(again));
	if (bundle_is_sound(bytes)) {
		while (bundle_next(&rest, &one))
			bundle_put_encoded(&buffer, one);
		MUST(text_equal(buffer_text(&buffer), bytes));
	}
	free((void *)bytes.bytes);
}

static void
try_bundle(struct feed *feed)
{
	const uint64_t place = feed_number(feed, 2);
	unsigned counts[KIND_COUNT] = {0};
	struct buffer bundle;
	union record record;
	enum kind kind;

	buffer_init(&bundle, encoded, sizeof(encoded));
	while (feed->length > 0) {
		kind = feed_kind(feed);
		feed_record(feed, kind, &record);
		bundle_put(&bundle, kind, &record);
		MUST(!bundle.overflow);
		MUST(bundle_find(
		    buffer_text(&bundle), kind, counts[kind]++, &record));
	}
	MUST(bundle_is_sound(buffer_text(&bundle)));
	for (unsigned i = 1; i < KIND_COUNT; i++)
		MUST(!bundle_find(
		    buffer_text(&bundle), (enum kind)i, counts[i], &record));
	if (bundle.length == 0)
		return;
	encoded[place / 8 % bundle.length] ^= (char)(1 << place % 8);
	must_be_sound_or_not(buffer_text(&bundle));
}

static void
try_metadata(struct text claimed)
{
	struct text packed = text_alone(claimed);
	struct text rest = packed, value;
	struct metadata_pair pair;
	struct buffer buffer;
	unsigned count = 0;

	buffer_init(&buffer, again, sizeof(again));
	if (metadata_is_sound(packed)) {
		for (; metadata_next(&rest, &pair); count++) {
			metadata_put(&buffer, pair.key, pair.value);
			MUST(metadata_find(packed, pair.key, &value));
		}
		MUST(count == metadata_count(packed));
		MUST(text_equal(buffer_text(&buffer), packed));
	}
	free((void *)packed.bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct feed feed = {bytes, length};

	switch (feed_byte(&feed) % 6) {
	case 0:
		try_claimed(feed_text(&feed, feed.length));
		return 0;
	case 1:
		try_sealed(&feed);
		return 0;
	case 2:
		try_fields(&feed);
		return 0;
	case 3:
		try_bundle(&feed);
		return 0;
	case 4:
		must_be_sound_or_not(feed_text(&feed, feed.length));
		return 0;
	default:
		try_metadata(feed_text(&feed, feed.length));
		return 0;
	}
}
