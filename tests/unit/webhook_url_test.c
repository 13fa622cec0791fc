#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "core/webhook_url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct webhook_url_rules live = {0};
static const struct webhook_url_rules test_mode = {.http = true};
static const struct webhook_url_rules with_ports = {
    .http = true, .port_count = 2, .ports = {8443, 65535}};
static const struct webhook_url_rules any_port = {.any_port = true};
static const struct webhook_url_rules inside = {
    .http = true, .allow_private = true, .any_port = true};

static void
assert_good(const char *url, const struct webhook_url_rules *rules)
{
	const char *fault = webhook_url_fault(text_of(url), rules);

	if (fault != NULL)
		fail_msg("%s: %s", url, fault);
}

/* `word`: a part of the reason. */
static void
assert_bad(
    const char *url, const struct webhook_url_rules *rules, const char *word)
{
	const char *fault = webhook_url_fault(text_of(url), rules);

	if (fault == NULL)
		fail_msg("%s will do", url);
	else if (strstr(fault, word) == NULL)
		fail_msg("%s: %s", url, fault);
}

/* -- Good ones ------------------------------------------------------------- */

#define LABEL_63 \
	"a23456789012345678901234567890123456789012345678901234567890123"
#define LABEL_61 "a234567890123456789012345678901234567890123456789012345678901"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61

static void
urls_of_public_hosts_will_do(void **state)
{
	static const char *const urls[] = {
	    "https://example.com",
	    "https://example.com/",
	    "https://example.com/hooks?a=1&b=https://other/@here:9",
	    "https://example.com?a=1",
	    "https://example.com/a@b:c/%40/%0a/~'(*)[1]{x}|\"<>^`",
	    "https://example.com//..//",
	    "HTTPS://EXAMPLE.COM/",
	    "hTTps://Example.Com/",
	    "https://example.com:443/",
	    "https://example.com:443",
	    "https://example.com:443?a",
	    "https://example.com./",
	    "https://example.com.:443/",
	    "https://a.b.c.d.e.f.g/",
	    "https://x/",
	    "https://1.example/",
	    "https://1.2.3.4.example/",
	    "https://127.0.0.1.example.com/",
	    "https://0x7f.example/",
	    "https://4ever.x4/",
	    "https://example.0xyz/",
	    "https://example.1a/",
	    "https://xn--bcher-kva.example/",
	    "https://example.xn--p1ai/",
	    "https://a-b--c.example/",
	    "https://my_shop.example/",
	    "https://_hooks.example/",
	    "https://localhost.example/",
	    "https://notlocalhost/",
	    "https://" LABEL_63 ".example/",
	    "https://" NAME_253 "/",
	    "https://" NAME_253 ".:443/",
	    "https://93.184.216.34/",
	    "https://8.8.8.8:443",
	    "https://[2606:4700:4700::1111]/",
	    "https://[2606:4700:4700::1111]:443/",
	    "https://[2A00:1450:4001:81B::200E]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		assert_good(urls[i], &live);
		assert_good(urls[i], &test_mode);
		assert_good(urls[i], &with_ports);
		assert_good(urls[i], &any_port);
		assert_good(urls[i], &inside);
	}
}

/* -- Bad ones -------------------------------------------------------------- */

struct bad_url {
	const char *url, *word;
};

/* Whatever the rules are. */
static void
assert_always_bad(const struct bad_url *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_bad(rows[i].url, &live, rows[i].word);
		assert_bad(rows[i].url, &with_ports, rows[i].word);
		assert_bad(rows[i].url, &inside, rows[i].word);
	}
}

static void
other_schemes_are_refused(void **state)
{
	static const char *const urls[] = {"", "example.com", "/hooks",
	    "//example.com/", "https", "https:", "https:/", "https:example.com",
	    "https:/example.com", "http:example.com", "https//example.com",
	    "https;//example.com", "shttps://example.com",
	    "httpss://example.com", "ftp://example.com/", "file:///etc/passwd",
	    "gopher://example.com/", "ws://example.com/", "wss://example.com/",
	    "unix:///run/x", "javascript:alert(1)", "data:,x", "mailto:a@b",
	    "view-source:https://example.com", "://example.com"};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		assert_bad(urls[i], &live, "it must begin with https://");
		assert_bad(urls[i], &inside, "https:// or http://");
	}
	assert_bad(NULL, &live, "it must begin with https://");
}

static void
plain_http_is_for_rules_that_say_so(void **state)
{
	static const char *const urls[] = {"http://example.com/",
	    "HTTP://example.com", "http://example.com:80/", "http://8.8.8.8/"};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		assert_good(urls[i], &test_mode);
		assert_bad(urls[i], &live, "it must begin with https://");
		assert_bad(urls[i], &any_port, "it must begin with https://");
	}
	assert_string_equal(
	    webhook_url_fault(TEXT("http://example.com/"), &live),
	    "it must begin with https://");
}

static void
what_is_no_host_is_refused(void **state)
{
	static const struct bad_url rows[] = {
	    {"https://", "must name a host"},
	    {"https:///", "must name a host"},
	    {"https:///x", "must name a host"},
	    {"https:////example.com", "must name a host"},
	    {"https://?example.com", "must name a host"},
	    {"https://:443/", "must name a host"},
	    {"https://::1/", "must name a host"},
	    {"https://./", "a name or an address"},
	    {"https://../", "a name or an address"},
	    {"https://.example.com/", "a name or an address"},
	    {"https://example..com/", "a name or an address"},
	    {"https://example.com../", "a name or an address"},
	    {"https://-example.com/", "a name or an address"},
	    {"https://example-.com/", "a name or an address"},
	    {"https://example.-com/", "a name or an address"},
	    {"https://exa%6Dple.com/", "a name or an address"},
	    {"https://%6c%6f%63%61%6c%68%6f%73%74/", "a name or an address"},
	    {"https://127%2e0%2e0%2e1/", "a name or an address"},
	    {"https://a%40b/", "a name or an address"},
	    {"https://example.com%2f.other.com/", "a name or an address"},
	    {"https://example.com%00.other.com/", "a name or an address"},
	    {"https://example,com/", "a name or an address"},
	    {"https://example.com;x/", "a name or an address"},
	    {"https://example.com&x/", "a name or an address"},
	    {"https://ex*mple.com/", "a name or an address"},
	    {"https://*.example.com/", "a name or an address"},
	    {"https://$(id).example.com/", "a name or an address"},
	    {"https://!example.com/", "a name or an address"},
	    {"https://'example.com'/", "a name or an address"},
	    {"https://{example}.com/", "a name or an address"},
	    {"https://~example.com/", "a name or an address"},
	    {"https://example]/", "a name or an address"},
	    {"https://example.com[::1]/", "a name or an address"},
	    {"https://" LABEL_63 "4.example/", "a name or an address"},
	    {"https://" NAME_253 "2/", "a name or an address"},
	    {"https://" NAME_253 "2./", "a name or an address"},
	};

	(void)state;
	assert_always_bad(rows, COUNT(rows));
}

static void
user_names_are_refused(void **state)
{
	static const char *const urls[] = {"https://a@b/", "https://a:b@c/",
	    "https://@b/", "https://:@b/", "https://a@/", "https://@/",
	    "https://example.com@127.0.0.1/", "https://a@b@c/",
	    "https://example.com:443@other.com/", "https://[::1]@b/",
	    "https://a@b", "https://a@b?c", "https://a%40b@c/"};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		assert_always_bad(
		    &(struct bad_url){urls[i], "no user name"}, 1);
}

static void
numbers_that_resolvers_take_for_addresses_are_refused(void **state)
{
	static const char *const hosts[] = {"0", "1", "127", "2130706433",
	    "4294967295", "99999999999999999999", "017700000001", "0x7f000001",
	    "0X7F000001", "0x7F.1", "0x7f.0.0.1", "0177.0.0.1", "0177.1",
	    "127.1", "127.0.1", "1.2.3", "127.0.0.01", "127.0.0.0x1",
	    "127.0.0.1.", "8.8.8.8.", "1.2.3.4.5", "256.256.256.256",
	    "example.1", "example.com.1", "example.08", "example.0x",
	    "example.0xff", "example.0X1", "0x", "0x.", "a.0."};

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		char url[128];

		(void)snprintf(url, sizeof(url), "https://%s/", hosts[i]);
		assert_always_bad(
		    &(struct bad_url){url, "four decimal numbers"}, 1);
	}
}

static void
addresses_that_are_not_public_are_refused(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.255.255.254",
	    "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",
	    "192.168.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254",
	    "168.63.129.16", "192.0.0.192", "198.18.0.1", "203.0.113.9",
	    "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::]", "[::1]",
	    "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]",
	    "[::FFFF:7f00:1]", "[::ffff:8.8.8.8]", "[::ffff:169.254.169.254]",
	    "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
	    "[2001::1]", "[2001:db8::1]", "[fc00::1]", "[fd00:ec2::254]",
	    "[fe80::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[5f00::1]",
	    "localhost", "LocalHost", "localhost.", "a.localhost",
	    "a.b.LOCALHOST", "a.localhost."};

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		char url[128];

		(void)snprintf(url, sizeof(url), "https://%s/", hosts[i]);
		assert_bad(url, &live, "a public address");
		assert_bad(url, &any_port, "a public address");
		assert_good(url, &inside);
		(void)snprintf(url, sizeof(url), "http://%s:80", hosts[i]);
		assert_bad(url, &test_mode, "a public address");
		assert_bad(url, &with_ports, "a public address");
		assert_good(url, &inside);
	}
}

static void
brackets_are_for_addresses(void **state)
{
	static const char *const urls[] = {"https://[]/", "https://[",
	    "https://[/", "https://[::1", "https://[::1/", "https://[[::1]]/",
	    "https://[::1]x/", "https://[::1].example/", "https://[::1]]/",
	    "https://[::1][::1]/", "https://[::1]443/",
	    "https://[example.com]/", "https://[127.0.0.1]/",
	    "https://[8.8.8.8]/", "https://[2606:4700:4700:1111]/",
	    "https://[fe80::1%eth0]/", "https://[fe80::1%25eth0]/",
	    "https://[2606:4700:4700::1111%25lo]/", "https://[v1.x]/",
	    "https://[::1%00]/", "https://[2606::1::1]/"};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		assert_always_bad(&(struct bad_url){urls[i], "in brackets"}, 1);
}

static void
what_is_no_port_is_refused(void **state)
{
	static const char *const ports[] = {"", "0", "00", "65536", "70000",
	    "99999999999999999999", "0443", "00080", "-443", "+443", "443x",
	    "x", "https", "0x1bb", "443:443", ":443", "%34", "443.", "4,43",
	    "443;"};

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		char url[128];
		const struct bad_url row = {url, "1 to 65535"};

		(void)snprintf(
		    url, sizeof(url), "https://example.com:%s/", ports[i]);
		assert_always_bad(&row, 1);
		(void)snprintf(
		    url, sizeof(url), "https://example.com:%s", ports[i]);
		assert_always_bad(&row, 1);
		(void)snprintf(url, sizeof(url),
		    "https://[2606:4700:4700::1111]:%s/", ports[i]);
		assert_always_bad(&row, 1);
	}
}

static void
a_port_is_its_schemes_or_one_that_is_allowed(void **state)
{
	static const struct {
		const char *url;
		const struct webhook_url_rules *rules;
		bool will_do;
	} rows[] = {
	    {"https://example.com:443/", &live, true},
	    {"https://example.com:80/", &live, false},
	    {"https://example.com:8443/", &live, false},
	    {"https://example.com:22/", &live, false},
	    {"https://example.com:1/", &live, false},
	    {"https://[2606:4700:4700::1111]:25/", &live, false},
	    {"https://8.8.8.8:53/", &live, false},
	    {"http://example.com:80/", &test_mode, true},
	    {"http://example.com:443/", &test_mode, false},
	    {"https://example.com:80/", &test_mode, false},
	    {"https://example.com:443/", &with_ports, true},
	    {"https://example.com:8443/", &with_ports, true},
	    {"https://example.com:65535/", &with_ports, true},
	    {"http://example.com:8443/", &with_ports, true},
	    {"https://[2606:4700:4700::1111]:8443/", &with_ports, true},
	    {"https://example.com:8442/", &with_ports, false},
	    {"https://example.com:8444/", &with_ports, false},
	    {"https://example.com:65534/", &with_ports, false},
	    {"https://example.com:1/", &any_port, true},
	    {"https://example.com:80/", &any_port, true},
	    {"https://example.com:65535/", &any_port, true},
	    {"http://127.0.0.1:9/", &inside, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].will_do)
			assert_good(rows[i].url, rows[i].rules);
		else
			assert_bad(rows[i].url, rows[i].rules,
			    "its scheme's own, or one that this server");
	}
}

static void
odd_characters_and_fragments_are_refused_anywhere(void **state)
{
	static const struct bad_url rows[] = {
	    {" https://example.com/", "no blanks"},
	    {"https://example.com/ ", "no blanks"},
	    {"https://example.com /", "no blanks"},
	    {"https://exam ple.com/", "no blanks"},
	    {"https:// example.com/", "no blanks"},
	    {"https://example.com/a b", "no blanks"},
	    {"https://example.com/\t", "no blanks"},
	    {"ht\ttps://example.com/", "no blanks"},
	    {"https://exam\nple.com/", "no blanks"},
	    {"https://example.com/\r\nX: y", "no blanks"},
	    {"https://example.com/\x01", "no blanks"},
	    {"https://example.com/\x7f", "no blanks"},
	    {"https://example.com\\", "backslashes"},
	    {"https:\\\\example.com/", "backslashes"},
	    {"https://example.com\\@127.0.0.1/", "backslashes"},
	    {"https://example.com/a\\b", "backslashes"},
	    {"https://b\xc3\xbc"
	     "cher.example/",
		"beyond ASCII"},
	    {"https://example.com/\xc3\xbc", "beyond ASCII"},
	    {"https://example\xe3\x80\x82"
	     "com/",
		"beyond ASCII"}, /* the ideographic full stop */
	    {"https://\xe2\x91\xa0\xe2\x91\xa1/", "beyond ASCII"},
	    {"https://example.com/\xff", "beyond ASCII"},
	    {"https://example.com#", "no fragment"},
	    {"https://example.com/#x", "no fragment"},
	    {"https://example.com/a?b#c", "no fragment"},
	    {"https://example.com#@127.0.0.1/", "no fragment"},
	};
	static const char with_nul[] = "https://example.com/\0x";

	(void)state;
	assert_always_bad(rows, COUNT(rows));
	assert_string_equal(
	    webhook_url_fault(
		(struct text){with_nul, sizeof(with_nul) - 1}, &live),
	    webhook_url_fault(TEXT("https://a b/"), &live));
}

static void
a_url_has_at_most_2048_characters(void **state)
{
	static const char begin[] = "https://example.com/";
	char url[URL_CHARACTERS_MAX + 2];

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, begin, sizeof(begin) - 1);
	url[URL_CHARACTERS_MAX] = '\0';
	assert_good(url, &live);
	url[URL_CHARACTERS_MAX] = 'a';
	url[URL_CHARACTERS_MAX + 1] = '\0';
	assert_bad(url, &live, "at most 2048 characters");
	assert_bad(url, &inside, "at most 2048 characters");
}

/* -- The setting ----------------------------------------------------------- */

static void
ports_are_numbers_with_blanks_between(void **state)
{
	static const struct {
		struct text setting;
		unsigned count;
		uint16_t ports[WEBHOOK_PORTS_MAX];
	} rows[] = {
	    {{"", 0}, 0, {0}},
	    {{NULL, 0}, 0, {0}},
	    {{" ", 1}, 0, {0}},
	    {{"8443", 4}, 1, {8443}},
	    {{"1 65535", 7}, 2, {1, 65535}},
	    {{"  9   10 ", 9}, 2, {9, 10}},
	    {{"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 38}, 16,
		{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct webhook_url_rules rules = {
		    .any_port = true, .port_count = 3, .http = true};

		assert_true(webhook_ports_parse(rows[i].setting, &rules));
		assert_false(rules.any_port);
		assert_true(rules.http);
		assert_int_equal(rules.port_count, rows[i].count);
		for (unsigned at = 0; at < rules.port_count; at++)
			assert_int_equal(rules.ports[at], rows[i].ports[at]);
	}
}

static void
a_star_is_any_port(void **state)
{
	struct webhook_url_rules rules = {.port_count = 3};

	(void)state;
	assert_true(webhook_ports_parse(TEXT("*"), &rules));
	assert_true(rules.any_port);
	assert_int_equal(rules.port_count, 0);
	assert_false(rules.allow_private);
}

static void
other_texts_are_no_ports(void **state)
{
	static const char *const texts[] = {"0", "65536", "-1", "+1", "080",
	    "8443,9443", "8443;", "8443\t9443", "8443\n", "x", "https", "**",
	    "* 1", "1 *", " *", "1-9", "1 2 x", "0x50",
	    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct webhook_url_rules rules = {
		    .port_count = 1, .ports = {7}};

		if (webhook_ports_parse(text_of(texts[i]), &rules))
			fail_msg("taken as ports: %s", texts[i]);
		assert_int_equal(rules.port_count, 1);
		assert_int_equal(rules.ports[0], 7);
		assert_false(rules.any_port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls_of_public_hosts_will_do),
	    cmocka_unit_test(other_schemes_are_refused),
	    cmocka_unit_test(plain_http_is_for_rules_that_say_so),
	    cmocka_unit_test(what_is_no_host_is_refused),
	    cmocka_unit_test(user_names_are_refused),
	    cmocka_unit_test(
		numbers_that_resolvers_take_for_addresses_are_refused),
	    cmocka_unit_test(addresses_that_are_not_public_are_refused),
	    cmocka_unit_test(brackets_are_for_addresses),
	    cmocka_unit_test(what_is_no_port_is_refused),
	    cmocka_unit_test(a_port_is_its_schemes_or_one_that_is_allowed),
	    cmocka_unit_test(odd_characters_and_fragments_are_refused_anywhere),
	    cmocka_unit_test(a_url_has_at_most_2048_characters),
	    cmocka_unit_test(ports_are_numbers_with_blanks_between),
	    cmocka_unit_test(a_star_is_any_port),
	    cmocka_unit_test(other_texts_are_no_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
