/*
 * Another process of a test, led step by step through pipes: no sleeps.
 */
#ifndef UNIT_CHILD_H
#define UNIT_CHILD_H

#include <sys/types.h>

struct child {
	pid_t pid;
	int steps;  /* parent to child: a byte lets it go on */
	int places; /* child to parent: a byte says that it is there */
};

/*
 * Runs `body` in a child, which ends when it returns.  A check of cmocka would
 * jump into the parent's tests there: use CHILD_MUST.
 */
void child_start(struct child *child,
    void (*body)(struct child *self, void *context), void *context);

/* In the child: says where it is, and waits until it may go on. */
void child_pause(struct child *self);
/* In the child: ends it with the number of the line unless it holds. */
#define CHILD_MUST(holds) child_must((holds), __LINE__)
void child_must(int holds, int line);

/* In the parent: waits until the child pauses. */
void child_await(struct child *child);
/* In the parent: lets it go on to its next pause, without waiting for it. */
void child_go_on(struct child *child);
/* In the parent: waits for its end, which it goes to and must be a good one. */
void child_end(struct child *child);
/* In the parent: lets it go on to its end, likewise. */
void child_finish(struct child *child);
/* In the parent: SIGKILL, and waits until it is gone. */
void child_kill(struct child *child);

#endif
