/*
 * The FastCGI edge: any bytes as what the web server sends on a connection.
 *
 * Whatever comes, all that goes back are whole answers of FastCGI with JSON
 * in them (front_answers.h), and the store is as it must be.  How the bytes
 * are cut into pieces on their way changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "front.h"
#include "fuzz.h"

static struct stall *stall;
static struct front *front;

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	stall = stall_open();
	front = front_open(stall);
	return 0;
}

/* FNV-1a: where the bytes are cut, they say themselves. */
static size_t
piece_bytes(struct text text)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (uint8_t)text.bytes[i]) * 16777619;
	return 1 + hash % (1 + text.length / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct text text = {(const char *)bytes, length};
	struct front_result whole, pieces;
	struct text first;

	front_talk(front, text, length + 1, &whole);
	stall_verify(stall);
	first =
	    text_alone((struct text){(const char *)whole.bytes, whole.length});
	stall_reset(stall);
	if (length > 1) {
		front_talk(front, text, piece_bytes(text), &pieces);
		MUST(pieces.answers == whole.answers);
		MUST(text_equal(first,
		    (struct text){(const char *)pieces.bytes, pieces.length}));
		stall_reset(stall);
	}
	free((void *)first.bytes);
	return 0;
}
