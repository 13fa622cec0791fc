#include "store/lmdb_metas.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

enum {
	NODE_BYTES = 8,
	TREE_BYTES = 48,
	DEPTH_MAX = 32, /* CURSOR_STACK */
	TABLES_MAX = 128,
};

#define NO_PAGE UINT64_MAX

/* mn_flags of a leaf */
enum { NODE_BIG = 1, NODE_TABLE = 2 };
/* md_flags */
enum { TREE_INTEGERS = 8 };

struct last_key {
	uint8_t bytes[STORE_KEY_BYTES_MAX];
	size_t length;
	bool any;
	bool may_equal; /* it stands in a branch, for the next one's least */
};

struct walk {
	int descriptor;
	struct meta meta;
	uint8_t *seen;	  /* owned; a bit a page */
	uint8_t *buffers; /* owned; a page for each level */
	char *reason;
	enum pages_result result;
	enum pages_depth depth;
	/* Of the tree that is walked. */
	const struct tree *tree;
	struct tree counted;
	struct last_key last;
	/* Of the directory. */
	struct tree found[TABLES_MAX];
	unsigned found_count;
};

static bool
damaged(struct walk *walk, uint64_t page, const char *what)
{
	if (walk->result == PAGES_SOUND)
		walk->result = metas_damaged(walk->reason, page, what);
	return false;
}

/* -- Pages ----------------------------------------------------------------- */

/* Marks pages that are used for something, each for one thing. */
static bool
claim(struct walk *walk, uint64_t from, uint64_t page, uint64_t count)
{
	if (page < META_COUNT || page > walk->meta.last_page ||
	    count - 1 > walk->meta.last_page - page)
		return damaged(walk, from, "it leads out of the file");
	for (uint64_t i = page; i < page + count; i++) {
		if ((walk->seen[i / 8] & 1U << i % 8) != 0)
			return damaged(
			    walk, i, "it is used for two things, or is free");
		walk->seen[i / 8] |= (uint8_t)(1U << i % 8);
	}
	return true;
}

/* What lies `behind` bytes behind a page's begin. */
static bool
read_bytes(
    struct walk *walk, uint64_t page, size_t behind, uint8_t *to, size_t count)
{
	const off_t place = (off_t)(page * walk->meta.page_bytes + behind);
	ssize_t got;

	do
		got = pread(walk->descriptor, to, count, place);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		walk->result = PAGES_FAILED;
		return false;
	}
	return (size_t)got == count ||
	       damaged(walk, page, "the file ends before it");
}

/* Of a branch or a leaf: what is on it stays on it. */
static bool
check_header(struct walk *walk, uint64_t page, const uint8_t *bytes)
{
	uint16_t flags = le16_at(bytes + 10);
	uint32_t lower = le16_at(bytes + 12);
	uint32_t upper = le16_at(bytes + 14);
	uint32_t least = flags == PAGE_BRANCH ? 2 : 1;

	if (le64_at(bytes) != page)
		return damaged(walk, page, "it has another page's number");
	if (flags != PAGE_BRANCH && flags != PAGE_LEAF)
		return damaged(walk, page, "it is neither branch nor leaf");
	if (lower % 2 != 0 || lower < HEADER_BYTES + 2 * least ||
	    upper < lower || upper > walk->meta.page_bytes)
		return damaged(walk, page, "its bounds are wrong");
	return true;
}

static unsigned
node_count(const uint8_t *bytes)
{
	return (unsigned)(le16_at(bytes + 12) - HEADER_BYTES) / 2;
}

struct node {
	const uint8_t *key;
	size_t key_bytes;
	const uint8_t *value; /* of a leaf; where it is big, its page */
	size_t value_bytes;
	uint16_t flags;
	uint64_t child; /* of a branch */
};

static bool
read_node(struct walk *walk, uint64_t page, const uint8_t *bytes,
    unsigned index, struct node *node)
{
	const uint32_t end = walk->meta.page_bytes;
	const bool is_leaf = le16_at(bytes + 10) == PAGE_LEAF;
	uint32_t place = le16_at(bytes + HEADER_BYTES + 2 * index);
	uint64_t low;
	size_t held;

	if (place < le16_at(bytes + 14) || place % 2 != 0 ||
	    place + NODE_BYTES > end)
		return damaged(walk, page, "a row is not on it");
	bytes += place;
	low = le32_at(bytes);
	node->flags = le16_at(bytes + 4);
	node->key_bytes = le16_at(bytes + 6);
	node->key = bytes + NODE_BYTES;
	node->value = node->key + node->key_bytes;
	node->value_bytes = is_leaf ? (size_t)low : 0;
	node->child = low | (uint64_t)node->flags << 32;
	held = is_leaf && (node->flags & NODE_BIG) != 0 ? sizeof(uint64_t)
							: node->value_bytes;
	if (place + NODE_BYTES + node->key_bytes + held > end)
		return damaged(walk, page, "a row is longer than it");
	if (node->key_bytes > STORE_KEY_BYTES_MAX)
		return damaged(walk, page, "a key is longer than any");
	if (is_leaf && (node->flags & ~(NODE_BIG | NODE_TABLE)) != 0)
		return damaged(walk, page, "a row is of no kind");
	return true;
}

/* As mdb_cmp_memn(), or of native integers. */
static int
compare(const struct walk *walk, const uint8_t *key, size_t length)
{
	const struct last_key *last = &walk->last;
	size_t common = length < last->length ? length : last->length;
	int order;

	if ((walk->tree->flags & TREE_INTEGERS) != 0) {
		uint64_t left = le64_at(last->bytes);
		uint64_t right = le64_at(key);

		return left < right ? -1 : left > right;
	}
	order = memcmp(last->bytes, key, common);
	if (order != 0)
		return order;
	return last->length < length ? -1 : last->length > length;
}

/* Keys ascend, within pages and from one to the next. */
static bool
follow(
    struct walk *walk, uint64_t page, const struct node *node, bool separates)
{
	struct last_key *last = &walk->last;
	int order;

	if ((walk->tree->flags & TREE_INTEGERS) != 0 &&
	    node->key_bytes != sizeof(uint64_t))
		return damaged(walk, page, "a key is no number");
	if (node->key_bytes == 0)
		return damaged(walk, page, "a key is empty");
	order = last->any ? compare(walk, node->key, node->key_bytes) : -1;
	if (order > 0 || (order == 0 && !last->may_equal))
		return damaged(walk, page, "its keys are out of order");
	memcpy(last->bytes, node->key, node->key_bytes);
	last->length = node->key_bytes;
	last->any = true;
	last->may_equal = separates;
	return true;
}

/* -- Rows ------------------------------------------------------------------ */

static bool
check_big(struct walk *walk, uint64_t from, const struct node *node)
{
	uint64_t page = le64_at(node->value);
	uint64_t needed =
	    (HEADER_BYTES - 1 + node->value_bytes) / walk->meta.page_bytes + 1;
	uint8_t header[HEADER_BYTES];
	uint32_t pages;

	if (!claim(walk, from, page, 1) ||
	    !read_bytes(walk, page, 0, header, sizeof(header)))
		return false;
	pages = le32_at(header + 12);
	if (le64_at(header) != page || le16_at(header + 10) != PAGE_OVERFLOW ||
	    pages < needed)
		return damaged(walk, page, "it is no value's");
	walk->counted.overflows += pages;
	return pages == 1 || claim(walk, page, page + 1, pages - 1);
}

static bool
check_table(struct walk *walk, uint64_t page, const struct node *node)
{
	if (walk->tree != &walk->meta.tables ||
	    node->value_bytes != TREE_BYTES || walk->found_count == TABLES_MAX)
		return damaged(walk, page, "it names a table that is none");
	walk->found[walk->found_count] = metas_tree(node->value);
	if (walk->found[walk->found_count++].flags != 0)
		return damaged(walk, page, "a table is of another kind");
	return true;
}

/* The whole of a value; false: `result` says why. */
static bool
read_value(struct walk *walk, const struct node *node, uint8_t *to)
{
	if ((node->flags & NODE_BIG) == 0) {
		memcpy(to, node->value, node->value_bytes);
		return true;
	}
	return read_bytes(
	    walk, le64_at(node->value), HEADER_BYTES, to, node->value_bytes);
}

/* The numbers of free pages: how many, then each. */
static bool
check_free(struct walk *walk, uint64_t page, const struct node *node)
{
	uint8_t *list;
	uint64_t count;
	bool sound;

	if (node->value_bytes < sizeof(count))
		return damaged(walk, page, "a list of free pages is cut off");
	list = malloc(node->value_bytes);
	if (list == NULL) {
		walk->result = PAGES_FAILED;
		return false;
	}
	sound = read_value(walk, node, list);
	count = sound ? le64_at(list) : 0;
	sound = sound &&
		(count < node->value_bytes / sizeof(count) ||
		    damaged(walk, page, "a list of free pages is too long"));
	for (uint64_t i = 1; sound && i <= count; i++)
		sound = claim(walk, page, le64_at(list + i * sizeof(count)), 1);
	free(list);
	return sound;
}

static bool
check_row(struct walk *walk, uint64_t page, const struct node *node)
{
	walk->counted.entries++;
	if (!follow(walk, page, node, false))
		return false;
	if ((node->flags & NODE_BIG) != 0 && !check_big(walk, page, node))
		return false;
	if (walk->tree == &walk->meta.tables || (node->flags & NODE_TABLE) != 0)
		return (node->flags & NODE_TABLE) != 0
			   ? check_table(walk, page, node)
			   : damaged(walk, page, "it names no table");
	return walk->tree != &walk->meta.free || check_free(walk, page, node);
}

/* -- Trees ----------------------------------------------------------------- */

static bool walk_page(
    struct walk *walk, uint64_t from, uint64_t page, unsigned level);

static bool
walk_node(struct walk *walk, uint64_t page, unsigned level, unsigned index,
    const uint8_t *bytes)
{
	struct node node;

	if (!read_node(walk, page, bytes, index, &node))
		return false;
	if (le16_at(bytes + 10) == PAGE_LEAF)
		return check_row(walk, page, &node);
	/* The first key of a branch is not looked at (mdb_node_search). */
	if (index > 0 && !follow(walk, page, &node, true))
		return false;
	return walk_page(walk, page, node.child, level + 1);
}

static bool
walk_page(struct walk *walk, uint64_t from, uint64_t page, unsigned level)
{
	uint8_t *bytes = walk->buffers + level * walk->meta.page_bytes;
	bool is_leaf;

	if (!claim(walk, from, page, 1) ||
	    !read_bytes(walk, page, 0, bytes, walk->meta.page_bytes) ||
	    !check_header(walk, page, bytes))
		return false;
	is_leaf = le16_at(bytes + 10) == PAGE_LEAF;
	if (is_leaf != (level + 1 == walk->tree->depth))
		return damaged(walk, page, "its tree is of another height");
	if (is_leaf)
		walk->counted.leaves++;
	else
		walk->counted.branches++;
	for (unsigned i = 0; i < node_count(bytes); i++)
		if (!walk_node(walk, page, level, i, bytes))
			return false;
	return true;
}

static bool
walk_tree(struct walk *walk, const struct tree *tree)
{
	const struct tree *counted = &walk->counted;

	if (tree->root == NO_PAGE)
		return (tree->depth == 0 && tree->entries == 0) ||
		       damaged(walk, 0, "a table has rows and no page");
	if (tree->depth == 0 || tree->depth > DEPTH_MAX)
		return damaged(walk, tree->root, "its tree has no height");
	walk->tree = tree;
	walk->counted = (struct tree){0};
	walk->last.any = false;
	if (!walk_page(walk, 0, tree->root, 0))
		return false;
	return (counted->branches == tree->branches &&
		   counted->leaves == tree->leaves &&
		   counted->overflows == tree->overflows &&
		   counted->entries == tree->entries) ||
	       damaged(walk, tree->root, "its tree has other pages or rows");
}

/* Where each table begins, as LMDB will read it at its first look. */
static bool
check_roots(struct walk *walk)
{
	uint8_t *bytes = walk->buffers;

	for (unsigned i = 0; i < walk->found_count; i++) {
		uint64_t root = walk->found[i].root;

		if (root != NO_PAGE &&
		    (!claim(walk, walk->meta.tables.root, root, 1) ||
			!read_bytes(
			    walk, root, 0, bytes, walk->meta.page_bytes) ||
			!check_header(walk, root, bytes)))
			return false;
	}
	return true;
}

static bool
walk_all(struct walk *walk)
{
	if (walk->meta.tables.flags != 0 ||
	    (walk->meta.free.flags & TREE_INTEGERS) == 0)
		return damaged(walk, 0, "its trees are of another kind");
	if (!walk_tree(walk, &walk->meta.tables))
		return false;
	if (walk->depth == PAGES_DIRECTORY)
		return check_roots(walk);
	for (unsigned i = 0; i < walk->found_count; i++)
		if (!walk_tree(walk, &walk->found[i]))
			return false;
	return walk_tree(walk, &walk->meta.free);
}

/* -- The file -------------------------------------------------------------- */

static bool
check_length(struct walk *walk)
{
	struct stat status;

	if (fstat(walk->descriptor, &status) != 0) {
		walk->result = PAGES_FAILED;
		return false;
	}
	if (walk->meta.last_page >=
	    (uint64_t)status.st_size / walk->meta.page_bytes) {
		walk->result = PAGES_DAMAGED;
		(void)snprintf(walk->reason, PAGES_REASON_BYTES,
		    "The store's file is shorter than its contents.");
		return false;
	}
	return true;
}

static bool
walk_file(struct walk *walk)
{
	if (!check_length(walk))
		return false;
	walk->seen = calloc(walk->meta.last_page / 8 + 1, 1);
	walk->buffers = malloc((size_t)DEPTH_MAX * walk->meta.page_bytes);
	if (walk->seen == NULL || walk->buffers == NULL) {
		walk->result = PAGES_FAILED;
		return false;
	}
	return walk_all(walk);
}

/*
 * The pages of the latest state stay as they are until a commit has followed:
 * beside one that has, what was found says nothing.
 */
static bool
has_moved(const struct walk *walk)
{
	char reason[PAGES_REASON_BYTES];
	struct meta meta;

	return metas_read(walk->descriptor, 0, &meta, reason) != PAGES_SOUND ||
	       meta.transaction != walk->meta.transaction;
}

enum pages_result
pages_check(int descriptor, uint64_t transaction, enum pages_depth depth,
    char reason[PAGES_REASON_BYTES])
{
	struct walk *walk = calloc(1, sizeof(*walk));
	enum pages_result result = PAGES_FAILED;

	if (walk == NULL)
		return result;
	walk->descriptor = descriptor;
	walk->reason = reason;
	walk->depth = depth;
	reason[0] = '\0';
	walk->result = metas_read(descriptor, transaction, &walk->meta, reason);
	if (walk->result == PAGES_SOUND && !walk_file(walk) &&
	    walk->result == PAGES_DAMAGED && transaction == 0 &&
	    has_moved(walk))
		walk->result = PAGES_MOVED;
	result = walk->result;
	free(walk->seen);
	free(walk->buffers);
	free(walk);
	return result;
}
