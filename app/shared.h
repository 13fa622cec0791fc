/*
 * What the processes of a server share, made by its supervisor before the
 * first of them: memory, and files that ring.
 *
 * All of it has room for the most processes that there may ever be; what
 * nobody uses costs addresses, but for the bells, which are open files.
 *
 * Any of the processes may come to be a stranger's, and write any of that
 * memory: how much there is of what is in the memory of each alone, and what
 * is read there is never believed to be a place or a size.
 */
#ifndef APP_SHARED_H
#define APP_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "app/metrics.h"
#include "app/settings.h"
#include "app/slots.h"

struct board;
struct rate_table;

struct shared {
	struct board *board;	  /* a place a process */
	unsigned places;	  /* on the board */
	struct metrics metrics;	  /* likewise */
	struct rate_table *rates; /* requests a minute, of all workers */
	struct slots slots;
	int *bells; /* owned: an eventfd for each owner of slots */
	unsigned owners;
	int news; /* eventfd: a process has said something on the board */
	int lock; /* the committer's (data_lock()) */
};

/*
 * How many of `wanted` owners of slots the host has open files for; the
 * process's limit is raised for them.
 */
unsigned shared_fit(unsigned wanted) __attribute__((warn_unused_result));

/* False: the reason is logged.  shared_close() may follow in either case. */
bool shared_open(struct shared *shared, const struct settings *settings,
    unsigned places, unsigned owners) __attribute__((warn_unused_result));

/* Frees what is not shared; the rest ends with the process. */
void shared_close(struct shared *shared);

/* In a process that has slots, or (owner == shared->owners) none. */
void shared_keep_bell(const struct shared *shared, unsigned owner);

#endif
