/*
 * What a request costs tells nothing: it asks the store as often for an
 * object that its key must not see as for one that nobody has.  Counted, as
 * far as the engine goes, so that no clock has a say in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "hooks.h"
#include "till.h"

enum { THINGS_MAX = 16 };

struct things {
	struct {
		enum kind kind;
		enum family family; /* of the contract that names it */
		struct id id;
	} rows[THINGS_MAX];
	unsigned count;
};

static void
add(struct things *things, enum kind kind, enum family family, struct id id)
{
	assert_true(things->count < THINGS_MAX);
	things->rows[things->count].kind = kind;
	things->rows[things->count].family = family;
	things->rows[things->count++].id = id;
}

/* The first record of a kind in the last outcome: each begins with its id. */
static struct id
made(const struct till *till, enum kind kind)
{
	union record record;

	till_first(till, kind, &record);
	return record.event.id;
}

static void
add_card(struct till *till, struct things *things)
{
	struct command *command = till_make(till, COMMAND_CUSTOMER_CREATE);
	struct id intent;

	till_must(till, ERROR_NONE);
	add(things, KIND_CUSTOMER, FAMILY_CARD, made(till, KIND_CUSTOMER));
	command = till_make(till, COMMAND_INTENT_CREATE);
	command->given |= (uint32_t)GIVEN_AMOUNT | (uint32_t)GIVEN_CURRENCY |
			  (uint32_t)GIVEN_PAYMENT_METHOD;
	command->amount.units = 1000;
	till_keep(till, "eur", &command->currency);
	till_keep(till, "pm_card_visa", &command->payment_method);
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	till_must(till, ERROR_NONE);
	intent = made(till, KIND_INTENT);
	add(things, KIND_INTENT, FAMILY_CARD, intent);
	add(things, KIND_CHARGE, FAMILY_CARD, made(till, KIND_CHARGE));
	command = till_make_about(till, COMMAND_INTENT_REFUND, intent);
	till_must(till, ERROR_NONE);
	add(things, KIND_REFUND, FAMILY_CARD, made(till, KIND_REFUND));
	command = till_make(till, COMMAND_KEY_CREATE);
	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	till_must(till, ERROR_NONE);
	add(things, KIND_API_KEY, FAMILY_CARD, made(till, KIND_API_KEY));
	till->scope.family = FAMILY_CARD;
	add(things, KIND_ENDPOINT, FAMILY_CARD, hooks_create(till));
}

static void
add_coins(struct till *till, struct id merchant, struct things *things)
{
	struct id intent = till_create(till, merchant, 10000);

	add(things, KIND_COIN_INTENT, FAMILY_COIN, intent);
	till_pay(till, intent, 0);
	(void)till_make_list(till, KIND_TRANSFER, merchant, 1);
	add(things, KIND_TRANSFER, FAMILY_COIN, till_list(till)->ids[0]);
	add(things, KIND_MERCHANT, FAMILY_COIN, merchant);
	add(things, KIND_BALANCE, FAMILY_COIN, merchant);
	till->scope.family = FAMILY_COIN;
	add(things, KIND_ENDPOINT, FAMILY_COIN, hooks_create(till));
	till->scope.family = FAMILY_NONE;
}

/* As many as it asks the store for; the error says that it was refused. */
static struct till_counts
cost_of(struct till *till)
{
	till_count(till);
	if (till->command.kind == COMMAND_GET)
		engine_get(till->engine, &till->command, &till->outcome);
	else
		engine_run(till->engine, &till->command, &till->outcome);
	return till_counts;
}

static void
must_cost_the_same(struct till *till, enum command_kind kind, enum kind object,
    struct id there, struct id nowhere)
{
	struct till_counts counts;
	struct till_counts expected;
	enum error_id error;

	till_make_about(till, kind, nowhere)->object = object;
	expected = cost_of(till);
	error = till->outcome.error.id;
	assert_int_not_equal(error, ERROR_NONE);
	till_make_about(till, kind, there)->object = object;
	counts = cost_of(till);
	assert_int_equal(till->outcome.error.id, error);
	assert_int_equal(counts.operations, expected.operations);
	assert_int_equal(counts.rows, expected.rows);
}

/* What there is to do with an object that a path names. */
static const struct {
	enum kind object;
	enum command_kind kind;
} acts[] = {
    {KIND_INTENT, COMMAND_INTENT_UPDATE},
    {KIND_INTENT, COMMAND_INTENT_CONFIRM},
    {KIND_INTENT, COMMAND_INTENT_CAPTURE},
    {KIND_INTENT, COMMAND_INTENT_CANCEL},
    {KIND_INTENT, COMMAND_INTENT_REFUND},
    {KIND_INTENT, COMMAND_INTENT_NOTIFY},
    {KIND_COIN_INTENT, COMMAND_COIN_CANCEL},
    {KIND_COIN_INTENT, COMMAND_COIN_TRANSFER},
    {KIND_COIN_INTENT, COMMAND_COIN_SETTLE},
    {KIND_CUSTOMER, COMMAND_CUSTOMER_UPDATE},
    {KIND_CUSTOMER, COMMAND_CUSTOMER_DELETE},
    {KIND_API_KEY, COMMAND_KEY_REVOKE},
    {KIND_API_KEY, COMMAND_KEY_ROLL},
    {KIND_ENDPOINT, COMMAND_ENDPOINT_UPDATE},
    {KIND_ENDPOINT, COMMAND_ENDPOINT_DELETE},
};

static void
must_tell_nothing(struct till *till, const struct things *things)
{
	/* As new as any, of this very moment. */
	const struct id nowhere = id_make(till->now, (uint8_t[16]){7});

	for (unsigned i = 0; i < things->count; i++) {
		enum kind object = things->rows[i].kind;
		struct id id = things->rows[i].id;

		till->scope.family = (uint8_t)things->rows[i].family;
		must_cost_the_same(till, COMMAND_GET, object, id, nowhere);
		for (size_t j = 0; j < sizeof(acts) / sizeof(acts[0]); j++)
			if (acts[j].object == object)
				must_cost_the_same(
				    till, acts[j].kind, object, id, nowhere);
	}
}

static void
what_is_not_seen_costs_what_is_not_there_costs(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id other = till_merchant_plain(till);
	struct things things = {.count = 0};
	struct scope scope;

	till->scope.merchant = merchant;
	scope = till->scope;
	add_card(till, &things);
	add_coins(till, merchant, &things);
	/* A key of another merchant, in both modes; another account. */
	till->scope = scope;
	till->scope.merchant = other;
	till->scope.merchant_bound = true;
	must_tell_nothing(till, &things);
	till->scope.mode = MODE_LIVE;
	must_tell_nothing(till, &things);
	till->scope = scope;
	till->scope.account = till->foreign;
	must_tell_nothing(till, &things);
	till->scope.mode = MODE_LIVE;
	must_tell_nothing(till, &things);
}

/* Unknown, revoked, expired: a key is looked up the same way. */
static void
a_key_that_is_none_costs_what_any_key_costs(void **state)
{
	struct till *till = *state;
	struct command *command = till_make(till, COMMAND_KEY_CREATE);
	enum error_id failure = ERROR_NONE;
	struct till_counts counts;
	struct digest digest;
	struct caller caller;
	struct id key;

	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	till_must(till, ERROR_NONE);
	key = made(till, KIND_API_KEY);
	digest = digest_text(text_of(till->outcome.secret));
	till_count(till);
	assert_int_equal(
	    engine_caller(till->engine, &digest, till->now, &caller, &failure),
	    CALLER_OK);
	counts = till_counts;
	till_do(till, COMMAND_KEY_REVOKE, key);
	till_count(till);
	assert_int_equal(
	    engine_caller(till->engine, &digest, till->now, &caller, &failure),
	    CALLER_REVOKED);
	assert_int_equal(till_counts.operations, counts.operations);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(what_is_not_seen_costs_what_is_not_there_costs),
	    TILL_TEST(a_key_that_is_none_costs_what_any_key_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
