/*
 * State machines as tables: a row says from which states, on which action
 * and under which guard an object goes where.  The first row that matches
 * decides.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "core/command.h"
#include "core/error.h"
#include "core/names.h"

struct transition {
	uint32_t from; /* set of states: 1 << enum state */
	enum command_kind action;
	uint8_t guard; /* numbers of the machine's own; 0: always */
	enum state to; /* STATE_NONE: as it was */
	enum error_id refusal;
	uint8_t effect; /* numbers of the machine's own; 0: none */
	enum event_type events[DECISION_EVENTS_MAX]; /* EVENT_NONE ends */
};

/* Words for the rows of tables, as intent.c and coin_intent.c have them. */
#define IN(state) (1u << STATE_##state)
#define IN_NONE (1u << STATE_NONE)
#define TO(state) .to = STATE_##state
#define REFUSE(error) .refusal = ERROR_##error
#define EFFECT(name) .effect = EFFECT_##name
#define EVENTS(...) .events = {__VA_ARGS__}

struct machine {
	const struct transition *rows; /* static, as all here */
	unsigned row_count;
	const struct text *guards; /* their words; "" for always */
	struct text (*action)(enum command_kind action); /* its word */
	/* Whether a guard lets a question of this machine through. */
	bool (*holds)(unsigned guard, const void *question);
};

/* The row that decides; a table has one for each action in each state. */
const struct transition *machine_find(const struct machine *machine,
    enum state before, enum command_kind action, const void *question);

/* The events of a row; returns how many. */
unsigned transition_events(
    const struct transition *row, enum event_type to[DECISION_EVENTS_MAX]);

/*
 * Visits each row of the table in words, for diagrams and golden files:
 * `from` and `to` are states (STATE_NONE: before, or unchanged).
 */
struct transition_words {
	enum state from;
	enum state to;
	struct text action;
	struct text guard;
	enum error_id refusal;
	const enum event_type *events; /* static */
	unsigned event_count;
};
void machine_visit(const struct machine *machine,
    void (*visit)(const struct transition_words *row, void *context),
    void *context);

#endif
