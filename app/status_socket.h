/*
 * The socket of the status: where the monitor listens, and its clients call.
 *
 * An address as that of the workers' socket, of which TCP has to be a loopback
 * one: the status is nobody else's business than the host's.
 */
#ifndef APP_STATUS_SOCKET_H
#define APP_STATUS_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "app/socket_address.h"

/* False: it is no address, or others than this host could reach it. */
bool status_address_read(const char *name, struct socket_address *address)
    __attribute__((warn_unused_result));

struct status_socket {
	int file;	  /* owned; listening; -1: it is not open */
	const char *name; /* borrowed */
	dev_t device;	  /* of a unix socket's file, to know it again */
	ino_t inode;
};

/*
 * Listens; a unix socket's file has mode 0660 and the group, where this process
 * may give it that ((gid_t)-1: as it comes).  It takes the place of a socket
 * that nobody answers on, or the monitor before this one, of this server or of
 * the one that hands over to it; never another server's (EADDRINUSE).
 * False: errno says why.
 */
bool status_socket_open(struct status_socket *socket, const char *name,
    gid_t group) __attribute__((warn_unused_result));
/* Stops listening here, and removes the file if it is still ours. */
void status_socket_close(struct status_socket *socket);

#endif
