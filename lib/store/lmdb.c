/*
 * The LMDB backend: transactions on an environment.
 *
 * A page that the device cannot read kills the process (SIGBUS): LMDB reads
 * through a map.  The supervisor starts another.
 */
#include "store/lmdb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "store/lmdb_environment.h"

/*
 * Growing the map and clearing dead readers each mend one cause of a failed
 * begin; more rounds mean that other processes undo it as fast.
 */
enum { BEGIN_ATTEMPTS_MAX = 4 };

struct lmdb_transaction {
	struct transaction base;
	/* A reader's is kept from its first begin on, and its slot with it. */
	MDB_txn *txn;
	/* A reader's are kept likewise, from the first scan of a table on. */
	MDB_cursor *cursors[TABLE_COUNT];
	bool open;
};

struct lmdb {
	struct store base;
	struct environment environment;
	struct lmdb_transaction read;
	struct lmdb_transaction write;
};

/* The process that has a store open, or 0: fork() does not pass one on. */
static pid_t opener;

/* LMDB's argument is not const, but what it only reads it does not change. */
static MDB_val
value_of(struct text text)
{
	return (MDB_val){text.length, (void *)(uintptr_t)text.bytes};
}

static struct text
text_in(const MDB_val *value)
{
	assert(value->mv_data != NULL);
	return (struct text){value->mv_data, value->mv_size};
}

static struct lmdb *
lmdb_of(struct store *store)
{
	return (struct lmdb *)store;
}

static struct lmdb_transaction *
transaction_of(struct transaction *transaction)
{
	struct lmdb_transaction *ours = (struct lmdb_transaction *)transaction;

	assert(ours->open);
	assert(ours->txn != NULL);
	return ours;
}

static int
attempt_begin(struct lmdb *lmdb, struct lmdb_transaction *ours)
{
	MDB_env *env = lmdb->environment.env;

	if (lmdb->environment.lost)
		return MDB_PANIC;
	if (ours->base.mode == STORE_WRITE)
		return mdb_txn_begin(env, NULL, 0, &ours->txn);
	if (ours->txn == NULL)
		return mdb_txn_begin(env, NULL, MDB_RDONLY, &ours->txn);
	return mdb_txn_renew(ours->txn);
}

static enum store_result
lmdb_begin(
    struct store *store, enum store_mode mode, struct transaction **transaction)
{
	struct lmdb *lmdb = lmdb_of(store);
	struct lmdb_transaction *ours =
	    mode == STORE_WRITE ? &lmdb->write : &lmdb->read;
	bool idle = !lmdb->read.open && !lmdb->write.open;
	int code;

	assert(opener == getpid());
	/* A second writer would wait for the first, which is itself. */
	assert(!ours->open);
	ours->base = (struct transaction){.store = store, .mode = mode};
	for (int i = 1;; i++) {
		code = attempt_begin(lmdb, ours);
		if (code == MDB_SUCCESS || i == BEGIN_ATTEMPTS_MAX ||
		    !environment_mend(&lmdb->environment, code, idle))
			break;
	}
	if (code != MDB_SUCCESS)
		return environment_result(code);
	if (mode == STORE_WRITE)
		lmdb->environment.full = MDB_SUCCESS;
	ours->open = true;
	*transaction = &ours->base;
	return STORE_OK;
}

static enum store_result
lmdb_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);
	MDB_val wanted = value_of(key);
	MDB_val found;
	int code;

	if (lmdb->environment.absent[table])
		return STORE_MISSING;
	code = mdb_get(
	    ours->txn, lmdb->environment.tables[table], &wanted, &found);

	if (code != MDB_SUCCESS)
		return environment_result(code);
	*value = text_in(&found);
	return STORE_OK;
}

/*
 * What a write came to; environment_grow() wants to know what was full.  LMDB
 * says EIO where the system wrote a part of what it was given, which it does
 * where there is room for no more (mdb_page_flush).
 */
static enum store_result
write_result(struct lmdb *lmdb, int code)
{
	enum store_result result;

	if (code == EIO && !environment_has_room(&lmdb->environment))
		code = ENOSPC;
	result = environment_result(code);
	if (result == STORE_FULL)
		lmdb->environment.full = code;
	return result;
}

static enum store_result
lmdb_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);
	MDB_val name = value_of(key);
	/* LMDB copies from it, which NULL does not allow, not even nothing. */
	MDB_val data = value_of(value.length > 0 ? value : TEXT(""));

	assert(value.length <= UINT32_MAX);
	if (lmdb->environment.absent[table])
		return STORE_DAMAGED;
	return write_result(
	    lmdb, mdb_put(ours->txn, lmdb->environment.tables[table], &name,
		      &data, 0));
}

static enum store_result
lmdb_delete(struct transaction *transaction, enum table table, struct text key)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);
	MDB_val name = value_of(key);

	if (lmdb->environment.absent[table])
		return STORE_MISSING;
	return write_result(lmdb,
	    mdb_del(ours->txn, lmdb->environment.tables[table], &name, NULL));
}

/*
 * A cursor for one scan: the reader's kept one, so that a list allocates
 * nothing, or a new one, also for a scan inside a scan of the same table.
 */
static int
cursor_take(struct lmdb *lmdb, struct lmdb_transaction *ours, enum table table,
    MDB_cursor **cursor)
{
	*cursor = ours->cursors[table];
	if (*cursor == NULL)
		return mdb_cursor_open(
		    ours->txn, lmdb->environment.tables[table], cursor);
	assert(ours->base.mode == STORE_READ);
	ours->cursors[table] = NULL;
	return mdb_cursor_renew(ours->txn, *cursor);
}

static void
cursor_give(struct lmdb_transaction *ours, enum table table, MDB_cursor *cursor)
{
	/* A writer's cursor dies with its transaction. */
	if (ours->base.mode == STORE_READ && ours->cursors[table] == NULL)
		ours->cursors[table] = cursor;
	else
		mdb_cursor_close(cursor);
}

/* To the first row that may be in the range, from the side it begins on. */
static int
seek(MDB_cursor *cursor, const struct store_range *range, MDB_val *key,
    MDB_val *value)
{
	struct text bound = range->descending ? range->end : range->first;
	int code;

	/* LMDB does not look for an empty key. */
	if (bound.length == 0)
		return mdb_cursor_get(cursor, key, value,
		    range->descending ? MDB_LAST : MDB_FIRST);
	*key = value_of(bound);
	code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (!range->descending)
		return code;
	/* At `end` or behind it, or nothing is there: one back is before it. */
	if (code == MDB_NOTFOUND)
		return mdb_cursor_get(cursor, key, value, MDB_LAST);
	if (code != MDB_SUCCESS)
		return code;
	return mdb_cursor_get(cursor, key, value, MDB_PREV);
}

/* Whether a key is not yet behind the bound that the scan goes towards. */
static bool
is_inside(const struct store_range *range, struct text key)
{
	if (range->descending)
		return text_compare(key, range->first) >= 0;
	return range->end.length == 0 || text_compare(key, range->end) < 0;
}

static int
walk(MDB_cursor *cursor, const struct store_range *range, store_visit *visit,
    void *context)
{
	MDB_cursor_op next = range->descending ? MDB_PREV : MDB_NEXT;
	MDB_val key;
	MDB_val value;
	int code = seek(cursor, range, &key, &value);

	while (code == MDB_SUCCESS) {
		struct text name = text_in(&key);

		/* None of ours: whoever keeps keys has no room for it. */
		if (name.length > STORE_KEY_BYTES_MAX)
			return MDB_CORRUPTED;
		if (!is_inside(range, name) ||
		    !visit(name, text_in(&value), context))
			return MDB_SUCCESS;
		code = mdb_cursor_get(cursor, &key, &value, next);
	}
	return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static enum store_result
lmdb_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);
	MDB_cursor *cursor;
	int code;

	if (lmdb->environment.absent[table])
		return STORE_OK;
	code = cursor_take(lmdb, ours, table, &cursor);
	if (code == MDB_SUCCESS)
		code = walk(cursor, range, visit, context);
	if (cursor != NULL)
		cursor_give(ours, table, cursor);
	return environment_result(code);
}

static void
lmdb_abort(struct transaction *transaction)
{
	struct lmdb_transaction *ours = transaction_of(transaction);

	if (transaction->mode == STORE_READ) {
		/* Lets go of the snapshot, keeps the handle and its slot. */
		mdb_txn_reset(ours->txn);
	} else {
		mdb_txn_abort(ours->txn);
		ours->txn = NULL;
	}
	ours->open = false;
}

/*
 * mdb_txn_commit() writes the pages, flushes them, and then writes the meta
 * page through a descriptor opened with O_DSYNC (mdb_env_write_meta).
 *
 * If it fails before the meta page, nothing points to what it wrote: nothing
 * was done, and the next transaction may go on, since it writes and flushes
 * all its own pages.  If the meta page itself fails, it may or may not be on
 * the disk; LMDB puts the old one back without looking whether that worked,
 * and gives the environment up.  Other processes go on seeing the old state,
 * but after a power cut either may be there, until the next commit writes the
 * same meta page again: unknown.  Every begin then answers unavailable until
 * the store is opened anew.
 */
static enum store_result
lmdb_commit(struct transaction *transaction)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);
	int code;

	if (transaction->mode == STORE_READ) {
		lmdb_abort(transaction);
		return STORE_OK;
	}
	code = mdb_txn_commit(ours->txn);
	ours->txn = NULL;
	ours->open = false;
	/* store.h: after a failed put the transaction can only be aborted. */
	assert(code != MDB_BAD_TXN);
	if (code == MDB_SUCCESS)
		return STORE_OK;
	return environment_is_given_up(&lmdb->environment)
		   ? STORE_UNKNOWN
		   : write_result(lmdb, code);
}

static enum store_result
lmdb_grow(struct store *store)
{
	struct lmdb *lmdb = lmdb_of(store);

	/* A reader that is kept but reset finds its place in the new map. */
	assert(!lmdb->read.open);
	assert(!lmdb->write.open);
	return environment_grow(&lmdb->environment);
}

static enum store_result
lmdb_count(struct transaction *transaction, enum table table, uint64_t *count)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	const struct environment *environment =
	    &lmdb_of(transaction->store)->environment;
	MDB_stat stat;
	int code;

	if (environment->absent[table])
		return STORE_MISSING;
	code = mdb_stat(ours->txn, environment->tables[table], &stat);
	if (code == MDB_SUCCESS)
		*count = stat.ms_entries;
	return environment_result(code);
}

static enum store_result
lmdb_stats(struct store *store, struct store_stats *stats)
{
	return environment_stats(&lmdb_of(store)->environment, stats);
}

static bool
lmdb_is_lost(const struct store *store)
{
	return ((const struct lmdb *)store)->environment.lost;
}

static void
lmdb_close(struct store *store)
{
	struct lmdb *lmdb = lmdb_of(store);

	assert(!lmdb->read.open);
	assert(!lmdb->write.open);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (lmdb->read.cursors[i] != NULL)
			mdb_cursor_close(lmdb->read.cursors[i]);
	if (lmdb->read.txn != NULL)
		mdb_txn_abort(lmdb->read.txn);
	environment_close(&lmdb->environment);
	free(lmdb);
	opener = 0;
}

static const struct store_operations lmdb_operations = {
    .close = lmdb_close,
    .begin = lmdb_begin,
    .get = lmdb_get,
    .put = lmdb_put,
    .delete = lmdb_delete,
    .scan = lmdb_scan,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .grow = lmdb_grow,
    .count = lmdb_count,
    .stats = lmdb_stats,
    .is_lost = lmdb_is_lost,
};

int
lmdb_clear_dead_readers(struct store *store)
{
	assert(store->operations == &lmdb_operations);
	return environment_clear_readers(&lmdb_of(store)->environment);
}

enum store_result
lmdb_copy(
    struct store *store, int descriptor, bool compact, const char **reason)
{
	struct lmdb *lmdb = lmdb_of(store);

	assert(store->operations == &lmdb_operations);
	assert(!lmdb->read.open);
	assert(!lmdb->write.open);
	return environment_copy(
	    &lmdb->environment, descriptor, compact, reason);
}

enum store_result
lmdb_check(struct store *store, const char **reason)
{
	struct lmdb *lmdb = lmdb_of(store);

	assert(store->operations == &lmdb_operations);
	assert(!lmdb->read.open);
	assert(!lmdb->write.open);
	return environment_check(&lmdb->environment, reason);
}

enum store_result
lmdb_free_bytes(struct transaction *transaction, uint64_t *bytes)
{
	struct lmdb_transaction *ours = transaction_of(transaction);
	struct lmdb *lmdb = lmdb_of(transaction->store);

	assert(transaction->store->operations == &lmdb_operations);
	return environment_free_bytes(&lmdb->environment, ours->txn, bytes);
}

enum store_result
lmdb_open(const struct lmdb_options *options, struct store **store,
    const char **reason)
{
	enum store_result result;
	struct lmdb *lmdb;

	assert(options->path != NULL);
	assert(options->map_bytes > 0 || !options->create);
	assert(options->map_bytes_max > 0);
	assert(options->readers > 0);
	assert(opener != getpid());
	*store = NULL;
	*reason = "";
	lmdb = calloc(1, sizeof(*lmdb));
	if (lmdb == NULL) {
		*reason = "No memory for the store.";
		return STORE_UNAVAILABLE;
	}
	lmdb->base.operations = &lmdb_operations;
	result = environment_open(&lmdb->environment, options, reason);
	if (result != STORE_OK) {
		free(lmdb);
		return result;
	}
	opener = getpid();
	*store = &lmdb->base;
	return STORE_OK;
}
