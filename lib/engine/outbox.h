/*
 * The outbox, as the commands see it that act upon what is in it.
 */
#ifndef ENGINE_OUTBOX_H
#define ENGINE_OUTBOX_H

#include "core/delivery.h"
#include "core/records.h"
#include "engine/work.h"

/* Webhook endpoints that may hear of a merchant's events; in the arena. */
struct hearer {
	struct endpoint endpoint;
	struct hearer *next; /* NULL: the last one */
};
struct hearers {
	struct id merchant;
	struct hearer *first; /* NULL: nobody listens */
};

/*
 * Those of the merchant and those of the whole account, disabled ones too;
 * without a merchant the latter alone.  Looked for once in a command: it is
 * the merchant of all its events.
 */
enum store_result outbox_hearers(struct work *work, struct id merchant,
    const struct hearers **hearers) __attribute__((warn_unused_result));

/* Reads a delivery; missing when there is none. */
enum store_result outbox_load(struct work *work, struct id endpoint,
    struct id event, struct delivery *delivery)
    __attribute__((warn_unused_result));
/*
 * Writes a delivery and its row in the queue, which is due at delivery->due;
 * `queued` is when that row was due until now (NEVER: there was none).
 */
enum store_result outbox_save(
    struct work *work, const struct delivery *delivery, struct instant queued)
    __attribute__((warn_unused_result));

#endif
