/*
 * The socket on which the web server finds the workers: one that systemd has
 * handed over, or else standard input where that listens (spawn-fcgi), or
 * else one that is made as the settings say.
 */
#ifndef APP_LISTENER_H
#define APP_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "app/settings.h"
#include "app/socket_address.h"

struct listener {
	int file; /* owned; non-blocking, listening; -1: closed */
	/* `/run/intentd/intentd.sock`, `tcp:127.0.0.1:9000`; for the log */
	char name[SOCKET_NAME_BYTES];
	/* Behind it: "" of the settings, " from systemd", and so on */
	const char *origin;
	bool made;    /* as the settings say, by this server or one before it */
	bool removes; /* its file is ours; these two know it again */
	dev_t device;
	ino_t inode;
};

/*
 * Opens it; the environment's words about handed-over sockets are gone
 * afterwards, and standard input is /dev/null if it was the socket.  False:
 * the reason is logged.
 *
 * A unix socket's file that nobody listens on is replaced; any other file
 * stands in the way.  Nobody can connect before it has its owner, group and
 * mode.  Handed over, it must be one listening stream socket, which only
 * this host reaches unless settings->allow_remote; its file stays whose it is.
 */
bool listener_open(struct listener *listener, const struct settings *settings)
    __attribute__((warn_unused_result));

/*
 * The group of a unix socket's file: those who may send requests, and who may
 * therefore also ask how the server is.  (gid_t)-1: it has none.
 */
gid_t listener_group(int file);

/* Whether it is where a value of the setting `socket` says. */
bool listener_is_at(const struct listener *listener, const char *socket);

/*
 * Takes over `file`, a listening stream socket that another program has
 * opened, and owns it; its file is not removed, until listener_own().  False,
 * and logged: it is none, and stays the caller's.
 */
bool listener_take(struct listener *listener, int file)
    __attribute__((warn_unused_result));

/*
 * A socket that was taken is as if it had been made here: the one who made it
 * leaves, and calls listener_forget(), since its file is this process's now.
 */
void listener_own(struct listener *listener);

/* Stops listening here, and removes the file if it is still ours. */
void listener_close(struct listener *listener);

/* Stops listening here; whoever else has the socket goes on. */
void listener_forget(struct listener *listener);

#endif
