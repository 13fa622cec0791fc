/*
 * Damage to what is on its way to webhook endpoints, to the queue, and to the
 * log of attempts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verify_damage.h"

#define STRANGER ((struct id){{0xee, 1, 2, 3}})

/* What waits for the hook, and has been tried once. */
static struct store_key
waiting(const struct shop *shop)
{
	return shop_delivery(shop, shop->hook, shop->waits);
}

static struct store_key
first_attempt(const struct shop *shop)
{
	return shop_attempt(shop, shop->hook, shop->waits, 1);
}

static struct store_key
due_of_waiting(struct shop *shop)
{
	struct delivery delivery =
	    shop_edit_key(shop, KIND_DELIVERY, waiting(shop))->delivery;

	return key_of_due(delivery.endpoint, delivery.due, delivery.event);
}

/* Changes what waits, or an attempt at it. */
#define CHANGE(name, kind, key, change)                                       \
	void name(struct shop *shop)                                          \
	{                                                                     \
		union record *record = shop_edit_key(shop, KIND_##kind, key); \
                                                                              \
		change;                                                       \
		shop_save(shop);                                              \
	}
CHANGE(
    delivery_in_no_state, DELIVERY, waiting(shop), record->delivery.state = 9)
CHANGE(delivery_of_another_event, DELIVERY, waiting(shop),
    record->delivery.event = STRANGER)
CHANGE(delivery_to_another_endpoint, DELIVERY, waiting(shop),
    record->delivery.endpoint = shop->off)
CHANGE(delivery_with_nothing_left, DELIVERY, waiting(shop),
    record->delivery.left = 0)
CHANGE(delivery_that_is_never_due, DELIVERY, waiting(shop),
    record->delivery.due = INSTANT_NEVER)
CHANGE(delivery_that_was_held_at_its_end, DELIVERY,
    shop_delivery(shop, shop->hook, shop->event),
    record->delivery.holder = STRANGER)
CHANGE(delivery_that_ended_and_is_due, DELIVERY, waiting(shop),
    record->delivery.state = DELIVERY_SUCCEEDED)
CHANGE(delivery_of_more_attempts, DELIVERY, waiting(shop),
    record->delivery.attempts++)
CHANGE(delivery_of_less_attempts, DELIVERY, waiting(shop),
    record->delivery.attempts--)
CHANGE(attempt_without_result, ATTEMPT, first_attempt(shop),
    record->attempt.result = 0)
CHANGE(attempt_with_another_number, ATTEMPT, first_attempt(shop),
    record->attempt.number++)
CHANGE(attempt_at_another_endpoint, ATTEMPT, first_attempt(shop),
    record->attempt.endpoint = shop->off)
CHANGE(attempt_with_a_broken_answer, ATTEMPT, first_attempt(shop),
    record->attempt.response = TEXT("\xff"))

void
delivery_without_event(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_EVENT, shop->waits);

	shop_delete(shop, TABLE_EVENTS, key_text(&key));
}

static void
copy_delivery(struct shop *shop, struct store_key to)
{
	struct store_key from = waiting(shop);

	shop_put(shop, TABLE_DELIVERIES, key_text(&to),
	    shop_get(shop, TABLE_DELIVERIES, key_text(&from)));
}

void
cut_a_delivery_key(struct shop *shop)
{
	struct store_key key = waiting(shop);

	key.length--;
	copy_delivery(shop, key);
}

void
delivery_in_another_mode(struct shop *shop)
{
	copy_delivery(
	    shop, key_of_delivery(shop->account, 7, shop->hook, shop->waits));
}

void
delete_a_delivery(struct shop *shop)
{
	struct store_key key = waiting(shop);

	shop_delete(shop, TABLE_DELIVERIES, key_text(&key));
}

void
delete_from_the_queue(struct shop *shop)
{
	struct store_key key = due_of_waiting(shop);

	shop_delete(shop, TABLE_DELIVERIES_DUE, key_text(&key));
}

void
queue_in_another_mode(struct shop *shop)
{
	struct store_key key = due_of_waiting(shop);
	struct store_key live = key_of_objects(shop->account, MODE_LIVE);

	shop_put(shop, TABLE_DELIVERIES_DUE, key_text(&key), key_text(&live));
}

void
queue_twice(struct shop *shop)
{
	struct store_key key = key_of_due(shop->hook, shop->now, shop->waits);
	struct store_key test = key_of_objects(shop->account, MODE_TEST);

	shop_put(shop, TABLE_DELIVERIES_DUE, key_text(&key), key_text(&test));
}

void
queue_nowhere(struct shop *shop)
{
	struct store_key key = due_of_waiting(shop);

	shop_put(shop, TABLE_DELIVERIES_DUE, key_text(&key), TEXT("nowhere"));
}

void
cut_a_key_of_the_queue(struct shop *shop)
{
	struct store_key key = due_of_waiting(shop);

	key.length--;
	shop_put(shop, TABLE_DELIVERIES_DUE, key_text(&key), TEXT(""));
}

void
attempt_number_zero(struct shop *shop)
{
	struct attempt attempt =
	    shop_edit_key(shop, KIND_ATTEMPT, first_attempt(shop))->attempt;

	attempt.number = 0;
	shop_write(shop, KIND_ATTEMPT,
	    shop_attempt(shop, shop->hook, shop->waits, 0), &attempt);
}

void
delete_an_attempt(struct shop *shop)
{
	struct store_key key = first_attempt(shop);

	shop_delete(shop, TABLE_ATTEMPTS, key_text(&key));
}
