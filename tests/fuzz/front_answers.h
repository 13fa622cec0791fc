/*
 * What a worker sends to the web server, by the letter: records of FastCGI
 * 1.0, in them an answer of CGI (RFC 3875), in it JSON as the contracts have
 * it.
 */
#ifndef FUZZ_FRONT_ANSWERS_H
#define FUZZ_FRONT_ANSWERS_H

#include <stdint.h>

#include "base/text.h"

/* One answer. */
struct front_answer {
	int status;
	struct text body;
	struct text id; /* the outermost `id` of the body; or NONE */
	bool picture;
	bool last; /* nothing is asked on the connection any more */
};

/*
 * Takes the first answer off *rest, which has all of it: to the request with
 * the id of FastCGI `id`, whose own id is `request`.  Ends the process where
 * anything is not as it must be.  The body is borrowed from memory of this
 * file, until the next call.
 */
void front_take_answer(struct text *rest, unsigned id, struct text request,
    struct front_answer *answer);

#endif
