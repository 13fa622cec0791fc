#include "app/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t
clock_us(clockid_t clock)
{
	struct timespec time;
	int result = clock_gettime(clock, &time);

	assert(result == 0);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static struct span time_offset;

void
clock_set_offset(struct span offset)
{
	time_offset = offset;
}

struct instant
clock_now(void)
{
	return (struct instant){clock_us(CLOCK_REALTIME) + time_offset.us};
}

struct span
clock_uptime(void)
{
	return (struct span){clock_us(CLOCK_MONOTONIC) + 1};
}

/* The beginning of a UUID as text: 56 random bits do. */
void
clock_boot(uint8_t boot[CLOCK_BOOT_BYTES])
{
	int file =
	    open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, boot, CLOCK_BOOT_BYTES) != CLOCK_BOOT_BYTES)
		memset(boot, 0, CLOCK_BOOT_BYTES);
	if (file >= 0)
		close(file);
}
