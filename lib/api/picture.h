/*
 * Pictures of payments in coins: QR codes that a wallet reads.
 */
#ifndef API_PICTURE_H
#define API_PICTURE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "core/command.h"
#include "core/outcome.h"
#include "engine/engine.h"

/*
 * Finds the payment in the path, whoever's it is: its id cannot be guessed.
 * False, as for one that does not exist, once it is not awaited any more.
 * The intent's texts are borrowed from `outcome`.
 */
bool picture_find(struct engine *engine, const struct command *command,
    struct outcome *outcome, struct coin_intent *intent, struct error *error)
    __attribute__((warn_unused_result));

/* Writes the PNG; false if it does not fit. */
bool picture_write(const struct coin_intent *intent, struct buffer *png)
    __attribute__((warn_unused_result));

#endif
