#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void
child_start(struct child *child,
    void (*body)(struct child *self, void *context), void *context)
{
	int steps[2];
	int places[2];

	assert_int_equal(pipe(steps), 0);
	assert_int_equal(pipe(places), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)close(steps[1]);
		(void)close(places[0]);
		child->steps = steps[0];
		child->places = places[1];
		body(child, context);
		_exit(0);
	}
	(void)close(steps[0]);
	(void)close(places[1]);
	child->steps = steps[1];
	child->places = places[0];
}

void
child_pause(struct child *self)
{
	char byte = '.';

	CHILD_MUST(write(self->places, &byte, 1) == 1);
	CHILD_MUST(read(self->steps, &byte, 1) == 1);
}

void
child_must(int holds, int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "child: line %d does not hold\n", line);
	_exit(1);
}

void
child_await(struct child *child)
{
	char byte;

	assert_int_equal(read(child->places, &byte, 1), 1);
}

static int
wait_for_end(struct child *child)
{
	int status;

	(void)close(child->steps);
	(void)close(child->places);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	return status;
}

void
child_go_on(struct child *child)
{
	char byte = '.';

	assert_int_equal(write(child->steps, &byte, 1), 1);
}

void
child_end(struct child *child)
{
	int status = wait_for_end(child);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void
child_finish(struct child *child)
{
	child_go_on(child);
	child_end(child);
}

void
child_kill(struct child *child)
{
	int status;

	assert_int_equal(kill(child->pid, SIGKILL), 0);
	status = wait_for_end(child);
	assert_true(WIFSIGNALED(status));
}
