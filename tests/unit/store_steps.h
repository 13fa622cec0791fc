/*
 * Steps of tests of the store, each of which must be ok.  Keys and values are
 * strings.
 */
#ifndef UNIT_STORE_STEPS_H
#define UNIT_STORE_STEPS_H

#include "store/store.h"

struct transaction *must_begin(struct store *store, enum store_mode mode);
void must_put(struct transaction *transaction, enum table table,
    const char *key, const char *value);
void must_delete(
    struct transaction *transaction, enum table table, const char *key);
void must_commit(struct transaction *transaction);
/* One write transaction for one row. */
void must_store(
    struct store *store, enum table table, const char *key, const char *value);

/* The value must be this one; NULL: the key must be missing. */
void must_find(struct transaction *transaction, enum table table,
    const char *key, const char *value);
/* As must_find, in a read transaction of its own. */
void must_hold(
    struct store *store, enum table table, const char *key, const char *value);

/*
 * The rows of a range must be these: "key=value key=value ", with bytes of a
 * key that are not printable ASCII as "<ff>".
 */
void must_scan(struct transaction *transaction, enum table table,
    struct store_range range, const char *rows);

#endif
