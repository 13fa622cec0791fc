#include "app/status_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/status_socket.h"

enum { TIMEOUT_S = 5, REQUEST_BYTES = 128 };

static bool
fail(const char **reason)
{
	*reason = errno == EAGAIN || errno == EWOULDBLOCK
		      ? "nobody answers in time"
		      : strerror(errno);
	return false;
}

static int
call(const struct socket_address *address)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	int file =
	    socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved;

	if (file < 0)
		return -1;
	if (setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		sizeof(timeout)) == 0 &&
	    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &timeout,
		sizeof(timeout)) == 0 &&
	    connect(file, &address->any, address->length) == 0)
		return file;
	saved = errno;
	close(file);
	errno = saved;
	return -1;
}

/* HTTP/1.0: the answer ends with the connection. */
static bool
ask(int file, const char *path, struct buffer *answer, const char **reason)
{
	char bytes[REQUEST_BYTES];
	int length =
	    snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.0\r\n\r\n", path);
	char chunk[4096];
	ssize_t count;

	if (send(file, bytes, (size_t)length, MSG_NOSIGNAL) != length)
		return fail(reason);
	do {
		count = recv(file, chunk, sizeof(chunk), 0);
		if (count > 0)
			buffer_put(answer, chunk, (size_t)count);
	} while (count > 0 && !answer->overflow);
	if (count < 0)
		return fail(reason);
	*reason = "its answer is too long";
	return !answer->overflow;
}

/* Leaves the body alone in the buffer, if the answer is a good one. */
static bool
take_body(struct buffer *answer, const char **reason)
{
	static const char blank[] = "\r\n\r\n";
	static const char good[] = " 200 ";
	const size_t version = strlen("HTTP/1.x");
	const char *body =
	    memmem(answer->bytes, answer->length, blank, strlen(blank));

	*reason = "what it answers is no status";
	if (body == NULL || answer->length < version + strlen(good) ||
	    memcmp(answer->bytes + version, good, strlen(good)) != 0)
		return false;
	body += strlen(blank);
	answer->length -= (size_t)(body - answer->bytes);
	memmove(answer->bytes, body, answer->length);
	return true;
}

bool
status_get(const char *name, const char *path, struct buffer *body,
    const char **reason)
{
	struct socket_address address;
	bool answered;
	int file;

	*reason = "is neither an absolute path nor a loopback address";
	if (!status_address_read(name, &address))
		return false;
	file = call(&address);
	if (file < 0)
		return fail(reason);
	answered = ask(file, path, body, reason);
	close(file);
	return answered && take_body(body, reason);
}
