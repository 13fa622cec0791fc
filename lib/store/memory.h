/*
 * The memory backend: nothing survives it, and nothing bounds it, so that it
 * never says full but to store_grow().  The oracle of the conformance
 * suite, and the store of unit and property tests.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/store.h"

/* An empty store, owned by the caller. */
struct store *memory_open(void);

#endif
