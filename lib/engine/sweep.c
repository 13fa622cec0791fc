/*
 * The sweeper's work: what has expired is written down, from an index by
 * time.  Readers do not wait for it: to them a payment is expired from the
 * instant on (core/coin_intent.h).
 */
#include <assert.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/work.h"

struct finding_due {
	struct due *due;
	unsigned count_max;
	bool damaged;
};

static bool
due_visit(struct text key, struct text value, void *context)
{
	struct finding_due *finding = context;
	struct due *due = finding->due;

	(void)value;
	if (key.length < 8 ||
	    !place_parse(text_after(key, 8), &due->places[due->count])) {
		finding->damaged = true;
		return false;
	}
	due->count++;
	return due->count < finding->count_max;
}

static enum store_result
find_due(struct transaction *transaction, struct instant now, unsigned count,
    struct due *due)
{
	struct store_key end = key_of_expiry_end(now);
	struct store_range range = {TEXT(""), key_text(&end), false};
	struct finding_due finding = {.due = due, .count_max = count};
	enum store_result result;

	assert(count >= 1 && count <= DUE_MAX);
	due->count = 0;
	result = store_scan(
	    transaction, TABLE_EXPIRIES, &range, due_visit, &finding);
	return result == STORE_OK && finding.damaged ? STORE_DAMAGED : result;
}

enum store_result
engine_due(
    struct engine *engine, struct instant now, unsigned count, struct due *due)
{
	struct transaction *transaction;
	enum store_result result;

	due->count = 0;
	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = find_due(transaction, now, count, due);
	store_abort(transaction);
	return result;
}

/* It is the same command every time. */
void
engine_expire(const struct engine *engine, const struct place *place,
    struct instant now, struct command *command)
{
	bool kept;
	struct digest digest =
	    digest_text((struct text){(const char *)place->id.bytes, ID_BYTES});

	command_init(command, COMMAND_COIN_EXPIRE);
	command->scope.account = place->account;
	command->scope.mode = place->mode;
	command->target.id = place->id;
	command->now = now;
	kept = command_keep(command, engine->actor, &command->actor);
	assert(kept);
	/* The event's id: no other command makes one from this digest. */
	command->fresh = id_make(now, digest.bytes);
}

static enum store_result
sweep(struct engine *engine, struct transaction *transaction,
    struct instant now, unsigned batch, struct due *due)
{
	enum store_result result = find_due(transaction, now, batch, due);

	for (unsigned i = 0; result == STORE_OK && i < due->count; i++) {
		bool wrote;

		engine_expire(engine, &due->places[i], now, engine->notice);
		result = engine_execute(
		    engine, transaction, engine->notice, engine->swept, &wrote);
		/* Else the row would be due for ever. */
		if (result == STORE_OK && !wrote)
			result = STORE_DAMAGED;
	}
	return result;
}

/* Writes down what is due, in one transaction. */
static enum store_result
sweep_once(
    struct engine *engine, struct instant now, unsigned batch, struct due *due)
{
	struct transaction *transaction;
	enum store_result result;

	due->count = 0;
	result = store_begin(engine->store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = sweep(engine, transaction, now, batch, due);
	if (result != STORE_OK) {
		store_abort(transaction);
		return result;
	}
	return engine_commit(engine, transaction);
}

enum store_result
engine_sweep(
    struct engine *engine, struct instant now, unsigned batch, unsigned *count)
{
	enum store_result result;
	struct due due;

	assert(!engine->keeps_reads);
	*count = 0;
	/* Looked at first without the writers' lock: mostly nothing is due. */
	result = engine_due(engine, now, batch, &due);
	if (result != STORE_OK || due.count == 0)
		return result;
	do {
		result = sweep_once(engine, now, batch, &due);
	} while (engine_make_room(engine, result));
	if (result == STORE_OK)
		*count = due.count;
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
	result = read_begin(engine, &work.transaction);
	if (result != STORE_OK)
		return result;
	result =
	    store_get(work.transaction, TABLE_PLACES, key_text(&key), &value);
	if (result == STORE_OK && !place_parse(value, &place))
		result = STORE_DAMAGED;
	if (result == STORE_OK)
		result = work_load_key(&work, TABLE_COIN_INTENTS,
		    KIND_COIN_INTENT, value, &intent);
	damage_end(engine, result);
	read_end(engine, work.transaction, result);
	if (result != STORE_OK)
		return result;
	*live = place.mode == MODE_LIVE;
	outcome_put(outcome, KIND_COIN_INTENT, &intent);
	return STORE_OK;
}
