/*
 * Rows of a store, behind the engine's back: each step is a transaction of its
 * own, and must be ok.
 */
#ifndef UNIT_ROWS_H
#define UNIT_ROWS_H

#include "core/records.h"
#include "store/store.h"

void row_put(
    struct store *store, enum table table, struct text key, struct text value);
/* It must be there. */
void row_delete(struct store *store, enum table table, struct text key);
/* The value is borrowed until the next look; false: it is not there. */
bool row_find(
    struct store *store, enum table table, struct text key, struct text *value);

/* The same with a record as the value, whose texts are as long-lived. */
void row_put_record(struct store *store, enum table table, struct text key,
    enum kind kind, const void *record);
bool row_find_record(struct store *store, enum table table, struct text key,
    enum kind kind, void *record);

#endif
