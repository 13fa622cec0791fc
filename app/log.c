#include "app/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "api/json_writer.h"
#include "app/clock.h"
#include "app/log_sink.h"
#include "app/settings.h"
#include "base/buffer.h"

enum {
	/* PIPE_BUF: up to here a write to a pipe is never mixed or cut. */
	LINE_BYTES_MAX = 4096,
	/* Of a member that the client chose; the longest method has 17. */
	WORD_BYTES_MAX = 32,
	/* `2026-01-02T03:04:05.` */
	SECOND_BYTES = TIME_ISO_BYTES - 1,
};

/* The log of this process. */
static struct {
	bool open;	 /* as the settings say; else as before log_open() */
	bool json;	 /* else logfmt */
	bool access;	 /* every request has a line */
	bool slow_apart; /* slow ones have one in a log of their own */
	int64_t slow_us; /* 0: none is slow */
	struct log_sink main;
	struct log_sink slow;
	const _Atomic uint32_t *reopen; /* borrowed, as the next */
	_Atomic uint64_t *lost;
	uint32_t seen; /* of `reopen` */
} process_log = {
    .main = {.place = "stderr", .file = -1},
    .slow = {.place = "stderr", .file = -1},
};

/* -- Lines ----------------------------------------------------------------- */

struct line {
	char bytes[LINE_BYTES_MAX];
	struct buffer buffer;
	struct json_writer json;
};

/* Without printf: it is a tenth of what a request costs. */
static void
put_name(struct line *line, struct text name)
{
	if (process_log.json) {
		json_name(&line->json, name);
		return;
	}
	if (line->buffer.length > 0)
		buffer_put_byte(&line->buffer, ' ');
	buffer_put_text(&line->buffer, name);
	buffer_put_byte(&line->buffer, '=');
}

/* A value that needs no quotes; absent or empty: it is not known. */
static void
put_member(struct line *line, struct text name, struct text value)
{
	put_name(line, name);
	if (!process_log.json)
		buffer_put_text(&line->buffer, value);
	else if (value.length == 0)
		json_null(&line->json);
	else
		json_string(&line->json, value);
}

static void
put_number(struct line *line, struct text name, int64_t value)
{
	put_name(line, name);
	if (process_log.json)
		json_integer(&line->json, value);
	else
		buffer_put_integer(&line->buffer, value);
}

static void
put_true(struct line *line, struct text name)
{
	put_name(line, name);
	if (process_log.json)
		json_boolean(&line->json, true);
	else
		buffer_put_text(&line->buffer, TEXT("true"));
}

/* Any text.  logfmt quotes as JSON does. */
static void
put_quoted(struct line *line, struct text name, struct text value)
{
	struct json_writer quoted;

	put_name(line, name);
	json_init(&quoted, &line->buffer);
	json_string(process_log.json ? &line->json : &quoted, value);
}

/*
 * What the client chose: it is cut, and what could end the word or the line
 * becomes '?'.
 */
static void
put_word(struct line *line, struct text name, struct text word)
{
	char bytes[WORD_BYTES_MAX];
	size_t i;

	for (i = 0; i < word.length && i < WORD_BYTES_MAX; i++) {
		bytes[i] = word.bytes[i];
		if (bytes[i] <= ' ' || bytes[i] > '~' || bytes[i] == '"' ||
		    bytes[i] == '=' || bytes[i] == '\\')
			bytes[i] = '?';
	}
	put_member(line, name, (struct text){bytes, i});
}

/* The date is written once a second. */
static void
put_time(struct line *line, struct instant now)
{
	static int64_t second = -1;
	static char text[SECOND_BYTES + sizeof("123Z")];
	const unsigned ms = (unsigned)(now.us / 1000 % 1000);
	char iso[TIME_ISO_BYTES];

	if (instant_seconds(now) != second) {
		second = instant_seconds(now);
		instant_to_iso(now, iso);
		memcpy(text, iso, SECOND_BYTES - 1);
		text[SECOND_BYTES - 1] = '.';
		text[SECOND_BYTES + 3] = 'Z';
	}
	text[SECOND_BYTES] = (char)('0' + ms / 100);
	text[SECOND_BYTES + 1] = (char)('0' + ms / 10 % 10);
	text[SECOND_BYTES + 2] = (char)('0' + ms % 10);
	put_member(line, TEXT("time"), (struct text){text, SECOND_BYTES + 4});
}

/* One byte is left for the line's end. */
static void
begin_line(struct line *line, struct instant now)
{
	buffer_init(&line->buffer, line->bytes, sizeof(line->bytes) - 1);
	json_init(&line->json, &line->buffer);
	if (process_log.json)
		json_object_begin(&line->json);
	put_time(line, now);
}

static struct text
end_line(struct line *line)
{
	if (process_log.json)
		json_object_end(&line->json);
	line->bytes[line->buffer.length] = '\n';
	return (struct text){line->bytes, line->buffer.length + 1};
}

/* -- Writing them ---------------------------------------------------------- */

/* Past a log that cannot be written, to whoever started the server. */
static void
say_on_stderr(const char *place, int error)
{
	struct log_sink other = log_sink_of("stderr");
	char bytes[LINE_BYTES_MAX];
	struct buffer line;

	buffer_init(&line, bytes, sizeof(bytes));
	buffer_put_text(&line, TEXT("intentd: log "));
	buffer_put_text(&line, (struct text){place, strnlen(place, 2048)});
	buffer_print(&line, ": %s\n", strerror(error));
	/* There is nobody left to tell. */
	(void)!log_sink_write(&other, LOG_ERR, buffer_text(&line));
}

static void
count_lost(const struct log_sink *sink, int error)
{
	if (process_log.lost != NULL)
		atomic_fetch_add_explicit(
		    process_log.lost, 1, memory_order_relaxed);
	if (sink->lost == 1 && strcmp(sink->place, "stderr") != 0)
		say_on_stderr(sink->place, error);
}

static void
write_line(struct log_sink *sink, int level, struct text line)
{
	uint64_t lost;

	log_look();
	if (!log_sink_write(sink, level, line)) {
		count_lost(sink, errno);
		return;
	}
	lost = sink->lost;
	sink->lost = 0;
	if (lost > 0)
		log_message("%s: %llu lines were lost", sink->place,
		    (unsigned long long)lost);
}

/* -- The beginning --------------------------------------------------------- */

static bool
open_sink(struct log_sink *sink)
{
	if (log_sink_open(sink))
		return true;
	say_on_stderr(sink->place, errno);
	return false;
}

static void
close_sinks(void)
{
	log_sink_close(&process_log.main);
	log_sink_close(&process_log.slow);
}

bool
log_open(const struct settings *settings, const _Atomic uint32_t *reopen,
    _Atomic uint64_t *lost)
{
	const bool apart = settings->slow_log[0] != '\0';
	struct log_sink log = log_sink_of(settings->log);
	struct log_sink slow =
	    log_sink_of(apart ? settings->slow_log : "stderr");

	if (!open_sink(&log))
		return false;
	if (!open_sink(&slow)) {
		log_sink_close(&log);
		return false;
	}
	close_sinks();
	process_log.open = true;
	process_log.json = settings->log_format == LOG_FORMAT_JSON;
	process_log.access = settings->access_log != 0;
	process_log.slow_us = settings->slow_log_ms * 1000;
	process_log.slow_apart = apart;
	process_log.reopen = reopen;
	process_log.seen = atomic_load_explicit(reopen, memory_order_relaxed);
	process_log.lost = lost;
	process_log.main = log;
	process_log.slow = slow;
	return true;
}

void
log_forked(void)
{
	close_sinks();
	process_log.main.lost = 0;
	process_log.slow.lost = 0;
}

void
log_look(void)
{
	uint32_t reopen;

	if (process_log.reopen == NULL)
		return;
	reopen = atomic_load_explicit(process_log.reopen, memory_order_relaxed);
	if (reopen == process_log.seen)
		return;
	process_log.seen = reopen;
	close_sinks();
}

/* -- Messages -------------------------------------------------------------- */

/* JSON and most readers take nothing but UTF-8; a path may be anything. */
static void
make_utf8(char *bytes, size_t length)
{
	if (text_is_utf8((struct text){bytes, length}))
		return;
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)bytes[i] >= 0x80)
			bytes[i] = '?';
}

/* Cut before a character so that it fits, whatever its escapes take. */
static struct text
message_line(struct line *line, const char *level, struct text message)
{
	static char cut[LINE_BYTES_MAX];
	size_t room = sizeof(cut);
	struct text shown = {.bytes = cut};

	do {
		shown.length = text_copy(message, cut, room);
		begin_line(line, clock_now());
		put_member(line, TEXT("level"), text_of(level));
		put_quoted(line, TEXT("message"), shown);
		room = room / 8 * 7;
	} while (line->buffer.overflow ||
		 line->buffer.length + 2 > line->buffer.size);
	return end_line(line);
}

static struct text
plain_line(struct line *line, struct text message)
{
	buffer_init(&line->buffer, line->bytes, sizeof(line->bytes) - 1);
	buffer_put_text(&line->buffer, TEXT("intentd: "));
	buffer_put_text(&line->buffer, message);
	return end_line(line);
}

static void
say(int level, const char *format, va_list arguments)
{
	char bytes[LINE_BYTES_MAX - sizeof("intentd: ")];
	struct line line;
	struct text text;
	int wanted = vsnprintf(bytes, sizeof(bytes), format, arguments);

	assert(wanted >= 0);
	text = text_of(bytes);
	if (!process_log.open) {
		text = plain_line(&line, text);
	} else {
		make_utf8(bytes, text.length);
		text = message_line(
		    &line, level == LOG_NOTICE ? "notice" : "warning", text);
	}
	write_line(&process_log.main, level, text);
}

void
log_message(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_WARNING, format, arguments);
	va_end(arguments);
}

void
log_notice(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_NOTICE, format, arguments);
	va_end(arguments);
}

/* -- Requests -------------------------------------------------------------- */

static const struct text idempotency_words[IDEMPOTENCY_COUNT] = {
    [IDEMPOTENCY_NONE] = {"none", 4},
    [IDEMPOTENCY_UNUSED] = {"unused", 6},
    [IDEMPOTENCY_NEW] = {"new", 3},
    [IDEMPOTENCY_REPLAYED] = {"replayed", 8},
    [IDEMPOTENCY_CONFLICT] = {"conflict", 8},
    [IDEMPOTENCY_IN_USE] = {"in_use", 6},
    [IDEMPOTENCY_UNKNOWN] = {"unknown", 7},
};

static struct text
request_line(struct line *line, const struct request *request,
    const struct response *response, const struct log_durations *durations,
    bool slow)
{
	begin_line(line, request->now);
	put_member(line, TEXT("request"), request->id);
	put_member(line, TEXT("contract"), response->contract);
	put_word(line, TEXT("method"), request->method);
	put_member(line, TEXT("route"), response->route);
	put_number(line, TEXT("status"), response->status);
	put_member(line, TEXT("code"), response->error_code);
	put_member(line, TEXT("account"), response->account);
	put_member(line, TEXT("key"), response->key_prefix);
	put_member(line, TEXT("idempotency"),
	    idempotency_words[response->idempotency]);
	put_number(line, TEXT("queue_us"), durations->queue.us);
	put_number(line, TEXT("store_us"), durations->store.us);
	put_number(line, TEXT("total_us"), durations->total.us);
	if (slow)
		put_true(line, TEXT("slow"));
	assert(!line->buffer.overflow);
	return end_line(line);
}

bool
log_request(const struct request *request, const struct response *response,
    const struct log_durations *durations)
{
	const bool slow = process_log.slow_us > 0 &&
			  durations->total.us > process_log.slow_us;
	struct line line;
	struct text text;

	assert(durations->total.us >= 0);
	if (!process_log.access && !slow)
		return false;
	text = request_line(&line, request, response, durations, slow);
	if (slow && process_log.slow_apart)
		write_line(&process_log.slow, LOG_NOTICE, text);
	if (process_log.access || (slow && !process_log.slow_apart))
		write_line(&process_log.main, LOG_INFO, text);
	return slow;
}
