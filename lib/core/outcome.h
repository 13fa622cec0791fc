/*
 * An outcome: what became of a command.  A refusal, or objects, or both
 * (a declined card is a refusal with an effect).
 *
 * Flat and bounded, without pointers, like a command: the objects are a
 * bundle of encoded records in `bytes`.
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/id.h"
#include "core/error.h"
#include "core/records.h"

/* `sk_test_` or the like, 32 characters, and a NUL. */
enum { KEY_TEXT_BYTES = 8 + 32 + 1 };

struct outcome {
	struct error error; /* ERROR_NONE: no refusal */
	bool replayed;	    /* an earlier outcome with the same key */
	bool remembered;    /* under the command's idempotency key */
	/* Once this is committed a processor outside is to be asked. */
	bool asks_outside;
	/* Something is on its way to a webhook endpoint: ring the courier. */
	bool delivers;
	/* It has ended processes: whoever asked is not to ask again. */
	bool given_up;
	/* The command's `fresh`, as it was run: it may have been stamped. */
	struct id fresh;
	/*
	 * A key that was just made, which is shown once and never stored; or
	 * a webhook endpoint's secret that was.
	 */
	char secret[KEY_TEXT_BYTES];

	uint32_t length; /* of `bytes`; last, so that a copy can be short */
	char bytes[OUTCOME_BYTES_MAX];
};

void outcome_init(struct outcome *outcome);

/* The bytes of an outcome that must be copied for a whole copy. */
size_t outcome_size(const struct outcome *outcome);

/*
 * A whole copy of what others may write meanwhile; false: it is no outcome.
 * Its objects are as they were found.
 */
bool outcome_copy(struct outcome *copy, const struct outcome *from)
    __attribute__((warn_unused_result));

/* Its objects: a bundle, borrowed from the outcome. */
struct text outcome_objects(const struct outcome *outcome);

/* Appends a record; room for every outcome there is (asserted). */
void outcome_put(struct outcome *outcome, enum kind kind, const void *record);
void outcome_put_encoded(struct outcome *outcome, struct text encoded);

#endif
