#include "till.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "core/coin_intent.h"
#include "rows.h"
#include "store/keys.h"
#include "store/memory.h"
#include "store_files.h"

/* 2026-01-02T00:00:00Z. */
enum { FIRST_SECOND = 1767312000 };

/* splitmix64, after Vigna: randomness that repeats. */
static uint64_t
scramble(uint64_t seed)
{
	seed += 0x9e3779b97f4a7c15;
	seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
	seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
	return seed ^ (seed >> 31);
}

struct till *
till_open(struct store *store)
{
	const struct engine_options options = {.store = store};
	struct till *till = calloc(1, sizeof(*till));

	assert_non_null(till);
	digest_start();
	till->store = store;
	till->engine = engine_open(&options);
	assert_non_null(till->engine);
	assert_int_equal(engine_init_store(store), STORE_OK);
	till->now = instant_from_seconds(FIRST_SECOND);
	till->scope.mode = MODE_TEST;
	(void)till_make(till, COMMAND_ACCOUNT_CREATE);
	till->account = till->command.fresh;
	till_must(till, ERROR_NONE);
	(void)till_make(till, COMMAND_ACCOUNT_CREATE);
	till->foreign = till->command.fresh;
	till_must(till, ERROR_NONE);
	till->scope.account = till->account;
	return till;
}

void
till_close(struct till *till)
{
	engine_close(till->engine);
	store_close(till->store);
	free(till);
}

int
till_setup_memory(void **state)
{
	*state = till_open(memory_open());
	return 0;
}

int
till_teardown_memory(void **state)
{
	till_close(*state);
	return 0;
}

int
till_setup_lmdb(void **state)
{
	(void)files_setup_store(state);
	*state = till_open(files.store);
	files.store = NULL;
	return 0;
}

int
till_teardown_lmdb(void **state)
{
	till_close(*state);
	return files_teardown(state);
}

void
till_pass_seconds(struct till *till, int64_t seconds)
{
	till->now = instant_plus(till->now, span_from_seconds(seconds));
}

struct command *
till_make(struct till *till, enum command_kind kind)
{
	struct command *command = &till->command;
	uint8_t random[ID_RANDOM_BYTES];
	uint8_t order[8];

	till->serial++;
	/* In order also where time stands still. */
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)scramble(till->serial * 16 + i);
	bytes_put_be64(order, till->serial);
	memcpy(random, order + 4, 4);
	command_init(command, kind);
	command->scope = till->scope;
	command->now = till->now;
	command->fresh = id_make(till->now, random);
	return command;
}

void
till_keep(struct till *till, const char *text, struct slice *slice)
{
	bool kept = command_keep(&till->command, text_of(text), slice);

	assert_true(kept);
}

void
till_name(struct till *till, struct named *named, struct id id)
{
	char text[ID_TEXT_BYTES];

	named->id = id;
	id_format(id, "", text);
	till_keep(till, text, &named->text);
}

struct command *
till_make_about(struct till *till, enum command_kind kind, struct id id)
{
	struct command *command = till_make(till, kind);

	till_name(till, &command->target, id);
	return command;
}

struct command *
till_make_create(struct till *till, struct id merchant, int64_t amount)
{
	struct command *command = till_make(till, COMMAND_COIN_CREATE);

	command->replay_as_now = true;
	command->given = GIVEN_AMOUNT;
	command->amount = MONEY(amount);
	command->ttl = span_from_seconds(TILL_TTL_SECONDS);
	command->chain_id = TILL_CHAIN;
	till_name(till, &command->merchant, merchant);
	till_keep(till, "usd", &command->currency);
	till_keep(till, "base-sepolia", &command->chain);
	till_keep(till, "0xtoken", &command->token);
	return command;
}

struct command *
till_make_transfer(struct till *till, struct id intent, int64_t amount)
{
	struct command *command =
	    till_make_about(till, COMMAND_COIN_TRANSFER, intent);
	char hash[32];

	(void)snprintf(
	    hash, sizeof(hash), "0x%016llx", (unsigned long long)till->serial);
	command->chain_id = TILL_CHAIN;
	till_keep(till, hash, &command->tx_hash);
	till_keep(till, "0xsender", &command->sender_address);
	if (amount == 0)
		return command;
	command->given = GIVEN_AMOUNT;
	command->amount = MONEY(amount);
	return command;
}

struct command *
till_make_list(
    struct till *till, enum kind object, struct id merchant, unsigned limit)
{
	struct command *command = till_make(till, COMMAND_LIST);

	command->object = object;
	command->limit = limit;
	till_name(till, &command->merchant, merchant);
	return command;
}

void
till_give_key(struct till *till, const char *key, const char *print)
{
	struct command *command = &till->command;
	const struct text parts[] = {
	    {(const char *)command->scope.account.bytes, ID_BYTES},
	    {(const char *)&command->scope.mode, 1},
	    text_of(key),
	};

	command->idempotent = true;
	command->idempotency_key =
	    digest_parts(parts, sizeof(parts) / sizeof(parts[0]));
	command->fingerprint = digest_text(text_of(print));
}

void
till_must(struct till *till, enum error_id error)
{
	const struct error *actual = &till->outcome.error;

	/* What is not written shows. */
	memset(&till->outcome, 0xa5, offsetof(struct outcome, bytes));
	if (till->command.kind == COMMAND_GET)
		engine_get(till->engine, &till->command, &till->outcome);
	else
		engine_run(till->engine, &till->command, &till->outcome);
	if (actual->id != error)
		fail_msg("%s (%s, %s), and not %s",
		    actual->id == ERROR_NONE
			? "no error"
			: error_reference(actual->id)->name.bytes,
		    actual->param, actual->detail,
		    error == ERROR_NONE ? "ok"
					: error_reference(error)->name.bytes);
}

/* Reads or writes a merchant's record, whatever the engine thinks of it. */
static void
save_merchant(struct till *till, const struct merchant *merchant)
{
	struct store_key key = key_of_merchant(merchant->account, merchant->id);

	row_put_record(till->store, TABLE_MERCHANTS, key_text(&key),
	    KIND_MERCHANT, merchant);
}

struct id
till_merchant(struct till *till, const struct merchant *like)
{
	struct merchant merchant = *like;

	merchant.id = till_make(till, COMMAND_MERCHANT_CREATE)->fresh;
	merchant.account = till->scope.account;
	merchant.created = till->now;
	save_merchant(till, &merchant);
	return merchant.id;
}

struct id
till_merchant_plain(struct till *till)
{
	return till_merchant(till, &(struct merchant){
				       .business_name = TEXT("A shop"),
				       .status = MERCHANT_STATUS_ACTIVE,
				       .fee_rate = 10000,
				   });
}

struct id
till_merchant_fixed(struct till *till)
{
	return till_merchant(till, &(struct merchant){
				       .status = MERCHANT_STATUS_ACTIVE,
				       .payment_address = TEXT(TILL_ADDRESS),
				       .fee_rate = 10000,
				   });
}

struct id
till_merchant_extended(struct till *till)
{
	return till_merchant(till, &(struct merchant){
				       .status = MERCHANT_STATUS_ACTIVE,
				       .extended_key = TEXT(TILL_XPUB),
				       .fee_rate = 10000,
				   });
}

struct id
till_create(struct till *till, struct id merchant, int64_t amount)
{
	struct id id = till_make_create(till, merchant, amount)->fresh;

	till_must(till, ERROR_NONE);
	return id;
}

void
till_do(struct till *till, enum command_kind kind, struct id intent)
{
	(void)till_make_about(till, kind, intent);
	till_must(till, ERROR_NONE);
}

void
till_pay(struct till *till, struct id intent, int64_t amount)
{
	(void)till_make_transfer(till, intent, amount);
	till_must(till, ERROR_NONE);
}

void
till_first(const struct till *till, enum kind kind, void *record)
{
	bool found =
	    bundle_find(outcome_objects(&till->outcome), kind, 0, record);

	assert_true(found);
}

struct coin_intent
till_intent(struct till *till, struct id id)
{
	struct coin_intent intent;

	till_make_about(till, COMMAND_GET, id)->object = KIND_COIN_INTENT;
	till_must(till, ERROR_NONE);
	till_first(till, KIND_COIN_INTENT, &intent);
	assert_true(coin_intent_is_consistent(&intent));
	return intent;
}

struct balance
till_balance(struct till *till, struct id merchant)
{
	struct balance balance;

	till_make_about(till, COMMAND_GET, merchant)->object = KIND_BALANCE;
	till_must(till, ERROR_NONE);
	till_first(till, KIND_BALANCE, &balance);
	assert_true(id_equal(balance.id, merchant));
	return balance;
}

void
till_must_see(struct till *till, struct id intent, enum state state)
{
	struct coin_intent seen = till_intent(till, intent);

	assert_string_equal(
	    name_text(&state_names, coin_intent_state(&seen, till->now)).bytes,
	    name_text(&state_names, state).bytes);
}

static bool
page_visit_row(struct text objects, void *context)
{
	struct till_page *page = context;
	union record *record = &page->records[page->count];
	bool found = bundle_find(objects, page->kind, 0, record);

	assert_true(found);
	assert_true(page->count < LIST_LIMIT_MAX);
	/* Every record begins with its id. */
	page->ids[page->count++] = record->coin_intent.id;
	return true;
}

const struct till_page *
till_list(struct till *till)
{
	static struct till_page result;
	struct error error;
	struct page page;
	bool read;

	result = (struct till_page){.kind = till->command.object};
	read = engine_list(till->engine, &till->command, page_visit_row,
	    &result, &page, &error);
	assert_int_equal(error.id, ERROR_NONE);
	assert_true(read);
	assert_int_equal(page.count, result.count);
	if (page.count > 0)
		assert_true(id_equal(page.last, result.ids[page.count - 1]));
	result.total = page.total;
	result.has_more = page.has_more;
	return &result;
}

/* Rows of a table; of events with a type, those alone. */
struct rows {
	enum event_type type;
	unsigned count;
};

static bool
count_visit(struct text key, struct text value, void *context)
{
	struct rows *rows = context;
	struct event event;

	(void)key;
	if (rows->type != EVENT_NONE) {
		assert_int_equal(
		    codec_decode(KIND_EVENT, value, &event), CODEC_OK);
		rows->count += event.type == rows->type;
	} else {
		rows->count++;
	}
	return true;
}

unsigned
till_rows(struct till *till, enum table table)
{
	struct rows rows = {EVENT_NONE, 0};

	assert_int_equal(
	    engine_visit(till->engine, table, count_visit, &rows), STORE_OK);
	return rows.count;
}

unsigned
till_events(struct till *till, enum event_type type)
{
	struct rows rows = {type, 0};

	assert_int_equal(
	    engine_visit(till->engine, TABLE_EVENTS, count_visit, &rows),
	    STORE_OK);
	return rows.count;
}

struct till_counts till_counts;

/* The operations that stand behind those that count. */
static const struct store_operations *behind;
static struct store_operations counting;

static enum store_result
counting_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	till_counts.operations++;
	return behind->get(transaction, table, key, value);
}

static enum store_result
counting_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	till_counts.operations++;
	return behind->put(transaction, table, key, value);
}

static enum store_result
counting_delete(
    struct transaction *transaction, enum table table, struct text key)
{
	till_counts.operations++;
	return behind->delete (transaction, table, key);
}

struct counted_visit {
	store_visit *visit;
	void *context;
};

static bool
counted_visit(struct text key, struct text value, void *context)
{
	struct counted_visit *counted = context;

	till_counts.rows++;
	return counted->visit(key, value, counted->context);
}

static enum store_result
counting_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	struct counted_visit counted = {visit, context};

	till_counts.operations++;
	return behind->scan(transaction, table, range, counted_visit, &counted);
}

void
till_count(struct till *till)
{
	till_counts = (struct till_counts){0};
	if (till->store->operations == &counting)
		return;
	behind = till->store->operations;
	counting = *behind;
	counting.get = counting_get;
	counting.put = counting_put;
	counting.delete = counting_delete;
	counting.scan = counting_scan;
	till->store->operations = &counting;
}
