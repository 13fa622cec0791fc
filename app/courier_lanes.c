#include <assert.h>
#include <stdlib.h>

#include "app/courier_work.h"
#include "app/slots.h"

enum {
	/* Commands that are run before attempts are looked at again. */
	RUN_AT_ONCE = 8,
};

/* As a dead predecessor has left them: free but for what is being run. */
bool
lanes_open(struct courier *courier)
{
	const struct process_context *context = courier->context;
	struct slots *slots = context->slots;
	struct lane *lane;

	courier->lane_count = context->committer != NULL ? slots->each : 0;
	courier->lanes = calloc(slots->each, sizeof(*courier->lanes));
	courier->command = malloc(sizeof(*courier->command));
	courier->outcome = malloc(sizeof(*courier->outcome));
	if (courier->lanes == NULL || courier->command == NULL ||
	    courier->outcome == NULL)
		return false;
	for (unsigned i = 0; i < courier->lane_count; i++) {
		lane = &courier->lanes[i];
		lane->slot = context->owner * slots->each + i;
		lane->busy = !slots_reclaim(slots, lane->slot);
	}
	return true;
}

void
lanes_close(struct courier *courier)
{
	free(courier->lanes);
	free(courier->command);
	free(courier->outcome);
}

bool
lanes_are_inherited(const struct courier *courier)
{
	for (unsigned i = 0; i < courier->lane_count; i++)
		if (courier->lanes[i].busy && courier->lanes[i].flight == NULL)
			return true;
	return false;
}

void
lane_queue(struct courier *courier, struct flight *flight)
{
	TAILQ_INSERT_TAIL(&courier->queued, flight, place);
}

static struct flight *
take_queued(struct courier *courier)
{
	struct flight *flight = TAILQ_FIRST(&courier->queued);

	if (flight != NULL)
		TAILQ_REMOVE(&courier->queued, flight, place);
	return flight;
}

static void
fill(struct courier *courier, struct lane *lane)
{
	const struct process_context *context = courier->context;
	struct flight *flight = take_queued(courier);

	if (flight == NULL)
		return;
	lane->busy = true;
	lane->flight = flight;
	flight_write_command(courier, flight, courier->command);
	slots_write(context->slots, lane->slot, courier->command);
	process_submit(context, lane->slot);
}

/*
 * Each is a commit of its own, and attempts under way are not to wait for all
 * of them.
 */
static void
run_some(struct courier *courier)
{
	struct flight *flight;

	for (unsigned i = 0; i < RUN_AT_ONCE; i++) {
		flight = take_queued(courier);
		if (flight == NULL)
			return;
		process_busy(courier->context->status);
		flight_write_command(courier, flight, courier->command);
		engine_apply(courier->service.engine, courier->command,
		    courier->outcome);
		if (courier->outcome->delivers)
			process_call_couriers(courier->context);
		flight_answered(courier, flight, courier->outcome);
	}
}

void
lanes_fill(struct courier *courier)
{
	if (courier->context->committer == NULL) {
		run_some(courier);
		return;
	}
	for (unsigned i = 0; i < courier->lane_count; i++)
		if (!courier->lanes[i].busy)
			fill(courier, &courier->lanes[i]);
}

static void
empty(struct courier *courier, struct lane *lane)
{
	struct slots *slots = courier->context->slots;
	struct flight *flight = lane->flight;

	if (flight != NULL) {
		slots_read(slots, lane->slot, courier->outcome);
		flight_answered(courier, flight, courier->outcome);
	}
	slots_free(slots, lane->slot);
	lane->flight = NULL;
	lane->busy = false;
}

void
lanes_hear(struct courier *courier)
{
	struct slots *slots = courier->context->slots;
	struct lane *lane = courier->lanes;

	for (unsigned i = 0; i < courier->lane_count; i++, lane++) {
		if (!lane->busy)
			continue;
		switch (slots_state(slots, lane->slot)) {
		case SLOT_DONE:
		case SLOT_DAMAGED:
			empty(courier, lane);
			break;
		case SLOT_READY:
			/* A new committer has put a predecessor's back. */
			lane->busy = lane->flight != NULL ||
				     !slots_withdraw(slots, lane->slot);
			break;
		case SLOT_FREE:
		case SLOT_TAKEN:
			break;
		}
	}
}
