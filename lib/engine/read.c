/*
 * Reads: one object, and who a key belongs to, from one moment of the store.
 */
#include <assert.h>

#include "core/api_key.h"
#include "engine/engine.h"
#include "engine/readable.h"
#include "engine/work.h"

const struct readable readables[KIND_COUNT] = {
    [KIND_INTENT] = {TABLE_INTENTS, ERROR_INTENT_MISSING,
	LIST_INTENTS_OF_MERCHANT, LIST_NONE, false},
    [KIND_CHARGE] = {TABLE_CHARGES, ERROR_CHARGE_MISSING,
	LIST_CHARGES_OF_MERCHANT, LIST_NONE, false},
    [KIND_REFUND] = {TABLE_REFUNDS, ERROR_REFUND_MISSING,
	LIST_REFUNDS_OF_MERCHANT, LIST_NONE, false},
    [KIND_CUSTOMER] = {TABLE_CUSTOMERS, ERROR_CUSTOMER_MISSING,
	LIST_CUSTOMERS_OF_MERCHANT, LIST_CUSTOMERS_OF_ACCOUNT, false},
    [KIND_API_KEY] = {TABLE_API_KEYS, ERROR_API_KEY_MISSING,
	LIST_API_KEYS_OF_MERCHANT, LIST_NONE, false},
    [KIND_COIN_INTENT] = {TABLE_COIN_INTENTS, ERROR_INTENT_MISSING,
	LIST_COINS_OF_MERCHANT, LIST_NONE, true},
    [KIND_TRANSFER] = {TABLE_TRANSFERS, ERROR_TRANSACTION_MISSING,
	LIST_TRANSFERS_OF_MERCHANT, LIST_NONE, true},
    [KIND_EVENT] = {TABLE_EVENTS, ERROR_EVENT_MISSING, LIST_EVENTS_OF_MERCHANT,
	LIST_NONE, false},
    [KIND_ENDPOINT] = {TABLE_ENDPOINTS, ERROR_ENDPOINT_MISSING,
	LIST_ENDPOINTS_OF_OWNER, LIST_NONE, false},
};

void
engine_begin_reads(struct engine *engine)
{
	assert(!engine->keeps_reads);
	assert(engine->reads == NULL);
	engine->keeps_reads = true;
}

void
engine_end_reads(struct engine *engine)
{
	assert(engine->keeps_reads || engine->reads == NULL);
	if (engine->reads != NULL)
		store_abort(engine->reads);
	engine->reads = NULL;
	engine->keeps_reads = false;
}

enum store_result
read_begin(struct engine *engine, struct transaction **transaction)
{
	enum store_result result;

	*transaction = engine->reads;
	if (engine->reads != NULL)
		return STORE_OK;
	result = store_begin(engine->store, STORE_READ, transaction);
	if (result == STORE_OK && engine->keeps_reads)
		engine->reads = *transaction;
	return result;
}

void
read_end(struct engine *engine, struct transaction *transaction,
    enum store_result result)
{
	/* What failed once may fail for ever: LMDB's MDB_BAD_TXN. */
	bool failed = result != STORE_OK && result != STORE_MISSING;

	assert(transaction != NULL);
	assert(engine->reads == NULL || engine->reads == transaction);
	if (engine->reads != NULL && !failed)
		return;
	store_abort(transaction);
	engine->reads = NULL;
}

/* Appends a record with all that belongs to it. */
enum store_result
readable_put(struct work *work, enum kind kind, const union record *record)
{
	struct outcome *outcome = work->outcome;
	enum store_result result = STORE_OK;

	if (kind == KIND_INTENT) {
		result = work_put_intent(work, &record->intent, outcome);
		if (result == STORE_OK)
			result = work_put_customer(
			    work, record->intent.customer, outcome);
	} else if (kind == KIND_CHARGE) {
		result = work_put_charge(work, &record->charge, outcome);
	} else {
		outcome_put(outcome, kind, record);
	}
	return result;
}

/* A merchant, or the balance it has in the caller's mode. */
static enum store_result
get_merchant(struct work *work)
{
	const struct command *command = work->command;
	const struct scope *scope = &command->scope;
	struct store_key key =
	    key_of_object(scope->account, scope->mode, command->target.id);
	struct balance balance = {.id = command->target.id};
	struct merchant merchant;
	enum store_result result;
	bool found;

	result = work_merchant(work, command->target.id, command->target.text,
	    false, &merchant, &found);
	if (result != STORE_OK || !found)
		return result;
	if (command->object == KIND_BALANCE) {
		result = work_load_key(work, TABLE_BALANCES, KIND_BALANCE,
		    key_text(&key), &balance);
		if (result != STORE_OK && result != STORE_MISSING)
			return result;
		outcome_put(work->outcome, KIND_BALANCE, &balance);
	}
	outcome_put(work->outcome, KIND_MERCHANT, &merchant);
	return STORE_OK;
}

static enum store_result
get(struct work *work)
{
	const struct command *command = work->command;
	const struct readable *readable = &readables[command->object];
	enum store_result result;
	union record record;
	bool found;

	if (command->object == KIND_MERCHANT || command->object == KIND_BALANCE)
		return get_merchant(work);
	assert(readable->missing != ERROR_NONE);
	result = work_named(work, readable->table, command->object,
	    &command->target, readable->missing, TEXT("id"), &record, &found);
	if (result != STORE_OK || !found)
		return result;
	if (command->object == KIND_INTENT &&
	    !work_secret_fits(work, &record.intent))
		return STORE_OK;
	return readable_put(work, command->object, &record);
}

void
engine_get(struct engine *engine, const struct command *command,
    struct outcome *outcome)
{
	struct work work = {
	    .engine = engine,
	    .command = command,
	    .outcome = outcome,
	};
	enum store_result result;

	assert(command->kind == COMMAND_GET);
	arena_reset(&engine->arena);
	outcome_init(outcome);
	result = read_begin(engine, &work.transaction);
	if (result == STORE_OK) {
		result = get(&work);
		read_end(engine, work.transaction, result);
	}
	damage_end(engine, result);
	if (result == STORE_OK)
		return;
	outcome_init(outcome);
	refuse(&outcome->error, engine_failure(result));
}

/* The record of a key, by its digest. */
static enum store_result
load_key(struct work *work, const struct digest *digest, struct api_key *key)
{
	struct store_key index = key_of_api_key(digest);
	enum store_result result;
	struct text place;

	result = store_get(
	    work->transaction, TABLE_KEY_DIGESTS, key_text(&index), &place);
	if (result != STORE_OK)
		return result;
	result = work_load_key(work, TABLE_API_KEYS, KIND_API_KEY, place, key);
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

static void
fill_caller(
    const struct api_key *key, struct instant now, struct caller *caller)
{
	*caller = (struct caller){
	    .scope =
		{
		    .account = key->account,
		    .merchant = key->merchant,
		    .merchant_bound = key->merchant_bound,
		    .mode = key->mode,
		},
	    .key = key->id,
	    .type = (enum key_type)key->type,
	    .permissions = key->type == KEY_TYPE_SECRET
			       ? UINT32_MAX
			       : permissions_close(key->permissions),
	    .expires = key->expires,
	    .used_lately = instant_seconds(key->last_used) / 60 ==
			   instant_seconds(now) / 60,
	};
	text_copy(key->prefix, caller->prefix, sizeof(caller->prefix));
}

enum caller_result
engine_caller(struct engine *engine, const struct digest *digest,
    struct instant now, struct caller *caller, enum error_id *failure)
{
	struct work work = {.engine = engine};
	enum store_result result;
	struct api_key key;

	arena_reset(&engine->arena);
	result = read_begin(engine, &work.transaction);
	if (result == STORE_OK) {
		result = load_key(&work, digest, &key);
		read_end(engine, work.transaction, result);
	}
	damage_end(engine, result);
	if (result == STORE_MISSING)
		return CALLER_UNKNOWN;
	if (result != STORE_OK) {
		*failure = engine_failure(result);
		return CALLER_STORE_FAILED;
	}
	fill_caller(&key, now, caller);
	if (instant_is_set(key.revoked))
		return CALLER_REVOKED;
	if (instant_is_set(key.expires) && !instant_before(now, key.expires))
		return CALLER_EXPIRED;
	return CALLER_OK;
}
