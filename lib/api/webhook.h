/*
 * What a webhook endpoint is sent: the event as its contract shows it, and the
 * headers that sign it.
 */
#ifndef API_WEBHOOK_H
#define API_WEBHOOK_H

#include <stdbool.h>

#include "api/handle.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/text.h"
#include "base/time.h"
#include "core/records.h"

enum { WEBHOOK_HEADERS_MAX = 8 };

struct webhook_message {
	struct text body;
	/* Content-Type, User-Agent, and the signatures. */
	struct response_header headers[WEBHOOK_HEADERS_MAX];
	unsigned header_count;
};

/*
 * Writes the message of one attempt, made at `now`, into the arena.  The body
 * is the event's, the same for every attempt; the signatures are of this one:
 * the contract's own header and those of Standard Webhooks, each with a
 * signature for each secret that is in force (contract, card.md and stable.md,
 * "Webhooks"; https://github.com/standard-webhooks/standard-webhooks).
 * `mode`: enum mode.  False: the arena is full; the body has what is left of
 * it but for some 2 KiB, as an answer's body has (handle.h, scratch).
 */
bool webhook_write(const struct service *service, uint8_t mode,
    const struct endpoint *endpoint, const struct event *event,
    struct instant now, struct arena *arena, struct webhook_message *message)
    __attribute__((warn_unused_result));

#endif
