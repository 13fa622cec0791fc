/* Names of the recorded files, and calls that are not modelled (recorder.h). */
#include "recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- Names ----------------------------------------------------------------- */

/* 0 where neither is ours. */
static uint64_t
note_names(enum kind kind, const char *from, const char *to)
{
	const char *old = recorder_name(from);
	const char *new = to == NULL ? NULL : recorder_name(to);
	struct iovec parts[] = {
	    {(void *)(uintptr_t)old, 0}, {(void *)(uintptr_t) new, 0}};
	struct record record = {.kind = kind};

	if (old == NULL && new == NULL)
		return 0;
	if (to != NULL && (old == NULL || new == NULL)) {
		recorder_foreign("a name that comes or goes");
		return 0;
	}
	record.call = recorder_call();
	parts[0].iov_len = strlen(old) + (new != NULL);
	parts[1].iov_len = new == NULL ? 0 : strlen(new);
	recorder_append(record, parts, 2);
	return record.call;
}

int
rename(const char *from, const char *to)
{
	uint64_t call = note_names(RECORD_RENAME, from, to);
	int result = NEXT(rename)(from, to);

	if (call != 0)
		recorder_end(call, result);
	return result;
}

int
link(const char *from, const char *to)
{
	uint64_t call = note_names(RECORD_LINK, from, to);
	int result = NEXT(link)(from, to);

	if (call != 0)
		recorder_end(call, result);
	return result;
}

int
unlink(const char *path)
{
	uint64_t call = note_names(RECORD_UNLINK, path, NULL);
	int result = NEXT(unlink)(path);

	if (call != 0)
		recorder_end(call, result);
	return result;
}

/* -- What is not modelled -------------------------------------------------- */

void *
mmap(void *at, size_t length, int protection, int flags, int file,
    off_t position)
{
	if (recorder_has(file) && (protection & PROT_WRITE) != 0 &&
	    (flags & MAP_SHARED) != 0)
		recorder_foreign("mmap for writing");
	return (void *)syscall(
	    SYS_mmap, at, length, protection, flags, file, position);
}

void *
mmap64(void *at, size_t length, int protection, int flags, int file,
    off64_t position)
{
	return mmap(at, length, protection, flags, file, position);
}

int
fallocate(int file, int mode, off_t position, off_t length)
{
	if (recorder_has(file))
		recorder_foreign("fallocate");
	return (int)syscall(SYS_fallocate, file, mode, position, length);
}

int
posix_fallocate(int file, off_t position, off_t length)
{
	if (recorder_has(file))
		recorder_foreign("posix_fallocate");
	return NEXT(posix_fallocate)(file, position, length);
}

ssize_t
copy_file_range(int from, off64_t *from_position, int to, off64_t *to_position,
    size_t length, unsigned flags)
{
	if (recorder_has(to))
		recorder_foreign("copy_file_range");
	return syscall(SYS_copy_file_range, from, from_position, to,
	    to_position, length, flags);
}

ssize_t
sendfile(int to, int from, off_t *position, size_t length)
{
	if (recorder_has(to))
		recorder_foreign("sendfile");
	return syscall(SYS_sendfile, to, from, position, length);
}

/* -- LMDB ------------------------------------------------------------------ */

struct MDB_env;
int mdb_env_open(
    struct MDB_env *env, const char *path, unsigned flags, mode_t mode);

int
mdb_env_open(struct MDB_env *env, const char *path, unsigned flags, mode_t mode)
{
	const char *more = getenv("RECORD_LMDB_FLAGS");

	if (more != NULL)
		flags |= (unsigned)strtoul(more, NULL, 0);
	return NEXT(mdb_env_open)(env, path, flags, mode);
}
