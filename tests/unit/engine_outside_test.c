/*
 * A processor outside of the program: asked between two transactions, so
 * that an intent may be left in between, and found there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine/work.h"
#include "engine_steps.h"
#include "store/faulty.h"
#include "store/memory.h"

enum { LATENCY_MS = 1, TIMEOUT_MS = 1000 };

static void
ask_outside(struct world *world)
{
	world_engine(world, world->store, LATENCY_MS, 0, TIMEOUT_MS);
}

static struct id
make_confirm(struct world *world, struct id intent, const char *method)
{
	struct command *command =
	    world_make_about(world, COMMAND_INTENT_CONFIRM, intent);

	command_give(command, GIVEN_PAYMENT_METHOD, method);
	command_give_key(command, method, method);
	return intent;
}

/* Up to the moment when the processor is asked: a crash would be here. */
static void
run_first_phase(struct world *world)
{
	struct transaction *write;
	bool wrote;

	assert_int_equal(
	    store_begin(world->store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(engine_execute(world->engine, write, &world->command,
			     &world->outcome, &wrote),
	    STORE_OK);
	assert_true(wrote);
	assert_int_equal(store_commit(write), STORE_OK);
	outcome_must(&world->outcome, ERROR_NONE);
}

static void
run_second_phase(
    struct world *world, const struct command *command, struct outcome *outcome)
{
	static struct command next;
	struct span rest;

	assert_true(engine_goes_on(
	    world->engine, command, outcome, (struct span){0}, &next, &rest));
	assert_int_equal(rest.us, LATENCY_MS * 1000);
	engine_run(world->engine, &next, outcome);
}

/* The outcome of world->command run again with its key, a client's retry. */
static void
must_replay(struct world *world, enum error_id error)
{
	static struct outcome first;

	memcpy(&first, &world->outcome, outcome_size(&world->outcome));
	world->serial++;
	world->command.fresh = id_next(world->command.fresh, 77);
	world_must(world, error);
	assert_true(world->outcome.replayed);
	assert_int_equal(world->outcome.error.decline, first.error.decline);
	assert_true(text_equal(
	    outcome_objects(&world->outcome), outcome_objects(&first)));
}

static void
a_confirmation_ends_with_the_processor_s_answer(void **state)
{
	static const struct {
		const char *method;
		enum method capture;
		enum error_id error;
		enum state state;
	} rows[] = {
	    {"pm_card_visa", METHOD_AUTOMATIC, ERROR_NONE, STATE_SUCCEEDED},
	    {"pm_card_visa", METHOD_MANUAL, ERROR_NONE, STATE_REQUIRES_CAPTURE},
	    {"pm_card_lost", METHOD_AUTOMATIC, ERROR_CARD_DECLINED,
		STATE_REQUIRES_PAYMENT_METHOD},
	    {"pm_card_3ds_required", METHOD_AUTOMATIC, ERROR_NONE,
		STATE_REQUIRES_ACTION},
	    {"pm_card_pending", METHOD_AUTOMATIC, ERROR_NONE, STATE_PROCESSING},
	    /* It did not take the question: as if it had never been asked. */
	    {"pm_card_not_initialized", METHOD_AUTOMATIC,
		ERROR_PAYMENT_NOT_INITIALIZED, STATE_REQUIRES_PAYMENT_METHOD},
	};
	struct world *world = *state;

	ask_outside(world);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct id id = world_create(world, 1000, rows[i].capture);
		struct command *command =
		    world_make_about(world, COMMAND_INTENT_CONFIRM, id);
		char key[] = {'k', (char)('0' + i), '\0'};

		command_give(command, GIVEN_PAYMENT_METHOD, rows[i].method);
		command_give_key(command, key, key);
		world_must(world, rows[i].error);
		assert_false(world->outcome.replayed);
		assert_int_equal(
		    world->outcome.length == 0, rows[i].error != ERROR_NONE);
		must_replay(world, rows[i].error);
		must_be_state(world_intent(world, id).state, rows[i].state);
		/* One attempt, one charge. */
		assert_int_equal(world_count(world, KIND_CHARGE), 1);
	}
}

static void
a_declined_answer_says_why(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct id id;

	ask_outside(world);
	command = world_make(world, COMMAND_INTENT_CREATE);
	id = command->fresh;
	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_stolen");
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	command_give_key(command, "k", "k");
	world_must(world, ERROR_CARD_DECLINED);
	assert_int_equal(world->outcome.error.decline, DECLINE_STOLEN_CARD);
	must_replay(world, ERROR_CARD_DECLINED);
	assert_int_equal(world_charge(world, id).decline, DECLINE_STOLEN_CARD);
	assert_int_equal(
	    world_intent(world, id).last_decline, DECLINE_STOLEN_CARD);
}

/* The types of all events, in order. */
struct types {
	enum event_type types[16];
	unsigned count;
};

static bool
read_type(struct text key, struct text encoded, void *context)
{
	struct types *types = context;
	struct event event;

	(void)key;
	assert_int_equal(codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
	assert_true(types->count < 16);
	types->types[types->count++] = (enum event_type)event.type;
	return true;
}

static void
both_phases_write_their_events_in_order(void **state)
{
	static const enum event_type expected[] = {EVENT_INTENT_CREATED,
	    EVENT_INTENT_PROCESSING, EVENT_CHARGE_SUCCEEDED,
	    EVENT_INTENT_SUCCEEDED};
	struct world *world = *state;
	struct types types = {.count = 0};
	struct command *command;

	ask_outside(world);
	command = world_make(world, COMMAND_INTENT_CREATE);
	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	world_must(world, ERROR_NONE);
	assert_int_equal(
	    engine_visit(world->engine, TABLE_EVENTS, read_type, &types),
	    STORE_OK);
	assert_int_equal(types.count, 4);
	assert_memory_equal(types.types, expected, sizeof(expected));
}

static void
while_it_is_asked_an_equal_request_must_wait(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);

	ask_outside(world);
	make_confirm(world, id, "pm_card_visa");
	run_first_phase(world);
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_IDEMPOTENCY_KEY_IN_USE);
	assert_int_equal(world->outcome.length, 0);
	/* Another request with the key is another matter. */
	command_give_key(&world->command, "pm_card_visa", "other");
	world_must(world, ERROR_IDEMPOTENCY_KEY_REUSE);
	/* With a bound: it does not wait for ever. */
	world_engine(world, world->store, LATENCY_MS, 20, TIMEOUT_MS);
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_IDEMPOTENCY_KEY_IN_USE);
}

/* Whoever was at it has died, and the clock was set back. */
static void
an_equal_request_does_not_wait_for_the_clock(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct intent intent;

	ask_outside(world);
	make_confirm(world, id, "pm_card_visa");
	run_first_phase(world);
	world->now = instant_plus(world->now, span_from_seconds(-30));
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_IDEMPOTENCY_KEY_IN_USE);
	world->now = instant_plus(world->now, span_from_seconds(-60 * 60));
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_NONE);
	assert_true(world->outcome.replayed);
	world_first(world, KIND_INTENT, &intent);
	must_be_state(intent.state, STATE_PROCESSING);
	assert_int_equal(world_count(world, KIND_CHARGE), 1);
}

static void
a_crash_in_between_leaves_what_says_so(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct intent intent;

	ask_outside(world);
	make_confirm(world, id, "pm_card_visa");
	run_first_phase(world);
	must_be_state(world_intent(world, id).state, STATE_PROCESSING);
	assert_int_equal(world_charge(world, id).progress, PROGRESS_PENDING);
	world->now = instant_plus(world->now, span_from_ms(TIMEOUT_MS));
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_NONE);
	assert_true(world->outcome.replayed);
	world_first(world, KIND_INTENT, &intent);
	must_be_state(intent.state, STATE_PROCESSING);
	world_notify(world, id, STATE_SUCCEEDED);
	must_be_state(world_intent(world, id).state, STATE_SUCCEEDED);
	assert_int_equal(world_count(world, KIND_CHARGE), 1);
	/* The first outcome stays what it was. */
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_NONE);
	world_first(world, KIND_INTENT, &intent);
	must_be_state(intent.state, STATE_PROCESSING);
}

/* Else it would be free for a second payment once that came to nothing. */
static void
a_payment_s_key_is_no_endpoint_s(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct command *command;
	bool kept;

	ask_outside(world);
	make_confirm(world, id, "pm_card_visa");
	run_first_phase(world);
	world->now = instant_plus(world->now, span_from_ms(TIMEOUT_MS));
	command = world_make(world, COMMAND_ENDPOINT_CREATE);
	kept = command_keep(
	    command, TEXT("https://shop.example/hook"), &command->url);
	assert_true(kept);
	command->scope.family = FAMILY_CARD;
	command_give_key(command, "pm_card_visa", "an endpoint");
	world_must(world, ERROR_IDEMPOTENCY_KEY_REUSE);
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_NONE);
	assert_true(world->outcome.replayed);
}

static void
what_was_moved_meanwhile_is_answered_as_it_is(void **state)
{
	static struct command command;
	static struct outcome outcome;
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct snapshot before;
	struct snapshot after;
	struct intent intent;

	ask_outside(world);
	make_confirm(world, id, "pm_card_lost");
	run_first_phase(world);
	memcpy(&command, &world->command, command_size(&world->command));
	memcpy(&outcome, &world->outcome, outcome_size(&world->outcome));
	world_notify(world, id, STATE_SUCCEEDED);
	snapshot_take(world->store, &before);
	run_second_phase(world, &command, &outcome);
	snapshot_take(world->store, &after);
	outcome_must(&outcome, ERROR_NONE);
	assert_true(
	    bundle_find(outcome_objects(&outcome), KIND_INTENT, 0, &intent));
	must_be_state(intent.state, STATE_SUCCEEDED);
	assert_true(snapshot_equal_but_keys(&before, &after));
	make_confirm(world, id, "pm_card_lost");
	world_must(world, ERROR_NONE);
	assert_true(world->outcome.replayed);
}

/*
 * The first card's answer comes when the second card is already being asked
 * about: it must not settle the second card's charge.
 */
static void
an_answer_settles_the_attempt_that_it_is_about(void **state)
{
	static struct command first;
	static struct outcome outcome;
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);

	ask_outside(world);
	make_confirm(world, id, "pm_card_visa");
	run_first_phase(world);
	memcpy(&first, &world->command, command_size(&world->command));
	memcpy(&outcome, &world->outcome, outcome_size(&world->outcome));
	world_notify(world, id, STATE_REQUIRES_PAYMENT_METHOD);
	make_confirm(world, id, "pm_card_lost");
	run_first_phase(world);
	run_second_phase(world, &first, &outcome);
	outcome_must(&outcome, ERROR_NONE);
	must_be_state(world_intent(world, id).state, STATE_PROCESSING);
	assert_int_equal(world_charge(world, id).progress, PROGRESS_PENDING);
	assert_int_equal(world_intent(world, id).amount_received.units, 0);
}

/* The plans fail the second phase: its begin, a put of it, its commit. */
static void
an_answer_that_cannot_be_written_leaves_the_intent_processing(void **state)
{
	static const char *const plans[] = {"begin=unavailable@2",
	    "put:charges=full@2", "put:outcomes=unavailable@2",
	    "get:intents=damaged@3", "commit=full@2", "commit=unknown@3"};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct store *inner = memory_open();
		struct world *world = world_open(inner);
		struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
		struct store *faulty;

		faulty = faulty_open(inner, plans[i]);
		assert_non_null(faulty);
		/* Odd commits that are unknown do not happen. */
		world_engine(world, faulty, LATENCY_MS, 0, TIMEOUT_MS);
		if (i == 5)
			(void)world_customer(world, "first@example.com");
		make_confirm(world, id, "pm_card_visa");
		world_must(world, ERROR_INTERNAL_ERROR);
		assert_int_equal(world->outcome.length, 0);
		world_engine(world, inner, LATENCY_MS, 0, TIMEOUT_MS);
		world_verify(world);
		must_be_state(world_intent(world, id).state, STATE_PROCESSING);
		assert_int_equal(
		    world_charge(world, id).progress, PROGRESS_PENDING);
		world_notify(world, id, STATE_SUCCEEDED);
		assert_int_equal(
		    world_charge(world, id).amount_captured.units, 1000);
		world->store = faulty;
		world_close(world);
	}
}

/* The processor is asked all the same, and the outcome is its answer. */
static void
an_unknown_first_commit_that_happened_is_gone_on_from(void **state)
{
	struct store *inner = memory_open();
	struct world *world = world_open(inner);
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct store *faulty = faulty_open(inner, "commit=unknown@2");
	struct intent intent;

	(void)state;
	assert_non_null(faulty);
	world_engine(world, faulty, LATENCY_MS, 0, TIMEOUT_MS);
	(void)world_customer(world, "first@example.com");
	make_confirm(world, id, "pm_card_visa");
	world_must(world, ERROR_NONE);
	world_first(world, KIND_INTENT, &intent);
	must_be_state(intent.state, STATE_SUCCEEDED);
	must_replay(world, ERROR_NONE);
	world_close(world);
}

static void
other_actions_are_not_asked_about_outside(void **state)
{
	struct world *world = *state;
	struct id id;
	struct intent intent;

	ask_outside(world);
	id = world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, id);
	command_give_key(&world->command, "k", "k");
	run_first_phase(world);
	world_first(world, KIND_INTENT, &intent);
	must_be_state(intent.state, STATE_SUCCEEDED);
	must_replay(world, ERROR_NONE);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_confirmation_ends_with_the_processor_s_answer),
	    cmocka_unit_test(a_declined_answer_says_why),
	    cmocka_unit_test(both_phases_write_their_events_in_order),
	    cmocka_unit_test(while_it_is_asked_an_equal_request_must_wait),
	    cmocka_unit_test(an_equal_request_does_not_wait_for_the_clock),
	    cmocka_unit_test(a_crash_in_between_leaves_what_says_so),
	    cmocka_unit_test(a_payment_s_key_is_no_endpoint_s),
	    cmocka_unit_test(what_was_moved_meanwhile_is_answered_as_it_is),
	    cmocka_unit_test(an_answer_settles_the_attempt_that_it_is_about),
	    cmocka_unit_test(other_actions_are_not_asked_about_outside),
	};
	const struct CMUnitTest failing[] = {
	    cmocka_unit_test(
		an_answer_that_cannot_be_written_leaves_the_intent_processing),
	    cmocka_unit_test(
		an_unknown_first_commit_that_happened_is_gone_on_from),
	};

	return world_run_on_both(
		   "outside", tests, sizeof(tests) / sizeof(tests[0])) +
	       cmocka_run_group_tests(failing, NULL, NULL);
}
