/*
 * Accounts, and merchants of accounts.
 */
#include <assert.h>

#include "app/ctl_find.h"
#include "base/hd_key.h"

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

/* A merchant's chain is the one where this server is paid. */
static enum ctl_status
choose_chain(struct call *call)
{
	struct command *command = &call->command;
	struct text live = text_of(call->settings.chain_live);
	bool kept;

	if (command->chain.length > 0)
		return text_equal(command_text(command, command->chain), live)
			   ? CTL_OK
			   : ctl_misuse(call->row,
				 "--chain: must be %s, the chain of live mode "
				 "in the settings",
				 call->settings.chain_live);
	kept = command_keep(command, live, &command->chain);
	assert(kept);
	return CTL_OK;
}

/* Why a text is no extended public key. */
static const char *
key_reason(enum hd_key_parse parse)
{
	switch (parse) {
	case HD_KEY_PARSE_PRIVATE:
		return "is a private key, which this server must never "
		       "see: give the public one (xpub...), and take this "
		       "one out of your shell's history";
	case HD_KEY_PARSE_CHECKSUM:
		return "is mistyped: its checksum is wrong";
	case HD_KEY_PARSE_VERSION:
		return "is a key of another network than xpub... is of";
	case HD_KEY_PARSE_INVALID:
		return "has the form of a key, and is none";
	case HD_KEY_PARSE_OK:
	case HD_KEY_PARSE_MALFORMED:
		break;
	}
	return "must be an extended public key (BIP-32, xpub...)";
}

/* A private key is refused in words of its own, and repeated nowhere. */
static enum ctl_status
check_extended_key(const struct call *call)
{
	const struct command *command = &call->command;
	struct text key = command_text(command, command->extended_key);
	enum hd_key_parse parse;
	struct hd_key parsed;

	if (key.length == 0)
		return CTL_OK;
	parse = hd_key_parse(key, &parsed);
	if (parse != HD_KEY_PARSE_OK)
		return ctl_misuse(
		    call->row, "--extended-key: %s", key_reason(parse));
	if (command->payment_address.length > 0)
		return ctl_misuse(call->row,
		    "--extended-key: not together with --payment-address");
	return CTL_OK;
}

enum ctl_status
ctl_merchant_create(struct call *call)
{
	struct id default_merchant;
	enum ctl_status status;

	status = check_extended_key(call);
	if (status == CTL_OK)
		status = choose_chain(call);
	if (status == CTL_OK)
		status = find_account(call, &default_merchant);
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

enum ctl_status
ctl_merchant_deactivate(struct call *call)
{
	return set_status(call, MERCHANT_STATUS_DEACTIVATED);
}

enum ctl_status
ctl_merchant_onboard(struct call *call)
{
	return set_status(call, MERCHANT_STATUS_ONBOARDING);
}
