#include "app/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"

enum {
	/*
	 * A write up to here is one piece of an unix socket's queue; Linux
	 * cuts longer ones into pieces of about 36 KiB.
	 */
	PIECE_BYTES = 16 * 1024,
};

_Static_assert((int)CONNECTION_READ_BYTES <= (int)REQUEST_BYTES_MAX,
    "what was read at once fits into the connection's own memory");

static uint8_t *
map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void
unmap(uint8_t *memory, size_t bytes)
{
	int result;

	if (memory == NULL)
		return;
	result = munmap(memory, bytes);
	assert(result == 0);
}

/* Memory that others read into next, without the key that lies there. */
static void
leave_shared(struct connection *connection)
{
	if (connection->input_bytes > 0 &&
	    connection->input != connection->memory)
		explicit_bzero(connection->input, connection->input_bytes);
}

static void
drop_input(struct connection *connection)
{
	leave_shared(connection);
	unmap(connection->memory, REQUEST_BYTES_MAX);
	connection->memory = NULL;
	connection->memory_bytes = 0;
	connection->input = NULL;
	connection->input_bytes = 0;
}

static void
drop_output(struct connection *connection)
{
	unmap(connection->output, connection->output_bytes);
	connection->output = NULL;
	connection->output_bytes = 0;
	connection->output_sent = 0;
}

void
connection_open(struct connection *connection, int file)
{
	assert(connection->state == CONNECTION_CLOSED);
	assert(file >= 0);
	*connection =
	    (struct connection){.file = file, .state = CONNECTION_IDLE};
}

void
connection_close(struct connection *connection)
{
	assert(connection->state != CONNECTION_CLOSED);
	drop_input(connection);
	drop_output(connection);
	close(connection->file);
	connection->file = -1;
	connection->state = CONNECTION_CLOSED;
}

/* What lies in memory of the connection's own counts, even if it has gone. */
static void
count_memory(struct connection *connection)
{
	if (connection->memory != NULL &&
	    connection->memory_bytes < connection->input_bytes)
		connection->memory_bytes = connection->input_bytes;
}

/* Makes what lies in shared memory, from `bytes` on, the connection's own. */
static bool
keep_input(struct connection *connection, uint8_t *bytes, size_t count)
{
	if (connection->memory == NULL)
		connection->memory = map(REQUEST_BYTES_MAX);
	if (connection->memory == NULL)
		return false;
	if (bytes != connection->memory && count > 0)
		memmove(connection->memory, bytes, count);
	leave_shared(connection);
	if (connection->input == connection->memory)
		explicit_bzero(connection->memory + count,
		    connection->input_bytes - count);
	connection->input = connection->memory;
	connection->input_bytes = count;
	count_memory(connection);
	return true;
}

enum connection_input
connection_look(struct connection *connection)
{
	if (connection->input_bytes == 0)
		return CONNECTION_INPUT_NONE;
	switch (framing_scan(
	    &connection->framing, connection->input, connection->input_bytes)) {
	case FRAMING_CUT:
		connection->last = true;
		connection->framing.next = connection->input_bytes;
		return CONNECTION_INPUT_WHOLE;
	case FRAMING_WHOLE:
		return CONNECTION_INPUT_WHOLE;
	case FRAMING_BROKEN:
		return CONNECTION_INPUT_BROKEN;
	case FRAMING_PARTIAL:
		break;
	}
	return CONNECTION_INPUT_SOME;
}

/* One read(2) of up to `size` bytes; 0: the end, -1: nothing there. */
static ssize_t
read_once(struct connection *connection, uint8_t *to, size_t size)
{
	ssize_t count;

	do
		count = read(connection->file, to, size);
	while (count < 0 && errno == EINTR);
	/* The kernel tells once of what comes; less than asked: it has come. */
	if (count < 0 ? errno == EAGAIN
		      : (size_t)count < size && !connection->hung_up)
		connection->readable = false;
	if (count < 0 && errno != EAGAIN)
		return 0;
	return count;
}

enum connection_input
connection_read(struct connection *connection, uint8_t *shared)
{
	enum connection_input found;
	size_t before = connection->input_bytes;
	ssize_t count;
	uint8_t *to;

	assert(connection->state == CONNECTION_IDLE ||
	       connection->state == CONNECTION_PARTIAL);
	assert(before < REQUEST_BYTES_MAX);
	if (before > 0 || shared == NULL) {
		if (!keep_input(connection, connection->input, before))
			return CONNECTION_INPUT_MEMORY;
		to = connection->memory + before;
		count = read_once(connection, to, REQUEST_BYTES_MAX - before);
	} else {
		connection->input = shared;
		count = read_once(connection, shared, CONNECTION_READ_BYTES);
	}
	if (count <= 0 && before == 0)
		drop_input(connection);
	if (count <= 0)
		return count == 0 ? CONNECTION_INPUT_END
				  : CONNECTION_INPUT_NONE;
	connection->input_bytes += (size_t)count;
	count_memory(connection);
	found = connection_look(connection);
	if (found == CONNECTION_INPUT_SOME &&
	    !keep_input(connection, connection->input, connection->input_bytes))
		return CONNECTION_INPUT_MEMORY;
	return found;
}

bool
connection_next(struct connection *connection)
{
	uint8_t *rest = connection->input + connection->framing.next;
	size_t count = connection->input_bytes - connection->framing.next;

	assert(connection->framing.next <= connection->input_bytes);
	connection->framing = (struct framing){0};
	if (count > 0 && keep_input(connection, rest, count))
		return true;
	drop_input(connection);
	return count == 0;
}

/*
 * Writes on from `*sent` until all is written or the socket is full; the tail
 * by a write of its own, where the answer is longer than a piece.
 */
static enum connection_output
write_on(struct connection *connection, const uint8_t *bytes, size_t size,
    size_t *sent)
{
	const size_t body =
	    size > PIECE_BYTES ? size - connection->output_tail : size;
	ssize_t count;
	size_t end;

	while (*sent < size) {
		end = *sent < body ? body : size;
		count = write(connection->file, bytes + *sent, end - *sent);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno == EAGAIN ? CONNECTION_OUTPUT_KEPT
					       : CONNECTION_OUTPUT_GONE;
		*sent += (size_t)count;
		/* Less than asked: the kernel will tell when there is room. */
		if (*sent < end)
			return CONNECTION_OUTPUT_KEPT;
	}
	return CONNECTION_OUTPUT_SENT;
}

enum connection_output
connection_send(struct connection *connection, const uint8_t *bytes,
    size_t size, size_t tail, size_t kept_max)
{
	enum connection_output result;
	size_t sent = 0;

	assert(connection->output == NULL);
	assert(size > 0);
	assert(tail < PIECE_BYTES);
	connection->output_tail = tail;
	result = write_on(connection, bytes, size, &sent);
	if (result != CONNECTION_OUTPUT_KEPT)
		return result;
	if (size - sent > kept_max)
		return CONNECTION_OUTPUT_FULL;
	connection->output = map(size - sent);
	if (connection->output == NULL)
		return CONNECTION_OUTPUT_FULL;
	connection->output_bytes = size - sent;
	memcpy(connection->output, bytes + sent, size - sent);
	return CONNECTION_OUTPUT_KEPT;
}

enum connection_output
connection_flush(struct connection *connection)
{
	enum connection_output result = write_on(connection, connection->output,
	    connection->output_bytes, &connection->output_sent);

	if (result == CONNECTION_OUTPUT_SENT)
		drop_output(connection);
	return result;
}
