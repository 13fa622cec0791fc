/*
 * The status for people: what `intentctl status` and `top` draw.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/status.h"

enum { CELL_BYTES = 32, LINE_BYTES = 512 };

typedef char cell[CELL_BYTES];

/* One drawing as it goes on. */
struct drawer {
	const struct status *status;
	const struct status_drawing *drawing;
	struct buffer *to;
};

#define COLOR_HEAD "\033[1m"
#define COLOR_NONE "\033[0m"

static const struct color {
	const char *state;
	const char *color;
} state_colors[] = {
    {"busy", "\033[32m"},
    {"leaving", "\033[33m"},
    {"stopped", "\033[31m"},
};

static const char *
color_of(const char *state)
{
	for (size_t i = 0; i < sizeof(state_colors) / sizeof(state_colors[0]);
	     i++)
		if (strcmp(state_colors[i].state, state) == 0)
			return state_colors[i].color;
	return "";
}

/* -- Values ---------------------------------------------------------------- */

/* `-` for what is not known, as everywhere below. */
static const char *
count_cell(int64_t count, cell to)
{
	if (count == STATUS_UNKNOWN)
		(void)snprintf(to, CELL_BYTES, "-");
	else
		(void)snprintf(to, CELL_BYTES, "%" PRId64, count);
	return to;
}

/* 812 B, 77 KiB, 1.5 GiB: the largest unit that it has one of. */
static const char *
bytes_cell(int64_t bytes, cell to)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	int64_t left = bytes, rest = 0;
	size_t unit = 0;

	if (bytes == STATUS_UNKNOWN)
		return count_cell(bytes, to);
	for (; left >= 1024 && unit < last; unit++) {
		rest = left % 1024;
		left /= 1024;
	}
	if (unit > 0 && left < 10)
		(void)snprintf(to, CELL_BYTES, "%" PRId64 ".%d %s", left,
		    (int)(rest * 10 / 1024), units[unit]);
	else
		(void)snprintf(
		    to, CELL_BYTES, "%" PRId64 " %s", left, units[unit]);
	return to;
}

/* 12 ms, 3.4 s, 5:06, 7:08:09, 10 d 11:12. */
static const char *
time_cell(int64_t ms, cell to)
{
	const int64_t minutes = ms / 60000;
	const int64_t hours = minutes / 60;

	if (ms == STATUS_UNKNOWN)
		return count_cell(ms, to);
	if (ms < 1000)
		(void)snprintf(to, CELL_BYTES, "%" PRId64 " ms", ms);
	else if (minutes == 0)
		(void)snprintf(to, CELL_BYTES, "%d.%d s", (int)(ms / 1000),
		    (int)(ms % 1000 / 100));
	else if (hours == 0)
		(void)snprintf(to, CELL_BYTES, "%" PRId64 ":%02d", minutes,
		    (int)(ms / 1000 % 60));
	else if (hours < 24)
		(void)snprintf(to, CELL_BYTES, "%" PRId64 ":%02d:%02d", hours,
		    (int)(minutes % 60), (int)(ms / 1000 % 60));
	else
		(void)snprintf(to, CELL_BYTES, "%" PRId64 " d %02d:%02d",
		    hours / 24, (int)(hours % 24), (int)(minutes % 60));
	return to;
}

/* How many a second between the two readings; "" where that is not known. */
static const char *
rate_cell(const struct drawer *drawer, int64_t before, int64_t now, cell to)
{
	const struct status *earlier = drawer->drawing->before;
	int64_t ms = 0;

	to[0] = '\0';
	if (earlier != NULL)
		ms = drawer->status->uptime_ms - earlier->uptime_ms;
	/* Another server's, or a counter that was begun anew, has no rate. */
	if (ms > 0 && before != STATUS_UNKNOWN && now >= before)
		(void)snprintf(to, CELL_BYTES, "%" PRId64 "/s",
		    ((now - before) * 1000 + ms / 2) / ms);
	return to;
}

/* The same behind a comma. */
static const char *
and_rate(const struct drawer *drawer, int64_t before, int64_t now, cell to)
{
	cell rate;

	to[0] = '\0';
	if (rate_cell(drawer, before, now, rate)[0] != '\0')
		(void)snprintf(to, CELL_BYTES, ", %.*s", CELL_BYTES - 3, rate);
	return to;
}

/* -- Lines ----------------------------------------------------------------- */

/* Takes the blanks off a line's end. */
static void
trim(char *line)
{
	size_t length = strlen(line);

	while (length > 0 && line[length - 1] == ' ')
		line[--length] = '\0';
}

/* A text, or as much of it as the columns that are left have room for. */
static void
put_cut(struct drawer *drawer, const char *text, unsigned column)
{
	const unsigned columns = drawer->drawing->columns;
	struct text cut = text_of(text);

	if (columns > 0 && column + cut.length > columns)
		cut.length = columns > column ? columns - column : 0;
	buffer_put_text(drawer->to, cut);
}

__attribute__((format(printf, 2, 3))) static void
put_line(struct drawer *drawer, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	put_cut(drawer, line, 0);
	buffer_put_byte(drawer->to, '\n');
}

static void
put_colored(
    struct drawer *drawer, const char *color, const char *text, unsigned column)
{
	const bool colors = drawer->drawing->colors && color[0] != '\0';

	if (colors)
		buffer_put_text(drawer->to, text_of(color));
	put_cut(drawer, text, column);
	if (colors)
		buffer_put_text(drawer->to, text_of(COLOR_NONE));
}

/* -- What all of it comes to ----------------------------------------------- */

struct totals {
	int64_t workers, busy, in_flight, connections, requests;
};

static struct totals
total(const struct status *status)
{
	struct totals totals = {0};

	for (unsigned i = 0; i < status->process_count; i++) {
		const struct status_process *process = &status->processes[i];

		if (strcmp(process->kind, "worker") != 0)
			continue;
		totals.workers++;
		totals.busy += strcmp(process->state, "busy") == 0;
		totals.in_flight += process->in_flight;
		totals.connections += process->connections;
		totals.requests += process->requests;
	}
	return totals;
}

static void
draw_head(struct drawer *drawer)
{
	const struct status *status = drawer->status;
	char line[LINE_BYTES];
	cell uptime;

	(void)snprintf(line, sizeof(line),
	    "intentd %s, pid %" PRId64 ", up %s%s", status->version,
	    status->supervisor_pid, time_cell(status->uptime_ms, uptime),
	    status->stopping != 0 ? ", about to end" : "");
	put_colored(drawer, COLOR_HEAD, line, 0);
	buffer_put_byte(drawer->to, '\n');
}

static void
draw_work(struct drawer *drawer)
{
	const struct status *status = drawer->status;
	const struct status *before = drawer->drawing->before;
	const struct totals totals = total(status);
	const int64_t earlier =
	    before == NULL ? STATUS_UNKNOWN : total(before).requests;
	cell rate, length, most, commands, batches;

	put_line(drawer,
	    "workers    %" PRId64 " of %" PRId64 " busy, %" PRId64
	    " requests in flight, %" PRId64 " connections%s",
	    totals.busy, totals.workers, totals.in_flight, totals.connections,
	    and_rate(drawer, earlier, totals.requests, rate));
	put_line(drawer, "queue      %s of %s connections wait for a worker",
	    count_cell(status->queue_length, length),
	    count_cell(status->queue_max, most));
	put_line(drawer,
	    "commands   %s of %s slots in use; %s so far, in %s commits",
	    count_cell(status->slots_in_use, length),
	    count_cell(status->slots, most),
	    count_cell(status->batch_commands, commands),
	    count_cell(status->batches, batches));
	put_line(drawer,
	    "processes  %" PRId64 " started, %" PRId64 " died, %" PRId64
	    " killed; settings read %" PRId64 " times",
	    status->starts, status->deaths, status->kills, status->generation);
}

static void
draw_store(struct drawer *drawer)
{
	const struct status *status = drawer->status;
	const struct status *before = drawer->drawing->before;
	cell used, map, most, last, rate;
	char oldest[LINE_BYTES / 2] = "";

	put_line(drawer, "store      %s used of %s, which may grow to %s",
	    bytes_cell(status->used_bytes, used),
	    bytes_cell(status->map_bytes, map),
	    bytes_cell(status->map_bytes_max, most));
	put_line(drawer, "commits    %s%s",
	    count_cell(status->last_transaction, last),
	    and_rate(drawer,
		before == NULL ? STATUS_UNKNOWN : before->last_transaction,
		status->last_transaction, rate));
	if (status->oldest_reader_pid != STATUS_UNKNOWN)
		(void)snprintf(oldest, sizeof(oldest),
		    "; the oldest, pid %" PRId64 ", is %" PRId64
		    " transactions behind",
		    status->oldest_reader_pid, status->oldest_reader_lag);
	put_line(drawer, "readers    %s of %s%s",
	    count_cell(status->readers, used),
	    count_cell(status->readers_max, most), oldest);
}

static void
draw_webhooks(struct drawer *drawer)
{
	const struct status *status = drawer->status;
	cell waiting, in_flight, oldest;

	put_line(drawer,
	    "webhooks   %s wait, the oldest due for %s; %s under way",
	    count_cell(status->webhooks_waiting, waiting),
	    time_cell(status->webhooks_oldest_ms, oldest),
	    count_cell(status->webhooks_in_flight, in_flight));
}

/* -- The processes --------------------------------------------------------- */

static const struct status_process *
earlier_of(const struct drawer *drawer, const struct status_process *process)
{
	const struct status *before = drawer->drawing->before;

	for (unsigned i = 0; before != NULL && i < before->process_count; i++)
		if (before->processes[i].pid == process->pid)
			return &before->processes[i];
	return NULL;
}

static void
draw_process(struct drawer *drawer, const struct status_process *process)
{
	const struct status_process *before = earlier_of(drawer, process);
	cell age, request, memory, rate, state;
	char line[LINE_BYTES];
	int used =
	    snprintf(line, sizeof(line), "%-10s %3" PRId64 " %8" PRId64 " ",
		process->kind, process->number, process->pid);
	int64_t current = process->request_ms;

	/* A step is longer than its request, where there is one at all. */
	if (current < process->busy_ms)
		current = process->busy_ms;
	put_cut(drawer, line, 0);
	(void)snprintf(state, sizeof(state), "%-8.8s", process->state);
	put_colored(drawer, color_of(process->state), state, (unsigned)used);
	(void)snprintf(line, sizeof(line),
	    " %9s %9" PRId64 " %7s %4" PRId64 " %4" PRId64 " %8s %9s  %s",
	    time_cell(process->age_ms, age), process->requests,
	    rate_cell(drawer,
		before == NULL ? STATUS_UNKNOWN : before->requests,
		process->requests, rate),
	    process->in_flight, process->connections,
	    time_cell(current, request),
	    bytes_cell(process->private_bytes, memory), process->route);
	trim(line);
	put_cut(drawer, line, (unsigned)used + 8);
	buffer_put_byte(drawer->to, '\n');
}

static void
draw_processes(struct drawer *drawer)
{
	const struct status *status = drawer->status;
	unsigned shown = status->process_count;

	if (drawer->drawing->lines > 0 && shown > drawer->drawing->lines)
		shown = drawer->drawing->lines;
	put_colored(drawer, COLOR_HEAD,
	    "KIND       NUM      PID STATE          AGE  REQUESTS    RATE"
	    "  FLY CONN  CURRENT    MEMORY  ROUTE",
	    0);
	buffer_put_byte(drawer->to, '\n');
	for (unsigned i = 0; i < shown; i++)
		draw_process(drawer, &status->processes[i]);
}

void
status_draw(const struct status *status, const struct status_drawing *drawing,
    struct buffer *buffer)
{
	struct drawer drawer = {status, drawing, buffer};

	draw_head(&drawer);
	draw_work(&drawer);
	draw_store(&drawer);
	draw_webhooks(&drawer);
	buffer_put_byte(buffer, '\n');
	draw_processes(&drawer);
}
