/*
 * One command with a key on a store that fails by plan, for tests that see
 * what is left of it.
 */
#ifndef UNIT_ENGINE_TRIAL_H
#define UNIT_ENGINE_TRIAL_H

#include "engine/deliveries.h"
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
	/* What some commands need besides, and a row's `prepare` makes. */
	struct id coin;
	struct id endpoint;	 /* of cards, for all events */
	struct due_delivery due; /* the one that is on its way to it */
	struct old_events old;	 /* deliveries, or events */
	struct audit_link line;	 /* the latest */
	struct command answer;
};

/*
 * A command that is tried.  `make` makes it in stage->world; it is made anew
 * for each run, and must not ask the store, which may be about to fail.
 */
struct trial_row {
	enum command_kind kind;
	struct command *(*make)(struct stage *stage);
	void (*prepare)(struct stage *stage); /* NULL: the stage will do */
	enum error_id error;		      /* when nothing fails */
	/* Nobody gives it a key: it is harmless where it was done already. */
	bool keyless;
	/*
	 * That a row is not there is an answer to it, by which it acts: a
	 * store must not lie about that.
	 */
	bool heeds_absence;
};

/* engine_trial_webhooks.c: endpoints, and what is on its way to them. */
extern const struct trial_row trial_webhooks[];
extern const unsigned trial_webhooks_count;

struct trial {
	struct stage stage;
	struct snapshot before;
	struct snapshot after;
	struct outcome outcome;
};

/* The commands that are tried, by number, and how each ends undisturbed. */
unsigned trial_commands(void);
const struct trial_row *trial_row(unsigned command);

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
