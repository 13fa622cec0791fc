/*
 * Sends webhooks.  Without arguments what needs no receiver is tested; else it
 * sends to receivers of others (tests/webhook.test.mjs):
 *
 *	webhook_test public|private CA_FILE TIMEOUT_MS BODY_BYTES URL...
 *
 * all URLs at once, and prints a line for each as it is over: its number, the
 * result, the status, the reason and the response, with tabs between.
 */
#include "app/webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "api/handle.h"
#include "app/printable.h"

enum {
	ATTEMPTS = 16,
	BODY_BYTES_MOST = 2 << 20,
	UNREAD_BYTES = 64 << 20,
};

static struct webhook_attempt attempts[ATTEMPTS];
static unsigned over;

static const struct response_header headers[] = {
    {{"Content-Type", 12}, {"application/json", 16}},
    {{"X-Signature", 11}, {"t=1,v1=ab", 9}},
};

static void
count(struct webhook_attempt *attempt, void *context)
{
	(void)attempt;
	(void)context;
	over++;
}

static void
print(struct webhook_attempt *attempt, void *context)
{
	const struct text name =
	    name_text(&attempt_result_names, attempt->result);

	count(attempt, context);
	printf("%d\t%.*s\t%u\t%s\t%.*s\n", (int)(attempt - attempts),
	    TEXT_PRINT(name), attempt->status, attempt->reason,
	    (int)attempt->response_length, attempt->response);
	fflush(stdout);
}

static void
begin(struct webhooks *webhooks, unsigned number, const char *url,
    struct text body, int64_t timeout_ms)
{
	bool begun;

	attempts[number] = (struct webhook_attempt){
	    .url = url,
	    .headers = headers,
	    .header_count = sizeof(headers) / sizeof(headers[0]),
	    .body = body,
	    .timeout = span_from_ms(timeout_ms),
	};
	begun = webhook_begin(webhooks, &attempts[number]);
	assert_true(begun);
}

static void
run_until(struct webhooks *webhooks, unsigned wanted)
{
	while (over < wanted) {
		webhooks_wait(webhooks, span_from_ms(1000), NULL, 0);
		webhooks_move(webhooks);
	}
}

/* -- Without a receiver ---------------------------------------------------- */

static const struct webhooks_options strict = {
    .ca_file = "", .in_flight_max = ATTEMPTS, .response_bytes_max = 1024};

static void
no_address_of_this_host_is_connected_to(void **state)
{
	static const struct {
		const char *url, *reason;
	} rows[] = {
	    {"http://127.0.0.1:9/", "the address 127.0.0.1 is not public"},
	    {"https://127.0.0.1:9/", "the address 127.0.0.1 is not public"},
	    {"http://[::1]:9/", "the address ::1 is not public"},
	    {"http://[::ffff:127.0.0.1]:9/",
		"the address ::ffff:127.0.0.1 is not public"},
	    /* However it is written. */
	    {"http://2130706433:9/", "the address 127.0.0.1 is not public"},
	    {"http://0x7f.1:9/", "the address 127.0.0.1 is not public"},
	    {"http://0177.0.0.1:9/", "the address 127.0.0.1 is not public"},
	    {"http://10.0.0.1:9/", "the address 10.0.0.1 is not public"},
	    {"http://169.254.169.254/",
		"the address 169.254.169.254 is not public"},
	};
	const unsigned rows_count = sizeof(rows) / sizeof(rows[0]);
	struct webhooks *webhooks = webhooks_open(&strict, count, NULL);

	(void)state;
	over = 0;
	for (unsigned i = 0; i < rows_count; i++)
		begin(webhooks, i, rows[i].url, TEXT("{}"), 5000);
	run_until(webhooks, rows_count);
	for (unsigned i = 0; i < rows_count; i++) {
		assert_int_equal(attempts[i].result, ATTEMPT_FORBIDDEN);
		assert_int_equal(attempts[i].status, 0);
		assert_string_equal(attempts[i].reason, rows[i].reason);
		assert_true(attempts[i].sent);
	}
	webhooks_close(webhooks);
}

static void
a_name_that_leads_to_this_host_is_refused_as_well(void **state)
{
	struct webhooks *webhooks = webhooks_open(&strict, count, NULL);

	(void)state;
	over = 0;
	begin(webhooks, 0, "http://localhost:9/", TEXT("{}"), 5000);
	begin(webhooks, 1, "https://shop.localhost:9/", TEXT("{}"), 5000);
	run_until(webhooks, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(attempts[i].result, ATTEMPT_FORBIDDEN);
	webhooks_close(webhooks);
}

static void
other_schemes_and_user_names_lead_nowhere(void **state)
{
	static const char *const urls[] = {"ftp://127.0.0.1:9/",
	    "file:///etc/passwd", "gopher://127.0.0.1:9/", "ldap://127.0.0.1/",
	    "http://user:secret@127.0.0.1:9/", "dict://127.0.0.1:9/",
	    "telnet://127.0.0.1:9/", "smtp://127.0.0.1:9/"};
	struct webhooks_options options = strict;
	struct webhooks *webhooks;

	(void)state;
	over = 0;
	options.allow_private = true;
	webhooks = webhooks_open(&options, count, NULL);
	for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		begin(webhooks, i, urls[i], TEXT("{}"), 5000);
	run_until(webhooks, sizeof(urls) / sizeof(urls[0]));
	for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_not_equal(attempts[i].result, ATTEMPT_SUCCEEDED);
		/* Not even tried. */
		assert_int_not_equal(attempts[i].result, ATTEMPT_UNREACHABLE);
		assert_null(strstr(attempts[i].reason, "secret"));
	}
	webhooks_close(webhooks);
}

static void
what_is_given_up_is_not_heard_of(void **state)
{
	struct webhooks *webhooks = webhooks_open(&strict, count, NULL);

	(void)state;
	over = 0;
	begin(webhooks, 0, "http://127.0.0.1:9/", TEXT("{}"), 5000);
	begin(webhooks, 1, "http://127.0.0.1:9/", TEXT("{}"), 5000);
	webhook_cancel(webhooks, &attempts[0]);
	run_until(webhooks, 1);
	assert_int_equal(attempts[0].result, ATTEMPT_NONE);
	assert_int_equal(attempts[1].result, ATTEMPT_FORBIDDEN);
	begin(webhooks, 2, "http://127.0.0.1:9/", TEXT("{}"), 5000);
	webhooks_close(webhooks);
	assert_int_equal(over, 1);
}

static void
a_file_ends_the_waiting(void **state)
{
	struct webhooks *webhooks = webhooks_open(&strict, count, NULL);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	/* Else this would end the test by its alarm. */
	alarm(20);
	webhooks_wait(webhooks, span_from_seconds(60), ends, 1);
	alarm(0);
	webhooks_close(webhooks);
	close(ends[0]);
	close(ends[1]);
}

/* A socket that connections are made to, and that nobody reads from. */
static int
listen_without_a_word(char url[64])
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(listener >= 0);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&address, &length), 0);
	snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(address.sin_port));
	return listener;
}

static void
a_request_that_has_left_whole_is_sent(void **state)
{
	struct webhooks_options options = strict;
	struct webhooks *webhooks;
	char url[64];
	int listener = listen_without_a_word(url);
	char *bytes = calloc(1, UNREAD_BYTES);
	bool was_sent = false;

	(void)state;
	assert_non_null(bytes);
	over = 0;
	options.allow_private = true;
	webhooks = webhooks_open(&options, count, NULL);
	begin(webhooks, 0, url, TEXT("{}"), 60000);
	assert_false(attempts[0].sent);
	alarm(20);
	while (!attempts[0].sent) {
		webhooks_wait(webhooks, span_from_ms(1000), NULL, 0);
		webhooks_move(webhooks);
	}
	alarm(0);
	assert_int_equal(over, 0);
	/* One that no buffer of the kernel holds never leaves. */
	begin(webhooks, 1, url, (struct text){bytes, UNREAD_BYTES}, 200);
	while (over == 0) {
		was_sent |= attempts[1].sent;
		webhooks_wait(webhooks, span_from_ms(1000), NULL, 0);
		webhooks_move(webhooks);
	}
	assert_false(was_sent);
	assert_int_equal(attempts[1].result, ATTEMPT_TIMED_OUT);
	assert_true(attempts[1].sent);
	webhooks_close(webhooks);
	close(listener);
	free(bytes);
}

static void
answers_are_kept_as_printable_text(void **state)
{
	static const struct {
		const char *from, *to;
		bool cut;
	} rows[] = {
	    {"", "", false},
	    {"ok", "ok", false},
	    {"a\r\n\tb\x1b[2J\x7f", "a   b [2J ", false},
	    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
	    {"\xc2\x9b"
	     "31m",
		" 31m", false},
	    {"a\xe2\x80\xae\xe2\x81\xa6\xd8\x9c"
	     "b\xe2\x80\x93",
		"a   b\xe2\x80\x93", false},
	    {"\xff\xfe", "??", false},
	    {"\xc0\xaf", "??", false},
	    {"\xed\xa0\x80", "???", false},
	    {"a\xe2\x82", "a??", false},
	    {"a\xe2\x82", "a", true},
	    {"\xe2"
	     "a",
		"?a", false},
	};
	char bytes[64];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(bytes, rows[i].from);
		length = printable(bytes, strlen(bytes), rows[i].cut);
		bytes[length] = '\0';
		assert_string_equal(bytes, rows[i].to);
	}
}

/* -- With receivers -------------------------------------------------------- */

static int
send_all(int count_of_arguments, char **arguments)
{
	static char bytes[BODY_BYTES_MOST];
	const struct webhooks_options options = {
	    .allow_private = strcmp(arguments[1], "private") == 0,
	    .ca_file = arguments[2],
	    .in_flight_max = ATTEMPTS,
	    .response_bytes_max = 64 * 1024,
	};
	const size_t length = strtoul(arguments[4], NULL, 10);
	struct webhooks *webhooks = webhooks_open(&options, print, NULL);

	assert_true(length <= sizeof(bytes));
	memset(bytes, 'x', length);
	for (int i = 5; i < count_of_arguments; i++)
		begin(webhooks, (unsigned)i - 5, arguments[i],
		    (struct text){bytes, length},
		    strtol(arguments[3], NULL, 10));
	run_until(webhooks, (unsigned)count_of_arguments - 5);
	webhooks_close(webhooks);
	return 0;
}

int
main(int count_of_arguments, char **arguments)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_address_of_this_host_is_connected_to),
	    cmocka_unit_test(a_name_that_leads_to_this_host_is_refused_as_well),
	    cmocka_unit_test(other_schemes_and_user_names_lead_nowhere),
	    cmocka_unit_test(what_is_given_up_is_not_heard_of),
	    cmocka_unit_test(a_file_ends_the_waiting),
	    cmocka_unit_test(a_request_that_has_left_whole_is_sent),
	    cmocka_unit_test(answers_are_kept_as_printable_text),
	};

	if (count_of_arguments > 5)
		return send_all(count_of_arguments, arguments);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
