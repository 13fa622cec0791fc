/*
 * Payments in coins as a model counts them, for the property test: what was
 * done, in order of time, and what must therefore be seen.
 */
#ifndef UNIT_COIN_MODEL_H
#define UNIT_COIN_MODEL_H

#include "core/names.h"
#include "core/records.h"

enum { COIN_MODEL_ROWS_MAX = 128 };

struct coin {
	struct id id;
	unsigned merchant;
	uint8_t mode;
	int64_t amount;
	int64_t received;
	struct instant made;
	struct instant expires;
	enum state state; /* awaiting_payment until it is written down */
};

struct payment {
	struct id id;
	unsigned coin;
	int64_t amount;
	bool late;
	bool settled;
	struct instant made;
	uint64_t serial; /* of the command: its tx_hash */
};

/* Both lists in order of time. */
struct coin_model {
	struct instant now;
	struct coin coins[COIN_MODEL_ROWS_MAX];
	unsigned coin_count;
	struct payment payments[COIN_MODEL_ROWS_MAX];
	unsigned payment_count;
	unsigned events[EVENT_COUNT];
};

/* The state that readers see. */
enum state coin_model_state(
    const struct coin_model *model, const struct coin *coin);
/* The state as something now changes it: an expiry is written down before. */
enum state coin_model_write_down(struct coin_model *model, struct coin *coin);
/* What a payment brings the merchant, at a rate in millionths. */
int64_t coin_model_net(const struct payment *payment, uint32_t rate);
/* What the sweeper takes next, by time and mode; NULL: nothing is due. */
struct coin *coin_model_next_due(struct coin_model *model);

/* What a list is asked for. */
struct coin_filter {
	enum kind kind;
	unsigned merchant;
	uint8_t mode;
	unsigned status;      /* 0: any */
	struct instant from;  /* inclusive; INSTANT_NEVER: open */
	struct instant until; /* exclusive; INSTANT_NEVER: open */
};

/* The ids that a list has, newest first; returns how many. */
unsigned coin_model_list(const struct coin_model *model,
    const struct coin_filter *filter, struct id ids[COIN_MODEL_ROWS_MAX]);

#endif
