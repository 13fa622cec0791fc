/*
 * The two meta pages of an LMDB file, and what its other pages have in common
 * with them.  Private to lmdb_pages.c, which see.
 */
#ifndef STORE_LMDB_METAS_H
#define STORE_LMDB_METAS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "store/lmdb_pages.h"

enum { META_COUNT = 2, HEADER_BYTES = 16, PAGE_BYTES_MAX = 0x8000 };

/* mp_flags */
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };

/* MDB_db */
struct tree {
	uint16_t flags;
	uint16_t depth;
	uint64_t branches, leaves, overflows, entries;
	uint64_t root;
};

/* MDB_meta; of what is the same in both pages, the bytes. */
struct meta {
	uint8_t lasting[2 * sizeof(uint32_t) + 8 + 4 + 2];
	uint32_t page_bytes;
	struct tree free, tables;
	uint64_t last_page;
	uint64_t transaction;
};

/* Numbers, little-endian as on every host that this is built for. */
#define TAKE(name, type)                             \
	static inline type name(const uint8_t *at)   \
	{                                            \
		type number;                         \
		memcpy(&number, at, sizeof(number)); \
		return number;                       \
	}

TAKE(le16_at, uint16_t)
TAKE(le32_at, uint32_t)
TAKE(le64_at, uint64_t)

/* The sentence about a page; returns PAGES_DAMAGED. */
enum pages_result metas_damaged(
    char reason[PAGES_REASON_BYTES], uint64_t page, const char *what);

/* Of its 48 bytes. */
struct tree metas_tree(const uint8_t *at);

/*
 * The state of a transaction, or for 0 the latest one; results as of
 * pages_check().
 */
enum pages_result metas_read(int descriptor, uint64_t transaction,
    struct meta *meta, char reason[PAGES_REASON_BYTES])
    __attribute__((warn_unused_result));

#endif
