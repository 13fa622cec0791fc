/*
 * Base58Check, the form of Bitcoin's addresses and keys in text: a payload
 * and the first four bytes of its SHA-256 taken twice, written together as
 * one big-endian number in base 58, behind a '1' for each zero byte that the
 * number begins with.  (Bitcoin's src/base58.cpp is the definition; BIP-32
 * refers to it.)
 *
 * Needs digest_start().  Takes no memory.
 */
#ifndef BASE_BASE58_H
#define BASE_BASE58_H

#include <stddef.h>

#include "base/text.h"

/* The longest that is read here: an extended key of BIP-32. */
enum { BASE58_PAYLOAD_BYTES_MAX = 78 };

enum base58_decode {
	BASE58_DECODE_OK,
	BASE58_DECODE_MALFORMED, /* a strange character, or another length */
	BASE58_DECODE_CHECKSUM,	 /* so mistyped */
};

/*
 * Reads a text whose payload has exactly `length` bytes, at most
 * BASE58_PAYLOAD_BYTES_MAX.  The payload is set on BASE58_DECODE_OK alone.
 * One text alone decodes to a payload: no white space, no other spelling.
 */
enum base58_decode base58_decode(struct text text, void *payload, size_t length)
    __attribute__((warn_unused_result));

#endif
