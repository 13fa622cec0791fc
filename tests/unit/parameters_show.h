/*
 * Rows of parameters as lines of text, for comparison in tests:
 * `name=value kind`, with `member` or `deeper` where the name leaves it open.
 */
#ifndef UNIT_PARAMETERS_SHOW_H
#define UNIT_PARAMETERS_SHOW_H

#include <stddef.h>

#include "api/parameters.h"
#include "base/buffer.h"

static const char *const parameter_kind_names[] = {
    [PARAMETER_FORM_TEXT] = "form",
    [PARAMETER_STRING] = "string",
    [PARAMETER_NUMBER] = "number",
    [PARAMETER_TRUE] = "true",
    [PARAMETER_FALSE] = "false",
    [PARAMETER_NULL] = "null",
    [PARAMETER_EMPTY_OBJECT] = "empty object",
    [PARAMETER_EMPTY_ARRAY] = "empty array",
};

static void
parameters_show(const struct parameters *parameters, char *to, size_t size)
{
	uint8_t memory[4096];
	struct arena arena;
	struct buffer buffer;

	buffer_init(&buffer, to, size - 1);
	for (size_t i = 0; i < parameters->count; i++) {
		const struct parameter *row = &parameters->rows[i];
		arena_init(&arena, memory, sizeof(memory));
		buffer_put_text(&buffer, parameter_name(row, &arena));
		buffer_put_byte(&buffer, '=');
		buffer_put_text(&buffer, row->value);
		buffer_put_byte(&buffer, ' ');
		buffer_put_text(
		    &buffer, text_of(parameter_kind_names[row->kind]));
		if (row->shape == PARAMETER_MEMBER && row->key.length == 0)
			buffer_put_text(&buffer, TEXT(" member"));
		if (row->shape == PARAMETER_DEEPER)
			buffer_put_text(&buffer, TEXT(" deeper"));
		buffer_put_byte(&buffer, '\n');
	}
	to[buffer.length] = '\0';
}

#endif
