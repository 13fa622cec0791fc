/*
 * Webhooks as the operator sees them: endpoints, what was and is on its way to
 * them, and what each attempt came to.
 *
 * Objects are found by their ids alone, in all accounts and modes.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/clock.h"
#include "app/ctl_find.h"
#include "app/ctl_options.h"
#include "app/ctl_text.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "core/delivery.h"
#include "engine/upkeep.h"

enum {
	DELIVERIES_DEFAULT = 10,
	/* Attempts that are read in one transaction. */
	ATTEMPTS_READ = 8,
	ATTEMPT_BYTES_MAX = 4096,
	/* How long the old secret goes on, if nothing is said. */
	GRACE_SECONDS_DEFAULT = 86400,
	/* A test waits so long for a courier, beyond its own interval; */
	TAKEN_SECONDS_MAX = 3,
	/* and for its word, beyond the attempt's own time-out. */
	TOLD_SECONDS_MAX = 3,
	TEST_POLL_MS = 50,
};

/* -- Endpoints ------------------------------------------------------------- */

static enum ctl_status
fail_missing(const struct call *call, enum error_id missing)
{
	struct error error;

	error_clear(&error);
	(void)refuse_about(
	    &error, missing, TEXT("id"), text_of(call->operand), TEXT_NONE);
	return ctl_refuse(&error);
}

/* The operand's endpoint: into the outcome, and where it is into the scope. */
static enum ctl_status
find_endpoint(struct call *call)
{
	enum store_result result;
	bool found;

	outcome_init(&call->outcome);
	result = find_place(
	    call, TABLE_ENDPOINTS, key_of_object, &call->outcome, &found);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (!found)
		return fail_missing(call, ERROR_ENDPOINT_MISSING);
	return CTL_OK;
}

static bool
is_live(const struct call *call)
{
	return call->command.scope.mode == MODE_LIVE;
}

struct listing {
	struct call *call;
	bool begun;
	bool damaged;
};

/* A row for people begins with the mode, which no record has. */
static void
print_endpoint(
    struct listing *listing, uint8_t mode, const union record *record)
{
	struct output *output = &listing->call->output;

	if (output->json) {
		output->encoding.live = mode == MODE_LIVE;
		output_row(output, KIND_ENDPOINT, record);
		return;
	}
	if (!listing->begun) {
		printf("mode  ");
		text_print_head(stdout, KIND_ENDPOINT);
	}
	listing->begun = true;
	printf("%.*s  ", TEXT_PRINT(name_text(&mode_names, mode)));
	text_print_row(stdout, output->now, KIND_ENDPOINT, record);
}

static bool
list_endpoint(struct text key, struct text encoded, void *context)
{
	struct listing *listing = context;
	const struct scope *scope = &listing->call->command.scope;
	union record record;
	struct place place;

	listing->damaged =
	    !place_parse(key, &place) ||
	    codec_decode(KIND_ENDPOINT, encoded, &record) != CODEC_OK;
	if (listing->damaged)
		return false;
	if ((!id_is_set(scope->account) ||
		id_equal(scope->account, place.account)) &&
	    (scope->mode == MODE_NONE || scope->mode == place.mode))
		print_endpoint(listing, place.mode, &record);
	return true;
}

enum ctl_status
ctl_webhook_list(struct call *call)
{
	struct listing listing = {.call = call};
	enum store_result result;

	result = engine_visit(
	    call->engine, TABLE_ENDPOINTS, list_endpoint, &listing);
	if (result == STORE_OK && listing.damaged)
		result = STORE_DAMAGED;
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (call->output.json)
		output_end_list(&call->output, KIND_ENDPOINT, TEXT_NONE);
	else if (!listing.begun)
		puts("There are no webhook endpoints.");
	return CTL_OK;
}

/* What its record does not have: where it is. */
static void
print_place(const struct scope *scope)
{
	char account[ID_TEXT_BYTES];

	id_format(scope->account, record_type(KIND_ACCOUNT)->prefix, account);
	text_print_line(stdout, "account", text_of(account));
	text_print_line(stdout, "mode", name_text(&mode_names, scope->mode));
}

enum ctl_status
ctl_webhook_show(struct call *call)
{
	enum ctl_status status = find_endpoint(call);

	if (status != CTL_OK)
		return status;
	output_object(
	    &call->output, outcome_objects(&call->outcome), is_live(call), "");
	if (!call->output.json)
		print_place(&call->command.scope);
	return CTL_OK;
}

enum ctl_status
ctl_webhook_rotate(struct call *call)
{
	struct command *command = &call->command;
	enum ctl_status status = find_endpoint(call);

	if (status != CTL_OK)
		return status;
	if (!command_has(command, GIVEN_GRACE)) {
		command->grace = span_from_seconds(GRACE_SECONDS_DEFAULT);
		command->given |= GIVEN_GRACE;
	}
	command->kind = COMMAND_ENDPOINT_ROTATE;
	command->endpoint = command->target.id;
	return ctl_run(call);
}

/* -- What is on its way ---------------------------------------------------- */

struct deliveries {
	struct delivery rows[LIST_LIMIT_MAX];
	unsigned count;
	unsigned limit;
	bool damaged;
};

static bool
take_delivery(struct text key, struct text encoded, void *context)
{
	struct deliveries *deliveries = context;
	union record record;

	(void)key;
	deliveries->damaged =
	    codec_decode(KIND_DELIVERY, encoded, &record) != CODEC_OK;
	if (deliveries->damaged)
		return false;
	deliveries->rows[deliveries->count++] = record.delivery;
	return deliveries->count < deliveries->limit;
}

/*
 * The newest ones to the operand's endpoint, which is in command.scope; the
 * one of command.event alone if that is set.
 */
static enum store_result
read_deliveries(
    struct call *call, unsigned limit, struct deliveries *deliveries)
{
	const struct command *command = &call->command;
	const struct id account = command->scope.account;
	const uint8_t mode = command->scope.mode;
	const struct id endpoint = command->target.id;
	const struct store_key prefix =
	    id_is_set(command->event)
		? key_of_delivery(account, mode, endpoint, command->event)
		: key_of_deliveries(account, mode, endpoint);
	const struct store_key end = key_end(&prefix);
	const struct store_range range = {
	    key_text(&prefix), key_text(&end), true};
	enum store_result result;

	assert(limit > 0 && limit <= LIST_LIMIT_MAX);
	deliveries->count = 0;
	deliveries->limit = limit;
	deliveries->damaged = false;
	result = engine_visit_range(
	    call->engine, TABLE_DELIVERIES, &range, take_delivery, deliveries);
	return deliveries->damaged ? STORE_DAMAGED : result;
}

/* Some of a delivery's attempts, copied: they are printed with no reader. */
struct attempts {
	struct text encoded[ATTEMPTS_READ]; /* in bytes */
	struct store_key last;
	unsigned count;
	size_t used;
	char bytes[ATTEMPTS_READ * ATTEMPT_BYTES_MAX];
};

static bool
take_attempt(struct text key, struct text encoded, void *context)
{
	struct attempts *attempts = context;
	char *to = attempts->bytes + attempts->used;

	assert(encoded.length <= ATTEMPT_BYTES_MAX);
	memcpy(to, encoded.bytes, encoded.length);
	attempts->encoded[attempts->count++] =
	    (struct text){to, encoded.length};
	attempts->used += encoded.length;
	attempts->last = key_copy(key);
	return attempts->count < ATTEMPTS_READ;
}

static void
print_attempt(struct output *output, const struct attempt *attempt)
{
	if (output->json) {
		encode_record(&output->encoding, KIND_ATTEMPT, attempt);
		output_flush(output);
		return;
	}
	if (attempt->number == 1) {
		printf("  ");
		text_print_head(stdout, KIND_ATTEMPT);
	}
	printf("  ");
	text_print_row(stdout, output->now, KIND_ATTEMPT, attempt);
}

/*
 * The attempts that a delivery counts, the first one first: what was added
 * since it was read would not agree with its state.
 */
static enum store_result
print_attempts(struct call *call, const struct delivery *delivery)
{
	static struct attempts attempts;
	const struct scope *scope = &call->command.scope;
	const struct store_key last =
	    key_of_attempt(scope->account, scope->mode, delivery->endpoint,
		delivery->event, delivery->attempts);
	const struct store_key end = key_behind(&last);
	struct store_key first = key_of_delivery(
	    scope->account, scope->mode, delivery->endpoint, delivery->event);
	enum store_result result;

	do {
		const struct store_range range = {
		    key_text(&first), key_text(&end), false};

		attempts.count = 0;
		attempts.used = 0;
		result = engine_visit_range(call->engine, TABLE_ATTEMPTS,
		    &range, take_attempt, &attempts);
		for (unsigned i = 0; result == STORE_OK && i < attempts.count;
		     i++) {
			union record record;

			if (codec_decode(KIND_ATTEMPT, attempts.encoded[i],
				&record) != CODEC_OK)
				return STORE_DAMAGED;
			print_attempt(&call->output, &record.attempt);
		}
		first = key_behind(&attempts.last);
	} while (result == STORE_OK && attempts.count == ATTEMPTS_READ);
	return result;
}

/* As JSON, the delivery and its attempts are members of one object. */
static enum ctl_status
print_delivery(struct call *call, const struct delivery *delivery)
{
	struct output *output = &call->output;
	struct json_writer *writer = &output->encoding.writer;
	enum store_result result;

	output->encoding.live = is_live(call);
	if (output->json) {
		json_object_begin(writer);
		json_name(writer, TEXT("delivery"));
		encode_record(&output->encoding, KIND_DELIVERY, delivery);
		json_name(writer, TEXT("attempts"));
		json_array_begin(writer);
	} else {
		text_print_row(stdout, output->now, KIND_DELIVERY, delivery);
	}
	result = print_attempts(call, delivery);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (output->json) {
		json_array_end(writer);
		json_object_end(writer);
		output_flush(output);
	}
	return CTL_OK;
}

static enum ctl_status
print_deliveries(struct call *call, const struct deliveries *deliveries)
{
	struct json_writer *writer = &call->output.encoding.writer;
	enum ctl_status status = CTL_OK;

	if (call->output.json) {
		json_object_begin(writer);
		json_name(writer, TEXT("object"));
		json_string(writer, TEXT("list"));
		json_name(writer, TEXT("data"));
		json_array_begin(writer);
	} else if (deliveries->count == 0) {
		puts("Nothing is or was on its way there.");
	} else {
		text_print_head(stdout, KIND_DELIVERY);
	}
	for (unsigned i = 0; status == CTL_OK && i < deliveries->count; i++)
		status = print_delivery(call, &deliveries->rows[i]);
	if (call->output.json && status == CTL_OK) {
		json_array_end(writer);
		json_object_end(writer);
		output_end(&call->output);
	}
	return status;
}

/* Of an endpoint that was deleted as well, while its deliveries are left. */
enum ctl_status
ctl_webhook_deliveries(struct call *call)
{
	static struct deliveries deliveries;
	const unsigned limit = call->command.limit;
	enum store_result result;
	bool found;

	result = find_place(call, TABLE_ENDPOINTS, key_of_object, NULL, &found);
	if (result == STORE_OK && !found)
		result = find_place(
		    call, TABLE_DELIVERIES, key_of_deliveries, NULL, &found);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (!found)
		return fail_missing(call, ERROR_ENDPOINT_MISSING);
	result = read_deliveries(
	    call, limit == 0 ? DELIVERIES_DEFAULT : limit, &deliveries);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	return print_deliveries(call, &deliveries);
}

/* To one endpoint, or to all that it was, or would be, on its way to. */
enum ctl_status
ctl_webhook_resend(struct call *call)
{
	struct command *command = &call->command;
	struct delivery delivery;
	enum store_result result;
	bool found;

	result = find_place(call, TABLE_EVENTS, key_of_object, NULL, &found);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (!found)
		return fail_missing(call, ERROR_EVENT_MISSING);
	command->kind = COMMAND_DELIVERY_RESEND;
	command->event = command->target.id;
	engine_run(call->engine, command, &call->outcome);
	if (call->outcome.error.id != ERROR_NONE)
		return ctl_refuse(&call->outcome.error);
	call->output.encoding.live = is_live(call);
	for (unsigned i = 0; bundle_find(
		 outcome_objects(&call->outcome), KIND_DELIVERY, i, &delivery);
	     i++) {
		const union record record = {.delivery = delivery};

		output_row(&call->output, KIND_DELIVERY, &record);
	}
	output_end_list(&call->output, KIND_DELIVERY, TEXT_NONE);
	return CTL_OK;
}

/* -- A test ---------------------------------------------------------------- */

/* The ping's delivery: the engine says it, or it is the newest one. */
static enum store_result
find_ping(struct call *call, struct deliveries *deliveries)
{
	struct text objects = outcome_objects(&call->outcome);
	struct delivery delivery;
	struct event event;

	if (bundle_find(objects, KIND_DELIVERY, 0, &delivery))
		call->command.event = delivery.event;
	else if (bundle_find(objects, KIND_EVENT, 0, &event))
		call->command.event = event.id;
	return read_deliveries(call, 1, deliveries);
}

/* How long a test waits: for a courier, and for what it has to say. */
struct patience {
	struct span taken;
	struct span told;
};

static struct patience
patience_of(const struct settings *settings, const struct endpoint *endpoint)
{
	const struct attempt_schedule *schedule =
	    attempt_schedule_of((enum family)endpoint->family);

	return (struct patience){
	    .taken = {span_from_ms(settings->webhook_interval_ms).us +
		      span_from_seconds(TAKEN_SECONDS_MAX).us},
	    .told = {schedule->timeout.us +
		     span_from_seconds(TOLD_SECONDS_MAX).us},
	};
}

/* Until its first attempt has ended, or nobody has begun it in time. */
static enum store_result
await_attempt(struct call *call, const struct patience *patience,
    struct deliveries *deliveries)
{
	const struct timespec rest = {.tv_nsec = TEST_POLL_MS * 1000000L};
	const struct delivery *ping = &deliveries->rows[0];
	enum store_result result = find_ping(call, deliveries);
	int64_t until_us = clock_uptime().us + patience->taken.us;
	bool taken = false;

	while (result == STORE_OK && deliveries->count > 0 &&
	       ping->attempts == 0 && ping->state == DELIVERY_PENDING &&
	       clock_uptime().us < until_us) {
		if (!taken && id_is_set(ping->holder)) {
			taken = true;
			until_us = clock_uptime().us + patience->told.us;
		}
		call->command.event = ping->event;
		(void)nanosleep(&rest, NULL);
		result = read_deliveries(call, 1, deliveries);
	}
	return result;
}

/* Why a test was none, or did not succeed, on standard error. */
static enum ctl_status
judge_ping(const struct delivery *ping)
{
	if (ping->state == DELIVERY_SUCCEEDED)
		return CTL_OK;
	if (ping->state == DELIVERY_CANCELED)
		return ctl_fail("the endpoint was disabled or deleted before "
				"it was sent");
	if (ping->attempts > 0)
		return ctl_fail("the endpoint did not accept it");
	if (id_is_set(ping->holder))
		return ctl_fail("a courier has taken it, and has not said "
				"what came of it");
	return ctl_fail("no courier has taken it yet: is the server running, "
			"its setting couriers not 0, and nothing else due to "
			"this endpoint, which would go before it?");
}

enum ctl_status
ctl_webhook_test(struct call *call)
{
	static struct deliveries deliveries;
	struct command *command = &call->command;
	enum ctl_status status = find_endpoint(call);
	enum store_result result;
	struct endpoint endpoint;
	struct patience patience;

	if (status != CTL_OK)
		return status;
	if (!bundle_find(
		outcome_objects(&call->outcome), KIND_ENDPOINT, 0, &endpoint))
		return ctl_fail_store(STORE_DAMAGED);
	patience = patience_of(&call->settings, &endpoint);
	command->kind = COMMAND_ENDPOINT_TEST;
	command->endpoint = command->target.id;
	engine_run(call->engine, command, &call->outcome);
	if (call->outcome.error.id != ERROR_NONE)
		return ctl_refuse(&call->outcome.error);
	result = await_attempt(call, &patience, &deliveries);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (deliveries.count == 0)
		return ctl_fail("the endpoint was deleted meanwhile");
	status = print_deliveries(call, &deliveries);
	return status == CTL_OK ? judge_ping(&deliveries.rows[0]) : status;
}
