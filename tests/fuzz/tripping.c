#include "tripping.h"

static const struct store_operations *behind;
static struct store_operations operations;
static unsigned left; /* calls to the one that fails; 0: none does */
static enum store_result failure;
static bool tripped;

static bool
trips(void)
{
	if (left == 0 || --left > 0)
		return false;
	tripped = true;
	return true;
}

static enum store_result
tripping_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	return trips() ? failure : behind->get(transaction, table, key, value);
}

static enum store_result
tripping_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	return trips() ? failure : behind->put(transaction, table, key, value);
}

static enum store_result
tripping_delete(
    struct transaction *transaction, enum table table, struct text key)
{
	return trips() ? failure : behind->delete (transaction, table, key);
}

static enum store_result
tripping_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	return trips()
		   ? failure
		   : behind->scan(transaction, table, range, visit, context);
}

static enum store_result
tripping_commit(struct transaction *transaction)
{
	if (transaction->mode != STORE_WRITE || !trips())
		return behind->commit(transaction);
	behind->abort(transaction);
	return failure;
}

struct store *
tripping_open(struct store *store)
{
	behind = store->operations;
	operations = *behind;
	operations.get = tripping_get;
	operations.put = tripping_put;
	operations.delete = tripping_delete;
	operations.scan = tripping_scan;
	operations.commit = tripping_commit;
	store->operations = &operations;
	return store;
}

void
tripping_set(unsigned call, enum store_result result)
{
	left = call;
	failure = result;
	tripped = false;
}

bool
tripping_end(void)
{
	left = 0;
	return tripped;
}
