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

static const struct view *
view_of(const struct contract *contract, enum kind kind, const void *record)
{
	if (kind == KIND_CUSTOMER &&
	    instant_is_set(((const struct customer *)record)->deleted))
		return &contract->deleted_customer;
	return &contract->views[kind];
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
