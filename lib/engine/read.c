/*
 * Reads: one object, or a page of a list, from one moment of the store.
 */
#include <assert.h>
#include <string.h>

#include "core/api_key.h"
#include "core/codec.h"
#include "engine/engine.h"
#include "engine/work.h"

/* The kinds that can be read: where they lie, and how each is shown. */
static const struct readable {
	enum table table;
	enum error_id missing;
	enum list of_merchant; /* what a bound key may see of them */
	enum list of_account;  /* LIST_NONE: the table itself */
} readables[KIND_COUNT] = {
    [KIND_INTENT] = {TABLE_INTENTS, ERROR_INTENT_MISSING,
	LIST_INTENTS_OF_MERCHANT, LIST_NONE},
    [KIND_CHARGE] = {TABLE_CHARGES, ERROR_CHARGE_MISSING,
	LIST_CHARGES_OF_MERCHANT, LIST_NONE},
    [KIND_REFUND] = {TABLE_REFUNDS, ERROR_REFUND_MISSING,
	LIST_REFUNDS_OF_MERCHANT, LIST_NONE},
    [KIND_CUSTOMER] = {TABLE_CUSTOMERS, ERROR_CUSTOMER_MISSING,
	LIST_CUSTOMERS_OF_MERCHANT, LIST_CUSTOMERS_OF_ACCOUNT},
    [KIND_API_KEY] = {TABLE_API_KEYS, ERROR_API_KEY_MISSING,
	LIST_API_KEYS_OF_MERCHANT, LIST_NONE},
};

/* Appends a record with all that belongs to it. */
static enum store_result
put_record(struct work *work, enum kind kind, const union record *record)
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

static bool
secret_fits(const struct command *command, const struct intent *intent)
{
	char secret[CLIENT_SECRET_BYTES];

	client_secret(intent, secret);
	return text_equal(
	    command_text(command, command->client_secret), text_of(secret));
}

static enum store_result
get(struct work *work)
{
	const struct command *command = work->command;
	const struct readable *readable = &readables[command->object];
	enum store_result result;
	union record record;
	bool found;

	assert(readable->missing != ERROR_NONE);
	result = work_named(work, readable->table, command->object,
	    &command->target, readable->missing, TEXT("id"), &record, &found);
	if (result != STORE_OK || !found)
		return result;
	if (command_has(command, GIVEN_CLIENT_SECRET) &&
	    !secret_fits(command, &record.intent)) {
		refuse_about(&work->outcome->error, readable->missing,
		    TEXT("id"), command_text(command, command->target.text),
		    TEXT_NONE);
		return STORE_OK;
	}
	return put_record(work, command->object, &record);
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
	result = store_begin(engine->store, STORE_READ, &work.transaction);
	if (result == STORE_OK) {
		result = get(&work);
		store_abort(work.transaction);
	}
	if (result == STORE_OK)
		return;
	outcome_init(outcome);
	refuse(&outcome->error, engine_failure(result));
}

/* A list that is being read: where, and which of its rows. */
struct reading {
	struct work *work;
	const struct readable *readable;
	enum list list; /* LIST_NONE: the table of the kind */
	struct id owner;
	bool picks; /* some rows are not to be seen: load to know */
	struct id ids[LIST_LIMIT_MAX + 1];
	unsigned count;
	enum store_result result;
};

/* Chooses the shortest list that has all rows asked for. */
static void
choose_list(struct reading *reading)
{
	const struct command *command = reading->work->command;
	const struct scope *scope = &command->scope;
	bool by_intent = id_is_set(command->intent.id);
	bool by_customer = id_is_set(command->customer.id);

	reading->owner = scope->account;
	reading->list = reading->readable->of_account;
	if (scope->merchant_bound) {
		reading->owner = scope->merchant;
		reading->list = reading->readable->of_merchant;
	}
	if (by_customer) {
		reading->owner = command->customer.id;
		reading->list = command->object == KIND_INTENT
				    ? LIST_INTENTS_OF_CUSTOMER
				    : LIST_CHARGES_OF_CUSTOMER;
	}
	if (by_intent) {
		reading->owner = command->intent.id;
		reading->list = command->object == KIND_REFUND
				    ? LIST_REFUNDS_OF_INTENT
				    : LIST_CHARGES_OF_INTENT;
	}
	reading->picks = by_customer && (by_intent || scope->merchant_bound);
}

/* Whether a row is to be seen, where its list alone does not say so. */
static bool
is_picked(struct reading *reading, struct id id)
{
	const struct command *command = reading->work->command;
	struct arena *arena = &reading->work->engine->arena;
	size_t mark = arena->used;
	union record record;
	bool picked;

	reading->result = work_load(reading->work, reading->readable->table,
	    command->object, id, &record);
	arena->used = mark;
	picked = reading->result == STORE_OK;
	if (reading->result == STORE_MISSING)
		reading->result = STORE_OK;
	return picked &&
	       (command->object != KIND_CHARGE ||
		   id_equal(record.charge.customer, command->customer.id));
}

static bool
collect_visit(struct text key, struct text value, void *context)
{
	struct reading *reading = context;
	struct id id = key_id(key);

	(void)value;
	if (reading->picks && !is_picked(reading, id))
		return reading->result == STORE_OK;
	reading->ids[reading->count++] = id;
	return reading->count <= reading->work->command->limit;
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

/*
 * Collects up to limit + 1 ids: the newest ones before the cursor, or, with
 * `ending_before`, those right after it (oldest first).
 */
static enum store_result
collect(struct reading *reading)
{
	const struct command *command = reading->work->command;
	const struct scope *scope = &command->scope;
	bool ascending = id_is_set(command->ending_before.id);
	struct store_key prefix =
	    reading->list == LIST_NONE
		? key_of_objects(scope->account, scope->mode)
		: key_of_list(scope->account, scope->mode, reading->list,
		      reading->owner);
	struct store_key first =
	    key_append(&prefix, id_bound(command->created_gte));
	struct store_key end = key_end(&prefix);
	struct store_key cursor;
	struct store_range range = {.descending = !ascending};
	enum store_result result;

	if (instant_is_set(command->created_lt))
		end = key_append(&prefix, id_bound(command->created_lt));
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
	if (text_compare(key_text(&first), key_text(&end)) >= 0)
		return STORE_OK;
	range.first = key_text(&first);
	range.end = key_text(&end);
	result = store_scan(reading->work->transaction,
	    reading->list == LIST_NONE ? reading->readable->table : TABLE_LISTS,
	    &range, collect_visit, reading);
	return result == STORE_OK ? reading->result : result;
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
			result = put_record(work, kind, &record);
		if (result != STORE_OK)
			return result == STORE_MISSING ? STORE_DAMAGED : result;
		page->count++;
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

/* The objects that a list is asked about are the caller's. */
static enum store_result
check_named(struct reading *reading, bool *valid)
{
	struct work *work = reading->work;
	const struct command *command = work->command;
	enum store_result result = STORE_OK;
	union record record;

	*valid = true;
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
	enum store_result result;
	bool valid;

	assert(reading->readable->missing != ERROR_NONE);
	result = check_named(reading, &valid);
	if (result != STORE_OK || !valid ||
	    reading->work->command->created_none)
		return result;
	choose_list(reading);
	result = collect(reading);
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
	result = store_begin(engine->store, STORE_READ, &work.transaction);
	if (result == STORE_OK) {
		result = list(&reading, visit, context, page);
		store_abort(work.transaction);
	}
	*error = outcome->error;
	if (result != STORE_OK)
		return refuse(error, engine_failure(result));
	return error->id == ERROR_NONE;
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
	result = store_begin(engine->store, STORE_READ, &work.transaction);
	if (result == STORE_OK) {
		result = load_key(&work, digest, &key);
		store_abort(work.transaction);
	}
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
