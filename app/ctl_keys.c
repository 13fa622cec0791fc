/*
 * API keys.  Their full text is printed where they are made, and nowhere
 * else: the store does not have it.
 */
#include "app/ctl_find.h"

/* Restricted keys need permissions, others can have none. */
static enum ctl_status
check_permissions(const struct call *call)
{
	const struct command *command = &call->command;
	bool restricted = command->key_type == KEY_TYPE_RESTRICTED;

	if (restricted && command->permissions == 0)
		return ctl_misuse(call->row,
		    "--permissions is missing: restricted keys need some");
	if (!restricted && command->permissions != 0)
		return ctl_misuse(call->row,
		    "--permissions: can be given to restricted keys alone");
	return CTL_OK;
}

/* The merchant that --merchant names, or else the account's default. */
static enum ctl_status
choose_merchant(struct call *call, struct id default_merchant)
{
	struct scope *scope = &call->command.scope;
	char account[ID_TEXT_BYTES];
	enum ctl_status status;
	struct id owner;

	if (id_is_set(scope->merchant)) {
		scope->merchant_bound = true;
		status = find_merchant(call, scope->merchant, &owner);
		if (status == CTL_OK && !id_equal(owner, scope->account))
			return ctl_fail("the account has no such merchant");
		return status;
	}
	if (!id_is_set(default_merchant)) {
		id_format(
		    scope->account, record_type(KIND_ACCOUNT)->prefix, account);
		return ctl_fail("the account has no merchant yet; make a "
				"merchant first: intentctl merchant create "
				"--account %s --name NAME",
		    account);
	}
	scope->merchant = default_merchant;
	return CTL_OK;
}

enum ctl_status
ctl_key_create(struct call *call)
{
	struct id default_merchant;
	enum ctl_status status = check_permissions(call);

	if (status == CTL_OK)
		status = find_account(call, &default_merchant);
	if (status == CTL_OK)
		status = choose_merchant(call, default_merchant);
	if (status != CTL_OK)
		return status;
	call->command.kind = COMMAND_KEY_CREATE;
	call->command.key_mode = call->command.scope.mode;
	return ctl_run(call);
}

static bool
print_key(const union record *record, void *context)
{
	struct call *call = context;
	struct id wanted = call->command.scope.account;

	if (!id_is_set(wanted) || id_equal(wanted, record->api_key.account))
		output_row(&call->output, KIND_API_KEY, record);
	return true;
}

enum ctl_status
ctl_key_list(struct call *call)
{
	enum ctl_status status;

	status = find_each(call, TABLE_API_KEYS, KIND_API_KEY, print_key, call);
	if (status == CTL_OK)
		output_end_list(&call->output, KIND_API_KEY, TEXT_NONE);
	return status;
}

static enum ctl_status
change(struct call *call, enum command_kind kind)
{
	enum ctl_status status = find_object(call, KIND_API_KEY);

	if (status != CTL_OK)
		return status;
	call->command.kind = kind;
	return ctl_run(call);
}

enum ctl_status
ctl_key_revoke(struct call *call)
{
	return change(call, COMMAND_KEY_REVOKE);
}

enum ctl_status
ctl_key_roll(struct call *call)
{
	if (call->command.grace.us > span_from_seconds(86400).us)
		return ctl_misuse(call->row,
		    "--grace-seconds: must be an integer from 0 to 86400");
	return change(call, COMMAND_KEY_ROLL);
}
