#include "app/process.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "app/confine.h"
#include "app/crash.h"
#include "app/metrics.h"
#include "app/slots.h"

struct process_metrics *
process_metrics(const struct process_context *context)
{
	const ptrdiff_t place = context->status - context->board->places;

	assert(place >= 0 && place < (ptrdiff_t)context->metrics->places);
	return &context->metrics->shared->processes[place];
}

void
process_show_start(struct process_status *status)
{
	process_show_begun(status, 0);
	process_show_requests(status, 0, (struct span){0});
	atomic_store_explicit(&status->connections, 0, memory_order_relaxed);
	atomic_store_explicit(&status->route, 0, memory_order_relaxed);
}

static void
tell(const struct process_context *context, enum process_service service)
{
	context->status->service = (uint32_t)service;
	process_ring(context->news);
}

void
process_serves(const struct process_context *context)
{
	if (!confine_process(context->settings, context->promises,
		&context->status->forbidden))
		_exit(1);
	CRASH_POINT(PROCESS_SERVES);
	tell(context, PROCESS_SERVES);
}

void
process_retires(const struct process_context *context)
{
	tell(context, PROCESS_RETIRES);
}

void
process_submit(const struct process_context *context, unsigned slot)
{
	int64_t idle = 0;

	if (slots_submit(context->slots, slot)) {
		/* Before the ring: idle again, the committer says so later. */
		(void)atomic_compare_exchange_strong(
		    &context->committer->busy_since_us, &idle,
		    clock_uptime().us);
		slots_ring(context->slots);
	}
	CRASH_POINT(OWNER_SUBMITTED);
}

void
process_ring(int bell)
{
	const uint64_t once = 1;
	ssize_t written = write(bell, &once, sizeof(once));

	/* EAGAIN: it has been rung 2^64 - 2 times, and is readable. */
	assert(written == sizeof(once) || errno == EAGAIN);
}

void
process_hear(int bell)
{
	uint64_t times;
	ssize_t count = read(bell, &times, sizeof(times));

	/* EAGAIN: nobody has rung. */
	assert(count == sizeof(times) || errno == EAGAIN);
	CRASH_POINT(OWNER_RUNG);
}

void
process_call_couriers(const struct process_context *context)
{
	struct process_status *courier = context->couriers;
	unsigned owner = context->courier_owner;

	for (unsigned i = 0; i < context->courier_count; i++)
		if (courier[i].pid != 0 &&
		    atomic_exchange(&courier[i].called, 1) == 0)
			process_ring(context->bells[owner + i]);
}
