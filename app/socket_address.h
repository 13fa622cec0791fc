/*
 * Where the web server finds the workers, in the settings' words and in the
 * kernel's: `/run/intentd/intentd.sock`, `tcp:127.0.0.1:9000`,
 * `tcp:[::1]:9000`.  Addresses are numbers: no name is ever looked up.
 */
#ifndef APP_SOCKET_ADDRESS_H
#define APP_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

/* The longest name with its NUL, that of a unix socket. */
enum { SOCKET_NAME_BYTES = sizeof(struct sockaddr_un) };

struct socket_address {
	union {
		struct sockaddr any;
		struct sockaddr_un file;
		struct sockaddr_in inet;
		struct sockaddr_in6 inet6;
	};
	socklen_t length; /* of the member that any.sa_family tells */
};

/*
 * NULL, or what is wrong with the text, to be said behind it.  An IPv4
 * address in IPv6's clothes (::ffff:127.0.0.1) is refused: it has a plain
 * form.
 */
const char *socket_address_parse(struct text text,
    struct socket_address *address) __attribute__((warn_unused_result));

/* That of an open socket; false, with errno: it is of none of the kinds. */
bool socket_address_of(int file, struct socket_address *address)
    __attribute__((warn_unused_result));

/* Whether only this host can reach it: a unix socket, or a loopback one. */
bool socket_address_is_local(const struct socket_address *address);

/* In the settings' words; a unix socket without a file is `@NAME`. */
void socket_address_name(
    const struct socket_address *address, char name[SOCKET_NAME_BYTES]);

#endif
