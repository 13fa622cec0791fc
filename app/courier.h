/*
 * The courier: delivers events to webhook endpoints.
 *
 * It reads what is due for itself; that it claims a delivery, and what came of
 * the attempt, goes through the committer like every other command.
 */
#ifndef APP_COURIER_H
#define APP_COURIER_H

#include "app/process.h"

int courier_run(const struct process_context *context);

#endif
