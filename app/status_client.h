/*
 * A client of the status socket, for intentctl.
 */
#ifndef APP_STATUS_CLIENT_H
#define APP_STATUS_CLIENT_H

#include <stdbool.h>

#include "base/buffer.h"

/*
 * Gets a page (`/status`) from the socket of a name as status_address_read()
 * takes it; the body is left in `buffer`.  False: *reason says why, and lives
 * until the next call.  Waits some seconds at most for each step.
 */
bool status_get(const char *name, const char *path, struct buffer *body,
    const char **reason) __attribute__((warn_unused_result));

#endif
