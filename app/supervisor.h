/*
 * The supervisor: opens the socket, forks the processes of its table, starts
 * dead ones again, kills hanging ones, and ends them all when asked to.
 *
 * Single-threaded, and never in the way of a request: it opens no store and
 * touches no connection.
 */
#ifndef APP_SUPERVISOR_H
#define APP_SUPERVISOR_H

#include "app/settings.h"

/*
 * Runs until SIGTERM, SIGINT or SIGHUP.  Returns the exit status: 0 after
 * such a stop, 1 when it could not start, with the reason logged.
 */
int supervisor_run(const struct settings *settings);

/* The name of a row of the process table: what a place's `kind` is. */
const char *supervisor_kind_name(unsigned kind);

#endif
