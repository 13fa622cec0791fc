#include "engine_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/faulty.h"
#include "store/memory.h"

static void
make_stage(struct stage *stage)
{
	struct world *world;
	struct command *command;

	stage->inner = memory_open();
	stage->world = world_open(stage->inner);
	world = stage->world;
	stage->customer = world_customer(world, "a@example.com");
	stage->held =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	stage->paid =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	stage->waiting =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_pending");
	stage->open = world_create(world, 1000, METHOD_AUTOMATIC);
	command = world_make_about(world, COMMAND_INTENT_UPDATE, stage->open);
	command_give_customer(command, stage->customer);
	world_must(world, ERROR_NONE);
	command = world_make(world, COMMAND_KEY_CREATE);
	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	command->scope.merchant_bound = true;
	stage->key = command->fresh;
	world_must(world, ERROR_NONE);
	memcpy(stage->secret, world->outcome.secret, sizeof(stage->secret));
}

/* The commands; each makes one in stage->world. */
typedef struct command *make_function(struct stage *stage);

static struct command *
make_create(struct stage *stage)
{
	struct command *command =
	    world_make(stage->world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_customer(command, stage->customer);
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	return command;
}

static struct command *
make_confirm(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_INTENT_CONFIRM, stage->open);

	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	return command;
}

static struct command *
make_declined_confirm(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_INTENT_CONFIRM, stage->open);

	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_declined");
	return command;
}

static struct command *
make_update(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_INTENT_UPDATE, stage->open);

	command_give_customer(command, ID_NONE);
	command_give_pair(command, "a", "1");
	return command;
}

static struct command *
make_capture(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_INTENT_CAPTURE, stage->held);

	command_give_amount(command, 400);
	return command;
}

static struct command *
make_cancel(struct stage *stage)
{
	return world_make_about(
	    stage->world, COMMAND_INTENT_CANCEL, stage->held);
}

static struct command *
make_refund(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_INTENT_REFUND, stage->paid);

	command_give_amount(command, 400);
	return command;
}

static struct command *
make_notice(struct stage *stage)
{
	struct command *command = world_make_about(
	    stage->world, COMMAND_INTENT_NOTIFY, stage->waiting);

	command->status = STATE_SUCCEEDED;
	return command;
}

static struct command *
make_refused_capture(struct stage *stage)
{
	return world_make_about(
	    stage->world, COMMAND_INTENT_CAPTURE, stage->paid);
}

static struct command *
make_customer(struct stage *stage)
{
	return world_make(stage->world, COMMAND_CUSTOMER_CREATE);
}

static struct command *
make_customer_delete(struct stage *stage)
{
	return world_make_about(
	    stage->world, COMMAND_CUSTOMER_DELETE, stage->customer);
}

static struct command *
make_key(struct stage *stage)
{
	struct command *command = world_make(stage->world, COMMAND_KEY_CREATE);

	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_RESTRICTED;
	command->permissions = 1u << PERMISSION_INTENTS_READ;
	command->scope.merchant_bound = true;
	return command;
}

static struct command *
make_key_roll(struct stage *stage)
{
	return world_make_about(stage->world, COMMAND_KEY_ROLL, stage->key);
}

static const struct {
	make_function *make;
	enum error_id error; /* when nothing fails */
} commands[] = {
    {make_create, ERROR_NONE},
    {make_confirm, ERROR_NONE},
    {make_declined_confirm, ERROR_CARD_DECLINED},
    {make_update, ERROR_NONE},
    {make_capture, ERROR_NONE},
    {make_cancel, ERROR_NONE},
    {make_refund, ERROR_NONE},
    {make_notice, ERROR_NONE},
    {make_refused_capture, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE},
    {make_customer, ERROR_NONE},
    {make_customer_delete, ERROR_NONE},
    {make_key, ERROR_NONE},
    {make_key_roll, ERROR_NONE},
};

unsigned
trial_commands(void)
{
	return sizeof(commands) / sizeof(commands[0]);
}

enum error_id
trial_error(unsigned command)
{
	assert_true(command < trial_commands());
	return commands[command].error;
}

void
trial_make(struct trial *trial, unsigned command)
{
	command_give_key(commands[command].make(&trial->stage), "key", "print");
}

void
trial_begin(struct trial *trial, unsigned command, const char *plan)
{
	struct stage *stage = &trial->stage;

	make_stage(stage);
	snapshot_take(stage->inner, &trial->before);
	stage->faulty = faulty_open(stage->inner, plan);
	assert_non_null(stage->faulty);
	world_engine(stage->world, stage->faulty, 0, 0, 1000);
	trial_make(trial, command);
}

void
trial_run(struct trial *trial)
{
	const struct outcome *outcome = world_run(trial->stage.world);

	memcpy(&trial->outcome, outcome, outcome_size(outcome));
	snapshot_take(trial->stage.inner, &trial->after);
}

void
trial_end(struct trial *trial)
{
	trial->stage.world->store = trial->stage.faulty;
	world_close(trial->stage.world);
}

struct snapshot
trial_whole_effect(unsigned command)
{
	static struct trial trial;

	trial_begin(&trial, command, "");
	trial_run(&trial);
	outcome_must(&trial.outcome, commands[command].error);
	assert_false(snapshot_equal(&trial.before, &trial.after));
	trial_end(&trial);
	return trial.after;
}

void
trial_repeat(struct trial *trial, unsigned command)
{
	struct world *world = trial->stage.world;

	world_engine(world, trial->stage.inner, 0, 0, 1000);
	trial_make(trial, command);
	world_must(world, commands[command].error);
}
