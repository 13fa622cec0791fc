/*
 * One command with a key on a store that fails by plan, for tests that see
 * what is left of it.
 */
#ifndef UNIT_ENGINE_TRIAL_H
#define UNIT_ENGINE_TRIAL_H

#include "engine_steps.h"

/* What there is before the command. */
struct stage {
	struct world *world;
	struct store *inner;  /* borrowed; what the faulty store stands on */
	struct store *faulty; /* owned, with the inner one */
	struct id customer;
	struct id open;	   /* requires_payment_method, of the customer */
	struct id held;	   /* requires_capture */
	struct id paid;	   /* succeeded */
	struct id waiting; /* processing */
	struct id key;
	char secret[KEY_TEXT_BYTES]; /* of the key */
};

struct trial {
	struct stage stage;
	struct snapshot before;
	struct snapshot after;
	struct outcome outcome;
};

/* The commands that are tried, by number, and how each ends undisturbed. */
unsigned trial_commands(void);
enum error_id trial_error(unsigned command);

/* Makes the stage, the failing store on it (store/faulty.h), the command. */
void trial_begin(struct trial *trial, unsigned command, const char *plan);
/* Makes the command anew: when another was run on the failing store first. */
void trial_make(struct trial *trial, unsigned command);
/* Runs the command; fills ->outcome and ->after. */
void trial_run(struct trial *trial);
/* Again, as a client does, when the store is well: the same key, later. */
void trial_repeat(struct trial *trial, unsigned command);
void trial_end(struct trial *trial);

/* What the tables hold after the command when nothing fails. */
struct snapshot trial_whole_effect(unsigned command);

#endif
