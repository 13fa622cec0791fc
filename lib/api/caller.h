/*
 * Who sends a request: the key in its Authorization header (contract, README
 * section 2), what it may do, and how often (section 4).
 */
#ifndef API_CALLER_H
#define API_CALLER_H

#include "api/contract.h"
#include "api/handle.h"
#include "api/rate.h"
#include "engine/engine.h"

/*
 * Recognises the key: Bearer, or Basic with the key as the user name and no
 * password.  False with the refusal when there is none that is valid.
 */
bool caller_recognise(const struct service *service,
    const struct request *request, struct caller *caller, struct error *error)
    __attribute__((warn_unused_result));

/* Whether the key may use the route; false with the refusal. */
bool caller_may(const struct caller *caller, const struct route *route,
    struct error *error) __attribute__((warn_unused_result));

/*
 * Counts the request against the limits of its contract and route (NULL: it
 * has none), or, with no caller, of its address.  False with the refusal when
 * it is one too many. *count is what the headers tell; its limit is 0 when
 * nothing is counted; *refused is the limit that was passed.
 */
bool caller_count(const struct service *service, const struct request *request,
    const struct contract *contract, const struct caller *caller,
    const struct route *route, struct rate_count *count,
    enum rate_limit *refused, struct error *error)
    __attribute__((warn_unused_result));

#endif
