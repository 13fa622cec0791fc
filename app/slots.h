/*
 * Commands on their way to the committer and their outcomes on the way back,
 * in memory that all processes of a server share.
 *
 * A slot carries one command in flight and belongs to one process, its owner:
 *
 *	owner                              committer
 *	FREE   writes the command
 *	READY  waits  -------------------> TAKEN  runs it
 *	       withdraws: FREE             READY  puts it back
 *	FREE   reads the outcome <-------- DONE
 *
 * Either side may die at any point: the states say what is to be done with a
 * slot whose owner or whose committer is another process now.  The order of
 * the steps is that of the model in tests/model, which is checked.
 *
 * Every process can write all of that memory, also one that strangers have
 * taken over.  So where things lie, and whatever the supervisor decides, is
 * known to each process from before its fork and never read back; a state that
 * is none (SLOT_DAMAGED) is its owner's to free; and a command and an outcome
 * are copied out of the slot before anything is made of them (command_copy(),
 * outcome_copy()).
 *
 * Nothing in here allocates, blocks (but slots_sleep) or fails.
 */
#ifndef APP_SLOTS_H
#define APP_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/outcome.h"
#include "engine/engine.h"

enum slot_state {
	SLOT_FREE,
	SLOT_READY,
	SLOT_TAKEN,
	SLOT_DONE,
	SLOT_DAMAGED, /* what a slot says that is none of the others */
};

/* What is looked at for every slot: close together, a cache line each. */
struct slot_head {
	_Alignas(64) _Atomic uint32_t state; /* enum slot_state */
	_Atomic uint64_t batch;		     /* that took it last */
	/* The batch with which a committer ended that had it; 0: none has. */
	_Atomic uint64_t suspect;
};

/* What a slot carries; read by whoever the state gives it to. */
struct slot_body {
	_Alignas(64) struct command command;
	struct outcome outcome;
};

struct shared_slots {
	_Atomic uint32_t owners; /* all in use are below: slots_set_owners() */
	_Atomic uint64_t batch;	 /* the running one's number */
	_Alignas(64) _Atomic uint32_t bell; /* counts; a futex */
	_Atomic uint32_t asleep;	    /* the committer may be */
	_Atomic uint32_t closing;	    /* no more commands will come */
	_Atomic uint32_t retiring;	    /* the committer is to end */
	_Alignas(64) struct slot_head heads[];
	/* The bodies come behind. */
};

/* In each process's own memory, made before the first fork. */
struct slots {
	struct shared_slots *shared;	      /* borrowed */
	uint8_t generation[GENERATION_BYTES]; /* random; with `batch` a mark */
	unsigned capacity;		      /* owners that there may be */
	unsigned each;			      /* slots of one owner */
	uint64_t batch;			      /* the committer's running one */
	/* What the supervisor has said last. */
	unsigned owners;
	bool closing;
};

/*
 * Bytes of shared, zeroed memory that slots_init() wants for so many owners,
 * of which none is in use yet.  What is never used is never touched.
 */
size_t slots_bytes(unsigned capacity, unsigned each);
void slots_init(struct slots *slots, struct shared_slots *shared,
    unsigned capacity, unsigned each,
    const uint8_t generation[GENERATION_BYTES]);

/*
 * All slots of the owners that are in use now, which may change at any time,
 * within what there is room for; those of owner n begin at n * each.
 */
unsigned slots_count(const struct slots *slots);
unsigned slots_owner(const struct slots *slots, unsigned slot);
struct command *slots_command(struct slots *slots, unsigned slot);
struct outcome *slots_outcome(struct slots *slots, unsigned slot);
enum slot_state slots_state(const struct slots *slots, unsigned slot);

/* -- The owner's side ------------------------------------------------------ */

/* Copies a command into a slot that is FREE. */
void slots_write(
    struct slots *slots, unsigned slot, const struct command *command);
/*
 * Copies the outcome out of a slot that is DONE; out of one that is damaged
 * the refusal of a command whose fate is not known.
 */
void slots_read(
    const struct slots *slots, unsigned slot, struct outcome *outcome);

/*
 * FREE -> READY: hands the command over.  True: the committer may be asleep,
 * and slots_ring() has to follow.
 */
bool slots_submit(struct slots *slots, unsigned slot)
    __attribute__((warn_unused_result));
void slots_ring(struct slots *slots);

/*
 * READY -> FREE: it will have no effect.  False: it is being run, or done.
 */
bool slots_withdraw(struct slots *slots, unsigned slot)
    __attribute__((warn_unused_result));

/* DONE or DAMAGED -> FREE, without what secrets are made of and the secret. */
void slots_free(struct slots *slots, unsigned slot);

/*
 * Makes a slot FREE whose command nobody waits for any more, such as a dead
 * predecessor's.  False: it is being run, and is DONE some time.
 */
bool slots_reclaim(struct slots *slots, unsigned slot)
    __attribute__((warn_unused_result));

/* -- The committer's side -------------------------------------------------- */

/*
 * One try to sleep until somebody rings; `resting` is called when there is
 * nothing to do, just before.  True: there is something READY.
 */
bool slots_sleep(struct slots *slots, void (*resting)(void *), void *context)
    __attribute__((warn_unused_result));

/* Says that the next batch begins; returns its number. */
uint64_t slots_begin_batch(struct slots *slots);

/*
 * READY -> TAKEN for the running batch: the next one of the first `count`
 * slots from *place on, which is moved along, at most once around from
 * `first`; the slot is *place % count.  False: there is none left, or the next
 * one is suspect and the batch has others.
 *
 * count: what slots_count() was when the batch began.
 */
bool slots_take(struct slots *slots, unsigned count, unsigned first,
    bool others, unsigned *place) __attribute__((warn_unused_result));

/*
 * Whether a committer has ended with the command: it may have been the cause,
 * and is to be alone in its batch.
 */
bool slots_is_suspect(const struct slots *slots, unsigned slot);

/* TAKEN -> READY: it has had no effect and is to be run again. */
void slots_put_back(struct slots *slots, unsigned slot);

/* TAKEN -> DONE: the outcome is there and true. */
void slots_finish(struct slots *slots, unsigned slot);

/*
 * After a predecessor's death: its TAKEN slots are DONE where `mark`, the last
 * one of the store, says that their batch was committed, else READY and
 * suspect.  What was suspect before, and so alone, has ended two committers: it
 * stays TAKEN, and is to be finished without being run.  Nobody else may act
 * as committer.  Owners have to be rung afterwards, all of them.
 */
void slots_recover(struct slots *slots, const struct batch_mark *mark);

/* The mark that the running batch writes. */
struct batch_mark slots_mark(const struct slots *slots);

/* -- The supervisor's side ------------------------------------------------- */

/*
 * There is no committer: nobody needs to ring before the next one sleeps, and
 * that one is to stay.  What the supervisor has said is said again.
 */
void slots_wake(struct slots *slots);

/*
 * So many owners from the first on are looked at from now on.  Before a new
 * one runs; and without those that have gone, once their slots are FREE.
 */
void slots_set_owners(struct slots *slots, unsigned owners);
unsigned slots_owners(const struct slots *slots);
/*
 * Whether nothing of an owner that has gone is on its way: frees what is
 * DONE, or damaged.  What is READY the committer will still take.
 */
bool slots_are_free(struct slots *slots, unsigned owner)
    __attribute__((warn_unused_result));

/* The committer is to end after its batch, and rung: slots_is_retiring(). */
void slots_retire(struct slots *slots);
bool slots_is_retiring(const struct slots *slots);

/* Nobody will submit any more: slots_is_closing() from now on, and a ring. */
void slots_close(struct slots *slots);
bool slots_is_closing(const struct slots *slots);

#endif
