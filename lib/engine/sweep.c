/*
 * The sweeper's work: what has expired is written down, from an index by
 * time.  Readers do not wait for it: to them a payment is expired from the
 * instant on (core/coin_intent.h).
 */
#include <assert.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/work.h"

enum { SWEEP_BATCH_MAX = 256 };

/* The places of what is due, oldest first. */
struct due {
	struct place places[SWEEP_BATCH_MAX];
	unsigned count;
	unsigned count_max;
	bool damaged;
};

static bool
due_visit(struct text key, struct text value, void *context)
{
	struct due *due = context;

	(void)value;
	if (key.length < 8 ||
	    !place_parse(text_after(key, 8), &due->places[due->count])) {
		due->damaged = true;
		return false;
	}
	due->count++;
	return due->count < due->count_max;
}

static enum store_result
find_due(struct transaction *transaction, struct instant now, struct due *due)
{
	struct store_key end = key_of_expiry_end(now);
	struct store_range range = {TEXT(""), key_text(&end), false};
	enum store_result result;

	result =
	    store_scan(transaction, TABLE_EXPIRIES, &range, due_visit, due);
	return result == STORE_OK && due->damaged ? STORE_DAMAGED : result;
}

/* The command that writes one expiry down; it is the same every time. */
static const struct command *
expire_command(
    struct engine *engine, const struct place *place, struct instant now)
{
	struct command *command = engine->notice;
	struct digest digest =
	    digest_text((struct text){(const char *)place->id.bytes, ID_BYTES});

	command_init(command, COMMAND_COIN_EXPIRE);
	command->scope.account = place->account;
	command->scope.mode = place->mode;
	command->target.id = place->id;
	command->now = now;
	/* The event's id: no other command makes one from this digest. */
	command->fresh = id_make(now, digest.bytes);
	return command;
}

static enum store_result
sweep(struct engine *engine, struct transaction *transaction,
    struct instant now, struct due *due)
{
	enum store_result result = find_due(transaction, now, due);

	for (unsigned i = 0; result == STORE_OK && i < due->count; i++) {
		bool wrote;

		result = engine_execute(engine, transaction,
		    expire_command(engine, &due->places[i], now), engine->swept,
		    &wrote);
		/* Else the row would be due for ever. */
		if (result == STORE_OK && !wrote)
			result = STORE_DAMAGED;
	}
	return result;
}

enum store_result
engine_sweep(
    struct engine *engine, struct instant now, unsigned batch, unsigned *count)
{
	struct due due = {.count_max = batch};
	struct transaction *transaction;
	enum store_result result;

	assert(batch >= 1 && batch <= SWEEP_BATCH_MAX);
	*count = 0;
	/* Looked at first without the writers' lock: mostly nothing is due. */
	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = find_due(transaction, now, &due);
	store_abort(transaction);
	if (result != STORE_OK || due.count == 0)
		return result;
	due.count = 0;
	result = store_begin(engine->store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = sweep(engine, transaction, now, &due);
	if (result != STORE_OK) {
		store_abort(transaction);
		return result;
	}
	result = store_commit(transaction);
	if (result == STORE_OK)
		*count = due.count;
	else if (result == STORE_UNKNOWN)
		engine->lost = true;
	return result;
}

enum store_result
engine_find_coin(
    struct engine *engine, struct id id, struct outcome *outcome, bool *live)
{
	struct work work = {.engine = engine, .outcome = outcome};
	struct store_key key = key_of_place(id);
	struct coin_intent intent;
	enum store_result result;
	struct place place;
	struct text value;

	arena_reset(&engine->arena);
	outcome_init(outcome);
	result = store_begin(engine->store, STORE_READ, &work.transaction);
	if (result != STORE_OK)
		return result;
	result =
	    store_get(work.transaction, TABLE_PLACES, key_text(&key), &value);
	if (result == STORE_OK && !place_parse(value, &place))
		result = STORE_DAMAGED;
	if (result == STORE_OK)
		result = work_load_key(&work, TABLE_COIN_INTENTS,
		    KIND_COIN_INTENT, value, &intent);
	store_abort(work.transaction);
	if (result != STORE_OK)
		return result;
	*live = place.mode == MODE_LIVE;
	outcome_put(outcome, KIND_COIN_INTENT, &intent);
	return STORE_OK;
}
