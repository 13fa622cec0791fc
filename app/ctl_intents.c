/*
 * Payment intents: looked at, never changed; that is the merchant's matter.
 */
#include "app/ctl_find.h"

enum { LIMIT_DEFAULT = 10 };

/* Payments in coins are found by their ids alone; those by card are not. */
static enum ctl_status
find_intent(struct call *call, bool *live)
{
	struct id id = call->command.target.id;
	enum store_result result = STORE_MISSING;
	enum ctl_status status;

	if (id_is_set(id))
		result =
		    engine_find_coin(call->engine, id, &call->outcome, live);
	if (result != STORE_MISSING)
		return result == STORE_OK ? CTL_OK : ctl_fail_store(result);
	status = find_object(call, KIND_INTENT);
	*live = call->command.scope.mode == MODE_LIVE;
	return status;
}

enum ctl_status
ctl_intent_show(struct call *call)
{
	enum ctl_status status;
	bool live;

	status = find_intent(call, &live);
	if (status == CTL_OK)
		output_object(
		    &call->output, outcome_objects(&call->outcome), live, "");
	return status;
}

static bool
print_intent(struct text objects, void *context)
{
	struct call *call = context;

	output_row_objects(
	    &call->output, objects, call->command.scope.mode == MODE_LIVE);
	return true;
}

enum ctl_status
ctl_intent_list(struct call *call)
{
	struct command *command = &call->command;
	char last[ID_TEXT_BYTES] = "";
	struct id default_merchant;
	enum ctl_status status;
	struct error error;
	struct page page;

	status = find_account(call, &default_merchant);
	if (status != CTL_OK)
		return status;
	command->kind = COMMAND_LIST;
	if (command->object == KIND_NONE)
		command->object = KIND_INTENT;
	if (command->limit == 0)
		command->limit = LIMIT_DEFAULT;
	if (!engine_list(
		call->engine, command, print_intent, call, &page, &error))
		return ctl_refuse(&error);
	if (page.has_more)
		id_format(
		    page.last, record_type(command->object)->prefix, last);
	output_end_list(&call->output, command->object, text_of(last));
	return CTL_OK;
}
