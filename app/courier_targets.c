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
	/* A row whose claim came to nothing; longer each time that it fails. */
	REST_MS = 1000,
	REST_MS_MAX = 64 * REST_MS,
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

static bool
is_of(const struct barren *barren, const struct due_delivery *row)
{
	return id_equal(barren->event, row->event) &&
	       barren->due.us == row->due.us;
}

/* Where a row may rest: as before, or in a place that nobody rests in. */
static struct barren *
find_place(struct target *target, const struct due_delivery *row)
{
	struct barren *first = &target->barren[0];

	for (unsigned i = 0; i < TARGET_BARREN_MAX; i++) {
		struct barren *barren = &target->barren[i];

		if (is_of(barren, row))
			return barren;
		if (barren->until.us < first->until.us)
			first = barren;
	}
	return first;
}

bool
target_rest(struct target *target, const struct due_delivery *row,
    bool unreadable, struct span now)
{
	struct barren *place = find_place(target, row);
	int64_t rest_ms = REST_MS;

	if (unreadable && !is_of(place, row) && now.us < place->until.us)
		return false;
	if (unreadable && is_of(place, row))
		rest_ms = 2 * place->rest_ms < REST_MS_MAX ? 2 * place->rest_ms
							   : REST_MS_MAX;
	*place = (struct barren){.event = row->event,
	    .due = row->due,
	    .rest_ms = rest_ms,
	    .until = {now.us + span_from_ms(rest_ms).us}};
	return true;
}

bool
target_rests(const struct target *target, const struct due_delivery *row,
    struct span now)
{
	for (unsigned i = 0; i < TARGET_BARREN_MAX; i++)
		if (now.us < target->barren[i].until.us &&
		    is_of(&target->barren[i], row))
			return true;
	return false;
}

unsigned
target_resting(const struct target *target, struct span now)
{
	unsigned count = 0;

	for (unsigned i = 0; target != NULL && i < TARGET_BARREN_MAX; i++)
		count += now.us < target->barren[i].until.us;
	return count;
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
