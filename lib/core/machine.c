#include "core/machine.h"

#include <assert.h>
#include <stddef.h>

const struct transition *
machine_find(const struct machine *machine, enum state before,
    enum command_kind action, const void *question)
{
	uint32_t from = 1u << before;

	for (unsigned i = 0; i < machine->row_count; i++) {
		const struct transition *row = &machine->rows[i];

		if ((row->from & from) != 0 && row->action == action &&
		    machine->holds(row->guard, question))
			return row;
	}
	assert(false && "a row for every action in every state");
	return NULL;
}

static unsigned
count_events(const struct transition *row)
{
	unsigned count = 0;

	while (count < DECISION_EVENTS_MAX && row->events[count] != EVENT_NONE)
		count++;
	return count;
}

unsigned
transition_events(
    const struct transition *row, enum event_type to[DECISION_EVENTS_MAX])
{
	unsigned count = count_events(row);

	for (unsigned i = 0; i < count; i++)
		to[i] = row->events[i];
	return count;
}

void
machine_visit(const struct machine *machine,
    void (*visit)(const struct transition_words *row, void *context),
    void *context)
{
	for (unsigned i = 0; i < machine->row_count; i++) {
		const struct transition *row = &machine->rows[i];
		struct transition_words words = {
		    .to = row->to,
		    .action = machine->action(row->action),
		    .guard = machine->guards[row->guard],
		    .refusal = row->refusal,
		    .events = row->events,
		    .event_count = count_events(row),
		};

		for (unsigned state = 0; state < STATE_COUNT; state++) {
			words.from = (enum state)state;
			if ((row->from & (1u << state)) != 0)
				visit(&words, context);
		}
	}
}
