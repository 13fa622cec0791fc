/*
 * Payment intents: load the intent and its latest charge, ask the processor,
 * let core/intent.c decide, write what it decided.
 */
#include <assert.h>

#include "core/bundle.h"
#include "engine/work.h"

/* Which object an event shows. */
static enum kind
event_kind(enum event_type type)
{
	struct text name = name_text(&event_names, type);

	if (text_starts(name, TEXT("charge.")))
		return KIND_CHARGE;
	if (text_starts(name, TEXT("refund.")))
		return KIND_REFUND;
	return KIND_INTENT;
}

static enum store_result
save_charge(struct work *work, const struct charge *charge)
{
	enum store_result result;

	result =
	    work_save(work, TABLE_CHARGES, KIND_CHARGE, charge->id, charge);
	/* A new one: the id is this command's. */
	if (result != STORE_OK || !id_equal(charge->id, work->command->fresh))
		return result;
	result =
	    work_list(work, LIST_CHARGES_OF_INTENT, charge->intent, charge->id);
	if (result == STORE_OK)
		result = work_list(work, LIST_CHARGES_OF_MERCHANT,
		    charge->merchant, charge->id);
	if (result == STORE_OK)
		result = work_list(work, LIST_CHARGES_OF_CUSTOMER,
		    charge->customer, charge->id);
	return result;
}

static enum store_result
save_refund(struct work *work, const struct refund *refund)
{
	enum store_result result;

	result =
	    work_save(work, TABLE_REFUNDS, KIND_REFUND, refund->id, refund);
	if (result == STORE_OK)
		result = work_list(
		    work, LIST_REFUNDS_OF_INTENT, refund->intent, refund->id);
	if (result == STORE_OK)
		result = work_list(work, LIST_REFUNDS_OF_MERCHANT,
		    refund->merchant, refund->id);
	return result;
}

/* The list rows of an intent, where they changed. */
static enum store_result
list_intent(
    struct work *work, const struct intent *before, const struct intent *after)
{
	enum store_result result = STORE_OK;

	if (before == NULL)
		result = work_list(
		    work, LIST_INTENTS_OF_MERCHANT, after->merchant, after->id);
	if (before != NULL && id_equal(before->customer, after->customer))
		return result;
	if (result == STORE_OK && before != NULL && id_is_set(before->customer))
		result = work_unlist(work, LIST_INTENTS_OF_CUSTOMER,
		    before->customer, before->id);
	if (result == STORE_OK)
		result = work_list(
		    work, LIST_INTENTS_OF_CUSTOMER, after->customer, after->id);
	return result;
}

static enum store_result
save_events(struct work *work, const struct intent_decision *decision)
{
	enum store_result result = STORE_OK;

	for (unsigned i = 0; i < decision->event_count; i++) {
		enum event_type type = decision->events[i];
		struct outcome *objects = work_scratch(work);

		if (event_kind(type) == KIND_CHARGE)
			result =
			    work_put_charge(work, &decision->charge, objects);
		else if (event_kind(type) == KIND_REFUND)
			outcome_put(objects, KIND_REFUND, &decision->refund);
		else
			result =
			    work_put_intent(work, &decision->intent, objects);
		if (result == STORE_OK)
			result = work_event(
			    work, type, decision->intent.merchant, objects);
		if (result != STORE_OK)
			return result;
	}
	return STORE_OK;
}

/* What a decision moves, or would: the log's amount. */
static struct money
moved_amount(enum command_kind action, const struct intent_decision *decision)
{
	if (decision->refunded)
		return decision->refund.amount;
	if (action == COMMAND_INTENT_CAPTURE)
		return decision->intent.amount_received;
	return decision->intent.amount;
}

static enum store_result
audit_decision(struct work *work, enum command_kind action,
    const struct intent *before, const struct intent_decision *decision)
{
	const struct intent *after = &decision->intent;
	struct change change = {
	    .what =
		action == work->command->kind ? TEXT_NONE : audit_name(action),
	    .merchant = after->merchant,
	    .kind = KIND_INTENT,
	    .object = after->id,
	    .from = before == NULL ? TEXT_NONE
				   : name_text(&state_names, before->state),
	    .to = name_text(&state_names, after->state),
	    .unit = TEXT("amount_minor"),
	    .amount = moved_amount(action, decision),
	    .currency = after->currency,
	    .detail = name_text(&decline_names, decision->error.decline),
	};

	if (decision->refunded) {
		change.made_kind = KIND_REFUND;
		change.made = decision->refund.id;
	} else if (decision->charge_changed &&
		   id_equal(decision->charge.id, work->command->fresh)) {
		change.made_kind = KIND_CHARGE;
		change.made = decision->charge.id;
	}
	return work_audit(work, &change);
}

/* Writes a decision: records, lists, events; all of it or the error. */
static enum store_result
save_decision(struct work *work, enum command_kind action,
    const struct intent *before, const struct intent_decision *decision)
{
	const struct intent *after = &decision->intent;
	enum store_result result;

	result = work_save(work, TABLE_INTENTS, KIND_INTENT, after->id, after);
	if (result == STORE_OK)
		result = list_intent(work, before, after);
	if (result == STORE_OK && decision->charge_changed)
		result = save_charge(work, &decision->charge);
	if (result == STORE_OK && decision->refunded)
		result = save_refund(work, &decision->refund);
	if (result == STORE_OK)
		result = save_events(work, decision);
	if (result == STORE_OK)
		result = audit_decision(work, action, before, decision);
	return result;
}

/*
 * The merchant may take money: create, confirm and capture need that.  It is
 * the key's or the intent's own, so one that is not there is damage.
 */
static enum store_result
check_merchant(struct work *work, struct id id, bool *active)
{
	struct merchant merchant;
	enum store_result result;

	result =
	    work_merchant(work, id, (struct slice){0}, true, &merchant, active);
	if (work->outcome->error.id == ERROR_MERCHANT_MISSING)
		return STORE_DAMAGED;
	return result;
}

/* The customer named by create or update is there and not deleted. */
static enum store_result
check_customer(struct work *work, bool *found)
{
	const struct named *named = &work->command->customer;
	struct customer customer;
	enum store_result result;

	*found = true;
	if (named->text.length == 0)
		return STORE_OK;
	result = work_named(work, TABLE_CUSTOMERS, KIND_CUSTOMER, named,
	    ERROR_CUSTOMER_MISSING, TEXT("customer"), &customer, found);
	if (result == STORE_OK && *found && instant_is_set(customer.deleted)) {
		*found = false;
		refuse_about(&work->outcome->error, ERROR_CUSTOMER_MISSING,
		    TEXT("customer"), command_text(work->command, named->text),
		    TEXT_NONE);
	}
	return result;
}

/* Asks the processor what the question needs to know. */
static struct verdict
ask(struct work *work, const struct intent_question *question)
{
	const struct command *command = question->command;
	const struct processor *processor =
	    engine_processor(command->scope.mode);
	const struct intent *intent = question->intent;
	bool amount_given = command_has(command, GIVEN_AMOUNT);

	if (question->action == COMMAND_INTENT_CAPTURE)
		return processor->capture(intent,
		    amount_given ? command->amount : intent->amount_capturable);
	if (question->action == COMMAND_INTENT_REFUND)
		return processor->refund(
		    intent, amount_given ? command->amount
					 : charge_refundable(question->charge));
	if (question->action == COMMAND_INTENT_CANCEL)
		return processor->release(intent);
	assert(question->action == COMMAND_INTENT_CONFIRM);
	if (work->engine->sandbox_latency.us > 0) {
		/* Asked outside, after the commit: see processor.h. */
		work->outcome->asks_outside = true;
		return (struct verdict){ANSWER_LATER, DECLINE_NONE};
	}
	return processor->confirm(
	    intent, command_has(command, GIVEN_PAYMENT_METHOD)
			? command_text(command, command->payment_method)
			: intent->payment_method);
}

/* Decides one question; a refusal goes into the outcome. */
static void
decide(struct work *work, struct intent_question *question,
    struct intent_decision *decision)
{
	if (intent_needs_verdict(question))
		question->verdict = ask(work, question);
	intent_decide(question, decision);
	work->outcome->error = decision->error;
	/* What the world could not do is no decision: the key stays free. */
	work->decided = decision->error.id != ERROR_SERVICE_UNAVAILABLE;
}

/* The objects that a decision is answered with; none beside an error. */
static enum store_result
answer(struct work *work, const struct intent_decision *decision)
{
	struct outcome *outcome = work->outcome;
	enum store_result result;

	if (decision->error.id != ERROR_NONE)
		return STORE_OK;
	if (decision->refunded) {
		outcome_put(outcome, KIND_REFUND, &decision->refund);
		return STORE_OK;
	}
	result = work_put_intent(work, &decision->intent, outcome);
	if (result == STORE_OK)
		result =
		    work_put_customer(work, decision->intent.customer, outcome);
	return result;
}

/*
 * Both decisions of a create with confirm=true are made before anything is
 * written: where the confirmation is refused without effect, there is no
 * intent either.
 */
enum store_result
intent_create(struct work *work)
{
	const struct command *command = work->command;
	struct intent_question question = {
	    .action = COMMAND_INTENT_CREATE,
	    .command = command,
	    .arena = &work->engine->arena,
	};
	struct intent_decision created;
	struct intent_decision confirmed;
	enum store_result result;
	bool go_on;

	result = check_customer(work, &go_on);
	if (result == STORE_OK && go_on)
		result = check_merchant(work, command->scope.merchant, &go_on);
	if (result != STORE_OK || !go_on)
		return result;
	question.verdict =
	    engine_processor(command->scope.mode)
		->initialize(command_text(command, command->payment_method));
	decide(work, &question, &created);
	if (created.acts && command->confirm) {
		question.action = COMMAND_INTENT_CONFIRM;
		question.intent = &created.intent;
		decide(work, &question, &confirmed);
		if (!confirmed.acts)
			return STORE_OK;
	}
	if (!created.acts)
		return STORE_OK;
	result = save_decision(work, COMMAND_INTENT_CREATE, NULL, &created);
	if (result == STORE_OK && command->confirm)
		result = save_decision(
		    work, COMMAND_INTENT_CONFIRM, &created.intent, &confirmed);
	if (result != STORE_OK)
		return result;
	return answer(work, command->confirm ? &confirmed : &created);
}

/* Loads the intent that a command is about, and its latest charge. */
static enum store_result
load_intent(struct work *work, struct intent *intent, struct charge *charge,
    bool *found)
{
	const struct command *command = work->command;
	bool by_parameter =
	    !id_is_set(command->target.id) && command->target.text.length == 0;
	enum store_result result;

	result = work_named(work, TABLE_INTENTS, KIND_INTENT,
	    by_parameter ? &command->intent : &command->target,
	    ERROR_INTENT_MISSING,
	    by_parameter ? TEXT("payment_intent") : TEXT("id"), intent, found);
	if (result != STORE_OK || !*found || !id_is_set(intent->latest_charge))
		return result;
	result = work_load(
	    work, TABLE_CHARGES, KIND_CHARGE, intent->latest_charge, charge);
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

/* Update, confirm, capture, cancel and refund; and what an engine says. */
enum store_result
intent_change(struct work *work)
{
	const struct command *command = work->command;
	bool takes_money = command->kind == COMMAND_INTENT_CONFIRM ||
			   command->kind == COMMAND_INTENT_CAPTURE;
	struct intent intent;
	struct charge charge;
	struct intent_decision decision;
	struct intent_question question = {
	    .action = command->kind == COMMAND_INTENT_ANSWER
			  ? COMMAND_INTENT_NOTIFY
			  : command->kind,
	    .intent = &intent,
	    .command = command,
	    .arena = &work->engine->arena,
	};
	enum store_result result;
	bool go_on;

	result = load_intent(work, &intent, &charge, &go_on);
	if (result != STORE_OK || !go_on || !work_secret_fits(work, &intent))
		return result;
	result = check_customer(work, &go_on);
	if (result == STORE_OK && go_on && takes_money)
		result = check_merchant(work, intent.merchant, &go_on);
	if (result != STORE_OK || !go_on)
		return result;
	if (id_is_set(intent.latest_charge))
		question.charge = &charge;
	decide(work, &question, &decision);
	if (!decision.acts)
		return STORE_OK;
	result = save_decision(work, command->kind, &intent, &decision);
	return result == STORE_OK ? answer(work, &decision) : result;
}
