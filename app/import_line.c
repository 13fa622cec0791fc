#include "app/import_line.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "api/tables.h"
#include "app/ctl_rules.h"

/* What a line has besides a request's parameters. */
static const struct field own_fields[] = {
    {.name = WORD("created"),
	.rule = rule_past,
	TARGET(now),
	.minimum = 1,
	.maximum = INT64_C(253402300799),
	MUST("must be Unix seconds, not in the future")},
    {.name = WORD("idempotency_key"),
	.rule = rule_idempotency_key,
	MUST("must be 1 to 255 characters of printable ASCII")},
};

enum { OWN_FIELDS = sizeof(own_fields) / sizeof(own_fields[0]) };

/* The route of the API, with more fields. */
static void
init_route(struct import_reader *reader)
{
	const struct route *route;
	char bytes[64];
	struct buffer allow;
	struct text id;

	buffer_init(&allow, bytes, sizeof(bytes));
	enum route_result found = route_find(&contract_card, TEXT("POST"),
	    TEXT("/v1/payment_intents"), &route, &id, &allow);
	assert(found == ROUTE_FOUND);
	assert(route->field_count + OWN_FIELDS <= IMPORT_FIELDS_MAX);
	memcpy(reader->fields, route->fields,
	    route->field_count * sizeof(route->fields[0]));
	memcpy(reader->fields + route->field_count, own_fields,
	    sizeof(own_fields));
	reader->route = *route;
	reader->route.fields = reader->fields;
	reader->route.field_count += OWN_FIELDS;
}

void
import_reader_init(struct import_reader *reader, struct engine *engine,
    const struct scope *scope)
{
	memset(reader, 0, offsetof(struct import_reader, memory));
	reader->service.engine = engine;
	reader->caller.scope = *scope;
	reader->caller.type = KEY_TYPE_SECRET;
	reader->caller.permissions = UINT32_MAX;
	reader->request.method = TEXT("POST");
	reader->request.content_type = TEXT("application/json");
	reader->request.body_state = BODY_WHOLE;
	init_route(reader);
	arena_init(&reader->arena, reader->memory, sizeof(reader->memory));
	reader->decoding.service = &reader->service;
	reader->decoding.request = &reader->request;
	reader->decoding.contract = &contract_card;
	reader->decoding.route = &reader->route;
	reader->decoding.caller = &reader->caller;
	reader->decoding.arena = &reader->arena;
}

static void
begin_command(const struct import_reader *reader, struct command *command)
{
	command_init(command, reader->route.command);
	command->object = reader->route.object;
	command->scope = reader->caller.scope;
	command->key_mode = reader->caller.scope.mode;
	command->now = reader->request.now;
	command->asked = reader->request.now;
}

/* Once it is known when: the id, and what secrets are made of. */
static void
draw_chance(struct command *command, uint64_t number)
{
	uint8_t random[ID_RANDOM_BYTES + COMMAND_ENTROPY_BYTES];
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	ssize_t filled = getrandom(random, sizeof(random), 0);

	assert(filled == sizeof(random));
	command->fresh = id_make_numbered(command->now, number, random);
	memcpy(command->entropy, random + ID_RANDOM_BYTES,
	    sizeof(command->entropy));
}

bool
import_read(struct import_reader *reader, struct text line, uint64_t number,
    struct instant now, struct command *command, struct error *error)
{
	struct decoding *decoding = &reader->decoding;

	assert(line.length > 0);
	assert(line.length <= BODY_BYTES_MAX);
	assert(number >= 1 && number <= IMPORT_LINES_MAX);
	reader->request.body = line;
	reader->request.now = now;
	arena_reset(&reader->arena);
	error_clear(error);
	begin_command(reader, command);
	decoding->command = command;
	decoding->error = error;
	if (!decode_syntax(decoding) || !decode_command(decoding, TEXT_NONE))
		return false;
	draw_chance(command, number);
	return true;
}

bool
import_is_blank(struct text line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.bytes[i] != ' ' && line.bytes[i] != '\t' &&
		    line.bytes[i] != '\r')
			return false;
	return true;
}
