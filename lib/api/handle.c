#include "api/handle.h"

#include <assert.h>
#include <string.h>

#include "api/caller.h"
#include "api/contract.h"
#include "api/decode.h"
#include "api/encode.h"
#include "api/picture.h"
#include "api/rate.h"
#include "core/bundle.h"
#include "engine/engine.h"

enum {
	STATUS_OK = 200,
	STATUS_CREATED = 201,
	/* Contract: when a 503 or a key in use may be tried again. */
	RETRY_AFTER_SECONDS = 1,
};

/* One request on its way: what its steps hand on. */
struct handling {
	const struct service *service;
	const struct workspace *workspace; /* borrowed */
	const struct request *request;
	struct response *response;
	const struct contract *contract;
	const struct route *route;
	struct text id; /* of the path, as sent */
	struct text allow;
	struct caller caller;
	bool recognised;
	struct rate_count rate;
	struct text media_type; /* of the answer */
	bool waits;		/* for the outcome of a command */
	struct buffer body;
	struct encoding encoding;
	struct error error;
};

static void
add_header(struct response *response, struct text name, struct text value)
{
	assert(response->header_count < RESPONSE_HEADERS_MAX);
	response->headers[response->header_count++] =
	    (struct response_header){name, value};
}

static void
add_number(struct handling *handling, struct text name, int64_t value)
{
	char bytes[24];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_integer(&buffer, value);
	add_header(handling->response, name,
	    arena_copy(handling->workspace->arena, buffer_text(&buffer)));
}

/* What is known of the request before it is served. */
static void
tell_route(const struct handling *handling)
{
	struct response *response = handling->response;

	response->route_number =
	    route_number(handling->contract, handling->route);
	if (handling->route != NULL)
		response->route = handling->route->pattern;
	if (handling->service->route != NULL)
		atomic_store_explicit(handling->service->route,
		    1 + response->route_number, memory_order_relaxed);
}

/* Contract by path, before anything else can fail; then the route. */
static bool
find_route(struct handling *handling)
{
	const struct request *request = handling->request;
	struct error *error = &handling->error;
	enum route_result result;
	char bytes[64];
	struct buffer allow;

	buffer_init(&allow, bytes, sizeof(bytes));
	result = route_find(handling->contract, request->method, request->path,
	    &handling->route, &handling->id, &allow);
	tell_route(handling);
	switch (result) {
	case ROUTE_FOUND:
		return true;
	case ROUTE_NO_METHOD:
		handling->allow =
		    arena_copy(handling->workspace->arena, buffer_text(&allow));
		return refuse_about(error, ERROR_METHOD_NOT_ALLOWED, TEXT_NONE,
		    request->method, handling->allow);
	case ROUTE_NO_PATH:
		break;
	}
	return refuse_about(
	    error, ERROR_ROUTE_NOT_FOUND, TEXT_NONE, request->path, TEXT_NONE);
}

/* Counts the request; false, with the refusal, if it is one too many. */
static bool
count(struct handling *handling)
{
	return caller_count(handling->service, handling->request,
	    handling->contract, handling->recognised ? &handling->caller : NULL,
	    handling->route, &handling->rate, &handling->response->limit,
	    &handling->error);
}

static bool
store_failed(const struct error *error)
{
	return error->id == ERROR_SERVICE_UNAVAILABLE ||
	       error->id == ERROR_INTERNAL_ERROR;
}

static void
tell_caller(const struct handling *handling)
{
	struct arena *arena = handling->workspace->arena;
	struct response *response = handling->response;
	char account[ID_TEXT_BYTES];

	id_format(handling->caller.scope.account,
	    record_type(KIND_ACCOUNT)->prefix, account);
	response->account = arena_copy(arena, text_of(account));
	response->key_prefix =
	    arena_copy(arena, text_of(handling->caller.prefix));
}

/*
 * Size, key, permission and rate, and the route's refusal before all of them
 * if it has one: every request is counted, whatever becomes of it.  Without
 * a recognised key the address is counted, and its limit comes before what
 * is wrong with the key.
 */
static bool
admit(struct handling *handling, bool routed)
{
	struct error refusal = handling->error;
	struct error unknown;
	bool within;

	if (routed && handling->request->body_state == BODY_TOO_LARGE)
		routed = refuse(&refusal, ERROR_REQUEST_TOO_LARGE);
	if (routed && (handling->route->flags & ROUTE_OPEN) != 0)
		return count(handling);
	handling->recognised = caller_recognise(
	    handling->service, handling->request, &handling->caller, &unknown);
	if (handling->recognised)
		tell_caller(handling);
	/* The key may well be valid: the store's failure is not counted. */
	within = (!handling->recognised && store_failed(&unknown)) ||
		 count(handling);
	if (!routed)
		handling->error = refusal;
	else if (!handling->recognised && within)
		handling->error = unknown;
	else if (handling->recognised &&
		 !caller_may(&handling->caller, handling->route, &unknown))
		handling->error = unknown;
	else
		return within;
	return false;
}

/* Who asks in which request, for the audit log: `key:<prefix>:<id>`. */
static void
name_actor(struct handling *handling)
{
	const struct caller *caller = &handling->caller;
	struct command *command = handling->workspace->command;
	struct text request = handling->request->id;
	char bytes[ACTOR_BYTES_MAX];
	char key[ID_TEXT_BYTES];
	struct buffer actor;
	bool kept;

	id_format(caller->key, record_type(KIND_API_KEY)->prefix, key);
	buffer_init(&actor, bytes, sizeof(bytes));
	buffer_put_text(&actor, TEXT("key:"));
	buffer_put_text(&actor, text_of(caller->prefix));
	buffer_put_byte(&actor, ':');
	buffer_put_text(&actor, text_of(key));
	assert(!actor.overflow);
	if (request.length > AUDIT_WORD_BYTES_MAX)
		request.length = AUDIT_WORD_BYTES_MAX;
	kept = command_keep(command, buffer_text(&actor), &command->actor) &&
	       command_keep(command, request, &command->request);
	assert(kept);
}

/* What the caller and the clock bring to a command. */
static void
begin_command(struct handling *handling)
{
	const struct request *request = handling->request;
	const struct caller *caller = &handling->caller;
	struct command *command = handling->workspace->command;

	command_init(command, handling->route->command);
	command->object = handling->route->object;
	command->replay_as_now = handling->contract->replays_as_now;
	command->scope = caller->scope;
	command->scope.family = (uint8_t)handling->contract->family;
	command->now = request->now;
	command->key_mode = caller->scope.mode;
	if (caller->type != KEY_TYPE_SECRET)
		command->caller_permissions = caller->permissions;
	command->caller_expires = caller->expires;
	_Static_assert((int)COMMAND_ENTROPY_BYTES + (int)ID_RANDOM_BYTES <=
			   (int)REQUEST_ENTROPY_BYTES,
	    "the request's entropy is enough for the command's");
	command->fresh = id_make(request->now, request->entropy);
	memcpy(command->entropy, request->entropy + ID_RANDOM_BYTES,
	    sizeof(command->entropy));
	if (handling->recognised && command->kind > COMMAND_LIST)
		name_actor(handling);
}

/*
 * What the tables cannot say: a publishable key must send the client secret,
 * and expanding a customer needs the permission to read one.
 */
static bool
check_caller(struct handling *handling)
{
	const struct command *command = handling->workspace->command;
	const struct caller *caller = &handling->caller;

	if (caller->type == KEY_TYPE_PUBLISHABLE &&
	    !command_has(command, GIVEN_CLIENT_SECRET))
		return refuse_about(&handling->error, ERROR_PARAMETER_MISSING,
		    TEXT("client_secret"), TEXT_NONE, TEXT_NONE);
	if (command->expand_customer &&
	    (caller->permissions & (1u << PERMISSION_CUSTOMERS_READ)) == 0)
		return refuse_about(&handling->error,
		    ERROR_INSUFFICIENT_PERMISSIONS, TEXT_NONE, TEXT_NONE,
		    TEXT("it lacks the permission customers:read"));
	return true;
}

static bool
decode(struct handling *handling)
{
	struct arena *arena = handling->workspace->scratch;
	struct decoding *decoding = arena_take(arena, sizeof(*decoding));
	bool decoded;

	if (decoding == NULL)
		return refuse(&handling->error, ERROR_SERVICE_UNAVAILABLE);
	begin_command(handling);
	decoding->service = handling->service;
	decoding->request = handling->request;
	decoding->contract = handling->contract;
	decoding->route = handling->route;
	decoding->caller = &handling->caller;
	decoding->arena = arena;
	decoding->command = handling->workspace->command;
	decoding->error = &handling->error;
	decoded = decode_syntax(decoding) &&
		  decode_command(decoding, handling->id) &&
		  check_caller(handling);
	/* It may have stood in the body. */
	if (decoding->command->idempotent)
		handling->response->idempotency = IDEMPOTENCY_UNUSED;
	return decoded;
}

/* The answer's body is written into half of what is left of the scratch. */
static bool
begin_body(struct handling *handling)
{
	struct arena *arena = handling->workspace->scratch;
	size_t size = arena_left(arena) / 2;
	void *bytes = arena_take(arena, size);

	if (bytes == NULL)
		return refuse(&handling->error, ERROR_SERVICE_UNAVAILABLE);
	buffer_init(&handling->body, bytes, size);
	handling->encoding = (struct encoding){
	    .contract = handling->contract,
	    .public_url = handling->service->public_url,
	    .live = handling->caller.scope.mode == MODE_LIVE,
	    .chain =
		handling->service->chains[handling->caller.scope.mode].name,
	    .now = handling->request->now,
	};
	json_init(&handling->encoding.writer, &handling->body);
	return true;
}

static bool
visit_row(struct text objects, void *context)
{
	struct handling *handling = context;

	encode_objects(&handling->encoding, objects);
	return !handling->body.overflow;
}

static bool
answer_list(struct handling *handling)
{
	struct encoding *encoding = &handling->encoding;
	const char *prefix = record_type(handling->route->object)->prefix;
	struct list_page list = {.url = handling->route->pattern};
	char cursor[ID_TEXT_BYTES];
	struct page page;

	json_object_begin(&encoding->writer);
	json_name(&encoding->writer, TEXT("object"));
	json_string(&encoding->writer, TEXT("list"));
	json_name(&encoding->writer, TEXT("data"));
	json_array_begin(&encoding->writer);
	if (!engine_list(handling->service->engine,
		handling->workspace->command, visit_row, handling, &page,
		&handling->error))
		return false;
	json_array_end(&encoding->writer);
	list.has_more = page.has_more;
	list.total = page.total;
	if (page.has_more) {
		/* Where to go on in the direction in which it was read. */
		id_format(
		    id_is_set(handling->workspace->command->ending_before.id)
			? page.first
			: page.last,
		    prefix, cursor);
		list.next_cursor = text_of(cursor);
	}
	handling->contract->end_list(encoding, &list);
	json_object_end(&encoding->writer);
	return true;
}

/* The picture of a payment, as long as it is awaited. */
static bool
answer_picture(struct handling *handling)
{
	const struct command *command = handling->workspace->command;
	struct arena *arena = handling->workspace->arena;
	struct coin_intent intent;
	char bytes[64];
	struct buffer cache;

	buffer_init(&cache, bytes, sizeof(bytes));
	if (!picture_find(handling->service->engine, command,
		handling->workspace->outcome, &intent, &handling->error))
		return false;
	if (!picture_write(&intent, &handling->body))
		return refuse(&handling->error, ERROR_INTERNAL_ERROR);
	buffer_print(&cache, "public, max-age=%lld",
	    (long long)(instant_minus(intent.expires, command->now).us /
			1000000));
	handling->media_type = TEXT("image/png");
	add_header(handling->response, TEXT("Cache-Control"),
	    arena_copy(arena, buffer_text(&cache)));
	return true;
}

/* What became of the idempotency key of a command that was run. */
static enum idempotency
judge_key(const struct outcome *outcome)
{
	if (outcome->replayed)
		return IDEMPOTENCY_REPLAYED;
	if (outcome->error.id == ERROR_IDEMPOTENCY_KEY_REUSE)
		return IDEMPOTENCY_CONFLICT;
	if (outcome->error.id == ERROR_IDEMPOTENCY_KEY_IN_USE)
		return IDEMPOTENCY_IN_USE;
	if (outcome->error.id == ERROR_INTERNAL_ERROR)
		return IDEMPOTENCY_UNKNOWN;
	return outcome->remembered ? IDEMPOTENCY_NEW : IDEMPOTENCY_UNUSED;
}

/* What a command or a read of one object came to. */
static bool
answer_outcome(struct handling *handling)
{
	const struct outcome *outcome = handling->workspace->outcome;

	handling->response->replayed = outcome->replayed;
	if (handling->workspace->command->idempotent)
		handling->response->idempotency = judge_key(outcome);
	handling->error = outcome->error;
	if (outcome->error.id != ERROR_NONE)
		return false;
	handling->encoding.secret = outcome->secret;
	encode_objects(&handling->encoding, outcome_objects(outcome));
	return true;
}

/* Reads are answered; a command is left to whoever runs it. */
static bool
answer(struct handling *handling)
{
	const struct command *command = handling->workspace->command;

	handling->waits = command->kind > COMMAND_LIST;
	if (handling->waits)
		return true;
	if (!begin_body(handling))
		return false;
	if ((handling->route->flags & ROUTE_PICTURE) != 0)
		return answer_picture(handling);
	if (command->kind == COMMAND_LIST)
		return answer_list(handling);
	engine_get(
	    handling->service->engine, command, handling->workspace->outcome);
	return answer_outcome(handling);
}

/* Headers that some refusals bring. */
static void
add_error_headers(struct handling *handling)
{
	struct response *response = handling->response;
	enum error_id id = handling->error.id;

	if (id == ERROR_METHOD_NOT_ALLOWED)
		add_header(response, TEXT("Allow"), handling->allow);
	if (id == ERROR_API_KEY_ABSENT || id == ERROR_API_KEY_INVALID ||
	    id == ERROR_API_KEY_REVOKED)
		add_header(response, TEXT("WWW-Authenticate"),
		    TEXT("Bearer realm=\"intentd\""));
	if (id == ERROR_RATE_LIMIT_EXCEEDED)
		add_number(handling, TEXT("Retry-After"),
		    handling->rate.reset -
			instant_seconds(handling->request->now));
	if (id == ERROR_SERVICE_UNAVAILABLE ||
	    id == ERROR_IDEMPOTENCY_KEY_IN_USE)
		add_number(handling, TEXT("Retry-After"), RETRY_AFTER_SECONDS);
}

static void
answer_error(struct handling *handling)
{
	struct response *response = handling->response;
	const struct error_words *words =
	    error_words(handling->error.id, handling->contract->id);
	struct arena *arena = handling->workspace->scratch;
	size_t size = 8 * 1024;
	void *bytes;

	if (handling->body.bytes != NULL)
		arena_keep(arena, handling->body.bytes, 0);
	bytes = arena_take(arena, size);
	/* Half of the arena was kept back from the body: begin_body(). */
	assert(bytes != NULL);
	buffer_init(&handling->body, bytes, size);
	handling->encoding = (struct encoding){
	    .contract = handling->contract,
	    .public_url = handling->service->public_url,
	};
	json_init(&handling->encoding.writer, &handling->body);
	encode_error(&handling->encoding, &handling->error);
	assert(!handling->body.overflow);
	response->status = words->status;
	response->error = handling->error.id;
	response->error_code = words->code;
	handling->media_type = TEXT("application/json");
	add_error_headers(handling);
}

static void
add_common_headers(struct handling *handling)
{
	struct response *response = handling->response;

	add_header(response, TEXT("Content-Type"), handling->media_type);
	add_header(response, TEXT("Request-Id"), handling->request->id);
	if (handling->contract->version.bytes != NULL)
		add_header(response, TEXT("X-API-Version"),
		    handling->contract->version);
	if (response->replayed)
		add_header(response, TEXT("Idempotent-Replayed"), TEXT("true"));
	if (handling->rate.limit == 0)
		return;
	add_number(handling, TEXT("X-RateLimit-Limit"), handling->rate.limit);
	add_number(
	    handling, TEXT("X-RateLimit-Remaining"), handling->rate.remaining);
	add_number(handling, TEXT("X-RateLimit-Reset"), handling->rate.reset);
}

/* A replay made nothing: it is no creation. */
static int
success_status(const struct handling *handling)
{
	bool creates = (handling->route->flags & ROUTE_CREATES) != 0;

	return creates && !handling->response->replayed ? STATUS_CREATED
							: STATUS_OK;
}

/* The response, once it is known whether it is a refusal. */
static void
respond(struct handling *handling, bool answered)
{
	struct response *response = handling->response;

	if (answered && !handling->body.overflow) {
		response->status = success_status(handling);
	} else {
		if (handling->error.id == ERROR_NONE)
			refuse(&handling->error, ERROR_SERVICE_UNAVAILABLE);
		answer_error(handling);
	}
	arena_keep(handling->workspace->scratch, handling->body.bytes,
	    handling->body.length);
	response->reason = status_phrase(response->status);
	add_common_headers(handling);
	response->body = buffer_text(&handling->body);
}

struct handling *
handle_begin(const struct service *service, const struct workspace *workspace,
    const struct request *request, struct response *response)
{
	struct handling *handling =
	    arena_take(workspace->arena, sizeof(*handling));
	bool answered;

	/* The bound of a request leaves room for what it needs itself. */
	assert(handling != NULL);
	*handling = (struct handling){
	    .service = service,
	    .workspace = workspace,
	    .request = request,
	    .response = response,
	    .media_type = TEXT("application/json"),
	    .contract = contract_of_path(request->path,
		service->default_stable ? &contract_stable : &contract_card),
	};
	memset(response, 0, sizeof(*response));
	response->contract = handling->contract->name;
	if (request->idempotency_key.bytes != NULL)
		response->idempotency = IDEMPOTENCY_UNUSED;
	engine_begin_reads(service->engine);
	answered = admit(handling, find_route(handling)) && decode(handling) &&
		   answer(handling);
	engine_end_reads(service->engine);
	if (!handling->waits)
		respond(handling, answered);
	return handling;
}

bool
handle_waits(const struct handling *handling)
{
	return handling->waits;
}

void
handle_end(struct handling *handling)
{
	assert(handling->waits);
	handling->waits = false;
	respond(handling, begin_body(handling) && answer_outcome(handling));
}

void
handle_refuse(struct handling *handling, enum error_id id)
{
	assert(handling->waits);
	handling->waits = false;
	if (id == ERROR_INTERNAL_ERROR &&
	    handling->workspace->command->idempotent)
		handling->response->idempotency = IDEMPOTENCY_UNKNOWN;
	respond(handling, refuse(&handling->error, id));
}

bool
handle_rest(const struct handling *handling)
{
	struct command *command = handling->workspace->command;

	assert(!handling->waits);
	if (!handling->recognised || handling->caller.used_lately)
		return false;
	command_init(command, COMMAND_KEY_TOUCH);
	command->scope = handling->caller.scope;
	command->now = handling->request->now;
	command->target.id = handling->caller.key;
	return true;
}
