/*
 * Which URLs webhooks are sent to.  What a URL says is checked here, when it
 * is registered and before each attempt; what its host's name leads to can
 * only be known when the connection is made (app/webhook.h).
 */
#ifndef CORE_WEBHOOK_URL_H
#define CORE_WEBHOOK_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { WEBHOOK_PORTS_MAX = 16 };

struct webhook_url_rules {
	bool http;	    /* http:// will do as well as https:// */
	bool allow_private; /* setting allow_private_webhooks */
	bool any_port;
	/* Ports that a URL may have besides its scheme's own. */
	unsigned port_count;
	uint16_t ports[WEBHOOK_PORTS_MAX];
};

/*
 * NULL: webhooks may be sent there.  Else why not, as a part of a sentence
 * without its end: "it must begin with https://"; static.
 *
 * Refused are: other schemes; user names and passwords; ports that are not
 * allowed; hosts that are none; addresses, in brackets or as four numbers, that
 * net_ipv4_is_public() or net_ipv6_is_public() refuses, and `localhost` with
 * the names below it; hosts that resolvers read as an address though they are
 * not written as one (decimal, octal, hexadecimal, short: WHATWG URL, "ends in
 * a number"); fragments, backslashes, blanks, control characters and whatever
 * is not ASCII; more than URL_CHARACTERS_MAX.
 */
const char *webhook_url_fault(
    struct text url, const struct webhook_url_rules *rules);

/*
 * The setting webhook_ports as rules: numbers 1 to 65535 with blanks between,
 * at most WEBHOOK_PORTS_MAX, or none; or "*".  Changes what rules say of ports
 * and nothing else.  False: it is neither, and *rules is untouched.
 */
bool webhook_ports_parse(struct text ports, struct webhook_url_rules *rules)
    __attribute__((warn_unused_result));

#endif
