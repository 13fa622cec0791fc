/*
 * The codec, for every kind of record, by way of the tables that describe
 * them: a kind or a field that is added is tested without a word more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "core/codec.h"

enum { ENCODED_BYTES = 4096, CHECKSUM_BYTES = 4 };

/* Bytes of FIELD_TEXT, different for each field. */
static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* Sets a field to something that no other field of the record has. */
static void
field_fill(const struct record_field *field, unsigned number, void *record)
{
	uint8_t *at = (uint8_t *)record + field->offset;
	int64_t large = INT64_C(-0x0102030405060708) * (number + 1);

	switch (field->type) {
	case FIELD_ID:
		memset(at, (int)(0x10 + number), ID_BYTES);
		return;
	case FIELD_DIGEST:
		memset(at, (int)(0x80 + number), DIGEST_BYTES);
		return;
	case FIELD_ENUM:
		*at = (uint8_t)(1 + number);
		return;
	case FIELD_FLAG:
		*(bool *)at = true;
		return;
	case FIELD_COUNT:
		*(uint32_t *)at = 0xf0e0d0c0 + number;
		return;
	case FIELD_MONEY:
		*(struct money *)at = (struct money){large};
		return;
	case FIELD_INSTANT:
		*(struct instant *)at = (struct instant){large};
		return;
	case FIELD_TEXT:
		*(struct text *)at = (struct text){words + number, number + 1};
		return;
	}
}

static void
assert_field_equal(
    const struct record_field *field, const void *one, const void *other)
{
	const uint8_t *a = (const uint8_t *)one + field->offset;
	const uint8_t *b = (const uint8_t *)other + field->offset;

	switch (field->type) {
	case FIELD_ID:
		assert_memory_equal(a, b, ID_BYTES);
		return;
	case FIELD_DIGEST:
		assert_memory_equal(a, b, DIGEST_BYTES);
		return;
	case FIELD_ENUM:
		assert_int_equal(*a, *b);
		return;
	case FIELD_FLAG:
		assert_int_equal(*(const bool *)a, *(const bool *)b);
		return;
	case FIELD_COUNT:
		assert_int_equal(*(const uint32_t *)a, *(const uint32_t *)b);
		return;
	case FIELD_MONEY:
	case FIELD_INSTANT:
		assert_memory_equal(a, b, 8);
		return;
	case FIELD_TEXT:
		assert_true(text_equal(
		    *(const struct text *)a, *(const struct text *)b));
		return;
	}
}

/* The encoded form of a record of a kind, every field of it set. */
static struct text
full_record(enum kind kind, union record *record, char bytes[ENCODED_BYTES])
{
	const struct record_type *type = record_type(kind);
	struct buffer buffer;

	memset(record, 0, sizeof(*record));
	for (unsigned i = 0; i < type->field_count; i++)
		field_fill(&type->fields[i], i, record);
	buffer_init(&buffer, bytes, ENCODED_BYTES);
	codec_encode(kind, record, &buffer);
	assert_false(buffer.overflow);
	return buffer_text(&buffer);
}

/* Calls `check` with a full record of every kind. */
static void
each_kind(void (*check)(
    enum kind kind, const union record *record, struct text encoded))
{
	char bytes[ENCODED_BYTES];
	union record record;

	for (unsigned i = KIND_NONE + 1; i < KIND_COUNT; i++) {
		enum kind kind = (enum kind)i;

		check(kind, &record, full_record(kind, &record, bytes));
	}
}

static void
check_round_trip(
    enum kind kind, const union record *record, struct text encoded)
{
	const struct record_type *type = record_type(kind);
	union record decoded;

	/* What the struct held before must not show through. */
	memset(&decoded, 0xa5, sizeof(decoded));
	assert_int_equal(codec_decode(kind, encoded, &decoded), CODEC_OK);
	for (unsigned i = 0; i < type->field_count; i++)
		assert_field_equal(&type->fields[i], record, &decoded);
	assert_int_equal(codec_kind(encoded), kind);
}

static void
every_field_of_every_kind_comes_back(void **state)
{
	(void)state;
	each_kind(check_round_trip);
}

static void
an_empty_record_comes_back_empty(void **state)
{
	static const union record empty;
	char bytes[ENCODED_BYTES];
	struct buffer buffer;

	(void)state;
	for (unsigned kind = KIND_NONE + 1; kind < KIND_COUNT; kind++) {
		buffer_init(&buffer, bytes, sizeof(bytes));
		codec_encode((enum kind)kind, &empty, &buffer);
		check_round_trip((enum kind)kind, &empty, buffer_text(&buffer));
	}
}

static void
check_texts_are_borrowed(
    enum kind kind, const union record *record, struct text encoded)
{
	const struct record_type *type = record_type(kind);
	union record decoded;

	(void)record;
	assert_int_equal(codec_decode(kind, encoded, &decoded), CODEC_OK);
	for (unsigned i = 0; i < type->field_count; i++) {
		const struct text *text =
		    (const void *)((const char *)&decoded +
				   type->fields[i].offset);

		if (type->fields[i].type != FIELD_TEXT)
			continue;
		assert_true(text->bytes >= encoded.bytes);
		assert_true(text->bytes + text->length <=
			    encoded.bytes + encoded.length);
	}
}

static void
texts_are_borrowed_from_the_bytes(void **state)
{
	(void)state;
	each_kind(check_texts_are_borrowed);
}

/* Bytes of their own allocation, so that reading beyond them is seen. */
static enum codec_result
decode_alone(enum kind kind, struct text encoded)
{
	union record record;
	char *alone = test_malloc(encoded.length + (encoded.length == 0));
	enum codec_result result;

	if (encoded.length > 0)
		memcpy(alone, encoded.bytes, encoded.length);
	result =
	    codec_decode(kind, (struct text){alone, encoded.length}, &record);
	test_free(alone);
	return result;
}

static void
check_truncations(
    enum kind kind, const union record *record, struct text encoded)
{
	(void)record;
	for (size_t length = 0; length < encoded.length; length++) {
		struct text cut = {encoded.bytes, length};

		assert_int_equal(decode_alone(kind, cut), CODEC_DAMAGED);
	}
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	each_kind(check_truncations);
}

static void
check_flipped_bits(
    enum kind kind, const union record *record, struct text encoded)
{
	char bytes[ENCODED_BYTES];
	struct text flipped = {bytes, encoded.length};

	(void)record;
	memcpy(bytes, encoded.bytes, encoded.length);
	for (size_t i = 0; i < 8 * encoded.length; i++) {
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		assert_int_equal(decode_alone(kind, flipped), CODEC_DAMAGED);
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	assert_int_equal(decode_alone(kind, flipped), CODEC_OK);
}

static void
every_flipped_bit_is_refused(void **state)
{
	(void)state;
	each_kind(check_flipped_bits);
}

/* Makes the checksum right again: damage that only the reader can see. */
static struct text
sealed(char *bytes, size_t length)
{
	bytes_put_le32((uint8_t *)bytes + length, checksum(bytes, length));
	return (struct text){bytes, length + CHECKSUM_BYTES};
}

static void
check_other_version(
    enum kind kind, const union record *record, struct text encoded)
{
	char bytes[ENCODED_BYTES];
	size_t body = encoded.length - CHECKSUM_BYTES;

	(void)record;
	memcpy(bytes, encoded.bytes, encoded.length);
	bytes[1]++;
	assert_int_equal(
	    decode_alone(kind, sealed(bytes, body)), CODEC_UNKNOWN_VERSION);
	bytes[1] = 0;
	assert_int_equal(
	    decode_alone(kind, sealed(bytes, body)), CODEC_UNKNOWN_VERSION);
}

static void
another_version_is_refused(void **state)
{
	(void)state;
	each_kind(check_other_version);
}

static void
check_other_kinds(
    enum kind kind, const union record *record, struct text encoded)
{
	(void)record;
	for (unsigned other = KIND_NONE + 1; other < KIND_COUNT; other++)
		if (other != kind)
			assert_int_equal(
			    decode_alone((enum kind)other, encoded),
			    CODEC_OTHER_KIND);
}

static void
another_kind_is_refused(void **state)
{
	(void)state;
	each_kind(check_other_kinds);
}

static void
check_sealed_lengths(
    enum kind kind, const union record *record, struct text encoded)
{
	char bytes[ENCODED_BYTES + CHECKSUM_BYTES];
	size_t body = encoded.length - CHECKSUM_BYTES;

	(void)record;
	for (size_t length = 2; length < body; length++) {
		memcpy(bytes, encoded.bytes, body);
		assert_int_equal(
		    decode_alone(kind, sealed(bytes, length)), CODEC_DAMAGED);
	}
	memcpy(bytes, encoded.bytes, body);
	bytes[body] = 'x';
	assert_int_equal(
	    decode_alone(kind, sealed(bytes, body + 1)), CODEC_DAMAGED);
}

static void
a_wrong_length_is_refused_in_spite_of_its_checksum(void **state)
{
	(void)state;
	each_kind(check_sealed_lengths);
}

/* Nothing is read that is never written: so a flag is 0 or 1. */
static void
must_be_written_again(enum kind kind, struct text encoded)
{
	char bytes[ENCODED_BYTES];
	union record record;
	struct buffer buffer;

	assert_int_equal(codec_decode(kind, encoded, &record), CODEC_OK);
	buffer_init(&buffer, bytes, sizeof(bytes));
	codec_encode(kind, &record, &buffer);
	assert_int_equal(buffer.length, encoded.length);
	assert_memory_equal(bytes, encoded.bytes, encoded.length);
}

static void
check_sealed_bytes(
    enum kind kind, const union record *record, struct text encoded)
{
	char bytes[ENCODED_BYTES];
	size_t body = encoded.length - CHECKSUM_BYTES;

	/* Lengths of texts among them: whatever comes out, nothing crashes. */
	(void)record;
	for (size_t i = 2; i < body; i++) {
		enum codec_result result;
		struct text changed;

		memcpy(bytes, encoded.bytes, body);
		bytes[i] = (char)0xff;
		changed = sealed(bytes, body);
		result = decode_alone(kind, changed);
		assert_true(result == CODEC_OK || result == CODEC_DAMAGED);
		if (result == CODEC_OK)
			must_be_written_again(kind, changed);
	}
}

static void
a_wrong_byte_does_no_harm_in_spite_of_its_checksum(void **state)
{
	(void)state;
	each_kind(check_sealed_bytes);
}

static void
bytes_that_are_no_record_have_no_kind(void **state)
{
	(void)state;
	assert_int_equal(codec_kind(TEXT_NONE), KIND_NONE);
	assert_int_equal(codec_kind(TEXT("\x01\x01")), KIND_NONE);
	assert_int_equal(codec_kind(TEXT("\xff\x01"
					 "....")),
	    KIND_NONE);
	assert_int_equal(codec_kind(TEXT("\x00\x01"
					 "....")),
	    KIND_NONE);
}

static void
check_every_size_of_buffer(
    enum kind kind, const union record *record, struct text encoded)
{
	char bytes[ENCODED_BYTES];
	struct buffer buffer;

	for (size_t size = 0; size <= encoded.length; size++) {
		buffer_init(&buffer, bytes, size);
		codec_encode(kind, record, &buffer);
		assert_int_equal(buffer.overflow, size < encoded.length);
	}
}

static void
a_buffer_that_is_too_small_overflows(void **state)
{
	(void)state;
	each_kind(check_every_size_of_buffer);
}

/* The stored form itself: a program must read what an older one wrote. */
static void
the_stored_form_stays_what_it_is(void **state)
{
	static const char expected[] =
	    "\x01\x01"
	    "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"
	    "\x04\x00\x00\x00"
	    "Acme"
	    "\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22"
	    "\x08\x07\x06\x05\x04\x03\x02\x01"
	    "\xea\xed\xc1\xdf";
	struct account account = {
	    .name = TEXT("Acme"),
	    .created = {0x0102030405060708},
	};
	char bytes[ENCODED_BYTES];
	struct buffer buffer;

	(void)state;
	memset(account.id.bytes, 0x11, ID_BYTES);
	memset(account.default_merchant.bytes, 0x22, ID_BYTES);
	buffer_init(&buffer, bytes, sizeof(bytes));
	codec_encode(KIND_ACCOUNT, &account, &buffer);
	assert_int_equal(buffer.length, sizeof(expected) - 1);
	assert_memory_equal(bytes, expected, sizeof(expected) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_of_every_kind_comes_back),
	    cmocka_unit_test(an_empty_record_comes_back_empty),
	    cmocka_unit_test(texts_are_borrowed_from_the_bytes),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(every_flipped_bit_is_refused),
	    cmocka_unit_test(another_version_is_refused),
	    cmocka_unit_test(another_kind_is_refused),
	    cmocka_unit_test(
		a_wrong_length_is_refused_in_spite_of_its_checksum),
	    cmocka_unit_test(
		a_wrong_byte_does_no_harm_in_spite_of_its_checksum),
	    cmocka_unit_test(bytes_that_are_no_record_have_no_kind),
	    cmocka_unit_test(a_buffer_that_is_too_small_overflows),
	    cmocka_unit_test(the_stored_form_stays_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
