#include "app/audit_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "app/crash.h"
#include "app/log.h"

enum {
	FILE_MODE = 0640,
	/* The last whole line and what is behind it. */
	TAIL_BYTES = 2 * (AUDIT_LINE_BYTES_MAX + 1) + 1,
};

/* One look at it. */
struct look {
	struct audit_file *file;
	struct instant now;
	int descriptor;
	struct audit_state state; /* of the store */
	char tail[TAIL_BYTES];
	struct text whole; /* the last whole line; TEXT_NONE: there is none */
	struct text torn;  /* what is behind the last line's end */
};

static bool
fail(const struct look *look, const char *step)
{
	log_message(
	    "audit_log: %s: %s: %s", look->file->path, step, strerror(errno));
	return false;
}

static bool
fail_store(enum store_result result)
{
	log_message("audit_log: the store is %s", store_result_name(result));
	return false;
}

/* -- The file -------------------------------------------------------------- */

/* That there is a file of this name is on disk, too. */
static bool
sync_folder(const struct look *look)
{
	char path[PATH_MAX];
	int folder;
	bool synced;

	text_copy(text_of(look->file->path), path, sizeof(path));
	folder = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	synced = folder >= 0 && fsync(folder) == 0;
	if (folder >= 0)
		(void)close(folder);
	return synced || fail(look, "its folder");
}

/* Readable by its group, whatever the umask, which is the store's. */
static bool
make_file(struct look *look)
{
	look->descriptor = open(look->file->path,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (look->descriptor < 0 || fchmod(look->descriptor, FILE_MODE) != 0)
		return fail(look, "make");
	log_notice("audit_log: %s begins with line %" PRIu64, look->file->path,
	    look->state.copied.sequence + 1);
	return sync_folder(look);
}

static bool
open_file(struct look *look)
{
	struct stat status;

	look->descriptor = open(look->file->path,
	    O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (look->descriptor < 0 && errno == ENOENT)
		return make_file(look);
	if (look->descriptor < 0 || fstat(look->descriptor, &status) != 0)
		return fail(look, "open");
	if (S_ISREG(status.st_mode))
		return true;
	log_message("audit_log: %s is no file", look->file->path);
	return false;
}

static void
close_file(struct look *look)
{
	if (look->descriptor < 0)
		return;
	if (fstat(look->descriptor, &look->file->seen) != 0)
		look->file->seen = (struct stat){0};
	(void)close(look->descriptor);
}

/* Nothing to write, and nobody else has touched it. */
static bool
is_settled(const struct look *look)
{
	const struct stat *seen = &look->file->seen;
	struct stat status;

	if (!audit_link_equal(&look->state.head, &look->state.copied))
		return false;
	if (stat(look->file->path, &status) != 0)
		return errno == ENOENT;
	return status.st_dev == seen->st_dev && status.st_ino == seen->st_ino &&
	       status.st_size == seen->st_size &&
	       status.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       status.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

static bool
write_all(const struct look *look, const char *bytes, size_t length)
{
	ssize_t written;

	while (length > 0) {
		written = write(look->descriptor, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return fail(look, "write");
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* Splits the file's end into its last whole line and what is behind it. */
static bool
read_tail(struct look *look)
{
	off_t size = lseek(look->descriptor, 0, SEEK_END);
	size_t length = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
	ssize_t got;
	const char *end;

	look->whole = TEXT_NONE;
	look->torn = TEXT_NONE;
	if (size < 0)
		return fail(look, "read");
	got = pread(look->descriptor, look->tail, length, size - (off_t)length);
	if (got < 0 || (size_t)got != length)
		return fail(look, "read");
	look->torn = (struct text){look->tail, length};
	end = memrchr(look->tail, '\n', length);
	if (end == NULL)
		return true;
	look->whole = (struct text){look->tail, (size_t)(end - look->tail)};
	look->torn = text_after(look->torn, look->whole.length + 1);
	end = memrchr(look->tail, '\n', look->whole.length);
	if (end != NULL)
		look->whole =
		    text_after(look->whole, (size_t)(end - look->tail) + 1);
	return true;
}

/* -- Lines of the store ---------------------------------------------------- */

struct wanted {
	char bytes[AUDIT_LINE_BYTES_MAX];
	struct text line; /* TEXT_NONE: the store does not have it */
};

static bool
find_line(const struct look *look, uint64_t sequence, struct wanted *wanted)
{
	enum store_result result;

	result = engine_audit_line(
	    look->file->engine, sequence, wanted->bytes, &wanted->line);
	return result == STORE_OK || fail_store(result);
}

struct gathering {
	struct audit_file *file;
	struct audit_link last; /* that is in the chunk */
	unsigned count;
	bool damaged;
};

static bool
gather(uint64_t sequence, struct text line, void *context)
{
	struct gathering *gathering = context;
	struct audit_file *file = gathering->file;
	struct digest previous;
	struct audit_link own;

	if (gathering->count == AUDIT_FORGOTTEN_MAX ||
	    line.length + 1 > sizeof(file->chunk) - file->used)
		return false;
	/* What cannot be right is kept in the store, where verify tells. */
	gathering->damaged = audit_read(line, &own, &previous) != AUDIT_OK ||
			     own.sequence != sequence ||
			     !audit_follows(&gathering->last, &own, &previous);
	if (gathering->damaged)
		return false;
	memcpy(file->chunk + file->used, line.bytes, line.length);
	file->used += line.length;
	file->chunk[file->used++] = '\n';
	gathering->last = own;
	gathering->count++;
	return true;
}

/* The next lines, after those that are copied; *last is the latest. */
static bool
fill_chunk(struct look *look, struct audit_link *last)
{
	struct gathering gathering = {
	    .file = look->file,
	    .last = look->state.copied,
	};
	enum store_result result;

	look->file->used = 0;
	result = engine_audit_lines(look->file->engine,
	    look->state.copied.sequence + 1, gather, &gathering);
	if (result == STORE_OK && gathering.damaged && gathering.count == 0)
		result = STORE_DAMAGED;
	if (result != STORE_OK)
		return fail_store(result);
	*last = gathering.last;
	return true;
}

/* -- After a power cut ----------------------------------------------------- */

/* What is behind the line that the store knows to be in the file. */
static struct text
behind_copied(const struct look *look, struct text end)
{
	struct text rest = end;
	struct digest previous;
	struct audit_link own;
	struct text line;
	const char *newline;

	while ((newline = memchr(rest.bytes, '\n', rest.length)) != NULL) {
		line =
		    (struct text){rest.bytes, (size_t)(newline - rest.bytes)};
		rest = text_after(rest, line.length + 1);
		if (audit_read(line, &own, &previous) == AUDIT_OK &&
		    audit_link_equal(&own, &look->state.copied))
			return rest;
	}
	/* Not there: a new file begins with the line that comes next. */
	return end;
}

/* Whether the rest of it, from `from` on, are bytes of ours or none at all. */
static bool
is_of_ours(const struct audit_file *file, struct text behind, size_t from)
{
	for (size_t i = from; i < behind.length; i++)
		if (behind.bytes[i] != '\0' &&
		    (i >= file->used || behind.bytes[i] != file->chunk[i]))
			return false;
	return true;
}

/*
 * Lines that were written and never flushed may be there in parts after a power
 * cut, some of the file's sectors still zeros, also where the last line is
 * whole.  The store has all of them: cut off at the first gap, the file goes on
 * as after any crash.
 */
static bool
cut_at_gap(struct look *look)
{
	struct audit_file *file = look->file;
	const off_t size = lseek(look->descriptor, 0, SEEK_END);
	const size_t length =
	    size < AUDIT_FILE_END_BYTES ? (size_t)size : AUDIT_FILE_END_BYTES;
	struct audit_link last;
	struct text behind;
	size_t same = 0;

	if (size < 0 || pread(look->descriptor, file->end, length,
			    size - (off_t)length) != (ssize_t)length)
		return fail(look, "read");
	if (!fill_chunk(look, &last))
		return false;
	behind = behind_copied(look, (struct text){file->end, length});
	while (same < behind.length && same < file->used &&
	       behind.bytes[same] == file->chunk[same])
		same++;
	if (same == behind.length || !is_of_ours(file, behind, same))
		return true;
	log_message("audit_log: %s: %zu bytes that were never flushed are "
		    "written again",
	    look->file->path, behind.length - same);
	return ftruncate(look->descriptor,
		   size - (off_t)(behind.length - same)) == 0 ||
	       fail(look, "cut");
}

/* -- From one to the other ------------------------------------------------- */

static bool
forget(struct look *look, const struct audit_link *last)
{
	engine_audit_forget(last, look->now, &look->file->command);
	if (!look->file->run(&look->file->command, look->file->context)) {
		log_message("audit_log: the store could not be told of line "
			    "%" PRIu64,
		    last->sequence);
		return false;
	}
	look->state.copied = *last;
	return true;
}

/*
 * The file is not what it was left as.  It is said in the log itself, and what
 * comes begins on a line of its own.
 */
static bool
report_broken(struct look *look, const char *how)
{
	struct command *command = &look->file->command;

	log_message("audit_log: %s: %s; run: intentctl audit verify",
	    look->file->path, how);
	engine_audit_note_command(look->file->engine, look->now,
	    TEXT("audit_file_broken"), text_of(how), command);
	if (!look->file->run(command, look->file->context))
		log_message("audit_log: that could not be written down");
	return look->torn.length == 0 || write_all(look, "\n", 1);
}

/*
 * The last whole line is the one that the store knows, or a later one that it
 * still has: written, and not told before a crash.
 */
static bool
join(struct look *look, const char **how)
{
	struct wanted wanted;
	struct digest previous;
	struct audit_link own;

	*how = NULL;
	if (look->whole.length == 0)
		return true;
	if (audit_read(look->whole, &own, &previous) != AUDIT_OK) {
		*how = "its last line is none of the log, or was altered";
		return true;
	}
	if (audit_link_equal(&own, &look->state.copied))
		return true;
	if (own.sequence < look->state.copied.sequence) {
		*how = "its end is missing";
		return true;
	}
	if (!find_line(look, own.sequence, &wanted))
		return false;
	*how = "it ends with a line that the store does not know";
	if (!text_equal(wanted.line, look->whole))
		return true;
	*how = NULL;
	/* It may be in the page cache alone. */
	if (fdatasync(look->descriptor) != 0)
		return fail(look, "flush");
	return forget(look, &own);
}

/* What a crash has cut is the beginning of the line that comes next. */
static bool
complete(struct look *look, const char **how)
{
	struct text torn = look->torn;
	struct wanted wanted;
	struct text line;

	if (torn.length == 0)
		return true;
	if (!find_line(look, look->state.copied.sequence + 1, &wanted))
		return false;
	line = wanted.line;
	if (line.length == 0 || !text_starts(line, torn)) {
		*how = "it ends in the middle of a line that is none of ours";
		return true;
	}
	line = text_after(line, torn.length);
	/* The next look at its end sees that the store still has the line. */
	return write_all(look, line.bytes, line.length) &&
	       write_all(look, "\n", 1) && read_tail(look) && join(look, how);
}

static bool
read_state(struct look *look)
{
	enum store_result result =
	    engine_audit_state(look->file->engine, &look->state);

	return result == STORE_OK || fail_store(result);
}

/* As nearly always: it is as the last look has left it. */
static bool
ends_with_copied(const struct look *look)
{
	struct digest previous;
	struct audit_link own;

	return look->torn.length == 0 && look->whole.length > 0 &&
	       audit_read(look->whole, &own, &previous) == AUDIT_OK &&
	       audit_link_equal(&own, &look->state.copied);
}

static bool
check_end(struct look *look)
{
	const char *how;

	if (!read_tail(look))
		return false;
	if (!ends_with_copied(look) && !(cut_at_gap(look) && read_tail(look)))
		return false;
	if (!join(look, &how))
		return false;
	if (how == NULL && !complete(look, &how))
		return false;
	/* What was said of it is copied at once, and is its end from now on. */
	return how == NULL || (report_broken(look, how) && read_state(look));
}

/* In two pieces, so that a test can end it between them. */
static bool
write_chunk(const struct look *look)
{
	const struct audit_file *file = look->file;
	const size_t half = file->used / 2;

	if (!write_all(look, file->chunk, half))
		return false;
	CRASH_POINT(AUDIT_TORN);
	if (!write_all(look, file->chunk + half, file->used - half))
		return false;
	CRASH_POINT(AUDIT_WROTE);
	return true;
}

/* All that there was at the beginning, so that it ends under load. */
static bool
copy(struct look *look)
{
	const uint64_t head = look->state.head.sequence;
	struct audit_link last;

	while (look->state.copied.sequence < head) {
		if (!fill_chunk(look, &last))
			return false;
		if (last.sequence == look->state.copied.sequence)
			return fail_store(STORE_DAMAGED);
		if (!write_chunk(look))
			return false;
		if (fdatasync(look->descriptor) != 0)
			return fail(look, "flush");
		CRASH_POINT(AUDIT_FLUSHED);
		if (!forget(look, &last))
			return false;
		CRASH_POINT(AUDIT_FORGOT);
	}
	return true;
}

static bool
look_at(struct look *look)
{
	if (!open_file(look))
		return false;
	/* Another server's sweeper may be at it, which is about to end. */
	if (flock(look->descriptor, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK || fail(look, "lock");
	return read_state(look) && check_end(look) && copy(look);
}

void
audit_file_look(struct audit_file *file, struct instant now)
{
	struct look look = {.file = file, .now = now, .descriptor = -1};
	assert(file->path[0] == '/');
	if (!read_state(&look) || is_settled(&look))
		return;
	(void)look_at(&look);
	close_file(&look);
}
