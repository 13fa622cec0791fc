/*
 * What receivers are kept from: leading this server into its own networks, and
 * holding all other attempts up.  Those move on in turn, in one thread, so
 * that no single call of libcurl may take as long as a receiver likes.
 */
#ifndef APP_WEBHOOK_GUARD_H
#define APP_WEBHOOK_GUARD_H

#include <stdbool.h>

#include "base/text.h"

struct sockaddr;

/* An address in words, and a NUL: INET6_ADDRSTRLEN. */
enum { WEBHOOK_ADDRESS_BYTES = 46 };

/*
 * Whether a connection may be made to an address: one of IPv4 or IPv6, and
 * public unless `allow_private`.  False: `refused` names it, "" of other kinds.
 */
bool webhook_may_reach(const struct sockaddr *address, bool allow_private,
    char refused[WEBHOOK_ADDRESS_BYTES]);

/*
 * Whether a header line asks libcurl to unpack the body, which it does unasked:
 * some KiB, packed again and again, take minutes in a single call.  Without TE
 * in the request there is nothing but chunks (RFC 9112, section 6.1).
 */
bool webhook_is_packed(struct text line);

/*
 * What TLS says between the data of an answer, which has no bound, is gone
 * through a record at a call.  `tls` is an SSL_CTX.
 */
void webhook_bound_tls(void *tls);

#endif
