/*
 * Users and groups by their names, and the one that the server runs as.
 */
#ifndef APP_IDENTITY_H
#define APP_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "app/settings.h"

/* The highest number is none: to chown(2) it means what there is. */
#define IDENTITY_NONE ((id_t)-1)

/*
 * A user's or a group's number: `value` of the setting is that, or a name.
 * Empty: IDENTITY_NONE.  False: there is no such one, logged.
 */
bool identity_find_user(const char *setting, const char *value, id_t *id)
    __attribute__((warn_unused_result));
bool identity_find_group(const char *setting, const char *value, id_t *id)
    __attribute__((warn_unused_result));

/*
 * This process is root's no more but that of the settings `user` and `group`,
 * and has no privilege left that root has; nothing where `user` is empty.  One
 * that is that user's already stays as it is.  False: the reason is logged.
 */
bool identity_take(const struct settings *settings)
    __attribute__((warn_unused_result));

/* Logs, once a server, that it runs as root and that nobody said it should. */
void identity_tell(const struct settings *settings);

#endif
