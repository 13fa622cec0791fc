/*
 * The audit log, checked and shown.
 *
 * The store is read at one moment before the files are, so that a server that
 * goes on copying meanwhile can only have added lines behind those that the
 * store had then; those are held against the store as it is afterwards.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl.h"
#include "app/lines.h"

enum { REASON_BYTES = 256 };

struct checking {
	struct call *call;
	struct audit_state state; /* of the store */
	const char *path;	  /* of the file that is read */
	struct lines lines;
	uint64_t count; /* of lines seen, in files and in the store */
	uint64_t in_files;
	uint64_t first;		/* number of the first one; 0: none yet */
	struct audit_link last; /* the latest one */
	char reason[REASON_BYTES];
};

/* Notes what is wrong; always false. */
__attribute__((format(printf, 2, 3))) static bool
break_off(struct checking *checking, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(checking->reason, sizeof(checking->reason), format, list);
	va_end(list);
	return false;
}

/* -- One line -------------------------------------------------------------- */

struct wanted {
	char bytes[AUDIT_LINE_BYTES_MAX];
	struct text line; /* TEXT_NONE: the store does not have it */
};

static bool
find_line(struct checking *checking, uint64_t sequence, struct wanted *wanted)
{
	enum store_result result;

	result = engine_audit_line(
	    checking->call->engine, sequence, wanted->bytes, &wanted->line);
	return result == STORE_OK ||
	       break_off(checking, "the store cannot be read: %s",
		   store_result_name(result));
}

/* As a line of the chain, whatever the store says of it. */
static bool
check_link(struct checking *checking, const struct audit_link *own,
    const struct digest *previous)
{
	const struct audit_link *last = &checking->last;

	/* Logs are moved away: the first file may begin with any line. */
	if (checking->first == 0 && own->sequence > 1)
		return true;
	if (audit_follows(last, own, previous))
		return true;
	if (checking->first == 0)
		return break_off(checking,
		    "line 1 does not begin a log: another one was before it");
	if (own->sequence > last->sequence + 1)
		return break_off(checking,
		    "line %" PRIu64 " stands behind line %" PRIu64
		    ": what was between them is missing",
		    own->sequence, last->sequence);
	if (own->sequence <= last->sequence)
		return break_off(checking,
		    "line %" PRIu64 " stands behind line %" PRIu64
		    ": out of order, or twice",
		    own->sequence, last->sequence);
	return break_off(checking,
	    "line %" PRIu64 " does not continue the one before it: one of "
	    "them was written anew",
	    own->sequence);
}

/* What the store knows of a line that is in a file. */
static bool
check_with_store(
    struct checking *checking, struct text line, const struct audit_link *own)
{
	const struct audit_state *state = &checking->state;
	struct wanted wanted;

	if (own->sequence < state->copied.sequence ||
	    own->sequence > state->head.sequence)
		return true;
	if (own->sequence == state->copied.sequence)
		return audit_link_equal(own, &state->copied) ||
		       break_off(checking,
			   "the store knows another line %" PRIu64
			   ": the log was written anew",
			   own->sequence);
	if (!find_line(checking, own->sequence, &wanted))
		return false;
	return text_equal(wanted.line, line) ||
	       break_off(checking, "the store has another line %" PRIu64,
		   own->sequence);
}

static bool
check_line(struct checking *checking, struct text line)
{
	struct digest previous;
	struct audit_link own;

	switch (audit_read(line, &own, &previous)) {
	case AUDIT_MALFORMED:
		return break_off(checking, "it is no line of the audit log");
	case AUDIT_ALTERED:
		return break_off(checking,
		    "its hash is not that of what it says: it was altered");
	case AUDIT_OK:
		break;
	}
	if (!check_link(checking, &own, &previous))
		return false;
	if (checking->first == 0)
		checking->first = own.sequence;
	checking->last = own;
	checking->count++;
	return true;
}

static bool
check_file_line(struct checking *checking, struct text line)
{
	if (!check_line(checking, line))
		return false;
	checking->in_files++;
	return check_with_store(checking, line, &checking->last);
}

/* -- Files ----------------------------------------------------------------- */

/* A line without its end: the server was ended while it wrote. */
static bool
check_torn(struct checking *checking, struct text line)
{
	const uint64_t next = checking->last.sequence > 0
				  ? checking->last.sequence + 1
				  : checking->state.copied.sequence + 1;
	struct wanted wanted;

	if (!find_line(checking, next, &wanted))
		return false;
	return (wanted.line.length > 0 && text_starts(wanted.line, line)) ||
	       break_off(checking, "the line is cut");
}

static bool
check_lines(struct checking *checking)
{
	struct lines *lines = &checking->lines;
	uint64_t before = 0;
	struct text line;

	for (;;) {
		enum lines_result result = lines_next(lines, &line);
		const uint64_t length = lines->bytes - before;

		before = lines->bytes;
		if (result == LINES_END)
			return true;
		if (result == LINES_FAILED)
			return break_off(checking, "%s", strerror(errno));
		if (result == LINES_TOO_LONG || length > line.length + 1)
			return break_off(
			    checking, "it is no line of the audit log");
		if (length == line.length)
			return check_torn(checking, line);
		if (!check_file_line(checking, line))
			return false;
	}
}

/* False, and it is said, at the first line that is wrong. */
static bool
check_file(struct checking *checking, const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool sound;

	if (descriptor < 0) {
		(void)ctl_fail("%s: %s", path, strerror(errno));
		return false;
	}
	checking->path = path;
	lines_init(&checking->lines, descriptor);
	sound = check_lines(checking);
	if (!sound)
		(void)ctl_fail("%s:%" PRIu64 ": %s", path,
		    checking->lines.number, checking->reason);
	(void)close(descriptor);
	return sound;
}

/* Those that are named, or the one of the settings. */
static bool
check_files(struct checking *checking)
{
	struct call *call = checking->call;
	const char *path = call->settings.audit_log;

	for (unsigned i = 0; i < call->operand_count; i++)
		if (!check_file(checking, call->operands[i].bytes))
			return false;
	if (call->operand_count > 0 || path[0] == '\0')
		return true;
	/* Before its first line there is none. */
	if (checking->state.copied.sequence == 0 && access(path, F_OK) != 0)
		return true;
	return check_file(checking, path);
}

/* -- The store ------------------------------------------------------------- */

static bool
see_stored(uint64_t sequence, struct text line, void *context)
{
	struct checking *checking = context;

	if (checking->first == 0 && sequence > 1)
		return break_off(checking, "its first line is missing");
	return check_line(checking, line);
}

static enum ctl_status
fail_stored(struct checking *checking)
{
	return ctl_fail("%s: the audit log: %s", checking->call->settings.store,
	    checking->reason);
}

/* The files reach as far as the store knows that they did. */
static bool
check_joint(struct checking *checking)
{
	const uint64_t copied = checking->state.copied.sequence;

	if (checking->last.sequence >= copied)
		return true;
	if (checking->first == 0)
		return break_off(checking,
		    "%" PRIu64 " lines were moved to a file, which was not "
		    "given",
		    copied);
	return break_off(checking,
	    "the files end with line %" PRIu64 ", and %" PRIu64
	    " were written to them: their end is missing",
	    checking->last.sequence, copied);
}

/* The lines that are in no file, to the last one. */
static bool
check_stored(struct checking *checking)
{
	enum store_result result;

	if (checking->last.sequence > checking->state.head.sequence)
		return true;
	checking->reason[0] = '\0';
	result = engine_audit_lines(checking->call->engine,
	    checking->last.sequence + 1, see_stored, checking);
	if (result != STORE_OK)
		return break_off(checking, "the store cannot be read: %s",
		    store_result_name(result));
	if (checking->reason[0] != '\0')
		return false;
	return audit_link_equal(&checking->last, &checking->state.head) ||
	       break_off(checking, "its last line is missing");
}

/* Lines that came while the files were read; only then there are any. */
static bool
check_newest(struct checking *checking)
{
	struct audit_link *last = &checking->last;
	struct digest previous;
	struct wanted wanted;
	struct audit_link own;

	if (last->sequence <= checking->state.head.sequence)
		return true;
	engine_end_reads(checking->call->engine);
	if (engine_audit_state(checking->call->engine, &checking->state) !=
	    STORE_OK)
		return break_off(checking, "the store cannot be read");
	if (last->sequence < checking->state.copied.sequence ||
	    audit_link_equal(last, &checking->state.copied))
		return true;
	if (!find_line(checking, last->sequence, &wanted))
		return false;
	return (audit_read(wanted.line, &own, &previous) == AUDIT_OK &&
		   audit_link_equal(&own, last)) ||
	       break_off(checking,
		   "the files end with line %" PRIu64
		   ", which the store does not know",
		   last->sequence);
}

static void
print_sound(const struct checking *checking)
{
	struct output *output = &checking->call->output;
	struct json_writer *writer;

	if (!output->json) {
		printf("audit verify: %" PRIu64 " lines, %" PRIu64
		       " to %" PRIu64 ", %" PRIu64
		       " of them in the store: sound\n",
		    checking->count, checking->first, checking->last.sequence,
		    checking->count - checking->in_files);
		if (checking->first > 1)
			printf("Not given, and not checked: lines 1 to %" PRIu64
			       "\n",
			    checking->first - 1);
		return;
	}
	writer = output_writer(output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("audit_verification"));
	json_name(writer, TEXT("lines"));
	json_integer(writer, (int64_t)checking->count);
	json_name(writer, TEXT("lines_in_store"));
	json_integer(writer, (int64_t)(checking->count - checking->in_files));
	json_name(writer, TEXT("first"));
	json_integer(writer, (int64_t)checking->first);
	json_name(writer, TEXT("last"));
	json_integer(writer, (int64_t)checking->last.sequence);
	json_object_end(writer);
	output_end(output);
}

enum ctl_status
ctl_audit_verify(struct call *call)
{
	static struct checking checking;
	enum ctl_status status = CTL_OK;
	enum store_result result;

	checking.call = call;
	engine_begin_reads(call->engine);
	result = engine_audit_state(call->engine, &checking.state);
	if (result != STORE_OK)
		status = ctl_fail_store(result);
	else if (!check_files(&checking))
		status = CTL_REFUSED;
	else if (!check_joint(&checking) || !check_stored(&checking) ||
		 !check_newest(&checking))
		status = fail_stored(&checking);
	engine_end_reads(call->engine);
	if (status == CTL_OK)
		print_sound(&checking);
	return status;
}

/* -- Shown ----------------------------------------------------------------- */

struct showing {
	struct call *call;
	uint32_t left; /* lines to show */
	bool limited;
};

static void
write_members(struct json_writer *writer, struct text line)
{
	struct text rest = line;
	struct text name;
	struct text word;

	json_object_begin(writer);
	json_name(writer, TEXT("object_type"));
	json_string(writer, TEXT("audit_line"));
	while (audit_next(&rest, &name, &word)) {
		json_name(writer, name);
		json_string(writer, word);
	}
	json_object_end(writer);
}

static bool
show_line(uint64_t sequence, struct text line, void *context)
{
	struct showing *showing = context;
	struct output *output = &showing->call->output;

	(void)sequence;
	if (showing->limited && showing->left-- == 0)
		return false;
	if (output->json) {
		write_members(output_writer(output), line);
		output_flush(output);
	} else {
		printf("%.*s\n", TEXT_PRINT(line));
	}
	return true;
}

static void
begin_list(struct json_writer *writer)
{
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("list"));
	json_name(writer, TEXT("data"));
	json_array_begin(writer);
}

enum ctl_status
ctl_audit_show(struct call *call)
{
	const uint32_t limit = call->command.limit;
	struct showing showing = {call, limit, limit > 0};
	struct audit_state state;
	enum store_result result;

	result = engine_audit_state(call->engine, &state);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (call->output.json)
		begin_list(output_writer(&call->output));
	result = engine_audit_lines(
	    call->engine, call->from > 0 ? call->from : 1, show_line, &showing);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (call->output.json) {
		json_array_end(output_writer(&call->output));
		json_object_end(output_writer(&call->output));
		output_end(&call->output);
	}
	if (call->from <= state.copied.sequence && state.copied.sequence > 0)
		fprintf(stderr,
		    "intentctl: lines up to %" PRIu64
		    " are in the file (audit_log)\n",
		    state.copied.sequence);
	return CTL_OK;
}
