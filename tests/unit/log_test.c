#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "app/log.h"
#include "app/log_sink.h"
#include "app/settings.h"
#include "unit/temporary.h"

static struct temporary temporary;
static struct settings settings;
static char written[64 * 1024];
static _Atomic uint32_t reopen;
static _Atomic uint64_t lost;

static int
make(void **state)
{
	(void)state;
	temporary_make(&temporary);
	settings_init(&settings);
	(void)strcpy(settings.log, temporary.path);
	lost = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	log_forked(); /* Closes it. */
	temporary_remove(&temporary);
	return 0;
}

/* All that is in a file, as a string. */
static const char *
contents(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	assert_true(file >= 0);
	length = read(file, written, sizeof(written) - 1);
	assert_true(length >= 0);
	written[length] = '\0';
	close(file);
	return written;
}

/* The line behind its time; that has a length of its own. */
static const char *
behind_time(const char *line, const char *before)
{
	assert_memory_equal(line, before, strlen(before));
	line += strlen(before);
	assert_memory_equal(line, "20", 2);
	return line + strlen("2026-01-02T03:04:05.678Z");
}

static void
open_log(int64_t format)
{
	settings.log_format = format;
	assert_true(log_open(&settings, &reopen, &lost));
}

/* -- Messages -------------------------------------------------------------- */

static void
a_message_is_quoted(void **state)
{
	(void)state;
	open_log(LOG_FORMAT_LOGFMT);
	log_message("a \"b\" \\ \n\t\x01 \xc3\xa9 %d", 7);
	assert_string_equal(behind_time(contents(temporary.path), "time="),
	    " level=warning message="
	    "\"a \\\"b\\\" \\\\ \\n\\t\\u0001 \xc3\xa9 7\"\n");
}

static void
in_json_as_well(void **state)
{
	(void)state;
	open_log(LOG_FORMAT_JSON);
	log_notice("a \"b\"\n\xc3\xa9");
	assert_string_equal(
	    behind_time(contents(temporary.path), "{\"time\":\""),
	    "\",\"level\":\"notice\",\"message\":\"a "
	    "\\\"b\\\"\\n\xc3\xa9\"}\n");
}

static void
what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	open_log(LOG_FORMAT_LOGFMT);
	log_message("\xff/x");
	assert_non_null(strstr(contents(temporary.path), "\"?/x\"\n"));
}

/* Each on one line of at most 4096 bytes, whatever its escapes take. */
static void
a_long_message_is_cut(void **state)
{
	static const struct {
		int64_t format;
		const char *part;
	} rows[] = {
	    {LOG_FORMAT_LOGFMT, "x"},
	    {LOG_FORMAT_JSON, "x"},
	    {LOG_FORMAT_LOGFMT, "\x01"},
	    {LOG_FORMAT_JSON, "\x01"},
	    {LOG_FORMAT_JSON, "\xf0\x9f\x92\xb3"},
	};
	char message[8192];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t part = strlen(rows[i].part);

		for (length = 0; length + part < sizeof(message);
		     length += part)
			memcpy(message + length, rows[i].part, part);
		message[length] = '\0';
		assert_int_equal(truncate(temporary.path, 0) == 0 || i == 0, 1);
		open_log(rows[i].format);
		log_message("%s", message);
		(void)contents(temporary.path);
		length = strlen(written);
		assert_in_range(length, 3500, 4096);
		assert_ptr_equal(strchr(written, '\n'), written + length - 1);
		assert_true(text_is_utf8(text_of(written)));
		assert_string_equal(
		    written + length - 1 - (rows[i].format == LOG_FORMAT_JSON),
		    rows[i].format == LOG_FORMAT_JSON ? "}\n" : "\n");
	}
}

/* -- Requests -------------------------------------------------------------- */

static const struct log_durations quick = {{1}, {2}, {999000}};
static const struct log_durations slow = {{1}, {2}, {1000001}};

static struct request request;
static struct response response;

static void
fill_request(void)
{
	request = (struct request){
	    .id = TEXT("req_1"),
	    .method = TEXT("POST"),
	    .now = {INT64_C(1767323045678901)},
	};
	response = (struct response){
	    .status = 200,
	    .contract = TEXT("card"),
	    .route = TEXT("/v1/payment_intents/{id}"),
	    .key_prefix = TEXT("sk_test_abcd"),
	    .account = TEXT("acct_2"),
	    .idempotency = IDEMPOTENCY_NEW,
	};
}

static void
a_request_has_every_member(void **state)
{
	(void)state;
	fill_request();
	open_log(LOG_FORMAT_LOGFMT);
	assert_false(log_request(&request, &response, &quick));
	assert_string_equal(contents(temporary.path),
	    "time=2026-01-02T03:04:05.678Z request=req_1 contract=card "
	    "method=POST route=/v1/payment_intents/{id} status=200 code= "
	    "account=acct_2 key=sk_test_abcd idempotency=new queue_us=1 "
	    "store_us=2 total_us=999000\n");
}

static void
in_json_what_is_not_known_is_null(void **state)
{
	(void)state;
	fill_request();
	response.status = 404;
	response.error_code = TEXT("route_not_found");
	response.route = response.account = response.key_prefix = TEXT_NONE;
	response.idempotency = IDEMPOTENCY_NONE;
	open_log(LOG_FORMAT_JSON);
	assert_true(log_request(&request, &response, &slow));
	assert_string_equal(contents(temporary.path),
	    "{\"time\":\"2026-01-02T03:04:05.678Z\",\"request\":\"req_1\","
	    "\"contract\":\"card\",\"method\":\"POST\",\"route\":null,"
	    "\"status\":404,\"code\":\"route_not_found\",\"account\":null,"
	    "\"key\":null,\"idempotency\":\"none\",\"queue_us\":1,"
	    "\"store_us\":2,\"total_us\":1000001,\"slow\":true}\n");
}

static void
a_method_cannot_end_its_word(void **state)
{
	(void)state;
	fill_request();
	request.method = TEXT("A B=\"\n\\\xff"
			      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	for (int64_t format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON;
	     format++) {
		open_log(format);
		(void)log_request(&request, &response, &quick);
	}
	assert_non_null(strstr(contents(temporary.path),
	    " method=A?B?????xxxxxxxxxxxxxxxxxxxxxxxx route="));
	assert_non_null(strstr(
	    written, ",\"method\":\"A?B?????xxxxxxxxxxxxxxxxxxxxxxxx\","));
}

static void
slow_ones_have_a_line_where_others_have_none(void **state)
{
	(void)state;
	fill_request();
	settings.access_log = 0;
	open_log(LOG_FORMAT_LOGFMT);
	assert_false(log_request(&request, &response, &quick));
	assert_string_equal(contents(temporary.path), "");
	assert_true(log_request(&request, &response, &slow));
	assert_non_null(
	    strstr(contents(temporary.path), " total_us=1000001 slow=true\n"));
}

static void
or_in_a_log_of_their_own(void **state)
{
	char apart[sizeof(temporary.path) + 8];

	(void)state;
	fill_request();
	(void)snprintf(apart, sizeof(apart), "%s.slow", temporary.path);
	(void)strcpy(settings.slow_log, apart);
	open_log(LOG_FORMAT_LOGFMT);
	(void)log_request(&request, &response, &quick);
	assert_string_equal(contents(apart), "");
	(void)log_request(&request, &response, &slow);
	assert_non_null(
	    strstr(contents(apart), " total_us=1000001 slow=true\n"));
	assert_non_null(strstr(contents(temporary.path), " total_us=999000\n"));
	assert_non_null(strstr(written, " slow=true\n"));

	settings.access_log = 0;
	open_log(LOG_FORMAT_LOGFMT);
	assert_int_equal(truncate(temporary.path, 0), 0);
	(void)log_request(&request, &response, &slow);
	assert_string_equal(contents(temporary.path), "");

	settings.slow_log_ms = 0;
	open_log(LOG_FORMAT_LOGFMT);
	assert_false(log_request(&request, &response, &slow));
}

/* -- Where it goes --------------------------------------------------------- */

static void
a_file_is_opened_again_when_asked(void **state)
{
	struct stat stat;
	char old[sizeof(temporary.path) + 8];

	(void)state;
	(void)snprintf(old, sizeof(old), "%s.1", temporary.path);
	(void)umask(0077);
	open_log(LOG_FORMAT_LOGFMT);
	log_message("one");
	assert_int_equal(rename(temporary.path, old), 0);
	log_message("two");
	reopen++;
	log_message("three");
	assert_non_null(strstr(contents(old), "two"));
	assert_null(strstr(written, "three"));
	assert_non_null(strstr(contents(temporary.path), "three"));
	assert_int_equal(lstat(temporary.path, &stat), 0);
	assert_int_equal(stat.st_mode & 0777, 0640);
}

/* Standard error goes into a file while `act` runs. */
static const char *
stderr_of(void (*act)(void))
{
	char path[sizeof(temporary.path) + 8];
	int kept = dup(STDERR_FILENO);
	int file;

	(void)snprintf(path, sizeof(path), "%s.err", temporary.path);
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	assert_true(kept >= 0 && file >= 0);
	dup2(file, STDERR_FILENO);
	act();
	dup2(kept, STDERR_FILENO);
	close(file);
	close(kept);
	return contents(path);
}

static void
say_three(void)
{
	for (int i = 0; i < 3; i++)
		log_message("lost");
}

static void
lost_lines_are_counted_and_said_once(void **state)
{
	(void)state;
	(void)strcpy(settings.log, "/dev/full");
	open_log(LOG_FORMAT_LOGFMT);
	assert_string_equal(stderr_of(say_three),
	    "intentd: log /dev/full: No space left on device\n");
	assert_int_equal(lost, 3);
}

static void
and_said_in_the_log_once_it_is_back(void **state)
{
	(void)state;
	open_log(LOG_FORMAT_LOGFMT);
	assert_int_equal(unlink(temporary.path), 0);
	assert_int_equal(mkdir(temporary.path, 0700), 0);
	reopen++;
	(void)stderr_of(say_three);
	assert_int_equal(lost, 3);
	assert_int_equal(rmdir(temporary.path), 0);
	log_message("back");
	assert_non_null(strstr(contents(temporary.path), "message=\"back\"\n"));
	assert_non_null(strstr(written, ": 3 lines were lost\"\n"));
	log_message("and on");
	assert_null(
	    strstr(strstr(contents(temporary.path), "3 lines were") + 12,
		" lines were"));
}

static bool opened;

static void
try_to_open(void)
{
	opened = log_open(&settings, &reopen, &lost);
}

static void
a_file_that_cannot_be_opened_is_said(void **state)
{
	(void)state;
	(void)strcpy(settings.log, "/nowhere/log");
	assert_string_equal(stderr_of(try_to_open),
	    "intentd: log /nowhere/log: No such file or directory\n");
	assert_false(opened);
}

/* A log that cannot be opened leaves the one that there is. */
static void
or_stays_what_it_was(void **state)
{
	(void)state;
	open_log(LOG_FORMAT_LOGFMT);
	(void)strcpy(settings.slow_log, "/nowhere/log");
	(void)stderr_of(try_to_open);
	assert_false(opened);
	log_message("still here");
	assert_non_null(strstr(contents(temporary.path), "still here"));
}

/* A reader that does not read is not waited for but once. */
static void
a_full_pipe_stops_nobody(void **state)
{
	int reader;

	(void)state;
	assert_int_equal(mkfifo(temporary.path, 0600), 0);
	reader = open(temporary.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	open_log(LOG_FORMAT_LOGFMT);
	for (int i = 0; i < 5000; i++)
		log_message("a line");
	assert_in_range(lost, 1, 4999);
	assert_true(read(reader, written, sizeof(written)) > 0);
	log_message("there is room");
	assert_true(read(reader, written, sizeof(written)) > 0);
	close(reader);
}

static int
listen_as_syslog(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int file =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)strcpy(address.sun_path, temporary.path);
	assert_true(file >= 0);
	assert_int_equal(
	    bind(file, (struct sockaddr *)&address, sizeof(address)), 0);
	return file;
}

static const char *
datagram(int file)
{
	ssize_t length = recv(file, written, sizeof(written) - 1, 0);

	assert_true(length > 0);
	written[length] = '\0';
	return written;
}

/* `<30>Jan  2 03:04:05 intentd[1234]: `, then the line without its end. */
static void
must_be_syslog(const char *line, int level, const char *rest)
{
	char begin[16], tag[32];

	(void)snprintf(begin, sizeof(begin), "<%d>", LOG_DAEMON | level);
	(void)snprintf(tag, sizeof(tag), " intentd[%d]: ", (int)getpid());
	assert_memory_equal(line, begin, strlen(begin));
	line += strlen(begin) + strlen("Jan  2 03:04:05");
	assert_memory_equal(line, tag, strlen(tag));
	line += strlen(tag);
	assert_string_equal(strstr(line, rest), rest);
}

static void
a_syslog_gets_datagrams_with_their_level(void **state)
{
	int file = listen_as_syslog();

	(void)state;
	fill_request();
	(void)snprintf(
	    settings.log, sizeof(settings.log), "syslog:%s", temporary.path);
	open_log(LOG_FORMAT_LOGFMT);
	log_message("first");
	must_be_syslog(datagram(file), LOG_WARNING, "message=\"first\"");
	log_notice("second");
	must_be_syslog(datagram(file), LOG_NOTICE, "message=\"second\"");
	(void)log_request(&request, &response, &quick);
	must_be_syslog(datagram(file), LOG_INFO, "total_us=999000");
	close(file);

	/* One that is started anew is found by its path. */
	assert_int_equal(unlink(temporary.path), 0);
	(void)stderr_of(say_three);
	assert_int_equal(lost, 3);
	file = listen_as_syslog();
	log_message("again");
	must_be_syslog(datagram(file), LOG_WARNING, "message=\"again\"");
	must_be_syslog(datagram(file), LOG_WARNING, ": 3 lines were lost\"");
	close(file);
}

static void
a_syslog_that_does_not_read_stops_nobody(void **state)
{
	int file = listen_as_syslog();

	(void)state;
	(void)snprintf(
	    settings.log, sizeof(settings.log), "syslog:%s", temporary.path);
	open_log(LOG_FORMAT_LOGFMT);
	for (int i = 0; i < 5000; i++)
		log_message("a line");
	assert_in_range(lost, 1, 4999);
	close(file);
}

static void
places_are_checked(void **state)
{
	static const struct {
		const char *place;
		bool sound;
	} rows[] = {
	    {"stderr", true},
	    {"syslog", true},
	    {"syslog:/run/log", true},
	    {"/var/log/intentd.log", true},
	    {"", false},
	    {"/", false},
	    {"Stderr", false},
	    {"syslog:", false},
	    {"syslog:log", false},
	    {"log/intentd", false},
	    {"syslog:/0123456789012345678901234567890123456789012345678901234"
	     "56789012345678901234567890123456789012345678901234567890",
		false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    log_sink_is_sound(text_of(rows[i].place)), rows[i].sound);
}

#define TEMPORARY(test) cmocka_unit_test_setup_teardown(test, make, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEMPORARY(a_message_is_quoted),
	    TEMPORARY(in_json_as_well),
	    TEMPORARY(what_is_no_utf8_is_replaced),
	    TEMPORARY(a_long_message_is_cut),
	    TEMPORARY(a_request_has_every_member),
	    TEMPORARY(in_json_what_is_not_known_is_null),
	    TEMPORARY(a_method_cannot_end_its_word),
	    TEMPORARY(slow_ones_have_a_line_where_others_have_none),
	    TEMPORARY(or_in_a_log_of_their_own),
	    TEMPORARY(a_file_is_opened_again_when_asked),
	    TEMPORARY(lost_lines_are_counted_and_said_once),
	    TEMPORARY(and_said_in_the_log_once_it_is_back),
	    TEMPORARY(a_file_that_cannot_be_opened_is_said),
	    TEMPORARY(or_stays_what_it_was),
	    TEMPORARY(a_full_pipe_stops_nobody),
	    TEMPORARY(a_syslog_gets_datagrams_with_their_level),
	    TEMPORARY(a_syslog_that_does_not_read_stops_nobody),
	    cmocka_unit_test(places_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
