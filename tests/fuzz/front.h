/*
 * The way of a web server's bytes to a stall and back, as a worker has it
 * (app/worker.c, app/tasks.c): a listening socket, connections, libfcgi, the
 * handler, and an answer in bytes.  What comes back is looked at.
 */
#ifndef FUZZ_FRONT_H
#define FUZZ_FRONT_H

#include "stall.h"

struct front;

/* Once a process; the stall is borrowed. */
struct front *front_open(struct stall *stall);

/* What became of the bytes of one connection. */
struct front_result {
	unsigned answers;
	const uint8_t *bytes; /* all that came back; borrowed */
	size_t length;
};

/*
 * Sends bytes on a connection of their own, in pieces of up to `piece_bytes`,
 * and then its end.  Every answer must be one (front_answers.h).  Afterwards
 * nothing of the connection is left.
 */
void front_talk(struct front *front, struct text bytes, size_t piece_bytes,
    struct front_result *result);

#endif
