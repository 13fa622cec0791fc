#include "api/encode.h"

#include <assert.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "core/metadata.h"

/* The place of a member's value in its record. */
#define VALUE(type, member, record)                            \
	((const type *)(const void *)((const char *)(record) + \
				      (member)->offset))

void
style_constant(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)record;
	json_string(&encoding->writer, member->constant);
}

void
style_id(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct id *id = VALUE(struct id, member, record);
	char text[ID_TEXT_BYTES];

	if (!id_is_set(*id)) {
		json_null(&encoding->writer);
		return;
	}
	id_format(*id, record_type(member->kind)->prefix, text);
	json_string(&encoding->writer, text_of(text));
}

void
style_text(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct text *text = VALUE(struct text, member, record);

	if (text->length == 0)
		json_null(&encoding->writer);
	else
		json_string(&encoding->writer, *text);
}

void
style_word(
    struct encoding *encoding, const struct member *member, const void *record)
{
	uint8_t value = *VALUE(uint8_t, member, record);

	if (value == 0)
		json_null(&encoding->writer);
	else
		json_string(&encoding->writer, name_text(member->names, value));
}

void
style_minor(
    struct encoding *encoding, const struct member *member, const void *record)
{
	json_integer(
	    &encoding->writer, VALUE(struct money, member, record)->units);
}

void
style_seconds(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct instant *instant = VALUE(struct instant, member, record);

	if (instant_is_set(*instant))
		json_integer(&encoding->writer, instant_seconds(*instant));
	else
		json_null(&encoding->writer);
}

void
style_metadata(
    struct encoding *encoding, const struct member *member, const void *record)
{
	struct text rest = *VALUE(struct text, member, record);
	struct metadata_pair pair;

	json_object_begin(&encoding->writer);
	while (metadata_next(&rest, &pair)) {
		json_name(&encoding->writer, pair.key);
		json_string(&encoding->writer, pair.value);
	}
	json_object_end(&encoding->writer);
}

void
style_livemode(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	(void)record;
	json_boolean(&encoding->writer, encoding->live);
}

void
style_true(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	(void)record;
	json_boolean(&encoding->writer, true);
}

void
style_null(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	(void)record;
	json_null(&encoding->writer);
}

void
style_secret(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	(void)record;
	if (encoding->secret == NULL || encoding->secret[0] == '\0')
		json_null(&encoding->writer);
	else
		json_string(&encoding->writer, text_of(encoding->secret));
}

void
style_event_types(
    struct encoding *encoding, const struct member *member, const void *record)
{
	uint32_t types = *VALUE(uint32_t, member, record);
	struct json_writer *writer = &encoding->writer;

	json_array_begin(writer);
	if ((types & 1u << EVENT_NONE) != 0)
		json_string(writer, TEXT("*"));
	for (unsigned type = EVENT_NONE + 1; type < EVENT_COUNT; type++)
		if ((types & 1u << type) != 0)
			json_string(writer, name_text(&event_names, type));
	json_array_end(writer);
}

void
style_endpoint_status(
    struct encoding *encoding, const struct member *member, const void *record)
{
	uint8_t status = *VALUE(uint8_t, member, record);

	if (status == ENDPOINT_PENDING)
		status = ENDPOINT_ENABLED;
	json_string(
	    &encoding->writer, name_text(&endpoint_status_names, status));
}

void
style_event_data(
    struct encoding *encoding, const struct member *member, const void *record)
{
	(void)member;
	json_object_begin(&encoding->writer);
	json_name(&encoding->writer, TEXT("object"));
	encode_event_object(encoding, record);
	json_object_end(&encoding->writer);
}

/* Whether it is shown as something that was: its id, and that it is gone. */
static bool
is_deleted(enum kind kind, const void *record)
{
	const union record *any = record;

	return (kind == KIND_CUSTOMER &&
		   instant_is_set(any->customer.deleted)) ||
	       (kind == KIND_ENDPOINT && instant_is_set(any->endpoint.deleted));
}

static const struct view *
view_of(const struct contract *contract, enum kind kind, const void *record)
{
	return is_deleted(kind, record) ? &contract->deleted[kind]
					: &contract->views[kind];
}

void
encode_record(struct encoding *encoding, enum kind kind, const void *record)
{
	const struct view *view = view_of(encoding->contract, kind, record);

	assert(view->count > 0);
	json_object_begin(&encoding->writer);
	for (unsigned i = 0; i < view->count; i++) {
		const struct member *member = &view->members[i];

		json_name(&encoding->writer, member->name);
		member->style(encoding, member, record);
	}
	json_object_end(&encoding->writer);
}

void
encode_objects(struct encoding *encoding, struct text objects)
{
	struct text rest = objects;
	struct text encoded;
	union record record;
	bool found;

	found = bundle_next(&rest, &encoded);
	assert(found);
	found = bundle_find(objects, codec_kind(encoded), 0, &record);
	assert(found);
	encoding->objects = objects;
	encode_record(encoding, codec_kind(encoded), &record);
}

void
encode_event_object(struct encoding *encoding, const struct event *event)
{
	struct instant now = encoding->now;
	struct text objects = encoding->objects;
	const char *secret = encoding->secret;

	encoding->now = event->created;
	encoding->secret = NULL;
	encode_objects(encoding, event->objects);
	encoding->now = now;
	encoding->objects = objects;
	encoding->secret = secret;
}

static void
write_string_or_null(struct json_writer *writer, struct text text)
{
	if (text.bytes == NULL)
		json_null(writer);
	else
		json_string(writer, text);
}

void
encode_error(struct encoding *encoding, const struct error *error)
{
	enum contract_id contract = encoding->contract->id;
	const struct error_words *words = error_words(error->id, contract);
	struct json_writer *writer = &encoding->writer;
	char bytes[1024];
	struct buffer text;

	/* A refusal that the contract does not know is a bug. */
	assert(words->status != 0);
	json_object_begin(writer);
	json_name(writer, TEXT("error"));
	json_object_begin(writer);
	json_name(writer, TEXT("type"));
	json_string(writer, name_text(&error_type_names, words->type));
	json_name(writer, TEXT("code"));
	json_string(writer, words->code);
	if (error->decline != DECLINE_NONE) {
		json_name(writer, TEXT("decline_code"));
		json_string(writer, name_text(&decline_names, error->decline));
	}
	json_name(writer, TEXT("message"));
	buffer_init(&text, bytes, sizeof(bytes));
	error_message(error, contract, &text);
	json_string(writer, buffer_text(&text));
	json_name(writer, TEXT("param"));
	write_string_or_null(writer, error_param(error, contract));
	json_name(writer, TEXT("doc_url"));
	buffer_init(&text, bytes, sizeof(bytes));
	buffer_put_text(&text, encoding->public_url);
	buffer_put_text(&text, TEXT("/docs/errors/"));
	buffer_put_text(&text, encoding->contract->name);
	buffer_put_byte(&text, '#');
	buffer_put_text(&text, words->code);
	json_string(writer, buffer_text(&text));
	json_object_end(writer);
	json_object_end(writer);
}
