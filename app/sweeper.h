/*
 * The sweeper: writes down what has expired, so that events tell of it and
 * lists are short.  No reader waits for it.
 */
#ifndef APP_SWEEPER_H
#define APP_SWEEPER_H

#include "app/process.h"
#include "base/time.h"
#include "store/store.h"

/* A process_run.  Nonzero when it could not start; the reason is logged. */
int sweeper_run(const struct process_context *context);

/*
 * Sweeps at `now` until nothing is due.  Any other result than ok is that of
 * the store, and *swept says how many were written down before.
 */
struct engine;
enum store_result sweeper_until_idle(struct engine *engine, struct instant now,
    unsigned *swept) __attribute__((warn_unused_result));

#endif
