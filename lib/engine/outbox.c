/*
 * The outbox: what happened is written in the transaction of its cause, and
 * with it that it is on its way to each webhook endpoint that asked for it.
 */
#include "engine/outbox.h"

#include <assert.h>

/* -- Who listens ----------------------------------------------------------- */

struct finding_hearers {
	struct arena *arena;
	struct hearer **end; /* where the next one goes */
	bool full;
};

static bool
hearer_visit(struct text key, struct text value, void *context)
{
	struct finding_hearers *finding = context;
	struct hearer *hearer = arena_take(finding->arena, sizeof(*hearer));

	(void)value;
	if (hearer == NULL) {
		finding->full = true;
		return false;
	}
	*hearer = (struct hearer){.endpoint.id = key_id(key)};
	*finding->end = hearer;
	finding->end = &hearer->next;
	return true;
}

static enum store_result
find_hearers(
    struct work *work, struct id owner, struct finding_hearers *finding)
{
	const struct scope *scope = &work->command->scope;
	struct store_key prefix = key_of_list(
	    scope->account, scope->mode, LIST_ENDPOINTS_OF_OWNER, owner);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	enum store_result result;

	if (!id_is_set(owner))
		return STORE_OK;
	result = store_scan(
	    work->transaction, TABLE_LISTS, &range, hearer_visit, finding);
	return result == STORE_OK && finding->full ? STORE_UNAVAILABLE : result;
}

/* Whatever the caller's key may see: these are not for the caller. */
static enum store_result
load_hearers(struct work *work, struct hearer *hearer)
{
	enum store_result result = STORE_OK;

	for (; result == STORE_OK && hearer != NULL; hearer = hearer->next)
		result = work_load_any(work, TABLE_ENDPOINTS, KIND_ENDPOINT,
		    hearer->endpoint.id, &hearer->endpoint);
	/* The list names an endpoint that is not there. */
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

enum store_result
outbox_hearers(
    struct work *work, struct id merchant, const struct hearers **found)
{
	struct arena *arena = &work->engine->arena;
	struct finding_hearers finding = {.arena = arena};
	struct hearers *hearers;
	enum store_result result;

	*found = work->hearers;
	if (*found != NULL && id_equal((*found)->merchant, merchant))
		return STORE_OK;
	hearers = arena_take(arena, sizeof(*hearers));
	if (hearers == NULL)
		return STORE_UNAVAILABLE;
	*hearers = (struct hearers){.merchant = merchant};
	finding.end = &hearers->first;
	result = find_hearers(work, merchant, &finding);
	if (result == STORE_OK)
		result =
		    find_hearers(work, work->command->scope.account, &finding);
	if (result == STORE_OK)
		result = load_hearers(work, hearers->first);
	if (result == STORE_OK)
		work->hearers = hearers;
	*found = hearers;
	return result;
}

/* -- What is on its way ---------------------------------------------------- */

enum store_result
outbox_load(struct work *work, struct id endpoint, struct id event,
    struct delivery *delivery)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_delivery(scope->account, scope->mode, endpoint, event);

	return work_load_key(
	    work, TABLE_DELIVERIES, KIND_DELIVERY, key_text(&key), delivery);
}

static enum store_result
move_in_queue(
    struct work *work, const struct delivery *delivery, struct instant queued)
{
	const struct scope *scope = &work->command->scope;
	struct store_key mode = key_of_objects(scope->account, scope->mode);
	enum store_result result = STORE_OK;
	struct store_key key;

	if (queued.us == delivery->due.us)
		return STORE_OK;
	if (instant_is_set(queued)) {
		key = key_of_due(delivery->endpoint, queued, delivery->event);
		/* One that is missing holds up nobody: verify tells. */
		result = work_remove(work, TABLE_DELIVERIES_DUE, &key);
	}
	if (result != STORE_OK || !instant_is_set(delivery->due))
		return result;
	key = key_of_due(delivery->endpoint, delivery->due, delivery->event);
	return store_put(work->transaction, TABLE_DELIVERIES_DUE,
	    key_text(&key), key_text(&mode));
}

enum store_result
outbox_save(
    struct work *work, const struct delivery *delivery, struct instant queued)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_delivery(
	    scope->account, scope->mode, delivery->endpoint, delivery->event);
	enum store_result result;

	/* What waits for its attempt is in the queue. */
	assert(delivery->state != DELIVERY_PENDING ||
	       instant_is_set(delivery->due));
	work->wrote = true;
	result = move_in_queue(work, delivery, queued);
	if (result != STORE_OK)
		return result;
	return work_save_key(
	    work, TABLE_DELIVERIES, KIND_DELIVERY, key_text(&key), delivery);
}

enum store_result
work_deliver(struct work *work, const struct endpoint *endpoint,
    struct id event, unsigned attempts)
{
	/* It does not wait for a time that is yet to come. */
	struct delivery delivery =
	    delivery_first(endpoint, event, attempts, work->clock);

	assert(attempts > 0);
	work->outcome->delivers = true;
	return outbox_save(work, &delivery, INSTANT_NEVER);
}

/* -- What happened --------------------------------------------------------- */

/* The lists that the events of cards are read from. */
static enum store_result
list_event(struct work *work, const struct event *event)
{
	enum store_result result;

	result = work_list(
	    work, LIST_EVENTS_OF_MERCHANT, event->merchant, event->id);
	if (result == STORE_OK)
		result = work_list(work, list_of_event(event->type),
		    work->command->scope.account, event->id);
	return result;
}

static enum store_result
deliver_event(struct work *work, const struct event *event, enum family family)
{
	const unsigned attempts = attempt_schedule_of(family)->attempts;
	const struct hearers *hearers;
	enum store_result result;

	result = outbox_hearers(work, event->merchant, &hearers);
	if (result != STORE_OK)
		return result;
	for (const struct hearer *hearer = hearers->first;
	     result == STORE_OK && hearer != NULL; hearer = hearer->next)
		if (endpoint_wants(&hearer->endpoint,
			(enum event_type)event->type, event->merchant))
			result = work_deliver(
			    work, &hearer->endpoint, event->id, attempts);
	return result;
}

enum store_result
work_event(struct work *work, enum event_type type, struct id merchant,
    const struct outcome *objects)
{
	const enum family family = event_family(type);
	struct event event = {
	    .id = id_next(work->first_event, work->event_count++),
	    .merchant = merchant,
	    .type = (uint8_t)type,
	    .created = work->command->now,
	    .objects = outcome_objects(objects),
	};
	enum store_result result;

	/* All of a command's are in front of the next one's (stamp.h). */
	assert(work->event_count > 0);
	result = work_save(work, TABLE_EVENTS, KIND_EVENT, event.id, &event);
	if (result == STORE_OK && family == FAMILY_CARD)
		result = list_event(work, &event);
	/* A ping is for whom it was made alone. */
	if (result != STORE_OK || family == FAMILY_NONE)
		return result;
	/* What is imported has been told, by whoever took it then. */
	if (instant_is_set(work->command->asked))
		return STORE_OK;
	return deliver_event(work, &event, family);
}
