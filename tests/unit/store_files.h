/*
 * A store of LMDB in a directory of its own, for each test.
 */
#ifndef UNIT_STORE_FILES_H
#define UNIT_STORE_FILES_H

#include "child.h"
#include "store/lmdb.h"
#include "temporary.h"

enum {
	KIB = 1024,
	MIB = 1024 * KIB,
	MAP_BYTES = 8 * MIB,
};

struct store_files {
	struct temporary temporary;
	struct lmdb_options options; /* MAP_BYTES, 8 readers, create */
	struct store *store;	     /* NULL: closed */
};

/* Those of the test that runs. */
extern struct store_files files;

/* Setups of cmocka: the place for a store alone, or (in *state) a store. */
int files_setup(void **state);
int files_setup_store(void **state);
/* Closes the store if it is open, and removes all. */
int files_teardown(void **state);

/* lmdb_open with files.options into files.store. */
enum store_result files_open(const char **reason);
void files_must_open(void);
void files_close(void);
void files_must_reopen(void);
/* The same in a child, which owns the result. */
struct store *files_open_in_child(void);

/* For child_start: opens the store, begins to read, pauses, ends well. */
void files_read_and_pause(struct child *self, void *context);

/*
 * Puts rows of one KiB with keys of eight bytes into the table of events until
 * `limit` are there or one is refused, and gives its result.
 */
enum store_result files_put_rows(
    struct transaction *write, int limit, int *count);

#endif
