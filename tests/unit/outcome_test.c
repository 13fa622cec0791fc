#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/metadata.h"
#include "core/outcome.h"

/* Too large for the stack of a test, and so is their sum. */
static struct outcome outcome;
static struct outcome copy;

static void
a_new_outcome_is_no_refusal_and_has_no_objects(void **state)
{
	const bool none = false;

	(void)state;
	memset(&outcome, 0xa5, sizeof(outcome));
	outcome_init(&outcome);
	assert_int_equal(outcome.error.id, ERROR_NONE);
	/* As bytes: a flag with rubbish in it may be read as either. */
	assert_memory_equal(&outcome.replayed, &none, sizeof(none));
	assert_memory_equal(&outcome.remembered, &none, sizeof(none));
	assert_memory_equal(&outcome.asks_outside, &none, sizeof(none));
	assert_memory_equal(&outcome.delivers, &none, sizeof(none));
	assert_false(id_is_set(outcome.fresh));
	assert_string_equal(outcome.secret, "");
	assert_int_equal(outcome_objects(&outcome).length, 0);
	assert_int_equal(
	    outcome_size(&outcome), offsetof(struct outcome, bytes));
}

static void
a_copy_of_its_size_is_a_whole_copy(void **state)
{
	const struct intent intent = {.amount = MONEY(700)};
	const struct charge charge = {.currency = TEXT("eur")};
	struct intent found;
	struct charge other;

	(void)state;
	outcome_init(&outcome);
	refuse_about(&outcome.error, ERROR_CARD_DECLINED, TEXT_NONE, TEXT_NONE,
	    TEXT_NONE);
	outcome.error.decline = DECLINE_LOST_CARD;
	outcome_put(&outcome, KIND_INTENT, &intent);
	outcome_put(&outcome, KIND_CHARGE, &charge);

	memset(&copy, 0xa5, sizeof(copy));
	memcpy(&copy, &outcome, outcome_size(&outcome));
	memset(&outcome, 0x5a, sizeof(outcome));
	assert_int_equal(copy.error.id, ERROR_CARD_DECLINED);
	assert_int_equal(copy.error.decline, DECLINE_LOST_CARD);
	assert_true(
	    bundle_find(outcome_objects(&copy), KIND_INTENT, 0, &found));
	assert_int_equal(found.amount.units, 700);
	assert_true(
	    bundle_find(outcome_objects(&copy), KIND_CHARGE, 0, &other));
	assert_true(text_equal(other.currency, TEXT("eur")));
	/* Not a byte more was copied. */
	assert_int_equal((uint8_t)copy.bytes[copy.length], 0xa5);
}

static void
encoded_objects_are_put_as_they_are(void **state)
{
	const struct refund refund = {.reason = TEXT("broken")};
	struct text rest, encoded;
	struct refund found;

	(void)state;
	outcome_init(&outcome);
	outcome_put(&outcome, KIND_REFUND, &refund);
	rest = outcome_objects(&outcome);
	assert_true(bundle_next(&rest, &encoded));
	outcome_init(&copy);
	outcome_put_encoded(&copy, encoded);
	assert_true(
	    bundle_find(outcome_objects(&copy), KIND_REFUND, 0, &found));
	assert_true(text_equal(found.reason, TEXT("broken")));
	assert_int_equal(outcome_size(&copy), outcome_size(&outcome));
}

/* As large as limits.h says that it may be: no list is larger. */
static void
the_largest_answer_has_room(void **state)
{
	static char bytes[METADATA_BYTES_MAX];
	const struct text metadata = {bytes, METADATA_BYTES_MAX};
	const struct text description = {bytes, 4 * DESCRIPTION_CHARACTERS_MAX};
	const struct text url = {bytes, 4 * URL_CHARACTERS_MAX};
	const struct text method = {bytes, PAYMENT_METHOD_BYTES_MAX};
	const struct intent intent = {
	    .metadata = metadata,
	    .description = description,
	    .return_url = url,
	    .payment_method = method,
	};
	const struct customer customer = {
	    .metadata = metadata,
	    .description = description,
	    .email = description,
	    .name = description,
	    .phone = description,
	};
	const struct charge charge = {.payment_method = method};

	(void)state;
	outcome_init(&outcome);
	outcome_put(&outcome, KIND_INTENT, &intent);
	outcome_put(&outcome, KIND_CUSTOMER, &customer);
	for (unsigned i = 0; i < INTENT_CHARGES_SHOWN_MAX; i++)
		outcome_put(&outcome, KIND_CHARGE, &charge);
	assert_true(outcome_size(&outcome) <= sizeof(outcome));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_outcome_is_no_refusal_and_has_no_objects),
	    cmocka_unit_test(a_copy_of_its_size_is_a_whole_copy),
	    cmocka_unit_test(encoded_objects_are_put_as_they_are),
	    cmocka_unit_test(the_largest_answer_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
