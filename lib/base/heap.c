#include "base/heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static struct heap *entered;

/* After start there is the arena and nothing else: see heap.h. */
static bool closed;

/* In front of every block, for realloc; as wide as the alignment it keeps. */
struct block {
	_Alignas(max_align_t) size_t size;
};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
char *__real_strdup(const char *string);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
char *__wrap_strdup(const char *string);

void
heap_enter(struct heap *heap)
{
	assert(entered == NULL);
	assert(heap->arena != NULL);
	entered = heap;
}

void
heap_leave(void)
{
	assert(entered != NULL);
	entered = NULL;
}

void
heap_close(void)
{
	assert(!closed);
	closed = true;
}

static void *
block_take(struct heap *heap, size_t size)
{
	struct block *block = NULL;

	if (size <= arena_left(heap->arena))
		block = arena_take(heap->arena, sizeof(*block) + size);
	if (block == NULL)
		longjmp(heap->full, 1);
	block->size = size;
	return block + 1;
}

void *
__wrap_malloc(size_t size)
{
	assert(entered != NULL || !closed);
	return entered != NULL ? block_take(entered, size)
			       : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	size_t product;

	assert(entered != NULL || !closed);
	if (entered == NULL)
		return __real_calloc(count, size);
	if (__builtin_mul_overflow(count, size, &product))
		product = SIZE_MAX; /* more than any arena has */
	return memset(block_take(entered, product), 0, product);
}

void *
__wrap_realloc(void *memory, size_t size)
{
	size_t old_size;
	void *grown;

	assert(entered != NULL || !closed);
	if (entered == NULL)
		return __real_realloc(memory, size);
	grown = block_take(entered, size);
	if (memory != NULL) {
		old_size = ((struct block *)memory - 1)->size;
		memcpy(grown, memory, old_size < size ? old_size : size);
	}
	return grown;
}

void
__wrap_free(void *memory)
{
	if (entered == NULL)
		__real_free(memory);
}

char *
__wrap_strdup(const char *string)
{
	size_t size;

	assert(entered != NULL || !closed);
	if (entered == NULL)
		return __real_strdup(string);
	size = strlen(string) + 1;
	return memcpy(block_take(entered, size), string, size);
}
