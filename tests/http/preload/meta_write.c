/*
 * Preloaded into intentd for a test: the committer sends itself a signal inside
 * the write of LMDB's meta page, once for each time that the file named by
 * META_WRITE_FLAG is there.  The page is then in the system's memory, and the
 * write has not returned: what kill -9 or a stop in the middle of a commit's
 * flush leaves, which no point in the program's own text can show.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* LMDB's two meta pages are the first of the file. */
enum { META_END = 8192, META_BYTES_MAX = 4095, NAME_BYTES = 17 };

static bool
is_armed(void)
{
	const char *flag = getenv("META_WRITE_FLAG");
	char name[NAME_BYTES] = "";

	(void)prctl(PR_GET_NAME, name);
	return flag != NULL && strcmp(name, "intentd-commit") == 0 &&
	       unlink(flag) == 0;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset);

ssize_t
pwrite64(int file, const void *bytes, size_t count, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = (ssize_t(*)(
	    int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	ssize_t written = real(file, bytes, count, offset);

	if (offset < META_END && count <= META_BYTES_MAX && is_armed())
		(void)kill(getpid(), atoi(getenv("META_WRITE_SIGNAL")));
	return written;
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t offset)
{
	return pwrite64(file, bytes, count, offset);
}
