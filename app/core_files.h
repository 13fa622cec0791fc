/*
 * Core files: memory of a process that died, written to a disk, with the keys
 * that requests came with and the secrets that webhooks are signed with.
 */
#ifndef APP_CORE_FILES_H
#define APP_CORE_FILES_H

#include <stdbool.h>

/*
 * Whether the calling process, and those that it forks, leave one: as the
 * bound that it was started with says, or none.  May be called again, and is to
 * be where the process has become another user's, which had taken it away.
 */
void core_files_allow(bool allowed);

#endif
