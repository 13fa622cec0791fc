#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "store_files.h"
#include "store_steps.h"

static off_t
file_length(void)
{
	struct stat status;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	return status.st_size;
}

static void
the_file_is_for_its_owner_alone_and_as_long_as_the_map(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat(files.temporary.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, MAP_BYTES);
	assert_true(status.st_blocks * 512 < MAP_BYTES / 2);
}

static void
a_smaller_map_does_not_shorten_the_file(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	files.options.map_bytes = MAP_BYTES / 2;
	files_must_reopen();
	assert_int_equal(file_length(), MAP_BYTES);
	files.options.map_bytes = MAP_BYTES * 2;
	files.options.map_bytes_max = MAP_BYTES * 2;
	files_must_reopen();
	assert_int_equal(file_length(), MAP_BYTES * 2);
	must_hold(files.store, TABLE_META, "schema", "1");
}

static void
without_create_a_missing_file_is_missing_and_not_made(void **state)
{
	const char *reason;

	(void)state;
	files.options.create = false;
	assert_int_equal(files_open(&reason), STORE_MISSING);
	assert_string_equal(reason, "There is no such file.");
	assert_int_equal(access(files.temporary.path, F_OK), -1);
}

static void
a_missing_directory_is_unavailable(void **state)
{
	const char *reason;
	char path[128];

	(void)state;
	(void)snprintf(
	    path, sizeof(path), "%s/none/store", files.temporary.directory);
	files.options.path = path;
	assert_int_equal(files_open(&reason), STORE_UNAVAILABLE);
	assert_string_equal(reason, "The store's directory does not exist.");
}

static void
a_directory_is_refused(void **state)
{
	const char *reason;

	(void)state;
	files.options.path = files.temporary.directory;
	assert_int_equal(files_open(&reason), STORE_DAMAGED);
	assert_string_equal(
	    reason, "The store's path is not that of a regular file.");
}

/* A file of `count` times the byte. */
static void
write_file(char byte, size_t count)
{
	FILE *file = fopen(files.temporary.path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fputc(byte, file), (unsigned char)byte);
	assert_int_equal(fclose(file), 0);
}

static void
a_file_of_garbage_is_refused_and_left_as_it_is(void **state)
{
	static const size_t lengths[] = {1, 100, 4096, 8192, 100000};
	const char *reason;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		write_file('\0', lengths[i]);
		assert_int_equal(files_open(&reason), STORE_DAMAGED);
		write_file('\xff', lengths[i]);
		assert_int_equal(files_open(&reason), STORE_DAMAGED);
		assert_string_equal(reason, "The file is not a store of LMDB.");
		assert_int_equal(file_length(), lengths[i]);
	}
}

static void
cut_file(off_t length)
{
	files_close();
	assert_int_equal(truncate(files.temporary.path, length), 0);
}

static void
a_file_cut_to_nothing_is_refused(void **state)
{
	const char *reason;

	must_store(*state, TABLE_META, "schema", "1");
	cut_file(0);
	assert_int_equal(files_open(&reason), STORE_DAMAGED);
	assert_string_equal(reason, "The store's file is empty.");
	files.options.create = false;
	assert_int_equal(files_open(&reason), STORE_DAMAGED);
	assert_int_equal(file_length(), 0);
}

static void
a_file_cut_in_its_head_is_refused(void **state)
{
	const char *reason;

	(void)state;
	cut_file(4096);
	assert_int_equal(files_open(&reason), STORE_DAMAGED);
	assert_string_equal(reason, "The file is not a store of LMDB.");
}

/* As many KiB, committed. */
static void
fill(struct store *store, int kib)
{
	struct transaction *write = must_begin(store, STORE_WRITE);
	int count;

	assert_int_equal(files_put_rows(write, kib, &count), STORE_OK);
	must_commit(write);
}

static void
a_file_cut_to_half_is_refused(void **state)
{
	const char *reason;

	fill(*state, 3 * KIB);
	cut_file(MAP_BYTES / 2);
	assert_int_equal(files_open(&reason), STORE_DAMAGED);
	assert_string_equal(
	    reason, "The store's file is shorter than its contents.");
	assert_int_equal(file_length(), MAP_BYTES / 2);
}

/*
 * A copy that holds all pages but is not as long as the map, as mdb_copy
 * makes it, is whole.
 */
static void
a_file_cut_behind_its_last_page_is_made_long_again(void **state)
{
	fill(*state, 1 * KIB);
	cut_file(MAP_BYTES / 2);
	files_must_open();
	assert_int_equal(file_length(), MAP_BYTES);
}

/* LMDB only ever adds slots: it has to be the first that opens the store. */
static void
open_with_one_slot(void)
{
	files.options.readers = 1;
	files_must_open();
}

static void
the_slot_of_a_killed_reader_is_freed(void **state)
{
	struct child child;

	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	assert_int_equal(lmdb_clear_dead_readers(*state), 0);
	child_kill(&child);
	assert_int_equal(lmdb_clear_dead_readers(*state), 1);
	assert_int_equal(lmdb_clear_dead_readers(*state), 0);
}

static void
a_reader_without_a_slot_is_told_full_until_one_is_free(void **state)
{
	struct transaction *read;
	struct child child;

	(void)state;
	open_with_one_slot();
	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	assert_int_equal(
	    store_begin(files.store, STORE_READ, &read), STORE_FULL);
	must_store(files.store, TABLE_META, "writers", "need none");
	child_finish(&child);
	must_hold(files.store, TABLE_META, "writers", "need none");
}

static void
a_reader_takes_the_slot_of_a_dead_one(void **state)
{
	struct child child;

	(void)state;
	open_with_one_slot();
	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	child_kill(&child);
	must_hold(files.store, TABLE_META, "schema", NULL);
}

static void
opening_takes_the_slot_of_a_dead_reader(void **state)
{
	struct child child;

	(void)state;
	open_with_one_slot();
	files_close();
	child_start(&child, files_read_and_pause, NULL);
	child_await(&child);
	child_kill(&child);
	files_must_open();
	must_hold(files.store, TABLE_META, "schema", NULL);
}

static void
grow(struct child *self, void *context)
{
	struct transaction *write;
	struct store *store;
	int count;

	(void)context;
	files.options.map_bytes = 4 * MAP_BYTES;
	files.options.map_bytes_max = 4 * MAP_BYTES;
	store = files_open_in_child();
	child_pause(self);
	CHILD_MUST(store_begin(store, STORE_WRITE, &write) == STORE_OK);
	CHILD_MUST(files_put_rows(write, 10 * KIB, &count) == STORE_OK);
	CHILD_MUST(store_commit(write) == STORE_OK);
	store_close(store);
}

/* Another process makes the store larger than this one's map. */
static void
let_another_grow_it(void)
{
	struct child child;

	child_start(&child, grow, NULL);
	child_await(&child);
	child_finish(&child);
	assert_int_equal(file_length(), 4 * MAP_BYTES);
}

static bool
count_row(struct text key, struct text value, void *context)
{
	int *count = context;

	assert_int_equal(key.length, 8);
	assert_int_equal(value.length, KIB);
	assert_int_equal(value.bytes[KIB - 1], 'v');
	(*count)++;
	return true;
}

static void
must_read_all(struct transaction *transaction)
{
	struct store_range range = {TEXT_NONE, TEXT_NONE, true};
	int count = 0;

	assert_int_equal(
	    store_scan(transaction, TABLE_EVENTS, &range, count_row, &count),
	    STORE_OK);
	assert_int_equal(count, 10 * KIB);
}

static void
a_first_reader_follows_a_map_grown_elsewhere(void **state)
{
	struct transaction *read;

	let_another_grow_it();
	read = must_begin(*state, STORE_READ);
	must_read_all(read);
	store_abort(read);
}

static void
a_renewed_reader_follows_a_map_grown_elsewhere(void **state)
{
	struct store_range range = {TEXT_NONE, TEXT_NONE, false};
	struct transaction *read = must_begin(*state, STORE_READ);

	must_scan(read, TABLE_EVENTS, range, "");
	store_abort(read);
	let_another_grow_it();
	for (int i = 0; i < 2; i++) {
		read = must_begin(*state, STORE_READ);
		must_read_all(read);
		store_abort(read);
	}
}

static void
a_writer_follows_a_map_grown_elsewhere(void **state)
{
	struct transaction *write;

	let_another_grow_it();
	write = must_begin(*state, STORE_WRITE);
	must_read_all(write);
	must_put(write, TABLE_META, "schema", "1");
	must_commit(write);
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
the_map_does_not_move_under_an_open_reader(void **state)
{
	struct transaction *read;
	struct transaction *write;

	must_store(*state, TABLE_META, "schema", "1");
	read = must_begin(*state, STORE_READ);
	let_another_grow_it();
	assert_int_equal(
	    store_begin(*state, STORE_WRITE, &write), STORE_UNAVAILABLE);
	must_find(read, TABLE_META, "schema", "1");
	store_abort(read);
	must_store(*state, TABLE_META, "schema", "2");
	must_hold(*state, TABLE_META, "schema", "2");
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
	    ON_STORE(the_file_is_for_its_owner_alone_and_as_long_as_the_map),
	    ON_STORE(a_smaller_map_does_not_shorten_the_file),
	    ON_FILES(without_create_a_missing_file_is_missing_and_not_made),
	    ON_FILES(a_missing_directory_is_unavailable),
	    ON_FILES(a_directory_is_refused),
	    ON_FILES(a_file_of_garbage_is_refused_and_left_as_it_is),
	    ON_STORE(a_file_cut_to_nothing_is_refused),
	    ON_STORE(a_file_cut_in_its_head_is_refused),
	    ON_STORE(a_file_cut_to_half_is_refused),
	    ON_STORE(a_file_cut_behind_its_last_page_is_made_long_again),
	    ON_STORE(the_slot_of_a_killed_reader_is_freed),
	    ON_FILES(a_reader_without_a_slot_is_told_full_until_one_is_free),
	    ON_FILES(a_reader_takes_the_slot_of_a_dead_one),
	    ON_FILES(opening_takes_the_slot_of_a_dead_reader),
	    ON_STORE(a_first_reader_follows_a_map_grown_elsewhere),
	    ON_STORE(a_renewed_reader_follows_a_map_grown_elsewhere),
	    ON_STORE(a_writer_follows_a_map_grown_elsewhere),
	    ON_STORE(the_map_does_not_move_under_an_open_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
