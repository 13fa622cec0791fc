/*
 * Where a payment in coins is sent: the merchant's one address, or a new
 * one for each payment from the merchant's extended public key.
 */
#ifndef ENGINE_ADDRESSES_H
#define ENGINE_ADDRESSES_H

#include "core/records.h"
#include "engine/work.h"

/*
 * Gives a new intent its payment address.  With an extended key the next
 * child of it (path 0/i), and the merchant's counter moves on in the same
 * transaction.  A merchant that has neither is given a sandbox address in
 * test mode, which nobody has the key of, and is refused in live mode:
 * *assigned is false, and the error ERROR_MERCHANT_NOT_ACTIVE.
 */
enum store_result address_assign(struct work *work, struct merchant *merchant,
    struct coin_intent *intent, bool *assigned)
    __attribute__((warn_unused_result));

/*
 * Notes that an address is a merchant's from now on, whatever account and
 * mode: *claimed is false, and nothing done, where it is somebody's already.
 */
enum store_result address_claim(struct work *work,
    const struct merchant *merchant, struct text address, bool *claimed)
    __attribute__((warn_unused_result));

#endif
