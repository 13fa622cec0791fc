/*
 * Identifiers: 128 bits that grow with time and cannot be guessed.
 *
 * Laid out like a ULID with a finer clock: 48 bits count sixteenths of a
 * millisecond since 1970 (to the year 2527), 80 bits are random (60, where
 * an id is made just above another one: engine/stamp.h).  As bytes
 * (big-endian) and as text (26 characters of Crockford's base 32 in lower
 * case, after the prefix of the object's kind) they sort by time.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/time.h"

enum {
	ID_BYTES = 16,
	ID_RANDOM_BYTES = 10,
	ID_CHARACTERS = 26,
	/* The longest prefix is five characters; a NUL follows. */
	ID_TEXT_BYTES = 5 + ID_CHARACTERS + 1,
};

struct id {
	uint8_t bytes[ID_BYTES];
};

#define ID_NONE ((struct id){{0}})

/* `now` is between 1970 and 2527. */
struct id id_make(struct instant now, const uint8_t random[ID_RANDOM_BYTES]);
/*
 * The id that follows by `step` in the random part, as ULID's monotonic
 * ids: for several objects of one kind made at one instant, in order.
 */
struct id id_next(struct id id, uint64_t step);

/*
 * The id of the numbered one of many that were made elsewhere and are told
 * of in order: by time, and where the instant is the same, by number, however
 * the instants come and in how many runs.  The number takes 20 bits of the
 * random part and then counts on in the time, so that the id of any number
 * below ID_NUMBERS_MAX (asserted) stays within a second of its instant; 60
 * bits remain random, of `random`'s last bytes.
 */
#define ID_NUMBERS_MAX (UINT64_C(16000) << 20)
struct id id_make_numbered(struct instant instant, uint64_t number,
    const uint8_t random[ID_RANDOM_BYTES]);

/*
 * The instant that the id was made at, to a sixteenth of a millisecond, and
 * never after it: id_floor() of it is at or before the id.
 */
struct instant id_instant(struct id id);
/* The last one of which there can be ids. */
struct instant id_instant_max(void);
/* The smallest id that an instant can have: a bound for scans. */
struct id id_floor(struct instant instant);

/* As memcmp(): in the order of time. */
int id_compare(struct id a, struct id b);
bool id_equal(struct id a, struct id b);
bool id_is_set(struct id id);

/* `prefix` (at most 5 bytes) and 26 characters; a NUL follows. */
void id_format(struct id id, const char *prefix, char to[ID_TEXT_BYTES]);
/* False unless the text is exactly the prefix and a canonical id. */
bool id_parse(struct text text, const char *prefix, struct id *id)
    __attribute__((warn_unused_result));

#endif
