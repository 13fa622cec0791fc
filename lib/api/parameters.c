#include "api/parameters.h"

#include <assert.h>

#include "api/parameters_build.h"
#include "base/buffer.h"

enum parameters_result
parameters_malformed(struct parameters_failure *failure, const char *reason)
{
	assert(reason != NULL);
	failure->reason = reason;
	failure->name = TEXT_NONE;
	return PARAMETERS_MALFORMED;
}

struct parameter
parameter_inside(struct parameter row, struct text key)
{
	if (row.root.bytes == NULL) {
		assert(key.bytes != NULL);
		row.root = key;
		row.shape = PARAMETER_SCALAR;
		return row;
	}
	if (row.shape != PARAMETER_SCALAR) {
		row.shape = PARAMETER_DEEPER;
		return row;
	}
	row.key = key;
	row.shape = key.bytes != NULL ? PARAMETER_MEMBER : PARAMETER_ELEMENT;
	return row;
}

/* Elements repeat by their nature; what is deeper has lost its full name. */
static bool
repeats(const struct parameter *a, const struct parameter *b)
{
	if (a->shape != PARAMETER_SCALAR && a->shape != PARAMETER_MEMBER)
		return false;
	return a->shape == b->shape && text_equal(a->root, b->root) &&
	       text_equal(a->key, b->key);
}

enum parameters_result
parameters_add(struct parameters *parameters, const struct parameter *row,
    struct arena *arena, struct parameters_failure *failure)
{
	size_t i;

	assert(row->root.bytes != NULL);
	assert(parameters->count <= BODY_PARAMETERS_MAX);
	if (parameters->count == BODY_PARAMETERS_MAX)
		return parameters_malformed(failure, REASON_TOO_MANY);
	for (i = 0; i < parameters->count; i++) {
		if (repeats(row, &parameters->rows[i])) {
			failure->reason = "has the same parameter twice.";
			failure->name = parameter_name(row, arena);
			return PARAMETERS_REPEATED;
		}
	}
	parameters->rows[parameters->count++] = *row;
	return PARAMETERS_OK;
}

struct text
parameter_name(const struct parameter *parameter, struct arena *arena)
{
	size_t size = parameter->root.length + parameter->key.length + 2;
	struct buffer buffer;
	char *bytes;

	if (parameter->shape == PARAMETER_SCALAR)
		return parameter->root;
	bytes = arena_take(arena, size);
	if (bytes == NULL)
		return parameter->root;
	buffer_init(&buffer, bytes, size);
	buffer_put_text(&buffer, parameter->root);
	buffer_put_byte(&buffer, '[');
	buffer_put_text(&buffer, parameter->key);
	buffer_put_byte(&buffer, ']');
	assert(!buffer.overflow);
	return buffer_text(&buffer);
}

static int
hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

bool
hex_read(struct text text, size_t digits, unsigned *number)
{
	unsigned sum = 0;
	size_t i;
	int digit;

	assert(digits >= 1 && digits <= 4);
	if (text.length < digits)
		return false;
	for (i = 0; i < digits; i++) {
		digit = hex_digit(text.bytes[i]);
		if (digit < 0)
			return false;
		sum = sum * 16 + (unsigned)digit;
	}
	*number = sum;
	return true;
}
