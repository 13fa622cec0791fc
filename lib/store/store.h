/*
 * The store: ordered bytes in, ordered bytes out, in transactions.
 *
 * One small interface, several backends (lmdb.c, memory.c), and a wrapper
 * that makes any of them fail (faulty.c).  It decides nothing and knows no
 * payment.  Transactions are strictly serialisable: a reader sees one moment,
 * writers run one after the other.  A process uses a store from one thread.
 *
 * Bytes that a store gives out (get, scan) are borrowed from the transaction:
 * they die with it, and in a write transaction also with the next put or
 * delete.  Bytes that it is given are copied before the call returns.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* One name space of keys each; the names stand in tables.def. */
enum table {
#define TABLE(id, name) TABLE_##id,
#include "store/tables.def"
#undef TABLE
	TABLE_COUNT
};

/* The name of a table, as the backends and `intentctl` show it. */
const char *table_name(enum table table);

enum store_result {
	STORE_OK,
	STORE_MISSING,	   /* get, delete: no such key */
	STORE_CONFLICT,	   /* somebody else's write: run it again */
	STORE_FULL,	   /* map, disk or reader table; nothing was written */
	STORE_UNAVAILABLE, /* the world (I/O, permissions): try again later */
	STORE_UNKNOWN,	   /* commit alone: done or not, ask the store later */
	STORE_DAMAGED,	   /* what is there cannot be what was written */
};

/* "ok", "missing", ... */
const char *store_result_name(enum store_result result);

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * How large a store is, and who reads it.  A backend that has no such thing
 * says 0.
 */
struct store_stats {
	uint64_t map_bytes;	/* what it has room for, without growing */
	uint64_t map_bytes_max; /* what it may grow to */
	uint64_t used_bytes;	/* of the map: up to the last page */
	uint64_t file_bytes;	/* the file's length, holes included */
	uint64_t page_bytes;
	uint64_t last_transaction; /* the last one that was committed */
	/* Readers' places that are taken, also by those that rest. */
	uint32_t readers;
	uint32_t readers_max;
	/* Of those that are reading the one that began first; 0: nobody is. */
	int32_t oldest_reader_pid;
	/* Transactions since then, whose pages cannot be used again. */
	uint64_t oldest_reader_lag;
};

struct store;
struct transaction;

/*
 * Keys from `first` (inclusive) up to `end` (exclusive), ascending or, with
 * `descending`, from the last one down.  An empty `end` means no end.
 */
struct store_range {
	struct text first;
	struct text end;
	bool descending;
};

/*
 * Sees one row; false ends the scan.  Must not write to the transaction.
 */
typedef bool store_visit(struct text key, struct text value, void *context);

/*
 * What a backend is: first member of each backend's own struct.  Callers use
 * the functions below, never the operations.
 */
struct store_operations {
	void (*close)(struct store *);
	enum store_result (*begin)(
	    struct store *, enum store_mode, struct transaction **);
	enum store_result (*get)(
	    struct transaction *, enum table, struct text, struct text *);
	enum store_result (*put)(
	    struct transaction *, enum table, struct text, struct text);
	enum store_result (*delete)(
	    struct transaction *, enum table, struct text);
	enum store_result (*scan)(struct transaction *, enum table,
	    const struct store_range *, store_visit *, void *);
	enum store_result (*commit)(struct transaction *);
	void (*abort)(struct transaction *);
	enum store_result (*grow)(struct store *);
	enum store_result (*count)(
	    struct transaction *, enum table, uint64_t *);
	enum store_result (*stats)(struct store *, struct store_stats *);
	bool (*is_lost)(const struct store *);
};

struct store {
	const struct store_operations *operations;
};

struct transaction {
	struct store *store; /* borrowed; the one it was begun on */
	enum store_mode mode;
};

/* One key of a get of many. */
struct store_read {
	enum table table;
	struct text key;	  /* in */
	struct text value;	  /* out: borrowed, TEXT_NONE when missing */
	enum store_result result; /* out: ok or missing */
};

/* Closes the store and frees it; no transaction may be open. */
void store_close(struct store *store);

/*
 * Begins a transaction: ok, full (no reader slot), unavailable, damaged.  One
 * write transaction and one read transaction may be open in a process at a
 * time.  A write transaction waits for other processes' write transactions.
 */
enum store_result store_begin(struct store *store, enum store_mode mode,
    struct transaction **transaction) __attribute__((warn_unused_result));

/* ok, missing, unavailable, damaged.  *value is borrowed. */
enum store_result store_get(struct transaction *transaction, enum table table,
    struct text key, struct text *value) __attribute__((warn_unused_result));

/*
 * Many at once, so that a store across a network needs one round trip: ok
 * when each is ok or missing, else the first other result, and what follows
 * it in `reads` is not filled in.
 */
enum store_result store_get_many(struct transaction *transaction,
    struct store_read *reads, size_t count) __attribute__((warn_unused_result));

/*
 * Writes a key (1 to STORE_KEY_BYTES_MAX bytes), new or not: ok, full,
 * conflict, unavailable, damaged.  After another result than ok the
 * transaction can only be aborted.
 */
enum store_result store_put(struct transaction *transaction, enum table table,
    struct text key, struct text value) __attribute__((warn_unused_result));

/*
 * ok, missing (nothing done, and the transaction goes on); else as store_put.
 */
enum store_result store_delete(struct transaction *transaction,
    enum table table, struct text key) __attribute__((warn_unused_result));

/* Visits the rows of a range in order: ok, unavailable, damaged. */
enum store_result store_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
    __attribute__((warn_unused_result));

/*
 * ok: on disk and visible to all.  conflict, full, unavailable, damaged:
 * nothing of it was done.  unknown: one or the other, and every begin may be
 * unavailable until the store is closed and opened.  The transaction is over
 * in any case.  The commit of a read transaction is always ok.
 */
enum store_result store_commit(struct transaction *transaction)
    __attribute__((warn_unused_result));

/* Ends a transaction without effect. */
void store_abort(struct transaction *transaction);

/*
 * Makes room for more, for whoever was told full; no transaction may be open
 * in this process.  ok: the next write transaction has more room, which
 * another process may have made.  full: the store is at its bound, or what
 * was full is something else (the disk).  unavailable, damaged: nothing was
 * done, or every begin is unavailable until the store is closed and opened.
 */
enum store_result store_grow(struct store *store)
    __attribute__((warn_unused_result));

/*
 * How many rows a table has, without reading them: ok, unavailable, damaged;
 * missing: the store was made before there was such a table, which reads as
 * an empty one and cannot be written to.
 */
enum store_result store_count(struct transaction *transaction, enum table table,
    uint64_t *count) __attribute__((warn_unused_result));

/*
 * Fills *stats at a cost that does not grow with the store: ok, unavailable,
 * damaged.  A transaction may be open, and counts as a reader's.
 */
enum store_result store_stats(struct store *store, struct store_stats *stats)
    __attribute__((warn_unused_result));

/*
 * Whether every begin is unavailable from now on, until the store is closed
 * and opened: it has followed another process that made more room, or made
 * some, and there was no memory for that.
 */
bool store_is_lost(const struct store *store);

#endif
