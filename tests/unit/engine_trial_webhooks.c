#include "engine_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Of the courier that has the delivery. */
static const struct id holder = {.bytes = {1}};

/* -- Endpoints ------------------------------------------------------------- */

static struct command *
make_endpoint(struct stage *stage)
{
	struct command *command =
	    world_make(stage->world, COMMAND_ENDPOINT_CREATE);

	command->scope.family = FAMILY_CARD;
	assert_true(command_keep(
	    command, TEXT("https://shop.example/hooks"), &command->url));
	return command;
}

static void
prepare_endpoint(struct stage *stage)
{
	stage->endpoint = make_endpoint(stage)->fresh;
	world_must(stage->world, ERROR_NONE);
}

static struct command *
make_update(struct stage *stage)
{
	struct command *command = world_make_about(
	    stage->world, COMMAND_ENDPOINT_UPDATE, stage->endpoint);

	command->endpoint_status = ENDPOINT_DISABLED;
	return command;
}

static struct command *
make_delete(struct stage *stage)
{
	return world_make_about(
	    stage->world, COMMAND_ENDPOINT_DELETE, stage->endpoint);
}

static struct command *
make_rotate(struct stage *stage)
{
	struct command *command = world_make_about(
	    stage->world, COMMAND_ENDPOINT_ROTATE, stage->endpoint);

	command->grace = span_from_seconds(60);
	return command;
}

static struct command *
make_test(struct stage *stage)
{
	return world_make_about(
	    stage->world, COMMAND_ENDPOINT_TEST, stage->endpoint);
}

/* What anything else has to say is told to it. */
static struct command *
make_told(struct stage *stage)
{
	return world_make(stage->world, COMMAND_CUSTOMER_CREATE);
}

/* -- Deliveries ------------------------------------------------------------ */

static unsigned
room_for(struct id endpoint, void *context)
{
	(void)endpoint;
	(void)context;
	return 1;
}

static void
prepare_delivery(struct stage *stage)
{
	struct world *world = stage->world;
	static struct due_deliveries due;
	struct id from = ID_NONE;

	prepare_endpoint(stage);
	(void)world_customer(world, "b@example.com");
	assert_int_equal(engine_due_deliveries(world->engine, world->now,
			     room_for, NULL, DUE_DELIVERIES_MAX, &from, &due),
	    STORE_OK);
	assert_int_equal(due.count, 1);
	stage->due = due.rows[0];
}

static struct command *
make_claim(struct stage *stage)
{
	struct world *world = stage->world;

	engine_claim_delivery(
	    world->engine, &stage->due, holder, world->now, &world->command);
	return &world->command;
}

static void
prepare_claimed(struct stage *stage)
{
	prepare_delivery(stage);
	(void)make_claim(stage);
	world_must(stage->world, ERROR_NONE);
	assert_true(stage->world->outcome.length > 0);
}

static struct command *
make_end(struct stage *stage)
{
	struct world *world = stage->world;
	const struct attempt_report report = {.begun = world->now,
	    .duration = span_from_ms(1500),
	    .result = ATTEMPT_REFUSED,
	    .status = 500,
	    .reason = TEXT("it answered 500")};

	engine_end_delivery(world->engine, &stage->due, holder, &report, 0,
	    world->now, &world->command);
	return &world->command;
}

static struct command *
make_release(struct stage *stage)
{
	struct world *world = stage->world;

	engine_release_delivery(
	    world->engine, &stage->due, holder, world->now, &world->command);
	return &world->command;
}

static struct command *
make_resend(struct stage *stage)
{
	struct command *command =
	    world_make(stage->world, COMMAND_DELIVERY_RESEND);

	command->event = stage->due.event;
	command->endpoint = stage->endpoint;
	return command;
}

/* -- What is old ----------------------------------------------------------- */

static void
find_old(struct stage *stage, enum kind kind)
{
	struct world *world = stage->world;

	stage->old = (struct old_events){
	    .before = instant_plus(world->now, span_from_seconds(60))};
	do {
		assert_int_equal(
		    engine_old_events(world->engine, &stage->old), STORE_OK);
		assert_int_not_equal(stage->old.kind, KIND_NONE);
	} while (stage->old.kind != kind);
}

static struct command *
make_forget(struct stage *stage)
{
	struct world *world = stage->world;

	engine_forget_events(
	    world->engine, &stage->old, world->now, &world->command);
	return &world->command;
}

/* An attempt was made, and it is to be tried again. */
static void
prepare_old_deliveries(struct stage *stage)
{
	prepare_claimed(stage);
	(void)make_end(stage);
	world_must(stage->world, ERROR_NONE);
	find_old(stage, KIND_DELIVERY);
}

static void
prepare_old_events(struct stage *stage)
{
	find_old(stage, KIND_EVENT);
}

/* A registration whose ping nobody has answered. */
static void
prepare_answer(struct stage *stage)
{
	struct world *world = stage->world;
	struct command *command = make_endpoint(stage);
	struct span rest;

	command->scope.family = FAMILY_COIN;
	command->pings = true;
	engine_apply(world->engine, command, &world->outcome);
	outcome_must(&world->outcome, ERROR_NONE);
	assert_true(engine_goes_on(world->engine, command, &world->outcome,
	    span_from_seconds(60), &stage->answer, &rest));
}

static struct command *
make_answer(struct stage *stage)
{
	struct world *world = stage->world;

	memcpy(&world->command, &stage->answer, command_size(&stage->answer));
	return &world->command;
}

#define ROW(name, prepared, function, ...)                                     \
	{                                                                      \
		.kind = COMMAND_##name, .make = function, .prepare = prepared, \
		__VA_ARGS__                                                    \
	}

const struct trial_row trial_webhooks[] = {
    ROW(CUSTOMER_CREATE, prepare_endpoint, make_told),
    ROW(ENDPOINT_CREATE, NULL, make_endpoint),
    ROW(ENDPOINT_ANSWER, prepare_answer, make_answer,
	.error = ERROR_WEBHOOK_UNREACHABLE, .keyless = true,
	.heeds_absence = true),
    ROW(ENDPOINT_UPDATE, prepare_endpoint, make_update),
    ROW(ENDPOINT_DELETE, prepare_endpoint, make_delete, .heeds_absence = true),
    ROW(ENDPOINT_ROTATE, prepare_endpoint, make_rotate),
    ROW(ENDPOINT_TEST, prepare_endpoint, make_test),
    ROW(DELIVERY_CLAIM, prepare_delivery, make_claim, .keyless = true,
	.heeds_absence = true),
    ROW(DELIVERY_END, prepare_claimed, make_end, .keyless = true,
	.heeds_absence = true),
    ROW(DELIVERY_RELEASE, prepare_claimed, make_release, .keyless = true,
	.heeds_absence = true),
    ROW(DELIVERY_RESEND, prepare_delivery, make_resend, .heeds_absence = true),
    ROW(EVENTS_FORGET, prepare_old_deliveries, make_forget, .keyless = true,
	.heeds_absence = true),
    ROW(EVENTS_FORGET, prepare_old_events, make_forget, .keyless = true,
	.heeds_absence = true),
};

const unsigned trial_webhooks_count =
    sizeof(trial_webhooks) / sizeof(trial_webhooks[0]);
