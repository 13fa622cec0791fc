/*
 * What the supervisor gives to every process that it forks.
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stdatomic.h>
#include <stdint.h>

#include "app/clock.h"
#include "app/settings.h"

struct rate_table;
struct slots;

/*
 * What a process tells its supervisor, in memory that both share.  Zero:
 * waiting for work; else when the step began that the process is taking, as
 * microseconds of clock_uptime().  A step longer than request_timeout_ms is
 * a hang, and the process is killed.
 */
struct process_status {
	/* A cache line each, or every step would slow the neighbours down. */
	_Alignas(64) _Atomic int64_t busy_since_us;
};

struct process_context {
	const struct settings *settings; /* borrowed */
	int64_t number;			 /* of its kind, from 1 */
	struct process_status *status;	 /* shared with the supervisor */
	struct rate_table *rates;	 /* shared by all processes */
	int listener;			 /* unix socket, non-blocking */
	int stop; /* signalfd: readable once SIGTERM has come */

	/* Commands in flight, shared by all processes: app/slots.h. */
	struct slots *slots;
	/* Of the committer; NULL: there is none, everybody commits. */
	struct process_status *committer;
	/* Of each owner of slots: eventfds, readable after a DONE. */
	const int *bells;
	unsigned owner; /* which of them this process is */
};

/* Runs until `stop` is readable; returns the exit status. */
typedef int process_run(const struct process_context *context);

static inline void
process_busy(struct process_status *status)
{
	atomic_store_explicit(
	    &status->busy_since_us, clock_uptime().us, memory_order_relaxed);
}

static inline void
process_idle(struct process_status *status)
{
	atomic_store_explicit(&status->busy_since_us, 0, memory_order_relaxed);
}

/*
 * Hands the command in a slot over.  The committer counts as busy from here
 * on, so that one that is stopped in its sleep is found out as well.
 */
void process_submit(const struct process_context *context, unsigned slot);

/* Rings an owner's bell. */
void process_ring(int bell);
/* Makes an owner's bell silent; before it looks at its slots. */
void process_hear(int bell);

#endif
