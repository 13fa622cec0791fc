#include "app/connections.h"

#include <dirent.h>
#include <err.h>
#include <sys/resource.h>

#include "app/log.h"

/* Of a process at work; what it opens later for a moment has room. */
enum { SPARE_FILES = 16 };

static rlim_t
count_open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	rlim_t count = 0;

	/* Without /proc the spare ones have to do. */
	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

unsigned
connections_fit(unsigned wanted)
{
	const rlim_t others = count_open_files() + SPARE_FILES;
	const rlim_t needed = others + wanted;
	struct rlimit limit;
	unsigned found;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		err(1, "getrlimit");
	if (limit.rlim_cur >= needed)
		return wanted;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		err(1, "setrlimit");
	if (limit.rlim_cur >= needed)
		return wanted;
	found =
	    limit.rlim_cur > others ? (unsigned)(limit.rlim_cur - others) : 1;
	log_message("%u connections instead of %u: a process may open %llu "
		    "files (ulimit -Hn)",
	    found, wanted, (unsigned long long)limit.rlim_max);
	return found;
}
