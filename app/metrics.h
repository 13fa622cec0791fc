/*
 * What the server counts, in memory that all processes share: a block of
 * counters for each place on the board (app/process.h), written by the process
 * that has the place and read by whoever shows it.
 *
 * One writer a block: counting is a load and a store, takes no lock and
 * disturbs no neighbour.  A block outlives its process and is gone on with by
 * the next one in its place, so that no counter ever goes back.
 */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "api/handle.h"
#include "base/buffer.h"
#include "base/time.h"

enum metric {
#define COUNTER(id, family, label, value, help) METRIC_##id,
#include "app/metrics.def"
#undef COUNTER
	METRIC_COUNT
};

/* Distributions besides that of requests by route. */
enum distribution {
	DISTRIBUTION_FLUSH,    /* of one commit, in microseconds */
	DISTRIBUTION_BATCH,    /* of a batch from begin to end, likewise */
	DISTRIBUTION_COMMANDS, /* in a batch that was run to its end */
	DISTRIBUTION_WEBHOOK,  /* of an attempt, in microseconds */
	DISTRIBUTION_COUNT
};

enum {
	/* Both contracts have 37, the two for what found none included. */
	METRICS_ROUTES_MAX = 64,
	METRICS_BUCKETS = 18,
	/* A success, every refusal, and what made an object anew (201). */
	METRICS_RESULTS = ERROR_COUNT + 1,
	/* Room for every series that there can be. */
	METRICS_TEXT_BYTES_MAX = 1 << 20,
};

struct histogram {
	_Atomic uint64_t buckets[METRICS_BUCKETS + 1]; /* the last: above */
	_Atomic uint64_t sum; /* of what was observed, in its unit */
};

struct process_metrics {
	_Alignas(64) _Atomic uint64_t counters[METRIC_COUNT];
	struct histogram distributions[DISTRIBUTION_COUNT];
	/* By route_number() of api/contract.h. */
	_Atomic uint64_t requests[METRICS_ROUTES_MAX][METRICS_RESULTS];
	struct histogram durations[METRICS_ROUTES_MAX];
};

struct shared_metrics {
	_Atomic uint64_t log_lines_lost; /* of all processes */
	struct process_metrics processes[];
};

/* In each process's own memory: nobody else can say how much there is. */
struct metrics {
	struct shared_metrics *shared; /* borrowed */
	unsigned places;
};

/* Bytes of shared, zeroed memory; metrics_init() before the first process. */
size_t metrics_bytes(unsigned places);
void metrics_init(
    struct metrics *metrics, struct shared_metrics *shared, unsigned places);

/* -- Counting: in the process that has the place -------------------------- */

void metrics_count(struct process_metrics *metrics, enum metric metric);
/* `value` in the distribution's unit. */
void metrics_observe(struct process_metrics *metrics,
    enum distribution distribution, int64_t value);
/* A request that was answered, and how long that took. */
void metrics_request(struct process_metrics *metrics,
    const struct response *response, struct span duration);

/* -- Showing: in any process ---------------------------------------------- */

/* Of all places, as yet. */
uint64_t metrics_counted(const struct metrics *metrics, enum metric metric);
/* The sum of what was observed, in its unit. */
uint64_t metrics_sum(
    const struct metrics *metrics, enum distribution distribution);

/* What a route's number stands for; static.  No route: the last two empty. */
struct metrics_route {
	struct text contract; /* "card" */
	struct text method;
	struct text pattern; /* `/v1/payment_intents/{id}` */
};
/* `number` < route_numbers() of api/contract.h (asserted). */
struct metrics_route metrics_route(unsigned number);

/*
 * Appends all of it, summed over the places, in Prometheus' text format
 * (version 0.0.4).  Requests of a kind that there was none of are left out.
 * A buffer of METRICS_TEXT_BYTES_MAX holds it.
 */
void metrics_render(const struct metrics *metrics, struct buffer *to);

#endif
