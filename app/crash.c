#include "app/crash.h"

#ifdef CRASH_POINTS

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/log.h"

static const char *const names[CRASH_POINT_COUNT] = {
#define CRASH_NAME(name) [CRASH_##name] = #name,
    CRASH_POINTS_OF(CRASH_NAME)
#undef CRASH_NAME
};

void
crash_perhaps(enum crash_point point)
{
	const char *one_in = getenv("INTENTD_CRASH_ONE_IN");
	unsigned long range = one_in == NULL ? 0 : strtoul(one_in, NULL, 10);
	uint64_t random;

	if (range == 0 || getrandom(&random, sizeof(random), 0) < 0 ||
	    random % range != 0)
		return;
	log_message("crash point %s", names[point]);
	(void)kill(getpid(), SIGKILL);
}

#endif
