#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/net_address.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- IPv4 ------------------------------------------------------------------ */

/*
 * What is not public, by its first and last address, in ascending order; a
 * range begins where no other one ends, so that the neighbours are public.
 */
static const struct {
	const char *first, *last;
} private_ipv4[] = {
    {"0.0.0.0", "0.255.255.255"},
    {"10.0.0.0", "10.255.255.255"},
    {"100.64.0.0", "100.127.255.255"},
    {"127.0.0.0", "127.255.255.255"},
    {"168.63.129.16", "168.63.129.16"},
    {"169.254.0.0", "169.254.255.255"},
    {"172.16.0.0", "172.31.255.255"},
    {"192.0.0.0", "192.0.0.255"},
    {"192.0.2.0", "192.0.2.255"},
    {"192.31.196.0", "192.31.196.255"},
    {"192.52.193.0", "192.52.193.255"},
    {"192.88.99.0", "192.88.99.255"},
    {"192.168.0.0", "192.168.255.255"},
    {"192.175.48.0", "192.175.48.255"},
    {"198.18.0.0", "198.19.255.255"},
    {"198.51.100.0", "198.51.100.255"},
    {"203.0.113.0", "203.0.113.255"},
    {"224.0.0.0", "255.255.255.255"},
};

static uint32_t
ipv4(const char *string)
{
	uint8_t bytes[NET_IPV4_BYTES];

	if (!net_ipv4_parse(text_of(string), bytes))
		fail_msg("not an address: %s", string);
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool
is_public_ipv4(uint32_t number)
{
	const uint8_t address[NET_IPV4_BYTES] = {(uint8_t)(number >> 24),
	    (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};

	return net_ipv4_is_public(address);
}

static void
assert_ipv4(uint32_t number, bool expected)
{
	if (is_public_ipv4(number) != expected)
		fail_msg("%u.%u.%u.%u is%s public", number >> 24,
		    number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff,
		    expected ? " not" : "");
}

static void
ranges_of_ipv4_end_where_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(private_ipv4); i++) {
		uint32_t first = ipv4(private_ipv4[i].first);
		uint32_t last = ipv4(private_ipv4[i].last);

		assert_true(first <= last);
		assert_ipv4(first, false);
		assert_ipv4(first + (last - first) / 2, false);
		assert_ipv4(last, false);
		if (first > 0)
			assert_ipv4(first - 1, true);
		if (last < UINT32_MAX)
			assert_ipv4(last + 1, true);
	}
}

static bool
is_listed(uint32_t number)
{
	for (size_t i = 0; i < COUNT(private_ipv4); i++)
		if (number >= ipv4(private_ipv4[i].first) &&
		    number <= ipv4(private_ipv4[i].last))
			return true;
	return false;
}

static void
all_else_of_ipv4_is_public(void **state)
{
	(void)state;
	/* The first and the last address of each sixteenth of a /8. */
	for (uint32_t part = 0; part < 1 << 12; part++) {
		uint32_t first = part << 20, last = first | 0xfffff;

		assert_ipv4(first, !is_listed(first));
		assert_ipv4(last, !is_listed(last));
	}
}

static void
addresses_of_ipv4_that_matter_most(void **state)
{
	static const struct {
		const char *address;
		bool is_public;
	} rows[] = {
	    {"0.0.0.0", false},
	    {"127.0.0.1", false},
	    {"127.1.2.3", false},
	    {"10.1.2.3", false},
	    {"172.20.0.1", false},
	    {"192.168.1.1", false},
	    {"169.254.169.254", false}, /* AWS, Azure, Google and others */
	    {"169.254.170.2", false},	/* containers of AWS */
	    {"168.63.129.16", false},	/* Azure */
	    {"100.100.100.200", false}, /* Alibaba */
	    {"192.0.0.192", false},	/* Oracle */
	    {"224.0.0.1", false},
	    {"239.255.255.250", false},
	    {"240.0.0.1", false},
	    {"255.255.255.255", false},
	    {"1.1.1.1", true},
	    {"8.8.8.8", true},
	    {"93.184.216.34", true},
	    {"100.63.255.255", true},
	    {"172.15.0.1", true},
	    {"172.32.0.1", true},
	    {"192.0.1.1", true},
	    {"198.20.0.1", true},
	    {"223.255.255.255", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_ipv4(ipv4(rows[i].address), rows[i].is_public);
}

static void
texts_that_are_no_ipv4_are_refused(void **state)
{
	static const char *const texts[] = {"", ".", "1", "127.1", "1.2.3",
	    "1.2.3.", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2.3.4.5",
	    "256.1.1.1", "1.1.1.256", "1.1.1.1000", "01.2.3.4", "1.2.3.04",
	    "0177.0.0.1", "00.0.0.0", "0x7f.0.0.1", "0x7f000001", "2130706433",
	    "1.2.3.a", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ",
	    "1.2.3.4\n", "1.2.3.4/8", "1,2,3,4", "::1", "::ffff:1.2.3.4",
	    "1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4"};
	uint8_t address[NET_IPV4_BYTES] = {9, 9, 9, 9};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (net_ipv4_parse(text_of(texts[i]), address))
			fail_msg("taken as an address: %s", texts[i]);
	assert_false(net_ipv4_parse(TEXT_NONE, address));
	assert_false(net_ipv4_parse(TEXT("1.2.3.4\0"), address));
	assert_false(net_ipv4_parse(TEXT("1.2.3.4\0.5"), address));
	assert_memory_equal(address, "\x09\x09\x09\x09", sizeof(address));
}

static void
four_decimal_numbers_are_ipv4(void **state)
{
	(void)state;
	assert_int_equal(ipv4("0.0.0.0"), 0);
	assert_int_equal(ipv4("1.2.3.4"), 0x01020304);
	assert_int_equal(ipv4("255.255.255.255"), UINT32_MAX);
}

/* -- IPv6 ------------------------------------------------------------------ */

static bool
is_public_ipv6(const char *string)
{
	uint8_t address[NET_IPV6_BYTES];

	if (!net_ipv6_parse(text_of(string), address))
		fail_msg("not an address: %s", string);
	return net_ipv6_is_public(address);
}

#define ONES_6 "ffff:ffff:ffff:ffff:ffff:ffff"

/* Each range by its first and last address, and the neighbours. */
static const char *const private_ipv6[] = {
    /* Unspecified, loopback, compatible, mapped, translated, NAT64. */
    "::",
    "::1",
    "::127.0.0.1",
    "::169.254.169.254",
    "::8.8.8.8",
    "::255.255.255.255",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:255.255.255.255",
    "::ffff:0:127.0.0.1",
    "64:ff9b::",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b::255.255.255.255",
    "64:ff9b:1::",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    /* To be discarded, and all else below global unicast. */
    "100::",
    "100::ffff:ffff:ffff:ffff",
    "100:0:0:1::",
    "200::1",
    "1000::1",
    "1fff:ffff:" ONES_6,
    /* Protocols: Teredo, benchmarks, ORCHID; documentation; 6to4. */
    "2001::",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:" ONES_6,
    "2001:db8::",
    "2001:db8::1",
    "2001:db8:" ONES_6,
    "2002::",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2002:ffff:" ONES_6,
    "2620:4f:8000::",
    "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
    "3ffe::",
    "3ffe:ffff:" ONES_6,
    "3fff::",
    "3fff::1",
    "3fff:fff:" ONES_6,
    /* ISATAP. */
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:8.8.8.8",
    /* Above global unicast. */
    "4000::",
    "4000::1",
    "5f00::",
    "5f00::1",
    "5f00:ffff:" ONES_6,
    "8000::1",
    "fbff:ffff:" ONES_6,
    "fc00::",
    "fc00::1",
    "fd00:ec2::254",	  /* metadata: AWS */
    "fd20:ce::254",	  /* Google */
    "fd00:c1::a9fe:a9fe", /* Oracle */
    "fdff:ffff:" ONES_6,
    "fe00::1",
    "fe80::",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf:ffff:" ONES_6,
    "fec0::1",
    "feff:ffff:" ONES_6,
    "ff00::",
    "ff02::1",
    "ff0e::1",
    "ffff:ffff:" ONES_6,
};

static const char *const public_ipv6[] = {
    "2000::",
    "2000::1",
    "2000:ffff:" ONES_6,
    "2001:200::",
    "2001:4860:4860::8888",
    "2001:db7:" ONES_6,
    "2001:db9::",
    "2001:ffff:" ONES_6,
    "2003::",
    "2606:4700:4700::1111",
    "2606:4700::5eff:127.0.0.1",
    "2606:4700::300:5efe:127.0.0.1",
    "2606:4700:0:5efe::1",
    "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
    "2620:4f:8001::",
    "2a00:1450:4001:81b::200e",
    "2c0f:fb50::1",
    "3ffd:ffff:" ONES_6,
    "3fff:1000::",
    "3fff:ffff:" ONES_6,
};

static void
special_addresses_of_ipv6_are_not_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(private_ipv6); i++)
		if (is_public_ipv6(private_ipv6[i]))
			fail_msg("%s is public", private_ipv6[i]);
}

static void
global_addresses_of_ipv6_are_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(public_ipv6); i++)
		if (!is_public_ipv6(public_ipv6[i]))
			fail_msg("%s is not public", public_ipv6[i]);
}

static void
no_first_byte_but_those_of_global_unicast_is_public(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
		uint8_t address[NET_IPV6_BYTES] = {(uint8_t)byte, 0xaa};
		bool is_unicast = byte >= 0x20 && byte <= 0x3f;

		assert_int_equal(net_ipv6_is_public(address), is_unicast);
	}
}

static void
the_three_forms_of_rfc_4291_are_ipv6(void **state)
{
	static const struct {
		const char *text;
		uint8_t address[NET_IPV6_BYTES];
	} rows[] = {
	    {"::", {0}},
	    {"::1", {[15] = 1}},
	    {"1::", {0, 1}},
	    {"1:2:3:4:5:6:7:8",
		{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
	    {"0001:0002:0003:0004:0005:0006:0007:0008",
		{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
	    {"2001:DB8::aBcD", {0x20, 0x01, 0x0d, 0xb8, [14] = 0xab, 0xcd}},
	    {"::13.1.68.3", {[12] = 13, 1, 68, 3}},
	    {"::FFFF:129.144.52.38", {[10] = 0xff, 0xff, 129, 144, 52, 38}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t address[NET_IPV6_BYTES];

		assert_true(net_ipv6_parse(text_of(rows[i].text), address));
		assert_memory_equal(address, rows[i].address, sizeof(address));
	}
}

static void
texts_that_are_no_ipv6_are_refused(void **state)
{
	static const char *const texts[] = {"", ":", ":::", "1", "1:2",
	    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1:2:3:4:5:6:7",
	    "1:2:3:4:5:6:7:", "::12345", "::g", "[::1]", "::1%lo", "::1%25lo",
	    "fe80::1%1", "::1/128", " ::1", "::1 ", "::1.2.3", "::1.2.3.4.5",
	    "::256.1.1.1", "::01.2.3.4", "1.2.3.4", "::0x1", "::-1",
	    "1:2:3:4:5:6:7:1.2.3.4",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
	uint8_t address[NET_IPV6_BYTES] = {9};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (net_ipv6_parse(text_of(texts[i]), address))
			fail_msg("taken as an address: %s", texts[i]);
	assert_false(net_ipv6_parse(TEXT_NONE, address));
	assert_false(net_ipv6_parse(TEXT("::1\0"), address));
	assert_int_equal(address[0], 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_of_ipv4_end_where_they_should),
	    cmocka_unit_test(all_else_of_ipv4_is_public),
	    cmocka_unit_test(addresses_of_ipv4_that_matter_most),
	    cmocka_unit_test(texts_that_are_no_ipv4_are_refused),
	    cmocka_unit_test(four_decimal_numbers_are_ipv4),
	    cmocka_unit_test(special_addresses_of_ipv6_are_not_public),
	    cmocka_unit_test(global_addresses_of_ipv6_are_public),
	    cmocka_unit_test(
		no_first_byte_but_those_of_global_unicast_is_public),
	    cmocka_unit_test(the_three_forms_of_rfc_4291_are_ipv6),
	    cmocka_unit_test(texts_that_are_no_ipv6_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
