/*
 * Two processes with an engine each on one file of LMDB: whatever both do to
 * one intent, or with one key, has one effect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "engine_steps.h"
#include "store_files.h"

enum { PROCESSES = 2, ROUNDS = 20, AMOUNT = 1000, PART = 300 };

/* What a process has seen; in memory that all share. */
struct tally {
	unsigned errors[ERROR_COUNT]; /* [ERROR_NONE]: went well */
	unsigned replays;
};

/* Makes the command of a round. */
typedef void make_function(struct world *world, struct id intent, int round);

struct contest {
	const struct world *like; /* borrowed: what there is */
	const struct id *intents; /* borrowed; one a round */
	make_function *makes[PROCESSES];
	int times;	     /* each process, a round */
	int64_t latency_ms;  /* of the processor */
	struct tally *tally; /* shared; one a process */
	int process;
};

/* The body of a process. */
static void
compete(struct child *self, void *context)
{
	struct contest *contest = context;
	struct world *world = world_join(files_open_in_child(), contest->like);
	struct tally *tally = &contest->tally[contest->process];

	/* Other ids than the other process's. */
	world->serial += 1000000 * (uint64_t)(contest->process + 1);
	if (contest->latency_ms > 0)
		world_engine(
		    world, world->store, contest->latency_ms, 5000, 10000);
	child_pause(self);
	for (int i = 0; i < ROUNDS * contest->times; i++) {
		int round = i / contest->times;

		contest->makes[contest->process](
		    world, contest->intents[round], round);
		(void)world_run(world);
		tally->errors[world->outcome.error.id]++;
		tally->replays += world->outcome.replayed;
	}
	child_pause(self);
	world_close(world);
}

/* Runs the contest between the processes; the sum of what they saw. */
static struct tally
hold(struct contest *contest)
{
	struct child children[PROCESSES];
	struct tally sum = {0};

	contest->tally = mmap(NULL, PROCESSES * sizeof(struct tally),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(contest->tally, MAP_FAILED);
	for (int i = 0; i < PROCESSES; i++) {
		contest->process = i;
		child_start(&children[i], compete, contest);
		child_await(&children[i]);
	}
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(write(children[i].steps, ".", 1), 1);
	for (int i = 0; i < PROCESSES; i++)
		child_await(&children[i]);
	for (int i = 0; i < PROCESSES; i++) {
		child_finish(&children[i]);
		sum.replays += contest->tally[i].replays;
		for (unsigned j = 0; j < ERROR_COUNT; j++)
			sum.errors[j] += contest->tally[i].errors[j];
	}
	(void)munmap(contest->tally, PROCESSES * sizeof(struct tally));
	return sum;
}

/* A world on a file, with an intent for each round. */
struct ground {
	struct world *world;
	struct id intents[ROUNDS];
};

static struct ground ground;

/* Makes the intents; then lets go of the file, as before a fork. */
static void
prepare(const char *method)
{
	struct world *world = world_open(files.store);

	files.store = NULL;
	ground.world = world;
	for (int i = 0; i < ROUNDS; i++)
		ground.intents[i] =
		    method == NULL
			? world_create(world, AMOUNT, METHOD_MANUAL)
			: world_confirmed(world, AMOUNT, METHOD_MANUAL, method);
	store_close(world->store);
}

/* Opens the file again. */
static struct world *
look(void)
{
	files_must_open();
	world_engine(ground.world, files.store, 0, 0, 1000);
	files.store = NULL;
	return ground.world;
}

static int
teardown(void **state)
{
	world_verify(ground.world);
	world_close(ground.world);
	return files_teardown(state);
}

static void
confirm(struct world *world, struct id intent, int round)
{
	(void)round;
	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, intent),
	    GIVEN_PAYMENT_METHOD, "pm_card_visa");
}

static void
capture(struct world *world, struct id intent, int round)
{
	(void)round;
	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_CAPTURE, intent), AMOUNT);
}

static void
cancel(struct world *world, struct id intent, int round)
{
	(void)round;
	(void)world_make_about(world, COMMAND_INTENT_CANCEL, intent);
}

static void
refund(struct world *world, struct id intent, int round)
{
	(void)round;
	command_give_amount(
	    world_make_about(world, COMMAND_INTENT_REFUND, intent), PART);
}

static void
create_with_a_key(struct world *world, struct id intent, int round)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);
	char key[16];

	(void)intent;
	(void)snprintf(key, sizeof(key), "key %d", round);
	command_give_amount(command, AMOUNT);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	command_give_key(command, key, key);
}

static void
confirm_with_a_key(struct world *world, struct id intent, int round)
{
	char key[16];

	confirm(world, intent, round);
	(void)snprintf(key, sizeof(key), "key %d", round);
	command_give_key(&world->command, key, key);
}

static void
both_confirm_and_one_succeeds(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {confirm, confirm},
	    .times = 2,
	};
	struct tally sum;
	struct world *world;

	(void)state;
	prepare(NULL);
	contest.like = ground.world;
	sum = hold(&contest);
	world = look();
	assert_int_equal(sum.errors[ERROR_NONE], ROUNDS);
	assert_int_equal(
	    sum.errors[ERROR_PAYMENT_INTENT_UNEXPECTED_STATE], 3 * ROUNDS);
	for (int i = 0; i < ROUNDS; i++) {
		(void)world_intent(world, ground.intents[i]);
		assert_int_equal(world_count(world, KIND_CHARGE), 1);
	}
}

static void
both_capture_and_one_succeeds(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {capture, capture},
	    .times = 2,
	};
	struct tally sum;
	struct world *world;

	(void)state;
	prepare("pm_card_visa");
	contest.like = ground.world;
	sum = hold(&contest);
	world = look();
	assert_int_equal(sum.errors[ERROR_NONE], ROUNDS);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(world_charge(world, ground.intents[i])
				     .amount_captured.units,
		    AMOUNT);
}

static void
one_captures_one_cancels_and_one_of_them_wins(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {capture, cancel},
	    .times = 2,
	};
	unsigned ended = 0;
	struct tally sum;
	struct world *world;

	(void)state;
	prepare("pm_card_visa");
	contest.like = ground.world;
	sum = hold(&contest);
	world = look();
	assert_int_equal(sum.errors[ERROR_NONE], ROUNDS);
	for (int i = 0; i < ROUNDS; i++) {
		struct intent intent = world_intent(world, ground.intents[i]);

		ended += intent.state == STATE_SUCCEEDED ||
			 intent.state == STATE_CANCELED;
	}
	assert_int_equal(ended, ROUNDS);
}

/* Of 1000 there are three parts of 300. */
static void
both_refund_parts_and_no_more_than_there_is(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {refund, refund},
	    .times = 4,
	};
	struct tally sum;
	struct world *world;

	(void)state;
	prepare("pm_card_visa");
	world = look();
	for (int i = 0; i < ROUNDS; i++) {
		capture(world, ground.intents[i], i);
		world_must(world, ERROR_NONE);
	}
	store_close(world->store);
	contest.like = world;
	sum = hold(&contest);
	world = look();
	assert_int_equal(sum.errors[ERROR_NONE], 3 * ROUNDS);
	assert_int_equal(sum.errors[ERROR_AMOUNT_TOO_LARGE], 5 * ROUNDS);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(world_charge(world, ground.intents[i])
				     .amount_refunded.units,
		    3 * PART);
}

static void
both_create_with_one_key_and_one_acts(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {create_with_a_key, create_with_a_key},
	    .times = 3,
	};
	struct snapshot before;
	struct snapshot after;
	struct tally sum;
	struct world *world;

	(void)state;
	prepare(NULL);
	world = look();
	snapshot_take(world->store, &before);
	store_close(world->store);
	contest.like = world;
	sum = hold(&contest);
	world = look();
	snapshot_take(world->store, &after);
	assert_int_equal(sum.errors[ERROR_NONE], 6 * ROUNDS);
	assert_int_equal(sum.replays, 5 * ROUNDS);
	assert_int_equal(
	    after.rows[TABLE_INTENTS], before.rows[TABLE_INTENTS] + ROUNDS);
	assert_int_equal(
	    after.rows[TABLE_CHARGES], before.rows[TABLE_CHARGES] + ROUNDS);
	assert_int_equal(
	    after.rows[TABLE_OUTCOMES], before.rows[TABLE_OUTCOMES] + ROUNDS);
}

/* The one that comes second waits for the processor's answer to the first. */
static void
while_a_processor_outside_is_asked_the_second_waits(void **state)
{
	struct contest contest = {
	    .intents = ground.intents,
	    .makes = {confirm_with_a_key, confirm_with_a_key},
	    .times = 1,
	    .latency_ms = 2,
	};
	struct tally sum;
	struct world *world;

	(void)state;
	prepare(NULL);
	contest.like = ground.world;
	sum = hold(&contest);
	world = look();
	assert_int_equal(sum.errors[ERROR_NONE], 2 * ROUNDS);
	assert_int_equal(sum.replays, ROUNDS);
	for (int i = 0; i < ROUNDS; i++) {
		must_be_state(world_intent(world, ground.intents[i]).state,
		    STATE_REQUIRES_CAPTURE);
		assert_int_equal(world_count(world, KIND_CHARGE), 1);
	}
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, files_setup_store, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(both_confirm_and_one_succeeds),
	    TEST(both_capture_and_one_succeeds),
	    TEST(one_captures_one_cancels_and_one_of_them_wins),
	    TEST(both_refund_parts_and_no_more_than_there_is),
	    TEST(both_create_with_one_key_and_one_acts),
	    TEST(while_a_processor_outside_is_asked_the_second_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
