/*
 * A store of LMDB as a file: copied beside writers, measured, kept for
 * oneself, and opened where tables are missing or no reader has room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_files.h"
#include "store_steps.h"

static char copy_path[128];

static int
open_copy(void)
{
	int file;

	(void)snprintf(
	    copy_path, sizeof(copy_path), "%s.copy", files.temporary.path);
	file = open(copy_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	return file;
}

static void
fill(struct store *store, int rows)
{
	struct transaction *write = must_begin(store, STORE_WRITE);
	int count;

	assert_int_equal(files_put_rows(write, rows, &count), STORE_OK);
	must_commit(write);
}

static uint64_t
rows_of(struct store *store, enum table table)
{
	struct transaction *read = must_begin(store, STORE_READ);
	uint64_t count;

	assert_int_equal(store_count(read, table, &count), STORE_OK);
	store_abort(read);
	return count;
}

/* Opens the copy in place of the store, with no lock file. */
static void
must_open_copy(void)
{
	const struct lmdb_options options = {.path = copy_path,
	    .map_bytes = MAP_BYTES,
	    .map_bytes_max = MAP_BYTES,
	    .readers = 1,
	    .alone = true};
	const char *reason;
	char lock[sizeof(copy_path) + 8];

	files_close();
	assert_int_equal(lmdb_open(&options, &files.store, &reason), STORE_OK);
	(void)snprintf(lock, sizeof(lock), "%s-lock", copy_path);
	assert_int_not_equal(access(lock, F_OK), 0);
}

static void
copy_and_count(bool compact)
{
	const char *reason = NULL;
	int file;

	fill(files.store, 100);
	file = open_copy();
	assert_int_equal(
	    lmdb_copy(files.store, file, compact, &reason), STORE_OK);
	/* What comes later is not in it. */
	must_store(files.store, TABLE_META, "later", "1");
	must_open_copy();
	assert_int_equal(rows_of(files.store, TABLE_EVENTS), 100);
	must_hold(files.store, TABLE_META, "later", NULL);
	must_store(files.store, TABLE_META, "own", "1");
	must_hold(files.store, TABLE_META, "own", "1");
	assert_int_equal(close(file), 0);
	assert_int_equal(unlink(copy_path), 0);
}

static void
a_copy_is_a_store_of_one_moment(void **state)
{
	(void)state;
	copy_and_count(false);
}

static void
a_compacted_copy_is_one_too(void **state)
{
	(void)state;
	copy_and_count(true);
}

static void
a_copy_that_cannot_be_written_says_why(void **state)
{
	const char *reason = NULL;
	int full = open("/dev/full", O_WRONLY);

	assert_true(full >= 0);
	assert_int_equal(lmdb_copy(*state, full, false, &reason), STORE_FULL);
	assert_string_equal(reason, "The disk is full.");
	assert_int_equal(close(full), 0);
	must_store(*state, TABLE_META, "still", "written");
}

static void
stats_tell_what_it_takes_up(void **state)
{
	struct store_stats before, after;

	assert_int_equal(store_stats(*state, &before), STORE_OK);
	fill(*state, 1000);
	assert_int_equal(store_stats(*state, &after), STORE_OK);
	assert_int_equal(after.map_bytes, MAP_BYTES);
	assert_int_equal(after.map_bytes_max, MAP_BYTES);
	assert_int_equal(after.file_bytes, MAP_BYTES);
	assert_int_equal(after.readers_max, 8);
	assert_true(after.used_bytes >= before.used_bytes + 1000 * KIB);
	assert_true(after.used_bytes <= after.map_bytes);
	assert_int_equal(after.last_transaction, before.last_transaction + 1);
	assert_int_equal(after.oldest_reader_pid, 0);
}

static void
stats_name_the_reader_of_the_oldest_moment(void **state)
{
	struct store_stats stats;
	struct child child;

	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	must_store(*state, TABLE_META, "a", "1");
	must_store(*state, TABLE_META, "b", "1");
	assert_int_equal(store_stats(*state, &stats), STORE_OK);
	assert_int_equal(stats.oldest_reader_pid, child.pid);
	assert_int_equal(stats.oldest_reader_lag, 2);
	child_finish(&child);
	assert_int_equal(store_stats(*state, &stats), STORE_OK);
	assert_int_equal(stats.oldest_reader_pid, 0);
}

static uint64_t
free_bytes(struct store *store)
{
	struct transaction *read = must_begin(store, STORE_READ);
	uint64_t bytes;

	assert_int_equal(lmdb_free_bytes(read, &bytes), STORE_OK);
	store_abort(read);
	return bytes;
}

static void
what_is_deleted_is_free(void **state)
{
	struct transaction *write;
	char key[16];

	fill(*state, 1000);
	write = must_begin(*state, STORE_WRITE);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "%08d", i);
		must_delete(write, TABLE_EVENTS, key);
	}
	must_commit(write);
	assert_true(free_bytes(*state) >= 1000 * KIB);
}

static void
hold_open(struct child *self, void *context)
{
	struct store *store = files_open_in_child();

	(void)context;
	child_pause(self);
	store_close(store);
}

static void
who_has_it_open_keeps_others_from_having_it_alone(void **state)
{
	struct child child;
	int lock, holder;

	(void)state;
	child_start(&child, hold_open, NULL);
	child_await(&child);
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_CONFLICT);
	assert_int_equal(holder, child.pid);
	child_finish(&child);
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_OK);
	assert_int_equal(close(lock), 0);
}

static void
who_is_killed_holds_nothing(void **state)
{
	struct child child;
	int lock, holder;

	(void)state;
	child_start(&child, hold_open, NULL);
	child_await(&child);
	child_kill(&child);
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_OK);
	/* And it keeps out whoever comes now. */
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_CONFLICT);
}

/* Else who waited for the lock would take its last number for the store's. */
static void
a_lock_forgets_what_the_last_ones_knew(void **state)
{
	char path[128];
	struct stat status;
	int lock, holder;

	(void)state;
	files_must_open();
	must_store(files.store, TABLE_META, "a", "1");
	files_close();
	(void)snprintf(path, sizeof(path), "%s-lock", files.options.path);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 0);
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(close(lock), 0);
	files_must_open();
	must_hold(files.store, TABLE_META, "a", "1");
}

static void
try_to_open(struct child *self, void *context)
{
	const char *reason;
	struct store *store;

	(void)context;
	child_pause(self);
	CHILD_MUST(
	    lmdb_open(&files.options, &store, &reason) == STORE_UNAVAILABLE);
}

/* Whether a process waits for a lock, as the system lists it. */
static bool
waits_for_a_lock(pid_t pid)
{
	FILE *locks = fopen("/proc/locks", "r");
	bool waits = false;
	char line[256];
	int found;

	assert_non_null(locks);
	while (!waits && fgets(line, sizeof(line), locks) != NULL)
		waits = sscanf(line, "%*d: -> POSIX %*s %*s %d", &found) == 1 &&
			found == pid;
	assert_int_equal(fclose(locks), 0);
	return waits;
}

static void
who_waited_for_the_lock_is_told_unavailable(void **state)
{
	struct child child;
	int lock, holder;

	(void)state;
	files_must_open();
	files_close();
	/* Before the lock, which a fork would share. */
	child_start(&child, try_to_open, NULL);
	child_await(&child);
	assert_int_equal(
	    lmdb_lock(files.options.path, &lock, &holder), STORE_OK);
	child_go_on(&child);
	for (int i = 0; !waits_for_a_lock(child.pid); i++) {
		assert_true(i < 10000);
		(void)usleep(1000);
	}
	assert_int_equal(close(lock), 0);
	child_end(&child);
	files_must_open();
}

static void
a_lock_of_no_directory_is_missing(void **state)
{
	int lock, holder;

	(void)state;
	assert_int_equal(
	    lmdb_lock("/nowhere/at/all", &lock, &holder), STORE_MISSING);
}

static void
without_a_slot_it_opens_and_reads_are_full(void **state)
{
	struct transaction *read;
	struct child child;

	(void)state;
	files.options.readers = 1;
	files_must_open();
	files_close();
	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	files_must_open();
	assert_int_equal(
	    store_begin(files.store, STORE_READ, &read), STORE_FULL);
	must_store(files.store, TABLE_META, "writers", "need none");
	child_finish(&child);
	must_hold(files.store, TABLE_META, "writers", "need none");
}

#define ON_FILES(name)                                         \
	{                                                      \
#name, name, files_setup, files_teardown, NULL \
	}
#define ON_STORE(name)                                               \
	{                                                            \
#name, name, files_setup_store, files_teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_STORE(a_copy_is_a_store_of_one_moment),
	    ON_STORE(a_compacted_copy_is_one_too),
	    ON_STORE(a_copy_that_cannot_be_written_says_why),
	    ON_STORE(stats_tell_what_it_takes_up),
	    ON_STORE(stats_name_the_reader_of_the_oldest_moment),
	    ON_STORE(what_is_deleted_is_free),
	    ON_FILES(who_has_it_open_keeps_others_from_having_it_alone),
	    ON_FILES(who_is_killed_holds_nothing),
	    ON_FILES(a_lock_forgets_what_the_last_ones_knew),
	    ON_FILES(who_waited_for_the_lock_is_told_unavailable),
	    ON_FILES(a_lock_of_no_directory_is_missing),
	    ON_FILES(without_a_slot_it_opens_and_reads_are_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
