/*
 * The pages of an LMDB file, read by hand: LMDB believes them, and follows a
 * damaged one into memory that is not its own, or writes to a page that is in
 * use.  So they are looked at before it is let in (the meta pages and the
 * directory of tables, at each open), and all of them by `intentctl verify`.
 *
 * The format is that of LMDB 0.9 on a 64-bit host (mdb.c: MDB_page, MDB_node,
 * MDB_db, MDB_meta).
 */
#ifndef STORE_LMDB_PAGES_H
#define STORE_LMDB_PAGES_H

#include <stddef.h>
#include <stdint.h>

enum { PAGES_REASON_BYTES = 160 };

enum pages_depth {
	PAGES_DIRECTORY, /* the meta pages, and that all tables begin well */
	PAGES_ALL,	 /* every page of every table, and the free ones */
};

enum pages_result {
	PAGES_SOUND,
	PAGES_DAMAGED, /* `reason` has the page and what is wrong */
	PAGES_MOVED,   /* a writer beside has gone on: look again */
	PAGES_FAILED,  /* errno says why they cannot be read */
};

/*
 * Looks at the file `descriptor`, which must not get shorter meanwhile.
 * `transaction`: the state to look at, which a reader keeps (mdb_txn_id());
 * 0: the latest one.
 */
enum pages_result pages_check(int descriptor, uint64_t transaction,
    enum pages_depth depth, char reason[PAGES_REASON_BYTES])
    __attribute__((warn_unused_result));

#endif
