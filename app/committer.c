#include "app/committer.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>

#include "app/clock.h"
#include "app/crash.h"
#include "app/data.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/slots.h"
#include "base/digest.h"
#include "engine/engine.h"
#include "store/store.h"

/* Commands of one transaction; the setting's bound (settings.def). */
enum { BATCH_COMMANDS_MAX = 4096 };

struct committer {
	const struct process_context *context; /* borrowed */
	struct slots *slots;		       /* borrowed, shared */
	struct store *store;		       /* owned, as the engine */
	struct engine *engine;
	struct process_metrics *metrics; /* borrowed, shared */
	struct host_moment moment;
	unsigned first; /* slot to begin the next batch with: all get a turn */
	unsigned alone; /* so many commands are next in batches of one */

	/* The running batch. */
	unsigned taken[BATCH_COMMANDS_MAX];
	unsigned count;
	unsigned among; /* slots that are looked at; while it lasts the same */
	bool wrote;
	bool delivers; /* an outcome of it rings the couriers */

	/* What is copied into a slot when it is whole. */
	struct outcome outcome;
};

_Static_assert((int)BOOT_BYTES == (int)CLOCK_BOOT_BYTES,
    "a mark remembers the host's life");

/* How far a batch has come when it fails. */
enum stage { STAGE_BEGIN, STAGE_RUN, STAGE_COMMIT };

static bool
open_store(struct committer *committer)
{
	struct engine_options options = data_engine_options(committer->context);

	committer->store = data_open(committer->context->settings);
	if (committer->store == NULL)
		return false;
	options.store = committer->store;
	committer->engine = engine_open(&options);
	if (committer->engine != NULL)
		return true;
	log_message("no memory for the engine");
	store_close(committer->store);
	return false;
}

static void
close_store(struct committer *committer)
{
	engine_close(committer->engine);
	store_close(committer->store);
}

/* The store's mark of this server; its number is 0 before the first batch. */
static bool
read_mark(struct committer *committer, struct batch_mark *mark)
{
	enum store_result result;

	*mark = slots_mark(committer->slots);
	mark->number = 0;
	result = engine_get_mark(committer->store, mark);
	if (result == STORE_OK || result == STORE_MISSING)
		return true;
	log_message("committer: the store is %s", store_result_name(result));
	return false;
}

/* -- One batch ------------------------------------------------------------- */

static unsigned
batch_limit(const struct committer *committer)
{
	if (committer->alone > 0 ||
	    (committer->count > 0 &&
		slots_is_suspect(committer->slots, committer->taken[0])))
		return 1;
	return (unsigned)committer->context->settings->batch_commands;
}

/* The next command for this batch; false: there is none, or no room. */
static bool
take_next(struct committer *committer, unsigned *cursor)
{
	if (committer->count == batch_limit(committer) ||
	    !slots_take(committer->slots, committer->among, committer->first,
		committer->count > 0, cursor))
		return false;
	committer->taken[committer->count++] = (*cursor)++ % committer->among;
	CRASH_POINT(COMMITTER_TOOK);
	return true;
}

/* Hands the outcome over that is there, without keeping its secret. */
static void
answer(struct committer *committer, unsigned slot)
{
	struct outcome *outcome = &committer->outcome;

	committer->delivers |= outcome->delivers;
	memcpy(slots_outcome(committer->slots, slot), outcome,
	    outcome_size(outcome));
	explicit_bzero(outcome->secret, sizeof(outcome->secret));
}

/*
 * Takes commands and runs each.  Another result than ok: the transaction can
 * only be aborted.
 */
static enum store_result
run_commands(struct committer *committer, struct transaction *transaction)
{
	enum store_result result = STORE_OK;
	struct outcome *outcome = &committer->outcome;
	unsigned cursor = committer->first;
	unsigned slot;
	bool wrote;

	while (result == STORE_OK && take_next(committer, &cursor)) {
		slot = committer->taken[committer->count - 1];
		result = engine_execute(committer->engine, transaction,
		    slots_command(committer->slots, slot), outcome, &wrote);
		if (result == STORE_OK)
			answer(committer, slot);
		committer->wrote |= wrote;
		CRASH_POINT(COMMITTER_RAN);
	}
	if (result == STORE_OK && committer->wrote) {
		struct batch_mark mark = slots_mark(committer->slots);

		committer->moment.uptime = clock_uptime();
		result =
		    engine_put_mark(transaction, &mark, &committer->moment);
		CRASH_POINT(COMMITTER_MARKED);
	}
	return result;
}

static enum store_result
run_batch(struct committer *committer, enum stage *stage)
{
	struct transaction *transaction;
	enum store_result result;
	struct span begun;

	*stage = STAGE_BEGIN;
	result = store_begin(committer->store, STORE_WRITE, &transaction);
	(void)slots_begin_batch(committer->slots);
	CRASH_POINT(COMMITTER_BEGUN);
	if (result != STORE_OK)
		return result;
	*stage = STAGE_RUN;
	result = run_commands(committer, transaction);
	if (result != STORE_OK || !committer->wrote) {
		store_abort(transaction);
		return result;
	}
	*stage = STAGE_COMMIT;
	begun = clock_uptime();
	result = store_commit(transaction);
	metrics_observe(committer->metrics, DISTRIBUTION_FLUSH,
	    clock_uptime().us - begun.us);
	CRASH_POINT(COMMITTER_COMMITTED);
	return result;
}

/* -- Its end --------------------------------------------------------------- */

/* All outcomes are handed back, and each owner concerned is rung once. */
static void
finish(struct committer *committer)
{
	const struct process_context *context = committer->context;
	unsigned owner, rung = UINT_MAX;

	for (unsigned i = 0; i < committer->count; i++) {
		/* Its owner's from here on. */
		slots_finish(committer->slots, committer->taken[i]);
		CRASH_POINT(COMMITTER_FINISHED);
	}
	CRASH_POINT(COMMITTER_ALL_DONE);
	/* Taken in the order of slots: an owner's are beside each other. */
	for (unsigned i = 0; i < committer->count; i++) {
		owner = slots_owner(committer->slots, committer->taken[i]);
		if (owner == rung)
			continue;
		process_ring(context->bells[owner]);
		rung = owner;
		CRASH_POINT(COMMITTER_RANG);
	}
	if (committer->delivers)
		process_call_couriers(context);
}

static void
refuse_all(struct committer *committer, enum store_result result, bool given_up)
{
	struct outcome *outcome = &committer->outcome;
	unsigned slot;

	/* Nothing of it was committed. */
	committer->delivers = false;
	for (unsigned i = 0; i < committer->count; i++) {
		slot = committer->taken[i];
		outcome_init(outcome);
		outcome->given_up = given_up;
		refuse(&outcome->error,
		    engine_failure_of(
			slots_command(committer->slots, slot), result));
		answer(committer, slot);
	}
	finish(committer);
}

static void
put_all_back(struct committer *committer)
{
	for (unsigned i = 0; i < committer->count; i++)
		slots_put_back(committer->slots, committer->taken[i]);
}

/*
 * The store has failed a transaction as such, and is opened anew before it is
 * trusted.  False: that cannot be done here, another process may.
 */
static bool
open_anew(struct committer *committer, enum store_result result)
{
	log_message("committer: the store is %s: opening it anew",
	    store_result_name(result));
	close_store(committer);
	return open_store(committer);
}

/* No transaction could begin: nothing has happened, and all are told so. */
static bool
fail_begin(struct committer *committer, enum store_result result)
{
	unsigned cursor = committer->first;

	while (take_next(committer, &cursor))
		continue;
	refuse_all(committer, result, false);
	return result == STORE_FULL || open_anew(committer, result);
}

/*
 * A commit that failed.  Opened anew the store says whether the batch is there
 * after all.  If it is not, and its fate was unknown, that stays the word for
 * the client: what the disk has lost once it may also find again.  False: the
 * slots stay as they are, for the next process to sort.
 */
static bool
fail_commit(struct committer *committer, enum store_result result)
{
	const struct batch_mark own = slots_mark(committer->slots);
	struct batch_mark mark;

	if (!open_anew(committer, result))
		return false;
	if (!read_mark(committer, &mark)) {
		close_store(committer);
		return false;
	}
	if (memcmp(&mark, &own, sizeof(mark)) == 0)
		finish(committer);
	else
		refuse_all(committer, result, false);
	return true;
}

/*
 * A command that the store could not run, or a batch that it had no room to
 * commit.  There is more room now: all of the batch again.  Else one by one,
 * from the first one on: what one cannot, or not all together, others may.
 * False: as fail_commit().
 */
static bool
fail_run(struct committer *committer, enum store_result result)
{
	bool room = engine_make_room(committer->engine, result);

	if (engine_is_lost(committer->engine)) {
		/* The map could not be grown, and is gone. */
		refuse_all(committer, STORE_UNAVAILABLE, false);
		return open_anew(committer, result);
	}
	if (!room && committer->count == 1) {
		refuse_all(committer, result, false);
		return true;
	}
	committer->first = committer->taken[0];
	committer->alone = room ? 0 : committer->count;
	put_all_back(committer);
	return true;
}

/* The next batch begins behind the last slot of this one. */
static void
next_turn(struct committer *committer)
{
	if (committer->alone > 0)
		committer->alone--;
	if (committer->count > 0)
		committer->first =
		    (committer->taken[committer->count - 1] + 1) %
		    committer->among;
}

/* What came of a batch that began at `begun`. */
static void
count_batch(
    struct committer *committer, enum store_result result, struct span begun)
{
	struct process_metrics *metrics = committer->metrics;

	if (result != STORE_OK) {
		metrics_count(metrics, METRIC_BATCHES_FAILED);
		return;
	}
	metrics_count(metrics, committer->wrote ? METRIC_BATCHES_COMMITTED
						: METRIC_BATCHES_UNWRITTEN);
	metrics_observe(metrics, DISTRIBUTION_COMMANDS, committer->count);
	metrics_observe(
	    metrics, DISTRIBUTION_BATCH, clock_uptime().us - begun.us);
}

/* One batch from its beginning to its end; false: the process has to end. */
static bool
serve(struct committer *committer)
{
	const struct span begun = clock_uptime();
	enum store_result result;
	enum stage stage;

	committer->count = 0;
	committer->among = slots_count(committer->slots);
	committer->wrote = false;
	committer->delivers = false;
	result = run_batch(committer, &stage);
	count_batch(committer, result, begun);
	next_turn(committer);
	if (result != STORE_OK && stage == STAGE_BEGIN)
		return fail_begin(committer, result);
	/* A full store commits nothing, so that all may be run again. */
	if (result != STORE_OK && (stage == STAGE_RUN || result == STORE_FULL))
		return fail_run(committer, result);
	if (result != STORE_OK)
		return fail_commit(committer, result);
	finish(committer);
	return true;
}

/* -- After a predecessor --------------------------------------------------- */

/*
 * What has ended two processes is not run by a third, or nothing else would
 * ever be: nobody can say more of it than that.
 */
static void
end_suspects(struct committer *committer)
{
	const unsigned count = slots_count(committer->slots);

	for (unsigned i = 0; i < count; i++) {
		if (slots_state(committer->slots, i) != SLOT_TAKEN)
			continue;
		log_message("committer: a command (kind %d) has ended two "
			    "committers, and is refused",
		    (int)slots_command(committer->slots, i)->kind);
		committer->taken[0] = i;
		committer->count = 1;
		refuse_all(committer, STORE_UNKNOWN, true);
	}
}

/*
 * Sorts what a predecessor has left.  Opening the store has flushed it, so
 * that all that is seen there is also on disk (store/lmdb.h).
 */
static bool
recover(struct committer *committer)
{
	const struct process_context *context = committer->context;
	struct batch_mark mark;

	if (!read_mark(committer, &mark))
		return false;
	slots_recover(committer->slots, &mark);
	CRASH_POINT(COMMITTER_RECOVERED);
	end_suspects(committer);
	/* It may have died between a DONE and the bell. */
	for (unsigned i = 0;
	     i < slots_count(committer->slots) / committer->slots->each; i++)
		process_ring(context->bells[i]);
	process_call_couriers(context);
	return true;
}

/* -- The process ----------------------------------------------------------- */

static void
rest(void *context)
{
	struct committer *committer = context;

	committer->alone = 0;
	log_look();
	process_idle(committer->context->status);
}

static bool
serve_until_closed(struct committer *committer)
{
	struct slots *slots = committer->slots;

	for (;;) {
		if (slots_is_retiring(slots))
			return true;
		if (slots_sleep(slots, rest, committer)) {
			process_busy(committer->context->status);
			if (!serve(committer))
				return false;
		} else if (slots_is_closing(slots)) {
			return true;
		}
	}
}

/*
 * Marks of servers that are gone; and its own, where it is the last of its
 * server.  A mark that stays is nobody's harm: the next one removes it.
 */
static void
forget(struct committer *committer)
{
	const struct batch_mark own = slots_mark(committer->slots);
	enum store_result result;

	if (slots_is_closing(committer->slots)) {
		result = engine_delete_mark(committer->store, &own);
	} else {
		committer->moment.uptime = clock_uptime();
		result =
		    engine_forget_marks(committer->store, &committer->moment);
	}
	if (result != STORE_OK)
		log_message("committer: old marks stay: the store is %s",
		    store_result_name(result));
}

int
committer_run(const struct process_context *context)
{
	static struct committer committer;
	bool ended;

	(void)prctl(PR_SET_NAME, "intentd-commit");
	assert(context->settings->batch_commands <= BATCH_COMMANDS_MAX);
	committer.context = context;
	committer.slots = context->slots;
	committer.metrics = process_metrics(context);
	digest_start();
	clock_boot(committer.moment.boot);
	if (!data_lock(context->lock) || !open_store(&committer))
		return 1;
	if (!recover(&committer)) {
		close_store(&committer);
		return 1;
	}
	forget(&committer);
	process_serves(context);
	ended = serve_until_closed(&committer);
	if (!ended)
		return 1;
	if (slots_is_closing(context->slots))
		forget(&committer);
	close_store(&committer);
	return 0;
}
