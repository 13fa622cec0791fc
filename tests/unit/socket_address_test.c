#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "app/socket_address.h"

static void
sound_ones_are_read_and_written_again(void **state)
{
	static const struct {
		const char *text;
		bool is_local;
	} cases[] = {
	    {"/run/intentd/intentd.sock", true},
	    {"/a:b", true},
	    {"tcp:127.0.0.1:9000", true},
	    {"tcp:127.255.255.254:1", true},
	    {"tcp:[::1]:65535", true},
	    {"tcp:0.0.0.0:9000", false},
	    {"tcp:128.0.0.1:9000", false},
	    {"tcp:192.0.2.1:9000", false},
	    {"tcp:[::]:9000", false},
	    {"tcp:[::2]:9000", false},
	    {"tcp:[2001:db8::1]:9000", false},
	    {"tcp:[fe80::1]:9000", false},
	};
	struct socket_address address;
	char name[SOCKET_NAME_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(
		    socket_address_parse(text_of(cases[i].text), &address));
		socket_address_name(&address, name);
		assert_string_equal(name, cases[i].text);
		assert_int_equal(
		    socket_address_is_local(&address), cases[i].is_local);
	}
}

static void
others_are_refused_with_words(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"", "is neither an absolute path"},
	    {"intentd.sock", "is neither an absolute path"},
	    {"unix:/run/x", "is neither an absolute path"},
	    {"127.0.0.1:9000", "is neither an absolute path"},
	    {"TCP:127.0.0.1:9000", "is neither an absolute path"},
	    {"tcp:", "is not tcp:ADDRESS:PORT"},
	    {"tcp:9000", "is not tcp:ADDRESS:PORT"},
	    {"tcp:127.0.0.1", "is not tcp:ADDRESS:PORT"},
	    {"tcp:127.0.0.1:", "has no port"},
	    {"tcp:127.0.0.1:0", "has no port"},
	    {"tcp:127.0.0.1:70000", "has no port"},
	    {"tcp:127.0.0.1:65536", "has no port"},
	    {"tcp:127.0.0.1:-1", "has no port"},
	    {"tcp:127.0.0.1:09000", "has no port"},
	    {"tcp:127.0.0.1: 9000", "has no port"},
	    {"tcp:127.0.0.1:http", "has no port"},
	    {"tcp:[::1]9000", "has no port"},
	    {"tcp:[::1]", "has no port"},
	    {"tcp::9000", "has no address"},
	    {"tcp:localhost:9000", "has no address"},
	    {"tcp:127.1:9000", "has no address"},
	    {"tcp:2130706433:9000", "has no address"},
	    {"tcp:0177.0.0.1:9000", "has no address"},
	    {"tcp:::1:9000", "has no address"},
	    {"tcp:*:9000", "has no address"},
	    {"tcp:[]:9000", "has no address"},
	    {"tcp:[127.0.0.1]:9000", "has no address"},
	    {"tcp:[fe80::1%lo]:9000", "has no address"},
	    {"tcp:[0000:0000:0000:0000:0000:0000:255.255.255.255x]:9000",
		"has no address"},
	    {"tcp:[::ffff:127.0.0.1]:9000", "is an IPv4 address"},
	    {"tcp:[::ffff:0:1]:9000", "is an IPv4 address"},
	};
	struct socket_address address;
	const char *reason;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reason = socket_address_parse(text_of(cases[i].text), &address);
		assert_non_null(reason);
		if (strncmp(reason, cases[i].reason, strlen(cases[i].reason)) !=
		    0)
			fail_msg("%s: %s", cases[i].text, reason);
	}
}

static void
a_path_has_at_most_107_bytes(void **state)
{
	struct socket_address address;
	char name[SOCKET_NAME_BYTES];
	char path[109];

	(void)state;
	memset(path, '/', sizeof(path));
	path[107] = '\0';
	assert_null(socket_address_parse(text_of(path), &address));
	socket_address_name(&address, name);
	assert_string_equal(name, path);
	path[107] = '/';
	path[108] = '\0';
	assert_non_null(socket_address_parse(text_of(path), &address));
}

/* As systemd may bind it, where the settings refuse it. */
static void
an_ipv4_address_as_ipv6_is_what_it_is(void **state)
{
	static const struct {
		const char *address;
		bool is_local;
	} cases[] = {{"::ffff:127.0.0.1", true}, {"::ffff:127.9.9.9", true},
	    {"::ffff:0.0.0.0", false}, {"::ffff:10.0.0.1", false},
	    {"::127.0.0.1", false}};
	struct socket_address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		address =
		    (struct socket_address){.inet6 = {.sin6_family = AF_INET6},
			.length = sizeof(address.inet6)};
		assert_int_equal(inet_pton(AF_INET6, cases[i].address,
				     &address.inet6.sin6_addr),
		    1);
		assert_int_equal(
		    socket_address_is_local(&address), cases[i].is_local);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sound_ones_are_read_and_written_again),
	    cmocka_unit_test(others_are_refused_with_words),
	    cmocka_unit_test(a_path_has_at_most_107_bytes),
	    cmocka_unit_test(an_ipv4_address_as_ipv6_is_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
