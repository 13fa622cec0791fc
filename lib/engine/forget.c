/*
 * Forgetting events that are older than they are kept for, with the log of
 * their deliveries.
 *
 * What is old is told by its id, which grows with time and is that of the
 * event in all tables: so what is old is in front of each account's mode and
 * of each endpoint, and a look costs as many reads as there are of these.
 */
#include "engine/forget.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "engine/work.h"

/* -- Looking --------------------------------------------------------------- */

/* What the rows of a front begin with. */
static struct store_key
front_prefix(const struct old_events *old)
{
	return old->kind == KIND_DELIVERY
		   ? key_of_deliveries(old->account, old->mode, old->endpoint)
		   : key_of_objects(old->account, old->mode);
}

struct first_row {
	struct store_key key; /* of length 0: there is none */
};

static bool
first_visit(struct text key, struct text value, void *context)
{
	struct first_row *first = context;

	(void)value;
	first->key = key_copy(key);
	return false;
}

/* False unless it is a key of the table, and then what its front is. */
static bool
parse_front(const struct store_key *key, enum kind kind, struct old_events *old)
{
	const size_t more = kind == KIND_DELIVERY ? ID_BYTES : 0;
	struct text text = key_text(key);
	struct place place;

	if (text.length <= more)
		return false;
	text.length -= more;
	if (!place_parse(text, &place))
		return false;
	old->kind = kind;
	old->account = place.account;
	old->mode = place.mode;
	old->endpoint = kind == KIND_DELIVERY ? place.id : ID_NONE;
	return true;
}

/* The first id that is not old; what ids cannot tell is after all of them. */
static struct id
floor_of(const struct old_events *old)
{
	static const int64_t last_s = INT64_C(17592186044); /* in 2527 */
	const struct instant last = instant_from_seconds(last_s);

	return id_floor(instant_before(old->before, last) ? old->before : last);
}

static bool
is_old(const struct old_events *old, const struct store_key *key)
{
	struct id id = key_id(key_text(key));
	struct id floor = floor_of(old);

	return memcmp(id.bytes, floor.bytes, ID_BYTES) < 0;
}

/* From old->from on, in one table. */
static enum store_result
look_in(struct transaction *transaction, enum table table, enum kind kind,
    struct old_events *old)
{
	struct first_row first;
	struct store_key prefix;
	enum store_result result;

	for (;;) {
		struct store_key from = old->from;
		struct store_range range = {key_text(&from), TEXT(""), false};

		old->kind = KIND_NONE;
		first.key.length = 0;
		result =
		    store_scan(transaction, table, &range, first_visit, &first);
		if (result != STORE_OK || first.key.length == 0)
			return result;
		if (!parse_front(&first.key, kind, old))
			return STORE_DAMAGED;
		old->from = first.key;
		if (is_old(old, &first.key))
			return STORE_OK;
		prefix = front_prefix(old);
		old->from = key_end(&prefix);
		/* The last one of all keys. */
		if (old->from.length == 0) {
			old->kind = KIND_NONE;
			return STORE_OK;
		}
	}
}

enum store_result
forget_look(struct transaction *transaction, struct old_events *old)
{
	enum store_result result;

	assert(instant_is_set(old->before));
	if (!old->seen_deliveries) {
		result =
		    look_in(transaction, TABLE_DELIVERIES, KIND_DELIVERY, old);
		if (result != STORE_OK || old->kind != KIND_NONE)
			return result;
		old->seen_deliveries = true;
		old->from.length = 0;
	}
	return look_in(transaction, TABLE_EVENTS, KIND_EVENT, old);
}

enum store_result
engine_old_events(struct engine *engine, struct old_events *old)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = forget_look(transaction, old);
	store_abort(transaction);
	return result;
}

/* -- Removing -------------------------------------------------------------- */

struct victim {
	struct id id;	       /* the event's */
	struct id merchant;    /* of an event */
	uint8_t type;	       /* of an event in lists: enum event_type; or 0 */
	struct instant queued; /* of a delivery; NEVER: it is not */
};

struct victims {
	enum kind kind;
	struct victim all[EVENTS_FORGOTTEN_MAX];
	unsigned count;
	bool damaged;
};

static bool
victim_visit(struct text key, struct text encoded, void *context)
{
	struct victims *victims = context;
	struct victim *victim = &victims->all[victims->count];
	union record record;

	if (codec_decode(victims->kind, encoded, &record) != CODEC_OK) {
		victims->damaged = true;
		return false;
	}
	*victim = (struct victim){.id = key_id(key)};
	if (victims->kind == KIND_DELIVERY) {
		victim->queued = record.delivery.due;
	} else {
		victim->merchant = record.event.merchant;
		victim->type = record.event.type;
	}
	return ++victims->count < EVENTS_FORGOTTEN_MAX;
}

static enum store_result
find_victims(struct transaction *transaction, const struct old_events *old,
    struct victims *victims)
{
	struct store_key prefix = front_prefix(old);
	struct store_key end = key_append(&prefix, floor_of(old));
	struct store_range range = {
	    key_text(&old->from), key_text(&end), false};
	enum store_result result;

	victims->kind = old->kind;
	victims->count = 0;
	victims->damaged = false;
	result = store_scan(transaction,
	    old->kind == KIND_DELIVERY ? TABLE_DELIVERIES : TABLE_EVENTS,
	    &range, victim_visit, victims);
	return result == STORE_OK && victims->damaged ? STORE_DAMAGED : result;
}

/* Also where it is not there, which a verification says. */
static enum store_result
drop_row(struct transaction *transaction, enum table table,
    const struct store_key *key)
{
	enum store_result result =
	    store_delete(transaction, table, key_text(key));

	return result == STORE_MISSING ? STORE_OK : result;
}

/* Only an event of cards is in lists; of another one nothing is there. */
static enum store_result
drop_event(struct transaction *transaction, const struct old_events *old,
    const struct victim *victim)
{
	struct store_key key =
	    key_of_object(old->account, old->mode, victim->id);
	enum store_result result = drop_row(transaction, TABLE_EVENTS, &key);

	if (result != STORE_OK || victim->type == EVENT_NONE ||
	    victim->type >= EVENT_COUNT ||
	    event_family((enum event_type)victim->type) != FAMILY_CARD)
		return result;
	key = key_of_list_row(old->account, old->mode, LIST_EVENTS_OF_MERCHANT,
	    victim->merchant, victim->id);
	result = drop_row(transaction, TABLE_LISTS, &key);
	if (result != STORE_OK)
		return result;
	key = key_of_list_row(old->account, old->mode,
	    list_of_event(victim->type), old->account, victim->id);
	return drop_row(transaction, TABLE_LISTS, &key);
}

struct attempts {
	struct store_key keys[ATTEMPTS_MAX];
	unsigned count;
};

static bool
attempt_visit(struct text key, struct text encoded, void *context)
{
	struct attempts *attempts = context;

	(void)encoded;
	attempts->keys[attempts->count++] = key_copy(key);
	return attempts->count < ATTEMPTS_MAX;
}

/* A schedule of them, and what was sent again by request. */
static enum store_result
drop_attempts(struct transaction *transaction, const struct store_key *delivery)
{
	struct store_key end = key_end(delivery);
	struct store_range range = {key_text(delivery), key_text(&end), false};
	struct attempts attempts;
	enum store_result result;

	do {
		attempts.count = 0;
		result = store_scan(transaction, TABLE_ATTEMPTS, &range,
		    attempt_visit, &attempts);
		for (unsigned i = 0; result == STORE_OK && i < attempts.count;
		     i++)
			result = drop_row(
			    transaction, TABLE_ATTEMPTS, &attempts.keys[i]);
	} while (result == STORE_OK && attempts.count == ATTEMPTS_MAX);
	return result;
}

/* What is on its way after so long goes too: there is nothing to send. */
static enum store_result
drop_delivery(struct transaction *transaction, const struct old_events *old,
    const struct victim *victim)
{
	struct store_key key =
	    key_of_delivery(old->account, old->mode, old->endpoint, victim->id);
	enum store_result result =
	    drop_row(transaction, TABLE_DELIVERIES, &key);

	if (result == STORE_OK)
		result = drop_attempts(transaction, &key);
	if (result != STORE_OK || !instant_is_set(victim->queued))
		return result;
	key = key_of_due(old->endpoint, victim->queued, victim->id);
	return drop_row(transaction, TABLE_DELIVERIES_DUE, &key);
}

static void
pass(struct old_events *old, const struct victims *victims)
{
	struct store_key prefix = front_prefix(old);
	struct store_key last;

	if (victims->count == 0)
		return;
	last = key_append(&prefix, victims->all[victims->count - 1].id);
	old->from = key_behind(&last);
}

enum store_result
forget_front(struct transaction *transaction, struct old_events *old,
    bool dry_run, unsigned *count)
{
	struct victims victims;
	enum store_result result;

	assert(old->kind == KIND_DELIVERY || old->kind == KIND_EVENT);
	*count = 0;
	result = find_victims(transaction, old, &victims);
	if (result == STORE_OK)
		*count = victims.count;
	if (result == STORE_OK && dry_run)
		pass(old, &victims);
	for (unsigned i = 0;
	     !dry_run && result == STORE_OK && i < victims.count; i++)
		result = old->kind == KIND_DELIVERY
			     ? drop_delivery(transaction, old, &victims.all[i])
			     : drop_event(transaction, old, &victims.all[i]);
	return result;
}

/* -- The command ----------------------------------------------------------- */

void
engine_forget_events(const struct engine *engine, const struct old_events *old,
    struct instant now, struct command *command)
{
	bool kept;

	assert(old->kind == KIND_DELIVERY || old->kind == KIND_EVENT);
	command_init(command, COMMAND_EVENTS_FORGET);
	command->now = now;
	command->object = old->kind;
	command->scope.account = old->account;
	command->scope.mode = old->mode;
	command->endpoint = old->endpoint;
	command->expires = old->before;
	kept = command_keep(command, engine->actor, &command->actor);
	assert(kept);
}

/* The log of deliveries is none that anybody has to answer for. */
static enum store_result
note_forgotten(struct work *work, unsigned count)
{
	char detail[32];
	struct change change = {.kind = KIND_NONE};

	if (work->command->object != KIND_EVENT)
		return STORE_OK;
	(void)snprintf(detail, sizeof(detail), "%u", count);
	change.detail = text_of(detail);
	return work_audit(work, &change);
}

enum store_result
events_forget(struct work *work)
{
	const struct command *command = work->command;
	struct old_events old = {
	    .before = command->expires,
	    .kind = command->object,
	    .account = command->scope.account,
	    .mode = command->scope.mode,
	    .endpoint = command->endpoint,
	};
	enum store_result result;
	unsigned count;

	old.from = front_prefix(&old);
	result = forget_front(work->transaction, &old, false, &count);
	work->decided = true;
	if (result != STORE_OK || count == 0)
		return result;
	work->wrote = true;
	return note_forgotten(work, count);
}
