/*
 * What the supervisor gives to every process that it forks.
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stdatomic.h>
#include <stdint.h>

#include "app/clock.h"
#include "app/settings.h"
#include "base/id.h"

struct metrics;
struct rate_table;
struct slots;

/* What a process says of itself, in the order in which it gets there. */
enum process_service {
	PROCESS_OPENS,	/* its store, and whatever else it needs */
	PROCESS_SERVES, /* it does what it is there for */
	PROCESS_RETIRES /* it has had enough, and makes room for another one */
};

enum process_state {
	PROCESS_ABSENT, /* nobody has this place, or it waits for its start */
	PROCESS_RUNS,
	PROCESS_LEAVES, /* it was asked to end */
};

/*
 * What there is to know of a process, in memory that all share: written by the
 * process itself and by its supervisor, read by whoever shows it.  Cache lines
 * of its own, or every step would slow the neighbours down.
 */
struct process_status {
	/*
	 * The process: zero while it waits for work; else when the step began
	 * that it is taking, as microseconds of clock_uptime().  A step longer
	 * than request_timeout_ms is a hang, and the process is killed.
	 */
	_Alignas(64) _Atomic int64_t busy_since_us;
	/* The process, as all up to the next comment. */
	_Atomic uint64_t requests;    /* that it has begun, since its start */
	_Atomic uint32_t connections; /* open ones */
	_Atomic uint32_t in_flight;   /* requests without their answer */
	_Atomic uint32_t route;	      /* 1 + index of the latest request's */
	_Atomic int64_t request_since_us; /* of the oldest in flight; 0: none */
	_Atomic uint32_t service;	  /* enum process_service */
	/*
	 * Of a courier: 1 when something may be due that it has not looked for
	 * yet.  Set by the committer, who then rings it (process_call()), and
	 * taken back by itself before it looks.
	 */
	_Atomic uint32_t called;
	/* Its supervisor, as all from here on. */
	_Alignas(64) _Atomic int32_t pid; /* 0: nobody has this place */
	_Atomic uint32_t state;		  /* enum process_state */
	_Atomic uint32_t kind;		  /* row of the process table */
	_Atomic uint32_t number;	  /* of its kind, from 1 */
	_Atomic uint32_t generation;	  /* of the settings: 1, 2, ... */
	_Atomic int64_t started_us;	  /* on clock_uptime() */
	_Atomic uint32_t lives; /* processes that have begun in this place */
	/* The process: 1 + the system call that kills it (app/confine.h). */
	_Atomic uint32_t forbidden;
};

/*
 * What all processes of a server share; places are those of its process
 * table, of which some are empty.
 */
struct board {
	_Atomic int64_t started_us; /* on clock_uptime() */
	_Atomic int64_t alive_us;   /* the supervisor's latest step, likewise */
	_Atomic uint32_t generation; /* of the settings in force */
	_Atomic uint32_t stopping;   /* 1: the server is to end */
	_Atomic uint32_t logs;	     /* raised when logs are to be reopened */
	/* Of couriers, each as the latest of them saw it. */
	_Atomic uint64_t webhooks_waiting;  /* deliveries not at their end */
	_Atomic int64_t webhooks_oldest_us; /* due since; Unix time; 0: none */
	_Atomic uint64_t starts;    /* of processes, since the beginning */
	_Atomic uint64_t deaths;    /* ... that ended otherwise than asked */
	_Atomic uint64_t kills;	    /* ... and that hung */
	_Atomic uint64_t forbidden; /* ... of a system call not theirs */
	/* The latest id that was stamped, by whoever commits: engine.h. */
	_Alignas(64) struct id latest_id;
	struct process_status places[];
};

struct process_context {
	const struct settings *settings; /* borrowed */
	int64_t number;			 /* of its kind, from 1 */
	unsigned promises;		 /* what it is for: enum promise */
	struct board *board;		 /* shared by all processes */
	unsigned place_count;		 /* on it */
	struct process_status *status;	 /* this process's place on it */
	struct metrics *metrics;	 /* of all processes */
	struct rate_table *rates;	 /* likewise */
	int listener;			 /* a socket, non-blocking */
	int stop; /* signalfd: readable once SIGTERM has come */
	int news; /* eventfd: rung when `service` changes; the supervisor's */
	int lock; /* of the server's committer: data_lock() */

	/* Commands in flight, shared by all processes: app/slots.h. */
	struct slots *slots;
	/* Of the committer; NULL: there is none, everybody commits. */
	struct process_status *committer;
	/*
	 * Of each owner of slots: eventfds, readable after a DONE.  Open in the
	 * committer; its own in a process that has slots.
	 */
	const int *bells;
	unsigned owner; /* which of them this process is */
	/* All places of couriers, and the first one's owner; a row of each. */
	struct process_status *couriers;
	unsigned courier_count;
	unsigned courier_owner;
};

struct process_metrics;
/* What this process counts in. */
struct process_metrics *process_metrics(const struct process_context *context);

/*
 * Runs until `stop` is readable; returns the exit status.  The board says
 * whether the whole server ends (board->stopping), or this process alone.
 */
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

/* On the board, by the process itself: of its requests since its start. */
static inline void
process_show_begun(struct process_status *status, int64_t begun)
{
	atomic_store_explicit(
	    &status->requests, (uint64_t)begun, memory_order_relaxed);
}

/* ... how many have no answer, and when the oldest of those began; or {0}. */
static inline void
process_show_requests(
    struct process_status *status, uint32_t in_flight, struct span oldest)
{
	atomic_store_explicit(
	    &status->in_flight, in_flight, memory_order_relaxed);
	atomic_store_explicit(
	    &status->request_since_us, oldest.us, memory_order_relaxed);
}

/* ... that it has just started: a predecessor may have had its place. */
void process_show_start(struct process_status *status);

/*
 * It has opened all that it needs: from here on it is confined (confine.h).
 * Says on the board that it serves, and rings its supervisor; where it cannot
 * be confined it ends, with the reason logged.
 */
void process_serves(const struct process_context *context);
/* The same: it takes nothing new any more, and ends soon. */
void process_retires(const struct process_context *context);

/*
 * Hands the command in a slot over.  The committer counts as busy from here
 * on, so that one that is stopped in its sleep is found out as well.
 */
void process_submit(const struct process_context *context, unsigned slot);

/* Rings an owner's bell. */
void process_ring(int bell);
/* Makes an owner's bell silent; before it looks at its slots. */
void process_hear(int bell);

/*
 * Tells the couriers that something is on its way to a webhook endpoint, once
 * it is committed; where all bells are open.  A courier that has been told and
 * has not looked yet costs no second ring.
 */
void process_call_couriers(const struct process_context *context);

#endif
