#include "engine/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stamp.h"
#include "engine/work.h"

enum {
	/* One command: its records, read and written, a few times over. */
	ENGINE_ARENA_BYTES = 8 * 1024 * 1024,
	/* A conflict is run again; LMDB has none, other stores do. */
	CONFLICTS_MAX = 16,
};

static command_function *const functions[COMMAND_COUNT] = {
    [COMMAND_INTENT_CREATE] = intent_create,
    [COMMAND_INTENT_UPDATE] = intent_change,
    [COMMAND_INTENT_CONFIRM] = intent_change,
    [COMMAND_INTENT_CAPTURE] = intent_change,
    [COMMAND_INTENT_CANCEL] = intent_change,
    [COMMAND_INTENT_REFUND] = intent_change,
    [COMMAND_INTENT_NOTIFY] = intent_change,
    [COMMAND_INTENT_ANSWER] = intent_answer,
    [COMMAND_COIN_CREATE] = coin_create,
    [COMMAND_COIN_CANCEL] = coin_cancel,
    [COMMAND_COIN_TRANSFER] = coin_transfer,
    [COMMAND_COIN_SETTLE] = coin_settle,
    [COMMAND_COIN_EXPIRE] = coin_expire,
    [COMMAND_CUSTOMER_CREATE] = customer_create,
    [COMMAND_CUSTOMER_UPDATE] = customer_update,
    [COMMAND_CUSTOMER_DELETE] = customer_delete,
    [COMMAND_KEY_CREATE] = key_create,
    [COMMAND_KEY_REVOKE] = key_revoke,
    [COMMAND_KEY_ROLL] = key_roll,
    [COMMAND_KEY_TOUCH] = key_touch,
    [COMMAND_ENDPOINT_CREATE] = endpoint_create,
    [COMMAND_ENDPOINT_ANSWER] = endpoint_answer,
    [COMMAND_ENDPOINT_UPDATE] = endpoint_update,
    [COMMAND_ENDPOINT_DELETE] = endpoint_delete,
    [COMMAND_ENDPOINT_ROTATE] = endpoint_rotate,
    [COMMAND_ENDPOINT_TEST] = endpoint_test,
    [COMMAND_DELIVERY_CLAIM] = delivery_claim,
    [COMMAND_DELIVERY_END] = delivery_end,
    [COMMAND_DELIVERY_RELEASE] = delivery_release,
    [COMMAND_DELIVERY_RESEND] = delivery_resend,
    [COMMAND_EVENTS_FORGET] = events_forget,
    [COMMAND_ACCOUNT_CREATE] = account_create,
    [COMMAND_MERCHANT_CREATE] = merchant_create,
    [COMMAND_MERCHANT_STATUS] = merchant_set_status,
    [COMMAND_PROBE] = probe_write,
    [COMMAND_AUDIT_NOTE] = audit_note,
    [COMMAND_AUDIT_FORGET] = audit_forget,
};

struct engine *
engine_open(const struct engine_options *options)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	void *memory = malloc(ENGINE_ARENA_BYTES);

	assert(options->store != NULL);
	if (engine != NULL) {
		engine->arena.memory = memory;
		engine->scratch = malloc(sizeof(*engine->scratch));
		engine->swept = malloc(sizeof(*engine->swept));
		engine->notice = malloc(sizeof(*engine->notice));
		engine->copy = malloc(sizeof(*engine->copy));
	}
	if (engine == NULL || memory == NULL || engine->scratch == NULL ||
	    engine->swept == NULL || engine->notice == NULL ||
	    engine->copy == NULL) {
		if (engine == NULL)
			free(memory);
		engine_close(engine);
		return NULL;
	}
	arena_init(&engine->arena, memory, ENGINE_ARENA_BYTES);
	engine->store = options->store;
	engine->actor = options->actor;
	engine->sandbox_latency = options->sandbox_latency;
	engine->idempotency_wait = options->idempotency_wait;
	engine->request_timeout = options->request_timeout;
	engine->registration_wait = options->registration_wait;
	engine->now = options->now;
	engine->damaged = options->damaged;
	engine->latest =
	    options->latest != NULL ? options->latest : &engine->own_latest;
	return engine;
}

void
engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	assert(engine->reads == NULL);
	free(engine->arena.memory);
	free(engine->scratch);
	free(engine->swept);
	free(engine->notice);
	free(engine->copy);
	free(engine);
}

bool
engine_is_lost(const struct engine *engine)
{
	assert(engine != NULL);
	return engine->lost || store_is_lost(engine->store);
}

const struct processor *
engine_processor(uint8_t mode)
{
	assert(mode == MODE_TEST || mode == MODE_LIVE);
	return mode == MODE_TEST ? &processor_sandbox : &processor_none;
}

bool
engine_knows_payment_method(
    const struct engine *engine, uint8_t mode, struct text payment_method)
{
	assert(engine != NULL);
	return engine_processor(mode)->knows(payment_method);
}

enum error_id
engine_failure_of(const struct command *command, enum store_result result)
{
	/* The payment stays processing, and a notification will move it on. */
	if (command->kind == COMMAND_INTENT_ANSWER && result != STORE_OK)
		return ERROR_INTERNAL_ERROR;
	return engine_failure(result);
}

enum error_id
engine_failure(enum store_result result)
{
	switch (result) {
	case STORE_OK:
		return ERROR_NONE;
	case STORE_CONFLICT:
	case STORE_FULL:
	case STORE_UNAVAILABLE:
		return ERROR_SERVICE_UNAVAILABLE;
	case STORE_MISSING:
	case STORE_UNKNOWN:
	case STORE_DAMAGED:
		break;
	}
	return ERROR_INTERNAL_ERROR;
}

/* Commands that end another one, under whose key there is a record already. */
static bool
is_answer(enum command_kind kind)
{
	return kind == COMMAND_INTENT_ANSWER || kind == COMMAND_ENDPOINT_ANSWER;
}

/*
 * The stamp of the command that is run, where it makes something.  An answer
 * goes on under the id of what it answers; its events are new.
 */
static void
stamp(struct work *work)
{
	struct engine *engine = work->engine;
	struct command *command = engine->copy;
	struct instant now;
	struct stamp made;

	work->first_event = command->fresh;
	work->clock = command->now;
	if (engine->now == NULL || !id_is_set(command->fresh) ||
	    instant_is_set(command->asked))
		return;
	now = work->clock = engine->now();
	/* What is due at the command's own time is due. */
	if (instant_before(now, command->now))
		now = command->now;
	made = stamp_after(*engine->latest, now, command->fresh);
	*engine->latest = made.id;
	command->now = made.now;
	if (!is_answer(command->kind))
		command->fresh = made.id;
	work->first_event = made.id;
}

static enum store_result
run_stamped(struct work *work)
{
	const struct command *command = work->command;
	enum store_result result;
	bool fresh;

	assert(functions[command->kind] != NULL);
	if (!is_answer(command->kind)) {
		result = idempotency_look(work, &fresh);
		if (result != STORE_OK || !fresh)
			return result;
	}
	result = functions[command->kind](work);
	if (result == STORE_OK && command->idempotent && work->decided)
		result = idempotency_store(work);
	return result;
}

/*
 * Copies the command, which may lie where others write, and looks at nothing
 * but the copy.  False: there is none that could be run.
 */
static bool
copy(struct engine *engine, const struct command *command)
{
	return command_copy(engine->copy, command) &&
	       functions[engine->copy->kind] != NULL;
}

/* One command in an open transaction; what was asked outside is said. */
static enum store_result
execute(struct engine *engine, struct transaction *transaction,
    const struct command *command, struct outcome *outcome, struct work *work)
{
	enum store_result result;

	*work = (struct work){
	    .engine = engine,
	    .transaction = transaction,
	    .command = engine->copy,
	    .outcome = outcome,
	};
	arena_reset(&engine->arena);
	outcome_init(outcome);
	if (!copy(engine, command)) {
		refuse(&outcome->error, ERROR_INTERNAL_ERROR);
		return STORE_OK;
	}
	stamp(work);
	outcome->fresh = work->command->fresh;
	result = run_stamped(work);
	damage_end(engine, result);
	/* A key that was made of it is its client's alone. */
	explicit_bzero(engine->copy->entropy, sizeof(engine->copy->entropy));
	return result;
}

enum store_result
engine_execute(struct engine *engine, struct transaction *transaction,
    const struct command *command, struct outcome *outcome, bool *wrote)
{
	struct work work;
	enum store_result result;

	result = execute(engine, transaction, command, outcome, &work);
	*wrote = work.wrote;
	return result;
}

/*
 * A commit whose fate is unknown: the idempotency record tells.  When this
 * command's own is there, the outcome is what it was before the commit, also
 * what of it is in no record: a secret, and that somebody is to be asked.
 */
static enum store_result
resolve_unknown(struct engine *engine, const struct command *command)
{
	struct transaction *transaction;
	struct work work = {
	    .engine = engine,
	    .command = command,
	};
	enum store_result result;
	bool own = false;

	/* The record of an answer is there since the question was asked. */
	if (!command->idempotent || is_answer(command->kind))
		return STORE_UNKNOWN;
	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return STORE_UNKNOWN;
	work.transaction = transaction;
	arena_reset(&engine->arena);
	result = idempotency_is_own(&work, &own);
	store_abort(transaction);
	return result == STORE_OK && own ? STORE_OK : STORE_UNKNOWN;
}

enum store_result
engine_commit(struct engine *engine, struct transaction *transaction)
{
	enum store_result result = store_commit(transaction);

	engine->lost |= result == STORE_UNKNOWN;
	return result;
}

/* One command in a transaction of its own. */
static enum store_result
run_once(struct engine *engine, const struct command *command,
    struct outcome *outcome, struct work *work)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = execute(engine, transaction, command, outcome, work);
	if (result != STORE_OK || !work->wrote) {
		store_abort(transaction);
		return result;
	}
	result = engine_commit(engine, transaction);
	return result == STORE_UNKNOWN ? resolve_unknown(engine, work->command)
				       : result;
}

bool
engine_make_room(struct engine *engine, enum store_result result)
{
	enum store_result grown;

	assert(engine != NULL);
	if (result != STORE_FULL)
		return false;
	grown = store_grow(engine->store);
	if (grown != STORE_OK && grown != STORE_FULL)
		engine->lost = true;
	return grown == STORE_OK;
}

void
engine_apply(struct engine *engine, const struct command *command,
    struct outcome *outcome)
{
	enum store_result result;
	unsigned conflicts = 0;
	struct work work;
	bool again;

	assert(command->kind > COMMAND_LIST);
	assert(!engine->keeps_reads);
	do {
		result = run_once(engine, command, outcome, &work);
		again = result == STORE_CONFLICT
			    ? ++conflicts < CONFLICTS_MAX
			    : engine_make_room(engine, result);
	} while (again);
	if (result == STORE_OK)
		return;
	outcome_init(outcome);
	refuse(&outcome->error, engine_failure_of(command, result));
}

void
engine_run(struct engine *engine, const struct command *command,
    struct outcome *outcome)
{
	struct span waited = {0};
	struct span rest;

	engine_apply(engine, command, outcome);
	while (engine_goes_on(
	    engine, command, outcome, waited, engine->notice, &rest)) {
		outside_wait(rest);
		waited.us += rest.us;
		command = engine->notice;
		engine_apply(engine, command, outcome);
	}
}
