#include "app/status.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "api/contract.h"
#include "app/clock.h"
#include "app/metrics.h"
#include "app/slots.h"
#include "app/status_host.h"
#include "app/supervisor.h"
#include "app/version.h"

/* Milliseconds since a moment of clock_uptime(); unknown for none. */
static int64_t
since(int64_t us, struct span now)
{
	if (us <= 0)
		return STATUS_UNKNOWN;
	/* It may have come after `now` was read. */
	return us < now.us ? (now.us - us) / 1000 : 0;
}

static const char *
state_of(const struct process_status *place, const struct host_process *host)
{
	if (host->stopped)
		return "stopped";
	if (place->state == PROCESS_LEAVES)
		return "leaving";
	if (place->service == PROCESS_OPENS)
		return "starting";
	return place->busy_since_us != 0 || place->in_flight > 0 ? "busy"
								 : "idle";
}

/* What the number that a process shows stands for. */
static struct text
route_of(const struct process_status *place)
{
	const struct route *route = NULL;
	const uint32_t shown = place->route;

	if (shown == 0 || shown > route_numbers())
		return TEXT_NONE;
	(void)route_numbered(shown - 1, &route);
	return route != NULL ? route->pattern : TEXT_NONE;
}

static void
gather_process(const struct process_status *place, pid_t pid, struct span now,
    struct status_process *process)
{
	struct host_process host = {
	    .resident_bytes = STATUS_UNKNOWN, .private_bytes = STATUS_UNKNOWN};

	/* It may just have ended. */
	(void)host_process(pid, &host);
	*process = (struct status_process){
	    .number = place->number,
	    .pid = pid,
	    .generation = place->generation,
	    .age_ms = since(place->started_us, now),
	    .busy_ms = since(place->busy_since_us, now),
	    .requests = (int64_t)place->requests,
	    .in_flight = place->in_flight,
	    .connections = place->connections,
	    .request_ms = since(place->request_since_us, now),
	    .resident_bytes = host.resident_bytes,
	    .private_bytes = host.private_bytes,
	};
	(void)text_copy(text_of(process_kind_name(place->kind)), process->kind,
	    sizeof(process->kind));
	(void)text_copy(text_of(state_of(place, &host)), process->state,
	    sizeof(process->state));
	(void)text_copy(route_of(place), process->route, STATUS_ROUTE_BYTES);
}

static void
gather_processes(const struct process_context *context, struct span now,
    struct status *status)
{
	const struct process_status *place = context->board->places;

	for (unsigned i = 0; i < context->place_count; i++, place++) {
		const pid_t pid = place->pid;

		if (pid == 0 || status->process_count == STATUS_PROCESSES_MAX)
			continue;
		gather_process(place, pid, now,
		    &status->processes[status->process_count++]);
	}
}

static void
gather_store(struct store *store, struct status *status)
{
	struct store_stats stats;

	if (store == NULL || store_stats(store, &stats) != STORE_OK)
		return;
	status->map_bytes = (int64_t)stats.map_bytes;
	status->map_bytes_max = (int64_t)stats.map_bytes_max;
	status->used_bytes = (int64_t)stats.used_bytes;
	status->file_bytes = (int64_t)stats.file_bytes;
	status->page_bytes = (int64_t)stats.page_bytes;
	status->pages = status->used_bytes / status->page_bytes;
	status->readers = stats.readers;
	status->readers_max = stats.readers_max;
	status->last_transaction = (int64_t)stats.last_transaction;
	if (stats.oldest_reader_pid == 0)
		return;
	status->oldest_reader_pid = stats.oldest_reader_pid;
	status->oldest_reader_lag = (int64_t)stats.oldest_reader_lag;
}

static void
gather_slots(const struct slots *slots, struct status *status)
{
	const unsigned count = slots_count(slots);

	status->slots = count;
	status->slots_in_use = 0;
	for (unsigned i = 0; i < count; i++)
		status->slots_in_use += slots_state(slots, i) != SLOT_FREE;
}

static void
gather_batches(const struct metrics *metrics, struct status *status)
{
	status->batches =
	    (int64_t)metrics_counted(metrics, METRIC_BATCHES_COMMITTED);
	status->batches_failed =
	    (int64_t)metrics_counted(metrics, METRIC_BATCHES_FAILED);
	status->batch_commands =
	    (int64_t)metrics_sum(metrics, DISTRIBUTION_COMMANDS);
	status->commit_us = (int64_t)metrics_sum(metrics, DISTRIBUTION_FLUSH);
}

/* What couriers have seen of the queue, and what they have under way. */
static void
gather_webhooks(const struct process_context *context, struct status *status)
{
	const struct board *board = context->board;
	const int64_t oldest_us = board->webhooks_oldest_us;
	int64_t late_us = clock_now().us - oldest_us;
	int64_t in_flight = 0;
	bool any = false;

	for (unsigned i = 0; i < context->courier_count; i++) {
		const struct process_status *courier = &context->couriers[i];

		any |= courier->pid != 0 && courier->service == PROCESS_SERVES;
		in_flight += courier->in_flight;
	}
	if (!any)
		return;
	if (oldest_us == 0 || late_us < 0)
		late_us = 0;
	status->webhooks_waiting = (int64_t)board->webhooks_waiting;
	status->webhooks_oldest_ms = late_us / 1000;
	status->webhooks_in_flight = in_flight;
}

void
status_gather(const struct process_context *context, struct store *store,
    struct status *status)
{
	const struct board *board = context->board;
	const struct span now = clock_uptime();

	status_init(status);
	(void)text_copy(
	    TEXT(VERSION), status->version, sizeof(status->version));
	status->now = instant_seconds(clock_now());
	status->uptime_ms = since(board->started_us, now);
	status->generation = board->generation;
	status->stopping = board->stopping != 0;
	status->supervisor_pid = getppid();
	status->supervisor_ms = since(board->alive_us, now);
	(void)host_queue(
	    context->listener, &status->queue_length, &status->queue_max);
	gather_store(store, status);
	gather_slots(context->slots, status);
	gather_batches(context->metrics, status);
	gather_webhooks(context, status);
	status->starts = (int64_t)board->starts;
	status->deaths = (int64_t)board->deaths;
	status->kills = (int64_t)board->kills;
	status->forbidden = (int64_t)board->forbidden;
	gather_processes(context, now, status);
}
