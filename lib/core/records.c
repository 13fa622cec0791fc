#include "core/records.h"

#include <assert.h>
#include <stdio.h>

/* The version of each stored form: raised when a field is appended. */
enum {
	VERSION_ACCOUNT = 1,
	VERSION_MERCHANT = 1,
	VERSION_API_KEY = 1,
	VERSION_INTENT = 1,
	VERSION_CHARGE = 1,
	VERSION_REFUND = 1,
	VERSION_CUSTOMER = 1,
	VERSION_EVENT = 1,
	VERSION_STORED_OUTCOME = 1,
	VERSION_COIN_INTENT = 1,
	VERSION_TRANSFER = 1,
	VERSION_BALANCE = 1,
	VERSION_ENDPOINT = 1,
	VERSION_DELIVERY = 1,
	VERSION_ATTEMPT = 1,
};

#define FIELD_ROW(type, name) \
	{#name, FIELD_##type, (uint16_t)offsetof(struct RECORD, name)},

#define RECORD account
static const struct record_field account_fields[] = {ACCOUNT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD merchant
static const struct record_field merchant_fields[] = {
    MERCHANT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD api_key
static const struct record_field api_key_fields[] = {API_KEY_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD intent
static const struct record_field intent_fields[] = {INTENT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD charge
static const struct record_field charge_fields[] = {CHARGE_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD refund
static const struct record_field refund_fields[] = {REFUND_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD customer
static const struct record_field customer_fields[] = {
    CUSTOMER_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD event
static const struct record_field event_fields[] = {EVENT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD stored_outcome
static const struct record_field stored_outcome_fields[] = {
    STORED_OUTCOME_FIELDS(FIELD_ROW)};
#undef RECORD

#define RECORD coin_intent
static const struct record_field coin_intent_fields[] = {
    COIN_INTENT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD transfer
static const struct record_field transfer_fields[] = {
    TRANSFER_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD balance
static const struct record_field balance_fields[] = {BALANCE_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD endpoint
static const struct record_field endpoint_fields[] = {
    ENDPOINT_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD delivery
static const struct record_field delivery_fields[] = {
    DELIVERY_FIELDS(FIELD_ROW)};
#undef RECORD
#define RECORD attempt
static const struct record_field attempt_fields[] = {ATTEMPT_FIELDS(FIELD_ROW)};
#undef RECORD

static const struct record_type types[KIND_COUNT] = {
#define KIND(id, record, text)                                        \
	[KIND_##id] = {                                               \
	    .name = #record,                                          \
	    .prefix = text,                                           \
	    .version = VERSION_##id,                                  \
	    .field_count =                                            \
		sizeof(record##_fields) / sizeof(record##_fields[0]), \
	    .size = sizeof(struct record),                            \
	    .fields = record##_fields,                                \
	},
    KIND_ROWS(KIND)
#undef KIND
};

const struct record_type *
record_type(enum kind kind)
{
	assert(kind > KIND_NONE && kind < KIND_COUNT);
	return &types[kind];
}

void
client_secret(const struct intent *intent, char to[CLIENT_SECRET_BYTES])
{
	char id[ID_TEXT_BYTES];
	int length;

	id_format(intent->id, types[KIND_INTENT].prefix, id);
	length = snprintf(to, CLIENT_SECRET_BYTES, "%s_secret_%.*s", id,
	    TEXT_PRINT(intent->secret));
	assert(length > 0 && length < CLIENT_SECRET_BYTES);
}
