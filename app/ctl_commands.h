/*
 * The commands of intentctl: one table, in the order in which its help and its
 * manual page have them.
 */
#ifndef APP_CTL_COMMANDS_H
#define APP_CTL_COMMANDS_H

#include <stddef.h>

#include "app/ctl.h"

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

#endif
