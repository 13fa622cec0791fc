#include "engine/work.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "core/delivery.h"
#include "engine/verify.h"

/* Which merchant a record belongs to, for kinds that are of one. */
static const struct id *
record_merchant(enum kind kind, const void *record)
{
	const union record *any = record;

	switch (kind) {
	case KIND_API_KEY:
		return &any->api_key.merchant;
	case KIND_INTENT:
		return &any->intent.merchant;
	case KIND_CHARGE:
		return &any->charge.merchant;
	case KIND_REFUND:
		return &any->refund.merchant;
	case KIND_CUSTOMER:
		return &any->customer.merchant;
	case KIND_EVENT:
		return &any->event.merchant;
	case KIND_COIN_INTENT:
		return &any->coin_intent.merchant;
	case KIND_TRANSFER:
		return &any->transfer.merchant;
	case KIND_BALANCE:
		return &any->balance.id;
	case KIND_ENDPOINT:
		return &any->endpoint.merchant;
	case KIND_NONE:
	case KIND_ACCOUNT:
	case KIND_MERCHANT:
	case KIND_STORED_OUTCOME:
	case KIND_DELIVERY:
	case KIND_ATTEMPT:
	case KIND_COUNT:
		break;
	}
	return NULL;
}

/*
 * A contract has the events and the webhook endpoints of its family.  A ping
 * is of none, and who has not answered one yet is not there.
 */
static bool
in_family(enum family family, enum kind kind, const void *record)
{
	const union record *any = record;

	if (family == FAMILY_NONE)
		return true;
	if (kind == KIND_EVENT)
		return event_family((enum event_type)any->event.type) == family;
	if (kind == KIND_ENDPOINT)
		return any->endpoint.family == family &&
		       any->endpoint.status != ENDPOINT_PENDING;
	return true;
}

/* A key bound to a merchant sees that merchant's objects alone. */
static bool
in_scope(const struct scope *scope, enum kind kind, const void *record)
{
	const struct id *merchant = record_merchant(kind, record);

	if (!in_family((enum family)scope->family, kind, record))
		return false;
	/* A key of the whole account is no key of the merchant's. */
	if (scope->merchant_bound && kind == KIND_API_KEY &&
	    !((const struct api_key *)record)->merchant_bound)
		return false;
	return !scope->merchant_bound || merchant == NULL ||
	       id_equal(*merchant, scope->merchant);
}

void
damage_end(struct engine *engine, enum store_result result)
{
	if (result == STORE_DAMAGED && !engine->damage_told &&
	    engine->damaged != NULL)
		engine->damaged(NULL);
	engine->damage_told = false;
}

/* A record's bytes, which are believed if they can be what was written. */
static enum store_result
decode(struct work *work, enum table table, enum kind kind, struct text key,
    struct text encoded, void *record)
{
	struct engine *engine = work->engine;
	enum codec_result result = codec_decode(kind, encoded, record);
	struct finding finding;

	if (result == CODEC_OK)
		return STORE_OK;
	if (engine->damaged != NULL) {
		finding = finding_of(finding_of_value(result), table, key);
		engine->damaged(&finding);
	}
	engine->damage_told = true;
	return STORE_DAMAGED;
}

enum store_result
work_load_key(struct work *work, enum table table, enum kind kind,
    struct text key, void *record)
{
	enum store_result result;
	struct text value;
	struct text copy;

	result = store_get(work->transaction, table, key, &value);
	if (result != STORE_OK)
		return result;
	copy = arena_copy(&work->engine->arena, value);
	/* STORE_FULL would make the store larger, not the arena. */
	if (copy.bytes == NULL)
		return STORE_UNAVAILABLE;
	return decode(work, table, kind, key, copy, record);
}

enum store_result
work_load_any(struct work *work, enum table table, enum kind kind, struct id id,
    void *record)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_object(scope->account, scope->mode, id);

	return work_load_key(work, table, kind, key_text(&key), record);
}

enum store_result
work_load(struct work *work, enum table table, enum kind kind, struct id id,
    void *record)
{
	const struct scope *scope = &work->command->scope;
	enum store_result result;

	result = work_load_any(work, table, kind, id, record);
	if (result == STORE_OK && !in_scope(scope, kind, record))
		return STORE_MISSING;
	return result;
}

enum store_result
work_save_key(struct work *work, enum table table, enum kind kind,
    struct text key, const void *record)
{
	struct arena *arena = &work->engine->arena;
	struct buffer buffer;
	size_t mark = arena->used;
	void *bytes;

	/* Encoded into what is left of the arena, and given back after. */
	bytes = arena_take(arena, arena_left(arena));
	if (bytes == NULL)
		return STORE_UNAVAILABLE;
	buffer_init(&buffer, bytes,
	    (size_t)(arena->memory + arena->used - (uint8_t *)bytes));
	codec_encode(kind, record, &buffer);
	arena->used = mark;
	if (buffer.overflow)
		return STORE_UNAVAILABLE;
	work->wrote = true;
	return store_put(work->transaction, table, key, buffer_text(&buffer));
}

enum store_result
work_save(struct work *work, enum table table, enum kind kind, struct id id,
    const void *record)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_object(scope->account, scope->mode, id);

	return work_save_key(work, table, kind, key_text(&key), record);
}

enum store_result
work_remove(struct work *work, enum table table, const struct store_key *key)
{
	enum store_result result =
	    store_delete(work->transaction, table, key_text(key));

	work->wrote |= result == STORE_OK;
	return result == STORE_MISSING ? STORE_OK : result;
}

/* Adds to the length of a counted list. */
static enum store_result
count_list(struct work *work, enum list list, struct id owner, int64_t change)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_list(scope->account, scope->mode, list, owner);
	enum store_result result;
	uint8_t length[8] = {0};
	struct text value;

	if (!list_is_counted(list))
		return STORE_OK;
	result =
	    store_get(work->transaction, TABLE_COUNTS, key_text(&key), &value);
	if (result == STORE_OK && value.length != sizeof(length))
		return STORE_DAMAGED;
	if (result == STORE_OK)
		memcpy(length, value.bytes, sizeof(length));
	else if (result != STORE_MISSING)
		return result;
	/* Nothing is taken from a list that has nothing. */
	if (change < 0 && bytes_get_le64(length) < (uint64_t)-change)
		return STORE_DAMAGED;
	bytes_put_le64(length, bytes_get_le64(length) + (uint64_t)change);
	return store_put(work->transaction, TABLE_COUNTS, key_text(&key),
	    (struct text){(const char *)length, sizeof(length)});
}

enum store_result
work_list(struct work *work, enum list list, struct id owner, struct id id)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_list_row(scope->account, scope->mode, list, owner, id);
	enum store_result result;

	if (!id_is_set(owner))
		return STORE_OK;
	work->wrote = true;
	result =
	    store_put(work->transaction, TABLE_LISTS, key_text(&key), TEXT(""));
	return result == STORE_OK ? count_list(work, list, owner, 1) : result;
}

enum store_result
work_unlist(struct work *work, enum list list, struct id owner, struct id id)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_list_row(scope->account, scope->mode, list, owner, id);
	enum store_result result;

	work->wrote = true;
	result = store_delete(work->transaction, TABLE_LISTS, key_text(&key));
	return result == STORE_OK ? count_list(work, list, owner, -1) : result;
}

/* Kinds of which the key of one mode may learn that the other has them. */
static bool
tells_mode(const struct scope *scope, enum kind kind)
{
	return kind == KIND_COIN_INTENT || kind == KIND_TRANSFER ||
	       (kind == KIND_ENDPOINT && scope->family == FAMILY_COIN);
}

/* Refuses for an object of the scope that is there, but in the other mode. */
static enum store_result
refuse_other_mode(
    struct work *work, enum table table, enum kind kind, struct id id)
{
	const struct scope *scope = &work->command->scope;
	uint8_t mode = scope->mode == MODE_TEST ? MODE_LIVE : MODE_TEST;
	struct store_key key = key_of_object(scope->account, mode, id);
	enum store_result result;
	union record record;

	result = work_load_key(work, table, kind, key_text(&key), &record);
	if (result == STORE_OK && in_scope(scope, kind, &record))
		refuse_about(&work->outcome->error, ERROR_ENVIRONMENT_MISMATCH,
		    TEXT_NONE, TEXT_NONE, name_text(&mode_names, mode));
	return result == STORE_MISSING ? STORE_OK : result;
}

enum store_result
work_named(struct work *work, enum table table, enum kind kind,
    const struct named *named, enum error_id missing, struct text param,
    void *record, bool *found)
{
	enum store_result result = STORE_MISSING;

	if (id_is_set(named->id))
		result = work_load(work, table, kind, named->id, record);
	*found = result == STORE_OK;
	if (result != STORE_MISSING)
		return result;
	refuse_about(&work->outcome->error, missing, param,
	    command_text(work->command, named->text), TEXT_NONE);
	if (tells_mode(&work->command->scope, kind) && id_is_set(named->id))
		return refuse_other_mode(work, table, kind, named->id);
	return STORE_OK;
}

enum store_result
work_merchant(struct work *work, struct id id, struct slice name, bool active,
    struct merchant *merchant, bool *found)
{
	const struct scope *scope = &work->command->scope;
	struct error *error = &work->outcome->error;
	struct store_key key = key_of_merchant(scope->account, id);
	enum store_result result = STORE_MISSING;

	if (!scope->merchant_bound || id_equal(scope->merchant, id))
		result = work_load_key(work, TABLE_MERCHANTS, KIND_MERCHANT,
		    key_text(&key), merchant);
	*found = result == STORE_OK &&
		 (!active || merchant->status == MERCHANT_STATUS_ACTIVE);
	/* A key's or an object's own, that nobody had to name, is there. */
	if (result == STORE_MISSING && name.length == 0)
		return STORE_DAMAGED;
	if (result == STORE_MISSING)
		refuse_about(error, ERROR_MERCHANT_MISSING, TEXT("merchant_id"),
		    command_text(work->command, name), TEXT_NONE);
	else if (result == STORE_OK && !*found)
		refuse_about(error, ERROR_MERCHANT_NOT_ACTIVE, TEXT_NONE,
		    TEXT_NONE,
		    name_text(&merchant_status_names, merchant->status));
	return result == STORE_MISSING ? STORE_OK : result;
}

bool
work_secret_fits(struct work *work, const struct intent *intent)
{
	const struct command *command = work->command;
	struct text given = command_text(command, command->client_secret);
	char secret[CLIENT_SECRET_BYTES];
	struct digest right;
	struct digest tried;

	if (!command_has(command, GIVEN_CLIENT_SECRET))
		return true;
	client_secret(intent, secret);
	/* How long this takes says nothing of how much of it was right. */
	right = digest_text(text_of(secret));
	tried = digest_text(given);
	if (digest_equal(&right, &tried))
		return true;
	return refuse_about(&work->outcome->error, ERROR_INTENT_MISSING,
	    TEXT("id"), command_text(command, command->target.text), TEXT_NONE);
}

/*
 * The ids at the new end of a list: an intent's charges that are shown, and
 * one more where there are more.
 */
struct newest {
	struct id ids[INTENT_CHARGES_SHOWN_MAX + 1];
	unsigned count;
};

static bool
newest_visit(struct text key, struct text value, void *context)
{
	struct newest *newest = context;

	(void)value;
	newest->ids[newest->count++] = key_id(key);
	return newest->count <= INTENT_CHARGES_SHOWN_MAX;
}

enum store_result
work_put_intent(
    struct work *work, const struct intent *intent, struct outcome *outcome)
{
	const struct scope *scope = &work->command->scope;
	struct store_key prefix = key_of_list(
	    scope->account, scope->mode, LIST_CHARGES_OF_INTENT, intent->id);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), true};
	struct newest newest = {.count = 0};
	enum store_result result;

	outcome_put(outcome, KIND_INTENT, intent);
	if (!id_is_set(intent->latest_charge))
		return STORE_OK;
	result = store_scan(
	    work->transaction, TABLE_LISTS, &range, newest_visit, &newest);
	for (unsigned i = 0; result == STORE_OK && i < newest.count; i++) {
		struct store_key key =
		    key_of_object(scope->account, scope->mode, newest.ids[i]);
		struct charge charge;
		struct text encoded;

		result = store_get(
		    work->transaction, TABLE_CHARGES, key_text(&key), &encoded);
		if (result == STORE_OK)
			result = decode(work, TABLE_CHARGES, KIND_CHARGE,
			    key_text(&key), encoded, &charge);
		if (result == STORE_OK)
			outcome_put_encoded(outcome, encoded);
	}
	/* The list names a charge that is not there. */
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

enum store_result
work_put_charge(
    struct work *work, const struct charge *charge, struct outcome *outcome)
{
	struct intent intent;
	enum store_result result;

	/* A charge shows its intent's metadata. */
	result = work_load(
	    work, TABLE_INTENTS, KIND_INTENT, charge->intent, &intent);
	if (result != STORE_OK)
		return result == STORE_MISSING ? STORE_DAMAGED : result;
	outcome_put(outcome, KIND_CHARGE, charge);
	outcome_put(outcome, KIND_INTENT, &intent);
	return STORE_OK;
}

enum store_result
work_put_customer(
    struct work *work, struct id customer_id, struct outcome *outcome)
{
	struct customer customer;
	enum store_result result;

	if (!work->command->expand_customer || !id_is_set(customer_id))
		return STORE_OK;
	result = work_load(
	    work, TABLE_CUSTOMERS, KIND_CUSTOMER, customer_id, &customer);
	if (result == STORE_OK)
		outcome_put(outcome, KIND_CUSTOMER, &customer);
	/* Of another merchant than the key's: it stays an id. */
	return result == STORE_MISSING ? STORE_OK : result;
}

struct outcome *
work_scratch(struct work *work)
{
	outcome_init(work->engine->scratch);
	return work->engine->scratch;
}
