/*
 * The shop's webhooks, written as the engine leaves them: what an endpoint
 * made of the past needs no receiver then, nor days of attempts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "core/delivery.h"
#include "core/outcome.h"
#include "verify_shop.h"

#define SECRET TEXT("0123456789abcdefghijklmnopqrstuv")

struct store_key
shop_delivery(const struct shop *shop, struct id endpoint, struct id event)
{
	return key_of_delivery(shop->account, MODE_TEST, endpoint, event);
}

struct store_key
shop_attempt(const struct shop *shop, struct id endpoint, struct id event,
    uint32_t number)
{
	return key_of_attempt(
	    shop->account, MODE_TEST, endpoint, event, number);
}

static struct id
fresh_id(struct shop *shop)
{
	static uint8_t count;
	uint8_t random[ID_RANDOM_BYTES] = {0xaa, ++count};

	shop->now = instant_plus(shop->now, span_from_seconds(1));
	return id_make(shop->now, random);
}

static void
list_endpoint(struct shop *shop, struct id owner, struct id endpoint)
{
	struct store_key row = key_of_list_row(
	    shop->account, MODE_TEST, LIST_ENDPOINTS_OF_OWNER, owner, endpoint);

	shop_put(shop, TABLE_LISTS, key_text(&row), TEXT(""));
}

/* As an endpoint is; the caller knows its status and its family. */
static struct id
write_endpoint(struct shop *shop, struct endpoint like)
{
	struct store_key place;

	like.id = fresh_id(shop);
	like.url = TEXT("https://shop.example/hook");
	like.secret = SECRET;
	like.created = shop->now;
	place = shop_place(shop, KIND_ENDPOINT, like.id);
	shop_write(shop, KIND_ENDPOINT, place, &like);
	return like.id;
}

static void
write_delivery(struct shop *shop, const struct delivery *delivery)
{
	struct store_key objects = key_of_objects(shop->account, MODE_TEST);
	struct store_key due =
	    key_of_due(delivery->endpoint, delivery->due, delivery->event);

	shop_write(shop, KIND_DELIVERY,
	    shop_delivery(shop, delivery->endpoint, delivery->event), delivery);
	if (instant_is_set(delivery->due))
		shop_put(shop, TABLE_DELIVERIES_DUE, key_text(&due),
		    key_text(&objects));
}

static void
write_attempt(struct shop *shop, const struct delivery *delivery,
    uint32_t number, enum attempt_result result)
{
	const struct attempt attempt = {
	    .event = delivery->event,
	    .endpoint = delivery->endpoint,
	    .number = number,
	    .begun = shop->now,
	    .duration_ms = 12,
	    .result = (uint8_t)result,
	    .status = result == ATTEMPT_SUCCEEDED ? 200 : 500,
	};

	shop_write(shop, KIND_ATTEMPT,
	    shop_attempt(shop, delivery->endpoint, delivery->event, number),
	    &attempt);
}

/* The second attempt at the first event went well; another one waits. */
static void
make_hook(struct shop *shop)
{
	struct delivery delivery;
	struct endpoint hook = {
	    .merchant = shop->merchant,
	    .family = FAMILY_CARD,
	    .status = ENDPOINT_ENABLED,
	    .events = 1u << EVENT_NONE,
	    .old_secret = SECRET,
	    .old_until = shop->now,
	};

	shop->hook = write_endpoint(shop, hook);
	list_endpoint(shop, shop->merchant, shop->hook);
	hook.id = shop->hook;
	delivery = delivery_first(&hook, shop->event, 8, shop->now);
	delivery.state = DELIVERY_SUCCEEDED;
	delivery.attempts = 2;
	delivery.left = 0;
	delivery.due = INSTANT_NEVER;
	write_delivery(shop, &delivery);
	write_attempt(shop, &delivery, 1, ATTEMPT_REFUSED);
	write_attempt(shop, &delivery, 2, ATTEMPT_SUCCEEDED);
	shop->waits = shop->gone;
	delivery = delivery_first(&hook, shop->waits, 8, shop->now);
	delivery.attempts = 1;
	delivery.left = 7;
	write_delivery(shop, &delivery);
	write_attempt(shop, &delivery, 1, ATTEMPT_TIMED_OUT);
}

static void
make_disabled(struct shop *shop)
{
	shop->off =
	    write_endpoint(shop, (struct endpoint){.family = FAMILY_COIN,
				     .status = ENDPOINT_DISABLED,
				     .events = 1u << EVENT_COIN_CONFIRMED,
				     .disabled_reason = DISABLED_BY_FAILURES,
				     .disabled = shop->now});
	list_endpoint(shop, shop->account, shop->off);
}

static void
write_ping(struct shop *shop, const struct endpoint *endpoint)
{
	static struct outcome objects;
	struct event event = {
	    .id = fresh_id(shop),
	    .type = EVENT_ENDPOINT_PING,
	    .created = shop->now,
	};

	outcome_init(&objects);
	outcome_put(&objects, KIND_ENDPOINT, endpoint);
	event.objects = outcome_objects(&objects);
	shop->ping = event.id;
	shop_write(
	    shop, KIND_EVENT, shop_place(shop, KIND_EVENT, event.id), &event);
}

/* Its answer has come, and nobody has made anything of it yet. */
static void
make_asked(struct shop *shop)
{
	struct endpoint asked = {
	    .family = FAMILY_COIN,
	    .status = ENDPOINT_PENDING,
	    .events = events_of(FAMILY_COIN),
	    .ping = PROGRESS_SUCCEEDED,
	};
	struct delivery delivery;

	shop->asked = write_endpoint(shop, asked);
	asked.id = shop->asked;
	write_ping(shop, &asked);
	delivery = delivery_first(&asked, shop->ping, 1, shop->now);
	delivery.state = DELIVERY_SUCCEEDED;
	delivery.attempts = 1;
	delivery.left = 0;
	write_delivery(shop, &delivery);
	write_attempt(shop, &delivery, 1, ATTEMPT_SUCCEEDED);
}

/* What is on its way to an endpoint that is gone; and what has ended. */
static void
make_closed(struct shop *shop)
{
	const struct endpoint closed = {.id = fresh_id(shop)};
	struct delivery delivery =
	    delivery_first(&closed, shop->event, 8, shop->now);

	shop->closed = closed.id;
	write_delivery(shop, &delivery);
	delivery.event = fresh_id(shop);
	delivery.state = DELIVERY_CANCELED;
	delivery.due = INSTANT_NEVER;
	write_delivery(shop, &delivery);
}

void
shop_make_webhooks(struct shop *shop)
{
	make_hook(shop);
	make_disabled(shop);
	make_asked(shop);
	make_closed(shop);
}
