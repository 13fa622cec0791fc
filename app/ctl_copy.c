#include "app/ctl_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/schema.h"
#include "engine/upkeep.h"
#include "engine/verify.h"
#include "store/lmdb.h"

enum ctl_status
ctl_copy_write(struct call *call, const struct ctl_file *file, bool compact)
{
	const char *reason;

	if (lmdb_copy(call->store, file->descriptor, compact, &reason) !=
	    STORE_OK)
		return ctl_fail("%s: %s", file->fresh, reason);
	return ctl_file_flush(file);
}

static void
see_finding(const struct finding *finding, void *context)
{
	struct finding *first = context;

	if (first->row[0] == '\0')
		*first = *finding;
}

/* Every record; the first finding is told. */
static enum ctl_status
verify(struct store *store, const char *called)
{
	struct verification_summary summary;
	struct finding first = {.row = ""};
	enum store_result result =
	    verify_store(store, see_finding, &first, &summary);

	if (result != STORE_OK)
		return ctl_fail(
		    "%s cannot be read: %s", called, store_result_name(result));
	if (summary.findings == 0)
		return CTL_OK;
	return ctl_fail("%s is damaged: %" PRIu64
			" findings, the first: %s %s: %.*s",
	    called, summary.findings, table_name(first.table), first.row,
	    TEXT_PRINT(first.sentence));
}

static enum ctl_status
check_schema(struct store *store, const char *called)
{
	enum store_result result;
	struct schema schema;

	result = engine_read_schema(store, &schema);
	if (result == STORE_OK && schema.state == SCHEMA_OWN)
		return CTL_OK;
	if (result == STORE_OK && schema.version > 0)
		return ctl_fail("%s is of schema %u, and this version has %u; "
				"%s",
		    called, schema.version, (unsigned)SCHEMA_VERSION,
		    schema.version < SCHEMA_VERSION
			? "migrate it first: intentctl --store FILE migrate"
			: "install a newer intentd");
	return ctl_fail("%s is not a whole store of intentd", called);
}

static enum store_result
count(struct store *store, struct ctl_copy *copy)
{
	uint64_t counts[TABLE_COUNT];
	struct store_stats stats;
	enum store_result result = engine_count_tables(store, counts);

	if (result == STORE_OK)
		result = store_stats(store, &stats);
	if (result != STORE_OK)
		return result;
	copy->records = 0;
	for (size_t i = 0; i < TABLE_COUNT; i++)
		copy->records += counts[i];
	copy->last_transaction = stats.last_transaction;
	return STORE_OK;
}

enum ctl_status
ctl_copy_check(struct call *call, const char *path, const char *called,
    bool verify_too, struct ctl_copy *copy)
{
	const struct lmdb_options options = {
	    .path = path,
	    .map_bytes_max = (size_t)call->settings.store_bytes_max,
	    .readers = 1,
	    .alone = true,
	};
	enum ctl_status status;
	struct store *store;
	struct stat file;
	const char *reason;

	if (stat(path, &file) != 0)
		return ctl_fail("%s: %s", path, strerror(errno));
	copy->bytes = (uint64_t)file.st_size;
	if (lmdb_open(&options, &store, &reason) != STORE_OK)
		return ctl_fail("%s: %s", called, reason);
	status = CTL_OK;
	if (verify_too && lmdb_check(store, &reason) != STORE_OK)
		status = ctl_fail("%s: %s", called, reason);
	if (status == CTL_OK)
		status = check_schema(store, called);
	if (status == CTL_OK && verify_too)
		status = verify(store, called);
	if (status == CTL_OK && count(store, copy) != STORE_OK)
		status = ctl_fail("%s cannot be read", called);
	store_close(store);
	return status;
}
