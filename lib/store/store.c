/*
 * What is the same for every backend: the contract of store.h as assertions,
 * before the backend is called and after it has answered.
 */
#include "store/store.h"

#include <assert.h>

#include "base/limits.h"

static const char *const table_names[] = {
#define TABLE(id, name) [TABLE_##id] = name,
#include "store/tables.def"
#undef TABLE
};

_Static_assert(sizeof(table_names) / sizeof(table_names[0]) == TABLE_COUNT,
    "every table has a name");

static const char *const result_names[] = {
    [STORE_OK] = "ok",
    [STORE_MISSING] = "missing",
    [STORE_CONFLICT] = "conflict",
    [STORE_FULL] = "full",
    [STORE_UNAVAILABLE] = "unavailable",
    [STORE_UNKNOWN] = "unknown",
    [STORE_DAMAGED] = "damaged",
};

_Static_assert(
    sizeof(result_names) / sizeof(result_names[0]) == STORE_DAMAGED + 1,
    "every result has a name");

const char *
table_name(enum table table)
{
	assert(table < TABLE_COUNT);
	return table_names[table];
}

const char *
store_result_name(enum store_result result)
{
	assert(result <= STORE_DAMAGED);
	return result_names[result];
}

static void
assert_text(struct text text)
{
	assert(text.bytes != NULL || text.length == 0);
}

static void
assert_key(struct text key)
{
	assert(key.bytes != NULL);
	assert(key.length >= 1);
	assert(key.length <= STORE_KEY_BYTES_MAX);
}

/* A bound of a range: as a key, or empty. */
static void
assert_bound(struct text bound)
{
	assert_text(bound);
	assert(bound.length <= STORE_KEY_BYTES_MAX);
}

static void
assert_transaction(const struct transaction *transaction)
{
	assert(transaction != NULL);
	assert(transaction->store != NULL);
}

static void
assert_write(const struct transaction *transaction)
{
	assert_transaction(transaction);
	assert(transaction->mode == STORE_WRITE);
}

void
store_close(struct store *store)
{
	assert(store != NULL);
	store->operations->close(store);
}

enum store_result
store_begin(
    struct store *store, enum store_mode mode, struct transaction **transaction)
{
	enum store_result result;

	assert(store != NULL);
	assert(transaction != NULL);
	*transaction = NULL;
	result = store->operations->begin(store, mode, transaction);
	assert(result != STORE_MISSING && result != STORE_UNKNOWN);
	assert((result == STORE_OK) == (*transaction != NULL));
	if (result != STORE_OK)
		return result;
	assert((*transaction)->store == store);
	assert((*transaction)->mode == mode);
	return STORE_OK;
}

enum store_result
store_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	enum store_result result;

	assert_transaction(transaction);
	assert(table < TABLE_COUNT);
	assert_key(key);
	assert(value != NULL);
	*value = TEXT_NONE;
	result =
	    transaction->store->operations->get(transaction, table, key, value);
	assert(result != STORE_UNKNOWN);
	assert((result == STORE_OK) == (value->bytes != NULL));
	return result;
}

enum store_result
store_get_many(
    struct transaction *transaction, struct store_read *reads, size_t count)
{
	assert(reads != NULL || count == 0);
	for (size_t i = 0; i < count; i++) {
		struct store_read *read = &reads[i];

		read->result = store_get(
		    transaction, read->table, read->key, &read->value);
		if (read->result != STORE_OK && read->result != STORE_MISSING)
			return read->result;
	}
	return STORE_OK;
}

enum store_result
store_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	enum store_result result;

	assert_write(transaction);
	assert(table < TABLE_COUNT);
	assert_key(key);
	assert_text(value);
	result =
	    transaction->store->operations->put(transaction, table, key, value);
	assert(result != STORE_MISSING && result != STORE_UNKNOWN);
	return result;
}

enum store_result
store_delete(struct transaction *transaction, enum table table, struct text key)
{
	enum store_result result;

	assert_write(transaction);
	assert(table < TABLE_COUNT);
	assert_key(key);
	result =
	    transaction->store->operations->delete (transaction, table, key);
	assert(result != STORE_UNKNOWN);
	return result;
}

enum store_result
store_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	enum store_result result;

	assert_transaction(transaction);
	assert(table < TABLE_COUNT);
	assert(range != NULL && visit != NULL);
	assert_bound(range->first);
	assert_bound(range->end);
	result = transaction->store->operations->scan(
	    transaction, table, range, visit, context);
	assert(result != STORE_MISSING && result != STORE_UNKNOWN);
	return result;
}

enum store_result
store_commit(struct transaction *transaction)
{
	enum store_result result;
	enum store_mode mode;

	assert_transaction(transaction);
	mode = transaction->mode;
	result = transaction->store->operations->commit(transaction);
	assert(result != STORE_MISSING);
	/* A reader's commit ends a look at the past: nothing can fail. */
	assert(mode == STORE_WRITE || result == STORE_OK);
	return result;
}

void
store_abort(struct transaction *transaction)
{
	assert_transaction(transaction);
	transaction->store->operations->abort(transaction);
}

enum store_result
store_grow(struct store *store)
{
	enum store_result result;

	assert(store != NULL);
	result = store->operations->grow(store);
	assert(result != STORE_MISSING && result != STORE_CONFLICT);
	assert(result != STORE_UNKNOWN);
	return result;
}

enum store_result
store_count(struct transaction *transaction, enum table table, uint64_t *count)
{
	enum store_result result;

	assert_transaction(transaction);
	assert(table < TABLE_COUNT);
	assert(count != NULL);
	*count = 0;
	result =
	    transaction->store->operations->count(transaction, table, count);
	assert(result == STORE_OK || *count == 0);
	return result;
}

enum store_result
store_stats(struct store *store, struct store_stats *stats)
{
	enum store_result result;

	assert(store != NULL);
	assert(stats != NULL);
	*stats = (struct store_stats){0};
	result = store->operations->stats(store, stats);
	assert(result == STORE_OK || result == STORE_UNAVAILABLE ||
	       result == STORE_DAMAGED);
	return result;
}

bool
store_is_lost(const struct store *store)
{
	assert(store != NULL);
	return store->operations->is_lost(store);
}
