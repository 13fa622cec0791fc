#include "app/status_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/*
 * Clients that wait to be accepted: all that the web server lets run at a time
 * (nginx/nginx.conf, limit_conn), or anybody could have a balancer's look at
 * /healthz refused.
 */
enum { BACKLOG = 1024 };

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

/* 0: nobody has this id. */
static pid_t
parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	/* Our own names have no blank (PR_SET_NAME). */
	if (fscanf(file, "%*d %*s %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

/* Whether another server answers there; its processes are not our kin. */
static bool
is_anothers(const struct socket_address *address)
{
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	bool answers;
	pid_t parent;

	if (probe < 0)
		return false;
	/* Who called listen(2), and not who accepts (unix(7)). */
	answers = connect(probe, &address->any, address->length) == 0 &&
		  getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
	close(probe);
	if (!answers || peer.pid == getpid())
		return false;
	parent = parent_of(peer.pid);
	return parent != 0 && parent != getppid() &&
	       parent != parent_of(getppid());
}

/*
 * Under another name first, and then in place of what is there: there is no
 * moment without a socket, and none in which it has another mode.
 */
static bool
bind_local(struct status_socket *socket, const struct socket_address *wanted,
    gid_t group)
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
	if (is_anothers(wanted)) {
		errno = EADDRINUSE;
		return false;
	}
	rename_aside(new.file.sun_path);
	(void)unlink(new.file.sun_path);
	before = umask(0117);
	bound = bind(socket->file, &new.any, new.length) == 0;
	umask(before);
	bound = bound && stat(new.file.sun_path, &status) == 0;
	/* Where that is not allowed the group that it has does as well. */
	if (bound && group != (gid_t)-1 && group != status.st_gid)
		(void)!chown(new.file.sun_path, (uid_t)-1, group);
	if (!bound || listen(socket->file, BACKLOG) != 0 ||
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
status_socket_open(struct status_socket *opened, const char *name, gid_t group)
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
	bound = address.any.sa_family == AF_UNIX
		    ? bind_local(opened, &address, group)
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
