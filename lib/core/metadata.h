/*
 * Metadata: up to 50 pairs of text that belong to the merchant.
 *
 * Held as one text of packed pairs, in the order in which the keys came:
 * key length (1 byte), key, value length (2 bytes, little-endian), value.
 */
#ifndef CORE_METADATA_H
#define CORE_METADATA_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"

struct metadata_pair {
	struct text key;   /* borrowed from the packed text */
	struct text value; /* likewise */
};

/*
 * Takes the first pair off `rest`; false at the end.  Packed texts come from
 * metadata_put or a record with a checksum: a malformed one asserts.
 */
bool metadata_next(struct text *rest, struct metadata_pair *pair);

/* Appends a pair; key and value are within the bounds of limits.h. */
void metadata_put(struct buffer *packed, struct text key, struct text value);

/* The value of a key; false if it is not there. */
bool metadata_find(struct text packed, struct text key, struct text *value);

/* Whether metadata_next can walk it: for bytes that nobody vouches for. */
bool metadata_is_sound(struct text packed) __attribute__((warn_unused_result));

unsigned metadata_count(struct text packed);

/*
 * Writes `before` with `changes` laid over it: a key keeps its place, a new
 * one comes last, an empty value removes the key (contract, card.md).  False
 * if the result has more than METADATA_PAIRS_MAX pairs.
 */
bool metadata_merge(struct text before, struct text changes,
    struct buffer *merged) __attribute__((warn_unused_result));

#endif
