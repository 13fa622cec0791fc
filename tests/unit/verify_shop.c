#include "verify_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/digest.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "rows.h"
#include "store/memory.h"
#include "till.h"

/* Too large for the stack; one shop is used at a time. */
static struct command command;
static struct outcome outcome;

/* The record that is being changed, and what its texts are borrowed from. */
static struct {
	enum kind kind;
	struct store_key key;
	union record record;
	char bytes[OUTCOME_BYTES_MAX];
} edited;

static void
begin(struct shop *shop, enum command_kind kind)
{
	static uint8_t count;
	uint8_t random[ID_RANDOM_BYTES] = {++count};

	command_init(&command, kind);
	shop->now = instant_plus(shop->now, span_from_seconds(1));
	command.now = shop->now;
	command.fresh = id_make(shop->now, random);
	memset(command.entropy, count, sizeof(command.entropy));
	command.scope = (struct scope){
	    .account = shop->account,
	    .merchant = shop->merchant,
	    .mode = MODE_TEST,
	};
}

static void
keep(struct text text, struct slice *slice)
{
	assert_true(command_keep(&command, text, slice));
}

static void
name(struct id id, enum kind kind, struct named *named)
{
	char text[ID_TEXT_BYTES];

	id_format(id, record_type(kind)->prefix, text);
	named->id = id;
	keep(text_of(text), &named->text);
}

/* Runs the command; returns the id of what it made. */
static struct id
run(struct shop *shop, enum error_id expected)
{
	engine_run(shop->engine, &command, &outcome);
	assert_int_equal(outcome.error.id, expected);
	return command.fresh;
}

static void
begin_about(
    struct shop *shop, enum command_kind kind, enum kind object, struct id id)
{
	begin(shop, kind);
	name(id, object, &command.target);
}

static void
be_idempotent(const char *key)
{
	command.idempotent = true;
	command.idempotency_key = digest_text(text_of(key));
}

static void
begin_intent(struct shop *shop, const char *payment_method)
{
	begin(shop, COMMAND_INTENT_CREATE);
	command.amount = MONEY(2000);
	command.capture_method = METHOD_AUTOMATIC;
	command.confirm = true;
	command.given = GIVEN_AMOUNT | GIVEN_CURRENCY | GIVEN_PAYMENT_METHOD;
	keep(TEXT("usd"), &command.currency);
	keep(text_of(payment_method), &command.payment_method);
}

static void
make_operators_objects(struct shop *shop)
{
	begin(shop, COMMAND_ACCOUNT_CREATE);
	keep(TEXT("Shop"), &command.name);
	shop->account = run(shop, ERROR_NONE);
	begin(shop, COMMAND_MERCHANT_CREATE);
	keep(TEXT("Shop"), &command.name);
	shop->merchant = run(shop, ERROR_NONE);
	begin(shop, COMMAND_MERCHANT_CREATE);
	keep(TEXT("Branch"), &command.name);
	shop->branch = run(shop, ERROR_NONE);
	begin(shop, COMMAND_KEY_CREATE);
	command.key_type = KEY_TYPE_SECRET;
	command.key_mode = MODE_TEST;
	shop->key = run(shop, ERROR_NONE);
	begin(shop, COMMAND_KEY_CREATE);
	command.key_type = KEY_TYPE_RESTRICTED;
	command.key_mode = MODE_TEST;
	command.permissions = 1u << PERMISSION_INTENTS_READ;
	command.scope.merchant = shop->branch;
	command.scope.merchant_bound = true;
	shop->bound = run(shop, ERROR_NONE);
}

static void
make_customers(struct shop *shop)
{
	begin(shop, COMMAND_CUSTOMER_CREATE);
	command.given = GIVEN_NAME;
	keep(TEXT("Ada"), &command.name);
	shop->customer = run(shop, ERROR_NONE);
	shop->event = shop->customer;
	begin(shop, COMMAND_CUSTOMER_CREATE);
	shop->gone = run(shop, ERROR_NONE);
	begin_about(shop, COMMAND_CUSTOMER_DELETE, KIND_CUSTOMER, shop->gone);
	(void)run(shop, ERROR_NONE);
}

static struct id
refund(struct shop *shop, int64_t amount)
{
	begin(shop, COMMAND_INTENT_REFUND);
	name(shop->paid, KIND_INTENT, &command.intent);
	command.given = GIVEN_AMOUNT;
	command.amount = MONEY(amount);
	return run(shop, ERROR_NONE);
}

static void
make_intents(struct shop *shop)
{
	begin_intent(shop, "pm_card_visa");
	name(shop->customer, KIND_CUSTOMER, &command.customer);
	command.given |= GIVEN_CUSTOMER;
	shop->paid = run(shop, ERROR_NONE);
	shop->charge = shop->paid;
	shop->refund = refund(shop, 500);
	(void)refund(shop, 300);

	begin_intent(shop, "pm_card_visa");
	command.capture_method = METHOD_MANUAL;
	be_idempotent("once");
	shop->held = run(shop, ERROR_NONE);
	shop->first = shop->held;

	begin_intent(shop, "pm_card_declined");
	shop->retried = run(shop, ERROR_CARD_DECLINED);
	shop->failed = shop->retried;
	begin_about(shop, COMMAND_INTENT_CONFIRM, KIND_INTENT, shop->retried);
	command.given = GIVEN_PAYMENT_METHOD;
	keep(TEXT("pm_card_visa"), &command.payment_method);
	(void)run(shop, ERROR_NONE);

	begin_intent(shop, "pm_card_visa");
	command.confirm = false;
	shop->canceled = run(shop, ERROR_NONE);
	begin_about(shop, COMMAND_INTENT_CANCEL, KIND_INTENT, shop->canceled);
	(void)run(shop, ERROR_NONE);

	begin_intent(shop, "pm_card_pending");
	shop->pending = run(shop, ERROR_NONE);

	shop->now = instant_plus(shop->now, span_from_seconds(25 * 60 * 60));
	begin_intent(shop, "pm_card_declined");
	be_idempotent("once");
	shop->second = run(shop, ERROR_CARD_DECLINED);
}

static struct id
await_coins(struct shop *shop, struct id merchant, int64_t amount)
{
	begin(shop, COMMAND_COIN_CREATE);
	name(merchant, KIND_MERCHANT, &command.merchant);
	command.given = GIVEN_AMOUNT;
	command.amount = MONEY(amount);
	command.ttl = span_from_seconds(TILL_TTL_SECONDS);
	command.chain_id = TILL_CHAIN;
	keep(TEXT("usd"), &command.currency);
	keep(TEXT("base-sepolia"), &command.chain);
	keep(TEXT(TILL_ADDRESS), &command.token);
	return run(shop, ERROR_NONE);
}

/* Transfers of one transaction on the chain, each with its own number. */
static struct id
pay(struct shop *shop, struct id intent, int64_t amount)
{
	static uint32_t log_index;

	begin_about(shop, COMMAND_COIN_TRANSFER, KIND_COIN_INTENT, intent);
	command.given = GIVEN_AMOUNT;
	command.amount = MONEY(amount);
	command.chain_id = TILL_CHAIN;
	command.log_index = ++log_index;
	keep(TEXT("0x01"), &command.tx_hash);
	keep(TEXT(TILL_ADDRESS), &command.sender_address);
	return run(shop, ERROR_NONE);
}

static void
act(struct shop *shop, enum command_kind kind, struct id intent)
{
	begin_about(shop, kind, KIND_COIN_INTENT, intent);
	(void)run(shop, ERROR_NONE);
}

static void
pass_ttl(struct shop *shop)
{
	shop->now =
	    instant_plus(shop->now, span_from_seconds(TILL_TTL_SECONDS));
}

static void
make_coin_merchants(struct shop *shop)
{
	begin(shop, COMMAND_MERCHANT_CREATE);
	keep(TEXT("Fixed"), &command.name);
	keep(TEXT(TILL_ADDRESS), &command.payment_address);
	command.fee_rate = 29000;
	shop->fixed = run(shop, ERROR_NONE);
	begin(shop, COMMAND_MERCHANT_CREATE);
	keep(TEXT("Extended"), &command.name);
	keep(TEXT(TILL_XPUB), &command.extended_key);
	command.schedule = SCHEDULE_WEEKLY;
	shop->extended = run(shop, ERROR_NONE);
}

/* What nobody sweeps comes last: the sweeper would write it down. */
static void
make_coins(struct shop *shop)
{
	unsigned count;

	shop->settled = await_coins(shop, shop->fixed, 4500000);
	shop->transfer = pay(shop, shop->settled, 4500000);
	act(shop, COMMAND_COIN_SETTLE, shop->settled);
	shop->parts = await_coins(shop, shop->fixed, 4500000);
	shop->part = pay(shop, shop->parts, 1000001);
	(void)pay(shop, shop->parts, 9000000);
	shop->late = await_coins(shop, shop->fixed, 4500000);
	act(shop, COMMAND_COIN_CANCEL, shop->late);
	(void)pay(shop, shop->late, 4500000);
	shop->swept = await_coins(shop, shop->fixed, 4500000);
	pass_ttl(shop);
	assert_int_equal(
	    engine_sweep(shop->engine, shop->now, 8, &count), STORE_OK);
	assert_int_equal(count, 1);
	shop->replaced = await_coins(shop, shop->fixed, 4500000);
	shop->released = await_coins(shop, shop->fixed, 5000000);
	pass_ttl(shop);
	act(shop, COMMAND_COIN_CANCEL, await_coins(shop, shop->fixed, 5000000));
	shop->next = await_coins(shop, shop->fixed, 4500000);
	shop->shared = await_coins(shop, shop->fixed, 10000);
	shop->own = await_coins(shop, shop->extended, 10000);
	(void)await_coins(shop, shop->merchant, 10000);
}

void
shop_open(struct shop *shop)
{
	struct engine_options options = {0};

	digest_start();
	*shop = (struct shop){.now = instant_from_seconds(1800000000)};
	shop->store = memory_open();
	options.store = shop->store;
	shop->engine = engine_open(&options);
	assert_non_null(shop->engine);
	assert_int_equal(engine_init_store(shop->store), STORE_OK);
	make_operators_objects(shop);
	make_customers(shop);
	make_intents(shop);
	make_coin_merchants(shop);
	make_coins(shop);
	shop_make_webhooks(shop);
}

void
shop_close(struct shop *shop)
{
	engine_close(shop->engine);
	store_close(shop->store);
}

static enum table
table_of(enum kind kind)
{
	static const enum table tables[KIND_COUNT] = {
	    [KIND_ACCOUNT] = TABLE_ACCOUNTS,
	    [KIND_MERCHANT] = TABLE_MERCHANTS,
	    [KIND_API_KEY] = TABLE_API_KEYS,
	    [KIND_INTENT] = TABLE_INTENTS,
	    [KIND_CHARGE] = TABLE_CHARGES,
	    [KIND_REFUND] = TABLE_REFUNDS,
	    [KIND_CUSTOMER] = TABLE_CUSTOMERS,
	    [KIND_EVENT] = TABLE_EVENTS,
	    [KIND_STORED_OUTCOME] = TABLE_OUTCOMES,
	    [KIND_COIN_INTENT] = TABLE_COIN_INTENTS,
	    [KIND_TRANSFER] = TABLE_TRANSFERS,
	    [KIND_BALANCE] = TABLE_BALANCES,
	    [KIND_ENDPOINT] = TABLE_ENDPOINTS,
	    [KIND_DELIVERY] = TABLE_DELIVERIES,
	    [KIND_ATTEMPT] = TABLE_ATTEMPTS,
	};

	return tables[kind];
}

struct store_key
shop_place(const struct shop *shop, enum kind kind, struct id id)
{
	if (kind == KIND_ACCOUNT)
		return key_of_account(id);
	if (kind == KIND_MERCHANT)
		return key_of_merchant(shop->account, id);
	return key_of_object(shop->account, MODE_TEST, id);
}

struct text
shop_get(struct shop *shop, enum table table, struct text key)
{
	struct text value;

	assert_true(row_find(shop->store, table, key, &value));
	return value;
}

void
shop_put(
    struct shop *shop, enum table table, struct text key, struct text value)
{
	row_put(shop->store, table, key, value);
}

void
shop_delete(struct shop *shop, enum table table, struct text key)
{
	row_delete(shop->store, table, key);
}

union record *
shop_edit_key(struct shop *shop, enum kind kind, struct store_key key)
{
	struct text value;

	edited.kind = kind;
	edited.key = key;
	value = shop_get(shop, table_of(kind), key_text(&edited.key));
	memcpy(edited.bytes, value.bytes, value.length);
	value.bytes = edited.bytes;
	assert_int_equal(codec_decode(kind, value, &edited.record), CODEC_OK);
	return &edited.record;
}

union record *
shop_edit(struct shop *shop, enum kind kind, struct id id)
{
	return shop_edit_key(shop, kind, shop_place(shop, kind, id));
}

void
shop_write(
    struct shop *shop, enum kind kind, struct store_key key, const void *record)
{
	row_put_record(
	    shop->store, table_of(kind), key_text(&key), kind, record);
}

void
shop_save(struct shop *shop)
{
	shop_write(shop, edited.kind, edited.key, &edited.record);
}
