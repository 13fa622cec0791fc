#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"

static void
little_endian_begins_with_the_lowest_byte(void **state)
{
	uint8_t bytes[8];

	(void)state;
	bytes_put_le32(bytes, 0x01020304);
	assert_memory_equal(bytes, "\x04\x03\x02\x01", 4);
	bytes_put_le64(bytes, UINT64_C(0x0102030405060708));
	assert_memory_equal(bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
}

static void
big_endian_begins_with_the_highest_byte(void **state)
{
	uint8_t bytes[8];

	(void)state;
	bytes_put_be64(bytes, UINT64_C(0x0102030405060708));
	assert_memory_equal(bytes, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
}

static void
every_number_comes_back(void **state)
{
	static const uint64_t numbers[] = {0, 1, 0x80, 0xff, 0x7fffffff,
	    0x80000000, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1,
	    UINT64_MAX};
	uint8_t bytes[8];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		bytes_put_le32(bytes, (uint32_t)numbers[i]);
		assert_true(bytes_get_le32(bytes) == (uint32_t)numbers[i]);
		bytes_put_le64(bytes, numbers[i]);
		assert_true(bytes_get_le64(bytes) == numbers[i]);
		bytes_put_be64(bytes, numbers[i]);
		assert_true(bytes_get_be64(bytes) == numbers[i]);
	}
}

static void
big_endian_bytes_sort_as_their_numbers(void **state)
{
	uint8_t smaller[8], larger[8];

	(void)state;
	bytes_put_be64(smaller, 0xff);
	bytes_put_be64(larger, 0x100);
	assert_true(memcmp(smaller, larger, 8) < 0);
}

static void
hexadecimal_is_in_lower_case_and_ends_in_nul(void **state)
{
	char text[9] = "########";

	(void)state;
	bytes_to_hex((const uint8_t *)"\x00\x9a\xbc\xff", 4, text);
	assert_string_equal(text, "009abcff");
	bytes_to_hex(NULL, 0, text);
	assert_string_equal(text, "");
}

/* RFC 4648's vectors (section 10), and every digit once (its table 1). */
static void
base64_is_that_of_rfc_4648(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *text;
	} rows[] = {
	    {"", 0, ""},
	    {"f", 1, "Zg=="},
	    {"fo", 2, "Zm8="},
	    {"foo", 3, "Zm9v"},
	    {"foob", 4, "Zm9vYg=="},
	    {"fooba", 5, "Zm9vYmE="},
	    {"foobar", 6, "Zm9vYmFy"},
	    {"\0\0\0", 3, "AAAA"},
	    {"\xff\xff\xff", 3, "////"},
	    {"\xff", 1, "/w=="},
	    {"\xfb\xef\xbe", 3, "++++"},
	    {"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f"
	     "\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f"
	     "\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf"
	     "\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf",
		48,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64 + 2];
		uint8_t bytes[48];
		size_t digits = strlen(rows[i].text);

		memset(text, '#', sizeof(text));
		bytes_to_base64(
		    (const uint8_t *)rows[i].bytes, rows[i].length, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(text[digits + 1], '#');
		if (rows[i].length % 3 != 0)
			continue;
		assert_true(bytes_from_base64(text, digits, bytes));
		assert_memory_equal(bytes, rows[i].bytes, rows[i].length);
	}
}

static void
what_is_no_base64_of_whole_groups_is_refused(void **state)
{
	static const char *const texts[] = {
	    "Z",
	    "Zm",
	    "Zm9",
	    "Zm9vY",
	    "Zm8=",
	    "Zg==",
	    "====",
	    "Zm9-",
	    "Zm9_",
	    "Zm9 ",
	    " m9v",
	    "Z\n9v",
	    "Zm9vYm.y",
	    "Zm9vZm\xc3\xa9",
	};
	uint8_t bytes[6];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(
		    bytes_from_base64(texts[i], strlen(texts[i]), bytes));
	/* The NUL that ends the table of digits is none. */
	assert_false(bytes_from_base64("Zm9\0", 4, bytes));
}

static void
every_byte_comes_back_from_base64(void **state)
{
	uint8_t bytes[258], back[258];
	char text[258 / 3 * 4 + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	bytes_to_base64(bytes, sizeof(bytes), text);
	assert_true(bytes_from_base64(text, sizeof(text) - 1, back));
	assert_memory_equal(back, bytes, sizeof(bytes));
}

static void
base62_counts_through_digits_upper_and_lower_case(void **state)
{
	static const struct {
		uint8_t byte;
		const char *text;
	} rows[] = {
	    {0, "00"},
	    {9, "09"},
	    {10, "0A"},
	    {35, "0Z"},
	    {36, "0a"},
	    {61, "0z"},
	    {62, "10"},
	    {255, "47"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[3] = "##";
		bytes_to_base62(&rows[i].byte, 1, text, 2);
		assert_string_equal(text, rows[i].text);
	}
}

static void
base62_keeps_the_low_digits_of_a_long_number(void **state)
{
	uint8_t ones[64], counted[47];
	char text[5] = "####";
	char secret[33] = {0};

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	/* 0x10000 is 17 x 62^2 + 3 x 62 + 2. */
	bytes_to_base62((const uint8_t *)"\x01\x00\x00", 3, text, 4);
	assert_string_equal(text, "0H32");
	bytes_to_base62((const uint8_t *)"\x01\x00\x00", 3, text, 1);
	assert_string_equal(text, "2H32");
	/* 2^512 - 1 modulo 62^4, by an independent calculation. */
	bytes_to_base62(ones, sizeof(ones), text, 4);
	assert_string_equal(text, "W8I3");
	for (size_t i = 0; i < sizeof(counted); i++)
		counted[i] = (uint8_t)(i + 1);
	bytes_to_base62(counted, sizeof(counted), secret, 32);
	assert_string_equal(secret, "HCGbYdCUyWx6xd2ivh2DOxR816N56NAd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(little_endian_begins_with_the_lowest_byte),
	    cmocka_unit_test(big_endian_begins_with_the_highest_byte),
	    cmocka_unit_test(every_number_comes_back),
	    cmocka_unit_test(big_endian_bytes_sort_as_their_numbers),
	    cmocka_unit_test(hexadecimal_is_in_lower_case_and_ends_in_nul),
	    cmocka_unit_test(base64_is_that_of_rfc_4648),
	    cmocka_unit_test(what_is_no_base64_of_whole_groups_is_refused),
	    cmocka_unit_test(every_byte_comes_back_from_base64),
	    cmocka_unit_test(base62_counts_through_digits_upper_and_lower_case),
	    cmocka_unit_test(base62_keeps_the_low_digits_of_a_long_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
