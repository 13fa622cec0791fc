/*
 * The worker: requests in, answers out, from many connections and with many
 * commands in flight.
 *
 * A read is answered at once.  A command goes into a slot, and while it waits
 * for its commit other requests are served.  What a worker keeps is made at
 * start; a request lives in its task's arena and is gone at its reset.  A
 * worker that asserts or is killed takes its own requests with it and nothing
 * else.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "app/process.h"

/* A process_run.  Nonzero when it could not start; the reason is logged. */
int worker_run(const struct process_context *context);

#endif
