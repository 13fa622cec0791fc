/*
 * The look at the pages of a store's file: nothing that LMDB has written is
 * found to be damaged, and whatever stands in a page is read within bounds.
 *
 * PAGES_SEED=number repeats a run; PAGES_ROUNDS=number makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "store/keys.h"
#include "store/lmdb_metas.h"
#include "store_files.h"
#include "store_steps.h"

enum {
	PAGE_BYTES = 4096,
	ROUNDS = 60,
	STEPS = 120,
	TABLES = 4,
	VALUE_BYTES_MAX = 20000,
	FLIPS = 2000,
	OPENS = 60,
};

static uint64_t seed;

/* xorshift64*, after Vigna. */
static uint64_t
draw(uint64_t bound)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1d >> 11) % bound;
}

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *value = getenv(variable);

	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

static uint64_t
rounds_of(uint64_t otherwise)
{
	return otherwise * number_of("PAGES_ROUNDS", 1);
}

static int
open_file(void)
{
	int file = open(files.temporary.path, O_RDWR | O_CLOEXEC);

	assert_true(file >= 0);
	return file;
}

static enum pages_result
check(int file, enum pages_depth depth, char reason[PAGES_REASON_BYTES])
{
	return pages_check(file, 0, depth, reason);
}

static void
must_be_sound(int file)
{
	char reason[PAGES_REASON_BYTES];

	for (int depth = PAGES_DIRECTORY; depth <= PAGES_ALL; depth++) {
		enum pages_result found =
		    check(file, (enum pages_depth)depth, reason);

		assert_string_equal(reason, "");
		assert_int_equal(found, PAGES_SOUND);
	}
}

/* -- What LMDB writes ------------------------------------------------------ */

/* Long keys make high trees, and their common beginning long branches. */
static struct text
draw_key(char bytes[STORE_KEY_BYTES_MAX], uint64_t keys)
{
	size_t length = 16 + (draw(2) == 0 ? STORE_KEY_BYTES_MAX - 16 : 0);

	memset(bytes, 'k', length);
	(void)snprintf(bytes, length, "%07llu",
	    (unsigned long long)(draw(keys) * 7919 % 1000003));
	return (struct text){bytes, length};
}

static void
change(struct transaction *write, uint64_t puts, uint64_t keys)
{
	static const char value[VALUE_BYTES_MAX];
	char bytes[STORE_KEY_BYTES_MAX];
	size_t length = draw(20) == 0 ? draw(VALUE_BYTES_MAX) : draw(300);
	enum table table = (enum table)draw(TABLES);
	struct text key = draw_key(bytes, keys);
	enum store_result result;

	result = draw(10) < puts ? store_put(write, table, key,
				       (struct text){value, length})
				 : store_delete(write, table, key);
	assert_true(result == STORE_OK || result == STORE_MISSING);
}

/* Grows and shrinks again, beside a reader that keeps pages from use. */
static void
every_commit_leaves_a_sound_file(void **state)
{
	struct transaction *write, *read = NULL;
	int file = open_file();

	must_be_sound(file);
	for (uint64_t i = 0; i < rounds_of(ROUNDS); i++) {
		const uint64_t puts = i / 15 % 2 == 0 ? 9 : 2;
		const uint64_t steps = 1 + draw(STEPS);

		write = must_begin(*state, STORE_WRITE);
		for (uint64_t j = 0; j < steps; j++)
			change(write, puts, 1000);
		if (draw(8) == 0)
			store_abort(write);
		else
			must_commit(write);
		must_be_sound(file);
		if (read == NULL && draw(6) == 0) {
			read = must_begin(*state, STORE_READ);
		} else if (read != NULL && draw(6) == 0) {
			store_abort(read);
			read = NULL;
		}
	}
	if (read != NULL)
		store_abort(read);
	(void)close(file);
}

static bool
visit(struct text key, struct text value, void *context)
{
	struct store_key *last = context;

	(void)value;
	*last = key_copy(key);
	return false;
}

static void
a_table_that_was_emptied_is_sound(void **state)
{
	const struct store_range all = {TEXT_NONE, TEXT_NONE, false};
	struct transaction *write;
	struct store_key key;
	int file = open_file();
	int count;

	write = must_begin(*state, STORE_WRITE);
	assert_int_equal(files_put_rows(write, 500, &count), STORE_OK);
	must_commit(write);
	do {
		write = must_begin(*state, STORE_WRITE);
		for (int i = 0; i < 37; i++) {
			key.length = 0;
			assert_int_equal(
			    store_scan(write, TABLE_EVENTS, &all, visit, &key),
			    STORE_OK);
			if (key.length > 0)
				assert_int_equal(
				    store_delete(
					write, TABLE_EVENTS, key_text(&key)),
				    STORE_OK);
		}
		must_commit(write);
		must_be_sound(file);
	} while (key.length > 0);
	(void)close(file);
}

/* Is killed at any moment. */
static void
commit_on(struct child *self, void *context)
{
	struct store *store = files_open_in_child();
	struct transaction *write;
	enum store_result result;
	char key[16];

	(void)context;
	/* It has no end of its own. */
	CHILD_MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	child_pause(self);
	for (unsigned i = 0;; i++) {
		CHILD_MUST(store_begin(store, STORE_WRITE, &write) == STORE_OK);
		result = STORE_OK;
		(void)snprintf(key, sizeof(key), "%u", i % 512);
		for (int table = 0; result == STORE_OK && table < TABLES;
		     table++)
			result = store_put(write, (enum table)table,
			    text_of(key), text_of("v"));
		/* Full where a slow reader has kept all pages from use. */
		if (result == STORE_OK)
			result = store_commit(write);
		else
			store_abort(write);
		CHILD_MUST(result == STORE_OK || result == STORE_FULL);
	}
}

/* No commit between its parts makes it see damage; nor does a death. */
static void
a_writer_beside_is_no_damage(void **state)
{
	struct child child;
	int file;

	(void)state;
	files_must_reopen();
	files_close();
	child_start(&child, commit_on, NULL);
	child_await(&child);
	child_go_on(&child);
	for (uint64_t i = 0; i < rounds_of(OPENS); i++) {
		const char *reason;

		files_must_open();
		assert_int_equal(lmdb_check(files.store, &reason), STORE_OK);
		files_close();
	}
	child_kill(&child);
	file = open_file();
	must_be_sound(file);
	(void)close(file);
	files_must_open();
}

/* -- What nobody has written ----------------------------------------------- */

/* A store with trees of two levels, values of several pages, free pages. */
static int
damageable(struct store *store)
{
	for (int i = 0; i < 6; i++) {
		struct transaction *write = must_begin(store, STORE_WRITE);

		for (int j = 0; j < 80; j++)
			change(write, 7, 300);
		must_commit(write);
	}
	files_close();
	return open_file();
}

static void
put_byte(int file, off_t place, uint8_t byte)
{
	assert_int_equal(pwrite(file, &byte, 1, place), 1);
}

static uint8_t
byte_at(int file, off_t place)
{
	uint8_t byte;

	assert_int_equal(pread(file, &byte, 1, place), 1);
	return byte;
}

static uint64_t
page_count(int file)
{
	char reason[PAGES_REASON_BYTES];
	struct meta meta;

	assert_int_equal(metas_read(file, 0, &meta, reason), PAGES_SOUND);
	return meta.last_page + 1;
}

/* Numbers that are at a bound, or beyond any. */
static uint64_t
draw_number(void)
{
	static const uint64_t numbers[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 0xff,
	    0x1ff, 0x200, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0xffffffff,
	    UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 52, INT64_MAX,
	    UINT64_MAX / PAGE_BYTES, UINT64_MAX - 15};
	const size_t count = sizeof(numbers) / sizeof(numbers[0]);

	return draw(2) == 0 ? numbers[draw(count)] : draw(UINT64_MAX);
}

/* One that is damaged in a place or some is refused or not, and that is all. */
static void
whatever_stands_there_is_read_within_bounds(void **state)
{
	int file = damageable(*state);
	const uint64_t pages = page_count(file);
	char reason[PAGES_REASON_BYTES];
	uint64_t found = 0;

	for (uint64_t i = 0; i < rounds_of(FLIPS); i++) {
		/* In the heads of pages, mostly. */
		const uint64_t behind =
		    draw(4) == 0 ? draw(PAGE_BYTES - 8) : draw(160);
		const off_t place =
		    (off_t)((draw(4) == 0 ? draw(2) : draw(pages)) *
				PAGE_BYTES +
			    behind);
		const uint64_t number = draw_number();
		const size_t width = (size_t)1 << draw(4);
		uint8_t kept[8];

		assert_int_equal(pread(file, kept, width, place), width);
		assert_int_equal(pwrite(file, &number, width, place), width);
		for (int depth = PAGES_DIRECTORY; depth <= PAGES_ALL; depth++) {
			enum pages_result result =
			    check(file, (enum pages_depth)depth, reason);

			assert_true(
			    result == PAGES_SOUND || result == PAGES_DAMAGED);
			assert_int_equal(
			    result == PAGES_DAMAGED, reason[0] != '\0');
			found += result == PAGES_DAMAGED;
		}
		assert_int_equal(pwrite(file, kept, width, place), width);
	}
	print_message("%llu of %llu looks found damage\n",
	    (unsigned long long)found,
	    (unsigned long long)(2 * rounds_of(FLIPS)));
	must_be_sound(file);
	(void)close(file);
	files_must_open();
}

/* The latest of the two meta pages. */
static off_t
meta_place(int file)
{
	char reason[PAGES_REASON_BYTES];
	struct meta meta;

	assert_int_equal(metas_read(file, 0, &meta, reason), PAGES_SOUND);
	return (off_t)(meta.transaction & 1) * PAGE_BYTES;
}

static off_t
place_of_page(int file, unsigned tree)
{
	uint64_t page;

	assert_int_equal(pread(file, &page, sizeof(page),
			     meta_place(file) + 16 + 24 + 48 * (tree + 1) - 8),
	    sizeof(page));
	return (off_t)(page * PAGE_BYTES);
}

enum spot { IN_META, IN_FREE, IN_DIRECTORY, IN_FILE };

static const struct damage {
	enum spot place;
	off_t behind; /* bytes behind its begin */
	uint8_t bits; /* that become others */
	bool at_open; /* found by the look at an open */
	const char *reason;
} damages[] = {
    {IN_FILE, 16, 1, true, "it is no meta page"},
    {IN_META, 10, PAGE_META, true, "it is no meta page"},
    {IN_META, 16 + 24, 1, true, ""},
    {IN_META, 16 + 8, 1, true, "it contradicts page 1"},
    {IN_META, 16 + 128, 1, true, "its transaction is the other's"},
    {IN_META, 16 + 128, 4, true, "its transaction is not next to that"},
    {IN_META, 16 + 126, 1, true, "shorter than its contents"},
    {IN_META, 16 + 72 + 6, 2, true, "its tree is of another height"},
    {IN_META, 16 + 72 + 32, 1, true, "its tree has other pages or rows"},
    {IN_META, 16 + 72 + 4, 4, true, "its trees are of another kind"},
    {IN_META, 16 + 24 + 32, 1, false, "its tree has other pages or rows"},
    {IN_META, 16 + 72 + 46, 1, true, "it leads out of the file"},
    {IN_DIRECTORY, 0, 1, true, "it has another page's number"},
    {IN_DIRECTORY, 10, 1, true, "it is neither branch nor leaf"},
    {IN_DIRECTORY, 12, 1, true, "its bounds are wrong"},
    {IN_DIRECTORY, 15, 0x80, true, "its bounds are wrong"},
    {IN_DIRECTORY, 16, 1, true, "a row is not on it"},
    {IN_FREE, 0, 1, false, "it has another page's number"},
    {IN_FREE, 12, 2, false, ""},
};

static off_t
begin_of(int file, enum spot place)
{
	switch (place) {
	case IN_META:
		return meta_place(file);
	case IN_FREE:
		return place_of_page(file, 0);
	case IN_DIRECTORY:
		return place_of_page(file, 1);
	case IN_FILE:
		return 0;
	}
	fail();
	return 0;
}

static void
damage_is_named(void **state)
{
	int file = damageable(*state);

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *damage = &damages[i];
		const off_t place =
		    begin_of(file, damage->place) + damage->behind;
		const uint8_t kept = byte_at(file, place);
		char reason[PAGES_REASON_BYTES];

		put_byte(file, place, kept ^ damage->bits);
		assert_int_equal(check(file, PAGES_ALL, reason), PAGES_DAMAGED);
		if (strstr(reason, damage->reason) == NULL)
			fail_msg("row %zu: %s", i, reason);
		assert_int_equal(check(file, PAGES_DIRECTORY, reason),
		    damage->at_open ? PAGES_DAMAGED : PAGES_SOUND);
		put_byte(file, place, kept);
	}
	must_be_sound(file);
	(void)close(file);
	files_must_open();
}

int
main(void)
{
#define OF_STORE(test) \
	cmocka_unit_test_setup_teardown(test, files_setup_store, files_teardown)
	const struct CMUnitTest tests[] = {
	    OF_STORE(every_commit_leaves_a_sound_file),
	    OF_STORE(a_table_that_was_emptied_is_sound),
	    OF_STORE(a_writer_beside_is_no_damage),
	    OF_STORE(whatever_stands_there_is_read_within_bounds),
	    OF_STORE(damage_is_named),
	};

	seed = number_of("PAGES_SEED", (uint64_t)time(NULL)) | 1;
	print_message("PAGES_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
