/*
 * A world for tests of the engine: a store with two accounts, the time, and
 * the command that is being made.  The same steps make the same bytes.
 */
#ifndef UNIT_ENGINE_STEPS_H
#define UNIT_ENGINE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/outcome.h"
#include "core/records.h"
#include "engine/engine.h"
#include "store/store.h"

struct world {
	struct store *store;   /* owned */
	struct engine *engine; /* owned */
	struct scope scope;    /* whose commands are made; set it at will */
	struct scope home;     /* the first account, its default merchant */
	struct id second;      /* another merchant of the first account */
	struct scope foreign;  /* another account */
	struct instant now;    /* a millisecond later with each command */
	uint64_t serial;       /* of the commands: randomness comes of it */
	struct command command;
	struct outcome outcome; /* of the last command that was run */
};

/* Takes over an empty store, which may be one that others use too. */
struct world *world_open(struct store *store);
/* The same accounts in a store that already has them: in another process. */
struct world *world_join(struct store *store, const struct world *like);
void world_close(struct world *world);
/* Everything that must hold of a store holds of this one. */
void world_verify(struct world *world);
/* Another engine on the same or another store; times in milliseconds. */
void world_engine(struct world *world, struct store *store, int64_t latency_ms,
    int64_t wait_ms, int64_t timeout_ms);

/*
 * Runs the tests, named by `suite`, with a world (struct world *) in *state:
 * on the memory store, and on LMDB; each is verified at its end.  Returns the
 * number of failures.
 */
struct CMUnitTest;
int world_run_on_memory(
    const char *suite, struct CMUnitTest *tests, size_t count);
int world_run_on_both(
    const char *suite, struct CMUnitTest *tests, size_t count);

/* A new command of world->scope; borrowed: world->command. */
struct command *world_make(struct world *world, enum command_kind kind);
/* The same about an object. */
struct command *world_make_about(
    struct world *world, enum command_kind kind, struct id id);
/* A read of an object or of a page of them. */
struct command *world_make_get(
    struct world *world, enum kind object, struct id id);
struct command *world_make_list(
    struct world *world, enum kind object, uint32_t limit);

/* What a command brings. */
void command_name(struct command *command, struct named *named, struct id id);
/* A text parameter; `given` says which. */
void command_give(struct command *command, enum given given, const char *text);
void command_give_amount(struct command *command, int64_t units);
void command_give_customer(struct command *command, struct id id);
/* One pair of metadata more. */
void command_give_pair(
    struct command *command, const char *key, const char *value);
/* An idempotency key, of the command's account and mode. */
void command_give_key(
    struct command *command, const char *key, const char *fingerprint);

/* Runs world->command, or reads what it asks for. */
const struct outcome *world_run(struct world *world);
/* The outcome must be a refusal of this row, or none for ERROR_NONE. */
void world_must(struct world *world, enum error_id error);
void outcome_must(const struct outcome *outcome, enum error_id error);
/* The commands that tests begin with; each must go well. */
struct id world_create(
    struct world *world, int64_t amount, enum method capture);
struct id world_customer(struct world *world, const char *email);
/* Created with the sandbox's `method` and confirmed. */
struct id world_confirmed(struct world *world, int64_t amount,
    enum method capture, const char *method);
void world_notify(struct world *world, struct id intent, enum state status);

/* Reads an intent; its texts are borrowed from world->outcome. */
struct intent world_intent(struct world *world, struct id id);
/* Its newest charge; it must have one. */
struct charge world_charge(struct world *world, struct id intent);
/* The first record of a kind in the last outcome; it must be there. */
void world_first(const struct world *world, enum kind kind, void *record);
/* How many records of a kind there are in the last outcome. */
unsigned world_count(const struct world *world, enum kind kind);
/* Status in words, for assertions that say more than a number. */
void must_be_state(unsigned actual, enum state expected);

/* What all tables hold, in short. */
struct snapshot {
	uint64_t sums[TABLE_COUNT];
	size_t rows[TABLE_COUNT];
};

void snapshot_take(struct store *store, struct snapshot *snapshot);
bool snapshot_equal(const struct snapshot *a, const struct snapshot *b);
/* ... but for the idempotency records. */
bool snapshot_equal_but_keys(
    const struct snapshot *a, const struct snapshot *b);

#endif
