#include "api/stable_views.h"

#include <assert.h>

#include "api/tables.h"
#include "core/bundle.h"
#include "core/coin_intent.h"
#include "core/fee.h"
#include "core/names.h"

/* Amounts are counted in millionths; they show at least two decimals. */
enum { SCALE = 6, DECIMALS_MIN = 2 };

static void
write_dollars(struct json_writer *writer, struct money amount)
{
	char text[MONEY_TEXT_BYTES];
	unsigned length = money_format(amount, SCALE, DECIMALS_MIN, text);

	json_raw(writer, (struct text){text, length});
}

static void
write_instant(struct json_writer *writer, struct instant instant)
{
	char text[TIME_ISO_BYTES];

	if (!instant_is_set(instant)) {
		json_null(writer);
		return;
	}
	instant_to_iso(instant, text);
	json_string(writer, text_of(text));
}

static void
style_dollars(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct money *amount =
	    (const void *)((const char *)record + member->offset);

	write_dollars(&encoding->writer, *amount);
}

void
stable_style_iso(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct instant *instant =
	    (const void *)((const char *)record + member->offset);

	write_instant(&encoding->writer, *instant);
}

/* A rate in millionths is a number like an amount in millionths. */
void
stable_style_rate(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const uint32_t *rate =
	    (const void *)((const char *)record + member->offset);

	write_dollars(&encoding->writer, MONEY(*rate));
}

/* A number that has not come about yet is 0, and shown as null. */
static void
style_number(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const uint32_t *number =
	    (const void *)((const char *)record + member->offset);

	if (*number == 0)
		json_null(&encoding->writer);
	else
		json_integer(&encoding->writer, *number);
}

static void
style_log_index(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct transfer *transfer = record;

	(void)member;
	json_integer(&encoding->writer, transfer->log_index);
}

static void
style_flag(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const bool *flag =
	    (const void *)((const char *)record + member->offset);

	json_boolean(&encoding->writer, *flag);
}

/* From `expires` on every reader sees expired, swept or not. */
static void
style_intent_status(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	json_string(&encoding->writer,
	    name_text(&state_names, coin_intent_state(record, encoding->now)));
}

static void
style_expired_at(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct coin_intent *intent = record;
	bool expired =
	    coin_intent_state(intent, encoding->now) == STATE_EXPIRED;

	(void)member;
	write_instant(
	    &encoding->writer, expired ? intent->expires : INSTANT_NEVER);
}

static void
style_intent_fee(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct coin_intent *intent = record;

	(void)member;
	write_dollars(
	    &encoding->writer, fee_of(intent->amount, intent->fee_rate).fee);
}

static void
style_intent_net(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct coin_intent *intent = record;

	(void)member;
	write_dollars(
	    &encoding->writer, fee_of(intent->amount, intent->fee_rate).net);
}

static void
style_transfer_fee(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct transfer *transfer = record;

	(void)member;
	write_dollars(&encoding->writer,
	    fee_of(transfer->amount, transfer->fee_rate).fee);
}

static void
style_transfer_net(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct transfer *transfer = record;

	(void)member;
	write_dollars(&encoding->writer,
	    fee_of(transfer->amount, transfer->fee_rate).net);
}

static void
style_settlement(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct transfer *transfer = record;

	(void)member;
	json_string(&encoding->writer,
	    transfer->status == TRANSACTION_SETTLED  ? TEXT("completed")
	    : transfer->status == TRANSACTION_FAILED ? TEXT("failed")
						     : TEXT("pending"));
}

void
stable_qr_payload(const struct coin_intent *intent, struct buffer *payload)
{
	buffer_put_text(payload, TEXT("ethereum:"));
	buffer_put_text(payload, intent->token);
	buffer_put_byte(payload, '@');
	buffer_put_integer(payload, intent->chain_id);
	buffer_put_text(payload, TEXT("/transfer?address="));
	buffer_put_text(payload, intent->payment_address);
	buffer_put_text(payload, TEXT("&uint256="));
	/* The coin has six decimals: its units are our millionths. */
	buffer_put_integer(payload, intent->amount.units);
}

static void
style_qr_payload(
    struct encoding *encoding, const struct member *member, const void *record)
{
	char bytes[256];
	struct buffer payload;

	(void)member;
	buffer_init(&payload, bytes, sizeof(bytes));
	stable_qr_payload(record, &payload);
	assert(!payload.overflow);
	json_string(&encoding->writer, buffer_text(&payload));
}

static void
style_qr_url(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct coin_intent *intent = record;
	char id[ID_TEXT_BYTES];
	char bytes[1024];
	struct buffer url;

	(void)member;
	id_format(intent->id, record_type(KIND_COIN_INTENT)->prefix, id);
	buffer_init(&url, bytes, sizeof(bytes));
	buffer_put_text(&url, encoding->public_url);
	buffer_put_text(&url, TEXT("/v1/qr/"));
	buffer_put_text(&url, text_of(id));
	buffer_put_text(&url, TEXT(".png"));
	json_string(&encoding->writer, buffer_text(&url));
}

/* The chain of the caller's mode: a merchant has one in each. */
static void
style_mode_chain(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	(void)record;
	json_string(&encoding->writer, encoding->chain);
}

/* A balance is shown with its merchant's address, which is beside it. */
static void
style_merchant_address(
    struct encoding *encoding, const struct member *member, const void *record)
{
	struct json_writer *writer = &encoding->writer;
	struct merchant merchant;
	bool found =
	    bundle_find(encoding->objects, KIND_MERCHANT, 0, &merchant);

	(void)member;
	(void)record;
	assert(found);
	if (merchant.payment_address.length == 0)
		json_null(writer);
	else
		json_string(writer, merchant.payment_address);
}

/* In this contract an event's `data` is the object itself. */
static void
style_event_object(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	encode_event_object(encoding, record);
}

const struct member stable_intent[STABLE_INTENT_MEMBERS] = {
    ID(coin_intent, "id", id, COIN_INTENT),
    OBJECT("payment_intent"),
    MADE("status", style_intent_status),
    SHOW(coin_intent, "amount", amount, style_dollars),
    SHOW(coin_intent, "currency", currency, style_text),
    SHOW(coin_intent, "amount_received", amount_received, style_dollars),
    MADE("net_amount", style_intent_net),
    MADE("fee", style_intent_fee),
    SHOW(coin_intent, "fee_rate", fee_rate, stable_style_rate),
    ID(coin_intent, "merchant_id", merchant, MERCHANT),
    SHOW(coin_intent, "payment_address", payment_address, style_text),
    SHOW(coin_intent, "chain", chain, style_text),
    CONSTANT("token", "USDC"),
    MADE("qr_payload", style_qr_payload),
    MADE("qr_image_url", style_qr_url),
    SHOW(coin_intent, "tx_hash", tx_hash, style_text),
    SHOW(coin_intent, "sender_address", sender_address, style_text),
    SHOW(coin_intent, "block_number", block_number, style_number),
    SHOW(coin_intent, "confirmed_at", confirmed, stable_style_iso),
    SHOW(coin_intent, "expires_at", expires, stable_style_iso),
    MADE("expired_at", style_expired_at),
    SHOW(coin_intent, "cancelled_at", cancelled, stable_style_iso),
    SHOW(coin_intent, "settled_at", settled, stable_style_iso),
    SHOW(coin_intent, "metadata", metadata, style_metadata),
    SHOW(coin_intent, "created_at", created, stable_style_iso),
};

const struct member stable_transaction[STABLE_TRANSACTION_MEMBERS] = {
    ID(transfer, "id", id, TRANSFER),
    OBJECT("transaction"),
    ID(transfer, "payment_intent_id", intent, COIN_INTENT),
    ID(transfer, "merchant_id", merchant, MERCHANT),
    WORDS(transfer, "status", status, transaction_status_names),
    SHOW(transfer, "amount", amount, style_dollars),
    SHOW(transfer, "currency", currency, style_text),
    MADE("net_amount", style_transfer_net),
    MADE("fee", style_transfer_fee),
    SHOW(transfer, "fee_rate", fee_rate, stable_style_rate),
    SHOW(transfer, "chain", chain, style_text),
    CONSTANT("token", "USDC"),
    SHOW(transfer, "tx_hash", tx_hash, style_text),
    MADE("log_index", style_log_index),
    SHOW(transfer, "block_number", block_number, style_number),
    SHOW(transfer, "sender_address", sender_address, style_text),
    SHOW(transfer, "payment_address", payment_address, style_text),
    MADE("settlement_status", style_settlement),
    SHOW(transfer, "late", late, style_flag),
    SHOW(transfer, "confirmed_at", confirmed, stable_style_iso),
    SHOW(transfer, "metadata", metadata, style_metadata),
};

const struct member stable_merchant[STABLE_MERCHANT_MEMBERS] = {
    ID(merchant, "id", id, MERCHANT),
    OBJECT("merchant"),
    SHOW(merchant, "business_name", business_name, style_text),
    SHOW(merchant, "email", email, style_text),
    WORDS(merchant, "status", status, merchant_status_names),
    SHOW(merchant, "payment_address", payment_address, style_text),
    MADE("chain", style_mode_chain),
    WORDS(merchant, "settlement_schedule", settlement_schedule, schedule_names),
    SHOW(merchant, "fee_rate", fee_rate, stable_style_rate),
    SHOW(merchant, "created_at", created, stable_style_iso),
};

const struct member stable_balance[STABLE_BALANCE_MEMBERS] = {
    OBJECT("balance"),
    ID(balance, "merchant_id", id, MERCHANT),
    SHOW(balance, "available", available, style_dollars),
    SHOW(balance, "pending_settlement", pending, style_dollars),
    CONSTANT("currency", "usd"),
    MADE("payment_address", style_merchant_address),
    MADE("chain", style_mode_chain),
    SHOW(balance, "last_updated", updated, stable_style_iso),
};

const struct member stable_webhook_endpoint[STABLE_WEBHOOK_ENDPOINT_MEMBERS] = {
    ID(endpoint, "id", id, ENDPOINT),
    OBJECT("webhook_endpoint"),
    SHOW(endpoint, "url", url, style_text),
    SHOW(endpoint, "enabled_events", events, style_event_types),
    SHOW(endpoint, "status", status, style_endpoint_status),
    WORDS(endpoint, "disabled_reason", disabled_reason, disabled_names),
    SHOW(endpoint, "disabled_at", disabled, stable_style_iso),
    ID(endpoint, "merchant_id", merchant, MERCHANT),
    MADE("secret", style_secret),
    SHOW(endpoint, "created_at", created, stable_style_iso),
};

const struct member stable_deleted_endpoint[STABLE_DELETED_ENDPOINT_MEMBERS] = {
    ID(endpoint, "id", id, ENDPOINT),
    OBJECT("webhook_endpoint"),
    MADE("deleted", style_true),
};

const struct member stable_event[STABLE_EVENT_MEMBERS] = {
    ID(event, "id", id, EVENT),
    OBJECT("event"),
    WORDS(event, "type", type, event_names),
    CONSTANT("api_version", API_VERSION),
    SHOW(event, "created_at", created, stable_style_iso),
    MADE("data", style_event_object),
};

void
stable_end_list(struct encoding *encoding, const struct list_page *page)
{
	json_name(&encoding->writer, TEXT("has_more"));
	json_boolean(&encoding->writer, page->has_more);
	json_name(&encoding->writer, TEXT("total_count"));
	json_integer(&encoding->writer, page->total);
}
