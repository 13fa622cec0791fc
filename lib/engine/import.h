/*
 * Many commands in one transaction: what came from elsewhere, in large
 * pieces.
 */
#ifndef ENGINE_IMPORT_H
#define ENGINE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

/*
 * Is told what came of each command, in order; the outcome is borrowed for
 * the call.  False ends the batch with nothing written.
 */
typedef bool import_visit(
    size_t index, const struct outcome *outcome, void *context);

/*
 * Runs `count` (>= 1) commands in one transaction, in which each sees what
 * those before it did; commits it when all have been run, whatever came of
 * them.  The writers' lock is held no longer than this call.
 *
 * ok: all of it is on disk, or, with *ended, a visit has ended it and nothing
 * was done.  full: nothing was done; fewer commands may fit, since a
 * transaction has bounds of its own.  unknown: as engine_is_lost() says.
 * Any other result: nothing was done.  The visits have been made in any case,
 * up to where it failed.
 *
 * The engine must not ask outside: its sandbox_latency is 0 (asserted).
 */
enum store_result engine_import(struct engine *engine,
    const struct command *const *commands, size_t count, import_visit *visit,
    void *context, bool *ended) __attribute__((warn_unused_result));

#endif
