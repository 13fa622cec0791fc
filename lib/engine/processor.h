/*
 * Payment engines (processors): who moves the money.
 *
 * A processor is a value: one function per thing it is asked.  The sandbox
 * (test mode) answers at once, from the payment method's name alone; live
 * mode has none yet.
 *
 * A processor outside of this program answers later, or not at all.  So it
 * is never asked inside a transaction: the intent becomes `processing` (with
 * the answer ANSWER_LATER) and is committed, then the processor is asked
 * with the intent's id as its own idempotency key, and its answer comes back
 * as COMMAND_INTENT_ANSWER, which does what a notification does and gives
 * the confirmation its outcome.
 * Nothing is held while it thinks, and an answer that never comes leaves an
 * intent that says so.
 */
#ifndef ENGINE_PROCESSOR_H
#define ENGINE_PROCESSOR_H

#include "base/time.h"
#include "core/intent.h"

struct processor {
	const char *name;
	/* Whether a payment method can be one of this processor's. */
	bool (*knows)(struct text payment_method);
	/*
	 * Makes the payment known: ANSWER_APPROVED or ANSWER_UNREACHABLE.
	 * `payment_method` may be absent.
	 */
	struct verdict (*initialize)(struct text payment_method);
	/* Asks for the money: any answer. */
	struct verdict (*confirm)(
	    const struct intent *intent, struct text payment_method);
	/* Takes `amount` of what was approved: approved or unreachable. */
	struct verdict (*capture)(
	    const struct intent *intent, struct money amount);
	/* Lets go of what was approved: approved or unreachable. */
	struct verdict (*release)(const struct intent *intent);
	/* Gives `amount` back: approved, declined or unreachable. */
	struct verdict (*refund)(
	    const struct intent *intent, struct money amount);
};

/* Deterministic and instant (contract, card.md, "The sandbox engine"). */
extern const struct processor processor_sandbox;
/* Live mode without an engine: knows every method, reaches nobody. */
extern const struct processor processor_none;

#endif
