/*
 * The arguments of a call, read into its command.
 */
#ifndef APP_CTL_DECODE_H
#define APP_CTL_DECODE_H

#include "app/ctl.h"
#include "app/ctl_arguments.h"

/*
 * Fills call->command from the options that call->row has, by the rules of
 * the API, and from the words behind the first `used`, which name the row.
 * CTL_MISUSED when it has said what is wrong with them.
 */
enum ctl_status ctl_decode(struct call *call, const struct arguments *arguments,
    unsigned used) __attribute__((warn_unused_result));

#endif
