/*
 * Objects by their ids alone: the operator names no account, mode or merchant
 * where the store can tell.
 *
 * Each says why it found nothing, and then gives CTL_REFUSED or CTL_MISUSED.
 */
#ifndef APP_CTL_FIND_H
#define APP_CTL_FIND_H

#include "app/ctl.h"
#include "store/keys.h"

/* Visits the records of a table; false from the visitor ends it. */
typedef bool find_visit(const union record *record, void *context);
enum ctl_status find_each(struct call *call, enum table table, enum kind kind,
    find_visit *visit, void *context) __attribute__((warn_unused_result));

/*
 * The account that --account names, or the only one there is; into
 * command.scope.account.  Without either, CTL_MISUSED.
 */
enum ctl_status find_account(struct call *call, struct id *default_merchant)
    __attribute__((warn_unused_result));

/* The account of a merchant; ID_NONE, and CTL_OK, if there is none such. */
enum ctl_status find_merchant(struct call *call, struct id merchant,
    struct id *account) __attribute__((warn_unused_result));

/*
 * Looks in each account and mode that the table has rows of, at the cost of
 * two look-ups each, for one whose key begins with what `key_of` makes of the
 * operand's id.  Where it is goes into command.scope; *found says whether it
 * is anywhere.  The row's record is put into `copy`, unless that is NULL.
 * For what no list and no index leads to, or no longer.
 */
enum store_result find_place(struct call *call, enum table table,
    struct store_key (*key_of)(struct id account, uint8_t mode, struct id id),
    struct outcome *copy, bool *found) __attribute__((warn_unused_result));

/*
 * The object that the operand names, in all accounts and modes: into the
 * outcome; where it is into command.scope.
 */
enum ctl_status find_object(struct call *call, enum kind kind)
    __attribute__((warn_unused_result));

#endif
