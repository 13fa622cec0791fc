/*
 * The marks of committers in a store: one for each server, and none of those
 * that are gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/engine.h"
#include "store/memory.h"
#include "store/store.h"

enum { DAY_S = 24 * 60 * 60 };

static const struct batch_mark one = {"server one......", 7};
static const struct batch_mark two = {"server two......", 9};

static int
set_up(void **state)
{
	*state = memory_open();
	return *state == NULL || engine_init_store(*state) != STORE_OK;
}

static int
tear_down(void **state)
{
	store_close(*state);
	return 0;
}

static struct host_moment
moment(const char *boot, int64_t seconds)
{
	struct host_moment moment = {.uptime = span_from_seconds(seconds)};

	memcpy(moment.boot, boot, BOOT_BYTES);
	return moment;
}

static void
put(struct store *store, const struct batch_mark *mark,
    const struct host_moment *now)
{
	struct transaction *transaction;

	assert_int_equal(
	    store_begin(store, STORE_WRITE, &transaction), STORE_OK);
	assert_int_equal(engine_put_mark(transaction, mark, now), STORE_OK);
	assert_int_equal(store_commit(transaction), STORE_OK);
}

/* 0: there is none. */
static uint64_t
number_of(struct store *store, const struct batch_mark *mark)
{
	struct batch_mark found = *mark;
	enum store_result result;

	found.number = 0;
	result = engine_get_mark(store, &found);
	assert_int_equal(result, found.number == 0 ? STORE_MISSING : STORE_OK);
	return found.number;
}

static void
two_servers_have_a_mark_each(void **state)
{
	const struct host_moment now = moment("a boot .........", 100);
	const struct batch_mark later = {"server one......", 8};

	assert_int_equal(number_of(*state, &one), 0);
	put(*state, &one, &now);
	put(*state, &two, &now);
	assert_int_equal(number_of(*state, &one), 7);
	assert_int_equal(number_of(*state, &two), 9);
	put(*state, &later, &now);
	assert_int_equal(number_of(*state, &one), 8);
	assert_int_equal(number_of(*state, &two), 9);
}

static void
a_server_that_ends_takes_its_own_alone(void **state)
{
	const struct host_moment now = moment("a boot .........", 100);

	put(*state, &one, &now);
	put(*state, &two, &now);
	assert_int_equal(engine_delete_mark(*state, &one), STORE_OK);
	assert_int_equal(number_of(*state, &one), 0);
	assert_int_equal(number_of(*state, &two), 9);
	assert_int_equal(engine_delete_mark(*state, &one), STORE_OK);
}

/* When each was written, when it is looked at, and whether it stays. */
static void
marks_of_servers_that_are_gone_are_removed(void **state)
{
	static const char unknown[BOOT_BYTES];
	static const struct {
		const char *boot;
		int64_t then_s;
		int64_t now_s;
		bool stays;
	} rows[] = {
	    {"this boot ......", 100, 100, true},
	    {"this boot ......", 100, 100 + DAY_S, true},
	    {"this boot ......", 100, 101 + DAY_S, false},
	    {"another boot ...", 100, 100, false},
	    {"another boot ...", 5 * DAY_S, 100, false},
	    /* Not known: under intentd.service, where /proc/sys is hidden. */
	    {unknown, 100, 100, true},
	    {unknown, 100, 101 + DAY_S, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_moment then = moment(rows[i].boot, rows[i].then_s);
		struct host_moment now =
		    moment("this boot ......", rows[i].now_s);

		put(*state, &one, &then);
		put(*state, &two, &now);
		assert_int_equal(engine_forget_marks(*state, &now), STORE_OK);
		assert_int_equal(
		    number_of(*state, &one), rows[i].stays ? 7 : 0);
		assert_int_equal(number_of(*state, &two), 9);
		assert_int_equal(engine_check_store(*state), STORE_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    TEST(two_servers_have_a_mark_each),
	    TEST(a_server_that_ends_takes_its_own_alone),
	    TEST(marks_of_servers_that_are_gone_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
