/*
 * Idempotency records: what a request with a key came to, written with its
 * effect (contract, README section 3).
 *
 * The index is small: 16 bytes of digest lead to the record's place.  The
 * record lies in order of time and carries the whole digest.
 */
#include <assert.h>
#include <string.h>

#include "core/bundle.h"
#include "engine/work.h"

static bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Fills the outcome with an earlier one; damaged: no such error. */
static enum store_result
replay(struct outcome *outcome, const struct stored_outcome *stored)
{
	enum error_id id = error_named(stored->error);
	struct buffer objects;

	outcome->replayed = true;
	if (stored->error.length > 0) {
		if (id == ERROR_NONE)
			return STORE_DAMAGED;
		refuse_about(&outcome->error, id, stored->param, stored->value,
		    stored->detail);
		outcome->error.decline = (enum decline)stored->decline;
	}
	buffer_init(&objects, outcome->bytes, sizeof(outcome->bytes));
	buffer_put_text(&objects, stored->objects);
	assert(!objects.overflow);
	outcome->length = (uint32_t)objects.length;
	return STORE_OK;
}

/* The object of an earlier outcome as it now is. */
static enum store_result
replay_as_now(struct work *work)
{
	struct outcome *outcome = work->outcome;
	struct coin_intent intent;
	enum store_result result;

	if (!bundle_find(
		outcome_objects(outcome), KIND_COIN_INTENT, 0, &intent))
		return STORE_OK;
	result = work_load(
	    work, TABLE_COIN_INTENTS, KIND_COIN_INTENT, intent.id, &intent);
	if (result == STORE_MISSING && work->command->scope.merchant_bound) {
		/* Another merchant's than the key's: not to be shown. */
		outcome_init(outcome);
		refuse(&outcome->error, ERROR_IDEMPOTENCY_KEY_REUSE);
		return STORE_OK;
	}
	if (result != STORE_OK)
		return result == STORE_MISSING ? STORE_DAMAGED : result;
	outcome->length = 0;
	outcome_put(outcome, KIND_COIN_INTENT, &intent);
	return STORE_OK;
}

/* The record that the index leads to; missing when there is none. */
static enum store_result
find(struct work *work, struct stored_outcome *stored)
{
	struct store_key index =
	    key_of_idempotency(&work->command->idempotency_key);
	enum store_result result;
	struct text place;

	result = store_get(
	    work->transaction, TABLE_IDEMPOTENCY, key_text(&index), &place);
	if (result != STORE_OK)
		return result;
	result = work_load_key(
	    work, TABLE_OUTCOMES, KIND_STORED_OUTCOME, place, stored);
	/* Swept: as good as never used. */
	return result;
}

enum store_result
idempotency_look(struct work *work, bool *fresh)
{
	const struct command *command = work->command;
	struct stored_outcome stored;
	enum store_result result;
	struct span age;

	*fresh = true;
	if (!command->idempotent)
		return STORE_OK;
	result = find(work, &stored);
	if (result == STORE_MISSING)
		return STORE_OK;
	if (result != STORE_OK)
		return result;
	age = instant_minus(command_asked(command), stored.created);
	if (age.us >= span_from_seconds(IDEMPOTENCY_REMEMBERED_SECONDS).us ||
	    !digest_equal(&stored.key, &command->idempotency_key))
		return STORE_OK;
	*fresh = false;
	if (!digest_equal(&stored.fingerprint, &command->fingerprint))
		refuse(&work->outcome->error, ERROR_IDEMPOTENCY_KEY_REUSE);
	else if (instant_before(command_asked(command), stored.pending_until))
		refuse(&work->outcome->error, ERROR_IDEMPOTENCY_KEY_IN_USE);
	else
		result = replay(work->outcome, &stored);
	if (result == STORE_OK && work->outcome->replayed &&
	    command->replay_as_now)
		result = replay_as_now(work);
	return result;
}

enum store_result
idempotency_is_own(struct work *work, bool *own)
{
	struct stored_outcome stored;
	enum store_result result;

	assert(work->command->idempotent);
	result = find(work, &stored);
	*own = result == STORE_OK && id_equal(stored.id, work->command->fresh);
	return result == STORE_MISSING ? STORE_OK : result;
}

enum store_result
idempotency_store(struct work *work)
{
	const struct command *command = work->command;
	const struct outcome *outcome = work->outcome;
	struct store_key index = key_of_idempotency(&command->idempotency_key);
	struct store_key place = key_of_object(
	    command->scope.account, command->scope.mode, command->fresh);
	struct stored_outcome stored = {
	    .id = command->fresh,
	    .key = command->idempotency_key,
	    .fingerprint = command->fingerprint,
	    .created = command_asked(command),
	    .error = outcome->error.id == ERROR_NONE
			 ? TEXT_NONE
			 : error_reference(outcome->error.id)->name,
	    .decline = (uint8_t)outcome->error.decline,
	    .param = text_of(outcome->error.param),
	    .value = text_of(outcome->error.value),
	    .detail = text_of(outcome->error.detail),
	    .objects = outcome_objects(outcome),
	};
	enum store_result result;

	assert(command->idempotent);
	if (outcome->asks_outside)
		stored.pending_until = instant_plus(
		    command_asked(command), work->engine->request_timeout);
	result = work_save_key(work, TABLE_OUTCOMES, KIND_STORED_OUTCOME,
	    key_text(&place), &stored);
	if (result != STORE_OK)
		return result;
	result = store_put(work->transaction, TABLE_IDEMPOTENCY,
	    key_text(&index), key_text(&place));
	work->outcome->remembered = result == STORE_OK;
	return result;
}
