/*
 * Pages of lists, from one moment of the store.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/coin_intent.h"
#include "core/delivery.h"
#include "engine/engine.h"
#include "engine/readable.h"
#include "engine/work.h"

/* One list that rows come from, and which of them. */
struct source {
	enum list list; /* LIST_NONE: the table of the kind */
	struct id owner;
	/* Whether a row is to be seen; NULL: all are. */
	bool (*picks)(
	    const struct command *command, const union record *record);
};

/*
 * A list that is being read.  What is expired but not yet written down comes
 * from a second source, and an account's events come from one for each type;
 * their rows are merged.
 */
enum { SOURCES_MAX = 32 };
struct reading {
	struct work *work;
	const struct readable *readable;
	struct source sources[SOURCES_MAX];
	unsigned source_count;
	const struct source *source; /* the one that is being scanned */
	struct id ids[SOURCES_MAX * (LIST_LIMIT_MAX + 1)];
	unsigned count;
	unsigned count_max;
	uint32_t total; /* of rows, where they are counted one by one */
	enum store_result result;
};

static bool
picks_customer(const struct command *command, const union record *record)
{
	return command->object != KIND_CHARGE ||
	       id_equal(record->charge.customer, command->customer.id);
}

static bool
picks_awaiting(const struct command *command, const union record *record)
{
	return coin_intent_state(&record->coin_intent, command->now) ==
	       STATE_AWAITING_PAYMENT;
}

static bool
picks_expired(const struct command *command, const union record *record)
{
	return !picks_awaiting(command, record);
}

/* What the key's scope leaves of its rows, but for what pends. */
static bool
picks_endpoint(const struct command *command, const union record *record)
{
	(void)command;
	return record->endpoint.status != ENDPOINT_PENDING;
}

static bool
picks_event(const struct command *command, const union record *record)
{
	return command->with_type == EVENT_NONE ||
	       record->event.type == command->with_type;
}

/* All of an account lie together, whatever their family and their merchant. */
static void
choose_endpoints(struct reading *reading)
{
	const struct scope *scope = &reading->work->command->scope;
	struct source *source = &reading->sources[0];

	reading->source_count = 1;
	source->owner = scope->merchant;
	source->list =
	    scope->merchant_bound ? LIST_ENDPOINTS_OF_OWNER : LIST_NONE;
	source->picks = picks_endpoint;
}

/* Whether it is one of the types that are asked for. */
static bool
asks_for(const struct command *command, enum event_type type)
{
	return event_family(type) == command->scope.family &&
	       (command->with_type == EVENT_NONE || command->with_type == type);
}

/*
 * A merchant has a list of its own, and an account one for each type of its
 * cards' events: they are merged, so that those of coins cost nothing.  The
 * operator, who is of no family, has the table.
 */
static void
choose_events(struct reading *reading)
{
	const struct command *command = reading->work->command;
	const struct scope *scope = &command->scope;
	struct source *source = reading->sources;

	_Static_assert((int)EVENT_COUNT <= (int)SOURCES_MAX, "one for each");
	if (scope->merchant_bound)
		*source++ = (struct source){
		    LIST_EVENTS_OF_MERCHANT, scope->merchant, picks_event};
	else if (scope->family == FAMILY_NONE)
		*source++ =
		    (struct source){LIST_NONE, scope->account, picks_event};
	else
		for (unsigned type = EVENT_NONE + 1; type < EVENT_COUNT; type++)
			if (asks_for(command, (enum event_type)type))
				*source++ = (struct source){
				    list_of_event(type), scope->account, NULL};
	reading->source_count = (unsigned)(source - reading->sources);
}

/* Chooses the shortest list that has all rows asked for. */
static void
choose_list(struct reading *reading)
{
	const struct command *command = reading->work->command;
	const struct scope *scope = &command->scope;
	struct source *source = &reading->sources[0];
	bool by_intent = id_is_set(command->intent.id);
	bool by_customer = id_is_set(command->customer.id);

	reading->source_count = 1;
	source->owner = scope->account;
	source->list = reading->readable->of_account;
	if (scope->merchant_bound) {
		source->owner = scope->merchant;
		source->list = reading->readable->of_merchant;
	}
	if (by_customer) {
		source->owner = command->customer.id;
		source->list = command->object == KIND_INTENT
				   ? LIST_INTENTS_OF_CUSTOMER
				   : LIST_CHARGES_OF_CUSTOMER;
	}
	if (by_intent) {
		source->owner = command->intent.id;
		source->list = command->object == KIND_REFUND
				   ? LIST_REFUNDS_OF_INTENT
				   : LIST_CHARGES_OF_INTENT;
	}
	if (by_customer && (by_intent || scope->merchant_bound))
		source->picks = picks_customer;
}

/* The list of a merchant with a status; any status has one of its own. */
static void
choose_merchant_list(struct reading *reading)
{
	const struct command *command = reading->work->command;
	struct source *source = &reading->sources[0];
	uint8_t status = command->with_status;

	reading->source_count = 1;
	source->owner = command->merchant.id;
	source->list = reading->readable->of_merchant;
	if (status != 0 && command->object == KIND_TRANSFER)
		source->list = lists_of_status[status];
	else if (status != 0)
		source->list = lists_of_state[status];
	if (source->list == LIST_COINS_AWAITING_PAYMENT)
		source->picks = picks_awaiting;
	if (source->list != LIST_COINS_EXPIRED)
		return;
	reading->source_count = 2;
	reading->sources[1] = (struct source){
	    LIST_COINS_AWAITING_PAYMENT, command->merchant.id, picks_expired};
}

/* Whether a row is to be seen, where its list alone does not say so. */
static bool
is_picked(struct reading *reading, struct id id)
{
	const struct command *command = reading->work->command;
	struct arena *arena = &reading->work->engine->arena;
	size_t mark = arena->used;
	union record record;

	if (reading->source->picks == NULL)
		return true;
	reading->result = work_load(reading->work, reading->readable->table,
	    command->object, id, &record);
	arena->used = mark;
	if (reading->result == STORE_MISSING) {
		/* Another merchant's than the key's. */
		reading->result = STORE_OK;
		return false;
	}
	return reading->result == STORE_OK &&
	       reading->source->picks(command, &record);
}

static bool
collect_visit(struct text key, struct text value, void *context)
{
	struct reading *reading = context;
	struct id id = key_id(key);

	(void)value;
	if (!is_picked(reading, id))
		return reading->result == STORE_OK;
	reading->ids[reading->count++] = id;
	return reading->count < reading->count_max;
}

static bool
total_visit(struct text key, struct text value, void *context)
{
	struct reading *reading = context;

	(void)value;
	reading->total += is_picked(reading, key_id(key));
	return reading->result == STORE_OK;
}

static struct store_key
source_prefix(const struct reading *reading, const struct source *source)
{
	const struct scope *scope = &reading->work->command->scope;

	return source->list == LIST_NONE
		   ? key_of_objects(scope->account, scope->mode)
		   : key_of_list(scope->account, scope->mode, source->list,
			 source->owner);
}

static enum store_result
scan_source(struct reading *reading, const struct source *source,
    const struct store_key *first, const struct store_key *end, bool descending,
    store_visit *visit)
{
	struct store_range range = {key_text(first), key_text(end), descending};
	enum store_result result;

	if (text_compare(range.first, range.end) >= 0)
		return STORE_OK;
	reading->source = source;
	result = store_scan(reading->work->transaction,
	    source->list == LIST_NONE ? reading->readable->table : TABLE_LISTS,
	    &range, visit, reading);
	return result == STORE_OK ? reading->result : result;
}

/* 2^48 sixteenths of a millisecond: ids end here (base/id.h). */
#define IDS_END_US INT64_C(17592186044416000)

/* Where an instant begins among the ids; behind them all if they end before. */
static struct id
id_bound(struct instant instant)
{
	struct id id;

	if (instant.us < IDS_END_US)
		return id_floor(instant);
	memset(id.bytes, UINT8_MAX, sizeof(id.bytes));
	return id;
}

/* The end of the rows that `created` admits. */
static struct store_key
created_end(const struct command *command, const struct store_key *prefix)
{
	if (instant_is_set(command->created_lt))
		return key_append(prefix, id_bound(command->created_lt));
	return key_end(prefix);
}

/*
 * Collects up to limit + 1 ids of a source: the newest ones before the
 * cursor, or, with `ending_before`, those right after it (oldest first).
 */
static enum store_result
collect(struct reading *reading, const struct source *source)
{
	const struct command *command = reading->work->command;
	bool ascending = id_is_set(command->ending_before.id);
	struct store_key prefix = source_prefix(reading, source);
	struct store_key first =
	    key_append(&prefix, id_bound(command->created_gte));
	struct store_key end = created_end(command, &prefix);
	struct store_key cursor;

	if (id_is_set(command->starting_after.id)) {
		cursor = key_append(&prefix, command->starting_after.id);
		if (text_compare(key_text(&cursor), key_text(&end)) < 0)
			end = cursor;
	}
	if (ascending) {
		cursor = key_append(&prefix, command->ending_before.id);
		cursor.bytes[cursor.length++] = 0; /* right behind it */
		if (text_compare(key_text(&cursor), key_text(&first)) > 0)
			first = cursor;
	}
	reading->count_max = reading->count + command->limit + 1;
	return scan_source(
	    reading, source, &first, &end, !ascending, collect_visit);
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, ID_BYTES);
}

static int
compare_ids_descending(const void *a, const void *b)
{
	return memcmp(b, a, ID_BYTES);
}

/* Collects from all sources, in one order. */
static enum store_result
collect_all(struct reading *reading)
{
	const struct command *command = reading->work->command;
	enum store_result result = STORE_OK;

	for (unsigned i = 0; result == STORE_OK && i < reading->source_count;
	     i++)
		result = collect(reading, &reading->sources[i]);
	if (reading->source_count > 1)
		qsort(reading->ids, reading->count, sizeof(reading->ids[0]),
		    id_is_set(command->ending_before.id)
			? compare_ids
			: compare_ids_descending);
	if (reading->count > command->limit + 1)
		reading->count = command->limit + 1;
	return result;
}

/* The length of a counted list. */
static enum store_result
read_count(struct reading *reading, const struct source *source)
{
	struct store_key key = source_prefix(reading, source);
	enum store_result result;
	struct text value;

	assert(list_is_counted(source->list));
	result = store_get(
	    reading->work->transaction, TABLE_COUNTS, key_text(&key), &value);
	if (result == STORE_MISSING)
		return STORE_OK;
	if (result == STORE_OK)
		reading->total +=
		    (uint32_t)bytes_get_le64((const uint8_t *)value.bytes);
	return result;
}

/*
 * How many rows there are in all.  Counters tell, but where dates are asked
 * for or where rows are picked: then the keys are counted, of which those
 * that are picked (payments that are awaited) are few.
 */
static enum store_result
count_rows(struct reading *reading)
{
	const struct command *command = reading->work->command;
	bool dated = instant_is_set(command->created_gte) ||
		     instant_is_set(command->created_lt);
	enum store_result result = STORE_OK;

	for (unsigned i = 0; result == STORE_OK && i < reading->source_count;
	     i++) {
		const struct source *source = &reading->sources[i];
		struct store_key prefix = source_prefix(reading, source);
		struct store_key first =
		    key_append(&prefix, id_bound(command->created_gte));
		struct store_key end = created_end(command, &prefix);

		if (!dated && source->picks == NULL)
			result = read_count(reading, source);
		else
			result = scan_source(
			    reading, source, &first, &end, false, total_visit);
	}
	return result;
}

/* Hands each collected object to the visitor, newest first. */
static enum store_result
show(struct reading *reading, page_visit *visit, void *context,
    struct page *page)
{
	struct work *work = reading->work;
	enum kind kind = work->command->object;
	bool ascending = id_is_set(work->command->ending_before.id);
	struct arena *arena = &work->engine->arena;
	size_t mark = arena->used;
	unsigned count = reading->count;
	enum store_result result;
	union record record;

	page->has_more = count > work->command->limit;
	if (page->has_more)
		count--;
	for (unsigned i = 0; i < count; i++) {
		struct id id = reading->ids[ascending ? count - 1 - i : i];

		arena->used = mark;
		work->outcome = work_scratch(work);
		result = work_load(
		    work, reading->readable->table, kind, id, &record);
		if (result == STORE_OK)
			result = readable_put(work, kind, &record);
		if (result != STORE_OK)
			return result == STORE_MISSING ? STORE_DAMAGED : result;
		if (page->count++ == 0)
			page->first = id;
		page->last = id;
		if (!visit(outcome_objects(work->outcome), context))
			return STORE_OK;
	}
	return STORE_OK;
}

/* A cursor must name an object of the caller. */
static enum store_result
check_cursor(struct reading *reading, const struct named *cursor,
    struct text param, bool *valid)
{
	struct work *work = reading->work;
	struct error *error = &work->outcome->error;
	enum store_result result;
	union record record;

	if (cursor->text.length == 0)
		return STORE_OK;
	result =
	    work_named(work, reading->readable->table, work->command->object,
		cursor, ERROR_PARAMETER_INVALID, param, &record, valid);
	if (result == STORE_OK && !*valid)
		refuse_about(error, ERROR_PARAMETER_INVALID, param, TEXT_NONE,
		    TEXT("must be the id of an object of this list"));
	return result;
}

/* Of the kinds that merchants' lists have: not all of an account. */
static bool
is_of_merchant(const struct reading *reading)
{
	return reading->readable->by_merchant &&
	       id_is_set(reading->work->command->merchant.id);
}

/* The objects that a list is asked about are the caller's. */
static enum store_result
check_named(struct reading *reading, bool *valid)
{
	struct work *work = reading->work;
	const struct command *command = work->command;
	enum store_result result = STORE_OK;
	struct merchant merchant;
	union record record;

	*valid = true;
	if (is_of_merchant(reading))
		result = work_merchant(work, command->merchant.id,
		    command->merchant.text, false, &merchant, valid);
	if (result != STORE_OK || !*valid)
		return result;
	if (command->intent.text.length > 0)
		result = work_named(work, TABLE_INTENTS, KIND_INTENT,
		    &command->intent, ERROR_INTENT_MISSING,
		    TEXT("payment_intent"), &record, valid);
	if (result == STORE_OK && *valid && command->customer.text.length > 0)
		result = work_named(work, TABLE_CUSTOMERS, KIND_CUSTOMER,
		    &command->customer, ERROR_CUSTOMER_MISSING,
		    TEXT("customer"), &record, valid);
	if (result == STORE_OK && *valid)
		result = check_cursor(reading, &command->starting_after,
		    TEXT("starting_after"), valid);
	if (result == STORE_OK && *valid)
		result = check_cursor(reading, &command->ending_before,
		    TEXT("ending_before"), valid);
	return result;
}

static enum store_result
list(struct reading *reading, page_visit *visit, void *context,
    struct page *page)
{
	const enum kind object = reading->work->command->object;
	enum store_result result;
	bool valid;

	assert(reading->readable->missing != ERROR_NONE);
	result = check_named(reading, &valid);
	if (result != STORE_OK || !valid ||
	    reading->work->command->created_none)
		return result;
	if (is_of_merchant(reading))
		choose_merchant_list(reading);
	else if (object == KIND_ENDPOINT)
		choose_endpoints(reading);
	else if (object == KIND_EVENT)
		choose_events(reading);
	else
		choose_list(reading);
	/* Endpoints are few: ENDPOINTS_MAX of an owner. */
	if (is_of_merchant(reading) || object == KIND_ENDPOINT)
		result = count_rows(reading);
	page->total = reading->total;
	if (result == STORE_OK)
		result = collect_all(reading);
	return result == STORE_OK ? show(reading, visit, context, page)
				  : result;
}

bool
engine_list(struct engine *engine, const struct command *command,
    page_visit *visit, void *context, struct page *page, struct error *error)
{
	struct outcome *outcome = engine->scratch;
	struct work work = {
	    .engine = engine,
	    .command = command,
	    .outcome = outcome,
	};
	struct reading reading = {
	    .work = &work,
	    .readable = &readables[command->object],
	};
	enum store_result result;

	assert(command->kind == COMMAND_LIST);
	assert(command->limit >= 1 && command->limit <= LIST_LIMIT_MAX);
	*page = (struct page){0};
	arena_reset(&engine->arena);
	outcome_init(outcome);
	result = read_begin(engine, &work.transaction);
	if (result == STORE_OK) {
		result = list(&reading, visit, context, page);
		read_end(engine, work.transaction, result);
	}
	damage_end(engine, result);
	*error = outcome->error;
	if (result != STORE_OK)
		return refuse(error, engine_failure(result));
	return error->id == ERROR_NONE;
}
