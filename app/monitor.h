/*
 * The monitor: answers on the status socket how the server is.
 *
 *	GET /status   all of it, as JSON
 *	GET /metrics  counters and gauges for Prometheus
 *	GET /healthz  200: the supervisor and a worker live
 *	GET /readyz   200: the store can be written, and nobody asked to stop
 *
 * It is in nobody's way: no other process waits for it, and one that dies or
 * hangs is replaced.  Asked to stop together with the server it goes on
 * answering (that it is not ready) until the others have ended.
 */
#ifndef APP_MONITOR_H
#define APP_MONITOR_H

#include "app/process.h"

/* A process_run.  Nonzero when it could not start; the reason is logged. */
int monitor_run(const struct process_context *context);

#endif
