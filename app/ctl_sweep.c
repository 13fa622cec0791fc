/*
 * The sweeper's work done once, by hand or by a test.
 */
#include <stdio.h>

#include "app/ctl.h"
#include "app/sweeper.h"

static void
print_swept(struct call *call, unsigned swept)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("sweep: %u expired\n", swept);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("sweep"));
	json_name(writer, TEXT("expired"));
	json_integer(writer, swept);
	json_object_end(writer);
	output_end(&call->output);
}

enum ctl_status
ctl_sweep(struct call *call)
{
	enum store_result result;
	unsigned swept;

	result = sweeper_until_idle(call->engine, call->command.now, &swept);
	if (result != STORE_OK)
		return ctl_fail("after %u payments the store failed: %s", swept,
		    store_result_name(result));
	print_swept(call, swept);
	return CTL_OK;
}
