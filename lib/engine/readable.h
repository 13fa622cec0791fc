/*
 * The kinds that can be read: where they lie, and how each is shown.  For
 * read.c and list.c.
 */
#ifndef ENGINE_READABLE_H
#define ENGINE_READABLE_H

#include "engine/work.h"

struct readable {
	enum table table;
	enum error_id missing;
	enum list of_merchant; /* what a bound key may see of them */
	enum list of_account;  /* LIST_NONE: the table itself */
	bool by_merchant;      /* if one is named: its lists, with counts */
};

/* Indexed by enum kind; `missing` is ERROR_NONE for what cannot be read. */
extern const struct readable readables[KIND_COUNT];

/* Appends a record to work->outcome, with all that belongs to it. */
enum store_result readable_put(struct work *work, enum kind kind,
    const union record *record) __attribute__((warn_unused_result));

#endif
