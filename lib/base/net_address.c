#include "base/net_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

/*
 * The special ones: IANA's registry of special-purpose addresses, whole, also
 * its services that every network may run its own of; and what clouds add.
 */
static const struct {
	uint8_t prefix[NET_IPV4_BYTES];
	unsigned bits;
} special_ipv4[] = {
    {{0}, 8},		      /* this host, this network: RFC 791 */
    {{10}, 8},		      /* private: RFC 1918 */
    {{100, 64}, 10},	      /* carriers' NAT: RFC 6598; metadata: Alibaba */
    {{127}, 8},		      /* loopback: RFC 1122 */
    {{168, 63, 129, 16}, 32}, /* metadata: Azure */
    {{169, 254}, 16},	      /* link-local: RFC 3927; metadata: most */
    {{172, 16}, 12},	      /* private: RFC 1918 */
    {{192, 0, 0}, 24},	      /* protocols: RFC 6890; metadata: Oracle */
    {{192, 0, 2}, 24},	      /* documentation: RFC 5737 */
    {{192, 31, 196}, 24},     /* AS112: RFC 7535 */
    {{192, 52, 193}, 24},     /* multicast relays: RFC 7450 */
    {{192, 88, 99}, 24},      /* 6to4 relays: RFC 7526 */
    {{192, 168}, 16},	      /* private: RFC 1918 */
    {{192, 175, 48}, 24},     /* AS112: RFC 7534 */
    {{198, 18}, 15},	      /* benchmarks: RFC 2544 */
    {{198, 51, 100}, 24},     /* documentation: RFC 5737 */
    {{203, 0, 113}, 24},      /* documentation: RFC 5737 */
    {{224}, 4},		      /* multicast: RFC 5771 */
    {{240}, 4},		      /* reserved: RFC 1112; and broadcast */
};

struct ipv6_range {
	uint8_t prefix[NET_IPV6_BYTES];
	unsigned bits;
};

/*
 * Global unicast (RFC 3587).  Outside of it is all else: loopback, mapped
 * and compatible IPv4, NAT64, local and link-local, multicast, what discards,
 * the metadata of clouds, and what nobody has been given yet.
 */
static const struct ipv6_range unicast_ipv6 = {{0x20}, 3};

static const struct ipv6_range special_ipv6[] = {
    {{0x20, 0x01}, 23},		    /* protocols, Teredo: RFC 2928 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation: RFC 3849 */
    {{0x20, 0x02}, 16},		    /* 6to4: RFC 3056 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48}, /* AS112: RFC 7534 */
    {{0x3f, 0xfe}, 16},				/* 6bone: RFC 3701 */
    {{0x3f, 0xff}, 20},				/* documentation: RFC 9637 */
};

static bool
is_within(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(address, prefix, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

bool
net_ipv4_is_public(const uint8_t address[NET_IPV4_BYTES])
{
	for (size_t i = 0; i < sizeof(special_ipv4) / sizeof(special_ipv4[0]);
	     i++)
		if (is_within(
			address, special_ipv4[i].prefix, special_ipv4[i].bits))
			return false;
	return true;
}

/*
 * ISATAP (RFC 5214, section 6.1): an IPv4 address behind any prefix, after
 * 00-00-5E-FE, or 02-00-5E-FE for a public one.
 */
static bool
is_isatap(const uint8_t address[NET_IPV6_BYTES])
{
	static const uint8_t marks[2][4] = {
	    {0x00, 0x00, 0x5e, 0xfe}, {0x02, 0x00, 0x5e, 0xfe}};

	return memcmp(&address[8], marks[0], sizeof(marks[0])) == 0 ||
	       memcmp(&address[8], marks[1], sizeof(marks[1])) == 0;
}

bool
net_ipv6_is_public(const uint8_t address[NET_IPV6_BYTES])
{
	if (!is_within(address, unicast_ipv6.prefix, unicast_ipv6.bits))
		return false;
	for (size_t i = 0; i < sizeof(special_ipv6) / sizeof(special_ipv6[0]);
	     i++)
		if (is_within(
			address, special_ipv6[i].prefix, special_ipv6[i].bits))
			return false;
	return !is_isatap(address);
}

/* glibc's inet_pton() is as strict as both parsers are said to be. */
static bool
parse(int family, struct text text, uint8_t *to, size_t size)
{
	char string[INET6_ADDRSTRLEN];
	uint8_t address[NET_IPV6_BYTES];

	assert(size <= sizeof(address));
	if (text.length == 0 || text.length >= sizeof(string))
		return false;
	memcpy(string, text.bytes, text.length);
	string[text.length] = '\0';
	if (strlen(string) != text.length ||
	    inet_pton(family, string, address) != 1)
		return false;
	memcpy(to, address, size);
	return true;
}

bool
net_ipv4_parse(struct text text, uint8_t to[NET_IPV4_BYTES])
{
	return parse(AF_INET, text, to, NET_IPV4_BYTES);
}

bool
net_ipv6_parse(struct text text, uint8_t to[NET_IPV6_BYTES])
{
	return parse(AF_INET6, text, to, NET_IPV6_BYTES);
}
