#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"

enum { BUNDLE_BYTES = 4096 };

/* An intent with two charges and a customer, told apart by their texts. */
static struct text
bundle_of_four(char bytes[BUNDLE_BYTES])
{
	const struct intent intent = {.currency = TEXT("usd")};
	const struct charge charges[2] = {
	    {.amount = MONEY(1)}, {.amount = MONEY(2)}};
	const struct customer customer = {.email = TEXT("a@example.com")};
	struct buffer bundle;

	buffer_init(&bundle, bytes, BUNDLE_BYTES);
	bundle_put(&bundle, KIND_INTENT, &intent);
	bundle_put(&bundle, KIND_CHARGE, &charges[0]);
	bundle_put(&bundle, KIND_CUSTOMER, &customer);
	bundle_put(&bundle, KIND_CHARGE, &charges[1]);
	assert_false(bundle.overflow);
	return buffer_text(&bundle);
}

static void
records_are_found_by_kind_and_index(void **state)
{
	char bytes[BUNDLE_BYTES];
	struct text bundle = bundle_of_four(bytes);
	struct customer customer;
	struct intent intent;
	struct charge charge;

	(void)state;
	assert_true(bundle_find(bundle, KIND_INTENT, 0, &intent));
	assert_true(text_equal(intent.currency, TEXT("usd")));
	assert_true(bundle_find(bundle, KIND_CHARGE, 0, &charge));
	assert_int_equal(charge.amount.units, 1);
	assert_true(bundle_find(bundle, KIND_CHARGE, 1, &charge));
	assert_int_equal(charge.amount.units, 2);
	assert_true(bundle_find(bundle, KIND_CUSTOMER, 0, &customer));
	assert_true(text_equal(customer.email, TEXT("a@example.com")));
}

static void
what_is_not_there_is_not_found(void **state)
{
	char bytes[BUNDLE_BYTES];
	struct text bundle = bundle_of_four(bytes);
	union record record;

	(void)state;
	assert_false(bundle_find(bundle, KIND_REFUND, 0, &record));
	assert_false(bundle_find(bundle, KIND_INTENT, 1, &record));
	assert_false(bundle_find(bundle, KIND_CHARGE, 2, &record));
	assert_false(bundle_find(TEXT_NONE, KIND_INTENT, 0, &record));
}

static void
records_come_one_after_the_other(void **state)
{
	static const enum kind expected[] = {
	    KIND_INTENT, KIND_CHARGE, KIND_CUSTOMER, KIND_CHARGE};
	char bytes[BUNDLE_BYTES];
	struct text rest = bundle_of_four(bytes);
	struct text encoded;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(bundle_next(&rest, &encoded));
		assert_int_equal(codec_kind(encoded), expected[i]);
	}
	assert_false(bundle_next(&rest, &encoded));
	assert_int_equal(rest.length, 0);
}

static void
encoded_records_are_put_as_they_are(void **state)
{
	char bytes[BUNDLE_BYTES], copied[BUNDLE_BYTES];
	struct text bundle = bundle_of_four(bytes);
	struct text rest = bundle;
	struct text encoded;
	struct buffer copy;

	(void)state;
	buffer_init(&copy, copied, sizeof(copied));
	while (bundle_next(&rest, &encoded))
		bundle_put_encoded(&copy, encoded);
	assert_true(text_equal(buffer_text(&copy), bundle));
}

static void
a_bundle_can_be_added_to(void **state)
{
	const struct refund refund = {.reason = TEXT("broken")};
	char bytes[BUNDLE_BYTES];
	struct text bundle = bundle_of_four(bytes);
	struct buffer buffer;
	struct refund found;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer.length = bundle.length;
	bundle_put(&buffer, KIND_REFUND, &refund);
	assert_false(buffer.overflow);
	assert_true(bundle_find(buffer_text(&buffer), KIND_REFUND, 0, &found));
	assert_true(text_equal(found.reason, TEXT("broken")));
	assert_true(text_starts(buffer_text(&buffer), bundle));
}

static void
a_bundle_that_does_not_fit_overflows(void **state)
{
	const struct account account = {.name = TEXT("Acme")};
	char bytes[BUNDLE_BYTES];
	struct buffer whole, buffer;

	(void)state;
	buffer_init(&whole, bytes, sizeof(bytes));
	bundle_put(&whole, KIND_ACCOUNT, &account);
	for (size_t size = 0; size <= whole.length; size++) {
		buffer_init(&buffer, bytes, size);
		bundle_put(&buffer, KIND_ACCOUNT, &account);
		assert_int_equal(buffer.overflow, size < whole.length);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_found_by_kind_and_index),
	    cmocka_unit_test(what_is_not_there_is_not_found),
	    cmocka_unit_test(records_come_one_after_the_other),
	    cmocka_unit_test(encoded_records_are_put_as_they_are),
	    cmocka_unit_test(a_bundle_can_be_added_to),
	    cmocka_unit_test(a_bundle_that_does_not_fit_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
