/*
 * Processors outside of this program: asked between two transactions, with
 * nothing held.  Today that is the sandbox with a latency.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "core/bundle.h"
#include "engine/deliveries.h"
#include "engine/engine.h"
#include "engine/work.h"

enum {
	/* The events of the answer come behind those of the confirmation. */
	ANSWER_FIRST_EVENT = 2 * DECISION_EVENTS_MAX,
	/* How soon an equal request looks whether the first has ended... */
	WAIT_STEP_US = 10 * 1000,
	/* ... and again, after a part of the time that it has waited. */
	WAIT_PART = 4,
};

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

/* A copy in `next`, which may be the command itself. */
static void
copy_command(const struct command *command, struct command *next)
{
	if (next != command)
		memcpy(next, command, command_size(command));
}

/* Turns the confirmation into the answer that was given to it. */
static void
make_answer(
    struct command *next, const struct intent *intent, struct verdict verdict)
{
	next->kind = COMMAND_INTENT_ANSWER;
	next->target.id = intent->id;
	next->given = 0;
	next->customer = (struct named){0};
	next->answer = (uint8_t)verdict.answer;
	next->status = (uint8_t)answered_state(verdict.answer, intent);
	next->decline = (uint8_t)(verdict.answer == ANSWER_UNREACHABLE
				      ? DECLINE_PROCESSING_ERROR
				      : verdict.decline);
}

bool
engine_goes_on(struct engine *engine, const struct command *command,
    const struct outcome *outcome, struct span waited, struct command *next,
    struct span *rest)
{
	struct intent intent;
	bool found;

	if (outcome->error.id == ERROR_IDEMPOTENCY_KEY_IN_USE &&
	    waited.us < engine->idempotency_wait.us) {
		copy_command(command, next);
		*rest = (struct span){WAIT_STEP_US + waited.us / WAIT_PART};
		return true;
	}
	if (!outcome->asks_outside)
		return false;
	if (command->kind == COMMAND_ENDPOINT_CREATE ||
	    command->kind == COMMAND_ENDPOINT_ANSWER)
		return endpoint_goes_on(
		    engine, command, outcome, waited, next, rest);
	found = bundle_find(outcome_objects(outcome), KIND_INTENT, 0, &intent);
	assert(found);
	copy_command(command, next);
	next->fresh = outcome->fresh;
	make_answer(next, &intent,
	    engine_processor(command->scope.mode)
		->confirm(&intent, intent.payment_method));
	/* The sandbox knows at once what it says in the end. */
	*rest = engine->sandbox_latency;
	return true;
}

/* What the client of the confirmation is told. */
static enum store_result
tell(struct work *work, const struct intent *intent)
{
	const struct command *command = work->command;
	struct outcome *outcome = work->outcome;
	enum store_result result = STORE_OK;

	if (outcome->length == 0) {
		error_clear(&outcome->error);
		result = work_put_intent(work, intent, outcome);
		if (result == STORE_OK)
			result =
			    work_put_customer(work, intent->customer, outcome);
	} else if (command->answer == ANSWER_UNREACHABLE) {
		outcome->length = 0;
		refuse(&outcome->error, ERROR_PAYMENT_NOT_INITIALIZED);
	} else if (command->answer == ANSWER_DECLINED) {
		outcome->length = 0;
		refuse(&outcome->error, ERROR_CARD_DECLINED);
		outcome->error.decline = (enum decline)command->decline;
	}
	return result;
}

/*
 * The answer and the final outcome in one transaction.  Where somebody else
 * moved the intent meanwhile, the outcome is the intent as it now is: also
 * where it waits again, with the charge of a later confirmation, which this
 * answer is not about.
 */
enum store_result
intent_answer(struct work *work)
{
	const struct command *command = work->command;
	enum store_result result;
	struct intent intent;

	work->event_count = ANSWER_FIRST_EVENT;
	result = work_load(
	    work, TABLE_INTENTS, KIND_INTENT, command->target.id, &intent);
	if (result == STORE_OK && command->status != STATE_NONE &&
	    id_equal(intent.latest_charge, command->fresh))
		result = intent_change(work);
	if (result == STORE_OK)
		result = tell(work, &intent);
	/* Whatever it came to is what the key stands for from now on. */
	work->decided = true;
	return result;
}
