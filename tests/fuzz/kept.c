#include "kept.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/verify.h"
#include "fuzz.h"

struct kept_row {
	enum table table;
	struct text key;
	struct text value;
};

enum { KEPT_ROWS_MAX = 8192 };

static struct kept_row kept[KEPT_ROWS_MAX];
static size_t kept_count;

static bool
keep_row(struct text key, struct text value, void *context)
{
	struct kept_row *row = &kept[kept_count++];

	MUST(kept_count <= KEPT_ROWS_MAX);
	row->table = *(const enum table *)context;
	row->key = text_alone(key);
	row->value = text_alone(value);
	return true;
}

/* Adds the store's rows to those that are kept. */
static void
keep_rows(struct store *store)
{
	const struct store_range all = {TEXT_NONE, TEXT_NONE, false};
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_READ, &transaction);
	MUST(result == STORE_OK);
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		result = store_scan(transaction, table, &all, keep_row, &table);
		MUST(result == STORE_OK);
	}
	store_abort(transaction);
}

void
kept_take(struct store *store)
{
	MUST(kept_count == 0);
	keep_rows(store);
}

void
kept_restore(struct store *store)
{
	const size_t base = kept_count;
	struct transaction *transaction;
	enum store_result result;
	struct kept_row *row;

	keep_rows(store);
	result = store_begin(store, STORE_WRITE, &transaction);
	MUST(result == STORE_OK);
	while (kept_count > base) {
		row = &kept[--kept_count];
		result = store_delete(transaction, row->table, row->key);
		MUST(result == STORE_OK);
		free((void *)row->key.bytes);
		free((void *)row->value.bytes);
	}
	for (row = kept; row < kept + base; row++) {
		result =
		    store_put(transaction, row->table, row->key, row->value);
		MUST(result == STORE_OK);
	}
	result = store_commit(transaction);
	MUST(result == STORE_OK);
}

static void
say(const struct finding *finding, void *context)
{
	(void)context;
	(void)fprintf(stderr, "%s %s: %.*s %.*s\n", table_name(finding->table),
	    finding->row, TEXT_PRINT(finding->sentence),
	    TEXT_PRINT(finding->detail));
}

void
kept_verify(struct store *store)
{
	struct verification_summary summary;
	enum store_result result = verify_store(store, say, NULL, &summary);

	MUST(result == STORE_OK);
	MUST(summary.findings == 0);
}
