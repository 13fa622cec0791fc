#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/keccak.h"

static void
assert_keccak(struct text text, const char *expected)
{
	struct keccak keccak = keccak_text(text);
	char hex[2 * KECCAK_BYTES + 1];

	bytes_to_hex(keccak.bytes, KECCAK_BYTES, hex);
	assert_string_equal(hex, expected);
}

/* The Yellow Paper's KEC(()), the hash of accounts without code. */
#define KECCAK_EMPTY \
	"c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

static void
nothing_has_the_digest_of_accounts_without_code(void **state)
{
	(void)state;
	assert_keccak(TEXT(""), KECCAK_EMPTY);
	assert_keccak(TEXT_NONE, KECCAK_EMPTY);
}

/* The messages of FIPS 180-4 under the Keccak team's submission. */
static void
digests_are_keccak_and_not_sha3(void **state)
{
	(void)state;
	assert_keccak(TEXT("abc"),
	    "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
	assert_keccak(
	    TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	    "45d3b367a6904e6e8d502ee04999a7c27647f91fa845d456525fd352ae3d7371");
	assert_keccak(
	    TEXT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
	    "f519747ed599024f3882238e5ab43960132572b7345fbeb9a90769dafd21ad67");
}

/* The topic of every transfer of an ERC-20 token. */
static void
the_event_of_a_transfer_has_its_topic(void **state)
{
	(void)state;
	assert_keccak(TEXT("Transfer(address,address,uint256)"),
	    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
}

static char many[1000000];

static void
a_million_bytes_are_absorbed(void **state)
{
	(void)state;
	memset(many, 'a', sizeof(many));
	assert_keccak((struct text){many, sizeof(many)},
	    "fadae6b49f129bbb812be8407b7b2894f34aecf6dbd1f9b0f0c7e9853098fc96");
}

/* By a second implementation, written from the specification. */
static void
texts_around_the_end_of_a_block_are_padded(void **state)
{
	static const struct {
		size_t length;
		const char *expected;
	} rows[] = {
	    {134, "e5de5653994e2fa6729d329b65b5f332dee942a7ea54515e173824c232a4"
		  "ff91"},
	    {135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919c"
		  "f446"},
	    {136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa"
		  "386e"},
	    {137, "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f191"
		  "5f39"},
	    {271, "132f47effd6c8b1b299efa53fe68aece77ec8ae4eb2e294f668eec94f760"
		  "01e1"},
	    {272, "cf7fcd4f705ee749930d19ca84561a9bf62516bd90a471545fa2f49fdc7e"
		  "63c8"},
	    {273, "5a7b8187d2778e614097fac3097573de1fee4d972304d3360796a857029b"
		  "b176"},
	};

	(void)state;
	memset(many, 'a', sizeof(many));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_keccak(
		    (struct text){many, rows[i].length}, rows[i].expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_has_the_digest_of_accounts_without_code),
	    cmocka_unit_test(digests_are_keccak_and_not_sha3),
	    cmocka_unit_test(the_event_of_a_transfer_has_its_topic),
	    cmocka_unit_test(a_million_bytes_are_absorbed),
	    cmocka_unit_test(texts_around_the_end_of_a_block_are_padded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
