#include "app/webhook_guard.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <openssl/ssl.h>

#include "base/net_address.h"

_Static_assert((int)WEBHOOK_ADDRESS_BYTES == INET6_ADDRSTRLEN,
    "room for every address in words");

bool
webhook_may_reach(const struct sockaddr *address, bool allow_private,
    char refused[WEBHOOK_ADDRESS_BYTES])
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;
	const bool is_four = address->sa_family == AF_INET;
	const void *bytes = &six->sin6_addr;

	refused[0] = '\0';
	if (!is_four && address->sa_family != AF_INET6)
		return false;
	if (is_four)
		bytes = &four->sin_addr;
	if (allow_private ||
	    (is_four ? net_ipv4_is_public(bytes) : net_ipv6_is_public(bytes)))
		return true;
	(void)inet_ntop(
	    address->sa_family, bytes, refused, WEBHOOK_ADDRESS_BYTES);
	return false;
}

bool
webhook_is_packed(struct text line)
{
	static const char blanks[] = " \t\r\n";
	struct text name, value;

	if (!text_split(line, ':', &name, &value) ||
	    !text_equal_nocase(name, TEXT("Transfer-Encoding")))
		return false;
	while (value.length > 0 && strchr(blanks, value.bytes[0]) != NULL)
		value = text_after(value, 1);
	while (value.length > 0 &&
	       strchr(blanks, value.bytes[value.length - 1]) != NULL)
		value.length--;
	return !text_equal_nocase(value, TEXT("chunked"));
}

void
webhook_bound_tls(void *tls)
{
	(void)SSL_CTX_clear_mode(tls, SSL_MODE_AUTO_RETRY);
}
