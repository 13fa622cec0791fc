/*
 * Looking at the pages before LMDB follows them (lmdb_pages.h), and all of them
 * where the operator wants to know.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "store/lmdb_environment.h"
#include "store/lmdb_pages.h"

enum {
	/* So often a writer may go on before a look that is not disturbed. */
	LOOKS_MAX = 1000,
	/* So many in a row have to find damage. */
	LOOKS_AGREED = 3,
};

/* The last look's, for whoever is told of it. */
static char damage[PAGES_REASON_BYTES];

static enum store_result
result_of(enum pages_result found, const char **reason)
{
	switch (found) {
	case PAGES_SOUND:
		return STORE_OK;
	case PAGES_DAMAGED:
		*reason = damage;
		return STORE_DAMAGED;
	case PAGES_MOVED:
		*reason = environment_reason(EAGAIN);
		return STORE_UNAVAILABLE;
	case PAGES_FAILED:
		break;
	}
	*reason = environment_reason(errno);
	return STORE_UNAVAILABLE;
}

/* For as long as a writer may take to have written what it has begun. */
static void
nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	(void)nanosleep(&ms, NULL);
}

/*
 * Nothing keeps the latest state beside a writer, and a meta page may be read
 * while it is written: damage is what is found again and again.
 */
static enum pages_result
look_again(int file)
{
	enum pages_result found = PAGES_MOVED;
	unsigned agreed = 0;

	for (int i = 0; i < LOOKS_MAX && agreed < LOOKS_AGREED; i++) {
		found = pages_check(file, 0, PAGES_DIRECTORY, damage);
		if (found == PAGES_SOUND || found == PAGES_FAILED)
			break;
		agreed = found == PAGES_DAMAGED ? agreed + 1 : 0;
		if (found == PAGES_DAMAGED)
			nap();
	}
	return found;
}

enum store_result
environment_look(const char *path, const char **reason)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	enum pages_result found;

	if (file < 0) {
		*reason = environment_reason(errno);
		return environment_result(errno);
	}
	found = look_again(file);
	(void)close(file);
	return result_of(found, reason);
}

static enum pages_result
look_at_all(MDB_env *env, int file)
{
	enum pages_result found;
	MDB_txn *txn;

	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS) {
		errno = EAGAIN;
		return PAGES_FAILED;
	}
	found = pages_check(file, mdb_txn_id(txn), PAGES_ALL, damage);
	mdb_txn_abort(txn);
	return found;
}

enum store_result
environment_check(struct environment *environment, const char **reason)
{
	enum pages_result found = PAGES_MOVED;
	int file;
	int code = mdb_env_get_fd(environment->env, &file);

	assert(code == MDB_SUCCESS);
	for (int i = 0; found == PAGES_MOVED && i < LOOKS_MAX; i++)
		found = look_at_all(environment->env, file);
	return result_of(found, reason);
}
