/*
 * Rate limits: fixed windows of 60 s, counted in memory that all workers of
 * a host share (contract, README section 4).
 *
 * Lock-free: a worker that dies at any point leaves nothing held.  It never
 * blocks, and a table full of this minute's callers lets further ones pass
 * uncounted.  Within a window counts are exact; where workers disagree on
 * the minute, around its turn, a caller may gain a few requests.
 */
#ifndef API_RATE_H
#define API_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/time.h"

struct rate_table;

/* Bytes of the shared mapping; all zeros is the empty table. */
size_t rate_table_bytes(void);

/* The limits of struct service. */
enum rate_limit {
	RATE_LIMIT_NONE,
	RATE_LIMIT_CARD_MERCHANT,
	RATE_LIMIT_CARD_API_KEYS,
	RATE_LIMIT_STABLE_TEST,
	RATE_LIMIT_STABLE_LIVE,
	RATE_LIMIT_ADDRESS,
	RATE_LIMIT_COUNT
};

struct rate_count {
	uint32_t limit;	    /* requests a window */
	uint32_t remaining; /* after this one */
	int64_t reset;	    /* Unix seconds at which the window ends */
	bool refused;	    /* this one is beyond the limit */
};

/*
 * Counts one request of `caller` (a name that two callers never share) at
 * `now` against `limit` (>= 1).  Needs digest_start().
 */
struct rate_count rate_take(struct rate_table *table, struct text caller,
    uint32_t limit, struct instant now);

#endif
