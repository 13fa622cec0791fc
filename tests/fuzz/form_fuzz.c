/*
 * The form decoder: any bytes as a form.
 *
 * What it takes must be what the text says: as many rows as pieces, in UTF-8
 * without NUL; and written down again, every byte escaped, it must be read as
 * the same rows.  In any smaller arena it is the same, or is refused.
 */
#include <stdlib.h>

#include "api/parameters.h"
#include "base/buffer.h"
#include "fuzz.h"
#include "parameters_equal.h"

static struct parameters rows, again;
static _Alignas(16) uint8_t memory[PARAMETERS_ARENA_BYTES];
static _Alignas(16) uint8_t other_memory[PARAMETERS_ARENA_BYTES];

static enum parameters_result
read_form(struct parameters *to, struct text text, void *at, size_t arena_bytes)
{
	struct parameters_failure failure = {0};
	enum parameters_result result;
	struct arena arena;
	struct text alone = text_alone(text);

	arena_init(&arena, at, arena_bytes);
	to->count = 0;
	result = parameters_from_form(to, alone, &arena, &failure);
	MUST(arena.used <= arena_bytes);
	MUST((result == PARAMETERS_OK) == (failure.reason == NULL));
	MUST((result == PARAMETERS_REPEATED) == (failure.name.bytes != NULL));
	free((void *)alone.bytes);
	return result;
}

static size_t
pieces_of(struct text text)
{
	size_t pieces = text.length > 0;

	for (size_t i = 0; i < text.length; i++)
		pieces += text.bytes[i] == '&';
	return pieces;
}

static void
put_escaped(struct buffer *buffer, struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		buffer_print(
		    buffer, "%%%02x", (unsigned)(uint8_t)text.bytes[i]);
}

static void
put_row(struct buffer *buffer, const struct parameter *row)
{
	put_escaped(buffer, row->root);
	if (row->shape != PARAMETER_SCALAR) {
		buffer_put_text(buffer, TEXT("%5B"));
		put_escaped(buffer, row->key);
		buffer_put_text(buffer, TEXT("%5d"));
	}
	if (row->shape == PARAMETER_DEEPER)
		buffer_put_text(buffer, TEXT("[deeper]"));
	buffer_put_byte(buffer, '=');
	put_escaped(buffer, row->value);
}

static void
must_be_text(struct text text)
{
	MUST(text_is_utf8(text));
	MUST(text.length == 0 || memchr(text.bytes, 0, text.length) == NULL);
}

static void
must_be_read_again(size_t length)
{
	const size_t size = 3 * length + 64 * (rows.count + 1);
	char *bytes = malloc(size);
	struct buffer buffer;

	MUST(bytes != NULL);
	buffer_init(&buffer, bytes, size);
	for (size_t i = 0; i < rows.count; i++) {
		must_be_text(rows.rows[i].root);
		must_be_text(rows.rows[i].key);
		must_be_text(rows.rows[i].value);
		MUST(rows.rows[i].kind == PARAMETER_FORM_TEXT);
		if (i > 0)
			buffer_put_byte(&buffer, '&');
		put_row(&buffer, &rows.rows[i]);
	}
	MUST(!buffer.overflow);
	MUST(read_form(&again, buffer_text(&buffer), other_memory,
		 sizeof(other_memory)) == PARAMETERS_OK);
	MUST(parameters_equal(&rows, &again));
	free(bytes);
}

/* In a few bytes, as many as the text itself says, all on the heap. */
static void
must_be_the_same_in_little(struct text text, enum parameters_result result)
{
	const size_t size =
	    text.length == 0
		? 0
		: (size_t)(uint8_t)text.bytes[text.length / 2] * 16;
	void *little = malloc(size + 1);

	MUST(little != NULL);
	if (read_form(&again, text, little, size) == PARAMETERS_OK)
		MUST(
		    result == PARAMETERS_OK && parameters_equal(&rows, &again));
	free(little);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct text text = {(const char *)bytes, length};
	enum parameters_result result;

	if (length > BODY_BYTES_MAX)
		return -1;
	result = read_form(&rows, text, memory, sizeof(memory));
	if (result == PARAMETERS_OK) {
		MUST(rows.count == pieces_of(text));
		must_be_read_again(length);
	}
	must_be_the_same_in_little(text, result);
	return 0;
}
