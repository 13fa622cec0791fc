#include "app/reference_catalogue.h"

#include <assert.h>

#include "api/json_writer.h"
#include "app/reference.h"

struct text
catalogue_contract(enum contract_id contract)
{
	static const struct text names[CONTRACT_COUNT] = {
	    [CONTRACT_CARD] = {"card", 4},
	    [CONTRACT_STABLE] = {"stable", 6},
	};

	assert(contract < CONTRACT_COUNT);
	return names[contract];
}

enum error_id
catalogue_next(enum error_id id, enum contract_id contract)
{
	for (unsigned next = id + 1u; next < ERROR_COUNT; next++)
		if (error_words((enum error_id)next, contract)->status != 0)
			return (enum error_id)next;
	return ERROR_NONE;
}

bool
same_code(enum error_id a, enum error_id b, enum contract_id contract)
{
	return text_equal(
	    error_words(a, contract)->code, error_words(b, contract)->code);
}

bool
same_facts(enum error_id a, enum error_id b, enum contract_id contract)
{
	const struct error_words *one = error_words(a, contract);
	const struct error_words *other = error_words(b, contract);

	return same_code(a, b, contract) && one->status == other->status &&
	       one->type == other->type && text_equal(one->param, other->param);
}

bool
same_case(enum error_id a, enum error_id b, enum contract_id contract)
{
	const struct error_reference *one = error_reference(a);
	const struct error_reference *other = error_reference(b);

	return same_facts(a, b, contract) &&
	       text_equal(one->meaning, other->meaning) &&
	       text_equal(one->advice, other->advice);
}

bool
catalogue_is_new(enum error_id id, enum contract_id contract,
    bool (*same)(enum error_id, enum error_id, enum contract_id))
{
	enum error_id earlier = catalogue_next(ERROR_NONE, contract);

	while (earlier != id && !same(earlier, id, contract))
		earlier = catalogue_next(earlier, contract);
	return earlier == id;
}

struct error
catalogue_sample(enum error_id id)
{
	const struct error_reference *reference = error_reference(id);
	struct error error;

	refuse_about(&error, id, reference->sample_param,
	    reference->sample_value, reference->sample_detail);
	if (id == ERROR_CARD_DECLINED)
		error.decline = DECLINE_GENERIC;
	return error;
}

struct text
catalogue_message(const struct error *error, enum contract_id contract,
    char bytes[MESSAGE_BYTES_MAX])
{
	struct buffer message;

	buffer_init(&message, bytes, MESSAGE_BYTES_MAX);
	error_message(error, contract, &message);
	assert(!message.overflow);
	return buffer_text(&message);
}

static void
put_text_or_null(struct json_writer *json, struct text text)
{
	if (text.length > 0)
		json_string(json, text);
	else
		json_null(json);
}

void
catalogue_body(const struct error *error, enum contract_id contract,
    struct text message, struct text public_url, struct buffer *json)
{
	const struct error_words *words = error_words(error->id, contract);
	struct json_writer writer;
	char bytes[256];
	struct buffer doc_url;

	buffer_init(&doc_url, bytes, sizeof(bytes));
	buffer_put_text(&doc_url, public_url);
	buffer_put_text(&doc_url, TEXT("/docs/errors/"));
	buffer_put_text(&doc_url, catalogue_contract(contract));
	buffer_put_byte(&doc_url, '#');
	buffer_put_text(&doc_url, words->code);
	assert(!doc_url.overflow);

	json_init(&writer, json);
	json_object_begin(&writer);
	json_name(&writer, TEXT("error"));
	json_object_begin(&writer);
	json_name(&writer, TEXT("type"));
	json_string(&writer, name_text(&error_type_names, words->type));
	json_name(&writer, TEXT("code"));
	json_string(&writer, words->code);
	if (error->decline != DECLINE_NONE) {
		json_name(&writer, TEXT("decline_code"));
		json_string(&writer, name_text(&decline_names, error->decline));
	}
	json_name(&writer, TEXT("message"));
	json_string(&writer, message);
	json_name(&writer, TEXT("param"));
	put_text_or_null(&writer, error_param(error, contract));
	json_name(&writer, TEXT("doc_url"));
	json_string(&writer, buffer_text(&doc_url));
	json_object_end(&writer);
	json_object_end(&writer);
}

static void
put_row(struct json_writer *json, enum error_id id, enum contract_id contract)
{
	const struct error_words *words = error_words(id, contract);

	json_object_begin(json);
	json_name(json, TEXT("contract"));
	json_string(json, catalogue_contract(contract));
	json_name(json, TEXT("name"));
	json_string(json, error_reference(id)->name);
	json_name(json, TEXT("status"));
	json_integer(json, words->status);
	json_name(json, TEXT("type"));
	json_string(json, name_text(&error_type_names, words->type));
	json_name(json, TEXT("code"));
	json_string(json, words->code);
	json_name(json, TEXT("param"));
	put_text_or_null(json, words->param);
	json_object_end(json);
}

void
reference_catalogue(struct buffer *json)
{
	struct json_writer writer;

	json_init(&writer, json);
	json_array_begin(&writer);
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		enum contract_id contract = (enum contract_id)i;
		enum error_id id = catalogue_next(ERROR_NONE, contract);

		for (; id != ERROR_NONE; id = catalogue_next(id, contract))
			put_row(&writer, id, contract);
	}
	json_array_end(&writer);
	buffer_put_byte(json, '\n');
}
