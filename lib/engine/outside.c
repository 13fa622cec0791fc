/*
 * Processors outside of this program: asked between two transactions, with
 * nothing held.  Today that is the sandbox with a latency.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "core/bundle.h"
#include "engine/engine.h"
#include "engine/work.h"

/* The events of the notice come behind those of the confirmation. */
enum { NOTICE_FIRST_EVENT = 2 * DECISION_EVENTS_MAX };

void
outside_wait(struct span span)
{
	struct timespec rest = {
	    .tv_sec = (time_t)(span.us / 1000000),
	    .tv_nsec = (long)(span.us % 1000000) * 1000,
	};

	while (nanosleep(&rest, &rest) != 0)
		continue;
}

/* What an answer makes of the intent; STATE_NONE: nothing yet. */
static enum state
answered_state(enum answer answer, const struct intent *intent)
{
	switch (answer) {
	case ANSWER_APPROVED:
		return intent->capture_method == METHOD_MANUAL
			   ? STATE_REQUIRES_CAPTURE
			   : STATE_SUCCEEDED;
	case ANSWER_DECLINED:
	case ANSWER_UNREACHABLE: /* it did not take the question */
		return STATE_REQUIRES_PAYMENT_METHOD;
	case ANSWER_ACTION_REQUIRED:
		return STATE_REQUIRES_ACTION;
	case ANSWER_NONE:
	case ANSWER_LATER:
	case ANSWER_COUNT:
		break;
	}
	return STATE_NONE;
}

/* The confirmation's command, turned into the notice of its answer. */
static const struct command *
make_notice(struct engine *engine, const struct command *command,
    const struct intent *intent, struct verdict verdict)
{
	struct command *notice = engine->notice;

	memcpy(notice, command, command_size(command));
	notice->kind = COMMAND_INTENT_NOTIFY;
	notice->target.id = intent->id;
	notice->given = 0;
	notice->customer = (struct named){0};
	notice->status = (uint8_t)answered_state(verdict.answer, intent);
	notice->decline = (uint8_t)(verdict.answer == ANSWER_UNREACHABLE
					? DECLINE_PROCESSING_ERROR
					: verdict.decline);
	return notice;
}

/*
 * The notice and the final outcome in one transaction.  Where somebody else
 * moved the intent meanwhile, the outcome is the intent as it now is: also
 * where it waits again, with the charge of a later confirmation, which this
 * answer is not about.
 */
static enum store_result
finish(struct work *work, struct verdict verdict)
{
	const struct command *notice = work->command;
	struct outcome *outcome = work->outcome;
	enum store_result result;
	struct intent intent;

	result = work_load(
	    work, TABLE_INTENTS, KIND_INTENT, notice->target.id, &intent);
	if (result == STORE_OK && notice->status != STATE_NONE &&
	    id_equal(intent.latest_charge, notice->fresh))
		result = intent_change(work);
	if (result == STORE_OK && outcome->length == 0) {
		error_clear(&outcome->error);
		result = work_put_intent(work, &intent, outcome);
		if (result == STORE_OK)
			result =
			    work_put_customer(work, intent.customer, outcome);
	} else if (verdict.answer == ANSWER_UNREACHABLE) {
		outcome->length = 0;
		refuse(&outcome->error, ERROR_PAYMENT_NOT_INITIALIZED);
	} else if (verdict.answer == ANSWER_DECLINED) {
		outcome->length = 0;
		refuse(&outcome->error, ERROR_CARD_DECLINED);
		outcome->error.decline = verdict.decline;
	}
	if (result == STORE_OK && notice->idempotent)
		result = idempotency_store(work);
	return result;
}

void
engine_finish(struct engine *engine, const struct command *command,
    struct outcome *outcome)
{
	struct work work = {
	    .engine = engine,
	    .outcome = outcome,
	    .event_count = NOTICE_FIRST_EVENT,
	};
	enum store_result result;
	struct verdict verdict;
	struct intent intent;
	bool found;

	found = bundle_find(outcome_objects(outcome), KIND_INTENT, 0, &intent);
	assert(found);
	outside_wait(engine->sandbox_latency);
	verdict = engine_processor(command->scope.mode)
		      ->confirm(&intent, intent.payment_method);
	work.command = make_notice(engine, command, &intent, verdict);

	result = store_begin(engine->store, STORE_WRITE, &work.transaction);
	if (result == STORE_OK) {
		arena_reset(&engine->arena);
		outcome_init(outcome);
		result = finish(&work, verdict);
		if (result == STORE_OK)
			result = store_commit(work.transaction);
		else
			store_abort(work.transaction);
	}
	engine->lost |= result == STORE_UNKNOWN;
	if (result == STORE_OK)
		return;
	/* It stays processing, and a notification will move it on. */
	outcome_init(outcome);
	refuse(&outcome->error, ERROR_INTERNAL_ERROR);
}
