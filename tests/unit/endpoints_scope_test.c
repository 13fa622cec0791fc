/*
 * Who sees which webhook endpoints and events: reads and lists, by account,
 * mode, family and merchant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bundle.h"
#include "core/delivery.h"
#include "engine_steps.h"
#include "hooks.h"

/* A scope of the till's account; `merchant` unset: not bound. */
static void
use(struct till *till, enum family family, struct id merchant)
{
	till->scope.family = (uint8_t)family;
	till->scope.merchant_bound = id_is_set(merchant);
	if (id_is_set(merchant))
		till->scope.merchant = merchant;
}

/* Every command about an object that is not to be touched. */
static void
must_not_reach(struct till *till, struct id id, enum error_id error)
{
	static const enum command_kind kinds[] = {COMMAND_GET,
	    COMMAND_ENDPOINT_UPDATE, COMMAND_ENDPOINT_DELETE,
	    COMMAND_ENDPOINT_ROTATE, COMMAND_ENDPOINT_TEST};
	struct snapshot before;
	struct snapshot after;

	snapshot_take(till->store, &before);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		till_make_about(till, kinds[i], id)->object = KIND_ENDPOINT;
		till_must(till, error);
		assert_int_equal(till->outcome.length, 0);
	}
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
}

static void
must_see(struct till *till, enum kind kind, struct id id)
{
	union record record;

	till_make_about(till, COMMAND_GET, id)->object = kind;
	till_must(till, ERROR_NONE);
	till_first(till, kind, &record);
	/* Every record begins with its id. */
	assert_true(id_equal(record.event.id, id));
	assert_string_equal(till->outcome.secret, "");
}

static void
others_see_no_endpoint(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id other = till_merchant_plain(till);
	struct id card = hooks_create(till);
	struct id wide, bound;

	use(till, FAMILY_COIN, ID_NONE);
	wide = hooks_create(till);
	use(till, FAMILY_COIN, merchant);
	bound = hooks_create(till);

	/* Families. */
	must_see(till, KIND_ENDPOINT, bound);
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	/* An endpoint of the whole account is not a merchant's. */
	must_not_reach(till, wide, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_CARD, merchant);
	must_see(till, KIND_ENDPOINT, card);
	must_not_reach(till, bound, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_COIN, ID_NONE);
	must_see(till, KIND_ENDPOINT, bound);
	must_see(till, KIND_ENDPOINT, wide);
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	/* Merchants. */
	use(till, FAMILY_CARD, other);
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_COIN, other);
	must_not_reach(till, bound, ERROR_ENDPOINT_MISSING);
	must_not_reach(till, wide, ERROR_ENDPOINT_MISSING);
	/* The operator, who is of no family. */
	use(till, FAMILY_NONE, ID_NONE);
	must_see(till, KIND_ENDPOINT, card);
	must_see(till, KIND_ENDPOINT, wide);
	/* Accounts. */
	till->scope.account = till->foreign;
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_COIN, ID_NONE);
	must_not_reach(till, wide, ERROR_ENDPOINT_MISSING);
}

static void
the_other_mode_is_told_of_coins_alone(void **state)
{
	struct till *till = *state;
	struct id other = till_merchant_plain(till);
	struct id card = hooks_create(till);
	struct id coin;
	struct id pending;

	use(till, FAMILY_COIN, ID_NONE);
	coin = hooks_create(till);
	hooks_make(till)->pings = true;
	pending = till->command.fresh;
	hooks_begin(till);
	till->scope.mode = MODE_LIVE;
	must_not_reach(till, coin, ERROR_ENVIRONMENT_MISMATCH);
	assert_string_equal(till->outcome.error.detail, "test");
	/* What its own mode is not told of, the other is not either. */
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	must_not_reach(till, pending, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_COIN, other);
	must_not_reach(till, coin, ERROR_ENDPOINT_MISSING);
	use(till, FAMILY_CARD, ID_NONE);
	must_not_reach(till, card, ERROR_ENDPOINT_MISSING);
	must_not_reach(till, coin, ERROR_ENDPOINT_MISSING);
}

/* -- Lists ----------------------------------------------------------------- */

/* The page must have these, newest first. */
static void
must_have(struct till *till, const struct id *ids, unsigned count, bool more)
{
	const struct till_page *page = till_list(till);

	assert_int_equal(page->count, count);
	assert_int_equal(page->has_more, more);
	for (unsigned i = 0; i < count; i++)
		assert_true(id_equal(page->ids[i], ids[i]));
}

static void
must_list(struct till *till, const struct id *ids, unsigned count)
{
	(void)till_make_list(till, KIND_ENDPOINT, ID_NONE, 10);
	must_have(till, ids, count, false);
	assert_int_equal(till_list(till)->total, count);
}

static void
a_list_has_the_endpoints_of_its_key(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id other = till_merchant_plain(till);
	struct id cards[3];
	struct id coins[3];

	cards[2] = hooks_create(till);
	use(till, FAMILY_COIN, ID_NONE);
	coins[2] = hooks_create(till);
	use(till, FAMILY_COIN, merchant);
	coins[1] = hooks_create(till);
	use(till, FAMILY_CARD, merchant);
	cards[1] = hooks_create(till);
	hooks_make(till)->pings = true;
	hooks_begin(till);
	use(till, FAMILY_CARD, other);
	cards[0] = hooks_create(till);
	use(till, FAMILY_COIN, other);
	coins[0] = hooks_create(till);

	must_list(till, &coins[0], 1);
	use(till, FAMILY_CARD, other);
	must_list(till, &cards[0], 1);
	use(till, FAMILY_CARD, merchant);
	must_list(till, &cards[1], 2);
	use(till, FAMILY_COIN, merchant);
	must_list(till, &coins[1], 1);
	use(till, FAMILY_COIN, ID_NONE);
	must_list(till, coins, 3);
	use(till, FAMILY_CARD, ID_NONE);
	must_list(till, cards, 3);
	/* The disabled ones with the others, the deleted ones not. */
	till_make_about(till, COMMAND_ENDPOINT_UPDATE, cards[0])
	    ->endpoint_status = ENDPOINT_DISABLED;
	till_must(till, ERROR_NONE);
	(void)till_make_about(till, COMMAND_ENDPOINT_DELETE, cards[2]);
	till_must(till, ERROR_NONE);
	must_list(till, cards, 2);
	till->scope.mode = MODE_LIVE;
	must_list(till, cards, 0);
	till->scope.mode = MODE_TEST;
	till->scope.account = till->foreign;
	must_list(till, cards, 0);
}

static void
pages_of_endpoints_know_how_many_there_are(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id ids[5];
	struct command *command;

	for (unsigned bound = 0; bound < 2; bound++) {
		use(till, FAMILY_COIN, bound == 1 ? merchant : ID_NONE);
		for (unsigned i = 5; i > 0; i--) {
			ids[i - 1] = hooks_create(till);
			/* Others between them. */
			use(till, FAMILY_CARD, ID_NONE);
			(void)hooks_create(till);
			use(till, FAMILY_COIN, bound == 1 ? merchant : ID_NONE);
		}
		(void)till_make_list(till, KIND_ENDPOINT, ID_NONE, 2);
		must_have(till, &ids[0], 2, true);
		command = till_make_list(till, KIND_ENDPOINT, ID_NONE, 2);
		till_name(till, &command->starting_after, ids[1]);
		must_have(till, &ids[2], 2, true);
		assert_int_equal(till_list(till)->total, 5);
		command = till_make_list(till, KIND_ENDPOINT, ID_NONE, 2);
		till_name(till, &command->ending_before, ids[4]);
		must_have(till, &ids[2], 2, true);
		for (unsigned i = 0; i < 5; i++) {
			(void)till_make_about(
			    till, COMMAND_ENDPOINT_DELETE, ids[i]);
			till_must(till, ERROR_NONE);
		}
		till->scope.family = FAMILY_CARD;
		till->scope.mode = MODE_TEST;
	}
}

static bool
see_none(struct text objects, void *context)
{
	(void)objects;
	(void)context;
	fail();
	return false;
}

static void
a_cursor_is_one_of_the_key_s_own(void **state)
{
	struct till *till = *state;
	struct id card = hooks_create(till);
	struct command *command;
	struct error error;
	struct page page;

	use(till, FAMILY_COIN, ID_NONE);
	command = till_make_list(till, KIND_ENDPOINT, ID_NONE, 2);
	till_name(till, &command->starting_after, card);
	assert_false(
	    engine_list(till->engine, command, see_none, NULL, &page, &error));
	assert_int_equal(error.id, ERROR_PARAMETER_INVALID);
	assert_string_equal(error.param, "starting_after");
}

/* -- Events ---------------------------------------------------------------- */

/* An event as the outbox writes it. */
static struct id
make_event(struct till *till, enum event_type type, struct id merchant)
{
	const struct event event = {
	    .id = till_make(till, COMMAND_GET)->fresh,
	    .merchant = merchant,
	    .type = (uint8_t)type,
	    .created = till->now,
	};

	hooks_put(
	    till, TABLE_EVENTS, hooks_key(till, event.id), KIND_EVENT, &event);
	if (event_family(type) != FAMILY_CARD)
		return event.id;
	hooks_put_row(till, TABLE_LISTS,
	    hooks_listed(till, LIST_EVENTS_OF_MERCHANT, merchant, event.id));
	hooks_put_row(till, TABLE_LISTS,
	    hooks_listed(
		till, list_of_event(type), till->scope.account, event.id));
	return event.id;
}

static void
must_miss(struct till *till, struct id event)
{
	till_make_about(till, COMMAND_GET, event)->object = KIND_EVENT;
	till_must(till, ERROR_EVENT_MISSING);
	assert_int_equal(till->outcome.length, 0);
}

static void
an_event_is_shown_alone(void **state)
{
	struct till *till = *state;
	struct id event =
	    make_event(till, EVENT_INTENT_CREATED, till->scope.merchant);
	struct text rest;
	struct text encoded;

	must_see(till, KIND_EVENT, event);
	rest = outcome_objects(&till->outcome);
	assert_true(bundle_next(&rest, &encoded));
	assert_false(bundle_next(&rest, &encoded));
}

static void
others_see_no_event(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id other = till_merchant_plain(till);
	struct id card = make_event(till, EVENT_INTENT_CREATED, merchant);
	struct id coin = make_event(till, EVENT_COIN_CONFIRMED, merchant);
	struct id ping = make_event(till, EVENT_ENDPOINT_PING, merchant);

	must_see(till, KIND_EVENT, card);
	must_miss(till, coin);
	must_miss(till, ping);
	use(till, FAMILY_CARD, merchant);
	must_see(till, KIND_EVENT, card);
	use(till, FAMILY_CARD, other);
	must_miss(till, card);
	use(till, FAMILY_COIN, ID_NONE);
	must_miss(till, card);
	must_miss(till, ping);
	use(till, FAMILY_CARD, ID_NONE);
	till->scope.mode = MODE_LIVE;
	must_miss(till, card);
	till->scope.mode = MODE_TEST;
	till->scope.account = till->foreign;
	must_miss(till, card);
}

/* A page of events of a type, which is EVENT_NONE for any. */
static void
must_list_events(struct till *till, enum event_type type, const struct id *ids,
    unsigned count)
{
	till_make_list(till, KIND_EVENT, ID_NONE, 10)->with_type =
	    (uint8_t)type;
	must_have(till, ids, count, false);
}

static void
a_list_has_the_events_of_its_key(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id other = till_merchant_plain(till);
	struct id made[2];
	struct id paid[2];
	struct id all[4];
	struct id own[2];

	paid[1] = make_event(till, EVENT_INTENT_SUCCEEDED, merchant);
	(void)make_event(till, EVENT_COIN_CONFIRMED, merchant);
	made[1] = make_event(till, EVENT_INTENT_CREATED, merchant);
	(void)make_event(till, EVENT_ENDPOINT_PING, merchant);
	paid[0] = make_event(till, EVENT_INTENT_SUCCEEDED, other);
	made[0] = make_event(till, EVENT_INTENT_CREATED, other);
	all[0] = made[0];
	all[1] = paid[0];
	all[2] = made[1];
	all[3] = paid[1];
	own[0] = made[1];
	own[1] = paid[1];

	must_list_events(till, EVENT_NONE, all, 4);
	must_list_events(till, EVENT_INTENT_CREATED, made, 2);
	must_list_events(till, EVENT_INTENT_SUCCEEDED, paid, 2);
	must_list_events(till, EVENT_REFUND_CREATED, NULL, 0);
	use(till, FAMILY_CARD, merchant);
	must_list_events(till, EVENT_NONE, own, 2);
	must_list_events(till, EVENT_INTENT_CREATED, &made[1], 1);
	must_list_events(till, EVENT_INTENT_SUCCEEDED, &paid[1], 1);
	use(till, FAMILY_CARD, other);
	must_list_events(till, EVENT_NONE, all, 2);
	till->scope.mode = MODE_LIVE;
	must_list_events(till, EVENT_NONE, NULL, 0);
	use(till, FAMILY_CARD, ID_NONE);
	till->scope.merchant_bound = false;
	must_list_events(till, EVENT_INTENT_CREATED, NULL, 0);
	till->scope.mode = MODE_TEST;
	till->scope.account = till->foreign;
	must_list_events(till, EVENT_NONE, NULL, 0);
	must_list_events(till, EVENT_INTENT_CREATED, NULL, 0);
}

static void
pages_of_events_go_on_where_they_ended(void **state)
{
	struct till *till = *state;
	struct command *command;
	struct id ids[6];

	for (unsigned i = 6; i > 0; i--) {
		ids[i - 1] = make_event(
		    till, EVENT_INTENT_CREATED, till->scope.merchant);
		(void)make_event(
		    till, EVENT_COIN_CONFIRMED, till->scope.merchant);
		till_pass_seconds(till, 1);
	}
	for (unsigned type = 0; type <= EVENT_INTENT_CREATED; type++) {
		command = till_make_list(till, KIND_EVENT, ID_NONE, 3);
		command->with_type = (uint8_t)type;
		must_have(till, &ids[0], 3, true);
		till_name(till, &command->starting_after, ids[2]);
		must_have(till, &ids[3], 3, false);
		command = till_make_list(till, KIND_EVENT, ID_NONE, 2);
		command->with_type = (uint8_t)type;
		till_name(till, &command->ending_before, ids[3]);
		must_have(till, &ids[1], 2, true);
		/* The last second of them has but the last one. */
		command = till_make_list(till, KIND_EVENT, ID_NONE, 3);
		command->with_type = (uint8_t)type;
		command->created_gte =
		    instant_plus(till->now, span_from_seconds(-1));
		must_have(till, &ids[0], 1, false);
	}
}

static void
events_of_coins_cost_a_list_of_cards_nothing(void **state)
{
	struct till *till = *state;
	struct id merchant = till->scope.merchant;
	struct id card = make_event(till, EVENT_INTENT_CREATED, merchant);

	for (unsigned i = 0; i < 100; i++)
		(void)make_event(till, EVENT_COIN_CONFIRMED, merchant);
	till_count(till);
	must_list_events(till, EVENT_NONE, &card, 1);
	assert_true(till_counts.rows < 10);
	/* The operator sees them all. */
	use(till, FAMILY_NONE, ID_NONE);
	(void)till_make_list(till, KIND_EVENT, ID_NONE, LIST_LIMIT_MAX);
	assert_int_equal(till_list(till)->count, LIST_LIMIT_MAX);
	must_list_events(till, EVENT_INTENT_CREATED, &card, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HOOKS_TEST(others_see_no_endpoint),
	    HOOKS_TEST(the_other_mode_is_told_of_coins_alone),
	    HOOKS_TEST(a_list_has_the_endpoints_of_its_key),
	    HOOKS_TEST(pages_of_endpoints_know_how_many_there_are),
	    HOOKS_TEST(a_cursor_is_one_of_the_key_s_own),
	    HOOKS_TEST(an_event_is_shown_alone),
	    HOOKS_TEST(others_see_no_event),
	    HOOKS_TEST(a_list_has_the_events_of_its_key),
	    HOOKS_TEST(pages_of_events_go_on_where_they_ended),
	    HOOKS_TEST(events_of_coins_cost_a_list_of_cards_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
