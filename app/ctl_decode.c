#include "app/ctl_decode.h"

#include <assert.h>
#include <stddef.h>

#include "api/decode.h"
#include "app/ctl_options.h"

/* For the names of parameters in refusals. */
enum { ARENA_BYTES = 64 * 1024 };

/* A refusal of the decoder, in the words of the command line. */
static enum ctl_status
misuse(const struct ctl_command *command, const struct error *error)
{
	char option[ERROR_PARAM_BYTES_MAX];

	ctl_option_name(text_of(error->param), option, sizeof(option));
	if (error->id == ERROR_PARAMETER_MISSING)
		return ctl_misuse(command, "--%s is missing", option);
	if (error->id == ERROR_PARAMETER_INVALID)
		return ctl_misuse(command, "--%s: %s", option, error->detail);
	if (error->id == ERROR_PARAMETER_UNKNOWN)
		return ctl_misuse(
		    command, "%s takes no --%s", command->words, option);
	return ctl_misuse(command, "the values are too long");
}

/* The operand is the id of an object of the right kind, or none. */
static enum ctl_status
take_operand(const struct ctl_command *command, const struct text *words,
    unsigned count, struct text *operand)
{
	unsigned wanted = command->operand == NULL ? 0 : 1;
	const char *prefix;

	*operand = TEXT_NONE;
	if (command->many)
		return CTL_OK;
	if (count < wanted)
		return ctl_misuse(command, "%s is missing", command->operand);
	if (count > wanted)
		return ctl_misuse(command, "too many words");
	if (wanted == 0)
		return CTL_OK;
	*operand = words[0];
	if (command->object == KIND_NONE)
		return CTL_OK;
	prefix = record_type(command->object)->prefix;
	/* It may be a key itself: it is not repeated. */
	if (!text_starts(*operand, text_of(prefix)))
		return ctl_misuse(command,
		    "%s: must be an id that begins with %s", command->operand,
		    prefix);
	return CTL_OK;
}

/* The options of a command as the fields of an endpoint. */
static unsigned
list_fields(const struct ctl_command *command, struct field *fields)
{
	unsigned count = 0;

	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		bool needed = (command->needs & (UINT64_C(1) << i)) != 0;

		if (!needed && (command->takes & (UINT64_C(1) << i)) == 0)
			continue;
		fields[count] = ctl_options[i].field;
		fields[count].required = needed;
		count++;
	}
	return count;
}

static enum ctl_status
decode(
    struct call *call, const struct parameters *parameters, struct text operand)
{
	static _Alignas(max_align_t) uint8_t memory[ARENA_BYTES];
	static struct decoding decoding;
	const struct request request = {.now = call->command.now};
	const struct caller caller = {.key = ID_NONE};
	struct field fields[OPTION_COUNT];
	const struct route route = {
	    .object = call->row->object,
	    .fields = fields,
	    .field_count = list_fields(call->row, fields),
	};
	struct arena arena;
	struct error error;

	arena_init(&arena, memory, sizeof(memory));
	error_clear(&error);
	decoding = (struct decoding){
	    .request = &request,
	    .route = &route,
	    .caller = &caller,
	    .arena = &arena,
	    .parameters = *parameters,
	    .command = &call->command,
	    .error = &error,
	};
	if (decode_command(&decoding, operand))
		return CTL_OK;
	return misuse(call->row, &error);
}

enum ctl_status
ctl_decode(struct call *call, const struct arguments *arguments, unsigned used)
{
	enum ctl_status status;
	struct text operand;

	assert(used <= arguments->word_count);
	status = take_operand(call->row, arguments->words + used,
	    arguments->word_count - used, &operand);
	if (status != CTL_OK)
		return status;
	/* A word of argv: a NUL follows it. */
	call->operand = operand.bytes;
	call->operands = arguments->words + used;
	call->operand_count = arguments->word_count - used;
	return decode(call, &arguments->parameters,
	    call->row->object == KIND_NONE ? TEXT_NONE : operand);
}
