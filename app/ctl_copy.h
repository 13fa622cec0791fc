/*
 * Copies of a store: made, looked at, checked.
 */
#ifndef APP_CTL_COPY_H
#define APP_CTL_COPY_H

#include "app/ctl_file.h"

struct ctl_copy {
	uint64_t bytes;
	uint64_t records;
	uint64_t last_transaction;
};

/*
 * Writes what call->store holds to a file that was begun, and flushes it.
 * CTL_REFUSED when it has said why not; the file is the caller's to drop.
 */
enum ctl_status ctl_copy_write(struct call *call, const struct ctl_file *file,
    bool compact) __attribute__((warn_unused_result));

/*
 * Looks at a store in a file that nobody else knows of, with no store open in
 * this process: whether its schema is this program's, and with `verify`
 * whether all holds that `intentctl verify` checks.  CTL_REFUSED when it has
 * said what is wrong with it, as a thing that is `called` so.
 */
enum ctl_status ctl_copy_check(struct call *call, const char *path,
    const char *called, bool verify, struct ctl_copy *copy)
    __attribute__((warn_unused_result));

#endif
