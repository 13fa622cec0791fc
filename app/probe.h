/*
 * Whether the store can be written, as a command that is committed like any
 * other tells it (COMMAND_PROBE): the monitor's way to /readyz.
 *
 * Nobody is kept waiting here: a probe is begun, and looked at again when the
 * bell rings or its time is up.
 */
#ifndef APP_PROBE_H
#define APP_PROBE_H

#include <stdbool.h>

#include "app/process.h"
#include "base/time.h"

struct engine;
struct outcome;

enum probe_result {
	PROBE_PENDING, /* look again: at a bell, or at probe_until() */
	PROBE_WRITTEN,
	PROBE_FAILED, /* it could not be written, or not in time */
};

enum {
	/* How long a result stands, so that askers cost the disk little. */
	PROBE_KEPT_MS = 1000,
	/* How long the committer may take: a flush of a busy disk, and more. */
	PROBE_WAIT_MS = 2000,
};

struct probe {
	const struct process_context *context; /* borrowed */
	/* Where there is no committer: borrowed, or NULL. */
	struct engine *engine;
	struct outcome *outcome;  /* owned: of that engine */
	enum probe_result result; /* of the latest; pending: it runs */
	struct span begun;	  /* the latest, on clock_uptime(); 0: never */
	struct span ended;	  /* the same; 0: it runs */
};

/* `engine` NULL: commands go to the committer.  False: no memory. */
bool probe_open(struct probe *probe, const struct process_context *context,
    struct engine *engine) __attribute__((warn_unused_result));
void probe_close(struct probe *probe);

/* The latest result, if it still stands; else a probe that begins. */
enum probe_result probe_ask(struct probe *probe);
/* What has become of a probe that was pending. */
enum probe_result probe_look(struct probe *probe);
/* When a pending one has had its time; {0}: none is pending. */
struct span probe_until(const struct probe *probe);

#endif
