#include "app/slots.h"

#include <assert.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/crash.h"

/*
 * All accesses to what both sides write are sequentially consistent (the
 * default of C11's operators): the owner writes READY and then reads `asleep`,
 * the committer writes `asleep` and then reads the states, and one of the two
 * sees the other's write, or a command would wait for a committer that sleeps.
 */

/* Slots of all owners that there may be. */
static unsigned
room_for(const struct slots *slots)
{
	return slots->capacity * slots->each;
}

static struct slot_head *
head_of(const struct slots *slots, unsigned slot)
{
	assert(slot < room_for(slots));
	return &slots->shared->heads[slot];
}

static struct slot_body *
body_of(const struct slots *slots, unsigned slot)
{
	struct slot_body *bodies =
	    (struct slot_body *)&slots->shared->heads[room_for(slots)];

	assert(slot < room_for(slots));
	return &bodies[slot];
}

size_t
slots_bytes(unsigned capacity, unsigned each)
{
	const size_t one = sizeof(struct slot_head) + sizeof(struct slot_body);

	return sizeof(struct shared_slots) + (size_t)capacity * each * one;
}

void
slots_init(struct slots *slots, struct shared_slots *shared, unsigned capacity,
    unsigned each, const uint8_t generation[GENERATION_BYTES])
{
	assert(capacity > 0);
	assert(each > 0);
	*slots = (struct slots){
	    .shared = shared, .capacity = capacity, .each = each};
	memcpy(slots->generation, generation, GENERATION_BYTES);
}

unsigned
slots_count(const struct slots *slots)
{
	const uint32_t owners = slots->shared->owners;

	return (owners < slots->capacity ? owners : slots->capacity) *
	       slots->each;
}

unsigned
slots_owner(const struct slots *slots, unsigned slot)
{
	assert(slot < room_for(slots));
	return slot / slots->each;
}

struct command *
slots_command(struct slots *slots, unsigned slot)
{
	return &body_of(slots, slot)->command;
}

struct outcome *
slots_outcome(struct slots *slots, unsigned slot)
{
	return &body_of(slots, slot)->outcome;
}

enum slot_state
slots_state(const struct slots *slots, unsigned slot)
{
	const uint32_t state = head_of(slots, slot)->state;

	return state < SLOT_DAMAGED ? (enum slot_state)state : SLOT_DAMAGED;
}

/* From one state to another; false when it is in a third one. */
static bool
move(struct slots *slots, unsigned slot, enum slot_state from,
    enum slot_state to)
{
	uint32_t expected = (uint32_t)from;

	return atomic_compare_exchange_strong(
	    &head_of(slots, slot)->state, &expected, (uint32_t)to);
}

/* The same, where nobody else may have moved it. */
static void
must_move(struct slots *slots, unsigned slot, enum slot_state from,
    enum slot_state to)
{
	bool moved = move(slots, slot, from, to);

	assert(moved);
}

/* -- The bell -------------------------------------------------------------- */

/* The memory is shared between processes: no FUTEX_PRIVATE_FLAG. */
static void
futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	/* Woken, a signal, another value meanwhile: the caller looks anew. */
	(void)syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

void
slots_ring(struct slots *slots)
{
	atomic_fetch_add(&slots->shared->bell, 1);
	futex(&slots->shared->bell, FUTEX_WAKE, INT_MAX);
}

static bool
any_ready(const struct slots *slots)
{
	const unsigned count = slots_count(slots);

	for (unsigned i = 0; i < count; i++)
		if (slots_state(slots, i) == SLOT_READY)
			return true;
	return false;
}

bool
slots_sleep(struct slots *slots, void (*resting)(void *), void *context)
{
	struct shared_slots *shared = slots->shared;
	uint32_t heard;
	bool ready;

	if (any_ready(slots))
		return true;
	shared->asleep = 1;
	heard = shared->bell;
	CRASH_POINT(COMMITTER_ASLEEP);
	ready = any_ready(slots);
	if (!ready && !slots_is_closing(slots) && !slots_is_retiring(slots)) {
		resting(context);
		futex(&shared->bell, FUTEX_WAIT, heard);
	}
	shared->asleep = 0;
	return ready || any_ready(slots);
}

void
slots_wake(struct slots *slots)
{
	slots->shared->asleep = 0;
	slots->shared->retiring = 0;
	slots->shared->closing = slots->closing;
	slots->shared->owners = slots->owners;
}

void
slots_set_owners(struct slots *slots, unsigned owners)
{
	assert(owners <= slots->capacity);
	slots->owners = owners;
	slots->shared->owners = owners;
}

unsigned
slots_owners(const struct slots *slots)
{
	return slots->owners;
}

/* Empties a slot for good; false when somebody else moved it meanwhile. */
static bool
wipe(struct slots *slots, unsigned slot)
{
	struct slot_body *body = body_of(slots, slot);
	uint32_t state = head_of(slots, slot)->state;

	/* A key that was made is its client's alone from now on. */
	explicit_bzero(body->command.entropy, sizeof(body->command.entropy));
	explicit_bzero(body->outcome.secret, sizeof(body->outcome.secret));
	return state >= SLOT_DONE &&
	       atomic_compare_exchange_strong(
		   &head_of(slots, slot)->state, &state, SLOT_FREE);
}

bool
slots_are_free(struct slots *slots, unsigned owner)
{
	const unsigned first = owner * slots->each;

	for (unsigned i = first; i < first + slots->each; i++)
		if (slots_state(slots, i) != SLOT_FREE &&
		    (slots_state(slots, i) < SLOT_DONE || !wipe(slots, i)))
			return false;
	return true;
}

void
slots_retire(struct slots *slots)
{
	slots->shared->retiring = 1;
	slots_ring(slots);
}

bool
slots_is_retiring(const struct slots *slots)
{
	return slots->shared->retiring != 0;
}

void
slots_close(struct slots *slots)
{
	slots->closing = true;
	slots->shared->closing = 1;
	slots_ring(slots);
}

bool
slots_is_closing(const struct slots *slots)
{
	return slots->shared->closing != 0;
}

/* -- The owner's side ------------------------------------------------------ */

void
slots_write(struct slots *slots, unsigned slot, const struct command *command)
{
	memcpy(&body_of(slots, slot)->command, command, command_size(command));
}

void
slots_read(const struct slots *slots, unsigned slot, struct outcome *outcome)
{
	if (slots_state(slots, slot) == SLOT_DONE &&
	    outcome_copy(outcome, &body_of(slots, slot)->outcome))
		return;
	outcome_init(outcome);
	refuse(&outcome->error, ERROR_INTERNAL_ERROR);
}

bool
slots_submit(struct slots *slots, unsigned slot)
{
	head_of(slots, slot)->suspect = 0;
	CRASH_POINT(OWNER_WRITTEN);
	must_move(slots, slot, SLOT_FREE, SLOT_READY);
	CRASH_POINT(OWNER_READY);
	return slots->shared->asleep != 0;
}

bool
slots_withdraw(struct slots *slots, unsigned slot)
{
	return move(slots, slot, SLOT_READY, SLOT_FREE);
}

void
slots_free(struct slots *slots, unsigned slot)
{
	bool wiped = wipe(slots, slot);

	assert(wiped);
}

bool
slots_reclaim(struct slots *slots, unsigned slot)
{
	if (slots_state(slots, slot) >= SLOT_DONE)
		slots_free(slots, slot);
	return slots_state(slots, slot) == SLOT_FREE ||
	       slots_withdraw(slots, slot);
}

/* -- The committer's side -------------------------------------------------- */

uint64_t
slots_begin_batch(struct slots *slots)
{
	slots->shared->batch = ++slots->batch;
	return slots->batch;
}

bool
slots_take(struct slots *slots, unsigned count, unsigned first, bool others,
    unsigned *place)
{
	assert(count <= room_for(slots));
	for (; *place < first + count; (*place)++) {
		struct slot_head *head = head_of(slots, *place % count);

		if (head->state != SLOT_READY)
			continue;
		if (others && slots_is_suspect(slots, *place % count))
			return false;
		/* Before TAKEN, or a death in between would leave an old one.
		 */
		head->batch = slots->batch;
		if (move(slots, *place % count, SLOT_READY, SLOT_TAKEN))
			return true;
	}
	return false;
}

bool
slots_is_suspect(const struct slots *slots, unsigned slot)
{
	return head_of(slots, slot)->suspect != 0;
}

void
slots_put_back(struct slots *slots, unsigned slot)
{
	must_move(slots, slot, SLOT_TAKEN, SLOT_READY);
}

void
slots_finish(struct slots *slots, unsigned slot)
{
	must_move(slots, slot, SLOT_TAKEN, SLOT_DONE);
}

struct batch_mark
slots_mark(const struct slots *slots)
{
	struct batch_mark mark = {.number = slots->batch};

	memcpy(mark.generation, slots->generation, GENERATION_BYTES);
	return mark;
}

/*
 * A committer has ended with this one; true: a second one has.  Told apart by
 * the batch, since whoever sorts may end as well, and another begins anew.
 */
static bool
accuse(struct slot_head *head)
{
	if (head->suspect != 0 && head->suspect != head->batch)
		return true;
	head->suspect = head->batch;
	return false;
}

void
slots_recover(struct slots *slots, const struct batch_mark *mark)
{
	const unsigned count = slots_count(slots);
	struct batch_mark last;
	bool committed;

	slots->batch = slots->shared->batch;
	last = slots_mark(slots);
	committed =
	    mark->number == last.number &&
	    memcmp(mark->generation, last.generation, GENERATION_BYTES) == 0;

	for (unsigned i = 0; i < count; i++) {
		struct slot_head *head = head_of(slots, i);

		if (head->state != SLOT_TAKEN)
			continue;
		CRASH_POINT(COMMITTER_RECOVERS);
		if (committed && head->batch == last.number)
			slots_finish(slots, i);
		else if (!accuse(head))
			slots_put_back(slots, i);
	}
}
