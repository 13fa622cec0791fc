/*
 * The outbox: which events a command writes, in which order, and what they
 * show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine/engine.h"
#include "engine_steps.h"

enum { WORDS_BYTES = 1024 };

/* Events behind an id, as text: "type(kind kind) type(kind) ". */
struct reading {
	struct id after;
	struct id last;
	char words[WORDS_BYTES];
};

static bool
read_event(struct text key, struct text encoded, void *context)
{
	struct reading *reading = context;
	struct buffer words;
	struct event event;
	struct text record;

	(void)key;
	assert_int_equal(codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
	reading->last = event.id;
	if (memcmp(event.id.bytes, reading->after.bytes, ID_BYTES) <= 0)
		return true;
	buffer_init(&words, reading->words, sizeof(reading->words) - 1);
	words.length = strlen(reading->words);
	buffer_print(
	    &words, "%.*s(", TEXT_PRINT(name_text(&event_names, event.type)));
	while (bundle_next(&event.objects, &record))
		buffer_print(
		    &words, "%s ", record_type(codec_kind(record))->name);
	words.length--;
	buffer_print(&words, ") ");
	assert_false(words.overflow);
	reading->words[words.length] = '\0';
	return true;
}

static struct reading
read_events(struct world *world, struct id after)
{
	struct reading reading = {.after = after};

	assert_int_equal(
	    engine_visit(world->engine, TABLE_EVENTS, read_event, &reading),
	    STORE_OK);
	return reading;
}

/* Runs world->command, which must write these events. */
static void
must_write(struct world *world, enum error_id error, const char *words)
{
	struct id before = read_events(world, ID_NONE).last;
	struct reading reading;

	world_must(world, error);
	reading = read_events(world, before);
	assert_string_equal(reading.words, words);
}

static void
make_confirmed_create(
    struct world *world, const char *method, enum method capture)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, method);
	command->capture_method = (uint8_t)capture;
	command->confirm = true;
}

static void
a_paid_create_writes_its_events_in_order(void **state)
{
	struct world *world = *state;

	make_confirmed_create(world, "pm_card_visa", METHOD_AUTOMATIC);
	must_write(world, ERROR_NONE,
	    "payment_intent.created(intent) charge.succeeded(charge intent) "
	    "payment_intent.succeeded(intent charge) ");
}

static void
a_held_payment_is_captured_and_refunded(void **state)
{
	struct world *world = *state;
	struct id id;

	make_confirmed_create(world, "pm_card_visa", METHOD_MANUAL);
	id = world->command.fresh;
	must_write(world, ERROR_NONE,
	    "payment_intent.created(intent) charge.succeeded(charge intent) "
	    "payment_intent.amount_capturable_updated(intent charge) ");
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, id);
	must_write(world, ERROR_NONE,
	    "charge.captured(charge intent) "
	    "payment_intent.succeeded(intent charge) ");
	(void)world_make_about(world, COMMAND_INTENT_REFUND, id);
	must_write(world, ERROR_NONE,
	    "refund.created(refund) charge.refunded(charge intent) ");
}

static void
a_declined_payment_says_so(void **state)
{
	struct world *world = *state;

	make_confirmed_create(world, "pm_card_declined", METHOD_AUTOMATIC);
	must_write(world, ERROR_CARD_DECLINED,
	    "payment_intent.created(intent) charge.failed(charge intent) "
	    "payment_intent.payment_failed(intent charge) ");
}

static void
what_waits_says_for_whom(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct id id;

	make_confirmed_create(world, "pm_card_3ds_required", METHOD_AUTOMATIC);
	id = world->command.fresh;
	must_write(world, ERROR_NONE,
	    "payment_intent.created(intent) "
	    "payment_intent.requires_action(intent) ");
	command = world_make_about(world, COMMAND_INTENT_NOTIFY, id);
	command->status = STATE_PROCESSING;
	must_write(
	    world, ERROR_NONE, "payment_intent.processing(intent charge) ");
	command = world_make_about(world, COMMAND_INTENT_NOTIFY, id);
	command->status = STATE_REQUIRES_ACTION;
	must_write(world, ERROR_NONE,
	    "payment_intent.requires_action(intent charge) ");
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, id);
	must_write(world, ERROR_NONE,
	    "charge.failed(charge intent) "
	    "payment_intent.canceled(intent charge) ");
}

static void
an_update_and_a_refusal_write_none(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);

	command_give(world_make_about(world, COMMAND_INTENT_UPDATE, id),
	    GIVEN_DESCRIPTION, "new");
	must_write(world, ERROR_NONE, "");
	(void)world_make_about(world, COMMAND_INTENT_CAPTURE, id);
	must_write(world, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE, "");
}

static void
customers_write_theirs(void **state)
{
	struct world *world = *state;
	struct id id;

	(void)world_make(world, COMMAND_CUSTOMER_CREATE);
	id = world->command.fresh;
	must_write(world, ERROR_NONE, "customer.created(customer) ");
	(void)world_make_about(world, COMMAND_CUSTOMER_UPDATE, id);
	must_write(world, ERROR_NONE, "customer.updated(customer) ");
	(void)world_make_about(world, COMMAND_CUSTOMER_DELETE, id);
	must_write(world, ERROR_NONE, "customer.deleted(customer) ");
}

/* Keeps the intent of the first event of its type. */
struct pick {
	enum event_type type;
	struct intent intent;
	struct event event;
	bool found;
};

static bool
pick_event(struct text key, struct text encoded, void *context)
{
	struct pick *pick = context;
	struct event event;

	(void)key;
	assert_int_equal(codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
	if (event.type != pick->type)
		return true;
	pick->event = event;
	pick->found = bundle_find(event.objects, KIND_INTENT, 0, &pick->intent);
	return false;
}

static struct pick
must_pick(struct world *world, enum event_type type)
{
	struct pick pick = {.type = type};

	assert_int_equal(
	    engine_visit(world->engine, TABLE_EVENTS, pick_event, &pick),
	    STORE_OK);
	assert_true(pick.found);
	return pick;
}

/* Also when one command writes the two of them. */
static void
an_event_shows_the_object_as_it_then_was(void **state)
{
	struct world *world = *state;
	struct pick pick;

	make_confirmed_create(world, "pm_card_visa", METHOD_MANUAL);
	world_must(world, ERROR_NONE);
	pick = must_pick(world, EVENT_INTENT_CREATED);
	must_be_state(pick.intent.state, STATE_REQUIRES_CONFIRMATION);
	assert_false(id_is_set(pick.intent.latest_charge));
	assert_true(id_equal(pick.event.merchant, world->home.merchant));
	assert_int_equal(pick.event.created.us, world->command.now.us);
	pick = must_pick(world, EVENT_CHARGE_SUCCEEDED);
	must_be_state(pick.intent.state, STATE_REQUIRES_CAPTURE);
	pick = must_pick(world, EVENT_INTENT_CAPTURABLE);
	assert_int_equal(pick.intent.amount_capturable.units, 1000);
}

static void
an_event_belongs_to_the_intent_s_merchant(void **state)
{
	struct world *world = *state;
	struct id id;

	world->scope.merchant = world->second;
	id = world_create(world, 1000, METHOD_AUTOMATIC);
	/* By a key of the account's default merchant. */
	world->scope = world->home;
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, id);
	world_must(world, ERROR_NONE);
	assert_true(
	    id_equal(must_pick(world, EVENT_INTENT_CREATED).event.merchant,
		world->second));
	assert_true(
	    id_equal(must_pick(world, EVENT_INTENT_CANCELED).event.merchant,
		world->second));
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_paid_create_writes_its_events_in_order),
	    cmocka_unit_test(a_held_payment_is_captured_and_refunded),
	    cmocka_unit_test(a_declined_payment_says_so),
	    cmocka_unit_test(what_waits_says_for_whom),
	    cmocka_unit_test(an_update_and_a_refusal_write_none),
	    cmocka_unit_test(customers_write_theirs),
	    cmocka_unit_test(an_event_shows_the_object_as_it_then_was),
	    cmocka_unit_test(an_event_belongs_to_the_intent_s_merchant),
	};

	return world_run_on_memory(
	    "events", tests, sizeof(tests) / sizeof(tests[0]));
}
