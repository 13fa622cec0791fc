#include "store/lmdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "store_conformance.h"
#include "store_files.h"
#include "store_steps.h"

/*
 * A disk that fails: LMDB's calls of these two functions come here, since a
 * program's own functions have the word over those of its libraries.  LMDB
 * writes the meta page alone through a descriptor with O_DSYNC.
 */
static struct {
	int flush_error; /* of fdatasync; 0: none */
	int meta_error;	 /* of the write of the meta page */
} disk;

int
fdatasync(int descriptor)
{
	if (disk.flush_error != 0) {
		errno = disk.flush_error;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, descriptor);
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
	int flags = fcntl(descriptor, F_GETFL);

	if (disk.meta_error != 0 && (flags & O_DSYNC) != 0) {
		errno = disk.meta_error;
		return -1;
	}
	return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

static int
teardown(void **state)
{
	disk.flush_error = 0;
	disk.meta_error = 0;
	return files_teardown(state);
}

static void
closing_and_opening_keeps_what_was_committed(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	files.options.create = false;
	files_must_reopen();
	must_hold(files.store, TABLE_META, "schema", "1");
	must_store(files.store, TABLE_META, "schema", "2");
	files_must_reopen();
	must_hold(files.store, TABLE_META, "schema", "2");
}

static void
a_full_map_refuses_the_write_and_reads_go_on(void **state)
{
	struct transaction *write;
	int count;

	must_store(*state, TABLE_META, "schema", "1");
	write = must_begin(*state, STORE_WRITE);
	must_put(write, TABLE_META, "schema", "2");
	assert_int_equal(files_put_rows(write, 100 * KIB, &count), STORE_FULL);
	assert_true(count > 1 * KIB);
	must_hold(*state, TABLE_META, "schema", "1");
	store_abort(write);
	must_hold(*state, TABLE_META, "schema", "1");
	must_store(*state, TABLE_META, "schema", "3");
	must_hold(*state, TABLE_META, "schema", "3");
}

static enum store_result
store_one_more(struct store *store, int number)
{
	struct transaction *write = must_begin(store, STORE_WRITE);
	enum store_result result;
	char key[16];

	(void)snprintf(key, sizeof(key), "%08d", number);
	result =
	    store_put(write, TABLE_INTENTS, text_of(key), TEXT("one more"));
	if (result == STORE_OK)
		return store_commit(write);
	store_abort(write);
	return result;
}

static void
a_store_that_is_full_for_good_goes_on_with_a_larger_map(void **state)
{
	int number = 0;

	(void)state;
	files.options.map_bytes = 256 * KIB;
	files_close();
	assert_int_equal(unlink(files.temporary.path), 0);
	files_must_open();
	while (store_one_more(files.store, number) == STORE_OK)
		number++;
	assert_int_equal(store_one_more(files.store, number), STORE_FULL);
	must_hold(files.store, TABLE_INTENTS, "00000000", "one more");
	files.options.map_bytes = 512 * KIB;
	files_must_reopen();
	assert_int_equal(store_one_more(files.store, number), STORE_OK);
	must_hold(files.store, TABLE_INTENTS, "00000000", "one more");
}

static void
write_and_pause(struct child *self, void *context)
{
	struct store *store = files_open_in_child();
	struct transaction *write;

	(void)context;
	CHILD_MUST(store_begin(store, STORE_WRITE, &write) == STORE_OK);
	CHILD_MUST(store_put(write, TABLE_META, TEXT("schema"), TEXT("half")) ==
		   STORE_OK);
	child_pause(self);
	CHILD_MUST(store_commit(write) == STORE_OK);
	store_close(store);
}

static void
a_writer_killed_in_the_middle_leaves_the_old_state(void **state)
{
	struct child child;

	must_store(*state, TABLE_META, "schema", "whole");
	child_start(&child, write_and_pause, NULL);
	child_await(&child);
	must_hold(*state, TABLE_META, "schema", "whole");
	child_kill(&child);
	must_hold(*state, TABLE_META, "schema", "whole");
	must_store(*state, TABLE_META, "next", "writer");
	must_hold(*state, TABLE_META, "schema", "whole");
	must_hold(*state, TABLE_META, "next", "writer");
}

static void
what_another_process_commits_is_seen_by_the_next_reader(void **state)
{
	struct transaction *read = must_begin(*state, STORE_READ);
	struct child child;

	child_start(&child, write_and_pause, NULL);
	child_await(&child);
	child_finish(&child);
	must_find(read, TABLE_META, "schema", NULL);
	store_abort(read);
	must_hold(*state, TABLE_META, "schema", "half");
}

static enum store_result
try_to_store(struct store *store, const char *value)
{
	struct transaction *write = must_begin(store, STORE_WRITE);

	must_put(write, TABLE_META, "schema", value);
	return store_commit(write);
}

static void
a_failed_flush_has_done_nothing_and_the_next_commit_passes(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	disk.flush_error = EIO;
	assert_int_equal(try_to_store(*state, "2"), STORE_UNAVAILABLE);
	disk.flush_error = ENOSPC;
	assert_int_equal(try_to_store(*state, "3"), STORE_FULL);
	must_hold(*state, TABLE_META, "schema", "1");
	disk.flush_error = 0;
	assert_int_equal(try_to_store(*state, "4"), STORE_OK);
	must_hold(*state, TABLE_META, "schema", "4");
	files_must_reopen();
	must_hold(files.store, TABLE_META, "schema", "4");
}

static off_t
file_length(void)
{
	struct stat status;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	return status.st_size;
}

static void
a_full_disk_is_not_helped_by_a_larger_map(void **state)
{
	(void)state;
	files.options.map_bytes_max = 4 * MAP_BYTES;
	files_must_reopen();
	disk.flush_error = ENOSPC;
	assert_int_equal(try_to_store(files.store, "1"), STORE_FULL);
	assert_int_equal(store_grow(files.store), STORE_FULL);
	assert_int_equal(file_length(), MAP_BYTES);
	/* It is said of the last write alone. */
	disk.flush_error = 0;
	assert_int_equal(try_to_store(files.store, "2"), STORE_OK);
	assert_int_equal(store_grow(files.store), STORE_OK);
	assert_int_equal(file_length(), 2 * MAP_BYTES);
}

static void
a_failed_meta_page_is_unknown_and_the_store_wants_to_be_reopened(void **state)
{
	struct transaction *transaction;
	struct transaction *read;

	must_store(*state, TABLE_META, "schema", "1");
	read = must_begin(*state, STORE_READ);
	disk.meta_error = EIO;
	assert_int_equal(try_to_store(*state, "2"), STORE_UNKNOWN);
	disk.meta_error = 0;
	must_find(read, TABLE_META, "schema", "1");
	store_abort(read);
	assert_int_equal(
	    store_begin(*state, STORE_WRITE, &transaction), STORE_UNAVAILABLE);
	assert_int_equal(
	    store_begin(*state, STORE_READ, &transaction), STORE_UNAVAILABLE);
	files_must_reopen();
	must_hold(files.store, TABLE_META, "schema", "1");
	must_store(files.store, TABLE_META, "schema", "3");
	must_hold(files.store, TABLE_META, "schema", "3");
}

static void
a_store_that_cannot_be_flushed_is_not_opened(void **state)
{
	const char *reason;

	(void)state;
	files_close();
	disk.flush_error = EIO;
	assert_int_equal(files_open(&reason), STORE_UNAVAILABLE);
	assert_string_equal(reason, "The disk failed to read or to write.");
}

#define ON_STORE(name)                                         \
	{                                                      \
#name, name, files_setup_store, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_STORE(closing_and_opening_keeps_what_was_committed),
	    ON_STORE(a_full_map_refuses_the_write_and_reads_go_on),
	    ON_STORE(a_store_that_is_full_for_good_goes_on_with_a_larger_map),
	    ON_STORE(a_writer_killed_in_the_middle_leaves_the_old_state),
	    ON_STORE(what_another_process_commits_is_seen_by_the_next_reader),
	    ON_STORE(
		a_failed_flush_has_done_nothing_and_the_next_commit_passes),
	    ON_STORE(a_full_disk_is_not_helped_by_a_larger_map),
	    ON_STORE(
		a_failed_meta_page_is_unknown_and_the_store_wants_to_be_reopened),
	    ON_STORE(a_store_that_cannot_be_flushed_is_not_opened),
	};
	int failed = store_conformance("lmdb", files_setup_store, teardown);

	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
