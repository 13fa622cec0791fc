#include "api/rate.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/limits.h"

enum {
	WINDOW_SECONDS = 60,
	/* A caller stands at most this far behind where its hash points. */
	PROBES_MAX = 16,
	WINDOW_BITS = 16,
};

/* The upper 16 bits of a hash are the place of its slot. */
_Static_assert(RATE_SLOTS == 1 << WINDOW_BITS, "a slot for each 16 bits");

/*
 * `owner` is 48 bits of the caller's hash over the lower 16 of the window,
 * so that one CAS takes a slot over from an earlier window and nobody can
 * come between.  0 is a slot that was never used: no hash has 48 zeros.
 * `count` is the whole window over 32 bits of requests: the first request
 * of a new window starts it again.
 */
struct slot {
	_Atomic uint64_t owner;
	_Atomic uint64_t count;
};

struct rate_table {
	struct slot slots[RATE_SLOTS];
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a dead worker must hold nothing");

size_t
rate_table_bytes(void)
{
	return sizeof(struct rate_table);
}

/*
 * Not a quicker hash: nobody may be able to choose an address that counts
 * against somebody else.
 */
static uint64_t
hash_of(struct text caller)
{
	struct digest digest = digest_text(caller);

	return bytes_get_le64(digest.bytes);
}

static uint64_t
owner_of(uint64_t hash, uint32_t window)
{
	return (hash | 1) << WINDOW_BITS | (uint16_t)window;
}

/*
 * A slot of the next window is in use, too: other workers' clocks are read
 * a little earlier or later.
 */
static bool
is_in_use(uint64_t owner, uint32_t window)
{
	uint16_t ahead = (uint16_t)((uint16_t)owner - (uint16_t)window);

	return owner != 0 && ahead <= 1;
}

/* True if the slot is this owner's, or has become so. */
static bool
slot_claim(struct slot *slot, uint64_t owner, uint32_t window)
{
	uint64_t found = atomic_load(&slot->owner);

	while (found != owner && !is_in_use(found, window)) {
		if (atomic_compare_exchange_weak(&slot->owner, &found, owner))
			return true;
	}
	return found == owner;
}

/* NULL where all places of this hash are other callers'. */
static struct slot *
slot_find(struct rate_table *table, uint64_t hash, uint32_t window)
{
	uint64_t owner = owner_of(hash, window);
	uint64_t place = hash >> (64 - WINDOW_BITS);

	for (unsigned i = 0; i < PROBES_MAX; i++) {
		struct slot *slot = &table->slots[(place + i) % RATE_SLOTS];
		if (slot_claim(slot, owner, window))
			return slot;
	}
	return NULL;
}

/* Counts one more request and returns how many that makes in this window. */
static uint32_t
slot_count(struct slot *slot, uint32_t window)
{
	uint64_t before = atomic_load(&slot->count);
	uint64_t after;

	do {
		if (before >> 32 != window)
			after = (uint64_t)window << 32 | 1;
		else if ((uint32_t)before == UINT32_MAX)
			return UINT32_MAX;
		else
			after = before + 1;
	} while (!atomic_compare_exchange_weak(&slot->count, &before, after));
	return (uint32_t)after;
}

struct rate_count
rate_take(struct rate_table *table, struct text caller, uint32_t limit,
    struct instant now)
{
	int64_t window = instant_seconds(now) / WINDOW_SECONDS;
	uint32_t taken = 1;
	struct slot *slot;

	assert(limit >= 1);
	assert(window >= 0 && window <= UINT32_MAX);
	slot = slot_find(table, hash_of(caller), (uint32_t)window);
	if (slot != NULL)
		taken = slot_count(slot, (uint32_t)window);
	return (struct rate_count){
	    .limit = limit,
	    .remaining = taken < limit ? limit - taken : 0,
	    .reset = (window + 1) * WINDOW_SECONDS,
	    .refused = taken > limit,
	};
}
