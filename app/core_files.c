#include "app/core_files.h"

#include <err.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * No file has one byte alone; and of programs that the kernel hands cores to
 * (core(5)), which no other bound keeps from them, 1 means that there is none
 * (fs/coredump.c).
 */
enum { NO_CORE_BYTES = 1 };

void
core_files_allow(bool allowed)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) != 0)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (!allowed && limit.rlim_max > NO_CORE_BYTES)
		limit.rlim_cur = NO_CORE_BYTES;
	if (setrlimit(RLIMIT_CORE, &limit) != 0)
		err(1, "setrlimit");
	/* Another user's number has taken that away (prctl(2)). */
	if (allowed && prctl(PR_SET_DUMPABLE, 1) != 0)
		err(1, "prctl");
}
