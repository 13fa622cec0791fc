/*
 * FastCGI, through libfcgi: the one file that knows it.
 *
 * One connection at a time, one request a connection.  Sending a request and
 * taking its answer are each bounded by the connection's time-out, whatever
 * the other side does in between: silence, drops or garbage.
 */
#ifndef APP_FASTCGI_H
#define APP_FASTCGI_H

#include <stdbool.h>

#include "api/handle.h"
#include "base/arena.h"
#include "base/time.h"

struct fastcgi;

/*
 * Gets ready to serve `listener` (non-blocking) until `stop` is readable;
 * both are borrowed.  Once a process; ends the program on failure.
 */
struct fastcgi *fastcgi_open(int listener, int stop, struct span timeout);

/* No connection may be open. */
void fastcgi_close(struct fastcgi *fastcgi);

/* Waits for a connection; false: the process is asked to stop. */
bool fastcgi_wait(struct fastcgi *fastcgi) __attribute__((warn_unused_result));

/* Takes a connection; false: another process was faster. */
bool fastcgi_accept(struct fastcgi *fastcgi)
    __attribute__((warn_unused_result));

/*
 * Reads one request, body included, and copies it into the arena.  All of
 * `request` is filled but `now`; `entropy` is used when the web server gave
 * no usable id, and must be filled before.
 *
 * False: what came is no request, or not in time.  The connection is closed
 * and there is nothing to answer.
 */
bool fastcgi_read(struct fastcgi *fastcgi, struct arena *arena,
    struct request *request) __attribute__((warn_unused_result));

/*
 * Sends the answer, with its Content-Length, and closes the connection.  False:
 * the web server did not take all of it.
 */
bool fastcgi_answer(struct fastcgi *fastcgi, const struct response *response)
    __attribute__((warn_unused_result));

#endif
