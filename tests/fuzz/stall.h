/*
 * A small world that requests are made to: a store in memory with a merchant
 * of cards and one of coins, keys of each type, and an object of each kind.
 * The same in every run, and made anew after each input.
 */
#ifndef FUZZ_STALL_H
#define FUZZ_STALL_H

#include "api/handle.h"
#include "unit/engine_steps.h"

/* What requests call by name, in braces: {sk}, {intent}. */
enum stall_name {
	STALL_SECRET_KEY,
	STALL_LIVE_KEY,
	STALL_PUBLISHABLE_KEY,
	STALL_RESTRICTED_KEY,
	STALL_REVOKED_KEY,
	STALL_FOREIGN_KEY,
	STALL_INTENT,	     /* confirmed and paid */
	STALL_OPEN,	     /* an intent without a payment method */
	STALL_HELD,	     /* one to be captured */
	STALL_CLIENT_SECRET, /* of the open one */
	STALL_CHARGE,
	STALL_REFUND,
	STALL_CUSTOMER,
	STALL_EVENT,
	STALL_ENDPOINT,
	STALL_COIN_ENDPOINT,
	STALL_KEY, /* the restricted key's id */
	STALL_MERCHANT,
	STALL_COIN, /* a payment in coins that is awaited */
	STALL_PAID, /* one that was paid */
	STALL_TRANSACTION,
	STALL_ID, /* the object of the last answer; at first the intent */
	STALL_NAMES
};

enum { STALL_TEXT_BYTES = 128 };

struct stall {
	struct world *world; /* owned; its store and its engine too */
	struct service service;
	char texts[STALL_NAMES][STALL_TEXT_BYTES];
	bool changed;	 /* set it where a command is run */
	unsigned serial; /* of requests: times and randomness come of it */
};

/* Once a process. */
struct stall *stall_open(void);
/* As it was opened. */
void stall_reset(struct stall *stall);
/* Everything that must hold of its store holds. */
void stall_verify(struct stall *stall);

/* The time and the randomness of the next request. */
void stall_stamp(struct stall *stall, struct request *request);

/* The text that a name in braces stands for; TEXT_NONE: it is none. */
struct text stall_text(const struct stall *stall, struct text name);
/* Notes the object of an answer. */
void stall_note_id(struct stall *stall, struct text id);

#endif
