/*
 * The environment's flags:
 *   MDB_NOSUBDIR  the path is that of the file, not of a directory.
 *   MDB_NOTLS     a read transaction belongs to its handle, not to the thread:
 *                 it keeps its reader slot between requests, and a write
 *                 transaction may be open beside it.
 * and those that it does not have:
 *   MDB_NOSYNC, MDB_NOMETASYNC, MDB_WRITEMAP  lose commits or the file.
 *   MDB_NORDAHEAD  helps random reads of a file larger than the memory.  Ours
 *                 are of what is new and of lists, which lie together, and
 *                 after a restart reading ahead fills the cache sooner.
 */
#include "store/lmdb_environment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"

enum { FILE_MODE = 0600 };

/*
 * What the codes of LMDB and of the system mean.  A code that has no row is
 * the system's and means that it may work another time.
 */
static const struct failure {
	int code;
	enum store_result result;
	const char *reason;
} failures[] = {
    {MDB_NOTFOUND, STORE_MISSING, "There is no such row."},
    {MDB_MAP_FULL, STORE_FULL, "The store has reached its bound: raise it."},
    {MDB_TXN_FULL, STORE_FULL, "The transaction is too large for LMDB."},
    {MDB_READERS_FULL, STORE_FULL, "Too many processes read the store."},
    {ENOSPC, STORE_FULL, "The disk is full."},
    {EDQUOT, STORE_FULL, "The disk quota is used up."},
    {EFBIG, STORE_FULL, "The file would exceed the system's bound."},
    {MDB_CORRUPTED, STORE_DAMAGED, "A page of the store is damaged."},
    {MDB_PAGE_NOTFOUND, STORE_DAMAGED, "A page of the store is missing."},
    {MDB_INVALID, STORE_DAMAGED, "The file is not a store of LMDB."},
    {MDB_VERSION_MISMATCH, STORE_DAMAGED,
	"The file was written by another version of LMDB."},
    {MDB_INCOMPATIBLE, STORE_DAMAGED, "A table of the store is no table."},
    {MDB_MAP_RESIZED, STORE_UNAVAILABLE,
	"Another process has grown the store: try again."},
    {MDB_PANIC, STORE_UNAVAILABLE,
	"A commit failed while it was written: open the store again."},
    {MDB_BAD_TXN, STORE_UNAVAILABLE,
	"The transaction has failed before and can only be aborted."},
    {EACCES, STORE_UNAVAILABLE, "No permission for the store's file."},
    {EPERM, STORE_UNAVAILABLE, "No permission for the store's file."},
    {EROFS, STORE_UNAVAILABLE, "The store's file system is read-only."},
    {ENOMEM, STORE_UNAVAILABLE, "No memory or address space for the store."},
    {EIO, STORE_UNAVAILABLE, "The disk failed to read or to write."},
    {ENOENT, STORE_UNAVAILABLE, "The store's directory does not exist."},
    {ENOTDIR, STORE_UNAVAILABLE, "The store's directory is none."},
};

static const struct failure other_failure = {
    0, STORE_UNAVAILABLE, "The system refused to work on the store."};

static const struct failure *
failure_of(int code)
{
	assert(code != MDB_SUCCESS);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return &failures[i];
	return &other_failure;
}

enum store_result
environment_result(int code)
{
	return code == MDB_SUCCESS ? STORE_OK : failure_of(code)->result;
}

const char *
environment_reason(int code)
{
	const struct failure *failure = failure_of(code);

	return failure == &other_failure ? mdb_strerror(code) : failure->reason;
}

/* As environment_result, of a failure at open; *reason is its sentence. */
static enum store_result
refuse(int code, const char **reason)
{
	*reason = environment_reason(code);
	return failure_of(code)->result;
}

int
environment_clear_readers(struct environment *environment)
{
	int dead = 0;

	/* A lock file that cannot be read frees nothing: begin will say so. */
	if (mdb_reader_check(environment->env, &dead) != MDB_SUCCESS)
		return 0;
	return dead;
}

/* What the file has, what its last page needs, what the map may reach. */
struct lengths {
	int descriptor; /* of the file; borrowed from LMDB */
	off_t file;
	off_t needed;
	off_t map;
};

static int
measure(MDB_env *env, struct lengths *lengths)
{
	MDB_envinfo info;
	MDB_stat pages;
	struct stat status;
	int code = mdb_env_info(env, &info);

	if (code == MDB_SUCCESS)
		code = mdb_env_stat(env, &pages);
	if (code == MDB_SUCCESS)
		code = mdb_env_get_fd(env, &lengths->descriptor);
	if (code != MDB_SUCCESS)
		return code;
	if (fstat(lengths->descriptor, &status) != 0)
		return errno;
	lengths->file = status.st_size;
	lengths->needed = (off_t)((info.me_last_pgno + 1) * pages.ms_psize);
	lengths->map = (off_t)info.me_mapsize;
	return MDB_SUCCESS;
}

/*
 * LMDB unmaps the old one first.  What is kept beside it points into neither:
 * a reader that is reset, and its cursors, look everything up when they are
 * renewed (mdb_txn_renew0, mdb_cursor_init).
 */
static bool
move_map(struct environment *environment, off_t length)
{
	environment->lost = mdb_env_set_mapsize(environment->env,
				(size_t)length) != MDB_SUCCESS;
	return !environment->lost;
}

/*
 * Takes the map's size from the file, which another process has grown.  Not
 * from its meta page, which says how large a map has ever been, also of a
 * shorter copy.  LMDB takes more if the last page needs it.
 */
static bool
adopt_map(struct environment *environment)
{
	struct lengths lengths;

	return measure(environment->env, &lengths) == MDB_SUCCESS &&
	       move_map(environment, lengths.file);
}

bool
environment_mend(struct environment *environment, int code, bool idle)
{
	assert(code != MDB_SUCCESS);
	if (code == MDB_MAP_RESIZED)
		return idle && adopt_map(environment);
	return code == MDB_READERS_FULL &&
	       environment_clear_readers(environment) > 0;
}

bool
environment_is_given_up(struct environment *environment)
{
	MDB_txn *probe;
	/* The one way to ask is to begin, and a writer needs no slot. */
	int code = mdb_txn_begin(environment->env, NULL, 0, &probe);

	if (code == MDB_SUCCESS)
		mdb_txn_abort(probe);
	return code == MDB_PANIC;
}

/*
 * What was written in part has taken the last of the room; but a few blocks
 * may be kept for something else, or have come free since.
 */
enum { LEFT_BYTES_MIN = 256 * 1024 };

bool
environment_has_room(struct environment *environment)
{
	struct lengths lengths;
	struct statvfs disk;
	struct rlimit bound;

	if (measure(environment->env, &lengths) != MDB_SUCCESS)
		return true;
	/* Some file systems have nothing to say of blocks. */
	if (fstatvfs(lengths.descriptor, &disk) == 0 && disk.f_blocks > 0 &&
	    disk.f_bavail * disk.f_frsize < LEFT_BYTES_MIN)
		return false;
	return getrlimit(RLIMIT_FSIZE, &bound) != 0 ||
	       bound.rlim_cur >= (rlim_t)lengths.map;
}

/*
 * Makes the file as long as a map is or is to be, if it is not: sparse, it
 * costs no disk.  LMDB alone lengthens it only as far as it writes, and pages
 * that a transaction took at the end and gave back stay unwritten: a whole
 * file is often shorter than its last page (after one commit in six, with
 * random ones; mdb_env_copyfd0 allows for it).  Long from the start, a file
 * that is too short is surely cut off.
 *
 * Under LMDB's own write lock, so that two processes with maps of different
 * sizes cannot cut off what the other has made longer or written.
 */
static int
lengthen(MDB_env *env, off_t length)
{
	struct lengths lengths;
	MDB_txn *lock;
	int code = mdb_txn_begin(env, NULL, 0, &lock);

	if (code != MDB_SUCCESS)
		return code;
	code = measure(env, &lengths);
	if (code == MDB_SUCCESS && lengths.file < length &&
	    ftruncate(lengths.descriptor, length) != 0)
		code = errno;
	mdb_txn_abort(lock);
	return code;
}

/* The file first: one that is longer than somebody's map does no harm. */
enum store_result
environment_grow(struct environment *environment)
{
	off_t bound = (off_t)environment->map_bytes_max;
	struct lengths lengths;
	off_t length;
	int code;

	if (environment->lost)
		return STORE_UNAVAILABLE;
	/* A larger map would give no room on the disk. */
	if (environment->full != MDB_SUCCESS &&
	    environment->full != MDB_MAP_FULL)
		return STORE_FULL;
	code = measure(environment->env, &lengths);
	if (code != MDB_SUCCESS)
		return environment_result(code);
	if (lengths.map >= bound)
		return STORE_FULL;
	length = lengths.map > bound / 2 ? bound : 2 * lengths.map;
	code = lengthen(environment->env, length);
	if (code == MDB_MAP_RESIZED)
		return adopt_map(environment) ? STORE_OK : STORE_UNAVAILABLE;
	if (code != MDB_SUCCESS)
		return environment_result(code);
	return move_map(environment, length) ? STORE_OK : STORE_UNAVAILABLE;
}

/*
 * LMDB would make a missing file, and take an empty one, which may be all
 * that is left of a store, for a new one.  *length is 0 for a missing one.
 */
static enum store_result
check_path(
    const struct lmdb_options *options, size_t *length, const char **reason)
{
	struct stat status;

	*length = 0;
	/* The lock file lies beside the name: two names would have two. */
	if (lstat(options->path, &status) != 0) {
		if (errno != ENOENT)
			return refuse(errno, reason);
		if (options->create)
			return STORE_OK;
		*reason = "There is no such file.";
		return STORE_MISSING;
	}
	if (S_ISLNK(status.st_mode)) {
		*reason = "The store's path is a symbolic link: name the file.";
		return STORE_DAMAGED;
	}
	if (!S_ISREG(status.st_mode)) {
		*reason = "The store's path is not that of a regular file.";
		return STORE_DAMAGED;
	}
	if (status.st_size == 0) {
		*reason = "The store's file is empty.";
		return STORE_DAMAGED;
	}
	*length = (size_t)status.st_size;
	return STORE_OK;
}

/* LMDB would follow a link to any file, and write to it. */
static enum store_result
check_lock(const struct lmdb_options *options, const char **reason)
{
	char name[PATH_MAX];
	struct stat status;

	if (options->alone)
		return STORE_OK;
	if (snprintf(name, sizeof(name), "%s-lock", options->path) >=
	    (int)sizeof(name))
		return refuse(ENAMETOOLONG, reason);
	if (lstat(name, &status) != 0)
		return errno == ENOENT ? STORE_OK : refuse(errno, reason);
	if (S_ISREG(status.st_mode))
		return STORE_OK;
	*reason = "The store's lock file is not a regular file.";
	return STORE_DAMAGED;
}

/* A page behind the end of the file would kill whoever reads it. */
static enum store_result
check_length(struct environment *environment, const char **reason)
{
	struct lengths lengths;
	int code = measure(environment->env, &lengths);

	if (code != MDB_SUCCESS)
		return refuse(code, reason);
	if (lengths.file < lengths.needed) {
		*reason = "The store's file is shorter than its contents.";
		return STORE_DAMAGED;
	}
	if (lengths.file < lengths.map && !environment->read_only)
		code = lengthen(environment->env, lengths.map);
	return code == MDB_SUCCESS ? STORE_OK : refuse(code, reason);
}

/* `flags` are those of mdb_txn_begin and of mdb_dbi_open. */
static int
open_tables(struct environment *environment, unsigned transaction_flags,
    unsigned table_flags)
{
	MDB_txn *txn;
	int code =
	    mdb_txn_begin(environment->env, NULL, transaction_flags, &txn);

	/* Another process may have grown it since it was opened here. */
	if (code != MDB_SUCCESS && environment_mend(environment, code, true))
		code = mdb_txn_begin(
		    environment->env, NULL, transaction_flags, &txn);
	if (code != MDB_SUCCESS)
		return code;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		code = mdb_dbi_open(txn, table_name((enum table)i), table_flags,
		    &environment->tables[i]);
		environment->absent[i] =
		    code == MDB_NOTFOUND && i != TABLE_META;
		if (code != MDB_SUCCESS && !environment->absent[i]) {
			mdb_txn_abort(txn);
			return code;
		}
	}
	/* The handles of a reader, too, are kept by its commit alone. */
	return mdb_txn_commit(txn);
}

static bool
lacks_tables(const struct environment *environment)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (environment->absent[i])
			return true;
	return false;
}

/*
 * One that was made before there were all of the tables is opened all the same:
 * its schema says what it is (engine.h).
 *
 * Tries without making anything first: a store that has all its tables is
 * opened without waiting for whoever is writing to it.
 */
static enum store_result
check_tables(struct environment *environment, bool create, const char **reason)
{
	int code = open_tables(environment, MDB_RDONLY, 0);

	/* A writer needs no slot: reads will be refused until one is free. */
	if (code == MDB_READERS_FULL && !environment->read_only)
		code = open_tables(environment, 0, 0);
	if (create && (code == MDB_NOTFOUND || lacks_tables(environment)))
		code = open_tables(environment, 0, MDB_CREATE);
	if (code == MDB_NOTFOUND) {
		*reason = "The file is not a store of intentd.";
		return STORE_DAMAGED;
	}
	return code == MDB_SUCCESS ? STORE_OK : refuse(code, reason);
}

static size_t
whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

/* What a map begins with, of a file that is as long. */
static size_t
first_map(const struct lmdb_options *options, size_t length)
{
	size_t map = length > options->map_bytes ? length : options->map_bytes;

	return whole_pages(
	    map < options->map_bytes_max ? map : options->map_bytes_max);
}

/*
 * What root has made, nobody else could open: the lock file is the store's
 * owner's, whoever was the first to open it.
 */
static void
give_lock(const char *path)
{
	char name[PATH_MAX];
	struct stat status;

	if (geteuid() != 0 || stat(path, &status) != 0 || status.st_uid == 0 ||
	    snprintf(name, sizeof(name), "%s-lock", path) >= (int)sizeof(name))
		return;
	if (lchown(name, status.st_uid, status.st_gid) != 0)
		return; /* then only root can open it, and is told so */
}

static int
prepare(struct environment *environment, const struct lmdb_options *options,
    size_t length)
{
	size_t map = first_map(options, length);
	MDB_env *env = environment->env;
	int code = mdb_env_set_maxdbs(env, TABLE_COUNT);

	if (code == MDB_SUCCESS)
		code = mdb_env_set_maxreaders(env, options->readers);
	if (code == MDB_SUCCESS)
		code = mdb_env_set_mapsize(env, map);
	if (code == MDB_SUCCESS)
		code = mdb_env_open(env, options->path,
		    MDB_NOSUBDIR | MDB_NOTLS |
			(options->alone ? MDB_NOLOCK : 0) |
			(options->read_only ? MDB_RDONLY : 0),
		    FILE_MODE);
	if (code == MDB_SUCCESS && !options->alone)
		give_lock(options->path);
	return code;
}

/* The name of a new file is on disk only when its directory is. */
static int
flush_directory(const char *path)
{
	char copy[PATH_MAX];
	int descriptor;
	int code = MDB_SUCCESS;

	(void)text_copy(text_of(path), copy, sizeof(copy));
	descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor < 0)
		return errno;
	/* EINVAL: a file system that has nothing to flush there. */
	if (fsync(descriptor) != 0 && errno != EINVAL)
		code = errno;
	(void)close(descriptor);
	return code;
}

/*
 * A writer that died inside its last flush may have left a commit that is
 * visible but not on disk.  Who opens the store may rely on all that it sees.
 */
static int
flush(struct environment *environment, const struct lmdb_options *options)
{
	int code, descriptor;

	/* LMDB flushes nothing for a reader; the system does. */
	if (options->read_only) {
		code = mdb_env_get_fd(environment->env, &descriptor);
		if (code == MDB_SUCCESS && fdatasync(descriptor) != 0)
			code = errno;
		return code;
	}
	code = mdb_env_sync(environment->env, 1);
	if (code == MDB_SUCCESS && options->create)
		code = flush_directory(options->path);
	return code;
}

static enum store_result
start(struct environment *environment, const struct lmdb_options *options,
    size_t length, const char **reason)
{
	enum store_result result;
	int code = prepare(environment, options, length);

	if (code != MDB_SUCCESS)
		return refuse(code, reason);
	assert(mdb_env_get_maxkeysize(environment->env) >= STORE_KEY_BYTES_MAX);
	environment_clear_readers(environment);
	result = check_length(environment, reason);
	if (result == STORE_OK)
		result = check_tables(environment, options->create, reason);
	if (result != STORE_OK)
		return result;
	code = flush(environment, options);
	return code == MDB_SUCCESS ? STORE_OK : refuse(code, reason);
}

enum store_result
environment_open(struct environment *environment,
    const struct lmdb_options *options, const char **reason)
{
	size_t length;
	enum store_result result = check_path(options, &length, reason);

	if (result == STORE_OK)
		result = check_lock(options, reason);
	if (result == STORE_OK && length > 0)
		result = environment_look(options->path, reason);
	if (result != STORE_OK)
		return result;
	*environment = (struct environment){
	    .map_bytes_max = whole_pages(options->map_bytes_max),
	    .read_only = options->read_only,
	};
	if (mdb_env_create(&environment->env) != MDB_SUCCESS)
		return refuse(ENOMEM, reason);
	result = start(environment, options, length, reason);
	if (result == STORE_OK)
		return STORE_OK;
	environment_close(environment);
	/* What was made by halves would keep the next try from making it. */
	if (length == 0)
		(void)unlink(options->path);
	return result;
}

void
environment_close(struct environment *environment)
{
	assert(environment->env != NULL);
	mdb_env_close(environment->env);
	environment->env = NULL;
}
