/*
 * A world for tests of payments in coins: a store with merchants in it, the
 * time, which stands still until it is moved, and the command that is being
 * made.  The same steps make the same bytes.
 */
#ifndef UNIT_TILL_H
#define UNIT_TILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/outcome.h"
#include "core/records.h"
#include "engine/engine.h"
#include "store/store.h"

/* The account "m/44'/60'/0'" of the mnemonic "test ... junk". */
#define TILL_XPUB                                                     \
	"xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD" \
	"7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
#define TILL_ADDRESS "0x52908400098527886E0F7030069857D2E4169EE7"

enum { TILL_CHAIN = 84532, TILL_TTL_SECONDS = 300 };

struct till {
	struct store *store;   /* owned */
	struct engine *engine; /* owned */
	struct scope scope;    /* whose commands are made; set it at will */
	struct id account;     /* of scope, as it was opened */
	struct id foreign;     /* another account */
	struct instant now;
	uint64_t serial; /* of the commands: randomness comes of it */
	struct command command;
	struct outcome outcome; /* of the last command that was run */
};

/* Takes over an empty store. */
struct till *till_open(struct store *store);
void till_close(struct till *till);
/* For tests with a till in *state: on memory, on LMDB, or on both. */
#define TILL_TEST(name)                                     \
	cmocka_unit_test_setup_teardown(                    \
	    name, till_setup_memory, till_teardown_memory), \
	    cmocka_unit_test_setup_teardown(                \
		name, till_setup_lmdb, till_teardown_lmdb)
int till_setup_memory(void **state);
int till_teardown_memory(void **state);
int till_setup_lmdb(void **state);
int till_teardown_lmdb(void **state);

void till_pass_seconds(struct till *till, int64_t seconds);

/* Writes merchants as they are given, behind the engine's back. */
struct id till_merchant(struct till *till, const struct merchant *like);
/* An active one with 1 %: without address, with one, with TILL_XPUB. */
struct id till_merchant_plain(struct till *till);
struct id till_merchant_fixed(struct till *till);
struct id till_merchant_extended(struct till *till);

/* A new command of till->scope; borrowed: till->command. */
struct command *till_make(struct till *till, enum command_kind kind);
struct command *till_make_about(
    struct till *till, enum command_kind kind, struct id id);
struct command *till_make_create(
    struct till *till, struct id merchant, int64_t amount);
/* `amount` 0: what is due.  Each has a tx_hash of its own. */
struct command *till_make_transfer(
    struct till *till, struct id intent, int64_t amount);
struct command *till_make_list(
    struct till *till, enum kind object, struct id merchant, unsigned limit);
void till_name(struct till *till, struct named *named, struct id id);
void till_keep(struct till *till, const char *text, struct slice *slice);
/* An idempotency key, of the command's account and mode. */
void till_give_key(struct till *till, const char *key, const char *print);

/* Runs or reads what till->command says; it must end like this. */
void till_must(struct till *till, enum error_id error);
/* Made, and gone well. */
struct id till_create(struct till *till, struct id merchant, int64_t amount);
void till_do(struct till *till, enum command_kind kind, struct id intent);
void till_pay(struct till *till, struct id intent, int64_t amount);

/* As stored; texts are borrowed from till->outcome. */
struct coin_intent till_intent(struct till *till, struct id id);
struct balance till_balance(struct till *till, struct id merchant);
/* The state that readers see now. */
void till_must_see(struct till *till, struct id intent, enum state state);
/* The first record of a kind in the last outcome; it must be there. */
void till_first(const struct till *till, enum kind kind, void *record);

/* Reads the page that till->command asks for. */
struct till_page {
	enum kind kind;
	unsigned count;
	struct id ids[LIST_LIMIT_MAX];
	union record records[LIST_LIMIT_MAX]; /* their texts are dead */
	uint32_t total;
	bool has_more;
};
const struct till_page *till_list(struct till *till);

/* Rows of a table, in all. */
unsigned till_rows(struct till *till, enum table table);
/* Events of a type, in all. */
unsigned till_events(struct till *till, enum event_type type);

/* What the store was asked for since the last till_count(). */
struct till_counts {
	unsigned operations; /* get, put, delete, scan */
	unsigned rows;	     /* that scans visited */
};
extern struct till_counts till_counts;
/* Counts from now on; until the store is closed. */
void till_count(struct till *till);

#endif
