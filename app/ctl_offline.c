/*
 * What needs the store for itself: making it smaller, and migrating it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/ctl_copy.h"
#include "app/ctl_options.h"
#include "app/data.h"
#include "engine/schema.h"

/* -- compact --------------------------------------------------------------- */

/* What a file takes up on the disk: a store's is sparse. */
static uint64_t
disk_bytes(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

static void
print_compact(struct call *call, uint64_t before, uint64_t after)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("compact: %s, %" PRIu64 " bytes of disk before, %" PRIu64
		       " after\n",
		    call->settings.store, before, after);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("compact"));
	json_name(writer, TEXT("bytes_before"));
	json_integer(writer, (int64_t)before);
	json_name(writer, TEXT("bytes_after"));
	json_integer(writer, (int64_t)after);
	json_object_end(writer);
	output_end(&call->output);
}

static enum ctl_status
compact(struct call *call, struct ctl_file *file)
{
	enum ctl_status status;
	struct ctl_copy copy;

	/* Also of a store that is full, where nothing can be noted. */
	(void)ctl_note(call, "store_compact", "");
	status = ctl_copy_write(call, file, true);
	ctl_close(call);
	if (status == CTL_OK)
		status = ctl_copy_check(
		    call, file->fresh, "the compacted copy", true, &copy);
	if (status == CTL_OK && !ctl_take_owner(file->descriptor, file->path))
		status = ctl_fail("%s: %s", file->fresh, strerror(errno));
	return status == CTL_OK ? ctl_file_keep(file) : status;
}

enum ctl_status
ctl_compact(struct call *call)
{
	const char *path = call->settings.store;
	enum ctl_status status = ctl_open_alone(call, false);
	struct ctl_file file;
	uint64_t before;

	if (status == CTL_OK)
		status = ctl_check_schema(call);
	if (status == CTL_OK)
		status = ctl_file_begin(&file, path, true);
	if (status != CTL_OK)
		return status;
	before = disk_bytes(path);
	status = compact(call, &file);
	ctl_file_drop(&file);
	if (status == CTL_OK)
		print_compact(call, before, disk_bytes(path));
	return status;
}

/* -- migrate --------------------------------------------------------------- */

static void
print_migrate(struct call *call, unsigned from, unsigned to, const char *backup)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("migrate: %s, schema %u\n", call->settings.store, to);
		if (backup[0] != '\0')
			printf("The store as it was is kept: %s\n", backup);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("migration"));
	json_name(writer, TEXT("from"));
	json_integer(writer, from);
	json_name(writer, TEXT("to"));
	json_integer(writer, to);
	json_name(writer, TEXT("backup"));
	if (backup[0] != '\0')
		json_string(writer, text_of(backup));
	else
		json_null(writer);
	json_object_end(writer);
	output_end(&call->output);
}

/* The store as it is, under a name that says when; unchecked, being old. */
static enum ctl_status
keep_copy(struct call *call, char *backup)
{
	enum ctl_status status;
	struct ctl_file file;

	ctl_path_aside(
	    call->settings.store, "before-migrate", call->command.now, backup);
	status = ctl_file_begin(&file, backup, false);
	if (status != CTL_OK)
		return status;
	status = ctl_copy_write(call, &file, false);
	if (status == CTL_OK &&
	    !ctl_take_owner(file.descriptor, call->settings.store))
		status = ctl_fail("%s: %s", backup, strerror(errno));
	if (status == CTL_OK)
		status = ctl_file_keep(&file);
	ctl_file_drop(&file);
	return status;
}

/* Each step is done as a whole: where one fails, those before it stand. */
static enum ctl_status
run_steps(struct call *call, unsigned from)
{
	for (const struct schema_step *step = schema_step(from); step != NULL;
	     step = schema_step(step->from + 1)) {
		enum store_result result = engine_migrate(call->store, step);

		if (result != STORE_OK)
			return ctl_fail("%s: schema %u to %u failed, and left "
					"it as it was: %s",
			    call->settings.store, step->from, step->from + 1,
			    store_result_name(result));
	}
	return ctl_check_schema(call) == CTL_OK
		   ? ctl_note(call, "store_migrate", "")
		   : CTL_REFUSED;
}

static enum ctl_status
migrate(struct call *call, unsigned from, char *backup)
{
	enum ctl_status status = CTL_OK;

	if ((call->noted & CTL_OPTION(NO_BACKUP)) == 0)
		status = keep_copy(call, backup);
	ctl_close(call);
	/* Once more, now to make the tables that are missing. */
	if (status == CTL_OK)
		status = ctl_open_alone(call, true);
	return status == CTL_OK ? run_steps(call, from) : status;
}

/* What is to be done, a line a step. */
static void
print_steps(const struct call *call, unsigned from)
{
	if (call->output.json)
		return;
	for (const struct schema_step *step = schema_step(from); step != NULL;
	     step = schema_step(step->from + 1))
		printf("schema %u to %u: %s\n", step->from, step->from + 1,
		    step->name);
}

enum ctl_status
ctl_migrate(struct call *call)
{
	const bool dry_run = (call->noted & CTL_OPTION(DRY_RUN)) != 0;
	char backup[CTL_PATH_BYTES] = "";
	enum ctl_status status = ctl_open_alone(call, false);
	struct schema schema;

	if (status != CTL_OK)
		return status;
	if (engine_read_schema(call->store, &schema) != STORE_OK)
		return ctl_fail_store(STORE_DAMAGED);
	if (schema.state != SCHEMA_OWN && schema.state != SCHEMA_OLDER)
		return ctl_check_schema(call);
	print_steps(call, schema.version);
	if (schema.state == SCHEMA_OLDER && !dry_run)
		status = migrate(call, schema.version, backup);
	if (status == CTL_OK)
		print_migrate(call, schema.version,
		    dry_run ? schema.version : SCHEMA_VERSION, backup);
	return status;
}
