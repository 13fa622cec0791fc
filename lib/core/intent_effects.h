/*
 * What a row of the state machine does to the records.  For intent.c alone:
 * the table says when, this says how.
 */
#ifndef CORE_INTENT_EFFECTS_H
#define CORE_INTENT_EFFECTS_H

#include "core/intent.h"

enum effect {
	EFFECT_NONE, /* nothing is written */
	EFFECT_CREATE,
	EFFECT_UPDATE,
	EFFECT_AUTHORIZE, /* the money is held */
	EFFECT_PAY,	  /* the money is taken, all of it */
	EFFECT_WAIT,	  /* for the customer */
	EFFECT_PEND,	  /* for the engine */
	EFFECT_DECLINE,
	EFFECT_CAPTURE, /* what is held is taken; the rest is released */
	EFFECT_CANCEL,	/* what is held is released */
	EFFECT_REFUND,
	EFFECT_REFUND_FAILED,
};

/*
 * Changes decision->intent and ->charge, which hold what was before, and
 * fills ->refund.  False, with decision->error set, when it cannot be done:
 * more metadata than is allowed, or the arena is full.
 */
bool effect_apply(enum effect effect, const struct intent_question *question,
    struct intent_decision *decision) __attribute__((warn_unused_result));

#endif
