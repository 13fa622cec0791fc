/*
 * The worker: read, handle, answer, log; one request at a time, of whichever
 * connection has brought one.
 *
 * What it keeps is made at start; a request lives in the arena and is gone
 * at its reset.  A worker that asserts or is killed takes its own request
 * with it and nothing else.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "app/process.h"

/* A process_run.  Nonzero when it could not start; the reason is logged. */
int worker_run(const struct process_context *context);

#endif
