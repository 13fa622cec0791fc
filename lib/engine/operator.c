/*
 * Accounts and merchants: made by the operator's command line.
 */
#include <assert.h>

#include "core/codec.h"
#include "core/fee.h"
#include "engine/addresses.h"
#include "engine/work.h"

enum store_result
account_create(struct work *work)
{
	const struct command *command = work->command;
	struct store_key key = key_of_account(command->fresh);
	struct account account = {
	    .id = command->fresh,
	    .name = command_text(command, command->name),
	    .created = command->now,
	};

	const struct change change = {
	    .kind = KIND_ACCOUNT,
	    .object = account.id,
	};
	enum store_result result;

	work->decided = true;
	outcome_put(work->outcome, KIND_ACCOUNT, &account);
	result = work_save_key(
	    work, TABLE_ACCOUNTS, KIND_ACCOUNT, key_text(&key), &account);
	return result == STORE_OK ? work_audit(work, &change) : result;
}

/* What the command says of a merchant; what it does not say has defaults. */
static struct merchant
make_merchant(const struct command *command)
{
	assert(command->fee_rate <= FEE_RATE_ONE);
	assert(command->payment_address.length == 0 ||
	       command->extended_key.length == 0);
	return (struct merchant){
	    .id = command->fresh,
	    .account = command->scope.account,
	    .business_name = command_text(command, command->name),
	    .email = command_text(command, command->email),
	    .status = command->merchant_status == MERCHANT_STATUS_NONE
			  ? MERCHANT_STATUS_ACTIVE
			  : command->merchant_status,
	    .created = command->now,
	    .chain = command_text(command, command->chain),
	    .payment_address = command_text(command, command->payment_address),
	    .extended_key = command_text(command, command->extended_key),
	    .fee_rate = command->fee_rate,
	    .settlement_schedule = command->schedule == SCHEDULE_NONE
				       ? SCHEDULE_DAILY
				       : command->schedule,
	};
}

/* Looks for a merchant that is paid where a new one would be. */
struct rival {
	const struct merchant *merchant; /* the new one */
	struct text param;		 /* what of it is taken */
	bool damaged;
};

static bool
rival_visit(struct text key, struct text value, void *context)
{
	struct rival *rival = context;
	const struct merchant *merchant = rival->merchant;
	struct merchant other;

	(void)key;
	if (codec_decode(KIND_MERCHANT, value, &other) != CODEC_OK) {
		rival->damaged = true;
		return false;
	}
	if (merchant->extended_key.length > 0 &&
	    text_equal(merchant->extended_key, other.extended_key))
		rival->param = TEXT("extended_key");
	return rival->param.bytes == NULL;
}

/*
 * No two merchants, of whichever accounts, are paid at one address: what
 * comes in could not be told apart, and addresses would be used twice.
 */
static enum store_result
check_rivals(struct work *work, const struct merchant *merchant, bool *alone)
{
	struct store_range everything = {TEXT(""), TEXT(""), false};
	struct rival rival = {.merchant = merchant};
	enum store_result result;

	*alone = true;
	result = store_scan(work->transaction, TABLE_MERCHANTS, &everything,
	    rival_visit, &rival);
	if (result == STORE_OK && rival.damaged)
		result = STORE_DAMAGED;
	if (result == STORE_OK && merchant->payment_address.length > 0)
		result = address_claim(
		    work, merchant, merchant->payment_address, alone);
	if (!*alone)
		rival.param = TEXT("payment_address");
	*alone = rival.param.bytes == NULL;
	if (result == STORE_OK && !*alone)
		refuse_about(&work->outcome->error, ERROR_PARAMETER_INVALID,
		    rival.param, TEXT_NONE,
		    TEXT("is another merchant's already"));
	return result;
}

static enum store_result
save_merchant(struct work *work, const struct merchant *merchant,
    enum merchant_status before)
{
	struct store_key key = key_of_merchant(merchant->account, merchant->id);
	const struct change change = {
	    .kind = KIND_MERCHANT,
	    .object = merchant->id,
	    .from = name_text(&merchant_status_names, before),
	    .to = name_text(&merchant_status_names, merchant->status),
	};
	enum store_result result;

	work->decided = true;
	outcome_put(work->outcome, KIND_MERCHANT, merchant);
	result = work_save_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), merchant);
	return result == STORE_OK ? work_audit(work, &change) : result;
}

/* The first merchant of an account is its default. */
enum store_result
merchant_create(struct work *work)
{
	const struct command *command = work->command;
	struct id account_id = command->scope.account;
	struct store_key account_key = key_of_account(account_id);
	struct merchant merchant = make_merchant(command);
	struct account account;
	enum store_result result;
	bool alone = false;

	result = work_load_key(work, TABLE_ACCOUNTS, KIND_ACCOUNT,
	    key_text(&account_key), &account);
	if (result == STORE_OK)
		result = check_rivals(work, &merchant, &alone);
	if (result != STORE_OK || !alone)
		return result;
	result = save_merchant(work, &merchant, MERCHANT_STATUS_NONE);
	if (result != STORE_OK || id_is_set(account.default_merchant))
		return result;
	account.default_merchant = merchant.id;
	return work_save_key(work, TABLE_ACCOUNTS, KIND_ACCOUNT,
	    key_text(&account_key), &account);
}

enum store_result
merchant_set_status(struct work *work)
{
	const struct command *command = work->command;
	struct store_key key =
	    key_of_merchant(command->scope.account, command->target.id);
	enum merchant_status before;
	struct merchant merchant;
	enum store_result result;

	result = work_load_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), &merchant);
	if (result == STORE_MISSING) {
		refuse_about(&work->outcome->error, ERROR_MERCHANT_MISSING,
		    TEXT("id"), command_text(command, command->target.text),
		    TEXT_NONE);
		return STORE_OK;
	}
	if (result != STORE_OK)
		return result;
	before = (enum merchant_status)merchant.status;
	merchant.status = command->merchant_status;
	return save_merchant(work, &merchant, before);
}
