#include "api/operator.h"

#include "api/card_views.h"
#include "api/stable_views.h"
#include "api/tables.h"

static void
style_count(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const uint32_t *count =
	    (const void *)((const char *)record + member->offset);

	json_integer(&encoding->writer, *count);
}

static const struct member account[] = {
    ID(account, "id", id, ACCOUNT),
    OBJECT("account"),
    SHOW(account, "created", created, style_seconds),
    ID(account, "default_merchant", default_merchant, MERCHANT),
    SHOW(account, "name", name, style_text),
};

static const struct member merchant[] = {
    ID(merchant, "id", id, MERCHANT),
    OBJECT("merchant"),
    ID(merchant, "account", account, ACCOUNT),
    SHOW(merchant, "business_name", business_name, style_text),
    SHOW(merchant, "email", email, style_text),
    WORDS(merchant, "status", status, merchant_status_names),
    SHOW(merchant, "payment_address", payment_address, style_text),
    SHOW(merchant, "extended_key", extended_key, style_text),
    SHOW(merchant, "next_child", next_child, style_count),
    SHOW(merchant, "chain", chain, style_text),
    WORDS(merchant, "settlement_schedule", settlement_schedule, schedule_names),
    SHOW(merchant, "fee_rate", fee_rate, stable_style_rate),
    SHOW(merchant, "created", created, style_seconds),
    SHOW(merchant, "created_at", created, stable_style_iso),
};

/* The object as it then was, which came in a bundle of its own. */
static void
style_event_data(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct event *event = record;
	struct text objects = encoding->objects;

	(void)member;
	json_object_begin(&encoding->writer);
	json_name(&encoding->writer, TEXT("object"));
	encode_objects(encoding, event->objects);
	json_object_end(&encoding->writer);
	encoding->objects = objects;
}

static const struct member event[] = {
    ID(event, "id", id, EVENT),
    OBJECT("event"),
    WORDS(event, "type", type, event_names),
    SHOW(event, "created", created, style_seconds),
    MADE("livemode", style_livemode),
    MADE("data", style_event_data),
};

#define VIEW(table)                                     \
	{                                               \
		table, sizeof(table) / sizeof(table[0]) \
	}

const struct contract contract_operator = {
    .id = CONTRACT_CARD,
    .name = WORD("operator"),
    .views =
	{
	    [KIND_ACCOUNT] = VIEW(account),
	    [KIND_MERCHANT] = VIEW(merchant),
	    [KIND_API_KEY] = VIEW(card_api_key),
	    [KIND_INTENT] = VIEW(card_intent),
	    [KIND_CHARGE] = VIEW(card_charge),
	    [KIND_REFUND] = VIEW(card_refund),
	    [KIND_CUSTOMER] = VIEW(card_customer),
	    [KIND_EVENT] = VIEW(event),
	    [KIND_COIN_INTENT] = VIEW(stable_intent),
	    [KIND_TRANSFER] = VIEW(stable_transaction),
	    [KIND_BALANCE] = VIEW(stable_balance),
	},
    .deleted_customer = VIEW(card_deleted_customer),
    .end_list = card_end_list,
};
