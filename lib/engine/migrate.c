/*
 * The migrations, one a version.  A step is never changed once it was
 * released: stores that are older still go through all of them.
 */
#include <assert.h>

#include "core/codec.h"
#include "core/delivery.h"
#include "engine/schema.h"
#include "engine/work.h"

/*
 * Schema 2: committers have a row each, named after their server's generation,
 * where there was one for all; and there is an audit log, which begins here.
 */
static enum store_result
leave_schema_1(struct transaction *transaction)
{
	enum store_result result =
	    store_delete(transaction, TABLE_META, TEXT("batch"));

	return result == STORE_OK || result == STORE_MISSING
		   ? audit_put_first_state(transaction)
		   : result;
}

/* Events that are read before what is written of them. */
enum { LISTED_AT_ONCE = 256 };

struct listing {
	struct {
		struct place place;
		struct id merchant;
		uint8_t type; /* enum event_type */
	} events[LISTED_AT_ONCE];
	unsigned count;
	struct store_key next; /* where to read on from */
	bool more;
	bool damaged;
};

static bool
listing_visit(struct text key, struct text encoded, void *context)
{
	struct listing *listing = context;
	struct store_key last = key_copy(key);
	struct event event;
	struct place place;

	listing->damaged =
	    !place_parse(key, &place) ||
	    codec_decode(KIND_EVENT, encoded, &event) != CODEC_OK ||
	    event.type == EVENT_NONE || event.type >= EVENT_COUNT;
	if (listing->damaged)
		return false;
	listing->next = key_behind(&last);
	if (event_family((enum event_type)event.type) == FAMILY_CARD) {
		listing->events[listing->count].place = place;
		listing->events[listing->count].merchant = event.merchant;
		listing->events[listing->count].type = event.type;
		listing->count++;
	}
	listing->more = listing->count == LISTED_AT_ONCE;
	return !listing->more;
}

static enum store_result
put_listing(struct transaction *transaction, const struct listing *listing)
{
	enum store_result result = STORE_OK;

	for (unsigned i = 0; result == STORE_OK && i < listing->count; i++) {
		const struct place *place = &listing->events[i].place;
		struct store_key of_merchant = key_of_list_row(place->account,
		    place->mode, LIST_EVENTS_OF_MERCHANT,
		    listing->events[i].merchant, place->id);
		struct store_key of_type = key_of_list_row(place->account,
		    place->mode, list_of_event(listing->events[i].type),
		    place->account, place->id);

		result = store_put(
		    transaction, TABLE_LISTS, key_text(&of_merchant), TEXT(""));
		if (result == STORE_OK)
			result = store_put(transaction, TABLE_LISTS,
			    key_text(&of_type), TEXT(""));
	}
	return result;
}

/*
 * Schema 3: webhooks, in tables of their own, which are empty: nobody has
 * asked to be told of what has happened before.  Events of cards stand in
 * lists.  Pages that one transaction has written beyond what LMDB keeps in
 * memory (mdb.c: MDB_IDL_UM_MAX of them, 512 MiB) go to the file before its
 * end, so that the number of events has no bound but the disk.
 */
static enum store_result
leave_schema_2(struct transaction *transaction)
{
	struct listing listing = {.count = 0};
	enum store_result result;

	do {
		struct store_key from = listing.next;
		struct store_range range = {key_text(&from), TEXT(""), false};

		listing.count = 0;
		listing.more = false;
		result = store_scan(
		    transaction, TABLE_EVENTS, &range, listing_visit, &listing);
		if (result == STORE_OK && listing.damaged)
			result = STORE_DAMAGED;
		if (result == STORE_OK)
			result = put_listing(transaction, &listing);
	} while (result == STORE_OK && listing.more);
	return result;
}

static const struct schema_step steps[] = {
    {1, "makes the tables that are new, and begins the audit log",
	leave_schema_1},
    {2, "makes the tables of webhooks, and lists the events of cards",
	leave_schema_2},
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == SCHEMA_VERSION - 1,
    "a step leads on from every older version");

const struct schema_step *
schema_step(unsigned from)
{
	if (from < 1 || from >= SCHEMA_VERSION)
		return NULL;
	assert(steps[from - 1].from == from);
	return &steps[from - 1];
}

static enum store_result
run(struct transaction *transaction, const struct schema_step *step)
{
	enum store_result result;
	struct schema schema;

	result = schema_read(transaction, &schema);
	if (result == STORE_OK && schema.version != step->from)
		return STORE_DAMAGED;
	if (result == STORE_OK)
		result = step->run(transaction);
	return result == STORE_OK ? schema_write(transaction, step->from + 1)
				  : result;
}

static enum store_result
run_once(struct store *store, const struct schema_step *step)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = run(transaction, step);
	if (result == STORE_OK)
		return store_commit(transaction);
	store_abort(transaction);
	return result;
}

enum store_result
engine_migrate(struct store *store, const struct schema_step *step)
{
	enum store_result result;

	do {
		result = run_once(store, step);
	} while (result == STORE_FULL && store_grow(store) == STORE_OK);
	return result;
}
