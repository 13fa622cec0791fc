/*
 * The slots: who may move a command from where to where, and what a new
 * committer makes of what its predecessor has left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "app/slots.h"
#include "child.h"

enum { OWNERS = 3, EACH = 2, COUNT = OWNERS * EACH };

static const uint8_t generation[GENERATION_BYTES] = "one server life";

static int
set_up(void **state)
{
	static struct slots slots;
	size_t bytes = slots_bytes(OWNERS, EACH);
	struct shared_slots *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(shared, MAP_FAILED);
	slots_init(&slots, shared, OWNERS, EACH, generation);
	slots_set_owners(&slots, OWNERS);
	*state = &slots;
	return 0;
}

static int
tear_down(void **state)
{
	const struct slots *slots = *state;

	return munmap(slots->shared, slots_bytes(OWNERS, EACH));
}

static void
must_be(struct slots *slots, unsigned slot, enum slot_state state)
{
	assert_int_equal(slots_state(slots, slot), state);
}

/* With the committer awake. */
static void
submit(struct slots *slots, unsigned slot)
{
	assert_false(slots_submit(slots, slot));
}

/* Takes one that has to be there. */
static void
must_take(struct slots *slots, unsigned slot)
{
	unsigned cursor = slot;

	assert_true(slots_take(slots, COUNT, slot, false, &cursor));
	assert_int_equal(cursor, slot);
	must_be(slots, slot, SLOT_TAKEN);
}

static void
a_command_goes_there_and_its_outcome_comes_back(void **state)
{
	struct slots *slots = *state;

	command_init(slots_command(slots, 3), COMMAND_KEY_TOUCH);
	assert_false(slots_submit(slots, 3));
	must_be(slots, 3, SLOT_READY);
	assert_int_equal(slots_begin_batch(slots), 1);
	must_take(slots, 3);
	assert_int_equal(slots_command(slots, 3)->kind, COMMAND_KEY_TOUCH);
	outcome_init(slots_outcome(slots, 3));
	slots_finish(slots, 3);
	must_be(slots, 3, SLOT_DONE);
	slots_free(slots, 3);
	must_be(slots, 3, SLOT_FREE);
}

static void
every_slot_has_room_of_its_own(void **state)
{
	struct slots *slots = *state;
	const char *end =
	    (const char *)slots->shared + slots_bytes(OWNERS, EACH);

	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(slots_owner(slots, i), i / EACH);
		memset(slots_command(slots, i), (int)i, sizeof(struct command));
		memset(slots_outcome(slots, i), (int)i, sizeof(struct outcome));
	}
	assert_true((const char *)(slots_outcome(slots, COUNT - 1) + 1) <= end);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(slots_command(slots, i)->bytes[7], (int)i);
		assert_int_equal(slots_outcome(slots, i)->bytes[7], (int)i);
		must_be(slots, i, SLOT_FREE);
	}
}

static void
what_is_taken_cannot_be_withdrawn(void **state)
{
	struct slots *slots = *state;

	assert_false(slots_withdraw(slots, 0));
	submit(slots, 0);
	assert_true(slots_withdraw(slots, 0));
	must_be(slots, 0, SLOT_FREE);
	submit(slots, 0);
	(void)slots_begin_batch(slots);
	must_take(slots, 0);
	assert_false(slots_withdraw(slots, 0));
	slots_put_back(slots, 0);
	assert_true(slots_withdraw(slots, 0));
	submit(slots, 0);
	must_take(slots, 0);
	slots_finish(slots, 0);
	assert_false(slots_withdraw(slots, 0));
	must_be(slots, 0, SLOT_DONE);
}

static void
a_batch_takes_what_is_ready_in_turn(void **state)
{
	struct slots *slots = *state;
	unsigned cursor = 4;

	for (unsigned i = 0; i < COUNT; i += 2)
		submit(slots, i);
	(void)slots_begin_batch(slots);
	/* From 4 on, around, and not a second time. */
	for (unsigned expected = 4; expected <= 8; expected += 2) {
		assert_true(slots_take(slots, COUNT, 4, false, &cursor));
		assert_int_equal(cursor++, expected);
	}
	slots_put_back(slots, 4);
	assert_false(slots_take(slots, COUNT, 4, false, &cursor));
	assert_int_equal(cursor, 4 + COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		must_be(slots, i,
		    i == 4	 ? SLOT_READY
		    : i % 2 == 0 ? SLOT_TAKEN
				 : SLOT_FREE);
}

/* Each state, each batch, each mark: what the successor makes of it. */
static void
a_successor_runs_again_what_was_not_committed(void **state)
{
	enum { OLD = 6, LAST = 7 };
	static const struct {
		enum slot_state before;
		unsigned batch;
		uint64_t mark;
		uint8_t life;
		enum slot_state after;
	} rows[] = {
	    {SLOT_FREE, LAST, LAST, 0, SLOT_FREE},
	    {SLOT_READY, LAST, LAST, 0, SLOT_READY},
	    {SLOT_DONE, LAST, OLD, 0, SLOT_DONE},
	    {SLOT_DONE, LAST, LAST, 0, SLOT_DONE},
	    {SLOT_TAKEN, LAST, LAST, 0, SLOT_DONE},
	    {SLOT_TAKEN, LAST, OLD, 0, SLOT_READY},
	    {SLOT_TAKEN, LAST, LAST + 1, 0, SLOT_READY},
	    {SLOT_TAKEN, LAST, 0, 0, SLOT_READY},
	    /* Another server's batch of the same number. */
	    {SLOT_TAKEN, LAST, LAST, 1, SLOT_READY},
	    /* An older batch's, whatever is committed since. */
	    {SLOT_TAKEN, OLD, LAST, 0, SLOT_READY},
	    {SLOT_TAKEN, OLD, OLD, 0, SLOT_READY},
	};
	struct slots *slots = *state;

	slots->shared->batch = LAST;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch_mark mark = slots_mark(slots);

		mark.number = rows[i].mark;
		mark.generation[0] =
		    (uint8_t)(mark.generation[0] + rows[i].life);
		slots->shared->heads[1].state = (uint32_t)rows[i].before;
		slots->shared->heads[1].batch = rows[i].batch;
		slots->shared->heads[1].suspect = 0;
		slots_recover(slots, &mark);
		must_be(slots, 1, rows[i].after);
		must_be(slots, 2, SLOT_FREE);
	}
}

/* A committer's death, before the batch was committed. */
static void
die(struct slots *slots)
{
	struct batch_mark mark = slots_mark(slots);

	mark.number--;
	slots_recover(slots, &mark);
	/* Its successor, too, dies while it sorts. */
	slots_recover(slots, &mark);
}

/* Two in a batch; then each alone; the one that is the cause no third time. */
static void
what_ends_committers_is_found_and_not_run_again(void **state)
{
	struct slots *slots = *state;
	unsigned cursor = 0;

	submit(slots, 1);
	submit(slots, 2);
	(void)slots_begin_batch(slots);
	must_take(slots, 1);
	must_take(slots, 2);
	die(slots);
	must_be(slots, 1, SLOT_READY);
	must_be(slots, 2, SLOT_READY);
	assert_true(slots_is_suspect(slots, 1));

	/* What came later has nothing to do with it, and goes on beside. */
	submit(slots, 0);
	(void)slots_begin_batch(slots);
	assert_true(slots_take(slots, COUNT, 0, false, &cursor));
	assert_int_equal(cursor++, 0);
	assert_false(slots_is_suspect(slots, 0));
	assert_false(slots_take(slots, COUNT, 0, true, &cursor));
	assert_int_equal(cursor, 1);
	slots_finish(slots, 0);

	(void)slots_begin_batch(slots);
	must_take(slots, 1);
	slots_put_back(slots, 1);
	(void)slots_begin_batch(slots);
	must_take(slots, 1);
	die(slots);
	must_be(slots, 1, SLOT_TAKEN);
	must_be(slots, 2, SLOT_READY);
	die(slots);
	must_be(slots, 1, SLOT_TAKEN);
	slots_finish(slots, 1);
	slots_free(slots, 1);

	(void)slots_begin_batch(slots);
	must_take(slots, 2);
	slots_finish(slots, 2);
	slots_free(slots, 2);
	/* Another command is not to blame for what was there before. */
	submit(slots, 1);
	assert_false(slots_is_suspect(slots, 1));
}

static void
count_rest(void *context)
{
	(*(unsigned *)context)++;
}

static void
submit_and_ring(struct child *self, void *context)
{
	struct slots *slots = context;

	if (slots_submit(slots, 5))
		slots_ring(slots);
	child_pause(self);
}

static void
a_sleeper_wakes_for_a_command_and_for_the_end(void **state)
{
	struct slots *slots = *state;
	unsigned rests = 0;
	struct child child;

	child_start(&child, submit_and_ring, slots);
	/* However it falls out: before, during or after going to sleep. */
	while (!slots_sleep(slots, count_rest, &rests))
		continue;
	must_be(slots, 5, SLOT_READY);
	child_await(&child);
	child_finish(&child);
	rests = 0;
	assert_true(slots_sleep(slots, count_rest, &rests));
	assert_int_equal(rests, 0);
	assert_true(slots_withdraw(slots, 5));
	slots_close(slots);
	assert_false(slots_sleep(slots, count_rest, &rests));
	assert_int_equal(rests, 0);
}

/* What an owner left that has gone; the committer's part stays its. */
static void
slots_of_one_that_has_gone_become_free(void **state)
{
	struct slots *slots = *state;

	assert_true(slots_are_free(slots, 2));
	submit(slots, 4);
	submit(slots, 5);
	assert_false(slots_are_free(slots, 2));
	must_be(slots, 4, SLOT_READY);
	(void)slots_begin_batch(slots);
	must_take(slots, 4);
	must_take(slots, 5);
	slots_finish(slots, 4);
	assert_false(slots_are_free(slots, 2));
	must_be(slots, 4, SLOT_FREE);
	must_be(slots, 5, SLOT_TAKEN);
	slots_finish(slots, 5);
	assert_true(slots_are_free(slots, 2));
	must_be(slots, 5, SLOT_FREE);
}

static void
what_nobody_uses_is_not_looked_at(void **state)
{
	struct slots *slots = *state;
	unsigned cursor = 0;

	slots_set_owners(slots, 1);
	assert_int_equal(slots_count(slots), EACH);
	slots_set_owners(slots, 2);
	submit(slots, EACH);
	/* Of a batch that began before there were two. */
	assert_false(slots_take(slots, EACH, 1, false, &cursor));
	cursor = 1;
	assert_true(slots_take(slots, 2 * EACH, 1, false, &cursor));
	assert_int_equal(cursor % (2 * EACH), EACH);
}

static void
a_committer_that_is_to_retire_does_not_sleep(void **state)
{
	struct slots *slots = *state;
	unsigned rests = 0;

	slots_retire(slots);
	assert_true(slots_is_retiring(slots));
	assert_false(slots_sleep(slots, count_rest, &rests));
	assert_int_equal(rests, 0);
	slots_wake(slots);
	assert_false(slots_is_retiring(slots));
}

static void
overwrite(struct child *self, void *context)
{
	const struct slots *slots = context;

	memset(slots->shared, 0xff, slots_bytes(OWNERS, EACH));
	child_pause(self);
}

/* Where things lie, and what the supervisor says, nobody else can change. */
static void
what_others_overwrite_is_not_followed(void **state)
{
	struct slots *slots = *state;
	static struct outcome outcome;
	const char *place = (const char *)slots_outcome(slots, COUNT - 1);
	unsigned cursor = 0;
	struct child child;

	child_start(&child, overwrite, slots);
	child_await(&child);
	child_finish(&child);
	assert_ptr_equal(slots_outcome(slots, COUNT - 1), place);
	assert_int_equal(slots_count(slots), COUNT);
	assert_int_equal(slots_owner(slots, COUNT - 1), OWNERS - 1);
	assert_int_equal(slots_owners(slots), OWNERS);
	assert_false(slots_take(slots, COUNT, 0, false, &cursor));
	slots_read(slots, 0, &outcome);
	assert_int_equal(outcome.error.id, ERROR_INTERNAL_ERROR);
	must_be(slots, 0, SLOT_DAMAGED);
	assert_true(slots_reclaim(slots, 0));
	assert_true(slots_are_free(slots, OWNERS - 1));
	must_be(slots, COUNT - 1, SLOT_FREE);
	slots_set_owners(slots, 1);
	slots->shared->owners = 2;
	assert_true(slots_is_closing(slots));
	slots_wake(slots);
	assert_false(slots_is_closing(slots));
	assert_false(slots_is_retiring(slots));
	assert_int_equal(slots_count(slots), EACH);
}

/* What says that it is done, and is none: nobody knows what has happened. */
static void
an_outcome_that_is_none_is_unknown(void **state)
{
	struct slots *slots = *state;
	static struct outcome outcome;

	outcome_init(slots_outcome(slots, 0));
	slots->shared->heads[0].state = SLOT_DONE;
	slots_read(slots, 0, &outcome);
	assert_int_equal(outcome.error.id, ERROR_NONE);
	slots_outcome(slots, 0)->length = OUTCOME_BYTES_MAX + 1;
	slots_read(slots, 0, &outcome);
	assert_int_equal(outcome.error.id, ERROR_INTERNAL_ERROR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    TEST(a_command_goes_there_and_its_outcome_comes_back),
	    TEST(every_slot_has_room_of_its_own),
	    TEST(what_is_taken_cannot_be_withdrawn),
	    TEST(a_batch_takes_what_is_ready_in_turn),
	    TEST(a_successor_runs_again_what_was_not_committed),
	    TEST(what_ends_committers_is_found_and_not_run_again),
	    TEST(a_sleeper_wakes_for_a_command_and_for_the_end),
	    TEST(slots_of_one_that_has_gone_become_free),
	    TEST(what_nobody_uses_is_not_looked_at),
	    TEST(a_committer_that_is_to_retire_does_not_sleep),
	    TEST(what_others_overwrite_is_not_followed),
	    TEST(an_outcome_that_is_none_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
