/*
 * What LMDB says of an environment: its sizes, and its table of readers.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/lmdb_environment.h"

struct readers {
	struct store_stats *stats;
	uint64_t oldest; /* transaction that it sees */
};

/*
 * A line of mdb_reader_list(), which has no other form: a process, a thread,
 * and the transaction that it sees, or '-'.  The first one has the heads.
 */
static int
see_reader(const char *line, void *context)
{
	struct readers *readers = context;
	uint64_t transaction;
	int pid;
	int fields = sscanf(line, "%d %*x %" SCNu64, &pid, &transaction);

	if (fields < 1)
		return 0;
	readers->stats->readers++;
	if (fields < 2 || (readers->stats->oldest_reader_pid != 0 &&
			      transaction >= readers->oldest))
		return 0;
	readers->stats->oldest_reader_pid = pid;
	readers->oldest = transaction;
	return 0;
}

static enum store_result
count_readers(MDB_env *env, struct store_stats *stats)
{
	struct readers readers = {.stats = stats};

	if (mdb_reader_list(env, see_reader, &readers) < 0)
		return STORE_UNAVAILABLE;
	/* A writer may have committed since `last_transaction` was read. */
	if (stats->oldest_reader_pid != 0 &&
	    readers.oldest < stats->last_transaction)
		stats->oldest_reader_lag =
		    stats->last_transaction - readers.oldest;
	return STORE_OK;
}

/*
 * The map is as long as the file, which the process that grows it makes long
 * first, and this one may not have followed yet.
 */
enum store_result
environment_stats(struct environment *environment, struct store_stats *stats)
{
	MDB_env *env = environment->env;
	struct stat status;
	MDB_envinfo info;
	MDB_stat pages;
	int descriptor;
	int code;

	assert(env != NULL);
	code = mdb_env_info(env, &info);
	if (code == MDB_SUCCESS)
		code = mdb_env_stat(env, &pages);
	if (code == MDB_SUCCESS)
		code = mdb_env_get_fd(env, &descriptor);
	if (code != MDB_SUCCESS)
		return environment_result(code);
	if (fstat(descriptor, &status) != 0)
		return STORE_UNAVAILABLE;
	stats->file_bytes = (uint64_t)status.st_size;
	stats->map_bytes = stats->file_bytes;
	stats->map_bytes_max = environment->map_bytes_max;
	stats->page_bytes = pages.ms_psize;
	stats->used_bytes = (info.me_last_pgno + 1) * stats->page_bytes;
	stats->last_transaction = info.me_last_txnid;
	stats->readers_max = info.me_maxreaders;
	return count_readers(env, stats);
}
