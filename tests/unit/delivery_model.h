/*
 * Webhook endpoints and what is on its way to them as a model counts them, for
 * the property test.  Times are in microseconds; 0 is never.
 */
#ifndef UNIT_DELIVERY_MODEL_H
#define UNIT_DELIVERY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/names.h"
#include "core/records.h"

/* The status of an endpoint that was deleted. */
enum { HOUSE_GONE = ENDPOINT_STATUS_COUNT };

/* Where events go to. */
struct house {
	struct id id;
	unsigned merchant; /* of the test's; behind the last: any */
	enum family family;
	unsigned status;       /* enum endpoint_status; or HOUSE_GONE */
	int64_t failing, last; /* since when, and when last */
};

/* An event on its way to one. */
struct parcel {
	struct house *house;
	struct id event;
	enum delivery_state state;
	unsigned attempts, left;
	bool resent;
	unsigned holder; /* of couriers, from 1; 0: nobody */
	int64_t created;
	int64_t due;  /* 0: it is not in the queue */
	bool dropped; /* its endpoint was deleted: no row of it is left */
};

struct parcel parcel_first(struct house *house, struct id event, int64_t now);
/* Also what was made before the clock was set back. */
bool parcel_is_due(const struct parcel *parcel, int64_t now);
/* Of one that is due.  True: the courier has it. */
bool parcel_claim(struct parcel *parcel, unsigned holder, int64_t now);
/* Of one that is not: it is due no later than if it waited from now on. */
void parcel_look_at(struct parcel *parcel, int64_t now);
/* What an attempt came to that has just begun; without jitter. */
void parcel_end(struct parcel *parcel, enum attempt_result result, int64_t now);
void parcel_resend(struct parcel *parcel, int64_t now);

#endif
