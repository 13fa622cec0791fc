/*
 * The inside of a worker's tasks, for its files alone:
 *
 *	tasks.c		requests, their commands on the way, answers, time
 *	tasks_memory.c	what they are made of, from the start to after an answer
 */
#ifndef APP_TASKS_WORK_H
#define APP_TASKS_WORK_H

#include "app/log.h"
#include "app/tasks.h"

enum task_state {
	TASK_FREE,
	TASK_QUEUED,  /* its command waits for a slot */
	TASK_WAITS,   /* ... for its commit, in a slot */
	TASK_LATE,    /* as before, beyond its time, and being run */
	TASK_UNHEARD, /* as before, and nobody waits for its outcome */
	TASK_RESTS,   /* before its next command */
};

/* One request, from its first byte in here to the last of what it began. */
struct task {
	enum task_state state;
	struct arena arena;
	struct workspace workspace;
	struct connection *connection; /* NULL: it has its answer */
	struct handling *handling;     /* in the arena */
	struct request request;
	struct response response;
	struct lane *lane;   /* that has its command; NULL: none has */
	struct span started; /* this, and the next two: clock_uptime() */
	struct span until;   /* of a task that waits or rests */
	struct span since;   /* begin of what it waits for */
	struct log_durations spent;
	unsigned tries;		 /* of handing an answer of an engine on */
	TAILQ_ENTRY(task) place; /* among the free, or the queued */
	TAILQ_ENTRY(task) lives; /* among those that are not free */
};

/* One of this process's slots. */
struct lane {
	unsigned slot;
	bool busy;
	struct task *task; /* NULL: a dead predecessor's command is in it */
};

/* Wipes what all requests share; the one at hand has its answer, or memory. */
void tasks_forget_scratch(struct tasks *tasks);

/* It has its answer: what it was made of is wiped, and free for the next. */
void task_end(struct tasks *tasks, struct task *task);

#endif
