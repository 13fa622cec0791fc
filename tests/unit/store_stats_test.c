/*
 * What a store tells of its sizes and its readers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/faulty.h"
#include "store/memory.h"
#include "store_files.h"
#include "store_steps.h"

static struct store_stats
must_tell(struct store *store)
{
	struct store_stats stats;

	assert_int_equal(store_stats(store, &stats), STORE_OK);
	return stats;
}

static void
sizes_are_those_of_the_file_and_grow_with_it(void **state)
{
	struct store_stats empty = must_tell(*state);
	struct transaction *write;
	struct store_stats stats;
	struct stat status;
	int count;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	assert_int_equal(empty.file_bytes, status.st_size);
	assert_int_equal(empty.map_bytes, MAP_BYTES);
	assert_int_equal(empty.map_bytes_max, files.options.map_bytes_max);
	assert_int_equal(empty.page_bytes, sysconf(_SC_PAGESIZE));
	assert_int_equal(empty.used_bytes % empty.page_bytes, 0);
	write = must_begin(*state, STORE_WRITE);
	assert_int_equal(files_put_rows(write, 100, &count), STORE_OK);
	must_commit(write);
	stats = must_tell(*state);
	assert_int_equal(stats.map_bytes, empty.map_bytes);
	assert_true(stats.used_bytes >= empty.used_bytes + 100 * KIB);
	assert_int_equal(stats.last_transaction, empty.last_transaction + 1);
}

static void
a_map_grown_elsewhere_is_told(void **state)
{
	struct store_stats stats;

	(void)state;
	files_close();
	files.options.map_bytes_max = (size_t)2 * MAP_BYTES;
	files_must_open();
	assert_int_equal(
	    truncate(files.temporary.path, (off_t)2 * MAP_BYTES), 0);
	stats = must_tell(files.store);
	assert_int_equal(stats.map_bytes, 2 * MAP_BYTES);
	assert_int_equal(stats.map_bytes_max, 2 * MAP_BYTES);
}

static void
the_oldest_reader_is_named_with_what_it_holds_back(void **state)
{
	struct store_stats stats = must_tell(*state);
	struct child child;

	assert_int_equal(stats.readers, 0);
	assert_int_equal(stats.readers_max, files.options.readers);
	assert_int_equal(stats.oldest_reader_pid, 0);
	files_close();
	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	files_must_open();
	stats = must_tell(files.store);
	assert_int_equal(stats.readers, 1);
	assert_int_equal(stats.oldest_reader_pid, child.pid);
	assert_int_equal(stats.oldest_reader_lag, 0);
	must_store(files.store, TABLE_META, "a", "1");
	must_store(files.store, TABLE_META, "a", "2");
	/* A younger reader, and then one that only keeps its place. */
	must_hold(files.store, TABLE_META, "a", "2");
	stats = must_tell(files.store);
	assert_int_equal(stats.readers, 2);
	assert_int_equal(stats.oldest_reader_pid, child.pid);
	assert_int_equal(stats.oldest_reader_lag, 2);
	child_finish(&child);
	stats = must_tell(files.store);
	assert_int_equal(stats.readers, 1);
	assert_int_equal(stats.oldest_reader_pid, 0);
	assert_int_equal(stats.oldest_reader_lag, 0);
}

static void
a_reader_of_this_process_counts(void **state)
{
	struct transaction *read = must_begin(*state, STORE_READ);
	struct store_stats stats = must_tell(*state);

	assert_int_equal(stats.oldest_reader_pid, getpid());
	store_abort(read);
}

static void
other_backends_tell_what_they_have(void **state)
{
	struct store *memory = memory_open();
	struct store *faulty = faulty_open(memory, "begin=full");
	struct store_stats stats = must_tell(faulty);

	(void)state;
	assert_int_equal(stats.map_bytes, 0);
	assert_int_equal(stats.readers, 0);
	store_close(faulty);
}

#define ON_STORE(name)                                               \
	{                                                            \
#name, name, files_setup_store, files_teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_STORE(sizes_are_those_of_the_file_and_grow_with_it),
	    ON_STORE(a_map_grown_elsewhere_is_told),
	    ON_STORE(the_oldest_reader_is_named_with_what_it_holds_back),
	    ON_STORE(a_reader_of_this_process_counts),
	    cmocka_unit_test(other_backends_tell_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
