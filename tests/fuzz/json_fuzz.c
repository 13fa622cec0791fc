/*
 * The JSON decoder and the JSON writer: any bytes as a body.
 *
 * Taken must be exactly what RFC 8259 and the bounds of api/parameters.h
 * allow, by the judgement of strict_json.c.  What was taken is written again
 * by the program's own writer, and must be read as the same rows.
 */
#include <stdlib.h>

#include "api/json_token.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "fuzz.h"
#include "parameters_equal.h"
#include "strict_json.h"

enum {
	/* json.c: JSON_VALUES_MAX. */
	VALUES_MAX = 2 * BODY_PARAMETERS_MAX,
	/* A control character of one byte becomes six. */
	WRITTEN_BYTES_MAX = 6 * BODY_BYTES_MAX + 64,
};

static struct parameters rows, again;
static _Alignas(16) uint8_t memory[PARAMETERS_ARENA_BYTES];
static _Alignas(16) uint8_t other_memory[PARAMETERS_ARENA_BYTES];
static char written[WRITTEN_BYTES_MAX];

static enum parameters_result
read_json(struct parameters *to, struct text text, uint8_t *at, size_t size)
{
	struct parameters_failure failure = {0};
	enum parameters_result result;
	struct arena arena;

	arena_init(&arena, at, size);
	to->count = 0;
	result = parameters_from_json(to, text, &arena, &failure);
	MUST(arena.used <= size);
	MUST((result == PARAMETERS_OK) == (failure.reason == NULL));
	return result;
}

/* What api/parameters.h promises to take, and nothing else. */
static bool
is_to_be_taken(struct text text)
{
	struct json_facts facts;

	return text_is_utf8(text) && strict_json(text, &facts, NULL) &&
	       facts.object && !facts.duplicate && !facts.nul &&
	       !facts.half_pair && facts.depth <= BODY_DEPTH_MAX &&
	       facts.opened + facts.commas <= VALUES_MAX &&
	       (facts.leaves <= BODY_PARAMETERS_MAX);
}

static void
must_be_read_again(struct text text)
{
	struct json_facts facts;
	struct json_writer writer;
	struct buffer buffer;

	buffer_init(&buffer, written, sizeof(written));
	json_init(&writer, &buffer);
	MUST(strict_json(text, &facts, &writer));
	MUST(!buffer.overflow);
	MUST(writer.depth == 0);
	if (buffer.length > BODY_BYTES_MAX)
		return;
	MUST(read_json(&again, buffer_text(&buffer), other_memory,
		 sizeof(other_memory)) == PARAMETERS_OK);
	MUST(parameters_equal(&rows, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct text text;
	enum parameters_result result;
	size_t small;

	if (length > BODY_BYTES_MAX)
		return -1;
	text = text_alone((struct text){(const char *)bytes, length});
	result = read_json(&rows, text, memory, sizeof(memory));
	MUST(result != PARAMETERS_REPEATED);
	MUST((result == PARAMETERS_OK) == is_to_be_taken(text));
	if (result == PARAMETERS_OK)
		must_be_read_again(text);
	/* A size that the text itself chooses. */
	small = length == 0 ? 0 : (size_t)bytes[length / 2] * 256;
	if (read_json(&again, text, other_memory, small) == PARAMETERS_OK)
		MUST(
		    result == PARAMETERS_OK && parameters_equal(&rows, &again));
	free((void *)text.bytes);
	return 0;
}
