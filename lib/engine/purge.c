/*
 * Forgetting what the contracts allow to be forgotten: never a payment, a
 * balance or an account.
 *
 * Rows lie by account, mode and time, so what is old is in front of each
 * account's mode; the first one that stays ends the look at it.
 */
#include <assert.h>
#include <string.h>

#include "core/codec.h"
#include "engine/forget.h"
#include "engine/schema.h"
#include "engine/upkeep.h"
#include "engine/work.h"

/* Rows of one transaction: workers wait no longer than for these. */
enum { BATCH_ROWS = 256 };

struct victims {
	const struct purge *purge;
	struct store_key keys[BATCH_ROWS];
	struct store_key indexes[BATCH_ROWS]; /* of outcomes */
	unsigned count;
	struct store_key next; /* where to look on from */
	bool ended;	       /* nothing is left to look at */
	bool damaged;
};

static bool
outcome_goes(
    const struct purge *purge, struct text encoded, struct victims *victims)
{
	struct stored_outcome stored;
	struct span age;

	if (codec_decode(KIND_STORED_OUTCOME, encoded, &stored) != CODEC_OK) {
		victims->damaged = true;
		return false;
	}
	victims->indexes[victims->count] = key_of_idempotency(&stored.key);
	age = instant_minus(purge->now, stored.created);
	/* As idempotency_look() has it: such a key is as good as never used. */
	return age.us >= span_from_seconds(IDEMPOTENCY_REMEMBERED_SECONDS).us &&
	       !instant_before(purge->now, stored.pending_until);
}

/* The first row that stays: on to the next account's mode. */
static bool
victim_visit(struct text key, struct text encoded, void *context)
{
	struct victims *victims = context;
	struct place place;
	struct store_key mode;
	bool goes = outcome_goes(victims->purge, encoded, victims);

	if (victims->damaged || !place_parse(key, &place)) {
		victims->damaged = true;
		return false;
	}
	if (!goes) {
		mode = key_of_objects(place.account, place.mode);
		victims->next = key_end(&mode);
		victims->ended = victims->next.length == 0;
		return false;
	}
	victims->keys[victims->count] = key_copy(key);
	victims->next = key_behind(&victims->keys[victims->count]);
	victims->count++;
	return victims->count < BATCH_ROWS;
}

/* What goes next, from victims->next on. */
static enum store_result
find_victims(struct transaction *transaction, struct victims *victims)
{
	struct store_key before;
	enum store_result result;

	victims->count = 0;
	do {
		struct store_range range;

		before = victims->next;
		range =
		    (struct store_range){key_text(&before), TEXT(""), false};
		result = store_scan(
		    transaction, TABLE_OUTCOMES, &range, victim_visit, victims);
		if (result == STORE_OK && victims->damaged)
			result = STORE_DAMAGED;
		/* Nobody was visited, or the last one was not the bound. */
		if (before.length == victims->next.length &&
		    memcmp(before.bytes, victims->next.bytes, before.length) ==
			0)
			victims->ended = true;
	} while (result == STORE_OK && !victims->ended && victims->count == 0);
	return result;
}

/* The index only where it still leads to this outcome, and to no newer one. */
static enum store_result
drop_index(
    struct transaction *transaction, const struct victims *victims, unsigned i)
{
	struct text place;
	enum store_result result = store_get(transaction, TABLE_IDEMPOTENCY,
	    key_text(&victims->indexes[i]), &place);

	if (result == STORE_MISSING)
		return STORE_OK;
	if (result != STORE_OK ||
	    !text_equal(place, key_text(&victims->keys[i])))
		return result;
	return store_delete(
	    transaction, TABLE_IDEMPOTENCY, key_text(&victims->indexes[i]));
}

static enum store_result
drop(struct transaction *transaction, const struct victims *victims)
{
	enum store_result result = STORE_OK;

	for (unsigned i = 0; result == STORE_OK && i < victims->count; i++) {
		result = drop_index(transaction, victims, i);
		if (result == STORE_OK)
			result = store_delete(transaction, TABLE_OUTCOMES,
			    key_text(&victims->keys[i]));
	}
	return result;
}

/* One transaction; a dry run's reads, and counts. */
static enum store_result
purge_batch(struct engine *engine, struct victims *victims)
{
	bool dry_run = victims->purge->dry_run;
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(
	    engine->store, dry_run ? STORE_READ : STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = find_victims(transaction, victims);
	if (result == STORE_OK && !dry_run)
		result = drop(transaction, victims);
	if (result == STORE_OK && !dry_run && victims->count > 0)
		return engine_commit(engine, transaction);
	store_abort(transaction);
	return result;
}

static enum store_result
purge_outcomes(struct engine *engine, struct purge *purge)
{
	struct victims victims = {.purge = purge};
	enum store_result result;

	do {
		struct store_key from = victims.next;

		result = purge_batch(engine, &victims);
		if (engine_make_room(engine, result)) {
			victims.next = from;
			victims.ended = false;
			victims.count = 0;
			result = STORE_OK;
		}
		if (result == STORE_OK)
			purge->outcomes += victims.count;
	} while (result == STORE_OK && !victims.ended);
	return result;
}

/* -- Events ---------------------------------------------------------------- */

/* One transaction; a dry run's reads, and counts. */
static enum store_result
purge_front(struct engine *engine, bool dry_run, struct old_events *old,
    unsigned *count)
{
	struct transaction *transaction;
	enum store_result result;

	*count = 0;
	result = store_begin(
	    engine->store, dry_run ? STORE_READ : STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = forget_look(transaction, old);
	if (result == STORE_OK && old->kind != KIND_NONE)
		result = forget_front(transaction, old, dry_run, count);
	if (result == STORE_OK && !dry_run && *count > 0)
		return engine_commit(engine, transaction);
	store_abort(transaction);
	return result;
}

/* What was on its way of them goes before them, and is not counted. */
static enum store_result
purge_events(struct engine *engine, struct purge *purge)
{
	struct old_events old = {.before = purge->events_before};
	enum store_result result;
	unsigned count;

	do {
		struct old_events from = old;

		result = purge_front(engine, purge->dry_run, &old, &count);
		if (engine_make_room(engine, result)) {
			/* Not KIND_NONE: it is to be looked at again. */
			old = from;
			old.kind = KIND_EVENT;
			result = STORE_OK;
		} else if (result == STORE_OK && old.kind == KIND_EVENT) {
			purge->events += count;
		}
	} while (result == STORE_OK && old.kind != KIND_NONE);
	return result;
}

static enum store_result
rewrite_schema(struct engine *engine)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_write(transaction, SCHEMA_VERSION);
	if (result == STORE_OK)
		return engine_commit(engine, transaction);
	store_abort(transaction);
	return result;
}

/*
 * What a commit frees, LMDB uses again from the commit after the next one on
 * (mdb_page_alloc: older than the oldest moment that may be read).  In a store
 * that is full nobody else could make that next commit.
 */
static enum store_result
free_at_once(struct engine *engine)
{
	enum store_result result;

	do {
		result = rewrite_schema(engine);
	} while (engine_make_room(engine, result));
	return result;
}

enum store_result
engine_purge(struct engine *engine, struct purge *purge)
{
	enum store_result result;

	assert(!engine->keeps_reads);
	purge->outcomes = 0;
	purge->events = 0;
	result = purge_outcomes(engine, purge);
	if (result == STORE_OK && instant_is_set(purge->events_before))
		result = purge_events(engine, purge);
	if (result == STORE_OK && !purge->dry_run &&
	    purge->outcomes + purge->events > 0)
		result = free_at_once(engine);
	return result;
}
