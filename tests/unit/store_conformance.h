/*
 * What every backend of the store must do, as one suite.
 */
#ifndef UNIT_STORE_CONFORMANCE_H
#define UNIT_STORE_CONFORMANCE_H

#include "store/store.h"

/*
 * Runs the suite; `setup` puts an empty store (struct store *) into *state
 * before each test, `teardown` closes it.  Returns the number of failures.
 */
int store_conformance(
    const char *backend, int (*setup)(void **), int (*teardown)(void **));

#endif
