/*
 * Every question that the state machine can be asked: each status with each
 * charge that it can have, each action, and each scenario of the action.
 */
#ifndef UNIT_INTENT_MATRIX_H
#define UNIT_INTENT_MATRIX_H

#include "core/intent.h"

/* One question and its decision; borrowed for the visit. */
struct matrix_case {
	enum state state;
	enum command_kind action;
	const struct intent_question *question;
	const struct intent_decision *decision;
};

typedef void matrix_visit(const struct matrix_case *one, void *context);
void matrix_walk(matrix_visit *visit, void *context);

/*
 * All of it as text: what decides the same is one line, and what a line does
 * not name makes no difference.
 */
void matrix_write(struct buffer *to);

#endif
