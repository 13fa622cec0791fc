/*
 * Preloaded into intentd for a test: whoever puts a value with the text of
 * POISON into LMDB dies of it, or with POISON_HANGS stays there.  No system
 * call but the one that hangs: the process may be confined.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>
#include <lmdb.h>

static bool
is_poison(const MDB_val *value)
{
	const char *text = getenv("POISON");

	return text != NULL && memmem(value->mv_data, value->mv_size, text,
				   strlen(text)) != NULL;
}

int
mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
	int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned) =
	    (int (*)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned))dlsym(
		RTLD_NEXT, "mdb_put");

	if (is_poison(data) && getenv("POISON_HANGS") != NULL)
		for (;;)
			(void)pause();
	if (is_poison(data))
		__builtin_trap();
	return real(txn, dbi, key, data, flags);
}
