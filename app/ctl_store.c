/*
 * The store of a call: made, opened, closed; and how its failures are told.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/ctl.h"
#include "app/ctl_help.h"
#include "app/ctl_options.h"
#include "app/data.h"
#include "engine/schema.h"
#include "store/lmdb.h"

/* A line of standard error, without its end. */
static void
say(const char *format, va_list list)
{
	fputs("intentctl: ", stderr);
	vfprintf(stderr, format, list);
}

enum ctl_status
ctl_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(format, list);
	va_end(list);
	fputc('\n', stderr);
	return CTL_REFUSED;
}

enum ctl_status
ctl_misuse(const struct ctl_command *command, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(format, list);
	va_end(list);
	fputc('\n', stderr);
	ctl_print_usage(command, stderr);
	return CTL_MISUSED;
}

enum ctl_status
ctl_refuse(const struct error *error)
{
	char bytes[1024];
	struct buffer message;
	char option[ERROR_PARAM_BYTES_MAX];

	if (error->id == ERROR_SERVICE_UNAVAILABLE)
		return ctl_fail("the store cannot be used at present, or is "
				"full; nothing was done");
	if (error->id == ERROR_INTERNAL_ERROR)
		return ctl_fail("the store failed; look whether it was done "
				"before you try again, and run: intentctl "
				"verify");
	ctl_option_name(text_of(error->param), option, sizeof(option));
	if (error->id == ERROR_PARAMETER_INVALID &&
	    ctl_option_named(text_of(option)) < OPTION_COUNT)
		return ctl_fail("--%s: %s", option, error->detail);
	buffer_init(&message, bytes, sizeof(bytes));
	/* Some refusals only the other contract has words for. */
	error_message(error,
	    error_words(error->id, CONTRACT_CARD)->status != 0
		? CONTRACT_CARD
		: CONTRACT_STABLE,
	    &message);
	return ctl_fail("%.*s", TEXT_PRINT(buffer_text(&message)));
}

enum ctl_status
ctl_fail_store(enum store_result result)
{
	return ctl_fail("the store cannot be read: %s%s",
	    store_result_name(result),
	    result == STORE_DAMAGED ? "; run: intentctl verify" : "");
}

/*
 * Beyond its bound, in a store that is full: what purge writes to free pages,
 * and what new tables take.
 */
enum { RESERVE_BYTES = 16 * 1024 * 1024 };

static enum store_result
open_store(struct call *call, bool create, const char **reason)
{
	const bool purges = (call->noted & CTL_OPTION(YES)) != 0;
	const struct settings *settings = &call->settings;
	const struct lmdb_options options = {
	    .path = settings->store,
	    /* One that is there is as long as its server has made it. */
	    .map_bytes = create ? (size_t)settings->store_bytes : 0,
	    .map_bytes_max = (size_t)settings->store_bytes_max +
			     (purges ? RESERVE_BYTES : 0),
	    .readers = READERS_MAX,
	    .create = create,
	};

	return lmdb_open(&options, &call->store, reason);
}

static enum ctl_status
fail_open(const struct call *call, enum store_result result, const char *reason)
{
	const char *path = call->settings.store;

	if (result == STORE_MISSING)
		return ctl_fail("%s: there is no store; make one with: "
				"intentctl --store %s init",
		    path, path);
	return ctl_fail("%s: %s", path, reason);
}

enum ctl_status
ctl_check_schema(const struct call *call)
{
	char sentence[DATA_SENTENCE_BYTES];
	enum store_result result;
	struct schema schema;

	result = engine_read_schema(call->store, &schema);
	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (schema.state == SCHEMA_OWN)
		return CTL_OK;
	data_tell_schema(call->settings.store, &schema, sentence);
	return ctl_fail("%s", sentence);
}

enum ctl_status
ctl_lock(struct call *call)
{
	const char *path = call->settings.store;
	enum store_result result;
	int holder;

	result = lmdb_lock(path, &call->lock, &holder);
	if (result == STORE_CONFLICT && holder > 0)
		return ctl_fail("%s: process %d has the store open: stop the "
				"server first",
		    path, holder);
	if (result == STORE_CONFLICT)
		return ctl_fail("%s: another process has the store open: stop "
				"the server first",
		    path);
	return result == STORE_OK ? CTL_OK
				  : ctl_fail("%s: %s", path, strerror(errno));
}

enum ctl_status
ctl_open_alone(struct call *call, bool create)
{
	const struct settings *settings = &call->settings;
	struct lmdb_options options = {
	    .path = settings->store,
	    .map_bytes_max = (size_t)settings->store_bytes_max,
	    .readers = 1,
	    .create = create,
	    .alone = true,
	};
	enum store_result result;
	struct stat file;
	const char *reason;

	if (stat(settings->store, &file) != 0)
		return errno == ENOENT ? fail_open(call, STORE_MISSING, "")
				       : ctl_fail("%s: %s", settings->store,
					     strerror(errno));
	if (create) {
		options.map_bytes = (size_t)file.st_size + RESERVE_BYTES;
		options.map_bytes_max += RESERVE_BYTES;
	}
	if (call->lock <= 0 && ctl_lock(call) != CTL_OK)
		return CTL_REFUSED;
	result = lmdb_open(&options, &call->store, &reason);
	return result == STORE_OK ? CTL_OK : fail_open(call, result, reason);
}

/*
 * `intentctl:NAME(uid)`, and who says to have become that by sudo(8).
 */
static void
name_actor(struct call *call)
{
	const uid_t uid = getuid();
	const struct passwd *user = getpwuid(uid);
	const char *sudo = getenv("SUDO_USER");
	const char *name = user != NULL ? user->pw_name : "";

	(void)snprintf(call->actor, sizeof(call->actor), "intentctl:%.32s(%u)",
	    name, (unsigned)uid);
	if (sudo != NULL && sudo[0] != '\0')
		(void)snprintf(call->actor + strlen(call->actor),
		    sizeof(call->actor) - strlen(call->actor), ",sudo:%.32s",
		    sudo);
}

static enum ctl_status
open_engine(struct call *call)
{
	struct engine_options options = {
	    .store = call->store, .now = clock_now};

	name_actor(call);
	options.actor = text_of(call->actor);
	call->engine = engine_open(&options);
	return call->engine != NULL ? CTL_OK : ctl_fail("there is no memory");
}

enum ctl_status
ctl_note(struct call *call, const char *what, const char *detail)
{
	enum error_id id;

	if (call->engine == NULL && open_engine(call) != CTL_OK)
		return CTL_REFUSED;
	id = engine_audit_note(
	    call->engine, clock_now(), text_of(what), text_of(detail));
	return id == ERROR_NONE
		   ? CTL_OK
		   : ctl_fail("the audit log could not be written");
}

enum ctl_status
ctl_open(struct call *call, enum ctl_store store)
{
	enum ctl_status status = CTL_OK;
	enum store_result result;
	const char *reason;

	if (store == CTL_STORE_NONE)
		return CTL_OK;
	result = open_store(call, false, &reason);
	if (result != STORE_OK)
		return fail_open(call, result, reason);
	if (store == CTL_STORE_READY)
		status = ctl_check_schema(call);
	return status == CTL_OK ? open_engine(call) : status;
}

void
ctl_close(struct call *call)
{
	engine_close(call->engine);
	if (call->store != NULL)
		store_close(call->store);
	call->engine = NULL;
	call->store = NULL;
}

enum ctl_status
ctl_run(struct call *call)
{
	const struct outcome *outcome = &call->outcome;

	engine_run(call->engine, &call->command, &call->outcome);
	if (outcome->error.id != ERROR_NONE)
		return ctl_refuse(&outcome->error);
	output_object(&call->output, outcome_objects(outcome),
	    call->command.scope.mode == MODE_LIVE, outcome->secret);
	return CTL_OK;
}

static void
print_init(struct call *call, bool created)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("%s: %s\n", call->settings.store,
		    created ? "the store is made"
			    : "the store is there already");
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("store"));
	json_name(writer, TEXT("created"));
	json_boolean(writer, created);
	json_object_end(writer);
	output_end(&call->output);
}

/* Also finishes a store whose making was interrupted. */
enum ctl_status
ctl_init(struct call *call)
{
	enum store_result result;
	const char *reason;

	result = open_store(call, false, &reason);
	if (result == STORE_MISSING)
		result = open_store(call, true, &reason);
	if (result != STORE_OK)
		return fail_open(call, result, reason);
	if (engine_check_store(call->store) == STORE_OK) {
		print_init(call, false);
		return CTL_OK;
	}
	result = engine_init_store(call->store);
	if (result == STORE_DAMAGED)
		return ctl_check_schema(call);
	if (result != STORE_OK)
		return ctl_fail("%s: the store cannot be written: %s",
		    call->settings.store, store_result_name(result));
	print_init(call, true);
	return ctl_note(call, "store_init", "");
}
