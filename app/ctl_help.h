/*
 * What the command line says of itself, from its tables.
 */
#ifndef APP_CTL_HELP_H
#define APP_CTL_HELP_H

#include <stdio.h>

#include "app/ctl.h"

/* The usage line of a command; of all of them, where it is NULL. */
void ctl_print_usage(const struct ctl_command *command, FILE *file);
/* The usage line, what the command does, and each of its options. */
void ctl_print_help(const struct ctl_command *command, FILE *file);
/* All commands, a line each. */
void ctl_print_commands(
    const struct ctl_command *commands, size_t count, FILE *file);

#endif
