/*
 * What each command on payment intents and customers comes to, on both
 * stores.
 */
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/metadata.h"
#include "engine_steps.h"
#include "store/memory.h"

static struct command *
make_create(struct world *world, const char *method, enum method capture)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command->capture_method = (uint8_t)capture;
	command->confirmation_method = METHOD_AUTOMATIC;
	if (method != NULL)
		command_give(command, GIVEN_PAYMENT_METHOD, method);
	return command;
}

static struct command *
make_confirmed_create(
    struct world *world, const char *method, enum method capture)
{
	struct command *command = make_create(world, method, capture);

	command->confirm = true;
	return command;
}

/* Runs world->command, which must leave every table as it was. */
static void
must_refuse_without_effect(struct world *world, enum error_id error)
{
	struct snapshot before;
	struct snapshot after;

	snapshot_take(world->store, &before);
	world_must(world, error);
	snapshot_take(world->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_int_equal(world->outcome.length, 0);
}

static void
a_created_intent_is_what_was_asked_for(void **state)
{
	struct world *world = *state;
	struct id customer = world_customer(world, "a@example.com");
	struct command *command =
	    make_create(world, "pm_card_visa", METHOD_MANUAL);
	struct id id = command->fresh;
	struct instant now = command->now;
	struct intent intent;
	struct text value;

	command_give(command, GIVEN_DESCRIPTION, "Two tickets");
	command_give(command, GIVEN_RETURN_URL, "https://example.com/back");
	command_give_customer(command, customer);
	command_give_pair(command, "order", "42");
	command->confirmation_method = METHOD_MANUAL;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_INTENT), 1);
	assert_int_equal(world_count(world, KIND_CHARGE), 0);

	intent = world_intent(world, id);
	must_be_state(intent.state, STATE_REQUIRES_CONFIRMATION);
	assert_int_equal(intent.amount.units, 1000);
	assert_true(text_equal(intent.currency, TEXT("eur")));
	assert_int_equal(intent.capture_method, METHOD_MANUAL);
	assert_int_equal(intent.confirmation_method, METHOD_MANUAL);
	assert_true(text_equal(intent.payment_method, TEXT("pm_card_visa")));
	assert_true(text_equal(intent.description, TEXT("Two tickets")));
	assert_true(
	    text_equal(intent.return_url, TEXT("https://example.com/back")));
	assert_true(metadata_find(intent.metadata, TEXT("order"), &value));
	assert_true(text_equal(value, TEXT("42")));
	assert_true(id_equal(intent.customer, customer));
	assert_true(id_equal(intent.merchant, world->home.merchant));
	assert_int_equal(intent.secret.length, SECRET_DIGITS);
	assert_true(intent.initialized);
	assert_int_equal(intent.created.us, now.us);
}

static void
without_a_payment_method_an_intent_requires_one(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 500, METHOD_AUTOMATIC);

	must_be_state(
	    world_intent(world, id).state, STATE_REQUIRES_PAYMENT_METHOD);
}

static void
create_with_confirm_goes_as_far_as_the_engine_says(void **state)
{
	static const struct {
		const char *method;
		enum method capture;
		enum state state;
		unsigned charges;
		int64_t held, received;
	} rows[] = {
	    {"pm_card_visa", METHOD_AUTOMATIC, STATE_SUCCEEDED, 1, 0, 1000},
	    {"pm_card_visa", METHOD_MANUAL, STATE_REQUIRES_CAPTURE, 1, 1000, 0},
	    {"pm_card_3ds_required", METHOD_AUTOMATIC, STATE_REQUIRES_ACTION, 0,
		0, 0},
	    {"pm_card_pending", METHOD_AUTOMATIC, STATE_PROCESSING, 1, 0, 0},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct command *command = make_confirmed_create(
		    world, rows[i].method, rows[i].capture);
		struct id id = command->fresh;
		struct intent intent;

		world_must(world, ERROR_NONE);
		world_first(world, KIND_INTENT, &intent);
		must_be_state(intent.state, rows[i].state);
		assert_int_equal(
		    world_count(world, KIND_CHARGE), rows[i].charges);
		intent = world_intent(world, id);
		must_be_state(intent.state, rows[i].state);
		assert_int_equal(intent.amount_capturable.units, rows[i].held);
		assert_int_equal(
		    intent.amount_received.units, rows[i].received);
	}
}

static void
a_declined_create_leaves_the_intent_and_its_failed_charge(void **state)
{
	struct world *world = *state;
	struct command *command = make_confirmed_create(
	    world, "pm_card_insufficient_funds", METHOD_AUTOMATIC);
	struct id id = command->fresh;
	struct intent intent;
	struct charge charge;

	world_must(world, ERROR_CARD_DECLINED);
	assert_int_equal(
	    world->outcome.error.decline, DECLINE_INSUFFICIENT_FUNDS);
	charge = world_charge(world, id);
	assert_int_equal(charge.progress, PROGRESS_FAILED);
	assert_int_equal(charge.decline, DECLINE_INSUFFICIENT_FUNDS);
	assert_true(text_equal(
	    charge.payment_method, TEXT("pm_card_insufficient_funds")));
	assert_int_equal(charge.amount_captured.units, 0);
	intent = world_intent(world, id);
	must_be_state(intent.state, STATE_REQUIRES_PAYMENT_METHOD);
	assert_int_equal(intent.last_decline, DECLINE_INSUFFICIENT_FUNDS);
	assert_int_equal(intent.payment_method.length, 0);
}

static void
a_create_whose_confirmation_is_refused_leaves_nothing(void **state)
{
	struct world *world = *state;

	(void)make_confirmed_create(world, NULL, METHOD_AUTOMATIC);
	must_refuse_without_effect(
	    world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
	(void)make_confirmed_create(
	    world, "pm_card_not_initialized", METHOD_AUTOMATIC);
	must_refuse_without_effect(world, ERROR_PAYMENT_NOT_INITIALIZED);
	world->scope.mode = MODE_LIVE;
	(void)make_confirmed_create(world, "pm_any", METHOD_AUTOMATIC);
	must_refuse_without_effect(world, ERROR_PAYMENT_NOT_INITIALIZED);
}

static void
too_much_metadata_makes_nothing(void **state)
{
	struct world *world = *state;
	struct command *command =
	    make_confirmed_create(world, "pm_card_visa", METHOD_AUTOMATIC);

	for (int i = 0; i <= METADATA_PAIRS_MAX; i++) {
		char key[3] = {(char)('a' + i / 26), (char)('a' + i % 26), 0};

		command_give_pair(command, key, "x");
	}
	must_refuse_without_effect(world, ERROR_PARAMETER_INVALID);
	assert_string_equal(world->outcome.error.param, "metadata");
}

static void
live_mode_without_an_engine_creates_and_does_not_confirm(void **state)
{
	struct world *world = *state;
	struct id id;

	world->scope.mode = MODE_LIVE;
	id = world_create(world, 1000, METHOD_AUTOMATIC);
	assert_false(world_intent(world, id).initialized);
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, id),
	    GIVEN_PAYMENT_METHOD, "pm_any");
	must_refuse_without_effect(world, ERROR_PAYMENT_NOT_INITIALIZED);
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, id);
	world_must(world, ERROR_NONE);
}

static void
an_update_changes_what_it_names_alone(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct command *command =
	    world_make_about(world, COMMAND_INTENT_UPDATE, id);
	struct intent intent;

	command_give(command, GIVEN_CURRENCY, "usd");
	command_give_pair(command, "a", "1");
	command_give_pair(command, "b", "2");
	world_must(world, ERROR_NONE);
	command = world_make_about(world, COMMAND_INTENT_UPDATE, id);
	command_give_pair(command, "a", "");
	world_must(world, ERROR_NONE);
	intent = world_intent(world, id);
	assert_int_equal(intent.amount.units, 1000);
	assert_true(text_equal(intent.currency, TEXT("usd")));
	assert_int_equal(metadata_count(intent.metadata), 1);
	must_be_state(intent.state, STATE_REQUIRES_PAYMENT_METHOD);

	command = world_make_about(world, COMMAND_INTENT_UPDATE, id);
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_amount(command, 700);
	world_must(world, ERROR_NONE);
	intent = world_intent(world, id);
	must_be_state(intent.state, STATE_REQUIRES_CONFIRMATION);
	assert_int_equal(intent.amount.units, 700);

	command = world_make_about(world, COMMAND_INTENT_UPDATE, id);
	command->given |= GIVEN_METADATA_CLEARED;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_intent(world, id).metadata.length, 0);
}

static void
after_the_confirmation_texts_alone_may_change(void **state)
{
	struct world *world = *state;
	struct id id =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	struct command *command =
	    world_make_about(world, COMMAND_INTENT_UPDATE, id);

	command_give_amount(command, 700);
	must_refuse_without_effect(
	    world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
	command = world_make_about(world, COMMAND_INTENT_UPDATE, id);
	command_give(command, GIVEN_DESCRIPTION, "paid");
	world_must(world, ERROR_NONE);
	assert_true(
	    text_equal(world_intent(world, id).description, TEXT("paid")));
	assert_int_equal(world_intent(world, id).amount_received.units, 1000);
}

static void
a_second_attempt_makes_a_second_charge(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct charge charge;
	bool found;

	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, id),
	    GIVEN_PAYMENT_METHOD, "pm_card_lost");
	world_must(world, ERROR_CARD_DECLINED);
	assert_int_equal(world->outcome.error.decline, DECLINE_LOST_CARD);
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, id),
	    GIVEN_PAYMENT_METHOD, "pm_card_visa");
	world_must(world, ERROR_NONE);
	assert_int_equal(world_intent(world, id).last_decline, DECLINE_NONE);
	assert_int_equal(world_count(world, KIND_CHARGE), 2);
	/* Newest first. */
	world_first(world, KIND_CHARGE, &charge);
	assert_int_equal(charge.progress, PROGRESS_SUCCEEDED);
	found = bundle_find(
	    outcome_objects(&world->outcome), KIND_CHARGE, 1, &charge);
	assert_true(found);
	assert_int_equal(charge.progress, PROGRESS_FAILED);
}

static void
an_intent_brings_its_ten_newest_charges_and_one_more(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);

	for (int i = 0; i < INTENT_CHARGES_SHOWN_MAX + 2; i++) {
		command_give(
		    world_make_about(world, COMMAND_INTENT_CONFIRM, id),
		    GIVEN_PAYMENT_METHOD, "pm_card_declined");
		world_must(world, ERROR_CARD_DECLINED);
	}
	assert_true(id_equal(
	    world_charge(world, id).id, world_intent(world, id).latest_charge));
	assert_int_equal(
	    world_count(world, KIND_CHARGE), INTENT_CHARGES_SHOWN_MAX + 1);
}

static void
a_capture_of_a_part_releases_the_rest(void **state)
{
	struct world *world = *state;
	struct id id =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	struct intent intent;

	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_CAPTURE, id), 1001);
	must_refuse_without_effect(world, ERROR_PARAMETER_INVALID);
	assert_string_equal(world->outcome.error.param, "amount_to_capture");
	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_CAPTURE, id), 600);
	world_must(world, ERROR_NONE);
	intent = world_intent(world, id);
	must_be_state(intent.state, STATE_SUCCEEDED);
	assert_int_equal(intent.amount_received.units, 600);
	assert_int_equal(intent.amount_capturable.units, 0);
	assert_int_equal(world_charge(world, id).amount_captured.units, 600);
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, id);
	must_refuse_without_effect(
	    world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
}

static void
a_cancellation_says_when_and_why(void **state)
{
	struct world *world = *state;
	struct id id =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	struct command *command =
	    world_make_about(world, COMMAND_INTENT_CANCEL, id);
	struct instant now = command->now;
	struct intent intent;

	command->cancellation = CANCELLATION_FRAUDULENT;
	world_must(world, ERROR_NONE);
	intent = world_intent(world, id);
	must_be_state(intent.state, STATE_CANCELED);
	assert_int_equal(intent.canceled.us, now.us);
	assert_int_equal(intent.cancellation, CANCELLATION_FRAUDULENT);
	assert_int_equal(intent.amount_capturable.units, 0);
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, id);
	must_refuse_without_effect(
	    world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
}

static void
refunds_add_up_to_what_was_captured(void **state)
{
	struct world *world = *state;
	struct id id =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	struct command *command = world_make(world, COMMAND_INTENT_REFUND);
	struct refund refund;

	command_name(command, &command->intent, id);
	command_give_amount(command, 300);
	command_give(command, GIVEN_DESCRIPTION, "one ticket");
	command_give_pair(command, "why", "rain");
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_INTENT), 0);
	world_first(world, KIND_REFUND, &refund);
	assert_int_equal(refund.amount.units, 300);
	assert_int_equal(refund.progress, PROGRESS_SUCCEEDED);
	assert_true(text_equal(refund.reason, TEXT("one ticket")));
	assert_int_equal(metadata_count(refund.metadata), 1);
	assert_true(id_equal(refund.intent, id));

	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_REFUND, id), 701);
	must_refuse_without_effect(world, ERROR_AMOUNT_TOO_LARGE);
	assert_string_equal(world->outcome.error.detail, "700");
	(void)world_make_about(world, COMMAND_INTENT_REFUND, id);
	world_must(world, ERROR_NONE);
	world_first(world, KIND_REFUND, &refund);
	assert_int_equal(refund.amount.units, 700);
	assert_int_equal(world_charge(world, id).amount_refunded.units, 1000);
	assert_int_equal(world_intent(world, id).amount_received.units, 1000);
	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_REFUND, id), 1);
	must_refuse_without_effect(
	    world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
}

static void
a_notice_moves_what_waits_for_the_engine(void **state)
{
	struct world *world = *state;
	struct id id =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_3ds_required");
	struct command *command;

	world_notify(world, id, STATE_PROCESSING);
	assert_int_equal(world_charge(world, id).progress, PROGRESS_PENDING);
	world_notify(world, id, STATE_REQUIRES_CAPTURE);
	assert_int_equal(world_charge(world, id).progress, PROGRESS_SUCCEEDED);
	assert_int_equal(world_count(world, KIND_CHARGE), 1);
	world_notify(world, id, STATE_SUCCEEDED);
	must_be_state(world_intent(world, id).state, STATE_SUCCEEDED);
	command = world_make_about(world, COMMAND_INTENT_NOTIFY, id);
	command->status = STATE_CANCELED;
	must_refuse_without_effect(world, ERROR_INVALID_STATE_TRANSITION);
}

static void
what_is_not_there_is_missing_and_named_as_it_was_written(void **state)
{
	static const enum command_kind kinds[] = {COMMAND_INTENT_UPDATE,
	    COMMAND_INTENT_CONFIRM, COMMAND_INTENT_CAPTURE,
	    COMMAND_INTENT_CANCEL, COMMAND_INTENT_REFUND,
	    COMMAND_INTENT_NOTIFY};
	struct world *world = *state;
	struct command *command;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		command = world_make(world, kinds[i]);
		assert_true(command_keep(
		    command, TEXT("pi_nonexistent"), &command->target.text));
		must_refuse_without_effect(world, ERROR_INTENT_MISSING);
		assert_string_equal(world->outcome.error.param, "id");
		assert_string_equal(
		    world->outcome.error.value, "pi_nonexistent");
	}
	command = world_make(world, COMMAND_INTENT_REFUND);
	assert_true(command_keep(
	    command, TEXT("pi_nonexistent"), &command->intent.text));
	must_refuse_without_effect(world, ERROR_INTENT_MISSING);
	assert_string_equal(world->outcome.error.param, "payment_intent");
}

static void
a_client_secret_must_be_the_intent_s_own(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct intent intent = world_intent(world, id);
	char secret[CLIENT_SECRET_BYTES];
	struct command *command;

	client_secret(&intent, secret);
	command_give(world_make_get(world, KIND_INTENT, id),
	    GIVEN_CLIENT_SECRET, secret);
	world_must(world, ERROR_NONE);
	secret[strlen(secret) - 1] ^= 1;
	command = world_make_about(world, COMMAND_INTENT_CONFIRM, id);
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give(command, GIVEN_CLIENT_SECRET, secret);
	must_refuse_without_effect(world, ERROR_INTENT_MISSING);
	command_give(world_make_get(world, KIND_INTENT, id),
	    GIVEN_CLIENT_SECRET, secret);
	must_refuse_without_effect(world, ERROR_INTENT_MISSING);
	secret[strlen(secret) - 1] ^= 1;
	command = world_make_about(world, COMMAND_INTENT_CONFIRM, id);
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give(command, GIVEN_CLIENT_SECRET, secret);
	world_must(world, ERROR_NONE);
}

static void
a_customer_lives_until_it_is_deleted(void **state)
{
	struct world *world = *state;
	struct id id = world_customer(world, "a@example.com");
	struct command *command =
	    world_make_about(world, COMMAND_CUSTOMER_UPDATE, id);
	struct customer customer;

	command_give(command, GIVEN_NAME, "Ada");
	command_give(command, GIVEN_PHONE, "+1 2");
	world_must(world, ERROR_NONE);
	(void)world_make_get(world, KIND_CUSTOMER, id);
	world_must(world, ERROR_NONE);
	world_first(world, KIND_CUSTOMER, &customer);
	assert_true(text_equal(customer.email, TEXT("a@example.com")));
	assert_true(text_equal(customer.name, TEXT("Ada")));

	(void)world_make_about(world, COMMAND_CUSTOMER_DELETE, id);
	world_must(world, ERROR_NONE);
	(void)world_make_get(world, KIND_CUSTOMER, id);
	world_must(world, ERROR_NONE);
	world_first(world, KIND_CUSTOMER, &customer);
	assert_true(instant_is_set(customer.deleted));
	/* Nothing of the person is left. */
	assert_int_equal(customer.email.length, 0);
	assert_int_equal(customer.name.length, 0);
	assert_int_equal(customer.phone.length, 0);
}

static void
a_deleted_customer_takes_part_in_nothing_new(void **state)
{
	struct world *world = *state;
	struct id customer = world_customer(world, "a@example.com");
	struct command *command = make_create(world, NULL, METHOD_AUTOMATIC);
	struct id intent = command->fresh;

	command_give_customer(command, customer);
	world_must(world, ERROR_NONE);
	(void)world_make_about(world, COMMAND_CUSTOMER_DELETE, customer);
	world_must(world, ERROR_NONE);

	(void)world_make_about(world, COMMAND_CUSTOMER_DELETE, customer);
	must_refuse_without_effect(world, ERROR_CUSTOMER_MISSING);
	(void)world_make_about(world, COMMAND_CUSTOMER_UPDATE, customer);
	must_refuse_without_effect(world, ERROR_CUSTOMER_MISSING);
	command = make_create(world, NULL, METHOD_AUTOMATIC);
	command_give_customer(command, customer);
	must_refuse_without_effect(world, ERROR_CUSTOMER_MISSING);
	assert_string_equal(world->outcome.error.param, "customer");
	/* What it already has goes on. */
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, intent),
	    GIVEN_PAYMENT_METHOD, "pm_card_visa");
	world_must(world, ERROR_NONE);
	assert_true(id_equal(world_charge(world, intent).customer, customer));
	command = world_make_get(world, KIND_INTENT, intent);
	command->expand_customer = true;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_CUSTOMER), 1);
}

static void
a_wish_to_expand_brings_the_customer(void **state)
{
	struct world *world = *state;
	struct id customer = world_customer(world, "a@example.com");
	struct command *command = make_create(world, NULL, METHOD_AUTOMATIC);

	command_give_customer(command, customer);
	command->expand_customer = true;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_CUSTOMER), 1);
	(void)world_intent(world, world->command.fresh);
	command = world_make_get(
	    world, KIND_INTENT, world_create(world, 1000, METHOD_AUTOMATIC));
	command->expand_customer = true;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_CUSTOMER), 0);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_created_intent_is_what_was_asked_for),
	    cmocka_unit_test(without_a_payment_method_an_intent_requires_one),
	    cmocka_unit_test(
		create_with_confirm_goes_as_far_as_the_engine_says),
	    cmocka_unit_test(
		a_declined_create_leaves_the_intent_and_its_failed_charge),
	    cmocka_unit_test(
		a_create_whose_confirmation_is_refused_leaves_nothing),
	    cmocka_unit_test(too_much_metadata_makes_nothing),
	    cmocka_unit_test(
		live_mode_without_an_engine_creates_and_does_not_confirm),
	    cmocka_unit_test(an_update_changes_what_it_names_alone),
	    cmocka_unit_test(after_the_confirmation_texts_alone_may_change),
	    cmocka_unit_test(a_second_attempt_makes_a_second_charge),
	    cmocka_unit_test(
		an_intent_brings_its_ten_newest_charges_and_one_more),
	    cmocka_unit_test(a_capture_of_a_part_releases_the_rest),
	    cmocka_unit_test(a_cancellation_says_when_and_why),
	    cmocka_unit_test(refunds_add_up_to_what_was_captured),
	    cmocka_unit_test(a_notice_moves_what_waits_for_the_engine),
	    cmocka_unit_test(
		what_is_not_there_is_missing_and_named_as_it_was_written),
	    cmocka_unit_test(a_client_secret_must_be_the_intent_s_own),
	    cmocka_unit_test(a_customer_lives_until_it_is_deleted),
	    cmocka_unit_test(a_deleted_customer_takes_part_in_nothing_new),
	    cmocka_unit_test(a_wish_to_expand_brings_the_customer),
	};

	return world_run_on_both(
	    "engine", tests, sizeof(tests) / sizeof(tests[0]));
}
