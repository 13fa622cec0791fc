/*
 * Webhook endpoints and what is on its way to them, for tests with a till:
 * written and read behind the engine's back.
 */
#ifndef UNIT_POST_H
#define UNIT_POST_H

#include "core/delivery.h"
#include "engine/deliveries.h"
#include "till.h"

/* All types of an endpoint's family; one type. */
#define POST_ALL (UINT32_C(1) << EVENT_NONE)
#define POST_TYPE(type) (UINT32_C(1) << (type))

/*
 * Writes an endpoint of till->scope's account and mode with its list row; a
 * pending one has none.  What is 0 in `like` is: enabled, coins, all types.
 */
struct id post_endpoint(struct till *till, const struct endpoint *like);
/* One of the whole account, for events of coins, or of cards. */
struct id post_endpoint_plain(struct till *till, enum family family);
/* Reads and writes its record; texts are dead.  Read: false if it is gone. */
bool post_get_endpoint(
    struct till *till, struct id id, struct endpoint *endpoint);
void post_put_endpoint(struct till *till, const struct endpoint *endpoint);
void post_set_status(
    struct till *till, struct id id, enum endpoint_status status);
void post_delete_endpoint(struct till *till, struct id id);
void post_delete_event(struct till *till, struct id id);

/* An event made for it: a customer's, or a payment's that was cancelled. */
struct id post_card_event(struct till *till, struct id merchant);
struct id post_coin_event(struct till *till, struct id merchant);

/* A ping on its way to an endpoint, with one attempt, due now: the event. */
struct id post_ping(struct till *till, struct id endpoint);

/* False: there is none.  Of an attempt the texts live until the next read. */
bool post_get(struct till *till, struct id endpoint, struct id event,
    struct delivery *delivery);
bool post_get_attempt(struct till *till, struct id endpoint, struct id event,
    uint32_t number, struct attempt *attempt);

/* The delivery as it now is: it must be there, in this state, so often tried.
 * In the queue it has one row, exactly where it says. */
struct delivery post_must(struct till *till, struct id endpoint,
    struct id event, enum delivery_state state, unsigned attempts);

/* What is due, with room for `room` of each endpoint; borrowed. */
const struct due_deliveries *post_due(struct till *till, unsigned room);
/* The one delivery that is due. */
struct due_delivery post_only_due(struct till *till);

/* Runs them; the outcome is till->outcome. */
void post_claim(
    struct till *till, const struct due_delivery *row, struct id holder);
void post_end(struct till *till, const struct due_delivery *row,
    struct id holder, enum attempt_result result);
void post_release(
    struct till *till, const struct due_delivery *row, struct id holder);
/* An unset endpoint: all. */
void post_resend(struct till *till, struct id event, struct id endpoint,
    enum error_id error);

/* Claims by two couriers. */
extern const struct id post_first, post_second;

#endif
