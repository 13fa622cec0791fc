/*
 * Payments in coins: load the intent, let core/coin_intent.c decide, write
 * what it decided, and keep the merchant's balance in the same transaction.
 */
#include <assert.h>

#include "core/coin_intent.h"
#include "core/fee.h"
#include "engine/addresses.h"
#include "engine/work.h"

const enum list lists_of_state[STATE_COUNT] = {
    [STATE_AWAITING_PAYMENT] = LIST_COINS_AWAITING_PAYMENT,
    [STATE_CONFIRMED] = LIST_COINS_CONFIRMED,
    [STATE_EXPIRED] = LIST_COINS_EXPIRED,
    [STATE_CANCELLED] = LIST_COINS_CANCELLED,
    [STATE_SETTLED] = LIST_COINS_SETTLED,
};

const enum list lists_of_status[TRANSACTION_STATUS_COUNT] = {
    [TRANSACTION_CONFIRMED] = LIST_TRANSFERS_CONFIRMED,
    [TRANSACTION_SETTLED] = LIST_TRANSFERS_SETTLED,
    [TRANSACTION_FAILED] = LIST_TRANSFERS_FAILED,
};

/* Amounts in coins are millionths of a dollar. */
#define AUDIT_UNIT TEXT("amount_millionths")

static enum store_result
put_row(struct work *work, enum table table, const struct store_key *key,
    struct text value)
{
	work->wrote = true;
	return store_put(work->transaction, table, key_text(key), value);
}

/* What is there while a payment is awaited: when it ends, and its amount. */
static enum store_result
await(struct work *work, const struct coin_intent *intent)
{
	const struct scope *scope = &work->command->scope;
	struct store_key expiry = key_of_expiry(
	    intent->expires, scope->account, scope->mode, intent->id);
	struct store_key amount = key_of_coin_amount(
	    scope->account, scope->mode, intent->merchant, intent->amount);
	struct store_key id = key_of_place(intent->id);
	enum store_result result;

	result = put_row(work, TABLE_EXPIRIES, &expiry, TEXT(""));
	if (result == STORE_OK && intent->address_shared)
		result = put_row(work, TABLE_LISTS, &amount, key_text(&id));
	return result;
}

static enum store_result
await_no_more(struct work *work, const struct coin_intent *intent)
{
	const struct scope *scope = &work->command->scope;
	struct store_key expiry = key_of_expiry(
	    intent->expires, scope->account, scope->mode, intent->id);
	struct store_key amount = key_of_coin_amount(
	    scope->account, scope->mode, intent->merchant, intent->amount);
	enum store_result result;
	struct text holder;

	result =
	    store_delete(work->transaction, TABLE_EXPIRIES, key_text(&expiry));
	if (result != STORE_OK || !intent->address_shared)
		return result;
	/* After its time another payment may have taken the amount. */
	result = store_get(
	    work->transaction, TABLE_LISTS, key_text(&amount), &holder);
	if (result == STORE_OK && id_equal(key_id(holder), intent->id))
		return store_delete(
		    work->transaction, TABLE_LISTS, key_text(&amount));
	return result == STORE_MISSING ? STORE_OK : result;
}

/* The rows of indexes that follow an intent's state. */
static enum store_result
index_intent(struct work *work, const struct coin_intent *before,
    const struct coin_intent *after)
{
	enum store_result result = STORE_OK;

	if (before != NULL && before->state == after->state)
		return STORE_OK;
	if (before != NULL)
		result = work_unlist(work, lists_of_state[before->state],
		    before->merchant, before->id);
	if (result == STORE_OK)
		result = work_list(work, lists_of_state[after->state],
		    after->merchant, after->id);
	if (result == STORE_OK && after->state == STATE_AWAITING_PAYMENT)
		return await(work, after);
	if (result == STORE_OK && before != NULL &&
	    before->state == STATE_AWAITING_PAYMENT)
		return await_no_more(work, before);
	return result;
}

/* A new intent's rows that never change. */
static enum store_result
index_new_intent(struct work *work, const struct coin_intent *intent)
{
	const struct scope *scope = &work->command->scope;
	struct store_key place =
	    key_of_object(scope->account, scope->mode, intent->id);
	struct store_key id = key_of_place(intent->id);
	enum store_result result;

	result = put_row(work, TABLE_PLACES, &id, key_text(&place));
	if (result == STORE_OK)
		result = work_list(
		    work, LIST_COINS_OF_MERCHANT, intent->merchant, intent->id);
	return result;
}

/* Moves money between the parts of a merchant's balance. */
static enum store_result
move_balance(struct work *work, struct id merchant, struct money pending,
    struct money available)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key =
	    key_of_object(scope->account, scope->mode, merchant);
	struct balance balance = {.id = merchant};
	enum store_result result;

	result = work_load_key(
	    work, TABLE_BALANCES, KIND_BALANCE, key_text(&key), &balance);
	if (result != STORE_OK && result != STORE_MISSING)
		return result;
	balance.id = merchant;
	balance.updated = work->command->now;
	/* Of what is in it no more is taken than its transfers brought. */
	if (!money_add(balance.pending, pending, &balance.pending) ||
	    !money_add(balance.available, available, &balance.available) ||
	    balance.pending.units < 0 || balance.available.units < 0)
		return STORE_DAMAGED;
	return work_save_key(
	    work, TABLE_BALANCES, KIND_BALANCE, key_text(&key), &balance);
}

/* A new transfer: its record, its indexes, and what it adds. */
static enum store_result
save_transfer(struct work *work, const struct transfer *transfer)
{
	const struct scope *scope = &work->command->scope;
	struct store_key place =
	    key_of_object(scope->account, scope->mode, transfer->id);
	/* As coin_transfer() looks for it: settings may change the chain. */
	struct store_key unique = key_of_transfer(scope->account, scope->mode,
	    work->command->chain_id, transfer->tx_hash, transfer->log_index);
	enum store_result result;

	result = work_save(
	    work, TABLE_TRANSFERS, KIND_TRANSFER, transfer->id, transfer);
	if (result == STORE_OK)
		result = put_row(
		    work, TABLE_TRANSFER_PLACES, &unique, key_text(&place));
	if (result == STORE_OK)
		result = work_list(work, LIST_TRANSFERS_OF_MERCHANT,
		    transfer->merchant, transfer->id);
	if (result == STORE_OK)
		result = work_list(work, lists_of_status[transfer->status],
		    transfer->merchant, transfer->id);
	if (result == STORE_OK)
		result = work_list(work, LIST_TRANSFERS_OF_INTENT,
		    transfer->intent, transfer->id);
	if (result != STORE_OK)
		return result;
	return move_balance(work, transfer->merchant,
	    fee_of(transfer->amount, transfer->fee_rate).net, MONEY_NONE);
}

static enum store_result
save_events(struct work *work, const struct coin_decision *decision)
{
	enum store_result result = STORE_OK;

	for (unsigned i = 0; result == STORE_OK && i < decision->event_count;
	     i++) {
		enum event_type type = decision->events[i];
		struct outcome *objects = work_scratch(work);

		if (type == EVENT_TRANSACTION_CREATED)
			outcome_put(
			    objects, KIND_TRANSFER, &decision->transfer);
		else
			outcome_put(
			    objects, KIND_COIN_INTENT, &decision->intent);
		result =
		    work_event(work, type, decision->intent.merchant, objects);
	}
	return result;
}

static enum store_result
audit_decision(struct work *work, const struct coin_intent *before,
    const struct coin_decision *decision)
{
	const struct coin_intent *after = &decision->intent;
	struct change change = {
	    .merchant = after->merchant,
	    .kind = KIND_COIN_INTENT,
	    .object = after->id,
	    .from = before == NULL ? TEXT_NONE
				   : name_text(&state_names, before->state),
	    .to = name_text(&state_names, after->state),
	    .unit = AUDIT_UNIT,
	    .amount = after->amount,
	    .currency = after->currency,
	};

	if (decision->transferred) {
		change.amount = decision->transfer.amount;
		change.made_kind = KIND_TRANSFER;
		change.made = decision->transfer.id;
	}
	return work_audit(work, &change);
}

static enum store_result
save_decision(struct work *work, const struct coin_intent *before,
    const struct coin_decision *decision)
{
	const struct coin_intent *after = &decision->intent;
	enum store_result result;

	result = work_save(
	    work, TABLE_COIN_INTENTS, KIND_COIN_INTENT, after->id, after);
	if (result == STORE_OK && before == NULL)
		result = index_new_intent(work, after);
	if (result == STORE_OK)
		result = index_intent(work, before, after);
	if (result == STORE_OK && decision->transferred)
		result = save_transfer(work, &decision->transfer);
	if (result == STORE_OK)
		result = save_events(work, decision);
	if (result == STORE_OK)
		result = audit_decision(work, before, decision);
	if (result == STORE_OK)
		outcome_put(work->outcome, KIND_COIN_INTENT, after);
	return result;
}

/*
 * Two open payments of one amount at one address could not be told apart, so
 * the second is refused (README, "Payment addresses").
 */
static enum store_result
check_amount_is_free(
    struct work *work, const struct coin_intent *intent, bool *is_free)
{
	const struct scope *scope = &work->command->scope;
	struct store_key key = key_of_coin_amount(scope->account, scope->mode,
	    intent->merchant, work->command->amount);
	enum store_result result;
	struct coin_intent holder;
	struct text id;

	*is_free = true;
	if (!intent->address_shared)
		return STORE_OK;
	result = store_get(work->transaction, TABLE_LISTS, key_text(&key), &id);
	if (result == STORE_OK)
		result = work_load(work, TABLE_COIN_INTENTS, KIND_COIN_INTENT,
		    key_id(id), &holder);
	if (result != STORE_OK)
		return result == STORE_MISSING ? STORE_OK : result;
	*is_free = coin_intent_state(&holder, work->command->now) !=
		   STATE_AWAITING_PAYMENT;
	if (!*is_free)
		refuse_about(&work->outcome->error, ERROR_PARAMETER_INVALID,
		    TEXT("amount"), TEXT_NONE,
		    TEXT("another payment of this amount is awaited at the "
			 "merchant's one address"));
	return STORE_OK;
}

enum store_result
coin_create(struct work *work)
{
	const struct command *command = work->command;
	struct coin_question question = {
	    .action = COMMAND_COIN_CREATE, .command = command};
	struct coin_decision decision = {0};
	struct merchant merchant;
	enum store_result result;
	bool go_on;

	result = work_merchant(work, command->merchant.id,
	    command->merchant.text, true, &merchant, &go_on);
	if (result != STORE_OK || !go_on)
		return result;
	decision.intent.merchant = merchant.id;
	decision.intent.fee_rate = merchant.fee_rate;
	result = address_assign(work, &merchant, &decision.intent, &go_on);
	if (result == STORE_OK && go_on)
		result = check_amount_is_free(work, &decision.intent, &go_on);
	if (result != STORE_OK || !go_on)
		return result;
	coin_intent_decide(&question, &decision);
	work->decided = true;
	return save_decision(work, NULL, &decision);
}

/* Loads the intent in the path, decides and writes. */
static enum store_result
change(struct work *work, struct coin_decision *decision)
{
	const struct command *command = work->command;
	struct coin_intent intent;
	struct coin_question question = {
	    .action = command->kind, .intent = &intent, .command = command};
	enum store_result result;
	bool found;

	decision->acts = false;
	result = work_named(work, TABLE_COIN_INTENTS, KIND_COIN_INTENT,
	    &command->target, ERROR_INTENT_MISSING, TEXT("id"), &intent,
	    &found);
	if (result != STORE_OK || !found)
		return result;
	coin_intent_decide(&question, decision);
	work->outcome->error = decision->error;
	work->decided = true;
	return decision->acts ? save_decision(work, &intent, decision)
			      : STORE_OK;
}

enum store_result
coin_cancel(struct work *work)
{
	struct coin_decision decision = {0};

	return change(work, &decision);
}

enum store_result
coin_expire(struct work *work)
{
	struct coin_decision decision = {0};

	return change(work, &decision);
}

/* A transfer that is known already has no second effect. */
enum store_result
coin_transfer(struct work *work)
{
	const struct command *command = work->command;
	const struct scope *scope = &command->scope;
	struct store_key unique =
	    key_of_transfer(scope->account, scope->mode, command->chain_id,
		command_text(command, command->tx_hash), command->log_index);
	struct coin_decision decision = {0};
	struct coin_intent intent;
	enum store_result result;
	struct text place;
	bool found;

	result = store_get(work->transaction, TABLE_TRANSFER_PLACES,
	    key_text(&unique), &place);
	if (result == STORE_MISSING)
		return change(work, &decision);
	if (result != STORE_OK)
		return result;
	result = work_named(work, TABLE_COIN_INTENTS, KIND_COIN_INTENT,
	    &command->target, ERROR_INTENT_MISSING, TEXT("id"), &intent,
	    &found);
	if (result != STORE_OK || !found)
		return result;
	outcome_put(work->outcome, KIND_COIN_INTENT, &intent);
	work->decided = true;
	return STORE_OK;
}

/* Transfers of one intent that are paid out together, in one step. */
enum { SETTLED_AT_ONCE = 64 };
struct settlement {
	struct id ids[SETTLED_AT_ONCE];
	unsigned count;
};

static bool
settlement_visit(struct text key, struct text value, void *context)
{
	struct settlement *settlement = context;

	(void)value;
	settlement->ids[settlement->count++] = key_id(key);
	return settlement->count < SETTLED_AT_ONCE;
}

static enum store_result
audit_settled(
    struct work *work, const struct transfer *transfer, struct money net)
{
	const struct change change = {
	    .what = TEXT("transfer_settle"),
	    .merchant = transfer->merchant,
	    .kind = KIND_TRANSFER,
	    .object = transfer->id,
	    .from = name_text(&transaction_status_names, TRANSACTION_CONFIRMED),
	    .to = name_text(&transaction_status_names, TRANSACTION_SETTLED),
	    .unit = AUDIT_UNIT,
	    .amount = net,
	    .currency = transfer->currency,
	};

	return work_audit(work, &change);
}

static enum store_result
settle_transfer(struct work *work, struct id id)
{
	struct transfer transfer;
	enum store_result result;
	struct money net;

	result = work_load(work, TABLE_TRANSFERS, KIND_TRANSFER, id, &transfer);
	if (result != STORE_OK || transfer.status != TRANSACTION_CONFIRMED)
		return result;
	result = work_unlist(
	    work, LIST_TRANSFERS_CONFIRMED, transfer.merchant, transfer.id);
	if (result == STORE_OK)
		result = work_list(work, LIST_TRANSFERS_SETTLED,
		    transfer.merchant, transfer.id);
	if (result != STORE_OK)
		return result;
	transfer.status = TRANSACTION_SETTLED;
	transfer.settled = work->command->now;
	net = fee_of(transfer.amount, transfer.fee_rate).net;
	result = move_balance(work, transfer.merchant, MONEY(-net.units), net);
	if (result == STORE_OK)
		result = audit_settled(work, &transfer, net);
	if (result != STORE_OK)
		return result;
	return work_save(
	    work, TABLE_TRANSFERS, KIND_TRANSFER, transfer.id, &transfer);
}

/* All of an intent's transfers, however many, a handful at a time. */
static enum store_result
settle_transfers(struct work *work, struct id intent)
{
	const struct scope *scope = &work->command->scope;
	struct store_key prefix = key_of_list(
	    scope->account, scope->mode, LIST_TRANSFERS_OF_INTENT, intent);
	struct store_key end = key_end(&prefix);
	struct store_key first = prefix;
	struct arena *arena = &work->engine->arena;
	size_t mark = arena->used;
	struct settlement settlement;
	enum store_result result;

	do {
		struct store_range range = {
		    key_text(&first), key_text(&end), false};

		settlement.count = 0;
		result = store_scan(work->transaction, TABLE_LISTS, &range,
		    settlement_visit, &settlement);
		for (unsigned i = 0; result == STORE_OK && i < settlement.count;
		     i++) {
			result = settle_transfer(work, settlement.ids[i]);
			arena->used = mark;
		}
		if (settlement.count == SETTLED_AT_ONCE)
			first = key_append(&prefix,
			    id_next(settlement.ids[SETTLED_AT_ONCE - 1], 1));
	} while (result == STORE_OK && settlement.count == SETTLED_AT_ONCE);
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

enum store_result
coin_settle(struct work *work)
{
	struct coin_decision decision = {0};
	enum store_result result;

	result = change(work, &decision);
	if (result != STORE_OK || !decision.acts)
		return result;
	return settle_transfers(work, decision.intent.id);
}
