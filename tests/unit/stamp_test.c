#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/stamp.h"

static const uint8_t zeros[ID_RANDOM_BYTES];
static const uint8_t ones[ID_RANDOM_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const struct instant now = {INT64_C(1767323045123456)};

/* As a worker makes it when a command comes in, some time before. */
static struct id
own_id(const uint8_t random[ID_RANDOM_BYTES])
{
	return id_make((struct instant){now.us - 12345}, random);
}

static struct instant
later(int64_t us)
{
	return (struct instant){now.us + us};
}

/* Time and id say the same: `created` is what a filter by it looks at. */
static void
must_agree(struct stamp stamp)
{
	struct id floor = id_floor(stamp.now);

	assert_memory_equal(
	    floor.bytes, stamp.id.bytes, ID_BYTES - ID_RANDOM_BYTES);
}

static void
the_first_stamp_is_the_clock_s_with_the_command_s_chance(void **state)
{
	struct stamp stamp = stamp_after(ID_NONE, now, own_id(ones));

	(void)state;
	assert_int_equal(stamp.now.us, now.us);
	assert_true(id_equal(stamp.id, id_make(now, ones)));
}

static void
a_later_tick_needs_nothing_of_the_latest(void **state)
{
	struct stamp stamp =
	    stamp_after(id_make(now, ones), later(63), own_id(zeros));

	(void)state;
	/* The latest one's events may reach into the tick. */
	assert_true(
	    id_compare(stamp.id, id_next(id_make(now, ones), STAMP_ROOM)) >= 0);
	must_agree(stamp);
	stamp = stamp_after(id_make(now, ones), later(126), own_id(zeros));
	assert_true(id_equal(stamp.id, id_make(later(126), zeros)));
	assert_int_equal(stamp.now.us, later(126).us);
}

static void
in_one_tick_ids_rise_and_leave_room_for_events(void **state)
{
	static const struct {
		uint8_t latest, own;
	} rows[] = {{0, 0}, {1, 0}, {0x80, 0x7f}, {0x80, 0x80}, {0xff, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t random[ID_RANDOM_BYTES];
		struct stamp stamp;
		struct id latest;

		memset(random, rows[i].latest, sizeof(random));
		latest = id_make(now, random);
		memset(random, rows[i].own, sizeof(random));
		stamp = stamp_after(latest, now, own_id(random));
		assert_true(
		    id_compare(stamp.id, id_next(latest, STAMP_ROOM)) >= 0);
		must_agree(stamp);
	}
}

static void
what_is_above_the_latest_in_its_tick_stays(void **state)
{
	struct stamp stamp =
	    stamp_after(id_make(now, zeros), now, own_id(ones));

	(void)state;
	assert_true(id_equal(stamp.id, id_make(now, ones)));
}

/* 60 bits of the command's chance, so that nobody can tell the next id. */
static void
a_raised_id_cannot_be_guessed(void **state)
{
	uint8_t middle[ID_RANDOM_BYTES] = {0x80};
	struct id latest = id_make(now, middle);
	struct stamp low = stamp_after(latest, now, own_id(zeros));
	uint8_t random[ID_RANDOM_BYTES] = {
	    0, 0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct stamp high = stamp_after(latest, now, own_id(random));

	(void)state;
	assert_true(id_equal(low.id, id_next(latest, STAMP_ROOM)));
	assert_true(
	    id_equal(high.id, id_next(low.id, (UINT64_C(1) << 60) - 1)));
}

static void
a_random_part_at_its_end_carries_into_the_time(void **state)
{
	struct id latest = id_make(now, ones);
	struct stamp stamp = stamp_after(latest, now, own_id(zeros));

	(void)state;
	assert_true(id_compare(stamp.id, id_next(latest, STAMP_ROOM)) >= 0);
	assert_true(instant_before(now, stamp.now));
	assert_true(stamp.now.us - now.us < 126);
	must_agree(stamp);
}

static void
a_clock_set_back_a_little_holds_the_tick(void **state)
{
	const struct instant back = later(-60 * 1000000 + 1000);
	struct id latest = id_make(now, zeros);

	(void)state;
	/* 20,000 a second, of which each is above the one before. */
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t random[ID_RANDOM_BYTES];
		struct stamp stamp;

		memset(random, (int)(i * 37 & 0xff), sizeof(random));
		stamp = stamp_after(latest, back, own_id(random));
		assert_true(
		    id_compare(stamp.id, id_next(latest, STAMP_ROOM)) >= 0);
		must_agree(stamp);
		latest = stamp.id;
	}
	assert_true(instant_minus(id_instant(latest), now).us < 1000);
}

static void
a_clock_set_back_a_lot_counts_at_once(void **state)
{
	const int64_t minute = 60 * 1000000;
	struct id latest = id_make(now, ones);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct instant back =
		    later(-(i == 0 ? minute + 1000 : 500000 * minute));
		struct stamp stamp = stamp_after(latest, back, own_id(ones));

		assert_int_equal(stamp.now.us, back.us);
		assert_true(id_equal(stamp.id, id_make(back, ones)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		the_first_stamp_is_the_clock_s_with_the_command_s_chance),
	    cmocka_unit_test(a_later_tick_needs_nothing_of_the_latest),
	    cmocka_unit_test(in_one_tick_ids_rise_and_leave_room_for_events),
	    cmocka_unit_test(what_is_above_the_latest_in_its_tick_stays),
	    cmocka_unit_test(a_raised_id_cannot_be_guessed),
	    cmocka_unit_test(a_random_part_at_its_end_carries_into_the_time),
	    cmocka_unit_test(a_clock_set_back_a_little_holds_the_tick),
	    cmocka_unit_test(a_clock_set_back_a_lot_counts_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
