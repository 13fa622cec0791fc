/*
 * The schema of a store, and the operator's walk over it.
 */
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
