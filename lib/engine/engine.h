/*
 * The engine: load what a command names, decide, commit the effect with its
 * idempotency record and its events.
 *
 * Knows neither JSON nor HTTP nor which contract is speaking, and does not
 * care who calls: a worker, a test on the memory store, the command line.
 * One engine per process, used from one thread.
 *
 * The order of ids is that of commits, so that whoever reads a list on from
 * the last row that was seen misses none: what makes something gets its id and
 * its time once more inside the write transaction (stamp.h).  So what a command
 * makes, and what a key or a payment's time allows it, is of the moment at
 * which it takes effect; who the caller is, and how many requests a minute were
 * allowed, was judged when it came in.  A webhook endpoint that must answer a
 * ping has its id, which the ping tells, before it is in a list.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/time.h"
#include "core/command.h"
#include "core/outcome.h"
#include "core/records.h"
#include "store/keys.h"
#include "store/store.h"

struct engine;
struct finding;
struct processor;

struct engine_options {
	struct store *store; /* borrowed; outlives the engine */
	/*
	 * Whom the audit log names where a command names nobody; borrowed,
	 * and outlives the engine.
	 */
	struct text actor;
	/*
	 * Above 0 the sandbox acts like a processor outside of this program
	 * that takes so long to answer a confirmation.
	 */
	struct span sandbox_latency;
	/* How long an equal request waits for one that asks outside. */
	struct span idempotency_wait;
	/* After this an asked processor counts as silent. */
	struct span request_timeout;
	/* How long a webhook endpoint's registration waits for its ping. */
	struct span registration_wait;
	/*
	 * The clock that stamps commands with a `fresh` id which are not an
	 * import's; NULL: they keep their own time and id.
	 */
	struct instant (*now)(void);
	/*
	 * The latest id that was stamped, for all engines of a store that can
	 * share memory: written inside write transactions alone, so that one
	 * waits for the other.  Begins as zeros; borrowed, and outlives the
	 * engine.  NULL: the engine has its own.  Between those that do not
	 * share it there is the order of the clock.
	 */
	struct id *latest;
	/*
	 * Is told why a command, a read or a caller failed with a store that is
	 * damaged: the row that cannot be what was written, borrowed for the
	 * call, or NULL where it is no single one.  NULL: nobody is told.
	 */
	void (*damaged)(const struct finding *finding);
};

/* Owned by the caller; NULL when there is no memory. */
struct engine *engine_open(const struct engine_options *options);
void engine_close(struct engine *engine);

/*
 * Runs one command in a transaction of its own: all that engine_run() does in
 * one go, without waiting for anybody.
 */
void engine_apply(struct engine *engine, const struct command *command,
    struct outcome *outcome);

/*
 * Runs one command to its end: everything of it is on disk, or nothing.
 * `outcome` is always filled; when the world fails its error is
 * ERROR_SERVICE_UNAVAILABLE (nothing happened) or ERROR_INTERNAL_ERROR
 * (nothing, or all of it: the idempotency key tells which).
 */
void engine_run(struct engine *engine, const struct command *command,
    struct outcome *outcome);

/*
 * True once the fate of a commit was hidden, or the store failed to grow or to
 * follow another process: it may have to be opened anew before it can be
 * trusted (store.h, STORE_UNKNOWN, store_grow and store_is_lost), so the
 * process should end after its answer and let another take its place.
 */
bool engine_is_lost(const struct engine *engine);

/*
 * Runs one command inside a transaction that the caller began and ends: what
 * engine_apply does, without begin and commit.  ok: the outcome is filled, and
 * *wrote says whether there is anything to commit.  Any other result: the
 * transaction can only be aborted.
 */
enum store_result engine_execute(struct engine *engine,
    struct transaction *transaction, const struct command *command,
    struct outcome *outcome, bool *wrote) __attribute__((warn_unused_result));

/*
 * After a transaction of the caller's that ended with `result`, and with no
 * transaction open: true if it was full and the store has now more room, so
 * that it is worth running once more.  It is false in the end: a store has a
 * bound, and doubles up to it.
 */
bool engine_make_room(struct engine *engine, enum store_result result)
    __attribute__((warn_unused_result));

/*
 * What is left to do of a command that was run, and committed if it wrote.
 * False: nothing, the outcome is the answer.  True: `next`, which may be the
 * command itself, is filled with the one to run after *rest has passed, and
 * its outcome is the one to look at then: an equal request waits for one that
 * asks outside (up to idempotency_wait, of which it has `waited`), or the
 * processor was asked and this is its answer, or a webhook endpoint's ping is
 * on its way (up to registration_wait) and is looked after.
 *
 * engine_run() does this by itself; who calls engine_execute() has to.
 */
bool engine_goes_on(struct engine *engine, const struct command *command,
    const struct outcome *outcome, struct span waited, struct command *next,
    struct span *rest) __attribute__((warn_unused_result));

/*
 * Between these two all that is read (engine_get, engine_list, engine_caller,
 * engine_find_coin) is of one moment of the store and costs one begin, which
 * is the first read's; outside of them each reads a moment of its own.  After
 * a read that failed the next one begins anew.
 *
 * For whoever answers a request: it begins at the start, and ends before the
 * answer is sent, and before a command is run or handed on: a moment that is
 * kept holds back the store's pages, and keeps this process from following a
 * store that has grown.  Whatever writes asserts that it is ended, and a
 * second begin that the first one was.  To end what is ended does nothing.
 */
void engine_begin_reads(struct engine *engine);
void engine_end_reads(struct engine *engine);

/* COMMAND_GET: the object with what belongs to it, or why not. */
void engine_get(struct engine *engine, const struct command *command,
    struct outcome *outcome);

/*
 * COMMAND_LIST: visits up to command->limit objects, newest first, each as a
 * bundle (borrowed for the call); false from the visitor ends the page.
 * False, with `error`, when a cursor or a named object is not the caller's or
 * the world fails; the visitor may have been called.
 */
struct page {
	unsigned count;
	/* Of all pages; of counted lists of a merchant, and of endpoints. */
	uint32_t total;
	bool has_more;
	struct id first; /* of the first object visited, the newest */
	struct id last;	 /* of the last one */
};
typedef bool page_visit(struct text objects, void *context);
bool engine_list(struct engine *engine, const struct command *command,
    page_visit *visit, void *context, struct page *page, struct error *error)
    __attribute__((warn_unused_result));

/* Who sent a key, as far as the store knows. */
enum caller_result {
	CALLER_OK,
	CALLER_UNKNOWN,
	CALLER_EXPIRED,
	CALLER_REVOKED,
	CALLER_STORE_FAILED, /* *failure says how to answer */
};
struct caller {
	struct scope scope;
	struct id key;
	enum key_type type;
	uint32_t permissions;	/* closed; all bits for a secret key */
	struct instant expires; /* unset: never */
	bool used_lately;	/* in this minute: no need to touch it */
	char prefix[16];	/* first 12 characters and a NUL */
};
enum caller_result engine_caller(struct engine *engine,
    const struct digest *key, struct instant now, struct caller *caller,
    enum error_id *failure) __attribute__((warn_unused_result));

/*
 * Finds the payment in coins that an id names, whoever's it is: for what is
 * shown to those who have the id and no key.  *live says its mode.
 */
enum store_result engine_find_coin(struct engine *engine, struct id id,
    struct outcome *outcome, bool *live) __attribute__((warn_unused_result));

/* Payments whose time is over and that are not written down as expired. */
enum { DUE_MAX = 256 };
struct due {
	struct place places[DUE_MAX]; /* of the payments, oldest first */
	unsigned count;
};

/* Finds up to `count` of them (at most DUE_MAX). */
enum store_result engine_due(struct engine *engine, struct instant now,
    unsigned count, struct due *due) __attribute__((warn_unused_result));

/*
 * The command that writes it down, to be run by whoever runs commands, in the
 * name of this engine's actor.
 */
void engine_expire(const struct engine *engine, const struct place *place,
    struct instant now, struct command *command);

/*
 * Writes down that payments have expired, up to `batch` of them, in one
 * transaction; *count says how many.  At a cost that does not grow with the
 * number of those that are not due.
 */
enum store_result engine_sweep(struct engine *engine, struct instant now,
    unsigned batch, unsigned *count) __attribute__((warn_unused_result));

/* Whether a payment method can be used in a mode. */
bool engine_knows_payment_method(
    const struct engine *engine, uint8_t mode, struct text payment_method);

/* How a failure of the store is answered; the second: to this command. */
enum error_id engine_failure(enum store_result result);
enum error_id engine_failure_of(
    const struct command *command, enum store_result result);

/*
 * Makes an empty store usable: writes its schema.  ok, also when it is there
 * already; damaged when it is another version's.
 */
enum store_result engine_init_store(struct store *store)
    __attribute__((warn_unused_result));
/* ok: this program's schema.  missing: none.  damaged: another's. */
enum store_result engine_check_store(struct store *store)
    __attribute__((warn_unused_result));

/*
 * Which batch of commands was the last to be committed: the numbers of a
 * committer (app/slots.h), in the META table, written with their effects.  A
 * row for each server's life, since two may share a store for a while.
 */
enum { GENERATION_BYTES = 16 };
struct batch_mark {
	uint8_t generation[GENERATION_BYTES]; /* random: of one server's life */
	uint64_t number;		      /* grows within it */
};

/*
 * When a mark was written: on a clock that nobody can set, and that stands
 * while the host sleeps.
 */
enum { BOOT_BYTES = 16 };
struct host_moment {
	uint8_t boot[BOOT_BYTES]; /* random: of the host's life */
	struct span uptime;	  /* within it */
};

enum store_result engine_put_mark(struct transaction *transaction,
    const struct batch_mark *mark, const struct host_moment *now)
    __attribute__((warn_unused_result));
/*
 * The mark of mark->generation: its number.  ok; missing: it has committed
 * nothing; else as a write, which it is, with nothing written: after a writer
 * that died inside its commit the readers of LMDB go on seeing the state
 * before, and the next writer sees the commit (mdb.c: mti_txnid, which
 * mdb_mutex_failed() sets right).
 */
enum store_result engine_get_mark(struct store *store, struct batch_mark *mark)
    __attribute__((warn_unused_result));
/* Removes the mark of mark->generation; ok, also when there is none. */
enum store_result engine_delete_mark(struct store *store,
    const struct batch_mark *mark) __attribute__((warn_unused_result));
/*
 * Removes the marks of servers that have not ended by themselves: of another
 * life of the host, in which their shared memory has died with them; and of
 * this one, a day old.  A mark matters from its commit until the commit's
 * outcomes are handed back, by a committer that dies meanwhile by its
 * successor: a server that has let a day pass over that has long been given
 * up by all its clients.  ok; else nothing was removed.
 */
enum store_result engine_forget_marks(struct store *store,
    const struct host_moment *now) __attribute__((warn_unused_result));

/*
 * COMMAND_PROBE: writes when it was run into the META table, as `probe`, so
 * that its outcome tells whether commands can be committed.  Of nobody's
 * money, and remembered by nobody.
 */
void engine_probe(struct instant now, struct command *command);

/*
 * How far the audit log has come.  The store has the lines behind `copied` up
 * to `head`; those before are in the file, or there are none.
 */
struct audit_state {
	struct audit_link head;
	struct audit_link copied;
};
enum store_result engine_audit_state(struct engine *engine,
    struct audit_state *state) __attribute__((warn_unused_result));
/*
 * Visits the stored lines from a number on (core/audit.h), as texts without
 * their ends.  False from the visitor ends it.
 */
typedef bool audit_visit(uint64_t sequence, struct text line, void *context);
enum store_result engine_audit_lines(struct engine *engine, uint64_t from,
    audit_visit *visit, void *context) __attribute__((warn_unused_result));
/*
 * One of them, copied into `bytes`; TEXT_NONE, and ok, where the store does not
 * have it.
 */
enum store_result engine_audit_line(struct engine *engine, uint64_t sequence,
    char bytes[AUDIT_LINE_BYTES_MAX], struct text *line)
    __attribute__((warn_unused_result));
/* At most so many lines are forgotten by one COMMAND_AUDIT_FORGET. */
enum { AUDIT_FORGOTTEN_MAX = 1024 };
/* The command for it: all lines up to this one are in the file. */
void engine_audit_forget(const struct audit_link *copied, struct instant now,
    struct command *command);
/*
 * A line about what was done otherwise than by a command, in the name of the
 * engine's actor: `what` is a word, `detail` any text or none.  The first is
 * the command for it; the second runs it, and returns why it could not; the
 * third writes it inside the caller's transaction.
 */
void engine_audit_note_command(const struct engine *engine, struct instant now,
    struct text what, struct text detail, struct command *command);
enum error_id engine_audit_note(struct engine *engine, struct instant now,
    struct text what, struct text detail) __attribute__((warn_unused_result));
enum store_result engine_audit(struct engine *engine,
    struct transaction *transaction, struct instant now, struct text what,
    struct text detail) __attribute__((warn_unused_result));

/*
 * Operator's reads, over all accounts: visits each record of a table of
 * records in the order of its keys.  False from the visitor ends it.
 */
typedef bool record_visit(struct text key, struct text encoded, void *context);
enum store_result engine_visit(struct engine *engine, enum table table,
    record_visit *visit, void *context) __attribute__((warn_unused_result));

#endif
