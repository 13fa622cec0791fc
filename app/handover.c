/*
 * SIGUSR2: a new program in place of this one.
 *
 * The old supervisor starts it with its own arguments and gives it the
 * listening socket and a channel; both servers serve until the new one says
 * that it does, with a byte.  Its workers then leave gently.  Each has shared
 * memory and a committer of its own; that two of them share a store for a
 * while is what their marks in it are for (engine_put_mark()).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/crash.h"
#include "app/log.h"
#include "app/notify.h"
#include "app/supervision.h"

/* Where the new program finds its two files, and whose the first one is. */
#define INHERITED "INTENTD_HANDOVER"

enum {
	/* A new program opens the store within it, or is given up. */
	READY_WITHIN_MS = 30000,
	/* What it says once it serves: on the socket it was given, or not. */
	SERVES_THERE = 'y',
	SERVES_ELSEWHERE = 'n',
};

/* -- The old program's side ------------------------------------------------ */

/* In the child: only what is named in the environment outlives this. */
static _Noreturn void
become(const struct supervisor *supervisor, int channel)
{
	const struct listener *listener = &supervisor->listener;
	char files[64], pid[32];

	/* The signals stay blocked: one that comes now waits for its loop. */
	(void)fcntl(listener->file, F_SETFD, 0);
	(void)fcntl(channel, F_SETFD, 0);
	snprintf(files, sizeof(files), "%d %d %d", listener->file, channel,
	    listener->made);
	setenv(INHERITED, files, 1);
	/* The watchdog is for the main process, as this one is going to be. */
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (getenv("WATCHDOG_PID") != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	execv(supervisor->program, supervisor->argv);
	log_message("SIGUSR2: %s: %s", supervisor->program, strerror(errno));
	_exit(1);
}

void
handover_begin(struct supervisor *supervisor)
{
	struct handover *handover = &supervisor->handover;
	int channel[2];

	if (handover->pid > 0 || supervisor->predecessor >= 0) {
		log_message("SIGUSR2: a new program is being started already");
		return;
	}
	if (getpid() == 1) {
		log_message("SIGUSR2: not as process 1, with which all others "
			    "would end");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
		log_message("SIGUSR2: socketpair: %s", strerror(errno));
		return;
	}
	handover->pid = fork();
	if (handover->pid == 0)
		become(supervisor, channel[1]);
	close(channel[1]);
	handover->channel = channel[0];
	if (handover->pid < 0) {
		log_message("SIGUSR2: fork: %s", strerror(errno));
		close(channel[0]);
		*handover = (struct handover){.channel = -1};
		return;
	}
	CRASH_POINT(SUPERVISOR_REPLACES);
	handover->refused = false;
	handover->until =
	    span_plus(clock_uptime(), span_from_ms(READY_WITHIN_MS));
	log_notice("SIGUSR2: starting %s (pid %d)", supervisor->program,
	    (int)handover->pid);
}

static void
close_channel(struct handover *handover)
{
	close(handover->channel);
	handover->channel = -1;
}

void
handover_hear(struct supervisor *supervisor)
{
	struct handover *handover = &supervisor->handover;
	char said = '\0';
	ssize_t count = recv(handover->channel, &said, 1, MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close_channel(handover);
	/* It ended, or is about to: it was too late, or this one ends too. */
	if (count <= 0 || handover->refused || supervisor->ending != ENDING_NOT)
		return;
	log_notice("SIGUSR2: pid %d serves, this one ends", (int)handover->pid);
	notify_main(handover->pid);
	handover->keeps_socket = said == SERVES_THERE;
	handover->pid = 0;
	supervisor->ending = ENDING_GENTLY;
	CRASH_POINT(SUPERVISOR_HEARD);
}

bool
handover_ended(struct supervisor *supervisor, pid_t pid, int status)
{
	struct handover *handover = &supervisor->handover;

	if (handover->pid != pid)
		return false;
	if (WIFSTOPPED(status) || WIFCONTINUED(status))
		return true;
	log_message("SIGUSR2: pid %d ended with %s %d, this one goes on",
	    (int)pid, WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (handover->channel >= 0)
		close_channel(handover);
	handover->pid = 0;
	return true;
}

void
handover_look(struct supervisor *supervisor, struct span now)
{
	struct handover *handover = &supervisor->handover;

	if (handover->pid == 0 || now.us < handover->until.us)
		return;
	log_message("SIGUSR2: pid %d is not ready in time: %s",
	    (int)handover->pid, handover->refused ? "killed" : "told to end");
	handover_signal(supervisor, handover->refused ? SIGKILL : SIGTERM);
	handover->refused = true;
	handover->until = span_plus(now, span_from_ms(READY_WITHIN_MS));
}

void
handover_signal(struct supervisor *supervisor, int signal)
{
	if (supervisor->handover.pid > 0)
		kill(supervisor->handover.pid, signal);
}

/* -- The new program's side ------------------------------------------------ */

static bool
keep_private(int file)
{
	return fcntl(file, F_SETFD, FD_CLOEXEC) == 0;
}

bool
handover_inherit(struct supervisor *supervisor, int *socket)
{
	const char *files = getenv(INHERITED);
	int channel, made;
	char rest;

	*socket = -1;
	if (files == NULL)
		return true;
	if (sscanf(files, "%d %d %d%c", socket, &channel, &made, &rest) != 3 ||
	    *socket <= STDERR_FILENO || channel <= STDERR_FILENO ||
	    !keep_private(*socket) || !keep_private(channel)) {
		log_message("%s: it is for intentd itself", INHERITED);
		return false;
	}
	unsetenv(INHERITED);
	supervisor->predecessor = channel;
	supervisor->listener.made = made != 0;
	return true;
}

/* One that settings have made is taken as long as they want it there. */
static bool
take(struct supervisor *supervisor, int socket)
{
	struct listener *listener = &supervisor->listener;
	const bool made = listener->made;

	if (!listener_take(listener, socket))
		return false;
	if (made && !listener_is_at(listener, supervisor->settings->socket))
		return false;
	if (made)
		listener_own(listener);
	return true;
}

bool
handover_listen(struct supervisor *supervisor, int socket)
{
	supervisor->socket_is_given = socket >= 0 && take(supervisor, socket);
	if (supervisor->socket_is_given)
		return true;
	if (socket >= 0)
		close(socket);
	return listener_open(&supervisor->listener, supervisor->settings);
}

void
handover_tell(struct supervisor *supervisor)
{
	const char says =
	    supervisor->socket_is_given ? SERVES_THERE : SERVES_ELSEWHERE;

	if (supervisor->predecessor < 0)
		return;
	/* One that has died meanwhile needs not to know. */
	(void)send(supervisor->predecessor, &says, 1, MSG_NOSIGNAL);
	CRASH_POINT(SUPERVISOR_TOLD);
	close(supervisor->predecessor);
	supervisor->predecessor = -1;
}
