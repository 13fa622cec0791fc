#include <assert.h>
#include <string.h>

#include "app/log.h"
#include "app/slots.h"
#include "app/supervision.h"

/* Of the settings in force, and to stay. */
static bool
is_fresh(const struct supervisor *supervisor, const struct process *process)
{
	return process->taken && !process->leaving &&
	       process->generation == supervisor->generation;
}

/* Of older settings, and not told to leave yet. */
static bool
is_old(const struct supervisor *supervisor, const struct process *process)
{
	return process->taken && !process->leaving &&
	       process->generation != supervisor->generation;
}

static bool
serves(const struct process *process)
{
	return process->pid > 0 && process->status->service == PROCESS_SERVES;
}

static unsigned
count_fresh(const struct supervisor *supervisor, const struct crew *crew,
    bool that_serve)
{
	const struct process *place = crew->places;
	unsigned count = 0;

	for (unsigned i = 0; i < crew->place_count; i++, place++)
		if (is_fresh(supervisor, place) &&
		    (!that_serve || serves(place)))
			count++;
	return count;
}

/* -- How many -------------------------------------------------------------- */

/* Half of the places are for those that leave. */
static unsigned
most_of(const struct crew *crew)
{
	return crew->kind->overlaps ? crew->place_count / 2 : crew->place_count;
}

static unsigned
asked_for(const struct settings *settings, const struct process_kind *kind)
{
	const void *setting = (const char *)settings + kind->count;

	if (kind->is_text)
		return *(const char *)setting != '\0';
	return (unsigned)*(const int64_t *)setting;
}

void
crews_size(struct supervisor *supervisor)
{
	struct crew *crew;

	for (size_t i = 0; i < supervisor->crew_count; i++) {
		crew = &supervisor->crews[i];
		crew->wanted = asked_for(supervisor->settings, crew->kind);
		if (crew->wanted > most_of(crew)) {
			log_message("%u instead of %u: the host lets a process "
				    "open too few files (ulimit -Hn)",
			    most_of(crew), crew->wanted);
			crew->wanted = most_of(crew);
		}
		/* Other settings, another try. */
		memset(crew->deaths, 0, sizeof(crew->deaths));
		crew->death_count = 0;
		crew->resumes = span_from_ms(0);
	}
}

void
crews_scale(struct supervisor *supervisor, int difference)
{
	struct crew *crew;
	int64_t wanted;

	for (size_t i = 0; i < supervisor->crew_count; i++) {
		crew = &supervisor->crews[i];
		if (!crew->kind->scales)
			continue;
		wanted = (int64_t)crew->wanted + difference;
		if (wanted < 1 || wanted > most_of(crew)) {
			log_message("%ss: still %u, of 1 to %u",
			    crew->kind->name, crew->wanted, most_of(crew));
			continue;
		}
		crew->wanted = (unsigned)wanted;
		log_notice("%ss: %u", crew->kind->name, crew->wanted);
	}
}

static bool
crew_serves(const struct supervisor *supervisor, const struct crew *crew)
{
	return count_fresh(supervisor, crew, true) >= crew->wanted;
}

bool
crews_serve(const struct supervisor *supervisor, bool all)
{
	const struct crew *crew;

	for (size_t i = 0; i < supervisor->crew_count; i++) {
		crew = &supervisor->crews[i];
		if ((all || crew->kind->scales) &&
		    !crew_serves(supervisor, crew))
			return false;
	}
	return true;
}

/* -- Who comes, and who goes ----------------------------------------------- */

/* Those that make room by themselves: their time is their own. */
static void
note_retired(struct crew *crew)
{
	struct process *place = crew->places;

	for (unsigned i = 0; i < crew->place_count; i++, place++)
		if (place->pid > 0 && !place->leaving &&
		    place->status->service == PROCESS_RETIRES) {
			place->leaving = true;
			place->status->state = PROCESS_LEAVES;
		}
}

/* What old ones do that serve nobody is of no use. */
static void
drop_unborn(struct supervisor *supervisor, struct crew *crew)
{
	struct process *place = crew->places;

	for (unsigned i = 0; i < crew->place_count; i++, place++)
		if (is_old(supervisor, place) && !serves(place))
			process_leave(supervisor, place);
}

/* Of those to stay the one that was started last, or is to be. */
static struct process *
youngest(const struct supervisor *supervisor, const struct crew *crew)
{
	struct process *place = crew->places, *found = NULL;

	for (unsigned i = 0; i < crew->place_count; i++, place++) {
		if (!is_fresh(supervisor, place))
			continue;
		if (found == NULL || place->pid == 0 ||
		    (found->pid != 0 && place->started.us > found->started.us))
			found = place;
	}
	assert(found != NULL);
	return found;
}

/* The lowest free one, so that slots in use are close together; or NULL. */
static struct process *
free_place(const struct crew *crew)
{
	for (unsigned i = 0; i < crew->place_count; i++)
		if (!crew->places[i].taken)
			return &crew->places[i];
	return NULL;
}

static bool
any_leaves(const struct crew *crew)
{
	for (unsigned i = 0; i < crew->place_count; i++)
		if (crew->places[i].leaving)
			return true;
	return false;
}

/* Old ones are to leave, at most so many. */
static void
dismiss(struct supervisor *supervisor, struct crew *crew, unsigned most)
{
	struct process *place = crew->places;

	for (unsigned i = 0; i < crew->place_count && most > 0; i++, place++)
		if (is_old(supervisor, place)) {
			process_leave(supervisor, place);
			most--;
		}
}

static void
balance(struct supervisor *supervisor, struct crew *crew)
{
	struct process *place;
	unsigned fresh;

	note_retired(crew);
	drop_unborn(supervisor, crew);
	fresh = count_fresh(supervisor, crew, false);
	for (; fresh > crew->wanted; fresh--)
		process_leave(supervisor, youngest(supervisor, crew));
	if (crews_serve(supervisor, false) &&
	    (!crew->kind->overlaps || crew_serves(supervisor, crew)))
		dismiss(supervisor, crew, crew->place_count);
	for (; fresh < crew->wanted; fresh++) {
		place = free_place(crew);
		if (place == NULL)
			break;
		process_take(supervisor, place);
	}
	/* All places are taken, by those that wait for who finds none. */
	if (crew->kind->scales && fresh < crew->wanted && !any_leaves(crew))
		dismiss(supervisor, crew, 1);
}

/* Slots of owners that have gone are no longer looked at, once they are FREE.
 */
static void
forget_owners(struct supervisor *supervisor)
{
	struct slots *slots = &supervisor->shared.slots;
	const struct process *place = supervisor->processes;
	unsigned needed = 0, owners = slots_owners(slots);

	for (unsigned i = 0; i < supervisor->shared.places; i++, place++)
		if (place->taken && place->kind->submits &&
		    place->owner >= needed)
			needed = place->owner + 1;
	while (owners > needed && slots_are_free(slots, owners - 1))
		owners--;
	slots_set_owners(slots, owners);
}

void
crews_balance(struct supervisor *supervisor)
{
	const bool ends = supervisor->ending != ENDING_NOT;
	struct crew *crew;

	for (size_t i = 0; i < supervisor->crew_count; i++) {
		crew = &supervisor->crews[i];
		if (!ends || crew->kind->commits)
			balance(supervisor, crew);
	}
	if (!ends)
		forget_owners(supervisor);
}
