/*
 * The LMDB backend: the default store, one file (and its lock file).
 *
 * Durability is LMDB's default: a commit that returned ok is on disk.  Open
 * it after fork, in each process, and once a process (LMDB's documentation,
 * "Caveats"); lmdb_open asserts the latter.
 *
 * The file is as long as the map, but sparse: `du` says what it takes.  It
 * begins with map_bytes, store_grow() doubles it up to map_bytes_max, and
 * nothing ever shortens it; so its length is how processes that have it open
 * tell each other how large it may be mapped, and each follows at its next
 * begin that needs to.
 *
 * After a commit that is unknown, and when the map could not be moved, every
 * begin answers unavailable until the store is closed and opened.  A write
 * transaction that finds the map grown by another process while a read
 * transaction is open here is unavailable: end that one first.
 */
#ifndef STORE_LMDB_H
#define STORE_LMDB_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

struct lmdb_options {
	const char *path; /* of the file; borrowed for the call */
	/*
	 * What a file begins with, up to the bound.  One that is longer keeps
	 * its length, likewise; 0 leaves the length of one that is there as it
	 * is.
	 */
	size_t map_bytes;
	size_t map_bytes_max; /* bound of what this process grows it to */
	unsigned readers;     /* bound of processes that read; LMDB only adds */
	/*
	 * Make the file, mode 0600, and tables that are missing.  One process
	 * alone, before others open it: while it does, they may refuse the
	 * file as empty.
	 */
	bool create;
};

/*
 * Opens the store.  On ok *store is owned by the caller.  missing: no such
 * file and not `create`.  unavailable, full, damaged: as store.h says, and
 * `*reason` is a static sentence for the operator.
 */
enum store_result lmdb_open(const struct lmdb_options *options,
    struct store **store, const char **reason)
    __attribute__((warn_unused_result));

/* Frees the reader slots of dead processes; returns how many. */
int lmdb_clear_dead_readers(struct store *store);

#endif
