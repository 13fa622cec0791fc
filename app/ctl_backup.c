/*
 * Backups: made beside a running server, and made the store again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/ctl_copy.h"
#include "app/ctl_options.h"
#include "store/lmdb.h"

static bool
has(const struct call *call, uint64_t option)
{
	return (call->noted & option) != 0;
}

static void
write_number(struct json_writer *writer, struct text name, uint64_t value)
{
	json_name(writer, name);
	json_integer(writer, (int64_t)value);
}

/* What became of a copy: of `object`, in the file `path`. */
static void
print_copy(struct call *call, const char *object, const char *path,
    const struct ctl_copy *copy, bool verified, struct span taken)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("%s: %s, %" PRIu64 " bytes, %" PRIu64 " records, "
		       "last transaction %" PRIu64 ", %s, %" PRId64 " ms\n",
		    object, path, copy->bytes, copy->records,
		    copy->last_transaction,
		    verified ? "verified" : "not verified", taken.us / 1000);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, text_of(object));
	json_name(writer, TEXT("file"));
	json_string(writer, text_of(path));
	write_number(writer, TEXT("bytes"), copy->bytes);
	write_number(writer, TEXT("records"), copy->records);
	write_number(writer, TEXT("last_transaction"), copy->last_transaction);
	json_name(writer, TEXT("verified"));
	json_boolean(writer, verified);
	write_number(writer, TEXT("duration_ms"), (uint64_t)(taken.us / 1000));
	json_object_end(writer);
	output_end(&call->output);
}

static struct span
since(struct span begun)
{
	return (struct span){clock_uptime().us - begun.us};
}

/* -- backup ---------------------------------------------------------------- */

/* To a pipe, say of a program that encrypts; there is nothing to check. */
static enum ctl_status
stream(struct call *call, bool compact)
{
	const char *reason;

	if (isatty(STDOUT_FILENO) == 1)
		return ctl_misuse(
		    call->row, "-: a backup is nothing to read on a terminal");
	/* Whoever reads it may end before: an error as any other. */
	signal(SIGPIPE, SIG_IGN);
	(void)ctl_note(call, "store_backup", "-");
	if (lmdb_copy(call->store, STDOUT_FILENO, compact, &reason) != STORE_OK)
		return ctl_fail("standard output: %s", reason);
	return CTL_OK;
}

static enum ctl_status
back_up(struct call *call, struct ctl_file *file, struct ctl_copy *copy)
{
	struct store_stats before = {0};
	enum store_result result = store_stats(call->store, &before);
	enum ctl_status status =
	    ctl_copy_write(call, file, has(call, CTL_OPTION(COMPACT)));

	/* It is a backup also where the store is too full to note it. */
	if (status == CTL_OK)
		(void)ctl_note(call, "store_backup", file->path);
	/* One store at a time, and none is needed any more. */
	ctl_close(call);
	if (status == CTL_OK)
		status = ctl_copy_check(call, file->fresh, "the copy",
		    !has(call, CTL_OPTION(NO_VERIFY)), copy);
	/* It has at least that; a compacted one counts from 1 again. */
	if (result == STORE_OK)
		copy->last_transaction = before.last_transaction;
	return status == CTL_OK ? ctl_file_keep(file) : status;
}

enum ctl_status
ctl_backup(struct call *call)
{
	const struct span begun = clock_uptime();
	struct ctl_copy copy;
	struct ctl_file file;
	enum ctl_status status;

	if (strcmp(call->operand, "-") == 0)
		return stream(call, has(call, CTL_OPTION(COMPACT)));
	status = ctl_file_begin_beside(
	    &file, call, call->operand, has(call, CTL_OPTION(FORCE)));
	if (status != CTL_OK)
		return status;
	status = back_up(call, &file, &copy);
	ctl_file_drop(&file);
	if (status == CTL_OK)
		print_copy(call, "backup", call->operand, &copy,
		    !has(call, CTL_OPTION(NO_VERIFY)), since(begun));
	return status;
}

/* -- restore --------------------------------------------------------------- */

static enum ctl_status
copy_bytes(int from, const char *path, const struct ctl_file *file)
{
	static char bytes[1024 * 1024];
	ssize_t got;

	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		for (ssize_t put = 0; put < got;) {
			ssize_t more = write(
			    file->descriptor, bytes + put, (size_t)(got - put));

			if (more < 0)
				return ctl_fail(
				    "%s: %s", file->fresh, strerror(errno));
			put += more;
		}
	return got == 0 ? CTL_OK : ctl_fail("%s: %s", path, strerror(errno));
}

/* What the copy is written to is emptied first. */
static enum ctl_status
check_source(const char *backup, const char *store)
{
	char fresh[CTL_PATH_BYTES];

	(void)snprintf(fresh, sizeof(fresh), "%s" CTL_FRESH, store);
	return ctl_is_same_file(backup, fresh)
		   ? ctl_fail("%s: give it another name first", backup)
		   : CTL_OK;
}

/* What will be served is what is checked: the copy, not the backup. */
static enum ctl_status
fetch(const char *path, const struct ctl_file *file)
{
	bool piped = strcmp(path, "-") == 0;
	int from = piped ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	enum ctl_status status;

	if (from < 0)
		return ctl_fail("%s: %s", path, strerror(errno));
	status = copy_bytes(from, path, file);
	if (!piped)
		(void)close(from);
	return status == CTL_OK ? ctl_file_flush(file) : status;
}

/* Owner and mode: of the store that was there, or the directory's owner. */
static bool
give(const struct ctl_file *file)
{
	char directory[CTL_PATH_BYTES];
	char *slash;

	if (access(file->path, F_OK) == 0)
		return ctl_take_owner(file->descriptor, file->path);
	text_copy(text_of(file->path), directory, sizeof(directory));
	slash = strrchr(directory, '/');
	if (slash == NULL)
		text_copy(TEXT("."), directory, sizeof(directory));
	else
		slash[slash == directory ? 1 : 0] = '\0';
	return ctl_take_owner(file->descriptor, directory);
}

/*
 * The old store gets a second name, and then the new one takes the first:
 * whenever this is cut off, one whole store stands at its place.  After a power
 * cut, too: a disk may have a later change of the directory and not an earlier
 * one that was not flushed.
 */
static enum ctl_status
put_in_place(struct call *call, struct ctl_file *file, char *aside)
{
	const char *path = file->path;

	if (!give(file))
		return ctl_fail("%s: %s", file->fresh, strerror(errno));
	if (access(path, F_OK) == 0) {
		ctl_path_aside(
		    path, "before-restore", call->command.now, aside);
		if (link(path, aside) != 0 || !ctl_flush_directory(path))
			return ctl_fail("%s: %s", aside, strerror(errno));
	}
	return ctl_file_keep(file);
}

enum ctl_status
ctl_restore(struct call *call)
{
	const struct span begun = clock_uptime();
	const char *path = call->settings.store;
	char aside[CTL_PATH_BYTES] = "";
	struct ctl_copy copy;
	struct ctl_file file;
	enum ctl_status status = ctl_lock(call);

	if (status == CTL_OK && !has(call, CTL_OPTION(FORCE)) &&
	    access(path, F_OK) == 0)
		status = ctl_fail("%s: there is a store already (--force keeps "
				  "it beside, under another name)",
		    path);
	if (status == CTL_OK)
		status = check_source(call->operand, path);
	if (status == CTL_OK)
		status = ctl_file_begin(&file, path, true);
	if (status != CTL_OK)
		return status;
	status = fetch(call->operand, &file);
	if (status == CTL_OK)
		status =
		    ctl_copy_check(call, file.fresh, "the backup", true, &copy);
	if (status == CTL_OK)
		status = put_in_place(call, &file, aside);
	ctl_file_drop(&file);
	if (status != CTL_OK)
		return status;
	status = ctl_open_alone(call, false);
	if (status == CTL_OK)
		status = ctl_note(call, "store_restore", call->operand);
	print_copy(call, "restore", path, &copy, true, since(begun));
	if (aside[0] != '\0' && !call->output.json)
		printf("The store that was there is kept: %s\n", aside);
	return status;
}
