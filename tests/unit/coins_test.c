/*
 * Payments in coins on a store: what transfers add up to, who may see what,
 * and what a key replays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "till.h"

#define DUE INT64_C(10000000)

static void
must_have(
    struct till *till, struct id merchant, int64_t pending, int64_t available)
{
	struct balance balance = till_balance(till, merchant);

	assert_int_equal(balance.pending.units, pending);
	assert_int_equal(balance.available.units, available);
}

/* The newest transaction of a merchant. */
static struct transfer
newest_transfer(struct till *till, struct id merchant)
{
	const struct till_page *page;

	(void)till_make_list(till, KIND_TRANSFER, merchant, 1);
	page = till_list(till);
	assert_int_equal(page->count, 1);
	return page->records[0].transfer;
}

static uint32_t
total_of(struct till *till, enum kind kind, struct id merchant, unsigned status)
{
	till_make_list(till, kind, merchant, 1)->with_status = (uint8_t)status;
	return till_list(till)->total;
}

static void
each_status_of_a_merchant_has_its_refusal(void **state)
{
	static const struct {
		enum merchant_status status;
		const char *detail;
	} cases[] = {
	    {MERCHANT_STATUS_ONBOARDING, "onboarding"},
	    {MERCHANT_STATUS_SUSPENDED, "suspended"},
	    {MERCHANT_STATUS_DEACTIVATED, "deactivated"},
	};
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		till_make_about(till, COMMAND_MERCHANT_STATUS, merchant)
		    ->merchant_status = (uint8_t)cases[i].status;
		till_must(till, ERROR_NONE);
		(void)till_make_create(till, merchant, DUE);
		till_must(till, ERROR_MERCHANT_NOT_ACTIVE);
		assert_string_equal(
		    till->outcome.error.detail, cases[i].detail);
	}
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 1);
	/* What is on its way comes in, and can be seen. */
	till_pay(till, intent, 0);
	must_have(till, merchant, 9900000, 0);
	assert_int_equal(total_of(till, KIND_COIN_INTENT, merchant, 0), 1);
}

static void
cancel_is_for_what_is_awaited_alone(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);
	struct coin_intent seen;

	till_do(till, COMMAND_COIN_CANCEL, intent);
	till_first(till, KIND_COIN_INTENT, &seen);
	assert_int_equal(seen.state, STATE_CANCELLED);
	assert_int_equal(seen.cancelled.us, till->now.us);
	(void)till_make_about(till, COMMAND_COIN_CANCEL, intent);
	till_must(till, ERROR_INTENT_NOT_CANCELLABLE);
	assert_string_equal(till->outcome.error.detail, "cancelled");
	assert_int_equal(till_events(till, EVENT_COIN_CANCELLED), 1);
	assert_int_equal(till_rows(till, TABLE_EXPIRIES), 0);
}

static void
parts_add_up_to_a_payment(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);

	till_pay(till, intent, 1);
	till_must_see(till, intent, STATE_AWAITING_PAYMENT);
	till_pay(till, intent, DUE - 2);
	till_must_see(till, intent, STATE_AWAITING_PAYMENT);
	assert_int_equal(
	    till_intent(till, intent).amount_received.units, DUE - 1);
	assert_int_equal(till_rows(till, TABLE_EXPIRIES), 1);
	till_pay(till, intent, 1);
	till_must_see(till, intent, STATE_CONFIRMED);
	assert_int_equal(till_intent(till, intent).amount_received.units, DUE);
	assert_int_equal(total_of(till, KIND_TRANSFER, merchant, 0), 3);
	assert_int_equal(till_events(till, EVENT_TRANSACTION_CREATED), 3);
	assert_int_equal(till_events(till, EVENT_COIN_CONFIRMED), 1);
	assert_int_equal(till_rows(till, TABLE_EXPIRIES), 0);
	/* Fees are of each transfer: those of one unit are nothing. */
	must_have(till, merchant, 1 + 9899998 + 1, 0);
}

static void
exactly_what_is_due_and_more_confirm(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id exact = till_create(till, merchant, DUE);
	struct id more = till_create(till, merchant, DUE);

	till_pay(till, exact, DUE);
	till_must_see(till, exact, STATE_CONFIRMED);
	till_pay(till, more, DUE + 1);
	till_must_see(till, more, STATE_CONFIRMED);
	assert_int_equal(
	    till_intent(till, more).amount_received.units, DUE + 1);
	assert_false(newest_transfer(till, merchant).late);
}

/* Two transfers on a payment that is closed: recorded, and nothing else. */
static void
must_take_late(struct till *till, struct id intent, enum state closed)
{
	struct coin_intent before = till_intent(till, intent);
	struct balance balance = till_balance(till, before.merchant);
	uint32_t count = total_of(till, KIND_TRANSFER, before.merchant, 0);

	for (int i = 1; i <= 2; i++) {
		struct transfer transfer;

		till_pay(till, intent, DUE);
		till_must_see(till, intent, closed);
		transfer = newest_transfer(till, before.merchant);
		assert_true(transfer.late);
		assert_true(id_equal(transfer.intent, intent));
		assert_int_equal(
		    till_intent(till, intent).amount_received.units,
		    before.amount_received.units + i * DUE);
		must_have(till, before.merchant,
		    balance.pending.units + i * 9900000,
		    balance.available.units);
	}
	assert_int_equal(
	    total_of(till, KIND_TRANSFER, before.merchant, 0), count + 2);
	assert_int_equal(
	    till_intent(till, intent).confirmed.us, before.confirmed.us);
}

static void
late_transfers_are_recorded_and_change_no_status(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id confirmed = till_create(till, merchant, DUE);
	struct id settled = till_create(till, merchant, DUE);
	struct id cancelled = till_create(till, merchant, DUE);
	struct id swept = till_create(till, merchant, DUE);
	struct id unswept;
	unsigned count;

	till_pay(till, confirmed, 0);
	till_pay(till, settled, 0);
	till_do(till, COMMAND_COIN_SETTLE, settled);
	till_do(till, COMMAND_COIN_CANCEL, cancelled);
	till_pass_seconds(till, TILL_TTL_SECONDS - 1);
	unswept = till_create(till, merchant, DUE);
	till_pass_seconds(till, 1);
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_OK);
	assert_int_equal(count, 1);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	must_take_late(till, confirmed, STATE_CONFIRMED);
	must_take_late(till, settled, STATE_SETTLED);
	must_take_late(till, cancelled, STATE_CANCELLED);
	must_take_late(till, swept, STATE_EXPIRED);
	/* The first writes the expiry down. */
	must_take_late(till, unswept, STATE_EXPIRED);
	assert_int_equal(till_events(till, EVENT_COIN_EXPIRED), 2);
	assert_int_equal(till_rows(till, TABLE_EXPIRIES), 0);
	assert_int_equal(
	    total_of(till, KIND_COIN_INTENT, merchant, STATE_EXPIRED), 2);
}

/* The transfer that till->command was, made again with another fresh id. */
static void
make_again(struct till *till, struct id intent, const struct command *first)
{
	struct command *command =
	    till_make_about(till, COMMAND_COIN_TRANSFER, intent);
	char hash[80];

	(void)text_copy(
	    command_text(first, first->tx_hash), hash, sizeof(hash));
	till_keep(till, hash, &command->tx_hash);
	till_keep(till, "0xsender", &command->sender_address);
	command->chain_id = first->chain_id;
	command->log_index = first->log_index;
}

static void
a_transfer_that_is_known_has_no_second_effect(void **state)
{
	static struct command first;
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);
	struct coin_intent seen;

	first = *till_make_transfer(till, intent, DUE / 2);
	till_must(till, ERROR_NONE);
	for (unsigned i = 0; i < 3; i++) {
		make_again(till, intent, &first);
		till_must(till, ERROR_NONE);
		till_first(till, KIND_COIN_INTENT, &seen);
		assert_true(id_equal(seen.id, intent));
		assert_int_equal(seen.amount_received.units, DUE / 2);
	}
	assert_int_equal(total_of(till, KIND_TRANSFER, merchant, 0), 1);
	assert_int_equal(till_events(till, EVENT_TRANSACTION_CREATED), 1);
	must_have(till, merchant, 4950000, 0);
	/* Another log line, or another chain, is another transfer. */
	make_again(till, intent, &first);
	till->command.log_index++;
	till->command.given = GIVEN_AMOUNT;
	till->command.amount = MONEY(1);
	till_must(till, ERROR_NONE);
	make_again(till, intent, &first);
	till->command.chain_id++;
	till->command.given = GIVEN_AMOUNT;
	till->command.amount = MONEY(1);
	till_must(till, ERROR_NONE);
	assert_int_equal(total_of(till, KIND_TRANSFER, merchant, 0), 3);
	/* ... and known by its own chain, whatever the payment's is. */
	make_again(till, intent, &first);
	till->command.chain_id++;
	till_must(till, ERROR_NONE);
	assert_int_equal(total_of(till, KIND_TRANSFER, merchant, 0), 3);
}

static void
a_known_transfer_on_another_payment_shows_that_payment(void **state)
{
	static struct command first;
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id other = till_merchant_plain(till);
	struct id paid = till_create(till, merchant, DUE);
	struct id unpaid = till_create(till, other, DUE);
	struct coin_intent seen;

	first = *till_make_transfer(till, paid, DUE);
	till_must(till, ERROR_NONE);
	make_again(till, unpaid, &first);
	till_must(till, ERROR_NONE);
	till_first(till, KIND_COIN_INTENT, &seen);
	assert_true(id_equal(seen.id, unpaid));
	assert_int_equal(seen.state, STATE_AWAITING_PAYMENT);
	/* Also where the key must not see the first. */
	till->scope.merchant_bound = true;
	till->scope.merchant = other;
	make_again(till, unpaid, &first);
	till_must(till, ERROR_NONE);
	make_again(till, paid, &first);
	till_must(till, ERROR_INTENT_MISSING);
	/* And where there is no payment. */
	make_again(till, till->account, &first);
	till_must(till, ERROR_INTENT_MISSING);
	/* Another account's transfers are its own. */
	till->scope =
	    (struct scope){.account = till->foreign, .mode = MODE_TEST};
	merchant = till_merchant_plain(till);
	unpaid = till_create(till, merchant, DUE);
	make_again(till, unpaid, &first);
	till_must(till, ERROR_NONE);
	till_must_see(till, unpaid, STATE_CONFIRMED);
}

static void
settle_makes_all_of_a_payment_available(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);
	struct id other = till_create(till, merchant, DUE);
	struct coin_intent seen;

	till_pay(till, intent, DUE - 1);
	till_pay(till, intent, 1);
	till_pay(till, intent, 500000);
	till_pay(till, other, DUE);
	must_have(till, merchant, 9899999 + 1 + 495000 + 9900000, 0);
	till_do(till, COMMAND_COIN_SETTLE, intent);
	till_first(till, KIND_COIN_INTENT, &seen);
	assert_int_equal(seen.state, STATE_SETTLED);
	assert_int_equal(seen.settled.us, till->now.us);
	must_have(till, merchant, 9900000, 9899999 + 1 + 495000);
	assert_int_equal(
	    total_of(till, KIND_TRANSFER, merchant, TRANSACTION_SETTLED), 3);
	assert_int_equal(
	    total_of(till, KIND_TRANSFER, merchant, TRANSACTION_CONFIRMED), 1);
	assert_int_equal(till_events(till, EVENT_SETTLEMENT_COMPLETED), 1);
	(void)till_make_about(till, COMMAND_COIN_SETTLE, intent);
	till_must(till, ERROR_INTENT_NOT_CONFIRMED);
	must_have(till, merchant, 9900000, 9899999 + 1 + 495000);
}

static void
settle_refuses_what_is_not_confirmed(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);

	(void)till_make_about(till, COMMAND_COIN_SETTLE, intent);
	till_must(till, ERROR_INTENT_NOT_CONFIRMED);
	assert_string_equal(till->outcome.error.detail, "awaiting_payment");
	till_pass_seconds(till, TILL_TTL_SECONDS);
	(void)till_make_about(till, COMMAND_COIN_SETTLE, intent);
	till_must(till, ERROR_INTENT_NOT_CONFIRMED);
	assert_string_equal(till->outcome.error.detail, "expired");
}

/* `count` transfers, with metadata that each of them keeps. */
static void
settle_many(struct till *till, unsigned count, size_t metadata_bytes)
{
	static char metadata[METADATA_BYTES_MAX + 1];
	struct id merchant = till_merchant_plain(till);
	struct command *command = till_make_create(till, merchant, count);
	struct id intent = command->fresh;
	const struct till_page *page;

	for (size_t i = 0; i < metadata_bytes; i++)
		metadata[i] = 'm';
	metadata[metadata_bytes] = '\0';
	till_keep(till, metadata, &command->metadata);
	till_must(till, ERROR_NONE);
	for (unsigned i = 0; i < count; i++)
		till_pay(till, intent, 1);
	must_have(till, merchant, count, 0);
	till_do(till, COMMAND_COIN_SETTLE, intent);
	must_have(till, merchant, 0, count);
	assert_int_equal(
	    total_of(till, KIND_TRANSFER, merchant, TRANSACTION_SETTLED),
	    count);
	(void)till_make_list(till, KIND_TRANSFER, merchant, LIST_LIMIT_MAX);
	page = till_list(till);
	for (unsigned i = 0; i < page->count; i++) {
		assert_int_equal(
		    page->records[i].transfer.status, TRANSACTION_SETTLED);
		assert_int_equal(
		    page->records[i].transfer.settled.us, till->now.us);
	}
}

static void
settle_takes_any_number_of_transfers(void **state)
{
	static const unsigned counts[] = {1, 63, 64, 65, 128, 200};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		settle_many(*state, counts[i], 0);
}

/* More than the memory of a command could hold at once. */
static void
settle_takes_any_number_of_large_transfers(void **state)
{
	settle_many(*state, 500, 21000);
}

static void
the_other_mode_is_said_to_be_so(void **state)
{
	static const enum command_kind kinds[] = {
	    COMMAND_COIN_CANCEL, COMMAND_COIN_TRANSFER, COMMAND_COIN_SETTLE};
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);
	struct id transfer;

	till_pay(till, intent, 1);
	transfer = newest_transfer(till, merchant).id;
	till->scope.mode = MODE_LIVE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		till_make_about(till, kinds[i], intent)->chain_id = TILL_CHAIN;
		till_must(till, ERROR_ENVIRONMENT_MISMATCH);
		assert_string_equal(till->outcome.error.detail, "test");
	}
	till_make_about(till, COMMAND_GET, intent)->object = KIND_COIN_INTENT;
	till_must(till, ERROR_ENVIRONMENT_MISMATCH);
	till_make_about(till, COMMAND_GET, transfer)->object = KIND_TRANSFER;
	till_must(till, ERROR_ENVIRONMENT_MISMATCH);
	/* The same by a key of its merchant; to others it is not there. */
	till->scope.merchant_bound = true;
	till->scope.merchant = merchant;
	till_make_about(till, COMMAND_GET, intent)->object = KIND_COIN_INTENT;
	till_must(till, ERROR_ENVIRONMENT_MISMATCH);
	till->scope.merchant = till_merchant_plain(till);
	till_make_about(till, COMMAND_GET, intent)->object = KIND_COIN_INTENT;
	till_must(till, ERROR_INTENT_MISSING);
	/* Merchants have no mode, and a balance in each. */
	till->scope.merchant_bound = false;
	must_have(till, merchant, 0, 0);
	assert_int_equal(total_of(till, KIND_COIN_INTENT, merchant, 0), 0);
}

/* Every command and read about what `scope` must not see. */
static void
must_see_nothing(struct till *till, struct scope scope, struct id merchant,
    struct id intent, struct id transfer)
{
	static const enum command_kind kinds[] = {
	    COMMAND_COIN_CANCEL, COMMAND_COIN_TRANSFER, COMMAND_COIN_SETTLE};

	till->scope = scope;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)till_make_about(till, kinds[i], intent);
		till_must(till, ERROR_INTENT_MISSING);
		assert_string_equal(till->outcome.error.param, "id");
	}
	till_make_about(till, COMMAND_GET, intent)->object = KIND_COIN_INTENT;
	till_must(till, ERROR_INTENT_MISSING);
	till_make_about(till, COMMAND_GET, transfer)->object = KIND_TRANSFER;
	till_must(till, ERROR_TRANSACTION_MISSING);
	till_make_about(till, COMMAND_GET, merchant)->object = KIND_MERCHANT;
	till_must(till, ERROR_MERCHANT_MISSING);
	till_make_about(till, COMMAND_GET, merchant)->object = KIND_BALANCE;
	till_must(till, ERROR_MERCHANT_MISSING);
	(void)till_make_create(till, merchant, DUE);
	till_must(till, ERROR_MERCHANT_MISSING);
}

static void
others_see_nothing(void **state)
{
	struct till *till = *state;
	struct scope home = till->scope;
	struct id merchant = till_merchant_plain(till);
	struct id other = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);
	struct id transfer;
	struct scope scope = home;

	till_pay(till, intent, 1);
	transfer = newest_transfer(till, merchant).id;
	/* Another account, in both modes; a key of another merchant. */
	scope.account = till->foreign;
	must_see_nothing(till, scope, merchant, intent, transfer);
	scope.mode = MODE_LIVE;
	must_see_nothing(till, scope, merchant, intent, transfer);
	scope = home;
	scope.merchant_bound = true;
	scope.merchant = other;
	must_see_nothing(till, scope, merchant, intent, transfer);
	/* A key of the merchant sees what is the merchant's. */
	scope.merchant = merchant;
	till->scope = scope;
	till_must_see(till, intent, STATE_AWAITING_PAYMENT);
	must_have(till, merchant, 1, 0);
	till_pay(till, intent, 0);
	till_do(till, COMMAND_COIN_SETTLE, intent);
	assert_int_equal(total_of(till, KIND_COIN_INTENT, merchant, 0), 1);
}

static void
a_replay_shows_the_payment_as_it_now_is(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_make_create(till, merchant, DUE)->fresh;
	struct coin_intent seen;

	till_give_key(till, "a key", "create");
	till_must(till, ERROR_NONE);
	assert_false(till->outcome.replayed);
	till_pay(till, intent, 0);
	(void)till_make_create(till, merchant, DUE);
	till_give_key(till, "a key", "create");
	till_must(till, ERROR_NONE);
	assert_true(till->outcome.replayed);
	till_first(till, KIND_COIN_INTENT, &seen);
	assert_true(id_equal(seen.id, intent));
	assert_int_equal(seen.state, STATE_CONFIRMED);
	/* Another request under the key. */
	(void)till_make_create(till, merchant, DUE + 1);
	till_give_key(till, "a key", "create another");
	till_must(till, ERROR_IDEMPOTENCY_KEY_REUSE);
	/* A key of another merchant does not learn of the payment. */
	till->scope.merchant_bound = true;
	till->scope.merchant = till_merchant_plain(till);
	(void)till_make_create(till, merchant, DUE);
	till_give_key(till, "a key", "create");
	till_must(till, ERROR_IDEMPOTENCY_KEY_REUSE);
	assert_int_equal(till->outcome.length, 0);
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 1);
}

static void
a_refusal_by_state_is_replayed(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id intent = till_create(till, merchant, DUE);

	(void)till_make_about(till, COMMAND_COIN_SETTLE, intent);
	till_give_key(till, "a key", "settle");
	till_must(till, ERROR_INTENT_NOT_CONFIRMED);
	till_pay(till, intent, 0);
	till_make_about(till, COMMAND_COIN_SETTLE, intent)->replay_as_now =
	    true;
	till_give_key(till, "a key", "settle");
	till_must(till, ERROR_INTENT_NOT_CONFIRMED);
	assert_true(till->outcome.replayed);
	till_must_see(till, intent, STATE_CONFIRMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(each_status_of_a_merchant_has_its_refusal),
	    TILL_TEST(cancel_is_for_what_is_awaited_alone),
	    TILL_TEST(parts_add_up_to_a_payment),
	    TILL_TEST(exactly_what_is_due_and_more_confirm),
	    TILL_TEST(late_transfers_are_recorded_and_change_no_status),
	    TILL_TEST(a_transfer_that_is_known_has_no_second_effect),
	    TILL_TEST(a_known_transfer_on_another_payment_shows_that_payment),
	    TILL_TEST(settle_makes_all_of_a_payment_available),
	    TILL_TEST(settle_refuses_what_is_not_confirmed),
	    TILL_TEST(settle_takes_any_number_of_transfers),
	    cmocka_unit_test_setup_teardown(
		settle_takes_any_number_of_large_transfers, till_setup_memory,
		till_teardown_memory),
	    TILL_TEST(the_other_mode_is_said_to_be_so),
	    TILL_TEST(others_see_nothing),
	    TILL_TEST(a_replay_shows_the_payment_as_it_now_is),
	    TILL_TEST(a_refusal_by_state_is_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
