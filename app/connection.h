/*
 * The bytes of one connection with the web server, in and out, none of which
 * is ever waited for.
 *
 * A request that comes in one piece is looked through where the process has
 * read it, in memory that all connections share; what comes in several is
 * kept in memory of the connection's own, until its end has come.
 */
#ifndef APP_CONNECTION_H
#define APP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "app/framing.h"
#include "base/time.h"

enum {
	/* `req_` and 64 characters, the longest id that is taken, and a NUL. */
	CONNECTION_ID_BYTES = 72,
	/*
	 * What is read at a time: an unix socket holds no more by default
	 * (net.core.wmem_default), and ours lets bodies of 128 KiB pass.
	 */
	CONNECTION_READ_BYTES = 256 * 1024,
};

enum connection_state {
	CONNECTION_CLOSED,
	CONNECTION_IDLE,    /* no byte of the next request has come */
	CONNECTION_PARTIAL, /* some have */
	CONNECTION_WHOLE,   /* a request, which nobody has taken yet */
	CONNECTION_BUSY,    /* it was taken, and has no answer yet */
	CONNECTION_SENDING, /* not all of the answer has left */
};

TAILQ_HEAD(connection_list, connection);

struct FCGX_Request;

/*
 * The flags, of one connection and of all (app/connections.h), and what each
 * of them decides:
 *
 *   readable   whether the socket is read: it may have something
 *   hung_up    ... down to its end, which is coming or is there
 *   last       whether the connection ends with its next answer
 *   ready      whether it stands in the queue of those to look at
 *   listening  whether new connections wake this process
 *   draining   whether none is accepted any more, and all answers are last
 *   rest       ... but for those that waited when that began
 *   ending     whether a connection is hung up once it waits for a request
 */
struct connection {
	int file; /* owned, non-blocking */
	enum connection_state state;
	struct span since; /* of the state; on clock_uptime() */
	bool readable;
	bool hung_up;
	bool last;

	/* Of connections.c: where it waits; NULL where it does not. */
	struct connection_list *list;
	TAILQ_ENTRY(connection) waits;
	bool ready;
	TAILQ_ENTRY(connection) readies;

	/* Of fastcgi.c, while it is busy or sending. */
	struct FCGX_Request *request; /* in the request's arena */
	char id[CONNECTION_ID_BYTES];

	struct framing framing;
	uint8_t *input; /* in `memory`, or shared by all */
	size_t input_bytes;
	uint8_t *memory;     /* owned, REQUEST_BYTES_MAX of it; or NULL */
	size_t memory_bytes; /* of it that the host has had to provide */

	uint8_t *output; /* owned: what is left of an answer; or NULL */
	size_t output_bytes;
	size_t output_sent;
	size_t output_tail; /* see connection_send() */
};

/* Takes over `file`.  All else is zeroed. */
void connection_open(struct connection *connection, int file);
/* Gives everything back. */
void connection_close(struct connection *connection);

enum connection_input {
	CONNECTION_INPUT_NONE,	 /* nothing new */
	CONNECTION_INPUT_SOME,	 /* and no whole request yet */
	CONNECTION_INPUT_WHOLE,	 /* `input` begins with a request */
	CONNECTION_INPUT_BROKEN, /* what came is no request */
	CONNECTION_INPUT_END,	 /* the other side is gone, or done */
	CONNECTION_INPUT_MEMORY, /* the host has none to keep it in */
};

/*
 * Reads once.  `shared` has CONNECTION_READ_BYTES, and is where a whole
 * request may lie afterwards, until somebody else reads; NULL: it shall lie in
 * the connection's own.
 */
enum connection_input connection_read(struct connection *connection,
    uint8_t *shared) __attribute__((warn_unused_result));

/*
 * Forgets the whole request.  What came behind it is kept as the beginning
 * of the next one, and connection_look() says what it is.
 */
bool connection_next(struct connection *connection)
    __attribute__((warn_unused_result));
enum connection_input connection_look(struct connection *connection)
    __attribute__((warn_unused_result));

enum connection_output {
	CONNECTION_OUTPUT_SENT, /* all of it */
	CONNECTION_OUTPUT_KEPT, /* the rest, for connection_flush() */
	CONNECTION_OUTPUT_GONE, /* the other side takes nothing more */
	CONNECTION_OUTPUT_FULL, /* more than may be kept */
};

/*
 * Writes `bytes`, by one write(2) where the socket takes them.  The last
 * `tail` of them go into one piece of the socket's queue: a reader has all of
 * them or none, unless it wants fewer.  Up to `kept_max` bytes are kept.
 */
enum connection_output connection_send(struct connection *connection,
    const uint8_t *bytes, size_t size, size_t tail, size_t kept_max)
    __attribute__((warn_unused_result));

/* Goes on with what was kept. */
enum connection_output connection_flush(struct connection *connection)
    __attribute__((warn_unused_result));

#endif
