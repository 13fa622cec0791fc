#include "app/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
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

/*
 * ` name=word`.  What the client sent is cut, and characters that could end
 * the word or the line become '?'.
 */
static void
put_word(struct buffer *line, const char *name, struct text word)
{
	size_t i;
	char c;

	buffer_print(line, " %s=", name);
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
	buffer_print(&line, " request=%.*s contract=%.*s",
	    TEXT_PRINT(request->id), TEXT_PRINT(response->contract));
	put_word(&line, "method", request->method);
	buffer_print(&line, " route=%.*s status=%d code=%.*s key=%.*s",
	    TEXT_PRINT(response->route), response->status,
	    TEXT_PRINT(response->error_code), TEXT_PRINT(response->key_prefix));
	buffer_print(&line, " replayed=%s duration_us=%" PRId64 "\n",
	    response->replayed ? "true" : "false", duration.us);
	assert(!line.overflow);
	text = buffer_text(&line);
	write_line(text.bytes, text.length);
}
