#include "app/status_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* Clients that wait to be accepted; they are few, and come again. */
enum { BACKLOG = 128 };

bool
status_address_read(const char *name, struct socket_address *address)
{
	return socket_address_parse(text_of(name), address) == NULL &&
	       socket_address_is_local(address);
}

/* A name beside it, as long, for while it is made: status.soc~ */
static void
rename_aside(char *path)
{
	char *last = path + strlen(path) - 1;

	*last = *last == '~' ? '_' : '~';
}

/*
 * Under another name first, and then in place of what is there: there is no
 * moment without a socket, and none in which it has another mode.
 */
static bool
bind_local(struct status_socket *socket, const struct socket_address *wanted)
{
	struct socket_address new = *wanted;
	struct stat status;
	bool bound;
	mode_t before;

	if (lstat(wanted->file.sun_path, &status) == 0 &&
	    !S_ISSOCK(status.st_mode)) {
		errno = EEXIST;
		return false;
	}
	rename_aside(new.file.sun_path);
	(void)unlink(new.file.sun_path);
	before = umask(0117);
	bound = bind(socket->file, &new.any, new.length) == 0;
	umask(before);
	if (!bound || stat(new.file.sun_path, &status) != 0 ||
	    listen(socket->file, BACKLOG) != 0 ||
	    rename(new.file.sun_path, wanted->file.sun_path) != 0)
		return false;
	socket->device = status.st_dev;
	socket->inode = status.st_ino;
	return true;
}

static bool
bind_tcp(struct status_socket *socket, const struct socket_address *wanted)
{
	const int on = 1;

	return setsockopt(socket->file, SOL_SOCKET, SO_REUSEADDR, &on,
		   sizeof(on)) == 0 &&
	       bind(socket->file, &wanted->any, wanted->length) == 0 &&
	       listen(socket->file, BACKLOG) == 0;
}

bool
status_socket_open(struct status_socket *opened, const char *name)
{
	struct socket_address address;
	bool bound = status_address_read(name, &address);
	int saved;

	assert(bound); /* settings.c has looked at it */
	*opened = (struct status_socket){.name = name};
	opened->file = socket(address.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (opened->file < 0)
		return false;
	bound = address.any.sa_family == AF_UNIX ? bind_local(opened, &address)
						 : bind_tcp(opened, &address);
	if (bound)
		return true;
	saved = errno;
	close(opened->file);
	opened->file = -1;
	errno = saved;
	return false;
}

void
status_socket_close(struct status_socket *socket)
{
	struct stat status;

	if (socket->file < 0)
		return;
	if (socket->name[0] == '/' && stat(socket->name, &status) == 0 &&
	    status.st_dev == socket->device && status.st_ino == socket->inode)
		unlink(socket->name);
	close(socket->file);
	socket->file = -1;
}
