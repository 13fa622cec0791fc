/*
 * A store of LMDB that grows while it is open, here and in other processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_files.h"
#include "store_steps.h"

#define EVERYTHING ((struct store_range){TEXT_NONE, TEXT_NONE, false})

/*
 * A page has room for two of the rows: as many need more than one MiB and less
 * than two, or more than two and less than four.
 */
enum { ROWS = 700, MANY_ROWS = 1500 };

/* One MiB to begin with, and room for eight. */
static int
setup(void **state)
{
	(void)files_setup(state);
	files.options.map_bytes = 1 * MIB;
	files.options.map_bytes_max = 8 * MIB;
	files_must_open();
	*state = files.store;
	return 0;
}

static off_t
file_length(void)
{
	struct stat status;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	return status.st_size;
}

/* What `du` says. */
static off_t
file_taken(void)
{
	struct stat status;

	assert_int_equal(stat(files.temporary.path, &status), 0);
	return status.st_blocks * 512;
}

/* Rows of one KiB in one transaction, whatever was there. */
static enum store_result
try_to_fill(struct store *store, int rows)
{
	struct transaction *write = must_begin(store, STORE_WRITE);
	int count;
	enum store_result result = files_put_rows(write, rows, &count);

	if (result == STORE_OK)
		return store_commit(write);
	store_abort(write);
	return result;
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
must_have_rows(struct store *store, int expected)
{
	struct transaction *read = must_begin(store, STORE_READ);
	struct store_range range = EVERYTHING;
	int count = 0;

	assert_int_equal(
	    store_scan(read, TABLE_EVENTS, &range, count_row, &count),
	    STORE_OK);
	assert_int_equal(count, expected);
	store_abort(read);
}

static void
the_file_doubles_up_to_its_bound_and_takes_no_disk(void **state)
{
	assert_int_equal(file_length(), 1 * MIB);
	for (off_t length = 2 * MIB; length <= 8 * MIB; length *= 2) {
		assert_int_equal(store_grow(*state), STORE_OK);
		assert_int_equal(file_length(), length);
	}
	assert_int_equal(store_grow(*state), STORE_FULL);
	assert_int_equal(file_length(), 8 * MIB);
	assert_true(file_taken() < 1 * MIB);
}

static void
a_bound_between_two_doublings_is_reached(void **state)
{
	(void)state;
	files.options.map_bytes_max = 3 * MIB;
	files_must_reopen();
	assert_int_equal(store_grow(files.store), STORE_OK);
	assert_int_equal(store_grow(files.store), STORE_OK);
	assert_int_equal(file_length(), 3 * MIB);
	assert_int_equal(store_grow(files.store), STORE_FULL);
}

static void
what_did_not_fit_fits_after_growth(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	assert_int_equal(try_to_fill(*state, ROWS), STORE_FULL);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(try_to_fill(*state, ROWS), STORE_OK);
	must_have_rows(*state, ROWS);
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
at_the_bound_it_is_full_and_reads_go_on(void **state)
{
	enum store_result result = try_to_fill(*state, ROWS);

	while (result == STORE_FULL && store_grow(*state) == STORE_OK)
		result = try_to_fill(*state, ROWS);
	assert_int_equal(result, STORE_OK);
	do {
		result = try_to_fill(*state, 8 * KIB);
	} while (result == STORE_FULL && store_grow(*state) == STORE_OK);
	assert_int_equal(result, STORE_FULL);
	assert_int_equal(file_length(), 8 * MIB);
	must_have_rows(*state, ROWS);
	must_store(*state, TABLE_META, "small", "fits");
}

/* The reader that the store keeps, with cursors of two tables. */
static void
keep_reader(struct store *store)
{
	struct transaction *read = must_begin(store, STORE_READ);

	must_scan(read, TABLE_META, EVERYTHING, "schema=1 ");
	must_scan(read, TABLE_EVENTS, EVERYTHING, "");
	store_abort(read);
}

static void
a_kept_reader_and_its_cursors_find_their_way_in_the_new_map(void **state)
{
	struct transaction *read;

	must_store(*state, TABLE_META, "schema", "1");
	keep_reader(*state);
	for (int rows = ROWS; rows <= ROWS + 600; rows += 300) {
		assert_int_equal(store_grow(*state), STORE_OK);
		assert_int_equal(try_to_fill(*state, rows), STORE_OK);
		must_have_rows(*state, rows);
		read = must_begin(*state, STORE_READ);
		must_scan(read, TABLE_META, EVERYTHING, "schema=1 ");
		store_abort(read);
	}
}

static void
a_longer_file_keeps_its_length_when_opened(void **state)
{
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(store_grow(*state), STORE_OK);
	files_must_reopen();
	assert_int_equal(file_length(), 4 * MIB);
	/* All of it may be written, not the first MiB alone. */
	assert_int_equal(try_to_fill(files.store, MANY_ROWS), STORE_OK);
	assert_int_equal(file_length(), 4 * MIB);
	files.options.map_bytes = 0;
	files.options.create = false;
	files_must_reopen();
	assert_int_equal(file_length(), 4 * MIB);
	must_have_rows(files.store, MANY_ROWS);
}

static void
a_lower_bound_does_not_shorten_what_is_there(void **state)
{
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(try_to_fill(*state, ROWS), STORE_OK);
	files.options.map_bytes_max = 2 * MIB;
	files_must_reopen();
	assert_int_equal(try_to_fill(files.store, MANY_ROWS), STORE_FULL);
	assert_int_equal(store_grow(files.store), STORE_FULL);
	must_have_rows(files.store, ROWS);
	assert_int_equal(file_length(), 4 * MIB);
}

/* -- Other processes. */

/* Grows once and writes more than fitted before. */
static void
grow_and_fill(struct child *self, void *context)
{
	struct store *store = files_open_in_child();
	struct transaction *write;
	int count;

	(void)context;
	child_pause(self);
	CHILD_MUST(store_grow(store) == STORE_OK);
	CHILD_MUST(store_begin(store, STORE_WRITE, &write) == STORE_OK);
	CHILD_MUST(files_put_rows(write, ROWS, &count) == STORE_OK);
	CHILD_MUST(store_commit(write) == STORE_OK);
	store_close(store);
}

static void
let_another_grow_it(void)
{
	struct child child;

	child_start(&child, grow_and_fill, NULL);
	child_await(&child);
	child_finish(&child);
	assert_int_equal(file_length(), 2 * MIB);
}

static void
a_reader_follows_growth_elsewhere_with_what_it_kept(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	keep_reader(*state);
	let_another_grow_it();
	must_have_rows(*state, ROWS);
	must_hold(*state, TABLE_META, "schema", "1");
}

static void
a_writer_follows_growth_elsewhere_beside_a_kept_reader(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	keep_reader(*state);
	let_another_grow_it();
	must_store(*state, TABLE_META, "second", "2");
	must_have_rows(*state, ROWS);
	must_hold(*state, TABLE_META, "second", "2");
}

/* Nothing is left to it but to be opened anew, and it says so. */
static void
who_has_no_memory_to_follow_is_lost(void **state)
{
	struct transaction *read;
	struct rlimit addresses, none;
	enum store_result result;

	let_another_grow_it();
	assert_false(store_is_lost(*state));
	assert_int_equal(getrlimit(RLIMIT_AS, &addresses), 0);
	none = (struct rlimit){0, addresses.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	result = store_begin(*state, STORE_READ, &read);
	assert_int_equal(setrlimit(RLIMIT_AS, &addresses), 0);
	assert_int_equal(result, STORE_UNAVAILABLE);
	assert_true(store_is_lost(*state));
	assert_int_equal(
	    store_begin(*state, STORE_READ, &read), STORE_UNAVAILABLE);
	files_must_reopen();
	assert_false(store_is_lost(files.store));
	must_have_rows(files.store, ROWS);
}

/* Keeps one moment while the store grows, then looks at the next. */
static void
read_before_and_after(struct child *self, void *context)
{
	struct store *store = files_open_in_child();
	struct store_range range = EVERYTHING;
	struct transaction *read;
	struct text value;
	int count = 0;

	(void)context;
	CHILD_MUST(store_begin(store, STORE_READ, &read) == STORE_OK);
	child_pause(self);
	CHILD_MUST(
	    store_get(read, TABLE_META, TEXT("schema"), &value) == STORE_OK);
	CHILD_MUST(text_equal(value, TEXT("1")));
	CHILD_MUST(store_scan(read, TABLE_EVENTS, &range, count_row, &count) ==
		   STORE_OK);
	CHILD_MUST(count == 0);
	store_abort(read);
	CHILD_MUST(store_begin(store, STORE_READ, &read) == STORE_OK);
	CHILD_MUST(
	    store_get(read, TABLE_META, TEXT("schema"), &value) == STORE_OK);
	CHILD_MUST(text_equal(value, TEXT("2")));
	CHILD_MUST(store_scan(read, TABLE_EVENTS, &range, count_row, &count) ==
		   STORE_OK);
	CHILD_MUST(count == MANY_ROWS);
	store_abort(read);
	store_close(store);
}

static void
a_reader_elsewhere_keeps_its_moment_and_then_follows(void **state)
{
	struct child child;

	must_store(*state, TABLE_META, "schema", "1");
	child_start(&child, read_before_and_after, NULL);
	child_await(&child);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(try_to_fill(*state, MANY_ROWS), STORE_OK);
	must_store(*state, TABLE_META, "schema", "2");
	child_finish(&child);
}

/* Grows, and says so before anything is written. */
static void
grow_alone(struct child *self, void *context)
{
	struct store *store = files_open_in_child();

	(void)context;
	CHILD_MUST(store_grow(store) == STORE_OK);
	child_pause(self);
	store_close(store);
}

static void
who_grows_second_takes_what_the_first_has_made(void **state)
{
	struct child child;

	child_start(&child, grow_alone, NULL);
	child_await(&child);
	assert_int_equal(file_length(), 2 * MIB);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(file_length(), 2 * MIB);
	child_finish(&child);
	assert_int_equal(try_to_fill(*state, ROWS), STORE_OK);
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(file_length(), 4 * MIB);
}

static void
a_map_outgrown_by_a_commit_grows_by_following(void **state)
{
	let_another_grow_it();
	assert_int_equal(store_grow(*state), STORE_OK);
	assert_int_equal(file_length(), 2 * MIB);
	must_have_rows(*state, ROWS);
}

/* Its meta page remembers eight MiB; the copy is one of two. */
static void
a_short_copy_is_followed_as_far_as_it_reaches(void **state)
{
	while (store_grow(*state) == STORE_OK)
		continue;
	must_store(*state, TABLE_META, "schema", "1");
	files_close();
	assert_int_equal(truncate(files.temporary.path, 1 * MIB), 0);
	files_must_open();
	let_another_grow_it();
	must_have_rows(files.store, ROWS);
	assert_int_equal(try_to_fill(files.store, MANY_ROWS), STORE_FULL);
	assert_int_equal(file_length(), 2 * MIB);
}

enum { WRITERS = 2, WRITES = 24, BYTES_A_WRITE = 100 * KIB };

/* Writes on, and grows whenever it is told full. */
static void
write_and_grow(struct child *self, void *context)
{
	static char bytes[BYTES_A_WRITE];
	struct store *store = files_open_in_child();
	struct transaction *write;
	enum store_result result;
	char key[16];

	child_pause(self);
	for (int i = 0; i < WRITES; i++) {
		(void)snprintf(key, sizeof(key), "%s%02d", (char *)context, i);
		do {
			CHILD_MUST(store_begin(store, STORE_WRITE, &write) ==
				   STORE_OK);
			result = store_put(write, TABLE_OUTCOMES, text_of(key),
			    (struct text){bytes, sizeof(bytes)});
			if (result == STORE_OK)
				result = store_commit(write);
			else
				store_abort(write);
		} while (result == STORE_FULL && store_grow(store) == STORE_OK);
		CHILD_MUST(result == STORE_OK);
	}
	child_pause(self);
	store_close(store);
}

static bool
count_large(struct text key, struct text value, void *context)
{
	int *count = context;

	assert_int_equal(key.length, 3);
	assert_int_equal(value.length, BYTES_A_WRITE);
	(*count)++;
	return true;
}

static void
two_that_write_and_grow_at_once_lose_nothing(void **state)
{
	static char names[WRITERS][2] = {"a", "b"};
	struct store_range range = EVERYTHING;
	struct child children[WRITERS];
	struct transaction *read;
	int count = 0;

	for (int i = 0; i < WRITERS; i++) {
		child_start(&children[i], write_and_grow, names[i]);
		child_await(&children[i]);
	}
	for (int i = 0; i < WRITERS; i++)
		child_go_on(&children[i]);
	for (int i = 0; i < WRITERS; i++)
		child_await(&children[i]);
	for (int i = 0; i < WRITERS; i++)
		child_finish(&children[i]);
	read = must_begin(*state, STORE_READ);
	assert_int_equal(
	    store_scan(read, TABLE_OUTCOMES, &range, count_large, &count),
	    STORE_OK);
	assert_int_equal(count, WRITERS * WRITES);
	store_abort(read);
	assert_int_equal(file_length(), 8 * MIB);
}

#define ON_STORE(name)                                   \
	{                                                \
#name, name, setup, files_teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_STORE(the_file_doubles_up_to_its_bound_and_takes_no_disk),
	    ON_STORE(a_bound_between_two_doublings_is_reached),
	    ON_STORE(what_did_not_fit_fits_after_growth),
	    ON_STORE(at_the_bound_it_is_full_and_reads_go_on),
	    ON_STORE(
		a_kept_reader_and_its_cursors_find_their_way_in_the_new_map),
	    ON_STORE(a_longer_file_keeps_its_length_when_opened),
	    ON_STORE(a_lower_bound_does_not_shorten_what_is_there),
	    ON_STORE(a_reader_follows_growth_elsewhere_with_what_it_kept),
	    ON_STORE(a_writer_follows_growth_elsewhere_beside_a_kept_reader),
	    ON_STORE(who_has_no_memory_to_follow_is_lost),
	    ON_STORE(a_reader_elsewhere_keeps_its_moment_and_then_follows),
	    ON_STORE(who_grows_second_takes_what_the_first_has_made),
	    ON_STORE(a_map_outgrown_by_a_commit_grows_by_following),
	    ON_STORE(a_short_copy_is_followed_as_far_as_it_reaches),
	    ON_STORE(two_that_write_and_grow_at_once_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
