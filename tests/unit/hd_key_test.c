#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <secp256k1.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/eth_address.h"
#include "base/hd_key.h"

#define HARDENED(number) (UINT32_C(0x80000000) + (number))
/* Ends the steps of a vector. */
#define NO_MORE UINT32_MAX

/* BIP-32's test vectors: a seed, and key after key below it. */
static const struct vector {
	const char *seed; /* hexadecimal */
	struct step {
		uint32_t index; /* of the key in the one before; 0 of a root */
		const char *key;
	} steps[7];
} vectors[] = {
    {"000102030405060708090a0b0c0d0e0f",
	{{0, "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29E"
	     "SFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8"},
	    {HARDENED(0),
		"xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6L"
		"HhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw"},
	    {1, "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKk"
		"NAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ"},
	    {HARDENED(2),
		"xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJ"
		"PMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5"},
	    {2, "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAy"
		"iLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV"},
	    {1000000000,
		"xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEc"
		"YFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy"},
	    {NO_MORE, NULL}}},
    {"fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2"
     "9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
	{{0, "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED"
	     "9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"},
	    {0, "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXU"
		"bC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH"},
	    {HARDENED(2147483647),
		"xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85"
		"ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a"},
	    {1, "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVv"
		"mdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon"},
	    {HARDENED(2147483646),
		"xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZ"
		"RkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"},
	    {2, "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbd"
		"pq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt"},
	    {NO_MORE, NULL}}},
    /* The third and the fourth keep the zeros that private keys begin with. */
    {"4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4ac"
     "ba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be",
	{{0, "xpub661MyMwAqRbcEZVB4dScxMAdx6d4nFc9nvyvH3v4gJL378CSRZiYmhRoP7mB"
	     "y6gSPSCYk6SzXPTf3ND1cZAceL7SfJ1Z3GC8vBgp2epUt13"},
	    {HARDENED(0),
		"xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWg"
		"qbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y"},
	    {NO_MORE, NULL}}},
    {"3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678",
	{{0, "xpub661MyMwAqRbcGczjuMoRm6dXaLDEhW1u34gKenbeYqAix21mdUKJyuyu5F1r"
	     "zYGVxyL6tmgBUAEPrEz92mBXjByMRiJdba9wpnN37RLLAXa"},
	    {HARDENED(0),
		"xpub69AUMk3qDBi3uW1sXgjCmVjJ2G6WQoYSnNHyzkmdCHEhSZ4tBok37xfFE"
		"qHd2AddP56Tqp4o56AePAgCjYdvpW2PU2jbUPFKsav5ut6Ch1m"},
	    {HARDENED(1),
		"xpub6BJA1jSqiukeaesWfxe6sNK9CCGaujFFSJLomWHprUL9DePQ4JDkM5d88"
		"n49sMGJxrhpjazuXYWdMf17C9T5XnxkopaeS7jGk1GyyVziaMt"},
	    {NO_MORE, NULL}}},
};
enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

/*
 * The private side of BIP-32, which the program does not have: what its keys
 * are compared with.
 */
struct wallet {
	uint8_t secret[32];
	uint8_t chain_code[HD_KEY_CHAIN_CODE_BYTES];
};

static secp256k1_context *context;

/* As the library's, or with this tweak instead of the one that is given. */
static const uint8_t *tweak_instead;

int
secp256k1_ec_pubkey_tweak_add(const secp256k1_context *given,
    secp256k1_pubkey *pubkey, const unsigned char *tweak)
{
	int (*library)(const secp256k1_context *, secp256k1_pubkey *,
	    const unsigned char *) =
	    (int (*)(const secp256k1_context *, secp256k1_pubkey *,
		const unsigned char *))dlsym(RTLD_NEXT, __func__);

	return library(
	    given, pubkey, tweak_instead != NULL ? tweak_instead : tweak);
}

static int
start(void **state)
{
	(void)state;
	digest_start();
	context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	return context == NULL;
}

static int
end(void **state)
{
	(void)state;
	secp256k1_context_destroy(context);
	return 0;
}

static struct text
text_over(const uint8_t *bytes, size_t length)
{
	return (struct text){(const char *)bytes, length};
}

static struct wallet
wallet_of(struct text seed)
{
	struct hmac_sha512 hmac = hmac_sha512(TEXT("Bitcoin seed"), seed);
	struct wallet wallet;

	memcpy(wallet.secret, hmac.bytes, 32);
	memcpy(wallet.chain_code, hmac.bytes + 32, HD_KEY_CHAIN_CODE_BYTES);
	return wallet;
}

static secp256k1_pubkey
wallet_point(const struct wallet *wallet)
{
	secp256k1_pubkey point;

	assert_int_equal(
	    secp256k1_ec_pubkey_create(context, &point, wallet->secret), 1);
	return point;
}

static struct hd_key
wallet_key(const struct wallet *wallet)
{
	secp256k1_pubkey point = wallet_point(wallet);
	uint8_t bytes[1 + HD_KEY_POINT_BYTES];
	size_t length = sizeof(bytes);
	struct hd_key key;

	secp256k1_ec_pubkey_serialize(
	    context, bytes, &length, &point, SECP256K1_EC_UNCOMPRESSED);
	memcpy(key.point, bytes + 1, HD_KEY_POINT_BYTES);
	memcpy(key.chain_code, wallet->chain_code, HD_KEY_CHAIN_CODE_BYTES);
	return key;
}

/* CKDpriv of BIP-32. */
static struct wallet
wallet_child(const struct wallet *parent, uint32_t index)
{
	struct wallet child = *parent;
	uint8_t data[33 + 4] = {0}, number[8];
	size_t length = 33;

	if (index >= HARDENED(0)) {
		memcpy(data + 1, parent->secret, 32);
	} else {
		secp256k1_pubkey point = wallet_point(parent);
		secp256k1_ec_pubkey_serialize(
		    context, data, &length, &point, SECP256K1_EC_COMPRESSED);
	}
	bytes_put_be64(number, index);
	memcpy(data + 33, number + 4, 4);
	struct hmac_sha512 hmac =
	    hmac_sha512(text_over(parent->chain_code, HD_KEY_CHAIN_CODE_BYTES),
		text_over(data, sizeof(data)));
	assert_int_equal(
	    secp256k1_ec_seckey_tweak_add(context, child.secret, hmac.bytes),
	    1);
	memcpy(child.chain_code, hmac.bytes + 32, HD_KEY_CHAIN_CODE_BYTES);
	return child;
}

static struct wallet
wallet_of_hex(const char *hex)
{
	uint8_t seed[64];
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
		seed[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return wallet_of(text_over(seed, length));
}

static struct hd_key
parsed(const char *text)
{
	struct hd_key key;

	assert_int_equal(hd_key_parse(text_of(text), &key), HD_KEY_PARSE_OK);
	return key;
}

static void
assert_keys_equal(const struct hd_key *a, const struct hd_key *b)
{
	assert_memory_equal(a->point, b->point, HD_KEY_POINT_BYTES);
	assert_memory_equal(
	    a->chain_code, b->chain_code, HD_KEY_CHAIN_CODE_BYTES);
}

static void
published_keys_are_those_of_their_seeds(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct step *step = vectors[i].steps;
		struct wallet wallet = wallet_of_hex(vectors[i].seed);

		for (bool root = true; step->key != NULL; step++) {
			if (!root)
				wallet = wallet_child(&wallet, step->index);
			root = false;
			struct hd_key expected = wallet_key(&wallet);
			struct hd_key key = parsed(step->key);
			assert_keys_equal(&key, &expected);
		}
	}
}

static void
published_children_follow_from_public_keys(void **state)
{
	unsigned derived = 0;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct step *step = vectors[i].steps + 1;

		for (; step->key != NULL; step++) {
			struct hd_key parent = parsed(step[-1].key), child;
			struct hd_key expected = parsed(step->key);

			if (step->index >= HARDENED(0))
				continue;
			assert_int_equal(
			    hd_key_child(&parent, step->index, &child),
			    HD_KEY_CHILD_OK);
			assert_keys_equal(&child, &expected);
			derived++;
		}
	}
	assert_int_equal(derived, 6);
}

static void
children_of_private_and_public_keys_agree(void **state)
{
	struct wallet wallet = wallet_of_hex(vectors[0].seed);
	struct hd_key parent = wallet_key(&wallet);

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		/* From the first up, and from the last down. */
		uint32_t index = i % 2 == 0 ? i : HARDENED(0) - i;
		struct wallet child_wallet = wallet_child(&wallet, index);
		struct hd_key child, expected = wallet_key(&child_wallet);

		assert_int_equal(
		    hd_key_child(&parent, index, &child), HD_KEY_CHILD_OK);
		assert_keys_equal(&child, &expected);
	}
}

static void
a_child_may_take_its_parents_place(void **state)
{
	struct hd_key key = parsed(vectors[1].steps[0].key);
	struct hd_key expected = parsed(vectors[1].steps[1].key);

	(void)state;
	assert_int_equal(hd_key_child(&key, 0, &key), HD_KEY_CHILD_OK);
	assert_keys_equal(&key, &expected);
}

static void
hardened_children_are_refused(void **state)
{
	static const uint32_t refused[] = {
	    HARDENED(0), HARDENED(1), UINT32_MAX};
	struct hd_key parent = parsed(vectors[0].steps[0].key);

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct hd_key child = parent;

		assert_int_equal(hd_key_child(&parent, refused[i], &child),
		    HD_KEY_CHILD_HARDENED);
		assert_int_equal(hd_key_receiving(&parent, refused[i], &child),
		    HD_KEY_CHILD_HARDENED);
		assert_keys_equal(&child, &parent);
	}
}

/* No digest that leads to it can be found, so the library is given it. */
static void
an_index_without_child_says_so(void **state)
{
	/* The order n of the curve (SEC 2), and n - 1. */
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
	    0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c,
	    0xd0, 0x36, 0x41, 0x41};
	uint8_t minus_one[32];
	/* The base point's negative is (n - 1) times it: their sum is none. */
	const struct wallet one = {.secret = {[31] = 1}};
	struct hd_key parent = wallet_key(&one), child = parent;

	(void)state;
	memcpy(minus_one, order, 32);
	minus_one[31]--;
	tweak_instead = order;
	assert_int_equal(
	    hd_key_child(&parent, 0, &child), HD_KEY_CHILD_INVALID);
	tweak_instead = minus_one;
	assert_int_equal(
	    hd_key_child(&parent, 0, &child), HD_KEY_CHILD_INVALID);
	assert_int_equal(
	    hd_key_receiving(&parent, 0, &child), HD_KEY_CHILD_INVALID);
	tweak_instead = NULL;
	assert_keys_equal(&child, &parent);
	assert_int_equal(hd_key_child(&parent, 0, &child), HD_KEY_CHILD_OK);
}

static const struct refusal {
	enum hd_key_parse reason;
	const char *key;
} refusals[] = {
    /* BIP-32's test vector 5, in its order and words; then ours. */
    /* pubkey version / prvkey mismatch */
    {HD_KEY_PARSE_PRIVATE,
	"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3"
	"zgtU6LBpB85b3D2yc8sfvZU521AAwdZafEz7mnzBBsz4wKY5fTtTQBm"},
    /* prvkey version / pubkey mismatch */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63o"
	"StZzFGTQQD3dC4H2D5GBj7vWvSQaaBv5cxi9gafk7NF3pnBju6dwKvH"},
    /* invalid pubkey prefix 04 */
    {HD_KEY_PARSE_INVALID,
	"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3"
	"zgtU6Txnt3siSujt9RCVYsx4qHZGc62TG4McvMGcAUjeuwZdduYEvFn"},
    /* invalid prvkey prefix 04 */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63o"
	"StZzFGpWnsj83BHtEy5Zt8CcDr1UiRXuWCmTQLxEK9vbz5gPstX92JQ"},
    /* invalid pubkey prefix 01 */
    {HD_KEY_PARSE_INVALID,
	"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3"
	"zgtU6N8ZMMXctdiCjxTNq964yKkwrkBJJwpzZS4HS2fxvyYUA4q2Xe4"},
    /* invalid prvkey prefix 01 */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63o"
	"StZzFAzHGBP2UuGCqWLTAPLcMtD9y5gkZ6Eq3Rjuahrv17fEQ3Qen6J"},
    /* zero depth with non-zero parent */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s2SPatNQ9Vc6GTbVMFPFo7jsaZySyzk7L8n2uqKXJen3KUmvQNT"
	"uLh3fhZMBoG3G4ZW1N2kZuHEPY53qmbZzCHshoQnNf4GvELZfqTUrcv"},
    /* zero depth with non-zero parent */
    {HD_KEY_PARSE_INVALID,
	"xpub661no6RGEX3uJkY4bNnPcw4URcQTrSibUZ4NqJEw5eBkv7ovTwgi"
	"T91XX27VbEXGENhYRCf7hyEbWrR3FewATdCEebj6znwMfQkhRYHRLpJ"},
    /* zero depth with non-zero index */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH4r4TsiLvyLXqM9P7k1K3EYhA1kkD6xuquB5i39AU8KF4"
	"2acDyL3qsDbU9NmZn6MsGSUYZEsuoePmjzsB3eFKSUEh3Gu1N3cqVUN"},
    /* zero depth with non-zero index */
    {HD_KEY_PARSE_INVALID,
	"xpub661MyMwAuDcm6CRQ5N4qiHKrJ39Xe1R1NyfouMKTTWcguwVcfrZJ"
	"aNvhpebzGerh7gucBvzEQWRugZDuDXjNDRmXzSZe4c7mnTK97pTvGS8"},
    /* unknown version of a private key */
    {HD_KEY_PARSE_PRIVATE,
	"DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8X"
	"nmdfHGMQzT7ayAmfo4z3gY5KfbrZWZ6St24UVf2Qgo6oujFktLHdHY4"},
    /* unknown version of a public key */
    {HD_KEY_PARSE_VERSION,
	"DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8X"
	"nmdfHPmHJiEDXkTiJTVV9rHEBUem2mwVbbNfvT2MTcAqj3nesx8uBf9"},
    /* private key 0 not in 1..n-1 */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63o"
	"StZzF93Y5wvzdUayhgkkFoicQZcP3y52uPPxFnfoLZB21Teqt1VvEHx"},
    /* private key n not in 1..n-1 */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63o"
	"StZzFAzHGBP2UuGCqWLTAPLcMtD5SDKr24z3aiUvKr9bJpdrcLg1y3G"},
    /* invalid pubkey 02 00..07 */
    {HD_KEY_PARSE_INVALID,
	"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3"
	"zgtU6Q5JXayek4PRsn35jii4veMimro1xefsM58PgBMrvdYre8QyULY"},
    /* invalid checksum */
    {HD_KEY_PARSE_CHECKSUM,
	"xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPP"
	"qjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHL"},
    /* the private key of vector 1 */
    {HD_KEY_PARSE_PRIVATE,
	"xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPP"
	"qjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
    /* vector 1 as tpub */
    {HD_KEY_PARSE_VERSION,
	"tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYj"
	"XyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp"},
    /* vector 1 as tprv */
    {HD_KEY_PARSE_PRIVATE,
	"tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9"
	"MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m"},
    /* vector 1 as ypub (SLIP-132) */
    {HD_KEY_PARSE_VERSION,
	"ypub6QqdH2c5z7967BioGSfAWFHM1EHzHPBZK7wrND3ZpEWFtzmCqvsD"
	"1bgpaE6pSAPkiSKhkuWPCJV6mZTSNMd2tK8xYTcJ48585pZecmSUzWp"},
    /* vector 1 as yprv (SLIP-132) */
    {HD_KEY_PARSE_PRIVATE,
	"yprvABrGsX5C9jantheLAR8A97LcTCTVsvThwu2FZpdxFtyH2CS4JPYx"
	"ToNLixTWvGygnuRmFxVEZ18ny3GJ57nPGH8skkt4tbZXKhxuaUFh6jt"},
    /* x is no element of the field */
    {HD_KEY_PARSE_INVALID,
	"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhe"
	"PY2gZ3ebKfPdbZkmiTVtez9xwbnDhnnrSLfNt3MEErPmXD35tNJcfe4"},
    /* a byte too short */
    {HD_KEY_PARSE_MALFORMED,
	"Deb7pNXSbX7qSvc2eMjkNYTrggh4pBgYa2QMFjEjj6hUy1i6QK7Zm1qd"
	"ZkHEwqHpT7WeE6V55dTU8PuuzPAiP8JDwAcsuN3v858r83c7mPeYLX"},
    /* a byte too long */
    {HD_KEY_PARSE_MALFORMED,
	"5FQT7TT6bZmQ6QjZkciSR3iW58jYrY1rhLE3ozYsiUF7K4LwZQpHenGJ"
	"Q2TxRaL3LJU44DYwWYtx9hCtKjJviZDe3oQfLFfWMm75bUsH21DUWZFJ"
	"B"},
    /* the end missing */
    {HD_KEY_PARSE_MALFORMED,
	"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhe"
	"PY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet"},
    /* space in front */
    {HD_KEY_PARSE_MALFORMED,
	" xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGh"
	"ePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8"},
    /* a new line behind */
    {HD_KEY_PARSE_MALFORMED,
	"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhe"
	"PY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8\n"},
    /* no more than the prefix */
    {HD_KEY_PARSE_MALFORMED, "xpub"},
    /* nothing */
    {HD_KEY_PARSE_MALFORMED, ""},
    /* an address */
    {HD_KEY_PARSE_MALFORMED, "0x52908400098527886E0F7030069857D2E4169EE7"},
};

static void
every_key_is_refused_for_its_reason(void **state)
{
	const struct hd_key before = parsed(vectors[0].steps[0].key);

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct hd_key key = before;

		assert_int_equal(hd_key_parse(text_of(refusals[i].key), &key),
		    refusals[i].reason);
		assert_keys_equal(&key, &before);
	}
}

/*
 * The accounts that the development chains of Hardhat, Foundry and Ganache
 * start with: BIP-39's seed of these words, BIP-44's path m/44'/60'/0'/0/i.
 */
static void
the_accounts_of_the_test_mnemonic_are_received_at(void **state)
{
	static const char mnemonic[] = "test test test test test test test "
				       "test test test test junk";
	static const char salt[] = "mnemonic";
	static const char *const addresses[] = {
	    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
	    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
	    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
	    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
	    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
	    "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
	    "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
	    "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
	    "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
	    "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
	};
	uint8_t seed[64];

	(void)state;
	assert_int_equal(PKCS5_PBKDF2_HMAC(mnemonic, sizeof(mnemonic) - 1,
			     (const uint8_t *)salt, sizeof(salt) - 1, 2048,
			     EVP_sha512(), sizeof(seed), seed),
	    1);
	struct wallet wallet = wallet_of(text_over(seed, sizeof(seed)));
	wallet = wallet_child(&wallet, HARDENED(44));
	wallet = wallet_child(&wallet, HARDENED(60));
	wallet = wallet_child(&wallet, HARDENED(0));
	struct hd_key account = wallet_key(&wallet);
	for (uint32_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]);
	     i++) {
		struct hd_key key;
		char text[ETH_ADDRESS_TEXT_BYTES];

		assert_int_equal(
		    hd_key_receiving(&account, i, &key), HD_KEY_CHILD_OK);
		eth_address_format(eth_address_of(key.point), text);
		assert_string_equal(text, addresses[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_keys_are_those_of_their_seeds),
	    cmocka_unit_test(published_children_follow_from_public_keys),
	    cmocka_unit_test(children_of_private_and_public_keys_agree),
	    cmocka_unit_test(a_child_may_take_its_parents_place),
	    cmocka_unit_test(hardened_children_are_refused),
	    cmocka_unit_test(an_index_without_child_says_so),
	    cmocka_unit_test(every_key_is_refused_for_its_reason),
	    cmocka_unit_test(the_accounts_of_the_test_mnemonic_are_received_at),
	};

	return cmocka_run_group_tests(tests, start, end);
}
