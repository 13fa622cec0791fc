/*
 * Memory of one request: taken piece by piece, given back all at once.
 *
 * The arena stands on one mapping of a fixed size, made at start; nothing is
 * taken from the system afterwards.  Pages that are not used cost nothing.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct arena {
	uint8_t *memory; /* borrowed from whoever called arena_init() */
	size_t size;	 /* bytes */
	size_t used;	 /* bytes, from the front */
};

/*
 * Takes over `memory` of `size` bytes, aligned for any type; the caller made
 * it and frees it.
 */
void arena_init(struct arena *arena, void *memory, size_t size);
/* Forgets everything that was taken: all pointers into it are dead. */
void arena_reset(struct arena *arena);

/*
 * `size` bytes, aligned for any type, not zeroed, alive until the reset.
 * NULL when the arena is full: the caller turns that into a refusal.
 */
void *arena_take(struct arena *arena, size_t size)
    __attribute__((warn_unused_result));

/* The largest `size` that arena_take() can still give. */
size_t arena_left(const struct arena *arena);

/*
 * Gives back the end of the piece that was taken last: its first `kept`
 * bytes stay.  For writers that take all that is left and use some of it.
 */
void arena_keep(struct arena *arena, const void *piece, size_t kept);

/*
 * A copy in the arena, followed by a NUL; TEXT_NONE when the arena is full.
 * An absent text is copied as the empty one.
 */
struct text arena_copy(struct arena *arena, struct text text);

#endif
