#include "app/lines.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

/* A line of BODY_BYTES_MAX with `\r\n`: beyond that it is too long. */
enum { LINE_BYTES_MAX = BODY_BYTES_MAX + 2 };
_Static_assert((int)LINE_BYTES_MAX <= (int)LINES_BUFFER_BYTES,
    "the longest line has room");

void
lines_init(struct lines *lines, int descriptor)
{
	lines->descriptor = descriptor;
	lines->number = 0;
	lines->bytes = 0;
	lines->ended = false;
	lines->first = 0;
	lines->last = 0;
}

/* False where it failed; at the end `ended` is set. */
static bool
fill(struct lines *lines)
{
	size_t kept = lines->last - lines->first;
	ssize_t count;

	memmove(lines->buffer, lines->buffer + lines->first, kept);
	lines->first = 0;
	lines->last = kept;
	assert(kept < LINES_BUFFER_BYTES);
	count = read(
	    lines->descriptor, lines->buffer + kept, LINES_BUFFER_BYTES - kept);
	if (count < 0)
		return false;
	lines->ended = count == 0;
	lines->last += (size_t)count;
	return true;
}

static void
take(struct lines *lines, size_t length)
{
	lines->first += length;
	lines->bytes += length;
}

/* To the end of a line of which LINE_BYTES_MAX bytes have no end in them. */
static enum lines_result
pass_over(struct lines *lines)
{
	const char *end = NULL;

	while (end == NULL) {
		const char *begin = lines->buffer + lines->first;
		size_t length = lines->last - lines->first;

		end = memchr(begin, '\n', length);
		take(lines, end == NULL ? length : (size_t)(end - begin) + 1);
		if (end != NULL || lines->ended)
			break;
		if (!fill(lines))
			return LINES_FAILED;
	}
	lines->number++;
	return LINES_TOO_LONG;
}

/* Gives the first `length` bytes, of which `end` are the line's end. */
static enum lines_result
give(struct lines *lines, size_t length, size_t end, struct text *line)
{
	*line = (struct text){lines->buffer + lines->first, length - end};
	take(lines, length);
	lines->number++;
	if (line->length > 0 && line->bytes[line->length - 1] == '\r')
		line->length--;
	return line->length > BODY_BYTES_MAX ? LINES_TOO_LONG : LINES_LINE;
}

enum lines_result
lines_next(struct lines *lines, struct text *line)
{
	size_t looked = 0;

	for (;;) {
		const char *begin = lines->buffer + lines->first;
		size_t length = lines->last - lines->first;
		const char *end = memchr(begin + looked, '\n', length - looked);

		if (end != NULL)
			return give(lines, (size_t)(end - begin) + 1, 1, line);
		if (length >= LINE_BYTES_MAX)
			return pass_over(lines);
		if (lines->ended)
			return length == 0 ? LINES_END
					   : give(lines, length, 0, line);
		looked = length;
		if (!fill(lines))
			return LINES_FAILED;
	}
}
