/*
 * LMDB's environment: the file, its map, its tables, its readers, and what
 * LMDB's codes mean.  Private to the LMDB backend, and the one file of the
 * program that includes LMDB's header.
 *
 * What is said here and in lmdb.c of LMDB's inside was read in mdb.c of
 * version 0.9.24.
 */
#ifndef STORE_LMDB_ENVIRONMENT_H
#define STORE_LMDB_ENVIRONMENT_H

#include <lmdb.h>
#include <stdbool.h>

#include "store/lmdb.h"

struct environment {
	MDB_env *env; /* owned */
	MDB_dbi tables[TABLE_COUNT];
	/* An older version made the file: it has no such table. */
	bool absent[TABLE_COUNT];
	size_t map_bytes_max; /* of the options, in whole pages */
	/* The code that said full since the last write began, or success. */
	int full;
	bool read_only; /* of the options */
	/* The map is gone: nobody may begin a transaction. */
	bool lost;
};

/* What a code of LMDB or of the system means; MDB_SUCCESS is ok. */
enum store_result environment_result(int code);

/*
 * Opens or makes the file as lmdb_open says, which see for the results.  On
 * another result than ok there is nothing to close.
 */
enum store_result environment_open(struct environment *environment,
    const struct lmdb_options *options, const char **reason)
    __attribute__((warn_unused_result));

void environment_close(struct environment *environment);

/*
 * Removes the cause of a begin that failed with `code`, if it can: a map that
 * another process has grown, slots of dead readers.  True if another attempt
 * is worth it.  `idle`: this process has no transaction open, so that the map
 * may move.
 */
bool environment_mend(struct environment *environment, int code, bool idle);

/*
 * As store_grow() says.  Two processes may grow at once: the second one gets
 * the same length, or follows what the first has already written.
 */
enum store_result environment_grow(struct environment *environment)
    __attribute__((warn_unused_result));

/*
 * Whether LMDB refuses to work on until the environment is opened anew.  No
 * write transaction may be open in this process.
 */
bool environment_is_given_up(struct environment *environment);

/*
 * Whether the file can still take what LMDB writes at once: on the disk, and
 * by the process's own bound (RLIMIT_FSIZE).  True where that is not known.
 */
bool environment_has_room(struct environment *environment);

/* As store_stats() says; lmdb_stats.c. */
enum store_result environment_stats(struct environment *environment,
    struct store_stats *stats) __attribute__((warn_unused_result));

/* Frees the slots of dead readers; returns how many. */
int environment_clear_readers(struct environment *environment);

/* What a code means, as a static sentence for the operator. */
const char *environment_reason(int code);

/*
 * Whether LMDB can be let in: ok, damaged, or unavailable; lmdb_check.c.  Of a
 * file that another process may be writing to.
 */
enum store_result environment_look(const char *path, const char **reason)
    __attribute__((warn_unused_result));

/* As lmdb_check() says; lmdb_check.c. */
enum store_result environment_check(struct environment *environment,
    const char **reason) __attribute__((warn_unused_result));

/* As lmdb_copy() and lmdb_free_bytes() say; lmdb_copy.c. */
enum store_result environment_copy(struct environment *environment,
    int descriptor, bool compact, const char **reason);
enum store_result environment_free_bytes(
    struct environment *environment, MDB_txn *txn, uint64_t *bytes);

#endif
