/*
 * All connections of a process, and what it waits for: the inside of
 * fastcgi.h, without FastCGI.
 */
#ifndef APP_CONNECTIONS_H
#define APP_CONNECTIONS_H

#include <stdbool.h>

#include "app/connection.h"
#include "app/fastcgi.h"

struct connections {
	struct fastcgi_options options;
	int events; /* owned: epoll */
	bool listening;
	bool draining;
	bool rest;
	bool ending;
	struct span paused;  /* no file for another one until then; or zero */
	struct span said;    /* ... when that is said again */
	unsigned burst;	     /* requests since the last look at the kernel */
	unsigned passed;     /* how often others went before a new connection */
	unsigned count;	     /* of those that are open */
	size_t input_bytes;  /* kept of requests, of all */
	size_t output_bytes; /* kept of answers, of all */
	uint8_t *shared;     /* owned, CONNECTION_READ_BYTES */
	struct connection *places; /* owned, connections_max */
	/* The longest waiting first, in all of them. */
	struct connection_list closed;
	struct connection_list idle; /* those that the kernel knows more of */
	struct connection_list partial;
	struct connection_list sending;
	struct connection_list ready; /* to be looked at; also in another */
};

/* As fastcgi_open(), and so on. */
void connections_open(
    struct connections *connections, const struct fastcgi_options *options);
void connections_close(struct connections *connections);
enum fastcgi_event connections_wait(struct connections *connections,
    bool requests, struct span until, struct connection **connection);
void connections_drain(struct connections *connections);
void connections_hang_up(struct connections *connections);

/* The request was copied: its bytes can go. */
void connections_taken(
    struct connections *connections, struct connection *connection);
/* Closes a connection that brought what is no request; logged. */
void connections_drop(
    struct connections *connections, struct connection *connection);
/* Whether no connection is to outlive its answer at present. */
bool connections_want_room(const struct connections *connections);
/*
 * Sends an answer (connection_send()); where it is the `last` one, the
 * connection is closed afterwards.
 */
void connections_answer(struct connections *connections,
    struct connection *connection, const uint8_t *bytes, size_t size,
    size_t tail);
/* Closes a connection without its answer; logged with the reason. */
void connections_lose(struct connections *connections,
    struct connection *connection, const char *reason);

/*
 * Of connections_files.c: how many of `wanted` connections the process may
 * have with its other files.  Raises its limit as far as that needs and the
 * host allows; fewer than wanted, which are at least one, are logged.
 */
unsigned connections_fit(unsigned wanted) __attribute__((warn_unused_result));

/*
 * Between connections_wait.c, which waits, and connections.c, which keeps the
 * connections.
 */

/* `file` is a member of the options: its address names the event. */
void connections_watch(struct connections *connections, int *file);
/* Takes over an accepted connection; there must be a place. */
void connections_admit(struct connections *connections, int file);
/* What epoll said of a connection. */
void connections_note(struct connections *connections,
    struct connection *connection, uint32_t events);
/* Reads what is ready, up to the next whole request; NULL: there is none. */
struct connection *connections_next_request(struct connections *connections);
/*
 * While the caller has no room: what has begun is read on, since its time
 * runs, into memory of its own; what has not may lie in the kernel.
 */
void connections_read_partial(struct connections *connections);
/* Ends what takes too long; what has just brought more is looked at first. */
void connections_expire(struct connections *connections, struct span now);
/* When the longest idle one has been so for too long; zero: none is idle. */
struct span connections_idle_until(const struct connections *connections);
/* When the longest partial one is to make room; zero: none is partial. */
struct span connections_partial_until(const struct connections *connections);
/*
 * Ends one that has been idle or partial for too long while others wait.  An
 * idle one leaves its place once it was looked at: a request may have come.
 */
void connections_make_room(struct connections *connections, struct span now);
/* Whether the time has come; never, for zero. */
bool connections_past(struct span until, struct span now);

#endif
