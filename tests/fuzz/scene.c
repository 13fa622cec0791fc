#include "scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "unit/till.h"

enum {
	AMOUNT_MAX = 99999999,
	COINS_MAX = 1 << 30,
};

static struct due_deliveries due;

/* -- The beginning --------------------------------------------------------- */

static void
keep(struct command *command, const char *text, struct slice *slice)
{
	bool kept = command_keep(command, text_of(text), slice);

	MUST(kept);
}

static struct id
make_merchant(struct world *world, const char *address, const char *key)
{
	struct command *command = world_make(world, COMMAND_MERCHANT_CREATE);

	command_give(command, GIVEN_NAME, "A kiosk");
	command->fee_rate = 10000;
	if (address != NULL)
		keep(command, address, &command->payment_address);
	if (key != NULL)
		keep(command, key, &command->extended_key);
	world_must(world, ERROR_NONE);
	return command->fresh;
}

void
scene_open(struct scene *scene, struct store *store)
{
	struct world *world;

	/* cmocka's assertions are for the helpers of the unit tests. */
	MUST(setenv("CMOCKA_TEST_ABORT", "1", 1) == 0);
	world = world_open(store);
	scene->world = world;
	scene->merchants[0] = make_merchant(world, TILL_ADDRESS, NULL);
	scene->merchants[1] = make_merchant(world, NULL, TILL_XPUB);
	scene->merchants[2] = world->home.merchant;
	scene->first = world->now;
}

void
scene_begin(struct scene *scene)
{
	scene->count = 0;
	scene->has_claim = false;
	scene->world->now = scene->first;
	/* Behind all that was made at the beginning. */
	scene->world->serial = 1000;
}

/* -- What a command brings --------------------------------------------------
 */

static struct id
pick(const struct scene *scene, const struct step *step, enum kind kind)
{
	const bool any = (step->flags & FLAG_ANY_OBJECT) != 0;
	unsigned found = 0;

	for (unsigned i = 0; i < scene->count; i++)
		found += any || scene->kinds[i] == kind;
	if (found == 0)
		return scene->world->home.account;
	found = step->object % found;
	for (unsigned i = 0; i < scene->count; i++)
		if ((any || scene->kinds[i] == kind) && found-- == 0)
			return scene->ids[i];
	return ID_NONE;
}

void
scene_note(struct scene *scene, enum kind kind, struct id id)
{
	if (scene->count == SCENE_IDS_MAX)
		return;
	scene->kinds[scene->count] = kind;
	scene->ids[scene->count++] = id;
}

static const char *
method_of(const struct step *step)
{
	static const char *const methods[] = {"pm_card_visa",
	    "pm_card_mastercard", "pm_card_declined",
	    "pm_card_insufficient_funds", "pm_card_pending",
	    "pm_card_authentication_required", "pm_card_visa", "pm_of_nobody"};

	return methods[step->choice % 8];
}

static void
give_amount(const struct step *step, struct command *command, int64_t unit)
{
	if ((step->flags & FLAG_AMOUNT) == 0)
		return;
	command_give_amount(command, step->amount == UINT16_MAX
					 ? AMOUNT_MAX * unit
					 : (1 + step->amount) * unit);
}

static void
give_texts(const struct step *step, struct command *command)
{
	char value[8];

	if ((step->flags & FLAG_TEXTS) == 0)
		return;
	(void)snprintf(value, sizeof(value), "%u", step->amount);
	command_give(command, GIVEN_DESCRIPTION, "a text");
	command_give_pair(command, step->choice % 2 ? "a" : "b",
	    step->choice % 3 == 0 ? "" : value);
}

/* -- Commands ---------------------------------------------------------------
 */

static void
make_intent(const struct scene *scene, const struct step *step)
{
	struct command *command =
	    world_make(scene->world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1 + step->amount);
	command_give(command, GIVEN_CURRENCY, "eur");
	command->capture_method =
	    step->flags & FLAG_MANUAL ? METHOD_MANUAL : METHOD_AUTOMATIC;
	command->confirmation_method = METHOD_AUTOMATIC;
	command->confirm = (step->flags & FLAG_CONFIRM) != 0;
	if ((step->flags & FLAG_METHOD) != 0)
		command_give(command, GIVEN_PAYMENT_METHOD, method_of(step));
	if ((step->flags & FLAG_ANY_OBJECT) != 0)
		command_give_customer(
		    command, pick(scene, step, KIND_CUSTOMER));
	if ((step->flags & FLAG_TEXTS) != 0)
		command_give_pair(command, "a", "1");
}

static void
change_intent(
    const struct scene *scene, const struct step *step, enum command_kind kind)
{
	struct command *command = world_make_about(
	    scene->world, kind, pick(scene, step, KIND_INTENT));

	if (kind != COMMAND_INTENT_CONFIRM && kind != COMMAND_INTENT_CANCEL)
		give_amount(step, command, 1);
	if ((step->flags & FLAG_METHOD) != 0 &&
	    (kind == COMMAND_INTENT_CONFIRM || kind == COMMAND_INTENT_UPDATE))
		command_give(command, GIVEN_PAYMENT_METHOD, method_of(step));
	if (kind == COMMAND_INTENT_UPDATE)
		give_texts(step, command);
	command->status =
	    (uint8_t)(1 + step->choice % (unsigned)STATE_CANCELED);
	command->decline = (uint8_t)(1 + step->choice % (DECLINE_COUNT - 1));
	command->cancellation =
	    (uint8_t)(step->choice % (unsigned)CANCELLATION_COUNT);
}

static void
make_customer(const struct scene *scene, const struct step *step)
{
	command_give(world_make(scene->world, COMMAND_CUSTOMER_CREATE),
	    GIVEN_EMAIL, step->choice % 2 ? "a@example.com" : "b@example.com");
}

static void
change_customer(
    const struct scene *scene, const struct step *step, enum command_kind kind)
{
	struct command *command = world_make_about(
	    scene->world, kind, pick(scene, step, KIND_CUSTOMER));

	if (kind == COMMAND_CUSTOMER_UPDATE)
		give_texts(step, command);
}

static void
make_coin(const struct scene *scene, const struct step *step)
{
	struct command *command = world_make(scene->world, COMMAND_COIN_CREATE);

	command->replay_as_now = true;
	command->scope.family = FAMILY_COIN;
	/* Few different ones, so that they meet. */
	command_give_amount(command, 10000 * (1 + step->amount % 1000));
	command->ttl = span_from_seconds(60 + step->choice);
	command->chain_id = TILL_CHAIN;
	command_name(command, &command->merchant,
	    step->flags & FLAG_ANY_OBJECT ? pick(scene, step, KIND_COIN_INTENT)
					  : scene->merchants[step->object % 3]);
	keep(command, "usd", &command->currency);
	keep(command, "base-sepolia", &command->chain);
	keep(command, "0xtoken", &command->token);
	if ((step->flags & FLAG_TEXTS) != 0)
		command_give_pair(command, "a", "1");
}

static void
change_coin(
    const struct scene *scene, const struct step *step, enum command_kind kind)
{
	struct command *command = world_make_about(
	    scene->world, kind, pick(scene, step, KIND_COIN_INTENT));
	char hash[32];

	command->scope.family = FAMILY_COIN;
	if (kind != COMMAND_COIN_TRANSFER)
		return;
	command->chain_id = TILL_CHAIN;
	/* Few, so that the same transfer is told of twice. */
	(void)snprintf(hash, sizeof(hash), "0x%02x", step->choice % 16u);
	keep(command, hash, &command->tx_hash);
	keep(command, "0xsender", &command->sender_address);
	command->log_index = step->key % 4u;
	if ((step->flags & FLAG_AMOUNT) != 0)
		command_give_amount(command, step->amount == UINT16_MAX
						 ? COINS_MAX
						 : 1 + 100 * step->amount);
}

static void
make_key(const struct scene *scene, const struct step *step)
{
	struct command *command = world_make(scene->world, COMMAND_KEY_CREATE);

	command->key_mode = command->scope.mode;
	command->key_type = (uint8_t)(1 + step->choice % (KEY_TYPE_COUNT - 1));
	if (command->key_type == KEY_TYPE_RESTRICTED)
		command->permissions = 2u << step->amount % 14;
	if ((step->flags & FLAG_MANUAL) != 0)
		command->expires = instant_plus(
		    scene->world->now, span_from_seconds(step->amount));
}

static void
change_key(
    const struct scene *scene, const struct step *step, enum command_kind kind)
{
	struct command *command = world_make_about(
	    scene->world, kind, pick(scene, step, KIND_API_KEY));

	if (kind != COMMAND_KEY_ROLL || (step->flags & FLAG_AMOUNT) == 0)
		return;
	command->given |= GIVEN_GRACE;
	command->grace = span_from_seconds(step->amount);
}

static void
set_family(const struct step *step, struct command *command)
{
	command->scope.family =
	    step->flags & FLAG_MANUAL ? FAMILY_COIN : FAMILY_CARD;
}

static void
make_endpoint(const struct scene *scene, const struct step *step)
{
	struct command *command =
	    world_make(scene->world, COMMAND_ENDPOINT_CREATE);

	set_family(step, command);
	command->given |= GIVEN_URL | GIVEN_EVENTS;
	command->events = 1u;
	command->pings = (step->flags & FLAG_CONFIRM) != 0;
	keep(command, "https://shop.example/hooks", &command->url);
}

static void
change_endpoint(
    const struct scene *scene, const struct step *step, enum command_kind kind)
{
	struct command *command = world_make_about(
	    scene->world, kind, pick(scene, step, KIND_ENDPOINT));

	set_family(step, command);
	if (kind == COMMAND_ENDPOINT_ROTATE) {
		command->given |= GIVEN_GRACE;
		command->grace = span_from_seconds(step->amount);
	}
	if (kind != COMMAND_ENDPOINT_UPDATE)
		return;
	if (step->choice % 3 != 0) {
		command->given |= GIVEN_STATUS;
		command->endpoint_status = step->choice % 3 == 1
					       ? ENDPOINT_ENABLED
					       : ENDPOINT_DISABLED;
	}
}

static void
set_merchant(const struct scene *scene, const struct step *step)
{
	struct command *command = world_make_about(scene->world,
	    COMMAND_MERCHANT_STATUS, scene->merchants[step->object % 3]);

	command->merchant_status =
	    (uint8_t)(1 + step->choice % (MERCHANT_STATUS_COUNT - 1));
}

/* -- What couriers do --------------------------------------------------------
 */

static unsigned
room(struct id endpoint, void *context)
{
	(void)endpoint;
	(void)context;
	return 4;
}

/* Makes scene->world->command; false: there is nothing to be done. */
static bool
claim(struct scene *scene, const struct step *step)
{
	struct id from = ID_NONE;

	MUST(engine_due_deliveries(scene->world->engine, scene->world->now,
		 room, NULL, 16, &from, &due) == STORE_OK);
	if (due.count == 0)
		return false;
	scene->claimed = due.rows[step->object % due.count];
	scene->has_claim = true;
	scene->holder = (struct id){{1, step->choice % 2}};
	engine_claim_delivery(scene->world->engine, &scene->claimed,
	    scene->holder, scene->world->now, &scene->world->command);
	return true;
}

static bool
end_claim(struct scene *scene, const struct step *step)
{
	struct attempt_report report = {
	    .begun = scene->world->now,
	    .result = (enum attempt_result)(
		1 + step->choice % (ATTEMPT_RESULT_COUNT - 1)),
	    .status = step->amount % 600,
	    .reason = TEXT("a reason"),
	};

	if (!scene->has_claim)
		return false;
	if ((step->flags & FLAG_MANUAL) != 0)
		engine_release_delivery(scene->world->engine, &scene->claimed,
		    scene->holder, scene->world->now, &scene->world->command);
	else
		engine_end_delivery(scene->world->engine, &scene->claimed,
		    scene->holder, &report, step->amount, scene->world->now,
		    &scene->world->command);
	return true;
}

static bool
forget(struct scene *scene, const struct step *step)
{
	struct old_events old = {
	    .before = instant_plus(scene->world->now,
		span_from_seconds(-60 * (int64_t)step->choice))};

	MUST(engine_old_events(scene->world->engine, &old) == STORE_OK);
	if (old.kind == KIND_NONE)
		return false;
	engine_forget_events(scene->world->engine, &old, scene->world->now,
	    &scene->world->command);
	return true;
}

static bool
resend(struct scene *scene, const struct step *step)
{
	struct command *command =
	    world_make(scene->world, COMMAND_DELIVERY_RESEND);

	if (!scene->has_claim)
		return false;
	command_name(command, &command->target, scene->claimed.event);
	command->event = scene->claimed.event;
	if ((step->flags & FLAG_METHOD) != 0)
		command->endpoint = scene->claimed.endpoint;
	return true;
}

static bool
forget_lines(struct scene *scene, const struct step *step)
{
	struct audit_state state;

	(void)step;
	MUST(engine_audit_state(scene->world->engine, &state) == STORE_OK);
	engine_audit_forget(
	    &state.head, scene->world->now, &scene->world->command);
	return true;
}

/* -- Steps ------------------------------------------------------------------
 */

typedef void make_new(const struct scene *scene, const struct step *step);
typedef void make_change(
    const struct scene *scene, const struct step *step, enum command_kind kind);
typedef bool make_work(struct scene *scene, const struct step *step);

static const struct action {
	enum command_kind kind;
	enum kind object; /* that it makes */
	make_new *make;
	make_change *change;
	make_work *work;
} actions[] = {
    {COMMAND_INTENT_CREATE, KIND_INTENT, make_intent, NULL, NULL},
    {COMMAND_INTENT_UPDATE, KIND_NONE, NULL, change_intent, NULL},
    {COMMAND_INTENT_CONFIRM, KIND_NONE, NULL, change_intent, NULL},
    {COMMAND_INTENT_CAPTURE, KIND_NONE, NULL, change_intent, NULL},
    {COMMAND_INTENT_CANCEL, KIND_NONE, NULL, change_intent, NULL},
    {COMMAND_INTENT_REFUND, KIND_REFUND, NULL, change_intent, NULL},
    {COMMAND_INTENT_NOTIFY, KIND_NONE, NULL, change_intent, NULL},
    {COMMAND_COIN_CREATE, KIND_COIN_INTENT, make_coin, NULL, NULL},
    {COMMAND_COIN_CANCEL, KIND_NONE, NULL, change_coin, NULL},
    {COMMAND_COIN_TRANSFER, KIND_NONE, NULL, change_coin, NULL},
    {COMMAND_COIN_SETTLE, KIND_NONE, NULL, change_coin, NULL},
    {COMMAND_CUSTOMER_CREATE, KIND_CUSTOMER, make_customer, NULL, NULL},
    {COMMAND_CUSTOMER_UPDATE, KIND_NONE, NULL, change_customer, NULL},
    {COMMAND_CUSTOMER_DELETE, KIND_NONE, NULL, change_customer, NULL},
    {COMMAND_KEY_CREATE, KIND_API_KEY, make_key, NULL, NULL},
    {COMMAND_KEY_REVOKE, KIND_NONE, NULL, change_key, NULL},
    {COMMAND_KEY_ROLL, KIND_API_KEY, NULL, change_key, NULL},
    {COMMAND_KEY_TOUCH, KIND_NONE, NULL, change_key, NULL},
    {COMMAND_ENDPOINT_CREATE, KIND_ENDPOINT, make_endpoint, NULL, NULL},
    {COMMAND_ENDPOINT_UPDATE, KIND_NONE, NULL, change_endpoint, NULL},
    {COMMAND_ENDPOINT_DELETE, KIND_NONE, NULL, change_endpoint, NULL},
    {COMMAND_ENDPOINT_ROTATE, KIND_NONE, NULL, change_endpoint, NULL},
    {COMMAND_ENDPOINT_TEST, KIND_NONE, NULL, change_endpoint, NULL},
    {COMMAND_MERCHANT_STATUS, KIND_NONE, set_merchant, NULL, NULL},
    {COMMAND_DELIVERY_CLAIM, KIND_NONE, NULL, NULL, claim},
    {COMMAND_DELIVERY_END, KIND_NONE, NULL, NULL, end_claim},
    {COMMAND_DELIVERY_RESEND, KIND_NONE, NULL, NULL, resend},
    {COMMAND_EVENTS_FORGET, KIND_NONE, NULL, NULL, forget},
    {COMMAND_AUDIT_FORGET, KIND_NONE, NULL, NULL, forget_lines},
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

/* Two keys, and a fingerprint of all that the step says. */
static void
give_key(struct scene *scene, const struct step *step)
{
	char print[64];

	(void)snprintf(print, sizeof(print), "%u %u %u %u %u",
	    step->action % ACTIONS, step->object, step->choice, step->flags,
	    step->amount);
	command_give_key(
	    &scene->world->command, step->key % 2 ? "one" : "other", print);
}

/* Whose command it is. */
static void
set_scope(struct scene *scene, const struct step *step)
{
	struct world *world = scene->world;

	world->scope =
	    step->flags & FLAG_FOREIGN ? world->foreign : world->home;
	if ((step->flags & (FLAG_FOREIGN | FLAG_BOUND)) != FLAG_BOUND)
		return;
	world->scope.merchant = world->second;
	world->scope.merchant_bound = true;
}

/* Time goes on, by little or by much, and back. */
static void
pass(struct scene *scene, const struct step *step)
{
	static const int64_t seconds[] = {
	    0, 1, 30, 61, 400, 4000, 90000, 700000, -1, -400};

	scene->world->now = instant_plus(
	    scene->world->now, span_from_seconds(seconds[step->choice % 10]));
}

static void
sweep(struct scene *scene, const struct step *step)
{
	unsigned count;

	MUST(engine_sweep(scene->world->engine, scene->world->now,
		 1 + step->object % 4, &count) == STORE_OK);
}

void
scene_read(struct feed *feed, struct step *step)
{
	step->action = feed_byte(feed);
	step->object = feed_byte(feed);
	step->choice = feed_byte(feed);
	step->flags = feed_byte(feed);
	step->amount = (uint16_t)feed_number(feed, 2);
	step->trip = feed_byte(feed);
	step->key = feed_byte(feed);
}

bool
scene_make(struct scene *scene, const struct step *step, enum kind *makes)
{
	const unsigned number = step->action % (ACTIONS + 2);
	const struct action *action;

	if (number >= ACTIONS) {
		number == ACTIONS ? pass(scene, step) : sweep(scene, step);
		return false;
	}
	action = &actions[number];
	*makes = action->object;
	set_scope(scene, step);
	if (action->work != NULL)
		return action->work(scene, step);
	if (action->make != NULL)
		action->make(scene, step);
	else
		action->change(scene, step, action->kind);
	if (step->key != 0)
		give_key(scene, step);
	return true;
}
