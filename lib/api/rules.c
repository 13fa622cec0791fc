#include "api/rules.h"

#include <assert.h>
#include <string.h>

#include "api/decode.h"
#include "core/currency.h"
#include "core/metadata.h"

/* Reads a whole number within the field's bounds, or refuses. */
static bool
read_integer(
    struct decoding *decoding, const struct field *field, int64_t *value)
{
	if (!decode_integer(decoding, field, value))
		return false;
	decode_mark_integer(field->name, *value);
	return true;
}

bool
rule_amount(struct decoding *decoding, const struct field *field)
{
	struct money *amount = decode_target(decoding, field);

	return read_integer(decoding, field, &amount->units);
}

bool
rule_limit(struct decoding *decoding, const struct field *field)
{
	uint32_t *limit = decode_target(decoding, field);
	int64_t value;

	if (!read_integer(decoding, field, &value))
		return false;
	*limit = (uint32_t)value;
	return true;
}

bool
rule_seconds(struct decoding *decoding, const struct field *field)
{
	struct span *span = decode_target(decoding, field);
	int64_t value;

	if (!read_integer(decoding, field, &value))
		return false;
	*span = span_from_seconds(value);
	return true;
}

bool
rule_time(struct decoding *decoding, const struct field *field)
{
	struct instant *instant = decode_target(decoding, field);
	int64_t value;

	if (!read_integer(decoding, field, &value))
		return false;
	*instant = instant_from_seconds(value);
	return instant_before(decoding->request->now, *instant) ||
	       decode_refuse(decoding, field, NULL);
}

bool
rule_boolean(struct decoding *decoding, const struct field *field)
{
	bool *target = decode_target(decoding, field);
	const struct parameter *row;
	size_t at = 0;

	row = decode_next(decoding, field, &at);
	assert(row != NULL);
	*target = row->kind == PARAMETER_TRUE ||
		  (row->kind == PARAMETER_FORM_TEXT &&
		      text_equal(row->value, TEXT("true")));
	if (row->shape != PARAMETER_SCALAR ||
	    (!*target && row->kind != PARAMETER_FALSE &&
		!(row->kind == PARAMETER_FORM_TEXT &&
		    text_equal(row->value, TEXT("false")))))
		return decode_refuse(decoding, field, row);
	decode_mark_integer(field->name, *target);
	return true;
}

/* A text of the field's length in characters, without control characters. */
static const struct parameter *
read_text(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	size_t characters;

	if (row == NULL)
		return NULL;
	characters = text_characters(row->value);
	if (characters >= (size_t)field->minimum &&
	    characters <= (size_t)field->maximum &&
	    !text_has_control(row->value))
		return row;
	decode_refuse(decoding, field, row);
	return NULL;
}

/* Keeps a text that its rule has found right. */
static bool
keep_text(
    struct decoding *decoding, const struct field *field, struct text text)
{
	decode_mark(field->name, text);
	return decode_keep(decoding, text, decode_target(decoding, field));
}

bool
rule_text(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row = read_text(decoding, field);

	return row != NULL && keep_text(decoding, field, row->value);
}

/* Enough to catch a mistake; whether it exists, only a mail would tell. */
static bool
is_email(struct text text)
{
	struct text local;
	struct text domain;

	return text_split(text, '@', &local, &domain) && local.length > 0 &&
	       domain.length > 2 &&
	       memchr(domain.bytes, '@', domain.length) == NULL &&
	       memchr(text.bytes, ' ', text.length) == NULL;
}

bool
rule_email(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row = read_text(decoding, field);

	if (row == NULL)
		return false;
	if (row->value.length > 0 && !is_email(row->value))
		return decode_refuse(decoding, field, row);
	return keep_text(decoding, field, row->value);
}

/* scheme://something, by the characters of RFC 3986. */
static bool
is_url(struct text text)
{
	struct text scheme;
	struct text rest;

	if (!text_is_printable_ascii(text) ||
	    memchr(text.bytes, ' ', text.length) != NULL)
		return false;
	if (!text_split(text, ':', &scheme, &rest) || scheme.length == 0)
		return false;
	for (size_t i = 0; i < scheme.length; i++) {
		char c = scheme.bytes[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '+' ||
				   c == '-' || c == '.')))
			return false;
	}
	return text_starts(rest, TEXT("//")) && rest.length > 2;
}

bool
rule_url(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row = read_text(decoding, field);

	if (row == NULL)
		return false;
	if (!is_url(row->value))
		return decode_refuse(decoding, field, row);
	return keep_text(decoding, field, row->value);
}

bool
rule_currency(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	if (!currency_is_known(row->value))
		return decode_refuse(decoding, field, row);
	return keep_text(decoding, field, row->value);
}

bool
rule_payment_method(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct text name;

	if (row == NULL)
		return false;
	name = row->value;
	if (!text_starts(name, TEXT("pm_")) || name.length == 3 ||
	    name.length > PAYMENT_METHOD_BYTES_MAX)
		return decode_refuse(decoding, field, row);
	for (size_t i = 0; i < name.length; i++) {
		char c = name.bytes[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || c == '_'))
			return decode_refuse(decoding, field, row);
	}
	if (!engine_knows_payment_method(
		decoding->service->engine, decoding->caller->scope.mode, name))
		return decode_refuse(decoding, field, row);
	return keep_text(decoding, field, name);
}

/* A secret is never shown, not even where it is refused. */
bool
rule_client_secret(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	if (row->value.length == 0)
		return decode_refuse(decoding, field, NULL);
	return keep_text(decoding, field, row->value);
}

bool
rule_word(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	uint8_t *target = decode_target(decoding, field);
	unsigned value;

	if (row == NULL)
		return false;
	value = name_find(field->choices, row->value);
	if (value == 0 ||
	    (field->allowed != 0 && (field->allowed & (1u << value)) == 0))
		return decode_refuse(decoding, field, row);
	*target = (uint8_t)value;
	decode_mark(field->name, row->value);
	return true;
}

bool
rule_id(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct named *named = decode_target(decoding, field);
	const char *prefix = record_type(field->kind)->prefix;

	if (row == NULL)
		return false;
	if (!text_starts(row->value, text_of(prefix)))
		return decode_refuse(decoding, field, row);
	if (!id_parse(row->value, prefix, &named->id))
		named->id = ID_NONE;
	decode_mark(field->name, row->value);
	return decode_keep(decoding, row->value, &named->text);
}

bool
rule_id_or_none(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	if (row->value.length > 0)
		return rule_id(decoding, field);
	decode_mark(field->name, row->value);
	return true;
}

/* One pair of metadata within its bounds. */
static bool
is_pair(const struct parameter *row)
{
	return row->shape == PARAMETER_MEMBER && row->key.length > 0 &&
	       (row->kind == PARAMETER_FORM_TEXT ||
		   row->kind == PARAMETER_STRING) &&
	       text_characters(row->key) <= METADATA_KEY_CHARACTERS_MAX &&
	       text_characters(row->value) <= METADATA_VALUE_CHARACTERS_MAX &&
	       !text_has_control(row->key) && !text_has_control(row->value);
}

/* The pairs of metadata in the order of their keys, into the fingerprint. */
static void
mark_pairs(struct decoding *decoding, const struct field *field)
{
	const struct parameter *last = NULL;
	const struct parameter *next;

	do {
		const struct parameter *row;
		size_t at = 0;

		next = NULL;
		while ((row = decode_next(decoding, field, &at)) != NULL) {
			if (row->shape != PARAMETER_MEMBER ||
			    (last != NULL &&
				text_compare(row->key, last->key) <= 0))
				continue;
			if (next == NULL ||
			    text_compare(row->key, next->key) < 0)
				next = row;
		}
		if (next != NULL) {
			decode_mark(field->name, next->key);
			decode_mark(field->name, next->value);
		}
		last = next;
	} while (next != NULL);
}

bool
rule_metadata(struct decoding *decoding, const struct field *field)
{
	struct slice *target = decode_target(decoding, field);
	size_t size = METADATA_BYTES_MAX;
	const struct parameter *row;
	struct buffer packed;
	int64_t count = 0;
	size_t at = 0;
	void *bytes = arena_take(decoding->arena, size);

	if (bytes == NULL)
		return refuse(decoding->error, ERROR_SERVICE_UNAVAILABLE);
	buffer_init(&packed, bytes, size);
	for (row = decode_next(decoding, field, &at); row != NULL;
	     row = decode_next(decoding, field, &at)) {
		/* {}: no pairs; metadata="": none are left. */
		if (row->kind == PARAMETER_EMPTY_OBJECT &&
		    row->shape == PARAMETER_SCALAR)
			continue;
		if (row->shape == PARAMETER_SCALAR && row->value.length == 0 &&
		    (row->kind == PARAMETER_FORM_TEXT ||
			row->kind == PARAMETER_STRING)) {
			decoding->command->given |= GIVEN_METADATA_CLEARED;
			continue;
		}
		if (!is_pair(row) || ++count > field->maximum)
			return decode_refuse(decoding, field, row);
		metadata_put(&packed, row->key, row->value);
	}
	mark_pairs(decoding, field);
	decode_mark_integer(field->name,
	    command_has(decoding->command, GIVEN_METADATA_CLEARED));
	return decode_keep(decoding, buffer_text(&packed), target);
}

bool
rule_words(struct decoding *decoding, const struct field *field)
{
	uint32_t *target = decode_target(decoding, field);
	const struct parameter *row;
	size_t at = 0;

	for (row = decode_next(decoding, field, &at); row != NULL;
	     row = decode_next(decoding, field, &at)) {
		unsigned value = decode_is_element(row)
				     ? name_find(field->choices, row->value)
				     : 0;

		if (value == 0 || (*target & (1u << value)) != 0)
			return decode_refuse(decoding, field, row);
		*target |= 1u << value;
	}
	decode_mark_integer(field->name, *target);
	return true;
}

bool
rule_expand_customer(struct decoding *decoding, const struct field *field)
{
	bool *target = decode_target(decoding, field);
	const struct parameter *row;
	size_t at = 0;

	for (row = decode_next(decoding, field, &at); row != NULL;
	     row = decode_next(decoding, field, &at)) {
		if (row->kind == PARAMETER_EMPTY_ARRAY)
			continue;
		if (!decode_is_element(row) ||
		    !text_equal(row->value, TEXT("customer")))
			return decode_refuse(decoding, field, row);
		*target = true;
	}
	decode_mark_integer(field->name, *target);
	return true;
}

void
rules_narrow(struct command *command, struct text key, int64_t seconds)
{
	struct instant *from = &command->created_gte;
	struct instant *until = &command->created_lt;
	bool lower = text_starts(key, TEXT("gt"));
	struct instant bound;

	if (text_equal(key, TEXT("gt")) || text_equal(key, TEXT("lte")))
		seconds++;
	bound = instant_from_seconds(seconds);
	if (lower && instant_before(*from, bound))
		*from = bound;
	if (!lower &&
	    (!instant_is_set(*until) || instant_before(bound, *until)))
		*until = bound;
	/* Nothing was created before 1970. */
	command->created_none |= !lower && !instant_is_set(bound);
}

bool
rule_created(struct decoding *decoding, const struct field *field)
{
	static const struct text keys[] = {
	    {"gt", 2}, {"gte", 3}, {"lt", 2}, {"lte", 3}};
	const struct parameter *row;
	size_t at = 0;

	for (row = decode_next(decoding, field, &at); row != NULL;
	     row = decode_next(decoding, field, &at)) {
		bool known = false;
		int64_t seconds;

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			known |= text_equal(row->key, keys[i]);
		if (!known || row->shape != PARAMETER_MEMBER ||
		    (row->kind != PARAMETER_FORM_TEXT &&
			row->kind != PARAMETER_NUMBER) ||
		    !text_to_integer(
			row->value, field->minimum, field->maximum, &seconds))
			return decode_refuse(decoding, field, row);
		rules_narrow(decoding->command, row->key, seconds);
		decode_mark_integer(row->key, seconds);
	}
	return true;
}
