/*
 * The life of a payment intent: one table decides.
 *
 * intent_decide() is pure.  The same question has the same decision, in any
 * process, at any time: all that changes comes in with the question.
 */
#ifndef CORE_INTENT_H
#define CORE_INTENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "core/command.h"
#include "core/error.h"
#include "core/records.h"

/* What a payment engine answers; a notification is its answer come late. */
enum answer {
	ANSWER_NONE, /* it was not asked */
	ANSWER_APPROVED,
	ANSWER_DECLINED,
	ANSWER_ACTION_REQUIRED, /* the customer must authenticate */
	ANSWER_LATER,		/* it will notify */
	ANSWER_UNREACHABLE,	/* it did not take the question */
	ANSWER_COUNT
};

struct verdict {
	enum answer answer;
	enum decline decline; /* of ANSWER_DECLINED */
};

struct intent_question {
	enum command_kind action;      /* one of COMMAND_INTENT_... */
	const struct intent *intent;   /* as it is; NULL for create */
	const struct charge *charge;   /* its latest; NULL if it has none */
	const struct command *command; /* what the action is to do */
	struct verdict verdict;	       /* the engine's, where it was asked */
	struct arena *arena;	       /* for merged metadata */
};

struct machine;

struct intent_decision {
	struct error error;   /* ERROR_NONE: not refused */
	bool acts;	      /* something is to be written */
	struct intent intent; /* as it will be */
	bool charge_changed;
	struct charge charge;
	bool refunded;
	struct refund refund;
	enum event_type events[DECISION_EVENTS_MAX]; /* in order */
	unsigned event_count;
};

/*
 * Decides by the first row of the table that matches.  Texts of the decision
 * are borrowed from the question.  A refusal that acts is a declined card: it
 * changes the intent and is answered with the error.  When the arena is full
 * the error is ERROR_SERVICE_UNAVAILABLE.
 */
void intent_decide(
    const struct intent_question *question, struct intent_decision *decision);

/*
 * Whether the payment engine must be asked before intent_decide(): true when
 * some answer of it would be acted upon.
 */
bool intent_needs_verdict(const struct intent_question *question);

/* What of a charge was captured and not yet refunded; 0 without a charge. */
struct money charge_refundable(const struct charge *charge);

/*
 * Lays a command's metadata over *metadata (also for customers): false, with
 * the refusal, when it would have too many keys or the arena is full.
 */
bool metadata_apply(const struct command *command, struct arena *arena,
    struct text *metadata, struct error *error)
    __attribute__((warn_unused_result));

/* True when every sum and state of the records fits together. */
bool intent_is_consistent(
    const struct intent *intent, const struct charge *charge);

/* The table, for diagrams and golden files. */
extern const struct machine intent_machine;

#endif
