/*
 * A store as it was: all of its rows, kept once and put back after each input.
 */
#ifndef FUZZ_KEPT_H
#define FUZZ_KEPT_H

#include "store/store.h"

/* Once a process. */
void kept_take(struct store *store);
/* Makes the store what it was then; no transaction is open. */
void kept_restore(struct store *store);

/* Ends the process, with what is wrong, unless all holds that must. */
void kept_verify(struct store *store);

#endif
