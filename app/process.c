#include "app/process.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "app/crash.h"
#include "app/slots.h"

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
