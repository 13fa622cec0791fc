/*
 * Payment intents: looked at, never changed; that is the merchant's matter.
 */
#include "app/ctl_find.h"

enum { LIMIT_DEFAULT = 10 };

enum ctl_status
ctl_intent_show(struct call *call)
{
	enum ctl_status status = find_object(call, KIND_INTENT);

	if (status == CTL_OK)
		output_object(&call->output, outcome_objects(&call->outcome),
		    call->command.scope.mode == MODE_LIVE, "");
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
	command->object = KIND_INTENT;
	if (command->limit == 0)
		command->limit = LIMIT_DEFAULT;
	if (!engine_list(
		call->engine, command, print_intent, call, &page, &error))
		return ctl_refuse(&error);
	if (page.has_more)
		id_format(page.last, record_type(KIND_INTENT)->prefix, last);
	output_end_list(&call->output, KIND_INTENT, text_of(last));
	return CTL_OK;
}
