/*
 * One command at work inside a transaction: what the engine's files share.
 *
 * Every function here that can fail returns a store_result; anything but ok
 * ends the command, and the transaction with it.  A refusal is no failure:
 * it is said in outcome->error, and the functions go on to return ok.
 */
#ifndef ENGINE_WORK_H
#define ENGINE_WORK_H

#include "base/arena.h"
#include "core/command.h"
#include "core/intent.h"
#include "core/outcome.h"
#include "core/records.h"
#include "engine/engine.h"
#include "engine/processor.h"
#include "store/keys.h"
#include "store/store.h"

struct engine {
	struct store *store; /* borrowed */
	struct text actor;   /* borrowed */
	struct span sandbox_latency;
	struct span idempotency_wait;
	struct span request_timeout;
	struct span registration_wait;
	struct arena arena;	 /* of one command, or one row of a list */
	struct outcome *scratch; /* owned: rows of lists, events */
	struct command *notice;	 /* owned: a command of the engine's own */
	struct outcome *swept;	 /* owned: outcomes that nobody waits for */
	struct command *copy;	 /* owned: the running one, as stamped */
	struct instant (*now)(void);
	struct id *latest;    /* borrowed; that was stamped */
	struct id own_latest; /* where nobody gave one */
	void (*damaged)(const struct finding *);
	bool damage_told; /* of what is being run: it was said why */
	bool lost;	  /* the store is to be opened anew */
	bool keeps_reads; /* between engine_begin_reads and its end */
	/* What is kept open between them; NULL: nothing is read yet. */
	struct transaction *reads;
};

struct hearers;

struct work {
	struct engine *engine; /* borrowed, as all below */
	struct transaction *transaction;
	const struct command *command;
	struct outcome *outcome;
	bool wrote;	       /* there is something to commit */
	bool decided;	       /* it reached a decision: worth storing */
	struct id first_event; /* the command's events: from this id on */
	struct instant clock;  /* as it is; `now` may be ahead (stamp.h) */
	uint8_t event_count;   /* so far: events of one command are in order */
	/* Of its events, in the arena; NULL: nobody has asked (outbox.h). */
	const struct hearers *hearers;
};

/*
 * read.c: begins to read, or goes on with what the engine keeps, as
 * store_begin says; read_end() ends it with the result it came to, unless it
 * is to be kept.
 */
enum store_result read_begin(struct engine *engine,
    struct transaction **transaction) __attribute__((warn_unused_result));
void read_end(struct engine *engine, struct transaction *transaction,
    enum store_result result);

/*
 * engine.c: commits a transaction of the engine's own; where its fate is
 * hidden, the engine is lost from then on.
 */
enum store_result engine_commit(struct engine *engine,
    struct transaction *transaction) __attribute__((warn_unused_result));

/*
 * work.c: what is run or read has come to its result; where that is damage
 * of which no row was named, it is told of.
 */
void damage_end(struct engine *engine, enum store_result result);

/* work.c: records in and out. */

/*
 * Reads a record; its texts are copied into the arena, so that they outlive
 * later writes.  missing when there is none, or not one of the scope.
 */
enum store_result work_load(struct work *work, enum table table, enum kind kind,
    struct id id, void *record) __attribute__((warn_unused_result));
/* The same of the account and mode, whoever's: it is not for the caller. */
enum store_result work_load_any(struct work *work, enum table table,
    enum kind kind, struct id id, void *record)
    __attribute__((warn_unused_result));
/* The same by the whole key, without looking at the scope. */
enum store_result work_load_key(struct work *work, enum table table,
    enum kind kind, struct text key, void *record)
    __attribute__((warn_unused_result));
enum store_result work_save(struct work *work, enum table table, enum kind kind,
    struct id id, const void *record) __attribute__((warn_unused_result));
enum store_result work_save_key(struct work *work, enum table table,
    enum kind kind, struct text key, const void *record)
    __attribute__((warn_unused_result));
/* Removes a row; ok, and nothing is written, where there is none. */
enum store_result work_remove(struct work *work, enum table table,
    const struct store_key *key) __attribute__((warn_unused_result));
/* Puts an object into a list; an unset owner has none: ok, nothing done. */
enum store_result work_list(struct work *work, enum list list, struct id owner,
    struct id id) __attribute__((warn_unused_result));
enum store_result work_unlist(struct work *work, enum list list,
    struct id owner, struct id id) __attribute__((warn_unused_result));

/*
 * Loads an object that the request names, or refuses with `missing` about
 * `param`; *found says which.
 */
enum store_result work_named(struct work *work, enum table table,
    enum kind kind, const struct named *named, enum error_id missing,
    struct text param, void *record, bool *found)
    __attribute__((warn_unused_result));

/*
 * True when the request brings no client secret, or the intent's own; else
 * the intent is refused as one that does not exist.
 */
bool work_secret_fits(struct work *work, const struct intent *intent);

/* Appends an intent with its newest charges, or a charge with its intent. */
enum store_result work_put_intent(
    struct work *work, const struct intent *intent, struct outcome *outcome)
    __attribute__((warn_unused_result));
enum store_result work_put_charge(
    struct work *work, const struct charge *charge, struct outcome *outcome)
    __attribute__((warn_unused_result));
/* Appends the customer that a request wants expanded, if there is one. */
enum store_result work_put_customer(struct work *work, struct id customer,
    struct outcome *outcome) __attribute__((warn_unused_result));

/*
 * Loads a merchant of the account that the scope may act for, or refuses:
 * with ERROR_MERCHANT_MISSING where there is none, and, with `active`, with
 * ERROR_MERCHANT_NOT_ACTIVE where it may not take payments.
 */
enum store_result work_merchant(struct work *work, struct id id,
    struct slice name, bool active, struct merchant *merchant, bool *found)
    __attribute__((warn_unused_result));

/*
 * outbox.c: writes an event with the objects of `objects` as they now are, its
 * rows in the lists of events, and, for each webhook endpoint that wants it, a
 * delivery that is due at once.  Its id is id_next() of first_event by the
 * event_count that was until then.  Of a ping, and of what is imported:
 * no delivery.
 */
enum store_result work_event(struct work *work, enum event_type type,
    struct id merchant, const struct outcome *objects)
    __attribute__((warn_unused_result));
/*
 * Sends an event to one endpoint, whether it wants it or not: a delivery with
 * so many attempts, due at once; the command's outcome `delivers`.
 */
enum store_result work_deliver(struct work *work,
    const struct endpoint *endpoint, struct id event, unsigned attempts)
    __attribute__((warn_unused_result));

/* An outcome to gather an event's objects in; emptied at each call. */
struct outcome *work_scratch(struct work *work);

/* The list of a merchant's payments in each state; of transfers likewise. */
extern const enum list lists_of_state[STATE_COUNT];
extern const enum list lists_of_status[TRANSACTION_STATUS_COUNT];

/* The commands, one function each: intents.c, customers.c, keys.c, ... */
typedef enum store_result command_function(struct work *work);
command_function intent_create, intent_change, intent_answer;
command_function customer_create, customer_update, customer_delete;
command_function key_create, key_revoke, key_roll, key_touch;
command_function coin_create, coin_cancel, coin_transfer, coin_settle;
command_function coin_expire;
command_function endpoint_create, endpoint_answer, endpoint_update;
command_function endpoint_delete, endpoint_rotate, endpoint_test;
command_function delivery_claim, delivery_end, delivery_release;
command_function delivery_resend, events_forget;
command_function account_create, merchant_create, merchant_set_status;
command_function probe_write;
command_function audit_note, audit_forget;

/*
 * audit.c: a change, as the audit log tells of it.  What is absent or unset is
 * left out.  Never a secret, nor what a client wrote.
 */
struct change {
	struct text what;   /* TEXT_NONE: the command's name */
	struct id merchant; /* whose object it is */
	enum kind kind;	    /* of the object; KIND_NONE: it has none */
	struct id object;
	struct text from; /* its status before, and after */
	struct text to;
	struct text unit; /* of the amount, which is left out without it */
	struct money amount;
	struct text currency;
	enum kind made_kind; /* what else came to be */
	struct id made;
	struct text detail;
};
/* What a command is called in the log. */
struct text audit_name(enum command_kind kind);
/* Writes the line, behind those that the transaction has written. */
enum store_result work_audit(struct work *work, const struct change *change)
    __attribute__((warn_unused_result));

/*
 * schema.c: what a store says of itself, in the rows of its META table.
 * ok: this program's schema.  missing: none.  damaged: another's.
 */
#define SCHEMA_KEY TEXT("schema")
#define PROBE_KEY TEXT("probe")
#define AUDIT_KEY TEXT("audit")
/* In a mark's key its generation follows. */
#define MARK_PREFIX TEXT("batch")
enum {
	MARK_PREFIX_BYTES = 5,
	MARK_KEY_BYTES = MARK_PREFIX_BYTES + GENERATION_BYTES,
	/* The batch's number, the host's life, and the time within that. */
	MARK_BYTES = 8 + BOOT_BYTES + 8,
	PROBE_BYTES = 8
};
/* Two links, `head` and `copied`: each a number and a hash. */
enum { AUDIT_STATE_BYTES = 2 * (8 + DIGEST_BYTES) };
/* ok; damaged, also where the row is missing. */
enum store_result audit_get_state(struct transaction *transaction,
    struct audit_state *state) __attribute__((warn_unused_result));
/* The row of a log without lines: what makes a store writes it. */
enum store_result audit_put_first_state(struct transaction *transaction)
    __attribute__((warn_unused_result));
/* False unless the bytes are such a row. */
bool audit_state_parse(struct text row, struct audit_state *state)
    __attribute__((warn_unused_result));
enum store_result schema_check(struct transaction *transaction)
    __attribute__((warn_unused_result));

/* The processor of a mode. */
const struct processor *engine_processor(uint8_t mode);

/* Contract, README section 3: a key is remembered for 24 hours. */
enum { IDEMPOTENCY_REMEMBERED_SECONDS = 24 * 60 * 60 };

/*
 * idempotency.c: looks whether the key was used.  *fresh: it was not, go on.
 * Else the outcome is filled: the earlier one, or a refusal.
 */
enum store_result idempotency_look(struct work *work, bool *fresh)
    __attribute__((warn_unused_result));
/* Whether the record under the key is the one of this very command. */
enum store_result idempotency_is_own(struct work *work, bool *own)
    __attribute__((warn_unused_result));
/* Stores the outcome with the effect. */
enum store_result idempotency_store(struct work *work)
    __attribute__((warn_unused_result));
/* Removes this very command's record, if there is one: the key is free. */
enum store_result idempotency_forget(struct work *work)
    __attribute__((warn_unused_result));

/* Lets time pass while somebody outside is at work. */
void outside_wait(struct span span);

#endif
