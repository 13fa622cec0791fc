/*
 * The operator's upkeep of a store beside its server: counting what is there,
 * forgetting what may be forgotten, and walking over all of it; each in
 * transactions of bounded length.
 */
#ifndef ENGINE_UPKEEP_H
#define ENGINE_UPKEEP_H

#include "base/time.h"
#include "engine/engine.h"
#include "store/keys.h"

/* As engine_visit(), of the rows of a range, in their order. */
enum store_result engine_visit_range(struct engine *engine, enum table table,
    const struct store_range *range, record_visit *visit, void *context)
    __attribute__((warn_unused_result));

/*
 * As engine_visit(), but in many short transactions, so that the server can
 * use again what it frees meanwhile: each row is as it was when it was
 * visited, and rows that came or went during the walk may or may not be seen.
 * The visitor is told a row's bytes, which are borrowed for its call.
 */
enum store_result engine_walk(struct engine *engine, enum table table,
    record_visit *visit, void *context) __attribute__((warn_unused_result));

/* -- Counting -------------------------------------------------------------- */

struct tally {
	/* Of few rows, which are read. */
	uint64_t merchants[MERCHANT_STATUS_COUNT];
	uint64_t keys[MODE_COUNT][KEY_TYPE_COUNT]; /* that work at `now` */
	uint64_t keys_ended[MODE_COUNT];	   /* revoked or expired */
	/* Of the counted lists, as written down: what is due may be. */
	uint64_t coins[MODE_COUNT][STATE_COUNT];
	/* Webhook endpoints, which are few too. */
	uint64_t endpoints[MODE_COUNT][ENDPOINT_STATUS_COUNT];
	/* Of all intents, by card and in coins, which `full` reads. */
	bool full;
	uint64_t intents[MODE_COUNT][STATE_COUNT]; /* by card */
	struct instant oldest, newest;		   /* INSTANT_NEVER: none */
	/* Events on their way, and those that were: `full` too. */
	uint64_t deliveries[MODE_COUNT][DELIVERY_STATE_COUNT];
};

/* ok; damaged: a record cannot be read; else as a read. */
enum store_result engine_tally(
    struct engine *engine, bool full, struct instant now, struct tally *tally)
    __attribute__((warn_unused_result));

/* The rows of each table, which costs nothing. */
enum store_result engine_count_tables(struct store *store,
    uint64_t counts[TABLE_COUNT]) __attribute__((warn_unused_result));

/* -- Forgetting ------------------------------------------------------------ */

/*
 * What may go: outcomes of requests whose idempotency key has been forgotten
 * (contract, README section 3: after 24 hours) with the index that leads to
 * them; and, where `events_before` is set, events made before that, with the
 * log of their deliveries and what of them is on its way still.
 */
struct purge {
	struct instant now;
	struct instant events_before; /* INSTANT_NEVER: none go */
	bool dry_run;		      /* only counts */
	uint64_t outcomes;	      /* out: those that went, or would */
	uint64_t events;
};

/*
 * In transactions of a few hundred rows, each written as a whole.  ok; any
 * other result: what was counted is gone all the same, and the rest is there.
 */
enum store_result engine_purge(struct engine *engine, struct purge *purge)
    __attribute__((warn_unused_result));

#endif
