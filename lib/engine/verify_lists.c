/*
 * Lists, in both directions: an object has a row in each list that it
 * belongs to, and a row lists an object that belongs there.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "core/delivery.h"
#include "engine/verify_work.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define BELONGS(record, field) offsetof(struct record, field)
#define COINS(name, state)                                   \
	{                                                    \
		WORD(name), KIND_COIN_INTENT, KIND_MERCHANT, \
		    BELONGS(coin_intent, merchant), state    \
	}
#define TRANSFERS(name, status)                           \
	{                                                 \
		WORD(name), KIND_TRANSFER, KIND_MERCHANT, \
		    BELONGS(transfer, merchant), status   \
	}

/* Of each type of event a list; those of coins, and pings, are in none. */
#define EVENTS_OF_TYPE(type, word)                                       \
	[LIST_EVENTS_OF_TYPE + type] = {WORD(word " events of account"), \
	    KIND_EVENT, KIND_ACCOUNT, 0, type},

/* Whose objects a list has, and by which field they belong to its owner. */
static const struct membership {
	struct text name;
	enum kind kind;
	enum kind owner;
	uint16_t offset; /* of the owner's id; an account's is in the key */
	uint8_t status;	 /* or type, of its objects; 0: any */
} memberships[LIST_COUNT] = {
    [LIST_INTENTS_OF_MERCHANT] = {WORD("intents of merchant"), KIND_INTENT,
	KIND_MERCHANT, BELONGS(intent, merchant), 0},
    [LIST_INTENTS_OF_CUSTOMER] = {WORD("intents of customer"), KIND_INTENT,
	KIND_CUSTOMER, BELONGS(intent, customer), 0},
    [LIST_CHARGES_OF_INTENT] = {WORD("charges of intent"), KIND_CHARGE,
	KIND_INTENT, BELONGS(charge, intent), 0},
    [LIST_CHARGES_OF_MERCHANT] = {WORD("charges of merchant"), KIND_CHARGE,
	KIND_MERCHANT, BELONGS(charge, merchant), 0},
    [LIST_CHARGES_OF_CUSTOMER] = {WORD("charges of customer"), KIND_CHARGE,
	KIND_CUSTOMER, BELONGS(charge, customer), 0},
    [LIST_REFUNDS_OF_INTENT] = {WORD("refunds of intent"), KIND_REFUND,
	KIND_INTENT, BELONGS(refund, intent), 0},
    [LIST_REFUNDS_OF_MERCHANT] = {WORD("refunds of merchant"), KIND_REFUND,
	KIND_MERCHANT, BELONGS(refund, merchant), 0},
    [LIST_CUSTOMERS_OF_ACCOUNT] = {WORD("customers of account"), KIND_CUSTOMER,
	KIND_ACCOUNT, 0, 0},
    [LIST_CUSTOMERS_OF_MERCHANT] = {WORD("customers of merchant"),
	KIND_CUSTOMER, KIND_MERCHANT, BELONGS(customer, merchant), 0},
    [LIST_API_KEYS_OF_MERCHANT] = {WORD("keys of merchant"), KIND_API_KEY,
	KIND_MERCHANT, BELONGS(api_key, merchant), 0},
    [LIST_COINS_OF_MERCHANT] = COINS("payments in coins of merchant", 0),
    [LIST_COINS_AWAITING_PAYMENT] =
	COINS("awaited payments of merchant", STATE_AWAITING_PAYMENT),
    [LIST_COINS_CONFIRMED] =
	COINS("confirmed payments of merchant", STATE_CONFIRMED),
    [LIST_COINS_EXPIRED] = COINS("expired payments of merchant", STATE_EXPIRED),
    [LIST_COINS_CANCELLED] =
	COINS("cancelled payments of merchant", STATE_CANCELLED),
    [LIST_COINS_SETTLED] = COINS("settled payments of merchant", STATE_SETTLED),
    [LIST_TRANSFERS_OF_MERCHANT] = TRANSFERS("transfers of merchant", 0),
    [LIST_TRANSFERS_CONFIRMED] =
	TRANSFERS("confirmed transfers of merchant", TRANSACTION_CONFIRMED),
    [LIST_TRANSFERS_SETTLED] =
	TRANSFERS("settled transfers of merchant", TRANSACTION_SETTLED),
    [LIST_TRANSFERS_FAILED] =
	TRANSFERS("failed transfers of merchant", TRANSACTION_FAILED),
    [LIST_TRANSFERS_OF_INTENT] = {WORD("transfers of intent"), KIND_TRANSFER,
	KIND_COIN_INTENT, BELONGS(transfer, intent), 0},
    /* Of amounts, not of objects: verify_amount() looks after it. */
    [LIST_COIN_AMOUNTS] = {.name = WORD("awaited amounts of merchant"),
	.owner = KIND_MERCHANT},
    /* ... or of the account, for those without a merchant. */
    [LIST_ENDPOINTS_OF_OWNER] = {WORD("endpoints of owner"), KIND_ENDPOINT,
	KIND_MERCHANT, BELONGS(endpoint, merchant), 0},
    [LIST_EVENTS_OF_MERCHANT] = {WORD("events of merchant"), KIND_EVENT,
	KIND_MERCHANT, BELONGS(event, merchant), 0},
    EVENT_NAMES(EVENTS_OF_TYPE)};

/* The bytes of a row's key, behind account and mode. */
enum {
	MODE_AT = ID_BYTES,
	LIST_AT = MODE_AT + 1,
	OWNER_AT = LIST_AT + 1,
	OWNER_END = OWNER_AT + ID_BYTES,
	ROW_BYTES = OWNER_END + ID_BYTES,
	AMOUNT_ROW_BYTES = OWNER_END + 8,
};

/* Of a type that there is, and of cards. */
static bool
is_of_card(const struct event *event)
{
	return event->type != EVENT_NONE && event->type < EVENT_COUNT &&
	       event_family((enum event_type)event->type) == FAMILY_CARD;
}

/*
 * Deleted customers, keys of the whole account and endpoints that have not
 * answered yet are in no list, and what has a status or a type is in that
 * one's alone.
 */
static bool
is_listed(const struct membership *membership, const union record *record)
{
	if (membership->kind == KIND_CUSTOMER)
		return !instant_is_set(record->customer.deleted);
	if (membership->kind == KIND_API_KEY)
		return record->api_key.merchant_bound;
	if (membership->kind == KIND_ENDPOINT)
		return record->endpoint.status != ENDPOINT_PENDING;
	if (membership->kind == KIND_EVENT)
		return is_of_card(&record->event) &&
		       (membership->status == 0 ||
			   membership->status == record->event.type);
	if (membership->status == 0)
		return true;
	return membership->status == (membership->kind == KIND_COIN_INTENT
					     ? record->coin_intent.state
					     : record->transfer.status);
}

/* The owner whose list an object belongs in; unset where it has none. */
static struct id
owner_of(const struct membership *membership, struct id account,
    const union record *record)
{
	if (!is_listed(membership, record))
		return ID_NONE;
	if (membership->owner == KIND_ACCOUNT ||
	    (membership->kind == KIND_ENDPOINT &&
		!id_is_set(record->endpoint.merchant)))
		return account;
	return *(const struct id *)(const void *)((const char *)record +
						  membership->offset);
}

void
verify_listed(struct verification *verification, enum kind kind,
    const union record *record)
{
	const struct place *place = &verification->place;

	assert(verification->table == verify_table_of(kind));
	for (unsigned i = LIST_NONE + 1; i < LIST_COUNT; i++) {
		const struct membership *membership = &memberships[i];
		struct store_key row;
		struct text value;
		struct id owner;

		if (membership->kind != kind)
			continue;
		owner = owner_of(membership, place->account, record);
		if (!id_is_set(owner))
			continue;
		row = key_of_list_row(place->account, place->mode, (enum list)i,
		    owner, place->id);
		if (!verify_get(
			verification, TABLE_LISTS, key_text(&row), &value))
			verify_find(verification, FINDING_LIST_ABSENT,
			    membership->name);
	}
}

/* The list of a row; NULL when it is none that there is. */
static const struct membership *
membership_of(struct text key)
{
	uint8_t list = (uint8_t)key.bytes[LIST_AT];

	assert(key.length >= OWNER_END);
	return list < LIST_COUNT && memberships[list].name.length > 0
		   ? &memberships[list]
		   : NULL;
}

static struct id
owner_in(struct text key)
{
	return key_id((struct text){key.bytes, OWNER_END});
}

struct text
verify_list_name(uint8_t list)
{
	return list < LIST_COUNT ? memberships[list].name : TEXT_NONE;
}

static bool
is_amount(struct text key)
{
	return key.length > LIST_AT &&
	       (uint8_t)key.bytes[LIST_AT] == LIST_COIN_AMOUNTS;
}

static bool
is_formed(struct text key)
{
	return key.length == (is_amount(key) ? AMOUNT_ROW_BYTES : ROW_BYTES);
}

/* The rows of a list come one behind the other: at the first it is asked. */
static void
check_counted(
    struct verification *verification, const struct membership *membership)
{
	struct text list = {verification->key.bytes, OWNER_END};
	struct store_key *seen = &verification->list;
	struct text value;

	if (!list_is_counted((enum list)(membership - memberships)) ||
	    text_equal(list, key_text(seen)))
		return;
	memcpy(seen->bytes, list.bytes, list.length);
	seen->length = (uint8_t)list.length;
	if (!verify_get(verification, TABLE_COUNTS, list, &value))
		verify_find(
		    verification, FINDING_COUNT_ABSENT, membership->name);
}

static void
check_member(
    struct verification *verification, const struct membership *membership)
{
	const struct place *place = &verification->place;
	union record record;
	struct id owner;

	if (!verify_load_object(
		verification, membership->kind, place->id, &record)) {
		verify_find(verification, FINDING_LIST_EMPTY, membership->name);
		return;
	}
	owner = owner_of(membership, place->account, &record);
	if (!id_is_set(owner) || !id_equal(owner, owner_in(verification->key)))
		verify_find(verification, FINDING_LIST_WRONG, membership->name);
}

void
verify_list_row(struct verification *verification, struct text value)
{
	struct text key = verification->key;
	const struct membership *membership;

	assert(verification->table == TABLE_LISTS);
	if (!is_formed(key)) {
		verify_find(verification, FINDING_KEY_MALFORMED, TEXT_NONE);
		return;
	}
	membership = membership_of(key);
	verification->place = (struct place){
	    .account = key_id((struct text){key.bytes, ID_BYTES}),
	    .mode = (uint8_t)key.bytes[MODE_AT],
	    .id = key_id(key),
	};
	if (membership == NULL) {
		verify_find(verification, FINDING_LIST_UNKNOWN, TEXT_NONE);
		return;
	}
	if (is_amount(key)) {
		verify_amount(verification, value);
		return;
	}
	if (value.length > 0)
		verify_find(verification, FINDING_LIST_VALUE, TEXT_NONE);
	check_counted(verification, membership);
	check_member(verification, membership);
}

/* What stands behind the owner: an object, or an amount in dollars. */
static void
name_member(const struct membership *membership, struct text key, char *to)
{
	const uint8_t *amount = (const uint8_t *)key.bytes + OWNER_END;

	if (is_amount(key))
		money_format(MONEY((int64_t)bytes_get_be64(amount)), 6, 2, to);
	else
		id_format(
		    key_id(key), record_type(membership->kind)->prefix, to);
}

void
verify_name_list_row(struct text key, char to[FINDING_ROW_BYTES])
{
	const struct membership *membership =
	    is_formed(key) ? membership_of(key) : NULL;
	enum kind owner;
	size_t length;

	if (membership == NULL) {
		bytes_to_hex((const uint8_t *)key.bytes, key.length, to);
		return;
	}
	owner = memcmp(key.bytes, key.bytes + OWNER_AT, ID_BYTES) == 0
		    ? KIND_ACCOUNT
		    : membership->owner;
	id_format(owner_in(key), record_type(owner)->prefix, to);
	length = strlen(to);
	to[length] = '/';
	name_member(membership, key, to + length + 1);
}
