/*
 * Walking over a table in short transactions, and counting.
 */
#include "engine/upkeep.h"

#include <assert.h>

#include "base/bytes.h"
#include "core/codec.h"
#include "engine/work.h"

/* Rows of one transaction: some milliseconds. */
enum { WALK_ROWS_MAX = 2000 };

struct walk {
	record_visit *visit;
	void *context;
	struct store_key last; /* the row visited last */
	unsigned rows;	       /* in this transaction */
	bool ended;	       /* the visitor wants no more */
};

static bool
walk_visit(struct text key, struct text encoded, void *context)
{
	struct walk *walk = context;

	walk->last = key_copy(key);
	walk->rows++;
	walk->ended = !walk->visit(key, encoded, walk->context);
	return !walk->ended && walk->rows < WALK_ROWS_MAX;
}

enum store_result
engine_visit_range(struct engine *engine, enum table table,
    const struct store_range *range, record_visit *visit, void *context)
{
	struct transaction *transaction;
	enum store_result result;

	assert(!engine->keeps_reads);
	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_scan(transaction, table, range, visit, context);
	store_abort(transaction);
	return result;
}

enum store_result
engine_walk(
    struct engine *engine, enum table table, record_visit *visit, void *context)
{
	struct walk walk = {.visit = visit, .context = context};
	struct store_key first = {0};
	enum store_result result;

	do {
		struct store_range range = {key_text(&first), TEXT(""), false};

		walk.rows = 0;
		result = engine_visit_range(
		    engine, table, &range, walk_visit, &walk);
		first = key_behind(&walk.last);
	} while (
	    result == STORE_OK && !walk.ended && walk.rows == WALK_ROWS_MAX);
	return result;
}

enum store_result
engine_count_tables(struct store *store, uint64_t counts[TABLE_COUNT])
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		result = store_count(transaction, (enum table)i, &counts[i]);
		if (result != STORE_OK && result != STORE_MISSING)
			break;
		result = STORE_OK;
	}
	store_abort(transaction);
	return result;
}

/* -- Counting -------------------------------------------------------------- */

struct counting {
	struct tally *tally;
	struct instant now;
	bool damaged;
};

static bool
fail(struct counting *counting)
{
	counting->damaged = true;
	return false;
}

static bool
count_merchant(struct text key, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct merchant merchant;

	(void)key;
	if (codec_decode(KIND_MERCHANT, encoded, &merchant) != CODEC_OK ||
	    merchant.status >= MERCHANT_STATUS_COUNT)
		return fail(counting);
	counting->tally->merchants[merchant.status]++;
	return true;
}

/* As engine_caller() sees it. */
static bool
has_ended(const struct api_key *key, struct instant now)
{
	return instant_is_set(key->revoked) ||
	       (instant_is_set(key->expires) &&
		   !instant_before(now, key->expires));
}

static bool
count_key(struct text row, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct api_key key;

	(void)row;
	if (codec_decode(KIND_API_KEY, encoded, &key) != CODEC_OK ||
	    key.mode >= MODE_COUNT || key.type >= KEY_TYPE_COUNT)
		return fail(counting);
	if (has_ended(&key, counting->now))
		counting->tally->keys_ended[key.mode]++;
	else
		counting->tally->keys[key.mode][key.type]++;
	return true;
}

static enum state
state_of_list(unsigned list)
{
	for (unsigned state = STATE_NONE + 1; state < STATE_COUNT; state++)
		if (lists_of_state[state] != LIST_NONE &&
		    lists_of_state[state] == list)
			return (enum state)state;
	return STATE_NONE;
}

/* A key is a list's prefix: account, mode, list, owner (keys.h). */
static bool
count_coins(struct text key, struct text value, void *context)
{
	struct counting *counting = context;
	const uint8_t *bytes = (const uint8_t *)key.bytes;
	enum state state;

	if (key.length < ID_BYTES + 2 || value.length != 8 ||
	    bytes[ID_BYTES] >= MODE_COUNT)
		return fail(counting);
	state = state_of_list(bytes[ID_BYTES + 1]);
	if (state != STATE_NONE)
		counting->tally->coins[bytes[ID_BYTES]][state] +=
		    bytes_get_le64((const uint8_t *)value.bytes);
	return true;
}

static bool
count_endpoint(struct text key, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct endpoint endpoint;
	struct place place;

	if (!place_parse(key, &place) || place.mode >= MODE_COUNT ||
	    codec_decode(KIND_ENDPOINT, encoded, &endpoint) != CODEC_OK ||
	    endpoint.status >= ENDPOINT_STATUS_COUNT)
		return fail(counting);
	counting->tally->endpoints[place.mode][endpoint.status]++;
	return true;
}

/* Keys begin as all do, with account and mode. */
static bool
count_delivery(struct text key, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct delivery delivery;
	uint8_t mode = 0;

	if (key.length > ID_BYTES)
		mode = (uint8_t)key.bytes[ID_BYTES];
	if (mode == MODE_NONE || mode >= MODE_COUNT ||
	    codec_decode(KIND_DELIVERY, encoded, &delivery) != CODEC_OK ||
	    delivery.state >= DELIVERY_STATE_COUNT)
		return fail(counting);
	counting->tally->deliveries[mode][delivery.state]++;
	return true;
}

static void
count_age(struct tally *tally, struct instant created)
{
	if (!instant_is_set(tally->oldest) ||
	    instant_before(created, tally->oldest))
		tally->oldest = created;
	if (instant_before(tally->newest, created))
		tally->newest = created;
}

static bool
count_intent(struct text key, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct intent intent;
	struct place place;

	if (!place_parse(key, &place) || place.mode >= MODE_COUNT ||
	    codec_decode(KIND_INTENT, encoded, &intent) != CODEC_OK ||
	    intent.state >= STATE_COUNT)
		return fail(counting);
	counting->tally->intents[place.mode][intent.state]++;
	count_age(counting->tally, intent.created);
	return true;
}

static bool
count_coin_age(struct text key, struct text encoded, void *context)
{
	struct counting *counting = context;
	struct coin_intent intent;

	(void)key;
	if (codec_decode(KIND_COIN_INTENT, encoded, &intent) != CODEC_OK)
		return fail(counting);
	count_age(counting->tally, intent.created);
	return true;
}

static const struct count_step {
	enum table table;
	record_visit *visit;
	bool full; /* of a table that may be large */
} count_steps[] = {
    {TABLE_MERCHANTS, count_merchant, false},
    {TABLE_API_KEYS, count_key, false},
    {TABLE_COUNTS, count_coins, false},
    {TABLE_ENDPOINTS, count_endpoint, false},
    {TABLE_INTENTS, count_intent, true},
    {TABLE_COIN_INTENTS, count_coin_age, true},
    {TABLE_DELIVERIES, count_delivery, true},
};

enum store_result
engine_tally(
    struct engine *engine, bool full, struct instant now, struct tally *tally)
{
	struct counting counting = {.tally = tally, .now = now};
	enum store_result result = STORE_OK;

	*tally = (struct tally){.full = full};
	for (size_t i = 0; i < sizeof(count_steps) / sizeof(count_steps[0]);
	     i++) {
		const struct count_step *step = &count_steps[i];

		if (step->full && !full)
			continue;
		result =
		    engine_walk(engine, step->table, step->visit, &counting);
		if (result == STORE_OK && counting.damaged)
			result = STORE_DAMAGED;
		if (result != STORE_OK)
			break;
	}
	return result;
}
