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
	    cmocka_unit_test(base62_counts_through_digits_upper_and_lower_case),
	    cmocka_unit_test(base62_keeps_the_low_digits_of_a_long_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
