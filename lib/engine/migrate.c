/*
 * The migrations, one a version.  A step is never changed once it was
 * released: stores that are older still go through all of them.
 */
#include <assert.h>

#include "engine/schema.h"
#include "engine/work.h"

/*
 * Schema 2: committers have a row each, named after their server's generation,
 * where there was one for all; and there is an audit log, which begins here.
 */
static enum store_result
leave_schema_1(struct transaction *transaction)
{
	enum store_result result =
	    store_delete(transaction, TABLE_META, TEXT("batch"));

	return result == STORE_OK || result == STORE_MISSING
		   ? audit_put_first_state(transaction)
		   : result;
}

static const struct schema_step steps[] = {
    {1, "makes the tables that are new, and begins the audit log",
	leave_schema_1},
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == SCHEMA_VERSION - 1,
    "a step leads on from every older version");

const struct schema_step *
schema_step(unsigned from)
{
	if (from < 1 || from >= SCHEMA_VERSION)
		return NULL;
	assert(steps[from - 1].from == from);
	return &steps[from - 1];
}

static enum store_result
run(struct transaction *transaction, const struct schema_step *step)
{
	enum store_result result;
	struct schema schema;

	result = schema_read(transaction, &schema);
	if (result == STORE_OK && schema.version != step->from)
		return STORE_DAMAGED;
	if (result == STORE_OK)
		result = step->run(transaction);
	return result == STORE_OK ? schema_write(transaction, step->from + 1)
				  : result;
}

static enum store_result
run_once(struct store *store, const struct schema_step *step)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = run(transaction, step);
	if (result == STORE_OK)
		return store_commit(transaction);
	store_abort(transaction);
	return result;
}

enum store_result
engine_migrate(struct store *store, const struct schema_step *step)
{
	enum store_result result;

	do {
		result = run_once(store, step);
	} while (result == STORE_FULL && store_grow(store) == STORE_OK);
	return result;
}
