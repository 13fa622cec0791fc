/*
 * The contract once more, as a model: written from card.md, sharing nothing
 * with the engine but its words.  Amounts are plain numbers.
 */
#ifndef UNIT_ENGINE_MODEL_H
#define UNIT_ENGINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"

/* What the model knows of one intent. */
struct model_intent {
	struct id id;
	enum state state;
	int64_t amount;
	int64_t held;
	int64_t captured;
	int64_t refunded;
	bool manual;
	bool initialized;
	bool pending;	    /* its last charge waits for the engine */
	unsigned charges;   /* made until now */
	const char *method; /* NULL: none; static */
	int customer;	    /* which, by number; -1: none */
};

/* What is to be done to it; amounts of 0 are not given. */
struct model_wish {
	enum command_kind kind;
	int64_t amount;
	const char *method; /* NULL: not given; static */
	const char *text;   /* a description; NULL: not given */
	int customer;	    /* MODEL_CUSTOMER_...: not given, or none */
	bool customer_gone; /* it is deleted, or never was */
	bool manual;	    /* of a create */
	bool confirm;	    /* of a create */
	enum state says;    /* of a notice */
};

enum { MODEL_CUSTOMER_NONE = -1, MODEL_CUSTOMER_KEEP = -2 };

/* The sandbox's payment methods, by number; NULL behind the last. */
const char *model_method(unsigned number);

/*
 * Does it, or not: what the engine must answer.  A create fills *intent but
 * for its id, and not at all where there is no intent afterwards.
 */
enum error_id model_do(
    struct model_intent *intent, const struct model_wish *wish);

/* Whether the outcome with this error is kept under an idempotency key. */
bool model_keeps(enum error_id error);

/* Whether card.md's table leads from one status to another. */
bool model_may_become(enum state from, enum state to);

#endif
