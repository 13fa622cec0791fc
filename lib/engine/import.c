#include "engine/import.h"

#include <assert.h>

#include "engine/work.h"

/* What a batch is told and what it has come to. */
struct batch {
	const struct command *const *commands;
	size_t count;
	import_visit *visit;
	void *context;
	bool wrote;
	bool ended;
};

static enum store_result
run_all(
    struct engine *engine, struct transaction *transaction, struct batch *batch)
{
	struct outcome *outcome = engine->swept;
	enum store_result result;
	bool wrote;

	for (size_t i = 0; i < batch->count && !batch->ended; i++) {
		result = engine_execute(
		    engine, transaction, batch->commands[i], outcome, &wrote);
		if (result != STORE_OK)
			return result;
		assert(!outcome->asks_outside);
		batch->wrote |= wrote;
		batch->ended = !batch->visit(i, outcome, batch->context);
	}
	return STORE_OK;
}

static enum store_result
run_batch(struct engine *engine, struct batch *batch)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = run_all(engine, transaction, batch);
	if (result != STORE_OK || batch->ended || !batch->wrote) {
		store_abort(transaction);
		return result;
	}
	return engine_commit(engine, transaction);
}

enum store_result
engine_import(struct engine *engine, const struct command *const *commands,
    size_t count, import_visit *visit, void *context, bool *ended)
{
	struct batch batch = {
	    .commands = commands,
	    .count = count,
	    .visit = visit,
	    .context = context,
	};
	enum store_result result;

	assert(count > 0);
	assert(engine->sandbox_latency.us == 0);
	result = run_batch(engine, &batch);
	*ended = batch.ended;
	return result;
}
