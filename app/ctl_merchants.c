/*
 * Accounts, and merchants of accounts.
 */
#include "app/ctl_find.h"

enum ctl_status
ctl_account_create(struct call *call)
{
	call->command.kind = COMMAND_ACCOUNT_CREATE;
	return ctl_run(call);
}

static bool
print_account(const union record *record, void *context)
{
	struct call *call = context;

	output_row(&call->output, KIND_ACCOUNT, record);
	return true;
}

enum ctl_status
ctl_account_list(struct call *call)
{
	enum ctl_status status;

	status =
	    find_each(call, TABLE_ACCOUNTS, KIND_ACCOUNT, print_account, call);
	if (status == CTL_OK)
		output_end_list(&call->output, KIND_ACCOUNT, TEXT_NONE);
	return status;
}

enum ctl_status
ctl_merchant_create(struct call *call)
{
	struct id default_merchant;
	enum ctl_status status = find_account(call, &default_merchant);

	if (status != CTL_OK)
		return status;
	call->command.kind = COMMAND_MERCHANT_CREATE;
	return ctl_run(call);
}

static bool
print_merchant(const union record *record, void *context)
{
	struct call *call = context;
	struct id wanted = call->command.scope.account;

	if (!id_is_set(wanted) || id_equal(wanted, record->merchant.account))
		output_row(&call->output, KIND_MERCHANT, record);
	return true;
}

enum ctl_status
ctl_merchant_list(struct call *call)
{
	enum ctl_status status;

	status = find_each(
	    call, TABLE_MERCHANTS, KIND_MERCHANT, print_merchant, call);
	if (status == CTL_OK)
		output_end_list(&call->output, KIND_MERCHANT, TEXT_NONE);
	return status;
}

static enum ctl_status
set_status(struct call *call, enum merchant_status merchant_status)
{
	struct command *command = &call->command;
	enum ctl_status status;

	status =
	    find_merchant(call, command->target.id, &command->scope.account);
	if (status != CTL_OK)
		return status;
	command->kind = COMMAND_MERCHANT_STATUS;
	command->merchant_status = (uint8_t)merchant_status;
	return ctl_run(call);
}

enum ctl_status
ctl_merchant_suspend(struct call *call)
{
	return set_status(call, MERCHANT_STATUS_SUSPENDED);
}

enum ctl_status
ctl_merchant_activate(struct call *call)
{
	return set_status(call, MERCHANT_STATUS_ACTIVE);
}
