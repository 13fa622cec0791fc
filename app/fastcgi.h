/*
 * FastCGI for one process that waits for all of its connections at once.
 *
 * Three files: fastcgi.c alone knows libfcgi, which parses requests and frames
 * answers; connections.c waits and decides whose turn it is; connection.c has
 * the bytes of one connection.  libfcgi reads what has already come and
 * writes into memory: it touches no socket, and nothing here ever waits for
 * one connection.
 */
#ifndef APP_FASTCGI_H
#define APP_FASTCGI_H

#include <stdbool.h>

#include "api/handle.h"
#include "base/arena.h"
#include "base/time.h"

struct fastcgi;
struct connection;
struct process_metrics;

struct fastcgi_options {
	int listener; /* non-blocking; borrowed, as the others */
	int stop;     /* readable: the process is to end; not read here */
	int bell;     /* readable: somebody rings; not read here; -1: none */
	struct process_metrics *metrics; /* borrowed: connections in it */
	/*
	 * At a time; see fastcgi_wait().  The limit of open files is raised
	 * for them; where the host does not allow so many, there are fewer.
	 */
	unsigned connections_max;
	/* For a request from its first byte to its last, and for an answer. */
	struct span timeout;
};

/* Once a process, before heap_close(); ends the program on failure. */
struct fastcgi *fastcgi_open(const struct fastcgi_options *options);

/* Closes whatever is open. */
void fastcgi_close(struct fastcgi *fastcgi);

enum fastcgi_event {
	FASTCGI_REQUEST, /* *connection has a request: fastcgi_read() it now */
	FASTCGI_BELL,	 /* `bell` is readable */
	FASTCGI_STOP,	 /* `stop` is; read it, or it is said again */
	/* `until` has come, or after fastcgi_drain() all connections are gone.
	 */
	FASTCGI_TIME,
};

/*
 * Waits for the next event, and meanwhile accepts, reads, flushes answers and
 * ends what takes too long, on all connections.
 *
 * requests: false: no FASTCGI_REQUEST now, the caller has no room; they keep.
 * until: on clock_uptime(); zero: no bound.
 *
 * Stop goes before the bell, the bell before the time, and that before
 * requests but for some that are known of already, so that a caller whose
 * `until` has passed must name another one.  Requests come in the order in
 * which they were complete, as far as the kernel tells it: no connection gets a
 * second one before the others had their turn.
 *
 * Below connections_max a connection may be idle or silent for ever, and take
 * `timeout` for a request and for its answer.  At connections_max the listener
 * is left to other processes, and an answer is the last one on its connection,
 * as after fastcgi_drain(): others may wait.  If one does, it gets the place of
 * one that has been idle (or silent) for longer than FASTCGI_IDLE_MS, or else
 * of one whose request has not come whole for FASTCGI_PARTIAL_MS; nobody has
 * to make room before its request is answered and the answer has left, or
 * `timeout` has passed over that.
 *
 * A connection that the process has no file or memory for waits as at
 * connections_max, until one is closed or a short time has passed; logged.
 * Requests in part, and answers in part, are kept up to a sum for each of
 * them; a connection that wants more is closed, and logged.
 */
enum fastcgi_event fastcgi_wait(struct fastcgi *fastcgi, bool requests,
    struct span until, struct connection **connection)
    __attribute__((warn_unused_result));

/*
 * Twice the keepalive_timeout in nginx/nginx.conf: a connection that was idle
 * for so long is one that the web server does not send a request on any
 * more, so that it can be closed without losing one.
 */
enum { FASTCGI_IDLE_MS = 2000 };

/*
 * A web server sends a request once it has all of it, as fast as it is read:
 * what takes so much longer is stuck.  Shorter than for an idle one, on which
 * a sound web server may be about to send.
 */
enum { FASTCGI_PARTIAL_MS = FASTCGI_IDLE_MS / 2 };

/*
 * Parses the request.  All of `request` is filled but `now`, with copies in
 * the arena; `entropy` is used when the web server gave no usable id, and must
 * be filled before.  libfcgi's own memory comes from the arena, too: it stays
 * untouched until fastcgi_answer().
 *
 * False: what came is no request, which is logged; the connection is gone and
 * there is nothing to answer.  Else it is busy until fastcgi_answer(): it
 * stays valid, is not read, and may find in the end that the peer is gone.
 */
bool fastcgi_read(struct fastcgi *fastcgi, struct connection *connection,
    struct arena *arena, struct request *request)
    __attribute__((warn_unused_result));

/*
 * Frames the answer, with its Content-Length, in memory of `arena`, of which
 * nothing is kept: it may be another one than the request's, and both may be
 * reset right afterwards.  Sends it with one write(2); what the socket does
 * not take is kept and flushed by fastcgi_wait().
 *
 * Afterwards the connection waits for its next request if the web server
 * wants it kept (FCGI_KEEP_CONN), else it is closed.  An answer that is not
 * taken, or not in time, is logged with the request's id.
 */
void fastcgi_answer(struct fastcgi *fastcgi, struct connection *connection,
    struct arena *arena, const struct response *response);

/*
 * What waits to be accepted still is, since the kernel may have woken nobody
 * else for it; from then on nothing is.  Every answer is the last one on its
 * connection, in such a way that nginx does not use it again.  Connections
 * that are idle stay, since a request may be on its way: the web server
 * closes them, or FASTCGI_IDLE_MS does.
 */
void fastcgi_drain(struct fastcgi *fastcgi);

/*
 * Ends connections that wait for a request, so that no further byte can be
 * sent to them.  A request that has come whole before is still delivered.
 * For the end of the whole server; after fastcgi_drain().
 */
void fastcgi_hang_up(struct fastcgi *fastcgi);

/* Open ones, busy ones included. */
unsigned fastcgi_connections(const struct fastcgi *fastcgi);

#endif
