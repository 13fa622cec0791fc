/*
 * The stable contract (contract/stable.md): its routes and their parameters.
 * How its objects are shown stands in stable_views.c.
 */
#include "api/stable_views.h"
#include "api/tables.h"
#include "base/bytes.h"
#include "base/eth_address.h"
#include "core/delivery.h"

/* Contract: the defaults of ttl, in seconds, and of a page's length. */
enum { TTL_DEFAULT = 300, LIMIT_DEFAULT = 25 };
/* A transfer is at most a thousand million dollars, in millionths. */
#define TRANSFER_MAX INT64_C(1000000000000000)

#define FIELD_IDEMPOTENCY_KEY                                                  \
	{                                                                      \
		.name = WORD("idempotency_key"), .rule = rule_idempotency_key, \
		MUST("must be a text")                                         \
	}
#define FIELD_MERCHANT(is_required)                                 \
	{                                                           \
		.name = WORD("merchant_id"), .rule = rule_merchant, \
		.required = is_required, TARGET(merchant),          \
		.refusal = ERROR_INVALID_MERCHANT                   \
	}
#define FIELD_TIME(word, its_rule)                                  \
	{                                                           \
		.name = WORD(word), .rule = its_rule,               \
		MUST("must be a time such as 2026-01-02T03:04:05Z") \
	}

static const struct field intent_create_fields[] = {
    {.name = WORD("amount"),
	.rule = rule_dollars,
	.required = true,
	.given = GIVEN_AMOUNT,
	TARGET(amount),
	MUST("must be a number of dollars with at most two decimals")},
    {.name = WORD("currency"),
	.rule = rule_usd,
	.required = true,
	TARGET(currency),
	.refusal = ERROR_INVALID_CURRENCY},
    FIELD_MERCHANT(true),
    {.name = WORD("metadata"),
	.rule = rule_metadata,
	TARGET(metadata),
	.maximum = METADATA_PAIRS_MAX_STABLE,
	MUST("must be " METADATA_BOUNDS_STABLE)},
    {.name = WORD("ttl"),
	.rule = rule_ttl,
	.given = GIVEN_TTL,
	TARGET(ttl),
	.minimum = 60,
	.maximum = 3600,
	MUST("must be an integer from 60 to 3600")},
    FIELD_IDEMPOTENCY_KEY,
};

static const struct field intent_cancel_fields[] = {FIELD_IDEMPOTENCY_KEY};

static const struct field intent_list_fields[] = {
    FIELD_MERCHANT(false),
    {.name = WORD("status"),
	.rule = rule_word,
	TARGET(with_status),
	.choices = &state_names,
	.allowed = 1u << STATE_AWAITING_PAYMENT | 1u << STATE_CONFIRMED |
		   1u << STATE_EXPIRED | 1u << STATE_CANCELLED |
		   1u << STATE_SETTLED,
	MUST("must be awaiting_payment, confirmed, expired, cancelled or "
	     "settled")},
    FIELD_TIME("created_after", rule_after),
    FIELD_TIME("created_before", rule_before),
    FIELDS_OF_PAGE(KIND_COIN_INTENT),
};

static const struct field transaction_list_fields[] = {
    FIELD_MERCHANT(false),
    {.name = WORD("status"),
	.rule = rule_word,
	TARGET(with_status),
	.choices = &transaction_status_names,
	MUST("must be confirmed, settled or failed")},
    FIELD_TIME("date_from", rule_from),
    FIELD_TIME("date_to", rule_to),
    FIELDS_OF_PAGE(KIND_TRANSFER),
};

static const struct field pay_fields[] = {
    {.name = WORD("amount"),
	.rule = rule_transfer,
	.given = GIVEN_AMOUNT,
	TARGET(amount),
	.maximum = TRANSFER_MAX,
	MUST("must be a number of dollars with at most six decimals")},
    {.name = WORD("sender_address"),
	.rule = rule_chain_address,
	TARGET(sender_address),
	MUST("must be an address, 0x and 40 hexadecimal digits")},
    {.name = WORD("tx_hash"),
	.rule = rule_tx_hash,
	TARGET(tx_hash),
	MUST("must be 0x and 64 hexadecimal digits")},
    FIELD_IDEMPOTENCY_KEY,
};

static const struct field settle_fields[] = {FIELD_IDEMPOTENCY_KEY};

static const struct field endpoint_create_fields[] = {
    {.name = WORD("url"),
	.rule = rule_secure_webhook_url,
	.required = true,
	.given = GIVEN_URL,
	TARGET(url),
	.refusal = ERROR_INVALID_WEBHOOK_URL,
	MUST("it must be a text")},
    {.name = WORD("enabled_events"),
	.rule = rule_event_types,
	.given = GIVEN_EVENTS,
	TARGET(events),
	MUST("must be types of events such as payment_intent.confirmed, each "
	     "once")},
    FIELD_IDEMPOTENCY_KEY,
};

static const struct field endpoint_list_fields[] = {
    FIELDS_OF_PAGE(KIND_ENDPOINT),
};

/* The chain of the caller's mode, in the command. */
static bool
take_chain(struct decoding *decoding)
{
	const struct chain *chain =
	    &decoding->service->chains[decoding->caller->scope.mode];
	struct command *command = decoding->command;

	command->chain_id = chain->id;
	return decode_keep(decoding, chain->name, &command->chain) &&
	       decode_keep(decoding, chain->token, &command->token);
}

static bool
check_intent_create(struct decoding *decoding)
{
	struct command *command = decoding->command;

	if (!command_has(command, GIVEN_TTL))
		command->ttl = span_from_seconds(TTL_DEFAULT);
	return take_chain(decoding);
}

static bool
check_page(struct decoding *decoding)
{
	struct command *command = decoding->command;

	if (command->limit == 0)
		command->limit = LIMIT_DEFAULT;
	return decode_cursors(decoding);
}

/* A list is of one merchant: the one named, or the key's own. */
static bool
check_merchant_page(struct decoding *decoding)
{
	const struct scope *scope = &decoding->caller->scope;
	struct command *command = decoding->command;

	if (!id_is_set(command->merchant.id)) {
		if (!scope->merchant_bound)
			return refuse_about(decoding->error,
			    ERROR_PARAMETER_MISSING, TEXT("merchant_id"),
			    TEXT_NONE, TEXT_NONE);
		command->merchant.id = scope->merchant;
	}
	return check_page(decoding);
}

/* It is there once it has answered a ping, and hears of all but those. */
static bool
check_endpoint_create(struct decoding *decoding)
{
	struct command *command = decoding->command;

	command->pings = true;
	if (!command_has(command, GIVEN_EVENTS))
		command->events = events_of(FAMILY_COIN);
	return true;
}

/* What a test leaves out is made from the request's own id. */
static bool
check_pay(struct decoding *decoding)
{
	struct command *command = decoding->command;
	struct digest digest = digest_text(
	    (struct text){(const char *)command->fresh.bytes, ID_BYTES});
	char hash[2 + 2 * DIGEST_BYTES + 1] = "0x";
	char sender[ETH_ADDRESS_TEXT_BYTES];
	struct eth_address address;

	/* One block in two seconds, as on base. */
	command->block_number = (uint32_t)(instant_seconds(command->now) / 2);
	for (unsigned i = 0; i < sizeof(address.bytes); i++)
		address.bytes[i] = digest.bytes[DIGEST_BYTES - 1 - i];
	eth_address_format(address, sender);
	bytes_to_hex(digest.bytes, DIGEST_BYTES, hash + 2);
	if (command->tx_hash.length == 0 &&
	    !decode_keep(decoding, text_of(hash), &command->tx_hash))
		return false;
	if (command->sender_address.length == 0 &&
	    !decode_keep(decoding, text_of(sender), &command->sender_address))
		return false;
	return take_chain(decoding);
}

/* A merchant's id in the path is refused as one in a parameter is. */
static bool
check_merchant(struct decoding *decoding)
{
	const struct command *command = decoding->command;

	return id_is_set(command->target.id) ||
	       refuse_about(decoding->error, ERROR_INVALID_MERCHANT, TEXT_NONE,
		   command_text(command, command->target.text), TEXT_NONE);
}

static const struct route routes[] = {
    ROUTE("POST", "/v1/payment-intents", COIN_CREATE, COIN_INTENT,
	INTENTS_WRITE, FIELDS(intent_create_fields),
	.check = check_intent_create, .flags = ROUTE_CREATES),
    ROUTE("GET", "/v1/payment-intents", LIST, COIN_INTENT, INTENTS_READ,
	FIELDS(intent_list_fields), .check = check_merchant_page),
    ROUTE("GET", "/v1/payment-intents/{id}", GET, COIN_INTENT, INTENTS_READ, ),
    ROUTE("POST", "/v1/payment-intents/{id}/cancel", COIN_CANCEL, COIN_INTENT,
	INTENTS_WRITE, FIELDS(intent_cancel_fields)),

    ROUTE("GET", "/v1/transactions", LIST, TRANSFER, TRANSACTIONS_READ,
	FIELDS(transaction_list_fields), .check = check_merchant_page),
    ROUTE("GET", "/v1/transactions/{id}", GET, TRANSFER, TRANSACTIONS_READ, ),

    ROUTE("GET", "/v1/merchants/{id}", GET, MERCHANT, MERCHANTS_READ,
	.check = check_merchant),
    ROUTE("GET", "/v1/merchants/{id}/balance", GET, BALANCE, MERCHANTS_READ,
	.check = check_merchant),

    ROUTE("GET", "/v1/qr/{id}.png", GET, COIN_INTENT, NONE,
	.flags = ROUTE_OPEN | ROUTE_PICTURE),

    ROUTE("POST", "/v1/webhook-endpoints", ENDPOINT_CREATE, ENDPOINT,
	ENDPOINTS_WRITE, FIELDS(endpoint_create_fields),
	.check = check_endpoint_create, .flags = ROUTE_CREATES),
    ROUTE("GET", "/v1/webhook-endpoints", LIST, ENDPOINT, ENDPOINTS_READ,
	FIELDS(endpoint_list_fields), .check = check_page),
    ROUTE("GET", "/v1/webhook-endpoints/{id}", GET, ENDPOINT, ENDPOINTS_READ, ),
    ROUTE("DELETE", "/v1/webhook-endpoints/{id}", ENDPOINT_DELETE, ENDPOINT,
	ENDPOINTS_WRITE, ),

    ROUTE("POST", "/v1/test-helpers/payment-intents/{id}/pay", COIN_TRANSFER,
	COIN_INTENT, TEST_HELPERS_WRITE, FIELDS(pay_fields), .check = check_pay,
	.flags = ROUTE_TEST_ONLY),
    ROUTE("POST", "/v1/test-helpers/payment-intents/{id}/settle", COIN_SETTLE,
	COIN_INTENT, TEST_HELPERS_WRITE, FIELDS(settle_fields),
	.flags = ROUTE_TEST_ONLY),
};

static const struct text roots[] = {
    WORD("payment-intents"),
    WORD("transactions"),
    WORD("merchants"),
    WORD("qr"),
    WORD("webhook-endpoints"),
    WORD("test-helpers"),
};

const struct contract contract_stable = {
    .id = CONTRACT_STABLE,
    .family = FAMILY_COIN,
    .name = WORD("stable"),
    .roots = roots,
    .root_count = sizeof(roots) / sizeof(roots[0]),
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .views =
	{
	    [KIND_COIN_INTENT] = STABLE_VIEW(stable_intent),
	    [KIND_TRANSFER] = STABLE_VIEW(stable_transaction),
	    [KIND_MERCHANT] = STABLE_VIEW(stable_merchant),
	    [KIND_BALANCE] = STABLE_VIEW(stable_balance),
	    [KIND_EVENT] = STABLE_VIEW(stable_event),
	    [KIND_ENDPOINT] = STABLE_VIEW(stable_webhook_endpoint),
	},
    .deleted =
	{
	    [KIND_ENDPOINT] = STABLE_VIEW(stable_deleted_endpoint),
	},
    .version = WORD(API_VERSION),
    .replays_as_now = true,
    .counts_accounts = true,
    .end_list = stable_end_list,
};
