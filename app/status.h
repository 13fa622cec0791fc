/*
 * How the server is, as one flat struct: gathered by the monitor from what
 * the processes say of themselves (app/process.h), from the store and from
 * the kernel, written as JSON or as gauges for Prometheus, and read back by
 * `intentctl status`.
 */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/process.h"
#include "base/buffer.h"
#include "base/text.h"
#include "store/store.h"

enum {
	STATUS_WORD_BYTES = 32,
	STATUS_ROUTE_BYTES = 96,
	/* The settings' bounds: workers of two generations, and the others. */
	STATUS_PROCESSES_MAX = 600,
	/* JSON of all that: below 400 bytes a process. */
	STATUS_JSON_BYTES_MAX = 512 * 1024,
};

/* An integer that is not known: null in JSON. */
#define STATUS_UNKNOWN INT64_C(-1)

struct status_process {
	char kind[STATUS_WORD_BYTES];
	int64_t number; /* of its kind, from 1 */
	int64_t pid;
	char state[STATUS_WORD_BYTES]; /* idle, busy, leaving, stopped */
	int64_t generation;	       /* of the settings that it has */
	int64_t age_ms;
	int64_t busy_ms;  /* of the step that it is taking; unknown: none */
	int64_t requests; /* begun since its start */
	int64_t in_flight;
	int64_t connections;
	char route[STATUS_ROUTE_BYTES]; /* of the latest request; "": none */
	int64_t request_ms; /* of the oldest in flight; unknown: none */
	int64_t resident_bytes;
	int64_t private_bytes; /* of these, what it shares with nobody */
};

struct status {
	char version[STATUS_WORD_BYTES];
	int64_t now; /* Unix seconds */
	int64_t uptime_ms;
	int64_t generation;
	int64_t stopping; /* 0 or 1 */
	int64_t supervisor_pid;
	int64_t supervisor_ms; /* since its latest step */
	/* Connections that wait for a worker to accept them, at most. */
	int64_t queue_length;
	int64_t queue_max;
	int64_t map_bytes, map_bytes_max, used_bytes, file_bytes, page_bytes;
	int64_t pages;
	int64_t readers, readers_max;
	int64_t oldest_reader_pid, oldest_reader_lag;
	int64_t last_transaction;
	/* Commands on their way through the committer, at most. */
	int64_t slots_in_use;
	int64_t slots;
	/* Of the committer, since the server's start. */
	int64_t batches, batches_failed, batch_commands, commit_us;
	/* Of webhooks; unknown where no courier serves. */
	int64_t webhooks_waiting;   /* deliveries that are not at their end */
	int64_t webhooks_oldest_ms; /* since the oldest was due; 0: none is */
	int64_t webhooks_in_flight; /* attempts under way */
	/* Of processes, since the server's start. */
	int64_t starts, deaths, kills, forbidden;
	unsigned process_count;
	struct status_process processes[STATUS_PROCESSES_MAX];
};

/* Nothing is known, and there are no processes. */
void status_init(struct status *status);

/*
 * Gathers all of it; what cannot be found out is unknown.  At a cost that
 * grows with the processes, not with the store.  `store` NULL: it is not
 * open.
 */
void status_gather(const struct process_context *context, struct store *store,
    struct status *status);

/* As a JSON document; the buffer is to have STATUS_JSON_BYTES_MAX. */
void status_write(const struct status *status, struct buffer *buffer);

/*
 * Reads what status_write() has written, also by another version: members
 * that this one does not know are passed over, and what is missing is
 * unknown.  False: it is no such document.
 */
bool status_read(struct text json, struct status *status)
    __attribute__((warn_unused_result));

/* As Prometheus's text format has it: gauges, beside the metrics' counters. */
void status_write_gauges(const struct status *status, struct buffer *buffer);

/* Writes it for people, in at most `columns` columns; `before`: see top. */
struct status_drawing {
	unsigned columns;
	unsigned lines; /* of processes; 0: all */
	bool colors;
	/* An earlier one, for rates between the two; NULL: none. */
	const struct status *before;
};
void status_draw(const struct status *status,
    const struct status_drawing *drawing, struct buffer *buffer);

#endif
