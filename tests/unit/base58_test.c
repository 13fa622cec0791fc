#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/base58.h"
#include "base/bytes.h"
#include "base/digest.h"

static int
start(void **state)
{
	(void)state;
	digest_start();
	return 0;
}

static void
assert_payload(const char *text, const char *expected)
{
	uint8_t payload[BASE58_PAYLOAD_BYTES_MAX];
	char hex[2 * BASE58_PAYLOAD_BYTES_MAX + 1];
	size_t length = strlen(expected) / 2;

	assert_int_equal(
	    base58_decode(text_of(text), payload, length), BASE58_DECODE_OK);
	bytes_to_hex(payload, length, hex);
	assert_string_equal(hex, expected);
}

/* An address of Bitcoin: a zero byte and 20 bytes; its text begins with 1. */
#define ADDRESS "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"
#define ADDRESS_PAYLOAD "00010966776006953d5567439e5e39f86a0d273bee"
enum { ADDRESS_BYTES = 21 };

static void
payloads_are_read(void **state)
{
	static const struct {
		const char *text, *payload;
	} rows[] = {
	    {ADDRESS, ADDRESS_PAYLOAD},
	    /* BIP-32, test vector 1, chain m. */
	    {"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29"
	     "ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
		"0488b21e000000000000000000873dff81c02f525623fd1fe5167eac3a55"
		"a049de3d314bb42ee227ffed37d5080339a36013301597daef41fbe593a0"
		"2cc513d0b55527ec2df1050e2e8ff49c85c2"},
	    /* One, two and three zeros at the beginning, and zeros alone. */
	    {"1Wh4bh", "00"},
	    {"11146EAsf", "000000"},
	    {"2L5B5yqsVG8Vt", "68656c6c6f"},
	    {"112L5B5yqsz2g67", "000068656c6c6f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_payload(rows[i].text, rows[i].payload);
}

static void
assert_refused(struct text text, enum base58_decode expected)
{
	uint8_t payload[ADDRESS_BYTES] = {0x5a};

	assert_int_equal(
	    base58_decode(text, payload, sizeof(payload)), expected);
	assert_int_equal(payload[0], 0x5a);
}

static void
other_texts_are_malformed(void **state)
{
	static const char *const refused[] = {
	    "",
	    "1",
	    "6UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM",	  /* a zero byte less */
	    "116UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM", /* and one more */
	    "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjv",	  /* the end missing */
	    "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvMMM",
	    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", /* too large */
	    "1111111111111111111111111111111111111111",	 /* too many zeros */
	    "06UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM", /* not in the alphabet */
	    "I6UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM",
	    "l6UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM",
	    "16UwLL9Risc3QfPqBUvKOfHmBQ7wMtjvM",
	    "16UwLL9Risc3QfPqBUvK fHmBQ7wMtjvM",
	    "16UwLL9Risc3QfPqBUvK\377fHmBQ7wMtjvM",
	    " 16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM", /* space around */
	    "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(text_of(refused[i]), BASE58_DECODE_MALFORMED);
	assert_refused(TEXT_NONE, BASE58_DECODE_MALFORMED);
	assert_refused(TEXT(ADDRESS "\0"), BASE58_DECODE_MALFORMED);
}

/* Every character of the address but the zero byte's, changed in turn. */
static void
mistyped_texts_fail_the_checksum(void **state)
{
	(void)state;
	for (size_t i = 1; i < strlen(ADDRESS); i++) {
		char text[] = ADDRESS;

		text[i] = text[i] == 'x' ? 'y' : 'x';
		if (i == 1)
			text[i] = '7'; /* of the same length in bytes */
		assert_refused(text_of(text), BASE58_DECODE_CHECKSUM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(payloads_are_read),
	    cmocka_unit_test(other_texts_are_malformed),
	    cmocka_unit_test(mistyped_texts_fail_the_checksum),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
