/*
 * Digests: SHA-256, HMAC with SHA-256 and SHA-512 (OpenSSL's EVP interface)
 * and CRC-32 (zlib).
 *
 * digest_start() fetches the algorithms and makes the contexts of the
 * process, one each; afterwards no call here allocates.  (OpenSSL 3.0 itself
 * takes some hundred bytes at the beginning of a digest and gives them back
 * at the next.)  Single-threaded.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
	DIGEST_BYTES = 32,
	HMAC_SHA512_BYTES = 64,
};

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

struct hmac_sha512 {
	uint8_t bytes[HMAC_SHA512_BYTES];
};

/* Once per process, before any other call; ends the program on failure. */
void digest_start(void);

/* SHA-256 of the parts one after the other (FIPS 180-4). */
struct digest digest_parts(const struct text *parts, size_t count);
struct digest digest_text(struct text text);

/*
 * One digest at a time, fed in pieces.  A second digest_begin() before
 * digest_end() is a bug and asserts.
 */
void digest_begin(void);
void digest_add(const void *bytes, size_t length);
struct digest digest_end(void);

/*
 * HMAC with SHA-256 (RFC 2104) of the parts, one after the other, under a key
 * of any length.
 */
struct digest hmac_sha256(
    struct text key, const struct text *parts, size_t count);

/* HMAC with SHA-512 (RFC 2104) of `data` under a key of any length. */
struct hmac_sha512 hmac_sha512(struct text key, struct text data);

/* CRC-32 of ISO 3309, as zlib's crc32(). */
uint32_t checksum(const void *bytes, size_t length);

bool digest_equal(const struct digest *a, const struct digest *b);

#endif
