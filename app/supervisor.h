/*
 * The supervisor: opens the socket, forks the processes of its table, starts
 * dead ones again, kills hanging ones, and does what signals ask for: to end,
 * to read the settings again, to have more or fewer workers, to hand over to
 * a new program (app/signals.def).
 *
 * Single-threaded, and never in the way of a request: it opens no store and
 * touches no connection.
 */
#ifndef APP_SUPERVISOR_H
#define APP_SUPERVISOR_H

#include <stdint.h>

#include "app/settings.h"

/*
 * Blocks the signals that it takes, before anything else is done: one that
 * comes early waits, and neither ends nor stops the program.
 */
void supervisor_block_signals(void);

/*
 * Runs until a signal says to end.  Returns the exit status: 0 after that, 1
 * when it could not start, with the reason logged.
 *
 * settings: what `source` gives, and gives again on a reload; argv: the
 * program's, for the one that is handed over to.
 */
int supervisor_run(struct settings *settings,
    const struct settings_source *source, char *const argv[]);

/* The name of a row of the process table: what a place's `kind` is. */
const char *process_kind_name(uint32_t kind);

#endif
