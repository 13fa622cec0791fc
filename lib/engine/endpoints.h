/*
 * What webhook endpoints and their registration (endpoints.c, registration.c)
 * do for each other; results as engine/work.h has them.
 */
#ifndef ENGINE_ENDPOINTS_H
#define ENGINE_ENDPOINTS_H

#include "engine/work.h"

enum store_result endpoint_save(struct work *work,
    const struct endpoint *endpoint) __attribute__((warn_unused_result));

/* Whether its owner may have one more; else it is refused. */
enum store_result endpoint_find_room(
    struct work *work, const struct endpoint *endpoint, bool *room)
    __attribute__((warn_unused_result));

/* From now on it is one of its owner's; the outcome shows it, and its secret.
 */
enum store_result endpoint_admit(struct work *work, struct endpoint *endpoint)
    __attribute__((warn_unused_result));

/* It is there, for nobody but the courier, and has been sent a ping. */
enum store_result endpoint_ask(struct work *work, struct endpoint *endpoint)
    __attribute__((warn_unused_result));

/*
 * A ping on its way to the endpoint alone, whatever it asked for: an event, the
 * first one of its command, and a delivery of one attempt.
 */
enum store_result endpoint_ping(struct work *work,
    const struct endpoint *endpoint) __attribute__((warn_unused_result));
/* The event of the ping that a command makes. */
struct id endpoint_ping_of(const struct command *command);

#endif
