#include "app/sweeper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>

#include "app/audit_file.h"
#include "app/data.h"
#include "app/log.h"
#include "app/slots.h"
#include "base/digest.h"
#include "engine/deliveries.h"
#include "engine/engine.h"
#include "store/store.h"

struct sweeping {
	const struct process_context *context; /* borrowed */
	struct engine *engine;		       /* owned */
	/* The look for old events that is under way, or was the last one. */
	struct old_events old;
	struct span looked; /* on the clock that nobody sets */
};

enum {
	/* Payments in one transaction, for which workers wait. */
	BATCH = 64,
	GIVEN_UP_S = 60,
};

static struct span rests; /* on the clock that nobody sets */

enum store_result
sweeper_until_idle(struct engine *engine, struct instant now, unsigned *swept)
{
	enum store_result result;
	unsigned count;

	*swept = 0;
	do {
		result = engine_sweep(engine, now, BATCH, &count);
		*swept += count;
	} while (result == STORE_OK && count == BATCH);
	return result;
}

/* Between looks, or until the bell rings; false once it is to end. */
static bool
rest(const struct process_context *context, int bell, int64_t ms)
{
	struct pollfd files[] = {
	    {.fd = context->stop, .events = POLLIN},
	    {.fd = bell, .events = POLLIN},
	};
	int ready = poll(files, sizeof(files) / sizeof(files[0]), (int)ms);

	return ready == 0 || (ready < 0 && errno == EINTR) ||
	       files[0].revents == 0;
}

/* -- Through the committer ------------------------------------------------- */

static unsigned
slot_of(const struct process_context *context, unsigned i)
{
	return context->owner * context->slots->each + i;
}

/* Withdraws what a predecessor has left, and frees what is done. */
static bool
is_usable(const struct process_context *context, unsigned i)
{
	return slots_reclaim(context->slots, slot_of(context, i));
}

static bool
is_done(const struct process_context *context, unsigned i)
{
	return slots_state(context->slots, slot_of(context, i)) >= SLOT_DONE;
}

/* Until `holds` of each of the first slots; false once it is to end. */
static bool
await_slots(const struct process_context *context, unsigned count,
    bool (*holds)(const struct process_context *context, unsigned i))
{
	const int bell = context->bells[context->owner];

	process_hear(bell);
	for (unsigned i = 0; i < count; i++)
		while (!holds(context, i)) {
			if (!rest(context, bell, -1))
				return false;
			process_hear(bell);
		}
	return true;
}

/*
 * What is due, as much as there are slots.  False: that cannot be found out,
 * or what is due first is what was first `before`, and writing it down does
 * not help.
 */
static bool
submit_due(const struct process_context *context, struct engine *engine,
    struct instant now, struct id before, struct due *due)
{
	static struct command command;
	const unsigned each = context->slots->each;
	enum store_result result =
	    engine_due(engine, now, each < DUE_MAX ? each : DUE_MAX, due);

	if (result == STORE_OK && due->count > 0 &&
	    id_equal(due->places[0].id, before))
		result = STORE_DAMAGED;
	if (result != STORE_OK)
		log_message(
		    "sweeper: the store is %s", store_result_name(result));
	for (unsigned i = 0; result == STORE_OK && i < due->count; i++) {
		engine_expire(engine, &due->places[i], now, &command);
		slots_write(context->slots, slot_of(context, i), &command);
		process_submit(context, slot_of(context, i));
	}
	return result == STORE_OK;
}

/*
 * Whether a command was refused.  One that has ended two committers is not to
 * end the next two at the next look: nothing is expired until `rests`.
 */
static bool
is_refused(const struct process_context *context, unsigned i)
{
	static struct outcome outcome;

	slots_read(context->slots, slot_of(context, i), &outcome);
	if (outcome.given_up)
		rests.us = clock_uptime().us + span_from_seconds(GIVEN_UP_S).us;
	return outcome.error.id != ERROR_NONE;
}

/* What is refused now is due again at the next look. */
static bool
any_refused(const struct process_context *context, const struct due *due)
{
	bool any = false;

	for (unsigned i = 0; i < due->count; i++)
		any |= is_refused(context, i);
	return any;
}

/*
 * Until nothing is due.  Waiting for the committer it is not busy, since
 * nothing that it could do would make that shorter.
 */
static void
look_through_committer(
    const struct process_context *context, struct engine *engine)
{
	const struct instant now = clock_now();
	struct id before = ID_NONE;
	struct due due;

	if (clock_uptime().us < rests.us)
		return;
	do {
		process_idle(context->status);
		if (!await_slots(context, context->slots->each, is_usable))
			return;
		process_busy(context->status);
		if (!submit_due(context, engine, now, before, &due))
			return;
		if (due.count > 0)
			before = due.places[0].id;
		process_idle(context->status);
		if (!await_slots(context, due.count, is_done))
			return;
		if (any_refused(context, &due)) {
			log_message("sweeper: an expiry was not written down");
			return;
		}
	} while (due.count > 0);
}

/* -- One command after the other ------------------------------------------- */

/* An audit_run: through the first slot, or by the engine of this process. */
static bool
run_command(const struct command *command, void *argument)
{
	static struct outcome outcome;
	const struct sweeping *sweeping = argument;
	const struct process_context *context = sweeping->context;

	if (context->committer == NULL) {
		/* As long as there is work, this is where it can end. */
		if (!rest(context, -1, 0))
			return false;
		process_busy(context->status);
		engine_apply(sweeping->engine, command, &outcome);
		if (outcome.delivers)
			process_call_couriers(context);
		return outcome.error.id == ERROR_NONE;
	}
	process_idle(context->status);
	if (!await_slots(context, 1, is_usable))
		return false;
	slots_write(context->slots, slot_of(context, 0), command);
	process_submit(context, slot_of(context, 0));
	if (!await_slots(context, 1, is_done))
		return false;
	process_busy(context->status);
	return !is_refused(context, 0);
}

/* -- Old events ------------------------------------------------------------ */

enum {
	/* Of one look, so that what expires and the log do not wait. */
	FORGETS_MAX = 16,
	FORGET_INTERVAL_S = 60,
	HOUR_S = 60 * 60,
};

/*
 * How long events are kept is told in days: the hour is rounded down, so that
 * a shop with few of them gets few lines in its audit log.
 */
static struct instant
kept_from(const struct settings *settings)
{
	const int64_t now = instant_seconds(clock_now());
	const int64_t kept =
	    (int64_t)settings->event_retention_days * 24 * HOUR_S;

	return now > kept + HOUR_S
		   ? instant_from_seconds((now - kept) / HOUR_S * HOUR_S)
		   : INSTANT_NEVER;
}

/* A new look, once a minute; else the one that has not come to its end. */
static bool
begin_forgetting(struct sweeping *sweeping)
{
	const struct span uptime = clock_uptime();

	if (sweeping->old.kind != KIND_NONE)
		return true;
	if (sweeping->looked.us != 0 &&
	    uptime.us - sweeping->looked.us <
		span_from_seconds(FORGET_INTERVAL_S).us)
		return false;
	sweeping->looked = uptime;
	sweeping->old = (struct old_events){
	    .before = kept_from(sweeping->context->settings)};
	return instant_is_set(sweeping->old.before);
}

/* One step; false: nothing is left, or it failed. */
static bool
forget_some(struct sweeping *sweeping)
{
	static struct command command;
	struct old_events *old = &sweeping->old;
	enum store_result result = engine_old_events(sweeping->engine, old);

	if (result != STORE_OK)
		log_message(
		    "sweeper: the store is %s", store_result_name(result));
	if (result != STORE_OK || old->kind == KIND_NONE)
		return false;
	engine_forget_events(sweeping->engine, old, clock_now(), &command);
	if (run_command(&command, sweeping))
		return true;
	/* Else it is about to end. */
	if (rest(sweeping->context, -1, 0))
		log_message("sweeper: old events were not removed");
	return false;
}

/* What fails is tried again a minute later. */
static void
forget_old_events(struct sweeping *sweeping)
{
	unsigned steps = 0;

	if (!begin_forgetting(sweeping))
		return;
	while (forget_some(sweeping))
		if (++steps == FORGETS_MAX)
			return;
	sweeping->old.kind = KIND_NONE;
}

/* -- The process ----------------------------------------------------------- */

/* What fails is logged, and tried again at the next look. */
static void
look(const struct process_context *context, struct engine *engine)
{
	enum store_result result;
	unsigned swept;

	if (context->committer != NULL) {
		look_through_committer(context, engine);
		return;
	}
	result = sweeper_until_idle(engine, clock_now(), &swept);
	if (result != STORE_OK)
		log_message(
		    "sweeper: the store is %s", store_result_name(result));
}

/* Until it is asked to end, or cannot trust its store any more. */
static void
look_again_and_again(
    const struct process_context *context, struct engine *engine)
{
	static struct audit_file audit_log;
	const struct settings *settings = context->settings;
	static struct sweeping sweeping;

	sweeping.context = context;
	sweeping.engine = engine;
	audit_log.path = settings->audit_log;
	audit_log.engine = engine;
	audit_log.run = run_command;
	audit_log.context = &sweeping;
	do {
		process_busy(context->status);
		(void)data_clear_dead_readers();
		look(context, engine);
		process_busy(context->status);
		forget_old_events(&sweeping);
		process_busy(context->status);
		if (settings->audit_log[0] != '\0')
			audit_file_look(&audit_log, clock_now());
		log_look();
		process_idle(context->status);
	} while (!engine_is_lost(engine) &&
		 rest(context, -1, settings->sweep_interval_ms));
}

int
sweeper_run(const struct process_context *context)
{
	struct engine_options options = data_engine_options(context);
	struct engine *engine;

	/* In ps and top it is none of the workers. */
	(void)prctl(PR_SET_NAME, "intentd-sweeper");
	digest_start();
	options.actor = TEXT("sweeper");
	options.store = data_open_to_read(context->settings);
	if (options.store == NULL)
		return 1;
	engine = engine_open(&options);
	if (engine == NULL) {
		log_message("no memory for the engine");
		return 1;
	}
	process_serves(context);
	look_again_and_again(context, engine);
	engine_close(engine);
	store_close(options.store);
	return 0;
}
