/*
 * Forgetting events inside a transaction, for whoever has one: the command
 * (deliveries.h), and the operator's purge (upkeep.h).
 */
#ifndef ENGINE_FORGET_H
#define ENGINE_FORGET_H

#include "engine/deliveries.h"
#include "store/store.h"

/* As engine_old_events(), in a transaction. */
enum store_result forget_look(struct transaction *transaction,
    struct old_events *old) __attribute__((warn_unused_result));

/*
 * Removes the first EVENTS_FORGOTTEN_MAX of a front: events with their rows in
 * lists; deliveries with their attempts and what of them is queued.  *count
 * says how many.  With `dry_run` it only counts, and the look goes on behind
 * them.
 */
enum store_result forget_front(struct transaction *transaction,
    struct old_events *old, bool dry_run, unsigned *count)
    __attribute__((warn_unused_result));

#endif
