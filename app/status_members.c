/*
 * The members of the status as one table, of which both the writer and the
 * reader of its JSON are made.
 */
#include <assert.h>
#include <string.h>

#include "api/json_token.h"
#include "api/json_writer.h"
#include "app/status.h"

enum style {
	STYLE_TEXT,    /* char[]; null if empty */
	STYLE_INTEGER, /* int64_t; null if unknown */
	STYLE_BOOLEAN, /* int64_t */
};

struct member {
	struct text group; /* the object that it is in; TEXT(""): the outer */
	struct text name;
	enum style style;
	uint16_t offset;
	uint16_t bytes; /* of a text, with its NUL */
};

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define MEMBER(group, name, style, type, field)                        \
	{                                                              \
		WORD(group), WORD(name), style, offsetof(type, field), \
		    sizeof(((type *)NULL)->field)                      \
	}
#define OUTER(group, name, style, field) \
	MEMBER(group, name, STYLE_##style, struct status, field)
#define OWN(style, field) \
	MEMBER("", #field, STYLE_##style, struct status_process, field)

/* Those of a group are beside each other. */
static const struct member members[] = {
    OUTER("", "version", TEXT, version),
    OUTER("", "time", INTEGER, now),
    OUTER("", "uptime_ms", INTEGER, uptime_ms),
    OUTER("", "generation", INTEGER, generation),
    OUTER("", "stopping", BOOLEAN, stopping),
    OUTER("supervisor", "pid", INTEGER, supervisor_pid),
    OUTER("supervisor", "last_step_ms", INTEGER, supervisor_ms),
    OUTER("supervisor", "starts", INTEGER, starts),
    OUTER("supervisor", "deaths", INTEGER, deaths),
    OUTER("supervisor", "kills", INTEGER, kills),
    OUTER("supervisor", "forbidden_calls", INTEGER, forbidden),
    OUTER("accept_queue", "length", INTEGER, queue_length),
    OUTER("accept_queue", "max", INTEGER, queue_max),
    OUTER("slots", "in_use", INTEGER, slots_in_use),
    OUTER("slots", "total", INTEGER, slots),
    OUTER("batches", "committed", INTEGER, batches),
    OUTER("batches", "failed", INTEGER, batches_failed),
    OUTER("batches", "commands", INTEGER, batch_commands),
    OUTER("batches", "commit_us", INTEGER, commit_us),
    OUTER("courier", "waiting", INTEGER, webhooks_waiting),
    OUTER("courier", "oldest_due_ms", INTEGER, webhooks_oldest_ms),
    OUTER("courier", "in_flight", INTEGER, webhooks_in_flight),
    OUTER("store", "file_bytes", INTEGER, file_bytes),
    OUTER("store", "map_bytes", INTEGER, map_bytes),
    OUTER("store", "map_bytes_max", INTEGER, map_bytes_max),
    OUTER("store", "used_bytes", INTEGER, used_bytes),
    OUTER("store", "page_bytes", INTEGER, page_bytes),
    OUTER("store", "pages", INTEGER, pages),
    OUTER("store", "readers", INTEGER, readers),
    OUTER("store", "readers_max", INTEGER, readers_max),
    OUTER("store", "oldest_reader_pid", INTEGER, oldest_reader_pid),
    OUTER("store", "oldest_reader_lag", INTEGER, oldest_reader_lag),
    OUTER("store", "last_transaction", INTEGER, last_transaction),
};

#define PROCESSES TEXT("processes")

static const struct member process_members[] = {
    OWN(TEXT, kind),
    OWN(INTEGER, number),
    OWN(INTEGER, pid),
    OWN(TEXT, state),
    OWN(INTEGER, generation),
    OWN(INTEGER, age_ms),
    OWN(INTEGER, busy_ms),
    OWN(INTEGER, requests),
    OWN(INTEGER, in_flight),
    OWN(INTEGER, connections),
    OWN(TEXT, route),
    OWN(INTEGER, request_ms),
    OWN(INTEGER, resident_bytes),
    OWN(INTEGER, private_bytes),
};

enum {
	MEMBERS = sizeof(members) / sizeof(members[0]),
	PROCESS_MEMBERS = sizeof(process_members) / sizeof(process_members[0]),
};

/* Nothing is known. */
static void
clear(const struct member *rows, size_t count, void *record)
{
	for (const struct member *row = rows; row < rows + count; row++)
		if (row->style == STYLE_INTEGER)
			*(int64_t *)((char *)record + row->offset) =
			    STATUS_UNKNOWN;
}

void
status_init(struct status *status)
{
	memset(status, 0, sizeof(*status));
	clear(members, MEMBERS, status);
}

/* -- Out ------------------------------------------------------------------- */

static void
write_value(
    struct json_writer *writer, const struct member *member, const void *record)
{
	const void *value = (const char *)record + member->offset;
	struct text text;

	switch (member->style) {
	case STYLE_TEXT:
		text = text_of(value);
		if (text.length > 0)
			json_string(writer, text);
		else
			json_null(writer);
		return;
	case STYLE_INTEGER:
		if (*(const int64_t *)value != STATUS_UNKNOWN)
			json_integer(writer, *(const int64_t *)value);
		else
			json_null(writer);
		return;
	case STYLE_BOOLEAN:
		json_boolean(writer, *(const int64_t *)value != 0);
		return;
	}
}

static void
write_members(struct json_writer *writer, const struct member *rows,
    size_t count, const void *record)
{
	struct text group = TEXT("");

	for (const struct member *row = rows; row < rows + count; row++) {
		if (!text_equal(row->group, group)) {
			if (group.length > 0)
				json_object_end(writer);
			group = row->group;
			json_name(writer, group);
			json_object_begin(writer);
		}
		json_name(writer, row->name);
		write_value(writer, row, record);
	}
	if (group.length > 0)
		json_object_end(writer);
}

void
status_write(const struct status *status, struct buffer *buffer)
{
	struct json_writer writer;

	json_init(&writer, buffer);
	json_object_begin(&writer);
	json_name(&writer, TEXT("object"));
	json_string(&writer, TEXT("status"));
	write_members(&writer, members, MEMBERS, status);
	json_name(&writer, PROCESSES);
	json_array_begin(&writer);
	for (unsigned i = 0; i < status->process_count; i++) {
		json_object_begin(&writer);
		write_members(&writer, process_members, PROCESS_MEMBERS,
		    &status->processes[i]);
		json_object_end(&writer);
	}
	json_array_end(&writer);
	json_object_end(&writer);
	buffer_put_byte(buffer, '\n');
	assert(!buffer->overflow);
}

/* -- In -------------------------------------------------------------------- */

/* Where the reader stands in the document. */
struct reading {
	struct status *status;
	struct text group; /* of the second level */
	struct text name;  /* of the value that comes; "": none */
	unsigned depth;
};

/* What is between the quotes; the members' values have no escapes. */
static struct text
unquoted(struct text string)
{
	assert(string.length >= 2);
	return (struct text){string.bytes + 1, string.length - 2};
}

/* Unknown where it is none that this version writes. */
static void
read_integer(struct text number, int64_t *value)
{
	if (!text_to_integer(number, 0, INT64_MAX, value))
		*value = STATUS_UNKNOWN;
}

static void
read_value(const struct member *member, void *record, struct json_token token)
{
	void *value = (char *)record + member->offset;

	if (member->style == STYLE_TEXT && token.kind == JSON_TOKEN_STRING)
		(void)text_copy(unquoted(token.text), value, member->bytes);
	else if (member->style == STYLE_INTEGER &&
		 token.kind == JSON_TOKEN_NUMBER)
		read_integer(token.text, value);
	else if (member->style == STYLE_BOOLEAN)
		*(int64_t *)value = text_equal(token.text, TEXT("true"));
}

static void
read_member(const struct reading *reading, const struct member *rows,
    size_t count, void *record, struct json_token token)
{
	for (const struct member *row = rows; row < rows + count; row++)
		if (text_equal(row->name, reading->name) &&
		    text_equal(row->group, reading->group)) {
			read_value(row, record, token);
			return;
		}
}

static bool
is_in_processes(const struct reading *reading)
{
	return text_equal(reading->group, PROCESSES);
}

/* A scalar of the outer object, of a group, or of a process. */
static void
read_scalar(const struct reading *reading, struct json_token token)
{
	struct reading process = {.group = TEXT(""), .name = reading->name};
	struct status *status = reading->status;

	if (!is_in_processes(reading))
		read_member(reading, members, MEMBERS, status, token);
	else if (reading->depth == 3 && status->process_count > 0)
		read_member(&process, process_members, PROCESS_MEMBERS,
		    &status->processes[status->process_count - 1], token);
}

static bool
begin(struct reading *reading)
{
	struct status *status = reading->status;

	reading->depth++;
	if (reading->depth == 2)
		reading->group = reading->name;
	if (reading->depth == 3 && is_in_processes(reading)) {
		if (status->process_count == STATUS_PROCESSES_MAX)
			return false;
		clear(process_members, PROCESS_MEMBERS,
		    &status->processes[status->process_count++]);
	}
	reading->name = TEXT("");
	return true;
}

static bool
end(struct reading *reading)
{
	if (reading->depth == 0)
		return false;
	reading->depth--;
	if (reading->depth == 1)
		reading->group = TEXT("");
	return true;
}

/* A string is a name where none is waiting for its value. */
static bool
read_token(struct reading *reading, struct json_token token)
{
	switch (token.kind) {
	case JSON_TOKEN_OBJECT_BEGIN:
	case JSON_TOKEN_ARRAY_BEGIN:
		return begin(reading);
	case JSON_TOKEN_OBJECT_END:
	case JSON_TOKEN_ARRAY_END:
		return end(reading);
	case JSON_TOKEN_STRING:
		if (reading->name.length == 0) {
			reading->name = unquoted(token.text);
			return true;
		}
		read_scalar(reading, token);
		reading->name = TEXT("");
		return true;
	case JSON_TOKEN_NUMBER:
	case JSON_TOKEN_LITERAL:
		read_scalar(reading, token);
		reading->name = TEXT("");
		return true;
	case JSON_TOKEN_COLON:
	case JSON_TOKEN_COMMA:
		return true;
	case JSON_TOKEN_END:
	case JSON_TOKEN_BROKEN:
	case JSON_TOKEN_NUL:
	case JSON_TOKEN_HALF_PAIR:
		break;
	}
	return false;
}

bool
status_read(struct text json, struct status *status)
{
	struct reading reading = {
	    .status = status, .group = TEXT(""), .name = TEXT("")};
	struct json_token token;

	status_init(status);
	if (!text_is_utf8(json))
		return false;
	do {
		token = json_token_next(&json);
		if (token.kind == JSON_TOKEN_END)
			return reading.depth == 0 && status->version[0] != '\0';
	} while (read_token(&reading, token));
	return false;
}
