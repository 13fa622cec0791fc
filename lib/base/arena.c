#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

/* Where the next piece begins; beyond the end when nothing is left. */
static size_t
next_piece(const struct arena *arena)
{
	size_t alignment = alignof(max_align_t);

	assert(arena->used <= arena->size);
	return (arena->used + alignment - 1) / alignment * alignment;
}

void
arena_init(struct arena *arena, void *memory, size_t size)
{
	assert(memory != NULL);
	assert((uintptr_t)memory % alignof(max_align_t) == 0);
	*arena = (struct arena){.memory = memory, .size = size};
}

void
arena_reset(struct arena *arena)
{
	arena->used = 0;
}

void *
arena_take(struct arena *arena, size_t size)
{
	size_t begin = next_piece(arena);

	if (begin > arena->size || size > arena->size - begin)
		return NULL;
	arena->used = begin + size;
	return arena->memory + begin;
}

size_t
arena_left(const struct arena *arena)
{
	size_t begin = next_piece(arena);

	return begin < arena->size ? arena->size - begin : 0;
}

struct text
arena_copy(struct arena *arena, struct text text)
{
	assert(text.length < SIZE_MAX);
	char *copy = arena_take(arena, text.length + 1);

	if (copy == NULL)
		return TEXT_NONE;
	if (text.length > 0)
		memcpy(copy, text.bytes, text.length);
	copy[text.length] = '\0';
	return (struct text){copy, text.length};
}

void
arena_keep(struct arena *arena, const void *piece, size_t kept)
{
	size_t start = (size_t)((const uint8_t *)piece - arena->memory);

	assert(start <= arena->used);
	assert(kept <= arena->used - start);
	arena->used = start + kept;
}
