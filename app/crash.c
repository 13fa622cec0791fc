#include "app/crash.h"

#ifdef CRASH_POINTS

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/log.h"

enum { PROCESS_NAME_BYTES = 17 };

static const char *const names[CRASH_POINT_COUNT] = {
#define CRASH_NAME(name) [CRASH_##name] = #name,
    CRASH_POINTS_OF(CRASH_NAME) CRASH_STEPS_OF(CRASH_NAME)
#undef CRASH_NAME
};

/* Those of INTENTD_CRASH_ONE_IN. */
enum {
#define CRASH_ONE(name) +1
	CRASH_ARROWS = 0 CRASH_POINTS_OF(CRASH_ONE)
#undef CRASH_ONE
};

/* At which passage a process is to die; 0: at none. */
static unsigned long wanted[CRASH_POINT_COUNT];
/* How many there were, in memory that a server's processes share. */
static _Atomic unsigned long *passages;

/* A test that names no point would prove nothing. */
static void
want(const char *name, unsigned long passage)
{
	for (size_t i = 0; i < CRASH_POINT_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			wanted[i] = passage;
			return;
		}
	fprintf(stderr, "INTENTD_CRASH_AT: no point %s\n", name);
	abort();
}

/* Before main(), so that all processes have the one memory. */
__attribute__((constructor)) static void
arm(void)
{
	const char *list = getenv("INTENTD_CRASH_AT");
	unsigned long passage;
	char name[32];
	int used;

	if (list == NULL)
		return;
	passages = mmap(NULL, CRASH_POINT_COUNT * sizeof(*passages),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (passages == MAP_FAILED)
		abort();
	for (; *list != '\0'; list += used + (list[used] == ',')) {
		if (sscanf(list, "%31[A-Z_]=%lu%n", name, &passage, &used) != 2)
			abort();
		want(name, passage);
	}
}

static bool
is_in_process(void)
{
	const char *process = getenv("INTENTD_CRASH_IN");
	char name[PROCESS_NAME_BYTES] = "";

	(void)prctl(PR_GET_NAME, name);
	return process == NULL || strcmp(name, process) == 0;
}

static bool
is_wanted(enum crash_point point)
{
	return wanted[point] > 0 && is_in_process() &&
	       ++passages[point] == wanted[point];
}

static bool
is_unlucky(enum crash_point point)
{
	const char *one_in;
	unsigned long range;
	uint64_t random;

	if ((int)point >= (int)CRASH_ARROWS)
		return false;
	one_in = getenv("INTENTD_CRASH_ONE_IN");
	range = one_in == NULL ? 0 : strtoul(one_in, NULL, 10);
	return range > 0 &&
	       getrandom(&random, sizeof(random), 0) == sizeof(random) &&
	       random % range == 0;
}

void
crash_perhaps(enum crash_point point)
{
	/*
	 * A line that is written while a commit is passes steps itself: where
	 * one of those was due, it would be said in the place of this one.
	 */
	static bool dies;
	bool all;

	if (dies || (!is_wanted(point) && !is_unlucky(point)))
		return;
	dies = true;
	log_message("crash point %s", names[point]);
	all = getenv("INTENTD_CRASH_ALL") != NULL;
	(void)kill(all ? 0 : getpid(), SIGKILL);
}

#endif
