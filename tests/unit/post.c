#include "post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine_steps.h"
#include "rows.h"

const struct id post_first = {{1, 1, 1}};
const struct id post_second = {{2, 2, 2}};

/* -- Rows ------------------------------------------------------------------ */

static struct store_key
object_key(const struct till *till, struct id id)
{
	return key_of_object(till->scope.account, till->scope.mode, id);
}

/* -- Endpoints ------------------------------------------------------------- */

bool
post_get_endpoint(struct till *till, struct id id, struct endpoint *endpoint)
{
	struct store_key key = object_key(till, id);

	return row_find_record(till->store, TABLE_ENDPOINTS, key_text(&key),
	    KIND_ENDPOINT, endpoint);
}

void
post_put_endpoint(struct till *till, const struct endpoint *endpoint)
{
	struct store_key key = object_key(till, endpoint->id);

	row_put_record(till->store, TABLE_ENDPOINTS, key_text(&key),
	    KIND_ENDPOINT, endpoint);
}

static struct store_key
list_key(const struct till *till, const struct endpoint *endpoint)
{
	return key_of_list_row(till->scope.account, till->scope.mode,
	    LIST_ENDPOINTS_OF_OWNER,
	    id_is_set(endpoint->merchant) ? endpoint->merchant
					  : till->scope.account,
	    endpoint->id);
}

struct id
post_endpoint(struct till *till, const struct endpoint *like)
{
	struct endpoint endpoint = *like;
	struct store_key row;

	endpoint.id = till_make(till, COMMAND_ENDPOINT_CREATE)->fresh;
	endpoint.url = TEXT("https://shop.example/hooks");
	endpoint.secret = TEXT("0123456789abcdef0123456789abcdef");
	endpoint.created = till->now;
	if (endpoint.family == FAMILY_NONE)
		endpoint.family = FAMILY_COIN;
	if (endpoint.status == ENDPOINT_NONE)
		endpoint.status = ENDPOINT_ENABLED;
	if (endpoint.events == 0)
		endpoint.events = POST_ALL;
	post_put_endpoint(till, &endpoint);
	row = list_key(till, &endpoint);
	if (endpoint.status != ENDPOINT_PENDING)
		row_put(till->store, TABLE_LISTS, key_text(&row), TEXT(""));
	return endpoint.id;
}

struct id
post_endpoint_plain(struct till *till, enum family family)
{
	return post_endpoint(
	    till, &(struct endpoint){.family = (uint8_t)family});
}

void
post_set_status(struct till *till, struct id id, enum endpoint_status status)
{
	struct endpoint endpoint;

	assert_true(post_get_endpoint(till, id, &endpoint));
	endpoint.status = (uint8_t)status;
	post_put_endpoint(till, &endpoint);
}

void
post_delete_endpoint(struct till *till, struct id id)
{
	struct endpoint endpoint;
	struct store_key key = object_key(till, id);

	assert_true(post_get_endpoint(till, id, &endpoint));
	row_delete(till->store, TABLE_ENDPOINTS, key_text(&key));
	key = list_key(till, &endpoint);
	row_delete(till->store, TABLE_LISTS, key_text(&key));
}

void
post_delete_event(struct till *till, struct id id)
{
	struct store_key key = object_key(till, id);

	row_delete(till->store, TABLE_EVENTS, key_text(&key));
}

/* -- Events ---------------------------------------------------------------- */

struct id
post_card_event(struct till *till, struct id merchant)
{
	struct command *command = till_make(till, COMMAND_CUSTOMER_CREATE);

	command->scope.merchant = merchant;
	command_give(command, GIVEN_EMAIL, "a@example.com");
	till_must(till, ERROR_NONE);
	return command->fresh;
}

struct id
post_coin_event(struct till *till, struct id merchant)
{
	struct id intent = till_create(till, merchant, 10000000);

	till_do(till, COMMAND_COIN_CANCEL, intent);
	return till->command.fresh;
}

struct id
post_ping(struct till *till, struct id endpoint)
{
	struct id account = till->scope.account;
	uint8_t mode = till->scope.mode;
	const struct endpoint to = {.id = endpoint};
	const struct event event = {
	    .id = till_make(till, COMMAND_ENDPOINT_TEST)->fresh,
	    .type = EVENT_ENDPOINT_PING,
	    .created = till->now,
	};
	struct delivery delivery = delivery_first(&to, event.id, 1, till->now);
	struct store_key key = object_key(till, event.id);
	struct store_key value = key_of_objects(account, mode);

	row_put_record(
	    till->store, TABLE_EVENTS, key_text(&key), KIND_EVENT, &event);
	key = key_of_delivery(account, mode, endpoint, event.id);
	row_put_record(till->store, TABLE_DELIVERIES, key_text(&key),
	    KIND_DELIVERY, &delivery);
	key = key_of_due(endpoint, till->now, event.id);
	row_put(till->store, TABLE_DELIVERIES_DUE, key_text(&key),
	    key_text(&value));
	return event.id;
}

/* -- Deliveries ------------------------------------------------------------ */

bool
post_get(struct till *till, struct id endpoint, struct id event,
    struct delivery *delivery)
{
	struct store_key key = key_of_delivery(
	    till->scope.account, till->scope.mode, endpoint, event);

	return row_find_record(till->store, TABLE_DELIVERIES, key_text(&key),
	    KIND_DELIVERY, delivery);
}

bool
post_get_attempt(struct till *till, struct id endpoint, struct id event,
    uint32_t number, struct attempt *attempt)
{
	struct store_key key = key_of_attempt(
	    till->scope.account, till->scope.mode, endpoint, event, number);

	return row_find_record(
	    till->store, TABLE_ATTEMPTS, key_text(&key), KIND_ATTEMPT, attempt);
}

struct queued {
	struct id endpoint;
	struct id event;
	unsigned count;
};

static bool
queued_visit(struct text key, struct text value, void *context)
{
	struct queued *queued = context;

	(void)value;
	queued->count +=
	    id_equal(key_id(key), queued->event) &&
	    memcmp(key.bytes, queued->endpoint.bytes, ID_BYTES) == 0;
	return true;
}

struct delivery
post_must(struct till *till, struct id endpoint, struct id event,
    enum delivery_state state, unsigned attempts)
{
	struct queued queued = {endpoint, event, 0};
	struct delivery delivery;
	struct store_key key, mode;
	struct text value;

	assert_true(post_get(till, endpoint, event, &delivery));
	assert_string_equal(
	    name_text(&delivery_state_names, delivery.state).bytes,
	    name_text(&delivery_state_names, state).bytes);
	assert_int_equal(delivery.attempts, attempts);
	assert_int_equal(engine_visit(till->engine, TABLE_DELIVERIES_DUE,
			     queued_visit, &queued),
	    STORE_OK);
	assert_int_equal(queued.count, instant_is_set(delivery.due));
	if (!instant_is_set(delivery.due))
		return delivery;
	key = key_of_due(endpoint, delivery.due, event);
	assert_true(row_find(
	    till->store, TABLE_DELIVERIES_DUE, key_text(&key), &value));
	mode = key_of_objects(till->scope.account, till->scope.mode);
	assert_true(text_equal(value, key_text(&mode)));
	return delivery;
}

static unsigned
room_for(struct id endpoint, void *context)
{
	(void)endpoint;
	return *(const unsigned *)context;
}

const struct due_deliveries *
post_due(struct till *till, unsigned room)
{
	static struct due_deliveries due;
	struct id from = ID_NONE;

	assert_int_equal(engine_due_deliveries(till->engine, till->now,
			     room_for, &room, DUE_DELIVERIES_MAX, &from, &due),
	    STORE_OK);
	return &due;
}

struct due_delivery
post_only_due(struct till *till)
{
	const struct due_deliveries *due = post_due(till, 2);

	assert_int_equal(due->count, 1);
	return due->rows[0];
}

/* -- Couriers -------------------------------------------------------------- */

void
post_claim(struct till *till, const struct due_delivery *row, struct id holder)
{
	engine_claim_delivery(
	    till->engine, row, holder, till->now, &till->command);
	till_must(till, ERROR_NONE);
}

void
post_end(struct till *till, const struct due_delivery *row, struct id holder,
    enum attempt_result result)
{
	const struct attempt_report report = {
	    .begun = till->now,
	    .duration = span_from_ms(1500),
	    .result = result,
	    .status = result == ATTEMPT_SUCCEEDED ? 204 : 500,
	    .reason = result == ATTEMPT_SUCCEEDED ? TEXT_NONE
						  : TEXT("it answered 500"),
	    .response = TEXT("an answer"),
	};

	engine_end_delivery(
	    till->engine, row, holder, &report, 0, till->now, &till->command);
	till_must(till, ERROR_NONE);
}

void
post_release(
    struct till *till, const struct due_delivery *row, struct id holder)
{
	engine_release_delivery(
	    till->engine, row, holder, till->now, &till->command);
	till_must(till, ERROR_NONE);
}

void
post_resend(
    struct till *till, struct id event, struct id endpoint, enum error_id error)
{
	struct command *command = till_make(till, COMMAND_DELIVERY_RESEND);

	command->event = event;
	command->endpoint = endpoint;
	till_must(till, error);
}
