#include "app/courier.h"

#include <assert.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/courier_work.h"
#include "app/data.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/service.h"
#include "app/shared.h"
#include "app/slots.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "store/store.h"

enum {
	/* How much of an answer's body is read; more is cut off. */
	RESPONSE_BYTES_MAX = 64 * 1024,
	/*
	 * Files of an attempt, at most: while the name is resolved the pair by
	 * which its thread wakes libcurl and the resolver's own; then two
	 * connections that are tried at once (RFC 8305).
	 */
	FILES_EACH = 3,
	/* One part of so many flights is kept for endpoints that have none...
	 */
	KEPT_FOR_FIRST = 4,
	/* ... and one for those that answer well. */
	KEPT_FOR_PROVED = 8,
	/* Looks take one part of so many of the time. */
	LOOK_PARTS = 10,
	/* That the store or this host fails is said once in so long ... */
	COMPLAINT_SECONDS = 60,
	/* ... and looked at again in so long. */
	FAILED_LOOK_MS = 1000,
	/* How long attempts may go on after the signal to stop. */
	STOP_MS = 2000,
};

/* -- What is due ----------------------------------------------------------- */

/* Couriers that serve and are not about to leave, this one among them. */
static bool
shares(const struct courier *courier, const struct process_status *other)
{
	return other == courier->context->status ||
	       (other->pid != 0 && other->state == PROCESS_RUNS &&
		   other->service == PROCESS_SERVES);
}

/*
 * Each endpoint is the business of one courier, so that first attempts keep
 * their order; of which one, follows from who there is.  Where two see that
 * differently for a moment the claims decide.
 */
static bool
is_mine(const struct courier *courier, struct id endpoint)
{
	const struct process_context *context = courier->context;
	uint64_t number = bytes_get_le64(endpoint.bytes + ID_BYTES - 8);
	unsigned count = 0, own = 0;

	for (unsigned i = 0; i < context->courier_count; i++) {
		if (!shares(courier, &context->couriers[i]))
			continue;
		if (&context->couriers[i] == context->status)
			own = count;
		count++;
	}
	assert(count > 0);
	return number / TARGET_ROWS % count == own;
}

/*
 * How many flights endpoints that are not known to answer well may have, all
 * together: half where the latest answer was none, or slow in coming, and more
 * where there was no attempt yet.
 */
static unsigned
unproved_most(const struct courier *courier, const struct target *target)
{
	const unsigned all = courier->flight_count;

	return target != NULL && (target->heard || target->failing)
		   ? (all + 1) / 2
		   : all - all / KEPT_FOR_PROVED;
}

/*
 * What there is room for.  Endpoints that answer well have flights that no
 * others get, and each that has some under way leaves a part to those that have
 * none: so nobody holds up everybody.
 */
static unsigned
room_for(struct id endpoint, void *context)
{
	const struct courier *courier = context;
	const struct settings *settings = courier->context->settings;
	const struct target *target = target_find(&courier->targets, endpoint);
	const unsigned count = target != NULL ? target->flight_count : 0;
	const unsigned left = courier->flight_count - courier->used;
	const unsigned kept = courier->flight_count / KEPT_FOR_FIRST;
	const unsigned shared = left > kept ? left - kept : 0;
	unsigned most = (unsigned)settings->webhooks_per_endpoint;

	if (left == 0 || !is_mine(courier, endpoint))
		return 0;
	if (!target_is_proved(target) &&
	    courier->unproved >= unproved_most(courier, target))
		return 0;
	if (target != NULL && target->failing)
		most = 1;
	if (count >= most)
		return 0;
	if (count == 0 && shared == 0)
		return 1;
	return most - count < shared ? most - count : shared;
}

/* A due_room: those that rest are seen beside what there is room for. */
static unsigned
rows_for(struct id endpoint, void *context)
{
	const struct courier *courier = context;
	const unsigned room = room_for(endpoint, context);

	return room == 0 ? 0
			 : room + target_resting(
				      target_find(&courier->targets, endpoint),
				      clock_uptime());
}

static bool
is_under_way(const struct courier *courier, const struct due_delivery *row)
{
	const struct target *target =
	    target_find(&courier->targets, row->endpoint);
	const struct flight *flight;

	if (target == NULL)
		return false;
	TAILQ_FOREACH(flight, &target->flights, beside)
	if (id_equal(flight->row.event, row->event))
		return true;
	return false;
}

/* Its claim has come to nothing, and may have left it as it was. */
static bool
is_barren(const struct courier *courier, const struct due_delivery *row)
{
	const struct target *target =
	    target_find(&courier->targets, row->endpoint);

	return target != NULL && target_rests(target, row, clock_uptime());
}

/* The earlier of the interval's end and when the next one is due. */
static struct span
next_look(const struct courier *courier, const struct due_deliveries *due,
    struct instant now, struct span ended)
{
	int64_t wait =
	    span_from_ms(courier->context->settings->webhook_interval_ms).us;

	if (instant_is_set(due->next) &&
	    instant_minus(due->next, now).us < wait)
		wait = instant_minus(due->next, now).us;
	return (struct span){ended.us + (wait > 0 ? wait : 0)};
}

static void
begin_claims(struct courier *courier, const struct due_deliveries *due,
    unsigned count_max)
{
	struct looking *looking = &courier->looking;
	/* When a row that rests is looked at again, whatever the interval. */
	const struct span again = {
	    clock_uptime().us + span_from_ms(FAILED_LOOK_MS).us};

	unsigned resting = 0;

	for (unsigned i = 0; i < due->count; i++) {
		const struct due_delivery *row = &due->rows[i];

		if (is_under_way(courier, row)) {
			looking->doubles = true;
		} else if (is_barren(courier, row)) {
			looking->due = span_earlier(looking->due, again);
			resting++;
		} else if (room_for(row->endpoint, courier) > 0) {
			/* The rows before it have taken of the room. */
			flight_claim(courier, row);
		}
	}
	/* There may be more than one look takes. */
	looking->wanted |= due->count - resting >= count_max;
}

static void
complain(struct courier *courier, const char *what, const char *why)
{
	struct looking *looking = &courier->looking;
	const struct span now = clock_uptime();

	if (now.us < looking->complain.us)
		return;
	log_message("courier: %s %s", what, why);
	looking->complain =
	    (struct span){now.us + span_from_seconds(COMPLAINT_SECONDS).us};
}

void
courier_lacks(struct courier *courier, const char *what)
{
	const struct span now = clock_uptime();

	complain(courier, "no webhook can be sent:", what);
	/* Not longer for each that fails meanwhile. */
	if (courier->looking.rests.us <= now.us)
		courier->looking.rests =
		    (struct span){now.us + span_from_ms(FAILED_LOOK_MS).us};
}

void
courier_pass_over(
    struct courier *courier, const struct flight *flight, enum error_id reason)
{
	struct looking *looking = &courier->looking;
	const struct span now = clock_uptime();
	const bool unreadable = reason == ERROR_INTERNAL_ERROR;
	const bool is_the_worlds = reason != ERROR_NONE && !unreadable;

	looking->wanted = true;
	if (is_the_worlds ||
	    !target_rest(flight->target, &flight->row, unreadable, now))
		looking->rests =
		    (struct span){now.us + span_from_ms(FAILED_LOOK_MS).us};
}

/* What fails is logged, and looked at again later. */
static void
look(struct courier *courier)
{
	static struct due_deliveries due;
	struct looking *looking = &courier->looking;
	struct board *board = courier->context->board;
	const unsigned room = courier->flight_count - courier->used;
	/* Without room too, for what the board shows. */
	const unsigned count_max = room < 1 ? 1
				   : room < DUE_DELIVERIES_MAX
				       ? room
				       : DUE_DELIVERIES_MAX;
	/* Beside those that rest at an endpoint. */
	const unsigned rows_max =
	    count_max <= DUE_DELIVERIES_MAX - TARGET_BARREN_MAX
		? count_max + TARGET_BARREN_MAX
		: DUE_DELIVERIES_MAX;
	const struct span begun = clock_uptime();
	const struct instant now = clock_now();
	enum store_result result;
	struct span ended;

	courier->context->status->called = 0;
	looking->wanted = false;
	looking->doubles = false;
	result = engine_due_deliveries(courier->service.engine, now, rows_for,
	    courier, rows_max, &looking->from, &due);
	ended = clock_uptime();
	if (result != STORE_OK) {
		complain(courier, "the store is", store_result_name(result));
		looking->due = looking->rests =
		    (struct span){ended.us + span_from_ms(FAILED_LOOK_MS).us};
		return;
	}
	looking->rests =
	    (struct span){ended.us + (LOOK_PARTS - 1) * (ended.us - begun.us)};
	looking->due = next_look(courier, &due, now, ended);
	board->webhooks_waiting = due.waiting;
	board->webhooks_oldest_us = due.oldest.us;
	begin_claims(courier, &due, count_max);
}

/* When the next look is to be; never {0}. */
static struct span
look_at(const struct courier *courier)
{
	const struct looking *looking = &courier->looking;
	const bool called = courier->context->status->called != 0;
	int64_t at = looking->wanted || called ? 1 : looking->due.us;

	if (at < looking->rests.us)
		at = looking->rests.us;
	return (struct span){at > 0 ? at : 1};
}

/* -- What a predecessor held ----------------------------------------------- */

/* The same for all processes that have this place in turn. */
static struct id
holder_of(const struct process_context *context)
{
	const uint32_t owner = context->owner;
	const struct text parts[] = {
	    {(const char *)context->slots->generation, GENERATION_BYTES},
	    {(const char *)&owner, sizeof(owner)},
	};
	struct digest digest =
	    digest_parts(parts, sizeof(parts) / sizeof(parts[0]));
	struct id holder;

	memcpy(holder.bytes, digest.bytes, ID_BYTES);
	return holder;
}

/*
 * The next rows of what was held, or none of as many as one look takes: a queue
 * may be longer than what one step may take.
 */
static void
read_held(struct courier *courier)
{
	enum store_result result =
	    engine_held_deliveries(courier->service.engine, courier->holder,
		&courier->held_from, &courier->held);

	courier->held_next = 0;
	courier->held_last = courier->held_from.length == 0;
	if (result == STORE_OK)
		return;
	/* Those leases end by themselves. */
	complain(courier, "the store is", store_result_name(result));
	courier->held.count = 0;
	courier->held_last = true;
}

/* Whether nobody else is waited for before the next rows are looked for. */
static bool
may_recover(const struct courier *courier)
{
	return !courier->recovered && courier->used == 0 &&
	       !lanes_are_inherited(courier);
}

/*
 * Gives it back before anything is claimed, since what this process claims
 * looks the same; and after what the predecessor had handed over has been run.
 */
static void
recover(struct courier *courier)
{
	struct due_deliveries *held = &courier->held;

	if (courier->held_next == held->count && may_recover(courier)) {
		courier->recovered = courier->held_last;
		if (!courier->recovered)
			read_held(courier);
	}
	while (courier->held_next < held->count &&
	       courier->used < courier->flight_count)
		flight_give_back(courier, &held->rows[courier->held_next++]);
}

/* -- The process ----------------------------------------------------------- */

static bool
open_engine(struct courier *courier)
{
	const struct settings *settings = courier->context->settings;
	struct engine_options options = data_engine_options(courier->context);

	options.actor = TEXT("courier");
	options.store = courier->store = data_open_to_read(settings);
	if (courier->store == NULL)
		return false;
	courier->service = service_of(settings);
	courier->service.engine = engine_open(&options);
	if (courier->service.engine == NULL)
		log_message("no memory for the engine");
	return courier->service.engine != NULL;
}

/* As many attempts at a time as were asked for, if there are the files. */
static unsigned
fit_flights(const struct settings *settings)
{
	const unsigned wanted = (unsigned)settings->webhooks_in_flight;
	const unsigned fit = shared_fit(wanted * FILES_EACH) / FILES_EACH;

	if (fit >= wanted)
		return wanted;
	log_message("%u instead of %u webhooks at a time: the host lets a "
		    "process open too few files (ulimit -Hn)",
	    fit > 0 ? fit : 1, wanted);
	return fit > 0 ? fit : 1;
}

static bool
open_courier(struct courier *courier, const struct process_context *context)
{
	const struct settings *settings = context->settings;
	struct webhooks_options options = {
	    .ca_file = settings->webhook_ca_file,
	    .allow_private = settings->allow_private_webhooks != 0,
	    .response_bytes_max = RESPONSE_BYTES_MAX,
	};

	*courier = (struct courier){.context = context};
	courier->metrics = process_metrics(context);
	/* Only who had this place before has held anything. */
	courier->recovered = context->status->lives <= 1;
	courier->flight_count = fit_flights(settings);
	options.in_flight_max = courier->flight_count;
	digest_start();
	courier->holder = holder_of(context);
	if (!flights_open(courier) || !open_engine(courier))
		return false;
	courier->webhooks = webhooks_open(&options, flight_sent, courier);
	return courier->webhooks != NULL;
}

static void
close_courier(struct courier *courier)
{
	webhooks_close(courier->webhooks);
	engine_close(courier->service.engine);
	store_close(courier->store);
	flights_close(courier);
}

/* Until anything is to be done. */
static void
await(struct courier *courier)
{
	const struct process_context *context = courier->context;
	const int files[] = {context->bells[context->owner], context->stop};
	const struct span now = clock_uptime();
	struct span next = flights_next(courier);

	if (courier->stopping)
		next = span_earlier(next, courier->gives_up);
	else if (courier->recovered)
		next = span_earlier(next, look_at(courier));
	/* Nobody else runs them, or gives back what was held. */
	if ((context->committer == NULL && !TAILQ_EMPTY(&courier->queued)) ||
	    (!courier->stopping && may_recover(courier)))
		next = now;
	/* A predecessor's command has no other bell than a predecessor's. */
	if (next.us == 0 || next.us > now.us + span_from_seconds(1).us)
		next = (struct span){now.us + span_from_seconds(1).us};
	webhooks_wait(courier->webhooks,
	    (struct span){next.us > now.us ? next.us - now.us : 0}, files,
	    courier->stopping ? 1 : 2);
}

/* Nothing is claimed any more; what is under way has a moment to end. */
static void
hear_stop(struct courier *courier)
{
	const struct process_context *context = courier->context;
	int64_t most_ms = context->settings->shutdown_timeout_ms / 2;
	struct signalfd_siginfo signal;

	if (read(context->stop, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (most_ms > STOP_MS)
		most_ms = STOP_MS;
	courier->gives_up =
	    (struct span){clock_uptime().us + span_from_ms(most_ms).us};
	flights_stop(courier);
}

static void
give_up(struct courier *courier)
{
	courier->gives_up = span_from_ms(0);
	flights_cancel(courier);
}

/* One turn; what waits for others is no hang. */
static void
serve(struct courier *courier)
{
	const struct process_context *context = courier->context;

	process_idle(context->status);
	await(courier);
	process_busy(context->status);
	if (!courier->stopping)
		hear_stop(courier);
	process_hear(context->bells[context->owner]);
	lanes_hear(courier);
	webhooks_move(courier->webhooks);
	if (courier->stopping && courier->gives_up.us != 0 &&
	    courier->gives_up.us <= clock_uptime().us)
		give_up(courier);
	else if (!courier->stopping && !courier->recovered)
		recover(courier);
	else if (!courier->stopping && look_at(courier).us <= clock_uptime().us)
		look(courier);
	flights_move(courier);
	lanes_fill(courier);
	/* What a claim has found there may begin at once. */
	flights_move(courier);
	log_look();
}

int
courier_run(const struct process_context *context)
{
	static struct courier courier;
	bool lost = false;

	(void)prctl(PR_SET_NAME, "intentd-courier");
	context->status->called = 0;
	if (!open_courier(&courier, context))
		return 1;
	process_serves(context);
	while (!lost && !(courier.stopping && courier.used == 0)) {
		serve(&courier);
		lost = engine_is_lost(courier.service.engine);
	}
	if (lost)
		log_message(
		    "courier: the store has to be opened anew: starting anew");
	close_courier(&courier);
	return lost ? 1 : 0;
}
