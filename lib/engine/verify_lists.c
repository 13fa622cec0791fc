/*
 * Lists, in both directions: an object has a row in each list that it
 * belongs to, and a row lists an object that belongs there.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/verify_work.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define BELONGS(record, field) offsetof(struct record, field)

/* Whose objects a list has, and by which field they belong to its owner. */
static const struct membership {
	struct text name;
	enum kind kind;
	enum kind owner;
	uint16_t offset; /* of the owner's id; an account's is in the key */
} memberships[LIST_COUNT] = {
    [LIST_INTENTS_OF_MERCHANT] = {WORD("intents of merchant"), KIND_INTENT,
	KIND_MERCHANT, BELONGS(intent, merchant)},
    [LIST_INTENTS_OF_CUSTOMER] = {WORD("intents of customer"), KIND_INTENT,
	KIND_CUSTOMER, BELONGS(intent, customer)},
    [LIST_CHARGES_OF_INTENT] = {WORD("charges of intent"), KIND_CHARGE,
	KIND_INTENT, BELONGS(charge, intent)},
    [LIST_CHARGES_OF_MERCHANT] = {WORD("charges of merchant"), KIND_CHARGE,
	KIND_MERCHANT, BELONGS(charge, merchant)},
    [LIST_CHARGES_OF_CUSTOMER] = {WORD("charges of customer"), KIND_CHARGE,
	KIND_CUSTOMER, BELONGS(charge, customer)},
    [LIST_REFUNDS_OF_INTENT] = {WORD("refunds of intent"), KIND_REFUND,
	KIND_INTENT, BELONGS(refund, intent)},
    [LIST_REFUNDS_OF_MERCHANT] = {WORD("refunds of merchant"), KIND_REFUND,
	KIND_MERCHANT, BELONGS(refund, merchant)},
    [LIST_CUSTOMERS_OF_ACCOUNT] = {WORD("customers of account"), KIND_CUSTOMER,
	KIND_ACCOUNT, 0},
    [LIST_CUSTOMERS_OF_MERCHANT] = {WORD("customers of merchant"),
	KIND_CUSTOMER, KIND_MERCHANT, BELONGS(customer, merchant)},
    [LIST_API_KEYS_OF_MERCHANT] = {WORD("keys of merchant"), KIND_API_KEY,
	KIND_MERCHANT, BELONGS(api_key, merchant)},
};

/* The bytes of a row's key, behind account and mode. */
enum {
	MODE_AT = ID_BYTES,
	LIST_AT = MODE_AT + 1,
	OWNER_AT = LIST_AT + 1,
};

/* Deleted customers and keys of the whole account are in no list. */
static bool
is_listed(enum kind kind, const union record *record)
{
	if (kind == KIND_CUSTOMER)
		return !instant_is_set(record->customer.deleted);
	if (kind == KIND_API_KEY)
		return record->api_key.merchant_bound;
	return true;
}

/* The owner whose list an object belongs in; unset where it has none. */
static struct id
owner_of(const struct membership *membership, struct id account,
    const union record *record)
{
	if (!is_listed(membership->kind, record))
		return ID_NONE;
	if (membership->owner == KIND_ACCOUNT)
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

	assert(key.length == OWNER_AT + ID_BYTES + ID_BYTES);
	return list > LIST_NONE && list < LIST_COUNT ? &memberships[list]
						     : NULL;
}

static struct id
owner_in(struct text key)
{
	return key_id((struct text){key.bytes, OWNER_AT + ID_BYTES});
}

void
verify_list_row(struct verification *verification, struct text value)
{
	struct text key = verification->key;
	const struct membership *membership = membership_of(key);
	struct place *place = &verification->place;
	union record record;
	struct id owner;

	assert(verification->table == TABLE_LISTS);
	*place = (struct place){
	    .account = key_id((struct text){key.bytes, ID_BYTES}),
	    .mode = (uint8_t)key.bytes[MODE_AT],
	    .id = key_id(key),
	};
	if (membership == NULL) {
		verify_find(verification, FINDING_LIST_UNKNOWN, TEXT_NONE);
		return;
	}
	if (value.length > 0)
		verify_find(verification, FINDING_LIST_VALUE, TEXT_NONE);
	if (!verify_load_object(
		verification, membership->kind, place->id, &record)) {
		verify_find(verification, FINDING_LIST_EMPTY, membership->name);
		return;
	}
	owner = owner_of(membership, place->account, &record);
	if (!id_is_set(owner) || !id_equal(owner, owner_in(key)))
		verify_find(verification, FINDING_LIST_WRONG, membership->name);
}

void
verify_name_list_row(struct text key, char to[FINDING_ROW_BYTES])
{
	const struct membership *membership = membership_of(key);
	size_t length;

	if (membership == NULL) {
		bytes_to_hex((const uint8_t *)key.bytes, key.length, to);
		return;
	}
	id_format(owner_in(key), record_type(membership->owner)->prefix, to);
	length = strlen(to);
	to[length] = '/';
	id_format(key_id(key), record_type(membership->kind)->prefix,
	    to + length + 1);
}
