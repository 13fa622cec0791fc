#include "app/log_sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MODE = 0640,
	/* `<30>Jan  2 03:04:05 intentd[1234567]: ` and a NUL. */
	SYSLOG_HEADER_BYTES = 64,
};

static const struct text stderr_place = {"stderr", sizeof("stderr") - 1};
static const struct text syslog_place = {"syslog", sizeof("syslog") - 1};
static const struct text syslog_prefix = {"syslog:", sizeof("syslog:") - 1};

static bool
is_syslog(struct text place)
{
	return text_equal(place, syslog_place) ||
	       text_starts(place, syslog_prefix);
}

/* The path of the syslog's socket. */
static struct text
syslog_path(struct text place)
{
	return text_starts(place, syslog_prefix)
		   ? text_after(place, syslog_prefix.length)
		   : TEXT(_PATH_LOG);
}

bool
log_sink_is_sound(struct text place)
{
	const struct sockaddr_un *address = NULL;
	struct text path = place;

	if (text_equal(place, stderr_place))
		return true;
	if (is_syslog(place))
		path = syslog_path(place);
	if (path.length < 2 || path.bytes[0] != '/')
		return false;
	return !is_syslog(place) || path.length < sizeof(address->sun_path);
}

struct log_sink
log_sink_of(const char *place)
{
	assert(log_sink_is_sound(text_of(place)));
	return (struct log_sink){.place = place, .file = -1};
}

/* Whatever the umask is, so that the group can read the log. */
static int
open_file(const char *path)
{
	const mode_t mask = umask(0777 & ~FILE_MODE);
	int file = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    FILE_MODE);
	int error = errno;

	umask(mask);
	errno = error;
	return file;
}

/* Not connected: a syslog that is started anew is found by its path. */
static int
open_syslog(void)
{
	const struct timeval limit = {.tv_usec = SINK_WAIT_MS * 1000};
	int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (file >= 0)
		(void)setsockopt(
		    file, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return file;
}

bool
log_sink_open(struct log_sink *sink)
{
	const struct text place = text_of(sink->place);

	if (sink->file >= 0)
		return true;
	if (text_equal(place, stderr_place))
		sink->file = STDERR_FILENO;
	else if (is_syslog(place))
		sink->file = open_syslog();
	else
		sink->file = open_file(sink->place);
	return sink->file >= 0;
}

void
log_sink_close(struct log_sink *sink)
{
	if (sink->file >= 0 && sink->file != STDERR_FILENO)
		close(sink->file);
	sink->file = -1;
	sink->torn = false;
}

/* The header of RFC 3164, as syslog(3) writes it, with its local time. */
static size_t
syslog_header(int level, char to[SYSLOG_HEADER_BYTES])
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const time_t now = time(NULL);
	struct tm local = {0};

	localtime_r(&now, &local);
	return (size_t)snprintf(to, SYSLOG_HEADER_BYTES,
	    "<%d>%.3s %2d %02d:%02d:%02d intentd[%d]: ", LOG_DAEMON | level,
	    months + 3 * (local.tm_mon % 12), local.tm_mday % 100,
	    local.tm_hour % 100, local.tm_min % 100, local.tm_sec % 100,
	    (int)getpid());
}

static bool
write_syslog(struct log_sink *sink, int level, struct text line)
{
	const struct text path = syslog_path(text_of(sink->place));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char header[SYSLOG_HEADER_BYTES];
	struct iovec parts[] = {
	    {header, syslog_header(level, header)},
	    /* A datagram is a line without its end. */
	    {(void *)line.bytes, line.length - 1},
	};
	const struct msghdr message = {
	    .msg_name = &address,
	    .msg_namelen = sizeof(address),
	    .msg_iov = parts,
	    .msg_iovlen = sizeof(parts) / sizeof(parts[0]),
	};
	const int flags = MSG_NOSIGNAL | (sink->lost > 0 ? MSG_DONTWAIT : 0);

	text_copy(path, address.sun_path, sizeof(address.sun_path));
	return sendmsg(sink->file, &message, flags) >= 0;
}

/* A file is always ready; a pipe is when it has room for a line. */
static bool
is_ready(const struct log_sink *sink)
{
	struct pollfd file = {.fd = sink->file, .events = POLLOUT};

	if (poll(&file, 1, sink->lost > 0 ? 0 : SINK_WAIT_MS) > 0)
		return true;
	errno = EAGAIN;
	return false;
}

/* What is left of a line that was cut is ended before the next one. */
static bool
write_bytes(struct log_sink *sink, struct text line)
{
	struct iovec parts[] = {
	    {"\n", 1},
	    {(void *)line.bytes, line.length},
	};
	const size_t wanted = line.length + sink->torn;
	ssize_t written;

	if (!is_ready(sink))
		return false;
	do
		written =
		    writev(sink->file, parts + !sink->torn, sink->torn ? 2 : 1);
	while (written < 0 && errno == EINTR);
	if (written > 0)
		sink->torn = (size_t)written < wanted;
	if (written >= 0 && (size_t)written < wanted)
		errno = ENOSPC;
	return written >= 0 && (size_t)written == wanted;
}

bool
log_sink_write(struct log_sink *sink, int level, struct text line)
{
	bool written;

	assert(line.length > 1 && line.bytes[line.length - 1] == '\n');
	written =
	    log_sink_open(sink) &&
	    (is_syslog(text_of(sink->place)) ? write_syslog(sink, level, line)
					     : write_bytes(sink, line));
	sink->lost += !written;
	return written;
}
