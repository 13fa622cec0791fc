/*
 * What holds of every record, whatever its kind: it can be read, its key is
 * its own, its numbers stand for words, its texts can be shown, and the
 * objects that it names are there.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "core/metadata.h"
#include "engine/verify_work.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define AT(kind, record, field) \
	KIND_##kind, offsetof(struct record, field), WORD(#field)

/* Fields of enumerators: of each the names, and whether 0 is one. */
static const struct word {
	enum kind kind;
	uint16_t offset;
	struct text field;
	const struct names *names;
	bool optional;
} words[] = {
    {AT(MERCHANT, merchant, status), &merchant_status_names, false},
    /* None: made before there were coins. */
    {AT(MERCHANT, merchant, settlement_schedule), &schedule_names, true},
    {AT(API_KEY, api_key, type), &key_type_names, false},
    {AT(INTENT, intent, state), &state_names, false},
    {AT(INTENT, intent, capture_method), &method_names, true},
    {AT(INTENT, intent, confirmation_method), &method_names, true},
    {AT(INTENT, intent, last_decline), &decline_names, true},
    {AT(INTENT, intent, cancellation), &cancellation_names, true},
    {AT(CHARGE, charge, progress), &progress_names, false},
    {AT(CHARGE, charge, decline), &decline_names, true},
    {AT(REFUND, refund, progress), &progress_names, false},
    {AT(EVENT, event, type), &event_names, false},
    {AT(STORED_OUTCOME, stored_outcome, decline), &decline_names, true},
    {AT(COIN_INTENT, coin_intent, state), &state_names, false},
    {AT(TRANSFER, transfer, status), &transaction_status_names, false},
    {AT(ENDPOINT, endpoint, family), &family_names, false},
    {AT(ENDPOINT, endpoint, status), &endpoint_status_names, false},
    {AT(ENDPOINT, endpoint, disabled_reason), &disabled_names, true},
    {AT(ENDPOINT, endpoint, ping), &progress_names, true},
    {AT(DELIVERY, delivery, state), &delivery_state_names, false},
    {AT(ATTEMPT, attempt, result), &attempt_result_names, false},
};

/* Fields that name other objects, of the same account and mode. */
static const struct reference {
	enum kind kind;
	uint16_t offset;
	struct text field;
	enum kind to;
	bool optional;
} references[] = {
    {AT(ACCOUNT, account, default_merchant), KIND_MERCHANT, true},
    {AT(API_KEY, api_key, merchant), KIND_MERCHANT, false},
    {AT(INTENT, intent, merchant), KIND_MERCHANT, false},
    {AT(INTENT, intent, customer), KIND_CUSTOMER, true},
    {AT(INTENT, intent, latest_charge), KIND_CHARGE, true},
    {AT(CHARGE, charge, intent), KIND_INTENT, false},
    {AT(CHARGE, charge, merchant), KIND_MERCHANT, false},
    {AT(CHARGE, charge, customer), KIND_CUSTOMER, true},
    {AT(REFUND, refund, intent), KIND_INTENT, false},
    {AT(REFUND, refund, charge), KIND_CHARGE, false},
    {AT(REFUND, refund, merchant), KIND_MERCHANT, false},
    {AT(CUSTOMER, customer, merchant), KIND_MERCHANT, false},
    /* None: the ping of an endpoint that has none either. */
    {AT(EVENT, event, merchant), KIND_MERCHANT, true},
    {AT(COIN_INTENT, coin_intent, merchant), KIND_MERCHANT, false},
    {AT(TRANSFER, transfer, intent), KIND_COIN_INTENT, true},
    {AT(TRANSFER, transfer, merchant), KIND_MERCHANT, false},
    {AT(BALANCE, balance, id), KIND_MERCHANT, false},
    {AT(ENDPOINT, endpoint, merchant), KIND_MERCHANT, true},
};

enum {
	WORD_COUNT = sizeof(words) / sizeof(words[0]),
	REFERENCE_COUNT = sizeof(references) / sizeof(references[0]),
};

static const void *
field_of(const union record *record, uint16_t offset)
{
	return (const char *)record + offset;
}

static void
check_words(struct verification *verification, enum kind kind,
    const union record *record)
{
	for (size_t i = 0; i < WORD_COUNT; i++) {
		const struct word *word = &words[i];
		uint8_t value;

		if (word->kind != kind)
			continue;
		value = *(const uint8_t *)field_of(record, word->offset);
		if (value >= word->names->count ||
		    (value == 0 && !word->optional))
			verify_find(
			    verification, FINDING_WORD_UNKNOWN, word->field);
	}
}

/* A bundle is the kind's own matter; metadata is packed; the rest is UTF-8. */
static bool
text_is_sound(const struct record_field *field, struct text text)
{
	if (strcmp(field->name, "objects") == 0)
		return true;
	if (strcmp(field->name, "metadata") == 0)
		return metadata_is_sound(text);
	return text_is_utf8(text);
}

static void
check_texts(struct verification *verification, enum kind kind,
    const union record *record)
{
	const struct record_type *type = record_type(kind);

	for (unsigned i = 0; i < type->field_count; i++) {
		const struct record_field *field = &type->fields[i];
		const struct text *text;

		if (field->type != FIELD_TEXT)
			continue;
		text = field_of(record, field->offset);
		if (!text_is_sound(field, *text))
			verify_find(verification, FINDING_TEXT_BROKEN,
			    text_of(field->name));
	}
}

static bool
is_there(struct verification *verification, enum kind kind, struct id id)
{
	struct store_key key;
	union record record;

	if (kind != KIND_MERCHANT)
		return verify_load_object(verification, kind, id, &record);
	key = key_of_merchant(verification->place.account, id);
	return verify_load(
	    verification, TABLE_MERCHANTS, kind, key_text(&key), &record);
}

static void
check_references(struct verification *verification, enum kind kind,
    const union record *record)
{
	for (size_t i = 0; i < REFERENCE_COUNT; i++) {
		const struct reference *reference = &references[i];
		const struct id *id;

		if (reference->kind != kind)
			continue;
		id = field_of(record, reference->offset);
		if (!id_is_set(*id) && reference->optional)
			continue;
		if (!is_there(verification, reference->to, *id))
			verify_find(verification, FINDING_REFERENCE_MISSING,
			    reference->field);
	}
}

/* The account and the mode that the key begins with. */
static void
check_place(struct verification *verification, enum kind kind)
{
	const struct place *place = &verification->place;
	struct store_key account = key_of_account(place->account);
	union record record;

	if (kind == KIND_ACCOUNT)
		return;
	if (!verify_load(verification, TABLE_ACCOUNTS, KIND_ACCOUNT,
		key_text(&account), &record))
		verify_find(verification, FINDING_ACCOUNT_MISSING, TEXT_NONE);
	if (kind != KIND_MERCHANT && place->mode != MODE_TEST &&
	    place->mode != MODE_LIVE)
		verify_find(verification, FINDING_MODE_UNKNOWN, TEXT_NONE);
}

enum finding_id
finding_of_value(enum codec_result result)
{
	switch (result) {
	case CODEC_UNKNOWN_VERSION:
		return FINDING_VALUE_OTHER_VERSION;
	case CODEC_OTHER_KIND:
		return FINDING_VALUE_OTHER_KIND;
	case CODEC_OK:
	case CODEC_DAMAGED:
		break;
	}
	assert(result == CODEC_DAMAGED);
	return FINDING_VALUE_DAMAGED;
}

static bool
decode(struct verification *verification, enum kind kind, struct text value,
    union record *record)
{
	enum codec_result result = codec_decode(kind, value, record);

	if (result == CODEC_OK)
		return true;
	verify_find(verification, finding_of_value(result), TEXT_NONE);
	return false;
}

void
verify_record(
    struct verification *verification, enum kind kind, struct text value)
{
	union record record;

	/* Every record begins with its id, or its event's. */
	assert(record_type(kind)->fields[0].type == FIELD_ID);
	assert(record_type(kind)->fields[0].offset == 0);
	if (!decode(verification, kind, value, &record))
		return;
	if (!id_equal(record.account.id, verification->place.id))
		verify_find(verification, FINDING_ID_DIFFERS, TEXT_NONE);
	check_place(verification, kind);
	check_words(verification, kind, &record);
	check_texts(verification, kind, &record);
	check_references(verification, kind, &record);
	verify_listed(verification, kind, &record);
	verify_object(verification, kind, &record);
}
