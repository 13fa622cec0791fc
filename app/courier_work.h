/*
 * The inside of the courier, for its files alone:
 *
 *	courier.c		the process: its loop, what is due, its end
 *	courier_flights.c	deliveries under way, from claim to report
 *	courier_lanes.c		their commands on the way to the committer
 *	courier_targets.c	endpoints that deliveries are under way to
 */
#ifndef APP_COURIER_WORK_H
#define APP_COURIER_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/handle.h"
#include "api/webhook.h"
#include "app/process.h"
#include "app/webhook.h"
#include "base/arena.h"
#include "core/command.h"
#include "core/outcome.h"
#include "core/records.h"
#include "engine/deliveries.h"

struct courier;
struct flight;

TAILQ_HEAD(flights, flight);

/* -- Endpoints ------------------------------------------------------------- */

/* Rows of an endpoint that rest at a time. */
enum { TARGET_BARREN_MAX = 8 };

/*
 * What is remembered of an endpoint.  Of one that nothing is under way to it
 * may be forgotten, and is learned again from its record.
 */
struct target {
	struct id endpoint;
	struct flights flights; /* to it, in the order of its queue */
	unsigned flight_count;
	bool heard;	    /* an attempt has ended */
	bool failing;	    /* the latest one has failed */
	bool slow;	    /* ... or was long under way */
	unsigned pause_ms;  /* between attempts while they fail */
	struct span rests;  /* no attempt begins before */
	struct span logged; /* when that was last said; 0: never */
	struct span used;   /* the latest begin of a flight */
	/* Rows whose claims came to nothing, and that rest. */
	struct barren {
		struct id event;
		struct instant due;
		struct span until;
		int64_t rest_ms;
	} barren[TARGET_BARREN_MAX];
};

enum {
	/* Targets are found in rows of ways, by the endpoint's id. */
	TARGET_ROWS = 1024,
	TARGET_WAYS = 8,
};

struct targets {
	struct target *all; /* owned; TARGET_ROWS * TARGET_WAYS */
};

bool targets_open(struct targets *targets) __attribute__((warn_unused_result));
void targets_close(struct targets *targets);
/* Whether it is known to answer well and soon; NULL: nothing is known of it. */
bool target_is_proved(const struct target *target);
/* NULL: nothing is known of it. */
struct target *target_find(const struct targets *targets, struct id endpoint);
/*
 * The same, and it is known from here on, in the place of whom was not used
 * for longest.  NULL: flights to others have all the places it could have.
 */
struct target *target_take(struct targets *targets, struct id endpoint);
/*
 * A claim of this row came to nothing: one that looks like it is let alone for
 * a moment, so that none can keep the courier busy, and what is behind it has
 * its turn.  No longer: it may be due again, given back by whoever had it then;
 * if many rest, in the place of the first to end, since most are gone from the
 * queue for good, of an endpoint that was deleted or disabled.
 *
 * One that is `unreadable` rests longer each time.  False: so many rest that
 * this one cannot.
 */
bool target_rest(struct target *target, const struct due_delivery *row,
    bool unreadable, struct span now) __attribute__((warn_unused_result));
bool target_rests(const struct target *target, const struct due_delivery *row,
    struct span now);
/* How many of its rows rest; NULL: nothing is known of it. */
unsigned target_resting(const struct target *target, struct span now);
/*
 * What the latest attempt came to, and how long it took: one that fails has
 * pauses.
 */
void target_attempted(
    struct target *target, bool fails, struct span duration, struct span now);

/*
 * No attempt can be made, since this host lacks what it takes: that is logged
 * now and then, and nothing is looked for or claimed for a moment.
 */
void courier_lacks(struct courier *courier, const char *what);

/*
 * A claim came to nothing, or was refused for that reason: its row is as due as
 * before, and rests.  Where it was the world's failure, or too many rows of its
 * endpoint rest that cannot be read, nothing is looked for in a moment instead.
 */
void courier_pass_over(
    struct courier *courier, const struct flight *flight, enum error_id reason);

/* -- Flights --------------------------------------------------------------- */

enum flight_state {
	FLIGHT_FREE,
	FLIGHT_CLAIMS,	 /* its claim waits for a slot, or is in one */
	FLIGHT_WAITS,	 /* claimed, for its turn at the endpoint */
	FLIGHT_SENDS,	 /* the attempt is under way */
	FLIGHT_REPORTS,	 /* as the first: what the attempt came to */
	FLIGHT_RELEASES, /* as the first: there was no attempt */
};

/* One delivery under way. */
struct flight {
	enum flight_state state;
	struct due_delivery row;
	struct target *target; /* NULL: a predecessor has claimed it */
	bool of_unproved;      /* its endpoint was so when it began */
	/* What the claim has found; texts are in the arena. */
	struct arena arena;
	struct endpoint endpoint;
	struct event event;
	struct webhook_attempt attempt;
	struct webhook_message message;
	struct instant begun;
	uint64_t entropy;
	struct span claimed;	   /* this, and the next two: clock_uptime() */
	struct span sends;	   /* when the attempt began */
	struct span until;	   /* of a command that rests; 0: it does not */
	TAILQ_ENTRY(flight) place; /* among those of its state */
	TAILQ_ENTRY(flight) beside; /* among those of its target */
};

/* One of this process's slots. */
struct lane {
	unsigned slot;
	bool busy;
	struct flight *flight; /* NULL: a dead predecessor's command is in it */
};

/* When to look for what is due; all on clock_uptime(). */
struct looking {
	struct id from;	      /* where the next look begins */
	struct span due;      /* at the latest */
	struct span rests;    /* not before */
	struct span complain; /* no line about a failure before */
	bool wanted;	      /* as soon as it may be */
	bool doubles;	      /* the latest saw what was being claimed */
};

struct courier {
	const struct process_context *context; /* borrowed */
	struct process_metrics *metrics;       /* borrowed, shared */
	struct store *store;		       /* owned, as all below */
	struct service service;
	struct webhooks *webhooks;
	struct id holder; /* of what this process claims */
	struct looking looking;
	struct targets targets;

	struct flight *all;
	unsigned flight_count;
	unsigned used;	     /* flights that are not free */
	unsigned unproved;   /* those of endpoints that were not proved */
	uint64_t begun;	     /* attempts, since the start */
	unsigned sent_count; /* under way now */
	struct flights free;
	struct flights queued;	/* their commands wait for a slot */
	struct flights resting; /* ... for another try */
	struct flights waiting; /* FLIGHT_WAITS */
	struct flights sending; /* FLIGHT_SENDS, oldest first */

	struct lane *lanes;
	unsigned lane_count;
	/* Where there is no committer, and this process runs its commands. */
	struct command *command;
	struct outcome *outcome;

	/* What a predecessor had claimed. */
	struct due_deliveries held;
	unsigned held_next;
	struct store_key held_from;
	bool held_last; /* there are no more behind */
	bool recovered; /* all of it is given back */
	bool stopping;
	struct span gives_up; /* on attempts, while it stops; 0: it has */
};

/* False: the reason is logged; flights_close() may follow. */
bool flights_open(struct courier *courier) __attribute__((warn_unused_result));
void flights_close(struct courier *courier);

/* Claims a row that is due; nothing happens where there is no room for it. */
void flight_claim(struct courier *courier, const struct due_delivery *row);
/* Gives back what a predecessor has claimed; a flight is free (asserted). */
void flight_give_back(struct courier *courier, const struct due_delivery *row);
/* The webhook_done of all attempts; `context` is the courier. */
void flight_sent(struct webhook_attempt *attempt, void *context);
/* What became of a flight's command. */
void flight_answered(struct courier *courier, struct flight *flight,
    const struct outcome *outcome);

/* Begins what has its turn, and queues what has rested. */
void flights_move(struct courier *courier);
/* When flights_move() has something to do next; {0}: nothing by time alone. */
struct span flights_next(const struct courier *courier);
/* No attempt begins any more: what has not begun is given back. */
void flights_stop(struct courier *courier);
/* Attempts under way end here, and are given back. */
void flights_cancel(struct courier *courier);

/* -- Lanes ----------------------------------------------------------------- */

bool lanes_open(struct courier *courier) __attribute__((warn_unused_result));
void lanes_close(struct courier *courier);
/* Whether a predecessor's command is still being run. */
bool lanes_are_inherited(const struct courier *courier);
/* A flight's command is to be run. */
void lane_queue(struct courier *courier, struct flight *flight);
/* Hands over as many of the queue as there are slots, or runs a few of it. */
void lanes_fill(struct courier *courier);
/* Looks at what the committer has done. */
void lanes_hear(struct courier *courier);

/* The command that a flight's state asks for. */
void flight_write_command(const struct courier *courier,
    const struct flight *flight, struct command *command);

#endif
