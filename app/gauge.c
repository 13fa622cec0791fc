#include "app/gauge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/clock.h"

enum {
	COLUMNS_DEFAULT = 80,
	/* A narrower bar tells less than its percent. */
	BAR_COLUMNS_MIN = 10,
	REDRAW_US = 100 * 1000,
	PART_BYTES = 40,
	PARTS_MAX = 4,
	/* Beyond that a time left is no estimate. */
	HOURS_MAX = 1000,
};

typedef char gauge_part[PART_BYTES];

static unsigned
percent_of(const struct gauge_state *state)
{
	/* Of a file that is still written there may be more than was seen. */
	if (state->bytes >= state->bytes_total)
		return 100;
	return (unsigned)(state->bytes * 100 / state->bytes_total);
}

/* How many a second; 0 also where it cannot be told yet. */
static uint64_t
rate_of(const struct gauge_state *state, uint64_t count)
{
	uint64_t ms = (uint64_t)state->elapsed.us / 1000;

	return ms == 0 ? 0 : count * 1000 / ms;
}

static void
print_percent(const struct gauge_state *state, gauge_part to)
{
	if (state->bytes_total > 0)
		snprintf(to, PART_BYTES, "%3u%%", percent_of(state));
}

static void
print_lines(const struct gauge_state *state, gauge_part to)
{
	snprintf(to, PART_BYTES, "%" PRIu64 " lines", state->lines);
}

static void
print_rate(const struct gauge_state *state, gauge_part to)
{
	uint64_t rate = rate_of(state, state->lines);

	if (rate > 0)
		snprintf(to, PART_BYTES, "%" PRIu64 "/s", rate);
}

static void
print_left(const struct gauge_state *state, gauge_part to)
{
	uint64_t rate = rate_of(state, state->bytes);
	uint64_t seconds;
	unsigned minutes;

	if (rate == 0 || state->bytes >= state->bytes_total)
		return;
	seconds = (state->bytes_total - state->bytes) / rate;
	minutes = (unsigned)(seconds / 60 % 60);
	if (seconds >= HOURS_MAX * UINT64_C(3600))
		return;
	if (seconds >= 3600)
		snprintf(to, PART_BYTES, "%" PRIu64 ":%02u:%02u left",
		    seconds / 3600, minutes, (unsigned)(seconds % 60));
	else
		snprintf(to, PART_BYTES, "%u:%02u left", minutes,
		    (unsigned)(seconds % 60));
}

/* By what is missed least when there is no room for it. */
static void (*const printers[PARTS_MAX])(
    const struct gauge_state *, gauge_part) = {
    print_percent,
    print_lines,
    print_rate,
    print_left,
};

static void
print_bar(
    const struct gauge_state *state, size_t columns, struct buffer *buffer)
{
	size_t inside = columns - 2;
	size_t done = inside * percent_of(state) / 100;

	buffer_put_byte(buffer, '[');
	for (size_t i = 0; i < inside; i++)
		buffer_put_byte(buffer, i < done ? '#' : '.');
	buffer_put_byte(buffer, ']');
}

void
gauge_print(
    const struct gauge_state *state, unsigned columns, struct buffer *buffer)
{
	size_t room = columns == 0 ? 0 : columns - 1;
	char bytes[PARTS_MAX * (PART_BYTES + 2)];
	struct buffer parts;

	if (room >= GAUGE_COLUMNS_MAX)
		room = GAUGE_COLUMNS_MAX - 1;
	buffer_init(&parts, bytes, sizeof(bytes));
	for (size_t i = 0; i < PARTS_MAX; i++) {
		const char *between = parts.length > 0 ? "  " : "";
		gauge_part text = "";

		printers[i](state, text);
		if (text[0] == '\0')
			continue;
		if (parts.length + strlen(between) + strlen(text) > room)
			break;
		buffer_print(&parts, "%s%s", between, text);
	}
	if (state->bytes_total > 0 &&
	    parts.length + 2 + BAR_COLUMNS_MIN <= room) {
		print_bar(state, room - parts.length - 2, buffer);
		buffer_print(buffer, "  ");
	}
	buffer_put_text(buffer, buffer_text(&parts));
}

void
gauge_init(struct gauge *gauge, uint64_t bytes_total)
{
	*gauge = (struct gauge){
	    .shown = isatty(STDERR_FILENO) == 1,
	    .begun = clock_uptime(),
	    .bytes_total = bytes_total,
	};
}

void
gauge_begin(struct gauge *gauge, uint64_t bytes)
{
	gauge->begun = clock_uptime();
	gauge->bytes_begun = bytes;
}

static unsigned
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

/* Over what stood there, whose rest is overwritten by spaces. */
static void
draw(struct gauge *gauge, const struct gauge_state *state)
{
	unsigned columns = terminal_columns();
	char bytes[2 * GAUGE_COLUMNS_MAX];
	struct buffer line;
	size_t width;

	buffer_init(&line, bytes, sizeof(bytes));
	buffer_put_byte(&line, '\r');
	if (state != NULL)
		gauge_print(state, columns, &line);
	width = line.length - 1;
	while (line.length - 1 < gauge->width && line.length < columns)
		buffer_put_byte(&line, ' ');
	if (state == NULL)
		buffer_put_byte(&line, '\r');
	gauge->width = width;
	fprintf(stderr, "%.*s", TEXT_PRINT(buffer_text(&line)));
}

static void
draw_now(struct gauge *gauge, uint64_t bytes, struct span now)
{
	struct gauge_state state = {
	    .bytes = bytes - gauge->bytes_begun,
	    .lines = gauge->lines,
	    .elapsed = {now.us - gauge->begun.us},
	};

	if (gauge->bytes_total > gauge->bytes_begun)
		state.bytes_total = gauge->bytes_total - gauge->bytes_begun;
	gauge->drawn = now;
	draw(gauge, &state);
}

void
gauge_show(struct gauge *gauge, uint64_t bytes, uint64_t lines)
{
	struct span now;

	if (!gauge->shown)
		return;
	gauge->lines = lines;
	now = clock_uptime();
	if (now.us - gauge->drawn.us >= REDRAW_US)
		draw_now(gauge, bytes, now);
}

void
gauge_clear(struct gauge *gauge)
{
	if (gauge->shown && gauge->width > 0)
		draw(gauge, NULL);
}

void
gauge_end(struct gauge *gauge, uint64_t bytes, uint64_t lines)
{
	if (!gauge->shown)
		return;
	gauge->lines = lines;
	draw_now(gauge, bytes, clock_uptime());
	fputc('\n', stderr);
	gauge->width = 0;
}
