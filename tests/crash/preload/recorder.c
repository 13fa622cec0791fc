/*
 * Preloaded into intentd and intentctl for a test: writes down what they do to
 * the files of one folder, as the disk would come to know of it.
 *
 *   RECORD_FOLDER  the folder, as realpath(3) has it
 *   RECORD_NAMES   what the files' names begin with, separated by commas; lock
 *                  files, which no reboot leaves a meaning, are left out
 *   RECORD_LOG     where it is written to: each record is one append
 *
 * A call is written down before it is made (with its bytes) and once it has
 * returned, so that between the two nobody takes it for done.  Calls that
 * change a file in a way that is not modelled here are RECORD_FOREIGN.
 *
 * An answer of a worker is written down by its Request-Id, before it is sent.
 *
 * What else it does, to show that the test would notice:
 *
 *   RECORD_FAULT=flush:NAME  fsync() and fdatasync() of files whose name begins
 *                            so do nothing, and say that they did
 *   RECORD_FAULT=dsync:NAME  they are not opened with O_DSYNC
 *   RECORD_FAULT=folder:     the folder is not flushed
 *   RECORD_LMDB_FLAGS=N      LMDB is opened with these flags, too
 */
#include "recorder.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 4096, PARTS_MAX = 1024 };

/* What a descriptor of this process is; inode 0: nothing of ours. */
static struct {
	uint64_t inode;
	int flags;
	bool is_folder;
	bool loses_flushes;
} files[FILES_MAX];

static int log_file = -1;
static atomic_uint calls;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("RECORD_LOG");
	int file;

	if (path == NULL)
		return;
	file = (int)syscall(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	/* Out of the way of whoever counts on low numbers. */
	log_file = (int)syscall(SYS_fcntl, file, F_DUPFD_CLOEXEC, 900);
	(void)syscall(SYS_close, file);
}

/* -- The log --------------------------------------------------------------- */

uint64_t
recorder_call(void)
{
	return (uint64_t)getpid() << 32 | atomic_fetch_add(&calls, 1);
}

void
recorder_append(struct record record, const struct iovec *parts, int count)
{
	struct iovec all[PARTS_MAX + 1];
	size_t bytes = sizeof(record);
	long written;

	all[0] = (struct iovec){&record, sizeof(record)};
	for (int i = 0; i < count; i++) {
		all[i + 1] = parts[i];
		bytes += parts[i].iov_len;
	}
	record.bytes = (uint32_t)bytes;
	written = syscall(SYS_writev, log_file, all, count + 1);
	/* A log with a gap would prove nothing. */
	if (written != (long)bytes)
		abort();
}

static uint64_t
note(struct record record, const void *bytes, size_t length)
{
	const struct iovec part = {(void *)(uintptr_t)bytes, length};

	record.call = recorder_call();
	recorder_append(record, &part, 1);
	return record.call;
}

void
recorder_end(uint64_t call, int64_t result)
{
	recorder_append(
	    (struct record){.kind = RECORD_END, .call = call, .value = result},
	    NULL, 0);
}

void
recorder_foreign(const char *name)
{
	(void)note((struct record){.kind = RECORD_FOREIGN}, name, strlen(name));
}

/* -- Which files ----------------------------------------------------------- */

static bool
begins_with_one_of(const char *name, const char *list)
{
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ",");

		if (strncmp(name, list, length) == 0)
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

/* The name in the folder of a path that is ours; NULL: it is not. */
const char *
recorder_name(const char *path)
{
	const char *folder = getenv("RECORD_FOLDER");
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	const size_t length = strlen(name);
	char parent[PATH_MAX];
	char real[PATH_MAX];

	if (log_file < 0 || folder == NULL ||
	    !begins_with_one_of(name, getenv("RECORD_NAMES")) ||
	    (length > 5 && strcmp(name + length - 5, "-lock") == 0))
		return NULL;
	(void)snprintf(parent, sizeof(parent), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if (realpath(parent, real) == NULL || strcmp(real, folder) != 0)
		return NULL;
	return name;
}

static bool
is_folder(const char *path)
{
	const char *folder = getenv("RECORD_FOLDER");
	char real[PATH_MAX];

	return log_file >= 0 && folder != NULL &&
	       realpath(path, real) != NULL && strcmp(real, folder) == 0;
}

/* Whether RECORD_FAULT is this one, of this name. */
static bool
fails(const char *fault, const char *name)
{
	const char *wanted = getenv("RECORD_FAULT");
	const size_t length = strlen(fault);

	return wanted != NULL && strncmp(wanted, fault, length) == 0 &&
	       wanted[length] == ':' &&
	       strncmp(
		   name, wanted + length + 1, strlen(wanted + length + 1)) == 0;
}

bool
recorder_has(int file)
{
	return file >= 0 && file < FILES_MAX && files[file].inode != 0;
}

static uint64_t
inode_of(int file, off_t *length)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		abort();
	*length = status.st_size;
	return (uint64_t)status.st_ino;
}

/* -- Opening and closing --------------------------------------------------- */

static void
know(int file, const char *name, int flags, bool existed)
{
	off_t length;

	if (file >= FILES_MAX)
		abort();
	files[file].inode = inode_of(file, &length);
	files[file].flags = flags;
	files[file].is_folder = false;
	files[file].loses_flushes = fails("flush", name);
	if (!existed)
		(void)note((struct record){.kind = RECORD_CREATE,
			       .inode = files[file].inode,
			       .value = length},
		    name, strlen(name));
	else if ((flags & O_TRUNC) != 0)
		recorder_foreign("open with O_TRUNC");
}

static int
open_noted(int at, const char *path, int flags, mode_t mode)
{
	const char *name =
	    at == AT_FDCWD || path[0] == '/' ? recorder_name(path) : NULL;
	const bool folder =
	    name == NULL && (flags & O_DIRECTORY) != 0 && is_folder(path);
	const bool existed = name != NULL && access(path, F_OK) == 0;
	int file;

	if (name != NULL && fails("dsync", name))
		flags &= ~O_DSYNC;
	file = (int)syscall(SYS_openat, at, path, flags, mode);
	if (file < 0)
		return file;
	if (file < FILES_MAX)
		files[file].inode = 0;
	if (name != NULL)
		know(file, name, flags, existed);
	if (folder && file < FILES_MAX) {
		files[file].inode = 1;
		files[file].is_folder = true;
		files[file].loses_flushes = fails("folder", "");
	}
	return file;
}

#define MODE_OF(flags)                                                    \
	mode_t mode = 0;                                                  \
	if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
		va_list list;                                             \
		va_start(list, flags);                                    \
		mode = (mode_t)va_arg(list, unsigned);                    \
		va_end(list);                                             \
	}

int
open(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_noted(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_noted(AT_FDCWD, path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_noted(at, path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_noted(at, path, flags, mode);
}

/* What _FORTIFY_SOURCE calls. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open_noted(AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
	return open_noted(AT_FDCWD, path, flags, 0);
}

int
close(int file)
{
	if (file >= 0 && file < FILES_MAX)
		files[file].inode = 0;
	if (file == log_file && file >= 0)
		return 0;
	return (int)syscall(SYS_close, file);
}

/* -- Writing --------------------------------------------------------------- */

static uint64_t
note_write(int file, const struct iovec *parts, int count, off_t position)
{
	struct record record = {.kind = RECORD_WRITE,
	    .inode = files[file].inode,
	    .position = position,
	    .value = (files[file].flags & O_DSYNC) != 0};

	if (count > PARTS_MAX)
		abort();
	record.call = recorder_call();
	recorder_append(record, parts, count);
	return record.call;
}

static off_t
place_of(int file)
{
	off_t length;

	if ((files[file].flags & O_APPEND) == 0)
		return (off_t)syscall(SYS_lseek, file, 0, SEEK_CUR);
	(void)inode_of(file, &length);
	return length;
}

ssize_t
writev(int file, const struct iovec *parts, int count)
{
	uint64_t call;
	ssize_t written;

	if (!recorder_has(file))
		return syscall(SYS_writev, file, parts, count);
	call = note_write(file, parts, count, place_of(file));
	written = syscall(SYS_writev, file, parts, count);
	recorder_end(call, written);
	return written;
}

/* That somebody is told, if the bytes begin an answer. */
static void
note_answer(const char *bytes, size_t count)
{
	static const char header[] = "Request-Id: ";
	const char *found =
	    log_file < 0 ? NULL
			 : memmem(bytes, count, header, sizeof(header) - 1);
	const char *end = found == NULL ? NULL
					: memchr(found, '\r',
					      count - (size_t)(found - bytes));

	if (end == NULL)
		return;
	found += sizeof(header) - 1;
	(void)note(
	    (struct record){.kind = RECORD_SAID}, found, (size_t)(end - found));
}

ssize_t
write(int file, const void *bytes, size_t count)
{
	const struct iovec part = {(void *)(uintptr_t)bytes, count};

	if (!recorder_has(file)) {
		note_answer(bytes, count);
		return syscall(SYS_write, file, bytes, count);
	}
	return writev(file, &part, 1);
}

ssize_t
pwritev(int file, const struct iovec *parts, int count, off_t position)
{
	uint64_t call = 0;
	ssize_t written;

	if (recorder_has(file))
		call = note_write(file, parts, count, position);
	written = syscall(SYS_pwritev, file, parts, count, (long)position, 0L);
	if (call != 0)
		recorder_end(call, written);
	return written;
}

ssize_t
pwritev64(int file, const struct iovec *parts, int count, off64_t position)
{
	return pwritev(file, parts, count, position);
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t position)
{
	const struct iovec part = {(void *)(uintptr_t)bytes, count};

	return pwritev(file, &part, 1, position);
}

ssize_t
pwrite64(int file, const void *bytes, size_t count, off64_t position)
{
	return pwrite(file, bytes, count, position);
}

int
ftruncate(int file, off_t length)
{
	uint64_t call = 0;
	int result;

	if (recorder_has(file))
		call = note((struct record){.kind = RECORD_LENGTH,
				.inode = files[file].inode,
				.position = length},
		    NULL, 0);
	result = (int)syscall(SYS_ftruncate, file, length);
	if (call != 0)
		recorder_end(call, result);
	return result;
}

int
ftruncate64(int file, off64_t length)
{
	return ftruncate(file, length);
}

/* -- Flushing -------------------------------------------------------------- */

static int
flush(int file, long number)
{
	uint64_t call;
	int result;

	if (!recorder_has(file))
		return (int)syscall(number, file);
	if (files[file].loses_flushes)
		return 0;
	call =
	    note((struct record){.kind = files[file].is_folder ? RECORD_FOLDER
							       : RECORD_FLUSH,
		     .inode = files[file].inode},
		NULL, 0);
	result = (int)syscall(number, file);
	recorder_end(call, result);
	return result;
}

int
fsync(int file)
{
	return flush(file, SYS_fsync);
}

int
fdatasync(int file)
{
	return flush(file, SYS_fdatasync);
}
