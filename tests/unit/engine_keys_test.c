/*
 * API keys, accounts and merchants, and the schema of a store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/api_key.h"
#include "core/codec.h"
#include "engine_steps.h"
#include "store/memory.h"

static struct command *
make_key(struct world *world, enum key_type type)
{
	struct command *command = world_make(world, COMMAND_KEY_CREATE);

	command->key_type = (uint8_t)type;
	command->key_mode = command->scope.mode;
	if (type == KEY_TYPE_RESTRICTED)
		command->permissions = 1u << PERMISSION_INTENTS_WRITE;
	command_give(command, GIVEN_NAME, "till 1");
	return command;
}

/* Runs world->command, which makes a key, and gives its digest. */
static struct digest
must_make(struct world *world)
{
	world_must(world, ERROR_NONE);
	assert_true(api_key_is_wellformed(text_of(world->outcome.secret)));
	return digest_text(text_of(world->outcome.secret));
}

static enum caller_result
ask(struct world *world, const struct digest *digest, struct instant now,
    struct caller *caller)
{
	enum error_id failure = ERROR_NONE;
	enum caller_result result =
	    engine_caller(world->engine, digest, now, caller, &failure);

	assert_int_equal(failure, ERROR_NONE);
	return result;
}

static void
must_be_caller(
    struct world *world, const struct digest *digest, enum caller_result result)
{
	struct caller caller;

	assert_int_equal(ask(world, digest, world->now, &caller), result);
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
	assert_string_equal(world->outcome.secret, "");
}

static void
a_key_says_who_calls(void **state)
{
	struct world *world = *state;
	struct id id = make_key(world, KEY_TYPE_SECRET)->fresh;
	struct digest digest = must_make(world);
	struct caller caller;

	assert_int_equal(memcmp(world->outcome.secret, "sk_test_", 8), 0);
	assert_int_equal(ask(world, &digest, world->now, &caller), CALLER_OK);
	assert_true(id_equal(caller.key, id));
	assert_true(id_equal(caller.scope.account, world->home.account));
	assert_true(id_equal(caller.scope.merchant, world->home.merchant));
	assert_false(caller.scope.merchant_bound);
	assert_int_equal(caller.scope.mode, MODE_TEST);
	assert_int_equal(caller.type, KEY_TYPE_SECRET);
	assert_int_equal(caller.permissions, UINT32_MAX);
	assert_false(caller.used_lately);
	assert_memory_equal(caller.prefix, world->outcome.secret, 12);
	assert_int_equal(strlen(caller.prefix), 12);
}

static void
a_live_key_is_live(void **state)
{
	struct world *world = *state;
	struct caller caller;
	struct digest digest;

	world->scope.mode = MODE_LIVE;
	(void)make_key(world, KEY_TYPE_PUBLISHABLE);
	digest = must_make(world);
	assert_int_equal(memcmp(world->outcome.secret, "pk_live_", 8), 0);
	assert_int_equal(ask(world, &digest, world->now, &caller), CALLER_OK);
	assert_int_equal(caller.scope.mode, MODE_LIVE);
	assert_int_equal(caller.permissions, 0);
}

static bool
find_text(struct text key, struct text encoded, void *context)
{
	(void)key;
	assert_null(memmem(encoded.bytes, encoded.length, context,
	    strlen((const char *)context)));
	return true;
}

/* Behind its first 12 characters, the text of a key is in no table. */
static void
the_store_does_not_hold_the_key(void **state)
{
	struct world *world = *state;
	char secret[KEY_TEXT_BYTES];

	command_give_key(
	    make_key(world, KEY_TYPE_SECRET), "idempotent", "print");
	(void)must_make(world);
	memcpy(secret, world->outcome.secret, sizeof(secret));
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		assert_int_equal(engine_visit(world->engine, (enum table)i,
				     find_text, secret + 12),
		    STORE_OK);
}

static void
a_key_that_was_never_made_is_unknown(void **state)
{
	struct world *world = *state;
	struct digest digest = digest_text(TEXT("sk_test_"));

	must_be_caller(world, &digest, CALLER_UNKNOWN);
}

static void
a_revoked_key_stays_revoked(void **state)
{
	struct world *world = *state;
	struct id id = make_key(world, KEY_TYPE_SECRET)->fresh;
	struct digest digest = must_make(world);
	struct api_key key;
	struct instant then;

	(void)world_make_about(world, COMMAND_KEY_REVOKE, id);
	then = world->now;
	world_must(world, ERROR_NONE);
	must_be_caller(world, &digest, CALLER_REVOKED);
	(void)world_make_about(world, COMMAND_KEY_REVOKE, id);
	world_must(world, ERROR_NONE);
	world_first(world, KIND_API_KEY, &key);
	assert_int_equal(key.revoked.us, then.us);
	(void)world_make_about(world, COMMAND_KEY_ROLL, id);
	must_refuse_without_effect(world, ERROR_PARAMETER_INVALID);
}

static void
a_key_ends_at_its_expiry(void **state)
{
	struct world *world = *state;
	struct command *command = make_key(world, KEY_TYPE_SECRET);
	struct instant end = instant_plus(command->now, span_from_seconds(60));
	struct caller caller;
	struct digest digest;

	command->expires = end;
	digest = must_make(world);
	assert_int_equal(
	    ask(world, &digest, (struct instant){end.us - 1}, &caller),
	    CALLER_OK);
	assert_int_equal(ask(world, &digest, end, &caller), CALLER_EXPIRED);
}

static void
a_rolled_key_is_another_with_the_same_rights(void **state)
{
	struct world *world = *state;
	struct id old = make_key(world, KEY_TYPE_RESTRICTED)->fresh;
	struct digest first = must_make(world);
	struct caller before;
	struct caller after;
	struct digest second;

	assert_int_equal(ask(world, &first, world->now, &before), CALLER_OK);
	(void)world_make_about(world, COMMAND_KEY_ROLL, old);
	second = must_make(world);
	must_be_caller(world, &first, CALLER_REVOKED);
	assert_int_equal(ask(world, &second, world->now, &after), CALLER_OK);
	assert_false(id_equal(before.key, after.key));
	assert_int_equal(before.permissions, after.permissions);
	assert_int_equal(before.type, after.type);
	assert_int_equal(before.permissions,
	    (1u << PERMISSION_INTENTS_WRITE) | (1u << PERMISSION_INTENTS_READ));
}

static void
with_grace_the_old_key_goes_on_for_a_while(void **state)
{
	struct world *world = *state;
	struct id old = make_key(world, KEY_TYPE_SECRET)->fresh;
	struct digest first = must_make(world);
	struct command *command =
	    world_make_about(world, COMMAND_KEY_ROLL, old);
	struct instant end = instant_plus(command->now, span_from_seconds(60));
	struct caller caller;
	struct digest second;

	command->given |= GIVEN_GRACE;
	command->grace = span_from_seconds(60);
	second = must_make(world);
	must_be_caller(world, &first, CALLER_OK);
	assert_int_equal(ask(world, &first, end, &caller), CALLER_EXPIRED);
	assert_int_equal(ask(world, &second, end, &caller), CALLER_OK);
}

static void
grace_does_not_lengthen_the_life_of_a_key(void **state)
{
	struct world *world = *state;
	struct command *command = make_key(world, KEY_TYPE_SECRET);
	struct id id = command->fresh;
	struct instant end = instant_plus(command->now, span_from_seconds(60));
	struct caller caller;
	struct digest digest;

	command->expires = end;
	digest = must_make(world);
	command = world_make_about(world, COMMAND_KEY_ROLL, id);
	command->given |= GIVEN_GRACE;
	command->grace = span_from_seconds(86400);
	(void)must_make(world);
	assert_int_equal(ask(world, &digest, end, &caller), CALLER_EXPIRED);
}

static void
a_use_is_remembered_to_the_minute(void **state)
{
	struct world *world = *state;
	struct id id = make_key(world, KEY_TYPE_SECRET)->fresh;
	struct digest digest = must_make(world);
	struct caller caller;
	struct instant then;

	(void)world_make_about(world, COMMAND_KEY_TOUCH, id);
	then = world->now;
	world_must(world, ERROR_NONE);
	assert_int_equal(ask(world, &digest, then, &caller), CALLER_OK);
	assert_true(caller.used_lately);
	assert_int_equal(
	    ask(world, &digest, instant_plus(then, span_from_seconds(60)),
		&caller),
	    CALLER_OK);
	assert_false(caller.used_lately);
}

static void
a_restricted_key_gives_no_more_than_it_has(void **state)
{
	static const struct {
		enum key_type type;
		uint32_t permissions;
		enum error_id error;
	} rows[] = {
	    {KEY_TYPE_RESTRICTED, 1u << PERMISSION_INTENTS_READ, ERROR_NONE},
	    {KEY_TYPE_RESTRICTED, 1u << PERMISSION_INTENTS_WRITE, ERROR_NONE},
	    {KEY_TYPE_RESTRICTED, 1u << PERMISSION_REFUNDS_READ,
		ERROR_INSUFFICIENT_PERMISSIONS},
	    {KEY_TYPE_SECRET, 0, ERROR_INSUFFICIENT_PERMISSIONS},
	    {KEY_TYPE_PUBLISHABLE, 0, ERROR_INSUFFICIENT_PERMISSIONS},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct command *command = make_key(world, rows[i].type);

		command->permissions = rows[i].permissions;
		command->caller_permissions =
		    permissions_close(1u << PERMISSION_INTENTS_WRITE |
				      1u << PERMISSION_API_KEYS_WRITE);
		if (rows[i].error == ERROR_NONE)
			(void)must_make(world);
		else
			must_refuse_without_effect(world, rows[i].error);
	}
}

static void
a_restricted_key_rolls_no_key_that_may_do_more(void **state)
{
	struct world *world = *state;
	struct id secret = make_key(world, KEY_TYPE_SECRET)->fresh;
	struct id restricted;

	(void)must_make(world);
	restricted = make_key(world, KEY_TYPE_RESTRICTED)->fresh;
	(void)must_make(world);
	world_make_about(world, COMMAND_KEY_ROLL, secret)->caller_permissions =
	    permissions_close(1u << PERMISSION_INTENTS_WRITE);
	must_refuse_without_effect(world, ERROR_INSUFFICIENT_PERMISSIONS);
	world_make_about(world, COMMAND_KEY_ROLL, restricted)
	    ->caller_permissions =
	    permissions_close(1u << PERMISSION_API_KEYS_WRITE);
	must_refuse_without_effect(world, ERROR_INSUFFICIENT_PERMISSIONS);
	world_make_about(world, COMMAND_KEY_ROLL, restricted)
	    ->caller_permissions =
	    permissions_close(1u << PERMISSION_INTENTS_WRITE);
	(void)must_make(world);
}

static void
a_bound_key_makes_bound_keys(void **state)
{
	struct world *world = *state;
	struct caller caller;
	struct digest digest;

	world->scope.merchant = world->second;
	world->scope.merchant_bound = true;
	(void)make_key(world, KEY_TYPE_SECRET);
	digest = must_make(world);
	assert_int_equal(ask(world, &digest, world->now, &caller), CALLER_OK);
	assert_true(caller.scope.merchant_bound);
	assert_true(id_equal(caller.scope.merchant, world->second));
}

static void
a_key_that_ends_makes_none_that_ends_later(void **state)
{
	struct world *world = *state;
	struct instant end = instant_plus(world->now, span_from_seconds(600));
	struct instant later = instant_plus(end, span_from_seconds(1));
	struct caller caller;
	struct digest digest;

	make_key(world, KEY_TYPE_SECRET)->caller_expires = end;
	digest = must_make(world);
	assert_int_equal(ask(world, &digest, world->now, &caller), CALLER_OK);
	assert_int_equal(caller.expires.us, end.us);
	assert_int_equal(ask(world, &digest, end, &caller), CALLER_EXPIRED);

	make_key(world, KEY_TYPE_SECRET)->caller_expires = end;
	world->command.expires = end;
	(void)must_make(world);
	make_key(world, KEY_TYPE_SECRET)->caller_expires = end;
	world->command.expires = later;
	must_refuse_without_effect(world, ERROR_INSUFFICIENT_PERMISSIONS);
}

static void
a_key_that_ends_rolls_none_that_ends_later(void **state)
{
	struct world *world = *state;
	struct instant end = instant_plus(world->now, span_from_seconds(600));
	const struct {
		struct instant end;
		enum error_id error;
	} rows[] = {
	    {INSTANT_NEVER, ERROR_INSUFFICIENT_PERMISSIONS},
	    {instant_plus(end, span_from_seconds(1)),
		ERROR_INSUFFICIENT_PERMISSIONS},
	    {end, ERROR_NONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct id id = make_key(world, KEY_TYPE_SECRET)->fresh;

		world->command.expires = rows[i].end;
		(void)must_make(world);
		world_make_about(world, COMMAND_KEY_ROLL, id)->caller_expires =
		    end;
		if (rows[i].error == ERROR_NONE)
			(void)must_make(world);
		else
			must_refuse_without_effect(world, rows[i].error);
	}
}

static bool
see_account(struct text key, struct text encoded, void *context)
{
	struct world *world = context;
	struct account account;

	(void)key;
	assert_int_equal(
	    codec_decode(KIND_ACCOUNT, encoded, &account), CODEC_OK);
	assert_true(id_equal(
	    account.default_merchant, id_equal(account.id, world->home.account)
					  ? world->home.merchant
					  : world->foreign.merchant));
	return true;
}

static void
the_first_merchant_of_an_account_is_its_default(void **state)
{
	struct world *world = *state;
	struct merchant merchant;

	command_give(
	    world_make(world, COMMAND_MERCHANT_CREATE), GIVEN_NAME, "third");
	world_must(world, ERROR_NONE);
	world_first(world, KIND_MERCHANT, &merchant);
	assert_int_equal(merchant.status, MERCHANT_STATUS_ACTIVE);
	assert_true(id_equal(merchant.account, world->home.account));
	assert_int_equal(
	    engine_visit(world->engine, TABLE_ACCOUNTS, see_account, world),
	    STORE_OK);
}

static void
the_status_of_an_unknown_merchant_cannot_be_set(void **state)
{
	struct world *world = *state;
	struct command *command;

	command = world_make_about(
	    world, COMMAND_MERCHANT_STATUS, world->foreign.merchant);
	command->merchant_status = MERCHANT_STATUS_SUSPENDED;
	must_refuse_without_effect(world, ERROR_MERCHANT_MISSING);
}

static void
a_store_is_made_usable_once(void **state)
{
	struct store *store = memory_open();
	struct transaction *write;

	(void)state;
	assert_int_equal(engine_check_store(store), STORE_MISSING);
	assert_int_equal(engine_init_store(store), STORE_OK);
	assert_int_equal(engine_check_store(store), STORE_OK);
	assert_int_equal(engine_init_store(store), STORE_OK);
	assert_int_equal(store_begin(store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(store_put(write, TABLE_META, TEXT("schema"),
			     TEXT("of another version")),
	    STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
	assert_int_equal(engine_check_store(store), STORE_DAMAGED);
	assert_int_equal(engine_init_store(store), STORE_DAMAGED);
	store_close(store);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_says_who_calls),
	    cmocka_unit_test(a_live_key_is_live),
	    cmocka_unit_test(the_store_does_not_hold_the_key),
	    cmocka_unit_test(a_key_that_was_never_made_is_unknown),
	    cmocka_unit_test(a_revoked_key_stays_revoked),
	    cmocka_unit_test(a_key_ends_at_its_expiry),
	    cmocka_unit_test(a_rolled_key_is_another_with_the_same_rights),
	    cmocka_unit_test(with_grace_the_old_key_goes_on_for_a_while),
	    cmocka_unit_test(grace_does_not_lengthen_the_life_of_a_key),
	    cmocka_unit_test(a_use_is_remembered_to_the_minute),
	    cmocka_unit_test(a_restricted_key_gives_no_more_than_it_has),
	    cmocka_unit_test(a_restricted_key_rolls_no_key_that_may_do_more),
	    cmocka_unit_test(a_bound_key_makes_bound_keys),
	    cmocka_unit_test(a_key_that_ends_makes_none_that_ends_later),
	    cmocka_unit_test(a_key_that_ends_rolls_none_that_ends_later),
	    cmocka_unit_test(the_first_merchant_of_an_account_is_its_default),
	    cmocka_unit_test(the_status_of_an_unknown_merchant_cannot_be_set),
	    cmocka_unit_test(a_store_is_made_usable_once),
	};

	return world_run_on_both(
	    "keys", tests, sizeof(tests) / sizeof(tests[0]));
}
