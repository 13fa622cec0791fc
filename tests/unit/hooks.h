/*
 * Webhook endpoints for tests: steps on a till (till.h), and what the store
 * then holds of them.
 */
#ifndef UNIT_HOOKS_H
#define UNIT_HOOKS_H

#include "store/keys.h"
#include "till.h"

#define HOOKS_URL "https://shop.example/hook"

enum {
	HOOKS_WAIT_MS = 7000,	 /* of a registration */
	HOOKS_PENDING_MS = 30000 /* of an idempotency key */
};

/*
 * A till whose scope has a merchant of its own, and cards.  With HOOKS_TEST the
 * tests of a list run on memory and on LMDB.
 */
#define HOOKS_TEST(name)                                     \
	cmocka_unit_test_setup_teardown(                     \
	    name, hooks_setup_memory, till_teardown_memory), \
	    cmocka_unit_test_setup_teardown(                 \
		name, hooks_setup_lmdb, till_teardown_lmdb)
int hooks_setup_memory(void **state);
int hooks_setup_lmdb(void **state);

/* An endpoint is to be made, of the scope's family. */
struct command *hooks_make(struct till *till);
/* ... and was, at once. */
struct id hooks_create(struct till *till);

/* Runs till->command alone, as far as it gets without waiting for anybody. */
void hooks_begin(struct till *till);
/* What is left of it after so long; the outcome is till->outcome. */
void hooks_look(struct till *till, int64_t waited_ms, enum error_id error);

/* What a courier would write of the ping to till->command's endpoint. */
void hooks_answer_ping(
    struct till *till, enum attempt_result result, uint32_t status);

/* Rows of the scope's account and mode, behind the engine's back. */
void hooks_put(struct till *till, enum table table, struct store_key key,
    enum kind kind, const void *record);
void hooks_put_row(struct till *till, enum table table, struct store_key key);
void hooks_delete(struct till *till, enum table table, struct store_key key);
bool hooks_has(struct till *till, enum table table, struct store_key key);
/* Texts are borrowed until the next read; false: it is not there. */
bool hooks_find(struct till *till, enum table table, struct store_key key,
    enum kind kind, void *record);
struct store_key hooks_key(const struct till *till, struct id id);
struct store_key hooks_listed(
    const struct till *till, enum list list, struct id owner, struct id id);

/* The endpoint's record; it must be there. */
struct endpoint hooks_stored(struct till *till, struct id id);

/* The newest line of the audit log has this text in it. */
void hooks_must_be_noted(struct till *till, const char *text);

#endif
