/*
 * The committer: the one process that writes while a server runs.  It takes
 * the commands that wait in the slots, runs the engine on each in turn inside
 * one transaction, commits once, and hands all outcomes back.
 *
 * It may die at any point, and so may the owners of the slots: what is in the
 * slots and in the store tells its successor what was committed.  It ends when
 * the slots are closed and nothing is ready any more, and before that when it
 * is to retire (slots_retire()): its successor goes on.
 */
#ifndef APP_COMMITTER_H
#define APP_COMMITTER_H

#include "app/process.h"

/* A process_run.  Nonzero when it could not start; the reason is logged. */
int committer_run(const struct process_context *context);

#endif
