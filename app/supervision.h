/*
 * The inside of the supervisor, for its files alone:
 *
 *	supervisor.c   signals, the loop, the end
 *	crews.c	       how many processes there are, and of which settings
 *	processes.c    the process table; one process: its start and its end
 *	board.c	       what the supervisor says of all that to the others
 *	process_end.c  what is said of a process that has died
 *	handover.c     a new program in place of this one
 */
#ifndef APP_SUPERVISION_H
#define APP_SUPERVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "app/listener.h"
#include "app/process.h"
#include "app/settings.h"
#include "app/shared.h"

enum {
	/* The bound of the setting (settings.def). */
	WORKERS_MAX = 256,
	RESTARTS_MAX = 1000,
	/* Rows that the process table may have. */
	CREWS_MAX = 8,
};

/* A row of the process table: what runs, and what it is to others. */
struct process_kind {
	const char *name;
	process_run *run;
	size_t count;	 /* offset of the setting that says how many, */
	bool is_text;	 /* or of a text: one, unless that is empty */
	unsigned places; /* that there are for it */
	bool scales;	 /* signals change how many there are */
	/*
	 * New ones serve before old ones leave, which takes half of the places.
	 * Without it a process has to end before its successor starts, once
	 * new ones of the kinds that scale serve.
	 */
	bool overlaps;
	bool submits;	   /* it owns slots for commands */
	bool commits;	   /* it runs what is in them, and ends after those */
	bool delivers;	   /* it is called when there are webhooks to be sent */
	unsigned promises; /* what it may do once it serves: enum promise */
};

/* A place in the table, and the process that has it. */
struct process {
	const struct process_kind *kind;
	int64_t number; /* of its kind, from 1 */
	struct process_status *status;
	unsigned owner;	      /* of slots, where its kind submits */
	uint32_t kind_number; /* its kind's row of the table */

	bool taken;	     /* somebody is to run here; else all else is 0 */
	bool leaving;	     /* its place is free once it has ended */
	uint32_t generation; /* of the settings that it has */
	pid_t pid;	     /* 0: it waits for its start */
	struct span started; /* this, and what follows, on clock_uptime() */
	struct span start_at;
	struct span backoff;
	struct span stopped;  /* by a signal: since when; 0: it is not */
	struct span leave_by; /* 0: it may take its time */
};

/* All processes of a kind. */
struct crew {
	const struct process_kind *kind;
	struct process *places;
	unsigned place_count;
	unsigned wanted;     /* how many are to serve */
	struct span resumes; /* no start before, by the emergency stop */
	/* The latest deaths, restarts_max of them, in a ring. */
	struct span deaths[RESTARTS_MAX];
	uint64_t death_count;
};

/* How the server is to end; a later one goes before. */
enum ending {
	ENDING_NOT,
	ENDING_GENTLY, /* others go on: no connection is hung up */
	ENDING_SOON,   /* what runs is answered */
	ENDING_NOW,
};

/* A new program that is to be the server. */
struct handover {
	pid_t pid;	   /* 0: there is none */
	int channel;	   /* -1: none */
	struct span until; /* it is to be ready */
	bool refused;	   /* it was told to end */
	bool keeps_socket; /* it listens on ours, and has its file now */
};

/* What has happened to processes, since the server's start. */
struct tally {
	uint64_t starts;
	uint64_t deaths;    /* that ended otherwise than asked */
	uint64_t kills;	    /* ... and that hung */
	uint64_t forbidden; /* ... of a system call not theirs */
};

struct supervisor {
	struct settings *settings;	      /* in force; borrowed */
	const struct settings_source *source; /* of them; borrowed */
	char *const *argv;		      /* borrowed */
	char program[SETTING_BYTES_MAX];      /* the file of this program */
	struct listener listener;
	struct shared shared;
	struct process_status *committer; /* NULL: there is none */
	const struct crew *couriers;	  /* of the kind that delivers */
	struct crew crews[CREWS_MAX];
	size_t crew_count;
	struct process *processes; /* owned: the places of all crews */
	uint32_t generation;	   /* of the settings in force, from 1 */
	uint32_t complete;	   /* the last one that serves; 0: none yet */
	struct span started;	   /* on clock_uptime() */
	struct tally tally;
	bool stopping; /* the processes are told that the server ends */
	int signals;   /* signalfd */
	enum ending ending;
	struct handover handover;
	int predecessor; /* a channel to who hands over to us; -1: nobody */
	bool socket_is_given; /* by that one */
};

static inline struct span
span_plus(struct span a, struct span b)
{
	return (struct span){a.us + b.us};
}

/* Blocks the signals and returns them as a file; -1 and logged on failure. */
int supervisor_open_signals(const int *numbers, size_t count);

/* -- processes.c ----------------------------------------------------------- */

/* Lays out the table's processes and what they share; none is started. */
bool processes_open(struct supervisor *supervisor)
    __attribute__((warn_unused_result));
void processes_close(struct supervisor *supervisor);

/* Somebody is to run in a place that is free; started when it is due. */
void process_take(struct supervisor *supervisor, struct process *process);
/*
 * It is to end, and its place is free then; it serves until it has.  After
 * shutdown_timeout_ms it is killed.
 */
void process_leave(struct supervisor *supervisor, struct process *process);

/* Starts all that are due; only those that commit while the server ends. */
void processes_start_due(struct supervisor *supervisor, struct span now);
/* Kills those that hang, or should have left. */
void processes_kill_late(struct supervisor *supervisor, struct span now);
/* Notes who has ended, or was stopped by a signal. */
void processes_reap(struct supervisor *supervisor);
/* When there is something to do next, if nothing happens before. */
struct span processes_next_due(
    const struct supervisor *supervisor, struct span now);

/* Of the kinds that commit, or of all others. */
void processes_signal(
    const struct supervisor *supervisor, bool commits, int signal);
bool processes_run(const struct supervisor *supervisor, bool commits);

/* -- board.c --------------------------------------------------------------- */

/* All that is the supervisor's on the board. */
void board_show(const struct supervisor *supervisor);

/* -- process_end.c --------------------------------------------------------- */

/*
 * Logs how it has died, and what an operator is to do about it; counts a
 * forbidden system call.  `status` is of waitpid(), and not 0.
 */
void process_log_end(struct supervisor *supervisor,
    const struct process *process, int64_t lived_ms, int status);

/* -- crews.c --------------------------------------------------------------- */

/* As many of each kind as the settings say; also after a reload. */
void crews_size(struct supervisor *supervisor);
/*
 * Takes places and has processes leave, until as many of the current
 * generation run as are wanted; those of older ones leave once these serve,
 * and of the kinds that do not scale once all others serve.
 * While the server ends that is for the kinds that commit alone.
 */
void crews_balance(struct supervisor *supervisor);
/* Whether all that are wanted serve: of the kinds that scale, or of all. */
bool crews_serve(const struct supervisor *supervisor, bool all);
/* One more, or less, of the kinds that scale; within its bounds, logged. */
void crews_scale(struct supervisor *supervisor, int difference);

/* -- handover.c ------------------------------------------------------------ */

/* Starts the program anew; logged, also why not. */
void handover_begin(struct supervisor *supervisor);
/* Its channel is readable: it serves, and this server ends; or it is gone. */
void handover_hear(struct supervisor *supervisor);
/* Whether `pid`, which has ended so, was it. */
bool handover_ended(struct supervisor *supervisor, pid_t pid, int status);
/* It takes too long. */
void handover_look(struct supervisor *supervisor, struct span now);
/* This server ends, and takes it along. */
void handover_signal(struct supervisor *supervisor, int signal);

/*
 * In the new program: whether somebody hands over to it, which leaves its
 * channel in supervisor->predecessor and its listening socket in *socket.
 * False: what it was given is none, logged.
 */
bool handover_inherit(struct supervisor *supervisor, int *socket)
    __attribute__((warn_unused_result));
/* Opens the listener: the one given, or one of its own. */
bool handover_listen(struct supervisor *supervisor, int socket)
    __attribute__((warn_unused_result));
/* Tells the predecessor that this server serves. */
void handover_tell(struct supervisor *supervisor);

#endif
