#include "app/connections.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/log.h"
#include "app/metrics.h"

enum {
	/*
	 * What answers that nobody takes may hold of the host's memory: room
	 * for the longest one, of 140 MB, and for many pages of lists.
	 */
	OUTPUT_BYTES_MAX = 256 << 20,
	/*
	 * What requests may hold that have not come whole, or not been taken:
	 * sixty bodies as large as they are read.  The web server sends a
	 * request once it has all of it, so that few come in part.
	 */
	INPUT_BYTES_MAX = 64 << 20,
};

/* -- Where a connection stands ------------------------------------------- */

static void
enlist(struct connection *connection, struct connection_list *list)
{
	if (connection->list != NULL)
		TAILQ_REMOVE(connection->list, connection, waits);
	connection->list = list;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, connection, waits);
}

static void
make_ready(struct connections *connections, struct connection *connection)
{
	if (connection->ready)
		return;
	connection->ready = true;
	TAILQ_INSERT_TAIL(&connections->ready, connection, readies);
}

static void
make_unready(struct connections *connections, struct connection *connection)
{
	if (!connection->ready)
		return;
	connection->ready = false;
	TAILQ_REMOVE(&connections->ready, connection, readies);
}

static void
set_state(struct connections *connections, struct connection *connection,
    enum connection_state state)
{
	struct connection_list *lists[] = {
	    [CONNECTION_CLOSED] = &connections->closed,
	    [CONNECTION_IDLE] = &connections->idle,
	    [CONNECTION_PARTIAL] = &connections->partial,
	    [CONNECTION_WHOLE] = NULL,
	    [CONNECTION_BUSY] = NULL,
	    [CONNECTION_SENDING] = &connections->sending,
	};

	connection->state = state;
	connection->since = clock_uptime();
	enlist(connection, lists[state]);
}

/* Watched from its first byte on: EPOLLET tells once of what comes. */
static void
watch(struct connections *connections, struct connection *connection,
    int operation, uint32_t more)
{
	struct epoll_event event = {
	    .events = EPOLLIN | EPOLLRDHUP | EPOLLET | more,
	    .data.ptr = connection};

	if (epoll_ctl(
		connections->events, operation, connection->file, &event) != 0)
		err(1, "epoll_ctl");
}

static void
close_one(struct connections *connections, struct connection *connection)
{
	make_unready(connections, connection);
	enlist(connection, NULL);
	connections->input_bytes -= connection->memory_bytes;
	connections->output_bytes -= connection->output_bytes;
	connection_close(connection);
	set_state(connections, connection, CONNECTION_CLOSED);
	assert(connections->count > 0);
	connections->count--;
	/* Its file is another one's now. */
	connections->paused = (struct span){0};
}

static void
count(const struct connections *connections, enum metric metric)
{
	metrics_count(connections->options.metrics, metric);
}

static void
drop_for(struct connections *connections, struct connection *connection,
    const char *reason)
{
	log_message("dropped a connection: %s", reason);
	count(connections, METRIC_CONNECTIONS_LOST_REQUEST);
	close_one(connections, connection);
}

void
connections_drop(struct connections *connections, struct connection *connection)
{
	log_message("dropped a connection that brought no request");
	count(connections, METRIC_CONNECTIONS_LOST_REQUEST);
	close_one(connections, connection);
}

void
connections_lose(struct connections *connections, struct connection *connection,
    const char *reason)
{
	log_message("%s: %s", connection->id, reason);
	count(connections, METRIC_CONNECTIONS_LOST_ANSWER);
	close_one(connections, connection);
}

/*
 * Nothing can be sent to it from here on; what was, is read to its end.  An
 * answer to that is the last one.
 */
static void
hang_up(struct connections *connections, struct connection *connection)
{
	(void)shutdown(connection->file, SHUT_RD);
	connection->readable = true;
	connection->hung_up = true;
	connection->last = true;
	if (connection->state == CONNECTION_IDLE)
		enlist(connection, NULL);
	make_ready(connections, connection);
}

/* -- In ------------------------------------------------------------------ */

/* What follows from looking at the bytes of a connection. */
static void
settle(struct connections *connections, struct connection *connection,
    enum connection_input found)
{
	switch (found) {
	case CONNECTION_INPUT_WHOLE:
		set_state(connections, connection, CONNECTION_WHOLE);
		return;
	case CONNECTION_INPUT_SOME:
		/* Time runs from the first byte on. */
		if (connection->state != CONNECTION_PARTIAL)
			set_state(connections, connection, CONNECTION_PARTIAL);
		return;
	case CONNECTION_INPUT_NONE:
		return;
	case CONNECTION_INPUT_END:
		if (connection->state == CONNECTION_IDLE) {
			close_one(connections, connection);
			return;
		}
		break;
	case CONNECTION_INPUT_MEMORY:
		drop_for(connections, connection,
		    "the host has no memory for its request");
		return;
	case CONNECTION_INPUT_BROKEN:
		break;
	}
	connections_drop(connections, connection);
}

/* Holds what is kept of requests within its bound. */
static void
bound_input(struct connections *connections, struct connection *connection)
{
	if (connection->memory_bytes > 0 &&
	    connections->input_bytes > INPUT_BYTES_MAX)
		drop_for(connections, connection,
		    "too much of requests in part is kept");
}

static void
read_once(struct connections *connections, struct connection *connection,
    uint8_t *shared)
{
	const size_t before = connection->memory_bytes;
	enum connection_input found = connection_read(connection, shared);

	connections->input_bytes += connection->memory_bytes - before;
	settle(connections, connection, found);
	/* A whole one is taken now, unless the caller has no room. */
	if (connection->state != CONNECTION_WHOLE || shared == NULL)
		bound_input(connections, connection);
}

/* Reads once; what is there beyond that waits behind the others. */
static void
look_at(struct connections *connections, struct connection *connection,
    uint8_t *shared)
{
	make_unready(connections, connection);
	if (connection->state != CONNECTION_WHOLE)
		read_once(connections, connection, shared);
	if (connection->state == CONNECTION_IDLE ||
	    connection->state == CONNECTION_PARTIAL) {
		if (connection->readable)
			make_ready(connections, connection);
	}
}

struct connection *
connections_next_request(struct connections *connections)
{
	struct connection *connection;

	for (;;) {
		connection = TAILQ_FIRST(&connections->ready);
		if (connection == NULL)
			return NULL;
		look_at(connections, connection, connections->shared);
		if (connection->state == CONNECTION_WHOLE) {
			set_state(connections, connection, CONNECTION_BUSY);
			return connection;
		}
	}
}

static bool
is_reading_on(const struct connection *connection)
{
	return connection->readable &&
	       (connection->state == CONNECTION_PARTIAL ||
		   (connection->state == CONNECTION_IDLE &&
		       connection->hung_up));
}

void
connections_read_partial(struct connections *connections)
{
	struct connection *connection, *next;

	connection = TAILQ_FIRST(&connections->ready);
	for (; connection != NULL; connection = next) {
		next = TAILQ_NEXT(connection, readies);
		while (is_reading_on(connection))
			look_at(connections, connection, NULL);
		if (connection->state == CONNECTION_WHOLE)
			make_ready(connections, connection);
	}
}

/* A connection without a request in work: what it has brought by now. */
static void
await_next(struct connections *connections, struct connection *connection)
{
	set_state(connections, connection, CONNECTION_IDLE);
	settle(connections, connection, connection_look(connection));
	bound_input(connections, connection);
	if (connection->state == CONNECTION_CLOSED)
		return;
	if (connection->state == CONNECTION_WHOLE || connection->readable)
		make_ready(connections, connection);
	if (connections->ending && connection->state != CONNECTION_WHOLE)
		hang_up(connections, connection);
}

void
connections_taken(
    struct connections *connections, struct connection *connection)
{
	const size_t before = connection->memory_bytes;

	assert(connection->state == CONNECTION_BUSY);
	if (!connection_next(connection)) {
		/* What came behind the request is lost, it itself is not. */
		log_message("the host has no memory for a next request");
		connection->last = true;
	}
	connections->input_bytes += connection->memory_bytes - before;
}

/* -- Out ----------------------------------------------------------------- */

static const char not_taken[] = "the web server did not take the answer";

/* After its answer has left. */
static void
answered(struct connections *connections, struct connection *connection)
{
	if (connection->last)
		close_one(connections, connection);
	else
		await_next(connections, connection);
}

static void
follow(struct connections *connections, struct connection *connection,
    enum connection_output result)
{
	switch (result) {
	case CONNECTION_OUTPUT_SENT:
		answered(connections, connection);
		return;
	case CONNECTION_OUTPUT_KEPT:
		return;
	case CONNECTION_OUTPUT_FULL:
		connections_lose(connections, connection,
		    "no memory to keep an answer that is not taken");
		return;
	case CONNECTION_OUTPUT_GONE:
		connections_lose(connections, connection, not_taken);
		return;
	}
}

bool
connections_want_room(const struct connections *connections)
{
	return connections->draining || TAILQ_EMPTY(&connections->closed);
}

void
connections_answer(struct connections *connections,
    struct connection *connection, const uint8_t *bytes, size_t size,
    size_t tail)
{
	enum connection_output result = connection_send(connection, bytes, size,
	    tail, OUTPUT_BYTES_MAX - connections->output_bytes);

	assert(connection->state == CONNECTION_BUSY);
	if (result == CONNECTION_OUTPUT_KEPT) {
		connections->output_bytes += connection->output_bytes;
		set_state(connections, connection, CONNECTION_SENDING);
		watch(connections, connection, EPOLL_CTL_MOD, EPOLLOUT);
	}
	follow(connections, connection, result);
}

static void
flush(struct connections *connections, struct connection *connection)
{
	const size_t bytes = connection->output_bytes;
	enum connection_output result = connection_flush(connection);

	if (result == CONNECTION_OUTPUT_SENT) {
		connections->output_bytes -= bytes;
		watch(connections, connection, EPOLL_CTL_MOD, 0);
	}
	follow(connections, connection, result);
}

void
connections_note(struct connections *connections, struct connection *connection,
    uint32_t events)
{
	/* It may have been closed since the kernel told. */
	if (connection->state == CONNECTION_CLOSED)
		return;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		connection->readable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		connection->hung_up = true;
	if (connection->state == CONNECTION_SENDING)
		flush(connections, connection);
	else if (connection->readable &&
		 (connection->state == CONNECTION_IDLE ||
		     connection->state == CONNECTION_PARTIAL))
		make_ready(connections, connection);
}

/* -- Time ---------------------------------------------------------------- */

bool
connections_past(struct span until, struct span now)
{
	return until.us != 0 && until.us <= now.us;
}

struct span
connections_idle_until(const struct connections *connections)
{
	const struct connection *oldest = TAILQ_FIRST(&connections->idle);

	if (oldest == NULL)
		return (struct span){0};
	return (struct span){
	    oldest->since.us + INT64_C(1000) * FASTCGI_IDLE_MS};
}

struct span
connections_partial_until(const struct connections *connections)
{
	const struct connection *oldest = TAILQ_FIRST(&connections->partial);

	if (oldest == NULL)
		return (struct span){0};
	return (struct span){
	    oldest->since.us + INT64_C(1000) * FASTCGI_PARTIAL_MS};
}

/* The longest partial one from `since` or before; NULL: there is none. */
static struct connection *
oldest_partial(const struct connections *connections, int64_t since)
{
	struct connection *connection = TAILQ_FIRST(&connections->partial);

	/* One that has just brought more is looked at first. */
	while (connection != NULL && connection->ready)
		connection = TAILQ_NEXT(connection, waits);
	return connection != NULL && connection->since.us <= since ? connection
								   : NULL;
}

void
connections_expire(struct connections *connections, struct span now)
{
	const int64_t since = now.us - connections->options.timeout.us;
	struct connection *connection;

	while ((connection = oldest_partial(connections, since)) != NULL) {
		count(connections, METRIC_CONNECTIONS_LATE_REQUEST);
		connections_drop(connections, connection);
	}
	while ((connection = TAILQ_FIRST(&connections->sending)) != NULL &&
	       connection->since.us <= since) {
		count(connections, METRIC_CONNECTIONS_LATE_ANSWER);
		connections_lose(connections, connection, not_taken);
	}
	while (connections->draining &&
	       connections_past(connections_idle_until(connections), now))
		hang_up(connections, TAILQ_FIRST(&connections->idle));
}

void
connections_admit(struct connections *connections, int file)
{
	struct connection *connection = TAILQ_FIRST(&connections->closed);

	assert(connection != NULL);
	enlist(connection, NULL);
	connection_open(connection, file);
	set_state(connections, connection, CONNECTION_IDLE);
	connections->count++;
	count(connections, METRIC_CONNECTIONS_ACCEPTED);
	watch(connections, connection, EPOLL_CTL_ADD, 0);
}

void
connections_make_room(struct connections *connections, struct span now)
{
	struct connection *partial;

	if (connections_past(connections_idle_until(connections), now)) {
		hang_up(connections, TAILQ_FIRST(&connections->idle));
		return;
	}
	partial = oldest_partial(
	    connections, now.us - INT64_C(1000) * FASTCGI_PARTIAL_MS);
	if (partial != NULL)
		drop_for(connections, partial,
		    "others waited for the rest of its request");
}

/* -- The beginning and the end ------------------------------------------- */

void
connections_open(
    struct connections *connections, const struct fastcgi_options *options)
{
	unsigned i;
	void *shared = mmap(NULL, CONNECTION_READ_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(options->timeout.us > 0);
	assert(options->connections_max > 0);
	*connections =
	    (struct connections){.options = *options, .shared = shared};
	connections->events = epoll_create1(EPOLL_CLOEXEC);
	connections->options.connections_max =
	    connections_fit(options->connections_max);
	connections->places = calloc(
	    connections->options.connections_max, sizeof(*connections->places));
	if (connections->events < 0 || shared == MAP_FAILED ||
	    connections->places == NULL)
		err(1, "cannot start waiting for connections");
	TAILQ_INIT(&connections->closed);
	TAILQ_INIT(&connections->idle);
	TAILQ_INIT(&connections->partial);
	TAILQ_INIT(&connections->sending);
	TAILQ_INIT(&connections->ready);
	for (i = 0; i < connections->options.connections_max; i++)
		set_state(
		    connections, &connections->places[i], CONNECTION_CLOSED);
	connections_watch(connections, &connections->options.stop);
	if (options->bell >= 0)
		connections_watch(connections, &connections->options.bell);
}

void
connections_close(struct connections *connections)
{
	unsigned i;

	for (i = 0; i < connections->options.connections_max; i++)
		if (connections->places[i].state != CONNECTION_CLOSED)
			close_one(connections, &connections->places[i]);
	munmap(connections->shared, CONNECTION_READ_BYTES);
	free(connections->places);
	close(connections->events);
}

void
connections_hang_up(struct connections *connections)
{
	struct connection *connection;
	unsigned i;

	assert(connections->draining);
	connections->ending = true;
	connections->rest = false;
	for (i = 0; i < connections->options.connections_max; i++) {
		connection = &connections->places[i];
		if (connection->state == CONNECTION_IDLE ||
		    connection->state == CONNECTION_PARTIAL)
			hang_up(connections, connection);
	}
}
