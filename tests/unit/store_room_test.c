/*
 * A disk, or a process's bound on files, that has no room for what LMDB
 * writes: the store is full, whether the system refuses a write or does a
 * part of it, and goes on when there is room again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store_files.h"
#include "store_steps.h"

enum { ROWS = 1024 };

/* Calls come here: a program's functions have the word over a library's. */
static struct {
	bool cuts;	     /* page writes are done in part */
	unsigned long avail; /* blocks of 4096 bytes; 0 of 0: not known */
	unsigned long blocks;
} disk;

/* What is done of a write; the meta page's own descriptor has O_DSYNC. */
static size_t
allowed(int descriptor, size_t count)
{
	int flags = fcntl(descriptor, F_GETFL);

	return disk.cuts && (flags & O_DSYNC) == 0 ? count / 2 : count;
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
	return syscall(SYS_pwrite64, descriptor, bytes,
	    allowed(descriptor, count), offset);
}

ssize_t
writev(int descriptor, const struct iovec *pieces, int count)
{
	return syscall(SYS_writev, descriptor, pieces,
	    (int)allowed(descriptor, (size_t)count));
}

int
fstatvfs(int descriptor, struct statvfs *status)
{
	(void)descriptor;
	*status = (struct statvfs){
	    .f_bsize = 4096,
	    .f_frsize = 4096,
	    .f_blocks = disk.blocks,
	    .f_bfree = disk.avail,
	    .f_bavail = disk.avail,
	};
	return 0;
}

static void
set_bound(rlim_t bytes)
{
	struct rlimit bound;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &bound), 0);
	bound.rlim_cur = bytes == RLIM_INFINITY ? bound.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &bound), 0);
}

static int
setup(void **state)
{
	disk.cuts = false;
	disk.blocks = 1000 * 1000;
	disk.avail = 1000 * 1000;
	return files_setup_store(state);
}

static int
teardown(void **state)
{
	disk.cuts = false;
	set_bound(RLIM_INFINITY);
	return files_teardown(state);
}

/* A MiB of rows, committed or not. */
static enum store_result
try_to_fill(struct store *store)
{
	struct transaction *write = must_begin(store, STORE_WRITE);
	enum store_result result;
	int count;

	result = files_put_rows(write, ROWS, &count);
	if (result == STORE_OK)
		return store_commit(write);
	store_abort(write);
	return result;
}

/* Full, not to be mended by a larger map, and well when there is room. */
static void
must_be_full(struct store *store)
{
	must_hold(store, TABLE_META, "schema", "1");
	assert_int_equal(store_grow(store), STORE_FULL);
	disk.cuts = false;
	set_bound(RLIM_INFINITY);
	assert_int_equal(try_to_fill(store), STORE_OK);
	must_hold(store, TABLE_META, "schema", "1");
}

static void
a_write_in_part_on_a_full_disk_is_full(void **state)
{
	static const unsigned long avail[] = {0, 1, 63};

	must_store(*state, TABLE_META, "schema", "1");
	for (size_t i = 0; i < sizeof(avail) / sizeof(avail[0]); i++) {
		disk.cuts = true;
		disk.avail = avail[i];
		assert_int_equal(try_to_fill(*state), STORE_FULL);
		must_be_full(*state);
	}
}

static void
a_write_in_part_with_room_on_the_disk_is_the_disks_failure(void **state)
{
	must_store(*state, TABLE_META, "schema", "1");
	disk.cuts = true;
	assert_int_equal(try_to_fill(*state), STORE_UNAVAILABLE);
	/* Blocks of which nothing is known. */
	disk.blocks = 0;
	disk.avail = 0;
	assert_int_equal(try_to_fill(*state), STORE_UNAVAILABLE);
	disk.cuts = false;
	assert_int_equal(try_to_fill(*state), STORE_OK);
}

/* In whole pages the system refuses (EFBIG); else it writes a part. */
static void
a_bound_on_files_is_full(void **state)
{
	static const rlim_t bounds[] = {100 * KIB, 101 * KIB, 256 * KIB + 1};

	must_store(*state, TABLE_META, "schema", "1");
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		set_bound(bounds[i]);
		assert_int_equal(try_to_fill(*state), STORE_FULL);
		must_be_full(*state);
	}
}

static void
a_bound_on_files_lets_no_store_grow(void **state)
{
	(void)state;
	files.options.map_bytes_max = 2 * MAP_BYTES;
	files_must_reopen();
	set_bound(MAP_BYTES);
	assert_int_equal(store_grow(files.store), STORE_FULL);
	must_store(files.store, TABLE_META, "schema", "1");
	set_bound(RLIM_INFINITY);
	assert_int_equal(store_grow(files.store), STORE_OK);
	must_hold(files.store, TABLE_META, "schema", "1");
}

#define ON_DISK(name)                              \
	{                                          \
#name, name, setup, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_DISK(a_write_in_part_on_a_full_disk_is_full),
	    ON_DISK(a_write_in_part_with_room_on_the_disk_is_the_disks_failure),
	    ON_DISK(a_bound_on_files_is_full),
	    ON_DISK(a_bound_on_files_lets_no_store_grow),
	};

	/* As the programs do: a write beyond the bound is to say EFBIG. */
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
