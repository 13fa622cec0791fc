#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/digest.h"

static long pieces_alive;

static void *
counted_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	pieces_alive++;
	return malloc(size);
}

static void *
counted_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory == NULL)
		pieces_alive++;
	return realloc(memory, size);
}

static void
counted_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory != NULL)
		pieces_alive--;
	free(memory);
}

static int
start(void **state)
{
	(void)state;
	/* OpenSSL takes these only before it has allocated anything. */
	if (CRYPTO_set_mem_functions(
		counted_malloc, counted_realloc, counted_free) != 1)
		return -1;
	digest_start();
	return 0;
}

static void
assert_digest(struct digest digest, const char *expected)
{
	char hex[2 * DIGEST_BYTES + 1];

	bytes_to_hex(digest.bytes, DIGEST_BYTES, hex);
	assert_string_equal(hex, expected);
}

/* FIPS 180-4's examples, and the digest of nothing. */
#define SHA256_EMPTY \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA256_ABC \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
digests_are_sha256(void **state)
{
	(void)state;
	assert_digest(digest_text(TEXT("")), SHA256_EMPTY);
	assert_digest(digest_text(TEXT_NONE), SHA256_EMPTY);
	assert_digest(digest_text(TEXT("abc")), SHA256_ABC);
	assert_digest(
	    digest_text(TEXT(
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void
parts_are_one_text(void **state)
{
	static const struct text parts[] = {
	    {"a", 1},
	    {NULL, 0},
	    {"", 0},
	    {"bc", 2},
	};

	(void)state;
	assert_digest(digest_parts(parts, 4), SHA256_ABC);
	assert_digest(digest_parts(NULL, 0), SHA256_EMPTY);
}

static void
pieces_are_one_text(void **state)
{
	(void)state;
	digest_begin();
	digest_add("ab", 2);
	digest_add(NULL, 0);
	digest_add("c", 1);
	assert_digest(digest_end(), SHA256_ABC);
}

static void
assert_hmac(struct text key, struct text data, const char *expected)
{
	struct hmac_sha512 hmac = hmac_sha512(key, data);
	char hex[2 * HMAC_SHA512_BYTES + 1];

	bytes_to_hex(hmac.bytes, HMAC_SHA512_BYTES, hex);
	assert_string_equal(hex, expected);
}

/* RFC 4231's cases; the fifth is about cutting off, which nothing here does. */
#define TIMES_10(bytes) \
	bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes
#define TIMES_20(bytes) TIMES_10(bytes) TIMES_10(bytes)
#define TIMES_50(bytes) TIMES_20(bytes) TIMES_20(bytes) TIMES_10(bytes)
#define TIMES_131(bytes) \
	TIMES_50(bytes) TIMES_50(bytes) TIMES_20(bytes) TIMES_10(bytes) bytes

static void
hmacs_are_those_of_rfc_4231(void **state)
{
	static const struct {
		struct text key, data;
		const char *expected;
	} rows[] = {
	    {TEXT(TIMES_20("\x0b")), TEXT("Hi There"),
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e1"
		"7cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c20"
		"3a126854"},
	    {TEXT("Jefe"), TEXT("what do ya want for nothing?"),
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea25"
		"05549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a"
		"38bce737"},
	    {TEXT(TIMES_20("\xaa")), TEXT(TIMES_50("\xdd")),
		"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b227"
		"9d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859"
		"e13292fb"},
	    {TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
		  "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
		TEXT(TIMES_50("\xcd")),
		"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361e"
		"e3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb"
		"10a298dd"},
	    {TEXT(TIMES_131("\xaa")),
		TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8"
		"f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a98"
		"5d786598"},
	    {TEXT(TIMES_131("\xaa")),
		TEXT("This is a test using a larger than block-size key and a "
		     "larger than block-size data. The key needs to be hashed "
		     "before being used by the HMAC algorithm."),
		"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cd"
		"c944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440"
		"fa8c6a58"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_hmac(rows[i].key, rows[i].data, rows[i].expected);
}

static void
an_absent_key_is_the_empty_one_and_not_the_last(void **state)
{
	static const char expected[] =
	    "b936cee86c9f87aa5d3c6f2e84cb5a4239a5fe50480a6ec66b70ab5b1f4a"
	    "c6730c6c515421b327ec1d69402e53dfb49ad7381eb067b338fd7b0cb222"
	    "47225d47";

	(void)state;
	hmac_sha512(TEXT("Jefe"), TEXT("another"));
	assert_hmac(TEXT_NONE, TEXT_NONE, expected);
	assert_hmac(TEXT(""), TEXT(""), expected);
}

static void
digests_keep_no_memory(void **state)
{
	(void)state;
	digest_text(TEXT("abc"));
	hmac_sha512(TEXT("Jefe"), TEXT("abc"));
	long before = pieces_alive;
	for (int i = 0; i < 1000; i++) {
		digest_text(TEXT("abc"));
		hmac_sha512(TEXT("Jefe"), TEXT("abc"));
	}
	assert_int_equal(pieces_alive, before);
}

static void
the_checksum_is_crc32(void **state)
{
	(void)state;
	/* The check value of CRC-32 in the catalogues of CRC algorithms. */
	assert_int_equal(checksum("123456789", 9), 0xcbf43926);
	assert_int_equal(checksum("", 0), 0);
	assert_int_equal(checksum(NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_are_sha256),
	    cmocka_unit_test(parts_are_one_text),
	    cmocka_unit_test(pieces_are_one_text),
	    cmocka_unit_test(hmacs_are_those_of_rfc_4231),
	    cmocka_unit_test(an_absent_key_is_the_empty_one_and_not_the_last),
	    cmocka_unit_test(digests_keep_no_memory),
	    cmocka_unit_test(the_checksum_is_crc32),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
