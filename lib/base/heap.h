/*
 * The heap, as far as this program's own code and the libraries that are
 * linked statically into it are concerned: the linker leads their calls of
 * malloc and the like through heap.c (ld's --wrap; the flags are in the
 * Makefile).  There they can be led into an arena, and the heap be closed.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <setjmp.h>

#include "base/arena.h"

/*
 * An arena in the heap's place, for a library that has no argument for an
 * allocator:
 *
 *	struct heap heap = {.arena = arena};
 *
 *	heap_enter(&heap);
 *	if (setjmp(heap.full) == 0)
 *		library_call();
 *	heap_leave();
 *
 * From heap_enter() to heap_leave() every allocation is a piece of the arena
 * and freeing does nothing: what the library made is gone at the arena's
 * reset.  It must be freed, if at all, inside as well.  Where the arena is
 * full, the calls of the library that are under way end by longjmp(), since
 * few libraries look at every result of malloc(); nothing of theirs has to be
 * released.  One at a time.
 */
struct heap {
	struct arena *arena; /* borrowed */
	jmp_buf full;
};

void heap_enter(struct heap *heap);
/* Also after a longjmp(). */
void heap_leave(void);

/*
 * From now on this process takes no memory but an arena's: whatever of our
 * own code asks the heap for more asserts.  (Shared libraries below us keep
 * buffers of their own.)  Freeing stays allowed.
 */
void heap_close(void);

#endif
