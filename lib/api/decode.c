#include "api/decode.h"

#include <assert.h>
#include <string.h>

#include "base/digest.h"

/* The media type of a header: what stands before the first ';'. */
static bool
media_type_is(struct text header, struct text type)
{
	struct text head;
	struct text tail;

	text_split(header, ';', &head, &tail);
	while (head.length > 0 && head.bytes[head.length - 1] == ' ')
		head.length--;
	return text_equal_nocase(head, type);
}

/* Appends one syntax's rows; says what is wrong with it. */
static bool
take_rows(struct decoding *decoding, enum parameters_result result,
    const char *what, const struct parameters_failure *failure)
{
	char bytes[ERROR_DETAIL_BYTES_MAX];
	struct buffer detail;

	if (result == PARAMETERS_OK)
		return true;
	if (result == PARAMETERS_REPEATED)
		return refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
		    failure->name, TEXT_NONE, TEXT("is given more than once"));
	buffer_init(&detail, bytes, sizeof(bytes));
	buffer_print(&detail, "%s %s", what, failure->reason);
	return refuse_about(decoding->error, ERROR_REQUEST_MALFORMED, TEXT_NONE,
	    TEXT_NONE, buffer_text(&detail));
}

bool
decode_syntax(struct decoding *decoding)
{
	const struct request *request = decoding->request;
	struct parameters *parameters = &decoding->parameters;
	struct parameters_failure failure = {0};
	enum parameters_result result;

	parameters->count = 0;
	result = parameters_from_form(
	    parameters, request->query, decoding->arena, &failure);
	if (!take_rows(decoding, result, "query", &failure))
		return false;
	if (request->body_state == BODY_SHORT)
		return refuse_about(decoding->error, ERROR_REQUEST_MALFORMED,
		    TEXT_NONE, TEXT_NONE,
		    TEXT("body is shorter than its Content-Length."));
	if (request->body.length == 0)
		return true;
	if (media_type_is(request->content_type, TEXT("application/json")))
		result = parameters_from_json(
		    parameters, request->body, decoding->arena, &failure);
	else if (media_type_is(request->content_type,
		     TEXT("application/x-www-form-urlencoded")))
		result = parameters_from_form(
		    parameters, request->body, decoding->arena, &failure);
	else
		return refuse_about(decoding->error,
		    ERROR_UNSUPPORTED_MEDIA_TYPE, TEXT_NONE,
		    request->content_type, TEXT_NONE);
	return take_rows(decoding, result, "body", &failure);
}

bool
decode_refuse(struct decoding *decoding, const struct field *field,
    const struct parameter *row)
{
	enum error_id id = field->refusal == ERROR_NONE
			       ? ERROR_PARAMETER_INVALID
			       : field->refusal;

	return refuse_about(decoding->error, id,
	    row == NULL ? field->name : parameter_name(row, decoding->arena),
	    row == NULL ? TEXT_NONE : row->value, field->must);
}

bool
decode_cursors(struct decoding *decoding)
{
	const struct command *command = decoding->command;

	if (command->starting_after.text.length == 0 ||
	    command->ending_before.text.length == 0)
		return true;
	return refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
	    TEXT("ending_before"), TEXT_NONE,
	    TEXT("cannot be given together with starting_after"));
}

void
decode_mark(struct text name, struct text value)
{
	uint8_t length[8] = {(uint8_t)(name.length),
	    (uint8_t)(name.length >> 8), (uint8_t)(name.length >> 16),
	    (uint8_t)(name.length >> 24), (uint8_t)(value.length),
	    (uint8_t)(value.length >> 8), (uint8_t)(value.length >> 16),
	    (uint8_t)(value.length >> 24)};

	/* With the lengths in front no two lists of pairs look the same. */
	digest_add(length, sizeof(length));
	digest_add(name.bytes, name.length);
	digest_add(value.bytes, value.length);
}

void
decode_mark_integer(struct text name, int64_t value)
{
	char bytes[24];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_integer(&buffer, value);
	decode_mark(name, buffer_text(&buffer));
}

bool
decode_keep(struct decoding *decoding, struct text text, struct slice *slice)
{
	if (command_keep(decoding->command, text, slice))
		return true;
	return refuse(decoding->error, ERROR_REQUEST_TOO_LARGE);
}

const struct parameter *
decode_next(struct decoding *decoding, const struct field *field, size_t *at)
{
	struct parameters *parameters = &decoding->parameters;

	for (; *at < parameters->count; ++*at) {
		struct parameter *row = &parameters->rows[*at];

		if (!text_equal(row->root, field->name))
			continue;
		decoding->used[*at] = true;
		++*at;
		return row;
	}
	return NULL;
}

const struct parameter *
decode_scalar(struct decoding *decoding, const struct field *field,
    enum parameter_kind json_kind)
{
	const struct parameter *row;
	size_t at = 0;

	row = decode_next(decoding, field, &at);
	assert(row != NULL);
	if (row->shape == PARAMETER_SCALAR &&
	    (row->kind == PARAMETER_FORM_TEXT || row->kind == json_kind))
		return row;
	decode_refuse(decoding, field, row);
	return NULL;
}

bool
decode_is_element(const struct parameter *row)
{
	int64_t index;

	if (row->kind != PARAMETER_FORM_TEXT && row->kind != PARAMETER_STRING)
		return false;
	return row->shape == PARAMETER_ELEMENT ||
	       (row->shape == PARAMETER_MEMBER &&
		   text_to_integer(row->key, 0, BODY_PARAMETERS_MAX, &index));
}

bool
decode_integer(
    struct decoding *decoding, const struct field *field, int64_t *value)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_NUMBER);

	if (row == NULL)
		return false;
	return text_to_integer(
		   row->value, field->minimum, field->maximum, value) ||
	       decode_refuse(decoding, field, row);
}

static bool
is_given(const struct decoding *decoding, const struct field *field)
{
	for (size_t i = 0; i < decoding->parameters.count; i++)
		if (text_equal(decoding->parameters.rows[i].root, field->name))
			return true;
	return false;
}

static bool
decode_field(struct decoding *decoding, const struct field *field)
{
	if (!is_given(decoding, field)) {
		if (!field->required)
			return true;
		return refuse_about(decoding->error, ERROR_PARAMETER_MISSING,
		    field->name, TEXT_NONE, TEXT_NONE);
	}
	if (!field->rule(decoding, field))
		return false;
	decoding->command->given |= (uint32_t)field->given;
	return true;
}

/* A parameter that the endpoint does not have is never ignored. */
static bool
refuse_unknown(struct decoding *decoding)
{
	for (size_t i = 0; i < decoding->parameters.count; i++) {
		const struct parameter *row = &decoding->parameters.rows[i];

		if (decoding->used[i])
			continue;
		return refuse_about(decoding->error, ERROR_PARAMETER_UNKNOWN,
		    parameter_name(row, decoding->arena), TEXT_NONE, TEXT_NONE);
	}
	return true;
}

static bool
refuse_key(struct decoding *decoding, struct text param, struct text must)
{
	return refuse_about(
	    decoding->error, ERROR_PARAMETER_INVALID, param, TEXT_NONE, must);
}

/*
 * The header's key.  Web servers merge repeated header lines into one value
 * with a comma and a space, which no key may have: else two keys would pass
 * as one.
 */
static bool
check_header_key(struct decoding *decoding)
{
	const struct request *request = decoding->request;
	struct text rest = request->idempotency_key;
	struct text head;
	bool merged = false;

	while (text_split(rest, ',', &head, &rest))
		merged |= text_starts(rest, TEXT(" "));
	return !(merged || request->idempotency_key_repeated) ||
	       refuse_key(decoding, TEXT("Idempotency-Key"),
		   TEXT("must be given once"));
}

/* The idempotency key of a POST, from its header or its body. */
static bool
decode_idempotency_key(struct decoding *decoding)
{
	const struct request *request = decoding->request;
	const struct scope *scope = &decoding->caller->scope;
	struct command *command = decoding->command;
	struct text param = TEXT("Idempotency-Key");
	struct text key = request->idempotency_key;

	if (!text_equal(request->method, TEXT("POST")))
		return true;
	if (key.bytes != NULL && !check_header_key(decoding))
		return false;
	if (decoding->idempotency_key.bytes != NULL) {
		param = TEXT("idempotency_key");
		if (key.bytes != NULL &&
		    !text_equal(key, decoding->idempotency_key))
			return refuse_key(decoding, param,
			    TEXT("must be that of the Idempotency-Key header"));
		key = decoding->idempotency_key;
	}
	if (key.bytes == NULL)
		return true;
	if (key.length < 1 || key.length > IDEMPOTENCY_KEY_BYTES_MAX ||
	    !text_is_printable_ascii(key))
		return refuse_key(decoding, param,
		    TEXT("must be 1 to 255 characters of printable ASCII"));
	command->idempotent = true;
	digest_begin();
	digest_add(scope->account.bytes, ID_BYTES);
	digest_add(&scope->mode, sizeof(scope->mode));
	digest_add(key.bytes, key.length);
	command->idempotency_key = digest_end();
	return true;
}

/*
 * The version that the request wants is the one there is.  The operator's
 * command line asks for none, and has no contract.
 */
static bool
check_version(struct decoding *decoding)
{
	struct text wanted = decoding->request->api_version;
	struct text version;

	if (wanted.bytes == NULL)
		return true;
	version = decoding->contract->version;
	return version.bytes == NULL || text_equal(wanted, version) ||
	       refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
		   TEXT("X-API-Version"), wanted,
		   TEXT("there is no such version"));
}

/* The object in the path; its form is looked at where objects are. */
static bool
decode_path_id(struct decoding *decoding, struct text id)
{
	struct named *target = &decoding->command->target;
	enum kind kind = decoding->route->object;
	struct text decoded;

	if (id.bytes == NULL)
		return true;
	if (!percent_decode(id, false, decoding->arena, &decoded))
		decoded = id;
	if (!id_parse(decoded, record_type(kind)->prefix, &target->id))
		target->id = ID_NONE;
	return decode_keep(decoding, decoded, &target->text);
}

/*
 * Two keys that see different objects never make the same request: else one
 * would be shown, by a replay, what the other one made.
 */
static void
mark_caller(const struct caller *caller)
{
	const struct scope *scope = &caller->scope;

	if (scope->merchant_bound)
		decode_mark(TEXT("merchant"),
		    (struct text){
			(const char *)scope->merchant.bytes, ID_BYTES});
}

bool
decode_command(struct decoding *decoding, struct text id)
{
	const struct route *route = decoding->route;
	bool valid = check_version(decoding) && decode_path_id(decoding, id);

	decoding->idempotency_key = TEXT_NONE;
	memset(decoding->used, 0, sizeof(decoding->used));
	digest_begin();
	decode_mark(route->method, route->pattern);
	decode_mark(TEXT("id"),
	    command_text(decoding->command, decoding->command->target.text));
	mark_caller(decoding->caller);
	for (unsigned i = 0; valid && i < route->field_count; i++)
		valid = decode_field(decoding, &route->fields[i]);
	decoding->command->fingerprint = digest_end();
	return valid && refuse_unknown(decoding) &&
	       (route->check == NULL || route->check(decoding)) &&
	       decode_idempotency_key(decoding);
}
