/*
 * The memory backend: a sorted array of rows per table.
 *
 * Rows never change and arrays are copied before they do, each counted by
 * those who hold it.  So a snapshot is a reference to each table's array, an
 * abort lets go of the copies, and a commit puts them in the place of the old
 * ones: nothing is ever undone.  The first write to a table costs its length,
 * which a test can afford.  It allocates as it goes, unlike what serves
 * requests, and takes a refusal of malloc for a bug of the test.
 */
#include "store/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct row {
	size_t references;
	size_t key_length;
	size_t value_length;
	char bytes[]; /* the key, then the value */
};

struct rows {
	size_t references;
	size_t count;
	size_t size;	    /* room, in rows */
	struct row **items; /* owned; by key, ascending */
};

struct memory_transaction {
	struct transaction base;
	bool open;
	struct rows *tables[TABLE_COUNT]; /* a reference each, while open */
};

struct memory {
	struct store base;
	struct rows *tables[TABLE_COUNT]; /* as last committed */
	struct memory_transaction read;
	struct memory_transaction write;
};

static void *
take(size_t size)
{
	void *memory = malloc(size);

	assert(memory != NULL);
	return memory;
}

static struct text
row_key(const struct row *row)
{
	return (struct text){row->bytes, row->key_length};
}

/* Not absent even if it is empty: it points behind the key. */
static struct text
row_value(const struct row *row)
{
	return (struct text){row->bytes + row->key_length, row->value_length};
}

static struct row *
row_new(struct text key, struct text value)
{
	struct row *row = take(sizeof(*row) + key.length + value.length);

	row->references = 1;
	row->key_length = key.length;
	row->value_length = value.length;
	memcpy(row->bytes, key.bytes, key.length);
	if (value.length > 0)
		memcpy(row->bytes + key.length, value.bytes, value.length);
	return row;
}

static void
row_release(struct row *row)
{
	assert(row->references > 0);
	row->references--;
	if (row->references == 0)
		free(row);
}

static struct rows *
rows_new(size_t size)
{
	struct rows *rows = take(sizeof(*rows));

	rows->references = 1;
	rows->count = 0;
	rows->size = size;
	rows->items = take(size * sizeof(rows->items[0]));
	return rows;
}

static void
rows_release(struct rows *rows)
{
	assert(rows->references > 0);
	rows->references--;
	if (rows->references > 0)
		return;
	for (size_t i = 0; i < rows->count; i++)
		row_release(rows->items[i]);
	free(rows->items);
	free(rows);
}

static struct rows *
rows_copy(const struct rows *from)
{
	struct rows *rows = rows_new(from->count + 1);

	for (size_t i = 0; i < from->count; i++) {
		rows->items[i] = from->items[i];
		rows->items[i]->references++;
	}
	rows->count = from->count;
	return rows;
}

/* The place of the first row whose key is `key` or greater. */
static size_t
rows_place(const struct rows *rows, struct text key)
{
	size_t low = 0;
	size_t high = rows->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (text_compare(row_key(rows->items[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the key is there; *place is where it is or would be. */
static bool
rows_find(const struct rows *rows, struct text key, size_t *place)
{
	*place = rows_place(rows, key);
	return *place < rows->count &&
	       text_equal(row_key(rows->items[*place]), key);
}

/* Opens a gap at `place`, which the caller fills. */
static void
rows_open_gap(struct rows *rows, size_t place)
{
	assert(place <= rows->count);
	if (rows->count == rows->size) {
		rows->size = rows->size * 2 + 1;
		rows->items =
		    realloc(rows->items, rows->size * sizeof(rows->items[0]));
		assert(rows->items != NULL);
	}
	memmove(&rows->items[place + 1], &rows->items[place],
	    (rows->count - place) * sizeof(rows->items[0]));
	rows->count++;
}

static void
rows_close_gap(struct rows *rows, size_t place)
{
	assert(place < rows->count);
	rows->count--;
	memmove(&rows->items[place], &rows->items[place + 1],
	    (rows->count - place) * sizeof(rows->items[0]));
}

/* The table's rows, of this transaction alone: copied if others hold them. */
static struct rows *
writable(struct memory_transaction *transaction, enum table table)
{
	struct rows *rows = transaction->tables[table];

	if (rows->references == 1)
		return rows;
	transaction->tables[table] = rows_copy(rows);
	rows_release(rows);
	return transaction->tables[table];
}

static struct memory *
memory_of(struct store *store)
{
	return (struct memory *)store;
}

static struct memory_transaction *
transaction_of(struct transaction *transaction)
{
	struct memory_transaction *ours =
	    (struct memory_transaction *)transaction;

	assert(ours->open);
	return ours;
}

static enum store_result
memory_begin(
    struct store *store, enum store_mode mode, struct transaction **transaction)
{
	struct memory *memory = memory_of(store);
	struct memory_transaction *ours =
	    mode == STORE_WRITE ? &memory->write : &memory->read;

	assert(!ours->open);
	ours->base = (struct transaction){.store = store, .mode = mode};
	ours->open = true;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		ours->tables[i] = memory->tables[i];
		ours->tables[i]->references++;
	}
	*transaction = &ours->base;
	return STORE_OK;
}

static enum store_result
memory_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	const struct rows *rows = transaction_of(transaction)->tables[table];
	size_t place;

	if (!rows_find(rows, key, &place))
		return STORE_MISSING;
	*value = row_value(rows->items[place]);
	return STORE_OK;
}

static enum store_result
memory_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	struct rows *rows = writable(transaction_of(transaction), table);
	/* Before anything is freed: the bytes given may be those of a row. */
	struct row *row = row_new(key, value);
	size_t place;

	if (rows_find(rows, key, &place))
		row_release(rows->items[place]);
	else
		rows_open_gap(rows, place);
	rows->items[place] = row;
	return STORE_OK;
}

static enum store_result
memory_delete(
    struct transaction *transaction, enum table table, struct text key)
{
	struct rows *rows = writable(transaction_of(transaction), table);
	struct row *row;
	size_t place;

	if (!rows_find(rows, key, &place))
		return STORE_MISSING;
	row = rows->items[place];
	rows_close_gap(rows, place);
	row_release(row);
	return STORE_OK;
}

static enum store_result
memory_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	const struct rows *rows = transaction_of(transaction)->tables[table];
	size_t first = rows_place(rows, range->first);
	size_t end =
	    range->end.length == 0 ? rows->count : rows_place(rows, range->end);

	for (size_t i = first; i < end; i++) {
		size_t place = range->descending ? end - 1 - (i - first) : i;
		const struct row *row = rows->items[place];

		if (!visit(row_key(row), row_value(row), context))
			break;
	}
	return STORE_OK;
}

static void
memory_abort(struct transaction *transaction)
{
	struct memory_transaction *ours = transaction_of(transaction);

	for (size_t i = 0; i < TABLE_COUNT; i++)
		rows_release(ours->tables[i]);
	ours->open = false;
}

static enum store_result
memory_commit(struct transaction *transaction)
{
	struct memory_transaction *ours = transaction_of(transaction);
	struct memory *memory = memory_of(transaction->store);

	if (transaction->mode == STORE_WRITE) {
		for (size_t i = 0; i < TABLE_COUNT; i++) {
			struct rows *old = memory->tables[i];

			memory->tables[i] = ours->tables[i];
			ours->tables[i] = old;
		}
	}
	memory_abort(transaction);
	return STORE_OK;
}

static enum store_result
memory_count(struct transaction *transaction, enum table table, uint64_t *count)
{
	struct memory_transaction *ours = transaction_of(transaction);

	*count = ours->tables[table]->count;
	return STORE_OK;
}

/* It has no bound that could be raised: there is no more room to be had. */
static enum store_result
memory_grow(struct store *store)
{
	struct memory *memory = memory_of(store);

	assert(!memory->read.open);
	assert(!memory->write.open);
	return STORE_FULL;
}

/* It has neither a map nor a file. */
static enum store_result
memory_stats(struct store *store, struct store_stats *stats)
{
	stats->readers = memory_of(store)->read.open;
	return STORE_OK;
}

static bool
memory_is_lost(const struct store *store)
{
	(void)store;
	return false;
}

static void
memory_close(struct store *store)
{
	struct memory *memory = memory_of(store);

	assert(!memory->read.open);
	assert(!memory->write.open);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		assert(memory->tables[i]->references == 1);
		rows_release(memory->tables[i]);
	}
	free(memory);
}

static const struct store_operations memory_operations = {
    .close = memory_close,
    .begin = memory_begin,
    .get = memory_get,
    .put = memory_put,
    .delete = memory_delete,
    .scan = memory_scan,
    .commit = memory_commit,
    .abort = memory_abort,
    .grow = memory_grow,
    .count = memory_count,
    .stats = memory_stats,
    .is_lost = memory_is_lost,
};

struct store *
memory_open(void)
{
	struct memory *memory = take(sizeof(*memory));

	*memory = (struct memory){.base = {&memory_operations}};
	for (size_t i = 0; i < TABLE_COUNT; i++)
		memory->tables[i] = rows_new(1);
	return &memory->base;
}
