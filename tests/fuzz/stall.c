#include "stall.h"

#include <stdlib.h>
#include <string.h>

#include "app/service.h"
#include "app/settings.h"
#include "core/codec.h"
#include "fuzz.h"
#include "kept.h"
#include "store/memory.h"
#include "unit/till.h"

static struct stall stall_of_process;
static struct settings settings;

static const char *const names[STALL_NAMES] = {
    [STALL_SECRET_KEY] = "sk",
    [STALL_LIVE_KEY] = "live",
    [STALL_PUBLISHABLE_KEY] = "pk",
    [STALL_RESTRICTED_KEY] = "rk",
    [STALL_REVOKED_KEY] = "revoked",
    [STALL_FOREIGN_KEY] = "foreign",
    [STALL_INTENT] = "intent",
    [STALL_OPEN] = "open",
    [STALL_HELD] = "held",
    [STALL_CLIENT_SECRET] = "secret",
    [STALL_CHARGE] = "charge",
    [STALL_REFUND] = "refund",
    [STALL_CUSTOMER] = "customer",
    [STALL_EVENT] = "event",
    [STALL_ENDPOINT] = "endpoint",
    [STALL_COIN_ENDPOINT] = "coinendpoint",
    [STALL_KEY] = "key",
    [STALL_MERCHANT] = "merchant",
    [STALL_COIN] = "coin",
    [STALL_PAID] = "paid",
    [STALL_TRANSACTION] = "transaction",
    [STALL_ID] = "id",
};

/* -- What is there from the beginning -------------------------------------- */

static void
name(
    struct stall *stall, enum stall_name its_name, enum kind kind, struct id id)
{
	id_format(id, record_type(kind)->prefix, stall->texts[its_name]);
}

/* The newest object of a kind that the last outcome has. */
static void
name_first(struct stall *stall, enum stall_name its_name, enum kind kind)
{
	union record record;

	world_first(stall->world, kind, &record);
	/* Every record begins with its id. */
	name(stall, its_name, kind, record.intent.id);
}

static struct id
make_key(struct stall *stall, enum stall_name its_name, enum mode mode,
    enum key_type type, uint32_t permissions)
{
	struct world *world = stall->world;
	struct scope scope = world->scope;
	struct command *command;

	world->scope.mode = (uint8_t)mode;
	command = world_make(world, COMMAND_KEY_CREATE);
	command->key_mode = (uint8_t)mode;
	command->key_type = (uint8_t)type;
	command->permissions = permissions;
	command->scope.merchant_bound = its_name == STALL_RESTRICTED_KEY;
	world_must(world, ERROR_NONE);
	(void)text_copy(text_of(world->outcome.secret), stall->texts[its_name],
	    STALL_TEXT_BYTES);
	world->scope = scope;
	return command->fresh;
}

static void
make_keys(struct stall *stall)
{
	struct world *world = stall->world;
	struct id id;

	(void)make_key(stall, STALL_SECRET_KEY, MODE_TEST, KEY_TYPE_SECRET, 0);
	(void)make_key(stall, STALL_LIVE_KEY, MODE_LIVE, KEY_TYPE_SECRET, 0);
	(void)make_key(
	    stall, STALL_PUBLISHABLE_KEY, MODE_TEST, KEY_TYPE_PUBLISHABLE, 0);
	id = make_key(stall, STALL_RESTRICTED_KEY, MODE_TEST,
	    KEY_TYPE_RESTRICTED,
	    1u << PERMISSION_INTENTS_READ | 1u << PERMISSION_API_KEYS_WRITE);
	name(stall, STALL_KEY, KIND_API_KEY, id);
	id = make_key(stall, STALL_REVOKED_KEY, MODE_TEST, KEY_TYPE_SECRET, 0);
	(void)world_make_about(world, COMMAND_KEY_REVOKE, id);
	world_must(world, ERROR_NONE);
	world->scope = world->foreign;
	(void)make_key(stall, STALL_FOREIGN_KEY, MODE_TEST, KEY_TYPE_SECRET, 0);
	world->scope = world->home;
}

static void
make_cards(struct stall *stall)
{
	struct world *world = stall->world;
	struct command *command;
	struct intent intent;
	struct id id;

	id = world_customer(world, "ada@example.com");
	name(stall, STALL_CUSTOMER, KIND_CUSTOMER, id);
	id = world_create(world, 2000, METHOD_AUTOMATIC);
	name(stall, STALL_OPEN, KIND_INTENT, id);
	world_first(world, KIND_INTENT, &intent);
	client_secret(&intent, stall->texts[STALL_CLIENT_SECRET]);
	id = world_confirmed(world, 3000, METHOD_MANUAL, "pm_card_visa");
	name(stall, STALL_HELD, KIND_INTENT, id);
	id = world_confirmed(world, 1000, METHOD_AUTOMATIC, "pm_card_visa");
	name(stall, STALL_INTENT, KIND_INTENT, id);
	name_first(stall, STALL_CHARGE, KIND_CHARGE);
	command = world_make_about(world, COMMAND_INTENT_REFUND, id);
	command_give_amount(command, 400);
	world_must(world, ERROR_NONE);
	name(stall, STALL_REFUND, KIND_REFUND, command->fresh);
}

static void
keep(struct command *command, const char *text, struct slice *slice)
{
	bool kept_it = command_keep(command, text_of(text), slice);

	MUST(kept_it);
}

/* One that is paid at its own address. */
static struct id
make_merchant(struct world *world)
{
	struct command *command = world_make(world, COMMAND_MERCHANT_CREATE);

	command_give(command, GIVEN_NAME, "A kiosk");
	command->fee_rate = 10000;
	keep(command, TILL_XPUB, &command->extended_key);
	world_must(world, ERROR_NONE);
	return command->fresh;
}

static struct id
make_coin(struct world *world, struct id merchant)
{
	struct command *command = world_make(world, COMMAND_COIN_CREATE);

	command_give_amount(command, 25000000);
	command->ttl = span_from_seconds(600);
	command->chain_id = TILL_CHAIN;
	command_name(command, &command->merchant, merchant);
	keep(command, "usd", &command->currency);
	keep(command, "base-sepolia", &command->chain);
	keep(command, "0xtoken", &command->token);
	world_must(world, ERROR_NONE);
	return command->fresh;
}

static void
make_coins(struct stall *stall)
{
	struct world *world = stall->world;
	struct id merchant = make_merchant(world);
	struct command *command;
	struct id id;

	name(stall, STALL_MERCHANT, KIND_MERCHANT, merchant);
	name(stall, STALL_COIN, KIND_COIN_INTENT, make_coin(world, merchant));
	id = make_coin(world, merchant);
	name(stall, STALL_PAID, KIND_COIN_INTENT, id);
	command = world_make_about(world, COMMAND_COIN_TRANSFER, id);
	command->chain_id = TILL_CHAIN;
	keep(command, "0x01", &command->tx_hash);
	keep(command, "0xsender", &command->sender_address);
	world_must(world, ERROR_NONE);
}

static void
make_endpoint(struct stall *stall, enum stall_name its_name, enum family family)
{
	struct command *command =
	    world_make(stall->world, COMMAND_ENDPOINT_CREATE);

	command->scope.family = (uint8_t)family;
	command->given |= GIVEN_URL | GIVEN_EVENTS;
	command->events = 1u << EVENT_NONE;
	keep(command, "https://shop.example/hooks", &command->url);
	world_must(stall->world, ERROR_NONE);
	name(stall, its_name, KIND_ENDPOINT, command->fresh);
}

static bool
take_event(struct text key, struct text value, void *context)
{
	struct event event;

	(void)key;
	MUST(codec_decode(KIND_EVENT, value, &event) == CODEC_OK);
	name(context, STALL_EVENT, KIND_EVENT, event.id);
	return false;
}

static bool
take_transfer(struct text key, struct text value, void *context)
{
	struct transfer transfer;

	(void)key;
	MUST(codec_decode(KIND_TRANSFER, value, &transfer) == CODEC_OK);
	name(context, STALL_TRANSACTION, KIND_TRANSFER, transfer.id);
	return false;
}

/* What no outcome has shown. */
static void
name_others(struct stall *stall)
{
	struct engine *engine = stall->world->engine;

	MUST(engine_visit(engine, TABLE_EVENTS, take_event, stall) == STORE_OK);
	MUST(engine_visit(engine, TABLE_TRANSFERS, take_transfer, stall) ==
	     STORE_OK);
}

/* -- All of it ------------------------------------------------------------- */

void
stall_reset(struct stall *stall)
{
	stall->serial = 0;
	memcpy(stall->texts[STALL_ID], stall->texts[STALL_INTENT],
	    STALL_TEXT_BYTES);
	if (stall->changed)
		kept_restore(stall->world->store);
	stall->changed = false;
}

struct stall *
stall_open(void)
{
	struct stall *stall = &stall_of_process;

	/* cmocka's assertions are for the helpers of the unit tests. */
	MUST(setenv("CMOCKA_TEST_ABORT", "1", 1) == 0);
	settings_init(&settings);
	stall->world = world_open(memory_open());
	stall->service = service_of(&settings);
	stall->service.engine = stall->world->engine;
	make_endpoint(stall, STALL_ENDPOINT, FAMILY_CARD);
	make_endpoint(stall, STALL_COIN_ENDPOINT, FAMILY_COIN);
	make_keys(stall);
	make_cards(stall);
	make_coins(stall);
	name_others(stall);
	kept_take(stall->world->store);
	stall_reset(stall);
	return stall;
}

void
stall_verify(struct stall *stall)
{
	if (stall->changed)
		kept_verify(stall->world->store);
}

/* -- Requests -------------------------------------------------------------- */

void
stall_stamp(struct stall *stall, struct request *request)
{
	uint64_t random = ++stall->serial * UINT64_C(0x9e3779b97f4a7c15);

	/* Behind all that was made at the beginning. */
	request->now = instant_plus(
	    stall->world->now, span_from_ms(1000 * (int64_t)stall->serial));
	for (size_t i = 0; i < sizeof(request->entropy); i++) {
		random = random * UINT64_C(6364136223846793005) +
			 UINT64_C(1442695040888963407);
		request->entropy[i] = (uint8_t)(random >> 56);
	}
}

struct text
stall_text(const struct stall *stall, struct text its_name)
{
	for (unsigned i = 0; i < STALL_NAMES; i++)
		if (text_equal(text_of(names[i]), its_name))
			return text_of(stall->texts[i]);
	return TEXT_NONE;
}

void
stall_note_id(struct stall *stall, struct text id)
{
	if (id.length > 0 && id.length < STALL_TEXT_BYTES)
		(void)text_copy(id, stall->texts[STALL_ID], STALL_TEXT_BYTES);
}
