/*
 * Idempotency keys (contract, README section 3): what is replayed, what is
 * refused, what leaves a key free.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/work.h"
#include "engine_steps.h"

enum { HOURS_MS = 60 * 60 * 1000 };

static struct id
make_create(struct world *world, const char *key, const char *fingerprint)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command->capture_method = METHOD_AUTOMATIC;
	command_give_key(command, key, fingerprint);
	return command->fresh;
}

/* Runs world->command, which must do nothing but give this. */
static void
must_have_no_effect(struct world *world, enum error_id error, bool replayed)
{
	struct snapshot before;
	struct snapshot after;

	snapshot_take(world->store, &before);
	world_must(world, error);
	snapshot_take(world->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_int_equal(world->outcome.replayed, replayed);
}

static void
the_same_request_again_has_the_first_outcome(void **state)
{
	static struct outcome first;
	struct world *world = *state;
	struct id id = make_create(world, "k", "print");
	struct intent intent;

	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	memcpy(&first, &world->outcome, outcome_size(&world->outcome));
	/* As it was, whatever became of it since. */
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, id);
	world_must(world, ERROR_NONE);
	for (int i = 0; i < 3; i++) {
		(void)make_create(world, "k", "print");
		must_have_no_effect(world, ERROR_NONE, true);
		assert_true(text_equal(
		    outcome_objects(&world->outcome), outcome_objects(&first)));
		world_first(world, KIND_INTENT, &intent);
		assert_true(id_equal(intent.id, id));
		must_be_state(intent.state, STATE_REQUIRES_PAYMENT_METHOD);
	}
}

static void
a_refusal_that_was_decided_is_replayed_too(void **state)
{
	struct world *world = *state;
	struct id paid =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	struct id open = world_create(world, 1000, METHOD_AUTOMATIC);
	struct command *command;
	char detail[ERROR_DETAIL_BYTES_MAX];

	command = world_make_about(world, COMMAND_INTENT_REFUND, paid);
	command_give_amount(command, 1001);
	command_give_key(command, "refund", "print");
	world_must(world, ERROR_AMOUNT_TOO_LARGE);
	assert_string_equal(world->outcome.error.detail, "1000");
	command = world_make_about(world, COMMAND_INTENT_REFUND, paid);
	command_give_amount(command, 400);
	world_must(world, ERROR_NONE);
	command = world_make_about(world, COMMAND_INTENT_REFUND, paid);
	command_give_amount(command, 1001);
	command_give_key(command, "refund", "print");
	must_have_no_effect(world, ERROR_AMOUNT_TOO_LARGE, true);
	assert_string_equal(world->outcome.error.detail, "1000");

	command = world_make_about(world, COMMAND_INTENT_CAPTURE, open);
	command_give_key(command, "capture", "print");
	world_must(world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
	memcpy(detail, world->outcome.error.detail, sizeof(detail));
	must_have_no_effect(world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE, true);
	assert_string_equal(world->outcome.error.detail, detail);

	command = world_make_about(world, COMMAND_INTENT_CONFIRM, open);
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_expired");
	command_give_key(command, "confirm", "print");
	world_must(world, ERROR_CARD_DECLINED);
	must_have_no_effect(world, ERROR_CARD_DECLINED, true);
	assert_int_equal(world->outcome.error.decline, DECLINE_EXPIRED_CARD);
}

static void
another_request_with_the_key_is_refused(void **state)
{
	struct world *world = *state;

	(void)make_create(world, "k", "print");
	world_must(world, ERROR_NONE);
	(void)make_create(world, "k", "other print");
	must_have_no_effect(world, ERROR_IDEMPOTENCY_KEY_REUSE, false);
	assert_int_equal(world->outcome.length, 0);
	/* That has not spoilt it. */
	(void)make_create(world, "k", "print");
	must_have_no_effect(world, ERROR_NONE, true);
}

static void
refusals_before_a_decision_leave_the_key_free(void **state)
{
	struct world *world = *state;
	struct command *command = world_make(world, COMMAND_INTENT_CAPTURE);
	struct id id;

	assert_true(
	    command_keep(command, TEXT("pi_none"), &command->target.text));
	command_give_key(command, "k", "one");
	must_have_no_effect(world, ERROR_INTENT_MISSING, false);
	(void)make_create(world, "k", "two");
	command_give_customer(&world->command, (struct id){{1}});
	must_have_no_effect(world, ERROR_CUSTOMER_MISSING, false);
	id = make_create(world, "k", "three");
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	must_be_state(
	    world_intent(world, id).state, STATE_REQUIRES_PAYMENT_METHOD);
}

/* No payment at the processor is a state, and is remembered as one. */
static void
a_payment_that_is_not_initialized_is_replayed(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct command *command =
	    world_make_about(world, COMMAND_INTENT_CONFIRM, id);

	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_not_initialized");
	command_give_key(command, "k", "print");
	world_must(world, ERROR_PAYMENT_NOT_INITIALIZED);
	must_have_no_effect(world, ERROR_PAYMENT_NOT_INITIALIZED, true);
	command = world_make_about(world, COMMAND_INTENT_CONFIRM, id);
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_key(command, "other k", "other print");
	world_must(world, ERROR_NONE);
}

static void
a_key_is_remembered_for_24_hours(void **state)
{
	struct world *world = *state;
	struct id first = make_create(world, "k", "print");
	struct instant then = world->command.now;
	struct id second;

	world_must(world, ERROR_NONE);
	(void)make_create(world, "k", "print");
	world->command.now = instant_plus(
	    then, (struct span){span_from_ms(24 * HOURS_MS).us - 1});
	must_have_no_effect(world, ERROR_NONE, true);
	second = make_create(world, "k", "other print");
	world->command.now = instant_plus(then, span_from_ms(24 * HOURS_MS));
	world->now = world->command.now;
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	assert_false(id_equal(first, second));
	/* From now on the key means the second request. */
	(void)make_create(world, "k", "other print");
	must_have_no_effect(world, ERROR_NONE, true);
	(void)make_create(world, "k", "print");
	must_have_no_effect(world, ERROR_IDEMPOTENCY_KEY_REUSE, false);
}

/* Another process of the host may be a little behind. */
static void
a_clock_that_is_behind_replays_as_well(void **state)
{
	struct world *world = *state;

	(void)make_create(world, "k", "print");
	world_must(world, ERROR_NONE);
	(void)make_create(world, "k", "print");
	world->command.now =
	    instant_plus(world->command.now, span_from_ms(-5000));
	must_have_no_effect(world, ERROR_NONE, true);
}

static void
keys_of_accounts_and_modes_are_apart(void **state)
{
	struct world *world = *state;

	(void)make_create(world, "k", "print");
	world_must(world, ERROR_NONE);
	world->scope = world->foreign;
	(void)make_create(world, "k", "other print");
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	world->scope = world->home;
	world->scope.mode = MODE_LIVE;
	(void)make_create(world, "k", "third print");
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	world->scope = world->home;
	(void)make_create(world, "k", "print");
	must_have_no_effect(world, ERROR_NONE, true);
}

/* Takes away the record of the outcome that made `id`, as the sweeper does. */
static void
forget(struct world *world, struct id id)
{
	struct store_key place =
	    key_of_object(world->scope.account, world->scope.mode, id);
	struct transaction *write;

	assert_int_equal(
	    store_begin(world->store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(
	    store_delete(write, TABLE_OUTCOMES, key_text(&place)), STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
}

/*
 * Two keys whose digests begin alike share a row of the index: the later one
 * takes it, and neither is given the other's outcome.
 */
static void
digests_that_begin_alike_are_told_apart(void **state)
{
	struct world *world = *state;
	struct id first = make_create(world, "k", "print");

	world_must(world, ERROR_NONE);
	(void)make_create(world, "k", "print");
	world->command.idempotency_key.bytes[DIGEST_BYTES - 1] ^= 1;
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	must_have_no_effect(world, ERROR_NONE, true);
	forget(world, first);
}

/* The index still leads to where it was. */
static void
a_record_that_is_gone_leaves_the_key_free(void **state)
{
	struct world *world = *state;
	struct id first = make_create(world, "k", "print");

	world_must(world, ERROR_NONE);
	forget(world, first);
	(void)make_create(world, "k", "print");
	world_must(world, ERROR_NONE);
	assert_false(world->outcome.replayed);
	must_have_no_effect(world, ERROR_NONE, true);
}

static void
without_a_key_every_request_acts(void **state)
{
	struct world *world = *state;
	struct snapshot before;
	struct snapshot after;

	snapshot_take(world->store, &before);
	(void)world_create(world, 1000, METHOD_AUTOMATIC);
	(void)world_create(world, 1000, METHOD_AUTOMATIC);
	snapshot_take(world->store, &after);
	assert_int_equal(
	    after.rows[TABLE_INTENTS], before.rows[TABLE_INTENTS] + 2);
	assert_int_equal(
	    after.rows[TABLE_OUTCOMES], before.rows[TABLE_OUTCOMES]);
}

/* The store never holds a key's text, so a replay cannot show it again. */
static void
a_made_key_is_shown_once(void **state)
{
	struct world *world = *state;
	struct command *command = world_make(world, COMMAND_KEY_CREATE);

	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	command_give_key(command, "k", "print");
	world_must(world, ERROR_NONE);
	assert_int_equal(strlen(world->outcome.secret), KEY_TEXT_BYTES - 1);
	must_have_no_effect(world, ERROR_NONE, true);
	assert_string_equal(world->outcome.secret, "");
	assert_int_equal(world_count(world, KIND_API_KEY), 1);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_request_again_has_the_first_outcome),
	    cmocka_unit_test(a_refusal_that_was_decided_is_replayed_too),
	    cmocka_unit_test(another_request_with_the_key_is_refused),
	    cmocka_unit_test(refusals_before_a_decision_leave_the_key_free),
	    cmocka_unit_test(a_payment_that_is_not_initialized_is_replayed),
	    cmocka_unit_test(a_key_is_remembered_for_24_hours),
	    cmocka_unit_test(a_clock_that_is_behind_replays_as_well),
	    cmocka_unit_test(keys_of_accounts_and_modes_are_apart),
	    cmocka_unit_test(digests_that_begin_alike_are_told_apart),
	    cmocka_unit_test(a_record_that_is_gone_leaves_the_key_free),
	    cmocka_unit_test(without_a_key_every_request_acts),
	    cmocka_unit_test(a_made_key_is_shown_once),
	};

	return world_run_on_both(
	    "idempotency", tests, sizeof(tests) / sizeof(tests[0]));
}
