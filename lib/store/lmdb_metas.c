#include "store/lmdb_metas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	META_BYTES = 16 + 8 + 8 + 8 + 2 * 48 + 8 + 8,
	PAGE_BYTES_MIN = 512,
	READS_MAX = 4,
};

_Static_assert((int)HEADER_BYTES + (int)META_BYTES <= (int)PAGE_BYTES_MIN,
    "a meta page is looked at as far as it says something");

/* mm_magic and mm_version */
static const uint8_t magic[] = {0xde, 0xc0, 0xef, 0xbe, 1, 0, 0, 0};

enum pages_result
metas_damaged(char reason[PAGES_REASON_BYTES], uint64_t page, const char *what)
{
	(void)snprintf(reason, PAGES_REASON_BYTES,
	    "Page %" PRIu64 " of the store's file is damaged: %s.", page, what);
	return PAGES_DAMAGED;
}

struct tree
metas_tree(const uint8_t *at)
{
	return (struct tree){.flags = le16_at(at + 4),
	    .depth = le16_at(at + 6),
	    .branches = le64_at(at + 8),
	    .leaves = le64_at(at + 16),
	    .overflows = le64_at(at + 24),
	    .entries = le64_at(at + 32),
	    .root = le64_at(at + 40)};
}

/* `at`: behind the page's header. */
static struct meta
read_meta(const uint8_t *at)
{
	struct meta meta = {.page_bytes = le32_at(at + 24),
	    .free = metas_tree(at + 24),
	    .tables = metas_tree(at + 72),
	    .last_page = le64_at(at + 120),
	    .transaction = le64_at(at + 128)};

	/* Magic, version, address; the page's size and the file's flags. */
	memcpy(meta.lasting, at, 16);
	memcpy(meta.lasting + 16, at + 24, 6);
	return meta;
}

static bool
is_page_size(uint32_t bytes)
{
	return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX &&
	       (bytes & (bytes - 1)) == 0;
}

/* What is wrong with a page alone; NULL: nothing. */
static const char *
fault_of(unsigned page, const uint8_t *bytes, struct meta *meta)
{
	const uint8_t *body = bytes + HEADER_BYTES;

	*meta = read_meta(body);
	if (le64_at(bytes) != page || (le16_at(bytes + 10) & PAGE_META) == 0 ||
	    memcmp(body, magic, sizeof(magic)) != 0)
		return "it is no meta page";
	if (!is_page_size(meta->page_bytes))
		return "its page size is none";
	/* mdb_env_write_meta() chooses the page so; both begin with 0. */
	if ((meta->transaction & 1) != page && meta->transaction != 0)
		return "its transaction is the other's";
	return NULL;
}

/*
 * The two are of transactions that follow each other: where a number is
 * damaged, LMDB might go on with an older state.
 */
static const char *
contradiction_of(const struct meta metas[META_COUNT])
{
	const uint64_t first = metas[0].transaction;
	const uint64_t second = metas[1].transaction;

	if (memcmp(metas[0].lasting, metas[1].lasting,
		sizeof(metas[0].lasting)) != 0)
		return "it contradicts page 1";
	if (first + 1 != second && second + 1 != first &&
	    (first != 0 || second != 0))
		return "its transaction is not next to that of page 1";
	return NULL;
}

static enum pages_result
choose(const struct meta metas[META_COUNT], uint64_t transaction,
    struct meta *meta)
{
	unsigned latest = metas[1].transaction > metas[0].transaction;

	if (transaction != 0 && metas[latest].transaction != transaction)
		latest = !latest;
	*meta = metas[latest];
	return transaction == 0 || meta->transaction == transaction
		   ? PAGES_SOUND
		   : PAGES_MOVED;
}

static enum pages_result
read_once(int descriptor, uint64_t transaction, struct meta *meta,
    char reason[PAGES_REASON_BYTES])
{
	uint8_t bytes[2 * PAGE_BYTES_MAX] = {0};
	const ssize_t got = pread(descriptor, bytes, sizeof(bytes), 0);
	const uint32_t stride = le32_at(bytes + HEADER_BYTES + 24);
	struct meta metas[META_COUNT] = {0};
	const char *what;

	if (got < 0)
		return PAGES_FAILED;
	if (got < PAGE_BYTES_MIN || !is_page_size(stride) ||
	    got < (ssize_t)stride + PAGE_BYTES_MIN) {
		(void)snprintf(reason, PAGES_REASON_BYTES,
		    "The file is not a store of LMDB.");
		return PAGES_DAMAGED;
	}
	for (unsigned i = 0; i < META_COUNT; i++) {
		what = fault_of(i, bytes + i * stride, &metas[i]);
		if (what != NULL)
			return metas_damaged(reason, i, what);
	}
	what = contradiction_of(metas);
	return what != NULL ? metas_damaged(reason, 0, what)
			    : choose(metas, transaction, meta);
}

/*
 * The two are not read at one moment: beside a writer that commits between
 * them they contradict each other, which does not happen again and again.
 */
enum pages_result
metas_read(int descriptor, uint64_t transaction, struct meta *meta,
    char reason[PAGES_REASON_BYTES])
{
	const struct timespec ms = {.tv_nsec = 1000000};
	enum pages_result found = PAGES_DAMAGED;

	for (int i = 0; i < READS_MAX; i++) {
		reason[0] = '\0';
		found = read_once(descriptor, transaction, meta, reason);
		if (found != PAGES_DAMAGED)
			break;
		(void)nanosleep(&ms, NULL);
	}
	return found;
}
