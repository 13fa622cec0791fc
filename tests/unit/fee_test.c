/*
 * Fees: every amount that a payment in coins can have, against arithmetic
 * that is wide enough to need no care.
 */
#include "core/fee.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Contract, stable.md: amounts from 0.01 to 10000.00 dollars. */
enum { CENT = 10000, CENTS_MAX = 1000000 };

__extension__ typedef unsigned __int128 wide;

/*
 * amount x rate / 1000000, half to even, by twice the product: it is below,
 * at or above an odd number of millions.
 */
static int64_t
exact_fee(int64_t amount, uint32_t rate)
{
	const wide one = 1000000;
	wide product = (wide)amount * rate;
	wide below = product / one;
	wide twice = 2 * (product - below * one);

	if (twice > one || (twice == one && (below & 1) != 0))
		below++;
	return (int64_t)below;
}

static void
must_be_exact(int64_t amount, uint32_t rate)
{
	struct fee fee = fee_of(MONEY(amount), rate);

	if (fee.fee.units == exact_fee(amount, rate) &&
	    fee.fee.units + fee.net.units == amount && fee.fee.units >= 0 &&
	    fee.net.units >= 0)
		return;
	fail_msg("%lld at %u: fee %lld, net %lld, and not fee %lld",
	    (long long)amount, rate, (long long)fee.fee.units,
	    (long long)fee.net.units, (long long)exact_fee(amount, rate));
}

static void
every_amount_at_the_usual_rates_is_exact_and_adds_up(void **state)
{
	static const uint32_t rates[] = {10000, 5000, 29000, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (int64_t cents = 1; cents <= CENTS_MAX; cents++)
			must_be_exact(cents * CENT, rates[i]);
}

static void
a_half_goes_to_the_even_side(void **state)
{
	static const struct {
		int64_t amount;
		uint32_t rate;
		int64_t fee;
	} cases[] = {
	    /* Half a unit: 0.5, 1.5, 2.5, 3.5. */
	    {1, 500000, 0},
	    {3, 500000, 2},
	    {5, 500000, 2},
	    {7, 500000, 4},
	    /* The same by a small rate. */
	    {500000, 1, 0},
	    {1500000, 1, 2},
	    {2500000, 1, 2},
	    /* On either side of a half. */
	    {499999, 1, 0},
	    {500001, 1, 1},
	    {2499999, 1, 2},
	    {2500001, 1, 3},
	    /* The half comes of both parts of the product. */
	    {1000050, 10000, 10000},
	    {1000150, 10000, 10002},
	    {1000250, 10000, 10002},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fee fee = fee_of(MONEY(cases[i].amount), cases[i].rate);

		must_be_exact(cases[i].amount, cases[i].rate);
		assert_int_equal(fee.fee.units, cases[i].fee);
	}
}

static void
the_contract_s_figures(void **state)
{
	struct fee fee = fee_of(MONEY(4500000), 10000);

	(void)state;
	/* 4.50 at 1 %: 0.045. */
	assert_int_equal(fee.fee.units, 45000);
	assert_int_equal(fee.net.units, 4455000);
}

static void
the_ends_of_amounts_and_rates(void **state)
{
	static const int64_t amounts[] = {0, 1, 999999, 1000000, 1000001,
	    INT64_C(1000000000000000000), INT64_MAX - 1, INT64_MAX};
	static const uint32_t rates[] = {
	    0, 1, 5000, 29000, 333333, 500000, 999999, FEE_RATE_ONE};

	(void)state;
	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++)
		for (size_t j = 0; j < sizeof(rates) / sizeof(rates[0]); j++)
			must_be_exact(amounts[i], rates[j]);
	assert_int_equal(fee_of(MONEY(7), 0).net.units, 7);
	assert_int_equal(fee_of(MONEY(7), FEE_RATE_ONE).net.units, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_amount_at_the_usual_rates_is_exact_and_adds_up),
	    cmocka_unit_test(a_half_goes_to_the_even_side),
	    cmocka_unit_test(the_contract_s_figures),
	    cmocka_unit_test(the_ends_of_amounts_and_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
