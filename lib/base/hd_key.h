/*
 * Extended public keys of BIP-32: one key from which the keys of any number
 * of payment addresses follow, and none that could spend.
 *
 * The server never holds a private key: whatever looks like one is refused by
 * a result of its own, so that the operator can be told what was pasted.
 *
 * The curve is libsecp256k1's.  Needs digest_start().  Takes no memory.
 */
#ifndef BASE_HD_KEY_H
#define BASE_HD_KEY_H

#include <stdint.h>

#include "base/text.h"

enum {
	HD_KEY_POINT_BYTES = 64,
	HD_KEY_CHAIN_CODE_BYTES = 32,
	/* BIP-32: from here on children need the private key ("hardened"). */
	HD_KEY_INDEX_END = 0x80000000,
};

/*
 * What children follow from.  A key's depth, parent and number serve to
 * write it down again, which nothing here does.
 */
struct hd_key {
	/* The public key: x and y, big-endian; always on the curve. */
	uint8_t point[HD_KEY_POINT_BYTES];
	uint8_t chain_code[HD_KEY_CHAIN_CODE_BYTES];
};

/* What is wrong in several ways is the first. */
enum hd_key_parse {
	HD_KEY_PARSE_OK,
	HD_KEY_PARSE_MALFORMED, /* no Base58Check of 78 bytes */
	HD_KEY_PARSE_CHECKSUM,	/* mistyped */
	HD_KEY_PARSE_PRIVATE,	/* of whichever version or network */
	HD_KEY_PARSE_VERSION,	/* another network, or none known */
	HD_KEY_PARSE_INVALID,	/* no point of the curve; a root with parents */
};

/*
 * Reads BIP-32's serialization in text, `xpub...`: mainnet's version
 * 0x0488b21e alone, which wallets use for Ethereum as well.  *key is set on
 * HD_KEY_PARSE_OK alone.
 */
enum hd_key_parse hd_key_parse(struct text text, struct hd_key *key)
    __attribute__((warn_unused_result));

enum hd_key_child {
	HD_KEY_CHILD_OK,
	HD_KEY_CHILD_HARDENED, /* index >= HD_KEY_INDEX_END */
	/*
	 * BIP-32: this index has no child, proceed with the next one.  Comes
	 * about by a chance below 2^-127.
	 */
	HD_KEY_CHILD_INVALID,
};

/*
 * CKDpub of BIP-32: the child `index` of `parent`.  *child is set on
 * HD_KEY_CHILD_OK alone, and may be *parent.
 */
enum hd_key_child hd_key_child(const struct hd_key *parent, uint32_t index,
    struct hd_key *child) __attribute__((warn_unused_result));

/*
 * The path 0/index below `account`: the addresses that BIP-44 gives to
 * receive at ("external chain").  Results as of hd_key_child().
 */
enum hd_key_child hd_key_receiving(const struct hd_key *account, uint32_t index,
    struct hd_key *child) __attribute__((warn_unused_result));

#endif
