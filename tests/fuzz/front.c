#include "front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/connection.h"
#include "app/fastcgi.h"
#include "app/metrics.h"
#include "engine/engine.h"
#include "front_answers.h"
#include "fuzz.h"

enum {
	/* As app/tasks.c has them. */
	SCRATCH_BYTES = 512 << 20,
	ARENA_BYTES = 4 << 20,
	/* Looks at the kernel without news: nothing more will come. */
	QUIET_LOOKS = 4,
	ANSWERS_MAX = 64,
	REPLY_BYTES_MAX = 16 << 20,
	REQUEST_NAME_BYTES = 72,
};

/* A request that was read: what its answer must say. */
struct asked {
	unsigned id;
	char name[REQUEST_NAME_BYTES];
};

struct front {
	struct stall *stall;
	struct fastcgi *fastcgi;
	struct sockaddr_un address;
	socklen_t address_bytes;
	struct arena arena;
	struct arena scratch;
	struct command command;
	struct outcome outcome;
	struct asked asked[ANSWERS_MAX];
	unsigned asked_count;
	unsigned judged; /* of them */
	size_t judged_bytes;
	size_t length; /* of what came back */
};

static struct front front_of_process;
static uint8_t reply[REPLY_BYTES_MAX];

/* -- The beginning --------------------------------------------------------- */

static void
open_arena(struct arena *arena, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(memory != MAP_FAILED);
	arena_init(arena, memory, bytes);
}

/* An abstract address that the kernel chooses: no file (unix(7)). */
static int
open_listener(struct front *front)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	front->address.sun_family = AF_UNIX;
	front->address_bytes = sizeof(front->address.sun_family);
	MUST(bind(listener, (struct sockaddr *)&front->address,
		 front->address_bytes) == 0);
	front->address_bytes = sizeof(front->address);
	MUST(getsockname(listener, (struct sockaddr *)&front->address,
		 &front->address_bytes) == 0);
	MUST(listen(listener, 4) == 0);
	return listener;
}

struct front *
front_open(struct stall *stall)
{
	struct front *front = &front_of_process;
	struct shared_metrics *shared = calloc(1, metrics_bytes(1));
	struct metrics metrics;
	struct fastcgi_options options = {
	    .stop = eventfd(0, 0),
	    .bell = -1,
	    .connections_max = 8,
	    .timeout = span_from_seconds(24 * 60 * 60),
	};

	MUST(shared != NULL);
	metrics_init(&metrics, shared, 1);
	options.metrics = &shared->processes[0];
	options.listener = open_listener(front);
	front->stall = stall;
	open_arena(&front->arena, ARENA_BYTES);
	open_arena(&front->scratch, SCRATCH_BYTES);
	front->fastcgi = fastcgi_open(&options);
	return front;
}

/* -- A request ------------------------------------------------------------- */

/* To the end of all that follows of a command, at once. */
static void
run(struct front *front, struct command *command)
{
	struct engine *engine = front->stall->service.engine;
	const struct span forever = {INT64_MAX / 2};
	struct span rest;
	unsigned turns = 0;

	front->stall->changed = true;
	do {
		engine_apply(engine, command, &front->outcome);
		MUST(turns++ < 8);
	} while (engine_goes_on(
	    engine, command, &front->outcome, forever, command, &rest));
}

static void
answer(struct front *front, struct connection *connection)
{
	const struct workspace workspace = {
	    .arena = &front->arena,
	    .scratch = &front->scratch,
	    .command = &front->command,
	    .outcome = &front->outcome,
	};
	struct request request = {.now = INSTANT_NEVER};
	struct asked *asked = &front->asked[front->asked_count];
	struct response response;
	struct handling *handling;

	MUST(front->asked_count < ANSWERS_MAX);
	asked->id = connection->framing.id;
	stall_stamp(front->stall, &request);
	if (!fastcgi_read(front->fastcgi, connection, &front->arena, &request))
		return;
	front->asked_count++;
	(void)text_copy(request.id, asked->name, sizeof(asked->name));
	handling = handle_begin(
	    &front->stall->service, &workspace, &request, &response);
	if (handle_waits(handling)) {
		run(front, &front->command);
		handle_end(handling);
	}
	fastcgi_answer(front->fastcgi, connection, &front->scratch, &response);
	if (handle_rest(handling))
		run(front, &front->command);
}

/* -- A connection ---------------------------------------------------------- */

static int
call(struct front *front)
{
	int file = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	MUST(file >= 0);
	MUST(connect(file, (struct sockaddr *)&front->address,
		 front->address_bytes) == 0);
	return file;
}

static void
hear(struct front *front, int file)
{
	ssize_t count;

	for (;;) {
		MUST(front->length < sizeof(reply));
		count = read(
		    file, reply + front->length, sizeof(reply) - front->length);
		if (count <= 0)
			break;
		front->length += (size_t)count;
	}
}

/* Judges the answers that have come whole: all that were asked for. */
static void
judge(struct front *front)
{
	struct text rest = {(const char *)reply + front->judged_bytes,
	    front->length - front->judged_bytes};
	struct front_answer found;
	struct asked *asked;

	while (front->judged < front->asked_count) {
		asked = &front->asked[front->judged];
		front_take_answer(
		    &rest, asked->id, text_of(asked->name), &found);
		stall_note_id(front->stall, found.id);
		front->judged++;
		/* Nothing follows what was the last one. */
		MUST(!found.last || rest.length == 0);
	}
	MUST(rest.length == 0);
	front->judged_bytes = front->length;
}

/* Works until there is nothing to be done. */
static void
work(struct front *front, int file)
{
	/* A time that has long come: never to wait. */
	const struct span past = {1};
	struct connection *connection;
	unsigned quiet = 0;

	while (quiet < QUIET_LOOKS) {
		if (fastcgi_wait(front->fastcgi, true, past, &connection) !=
		    FASTCGI_REQUEST) {
			quiet++;
			continue;
		}
		quiet = 0;
		answer(front, connection);
		arena_reset(&front->arena);
		arena_reset(&front->scratch);
		hear(front, file);
	}
	hear(front, file);
	judge(front);
}

static void
send_piece(struct front *front, int file, struct text piece)
{
	ssize_t count;

	while (piece.length > 0) {
		count = send(file, piece.bytes, piece.length, MSG_NOSIGNAL);
		/* It was closed: what is left, nobody reads. */
		if (count < 0 && errno != EAGAIN)
			break;
		if (count > 0)
			piece = text_after(piece, (size_t)count);
		if (piece.length > 0)
			work(front, file);
	}
}

void
front_talk(struct front *front, struct text bytes, size_t piece_bytes,
    struct front_result *result)
{
	int file = call(front);
	struct text rest = bytes, piece;

	front->asked_count = 0;
	front->judged = 0;
	front->judged_bytes = 0;
	front->length = 0;
	work(front, file);
	while (rest.length > 0) {
		piece = rest;
		if (piece.length > piece_bytes)
			piece.length = piece_bytes;
		rest = text_after(rest, piece.length);
		send_piece(front, file, piece);
		work(front, file);
	}
	(void)shutdown(file, SHUT_WR);
	work(front, file);
	close(file);
	work(front, -1);
	MUST(fastcgi_connections(front->fastcgi) == 0);
	*result = (struct front_result){
	    .answers = front->judged,
	    .bytes = reply,
	    .length = front->length,
	};
}
