#include "core/command.h"

#include <assert.h>
#include <string.h>

void
command_init(struct command *command, enum command_kind kind)
{
	assert(command != NULL);
	assert(kind < COMMAND_COUNT);
	memset(command, 0, offsetof(struct command, bytes));
	command->kind = kind;
}

size_t
command_size(const struct command *command)
{
	assert(command->length <= sizeof(command->bytes));
	return offsetof(struct command, bytes) + command->length;
}

bool
command_keep(struct command *command, struct text text, struct slice *slice)
{
	*slice = (struct slice){0, 0};
	assert(command->length <= sizeof(command->bytes));
	if (text.length > sizeof(command->bytes) - command->length)
		return false;
	if (text.length == 0)
		return true;
	memcpy(command->bytes + command->length, text.bytes, text.length);
	*slice = (struct slice){command->length, (uint32_t)text.length};
	command->length += slice->length;
	return true;
}

struct text
command_text(const struct command *command, struct slice slice)
{
	if (slice.length == 0)
		return TEXT_NONE;
	assert(slice.offset <= command->length);
	assert(slice.length <= command->length - slice.offset);
	return (struct text){command->bytes + slice.offset, slice.length};
}
