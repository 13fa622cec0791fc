/*
 * Addresses of hosts, and which of them are public: those that a server may
 * connect to on a stranger's behalf.
 */
#ifndef BASE_NET_ADDRESS_H
#define BASE_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { NET_IPV4_BYTES = 4, NET_IPV6_BYTES = 16 };

/*
 * Whether an address, in network order, is a public host's: no row of the
 * table of special ones holds it (IANA's special-purpose registries, RFC 6890;
 * the addresses of clouds' metadata that are not in them).  IPv6: global
 * unicast (2000::/3) alone, and no form that carries an IPv4 address (mapped,
 * compatible, NAT64's own prefixes, 6to4, Teredo, ISATAP).
 */
bool net_ipv4_is_public(const uint8_t address[NET_IPV4_BYTES]);
bool net_ipv6_is_public(const uint8_t address[NET_IPV6_BYTES]);

/*
 * Four decimal numbers without leading zeros, and nothing else.  False: it is
 * none, and *to is untouched; so below.
 */
bool net_ipv4_parse(struct text text, uint8_t to[NET_IPV4_BYTES])
    __attribute__((warn_unused_result));
/* RFC 4291, section 2.2, all three forms; without brackets and zone. */
bool net_ipv6_parse(struct text text, uint8_t to[NET_IPV6_BYTES])
    __attribute__((warn_unused_result));

#endif
