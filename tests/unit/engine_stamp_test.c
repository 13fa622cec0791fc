/*
 * Commands that are stamped where they are run: whatever order they came in,
 * the order of ids is that of commits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/codec.h"
#include "engine/work.h"
#include "engine_steps.h"
#include "store/faulty.h"

enum { LATENCY_MS = 1 };

static struct instant the_time;

static struct instant
now(void)
{
	return the_time;
}

static struct engine *
open_engine(struct store *store, struct id *latest)
{
	const struct engine_options options = {
	    .store = store,
	    .request_timeout = span_from_ms(1000),
	    .sandbox_latency = span_from_ms(LATENCY_MS),
	    .now = now,
	    .latest = latest,
	};
	struct engine *engine = engine_open(&options);

	assert_non_null(engine);
	return engine;
}

/* From here on time stands still, a second after the last command came. */
static void
begin(struct world *world)
{
	engine_close(world->engine);
	world->engine = open_engine(world->store, NULL);
	the_time = instant_plus(world->now, span_from_seconds(1));
}

static void
make_create(struct world *world)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command->capture_method = METHOD_AUTOMATIC;
	command->confirmation_method = METHOD_AUTOMATIC;
}

/* Runs world->command: the intent that it has made, or has changed. */
static struct intent
run(struct world *world)
{
	struct intent intent;

	world_must(world, ERROR_NONE);
	world_first(world, KIND_INTENT, &intent);
	return intent;
}

struct reading {
	struct id last;
	unsigned behind; /* of `after` */
	struct id after;
};

static bool
read_event(struct text key, struct text encoded, void *context)
{
	struct reading *reading = context;
	struct event event;
	struct id floor;

	(void)key;
	assert_int_equal(codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
	assert_true(id_compare(reading->last, event.id) < 0);
	reading->last = event.id;
	reading->behind += id_compare(reading->after, event.id) < 0;
	floor = id_floor(event.created);
	assert_memory_equal(
	    floor.bytes, event.id.bytes, ID_BYTES - ID_RANDOM_BYTES);
	return true;
}

/* Those behind an event, as somebody who polls sees them. */
static struct reading
read_events(struct world *world, struct id after)
{
	struct reading reading = {.after = after};

	assert_int_equal(
	    engine_visit(world->engine, TABLE_EVENTS, read_event, &reading),
	    STORE_OK);
	return reading;
}

/* The command that came first, run second. */
static void
the_order_of_ids_is_that_of_commits(void **state)
{
	static struct command first;
	struct world *world = *state;
	struct intent before, after;

	make_create(world);
	memcpy(&first, &world->command, command_size(&world->command));
	make_create(world);
	world->now = instant_plus(world->now, span_from_ms(100));
	begin(world);
	before = run(world);
	memcpy(&world->command, &first, command_size(&first));
	after = run(world);
	assert_true(id_compare(before.id, after.id) < 0);
	assert_int_equal(before.created.us, the_time.us);
	assert_int_equal(after.created.us, the_time.us);
	/* What was handed in is as it was: it may be run again. */
	assert_true(id_equal(world->command.fresh, first.fresh));
	assert_false(id_equal(world->outcome.fresh, first.fresh));
}

/* Thousands within one tick; each with a confirmation, and its events. */
static void
all_that_is_made_in_a_tick_is_in_order(void **state)
{
	struct world *world = *state;
	struct id intent = ID_NONE;
	struct id event = ID_NONE;

	begin(world);
	for (unsigned i = 0; i < 500; i++) {
		struct reading reading;
		struct intent made;

		make_create(world);
		if (i % 2 == 0) {
			world->command.confirm = true;
			command_give(&world->command, GIVEN_PAYMENT_METHOD,
			    "pm_card_visa");
		}
		made = run(world);
		assert_true(id_compare(intent, made.id) < 0);
		intent = made.id;
		reading = read_events(world, event);
		assert_true(reading.behind >= 1);
		event = reading.last;
		/* Not a tick an id. */
		assert_true(instant_minus(made.created, the_time).us < 1000);
	}
}

static void
a_key_means_what_it_meant(void **state)
{
	struct world *world = *state;
	struct intent first, again;

	make_create(world);
	command_give_key(&world->command, "k", "k");
	begin(world);
	first = run(world);
	the_time = instant_plus(the_time, span_from_seconds(2));
	make_create(world);
	command_give_key(&world->command, "k", "k");
	again = run(world);
	assert_true(world->outcome.replayed);
	assert_true(id_equal(first.id, again.id));
}

/* The answer is about the charge of the question; its events are new. */
static void
an_answer_from_outside_is_behind_what_came_before_it(void **state)
{
	static struct command question, next;
	static struct outcome asked;
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct transaction *write;
	struct span rest;
	struct id seen;
	bool wrote;

	begin(world);
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, id),
	    GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_key(&world->command, "k", "k");
	memcpy(&question, &world->command, command_size(&world->command));
	assert_int_equal(
	    store_begin(world->store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(
	    engine_execute(world->engine, write, &question, &asked, &wrote),
	    STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
	assert_true(asked.asks_outside);
	/* Somebody else's, and what a poller then sees. */
	make_create(world);
	(void)run(world);
	seen = read_events(world, ID_NONE).last;
	assert_true(engine_goes_on(
	    world->engine, &question, &asked, (struct span){0}, &next, &rest));
	engine_run(world->engine, &next, &world->outcome);
	outcome_must(&world->outcome, ERROR_NONE);
	assert_true(read_events(world, seen).behind > 0);
	assert_int_equal(world_intent(world, id).state, STATE_SUCCEEDED);
	assert_true(id_equal(world_charge(world, id).id, asked.fresh));
	/* The key has the whole of it. */
	memcpy(&world->command, &question, command_size(&question));
	assert_int_equal(run(world).state, STATE_SUCCEEDED);
	assert_true(world->outcome.replayed);
}

/* As processes of one server, which may not all see the same clock. */
static void
engines_that_share_the_latest_id_are_one(void **state)
{
	struct world *world = *state;
	struct id latest = ID_NONE;
	struct id before = ID_NONE;

	begin(world);
	for (unsigned i = 0; i < 20; i++) {
		struct intent made;

		engine_close(world->engine);
		world->engine = open_engine(world->store, &latest);
		the_time.us -= 1000000;
		make_create(world);
		made = run(world);
		assert_true(id_compare(before, made.id) < 0);
		assert_true(id_equal(latest, made.id));
		before = made.id;
	}
}

static void
a_clock_that_is_set_back_far_counts(void **state)
{
	struct world *world = *state;
	struct intent made;

	begin(world);
	the_time = instant_plus(the_time, span_from_seconds(365 * 86400));
	make_create(world);
	made = run(world);
	assert_int_equal(made.created.us, the_time.us);
	the_time = instant_plus(the_time, span_from_seconds(-365 * 86400));
	make_create(world);
	made = run(world);
	assert_true(made.created.us <= the_time.us + 1000000);
}

static void
make_endpoint(struct world *world)
{
	struct command *command = world_make(world, COMMAND_ENDPOINT_CREATE);
	bool kept = command_keep(
	    command, TEXT("https://shop.example/hook"), &command->url);

	assert_true(kept);
	command->scope.family = FAMILY_CARD;
	world_must(world, ERROR_NONE);
}

static bool
read_due(struct text key, struct text encoded, void *context)
{
	struct delivery delivery;
	unsigned *count = context;

	(void)key;
	assert_int_equal(
	    codec_decode(KIND_DELIVERY, encoded, &delivery), CODEC_OK);
	assert_true(delivery.due.us <= the_time.us);
	(*count)++;
	return true;
}

/* What is sent does not wait until the clock says its event's time again. */
static void
a_clock_that_is_set_back_a_little_holds_no_webhook(void **state)
{
	const struct span back = span_from_seconds(-30);
	struct world *world = *state;
	struct intent before, after;
	unsigned count = 0;

	begin(world);
	make_create(world);
	before = run(world);
	make_endpoint(world);
	the_time = instant_plus(the_time, back);
	world->now = instant_plus(world->now, back);
	make_create(world);
	after = run(world);
	assert_true(id_compare(before.id, after.id) < 0);
	assert_true(world->outcome.delivers);
	assert_int_equal(
	    engine_visit(world->engine, TABLE_DELIVERIES, read_due, &count),
	    STORE_OK);
	assert_int_equal(count, 1);
}

static void
what_is_imported_keeps_its_id_and_time(void **state)
{
	struct world *world = *state;
	struct intent made;
	struct command *command;

	begin(world);
	make_create(world);
	command = &world->command;
	command->asked = the_time;
	command->now = instant_from_seconds(1600000000);
	command->fresh = id_make(command->now, command->entropy);
	made = run(world);
	assert_true(id_equal(made.id, command->fresh));
	assert_int_equal(made.created.us, command->now.us);
}

/* What was due when the command was made is due. */
static void
no_stamp_is_before_the_command_came(void **state)
{
	struct world *world = *state;
	struct intent made;

	begin(world);
	the_time = instant_plus(world->now, span_from_seconds(-3600));
	make_create(world);
	made = run(world);
	assert_int_equal(made.created.us, world->command.now.us);
}

/* The copy that was stamped made a key's secret part, which is its client's. */
static void
no_entropy_stays_in_the_engine(void **state)
{
	static const uint8_t wiped[sizeof(((struct command *)NULL)->entropy)];
	struct world *world = *state;
	struct command *command = world_make(world, COMMAND_KEY_CREATE);
	const struct command *copy;

	command->key_type = KEY_TYPE_SECRET;
	command->key_mode = command->scope.mode;
	memset(command->entropy, 0x5a, sizeof(wiped));
	begin(world);
	copy = world->engine->copy;
	world_must(world, ERROR_NONE);
	assert_int_equal(copy->kind, COMMAND_KEY_CREATE);
	assert_memory_equal(copy->entropy, wiped, sizeof(wiped));
}

/* Whether the record of a commit without an end is its own, the stamp tells. */
static void
an_unknown_commit_is_known_by_its_stamp(void **state)
{
	struct world *world = *state;
	struct intent made;

	world->store = faulty_open(world->store, "commit=unknown@2");
	assert_non_null(world->store);
	begin(world);
	(void)world_customer(world, "first@example.com");
	/* Even ones are those that happen. */
	make_create(world);
	command_give_key(&world->command, "k", "k");
	made = run(world);
	assert_false(world->outcome.replayed);
	assert_int_equal(made.created.us, the_time.us);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_order_of_ids_is_that_of_commits),
	    cmocka_unit_test(all_that_is_made_in_a_tick_is_in_order),
	    cmocka_unit_test(a_key_means_what_it_meant),
	    cmocka_unit_test(
		an_answer_from_outside_is_behind_what_came_before_it),
	    cmocka_unit_test(engines_that_share_the_latest_id_are_one),
	    cmocka_unit_test(a_clock_that_is_set_back_far_counts),
	    cmocka_unit_test(
		a_clock_that_is_set_back_a_little_holds_no_webhook),
	    cmocka_unit_test(what_is_imported_keeps_its_id_and_time),
	    cmocka_unit_test(no_stamp_is_before_the_command_came),
	    cmocka_unit_test(no_entropy_stays_in_the_engine),
	    cmocka_unit_test(an_unknown_commit_is_known_by_its_stamp),
	};

	return world_run_on_both(
	    "stamps", tests, sizeof(tests) / sizeof(tests[0]));
}
