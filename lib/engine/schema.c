/*
 * What a store says of itself: its schema, its last batch and its last probe;
 * and the operator's walk over it.
 */
#include <string.h>

#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/work.h"

/* Raised when what is stored changes its shape. */
#define SCHEMA TEXT("intentd store, schema 1")

enum store_result
schema_check(struct transaction *transaction)
{
	enum store_result result;
	struct text schema;

	result = store_get(transaction, TABLE_META, SCHEMA_KEY, &schema);
	if (result != STORE_OK)
		return result;
	return text_equal(schema, SCHEMA) ? STORE_OK : STORE_DAMAGED;
}

enum store_result
engine_check_store(struct store *store)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_check(transaction);
	store_abort(transaction);
	return result;
}

enum store_result
engine_init_store(struct store *store)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_check(transaction);
	if (result != STORE_MISSING) {
		store_abort(transaction);
		return result;
	}
	result = store_put(transaction, TABLE_META, SCHEMA_KEY, SCHEMA);
	if (result == STORE_OK)
		return store_commit(transaction);
	store_abort(transaction);
	return result;
}

/* A mark as its row has it: the generation, then the number. */
enum { NUMBER_BYTES = MARK_BYTES - GENERATION_BYTES };

enum store_result
engine_put_mark(struct transaction *transaction, const struct batch_mark *mark)
{
	uint8_t bytes[MARK_BYTES];

	_Static_assert((int)NUMBER_BYTES == (int)sizeof(mark->number),
	    "the number fills what is left of the row");
	memcpy(bytes, mark->generation, GENERATION_BYTES);
	bytes_put_le64(bytes + GENERATION_BYTES, mark->number);
	return store_put(transaction, TABLE_META, MARK_KEY,
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

static enum store_result
get_mark(struct transaction *transaction, struct batch_mark *mark)
{
	enum store_result result;
	struct text row;

	result = store_get(transaction, TABLE_META, MARK_KEY, &row);
	if (result != STORE_OK)
		return result;
	if (row.length != MARK_BYTES)
		return STORE_DAMAGED;
	memcpy(mark->generation, row.bytes, GENERATION_BYTES);
	mark->number =
	    bytes_get_le64((const uint8_t *)row.bytes + GENERATION_BYTES);
	return STORE_OK;
}

enum store_result
engine_get_mark(struct store *store, struct batch_mark *mark)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = get_mark(transaction, mark);
	store_abort(transaction);
	return result;
}

void
engine_probe(struct instant now, struct command *command)
{
	command_init(command, COMMAND_PROBE);
	command->now = now;
}

enum store_result
probe_write(struct work *work)
{
	uint8_t bytes[PROBE_BYTES];

	bytes_put_le64(bytes, (uint64_t)work->command->now.us);
	work->wrote = true;
	return store_put(work->transaction, TABLE_META, PROBE_KEY,
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

enum store_result
engine_visit(
    struct engine *engine, enum table table, record_visit *visit, void *context)
{
	struct store_range everything = {TEXT(""), TEXT(""), false};
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_scan(transaction, table, &everything, visit, context);
	store_abort(transaction);
	return result;
}
