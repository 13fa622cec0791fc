#include "app/probe.h"

#include <assert.h>
#include <stdlib.h>

#include "app/slots.h"
#include "engine/engine.h"

bool
probe_open(struct probe *probe, const struct process_context *context,
    struct engine *engine)
{
	*probe = (struct probe){.context = context, .engine = engine};
	probe->outcome = malloc(sizeof(*probe->outcome));
	return probe->outcome != NULL;
}

void
probe_close(struct probe *probe)
{
	free(probe->outcome);
	probe->outcome = NULL;
}

/* The first of this process's slots, the one that is used. */
static unsigned
slot_of(const struct probe *probe)
{
	return probe->context->owner * probe->context->slots->each;
}

static enum probe_result
end(struct probe *probe, bool written)
{
	probe->result = written ? PROBE_WRITTEN : PROBE_FAILED;
	probe->ended = clock_uptime();
	return probe->result;
}

/*
 * Empties the slot: what is done, and what this or a predecessor gave up.
 * False: the committer is running it.
 */
static bool
is_free(const struct probe *probe)
{
	return slots_reclaim(probe->context->slots, slot_of(probe));
}

static enum probe_result
run_here(struct probe *probe)
{
	static struct command command;

	engine_probe(clock_now(), &command);
	engine_apply(probe->engine, &command, probe->outcome);
	return end(probe, probe->outcome->error.id == ERROR_NONE);
}

static void
submit(struct probe *probe)
{
	static struct command command;
	const struct process_context *context = probe->context;

	engine_probe(clock_now(), &command);
	slots_write(context->slots, slot_of(probe), &command);
	process_submit(context, slot_of(probe));
}

enum probe_result
probe_ask(struct probe *probe)
{
	const struct span now = clock_uptime();

	if (probe->begun.us != 0 && probe->ended.us == 0)
		return probe_look(probe);
	if (probe->ended.us != 0 &&
	    now.us < probe->ended.us + span_from_ms(PROBE_KEPT_MS).us)
		return probe->result;
	probe->begun = now;
	probe->ended = span_from_ms(0);
	if (probe->engine != NULL)
		return run_here(probe);
	/* An earlier one is still being run, long after its time. */
	if (!is_free(probe))
		return end(probe, false);
	submit(probe);
	return probe_look(probe);
}

enum probe_result
probe_look(struct probe *probe)
{
	struct slots *slots = probe->context->slots;
	const unsigned slot = slot_of(probe);
	bool written;

	if (probe->begun.us == 0 || probe->ended.us != 0)
		return probe->result;
	if (slots_state(slots, slot) >= SLOT_DONE) {
		slots_read(slots, slot, probe->outcome);
		written = probe->outcome->error.id == ERROR_NONE;
		slots_free(slots, slot);
		return end(probe, written);
	}
	if (clock_uptime().us < probe_until(probe).us)
		return PROBE_PENDING;
	/* Withdrawn it has no effect; else it ends some time, unheard. */
	(void)is_free(probe);
	return end(probe, false);
}

struct span
probe_until(const struct probe *probe)
{
	if (probe->begun.us == 0 || probe->ended.us != 0)
		return (struct span){0};
	return (struct span){probe->begun.us + span_from_ms(PROBE_WAIT_MS).us};
}
