/*
 * The queue of what is on its way to webhook endpoints, as couriers see it.
 *
 * Its rows lie by endpoint and time, so that a look goes from one endpoint to
 * the next and never through what waits behind a slow one.
 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "core/codec.h"
#include "engine/deliveries.h"
#include "engine/work.h"

/* -- Rows ------------------------------------------------------------------ */

enum {
	DUE_KEY_BYTES = ID_BYTES + 8 + ID_BYTES,
	DUE_VALUE_BYTES = ID_BYTES + 1,
};

/* False unless they are a row of the queue. */
static bool
row_parse(struct text key, struct text value, struct due_delivery *row)
{
	const uint8_t *time = (const uint8_t *)key.bytes + ID_BYTES;

	if (key.length != DUE_KEY_BYTES || value.length != DUE_VALUE_BYTES)
		return false;
	memcpy(row->endpoint.bytes, key.bytes, ID_BYTES);
	row->due.us = (int64_t)bytes_get_be64(time);
	row->event = key_id(key);
	memcpy(row->account.bytes, value.bytes, ID_BYTES);
	row->mode = (uint8_t)value.bytes[ID_BYTES];
	return true;
}

/* Rows of one scan: up to `room` of them. */
struct reading_rows {
	struct due_delivery *rows; /* where the next one goes */
	unsigned room;
	unsigned count;
	bool damaged;
};

static bool
row_visit(struct text key, struct text value, void *context)
{
	struct reading_rows *reading = context;

	if (!row_parse(key, value, &reading->rows[reading->count])) {
		reading->damaged = true;
		return false;
	}
	reading->count++;
	return reading->count < reading->room;
}

/* An empty `end` means none. */
static enum store_result
read_rows(struct transaction *transaction, struct text first, struct text end,
    struct reading_rows *reading)
{
	const struct store_range range = {first, end, false};
	enum store_result result;

	assert(reading->room > 0);
	reading->count = 0;
	result = store_scan(
	    transaction, TABLE_DELIVERIES_DUE, &range, row_visit, reading);
	return result == STORE_OK && reading->damaged ? STORE_DAMAGED : result;
}

/* -- What is due ----------------------------------------------------------- */

struct look {
	struct transaction *transaction;
	struct instant now;
	due_room *room;
	void *context;
	unsigned count_max;
	struct id last; /* of the endpoints that rows were taken of */
	struct due_deliveries *due;
};

static void
note_earlier(struct instant *earliest, struct instant instant)
{
	if (!instant_is_set(*earliest) || instant_before(instant, *earliest))
		*earliest = instant;
}

/* What an endpoint has room for. */
static enum store_result
take_rows(struct look *look, const struct due_delivery *first,
    const struct store_key *end)
{
	struct due_deliveries *due = look->due;
	struct store_key begin =
	    key_of_due(first->endpoint, first->due, first->event);
	unsigned left = look->count_max - due->count;
	unsigned room =
	    left == 0 ? 0 : look->room(first->endpoint, look->context);
	struct reading_rows reading = {.rows = &due->rows[due->count]};
	enum store_result result;

	reading.room = room < left ? room : left;
	if (reading.room == 0)
		return STORE_OK;
	result = read_rows(
	    look->transaction, key_text(&begin), key_text(end), &reading);
	due->count += reading.count;
	look->last = first->endpoint;
	return result;
}

/* A record by its key, if it is there; its texts are the store's. */
static enum store_result
read_record(struct transaction *transaction, enum table table,
    const struct store_key *key, enum kind kind, void *record)
{
	struct text encoded;
	enum store_result result =
	    store_get(transaction, table, key_text(key), &encoded);

	if (result != STORE_OK)
		return result;
	return codec_decode(kind, encoded, record) == CODEC_OK ? STORE_OK
							       : STORE_DAMAGED;
}

static enum store_result
read_delivery(struct transaction *transaction, const struct due_delivery *row,
    struct delivery *delivery)
{
	const struct store_key key =
	    key_of_delivery(row->account, row->mode, row->endpoint, row->event);

	return read_record(
	    transaction, TABLE_DELIVERIES, &key, KIND_DELIVERY, delivery);
}

static enum store_result
read_endpoint(struct transaction *transaction, const struct due_delivery *row,
    struct endpoint *endpoint)
{
	const struct store_key key =
	    key_of_object(row->account, row->mode, row->endpoint);

	return read_record(
	    transaction, TABLE_ENDPOINTS, &key, KIND_ENDPOINT, endpoint);
}

/* Rows of one look for them, which may be behind others that wait. */
enum { SET_BACK_ROWS_LOOKED_AT = 16 };

struct finding_set_back {
	struct transaction *transaction;
	struct instant now;
	struct reading_rows reading;
	unsigned looked_at;
	enum store_result result;
};

/*
 * Whether a claim of a row that is not due finds that the clock was set back:
 * a first attempt that was never made is due, and the end of a lease or of a
 * retry's wait is brought nearer.  Where the event itself is no later than now
 * nobody looks: such a wait is longer by no more than its event is old, which
 * by the schedules is about as long as the wait itself.
 */
static enum store_result
was_set_back(struct finding_set_back *finding, const struct due_delivery *row,
    bool *is_so)
{
	struct span ahead = instant_minus(id_instant(row->event), finding->now);
	struct delivery delivery;
	struct endpoint endpoint;
	struct instant nearer;
	enum store_result result;

	*is_so = false;
	if (ahead.us <= span_from_seconds(CLOCK_SET_BACK_SECONDS).us)
		return STORE_OK;
	result = read_delivery(finding->transaction, row, &delivery);
	if (result == STORE_OK)
		result = read_endpoint(finding->transaction, row, &endpoint);
	/* It is gone, and a claim removes its row. */
	*is_so = result == STORE_MISSING;
	if (result != STORE_OK)
		return *is_so ? STORE_OK : result;
	*is_so = delivery_is_due(&delivery, finding->now) ||
		 delivery_waits_too_long(&delivery,
		     (enum family)endpoint.family, finding->now, &nearer);
	return STORE_OK;
}

static bool
set_back_visit(struct text key, struct text value, void *context)
{
	struct finding_set_back *finding = context;
	struct reading_rows *reading = &finding->reading;
	struct due_delivery *row = &reading->rows[reading->count];
	bool is_so;

	finding->result = row_parse(key, value, row)
			      ? was_set_back(finding, row, &is_so)
			      : STORE_DAMAGED;
	if (finding->result != STORE_OK)
		return false;
	finding->looked_at++;
	reading->count += is_so;
	return reading->count < reading->room &&
	       finding->looked_at < SET_BACK_ROWS_LOOKED_AT;
}

/* Of the endpoint's rows from `from` on, those that a claim brings nearer. */
static enum store_result
take_set_back_from(
    struct look *look, struct id endpoint, struct instant from, struct text end)
{
	struct store_key begin = key_of_due(endpoint, from, ID_NONE);
	struct store_range range = {key_text(&begin), end, false};
	struct due_deliveries *due = look->due;
	unsigned left = look->count_max - due->count;
	unsigned room = left == 0 ? 0 : look->room(endpoint, look->context);
	struct finding_set_back finding = {
	    .transaction = look->transaction, .now = look->now};
	struct reading_rows *reading = &finding.reading;
	enum store_result result;

	reading->rows = &due->rows[due->count];
	reading->room = room < left ? room : left;
	if (reading->room == 0)
		return STORE_OK;
	result = store_scan(look->transaction, TABLE_DELIVERIES_DUE, &range,
	    set_back_visit, &finding);
	if (result == STORE_OK)
		result = finding.result;
	if (result != STORE_OK)
		return result;
	if (reading->count > 0) {
		note_earlier(&due->oldest, look->now);
		look->last = endpoint;
	}
	due->count += reading->count;
	return STORE_OK;
}

/*
 * What was made before the clock was set back is not to wait until it is that
 * late again.  Looked for where nothing else of the endpoint is due; first
 * where no schedule leads, since those that were brought nearer wait before
 * that, and the rest may be behind many of them.
 */
static enum store_result
take_set_back(struct look *look, struct id endpoint, struct text end)
{
	const unsigned before = look->due->count;
	enum store_result result = take_set_back_from(
	    look, endpoint, delivery_due_max(look->now), end);

	if (result != STORE_OK || look->due->count > before)
		return result;
	return take_set_back_from(look, endpoint,
	    instant_plus(look->now, span_from_seconds(CLOCK_SET_BACK_SECONDS)),
	    end);
}

/* One endpoint, which `first` is the first row of. */
static enum store_result
look_at_endpoint(struct look *look, const struct due_delivery *first)
{
	/* What is due at this very moment is due. */
	const struct instant behind = {look->now.us + 1};
	struct store_key prefix = key_of_place(first->endpoint);
	struct store_key due_end = key_of_due(first->endpoint, behind, ID_NONE);
	struct store_key end = key_end(&prefix);
	struct due_delivery next = {0};
	struct reading_rows reading = {.rows = &next, .room = 1};
	enum store_result result = STORE_OK;

	if (!instant_before(look->now, first->due)) {
		note_earlier(&look->due->oldest, first->due);
		result = take_rows(look, first, &due_end);
	}
	if (result == STORE_OK)
		result = read_rows(look->transaction, key_text(&due_end),
		    key_text(&end), &reading);
	if (result != STORE_OK || reading.count == 0)
		return result;
	note_earlier(&look->due->next, next.due);
	return instant_before(look->now, first->due)
		   ? take_set_back(look, first->endpoint, key_text(&end))
		   : STORE_OK;
}

/* From one endpoint to the next; an empty `end` means none. */
static enum store_result
look_through(struct look *look, struct store_key begin, struct text end)
{
	struct due_delivery first = {0};
	struct reading_rows reading = {.rows = &first, .room = 1};
	enum store_result result;

	do {
		struct store_key endpoint;

		result = read_rows(
		    look->transaction, key_text(&begin), end, &reading);
		if (result != STORE_OK || reading.count == 0)
			return result;
		result = look_at_endpoint(look, &first);
		endpoint = key_of_place(first.endpoint);
		begin = key_end(&endpoint);
	} while (result == STORE_OK && begin.length > 0);
	return result;
}

/* Once around, from behind the endpoint whose turn was last. */
static enum store_result
look_around(struct look *look, struct id from)
{
	const struct store_key start = {0};
	struct store_key last = key_of_place(from);
	struct store_key behind = key_end(&last);
	enum store_result result = STORE_OK;

	if (!id_is_set(from))
		return look_through(look, start, TEXT_NONE);
	if (behind.length > 0)
		result = look_through(look, behind, TEXT_NONE);
	return result == STORE_OK ? look_through(look, start, key_text(&behind))
				  : result;
}

enum store_result
engine_due_deliveries(struct engine *engine, struct instant now, due_room *room,
    void *context, unsigned count_max, struct id *from,
    struct due_deliveries *due)
{
	struct look look = {
	    .now = now,
	    .room = room,
	    .context = context,
	    .count_max = count_max,
	    .last = *from,
	    .due = due,
	};
	enum store_result result;

	assert(count_max <= DUE_DELIVERIES_MAX);
	assert(!engine->keeps_reads);
	due->count = 0;
	due->next = due->oldest = INSTANT_NEVER;
	due->waiting = 0;
	result = store_begin(engine->store, STORE_READ, &look.transaction);
	if (result != STORE_OK)
		return result;
	result = look_around(&look, *from);
	if (result == STORE_OK)
		result = store_count(
		    look.transaction, TABLE_DELIVERIES_DUE, &due->waiting);
	store_abort(look.transaction);
	if (result == STORE_OK)
		*from = look.last;
	/* A store that was made before there was a queue has none. */
	return result == STORE_MISSING ? STORE_OK : result;
}

/* -- What somebody holds --------------------------------------------------- */

/* Rows of one look for them: a moment of the store is not kept for longer. */
enum { HELD_ROWS_LOOKED_AT = 256 };

struct finding_held {
	struct transaction *transaction;
	struct id holder;
	struct due_deliveries *due;
	unsigned looked_at;
	struct store_key last; /* row that was looked at */
	enum store_result result;
};

static enum store_result
is_held(
    struct finding_held *finding, const struct due_delivery *row, bool *held)
{
	struct delivery delivery;
	enum store_result result =
	    read_delivery(finding->transaction, row, &delivery);

	*held =
	    result == STORE_OK && id_equal(delivery.holder, finding->holder);
	return result == STORE_MISSING ? STORE_OK : result;
}

static bool
held_visit(struct text key, struct text value, void *context)
{
	struct finding_held *finding = context;
	struct due_deliveries *due = finding->due;
	struct due_delivery *row = &due->rows[due->count];
	bool held;

	finding->last = key_copy(key);
	finding->looked_at++;
	finding->result = row_parse(key, value, row)
			      ? is_held(finding, row, &held)
			      : STORE_DAMAGED;
	if (finding->result != STORE_OK)
		return false;
	due->count += held;
	return due->count < DUE_DELIVERIES_MAX &&
	       finding->looked_at < HELD_ROWS_LOOKED_AT;
}

enum store_result
engine_held_deliveries(struct engine *engine, struct id holder,
    struct store_key *from, struct due_deliveries *due)
{
	const struct store_range range = {key_text(from), TEXT_NONE, false};
	struct finding_held finding = {.holder = holder, .due = due};
	enum store_result result;

	assert(id_is_set(holder));
	assert(!engine->keeps_reads);
	due->count = 0;
	due->next = due->oldest = INSTANT_NEVER;
	due->waiting = 0;
	result = store_begin(engine->store, STORE_READ, &finding.transaction);
	if (result != STORE_OK)
		return result;
	result = store_scan(finding.transaction, TABLE_DELIVERIES_DUE, &range,
	    held_visit, &finding);
	store_abort(finding.transaction);
	if (result == STORE_OK)
		result = finding.result;
	if (result != STORE_OK)
		return result;
	if (due->count == DUE_DELIVERIES_MAX ||
	    finding.looked_at == HELD_ROWS_LOOKED_AT)
		*from = key_behind(&finding.last);
	else
		*from = (struct store_key){0};
	return STORE_OK;
}

/* -- Commands -------------------------------------------------------------- */

static void
make_command(const struct engine *engine, enum command_kind kind,
    const struct due_delivery *delivery, struct id holder, struct instant now,
    struct command *command)
{
	bool kept;

	assert(id_is_set(holder));
	command_init(command, kind);
	command->scope.account = delivery->account;
	command->scope.mode = delivery->mode;
	command->endpoint = delivery->endpoint;
	command->event = delivery->event;
	command->due = delivery->due;
	command->holder = holder;
	command->now = now;
	kept = command_keep(command, engine->actor, &command->actor);
	assert(kept);
}

void
engine_claim_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder, struct instant now,
    struct command *command)
{
	make_command(
	    engine, COMMAND_DELIVERY_CLAIM, delivery, holder, now, command);
}

void
engine_end_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder,
    const struct attempt_report *report, uint64_t entropy, struct instant now,
    struct command *command)
{
	bool kept;

	assert(report->response.length <= RESPONSE_KEPT_BYTES);
	make_command(
	    engine, COMMAND_DELIVERY_END, delivery, holder, now, command);
	memcpy(command->entropy, &entropy, sizeof(entropy));
	command->begun = report->begun;
	command->duration = report->duration;
	command->attempt = (uint8_t)report->result;
	command->answered = report->status;
	kept = command_keep(command, report->reason, &command->reason) &&
	       command_keep(command, report->response, &command->response);
	assert(kept);
}

void
engine_release_delivery(const struct engine *engine,
    const struct due_delivery *delivery, struct id holder, struct instant now,
    struct command *command)
{
	make_command(
	    engine, COMMAND_DELIVERY_RELEASE, delivery, holder, now, command);
}
