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
#include <stdint.h>

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
	 * Make the file, mode 0600, and tables that are missing (which read as
	 * empty without this: store_count() tells).  One process
	 * alone, before others open it: while it does, they may refuse the
	 * file as empty.
	 */
	bool create;
	/*
	 * The caller holds lmdb_lock() of the file, or nobody else knows of
	 * it: no lock file is made or looked at.
	 */
	bool alone;
	/*
	 * For reading alone: nothing in this process can change the file, not
	 * even through its descriptors or its map, and a write transaction is
	 * unavailable.  Full: there is no reader's slot, without which such a
	 * store cannot be opened.
	 */
	bool read_only;
};

/*
 * Opens the store.  On ok *store is owned by the caller.  missing: no such
 * file and not `create`.  unavailable, full, damaged: as store.h says, and
 * `*reason` is a static sentence for the operator.
 */
enum store_result lmdb_open(const struct lmdb_options *options,
    struct store **store, const char **reason)
    __attribute__((warn_unused_result));

/*
 * Copies what the store holds at one moment to a file or pipe, beside writers;
 * `compact` without its free pages, in order, at the cost of more work.  For
 * as long as it takes the pages that commits free cannot be used again, so the
 * store grows by what is written meanwhile.  Takes a reader's slot.  No
 * transaction may be open in this process.
 *
 * ok, and nothing is flushed; full, unavailable, damaged: a part may have
 * been written, and `*reason` is a static sentence.
 */
enum store_result lmdb_copy(struct store *store, int descriptor, bool compact,
    const char **reason) __attribute__((warn_unused_result));

/*
 * Looks at every page of the store as it is at one moment, without LMDB's
 * help, which a damaged page could kill: all are in their place, whole, used
 * for one thing or free, and keys are in order.  What the rows say is another
 * matter.  Beside writers; takes a reader's slot.  No transaction may be open
 * in this process.
 *
 * ok; damaged: `*reason` names the page, in a sentence that lives until the
 * next such call; unavailable: it could not be read, or the heap is full.
 */
enum store_result lmdb_check(struct store *store, const char **reason)
    __attribute__((warn_unused_result));

/*
 * What of the store is free pages, which will be written to before it grows.
 * Reads the list of them, which is long after large deletions.
 */
enum store_result lmdb_free_bytes(struct transaction *transaction,
    uint64_t *bytes) __attribute__((warn_unused_result));

/*
 * Keeps every other process from opening the store of this path: one that
 * tries waits until the lock goes, with close(*lock) or this process, and is
 * then told unavailable, since what it knows may be another store's.  The store
 * may be missing, and be replaced meanwhile.  ok; conflict: process *holder has
 * it open; missing: no such directory; unavailable: errno says why.
 */
enum store_result lmdb_lock(const char *path, int *lock, int *holder)
    __attribute__((warn_unused_result));

/* Frees the reader slots of dead processes; returns how many. */
int lmdb_clear_dead_readers(struct store *store);

#endif
