/*
 * The file that tells others which process is the supervisor.
 */
#ifndef APP_PID_FILE_H
#define APP_PID_FILE_H

#include <stdbool.h>

/*
 * Puts this process's id into the file at `path`, whole or not at all, in
 * place of whatever stands there.  False: the reason is logged.  An empty
 * path: there is none, which is right as well.
 */
bool pid_file_write(const char *path);

/* Removes it, if it still names this process. */
void pid_file_remove(const char *path);

#endif
