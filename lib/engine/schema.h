/*
 * The schema of a store: which version of the program it was made for, and how
 * an older one becomes this program's.
 */
#ifndef ENGINE_SCHEMA_H
#define ENGINE_SCHEMA_H

#include "store/store.h"

/* Raised when what is stored changes its shape, with a row in migrate.c. */
enum { SCHEMA_VERSION = 3 };

enum schema_state {
	SCHEMA_OWN,	/* this program's */
	SCHEMA_NONE,	/* none: its making was interrupted */
	SCHEMA_OLDER,	/* migrations lead from it to this program's */
	SCHEMA_NEWER,	/* a later program's */
	SCHEMA_DAMAGED, /* no schema at all, or a table of it is missing */
};

struct schema {
	enum schema_state state;
	unsigned version; /* 0: none, or not known */
};

/* ok, unavailable, full, damaged (what of the store cannot be read). */
enum store_result engine_read_schema(struct store *store, struct schema *schema)
    __attribute__((warn_unused_result));
/* The same within a transaction. */
enum store_result schema_read(struct transaction *transaction,
    struct schema *schema) __attribute__((warn_unused_result));
/* Writes a version. */
enum store_result schema_write(struct transaction *transaction,
    unsigned version) __attribute__((warn_unused_result));

/* From one version to the next one. */
struct schema_step {
	unsigned from;
	const char *name; /* what it does, for the operator */
	enum store_result (*run)(struct transaction *transaction);
};

/* The step that leads on from a version; NULL: none does. */
const struct schema_step *schema_step(unsigned from);

/*
 * Runs a step and writes the version it leads to, in one transaction: all of
 * it is done, or nothing.  The store has to be opened so that tables that are
 * missing are made (lmdb.h).  As store_commit(); damaged also when the store
 * is of another version than the step's.
 */
enum store_result engine_migrate(struct store *store,
    const struct schema_step *step) __attribute__((warn_unused_result));

#endif
