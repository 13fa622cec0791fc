/*
 * A line of a file of payment intents, as the command that makes one.
 *
 * A line is one JSON object with the parameters of POST /v1/payment_intents,
 * read by that route's own table, and two members more:
 *   created          Unix seconds, not in the future: when it was made where
 *                    it comes from; without it, now.  It is the time of
 *                    everything that the line makes, and so of its ids.
 *   idempotency_key  as the header.  It is remembered from now on, whatever
 *                    `created` says, and without `created` it is the key of
 *                    the same request to the API, and the other way round.
 *
 * Ids are in order of `created`, and lines of the same second in order of
 * their numbers (id_make_numbered), also in a file that is not in order of
 * time, and in one that is imported piece by piece.
 */
#ifndef APP_IMPORT_LINE_H
#define APP_IMPORT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/decode.h"

/* More than any file has; the bound of an id's number is beyond. */
#define IMPORT_LINES_MAX INT64_C(4000000000)

enum {
	IMPORT_FIELDS_MAX = 32,
	/* The line's parameters, and names in refusals. */
	IMPORT_ARENA_BYTES = PARAMETERS_ARENA_BYTES + 64 * 1024,
};

struct import_reader {
	struct service service; /* of it, the engine */
	struct caller caller;	/* whose intents they become */
	struct request request;
	struct field fields[IMPORT_FIELDS_MAX];
	struct route route;
	struct decoding decoding;
	struct arena arena;
	_Alignas(max_align_t) uint8_t memory[IMPORT_ARENA_BYTES];
};

/*
 * Reads lines as a secret key with this scope would send them.  `engine` is
 * borrowed.
 */
void import_reader_init(struct import_reader *reader, struct engine *engine,
    const struct scope *scope);

/*
 * Fills `command` from the line with that number (1 to IMPORT_LINES_MAX), as
 * asked for at `now`.  False, with `error`, in the card contract's words.
 */
bool import_read(struct import_reader *reader, struct text line,
    uint64_t number, struct instant now, struct command *command,
    struct error *error) __attribute__((warn_unused_result));

/* True for a line that says nothing: white space, or nothing at all. */
bool import_is_blank(struct text line);

#endif
