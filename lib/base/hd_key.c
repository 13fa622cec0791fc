#include "base/hd_key.h"

#include <assert.h>
#include <secp256k1.h>
#include <string.h>

#include "base/base58.h"
#include "base/digest.h"

enum {
	UNCOMPRESSED_BYTES = 1 + HD_KEY_POINT_BYTES,
	COMPRESSED_BYTES = 33,
	INDEX_BYTES = 4,
	TWEAK_BYTES = 32,
	/* BIP-44's constant for the chain of addresses to receive at. */
	EXTERNAL_CHAIN = 0,
};

/* BIP-32, "Serialization format".  Bytes alone, so nothing pads them. */
struct serialized {
	uint8_t version[4];
	uint8_t depth;
	uint8_t parent[4]; /* its fingerprint */
	uint8_t number[4];
	uint8_t chain_code[HD_KEY_CHAIN_CODE_BYTES];
	uint8_t key[COMPRESSED_BYTES];
};

_Static_assert(sizeof(struct serialized) == 78, "BIP-32: 78 bytes");
_Static_assert(sizeof(struct serialized) <= BASE58_PAYLOAD_BYTES_MAX,
    "base58_decode() reads it");
_Static_assert(
    HMAC_SHA512_BYTES == TWEAK_BYTES + HD_KEY_CHAIN_CODE_BYTES, "I is both");

static const uint8_t version_public[4] = {0x04, 0x88, 0xb2, 0x1e};  /* xpub */
static const uint8_t version_private[4] = {0x04, 0x88, 0xad, 0xe4}; /* xprv */
static const uint8_t no_parent[4];
static const uint8_t first_child[4];

/*
 * A private key is written behind a zero byte, whatever the version says: so
 * those of other networks are known for what they are.
 */
static bool
is_private(const struct serialized *serialized)
{
	return memcmp(serialized->version, version_private, 4) == 0 ||
	       serialized->key[0] == 0;
}

/* BIP-32's test vector 5: a root is nobody's child. */
static bool
is_consistent(const struct serialized *serialized)
{
	return serialized->depth > 0 ||
	       (memcmp(serialized->parent, no_parent, 4) == 0 &&
		   memcmp(serialized->number, first_child, 4) == 0);
}

static void
set_point(struct hd_key *key, const secp256k1_pubkey *point)
{
	uint8_t bytes[UNCOMPRESSED_BYTES];
	size_t length = sizeof(bytes);

	int written = secp256k1_ec_pubkey_serialize(secp256k1_context_static,
	    bytes, &length, point, SECP256K1_EC_UNCOMPRESSED);
	assert(written == 1);
	assert(length == sizeof(bytes));
	memcpy(key->point, bytes + 1, HD_KEY_POINT_BYTES);
}

static secp256k1_pubkey
point_of(const struct hd_key *key)
{
	uint8_t bytes[UNCOMPRESSED_BYTES] = {SECP256K1_TAG_PUBKEY_UNCOMPRESSED};
	secp256k1_pubkey point;

	memcpy(bytes + 1, key->point, HD_KEY_POINT_BYTES);
	int read = secp256k1_ec_pubkey_parse(
	    secp256k1_context_static, &point, bytes, sizeof(bytes));
	assert(read == 1);
	return point;
}

enum hd_key_parse
hd_key_parse(struct text text, struct hd_key *key)
{
	struct serialized serialized;
	secp256k1_pubkey point;

	switch (base58_decode(text, &serialized, sizeof(serialized))) {
	case BASE58_DECODE_MALFORMED:
		return HD_KEY_PARSE_MALFORMED;
	case BASE58_DECODE_CHECKSUM:
		return HD_KEY_PARSE_CHECKSUM;
	case BASE58_DECODE_OK:
		break;
	}
	if (is_private(&serialized))
		return HD_KEY_PARSE_PRIVATE;
	if (memcmp(serialized.version, version_public, 4) != 0)
		return HD_KEY_PARSE_VERSION;
	if (!is_consistent(&serialized))
		return HD_KEY_PARSE_INVALID;
	/*
	 * The library wants this before its static context is used.  Every
	 * key begins here, and it costs less than one block of SHA-256.
	 */
	secp256k1_selftest();
	if (!secp256k1_ec_pubkey_parse(secp256k1_context_static, &point,
		serialized.key, sizeof(serialized.key)))
		return HD_KEY_PARSE_INVALID;
	set_point(key, &point);
	memcpy(key->chain_code, serialized.chain_code, HD_KEY_CHAIN_CODE_BYTES);
	return HD_KEY_PARSE_OK;
}

/* I of BIP-32: HMAC of the parent's compressed key and the index. */
static struct hmac_sha512
derive(
    const struct hd_key *parent, const secp256k1_pubkey *point, uint32_t index)
{
	uint8_t data[COMPRESSED_BYTES + INDEX_BYTES];
	size_t length = COMPRESSED_BYTES;

	int written = secp256k1_ec_pubkey_serialize(secp256k1_context_static,
	    data, &length, point, SECP256K1_EC_COMPRESSED);
	assert(written == 1);
	assert(length == COMPRESSED_BYTES);
	for (unsigned i = 0; i < INDEX_BYTES; i++)
		data[length + i] = (uint8_t)(index >> (24 - 8 * i));
	return hmac_sha512((struct text){(const char *)parent->chain_code,
			       HD_KEY_CHAIN_CODE_BYTES},
	    (struct text){(const char *)data, sizeof(data)});
}

enum hd_key_child
hd_key_child(const struct hd_key *parent, uint32_t index, struct hd_key *child)
{
	if (index >= HD_KEY_INDEX_END)
		return HD_KEY_CHILD_HARDENED;
	secp256k1_pubkey point = point_of(parent);
	struct hmac_sha512 derived = derive(parent, &point, index);
	/* Refuses just what BIP-32 does: a tweak >= n, a sum at infinity. */
	if (!secp256k1_ec_pubkey_tweak_add(
		secp256k1_context_static, &point, derived.bytes))
		return HD_KEY_CHILD_INVALID;
	set_point(child, &point);
	memcpy(child->chain_code, derived.bytes + TWEAK_BYTES,
	    HD_KEY_CHAIN_CODE_BYTES);
	return HD_KEY_CHILD_OK;
}

enum hd_key_child
hd_key_receiving(
    const struct hd_key *account, uint32_t index, struct hd_key *child)
{
	struct hd_key chain;
	enum hd_key_child result =
	    hd_key_child(account, EXTERNAL_CHAIN, &chain);

	if (result != HD_KEY_CHILD_OK)
		return result;
	return hd_key_child(&chain, index, child);
}
