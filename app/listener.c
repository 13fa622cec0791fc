#include "app/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/identity.h"
#include "app/log.h"
#include "app/notify.h"
#include "app/standard_files.h"

/*
 * Connections that wait for a worker.  More than the web server lets run at
 * a time (limit_conn in nginx/nginx.conf), so that its own 503 comes before
 * a refused connection's 502; the kernel's default bound is 4096.
 */
enum { LISTEN_BACKLOG = 1024 };

/* -- Made here ----------------------------------------------------------- */

/* Whose a unix socket is to be, and who may use it. */
struct access {
	id_t owner;
	id_t group;
	mode_t mode;
};

static bool
choose_access(const struct settings *settings, struct access *access)
{
	access->mode = (mode_t)strtoul(settings->socket_mode, NULL, 8);
	return identity_find_user(
		   "socket_owner", settings->socket_owner, &access->owner) &&
	       identity_find_group(
		   "socket_group", settings->socket_group, &access->group);
}

/* False unless the file at `address` is a socket that nobody listens on. */
static bool
is_stale(const struct socket_address *address)
{
	const char *path = address->file.sun_path;
	struct stat status;
	int probe, result;

	if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
		log_message("%s: in the way, and no socket", path);
		return false;
	}
	/* Non-blocking: one that is only too busy to accept says EAGAIN. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return false;
	result = connect(probe, &address->any, address->length);
	if (result != 0 && errno == ECONNREFUSED) {
		close(probe);
		return true;
	}
	log_message("%s: somebody listens there already", path);
	close(probe);
	return false;
}

/* bind() to a file that only its owner may use; errno as bind()'s. */
static bool
bind_private(int file, const struct socket_address *address)
{
	mode_t before = umask(0177);
	int result = bind(file, &address->any, address->length);
	int saved = errno;

	umask(before);
	errno = saved;
	return result == 0;
}

/* Notes which file it is, to know it again. */
static bool
note_file(struct listener *listener, const char *path)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return false;
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	listener->removes = true;
	return true;
}

/* Before it listens: until then nobody can connect, not even root. */
static bool
give_away(const char *path, const struct access *access)
{
	/* Under intentd.service even a chown() that changes nothing fails. */
	if ((access->owner != IDENTITY_NONE ||
		access->group != IDENTITY_NONE) &&
	    lchown(path, access->owner, access->group) != 0) {
		log_message("%s: socket_owner, socket_group: %s", path,
		    strerror(errno));
		return false;
	}
	if (fchmodat(AT_FDCWD, path, access->mode, AT_SYMLINK_NOFOLLOW) != 0) {
		log_message("%s: socket_mode: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool
bind_file(struct listener *listener, const struct socket_address *address,
    const struct settings *settings)
{
	const char *path = address->file.sun_path;
	struct access access;
	bool bound;

	if (!choose_access(settings, &access))
		return false;
	bound = bind_private(listener->file, address);
	if (!bound && errno == EADDRINUSE) {
		if (!is_stale(address))
			return false;
		unlink(path);
		bound = bind_private(listener->file, address);
	}
	if (bound && note_file(listener, path))
		return give_away(path, &access);
	log_message("%s: %s", path, strerror(errno));
	return false;
}

/* What is set here, connections that are accepted inherit (tcp(7)). */
static bool
set_option(int file, int level, int option)
{
	const int on = 1;

	return setsockopt(file, level, option, &on, sizeof(on)) == 0;
}

/*
 * A restart does not wait for the last connections' TIME_WAIT; `::` is no
 * address of IPv4.
 */
static bool
bind_tcp(struct listener *listener, const struct socket_address *address)
{
	const int file = listener->file;
	const bool is_inet6 = address->any.sa_family == AF_INET6;

	if (set_option(file, SOL_SOCKET, SO_REUSEADDR) &&
	    (!is_inet6 || set_option(file, IPPROTO_IPV6, IPV6_V6ONLY)) &&
	    bind(file, &address->any, address->length) == 0)
		return true;
	log_message("%s: %s", listener->name, strerror(errno));
	return false;
}

/* An answer is written at once; nothing is won by waiting for more of it. */
static bool
is_prompt(const struct listener *listener, sa_family_t family)
{
	if (family == AF_UNIX ||
	    set_option(listener->file, IPPROTO_TCP, TCP_NODELAY))
		return true;
	log_message("%s: TCP_NODELAY: %s", listener->name, strerror(errno));
	return false;
}

static bool
start_listening(struct listener *listener, const struct socket_address *address,
    const struct settings *settings)
{
	const sa_family_t family = address->any.sa_family;
	const bool bound = family == AF_UNIX
			       ? bind_file(listener, address, settings)
			       : bind_tcp(listener, address);

	if (!bound || !is_prompt(listener, family))
		return false;
	if (listen(listener->file, LISTEN_BACKLOG) == 0)
		return true;
	log_message("%s: %s", listener->name, strerror(errno));
	return false;
}

static bool
make(struct listener *listener, const struct settings *settings)
{
	struct socket_address address;
	const char *wrong =
	    socket_address_parse(text_of(settings->socket), &address);

	assert(wrong == NULL);
	*listener = (struct listener){.origin = "", .made = true};
	socket_address_name(&address, listener->name);
	listener->file = socket(address.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->file < 0) {
		log_message("%s: %s", listener->name, strerror(errno));
		return false;
	}
	if (start_listening(listener, &address, settings))
		return true;
	listener_close(listener);
	return false;
}

/* -- Handed over --------------------------------------------------------- */

static int
option_of(int file, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(file, SOL_SOCKET, option, &value, &size) == 0 ? value
									: -1;
}

static bool
is_listening(int file)
{
	return option_of(file, SO_TYPE) == SOCK_STREAM &&
	       option_of(file, SO_ACCEPTCONN) == 1;
}

bool
listener_take(struct listener *listener, int file)
{
	struct socket_address address;
	const int flags = fcntl(file, F_GETFL);

	*listener = (struct listener){.file = -1, .origin = ", taken over"};
	if (!is_listening(file) || !socket_address_of(file, &address)) {
		log_message("file %d is no stream socket that listens on a "
			    "path or for TCP",
		    file);
		return false;
	}
	socket_address_name(&address, listener->name);
	if (flags < 0 || fcntl(file, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(file, F_SETFD, FD_CLOEXEC) != 0) {
		log_message("%s: %s", listener->name, strerror(errno));
		return false;
	}
	listener->file = file;
	if (is_prompt(listener, address.any.sa_family))
		return true;
	listener->file = -1;
	return false;
}

/* Takes what the start of the program has brought, or closes it. */
static bool
take_handed(struct listener *listener, int file, const char *origin,
    const struct settings *settings)
{
	struct socket_address address;
	bool good = listener_take(listener, file);

	listener->origin = origin;
	if (good && settings->allow_remote == ALLOW_REMOTE_NO) {
		good = socket_address_of(file, &address) &&
		       socket_address_is_local(&address);
		if (!good)
			log_message("%s%s: is not of this host alone, which "
				    "takes allow_remote = yes",
			    listener->name, origin);
	}
	if (!good)
		close(file);
	return good;
}

/* The number that was standard input's is not the socket's any more. */
static bool
take_standard_input(struct listener *listener, const struct settings *settings)
{
	int file = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (file < 0 || !standard_files_drop_input()) {
		log_message("standard input: %s", strerror(errno));
		return false;
	}
	return take_handed(listener, file, " from standard input", settings);
}

/* -- Both ---------------------------------------------------------------- */

bool
listener_open(struct listener *listener, const struct settings *settings)
{
	int first;
	const int count = notify_sockets(&first);

	if (count < 0)
		log_message("sockets from systemd: %s", strerror(-count));
	else if (count > 1)
		log_message("systemd has handed over %d sockets, and one is "
			    "what it takes",
		    count);
	if (count < 0 || count > 1)
		return false;
	if (count == 1)
		return take_handed(listener, first, " from systemd", settings);
	if (is_listening(STDIN_FILENO))
		return take_standard_input(listener, settings);
	return make(listener, settings);
}

gid_t
listener_group(int file)
{
	struct socket_address address;
	struct stat status;

	if (!socket_address_of(file, &address) ||
	    address.any.sa_family != AF_UNIX ||
	    address.file.sun_path[0] == '\0' ||
	    stat(address.file.sun_path, &status) != 0)
		return (gid_t)-1;
	return status.st_gid;
}

bool
listener_is_at(const struct listener *listener, const char *socket)
{
	struct socket_address address;
	char name[SOCKET_NAME_BYTES];

	if (socket_address_parse(text_of(socket), &address) != NULL)
		return false;
	socket_address_name(&address, name);
	return strcmp(name, listener->name) == 0;
}

void
listener_own(struct listener *listener)
{
	listener->made = true;
	if (listener->name[0] == '/')
		listener->removes = note_file(listener, listener->name);
}

void
listener_forget(struct listener *listener)
{
	close(listener->file);
	listener->file = -1;
}

void
listener_close(struct listener *listener)
{
	struct stat status;

	if (listener->removes && lstat(listener->name, &status) == 0 &&
	    status.st_dev == listener->device &&
	    status.st_ino == listener->inode)
		unlink(listener->name);
	listener_forget(listener);
}
