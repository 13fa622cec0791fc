#include <assert.h>
#include <stdlib.h>

#include "app/clock.h"
#include "app/courier_work.h"
#include "base/bytes.h"

enum {
	/*
	 * An endpoint that fails is left alone for a moment, longer each time:
	 * thousands of events that wait for one that is dead would otherwise
	 * take as many commits as those of one that is well.
	 */
	PAUSE_MS_MIN = 10,
	PAUSE_MS_MAX = 80,
	/* What takes longer is slow: few receivers do. */
	SLOW_MS = 2000,
};

bool
targets_open(struct targets *targets)
{
	const size_t count = (size_t)TARGET_ROWS * TARGET_WAYS;

	targets->all = calloc(count, sizeof(*targets->all));
	if (targets->all == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		TAILQ_INIT(&targets->all[i].flights);
	return true;
}

void
targets_close(struct targets *targets)
{
	free(targets->all);
	targets->all = NULL;
}

/* The places that an endpoint can have. */
static struct target *
row_of(const struct targets *targets, struct id endpoint)
{
	/* The random end of the id. */
	const uint64_t number =
	    bytes_get_le64(endpoint.bytes + ID_BYTES - sizeof(uint64_t));

	return &targets->all[number % TARGET_ROWS * TARGET_WAYS];
}

bool
target_is_proved(const struct target *target)
{
	return target != NULL && target->heard && !target->failing &&
	       !target->slow;
}

struct target *
target_find(const struct targets *targets, struct id endpoint)
{
	struct target *row = row_of(targets, endpoint);

	assert(id_is_set(endpoint));
	for (unsigned i = 0; i < TARGET_WAYS; i++)
		if (id_equal(row[i].endpoint, endpoint))
			return &row[i];
	return NULL;
}

void
target_rest(
    struct target *target, const struct due_delivery *row, struct span until)
{
	target->barren = row->event;
	target->barren_due = row->due;
	target->barren_until = until;
}

bool
target_rests(const struct target *target, const struct due_delivery *row,
    struct span now)
{
	return now.us < target->barren_until.us &&
	       id_equal(target->barren, row->event) &&
	       target->barren_due.us == row->due.us;
}

struct target *
target_take(struct targets *targets, struct id endpoint)
{
	struct target *row = row_of(targets, endpoint);
	struct target *target = target_find(targets, endpoint);

	if (target != NULL)
		return target;
	for (unsigned i = 0; i < TARGET_WAYS; i++)
		if (row[i].flight_count == 0 &&
		    (target == NULL || row[i].used.us < target->used.us))
			target = &row[i];
	if (target == NULL)
		return NULL;
	*target = (struct target){.endpoint = endpoint};
	TAILQ_INIT(&target->flights);
	return target;
}

void
target_attempted(
    struct target *target, bool fails, struct span duration, struct span now)
{
	target->heard = true;
	target->failing = fails;
	target->slow = duration.us > span_from_ms(SLOW_MS).us;
	if (!fails)
		target->pause_ms = 0;
	else if (target->pause_ms == 0)
		target->pause_ms = PAUSE_MS_MIN;
	else if (target->pause_ms < PAUSE_MS_MAX)
		target->pause_ms *= 2;
	target->rests =
	    (struct span){now.us + span_from_ms(target->pause_ms).us};
}
