/*
 * A wrapper that makes another store fail on purpose, for tests.
 */
#ifndef STORE_FAULTY_H
#define STORE_FAULTY_H

#include "store/store.h"

/*
 * A plan is a list of `operation[:table]=result[@n]` separated by commas:
 * operation is begin, get, put, delete, scan, commit or grow; table a name of
 * tables.def (get, put, delete, scan alone); result a name of
 * store_result_name() that store.h gives the operation, other than ok; n the
 * call, counted from 1 per rule, that fails once; without it every call
 * fails.  Example: `get:intents=damaged,commit=full@3`.  The empty plan fails
 * nothing.  At most 16 rules; the first that fails a call has the word.
 *
 * Commits of write transactions alone count and fail; an injected failure
 * aborts the wrapped transaction; `unknown` commits it first on even calls.
 * An injected scan fails before the first row, and an injected grow
 * (`grow=full`) leaves the wrapped store as it is.
 *
 * Takes over `inner`; NULL (and `inner` untouched) for a malformed plan.
 */
struct store *faulty_open(struct store *inner, const char *plan);

#endif
