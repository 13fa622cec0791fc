#include "base/keccak.h"

#include <assert.h>
#include <nettle/sha3.h>
#include <string.h>

#include "base/bytes.h"

enum {
	LANE_BYTES = 8,
	/* The state's 200 bytes less a capacity of two digests. */
	RATE_BYTES = LANE_BYTES * SHA3_STATE_LENGTH - 2 * KECCAK_BYTES,
	/* pad10*1: a bit behind the text, a bit at the end of the block. */
	PADDING_FIRST = 0x01,
	PADDING_LAST = 0x80,
};

_Static_assert(RATE_BYTES == 136, "the rate of Keccak-256");
_Static_assert(RATE_BYTES % LANE_BYTES == 0, "a block is whole lanes");

static void
absorb(struct sha3_state *state, const uint8_t block[RATE_BYTES])
{
	for (size_t i = 0; i < RATE_BYTES / LANE_BYTES; i++)
		state->a[i] ^= bytes_get_le64(block + LANE_BYTES * i);
	sha3_permute(state);
}

/* The digest is shorter than a block: one squeeze is all. */
static struct keccak
squeeze(const struct sha3_state *state)
{
	struct keccak keccak;

	for (size_t i = 0; i < KECCAK_BYTES / LANE_BYTES; i++)
		bytes_put_le64(keccak.bytes + LANE_BYTES * i, state->a[i]);
	return keccak;
}

struct keccak
keccak_text(struct text text)
{
	struct sha3_state state = {{0}};
	uint8_t last[RATE_BYTES] = {0};

	while (text.length >= RATE_BYTES) {
		absorb(&state, (const uint8_t *)text.bytes);
		text = text_after(text, RATE_BYTES);
	}
	assert(text.length < RATE_BYTES);
	if (text.length > 0)
		memcpy(last, text.bytes, text.length);
	/* Of a text one byte short of a block both fall into one byte. */
	last[text.length] |= PADDING_FIRST;
	last[RATE_BYTES - 1] |= PADDING_LAST;
	absorb(&state, last);
	return squeeze(&state);
}
