#include "hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/delivery.h"
#include "rows.h"

static void
begin(struct till *till)
{
	const struct engine_options options = {
	    .store = till->store,
	    .request_timeout = span_from_ms(HOOKS_PENDING_MS),
	    .registration_wait = span_from_ms(HOOKS_WAIT_MS),
	};

	engine_close(till->engine);
	till->engine = engine_open(&options);
	assert_non_null(till->engine);
	till->scope.merchant = till_merchant_plain(till);
	till->scope.family = FAMILY_CARD;
}

int
hooks_setup_memory(void **state)
{
	(void)till_setup_memory(state);
	begin(*state);
	return 0;
}

int
hooks_setup_lmdb(void **state)
{
	(void)till_setup_lmdb(state);
	begin(*state);
	return 0;
}

struct command *
hooks_make(struct till *till)
{
	struct command *command = till_make(till, COMMAND_ENDPOINT_CREATE);

	till_keep(till, HOOKS_URL, &command->url);
	memset(command->entropy, (int)till->serial, sizeof(command->entropy));
	return command;
}

struct id
hooks_create(struct till *till)
{
	struct id id = hooks_make(till)->fresh;

	till_must(till, ERROR_NONE);
	return id;
}

void
hooks_begin(struct till *till)
{
	engine_apply(till->engine, &till->command, &till->outcome);
	assert_int_equal(till->outcome.error.id, ERROR_NONE);
}

void
hooks_look(struct till *till, int64_t waited_ms, enum error_id error)
{
	static struct command next;
	struct span rest;

	assert_true(engine_goes_on(till->engine, &till->command, &till->outcome,
	    span_from_ms(waited_ms), &next, &rest));
	engine_apply(till->engine, &next, &till->outcome);
	assert_int_equal(till->outcome.error.id, error);
}

void
hooks_answer_ping(
    struct till *till, enum attempt_result result, uint32_t status)
{
	struct id id = till->command.fresh;
	const struct scope *scope = &till->command.scope;
	struct endpoint endpoint = hooks_stored(till, id);
	struct delivery delivery = {.event = id,
	    .endpoint = id,
	    .state = result == ATTEMPT_SUCCEEDED ? DELIVERY_SUCCEEDED
						 : DELIVERY_FAILED,
	    .attempts = 1,
	    .created = till->now,
	    .due = instant_plus(till->now, span_from_seconds(60))};
	const struct attempt attempt = {.event = id,
	    .endpoint = id,
	    .number = 1,
	    .begun = till->now,
	    .result = (uint8_t)result,
	    .status = status};

	endpoint.ping =
	    result == ATTEMPT_SUCCEEDED ? PROGRESS_SUCCEEDED : PROGRESS_FAILED;
	hooks_put(till, TABLE_ENDPOINTS, hooks_key(till, id), KIND_ENDPOINT,
	    &endpoint);
	hooks_put(till, TABLE_DELIVERIES,
	    key_of_delivery(scope->account, scope->mode, id, id), KIND_DELIVERY,
	    &delivery);
	hooks_put(till, TABLE_ATTEMPTS,
	    key_of_attempt(scope->account, scope->mode, id, id, 1),
	    KIND_ATTEMPT, &attempt);
	hooks_delete(till, TABLE_DELIVERIES_DUE, key_of_due(id, till->now, id));
	hooks_put_row(
	    till, TABLE_DELIVERIES_DUE, key_of_due(id, delivery.due, id));
}

void
hooks_put(struct till *till, enum table table, struct store_key key,
    enum kind kind, const void *record)
{
	row_put_record(till->store, table, key_text(&key), kind, record);
}

void
hooks_put_row(struct till *till, enum table table, struct store_key key)
{
	row_put(till->store, table, key_text(&key), TEXT(""));
}

void
hooks_delete(struct till *till, enum table table, struct store_key key)
{
	row_delete(till->store, table, key_text(&key));
}

bool
hooks_has(struct till *till, enum table table, struct store_key key)
{
	struct text value;

	return row_find(till->store, table, key_text(&key), &value);
}

bool
hooks_find(struct till *till, enum table table, struct store_key key,
    enum kind kind, void *record)
{
	return row_find_record(
	    till->store, table, key_text(&key), kind, record);
}

struct store_key
hooks_key(const struct till *till, struct id id)
{
	return key_of_object(till->scope.account, till->scope.mode, id);
}

struct store_key
hooks_listed(
    const struct till *till, enum list list, struct id owner, struct id id)
{
	return key_of_list_row(
	    till->scope.account, till->scope.mode, list, owner, id);
}

struct endpoint
hooks_stored(struct till *till, struct id id)
{
	struct endpoint endpoint;

	assert_true(hooks_find(till, TABLE_ENDPOINTS, hooks_key(till, id),
	    KIND_ENDPOINT, &endpoint));
	return endpoint;
}

void
hooks_must_be_noted(struct till *till, const char *text)
{
	char bytes[AUDIT_LINE_BYTES_MAX + 1];
	struct audit_state log;
	struct text line;

	assert_int_equal(engine_audit_state(till->engine, &log), STORE_OK);
	assert_int_equal(
	    engine_audit_line(till->engine, log.head.sequence, bytes, &line),
	    STORE_OK);
	assert_true(line.length < sizeof(bytes));
	bytes[line.length] = '\0';
	if (strstr(bytes, text) == NULL)
		fail_msg("%s is not in %s", text, bytes);
}
