#include "app/fastcgi.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/limits.h"

enum {
	/*
	 * What is read of a body that is too large, so that the web server
	 * comes to read the refusal.  Ours lets 128 KiB pass.
	 */
	BODY_READ_BYTES_MAX = 1 << 20,
	/* nginx's $request_id has 32; others may be longer. */
	REQUEST_ID_CHARACTERS_MAX = 64,
	REQUEST_ID_RANDOM_BYTES = 16,
	/* As much as libfcgi reads at a time. */
	READ_BYTES = 8192,
};

_Static_assert((int)REQUEST_ID_RANDOM_BYTES <= (int)REQUEST_ENTROPY_BYTES,
    "the id is made of the request's entropy");

struct fastcgi {
	FCGX_Request request;
	struct span timeout;
	int listener;
	int stop;
	int events; /* epoll: listener and stop */
};

/*
 * The connection whose time is running, or -1.  When it is up, the handler
 * shuts the connection down: a read that waits finds its end, a write fails,
 * and so does every later one.  libfcgi reads in many small steps; a time-out
 * on each (SO_RCVTIMEO) would bound none of them together.
 */
static volatile sig_atomic_t timed_connection = -1;

static void
time_is_up(int signal)
{
	int saved = errno;

	(void)signal;
	if (timed_connection >= 0)
		shutdown(timed_connection, SHUT_RDWR);
	errno = saved;
}

static void
set_timer(struct span span)
{
	struct itimerval timer = {.it_value = {.tv_sec = span.us / 1000000,
				      .tv_usec = span.us % 1000000}};
	int result = setitimer(ITIMER_REAL, &timer, NULL);

	assert(result == 0);
}

static void
timer_start(struct fastcgi *fastcgi)
{
	assert(fastcgi->request.ipcFd >= 0);
	timed_connection = fastcgi->request.ipcFd;
	set_timer(fastcgi->timeout);
}

static void
timer_stop(void)
{
	timed_connection = -1;
	set_timer((struct span){0});
}

static void
watch(struct fastcgi *fastcgi, int file, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = file};

	if (epoll_ctl(fastcgi->events, EPOLL_CTL_ADD, file, &event) != 0)
		err(1, "epoll_ctl");
}

static void
set_handlers(void)
{
	struct sigaction alarm = {.sa_handler = time_is_up};

	/* FCGX_Init() has installed its own for SIGPIPE and SIGUSR1. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	alarm.sa_flags = SA_RESTART;
	if (sigaction(SIGALRM, &alarm, NULL) != 0)
		err(1, "sigaction");
}

struct fastcgi *
fastcgi_open(int listener, int stop, struct span timeout)
{
	struct fastcgi *fastcgi = calloc(1, sizeof(*fastcgi));

	assert(timeout.us > 0);
	if (fastcgi == NULL || FCGX_Init() != 0)
		errx(1, "cannot start libfcgi");
	set_handlers();
	/*
	 * No listening socket: FCGX_Accept_r() goes on to accept() when a
	 * connection turns out bad.  On -1 that fails at once, and the worker
	 * is back in its own loop.
	 */
	FCGX_InitRequest(&fastcgi->request, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	fastcgi->timeout = timeout;
	fastcgi->listener = listener;
	fastcgi->stop = stop;
	fastcgi->events = epoll_create1(EPOLL_CLOEXEC);
	if (fastcgi->events < 0)
		err(1, "epoll_create1");
	watch(fastcgi, stop, EPOLLIN);
	/* One connection wakes one worker, not all. */
	watch(fastcgi, listener, EPOLLIN | EPOLLEXCLUSIVE);
	return fastcgi;
}

void
fastcgi_close(struct fastcgi *fastcgi)
{
	assert(fastcgi->request.ipcFd == -1);
	close(fastcgi->events);
	free(fastcgi);
}

bool
fastcgi_wait(struct fastcgi *fastcgi)
{
	struct epoll_event events[2];
	bool ready = false;
	int count, i;

	while (!ready) {
		count = epoll_wait(fastcgi->events, events, 2, -1);
		if (count < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < count; i++) {
			if (events[i].data.fd == fastcgi->stop)
				return false;
			ready = true;
		}
	}
	return true;
}

bool
fastcgi_accept(struct fastcgi *fastcgi)
{
	FCGX_Request *request = &fastcgi->request;

	assert(request->ipcFd == -1);
	request->ipcFd = accept4(fastcgi->listener, NULL, NULL, SOCK_CLOEXEC);
	if (request->ipcFd >= 0)
		return true;
	/* EMFILE and the like would come back at once, for ever. */
	if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		err(1, "accept4");
	return false;
}

/* Ends the connection, whatever libfcgi thinks of keeping it. */
static void
hang_up(struct fastcgi *fastcgi)
{
	timer_stop();
	FCGX_Free(&fastcgi->request, 1);
	assert(fastcgi->request.ipcFd == -1);
}

/*
 * Has libfcgi read the parameters from our connection.
 *
 * With keepConnection its opening FCGX_Finish_r() leaves the connection
 * alone.  As "detached" it is closed without shutdown() and up to 2 s of
 * waiting for the other side.
 */
static bool
read_parameters(FCGX_Request *request)
{
	request->keepConnection = 1;
	request->detached = 1;
	if (FCGX_Accept_r(request) != 0) {
		request->ipcFd = -1;
		return false;
	}
	/* It takes the connection's end for the parameters' end. */
	return FCGX_GetError(request->in) == 0;
}

/* Borrowed from libfcgi; TEXT_NONE when it was not sent. */
static struct text
parameter(const FCGX_Request *request, const char *name)
{
	return text_of(FCGX_GetParam(name, request->envp));
}

static bool
parameter_is_repeated(const FCGX_Request *request, const char *name)
{
	size_t length = strlen(name);
	unsigned seen = 0;
	char **entry;

	for (entry = request->envp; *entry != NULL; entry++)
		if (strncmp(*entry, name, length) == 0 &&
		    (*entry)[length] == '=')
			seen++;
	return seen > 1;
}

struct copied_parameter {
	const char *name;
	size_t offset; /* of the text in struct request */
};

static const struct copied_parameter copied_parameters[] = {
    {"REQUEST_METHOD", offsetof(struct request, method)},
    {"CONTENT_TYPE", offsetof(struct request, content_type)},
    {"HTTP_AUTHORIZATION", offsetof(struct request, authorization)},
    {"HTTP_IDEMPOTENCY_KEY", offsetof(struct request, idempotency_key)},
    {"HTTP_X_API_VERSION", offsetof(struct request, api_version)},
    {"REMOTE_ADDR", offsetof(struct request, remote_address)},
};

enum {
	COPIED_PARAMETERS =
	    sizeof(copied_parameters) / sizeof(copied_parameters[0])
};

/* Copies a parameter; false when the arena is full. */
static bool
copy_parameter(const FCGX_Request *from, const char *name, struct arena *arena,
    struct text *to)
{
	struct text value = parameter(from, name);

	*to = TEXT_NONE;
	if (value.bytes == NULL)
		return true;
	*to = arena_copy(arena, value);
	return to->bytes != NULL;
}

static bool
copy_parameters(
    const FCGX_Request *from, struct arena *arena, struct request *request)
{
	struct text uri;
	const struct copied_parameter *row;
	size_t i;
	void *to;

	for (i = 0; i < COPIED_PARAMETERS; i++) {
		row = &copied_parameters[i];
		to = (char *)request + row->offset;
		if (!copy_parameter(from, row->name, arena, to))
			return false;
	}
	/* As the client sent it; DOCUMENT_URI would be decoded. */
	if (!copy_parameter(from, "REQUEST_URI", arena, &uri))
		return false;
	text_split(uri, '?', &request->path, &request->query);
	request->idempotency_key_repeated =
	    parameter_is_repeated(from, "HTTP_IDEMPOTENCY_KEY");
	return true;
}

/* ^req_[0-9a-zA-Z]{1,64}$ */
static bool
request_id_is_sound(struct text id)
{
	const struct text prefix = TEXT("req_");
	size_t i;

	if (!text_starts(id, prefix) || id.length == prefix.length ||
	    id.length > prefix.length + REQUEST_ID_CHARACTERS_MAX)
		return false;
	for (i = prefix.length; i < id.length; i++)
		if (!(id.bytes[i] >= '0' && id.bytes[i] <= '9') &&
		    !(id.bytes[i] >= 'a' && id.bytes[i] <= 'z') &&
		    !(id.bytes[i] >= 'A' && id.bytes[i] <= 'Z'))
			return false;
	return true;
}

static bool
choose_request_id(
    const FCGX_Request *from, struct arena *arena, struct request *request)
{
	char made[sizeof("req_") + 2 * REQUEST_ID_RANDOM_BYTES] = "req_";
	struct text id = parameter(from, "REQUEST_ID");

	if (!request_id_is_sound(id)) {
		bytes_to_hex(
		    request->entropy, REQUEST_ID_RANDOM_BYTES, made + 4);
		id = text_of(made);
	}
	request->id = arena_copy(arena, id);
	return request->id.bytes != NULL;
}

/* Reads and drops what is beyond the bound; true at the body's end. */
static bool
discard(FCGX_Stream *stream)
{
	char bytes[READ_BYTES];
	int count, total = 0;

	do {
		count = FCGX_GetStr(bytes, sizeof(bytes), stream);
		total += count;
	} while (count == sizeof(bytes) && total < BODY_READ_BYTES_MAX);
	return FCGX_GetError(stream) == 0;
}

/* What the body of `length` bytes is, by what was said about it. */
static enum body_state
judge_body(struct text said, size_t length)
{
	int64_t expected;

	if (said.length == 0)
		return BODY_WHOLE;
	if (!text_to_integer(said, 0, INT64_MAX, &expected))
		return BODY_SHORT;
	if (expected > BODY_BYTES_MAX)
		return BODY_TOO_LARGE;
	return (size_t)expected == length ? BODY_WHOLE : BODY_SHORT;
}

/*
 * Reads the body to its end.  A body of another length than its content
 * length, or with one that is no number, is BODY_SHORT: not what was meant.
 */
static bool
read_body(
    const FCGX_Request *from, struct arena *arena, struct request *request)
{
	FCGX_Stream *stream = from->in;
	char *bytes = arena_take(arena, BODY_BYTES_MAX + 1);
	int length;

	if (bytes == NULL)
		return false;
	/* One byte more than allowed tells a full body from a larger one. */
	length = FCGX_GetStr(bytes, BODY_BYTES_MAX + 1, stream);
	assert(length >= 0);
	if (length > BODY_BYTES_MAX) {
		request->body_state = BODY_TOO_LARGE;
		request->body = TEXT_NONE;
		return discard(stream);
	}
	request->body = (struct text){bytes, (size_t)length};
	request->body_state =
	    judge_body(parameter(from, "CONTENT_LENGTH"), request->body.length);
	if (request->body_state != BODY_WHOLE)
		request->body = TEXT_NONE;
	return FCGX_GetError(stream) == 0;
}

bool
fastcgi_read(
    struct fastcgi *fastcgi, struct arena *arena, struct request *request)
{
	FCGX_Request *from = &fastcgi->request;

	timer_start(fastcgi);
	if (!read_parameters(from) ||
	    !choose_request_id(from, arena, request) ||
	    !copy_parameters(from, arena, request) ||
	    !read_body(from, arena, request)) {
		hang_up(fastcgi);
		return false;
	}
	timer_stop();
	return true;
}

/* What would let one header become two (RFC 9112, section 11.1). */
static void
put_header_text(FCGX_Stream *stream, struct text text)
{
	assert(text.length == 0 ||
	       (memchr(text.bytes, '\r', text.length) == NULL &&
		   memchr(text.bytes, '\n', text.length) == NULL));
	if (text.length > 0)
		FCGX_PutStr(text.bytes, (int)text.length, stream);
}

/*
 * Errors of the single steps are left for the end: libfcgi keeps the first
 * one, and writes nothing more.
 */
static void
put_response(FCGX_Stream *stream, const struct response *response)
{
	const struct response_header *header;
	unsigned i;

	/* With a length, an answer that a dying worker cut is seen as cut. */
	FCGX_FPrintF(stream, "Status: %d ", response->status);
	put_header_text(stream, response->reason);
	FCGX_FPrintF(
	    stream, "\r\nContent-Length: %d\r\n", (int)response->body.length);
	for (i = 0; i < response->header_count; i++) {
		header = &response->headers[i];
		put_header_text(stream, header->name);
		FCGX_PutS(": ", stream);
		put_header_text(stream, header->value);
		FCGX_PutS("\r\n", stream);
	}
	FCGX_PutS("\r\n", stream);
	if (response->body.length > 0)
		FCGX_PutStr(
		    response->body.bytes, (int)response->body.length, stream);
}

bool
fastcgi_answer(struct fastcgi *fastcgi, const struct response *response)
{
	FCGX_Request *request = &fastcgi->request;
	bool taken;

	assert(response->status >= 100 && response->status <= 599);
	assert(response->header_count <= RESPONSE_HEADERS_MAX);
	assert(response->body.length < INT32_MAX);
	timer_start(fastcgi);
	put_response(request->out, response);
	/* The last write carries the rest of the body and the closing. */
	taken = FCGX_FClose(request->err) == 0;
	taken = FCGX_FClose(request->out) == 0 && taken;
	hang_up(fastcgi);
	return taken;
}
