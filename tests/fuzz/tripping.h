/*
 * A store that fails once, at a call that is named by its number: as
 * store/faulty.h, but told anew at each command.
 */
#ifndef FUZZ_TRIPPING_H
#define FUZZ_TRIPPING_H

#include "store/store.h"

/* The store itself, of which there is one in a process; it trips nowhere. */
struct store *tripping_open(struct store *store);

/*
 * The `call`-th call from now on, from 1, of get, put, delete, scan and of
 * the commit of a write transaction, ends with `result`, and not before
 * tripping_end(), which tells whether it came to that.
 */
void tripping_set(unsigned call, enum store_result result);
bool tripping_end(void);

#endif
