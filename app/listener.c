#include "app/listener.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/log.h"

/*
 * Connections that wait for a worker.  More than the web server lets run at
 * a time (limit_conn in nginx/nginx.conf), so that its own 503 comes before
 * a refused connection's 502; the kernel's default bound is 4096.
 */
enum { LISTEN_BACKLOG = 1024 };

/* False unless the file at `address` is a socket that nobody listens on. */
static bool
is_stale(const struct sockaddr_un *address)
{
	struct stat status;
	int probe, result;

	if (lstat(address->sun_path, &status) != 0 ||
	    !S_ISSOCK(status.st_mode)) {
		log_message("%s: in the way, and no socket", address->sun_path);
		return false;
	}
	/* Non-blocking: one that is only too busy to accept says EAGAIN. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return false;
	result =
	    connect(probe, (const struct sockaddr *)address, sizeof(*address));
	if (result != 0 && errno == ECONNREFUSED) {
		close(probe);
		return true;
	}
	log_message("%s: somebody listens there already", address->sun_path);
	close(probe);
	return false;
}

/* bind() with a mode of 0660; errno as bind()'s. */
static bool
bind_private(int file, const struct sockaddr_un *address)
{
	mode_t before = umask(0117);
	int result =
	    bind(file, (const struct sockaddr *)address, sizeof(*address));
	int saved = errno;

	umask(before);
	errno = saved;
	return result == 0;
}

bool
listener_open(struct listener *listener, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	bool bound;

	assert(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	listener->path = path;
	listener->file =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->file < 0) {
		log_message("socket: %s", strerror(errno));
		return false;
	}
	bound = bind_private(listener->file, &address);
	if (!bound && errno == EADDRINUSE) {
		if (!is_stale(&address))
			return false;
		unlink(path);
		bound = bind_private(listener->file, &address);
	}
	if (!bound || stat(path, &status) != 0 ||
	    listen(listener->file, LISTEN_BACKLOG) != 0) {
		log_message("%s: %s", path, strerror(errno));
		return false;
	}
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return true;
}

void
listener_close(struct listener *listener)
{
	struct stat status;

	if (stat(listener->path, &status) == 0 &&
	    status.st_dev == listener->device &&
	    status.st_ino == listener->inode)
		unlink(listener->path);
	close(listener->file);
	listener->file = -1;
}
