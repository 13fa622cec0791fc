#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/rate.h"
#include "base/digest.h"
#include "base/limits.h"

enum { PROCESSES = 4 };

/* The table and, behind it, what the processes of a test tell each other. */
static struct rate_table *table;
static _Atomic uint32_t *done;

/* 2026-01-02T03:04:00Z, the first second of a window. */
static const struct instant minute = {1767323040 * INT64_C(1000000)};

static struct instant
seconds_later(int64_t seconds)
{
	return instant_plus(minute, span_from_seconds(seconds));
}

static int
map_table(void **state)
{
	size_t size = rate_table_bytes() + PROCESSES * sizeof(*done);
	void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	digest_start();
	table = mapping;
	done = (void *)((uint8_t *)mapping + rate_table_bytes());
	return mapping == MAP_FAILED;
}

static int
unmap_table(void **state)
{
	(void)state;
	return munmap(table, rate_table_bytes() + PROCESSES * sizeof(*done));
}

/* How many requests of this caller were counted, by asking once more. */
static uint32_t
taken_before(struct text caller, struct instant now)
{
	return UINT32_MAX - 1 -
	       rate_take(table, caller, UINT32_MAX, now).remaining;
}

static void
a_limit_is_kept_to_the_request(void **state)
{
	struct rate_count count;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		count = rate_take(table, TEXT("a"), 3, minute);
		assert_int_equal(count.limit, 3);
		assert_int_equal(count.remaining, 3 - i);
		assert_false(count.refused);
	}
	for (int i = 0; i < 2; i++) {
		count = rate_take(table, TEXT("a"), 3, minute);
		assert_int_equal(count.remaining, 0);
		assert_true(count.refused);
	}
	/* A limit that was raised holds at once. */
	assert_false(rate_take(table, TEXT("a"), 6, minute).refused);
}

static void
callers_do_not_share(void **state)
{
	(void)state;
	assert_false(rate_take(table, TEXT("a"), 1, minute).refused);
	assert_false(rate_take(table, TEXT("b"), 1, minute).refused);
	assert_false(rate_take(table, TEXT("a "), 1, minute).refused);
	assert_false(rate_take(table, TEXT(""), 1, minute).refused);
	assert_true(rate_take(table, TEXT("a"), 1, minute).refused);
}

static void
a_window_ends_with_its_minute(void **state)
{
	int64_t end = instant_seconds(minute) + 60;
	struct rate_count count;

	(void)state;
	assert_int_equal(rate_take(table, TEXT("a"), 1, minute).reset, end);
	count = rate_take(table, TEXT("a"), 1, seconds_later(59));
	assert_true(count.refused);
	assert_int_equal(count.reset, end);
	count = rate_take(table, TEXT("a"), 1, seconds_later(60));
	assert_false(count.refused);
	assert_int_equal(count.reset, end + 60);
	assert_true(rate_take(table, TEXT("a"), 1, seconds_later(119)).refused);
	/* Also when the 16 bits of the window in the table come around. */
	assert_false(
	    rate_take(table, TEXT("a"), 1, seconds_later(60 + 60 * 65536))
		.refused);
}

static void
an_empty_table_works_in_every_window(void **state)
{
	/* Those whose low bits are like those of a slot never used. */
	static const int64_t windows[] = {0, 1, 65535, 65536, 65537};

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct instant now = instant_from_seconds(60 * windows[i]);
		assert_int_equal(map_table(state), 0);
		assert_false(rate_take(table, TEXT("a"), 1, now).refused);
		assert_true(rate_take(table, TEXT("a"), 1, now).refused);
		assert_int_equal(unmap_table(state), 0);
	}
}

static struct text
numbered(char name[16], unsigned number)
{
	return (struct text){name, (size_t)sprintf(name, "%u", number)};
}

static void
a_full_table_lets_further_callers_pass(void **state)
{
	unsigned refused = 0, callers = 4 * RATE_SLOTS;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < callers; i++)
		assert_false(
		    rate_take(table, numbered(name, i), 1, minute).refused);
	for (unsigned i = 0; i < callers; i++)
		refused +=
		    rate_take(table, numbered(name, i), 1, minute).refused;
	/* Nearly every slot has a caller, and no caller was taken for another.
	 */
	assert_in_range(refused, RATE_SLOTS - RATE_SLOTS / 100, RATE_SLOTS);
	/* All of them are free again a minute later. */
	for (unsigned i = 0; i < 1000; i++) {
		numbered(name, callers + i);
		assert_false(
		    rate_take(table, text_of(name), 1, seconds_later(60))
			.refused);
		assert_true(
		    rate_take(table, text_of(name), 1, seconds_later(60))
			.refused);
	}
}

/* Takes, and only then tells so. */
static void
hammer(unsigned process, uint32_t requests)
{
	char name[16];
	int64_t second;

	for (uint32_t i = 0; i < requests; i++) {
		second = i * INT64_C(120) / requests;
		(void)rate_take(table, TEXT("shared"), 1, minute);
		(void)rate_take(table, numbered(name, i % 50), 1, minute);
		(void)rate_take(
		    table, TEXT("turning"), 1, seconds_later(second));
		atomic_fetch_add(&done[process], 1);
	}
}

static void
start_processes(pid_t children[PROCESSES], uint32_t requests)
{
	for (unsigned i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			hammer(i, requests);
			_exit(0);
		}
	}
}

static void
processes_lose_no_request(void **state)
{
	enum { REQUESTS = 20000 };
	pid_t children[PROCESSES];
	char name[16];
	int status;

	(void)state;
	start_processes(children, REQUESTS);
	for (unsigned i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(
	    taken_before(TEXT("shared"), minute), PROCESSES * REQUESTS);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(taken_before(numbered(name, i), minute),
		    PROCESSES * REQUESTS / 50);
}

static void
killed_processes_leave_nothing_held(void **state)
{
	pid_t children[PROCESSES];
	uint32_t told = 0, taken;
	int status;

	(void)state;
	start_processes(children, UINT32_MAX);
	for (unsigned i = 0; i < PROCESSES; i++) {
		while (atomic_load(&done[i]) < 1000)
			(void)sched_yield();
		assert_int_equal(kill(children[i], SIGKILL), 0);
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		told += atomic_load(&done[i]);
	}
	/* Each may have died between taking and telling, and no further. */
	taken = taken_before(TEXT("shared"), minute);
	assert_in_range(taken, told, told + PROCESSES);
	assert_true(rate_take(table, TEXT("shared"), 1, minute).refused);
	assert_false(
	    rate_take(table, TEXT("shared"), 1, seconds_later(60)).refused);
}

int
main(void)
{
#define TEST_OF_TABLE(test) \
	cmocka_unit_test_setup_teardown(test, map_table, unmap_table)
	const struct CMUnitTest tests[] = {
	    TEST_OF_TABLE(a_limit_is_kept_to_the_request),
	    TEST_OF_TABLE(callers_do_not_share),
	    TEST_OF_TABLE(a_window_ends_with_its_minute),
	    cmocka_unit_test(an_empty_table_works_in_every_window),
	    TEST_OF_TABLE(a_full_table_lets_further_callers_pass),
	    TEST_OF_TABLE(processes_lose_no_request),
	    TEST_OF_TABLE(killed_processes_leave_nothing_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
