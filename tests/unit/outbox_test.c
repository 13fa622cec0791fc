/*
 * The outbox: what happened, and who is told of it, are written with the cause
 * or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine_steps.h"
#include "post.h"
#include "store/faulty.h"
#include "store/memory.h"

/* -- Who is told ----------------------------------------------------------- */

/* Whose endpoint it is. */
enum whose { OF_MERCHANT, OF_OTHER, OF_ACCOUNT };

struct rule {
	const char *words;
	enum whose whose;
	enum family family;
	enum endpoint_status status;
	uint32_t events;
	enum mode mode;
	bool foreign; /* of another account */
	bool told;    /* of a payment in coins that was cancelled */
};

#define CANCELLED POST_TYPE(EVENT_COIN_CANCELLED)
#define EXPIRED POST_TYPE(EVENT_COIN_EXPIRED)
static const struct rule rules[] = {
    {"all types", OF_MERCHANT, FAMILY_COIN, ENDPOINT_ENABLED, POST_ALL,
	MODE_TEST, false, true},
    {"this type", OF_MERCHANT, FAMILY_COIN, ENDPOINT_ENABLED, CANCELLED,
	MODE_TEST, false, true},
    {"two types", OF_MERCHANT, FAMILY_COIN, ENDPOINT_ENABLED,
	CANCELLED | EXPIRED, MODE_TEST, false, true},
    {"another type", OF_MERCHANT, FAMILY_COIN, ENDPOINT_ENABLED, EXPIRED,
	MODE_TEST, false, false},
    {"the whole account", OF_ACCOUNT, FAMILY_COIN, ENDPOINT_ENABLED, POST_ALL,
	MODE_TEST, false, true},
    {"another merchant", OF_OTHER, FAMILY_COIN, ENDPOINT_ENABLED, POST_ALL,
	MODE_TEST, false, false},
    {"cards", OF_MERCHANT, FAMILY_CARD, ENDPOINT_ENABLED, POST_ALL, MODE_TEST,
	false, false},
    {"cards of the account", OF_ACCOUNT, FAMILY_CARD, ENDPOINT_ENABLED,
	POST_ALL, MODE_TEST, false, false},
    {"disabled", OF_MERCHANT, FAMILY_COIN, ENDPOINT_DISABLED, POST_ALL,
	MODE_TEST, false, false},
    {"pending", OF_ACCOUNT, FAMILY_COIN, ENDPOINT_PENDING, POST_ALL, MODE_TEST,
	false, false},
    {"live mode", OF_MERCHANT, FAMILY_COIN, ENDPOINT_ENABLED, POST_ALL,
	MODE_LIVE, false, false},
    {"another account", OF_ACCOUNT, FAMILY_COIN, ENDPOINT_ENABLED, POST_ALL,
	MODE_TEST, true, false},
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static struct id
make_endpoint(struct till *till, const struct rule *rule, struct id merchant,
    struct id other)
{
	struct endpoint endpoint = {
	    .family = (uint8_t)rule->family,
	    .status = (uint8_t)rule->status,
	    .events = rule->events,
	};
	struct id id;

	if (rule->whose == OF_MERCHANT)
		endpoint.merchant = merchant;
	else if (rule->whose == OF_OTHER)
		endpoint.merchant = other;
	till->scope.mode = (uint8_t)rule->mode;
	till->scope.account = rule->foreign ? till->foreign : till->account;
	id = post_endpoint(till, &endpoint);
	till->scope.mode = MODE_TEST;
	till->scope.account = till->account;
	return id;
}

static void
those_are_told_that_asked_for_it(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id other = till_merchant_plain(till);
	struct id endpoints[RULES];
	struct delivery delivery;
	unsigned told = 0;
	struct id event;

	for (size_t i = 0; i < RULES; i++)
		endpoints[i] = make_endpoint(till, &rules[i], merchant, other);
	event = post_coin_event(till, merchant);
	assert_true(till->outcome.delivers);
	for (size_t i = 0; i < RULES; i++) {
		bool found = post_get(till, endpoints[i], event, &delivery);

		if (found != rules[i].told)
			fail_msg("%s", rules[i].words);
		told += found;
	}
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), told);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), told);
}

static void
a_key_of_one_merchant_tells_the_account_too(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_COIN);

	till->scope.merchant = merchant;
	till->scope.merchant_bound = true;
	(void)post_must(till, endpoint, post_coin_event(till, merchant),
	    DELIVERY_PENDING, 0);
}

static void
a_delivery_is_due_at_once(void **state)
{
	static const struct {
		enum family family;
		unsigned attempts;
	} cases[] = {{FAMILY_CARD, 8}, {FAMILY_COIN, 6}};
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct id endpoint = post_endpoint_plain(till, cases[i].family);
		struct id event = cases[i].family == FAMILY_CARD
				      ? post_card_event(till, merchant)
				      : post_coin_event(till, merchant);
		struct delivery delivery =
		    post_must(till, endpoint, event, DELIVERY_PENDING, 0);

		assert_true(till->outcome.delivers);
		assert_true(id_equal(delivery.endpoint, endpoint));
		assert_true(id_equal(delivery.event, event));
		assert_int_equal(delivery.left, cases[i].attempts);
		assert_int_equal(delivery.created.us, till->now.us);
		assert_int_equal(delivery.due.us, till->now.us);
		assert_false(id_is_set(delivery.holder));
		assert_false(delivery.resent);
	}
}

/* -- What is written ------------------------------------------------------- */

/* Created, approved and captured at once: three events. */
static void
make_paid(struct till *till, struct id merchant)
{
	struct command *command = till_make(till, COMMAND_INTENT_CREATE);

	command->scope.merchant = merchant;
	command->capture_method = METHOD_AUTOMATIC;
	command->confirmation_method = METHOD_AUTOMATIC;
	command->confirm = true;
	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
}

static struct id
event_number(const struct till *till, uint8_t number)
{
	return id_next(till->command.fresh, number);
}

static void
events_of_one_command_are_in_their_order(void **state)
{
	enum { EVENTS = 3 };
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id endpoint = post_endpoint_plain(till, FAMILY_CARD);
	const struct due_deliveries *due;

	make_paid(till, merchant);
	till_must(till, ERROR_NONE);
	due = post_due(till, 8);
	assert_int_equal(due->count, EVENTS);
	assert_int_equal(due->waiting, EVENTS);
	for (uint8_t i = 0; i < EVENTS; i++) {
		assert_true(id_equal(due->rows[i].endpoint, endpoint));
		assert_true(
		    id_equal(due->rows[i].event, event_number(till, i)));
	}
}

/* Whether a list has the row. */
static bool
is_listed(struct till *till, enum list list, struct id owner, struct id id)
{
	struct store_key key = key_of_list_row(
	    till->scope.account, till->scope.mode, list, owner, id);
	struct transaction *read;
	enum store_result result;
	struct text value;

	assert_int_equal(store_begin(till->store, STORE_READ, &read), STORE_OK);
	result = store_get(read, TABLE_LISTS, key_text(&key), &value);
	store_abort(read);
	return result == STORE_OK;
}

static void
events_of_cards_are_listed(void **state)
{
	static const enum event_type types[] = {EVENT_INTENT_CREATED,
	    EVENT_CHARGE_SUCCEEDED, EVENT_INTENT_SUCCEEDED};
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	struct id coin;

	make_paid(till, merchant);
	till_must(till, ERROR_NONE);
	for (uint8_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct id event = event_number(till, i);

		assert_true(
		    is_listed(till, LIST_EVENTS_OF_MERCHANT, merchant, event));
		assert_true(is_listed(
		    till, list_of_event(types[i]), till->account, event));
	}
	assert_false(is_listed(till, list_of_event(EVENT_INTENT_CREATED),
	    till->account, event_number(till, 1)));
	coin = post_coin_event(till, merchant);
	assert_false(is_listed(till, LIST_EVENTS_OF_MERCHANT, merchant, coin));
	assert_false(is_listed(
	    till, list_of_event(EVENT_COIN_CANCELLED), till->account, coin));
}

static bool
stored_visit(struct text key, struct text encoded, void *context)
{
	struct text *seen = context;
	struct text objects;
	struct event event;

	(void)key;
	if (codec_kind(encoded) == KIND_EVENT) {
		assert_int_equal(
		    codec_decode(KIND_EVENT, encoded, &event), CODEC_OK);
		objects = event.objects;
		assert_true(bundle_next(&objects, &encoded));
	}
	assert_true(encoded.length <= 4096);
	memcpy((char *)(uintptr_t)seen->bytes, encoded.bytes, encoded.length);
	seen->length = encoded.length;
	return true;
}

/* Byte by byte what is in the table of the object. */
static void
an_event_has_the_committed_object(void **state)
{
	struct till *till = *state;
	char bytes[2][4096];
	struct text stored = {bytes[0], 0};
	struct text told = {bytes[1], 0};

	(void)post_coin_event(till, till_merchant_plain(till));
	assert_int_equal(engine_visit(till->engine, TABLE_COIN_INTENTS,
			     stored_visit, &stored),
	    STORE_OK);
	assert_int_equal(
	    engine_visit(till->engine, TABLE_EVENTS, stored_visit, &told),
	    STORE_OK);
	assert_true(stored.length > 0);
	assert_true(text_equal(stored, told));
}

static void
a_replay_tells_nobody_again(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);

	(void)post_endpoint_plain(till, FAMILY_CARD);
	for (int i = 0; i < 2; i++) {
		make_paid(till, merchant);
		till_give_key(till, "key", "print");
		till_must(till, ERROR_NONE);
		assert_int_equal(till->outcome.replayed, i == 1);
		assert_int_equal(till->outcome.delivers, i == 0);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES), 3);
	}
}

static void
a_sweep_tells_of_what_expired(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);
	unsigned count;

	(void)post_endpoint_plain(till, FAMILY_COIN);
	(void)till_create(till, merchant, 10000000);
	(void)till_create(till, merchant, 10000000);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	till_pass_seconds(till, TILL_TTL_SECONDS);
	assert_int_equal(
	    engine_sweep(till->engine, till->now, 8, &count), STORE_OK);
	assert_int_equal(count, 2);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 2);
	assert_int_equal(post_due(till, 8)->count, 2);
}

static void
what_is_imported_is_told_to_nobody(void **state)
{
	struct till *till = *state;
	struct id merchant = till_merchant_plain(till);

	(void)post_endpoint_plain(till, FAMILY_CARD);
	make_paid(till, merchant);
	till->command.asked = instant_plus(till->now, span_from_seconds(1));
	till_must(till, ERROR_NONE);
	assert_false(till->outcome.delivers);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 3);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	assert_true(is_listed(
	    till, LIST_EVENTS_OF_MERCHANT, merchant, event_number(till, 0)));
}

/* -- All or nothing -------------------------------------------------------- */

static void
use_faulty(struct till *till, const char *plan)
{
	struct engine_options options = {0};

	till->store = faulty_open(till->store, plan);
	assert_non_null(till->store);
	options.store = till->store;
	engine_close(till->engine);
	till->engine = engine_open(&options);
	assert_non_null(till->engine);
}

static void
without_its_cause_nothing_is_on_its_way(void **state)
{
	static const char *const plans[] = {
	    "put:events=full@1",
	    "put:events=full@3",
	    "put:lists=full@2",
	    "scan:lists=unavailable@1",
	    "scan:lists=unavailable@2",
	    "get:webhook_endpoints=unavailable@1",
	    "put:deliveries=full@1",
	    "put:deliveries=full@3",
	    "put:deliveries_due=unavailable@1",
	    "put:deliveries_due=full@3",
	    "commit=full@1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct till *till = till_open(memory_open());
		struct id merchant = till_merchant_plain(till);
		struct store *inner = till->store;
		struct snapshot before;
		struct snapshot after;

		(void)post_endpoint_plain(till, FAMILY_CARD);
		use_faulty(till, plans[i]);
		snapshot_take(inner, &before);
		make_paid(till, merchant);
		engine_run(till->engine, &till->command, &till->outcome);
		snapshot_take(inner, &after);
		if (till->outcome.error.id == ERROR_NONE)
			fail_msg("%s failed nothing", plans[i]);
		assert_false(till->outcome.delivers);
		assert_true(snapshot_equal(&before, &after));
		make_paid(till, merchant);
		till_must(till, ERROR_NONE);
		assert_int_equal(till_rows(till, TABLE_EVENTS), 3);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES), 3);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 3);
		till_close(till);
	}
}

/* -- What it costs --------------------------------------------------------- */

static struct till_counts
cost_of_payment(unsigned endpoints)
{
	struct till *till = till_open(memory_open());
	struct id merchant = till_merchant_plain(till);

	/* They listen, but to other events. */
	for (unsigned i = 0; i < endpoints; i++)
		(void)post_endpoint_plain(till, FAMILY_COIN);
	make_paid(till, merchant);
	till_count(till);
	till_must(till, ERROR_NONE);
	till_close(till);
	return till_counts;
}

static void
endpoints_are_looked_for_once_a_command(void **state)
{
	struct till_counts none = cost_of_payment(0);
	struct till_counts some = cost_of_payment(5);

	(void)state;
	assert_int_equal(some.operations - none.operations, 5);
	assert_int_equal(some.rows - none.rows, 5);
}

static void
nobody_listens(void **state)
{
	struct till *till = *state;

	(void)post_coin_event(till, till_merchant_plain(till));
	assert_false(till->outcome.delivers);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 1);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
	assert_int_equal(post_due(till, 8)->count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TILL_TEST(those_are_told_that_asked_for_it),
	    TILL_TEST(a_key_of_one_merchant_tells_the_account_too),
	    TILL_TEST(a_delivery_is_due_at_once),
	    TILL_TEST(events_of_one_command_are_in_their_order),
	    TILL_TEST(events_of_cards_are_listed),
	    TILL_TEST(an_event_has_the_committed_object),
	    TILL_TEST(a_replay_tells_nobody_again),
	    TILL_TEST(a_sweep_tells_of_what_expired),
	    TILL_TEST(what_is_imported_is_told_to_nobody),
	    TILL_TEST(nobody_listens),
	    cmocka_unit_test(without_its_cause_nothing_is_on_its_way),
	    cmocka_unit_test(endpoints_are_looked_for_once_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
