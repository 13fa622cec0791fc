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
	(void)till_make_list(till, KIND_EVENT, ID_NONE, 1);
	add(things, KIND_EVENT, FAMILY_CARD, till_list(till)->ids[0]);
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

static bool
see(struct text objects, void *context)
{
	(void)objects;
	(void)context;
	return true;
}

/* As many as it asks the store for, and how it is refused. */
static struct till_counts
cost_of(struct till *till, enum error_id *refused)
{
	const struct command *command = &till->command;
	struct page page;

	till_count(till);
	till->outcome.error.id = ERROR_NONE;
	if (command->kind == COMMAND_LIST)
		assert_false(engine_list(till->engine, command, see, NULL,
		    &page, &till->outcome.error));
	else if (command->kind == COMMAND_GET)
		engine_get(till->engine, command, &till->outcome);
	else
		engine_run(till->engine, command, &till->outcome);
	*refused = till->outcome.error.id;
	return till_counts;
}

/* What there is to do with an object that a request names. */
struct act {
	enum kind object;
	enum command_kind kind;
	size_t named; /* where: of struct command; 0: in the path */
	enum kind of; /* of what is made or listed, if it is another kind */
};

#define PATH(object, kind)                           \
	{                                            \
		KIND_##object, COMMAND_##kind, 0, 0, \
	}
#define PARAMETER(object, kind, parameter, of)                     \
	{                                                          \
		KIND_##object, COMMAND_##kind,                     \
		    offsetof(struct command, parameter), KIND_##of \
	}
#define READ(object) PATH(object, GET)
#define LISTED(object)                                                 \
	READ(object), PARAMETER(object, LIST, starting_after, object), \
	    PARAMETER(object, LIST, ending_before, object)

static const struct act acts[] = {
    LISTED(INTENT),
    LISTED(CHARGE),
    LISTED(REFUND),
    LISTED(CUSTOMER),
    LISTED(EVENT),
    LISTED(API_KEY),
    LISTED(ENDPOINT),
    LISTED(COIN_INTENT),
    LISTED(TRANSFER),
    READ(MERCHANT),
    READ(BALANCE),
    PATH(INTENT, INTENT_UPDATE),
    PATH(INTENT, INTENT_CONFIRM),
    PATH(INTENT, INTENT_CAPTURE),
    PATH(INTENT, INTENT_CANCEL),
    PATH(INTENT, INTENT_REFUND),
    PATH(INTENT, INTENT_NOTIFY),
    PARAMETER(INTENT, INTENT_REFUND, intent, REFUND),
    PARAMETER(INTENT, LIST, intent, CHARGE),
    PARAMETER(INTENT, LIST, intent, REFUND),
    PARAMETER(CUSTOMER, INTENT_CREATE, customer, INTENT),
    PARAMETER(CUSTOMER, LIST, customer, INTENT),
    PARAMETER(MERCHANT, COIN_CREATE, merchant, COIN_INTENT),
    PARAMETER(MERCHANT, LIST, merchant, COIN_INTENT),
    PARAMETER(MERCHANT, LIST, merchant, TRANSFER),
    PATH(COIN_INTENT, COIN_CANCEL),
    PATH(COIN_INTENT, COIN_TRANSFER),
    PATH(COIN_INTENT, COIN_SETTLE),
    PATH(CUSTOMER, CUSTOMER_UPDATE),
    PATH(CUSTOMER, CUSTOMER_DELETE),
    PATH(API_KEY, KEY_REVOKE),
    PATH(API_KEY, KEY_ROLL),
    PATH(ENDPOINT, ENDPOINT_UPDATE),
    PATH(ENDPOINT, ENDPOINT_DELETE),
};

#define NAMES_NOTHING "names no object"
#define OF_THE_ENGINE "the engine's own, of what it has found itself"
#define OF_THE_OPERATOR "the operator's, who sees everything"

/* Commands with which no key can ask for another one's object, and why. */
static const char *const unasked[COMMAND_COUNT] = {
    [COMMAND_NONE] = NAMES_NOTHING,
    [COMMAND_INTENT_ANSWER] = OF_THE_ENGINE,
    [COMMAND_COIN_EXPIRE] = OF_THE_ENGINE,
    [COMMAND_CUSTOMER_CREATE] = NAMES_NOTHING,
    [COMMAND_KEY_CREATE] = NAMES_NOTHING,
    [COMMAND_KEY_TOUCH] = OF_THE_ENGINE,
    [COMMAND_ENDPOINT_CREATE] = NAMES_NOTHING,
    [COMMAND_ENDPOINT_ANSWER] = OF_THE_ENGINE,
    [COMMAND_ENDPOINT_ROTATE] = OF_THE_OPERATOR,
    [COMMAND_ENDPOINT_TEST] = OF_THE_OPERATOR,
    [COMMAND_DELIVERY_CLAIM] = OF_THE_ENGINE,
    [COMMAND_DELIVERY_END] = OF_THE_ENGINE,
    [COMMAND_DELIVERY_RELEASE] = OF_THE_ENGINE,
    [COMMAND_DELIVERY_RESEND] = OF_THE_OPERATOR,
    [COMMAND_EVENTS_FORGET] = OF_THE_ENGINE,
    [COMMAND_ACCOUNT_CREATE] = OF_THE_OPERATOR,
    [COMMAND_MERCHANT_CREATE] = OF_THE_OPERATOR,
    [COMMAND_MERCHANT_STATUS] = OF_THE_OPERATOR,
    [COMMAND_PROBE] = OF_THE_ENGINE,
    [COMMAND_AUDIT_NOTE] = OF_THE_ENGINE,
    [COMMAND_AUDIT_FORGET] = OF_THE_ENGINE,
};

static void
each_command_is_asked_or_has_a_reason_not_to_be(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < COMMAND_COUNT; kind++) {
		unsigned rows = 0;

		for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
			rows += acts[i].kind == kind;
		if ((rows > 0) == (unasked[kind] != NULL))
			fail_msg("command %u: %u rows, %s", kind, rows,
			    unasked[kind] != NULL ? unasked[kind]
						  : "and no reason");
	}
}

/* The act, as far as it says what is to be made or listed. */
static struct command *
make_act(struct till *till, const struct act *act)
{
	struct command *command;

	if (act->kind == COMMAND_COIN_CREATE)
		return till_make_create(till, ID_NONE, 10000);
	command = till_make(till, act->kind);
	command->object = act->of == KIND_NONE ? act->object : act->of;
	command->limit = 1;
	if (act->kind == COMMAND_INTENT_CREATE) {
		command->given = (uint32_t)GIVEN_AMOUNT |
				 (uint32_t)GIVEN_CURRENCY |
				 (uint32_t)GIVEN_CUSTOMER;
		command->amount = MONEY(1000);
		command->capture_method = METHOD_AUTOMATIC;
		till_keep(till, "eur", &command->currency);
	}
	/* Lists of coins are a merchant's: the caller's own. */
	if (act->kind == COMMAND_LIST &&
	    (act->of == KIND_COIN_INTENT || act->of == KIND_TRANSFER))
		till_name(till, &command->merchant, till->scope.merchant);
	return command;
}

static struct till_counts
cost_of_act(struct till *till, const struct act *act, struct id id,
    enum error_id *refused)
{
	struct command *command = make_act(till, act);
	const size_t place =
	    act->named != 0 ? act->named : offsetof(struct command, target);

	till_name(till, (struct named *)((char *)command + place), id);
	return cost_of(till, refused);
}

static void
must_cost_the_same(struct till *till, const struct act *act, struct id there,
    struct id nowhere)
{
	enum error_id expected_error, error;
	struct till_counts expected =
	    cost_of_act(till, act, nowhere, &expected_error);
	struct till_counts counts = cost_of_act(till, act, there, &error);

	assert_int_not_equal(expected_error, ERROR_NONE);
	assert_int_not_equal(expected_error, ERROR_INTERNAL_ERROR);
	assert_int_equal(error, expected_error);
	assert_int_equal(counts.operations, expected.operations);
	assert_int_equal(counts.rows, expected.rows);
}

static void
must_tell_nothing(struct till *till, const struct things *things)
{
	/* As new as any, of this very moment. */
	const struct id nowhere = id_make(till->now, (uint8_t[16]){7});

	for (unsigned i = 0; i < things->count; i++) {
		enum kind object = things->rows[i].kind;
		struct id id = things->rows[i].id;

		till->scope.family = (uint8_t)things->rows[i].family;
		for (size_t j = 0; j < sizeof(acts) / sizeof(acts[0]); j++)
			if (acts[j].object == object)
				must_cost_the_same(till, &acts[j], id, nowhere);
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
	till->scope.merchant = till_merchant_plain(till);
	must_tell_nothing(till, &things);
	till->scope.mode = MODE_LIVE;
	must_tell_nothing(till, &things);
}

struct made_key {
	struct id id;
	struct digest digest;
};

static struct made_key
make_key(struct till *till)
{
	struct command *command = till_make(till, COMMAND_KEY_CREATE);

	command->key_mode = command->scope.mode;
	command->key_type = KEY_TYPE_SECRET;
	memset(command->entropy, (int)till->serial, sizeof(command->entropy));
	command->expires = instant_plus(till->now, span_from_seconds(60));
	till_must(till, ERROR_NONE);
	return (struct made_key){made(till, KIND_API_KEY),
	    digest_text(text_of(till->outcome.secret))};
}

static unsigned
cost_of_caller(
    struct till *till, const struct digest *digest, enum caller_result expected)
{
	enum error_id failure = ERROR_NONE;
	struct caller caller;

	till_count(till);
	assert_int_equal(
	    engine_caller(till->engine, digest, till->now, &caller, &failure),
	    expected);
	return till_counts.operations;
}

/* Revoked, expired: a key is looked up, and read, the same way. */
static void
a_key_that_is_none_costs_what_any_key_costs(void **state)
{
	struct till *till = *state;
	const struct made_key revoked = make_key(till);
	const struct made_key expired = make_key(till);
	const struct digest unknown = digest_text(TEXT("sk_test_unknown"));
	const unsigned good = cost_of_caller(till, &revoked.digest, CALLER_OK);

	assert_int_equal(
	    cost_of_caller(till, &expired.digest, CALLER_OK), good);
	till_do(till, COMMAND_KEY_REVOKE, revoked.id);
	till_pass_seconds(till, 61);
	assert_int_equal(
	    cost_of_caller(till, &revoked.digest, CALLER_REVOKED), good);
	assert_int_equal(
	    cost_of_caller(till, &expired.digest, CALLER_EXPIRED), good);
	/* No record is there to be read; to try it takes the whole key. */
	assert_int_equal(
	    cost_of_caller(till, &unknown, CALLER_UNKNOWN), good - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_command_is_asked_or_has_a_reason_not_to_be),
	    TILL_TEST(what_is_not_seen_costs_what_is_not_there_costs),
	    TILL_TEST(a_key_that_is_none_costs_what_any_key_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
