/*
 * Events on their way to webhook endpoints, as a courier sees them: what is
 * due, and the commands that claim a delivery and say what became of it.
 *
 * A claim is a lease: until it ends no other courier is told that the delivery
 * is due, and whoever holds it says what the attempt came to, or that there was
 * none.  After a crash the lease ends by itself; the successor of a courier
 * that is known to be dead need not wait for that.
 */
#ifndef ENGINE_DELIVERIES_H
#define ENGINE_DELIVERIES_H

#include "base/time.h"
#include "core/command.h"
#include "core/delivery.h"
#include "engine/engine.h"

/* A row of the queue. */
struct due_delivery {
	struct id account;
	uint8_t mode; /* enum mode */
	struct id endpoint;
	struct id event;
	struct instant due;
};

enum { DUE_DELIVERIES_MAX = 256 };
struct due_deliveries {
	/* Of each endpoint those due first, in the order of its queue. */
	struct due_delivery rows[DUE_DELIVERIES_MAX];
	unsigned count;
	struct instant next;   /* the first not due yet, leases included */
	struct instant oldest; /* of all that is due; NEVER: nothing is */
	uint64_t waiting;      /* rows of the queue, leases included */
};

/* How many more of an endpoint's the courier can begin: it may be 0. */
typedef unsigned due_room(struct id endpoint, void *context);

/*
 * What is due: at most `count_max` (DUE_DELIVERIES_MAX) in all, and of each
 * endpoint as many as it has room for.  Costs a look at each endpoint that
 * anything is on its way to, not at each delivery.  The look begins behind the
 * endpoint `*from` and goes once around, so that all get their turn; *from is
 * then the last endpoint that rows were taken of.
 */
enum store_result engine_due_deliveries(struct engine *engine,
    struct instant now, due_room *room, void *context, unsigned count_max,
    struct id *from, struct due_deliveries *due)
    __attribute__((warn_unused_result));

/*
 * What `holder` has claimed and not ended: up to DUE_DELIVERIES_MAX rows behind
 * *from (at first an empty key), which is moved on; its length is 0 again at
 * the end, and before it there may be calls that find nothing.  `next`,
 * `oldest` and `waiting` are not looked for.  For the successor of a courier
 * that died.
 */
enum store_result engine_held_deliveries(struct engine *engine,
    struct id holder, struct store_key *from, struct due_deliveries *due)
    __attribute__((warn_unused_result));

/*
 * Claims it for `holder`.  The outcome has the delivery, the endpoint and the
 * event, in this order; or no object at all: it is not due any more (another
 * one has it, or had it), or not to be sent (its endpoint is gone or disabled,
 * its event was purged), which is then written down.  The lease ends at the
 * delivery's `due`: the schedule's time-out from `now`, and
 * LEASE_MARGIN_SECONDS.
 */
void engine_claim_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder, struct instant now,
    struct command *command);

/* What an attempt came to; texts are borrowed. */
struct attempt_report {
	struct instant begun;
	struct span duration;
	enum attempt_result result;
	uint32_t status; /* HTTP; 0: no answer */
	struct text reason;
	struct text response;
};
/*
 * Says it of a delivery that `holder` has claimed.  The outcome has the
 * delivery and the endpoint as they now are.  Where the lease has been taken
 * over, or the endpoint deleted meanwhile, no attempt is written and there is
 * no object.  `entropy` is for the jitter.
 */
void engine_end_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder,
    const struct attempt_report *report, uint64_t entropy, struct instant now,
    struct command *command);

/* Gives it back: due at once, as if it had not been claimed. */
void engine_release_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder, struct instant now,
    struct command *command);

/*
 * A look for events made before an instant, and for what was on its way to
 * endpoints of them.  It finds one front after the other: rows of one endpoint,
 * or events of an account's mode, oldest first; deliveries come before the
 * events, so that none outlives its event.  Begun with `before` alone set.
 */
struct old_events {
	struct instant before;
	struct store_key from; /* where it goes on */
	/* The front: KIND_DELIVERY or KIND_EVENT; KIND_NONE: nothing is old. */
	enum kind kind;
	struct id account;
	uint8_t mode;
	struct id endpoint; /* of deliveries */
	bool seen_deliveries;
};
/* Goes on to the first front that has any, which may be the one before. */
enum store_result engine_old_events(struct engine *engine,
    struct old_events *old) __attribute__((warn_unused_result));
/* At most so many events or deliveries go with one COMMAND_EVENTS_FORGET. */
enum { EVENTS_FORGOTTEN_MAX = 256 };
/* The command that forgets the oldest of a front. */
void engine_forget_events(const struct engine *engine,
    const struct old_events *old, struct instant now, struct command *command);

/* How a registration waits for its ping: as engine_goes_on(). */
bool endpoint_goes_on(const struct engine *engine,
    const struct command *command, const struct outcome *outcome,
    struct span waited, struct command *next, struct span *rest);

#endif
