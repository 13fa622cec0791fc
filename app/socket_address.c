#include "app/socket_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *
parse_path(struct text path, struct socket_address *address)
{
	if (path.length < 2)
		return "is no path of a file";
	if (path.length >= sizeof(address->file.sun_path))
		return "is longer than a unix socket's path may be";
	address->file.sun_family = AF_UNIX;
	text_copy(path, address->file.sun_path, sizeof(address->file.sun_path));
	address->length = sizeof(address->file);
	return NULL;
}

/* Cuts the port off the end of `rest`; a colon stands before it. */
static const char *
take_port(struct text *rest, in_port_t *port)
{
	const char *colon = memrchr(rest->bytes, ':', rest->length);
	struct text digits;
	int64_t number;

	if (colon == NULL)
		return "is not tcp:ADDRESS:PORT";
	digits = text_after(*rest, (size_t)(colon + 1 - rest->bytes));
	if (!text_to_integer(digits, 1, UINT16_MAX, &number))
		return "has no port from 1 to 65535 at its end";
	rest->length = (size_t)(colon - rest->bytes);
	*port = htons((uint16_t)number);
	return NULL;
}

static const char *
parse_inet(const char *host, in_port_t port, struct socket_address *address)
{
	address->inet.sin_family = AF_INET;
	address->inet.sin_port = port;
	address->length = sizeof(address->inet);
	if (inet_pton(AF_INET, host, &address->inet.sin_addr) != 1)
		return "has no address in numbers, such as 127.0.0.1 or [::1]";
	return NULL;
}

static const char *
parse_inet6(const char *host, in_port_t port, struct socket_address *address)
{
	address->inet6.sin6_family = AF_INET6;
	address->inet6.sin6_port = port;
	address->length = sizeof(address->inet6);
	if (inet_pton(AF_INET6, host, &address->inet6.sin6_addr) != 1)
		return "has no address in numbers between its brackets";
	if (IN6_IS_ADDR_V4MAPPED(&address->inet6.sin6_addr))
		return "is an IPv4 address: say tcp:1.2.3.4:PORT";
	return NULL;
}

/* What stands behind `tcp:`. */
static const char *
parse_tcp(struct text host, struct socket_address *address)
{
	char text[INET6_ADDRSTRLEN];
	in_port_t port;
	const char *wrong = take_port(&host, &port);
	const bool brackets = host.length >= 2 && host.bytes[0] == '[' &&
			      host.bytes[host.length - 1] == ']';

	if (wrong != NULL)
		return wrong;
	if (brackets)
		host = (struct text){host.bytes + 1, host.length - 2};
	/* No address is as long as what has to be cut. */
	if (text_copy(host, text, sizeof(text)) < host.length)
		text[0] = '\0';
	return brackets ? parse_inet6(text, port, address)
			: parse_inet(text, port, address);
}

const char *
socket_address_parse(struct text text, struct socket_address *address)
{
	const struct text tcp = TEXT("tcp:");

	*address = (struct socket_address){0};
	if (text_starts(text, TEXT("/")))
		return parse_path(text, address);
	if (text_starts(text, tcp))
		return parse_tcp(text_after(text, tcp.length), address);
	return "is neither an absolute path nor tcp:ADDRESS:PORT";
}

bool
socket_address_of(int file, struct socket_address *address)
{
	*address = (struct socket_address){.length = sizeof(address->file)};
	if (getsockname(file, &address->any, &address->length) != 0)
		return false;
	switch (address->any.sa_family) {
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
		return true;
	}
	errno = EAFNOSUPPORT;
	return false;
}

static bool
is_loopback(struct in_addr address)
{
	return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool
socket_address_is_local(const struct socket_address *address)
{
	const struct in6_addr *inet6 = &address->inet6.sin6_addr;
	struct in_addr mapped;

	switch (address->any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return is_loopback(address->inet.sin_addr);
	case AF_INET6:
		memcpy(&mapped, inet6->s6_addr + 12, sizeof(mapped));
		return IN6_IS_ADDR_V4MAPPED(inet6)
			   ? is_loopback(mapped)
			   : IN6_IS_ADDR_LOOPBACK(inet6);
	}
	assert(false);
	return false;
}

/* What of sun_path was filled, which needs no NUL (unix(7)). */
static struct text
path_of(const struct socket_address *address)
{
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	const char *path = address->file.sun_path;
	size_t length = address->length > before ? address->length - before : 0;

	if (length > 0 && path[0] != '\0')
		length = strnlen(path, length);
	return (struct text){path, length};
}

static void
name_file(const struct socket_address *address, char name[SOCKET_NAME_BYTES])
{
	struct text path = path_of(address);

	text_copy(path, name, SOCKET_NAME_BYTES);
	if (path.length > 0 && path.bytes[0] == '\0')
		name[0] = '@';
}

void
socket_address_name(
    const struct socket_address *address, char name[SOCKET_NAME_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "";

	switch (address->any.sa_family) {
	case AF_UNIX:
		name_file(address, name);
		return;
	case AF_INET:
		inet_ntop(AF_INET, &address->inet.sin_addr, text, sizeof(text));
		snprintf(name, SOCKET_NAME_BYTES, "tcp:%s:%u", text,
		    ntohs(address->inet.sin_port));
		return;
	case AF_INET6:
		inet_ntop(
		    AF_INET6, &address->inet6.sin6_addr, text, sizeof(text));
		snprintf(name, SOCKET_NAME_BYTES, "tcp:[%s]:%u", text,
		    ntohs(address->inet6.sin6_port));
		return;
	}
	assert(false);
}
