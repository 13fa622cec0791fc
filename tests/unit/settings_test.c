#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "app/settings.h"

static struct settings settings;
static struct settings_error error;

/* A file of `bytes` under a name that no other test has. */
static void
write_file(char name[], const char *bytes, size_t length)
{
	int file = mkstemp(name);

	assert_true(file >= 0);
	assert_int_equal(write(file, bytes, length), length);
	assert_int_equal(close(file), 0);
}

static bool
read_text(const char *text, size_t length)
{
	char name[] = "/tmp/settings_test.XXXXXX";
	bool taken;

	write_file(name, text, length);
	settings_init(&settings);
	memset(&error, 0, sizeof(error));
	taken = settings_read(&settings, name, &error);
	unlink(name);
	/* What follows the name, so that the cases can be tables. */
	if (!taken) {
		assert_memory_equal(error.reason, name, strlen(name));
		memmove(error.reason, error.reason + strlen(name),
		    sizeof(error.reason) - strlen(name));
	}
	return taken;
}

static void
every_setting_has_its_default(void **state)
{
	(void)state;
	settings_init(&settings);
	assert_string_equal(settings.store, "/var/lib/intentd/intents.mdb");
	assert_string_equal(settings.socket, "/run/intentd/intentd.sock");
	assert_string_equal(settings.status, "/run/intentd/status.sock");
	assert_int_equal(settings.workers, 4);
	assert_int_equal(settings.store_bytes, INT64_C(1) << 30);
	assert_int_equal(settings.store_bytes_max, INT64_C(1) << 34);
	assert_int_equal(settings.rate_card_merchant, 1500);
	assert_int_equal(settings.default_contract, DEFAULT_CONTRACT_CARD);
	assert_string_equal(settings.faults, "");
	assert_true(settings_check(&settings, &error));
}

static void
a_file_is_read(void **state)
{
	const char *text = "\xef\xbb\xbf# a comment\n"
			   "; another\n"
			   "workers = 3\n"
			   "\n"
			   "[intentd]\n"
			   "  public_url=https://pay.example/base\r\n"
			   "default_contract = stable\n"
			   "faults = get:intents=damaged,commit=full@3\n"
			   "store_bytes_max = 1099511627776";

	(void)state;
	assert_true(read_text(text, strlen(text)));
	assert_int_equal(settings.workers, 3);
	assert_string_equal(settings.public_url, "https://pay.example/base");
	assert_int_equal(settings.default_contract, DEFAULT_CONTRACT_STABLE);
	assert_string_equal(
	    settings.faults, "get:intents=damaged,commit=full@3");
	assert_int_equal(settings.store_bytes_max, INT64_C(1) << 40);
}

static void
a_bad_file_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"workers = 3\nwrokers = 3\n", ":2: wrokers: no such setting "
					   "(intentd --print-config has all)"},
	    {"workers = 3\nworkers = 3\n", ":2: workers: given twice"},
	    {"\nworkers\n", ":2: not a line `name = value`"},
	    {"workers = 0\n",
		":1: workers: `0` is not a whole number from 1 to 256"},
	    {"workers = 257\n",
		":1: workers: `257` is not a whole number from 1 to 256"},
	    {"workers = 8 ; eight\n",
		":1: workers: `8 ; eight` is not a whole number from 1 to 256"},
	    {"workers =\n",
		":1: workers: `` is not a whole number from 1 to 256"},
	    {"# x\n[nginx]\nworkers = 1\n", ":3: [nginx]: no such section"},
	    {"[intentd\nworkers = 1\n", ":1: not a line `name = value`"},
	    {"store = intents.mdb\n",
		":1: store: `intents.mdb` is not an absolute path"},
	    {"status = status.sock\n",
		":1: status: `status.sock` is neither an absolute path nor a "
		"loopback address such as tcp:127.0.0.1:9101"},
	    {"status = tcp:0.0.0.0:9101\n",
		":1: status: `tcp:0.0.0.0:9101` is neither an absolute path "
		"nor a loopback address such as tcp:127.0.0.1:9101"},
	    {"default_contract = both\n",
		":1: default_contract: `both` is not one of card|stable"},
	    {"workers = 1\n workers = 2\n", ":2: workers: given twice"},
	    {" = 2\n", ":1: : no such setting (intentd --print-config "
		       "has all)"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(read_text(cases[i].text, strlen(cases[i].text)));
		assert_string_equal(error.reason, cases[i].reason);
	}
}

static void
urls_are_checked(void **state)
{
	static const char *const bad[] = {"", "ftp://x", "http://", "http:///",
	    "http://x/", "http://x y", "http://x\"", "http://x'", "http://x$1",
	    "http://x\\", "http://x<b>", "http://\xc3\xa9", "HTTP://x"};
	static const char *const good[] = {"http://x", "https://x.example:8443",
	    "http://[::1]:8080", "https://x/pay"};
	char *argv[] = {"--public_url", NULL, NULL};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		argv[1] = (char *)bad[i];
		assert_false(settings_override(&settings, argv, &error));
		assert_non_null(strstr(error.reason, "is not http://HOST"));
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		argv[1] = (char *)good[i];
		assert_true(settings_override(&settings, argv, &error));
		assert_string_equal(settings.public_url, good[i]);
	}
}

static void
modes_of_the_socket_are_checked(void **state)
{
	static const char *const bad[] = {"", "0", "60", "999", "0668", "0666",
	    "0662", "777", "1660", "4755", "06600", "660 ", "-660", "u=rw"};
	static const char *const good[] = {
	    "0660", "660", "0600", "0664", "0775", "000"};
	char *argv[] = {"--socket_mode", NULL, NULL};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		argv[1] = (char *)bad[i];
		assert_false(settings_override(&settings, argv, &error));
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		argv[1] = (char *)good[i];
		assert_true(settings_override(&settings, argv, &error));
		assert_string_equal(settings.socket_mode, good[i]);
	}
}

static void
other_hosts_reach_no_socket_unless_allowed(void **state)
{
	static const char *const remote[] = {"tcp:0.0.0.0:9000",
	    "tcp:192.0.2.1:9000", "tcp:[::]:9000", "tcp:[2001:db8::1]:9000"};
	char *argv[] = {"--socket", NULL, NULL};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		settings_init(&settings);
		argv[1] = (char *)remote[i];
		assert_true(settings_override(&settings, argv, &error));
		assert_false(settings_check(&settings, &error));
		assert_non_null(strstr(error.reason, "allow_remote = yes"));
		settings.allow_remote = ALLOW_REMOTE_YES;
		assert_true(settings_check(&settings, &error));
	}
	settings_init(&settings);
	argv[1] = "tcp:127.0.0.1:9000";
	assert_true(settings_override(&settings, argv, &error));
	assert_true(settings_check(&settings, &error));
	argv[1] = "tcp:localhost:9000";
	assert_false(settings_override(&settings, argv, &error));
}

static void
a_line_too_long_and_a_nul_are_refused(void **state)
{
	static char text[3 * SETTING_BYTES_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "faults = ", 9);
	text[sizeof(text) - 1] = '\n';
	assert_false(read_text(text, sizeof(text)));
	assert_string_equal(
	    error.reason, ":1: the line is too long or holds a NUL");
	assert_false(read_text("workers = 3\0\nx", 14));
	assert_string_equal(
	    error.reason, ":1: the line is too long or holds a NUL");
}

static void
a_text_has_a_bound(void **state)
{
	char path[SETTING_SOCKET_BYTES + 1];
	char *argv[] = {"--socket", path, NULL};

	(void)state;
	memset(path, '/', sizeof(path));
	path[SETTING_SOCKET_BYTES] = '\0';
	assert_false(settings_override(&settings, argv, &error));
	assert_string_equal(error.reason, "--socket: longer than 107 bytes");
	path[SETTING_SOCKET_BYTES - 1] = '\0';
	assert_true(settings_override(&settings, argv, &error));
}

static void
a_missing_file_is_refused(void **state)
{
	(void)state;
	assert_false(settings_read(&settings, "/nowhere/x.conf", &error));
	assert_string_equal(
	    error.reason, "/nowhere/x.conf: No such file or directory");
	assert_false(settings_read(&settings, "/tmp", &error));
	assert_string_equal(error.reason, "/tmp: Is a directory");
}

static void
overrides_come_in_both_forms(void **state)
{
	char *argv[] = {"--workers=2", "--rate-address", "0",
	    "--request_timeout_ms", "900", "--faults=commit=full@3", NULL};

	(void)state;
	settings_init(&settings);
	assert_true(settings_override(&settings, argv, &error));
	assert_int_equal(settings.workers, 2);
	assert_int_equal(settings.rate_address, 0);
	assert_int_equal(settings.request_timeout_ms, 900);
	assert_string_equal(settings.faults, "commit=full@3");
}

static void
a_bad_override_is_refused_with_its_name(void **state)
{
	static const struct {
		char *argv[4];
		const char *reason;
	} cases[] = {
	    {{"--wrokers=1"}, "--wrokers: no such setting "
			      "(intentd --print-config has all)"},
	    {{"--workers", "x"}, "--workers: `x` is not a whole number "
				 "from 1 to 256"},
	    {{"--workers"}, "--workers: its value is missing"},
	    {{"--log=intentd.log"},
		"--log: `intentd.log` is not stderr, syslog, syslog:SOCKET or "
		"an absolute path"},
	    {{"--log="}, "--log: `` is not stderr, syslog, syslog:SOCKET or "
			 "an absolute path"},
	    {{"--slow_log=syslog:x"},
		"--slow_log: `syslog:x` is not stderr, syslog, syslog:SOCKET "
		"or an absolute path"},
	    {{"--log-format=xml"},
		"--log-format: `xml` is not one of logfmt|json"},
	    {{"workers=1"}, "workers=1: not an option"},
	    {{"--workers=1", "--workers=1"}, "--workers: given twice"},
	    {{"--"}, "--: no such setting (intentd --print-config has all)"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(
		    settings_override(&settings, cases[i].argv, &error));
		assert_string_equal(error.reason, cases[i].reason);
	}
}

static void
an_override_wins_over_the_file(void **state)
{
	char *argv[] = {"--workers=2", NULL};

	(void)state;
	assert_true(read_text("workers = 3\n", 12));
	assert_true(settings_override(&settings, argv, &error));
	assert_int_equal(settings.workers, 2);
}

static void
rules_between_settings_are_checked(void **state)
{
	(void)state;
	settings_init(&settings);
	assert_true(settings_check(&settings, &error));
	settings.connection_timeout_ms = settings.request_timeout_ms;
	assert_false(settings_check(&settings, &error));
	assert_string_equal(error.reason,
	    "connection_timeout_ms: 10000 is not below request_timeout_ms, "
	    "10000");
	settings_init(&settings);
	settings.sweepers = 0;
	assert_true(settings_check(&settings, &error));
	strcpy(settings.audit_log, "/var/log/audit");
	assert_false(settings_check(&settings, &error));
	assert_string_equal(
	    error.reason, "audit_log: needs a sweeper: sweepers is 0");
}

static void
a_file_may_be_none(void **state)
{
	char *none[] = {"--audit_log=", NULL};
	char *file[] = {"--audit_log=/a", NULL};
	char *relative[] = {"--audit_log=a", NULL};

	(void)state;
	settings_init(&settings);
	assert_true(settings_override(&settings, none, &error));
	assert_true(settings_override(&settings, file, &error));
	assert_string_equal(settings.audit_log, "/a");
	assert_false(settings_override(&settings, relative, &error));
	assert_string_equal(
	    error.reason, "--audit_log: `a` is not an absolute path");
}

/* A value that each name is given; the reason, or NULL where it is taken. */
static void
texts_of_webhooks_are_checked(void **state)
{
	static const char *const ports_broken =
	    "is neither * nor at most 16 ports, 1 to 65535, with blanks "
	    "between";
	static const char *const header_broken =
	    "is not a header's name of letters, digits and hyphens, or is the "
	    "name of one that webhooks have anyway";
	static const char all_ports[] =
	    "10000 10001 10002 10003 10004 10005 10006 10007 10008 10009 "
	    "10010 10011 10012 10013 10014 10015";
	const struct {
		const char *name, *value, *broken;
	} cases[] = {
	    {"webhook_ports", "", NULL},
	    {"webhook_ports", "*", NULL},
	    {"webhook_ports", "8443", NULL},
	    {"webhook_ports", "1 65535", NULL},
	    {"webhook_ports", all_ports, NULL},
	    {"webhook_ports", "0", ports_broken},
	    {"webhook_ports", "65536", ports_broken},
	    {"webhook_ports", "8443,9443", ports_broken},
	    {"webhook_ports", "* 8443", ports_broken},
	    {"webhook_ports", "-1", ports_broken},
	    {"webhook_ports", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
		ports_broken},
	    {"stable_signature_header", "X-Signature", NULL},
	    {"stable_signature_header", "S1", NULL},
	    {"stable_signature_header", "", header_broken},
	    {"stable_signature_header", "X Signature", header_broken},
	    {"stable_signature_header", "X-Signature:", header_broken},
	    {"stable_signature_header", "X_Signature", header_broken},
	    {"stable_signature_header", "X-\xc3\xa4", header_broken},
	    {"stable_signature_header", "Hosts", NULL},
	    {"stable_signature_header", "Host", header_broken},
	    {"stable_signature_header", "content-length", header_broken},
	    {"stable_signature_header", "Webhook-Signature", header_broken},
	    {"stable_signature_header", "X-StableGenius-Timestamp",
		header_broken},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char option[64], value[128], wanted[512];
		char *argv[] = {option, value, NULL};

		snprintf(option, sizeof(option), "--%s", cases[i].name);
		snprintf(value, sizeof(value), "%s", cases[i].value);
		settings_init(&settings);
		assert_int_equal(settings_override(&settings, argv, &error),
		    cases[i].broken == NULL);
		if (cases[i].broken == NULL)
			continue;
		snprintf(wanted, sizeof(wanted), "--%s: `%s` %s", cases[i].name,
		    cases[i].value, cases[i].broken);
		assert_string_equal(error.reason, wanted);
	}
}

/* Whether settings are loaded with this file of authorities. */
static bool
loads_authorities(const char *name)
{
	char option[64];
	char *argv[] = {option, NULL};
	const struct settings_source source = {NULL, argv};

	snprintf(option, sizeof(option), "--webhook_ca_file=%s", name);
	return settings_load(&settings, &source, &error);
}

static void
authorities_must_be_there(void **state)
{
	static const char certificate[] =
	    "# Ours\n-----BEGIN CERTIFICATE-----\nMIIB\n"
	    "-----END CERTIFICATE-----\n";
	char name[] = "/tmp/settings_test.XXXXXX";
	char empty[] = "/tmp/settings_test.XXXXXX";

	(void)state;
	write_file(name, certificate, sizeof(certificate) - 1);
	write_file(empty, "", 0);
	assert_true(loads_authorities(""));
	assert_true(loads_authorities(name));
	assert_false(loads_authorities(empty));
	assert_non_null(strstr(error.reason, "there is no certificate in it"));
	assert_false(loads_authorities("/tmp"));
	assert_string_equal(
	    error.reason, "webhook_ca_file: `/tmp`: Is a directory");
	unlink(name);
	unlink(empty);
	assert_false(loads_authorities(empty));
	assert_non_null(strstr(error.reason, "No such file or directory"));
}

static void
what_is_printed_can_be_read(void **state)
{
	static char printed[64 * 1024];
	struct settings before;
	FILE *file = fmemopen(printed, sizeof(printed), "w");
	char *argv[] = {"--workers=77", "--default_contract=stable",
	    "--faults=begin=full", NULL};

	(void)state;
	settings_init(&settings);
	assert_true(settings_override(&settings, argv, &error));
	settings_print(&settings, file);
	fclose(file);
	before = settings;
	assert_true(read_text(printed, strlen(printed)));
	memset(settings.given, 0, sizeof(settings.given));
	memset(before.given, 0, sizeof(before.given));
	assert_int_equal(settings.workers, 77);
	assert_int_equal(settings.default_contract, DEFAULT_CONTRACT_STABLE);
	assert_string_equal(settings.faults, before.faults);
	assert_string_equal(settings.store, before.store);
	assert_string_equal(settings.public_url, before.public_url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_setting_has_its_default),
	    cmocka_unit_test(a_file_is_read),
	    cmocka_unit_test(a_bad_file_is_refused_with_its_line),
	    cmocka_unit_test(urls_are_checked),
	    cmocka_unit_test(modes_of_the_socket_are_checked),
	    cmocka_unit_test(other_hosts_reach_no_socket_unless_allowed),
	    cmocka_unit_test(a_line_too_long_and_a_nul_are_refused),
	    cmocka_unit_test(a_text_has_a_bound),
	    cmocka_unit_test(a_missing_file_is_refused),
	    cmocka_unit_test(overrides_come_in_both_forms),
	    cmocka_unit_test(a_bad_override_is_refused_with_its_name),
	    cmocka_unit_test(an_override_wins_over_the_file),
	    cmocka_unit_test(rules_between_settings_are_checked),
	    cmocka_unit_test(a_file_may_be_none),
	    cmocka_unit_test(texts_of_webhooks_are_checked),
	    cmocka_unit_test(authorities_must_be_there),
	    cmocka_unit_test(what_is_printed_can_be_read),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
