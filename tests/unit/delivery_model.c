#include "delivery_model.h"

#define SECOND INT64_C(1000000)
#define DAY (24 * 60 * 60 * SECOND)

/* Contract, card.md and stable.md, "Webhooks"; in seconds. */
static const struct {
	unsigned attempts;
	int64_t lease; /* an attempt's time-out, and a margin of 15 s */
	int64_t waits[8];
} contracts[FAMILY_COUNT] = {
    [FAMILY_CARD] = {8, 45, {0, 60, 300, 1800, 7200, 28800, 86400, 259200}},
    [FAMILY_COIN] = {6, 20, {0, 60, 300, 1800, 7200, 43200}},
};

struct parcel
parcel_first(struct house *house, struct id event, int64_t now)
{
	return (struct parcel){
	    .house = house,
	    .event = event,
	    .state = DELIVERY_PENDING,
	    .left = contracts[house->family].attempts,
	    .created = now,
	    .due = now,
	};
}

bool
parcel_is_due(const struct parcel *parcel, int64_t now)
{
	return parcel->due <= now ||
	       (parcel->attempts == 0 && parcel->holder == 0 &&
		   parcel->created > now + 60 * SECOND);
}

bool
parcel_claim(struct parcel *parcel, unsigned holder, int64_t now)
{
	const struct house *house = parcel->house;

	parcel->due = 0;
	if (house->status == HOUSE_GONE) {
		parcel->dropped = true;
		return false;
	}
	if (house->status != ENDPOINT_ENABLED && !parcel->resent) {
		parcel->state = DELIVERY_CANCELED;
		parcel->holder = 0;
		return false;
	}
	parcel->holder = holder;
	parcel->due = now + contracts[house->family].lease * SECOND;
	return true;
}

void
parcel_look_at(struct parcel *parcel, int64_t now)
{
	const struct house *house = parcel->house;
	const unsigned done = contracts[house->family].attempts - parcel->left;
	int64_t wait = contracts[house->family].lease;

	if (house->status == HOUSE_GONE) {
		parcel->dropped = true;
		parcel->due = 0;
		return;
	}
	if (parcel->holder == 0)
		wait =
		    parcel->resent ? 0 : contracts[house->family].waits[done];
	/* A tenth of jitter, and a minute that a clock may be off. */
	if (parcel->due > now + wait * SECOND * 11 / 10 + 60 * SECOND)
		parcel->due = now + wait * SECOND;
}

/* Disabled after 5 days of failures, none of them 4 days after another. */
static void
fail_house(struct house *house, int64_t now)
{
	if (house->status != ENDPOINT_ENABLED)
		return;
	if (house->failing == 0 || now - house->last >= 4 * DAY)
		house->failing = now;
	house->last = now;
	if (now - house->failing >= 5 * DAY)
		house->status = ENDPOINT_DISABLED;
}

static void
fail_parcel(struct parcel *parcel, int64_t now)
{
	const struct house *house = parcel->house;
	const unsigned done = contracts[house->family].attempts - parcel->left;

	if (parcel->left == 0)
		parcel->state = DELIVERY_FAILED;
	else if (house->status == ENDPOINT_DISABLED)
		parcel->state = DELIVERY_CANCELED;
	else
		parcel->due =
		    now + contracts[house->family].waits[done] * SECOND;
}

void
parcel_end(struct parcel *parcel, enum attempt_result result, int64_t now)
{
	struct house *house = parcel->house;

	parcel->due = 0;
	if (house->status == HOUSE_GONE) {
		parcel->dropped = true;
		return;
	}
	parcel->attempts++;
	parcel->left--;
	parcel->holder = 0;
	parcel->resent = false;
	if (result == ATTEMPT_SUCCEEDED) {
		house->failing = house->last = 0;
		parcel->state = DELIVERY_SUCCEEDED;
		parcel->left = 0;
	} else {
		fail_house(house, now);
		fail_parcel(parcel, now);
	}
}

void
parcel_resend(struct parcel *parcel, int64_t now)
{
	/* One that is being attempted is left alone. */
	if (parcel->holder != 0 && parcel->due > now)
		return;
	parcel->state = DELIVERY_PENDING;
	parcel->holder = 0;
	parcel->resent = true;
	if (parcel->left == 0)
		parcel->left = 1;
	if (parcel->due == 0 || parcel->due > now)
		parcel->due = now;
}
