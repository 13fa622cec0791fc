/*
 * How events are delivered: the schedules of both contracts (card.md and
 * stable.md, "Webhooks"), and what an attempt changes.  Pure.
 */
#ifndef CORE_DELIVERY_H
#define CORE_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/names.h"
#include "core/records.h"

enum {
	/* Contract, card.md: the longer one of the two schedules. */
	ATTEMPTS_MAX = 8,
	/* Later by at most so many percent of the wait, so that what failed
	 * together does not come back together. */
	JITTER_PERCENT_MAX = 10,
	/* What an attempt's lease lasts beyond the schedule's time-out: the
	 * courier's own way to the store and back. */
	LEASE_MARGIN_SECONDS = 15,
	/* After so much of nothing but failures an endpoint is disabled. */
	FAILING_SECONDS_MAX = 5 * 24 * 60 * 60,
	/*
	 * ... in which it was tried again and again: a silence of this, longer
	 * than any wait of a schedule, says nothing, and the days begin anew.
	 */
	FAILING_SILENCE_SECONDS_MAX = 4 * 24 * 60 * 60,
	/*
	 * What was made later than this from now was made before the clock was
	 * set back.
	 */
	CLOCK_SET_BACK_SECONDS = 60,
	/* What of an answer's body is kept. */
	RESPONSE_KEPT_BYTES = 1024,
	/* Characters behind `whsec_`, which are also base64 of 24 bytes. */
	ENDPOINT_SECRET_DIGITS = 32,
	/* Of one merchant, or of one account's own, in a mode. */
	ENDPOINTS_MAX = 16,
};

struct attempt_schedule {
	struct span timeout; /* of an attempt */
	unsigned attempts;
	/* Before the attempt with this index; of the first one 0. */
	int64_t delays_s[ATTEMPTS_MAX];
};

/* Of a family (asserted); static. */
const struct attempt_schedule *attempt_schedule_of(enum family family);

/* Whose contract an event's type is of; of endpoint.ping: FAMILY_NONE. */
enum family event_family(enum event_type type);

/* All types of a family: bits 1 << enum event_type, without endpoint.ping. */
uint32_t events_of(enum family family);

/*
 * Whether an endpoint that is enabled is told of an event: of its family, of
 * its merchant, and of a type that it asked for.  A ping is for whom it was
 * made alone: false.
 */
bool endpoint_wants(
    const struct endpoint *endpoint, enum event_type type, struct id merchant);

/* A delivery that has not been tried yet: due at once. */
struct delivery delivery_first(const struct endpoint *endpoint, struct id event,
    unsigned attempts, struct instant now);

/*
 * Whether its time has come: also where it was never tried, and was made at a
 * time that is yet to come, since then the clock was set back.
 */
bool delivery_is_due(const struct delivery *delivery, struct instant now);

/* How long a lease lasts, of an endpoint's family. */
struct span delivery_lease(enum family family);

/* No lease and no retry that was put at `now` ends later. */
struct instant delivery_due_max(struct instant now);

/*
 * Whether a lease or a retry ends later than it could have been put from now:
 * the clock was set back.  True: it is to end at *due, after the
 * whole of its wait from now.
 */
bool delivery_waits_too_long(const struct delivery *delivery,
    enum family family, struct instant now, struct instant *due);

/*
 * The operator wants another attempt, whatever came of it until now: due now,
 * or still when it was due before.  One more is made of what had none left;
 * else it is the next of the schedule, which goes on behind it.
 */
void delivery_renew(struct delivery *delivery, struct instant now);

/*
 * An attempt has ended: changes the delivery (its state, what is left, when it
 * is due again: after the schedule's delay from the attempt's begin, and
 * `jitter` of it, 0 to JITTER_PERCENT_MAX * 100 in hundredths of a percent) and
 * the endpoint (since when it fails, and when it last did; disabled after
 * FAILING_SECONDS_MAX of nothing but failures).  Where the endpoint is
 * disabled, or is from now on, a failure is the last word.  True: the endpoint
 * has changed.
 */
bool delivery_attempted(struct delivery *delivery, struct endpoint *endpoint,
    const struct attempt *attempt, unsigned jitter, struct instant now);

/* The whole text of an endpoint's secret: `whsec_...`, and a NUL. */
enum { ENDPOINT_SECRET_BYTES = 6 + ENDPOINT_SECRET_DIGITS + 1 };
void endpoint_secret_text(struct text digits, char to[ENDPOINT_SECRET_BYTES]);

#endif
