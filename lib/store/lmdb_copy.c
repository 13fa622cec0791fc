/*
 * LMDB's file as a whole: copied, measured, and kept for oneself.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_environment.h"

/*
 * LMDB reads without compacting what stands in the file: free pages are in the
 * copy, as are those that a damaged table would not lead to.  Compacting walks
 * the trees, and fails where they are damaged.
 */
enum store_result
environment_copy(struct environment *environment, int descriptor, bool compact,
    const char **reason)
{
	const unsigned flags = compact ? MDB_CP_COMPACT : 0;
	int code = mdb_env_copyfd2(environment->env, descriptor, flags);

	/* Both of these are met before the first byte is written. */
	if ((code == MDB_MAP_RESIZED || code == MDB_READERS_FULL) &&
	    environment_mend(environment, code, true))
		code = mdb_env_copyfd2(environment->env, descriptor, flags);
	if (code != MDB_SUCCESS)
		*reason = environment_reason(code);
	return environment_result(code);
}

/* -- Measures -------------------------------------------------------------- */

/* Each row of the table of free pages begins with how many it has. */
enum store_result
environment_free_bytes(
    struct environment *environment, MDB_txn *txn, uint64_t *bytes)
{
	const MDB_dbi free_pages = 0; /* LMDB's own first table */
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_stat stat;
	size_t count;
	int code;

	*bytes = 0;
	code = mdb_env_stat(environment->env, &stat);
	if (code == MDB_SUCCESS)
		code = mdb_cursor_open(txn, free_pages, &cursor);
	if (code != MDB_SUCCESS)
		return environment_result(code);
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) ==
	       MDB_SUCCESS) {
		memcpy(&count, value.mv_data, sizeof(count));
		*bytes += (uint64_t)count * stat.ms_psize;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? STORE_OK : environment_result(code);
}

/* -- Alone ----------------------------------------------------------------- */

/* The first byte, which every process that has the store open reads-locks. */
static struct flock
first_byte(void)
{
	return (struct flock){
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
}

/*
 * The lock file is of whoever the store is, or its directory.  What he may have
 * put there instead is not given to him: another name of a file that is not
 * his.  False: errno says why.
 */
static bool
give_to_owner(int lock, const char *path, const char *directory)
{
	struct stat owner, given;

	if (fstat(lock, &given) != 0)
		return false;
	if (!S_ISREG(given.st_mode)) {
		errno = ENOTSUP;
		return false;
	}
	if (geteuid() != 0 ||
	    (stat(path, &owner) != 0 && stat(directory, &owner) != 0))
		return true;
	if (given.st_uid != owner.st_uid && given.st_nlink > 1) {
		errno = EPERM;
		return false;
	}
	if (fchown(lock, owner.st_uid, owner.st_gid) != 0)
		return true; /* then only root can open it, and is told so */
	return true;
}

/*
 * mdb_env_excl_lock() wants a write lock on that byte when it opens the first
 * and alone, and waits for a read lock otherwise.  A lock of the open file
 * (F_OFD_SETLK) meets both, and is not lost where this process closes another
 * descriptor of the file.
 *
 * Who waits for the read lock takes what the file says for true, above all the
 * number of the last transaction, by which it chooses between the two meta
 * pages; and that is another one's, once the store is replaced or written to
 * without locks.  So the file is emptied: the waiting ones then fail to open
 * it, and the first one alone makes it anew (mdb_env_setup_locks).
 */
enum store_result
lmdb_lock(const char *path, int *lock, int *holder)
{
	struct flock byte = first_byte();
	char directory[PATH_MAX];
	char name[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat status;

	*holder = 0;
	/* Its lock file is another one than that of the file it leads to. */
	if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) {
		errno = ELOOP;
		return STORE_UNAVAILABLE;
	}
	if (snprintf(name, sizeof(name), "%s-lock", path) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return STORE_UNAVAILABLE;
	}
	*lock = open(
	    name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (*lock < 0)
		return errno == ENOENT ? STORE_MISSING : STORE_UNAVAILABLE;
	(void)snprintf(directory, sizeof(directory), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if (!give_to_owner(*lock, path, directory)) {
		const int reason = errno;

		(void)close(*lock);
		*lock = -1;
		errno = reason;
		return STORE_UNAVAILABLE;
	}
	if (fcntl(*lock, F_OFD_SETLK, &byte) == 0)
		return ftruncate(*lock, 0) == 0 ? STORE_OK : STORE_UNAVAILABLE;
	byte = first_byte();
	if (fcntl(*lock, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK)
		*holder = byte.l_pid;
	(void)close(*lock);
	*lock = -1;
	return STORE_CONFLICT;
}
