/*
 * What a courier remembers of endpoints.
 */
#include "app/courier_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Endpoints of one number have the same places. */
static struct id
endpoint(unsigned number, uint8_t which)
{
	struct id id = {{which + 1}};

	bytes_put_le64(id.bytes + ID_BYTES - sizeof(uint64_t), number);
	return id;
}

static void
who_was_taken_is_found(void **state)
{
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	assert_null(target_find(&targets, endpoint(1, 0)));
	target = target_take(&targets, endpoint(1, 0));
	assert_non_null(target);
	assert_true(TAILQ_EMPTY(&target->flights));
	target->failing = true;
	assert_ptr_equal(target_find(&targets, endpoint(1, 0)), target);
	assert_ptr_equal(target_take(&targets, endpoint(1, 0)), target);
	assert_true(target->failing);
	assert_null(target_find(&targets, endpoint(1, 1)));
	assert_null(target_find(&targets, endpoint(2, 0)));
	targets_close(&targets);
}

static void
who_was_not_used_for_longest_is_forgotten(void **state)
{
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	for (uint8_t i = 0; i < TARGET_WAYS; i++) {
		target = target_take(&targets, endpoint(7, i));
		assert_non_null(target);
		target->used = (struct span){i == 3 ? 1 : 10 + i};
	}
	target = target_take(&targets, endpoint(7, TARGET_WAYS));
	assert_non_null(target);
	assert_null(target_find(&targets, endpoint(7, 3)));
	for (uint8_t i = 0; i <= TARGET_WAYS; i++)
		assert_true(
		    i == 3 || target_find(&targets, endpoint(7, i)) != NULL);
	targets_close(&targets);
}

static void
nobody_with_deliveries_under_way_is_forgotten(void **state)
{
	struct targets targets;

	(void)state;
	assert_true(targets_open(&targets));
	for (uint8_t i = 0; i < TARGET_WAYS; i++)
		target_take(&targets, endpoint(7, i))->flight_count = 1;
	assert_null(target_take(&targets, endpoint(7, TARGET_WAYS)));
	assert_non_null(target_take(&targets, endpoint(8, TARGET_WAYS)));
	target_find(&targets, endpoint(7, 5))->flight_count = 0;
	assert_non_null(target_take(&targets, endpoint(7, TARGET_WAYS)));
	assert_null(target_find(&targets, endpoint(7, 5)));
	targets_close(&targets);
}

static void
what_came_to_nothing_rests_for_a_moment_alone(void **state)
{
	const struct due_delivery row = {
	    .endpoint = endpoint(1, 0), .event = {{9}}, .due = {1000}};
	const struct span before = {1000000}, end = {1000005};
	struct due_delivery other = row;
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	target = target_take(&targets, row.endpoint);
	assert_false(target_rests(target, &row, (struct span){5}));
	assert_true(target_rest(target, &row, false, (struct span){5}));
	assert_true(target_rests(target, &row, before));
	/* Given back by another courier, it has its old place again. */
	assert_false(target_rests(target, &row, end));
	other.due.us++;
	assert_false(target_rests(target, &other, before));
	other = row;
	other.event.bytes[1] = 1;
	assert_false(target_rests(target, &other, before));
	targets_close(&targets);
}

static void
only_so_many_rest_at_a_time(void **state)
{
	struct due_delivery row = {.endpoint = endpoint(1, 0), .due = {1000}};
	const struct span now = {5}, end = {1000005};
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	assert_int_equal(target_resting(NULL, now), 0);
	target = target_take(&targets, row.endpoint);
	for (uint8_t i = 1; i <= TARGET_BARREN_MAX; i++) {
		row.event.bytes[0] = i;
		assert_true(target_rest(target, &row, true, now));
		assert_int_equal(target_resting(target, now), i);
	}
	row.event.bytes[0]++;
	assert_false(target_rest(target, &row, true, now));
	assert_false(target_rests(target, &row, now));
	row.event.bytes[0] = 1;
	assert_true(target_rests(target, &row, now));
	assert_int_equal(target_resting(target, end), 0);
	assert_true(target_rest(target, &row, false, end));
	assert_int_equal(target_resting(target, end), 1);
	targets_close(&targets);
}

/* The queue of an endpoint that was deleted, of which each claim is one. */
static void
however_many_come_to_nothing_they_hinder_nobody(void **state)
{
	struct due_delivery row = {.endpoint = endpoint(1, 0), .due = {1000}};
	const struct span now = {5};
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	target = target_take(&targets, row.endpoint);
	for (unsigned i = 0; i < 100; i++) {
		row.event.bytes[0] = (uint8_t)i;
		assert_true(target_rest(target, &row, false, now));
		assert_true(target_rests(target, &row, now));
	}
	assert_int_equal(target_resting(target, now), TARGET_BARREN_MAX);
	targets_close(&targets);
}

/* Each time for twice as long, up to 64 s. */
static void
what_cannot_be_read_rests_longer_each_time(void **state)
{
	const struct due_delivery row = {
	    .endpoint = endpoint(1, 0), .event = {{9}}, .due = {1000}};
	struct span now = {5};
	struct targets targets;
	struct target *target;

	(void)state;
	assert_true(targets_open(&targets));
	target = target_take(&targets, row.endpoint);
	for (int64_t seconds = 1; seconds < 1000; seconds *= 2) {
		assert_true(target_rest(target, &row, true, now));
		now.us += (seconds < 64 ? seconds : 64) * 1000000;
		assert_false(target_rests(target, &row, now));
		now.us--;
		assert_true(target_rests(target, &row, now));
		now.us++;
	}
	targets_close(&targets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_was_taken_is_found),
	    cmocka_unit_test(who_was_not_used_for_longest_is_forgotten),
	    cmocka_unit_test(what_came_to_nothing_rests_for_a_moment_alone),
	    cmocka_unit_test(only_so_many_rest_at_a_time),
	    cmocka_unit_test(however_many_come_to_nothing_they_hinder_nobody),
	    cmocka_unit_test(what_cannot_be_read_rests_longer_each_time),
	    cmocka_unit_test(nobody_with_deliveries_under_way_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
