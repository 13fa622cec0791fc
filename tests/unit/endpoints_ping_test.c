/*
 * Registration of a webhook endpoint that is to answer a ping first: nobody
 * sees it before it has, and nothing is left of one that has not.
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

/* An endpoint that pends, of coins; with a key if one is named. */
static struct id
begin(struct till *till, const char *key)
{
	struct command *command;

	till->scope.family = FAMILY_COIN;
	command = hooks_make(till);
	command->pings = true;
	command->replay_as_now = true;
	if (key != NULL)
		till_give_key(till, key, "create");
	hooks_begin(till);
	return command->fresh;
}

static void
must_refuse(struct till *till, enum error_id error)
{
	struct snapshot before;
	struct snapshot after;

	snapshot_take(till->store, &before);
	till_must(till, error);
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_int_equal(till->outcome.length, 0);
}

static void
a_ping_is_on_its_way_first(void **state)
{
	struct till *till = *state;
	struct id account = till->account;
	struct id id = begin(till, NULL);
	struct endpoint endpoint;
	struct delivery delivery;
	struct event event;

	assert_true(till->outcome.asks_outside);
	assert_true(till->outcome.delivers);
	endpoint = hooks_stored(till, id);
	assert_int_equal(endpoint.status, ENDPOINT_PENDING);
	assert_int_equal(endpoint.ping, PROGRESS_PENDING);
	assert_int_equal(endpoint.secret.length, ENDPOINT_SECRET_DIGITS);
	assert_int_equal(till_rows(till, TABLE_LISTS), 0);
	assert_true(hooks_find(till, TABLE_DELIVERIES,
	    key_of_delivery(account, MODE_TEST, id, id), KIND_DELIVERY,
	    &delivery));
	assert_int_equal(delivery.state, DELIVERY_PENDING);
	assert_int_equal(delivery.left, 1);
	assert_true(hooks_has(
	    till, TABLE_DELIVERIES_DUE, key_of_due(id, till->now, id)));
	assert_true(hooks_find(
	    till, TABLE_EVENTS, hooks_key(till, id), KIND_EVENT, &event));
	assert_int_equal(event.type, EVENT_ENDPOINT_PING);
	/* It is of the endpoint, without what signs it. */
	assert_true(bundle_find(event.objects, KIND_ENDPOINT, 0, &endpoint));
	assert_true(id_equal(endpoint.id, id));
	assert_int_equal(endpoint.secret.length, 0);
}

static void
what_pends_is_not_there(void **state)
{
	static const enum command_kind kinds[] = {COMMAND_ENDPOINT_UPDATE,
	    COMMAND_ENDPOINT_DELETE, COMMAND_ENDPOINT_ROTATE,
	    COMMAND_ENDPOINT_TEST};
	static const enum family families[] = {FAMILY_COIN, FAMILY_NONE};
	struct till *till = *state;
	struct id id = begin(till, NULL);

	till_make_about(till, COMMAND_GET, id)->object = KIND_ENDPOINT;
	must_refuse(till, ERROR_ENDPOINT_MISSING);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct till_page *page;

		/* None: the operator's. */
		till->scope.family = (uint8_t)families[i];
		for (size_t j = 0; j < sizeof(kinds) / sizeof(kinds[0]); j++) {
			(void)till_make_about(till, kinds[j], id);
			must_refuse(till, ERROR_ENDPOINT_MISSING);
		}
		(void)till_make_list(till, KIND_ENDPOINT, ID_NONE, 10);
		page = till_list(till);
		assert_int_equal(page->count, 0);
		assert_int_equal(page->total, 0);
	}
}

static void
it_is_looked_after_more_and_more_seldom(void **state)
{
	static const struct {
		int64_t waited_ms;
		int64_t rest_us;
		bool gave_up;
	} cases[] = {
	    {0, 10000, false},
	    {10, 12500, false},
	    {400, 110000, false},
	    {2000, 250000, false},
	    {HOOKS_WAIT_MS - 251, 250000, false},
	    {HOOKS_WAIT_MS - 250, 250000, true},
	    {HOOKS_WAIT_MS - 1, 1000, true},
	    {HOOKS_WAIT_MS + 1, 0, true},
	};
	static struct command next;
	struct till *till = *state;
	struct id id = begin(till, NULL);
	struct span rest;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(
		    engine_goes_on(till->engine, &till->command, &till->outcome,
			span_from_ms(cases[i].waited_ms), &next, &rest));
		assert_int_equal(next.kind, COMMAND_ENDPOINT_ANSWER);
		assert_true(id_equal(next.target.id, id));
		assert_int_equal(rest.us, cases[i].rest_us);
		assert_int_equal(next.gave_up, cases[i].gave_up);
	}
	/* Also in place, as a worker does it. */
	assert_true(engine_goes_on(till->engine, &next, &till->outcome,
	    (struct span){0}, &next, &rest));
	assert_int_equal(next.kind, COMMAND_ENDPOINT_ANSWER);
	assert_false(next.gave_up);
}

static void
without_an_answer_nothing_is_written(void **state)
{
	struct till *till = *state;
	struct snapshot before;
	struct snapshot after;
	static struct command next;
	struct span rest;
	bool goes_on;

	(void)begin(till, "key");
	snapshot_take(till->store, &before);
	hooks_look(till, 0, ERROR_NONE);
	hooks_look(till, 10, ERROR_NONE);
	snapshot_take(till->store, &after);
	assert_true(snapshot_equal(&before, &after));
	assert_true(till->outcome.asks_outside);
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 23, ERROR_NONE);
	assert_false(till->outcome.asks_outside);
	goes_on = engine_goes_on(till->engine, &till->command, &till->outcome,
	    (struct span){0}, &next, &rest);
	assert_false(goes_on);
}

static void
who_answers_is_enabled(void **state)
{
	struct till *till = *state;
	struct id id = begin(till, "key");
	char text[ENDPOINT_SECRET_BYTES];
	struct endpoint endpoint;
	struct delivery delivery;

	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_NONE);
	hooks_must_be_noted(till, "what=endpoint_create");
	hooks_must_be_noted(till, "to=enabled detail=coin");
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_true(till->outcome.remembered);
	endpoint = hooks_stored(till, id);
	assert_int_equal(endpoint.status, ENDPOINT_ENABLED);
	assert_int_equal(endpoint.ping, PROGRESS_NONE);
	assert_false(id_is_set(endpoint.merchant));
	endpoint_secret_text(endpoint.secret, text);
	assert_string_equal(till->outcome.secret, text);
	assert_true(hooks_has(till, TABLE_LISTS,
	    hooks_listed(till, LIST_ENDPOINTS_OF_OWNER, till->account, id)));
	/* Nothing of the ping waits, and its log is there. */
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
	assert_int_equal(till_rows(till, TABLE_ATTEMPTS), 1);
	assert_true(hooks_find(till, TABLE_DELIVERIES,
	    key_of_delivery(till->account, MODE_TEST, id, id), KIND_DELIVERY,
	    &delivery));
	assert_false(instant_is_set(delivery.due));
	assert_int_equal(delivery.state, DELIVERY_SUCCEEDED);

	/* The key stands for it. */
	(void)begin(till, "key");
	assert_true(till->outcome.replayed);
	till_first(till, KIND_ENDPOINT, &endpoint);
	assert_true(id_equal(endpoint.id, id));
	assert_string_equal(till->outcome.secret, "");
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), 1);
}

static void
who_does_not_answer_leaves_nothing(void **state)
{
	static const struct {
		enum attempt_result result; /* NONE: no answer was seen */
		uint32_t status;
		const char *detail;
	} cases[] = {
	    {ATTEMPT_NONE, 0, "it did not answer in time"},
	    {ATTEMPT_REFUSED, 500, "it answered 500"},
	    {ATTEMPT_REFUSED, 301, "it answered 301"},
	    {ATTEMPT_TIMED_OUT, 0, "it did not answer in time"},
	    {ATTEMPT_UNREACHABLE, 0, "no public host could be connected to"},
	    /* Which of a network's own names there are is not told. */
	    {ATTEMPT_FORBIDDEN, 0, "no public host could be connected to"},
	    {ATTEMPT_TLS_FAILED, 0,
		"its certificate or its TLS was not accepted"},
	    {ATTEMPT_UNREADABLE, 0, "its answer could not be read"},
	};
	struct till *till = *state;
	struct snapshot before;
	struct snapshot after;

	snapshot_take(till->store, &before);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* The key is free again each time. */
		(void)begin(till, i % 2 == 0 ? "key" : NULL);
		assert_false(till->outcome.replayed);
		if (cases[i].result != ATTEMPT_NONE)
			hooks_answer_ping(
			    till, cases[i].result, cases[i].status);
		hooks_look(till,
		    cases[i].result == ATTEMPT_NONE ? HOOKS_WAIT_MS : 10,
		    ERROR_WEBHOOK_UNREACHABLE);
		assert_string_equal(
		    till->outcome.error.detail, cases[i].detail);
		assert_string_equal(till->outcome.error.param, "url");
		assert_false(till->outcome.remembered);
		assert_false(till->outcome.asks_outside);
		assert_string_equal(till->outcome.secret, "");
		snapshot_take(till->store, &after);
		assert_true(snapshot_equal(&before, &after));
	}
}

static void
an_answer_that_comes_with_the_end_of_the_wait_counts(void **state)
{
	struct till *till = *state;
	struct id id = begin(till, "key");

	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 204);
	hooks_look(till, HOOKS_WAIT_MS, ERROR_NONE);
	assert_int_equal(hooks_stored(till, id).status, ENDPOINT_ENABLED);
}

static void
what_vanished_meanwhile_is_refused(void **state)
{
	struct till *till = *state;
	struct id id = begin(till, "key");

	hooks_delete(till, TABLE_ENDPOINTS, hooks_key(till, id));
	hooks_look(till, 10, ERROR_WEBHOOK_UNREACHABLE);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES), 0);
	assert_int_equal(till_rows(till, TABLE_DELIVERIES_DUE), 0);
	assert_int_equal(till_rows(till, TABLE_EVENTS), 0);
	assert_int_equal(till_rows(till, TABLE_IDEMPOTENCY), 0);
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 0);
}

static void
others_may_take_the_last_place(void **state)
{
	struct till *till = *state;
	struct id id = begin(till, "key");
	static struct command mine;

	memcpy(&mine, &till->command, command_size(&till->command));
	for (unsigned i = 0; i < ENDPOINTS_MAX; i++)
		(void)hooks_create(till);
	memcpy(&till->command, &mine, command_size(&mine));
	till->outcome.asks_outside = true;
	till->outcome.fresh = id;
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_PARAMETER_INVALID);
	assert_string_equal(till->outcome.error.param, "url");
	assert_false(hooks_has(till, TABLE_ENDPOINTS, hooks_key(till, id)));
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), ENDPOINTS_MAX);
	assert_int_equal(till_rows(till, TABLE_IDEMPOTENCY), 0);
}

/* -- Keys whose first request never ended ---------------------------------- */

static void
an_equal_request_waits_for_the_first(void **state)
{
	struct till *till = *state;
	struct command *command;

	(void)begin(till, "key");
	command = hooks_make(till);
	command->pings = true;
	till_give_key(till, "key", "create");
	must_refuse(till, ERROR_IDEMPOTENCY_KEY_IN_USE);
	till_give_key(till, "key", "another");
	must_refuse(till, ERROR_IDEMPOTENCY_KEY_REUSE);
}

/* Else an outcome would be left that no key leads to. */
static void
what_a_forgotten_key_remembers_goes_with_the_next_registration(void **state)
{
	struct till *till = *state;

	(void)begin(till, "key");
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_NONE);
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 1);
	till_pass_seconds(till, 24 * 60 * 60);
	(void)begin(till, "key");
	assert_false(till->outcome.replayed);
	hooks_look(till, HOOKS_WAIT_MS, ERROR_WEBHOOK_UNREACHABLE);
	assert_int_equal(till_rows(till, TABLE_IDEMPOTENCY), 0);
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 0);
}

static void
what_nobody_saw_the_end_of_is_begun_anew(void **state)
{
	struct till *till = *state;
	struct id first = begin(till, "key");
	struct id second;

	/* Also where the ping was answered, and its worker dead by then. */
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	till_pass_seconds(till, HOOKS_PENDING_MS / 1000);
	second = begin(till, "key");
	assert_false(till->outcome.replayed);
	assert_true(till->outcome.asks_outside);
	assert_false(id_equal(first, second));
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_NONE);
	(void)begin(till, "key");
	assert_true(till->outcome.replayed);
	assert_int_equal(hooks_stored(till, second).status, ENDPOINT_ENABLED);
	/* Nobody sees the first; the courier removes it. */
	assert_int_equal(hooks_stored(till, first).status, ENDPOINT_PENDING);
}

/* Of neither of the two is anything left, which nothing would lead to. */
static void
what_is_begun_anew_may_come_to_nothing(void **state)
{
	struct till *till = *state;

	(void)begin(till, "key");
	till_pass_seconds(till, HOOKS_PENDING_MS / 1000);
	(void)begin(till, "key");
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 1);
	hooks_answer_ping(till, ATTEMPT_REFUSED, 500);
	hooks_look(till, 10, ERROR_WEBHOOK_UNREACHABLE);
	assert_int_equal(till_rows(till, TABLE_IDEMPOTENCY), 0);
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 0);
}

static void
a_request_that_comes_back_too_late_has_lost(void **state)
{
	static struct command late;
	struct till *till = *state;
	struct id first = begin(till, "key");
	struct id second;

	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	memcpy(&late, &till->command, command_size(&till->command));
	till_pass_seconds(till, HOOKS_PENDING_MS / 1000);
	second = begin(till, "key");
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_NONE);

	memcpy(&till->command, &late, command_size(&late));
	till->outcome.asks_outside = true;
	till->outcome.fresh = first;
	hooks_look(till, 10, ERROR_WEBHOOK_UNREACHABLE);
	assert_false(hooks_has(till, TABLE_ENDPOINTS, hooks_key(till, first)));
	assert_int_equal(hooks_stored(till, second).status, ENDPOINT_ENABLED);
	assert_int_equal(till_rows(till, TABLE_ENDPOINTS), 1);
	/* The key is still the second one's. */
	assert_int_equal(till_rows(till, TABLE_IDEMPOTENCY), 1);
	assert_int_equal(till_rows(till, TABLE_OUTCOMES), 1);
	(void)begin(till, "key");
	assert_true(till->outcome.replayed);
}

static void
a_first_body_that_was_answered_is_replayed_with_its_secret(void **state)
{
	struct till *till = *state;
	char secret[KEY_TEXT_BYTES];
	struct command *command;

	(void)begin(till, "key");
	hooks_answer_ping(till, ATTEMPT_SUCCEEDED, 200);
	hooks_look(till, 10, ERROR_NONE);
	memcpy(secret, till->outcome.secret, sizeof(secret));
	assert_true(secret[0] != '\0');
	command = hooks_make(till);
	command->pings = true;
	till_give_key(till, "key", "create");
	till_must(till, ERROR_NONE);
	assert_true(till->outcome.replayed);
	assert_string_equal(till->outcome.secret, secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HOOKS_TEST(a_ping_is_on_its_way_first),
	    HOOKS_TEST(what_pends_is_not_there),
	    HOOKS_TEST(it_is_looked_after_more_and_more_seldom),
	    HOOKS_TEST(without_an_answer_nothing_is_written),
	    HOOKS_TEST(who_answers_is_enabled),
	    HOOKS_TEST(who_does_not_answer_leaves_nothing),
	    HOOKS_TEST(an_answer_that_comes_with_the_end_of_the_wait_counts),
	    HOOKS_TEST(what_vanished_meanwhile_is_refused),
	    HOOKS_TEST(others_may_take_the_last_place),
	    HOOKS_TEST(an_equal_request_waits_for_the_first),
	    HOOKS_TEST(
		what_a_forgotten_key_remembers_goes_with_the_next_registration),
	    HOOKS_TEST(what_nobody_saw_the_end_of_is_begun_anew),
	    HOOKS_TEST(what_is_begun_anew_may_come_to_nothing),
	    HOOKS_TEST(a_request_that_comes_back_too_late_has_lost),
	    HOOKS_TEST(
		a_first_body_that_was_answered_is_replayed_with_its_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
