/*
 * The verification of the store, finding by finding.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/ctl.h"
#include "engine/schema.h"
#include "engine/verify.h"
#include "store/lmdb.h"

static void
write_text(struct json_writer *writer, struct text name, struct text value)
{
	json_name(writer, name);
	if (value.length == 0)
		json_null(writer);
	else
		json_string(writer, value);
}

static void
write_finding(struct json_writer *writer, const struct finding *finding)
{
	json_object_begin(writer);
	write_text(writer, TEXT("table"), text_of(table_name(finding->table)));
	write_text(writer, TEXT("row"), text_of(finding->row));
	write_text(writer, TEXT("message"), finding->sentence);
	write_text(writer, TEXT("detail"), finding->detail);
	json_object_end(writer);
}

static void
print_finding(const struct finding *finding)
{
	printf("%s %s: %.*s", table_name(finding->table), finding->row,
	    TEXT_PRINT(finding->sentence));
	if (finding->detail.length > 0)
		printf(" (%.*s)", TEXT_PRINT(finding->detail));
	putchar('\n');
}

static void
report(const struct finding *finding, void *context)
{
	struct call *call = context;

	if (!call->output.json) {
		print_finding(finding);
		return;
	}
	write_finding(output_writer(&call->output), finding);
	output_flush(&call->output);
}

/* The document's begin; the findings stand in it as they come. */
static void
begin_document(struct json_writer *writer)
{
	json_object_begin(writer);
	write_text(writer, TEXT("object"), TEXT("verification"));
	json_name(writer, TEXT("findings"));
	json_array_begin(writer);
}

static void
end_document(
    struct json_writer *writer, const struct verification_summary *summary)
{
	json_array_end(writer);
	json_name(writer, TEXT("finding_count"));
	json_integer(writer, (int64_t)summary->findings);
	json_name(writer, TEXT("record_count"));
	json_integer(writer, (int64_t)summary->records);
	json_name(writer, TEXT("tables"));
	json_object_begin(writer);
	for (unsigned table = 0; table < TABLE_COUNT; table++) {
		json_name(writer, text_of(table_name((enum table)table)));
		json_integer(writer, (int64_t)summary->table_records[table]);
	}
	json_object_end(writer);
	json_object_end(writer);
}

enum ctl_status
ctl_verify(struct call *call)
{
	struct output *output = &call->output;
	struct verification_summary summary;
	enum store_result result;
	struct schema schema;
	const char *reason;

	/* Another version's records would all be findings. */
	if (engine_read_schema(call->store, &schema) == STORE_OK &&
	    (schema.state == SCHEMA_OLDER || schema.state == SCHEMA_NEWER))
		return ctl_check_schema(call);
	/* What LMDB could not follow is told before it tries. */
	if (lmdb_check(call->store, &reason) != STORE_OK)
		return ctl_fail("%s: %s", call->settings.store, reason);
	if (output->json)
		begin_document(output_writer(output));
	result = verify_store(call->store, report, call, &summary);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (output->json) {
		end_document(output_writer(output), &summary);
		output_end(output);
	} else {
		printf("verify: %" PRIu64 " records, %" PRIu64 " findings\n",
		    summary.records, summary.findings);
	}
	return summary.findings == 0 ? CTL_OK : CTL_REFUSED;
}
