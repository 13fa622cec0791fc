/*
 * Idempotency records: what a request with a key came to, written with its
 * effect (contract, README section 3).
 *
 * The index is small: 16 bytes of digest lead to the record's place.  The
 * record lies in order of time and carries the whole digest.
 */
#include <assert.h>

#include "base/digest.h"
#include "core/bundle.h"
#include "core/delivery.h"
#include "engine/work.h"

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

/* Another merchant's than the key's: not to be shown. */
static enum store_result
replay_nothing(struct outcome *outcome)
{
	outcome_init(outcome);
	refuse(&outcome->error, ERROR_IDEMPOTENCY_KEY_REUSE);
	return STORE_OK;
}

static enum store_result
replay_coin_intent(struct work *work, struct coin_intent *intent)
{
	struct outcome *outcome = work->outcome;
	enum store_result result;

	result = work_load(
	    work, TABLE_COIN_INTENTS, KIND_COIN_INTENT, intent->id, intent);
	if (result == STORE_MISSING && work->command->scope.merchant_bound)
		return replay_nothing(outcome);
	if (result != STORE_OK)
		return result == STORE_MISSING ? STORE_DAMAGED : result;
	outcome->length = 0;
	outcome_put(outcome, KIND_COIN_INTENT, intent);
	return STORE_OK;
}

/* One that was deleted since is shown as deleted. */
static enum store_result
replay_endpoint(struct work *work, struct endpoint *endpoint)
{
	const struct scope *scope = &work->command->scope;
	struct outcome *outcome = work->outcome;
	enum store_result result;

	if (scope->merchant_bound &&
	    !id_equal(endpoint->merchant, scope->merchant))
		return replay_nothing(outcome);
	result = work_load(
	    work, TABLE_ENDPOINTS, KIND_ENDPOINT, endpoint->id, endpoint);
	if (result == STORE_MISSING)
		*endpoint = (struct endpoint){
		    .id = endpoint->id,
		    .merchant = endpoint->merchant,
		    .family = endpoint->family,
		    .created = endpoint->created,
		    .deleted = work->command->now,
		};
	else if (result != STORE_OK)
		return result;
	outcome->length = 0;
	outcome_put(outcome, KIND_ENDPOINT, endpoint);
	return STORE_OK;
}

/* The object of an earlier outcome as it now is. */
static enum store_result
replay_as_now(struct work *work)
{
	struct text objects = outcome_objects(work->outcome);
	struct coin_intent intent;
	struct endpoint endpoint;

	if (bundle_find(objects, KIND_COIN_INTENT, 0, &intent))
		return replay_coin_intent(work, &intent);
	if (bundle_find(objects, KIND_ENDPOINT, 0, &endpoint))
		return replay_endpoint(work, &endpoint);
	return STORE_OK;
}

/* A body as it was has the secret that was made. */
static void
replay_secret(struct work *work)
{
	struct outcome *outcome = work->outcome;
	struct endpoint endpoint;

	if (work->command->kind != COMMAND_ENDPOINT_CREATE &&
	    work->command->kind != COMMAND_ENDPOINT_ROTATE)
		return;
	if (bundle_find(outcome_objects(outcome), KIND_ENDPOINT, 0, &endpoint))
		endpoint_secret_text(endpoint.secret, outcome->secret);
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

/*
 * Whether somebody may still be at it.  What was asked at a time that is yet to
 * come was asked before the clock was set back, and is not waited for until it
 * is that late again.
 */
static bool
is_pending(const struct command *command, const struct stored_outcome *stored)
{
	const struct instant asked = command_asked(command);
	const struct instant soon =
	    instant_plus(asked, span_from_seconds(CLOCK_SET_BACK_SECONDS));

	return instant_before(asked, stored->pending_until) &&
	       !instant_before(soon, stored->created);
}

/*
 * A registration whose end nobody saw came to nothing: its endpoint, which is
 * pending, vanishes.  (A payment that nobody saw the end of is there, as its
 * record has it, and goes on, whoever comes with its key.)
 */
static bool
is_abandoned(const struct command *command, const struct stored_outcome *stored)
{
	return command->kind == COMMAND_ENDPOINT_CREATE &&
	       stored->objects.length == 0 &&
	       instant_is_set(stored->pending_until) &&
	       !is_pending(command, stored);
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
	if (is_abandoned(command, &stored))
		return STORE_OK;
	*fresh = false;
	if (!digest_equal(&stored.fingerprint, &command->fingerprint))
		refuse(&work->outcome->error, ERROR_IDEMPOTENCY_KEY_REUSE);
	else if (is_pending(command, &stored))
		refuse(&work->outcome->error, ERROR_IDEMPOTENCY_KEY_IN_USE);
	else
		result = replay(work->outcome, &stored);
	if (result != STORE_OK || !work->outcome->replayed)
		return result;
	if (command->replay_as_now)
		return replay_as_now(work);
	replay_secret(work);
	return STORE_OK;
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

/*
 * The record, too old or abandoned, whose key is about to be this
 * registration's: should it come to nothing, no index would lead to it.
 */
static enum store_result
forget_superseded(struct work *work)
{
	const struct command *command = work->command;
	struct stored_outcome stored;
	enum store_result result;
	struct store_key place;

	if (command->kind != COMMAND_ENDPOINT_CREATE)
		return STORE_OK;
	result = find(work, &stored);
	if (result != STORE_OK)
		return result == STORE_MISSING ? STORE_OK : result;
	if (!digest_equal(&stored.key, &command->idempotency_key))
		return STORE_OK;
	place = key_of_object(
	    command->scope.account, command->scope.mode, stored.id);
	result =
	    store_delete(work->transaction, TABLE_OUTCOMES, key_text(&place));
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
	result = forget_superseded(work);
	if (result != STORE_OK)
		return result;
	result = work_save_key(work, TABLE_OUTCOMES, KIND_STORED_OUTCOME,
	    key_text(&place), &stored);
	if (result != STORE_OK)
		return result;
	result = store_put(work->transaction, TABLE_IDEMPOTENCY,
	    key_text(&index), key_text(&place));
	work->outcome->remembered = result == STORE_OK;
	return result;
}

enum store_result
idempotency_forget(struct work *work)
{
	const struct command *command = work->command;
	struct store_key index = key_of_idempotency(&command->idempotency_key);
	struct store_key place = key_of_object(
	    command->scope.account, command->scope.mode, command->fresh);
	enum store_result result;
	bool own;

	result = idempotency_is_own(work, &own);
	if (result == STORE_OK && own)
		result = store_delete(
		    work->transaction, TABLE_IDEMPOTENCY, key_text(&index));
	if (result != STORE_OK)
		return result;
	work->wrote = true;
	result =
	    store_delete(work->transaction, TABLE_OUTCOMES, key_text(&place));
	return result == STORE_MISSING ? STORE_OK : result;
}
