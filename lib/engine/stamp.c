#include "engine/stamp.h"

#include "base/bytes.h"

enum { CHANCE_BITS = 60 };

/* The part of an id that nobody can guess. */
static uint64_t
chance_of(struct id id)
{
	return bytes_get_be64(id.bytes + ID_BYTES - 8) << (64 - CHANCE_BITS) >>
	       (64 - CHANCE_BITS);
}

struct stamp
stamp_after(struct id latest, struct instant now, struct id own)
{
	const struct span overlap = span_from_seconds(STAMP_OVERLAP_SECONDS);
	struct stamp stamp = {
	    .now = now,
	    .id = id_make(now, own.bytes + ID_BYTES - ID_RANDOM_BYTES),
	};
	struct instant tick;

	if (id_compare(stamp.id, id_next(latest, STAMP_ROOM)) >= 0 ||
	    instant_minus(id_instant(latest), now).us > overlap.us)
		return stamp;
	stamp.id = id_next(latest, STAMP_ROOM + chance_of(own));
	/* Where the latest one was ahead, or its random part at its end. */
	tick = id_instant(stamp.id);
	if (instant_before(now, tick))
		stamp.now = tick;
	return stamp;
}
