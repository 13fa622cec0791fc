/*
 * The file that tells others which process is the supervisor.
 */
#ifndef APP_PID_FILE_H
#define APP_PID_FILE_H

/*
 * Puts this process's id into the file at `path`, whole or not at all, in
 * place of whatever stands there.  What is wrong is logged, and no reason to
 * serve nobody.  An empty path: there is none.
 */
void pid_file_write(const char *path);

/* Removes it, if it still names this process. */
void pid_file_remove(const char *path);

#endif
