#include "app/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"

enum {
	/* PIPE_BUF: up to here a write to a pipe is never mixed or cut. */
	LINE_BYTES_MAX = 4096,
	/* Of a member that the client chose; the longest method has 17. */
	WORD_BYTES_MAX = 32,
};

/* Writes a line; a log that cannot be written stops no payment. */
static void
write_line(const char *line, size_t length)
{
	ssize_t written;

	do
		written = write(STDERR_FILENO, line, length);
	while (written < 0 && errno == EINTR);
}

void
log_message(const char *format, ...)
{
	char line[LINE_BYTES_MAX] = "intentd: ";
	const size_t prefix = sizeof("intentd: ") - 1;
	const size_t room = sizeof(line) - prefix - 1;
	va_list arguments;
	size_t length;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(line + prefix, room, format, arguments);
	va_end(arguments);
	assert(wanted >= 0);
	length = (size_t)wanted < room ? (size_t)wanted : room - 1;
	line[prefix + length] = '\n';
	write_line(line, prefix + length + 1);
}

/* Without printf: it is a tenth of what a request costs. */
static void
put_name(struct buffer *line, struct text name)
{
	buffer_put_byte(line, ' ');
	buffer_put_text(line, name);
	buffer_put_byte(line, '=');
}

static void
put_member(struct buffer *line, struct text name, struct text value)
{
	put_name(line, name);
	buffer_put_text(line, value);
}

static void
put_number(struct buffer *line, struct text name, int64_t value)
{
	put_name(line, name);
	buffer_put_integer(line, value);
}

/*
 * ` name=word`.  What the client sent is cut, and characters that could end
 * the word or the line become '?'.
 */
static void
put_word(struct buffer *line, struct text name, struct text word)
{
	size_t i;
	char c;

	put_name(line, name);
	for (i = 0; i < word.length && i < WORD_BYTES_MAX; i++) {
		c = word.bytes[i];
		if (c <= ' ' || c > '~' || c == '"' || c == '=')
			c = '?';
		buffer_put_byte(line, (uint8_t)c);
	}
}

static void
put_time(struct buffer *line, struct instant now)
{
	char iso[TIME_ISO_BYTES];

	instant_to_iso(now, iso);
	buffer_print(line, "time=%.*s.%03dZ",
	    (int)sizeof("2026-01-02T03:04:05") - 1, iso,
	    (int)(now.us / 1000 % 1000));
}

void
log_request(const struct request *request, const struct response *response,
    struct span duration)
{
	char bytes[LINE_BYTES_MAX];
	struct buffer line;
	struct text text;

	assert(duration.us >= 0);
	buffer_init(&line, bytes, sizeof(bytes));
	put_time(&line, request->now);
	put_member(&line, TEXT("request"), request->id);
	put_member(&line, TEXT("contract"), response->contract);
	put_word(&line, TEXT("method"), request->method);
	put_member(&line, TEXT("route"), response->route);
	put_number(&line, TEXT("status"), response->status);
	put_member(&line, TEXT("code"), response->error_code);
	put_member(&line, TEXT("key"), response->key_prefix);
	put_member(&line, TEXT("replayed"),
	    response->replayed ? TEXT("true") : TEXT("false"));
	put_number(&line, TEXT("duration_us"), duration.us);
	buffer_put_byte(&line, '\n');
	assert(!line.overflow);
	text = buffer_text(&line);
	write_line(text.bytes, text.length);
}
