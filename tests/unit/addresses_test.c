/*
 * Payment addresses: the merchant's one, where equal amounts are kept apart,
 * or a new one for each payment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/eth_address.h"
#include "till.h"

/* What TILL_XPUB receives at: m/44'/60'/0'/0/i, as published everywhere. */
static const char *const published[] = {
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
    "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
    "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
    "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
    "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
    "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
};

static void
must_pay_to(struct till *till, struct id id, const char *address, bool shared)
{
	struct coin_intent intent = till_intent(till, id);

	assert_true(text_equal(intent.payment_address, text_of(address)));
	assert_int_equal(intent.address_shared, shared);
}

static void
must_be_taken(struct till *till, struct id merchant, int64_t amount)
{
	(void)till_make_create(till, merchant, amount);
	till_must(till, ERROR_PARAMETER_INVALID);
	assert_string_equal(till->outcome.error.param, "amount");
}

static void
a_fixed_address_is_every_payment_s(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);

	must_pay_to(
	    till, till_create(till, merchant, 4500000), TILL_ADDRESS, true);
	must_pay_to(
	    till, till_create(till, merchant, 4510000), TILL_ADDRESS, true);
}

static void
equal_amounts_at_a_fixed_address_are_refused_while_one_is_open(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);
	struct id other = till_merchant_fixed(till);
	struct id open = till_create(till, merchant, 4500000);
	unsigned rows = till_rows(till, TABLE_LISTS);

	must_be_taken(till, merchant, 4500000);
	assert_int_equal(till_rows(till, TABLE_LISTS), rows);
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 1);
	/* A part of it makes no difference. */
	till_pay(till, open, 1);
	must_be_taken(till, merchant, 4500000);
	/* Another amount does, another merchant, and the other mode. */
	(void)till_create(till, merchant, 4500001);
	(void)till_create(till, other, 4500000);
	till->scope.mode = MODE_LIVE;
	(void)till_create(till, merchant, 4500000);
}

static void
an_amount_is_free_after_cancel_and_confirmation(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);

	till_do(
	    till, COMMAND_COIN_CANCEL, till_create(till, merchant, 4500000));
	till_pay(till, till_create(till, merchant, 4500000), 0);
	(void)till_create(till, merchant, 4500000);
	must_be_taken(till, merchant, 4500000);
}

static void
an_amount_is_free_from_expiry_on_swept_or_not(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);
	struct id second;
	unsigned count;

	(void)till_create(till, merchant, 4500000);
	till->now.us += INT64_C(1000000) * TILL_TTL_SECONDS - 1;
	must_be_taken(till, merchant, 4500000);
	till->now.us += 1;
	second = till_create(till, merchant, 4500000);
	must_be_taken(till, merchant, 4500000);
	/* Sweeping the first does not free the amount of the second. */
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_OK);
	assert_int_equal(count, 1);
	must_be_taken(till, merchant, 4500000);
	/* Nor does a late transfer on one that nobody wrote down. */
	till_pass_seconds(till, TILL_TTL_SECONDS);
	(void)till_create(till, merchant, 4500000);
	till_pay(till, second, 0);
	must_be_taken(till, merchant, 4500000);
}

static void
an_amount_that_is_swept_is_free(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_fixed(till);
	unsigned rows = till_rows(till, TABLE_LISTS);
	unsigned count;

	(void)till_create(till, merchant, 4500000);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_OK);
	/* The lists of the merchant and of the state alone have it. */
	assert_int_equal(till_rows(till, TABLE_LISTS), rows + 2);
	(void)till_create(till, merchant, 4500000);
}

static void
an_extended_key_gives_the_published_addresses_in_order(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_extended(till);

	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		must_pay_to(till, till_create(till, merchant, 4500000),
		    published[i], false);
}

static void
an_address_is_never_given_again(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_extended(till);
	struct id id = till_create(till, merchant, 4500000);

	till_do(till, COMMAND_COIN_CANCEL, id);
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[1], false);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[2], false);
	/* Both modes take from one key. */
	till->scope.mode = MODE_LIVE;
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[3], false);
	/* Nor after other changes of the merchant. */
	till_make_about(till, COMMAND_MERCHANT_STATUS, merchant)
	    ->merchant_status = MERCHANT_STATUS_ACTIVE;
	till_must(till, ERROR_NONE);
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[4], false);
}

static void
what_is_not_committed_uses_no_address_up(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_extended(till);
	struct transaction *write;
	bool wrote;

	(void)till_make_create(till, merchant, 4500000);
	assert_int_equal(
	    store_begin(till->store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(engine_execute(till->engine, write, &till->command,
			     &till->outcome, &wrote),
	    STORE_OK);
	assert_int_equal(till->outcome.error.id, ERROR_NONE);
	assert_true(wrote);
	store_abort(write);
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 0);
	/* Nobody was told of it. */
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[0], false);
}

static void
a_replay_uses_no_address_up(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_extended(till);

	for (unsigned i = 0; i < 3; i++) {
		(void)till_make_create(till, merchant, 4500000);
		till_give_key(till, "a key", "create");
		till_must(till, ERROR_NONE);
		assert_int_equal(till->outcome.replayed, i > 0);
	}
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[1], false);
}

static void
an_extended_key_goes_before_a_fixed_address(void **state)
{
	struct till *till = *state;
	struct id merchant =
	    till_merchant(till, &(struct merchant){
				    .status = MERCHANT_STATUS_ACTIVE,
				    .payment_address = TEXT(TILL_ADDRESS),
				    .extended_key = TEXT(TILL_XPUB),
				});

	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[0], false);
	must_pay_to(
	    till, till_create(till, merchant, 4500000), published[1], false);
}

static void
an_extended_key_that_is_used_up_or_damaged_makes_nothing(void **state)
{
	struct till *till = *state;
	struct id last =
	    till_merchant(till, &(struct merchant){
				    .status = MERCHANT_STATUS_ACTIVE,
				    .extended_key = TEXT(TILL_XPUB),
				    .next_child = INT32_MAX,
				});
	struct id damaged =
	    till_merchant(till, &(struct merchant){
				    .status = MERCHANT_STATUS_ACTIVE,
				    .extended_key = TEXT("xpub"),
				});

	(void)till_create(till, last, 4500000);
	(void)till_make_create(till, last, 4500000);
	till_must(till, ERROR_SERVICE_UNAVAILABLE);
	(void)till_make_create(till, damaged, 4500000);
	till_must(till, ERROR_INTERNAL_ERROR);
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 1);
}

static void
test_mode_gives_a_sandbox_address_to_who_has_none(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id first = till_create(till, merchant, 4500000);
	struct id second = till_create(till, merchant, 4500000);
	struct coin_intent intent = till_intent(till, first);
	struct eth_address a;
	struct eth_address b;

	assert_true(eth_address_parse(intent.payment_address, &a));
	assert_false(intent.address_shared);
	intent = till_intent(till, second);
	assert_true(eth_address_parse(intent.payment_address, &b));
	assert_false(eth_address_equal(a, b));
	assert_false(eth_address_is_zero(a));
}

static void
live_mode_refuses_who_has_no_address(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);

	till->scope.mode = MODE_LIVE;
	(void)till_make_create(till, merchant, 4500000);
	till_give_key(till, "a key", "create");
	till_must(till, ERROR_MERCHANT_NOT_ACTIVE);
	assert_string_equal(
	    till->outcome.error.detail, "without a payment address");
	/* Not decided: the key can be used again once that is mended. */
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 0);
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(a_fixed_address_is_every_payment_s),
	    TILL_TEST(
		equal_amounts_at_a_fixed_address_are_refused_while_one_is_open),
	    TILL_TEST(an_amount_is_free_after_cancel_and_confirmation),
	    TILL_TEST(an_amount_is_free_from_expiry_on_swept_or_not),
	    TILL_TEST(an_amount_that_is_swept_is_free),
	    TILL_TEST(an_extended_key_gives_the_published_addresses_in_order),
	    TILL_TEST(an_address_is_never_given_again),
	    TILL_TEST(what_is_not_committed_uses_no_address_up),
	    TILL_TEST(a_replay_uses_no_address_up),
	    TILL_TEST(an_extended_key_goes_before_a_fixed_address),
	    TILL_TEST(an_extended_key_that_is_used_up_or_damaged_makes_nothing),
	    TILL_TEST(test_mode_gives_a_sandbox_address_to_who_has_none),
	    TILL_TEST(live_mode_refuses_who_has_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
