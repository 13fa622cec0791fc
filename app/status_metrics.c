/*
 * The gauges: how the server is at this moment, in Prometheus's text format
 * (version 0.0.4).
 */
#include <inttypes.h>
#include <string.h>

#include "app/status.h"

/* What is no counter is a gauge; values that are not known are left out. */
static const struct gauge_row {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;
	int64_t divisor; /* seconds of milliseconds: 1000; else 1 */
} rows[] = {
#define ROW(name, type, field, divisor, help)                                \
	{                                                                    \
		"intentd_" name, type, help, offsetof(struct status, field), \
		    divisor                                                  \
	}
    ROW("uptime_seconds", "gauge", uptime_ms, 1000,
	"Since the server was started."),
    ROW("settings_generation", "gauge", generation, 1,
	"How often the settings were read."),
    ROW("stopping", "gauge", stopping, 1,
	"1 when the server was asked to end."),
    ROW("supervisor_last_step_seconds", "gauge", supervisor_ms, 1000,
	"Since the supervisor last looked at its processes."),
    ROW("process_starts_total", "counter", starts, 1,
	"Processes that were started."),
    ROW("process_deaths_total", "counter", deaths, 1,
	"Processes that ended otherwise than asked to."),
    ROW("process_kills_total", "counter", kills, 1,
	"Processes that hung and were killed."),
    ROW("process_forbidden_calls_total", "counter", forbidden, 1,
	"Processes that were killed for a system call that is not theirs."),
    ROW("accept_queue_connections", "gauge", queue_length, 1,
	"Connections that wait for a worker to accept them."),
    ROW("accept_queue_connections_max", "gauge", queue_max, 1,
	"Connections that can wait."),
    ROW("command_slots_in_use", "gauge", slots_in_use, 1,
	"Commands on their way through the committer."),
    ROW("command_slots", "gauge", slots, 1,
	"Commands that can be on their way."),
    ROW("webhook_deliveries_waiting", "gauge", webhooks_waiting, 1,
	"Deliveries to webhook endpoints that are not at their end."),
    ROW("webhook_oldest_due_seconds", "gauge", webhooks_oldest_ms, 1000,
	"For how long the oldest delivery that is due has been due; 0: none "
	"is."),
    ROW("webhook_attempts_in_flight", "gauge", webhooks_in_flight, 1,
	"Attempts to deliver that are under way."),
    ROW("store_file_bytes", "gauge", file_bytes, 1,
	"Length of the store's file, holes included."),
    ROW("store_map_bytes", "gauge", map_bytes, 1,
	"What the store has room for without growing."),
    ROW("store_map_bytes_max", "gauge", map_bytes_max, 1,
	"What the store may grow to."),
    ROW("store_used_bytes", "gauge", used_bytes, 1,
	"What of the store's map is used."),
    ROW("store_readers", "gauge", readers, 1,
	"Places in the store's table of readers that are taken."),
    ROW("store_readers_max", "gauge", readers_max, 1,
	"Places in the store's table of readers."),
    ROW("store_oldest_reader_lag_transactions", "gauge", oldest_reader_lag, 1,
	"Transactions since the one that the oldest reader sees."),
    ROW("store_transactions_total", "counter", last_transaction, 1,
	"Transactions that were committed since the store was made."),
#undef ROW
};

static void
put_head(
    struct buffer *buffer, const char *name, const char *type, const char *help)
{
	buffer_print(
	    buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_row(struct buffer *buffer, const struct gauge_row *row, int64_t value)
{
	put_head(buffer, row->name, row->type, row->help);
	if (row->divisor == 1)
		buffer_print(buffer, "%s %" PRId64 "\n", row->name, value);
	else
		buffer_print(buffer, "%s %" PRId64 ".%03" PRId64 "\n",
		    row->name, value / row->divisor, value % row->divisor);
}

static bool
is_alike(const struct status_process *a, const struct status_process *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->state, b->state) == 0;
}

/* Those of the process's kind and state; 0: an earlier one has said so. */
static unsigned
count_alike(const struct status *status, unsigned first)
{
	const struct status_process *all = status->processes;
	unsigned count = 0;

	for (unsigned i = 0; i < status->process_count; i++)
		if (is_alike(&all[i], &all[first])) {
			if (i < first)
				return 0;
			count++;
		}
	return count;
}

static void
put_processes(struct buffer *buffer, const struct status *status)
{
	put_head(buffer, "intentd_processes", "gauge",
	    "Processes, by what they are and do.");
	for (unsigned i = 0; i < status->process_count; i++) {
		unsigned count = count_alike(status, i);

		if (count > 0)
			buffer_print(buffer,
			    "intentd_processes{kind=\"%s\",state=\"%s\"} %u\n",
			    status->processes[i].kind,
			    status->processes[i].state, count);
	}
}

/* One member of the processes, of each that has it. */
static void
put_of_processes(struct buffer *buffer, const struct status *status,
    const char *name, const char *help, size_t offset)
{
	const struct status_process *process = status->processes;
	unsigned left = status->process_count;

	put_head(buffer, name, "gauge", help);
	for (; left > 0; left--, process++) {
		const void *value = (const char *)process + offset;

		if (*(const int64_t *)value != STATUS_UNKNOWN)
			buffer_print(buffer,
			    "%s{kind=\"%s\",number=\"%" PRId64 "\"} %" PRId64
			    "\n",
			    name, process->kind, process->number,
			    *(const int64_t *)value);
	}
}

void
status_write_gauges(const struct status *status, struct buffer *buffer)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const void *value = (const char *)status + rows[i].offset;

		if (*(const int64_t *)value != STATUS_UNKNOWN)
			put_row(buffer, &rows[i], *(const int64_t *)value);
	}
	put_processes(buffer, status);
	put_of_processes(buffer, status, "intentd_process_resident_bytes",
	    "Memory of a process, the store's pages included.",
	    offsetof(struct status_process, resident_bytes));
	put_of_processes(buffer, status, "intentd_process_private_bytes",
	    "Memory of a process that it shares with nobody.",
	    offsetof(struct status_process, private_bytes));
	put_of_processes(buffer, status, "intentd_process_connections",
	    "Open connections of the web server.",
	    offsetof(struct status_process, connections));
	put_of_processes(buffer, status, "intentd_process_requests_in_flight",
	    "Requests that wait for their answer.",
	    offsetof(struct status_process, in_flight));
}
