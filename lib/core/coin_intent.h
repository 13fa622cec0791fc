/*
 * The life of a payment in coins: one table decides, as for cards.
 *
 * Expiry is a row: from `expires` on the payment is expired, whether or not
 * anybody has written that down.  Every question is asked of the state as it
 * is at the command's instant: coin_intent_state().
 */
#ifndef CORE_COIN_INTENT_H
#define CORE_COIN_INTENT_H

#include <stdbool.h>

#include "core/command.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/records.h"

struct coin_question {
	enum command_kind action;	  /* one of COMMAND_COIN_... */
	const struct coin_intent *intent; /* as stored; NULL for create */
	const struct command *command;
};

struct coin_decision {
	struct error error;	   /* ERROR_NONE: not refused */
	bool acts;		   /* something is to be written */
	struct coin_intent intent; /* as it will be */
	bool transferred;
	struct transfer transfer; /* of COMMAND_COIN_TRANSFER */
	enum event_type events[DECISION_EVENTS_MAX]; /* in order */
	unsigned event_count;
};

/* The state at an instant: awaiting_payment ends at `expires`. */
enum state coin_intent_state(
    const struct coin_intent *intent, struct instant now);

/*
 * Decides by the first row that matches.  For create, the caller has filled
 * decision->intent with what the merchant brings (address, fee rate); for
 * the rest it is not looked at.  Texts are borrowed from the question.
 */
void coin_intent_decide(
    const struct coin_question *question, struct coin_decision *decision);

/* True when every sum and state of the record fits together. */
bool coin_intent_is_consistent(const struct coin_intent *intent);

/* The table, for diagrams and golden files. */
extern const struct machine coin_machine;

#endif
