/*
 * Webhook endpoints: where merchants are told of events.
 */
#include "engine/endpoints.h"

#include <assert.h>

#include "base/bytes.h"
#include "core/delivery.h"

#define ALL_EVENTS (UINT32_C(1) << EVENT_NONE)

/* -- Records --------------------------------------------------------------- */

enum store_result
endpoint_save(struct work *work, const struct endpoint *endpoint)
{
	return work_save(
	    work, TABLE_ENDPOINTS, KIND_ENDPOINT, endpoint->id, endpoint);
}

/*
 * The endpoint that the command names.  A pending one is not there, for the
 * operator neither: it is to vanish or to become another's answer.
 */
static enum store_result
load(struct work *work, struct endpoint *endpoint, bool *found)
{
	const struct named *target = &work->command->target;
	enum store_result result;

	result = work_named(work, TABLE_ENDPOINTS, KIND_ENDPOINT, target,
	    ERROR_ENDPOINT_MISSING, TEXT("id"), endpoint, found);
	if (result != STORE_OK || !*found ||
	    endpoint->status != ENDPOINT_PENDING)
		return result;
	*found = false;
	refuse_about(&work->outcome->error, ERROR_ENDPOINT_MISSING, TEXT("id"),
	    command_text(work->command, target->text), TEXT_NONE);
	return STORE_OK;
}

/* Whose list it is in: its merchant's, or that of the whole account. */
static struct id
owner_of(const struct work *work, const struct endpoint *endpoint)
{
	return id_is_set(endpoint->merchant) ? endpoint->merchant
					     : work->command->scope.account;
}

static enum store_result
audit(struct work *work, const struct endpoint *endpoint, unsigned from,
    unsigned to)
{
	const struct change change = {
	    .merchant = endpoint->merchant,
	    .kind = KIND_ENDPOINT,
	    .object = endpoint->id,
	    .from = name_text(&endpoint_status_names, from),
	    .to = name_text(&endpoint_status_names, to),
	    .detail = name_text(&family_names, endpoint->family),
	};

	return work_audit(work, &change);
}

/* Shows it, and with it, this once, its secret. */
static void
show_secret(struct work *work, const struct endpoint *endpoint)
{
	struct outcome *outcome = work->outcome;

	_Static_assert((int)ENDPOINT_SECRET_BYTES <= (int)KEY_TEXT_BYTES,
	    "an outcome has room for it");
	outcome_put(outcome, KIND_ENDPOINT, endpoint);
	endpoint_secret_text(endpoint->secret, outcome->secret);
}

/* Another secret of the command's randomness; `digits` are borrowed. */
static void
make_secret(const struct work *work, char digits[ENDPOINT_SECRET_DIGITS],
    struct endpoint *endpoint)
{
	const struct command *command = work->command;

	bytes_to_base62(command->entropy, sizeof(command->entropy), digits,
	    ENDPOINT_SECRET_DIGITS);
	endpoint->secret = (struct text){digits, ENDPOINT_SECRET_DIGITS};
}

/*
 * Which events are kept: the bit of all of them alone, also of those that are
 * yet to come; or the types of the endpoint's own family.
 */
static bool
take_events(struct work *work, struct endpoint *endpoint)
{
	const struct command *command = work->command;
	uint32_t events =
	    command->events & events_of((enum family)endpoint->family);

	if ((command->events & ALL_EVENTS) != 0)
		events = ALL_EVENTS;
	if (events == 0)
		return refuse_about(&work->outcome->error,
		    ERROR_PARAMETER_INVALID, TEXT("enabled_events"), TEXT_NONE,
		    TEXT("must name at least one type of event"));
	endpoint->events = events;
	return true;
}

/* Lays what was given over the endpoint. */
static bool
apply(struct work *work, struct endpoint *endpoint)
{
	const struct command *command = work->command;

	if (command->url.length > 0)
		endpoint->url = command_text(command, command->url);
	if (command_has(command, GIVEN_DESCRIPTION))
		endpoint->description =
		    command_text(command, command->description);
	if (command_has(command, GIVEN_EVENTS) || command->events != 0)
		return take_events(work, endpoint);
	return true;
}

/* -- Of an owner there are only so many ------------------------------------ */

static bool
count_visit(struct text key, struct text value, void *context)
{
	unsigned *count = context;

	(void)key;
	(void)value;
	return ++*count < ENDPOINTS_MAX;
}

enum store_result
endpoint_find_room(
    struct work *work, const struct endpoint *endpoint, bool *room)
{
	const struct scope *scope = &work->command->scope;
	struct store_key prefix = key_of_list(scope->account, scope->mode,
	    LIST_ENDPOINTS_OF_OWNER, owner_of(work, endpoint));
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	enum store_result result;
	struct buffer detail;
	unsigned count = 0;
	char bytes[96];

	result = store_scan(
	    work->transaction, TABLE_LISTS, &range, count_visit, &count);
	*room = count < ENDPOINTS_MAX;
	if (result != STORE_OK || *room)
		return result;
	buffer_init(&detail, bytes, sizeof(bytes));
	buffer_print(&detail,
	    "there are %d webhook endpoints already; delete one of them first",
	    (int)ENDPOINTS_MAX);
	refuse_about(&work->outcome->error, ERROR_PARAMETER_INVALID,
	    TEXT("url"), TEXT_NONE, buffer_text(&detail));
	return STORE_OK;
}

/* -- Making ---------------------------------------------------------------- */

enum store_result
endpoint_admit(struct work *work, struct endpoint *endpoint)
{
	enum store_result result;

	work->decided = true;
	endpoint->status = ENDPOINT_ENABLED;
	endpoint->ping = PROGRESS_NONE;
	result = endpoint_save(work, endpoint);
	if (result == STORE_OK)
		result = work_list(work, LIST_ENDPOINTS_OF_OWNER,
		    owner_of(work, endpoint), endpoint->id);
	if (result == STORE_OK)
		result = audit(work, endpoint, ENDPOINT_NONE, endpoint->status);
	if (result == STORE_OK)
		show_secret(work, endpoint);
	return result;
}

enum store_result
endpoint_create(struct work *work)
{
	const struct command *command = work->command;
	const struct scope *scope = &command->scope;
	/* Cards are a merchant's; a key of the account hears of all coins. */
	bool of_merchant =
	    scope->family == FAMILY_CARD || scope->merchant_bound;
	struct endpoint endpoint = {
	    .id = command->fresh,
	    .merchant = of_merchant ? scope->merchant : ID_NONE,
	    .family = scope->family,
	    .events = ALL_EVENTS,
	    .created = command->now,
	};
	char digits[ENDPOINT_SECRET_DIGITS];
	enum store_result result;
	bool room;

	assert(scope->family != FAMILY_NONE);
	assert(command->url.length > 0);
	assert(!of_merchant || id_is_set(scope->merchant));
	if (!apply(work, &endpoint))
		return STORE_OK;
	result = endpoint_find_room(work, &endpoint, &room);
	if (result != STORE_OK || !room)
		return result;
	make_secret(work, digits, &endpoint);
	return command->pings ? endpoint_ask(work, &endpoint)
			      : endpoint_admit(work, &endpoint);
}

/* -- What becomes of it ---------------------------------------------------- */

static void
apply_status(const struct command *command, struct endpoint *endpoint)
{
	assert(command->endpoint_status != ENDPOINT_PENDING);
	if (command->endpoint_status == ENDPOINT_ENABLED) {
		endpoint->status = ENDPOINT_ENABLED;
		endpoint->disabled_reason = DISABLED_NONE;
		endpoint->disabled = INSTANT_NEVER;
		endpoint->failing_since = INSTANT_NEVER;
		endpoint->failed = INSTANT_NEVER;
	} else if (command->endpoint_status == ENDPOINT_DISABLED &&
		   endpoint->status != ENDPOINT_DISABLED) {
		endpoint->status = ENDPOINT_DISABLED;
		endpoint->disabled_reason = DISABLED_BY_REQUEST;
		endpoint->disabled = command->now;
	}
}

enum store_result
endpoint_update(struct work *work)
{
	struct endpoint before;
	struct endpoint after;
	enum store_result result;
	bool changes;
	bool found;

	result = load(work, &before, &found);
	if (result != STORE_OK || !found)
		return result;
	after = before;
	if (!apply(work, &after))
		return STORE_OK;
	/* Another URL has failed nobody yet. */
	if (!text_equal(before.url, after.url)) {
		after.failing_since = INSTANT_NEVER;
		after.failed = INSTANT_NEVER;
	}
	apply_status(work->command, &after);
	changes = before.status != after.status;
	work->decided = true;
	result = endpoint_save(work, &after);
	if (result == STORE_OK)
		result =
		    audit(work, &after, changes ? before.status : ENDPOINT_NONE,
			changes ? after.status : ENDPOINT_NONE);
	if (result == STORE_OK)
		outcome_put(work->outcome, KIND_ENDPOINT, &after);
	return result;
}

/* What is on its way to it is dropped when its turn comes. */
enum store_result
endpoint_delete(struct work *work)
{
	struct endpoint endpoint;
	enum store_result result;
	struct store_key place;
	bool found;

	result = load(work, &endpoint, &found);
	if (result != STORE_OK || !found)
		return result;
	work->decided = true;
	place = key_of_object(work->command->scope.account,
	    work->command->scope.mode, endpoint.id);
	result = work_remove(work, TABLE_ENDPOINTS, &place);
	if (result == STORE_OK)
		result = work_unlist(work, LIST_ENDPOINTS_OF_OWNER,
		    owner_of(work, &endpoint), endpoint.id);
	if (result == STORE_OK)
		result = audit(work, &endpoint, endpoint.status, ENDPOINT_NONE);
	endpoint.deleted = work->command->now;
	if (result == STORE_OK)
		outcome_put(work->outcome, KIND_ENDPOINT, &endpoint);
	return result;
}

/*
 * Another secret.  The one before signs beside it for `grace`; one that was
 * still doing so does no more.
 */
enum store_result
endpoint_rotate(struct work *work)
{
	const struct command *command = work->command;
	char digits[ENDPOINT_SECRET_DIGITS];
	struct endpoint endpoint;
	enum store_result result;
	bool found;

	result = load(work, &endpoint, &found);
	if (result != STORE_OK || !found)
		return result;
	work->decided = true;
	endpoint.old_secret = TEXT_NONE;
	endpoint.old_until = INSTANT_NEVER;
	if (command->grace.us > 0) {
		endpoint.old_secret = endpoint.secret;
		endpoint.old_until = instant_plus(command->now, command->grace);
	}
	make_secret(work, digits, &endpoint);
	result = endpoint_save(work, &endpoint);
	if (result == STORE_OK)
		result = audit(work, &endpoint, ENDPOINT_NONE, ENDPOINT_NONE);
	if (result == STORE_OK)
		show_secret(work, &endpoint);
	return result;
}

/* A ping, also to one that is disabled: it is tried before it is enabled. */
enum store_result
endpoint_test(struct work *work)
{
	struct endpoint endpoint;
	enum store_result result;
	struct event event;
	bool found;

	result = load(work, &endpoint, &found);
	if (result != STORE_OK || !found)
		return result;
	work->decided = true;
	result = endpoint_ping(work, &endpoint);
	if (result == STORE_OK)
		result = audit(work, &endpoint, ENDPOINT_NONE, ENDPOINT_NONE);
	if (result == STORE_OK)
		result = work_load_any(work, TABLE_EVENTS, KIND_EVENT,
		    endpoint_ping_of(work->command), &event);
	if (result != STORE_OK)
		return result;
	outcome_put(work->outcome, KIND_ENDPOINT, &endpoint);
	outcome_put(work->outcome, KIND_EVENT, &event);
	return STORE_OK;
}
