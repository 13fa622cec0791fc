/*
 * Forgetting what the contracts let go of, beside a running server.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/ctl.h"
#include "app/ctl_options.h"
#include "engine/upkeep.h"

static void
print_purge(struct call *call, const struct purge *purge)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("purge: %" PRIu64
		       " outcomes of idempotency keys, %" PRIu64 " events%s\n",
		    purge->outcomes, purge->events,
		    purge->dry_run ? " would go (--yes removes them)"
				   : " are gone");
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("purge"));
	json_name(writer, TEXT("dry_run"));
	json_boolean(writer, purge->dry_run);
	json_name(writer, TEXT("outcomes"));
	json_integer(writer, (int64_t)purge->outcomes);
	json_name(writer, TEXT("events"));
	json_integer(writer, (int64_t)purge->events);
	json_object_end(writer);
	output_end(&call->output);
}

enum ctl_status
ctl_purge(struct call *call)
{
	struct purge purge = {
	    .now = call->command.now,
	    .events_before = call->command.expires,
	    .dry_run = (call->noted & CTL_OPTION(YES)) == 0,
	};
	enum store_result result;

	if (instant_before(purge.now, purge.events_before))
		return ctl_misuse(
		    call->row, "--events-before: must not be in the future");
	result = engine_purge(call->engine, &purge);
	if (result != STORE_OK)
		return ctl_fail("after %" PRIu64 " outcomes and %" PRIu64
				" events the store failed: %s",
		    purge.outcomes, purge.events, store_result_name(result));
	print_purge(call, &purge);
	return purge.dry_run ? CTL_OK : ctl_note(call, "store_purge", "");
}
