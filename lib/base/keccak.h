/*
 * Keccak-256 as Ethereum has it: the Keccak team's submission of 2011 with a
 * rate of 136 bytes, whose padding begins with 0x01.  It is not SHA3-256 of
 * FIPS 202, which begins it with 0x06 and gives other digests.
 *
 * The permutation is nettle's.  Nothing here allocates or keeps a state.
 */
#ifndef BASE_KECCAK_H
#define BASE_KECCAK_H

#include <stdint.h>

#include "base/text.h"

enum { KECCAK_BYTES = 32 };

struct keccak {
	uint8_t bytes[KECCAK_BYTES];
};

struct keccak keccak_text(struct text text);

#endif
