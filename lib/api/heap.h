/*
 * The heap, as far as this program's own code is concerned: the linker leads
 * its calls of malloc and the like through json.c, which can close it.
 */
#ifndef API_HEAP_H
#define API_HEAP_H

/*
 * From now on this process takes no memory but a request's arena: whatever
 * of our own code asks the heap for more asserts.  (Shared libraries below
 * us keep buffers of their own.)  Freeing stays allowed.
 */
void heap_close(void);

#endif
