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
digests_keep_no_memory(void **state)
{
	(void)state;
	digest_text(TEXT("abc"));
	long before = pieces_alive;
	for (int i = 0; i < 1000; i++)
		digest_text(TEXT("abc"));
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
	    cmocka_unit_test(digests_keep_no_memory),
	    cmocka_unit_test(the_checksum_is_crc32),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
