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

/* -- Payments by card ------------------------------------------------------ */

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

static struct command *
make_customer_update(struct stage *stage)
{
	struct command *command = world_make_about(
	    stage->world, COMMAND_CUSTOMER_UPDATE, stage->customer);

	command_give(command, GIVEN_NAME, "Another");
	return command;
}

static struct command *
make_key_revoke(struct stage *stage)
{
	return world_make_about(stage->world, COMMAND_KEY_REVOKE, stage->key);
}

static struct command *
make_key_touch(struct stage *stage)
{
	return world_make_about(stage->world, COMMAND_KEY_TOUCH, stage->key);
}

/* -- Payments in coins ----------------------------------------------------- */

static void
keep(struct command *command, const char *text, struct slice *slice)
{
	assert_true(command_keep(command, text_of(text), slice));
}

static struct command *
make_coin(struct stage *stage)
{
	struct command *command = world_make(stage->world, COMMAND_COIN_CREATE);

	command_give_amount(command, 10000);
	command_give(command, GIVEN_CURRENCY, "usd");
	command_name(command, &command->merchant, stage->world->scope.merchant);
	command->replay_as_now = true;
	command->ttl = span_from_seconds(300);
	command->chain_id = 84532;
	keep(command, "base-sepolia", &command->chain);
	keep(command, "0xtoken", &command->token);
	return command;
}

static void
prepare_coin(struct stage *stage)
{
	stage->coin = make_coin(stage)->fresh;
	world_must(stage->world, ERROR_NONE);
}

static struct command *
make_coin_cancel(struct stage *stage)
{
	return world_make_about(stage->world, COMMAND_COIN_CANCEL, stage->coin);
}

static struct command *
make_coin_transfer(struct stage *stage)
{
	struct command *command =
	    world_make_about(stage->world, COMMAND_COIN_TRANSFER, stage->coin);

	command->chain_id = 84532;
	keep(command, "0xhash", &command->tx_hash);
	keep(command, "0xsender", &command->sender_address);
	return command;
}

static void
prepare_paid_coin(struct stage *stage)
{
	prepare_coin(stage);
	(void)make_coin_transfer(stage);
	world_must(stage->world, ERROR_NONE);
}

static struct command *
make_coin_settle(struct stage *stage)
{
	return world_make_about(stage->world, COMMAND_COIN_SETTLE, stage->coin);
}

static struct command *
make_coin_expire(struct stage *stage)
{
	struct world *world = stage->world;
	const struct place place = {.account = world->scope.account,
	    .mode = world->scope.mode,
	    .id = stage->coin};

	engine_expire(world->engine, &place,
	    instant_plus(world->now, span_from_seconds(301)), &world->command);
	return &world->command;
}

/* -- The operator's -------------------------------------------------------- */

static struct command *
make_account(struct stage *stage)
{
	struct command *command =
	    world_make(stage->world, COMMAND_ACCOUNT_CREATE);

	command_give(command, GIVEN_NAME, "Another");
	return command;
}

static struct command *
make_merchant(struct stage *stage)
{
	struct command *command =
	    world_make(stage->world, COMMAND_MERCHANT_CREATE);

	command_give(command, GIVEN_NAME, "Another");
	return command;
}

static struct command *
make_merchant_status(struct stage *stage)
{
	struct world *world = stage->world;
	struct command *command = world_make_about(
	    world, COMMAND_MERCHANT_STATUS, world->scope.merchant);

	command->merchant_status = MERCHANT_STATUS_SUSPENDED;
	return command;
}

static struct command *
make_audit_note(struct stage *stage)
{
	struct command *command = world_make(stage->world, COMMAND_AUDIT_NOTE);

	keep(command, "noted", &command->name);
	return command;
}

static void
prepare_audit_forget(struct stage *stage)
{
	struct audit_state state;

	assert_int_equal(
	    engine_audit_state(stage->world->engine, &state), STORE_OK);
	stage->line = state.head;
}

static struct command *
make_audit_forget(struct stage *stage)
{
	struct world *world = stage->world;

	engine_audit_forget(&stage->line, world->now, &world->command);
	return &world->command;
}

#define ROW(name, function, ...)                                      \
	{                                                             \
		.kind = COMMAND_##name, .make = function, __VA_ARGS__ \
	}

static const struct trial_row rows[] = {
    ROW(INTENT_CREATE, make_create),
    ROW(INTENT_CONFIRM, make_confirm),
    ROW(INTENT_CONFIRM, make_declined_confirm, .error = ERROR_CARD_DECLINED),
    ROW(INTENT_UPDATE, make_update),
    ROW(INTENT_CAPTURE, make_capture),
    ROW(INTENT_CANCEL, make_cancel),
    ROW(INTENT_REFUND, make_refund),
    ROW(INTENT_NOTIFY, make_notice),
    ROW(INTENT_CAPTURE, make_refused_capture,
	.error = ERROR_PAYMENT_INTENT_UNEXPECTED_STATE),
    ROW(CUSTOMER_CREATE, make_customer),
    ROW(CUSTOMER_UPDATE, make_customer_update),
    ROW(CUSTOMER_DELETE, make_customer_delete),
    ROW(KEY_CREATE, make_key),
    ROW(KEY_REVOKE, make_key_revoke),
    ROW(KEY_ROLL, make_key_roll),
    ROW(KEY_TOUCH, make_key_touch, .keyless = true),
    ROW(COIN_CREATE, make_coin),
    ROW(COIN_CANCEL, make_coin_cancel, .prepare = prepare_coin),
    ROW(COIN_TRANSFER, make_coin_transfer, .prepare = prepare_coin),
    ROW(COIN_SETTLE, make_coin_settle, .prepare = prepare_paid_coin),
    ROW(COIN_EXPIRE, make_coin_expire, .prepare = prepare_coin,
	.keyless = true),
    ROW(ACCOUNT_CREATE, make_account),
    ROW(MERCHANT_CREATE, make_merchant),
    ROW(MERCHANT_STATUS, make_merchant_status),
    ROW(AUDIT_NOTE, make_audit_note),
    ROW(AUDIT_FORGET, make_audit_forget, .prepare = prepare_audit_forget,
	.keyless = true),
};

/* -- Trials ---------------------------------------------------------------- */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

unsigned
trial_commands(void)
{
	return ROWS + trial_webhooks_count;
}

const struct trial_row *
trial_row(unsigned command)
{
	assert_true(command < trial_commands());
	return command < ROWS ? &rows[command]
			      : &trial_webhooks[command - ROWS];
}

void
trial_make(struct trial *trial, unsigned command)
{
	const struct trial_row *row = trial_row(command);
	struct command *made = row->make(&trial->stage);

	assert_int_equal(made->kind, row->kind);
	if (!row->keyless)
		command_give_key(made, "key", "print");
}

void
trial_begin(struct trial *trial, unsigned command, const char *plan)
{
	struct stage *stage = &trial->stage;

	make_stage(stage);
	if (trial_row(command)->prepare != NULL)
		trial_row(command)->prepare(stage);
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
	outcome_must(&trial.outcome, trial_row(command)->error);
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
	world_must(world, trial_row(command)->error);
}
