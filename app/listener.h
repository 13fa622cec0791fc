/*
 * The unix socket on which the web server finds the workers.
 */
#ifndef APP_LISTENER_H
#define APP_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int file;	  /* owned; non-blocking, listening */
	const char *path; /* borrowed */
	dev_t device;	  /* of the socket's file, to know it again */
	ino_t inode;
};

/*
 * Makes the socket, mode 0660.  A socket's file that nobody listens on is
 * replaced; any other file stands in the way.  False: the reason is logged.
 */
bool listener_open(struct listener *listener, const char *path)
    __attribute__((warn_unused_result));

/* Stops listening here, and removes the file if it is still ours. */
void listener_close(struct listener *listener);

#endif
