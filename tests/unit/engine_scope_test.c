/*
 * Who sees what: another account, the other mode and another merchant see
 * nothing, and what they name looks like what does not exist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_steps.h"

/* One object of each kind, of the home scope. */
struct objects {
	struct id intent;
	struct id charge;
	struct id refund;
	struct id customer;
	struct id key;
};

static struct objects
make_objects(struct world *world)
{
	struct objects objects;
	struct command *command;

	objects.customer = world_customer(world, "a@example.com");
	command = world_make(world, COMMAND_INTENT_CREATE);
	objects.intent = command->fresh;
	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_customer(command, objects.customer);
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	world_must(world, ERROR_NONE);
	objects.charge = world_charge(world, objects.intent).id;
	command =
	    world_make_about(world, COMMAND_INTENT_REFUND, objects.intent);
	command_give_amount(command, 100);
	objects.refund = command->fresh;
	world_must(world, ERROR_NONE);
	command = world_make(world, COMMAND_KEY_CREATE);
	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	objects.key = command->fresh;
	world_must(world, ERROR_NONE);
	return objects;
}

static void
must_refuse_without_effect(struct world *world, enum error_id error)
{
	struct snapshot before;
	struct snapshot after;

	snapshot_take(world->store, &before);
	world_must(world, error);
	snapshot_take(world->store, &after);
	assert_true(snapshot_equal(&before, &after));
}

static void
must_not_change(struct world *world, const struct objects *objects)
{
	const struct {
		enum command_kind kind;
		struct id id;
		enum error_id error;
	} rows[] = {
	    {COMMAND_INTENT_UPDATE, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_INTENT_CONFIRM, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_INTENT_CAPTURE, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_INTENT_CANCEL, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_INTENT_REFUND, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_INTENT_NOTIFY, objects->intent, ERROR_INTENT_MISSING},
	    {COMMAND_CUSTOMER_UPDATE, objects->customer,
		ERROR_CUSTOMER_MISSING},
	    {COMMAND_CUSTOMER_DELETE, objects->customer,
		ERROR_CUSTOMER_MISSING},
	    {COMMAND_KEY_REVOKE, objects->key, ERROR_API_KEY_MISSING},
	    {COMMAND_KEY_ROLL, objects->key, ERROR_API_KEY_MISSING},
	    {COMMAND_KEY_TOUCH, objects->key, ERROR_API_KEY_MISSING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)world_make_about(world, rows[i].kind, rows[i].id);
		must_refuse_without_effect(world, rows[i].error);
	}
}

static void
must_not_see(struct world *world, const struct objects *objects)
{
	const struct {
		enum kind kind;
		struct id id;
		enum error_id error;
	} rows[] = {
	    {KIND_INTENT, objects->intent, ERROR_INTENT_MISSING},
	    {KIND_CHARGE, objects->charge, ERROR_CHARGE_MISSING},
	    {KIND_REFUND, objects->refund, ERROR_REFUND_MISSING},
	    {KIND_CUSTOMER, objects->customer, ERROR_CUSTOMER_MISSING},
	    {KIND_API_KEY, objects->key, ERROR_API_KEY_MISSING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)world_make_get(world, rows[i].kind, rows[i].id);
		world_must(world, rows[i].error);
		assert_int_equal(world->outcome.length, 0);
	}
}

static bool
see_none(struct text objects, void *context)
{
	(void)objects;
	(void)context;
	fail_msg("a page shows an object of another scope");
	return false;
}

/* Reads the page that world->command asks for, which must be refused. */
static void
must_refuse_page(struct world *world, enum error_id id, const char *param)
{
	struct error error;
	struct page page;
	bool read = engine_list(
	    world->engine, &world->command, see_none, NULL, &page, &error);

	assert_false(read);
	assert_int_equal(error.id, id);
	assert_string_equal(error.param, param);
}

static void
must_not_list(struct world *world, const struct objects *objects)
{
	static const enum kind kinds[] = {
	    KIND_INTENT, KIND_CHARGE, KIND_REFUND, KIND_CUSTOMER, KIND_API_KEY};
	const struct id ids[] = {objects->intent, objects->charge,
	    objects->refund, objects->customer, objects->key};
	struct command *command;
	struct error error;
	struct page page;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		command = world_make_list(world, kinds[i], 10);
		assert_true(engine_list(
		    world->engine, command, see_none, NULL, &page, &error));
		assert_int_equal(page.count, 0);
		assert_false(page.has_more);
		command_name(command, &command->starting_after, ids[i]);
		must_refuse_page(
		    world, ERROR_PARAMETER_INVALID, "starting_after");
		command = world_make_list(world, kinds[i], 10);
		command_name(command, &command->ending_before, ids[i]);
		must_refuse_page(
		    world, ERROR_PARAMETER_INVALID, "ending_before");
	}
	command = world_make_list(world, KIND_CHARGE, 10);
	command_name(command, &command->intent, objects->intent);
	must_refuse_page(world, ERROR_INTENT_MISSING, "payment_intent");
	command = world_make_list(world, KIND_INTENT, 10);
	command_name(command, &command->customer, objects->customer);
	must_refuse_page(world, ERROR_CUSTOMER_MISSING, "customer");
}

static void
must_not_name(struct world *world, const struct objects *objects)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give_customer(command, objects->customer);
	must_refuse_without_effect(world, ERROR_CUSTOMER_MISSING);
	command = world_make(world, COMMAND_INTENT_REFUND);
	command_name(command, &command->intent, objects->intent);
	must_refuse_without_effect(world, ERROR_INTENT_MISSING);
}

static void
must_be_apart(struct world *world, struct scope scope)
{
	struct objects objects = make_objects(world);

	world->scope = scope;
	must_not_change(world, &objects);
	must_not_see(world, &objects);
	must_not_list(world, &objects);
	must_not_name(world, &objects);
	world->scope = world->home;
	must_be_state(
	    world_intent(world, objects.intent).state, STATE_SUCCEEDED);
}

static void
another_account_sees_nothing(void **state)
{
	struct world *world = *state;

	must_be_apart(world, world->foreign);
}

static void
the_other_mode_sees_nothing(void **state)
{
	struct world *world = *state;
	struct scope live = world->home;

	live.mode = MODE_LIVE;
	must_be_apart(world, live);
}

/* The key is bound to another merchant of the same account. */
static void
a_bound_key_sees_nothing_of_another_merchant(void **state)
{
	struct world *world = *state;
	struct scope bound = world->home;

	bound.merchant = world->second;
	bound.merchant_bound = true;
	must_be_apart(world, bound);
}

static void
a_key_that_is_not_bound_acts_for_all_merchants(void **state)
{
	struct world *world = *state;
	struct objects objects;

	world->scope.merchant = world->second;
	objects = make_objects(world);
	world->scope = world->home;
	assert_true(id_equal(
	    world_intent(world, objects.intent).merchant, world->second));
	(void)world_make_about(world, COMMAND_INTENT_REFUND, objects.intent);
	world_must(world, ERROR_NONE);
	(void)world_make_about(
	    world, COMMAND_CUSTOMER_DELETE, objects.customer);
	world_must(world, ERROR_NONE);
}

/* The customer was deleted, or is of a merchant that the key cannot see. */
static void
a_bound_key_is_not_shown_the_customer_of_another_merchant(void **state)
{
	struct world *world = *state;
	struct id customer = world_customer(world, "a@example.com");
	struct command *command;
	struct id intent;

	world->scope.merchant = world->second;
	command = world_make(world, COMMAND_INTENT_CREATE);
	intent = command->fresh;
	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give_customer(command, customer);
	world_must(world, ERROR_NONE);
	world->scope.merchant_bound = true;
	command = world_make_get(world, KIND_INTENT, intent);
	command->expand_customer = true;
	world_must(world, ERROR_NONE);
	assert_int_equal(world_count(world, KIND_INTENT), 1);
	assert_int_equal(world_count(world, KIND_CUSTOMER), 0);
}

static void
set_status(struct world *world, struct id merchant, enum merchant_status status)
{
	struct command *command =
	    world_make_about(world, COMMAND_MERCHANT_STATUS, merchant);

	command->merchant_status = (uint8_t)status;
	world_must(world, ERROR_NONE);
}

static void
a_merchant_that_is_not_active_takes_no_money(void **state)
{
	static const enum merchant_status statuses[] = {
	    MERCHANT_STATUS_SUSPENDED, MERCHANT_STATUS_ONBOARDING,
	    MERCHANT_STATUS_DEACTIVATED};
	struct world *world = *state;
	struct id held =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	struct id open = world_create(world, 1000, METHOD_AUTOMATIC);
	struct command *command;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		set_status(world, world->home.merchant, statuses[i]);
		command = world_make(world, COMMAND_INTENT_CREATE);
		command_give_amount(command, 1000);
		command_give(command, GIVEN_CURRENCY, "eur");
		/* The key stays free: it may be used once he is active. */
		command_give_key(command, "k", "k");
		must_refuse_without_effect(world, ERROR_MERCHANT_NOT_ACTIVE);
		command_give(
		    world_make_about(world, COMMAND_INTENT_CONFIRM, open),
		    GIVEN_PAYMENT_METHOD, "pm_card_visa");
		must_refuse_without_effect(world, ERROR_MERCHANT_NOT_ACTIVE);
		(void)world_make_about(world, COMMAND_INTENT_CAPTURE, held);
		must_refuse_without_effect(world, ERROR_MERCHANT_NOT_ACTIVE);
	}
	set_status(world, world->home.merchant, MERCHANT_STATUS_ACTIVE);
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, held);
	world_must(world, ERROR_NONE);
}

static void
a_suspended_merchant_gives_money_back(void **state)
{
	struct world *world = *state;
	struct id held =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");
	struct id paid =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	struct id waiting =
	    world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_pending");

	set_status(world, world->home.merchant, MERCHANT_STATUS_SUSPENDED);
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, held);
	world_must(world, ERROR_NONE);
	(void)world_make_about(world, COMMAND_INTENT_REFUND, paid);
	world_must(world, ERROR_NONE);
	/* What the engine has done is done. */
	world_notify(world, waiting, STATE_SUCCEEDED);
}

static void
the_merchant_that_counts_is_the_intent_s(void **state)
{
	struct world *world = *state;
	struct id held =
	    world_confirmed(world, 1000, METHOD_MANUAL, "pm_card_visa");

	set_status(world, world->home.merchant, MERCHANT_STATUS_SUSPENDED);
	world->scope.merchant = world->second;
	(void)world_create(world, 1000, METHOD_AUTOMATIC);
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, held);
	must_refuse_without_effect(world, ERROR_MERCHANT_NOT_ACTIVE);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(another_account_sees_nothing),
	    cmocka_unit_test(the_other_mode_sees_nothing),
	    cmocka_unit_test(a_bound_key_sees_nothing_of_another_merchant),
	    cmocka_unit_test(a_key_that_is_not_bound_acts_for_all_merchants),
	    cmocka_unit_test(
		a_bound_key_is_not_shown_the_customer_of_another_merchant),
	    cmocka_unit_test(a_merchant_that_is_not_active_takes_no_money),
	    cmocka_unit_test(a_suspended_merchant_gives_money_back),
	    cmocka_unit_test(the_merchant_that_counts_is_the_intent_s),
	};

	return world_run_on_both(
	    "scope", tests, sizeof(tests) / sizeof(tests[0]));
}
