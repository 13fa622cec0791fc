#include "app/fastcgi.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcgios.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "app/connections.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/heap.h"
#include "base/limits.h"

enum {
	/* nginx's $request_id has 32; others may be longer. */
	REQUEST_ID_CHARACTERS_MAX = 64,
	REQUEST_ID_RANDOM_BYTES = 16,
	/*
	 * The end of a last answer that must not be torn apart: END_REQUEST
	 * with what stands around it, and the record behind it.
	 */
	LAST_TAIL_BYTES = 1024,
	/* libfcgi wants a file to read from; should one be touched: EBADF. */
	NO_FILE = INT_MAX,
};

_Static_assert((int)REQUEST_ID_RANDOM_BYTES <= (int)REQUEST_ENTROPY_BYTES,
    "the id is made of the request's entropy");
_Static_assert((int)CONNECTION_ID_BYTES >
		   (int)(sizeof("req_") + REQUEST_ID_CHARACTERS_MAX),
    "a connection has room for its request's id");

/*
 * Behind the last answer on a connection that the web server wants to keep:
 * FCGI_GET_VALUES_RESULT without a value (FastCGI 1.0, section 4.1), a
 * management record that says nothing and that nobody waits for.
 *
 * nginx keeps a connection where END_REQUEST ends with the bytes that it has
 * read, and finds out later that the other side has closed it: a request that
 * it sends meanwhile is lost, and `fastcgi_next_upstream off` makes that a
 * 502.  Where anything follows, it gives the connection up.
 */
static const uint8_t parting[8] = {1, 10};

struct fastcgi {
	struct connections connections;
};

/* -- libfcgi's side of the connection ------------------------------------ */

/*
 * What libfcgi reads, and where it writes.  It has no argument for either;
 * the linker leads its calls to the __wrap_ functions (ld's --wrap; the flags
 * are in the Makefile).
 */
static struct exchange {
	const uint8_t *input;
	size_t input_bytes;
	uint8_t *output;
	size_t output_bytes;
	size_t output_room;
} exchange;

int __wrap_OS_Read(int file, char *to, size_t size);
int __wrap_OS_Write(int file, char *bytes, size_t size);
int __wrap_OS_Accept(int listener, int fail, const char *addresses);
int __wrap_OS_IpcClose(int file, int shut);

/* Where the bytes end, libfcgi sees the connection's end. */
int
__wrap_OS_Read(int file, char *to, size_t size)
{
	size_t count =
	    size < exchange.input_bytes ? size : exchange.input_bytes;

	assert(file == NO_FILE);
	assert(size <= INT_MAX);
	if (count > 0)
		memcpy(to, exchange.input, count);
	exchange.input += count;
	exchange.input_bytes -= count;
	return (int)count;
}

int
__wrap_OS_Write(int file, char *bytes, size_t size)
{
	assert(file == NO_FILE);
	assert(size <= INT_MAX);
	if (size > exchange.output_room - exchange.output_bytes) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(exchange.output + exchange.output_bytes, bytes, size);
	exchange.output_bytes += size;
	return (int)size;
}

/* After a bad request libfcgi wants another connection: not from here. */
int
__wrap_OS_Accept(int listener, int fail, const char *addresses)
{
	(void)listener;
	(void)fail;
	(void)addresses;
	errno = EBADF;
	return -1;
}

int
__wrap_OS_IpcClose(int file, int shut)
{
	(void)file;
	(void)shut;
	return 0;
}

/* -- The beginning and the end ------------------------------------------- */

struct fastcgi *
fastcgi_open(const struct fastcgi_options *options)
{
	struct fastcgi *fastcgi = calloc(1, sizeof(*fastcgi));

	if (fastcgi == NULL || FCGX_Init() != 0)
		errx(1, "cannot start libfcgi");
	/* FCGX_Init() has installed its own. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	connections_open(&fastcgi->connections, options);
	return fastcgi;
}

void
fastcgi_close(struct fastcgi *fastcgi)
{
	connections_close(&fastcgi->connections);
	free(fastcgi);
}

enum fastcgi_event
fastcgi_wait(struct fastcgi *fastcgi, bool requests, struct span until,
    struct connection **connection)
{
	return connections_wait(
	    &fastcgi->connections, requests, until, connection);
}

void
fastcgi_drain(struct fastcgi *fastcgi)
{
	connections_drain(&fastcgi->connections);
}

void
fastcgi_hang_up(struct fastcgi *fastcgi)
{
	connections_hang_up(&fastcgi->connections);
}

unsigned
fastcgi_connections(const struct fastcgi *fastcgi)
{
	return fastcgi->connections.count;
}

/* -- A request ----------------------------------------------------------- */

/*
 * Has libfcgi read the parameters.  With keepConnection its opening
 * FCGX_Finish_r() leaves our file, which is none, in its place.
 */
static bool
read_parameters(FCGX_Request *request)
{
	FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	request->ipcFd = NO_FILE;
	request->keepConnection = 1;
	if (FCGX_Accept_r(request) != 0)
		return false;
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
		return FCGX_GetError(stream) == 0;
	}
	arena_keep(arena, bytes, (size_t)length);
	request->body = (struct text){bytes, (size_t)length};
	request->body_state =
	    judge_body(parameter(from, "CONTENT_LENGTH"), request->body.length);
	if (request->body_state != BODY_WHOLE)
		request->body = TEXT_NONE;
	return FCGX_GetError(stream) == 0;
}

static bool
read_request(FCGX_Request *from, struct arena *arena, struct request *request)
{
	return read_parameters(from) &&
	       choose_request_id(from, arena, request) &&
	       copy_parameters(from, arena, request) &&
	       read_body(from, arena, request);
}

bool
fastcgi_read(struct fastcgi *fastcgi, struct connection *connection,
    struct arena *arena, struct request *request)
{
	FCGX_Request *from = arena_take(arena, sizeof(*from));
	struct heap heap = {.arena = arena};
	volatile bool good = false;

	assert(connection->state == CONNECTION_BUSY);
	exchange = (struct exchange){.input = connection->input,
	    .input_bytes =
		framing_strip(connection->input, connection->framing.next)};
	heap_enter(&heap);
	if (setjmp(heap.full) == 0)
		good = from != NULL && read_request(from, arena, request);
	heap_leave();
	if (!good) {
		connections_drop(&fastcgi->connections, connection);
		return false;
	}
	connection->request = from;
	text_copy(request->id, connection->id, sizeof(connection->id));
	connections_taken(&fastcgi->connections, connection);
	return true;
}

/* -- An answer ----------------------------------------------------------- */

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

/* libfcgi's printf takes far longer than all else that is written here. */
static void
put_number(FCGX_Stream *stream, size_t number)
{
	char digits[24];
	struct buffer buffer;

	buffer_init(&buffer, digits, sizeof(digits));
	buffer_put_integer(&buffer, (int64_t)number);
	put_header_text(stream, buffer_text(&buffer));
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
	FCGX_PutS("Status: ", stream);
	put_number(stream, (size_t)response->status);
	FCGX_PutS(" ", stream);
	put_header_text(stream, response->reason);
	FCGX_PutS("\r\nContent-Length: ", stream);
	put_number(stream, response->body.length);
	FCGX_PutS("\r\n", stream);
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

/* Into memory, with what ends the request; false: there was no room. */
static bool
frame(FCGX_Request *request, const struct response *response)
{
	put_response(request->out, response);
	return FCGX_FClose(request->err) == 0 && FCGX_FClose(request->out) == 0;
}

static void
add_parting(void)
{
	memcpy(
	    exchange.output + exchange.output_bytes, parting, sizeof(parting));
	exchange.output_bytes += sizeof(parting);
}

void
fastcgi_answer(struct fastcgi *fastcgi, struct connection *connection,
    struct arena *arena, const struct response *response)
{
	struct connections *connections = &fastcgi->connections;
	FCGX_Request *request = connection->request;
	const size_t room = arena_left(arena);
	struct heap heap = {.arena = arena};
	size_t tail = 0;
	volatile bool framed = false;

	assert(response->status >= 100 && response->status <= 599);
	assert(response->header_count <= RESPONSE_HEADERS_MAX);
	assert(response->body.length < INT32_MAX);
	exchange = (struct exchange){.output = arena_take(arena, room),
	    .output_room = room < sizeof(parting) ? 0 : room - sizeof(parting)};
	heap_enter(&heap);
	if (setjmp(heap.full) == 0)
		framed = frame(request, response);
	heap_leave();
	if (!framed) {
		connections_lose(
		    connections, connection, "no room to frame the answer");
		return;
	}
	connection->last =
	    connection->last || connections_want_room(connections);
	if (connection->last && request->keepConnection) {
		add_parting();
		tail = LAST_TAIL_BYTES;
	}
	connection->last = connection->last || !request->keepConnection;
	arena_keep(arena, exchange.output, exchange.output_bytes);
	connections_answer(connections, connection, exchange.output,
	    exchange.output_bytes, tail);
}
