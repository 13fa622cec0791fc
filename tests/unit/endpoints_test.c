/*
 * Webhook endpoints on a store: what is kept of them, and how they change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/delivery.h"
#include "engine_steps.h"
#include "hooks.h"

#define ALL (UINT32_C(1) << EVENT_NONE)
#define BIT(type) (UINT32_C(1) << (type))

/* The secret's text as it was shown, and that of the stored one. */
static void
must_show_secret(struct till *till, struct id id)
{
	struct endpoint endpoint = hooks_stored(till, id);
	char text[ENDPOINT_SECRET_BYTES];

	endpoint_secret_text(endpoint.secret, text);
	assert_string_equal(till->outcome.secret, text);
	assert_int_equal(strlen(text), 6 + 32);
	assert_memory_equal(text, "whsec_", 6);
}

static void
must_be_text(struct text actual, const char *expected)
{
	assert_int_equal(actual.length, strlen(expected));
	assert_memory_equal(actual.bytes, expected, actual.length);
}

static void
must_be_listed(struct till *till, struct id owner, struct id id, bool listed)
{
	assert_int_equal(
	    hooks_has(till, TABLE_LISTS,
		hooks_listed(till, LIST_ENDPOINTS_OF_OWNER, owner, id)),
	    listed);
}

static void
a_card_endpoint_is_enabled_at_once(void **state)
{
	struct till *till = *state;
	struct command *command = hooks_make(till);
	struct id id = command->fresh;
	struct endpoint endpoint;

	command->given = GIVEN_DESCRIPTION;
	till_keep(till, "Orders", &command->description);
	till_must(till, ERROR_NONE);
	assert_false(till->outcome.asks_outside);
	assert_false(till->outcome.delivers);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	endpoint = hooks_stored(till, id);
	assert_true(id_equal(endpoint.id, id));
	assert_true(id_equal(endpoint.merchant, till->scope.merchant));
	assert_int_equal(endpoint.family, FAMILY_CARD);
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_int_equal(endpoint.ping, PROGRESS_NONE);
	assert_int_equal(endpoint.created.us, till->now.us);
	must_be_text(endpoint.url, HOOKS_URL);
	must_be_text(endpoint.description, "Orders");
	must_show_secret(till, id);
	must_be_listed(till, till->scope.merchant, id, true);
	must_be_listed(till, till->account, id, false);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 0);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	hooks_must_be_noted(till, "what=endpoint_create");
	hooks_must_be_noted(till, "to=enabled");
	hooks_must_be_noted(till, "detail=card");
}

static void
every_endpoint_has_a_secret_of_its_own(void **state)
{
	struct till *till = *state;
	char first[ENDPOINT_SECRET_BYTES];

	(void)hooks_create(till);
	memcpy(first, till->outcome.secret, sizeof(first));
	must_show_secret(till, hooks_create(till));
	assert_string_not_equal(till->outcome.secret, first);
}

static void
of_the_events_those_of_the_family_are_kept(void **state)
{
	static const struct {
		enum family family;
		uint32_t given;
		uint32_t kept; /* 0: refused */
	} cases[] = {
	    {FAMILY_CARD, ALL, ALL},
	    {FAMILY_CARD, ALL | BIT(EVENT_REFUND_CREATED), ALL},
	    {FAMILY_CARD, BIT(EVENT_REFUND_CREATED), BIT(EVENT_REFUND_CREATED)},
	    {FAMILY_CARD,
		BIT(EVENT_REFUND_CREATED) | BIT(EVENT_COIN_CONFIRMED) |
		    BIT(EVENT_ENDPOINT_PING),
		BIT(EVENT_REFUND_CREATED)},
	    {FAMILY_CARD, BIT(EVENT_COIN_CONFIRMED), 0},
	    {FAMILY_CARD, 0, 0},
	    {FAMILY_COIN, BIT(EVENT_COIN_CONFIRMED) | BIT(EVENT_COIN_EXPIRED),
		BIT(EVENT_COIN_CONFIRMED) | BIT(EVENT_COIN_EXPIRED)},
	    {FAMILY_COIN, BIT(EVENT_INTENT_CREATED), 0},
	    {FAMILY_COIN, BIT(EVENT_ENDPOINT_PING), 0},
	};
	struct till *till = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct command *command;
		struct id id;

		till->scope.family = (uint8_t)cases[i].family;
		command = hooks_make(till);
		id = command->fresh;
		command->given = GIVEN_EVENTS;
		command->events = cases[i].given;
		till_must(till,
		    cases[i].kept == 0 ? ERROR_PARAMETER_INVALID : ERROR_NONE);
		if (cases[i].kept != 0)
			assert_int_equal(
			    hooks_stored(till, id).events, cases[i].kept);
		else
			assert_string_equal(
			    till->outcome.error.param, "enabled_events");
	}
	/* None given: all of them. */
	assert_int_equal(hooks_stored(till, hooks_create(till)).events, ALL);
}

static void
of_coins_it_is_the_account_s_or_that_of_a_bound_key(void **state)
{
	struct till *till = *state;
	struct id id;

	till->scope.family = FAMILY_COIN;
	id = hooks_create(till);
	assert_false(id_is_set(hooks_stored(till, id).merchant));
	must_be_listed(till, till->account, id, true);
	must_be_listed(till, till->scope.merchant, id, false);

	till->scope.merchant_bound = true;
	id = hooks_create(till);
	assert_true(
	    id_equal(hooks_stored(till, id).merchant, till->scope.merchant));
	must_be_listed(till, till->scope.merchant, id, true);
	must_be_listed(till, till->account, id, false);
}

static void
an_owner_has_only_so_many(void **state)
{
	struct till *till = *state;
	struct snapshot before;
	struct snapshot after;
	struct id last = ID_NONE;

	for (unsigned i = 0; i < ENDPOINTS_MAX; i++)
		last = hooks_create(till);
	(void)hooks_make(till);
	snapshot_take(till->store, &before);
	till_must(till, ERROR_PARAMETER_INVALID);
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_string_equal(till->outcome.error.param, "url");
	assert_string_equal(till->outcome.error.detail,
	    "there are 16 webhook endpoints already; delete one of them first");
	/* Another mode, another merchant, the whole account: others' bounds. */
	till->scope.mode = MODE_LIVE;
	(void)hooks_create(till);
	till->scope.mode = MODE_TEST;
	till->scope.family = FAMILY_COIN;
	(void)hooks_create(till);
	till->scope.family = FAMILY_CARD;
	(void)till_make_about(till, COMMAND_ENDPOINT_DELETE, last);
	till_must(till, ERROR_NONE);
	(void)hooks_create(till);
	till->scope.merchant = till_merchant_plain(till);
	(void)hooks_create(till);
}

static void
an_update_changes_what_was_given_alone(void **state)
{
	struct till *till = *state;
	struct id id = hooks_create(till);
	struct endpoint before = hooks_stored(till, id);
	struct endpoint endpoint;
	struct command *command;

	before.failing_since = till->now;
	before.old_secret = TEXT("o");
	hooks_put(
	    till, TABLE_ENDPOINTS, hooks_key(till, id), KIND_ENDPOINT, &before);
	till_pass_seconds(till, 60);
	command = till_make_about(till, COMMAND_ENDPOINT_UPDATE, id);
	command->given = GIVEN_DESCRIPTION | GIVEN_EVENTS;
	command->events = BIT(EVENT_INTENT_SUCCEEDED);
	till_keep(till, "Orders", &command->description);
	till_must(till, ERROR_NONE);
	assert_string_equal(till->outcome.secret, "");
	hooks_must_be_noted(till, "what=endpoint_update");
	endpoint = hooks_stored(till, id);
	must_be_text(endpoint.url, HOOKS_URL);
	must_be_text(endpoint.description, "Orders");
	assert_int_equal(endpoint.events, BIT(EVENT_INTENT_SUCCEEDED));
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_int_equal(endpoint.failing_since.us, before.failing_since.us);
	assert_int_equal(endpoint.created.us, before.created.us);
	must_be_text(endpoint.old_secret, "o");

	command = till_make_about(till, COMMAND_ENDPOINT_UPDATE, id);
	command->given = GIVEN_URL;
	till_keep(till, "https://shop.example/other", &command->url);
	till_must(till, ERROR_NONE);
	endpoint = hooks_stored(till, id);
	must_be_text(endpoint.url, "https://shop.example/other");
	must_be_text(endpoint.description, "Orders");
	assert_int_equal(endpoint.events, BIT(EVENT_INTENT_SUCCEEDED));
	/* Nobody has failed at this one. */
	assert_false(instant_is_set(endpoint.failing_since));
	till_first(till, KIND_ENDPOINT, &endpoint);
	must_be_text(endpoint.url, "https://shop.example/other");
}

static void
set_status(struct till *till, struct id id, enum endpoint_status status)
{
	struct command *command;

	till_pass_seconds(till, 60);
	command = till_make_about(till, COMMAND_ENDPOINT_UPDATE, id);
	command->given = GIVEN_STATUS;
	command->endpoint_status = (uint8_t)status;
	till_must(till, ERROR_NONE);
}

static void
it_is_disabled_by_request_and_enabled_again(void **state)
{
	struct till *till = *state;
	struct id id = hooks_create(till);
	struct endpoint endpoint;

	set_status(till, id, ENDPOINT_DISABLED);
	hooks_must_be_noted(till, "from=enabled to=disabled");
	endpoint = hooks_stored(till, id);
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
	assert_int_equal(endpoint.disabled_reason, DISABLED_BY_REQUEST);
	assert_int_equal(endpoint.disabled.us, till->now.us);
	must_be_listed(till, till->scope.merchant, id, true);

	endpoint.disabled_reason = DISABLED_BY_FAILURES;
	endpoint.failing_since = till->now;
	hooks_put(till, TABLE_ENDPOINTS, hooks_key(till, id), KIND_ENDPOINT,
	    &endpoint);
	/* It is so already. */
	set_status(till, id, ENDPOINT_DISABLED);
	endpoint = hooks_stored(till, id);
	assert_int_equal(endpoint.disabled_reason, DISABLED_BY_FAILURES);
	assert_true(instant_before(endpoint.disabled, till->now));

	set_status(till, id, ENDPOINT_ENABLED);
	hooks_must_be_noted(till, "from=disabled to=enabled");
	endpoint = hooks_stored(till, id);
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_int_equal(endpoint.disabled_reason, DISABLED_NONE);
	assert_false(instant_is_set(endpoint.disabled));
	assert_false(instant_is_set(endpoint.failing_since));
	must_be_listed(till, till->scope.merchant, id, true);
}

static void
what_is_deleted_is_gone(void **state)
{
	struct till *till = *state;
	struct id id = hooks_create(till);
	struct id other = hooks_create(till);
	struct endpoint endpoint;

	(void)till_make_about(till, COMMAND_ENDPOINT_DELETE, id);
	till_must(till, ERROR_NONE);
	hooks_must_be_noted(till, "what=endpoint_delete");
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	assert_int_equal(endpoint.deleted.us, till->now.us);
	assert_false(hooks_has(till, TABLE_ENDPOINTS, hooks_key(till, id)));
	must_be_listed(till, till->scope.merchant, id, false);
	must_be_listed(till, till->scope.merchant, other, true);
	(void)hooks_stored(till, other);
	till_make_about(till, COMMAND_GET, id)->object = KIND_ENDPOINT;
	till_must(till, ERROR_ENDPOINT_MISSING);
	(void)till_make_about(till, COMMAND_ENDPOINT_DELETE, id);
	till_must(till, ERROR_ENDPOINT_MISSING);
}

static void
rotate(struct till *till, struct id id, int64_t grace_seconds)
{
	struct command *command =
	    till_make_about(till, COMMAND_ENDPOINT_ROTATE, id);

	memset(command->entropy, (int)till->serial, sizeof(command->entropy));
	command->grace = span_from_seconds(grace_seconds);
	till_must(till, ERROR_NONE);
	must_show_secret(till, id);
	hooks_must_be_noted(till, "what=endpoint_rotate");
}

static void
a_rotated_secret_goes_on_for_its_grace(void **state)
{
	struct till *till = *state;
	struct id id = hooks_create(till);
	struct endpoint endpoint;
	char secrets[3][KEY_TEXT_BYTES];

	memcpy(secrets[0], till->outcome.secret, KEY_TEXT_BYTES);
	rotate(till, id, 3600);
	memcpy(secrets[1], till->outcome.secret, KEY_TEXT_BYTES);
	assert_string_not_equal(secrets[1], secrets[0]);
	endpoint = hooks_stored(till, id);
	must_be_text(endpoint.old_secret, secrets[0] + 6);
	assert_int_equal(endpoint.old_until.us,
	    instant_plus(till->now, span_from_seconds(3600)).us);
	/* Another one within the hour: the first is over. */
	rotate(till, id, 60);
	memcpy(secrets[2], till->outcome.secret, KEY_TEXT_BYTES);
	endpoint = hooks_stored(till, id);
	must_be_text(endpoint.secret, secrets[2] + 6);
	must_be_text(endpoint.old_secret, secrets[1] + 6);
	assert_int_equal(endpoint.old_until.us,
	    instant_plus(till->now, span_from_seconds(60)).us);
	/* Without grace no other one signs. */
	rotate(till, id, 0);
	endpoint = hooks_stored(till, id);
	must_be_text(endpoint.old_secret, "");
	assert_false(instant_is_set(endpoint.old_until));
}

static void
must_have_sent_ping(struct till *till, struct id id, struct id event_id)
{
	struct id account = till->account;
	struct delivery delivery;
	struct event event;

	assert_true(till->outcome.delivers);
	assert_true(hooks_find(till, TABLE_DELIVERIES,
	    key_of_delivery(account, MODE_TEST, id, event_id), KIND_DELIVERY,
	    &delivery));
	assert_int_equal(delivery.state, DELIVERY_PENDING);
	assert_int_equal(delivery.left, 1);
	assert_int_equal(delivery.due.us, till->now.us);
	assert_true(hooks_has(
	    till, TABLE_DELIVERIES_DUE, key_of_due(id, till->now, event_id)));
	assert_true(hooks_find(
	    till, TABLE_EVENTS, hooks_key(till, event_id), KIND_EVENT, &event));
	assert_int_equal(event.type, EVENT_ENDPOINT_PING);
	assert_true(id_equal(event.merchant, till->scope.merchant));
}

static void
a_test_sends_a_ping_also_to_what_is_disabled(void **state)
{
	struct till *till = *state;
	struct id id = hooks_create(till);
	struct endpoint endpoint;
	struct event event;

	for (unsigned i = 0; i < 2; i++) {
		(void)till_make_about(till, COMMAND_ENDPOINT_TEST, id);
		till_must(till, ERROR_NONE);
		hooks_must_be_noted(till, "what=endpoint_test");
		till_first(till, KIND_ENDPOINT, &endpoint);
		till_first(till, KIND_EVENT, &event);
		assert_true(id_equal(endpoint.id, id));
		must_have_sent_ping(till, id, event.id);
		assert_int_equal(till_rows(till, TABLE_DELIVERIES), i + 1);
		set_status(till, id, ENDPOINT_DISABLED);
	}
	(void)hooks_create(till);
	assert_false(till->outcome.delivers);
}

/* -- Idempotency keys ------------------------------------------------------ */

static void
a_body_as_it_was_has_its_secret(void **state)
{
	struct till *till = *state;
	struct command *command = hooks_make(till);
	struct id id = command->fresh;
	char secret[KEY_TEXT_BYTES];
	struct endpoint endpoint;

	till_give_key(till, "key", "create");
	till_must(till, ERROR_NONE);
	memcpy(secret, till->outcome.secret, sizeof(secret));
	rotate(till, id, 0);
	(void)hooks_make(till);
	till_give_key(till, "key", "create");
	till_must(till, ERROR_NONE);
	assert_true(till->outcome.replayed);
	assert_string_equal(till->outcome.secret, secret);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), 1);

	/* What made none shows none. */
	for (unsigned i = 0; i < 2; i++) {
		command = till_make_about(till, COMMAND_ENDPOINT_UPDATE, id);
		command->given = GIVEN_DESCRIPTION;
		till_give_key(till, "another key", "update");
		till_must(till, ERROR_NONE);
		assert_int_equal(till->outcome.replayed, i == 1);
		assert_string_equal(till->outcome.secret, "");
	}
}

static void
replay(struct till *till, enum error_id error)
{
	hooks_make(till)->replay_as_now = true;
	till_give_key(till, "key", "create");
	till_must(till, error);
	assert_string_equal(till->outcome.secret, "");
	assert_int_equal(till->outcome.replayed, error == ERROR_NONE);
}

static void
a_body_as_it_now_is_has_no_secret(void **state)
{
	struct till *till = *state;
	struct id id = hooks_make(till)->fresh;
	struct endpoint endpoint;

	till_give_key(till, "key", "create");
	till_must(till, ERROR_NONE);
	set_status(till, id, ENDPOINT_DISABLED);
	replay(till, ERROR_NONE);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	assert_int_equal(endpoint.status, ENDPOINT_DISABLED);
	assert_false(instant_is_set(endpoint.deleted));

	(void)till_make_about(till, COMMAND_ENDPOINT_DELETE, id);
	till_must(till, ERROR_NONE);
	replay(till, ERROR_NONE);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	assert_true(instant_is_set(endpoint.deleted));
	must_be_text(endpoint.secret, "");

	/* Another merchant's key is not told of it. */
	till->scope.merchant = till_merchant_plain(till);
	till->scope.merchant_bound = true;
	replay(till, ERROR_IDEMPOTENCY_KEY_REUSE);
	assert_int_equal(till->outcome.length, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HOOKS_TEST(a_card_endpoint_is_enabled_at_once),
	    HOOKS_TEST(every_endpoint_has_a_secret_of_its_own),
	    HOOKS_TEST(of_the_events_those_of_the_family_are_kept),
	    HOOKS_TEST(of_coins_it_is_the_account_s_or_that_of_a_bound_key),
	    HOOKS_TEST(an_owner_has_only_so_many),
	    HOOKS_TEST(an_update_changes_what_was_given_alone),
	    HOOKS_TEST(it_is_disabled_by_request_and_enabled_again),
	    HOOKS_TEST(what_is_deleted_is_gone),
	    HOOKS_TEST(a_rotated_secret_goes_on_for_its_grace),
	    HOOKS_TEST(a_test_sends_a_ping_also_to_what_is_disabled),
	    HOOKS_TEST(a_body_as_it_was_has_its_secret),
	    HOOKS_TEST(a_body_as_it_now_is_has_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
