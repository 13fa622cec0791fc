/*
 * Payment intents from elsewhere: a file's lines, many in one transaction.
 *
 * A batch is read and decoded before the store is locked, so that a slow pipe
 * keeps nobody waiting, and is written as a whole.  Where it does not fit,
 * parts of it are tried, so that a store that is full is full.
 *
 * A refusal that has an effect over the API has it here, too, where refused
 * lines are skipped: a declined payment is there, with its charge.  Where
 * they are not, nothing of the batch is.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/ctl_find.h"
#include "app/gauge.h"
#include "app/import_line.h"
#include "app/lines.h"
#include "engine/import.h"

enum {
	BATCH_LINES_DEFAULT = 1000,
	/*
	 * A line is written to some ten places, each of which may change a
	 * page of its own, and a transaction can change some 130,000; a text
	 * is written up to eight times.
	 */
	BATCH_BYTES_MAX = 8 * 1024 * 1024,
};

/* Decoded, and not yet written. */
struct batch {
	const struct command *commands[IMPORT_BATCH_MAX]; /* in `bytes` */
	uint64_t numbers[IMPORT_BATCH_MAX];		  /* of their lines */
	size_t count;
	size_t used;	 /* of `bytes` */
	size_t reported; /* commands up to here that were refused are told */
	_Alignas(max_align_t)
	    uint8_t bytes[BATCH_BYTES_MAX + sizeof(struct command)];
};

struct tally {
	uint64_t created, replayed, refused;
};

struct import {
	struct call *call;
	const char *path;
	struct lines lines;
	struct import_reader reader;
	struct gauge gauge;
	struct command command; /* of one line */
	struct batch batch;
	uint64_t limit;	    /* lines of a batch */
	uint64_t from;	    /* the first line that counts */
	uint64_t settled;   /* all lines up to it are in the store or skipped */
	struct tally total; /* of what is in the store */
	struct tally tried; /* of the part that is being written */
	size_t part_first;  /* of that part */
	bool ended;	    /* there are no more lines */
	struct instant now; /* never backwards */
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* The first one ends it between two batches, the second one at once. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = interrupt};

	action.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Says how far it came; always CTL_REFUSED. */
static enum ctl_status
stop(struct import *import, const char *why)
{
	gauge_clear(&import->gauge);
	if (import->settled < import->from)
		return ctl_fail(
		    "%s: %s; nothing was imported", import->path, why);
	return ctl_fail("%s: %s; all up to line %" PRIu64
			" is imported: go on with --from %" PRIu64,
	    import->path, why, import->settled, import->settled + 1);
}

static void
report(struct import *import, uint64_t number, const struct error *error)
{
	struct text code = error_words(error->id, CONTRACT_CARD)->code;
	char param[ERROR_VALUE_BYTES_MAX];
	char bytes[1024];
	struct buffer message;

	buffer_init(&message, bytes, sizeof(bytes));
	error_message(error, CONTRACT_CARD, &message);
	error_param_shown(error, CONTRACT_CARD, param);
	gauge_clear(&import->gauge);
	fprintf(stderr, "%s:%" PRIu64 ": %.*s: %.*s", import->path, number,
	    TEXT_PRINT(code), TEXT_PRINT(buffer_text(&message)));
	if (param[0] != '\0')
		fprintf(stderr, " (%s)", param);
	fputc('\n', stderr);
}

/* -- Reading -------------------------------------------------------------- */

static bool
batch_is_full(const struct import *import)
{
	return import->batch.count >= import->limit ||
	       import->batch.used >= BATCH_BYTES_MAX;
}

static void
batch_add(struct import *import)
{
	struct batch *batch = &import->batch;
	size_t size = command_size(&import->command);
	uint8_t *place = batch->bytes + batch->used;

	assert(batch->count < IMPORT_BATCH_MAX);
	assert(size <= sizeof(batch->bytes) - batch->used);
	memcpy(place, &import->command, size);
	batch->commands[batch->count] = (const struct command *)place;
	batch->numbers[batch->count] = import->lines.number;
	batch->count++;
	batch->used += (size + _Alignof(max_align_t) - 1) /
		       _Alignof(max_align_t) * _Alignof(max_align_t);
}

/* A line that counts; false where it ends the import. */
static bool
take_line(struct import *import, enum lines_result found, struct text line)
{
	uint64_t number = import->lines.number;
	struct error error;

	if (found == LINES_LINE && import_is_blank(line))
		return true;
	error_clear(&error);
	if (found == LINES_TOO_LONG)
		refuse(&error, ERROR_REQUEST_TOO_LARGE);
	else if (import_read(&import->reader, line, number, import->now,
		     &import->command, &error)) {
		batch_add(import);
		return true;
	}
	report(import, number, &error);
	import->total.refused++;
	return import->call->skip_refused;
}

/* The next batch; CTL_REFUSED when it has said what ends the import. */
static enum ctl_status
gather(struct import *import)
{
	struct lines *lines = &import->lines;
	enum lines_result found;
	struct text line;

	import->batch.count = 0;
	import->batch.used = 0;
	import->batch.reported = 0;
	while (!batch_is_full(import)) {
		found = lines_next(lines, &line);
		if (interrupted)
			return stop(import, "interrupted");
		if (found == LINES_FAILED)
			return stop(import, strerror(errno));
		import->ended = found == LINES_END;
		if (import->ended)
			break;
		if (lines->number > IMPORT_LINES_MAX)
			return stop(import, "it has too many lines");
		if (lines->number < import->from)
			continue;
		if (lines->number == import->from)
			gauge_begin(&import->gauge, lines->bytes);
		if (!take_line(import, found, line))
			return stop(import, "it ends at a refused line");
	}
	return CTL_OK;
}

/* -- Writing -------------------------------------------------------------- */

static bool
see_outcome(size_t index, const struct outcome *outcome, void *context)
{
	struct import *import = context;
	struct batch *batch = &import->batch;
	size_t at = import->part_first + index;

	if (outcome->error.id == ERROR_NONE) {
		if (outcome->replayed)
			import->tried.replayed++;
		else
			import->tried.created++;
		return true;
	}
	import->tried.refused++;
	/* A part may be tried again, and is told of once. */
	if (at >= batch->reported) {
		report(import, batch->numbers[at], &outcome->error);
		batch->reported = at + 1;
	}
	return import->call->skip_refused;
}

static enum ctl_status
fail_write(struct import *import, enum store_result result)
{
	if (result == STORE_FULL)
		return stop(import, "the store is full");
	if (result != STORE_UNKNOWN)
		return stop(
		    import, result == STORE_DAMAGED
				? "the store is damaged: run: intentctl verify"
				: "the store cannot be written at present");
	return stop(import,
	    "the store failed, and may have the next batch or not: look "
	    "before you go on");
}

static void
settle(struct import *import, size_t done)
{
	const struct batch *batch = &import->batch;

	import->total.created += import->tried.created;
	import->total.replayed += import->tried.replayed;
	import->total.refused += import->tried.refused;
	import->tried = (struct tally){0};
	/* Behind the last command nothing is left but what was skipped. */
	import->settled = done == batch->count ? import->lines.number
					       : batch->numbers[done] - 1;
}

/* What of the batch cannot be written at once is written in parts. */
static enum ctl_status
write_batch(struct import *import)
{
	struct batch *batch = &import->batch;
	size_t size = batch->count;
	enum store_result result;
	size_t done = 0;
	bool refused;

	import->tried = (struct tally){0};
	while (done < batch->count) {
		if (size > batch->count - done)
			size = batch->count - done;
		import->tried = (struct tally){0};
		import->part_first = done;
		result =
		    engine_import(import->call->engine, batch->commands + done,
			size, see_outcome, import, &refused);
		if (engine_make_room(import->call->engine, result))
			continue;
		if (result == STORE_FULL && size > 1) {
			size /= 2;
			continue;
		}
		if (result != STORE_OK)
			return fail_write(import, result);
		if (refused)
			return stop(import, "it ends at a refused line");
		done += size;
		settle(import, done);
	}
	/* Also of a batch that has no commands. */
	settle(import, done);
	return CTL_OK;
}

static enum ctl_status
import_all(struct import *import)
{
	enum ctl_status status = CTL_OK;

	while (status == CTL_OK && !import->ended) {
		struct instant now = clock_now();

		if (instant_before(import->now, now))
			import->now = now;
		status = gather(import);
		if (status == CTL_OK)
			status = write_batch(import);
		/* What is passed over is no work. */
		if (status == CTL_OK && import->lines.number >= import->from)
			gauge_show(&import->gauge, import->lines.bytes,
			    import->lines.number - (import->from - 1));
	}
	return status;
}

/* -- The call ------------------------------------------------------------- */

/* Whose intents they become: as a key of the account, or of a merchant. */
static enum ctl_status
find_scope(struct call *call)
{
	struct scope *scope = &call->command.scope;
	struct id default_merchant;
	enum ctl_status status;
	struct id account;

	if (scope->mode == MODE_NONE)
		scope->mode = MODE_TEST;
	scope->merchant_bound = id_is_set(scope->merchant);
	if (scope->merchant_bound) {
		status = find_merchant(call, scope->merchant, &account);
		if (status != CTL_OK)
			return status;
		if (!id_is_set(account) ||
		    (id_is_set(scope->account) &&
			!id_equal(scope->account, account)))
			return ctl_fail("--merchant: there is no such "
					"merchant of this account");
		scope->account = account;
	}
	status = find_account(call, &default_merchant);
	if (status != CTL_OK || scope->merchant_bound)
		return status;
	scope->merchant = default_merchant;
	return id_is_set(default_merchant)
		   ? CTL_OK
		   : ctl_fail("the account has no merchant yet; make one "
			      "first: intentctl merchant create --name NAME");
}

static void
print_tally(struct call *call, const struct tally *total)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("import: %" PRIu64 " created, %" PRIu64
		       " replayed, %" PRIu64 " refused\n",
		    total->created, total->replayed, total->refused);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("import"));
	json_name(writer, TEXT("created"));
	json_integer(writer, (int64_t)total->created);
	json_name(writer, TEXT("replayed"));
	json_integer(writer, (int64_t)total->replayed);
	json_name(writer, TEXT("refused"));
	json_integer(writer, (int64_t)total->refused);
	json_object_end(writer);
	output_end(&call->output);
}

/* How many bytes can be read from here on; 0: not known. */
static uint64_t
bytes_ahead(int descriptor)
{
	struct stat status;
	off_t at;

	if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
		return 0;
	at = lseek(descriptor, 0, SEEK_CUR);
	return at >= 0 && at < status.st_size ? (uint64_t)(status.st_size - at)
					      : 0;
}

static enum ctl_status
import_from(struct call *call, int descriptor)
{
	static struct import import;
	enum ctl_status status;

	import.call = call;
	import.path = call->operand;
	import.limit =
	    call->command.limit > 0 ? call->command.limit : BATCH_LINES_DEFAULT;
	import.from = call->from > 0 ? call->from : 1;
	lines_init(&import.lines, descriptor);
	import_reader_init(&import.reader, call->engine, &call->command.scope);
	gauge_init(&import.gauge, bytes_ahead(descriptor));
	catch_signals();
	status = import_all(&import);
	if (status != CTL_OK)
		return status;
	if (import.lines.number < import.from - 1) {
		gauge_clear(&import.gauge);
		return ctl_fail("--from: %s has no more than %" PRIu64 " lines",
		    import.path, import.lines.number);
	}
	gauge_end(&import.gauge, import.lines.bytes,
	    import.lines.number - (import.from - 1));
	print_tally(call, &import.total);
	return CTL_OK;
}

enum ctl_status
ctl_import(struct call *call)
{
	const char *path = call->operand;
	enum ctl_status status = find_scope(call);
	int descriptor = STDIN_FILENO;

	if (status != CTL_OK)
		return status;
	if (strcmp(path, "-") != 0)
		descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0)
		return ctl_fail("%s: %s", path, strerror(errno));
	status = import_from(call, descriptor);
	if (descriptor != STDIN_FILENO)
		(void)close(descriptor);
	return status;
}
