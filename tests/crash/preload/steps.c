/*
 * Preloaded into intentd for a test: a courier dies that reads more rows of
 * LMDB than STEP_ROWS_MAX without waiting for anything in between, which would
 * look like a hang once that takes for long.
 */
#include <dlfcn.h>
#include <lmdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { NAME_BYTES = 16 };

static long rows;

static bool
is_courier(void)
{
	char name[NAME_BYTES] = "";

	(void)prctl(PR_GET_NAME, name);
	return strcmp(name, "intentd-courier") == 0;
}

int
mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *) =
	    (int (*)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *))dlsym(
		RTLD_NEXT, "mdb_get");
	const char *most = getenv("STEP_ROWS_MAX");

	if (most != NULL && ++rows > atol(most) && is_courier())
		__builtin_trap();
	return real(txn, dbi, key, data);
}

int
poll(struct pollfd *files, nfds_t count, int wait_ms)
{
	int (*real)(struct pollfd *, nfds_t, int) =
	    (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");

	rows = 0;
	return real(files, count, wait_ms);
}
