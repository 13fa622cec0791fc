/*
 * The steps of a transaction at which a process may be killed (crash.h): taken
 * from outside, so that the layers below need not know of them.  The linker
 * puts __wrap_x() before x() where another file calls it, and LMDB, which is a
 * shared library, finds the program's pwrite(), writev() and fdatasync() before
 * the C library's.
 */
#include "app/crash.h"

#ifdef CRASH_POINTS

#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/coin_intent.h"
#include "core/intent.h"
#include "store/store.h"

/* What stands before x() of the variant without points, and x() itself. */
#define WRAP(type, name, ...)            \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

enum {
	META_END = 8192, /* LMDB's two meta pages are the file's first */
	META_BYTES_MAX = 4095,
};

struct MDB_env;
struct work;

/* In this process a transaction that writes is open, or is being committed. */
static bool writing;
static bool committing;

/* -- The engine ------------------------------------------------------------ */

WRAP(enum store_result, store_begin, struct store *store, enum store_mode mode,
    struct transaction **transaction)
{
	enum store_result result;

	if (mode == STORE_WRITE)
		CRASH_POINT(ENGINE_BEGINS);
	result = __real_store_begin(store, mode, transaction);
	if (mode == STORE_WRITE && result == STORE_OK) {
		writing = true;
		CRASH_POINT(ENGINE_BEGUN);
	}
	return result;
}

WRAP(enum store_result, idempotency_look, struct work *work, bool *fresh)
{
	enum store_result result;

	CRASH_POINT(ENGINE_CLAIMS);
	result = __real_idempotency_look(work, fresh);
	CRASH_POINT(ENGINE_CLAIMED);
	return result;
}

/* Also with a reader open beside it: it is a step of the same process. */
WRAP(enum store_result, store_get, struct transaction *transaction,
    enum table table, struct text key, struct text *value)
{
	enum store_result result;

	if (writing)
		CRASH_POINT(ENGINE_LOADS);
	result = __real_store_get(transaction, table, key, value);
	if (writing)
		CRASH_POINT(ENGINE_LOADED);
	return result;
}

WRAP(void, intent_decide, const struct intent_question *question,
    struct intent_decision *decision)
{
	CRASH_POINT(ENGINE_DECIDES);
	__real_intent_decide(question, decision);
	CRASH_POINT(ENGINE_DECIDED);
}

WRAP(void, coin_intent_decide, const struct coin_question *question,
    struct coin_decision *decision)
{
	CRASH_POINT(ENGINE_DECIDES);
	__real_coin_intent_decide(question, decision);
	CRASH_POINT(ENGINE_DECIDED);
}

WRAP(enum store_result, store_put, struct transaction *transaction,
    enum table table, struct text key, struct text value)
{
	enum store_result result;

	CRASH_POINT(ENGINE_PUTS);
	result = __real_store_put(transaction, table, key, value);
	CRASH_POINT(ENGINE_PUT);
	return result;
}

WRAP(enum store_result, store_delete, struct transaction *transaction,
    enum table table, struct text key)
{
	enum store_result result;

	CRASH_POINT(ENGINE_REMOVES);
	result = __real_store_delete(transaction, table, key);
	CRASH_POINT(ENGINE_REMOVED);
	return result;
}

WRAP(enum store_result, idempotency_store, struct work *work)
{
	enum store_result result;

	CRASH_POINT(ENGINE_REMEMBERS);
	result = __real_idempotency_store(work);
	CRASH_POINT(ENGINE_REMEMBERED);
	return result;
}

/* -- The commit ------------------------------------------------------------ */

WRAP(enum store_result, store_commit, struct transaction *transaction)
{
	const bool writes = transaction->mode == STORE_WRITE;
	enum store_result result;

	if (writes)
		CRASH_POINT(STORE_COMMITS);
	committing = writes;
	result = __real_store_commit(transaction);
	committing = false;
	if (writes) {
		writing = false;
		CRASH_POINT(STORE_COMMITTED);
	}
	return result;
}

WRAP(void, store_abort, struct transaction *transaction)
{
	writing &= transaction->mode != STORE_WRITE;
	__real_store_abort(transaction);
}

WRAP(int, mdb_env_sync, struct MDB_env *env, int force)
{
	int code;

	CRASH_POINT(STORE_SYNCS);
	code = __real_mdb_env_sync(env, force);
	CRASH_POINT(STORE_SYNCED);
	return code;
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t offset)
{
	const bool meta = offset < META_END && count <= META_BYTES_MAX;
	ssize_t written;

	if (committing && meta)
		CRASH_POINT(STORE_SWITCHES);
	if (committing && !meta) {
		CRASH_POINT(STORE_WRITES);
		(void)syscall(SYS_pwrite64, file, bytes, count / 2, offset);
		CRASH_POINT(STORE_TORN);
	}
	written = syscall(SYS_pwrite64, file, bytes, count, offset);
	if (committing && meta)
		CRASH_POINT(STORE_SWITCHED);
	if (committing && !meta)
		CRASH_POINT(STORE_WROTE);
	return written;
}

ssize_t
writev(int file, const struct iovec *parts, int count)
{
	ssize_t written;

	if (committing)
		CRASH_POINT(STORE_WRITES);
	written = syscall(SYS_writev, file, parts, count);
	if (committing)
		CRASH_POINT(STORE_WROTE);
	return written;
}

int
fdatasync(int file)
{
	int result;

	if (committing)
		CRASH_POINT(STORE_FLUSHES);
	result = (int)syscall(SYS_fdatasync, file);
	if (committing)
		CRASH_POINT(STORE_FLUSHED);
	return result;
}

#endif
