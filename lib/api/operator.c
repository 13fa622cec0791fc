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

static const struct member endpoint[] = {
    ID(endpoint, "id", id, ENDPOINT),
    OBJECT("webhook_endpoint"),
    SHOW(endpoint, "created", created, style_seconds),
    SHOW(endpoint, "description", description, style_text),
    SHOW(endpoint, "disabled_at", disabled, style_seconds),
    WORDS(endpoint, "disabled_reason", disabled_reason, disabled_names),
    SHOW(endpoint, "enabled_events", events, style_event_types),
    SHOW(endpoint, "failing_since", failing_since, style_seconds),
    WORDS(endpoint, "family", family, family_names),
    MADE("livemode", style_livemode),
    ID(endpoint, "merchant_id", merchant, MERCHANT),
    SHOW(endpoint, "old_secret_until", old_until, style_seconds),
    MADE("secret", style_secret),
    WORDS(endpoint, "status", status, endpoint_status_names),
    SHOW(endpoint, "url", url, style_text),
};

static const struct member delivery[] = {
    ID(delivery, "event", event, EVENT),
    OBJECT("delivery"),
    ID(delivery, "endpoint", endpoint, ENDPOINT),
    WORDS(delivery, "state", state, delivery_state_names),
    SHOW(delivery, "attempts", attempts, style_count),
    SHOW(delivery, "left", left, style_count),
    SHOW(delivery, "created", created, style_seconds),
    SHOW(delivery, "due", due, style_seconds),
};

static const struct member attempt[] = {
    ID(attempt, "event", event, EVENT),
    OBJECT("attempt"),
    ID(attempt, "endpoint", endpoint, ENDPOINT),
    SHOW(attempt, "number", number, style_count),
    SHOW(attempt, "begun", begun, style_seconds),
    SHOW(attempt, "duration_ms", duration_ms, style_count),
    WORDS(attempt, "result", result, attempt_result_names),
    SHOW(attempt, "status", status, style_count),
    SHOW(attempt, "reason", reason, style_text),
    SHOW(attempt, "response", response, style_text),
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
	    [KIND_EVENT] = VIEW(card_event),
	    [KIND_COIN_INTENT] = VIEW(stable_intent),
	    [KIND_TRANSFER] = VIEW(stable_transaction),
	    [KIND_BALANCE] = VIEW(stable_balance),
	    [KIND_ENDPOINT] = VIEW(endpoint),
	    [KIND_DELIVERY] = VIEW(delivery),
	    [KIND_ATTEMPT] = VIEW(attempt),
	},
    .deleted =
	{
	    [KIND_CUSTOMER] = VIEW(card_deleted_customer),
	    [KIND_ENDPOINT] = VIEW(card_deleted_endpoint),
	},
    .end_list = card_end_list,
};
