/*
 * What a worker has begun and not ended: a task for each request, and the
 * slots in which its commands go to the committer.
 *
 * A read is answered at once.  A command gets memory of its own and a slot,
 * or waits for one, while others are served; its outcome answers the request,
 * or leads to another command.  Where the time of a command is over its
 * client is told what is certain, and what it began is still seen to its end.
 */
#ifndef APP_TASKS_H
#define APP_TASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/handle.h"
#include "app/process.h"
#include "base/arena.h"
#include "base/time.h"

struct connection;
struct fastcgi;
struct lane;
struct task;
TAILQ_HEAD(task_list, task);

struct tasks {
	const struct process_context *context; /* borrowed */
	const struct service *service;	       /* borrowed */
	struct fastcgi *fastcgi;	       /* borrowed */
	struct arena scratch;
	struct command *command; /* owned: of the request at hand */
	struct outcome *outcome; /* owned, likewise */
	struct task *all;	 /* owned: one for each connection */
	struct task_list free;	 /* the one used last first: it is warm */
	struct task_list queued; /* for a slot, the longest waiting first */
	struct task_list live;	 /* all that are not free */
	struct lane *lanes;	 /* owned: one for each slot */
	unsigned lane_count;
	int64_t begun;	    /* requests, since the start */
	uint32_t in_flight; /* of those, without their answer */
};

/*
 * Takes the process's slots over, as a dead predecessor has left them.  False,
 * and the reason logged, when there is no memory.  `service` and `fastcgi`
 * are to be there when the first request comes.
 */
bool tasks_open(struct tasks *tasks, const struct process_context *context,
    const struct service *service) __attribute__((warn_unused_result));
void tasks_close(struct tasks *tasks);

/* Whether there is room for one more request. */
bool tasks_have_room(const struct tasks *tasks);

/* A request has come on the connection; there must be room. */
void tasks_begin(struct tasks *tasks, struct connection *connection);

/* Looks at what the committer has done; after its bell, and at the start. */
void tasks_hear(struct tasks *tasks);

/* Goes on with what has rested, and gives up what has waited for too long. */
void tasks_look_at_the_time(struct tasks *tasks);

/* When there is something to look at next, on clock_uptime(); {0}: nothing. */
struct span tasks_next_time(const struct tasks *tasks);

/* Whether nothing is left but to remember that keys were used. */
bool tasks_are_done(const struct tasks *tasks);

#endif
