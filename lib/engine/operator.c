/*
 * Accounts and merchants: made by the operator's command line.
 */
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

	work->decided = true;
	outcome_put(work->outcome, KIND_ACCOUNT, &account);
	return work_save_key(
	    work, TABLE_ACCOUNTS, KIND_ACCOUNT, key_text(&key), &account);
}

/* The first merchant of an account is its default. */
enum store_result
merchant_create(struct work *work)
{
	const struct command *command = work->command;
	struct id account_id = command->scope.account;
	struct store_key account_key = key_of_account(account_id);
	struct store_key key = key_of_merchant(account_id, command->fresh);
	struct merchant merchant = {
	    .id = command->fresh,
	    .account = account_id,
	    .business_name = command_text(command, command->name),
	    .email = command_text(command, command->email),
	    .status = MERCHANT_STATUS_ACTIVE,
	    .created = command->now,
	};
	struct account account;
	enum store_result result;

	result = work_load_key(work, TABLE_ACCOUNTS, KIND_ACCOUNT,
	    key_text(&account_key), &account);
	if (result != STORE_OK)
		return result;
	work->decided = true;
	outcome_put(work->outcome, KIND_MERCHANT, &merchant);
	result = work_save_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), &merchant);
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
	work->decided = true;
	merchant.status = command->merchant_status;
	outcome_put(work->outcome, KIND_MERCHANT, &merchant);
	return work_save_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), &merchant);
}
