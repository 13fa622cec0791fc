#include "app/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "app/clock.h"

/* Without a supervisor above this one nothing is sent (sd_notify(3)). */
static void
tell(const char *state)
{
	(void)sd_notify(0, state);
}

void
notify_ready(void)
{
	tell("READY=1");
}

void
notify_reloading(void)
{
	(void)sd_notifyf(
	    0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_uptime().us);
}

void
notify_stopping(void)
{
	tell("STOPPING=1");
}

void
notify_main(pid_t pid)
{
	/* That one's own READY comes too early to be believed; a reload of
	 * this one may be what systemd waits for. */
	(void)sd_notifyf(0, "READY=1\nMAINPID=%d", (int)pid);
}

void
notify_alive(void)
{
	tell("WATCHDOG=1");
}

struct span
notify_interval(void)
{
	uint64_t allowed_us;

	if (sd_watchdog_enabled(0, &allowed_us) <= 0)
		return (struct span){0};
	return (struct span){(int64_t)(allowed_us / 2)};
}

int
notify_sockets(int *first)
{
	*first = SD_LISTEN_FDS_START;
	return sd_listen_fds(1);
}
