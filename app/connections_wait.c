#include "app/connections.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "app/clock.h"
#include "app/log.h"

enum {
	/* Requests between two looks at the kernel: less than a millisecond. */
	BURST_MAX = 8,
	/* Taken from the kernel at a time; the others come next time. */
	EVENTS_MAX = 64,
	/* Requests that go before a new connection: below a millisecond. */
	PASSED_MAX = 8,
	/*
	 * Without a file for a new connection; one that is closed ends it.
	 * Short, since other processes have slept on: the kernel told us.
	 */
	PAUSE_MS = 50,
	/* Between two log lines about that. */
	SAID_MS = 60 * 1000,
};

/* What one look at the kernel's events has shown. */
struct round {
	bool stop;
	bool bell;
	bool listener;
};

/* -- The listener -------------------------------------------------------- */

/* EPOLL_CTL_MOD is not allowed with EPOLLEXCLUSIVE (epoll_ctl(2)). */
static void
listen_if(struct connections *connections, bool wanted)
{
	/* One connection wakes one process, not all. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE,
	    .data.ptr = &connections->options.listener};

	if (wanted == connections->listening)
		return;
	if (epoll_ctl(connections->events,
		wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		connections->options.listener, &event) != 0)
		err(1, "epoll_ctl");
	connections->listening = wanted;
}

static struct span
after_ms(struct span now, int64_t milliseconds)
{
	return (struct span){now.us + 1000 * milliseconds};
}

/* When one at the bound may be ended for another; zero: never. */
static struct span
room_at(const struct connections *connections)
{
	return span_earlier(connections_idle_until(connections),
	    connections_partial_until(connections));
}

/* Whether a new connection finds a place, or one that can be made. */
static bool
has_room(struct connections *connections, struct span now)
{
	if (connections_past(connections->paused, now))
		connections->paused = (struct span){0};
	if (connections->paused.us != 0)
		return false;
	return connections->count < connections->options.connections_max ||
	       connections_past(room_at(connections), now);
}

/*
 * Connections stay where they were accepted, so that a process with enough to
 * do leaves new ones to others; not for ever, since they may have as much.
 */
static bool
is_busy(struct connections *connections)
{
	if (TAILQ_EMPTY(&connections->ready) ||
	    ++connections->passed >= PASSED_MAX) {
		connections->passed = 0;
		return false;
	}
	return true;
}

/* The process, or the host, is short of what a connection needs. */
static void
pause_accepting(struct connections *connections, struct span now)
{
	connections->paused = after_ms(now, PAUSE_MS);
	if (connections->said.us > now.us)
		return;
	log_message("new connections wait: %s", strerror(errno));
	connections->said = after_ms(now, SAID_MS);
}

/*
 * Errors of one connection, or of the network that it came through, and not
 * of the listener: the next one may be sound (accept(2), "Error handling").
 */
static bool
is_of_one_connection(int error)
{
	static const int errors[] = {EINTR, ECONNABORTED, EPERM, EPROTO,
	    ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
	    EOPNOTSUPP, ETIMEDOUT};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i] == error)
			return true;
	return false;
}

/* -1: nobody waits, or nothing can be done about it now. */
static int
next_waiting(struct connections *connections, struct span now)
{
	int file;

	do
		file = accept4(connections->options.listener, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (file < 0 && is_of_one_connection(errno));
	if (file >= 0)
		return file;
	switch (errno) {
	case EAGAIN:
		connections->rest = false;
		break;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(connections, now);
		break;
	default:
		err(1, "accept4");
	}
	return -1;
}

/* One at a time, so that other processes get their share. */
static bool
accept_one(struct connections *connections, struct span now)
{
	int file;

	if (TAILQ_EMPTY(&connections->closed))
		connections_make_room(connections, now);
	if (TAILQ_EMPTY(&connections->closed))
		return false;
	file = next_waiting(connections, now);
	if (file < 0)
		return false;
	connections_admit(connections, file);
	return true;
}

/*
 * A drained process still accepts what has waited: with EPOLLEXCLUSIVE the
 * kernel may have woken this process alone for it, and the others sleep on.
 * What comes once the listener is no longer watched wakes another one.
 */
static void
accept_rest(struct connections *connections, struct span now)
{
	while (connections->rest && has_room(connections, now))
		if (!accept_one(connections, now))
			return;
}

static void
listen_where_there_is_room(struct connections *connections, struct span now)
{
	if (connections->draining)
		accept_rest(connections, now);
	else
		listen_if(connections, has_room(connections, now));
}

/* -- Waiting ------------------------------------------------------------- */

/* When the first of a list runs out of time; zero: it is empty. */
static struct span
timeout_of(
    const struct connections *connections, const struct connection_list *list)
{
	const struct connection *oldest = TAILQ_FIRST(list);

	if (oldest == NULL)
		return (struct span){0};
	return (struct span){
	    oldest->since.us + connections->options.timeout.us};
}

/* When something is due that no event tells; zero: nothing is. */
static struct span
next_due(const struct connections *connections, struct span until)
{
	struct span due = span_earlier(
	    until, span_earlier(timeout_of(connections, &connections->partial),
		       timeout_of(connections, &connections->sending)));

	if (connections->draining)
		due = span_earlier(due, connections_idle_until(connections));
	if (connections->listening ||
	    (connections->draining && !connections->rest))
		return due;
	return span_earlier(due, connections->paused.us != 0
				     ? connections->paused
				     : room_at(connections));
}

/* In milliseconds, not too few of them; -1: for ever. */
static int
wait_ms(const struct connections *connections, bool requests, struct span until,
    struct span now)
{
	struct span due = next_due(connections, until);
	int64_t left;

	if ((requests && !TAILQ_EMPTY(&connections->ready)) ||
	    (connections->draining && connections->count == 0))
		return 0;
	if (due.us == 0)
		return -1;
	left = (due.us - now.us + 999) / 1000;
	if (left < 0)
		return 0;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

static struct round
look_around(struct connections *connections, int milliseconds)
{
	struct epoll_event events[EVENTS_MAX];
	struct round round = {0};
	int count, i;
	void *what;

	count =
	    epoll_wait(connections->events, events, EVENTS_MAX, milliseconds);
	if (count < 0 && errno != EINTR)
		err(1, "epoll_wait");
	for (i = 0; i < count; i++) {
		what = events[i].data.ptr;
		if (what == &connections->options.stop)
			round.stop = true;
		else if (what == &connections->options.bell)
			round.bell = true;
		else if (what == &connections->options.listener)
			round.listener = true;
		else
			connections_note(connections, what, events[i].events);
	}
	return round;
}

void
connections_watch(struct connections *connections, int *file)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = file};

	if (epoll_ctl(connections->events, EPOLL_CTL_ADD, *file, &event) != 0)
		err(1, "epoll_ctl");
}

/* A request that is known of already; a look at the kernel is due in time. */
static bool
next_of_burst(struct connections *connections, struct connection **connection)
{
	if (connections->burst == BURST_MAX)
		return false;
	*connection = connections_next_request(connections);
	connections->burst++;
	return *connection != NULL;
}

enum fastcgi_event
connections_wait(struct connections *connections, bool requests,
    struct span until, struct connection **connection)
{
	struct span now;
	struct round round;

	if (requests && next_of_burst(connections, connection))
		return FASTCGI_REQUEST;
	connections->burst = 0;
	now = clock_uptime();
	for (;;) {
		if (!requests)
			connections_read_partial(connections);
		listen_where_there_is_room(connections, now);
		round = look_around(
		    connections, wait_ms(connections, requests, until, now));
		now = clock_uptime();
		if (round.listener && !is_busy(connections))
			(void)accept_one(connections, now);
		connections_expire(connections, now);
		if (round.stop)
			return FASTCGI_STOP;
		if (round.bell)
			return FASTCGI_BELL;
		if (connections_past(until, now) ||
		    (connections->draining && connections->count == 0))
			return FASTCGI_TIME;
		if (!requests)
			continue;
		*connection = connections_next_request(connections);
		if (*connection != NULL)
			return FASTCGI_REQUEST;
	}
}

void
connections_drain(struct connections *connections)
{
	connections->draining = true;
	connections->rest = true;
	listen_if(connections, false);
	accept_rest(connections, clock_uptime());
}
