#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/names.h"

static const struct names *const lists[] = {
    &mode_names,
    &state_names,
    &method_names,
    &cancellation_names,
    &decline_names,
    &progress_names,
    &event_names,
    &key_type_names,
    &merchant_status_names,
    &transaction_status_names,
    &schedule_names,
    &permission_names,
    &family_names,
    &endpoint_status_names,
    &disabled_names,
    &delivery_state_names,
    &attempt_result_names,
    &error_type_names,
};

enum { LIST_COUNT = sizeof(lists) / sizeof(lists[0]) };

static void
every_name_is_found_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIST_COUNT; i++)
		for (unsigned value = 1; value < lists[i]->count; value++) {
			struct text text = name_text(lists[i], value);

			assert_true(text.length > 0);
			assert_int_equal(name_find(lists[i], text), value);
		}
}

static void
nothing_is_the_empty_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		assert_int_equal(name_text(lists[i], 0).length, 0);
		assert_int_equal(name_find(lists[i], TEXT("")), 0);
		assert_int_equal(name_find(lists[i], TEXT_NONE), 0);
	}
}

static void
only_the_exact_word_is_found(void **state)
{
	static const char *const others[] = {"Succeeded", "succeede",
	    "succeededx", " succeeded", "succeeded ", "requires_", "canceled_",
	    "cancelled_"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
		    name_find(&state_names, text_of(others[i])), 0);
	assert_int_equal(
	    name_find(&state_names, TEXT("succeeded\0")), STATE_NONE);
}

static void
a_list_has_a_text_for_each_enumerator(void **state)
{
	(void)state;
	assert_int_equal(mode_names.count, MODE_COUNT);
	assert_int_equal(state_names.count, STATE_COUNT);
	assert_int_equal(method_names.count, METHOD_COUNT);
	assert_int_equal(cancellation_names.count, CANCELLATION_COUNT);
	assert_int_equal(decline_names.count, DECLINE_COUNT);
	assert_int_equal(progress_names.count, PROGRESS_COUNT);
	assert_int_equal(event_names.count, EVENT_COUNT);
	assert_int_equal(key_type_names.count, KEY_TYPE_COUNT);
	assert_int_equal(merchant_status_names.count, MERCHANT_STATUS_COUNT);
	assert_int_equal(
	    transaction_status_names.count, TRANSACTION_STATUS_COUNT);
	assert_int_equal(schedule_names.count, SCHEDULE_COUNT);
	assert_int_equal(permission_names.count, PERMISSION_COUNT);
	assert_int_equal(family_names.count, FAMILY_COUNT);
	assert_int_equal(endpoint_status_names.count, ENDPOINT_STATUS_COUNT);
	assert_int_equal(disabled_names.count, DISABLED_COUNT);
	assert_int_equal(delivery_state_names.count, DELIVERY_STATE_COUNT);
	assert_int_equal(attempt_result_names.count, ATTEMPT_RESULT_COUNT);
	assert_int_equal(error_type_names.count, ERROR_TYPE_COUNT);
}

/* Records hold these numbers: a row may be appended, and none may move. */
static void
stored_numbers_stay_what_they_are(void **state)
{
	(void)state;
	assert_int_equal(MODE_TEST, 1);
	assert_int_equal(MODE_LIVE, 2);
	assert_int_equal(STATE_REQUIRES_PAYMENT_METHOD, 1);
	assert_int_equal(STATE_REQUIRES_CONFIRMATION, 2);
	assert_int_equal(STATE_PROCESSING, 3);
	assert_int_equal(STATE_REQUIRES_ACTION, 4);
	assert_int_equal(STATE_REQUIRES_CAPTURE, 5);
	assert_int_equal(STATE_SUCCEEDED, 6);
	assert_int_equal(STATE_CANCELED, 7);
	assert_int_equal(STATE_AWAITING_PAYMENT, 8);
	assert_int_equal(STATE_SETTLED, 12);
	assert_int_equal(METHOD_AUTOMATIC, 1);
	assert_int_equal(METHOD_MANUAL, 2);
	assert_int_equal(CANCELLATION_REQUESTED_BY_CUSTOMER, 4);
	assert_int_equal(DECLINE_GENERIC, 1);
	assert_int_equal(DECLINE_DO_NOT_HONOR, 8);
	assert_int_equal(PROGRESS_FAILED, 3);
	assert_int_equal(EVENT_INTENT_CREATED, 1);
	assert_int_equal(EVENT_CUSTOMER_DELETED, 16);
	assert_int_equal(EVENT_COIN_CONFIRMED, 17);
	assert_int_equal(EVENT_SETTLEMENT_FAILED, 22);
	assert_int_equal(EVENT_ENDPOINT_PING, 23);
	assert_int_equal(KEY_TYPE_RESTRICTED, 3);
	assert_int_equal(MERCHANT_STATUS_DEACTIVATED, 4);
	assert_int_equal(PERMISSION_TEST_HELPERS_WRITE, 10);
	assert_int_equal(PERMISSION_MERCHANTS_READ, 12);
	assert_int_equal(PERMISSION_EVENTS_READ, 13);
	assert_int_equal(PERMISSION_ENDPOINTS_WRITE, 15);
	assert_int_equal(TRANSACTION_FAILED, 3);
	assert_int_equal(SCHEDULE_MONTHLY, 4);
	assert_int_equal(FAMILY_CARD, 1);
	assert_int_equal(FAMILY_COIN, 2);
	assert_int_equal(ENDPOINT_PENDING, 3);
	assert_int_equal(DISABLED_BY_FAILURES, 2);
	assert_int_equal(DELIVERY_CANCELED, 4);
	assert_int_equal(ATTEMPT_UNREADABLE, 7);
}

static void
decline_codes_are_the_published_ones(void **state)
{
	static const char *const published[] = {"generic_decline",
	    "insufficient_funds", "lost_card", "stolen_card", "expired_card",
	    "incorrect_cvc", "processing_error", "do_not_honor"};

	(void)state;
	assert_int_equal(
	    decline_names.count - 1, sizeof(published) / sizeof(published[0]));
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		assert_int_not_equal(
		    name_find(&decline_names, text_of(published[i])), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_name_is_found_again),
	    cmocka_unit_test(nothing_is_the_empty_text),
	    cmocka_unit_test(only_the_exact_word_is_found),
	    cmocka_unit_test(a_list_has_a_text_for_each_enumerator),
	    cmocka_unit_test(stored_numbers_stay_what_they_are),
	    cmocka_unit_test(decline_codes_are_the_published_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
