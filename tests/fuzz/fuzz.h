/*
 * What the fuzz targets share: what must hold, and bytes as decisions.
 *
 * A target reads no clock, no entropy and nothing of the run before it: the
 * same bytes do the same, so that a file of a corpus says all of a failure.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* What libFuzzer calls: nothing but a crash says anything. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* Once, before that; a target may have none. */
int LLVMFuzzerInitialize(int *count, char ***arguments);

/* Ends the process, with the place and the condition, unless it holds. */
#define MUST(holds) must(holds, #holds, __FILE__, __LINE__)
void must(bool holds, const char *what, const char *file, int line);

/* Bytes that are taken from the front; behind their end all are zero. */
struct feed {
	const uint8_t *bytes; /* borrowed */
	size_t length;
};

uint8_t feed_byte(struct feed *feed);
/* Little-endian, of `bytes` bytes (at most 8). */
uint64_t feed_number(struct feed *feed, unsigned bytes);
/* Up to `length` bytes; fewer at the end.  Borrowed. */
struct text feed_text(struct feed *feed, size_t length);

/*
 * A copy of exactly its size on the heap, so that a sanitizer sees its end;
 * free() its bytes.
 */
struct text text_alone(struct text text);

#endif
