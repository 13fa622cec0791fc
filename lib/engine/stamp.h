/*
 * Ids in the order of commits.
 *
 * A command's id is made where it comes in; of two at one time the later one
 * may be committed first, and whoever has seen that one would never look for
 * the earlier one again.  So a command is stamped where one waits for the
 * other, inside the write transaction: the tick of the clock there, with the
 * command's own random part, and above all ids that were stamped before.
 */
#ifndef ENGINE_STAMP_H
#define ENGINE_STAMP_H

#include "base/id.h"
#include "base/time.h"

enum {
	/* From a stamp to the next one: for the ids of a command's events. */
	STAMP_ROOM = 256,
	/*
	 * A clock that is set back further counts at once: else one that was
	 * wrong once would hold all that is made in its future.
	 */
	STAMP_OVERLAP_SECONDS = 60,
};

struct stamp {
	struct instant now; /* of the id's tick */
	struct id id;
};

/*
 * The stamp of a command whose id was `own`, at `now`, behind the latest one.
 * Where that is of this tick, or of a later one up to STAMP_OVERLAP_SECONDS
 * ahead, the new one is above it by a random number of STAMP_ROOM to 2^60, so
 * that the tick stays: not one a tick, which would run ahead of the clock.
 */
struct stamp stamp_after(struct id latest, struct instant now, struct id own);

#endif
