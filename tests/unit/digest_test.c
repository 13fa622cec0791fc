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
assert_hmac_sha256(struct text key, struct text data, const char *expected)
{
	assert_digest(hmac_sha256(key, &data, 1), expected);
}

static void
assert_hmac_sha512(struct text key, struct text data, const char *expected)
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
		const char *sha256, *sha512;
	} rows[] = {
	    {TEXT(TIMES_20("\x0b")), TEXT("Hi There"),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32"
		"cff7",
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e1"
		"7cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c20"
		"3a126854"},
	    {TEXT("Jefe"), TEXT("what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec"
		"3843",
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea25"
		"05549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a"
		"38bce737"},
	    {TEXT(TIMES_20("\xaa")), TEXT(TIMES_50("\xdd")),
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced5"
		"65fe",
		"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b227"
		"9d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859"
		"e13292fb"},
	    {TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
		  "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
		TEXT(TIMES_50("\xcd")),
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729"
		"665b",
		"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361e"
		"e3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb"
		"10a298dd"},
	    {TEXT(TIMES_131("\xaa")),
		TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee3"
		"7f54",
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8"
		"f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a98"
		"5d786598"},
	    {TEXT(TIMES_131("\xaa")),
		TEXT("This is a test using a larger than block-size key and a "
		     "larger than block-size data. The key needs to be hashed "
		     "before being used by the HMAC algorithm."),
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a"
		"35e2",
		"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cd"
		"c944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440"
		"fa8c6a58"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_hmac_sha256(rows[i].key, rows[i].data, rows[i].sha256);
		assert_hmac_sha512(rows[i].key, rows[i].data, rows[i].sha512);
	}
}

static void
an_hmac_of_parts_is_that_of_one_text(void **state)
{
	static const struct text parts[] = {
	    {"what do ya ", 11},
	    {NULL, 0},
	    {"", 0},
	    {"want for nothing?", 17},
	};

	(void)state;
	assert_digest(hmac_sha256(TEXT("Jefe"), parts, 4),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void
an_absent_key_is_the_empty_one_and_not_the_last(void **state)
{
	static const char sha256[] =
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
	static const char sha512[] =
	    "b936cee86c9f87aa5d3c6f2e84cb5a4239a5fe50480a6ec66b70ab5b1f4a"
	    "c6730c6c515421b327ec1d69402e53dfb49ad7381eb067b338fd7b0cb222"
	    "47225d47";

	(void)state;
	hmac_sha512(TEXT("Jefe"), TEXT("another"));
	assert_hmac_sha512(TEXT_NONE, TEXT_NONE, sha512);
	assert_hmac_sha512(TEXT(""), TEXT(""), sha512);
	hmac_sha256(TEXT("Jefe"), &(struct text){"another", 7}, 1);
	assert_digest(hmac_sha256(TEXT_NONE, NULL, 0), sha256);
	assert_hmac_sha256(TEXT(""), TEXT(""), sha256);
}

static void
digests_keep_no_memory(void **state)
{
	const struct text abc = TEXT("abc");

	(void)state;
	digest_text(abc);
	hmac_sha256(TEXT("Jefe"), &abc, 1);
	hmac_sha512(TEXT("Jefe"), abc);
	long before = pieces_alive;
	for (int i = 0; i < 1000; i++) {
		digest_text(abc);
		hmac_sha256(TEXT("Jefe"), &abc, 1);
		hmac_sha512(TEXT("Jefe"), abc);
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
	    cmocka_unit_test(an_hmac_of_parts_is_that_of_one_text),
	    cmocka_unit_test(an_absent_key_is_the_empty_one_and_not_the_last),
	    cmocka_unit_test(digests_keep_no_memory),
	    cmocka_unit_test(the_checksum_is_crc32),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
