#include "app/data.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/identity.h"
#include "app/log.h"
#include "app/process.h"
#include "base/digest.h"
#include "engine/engine.h"
#include "engine/schema.h"
#include "engine/verify.h"
#include "store/faulty.h"
#include "store/lmdb.h"

enum {
	REGISTRATION_WAIT_MS = 7000,
	/* So seldom a process tells of damage in the same table again. */
	DAMAGE_SECONDS = 60
};

/* The store of this process, without faults; NULL: none. */
static struct store *opened;

static struct store *
open_store(const struct settings *settings, bool read_only)
{
	struct lmdb_options options = {.path = settings->store,
	    .map_bytes = (size_t)settings->store_bytes,
	    .map_bytes_max = (size_t)settings->store_bytes_max,
	    .readers = READERS_MAX,
	    .read_only = read_only};
	const char *reason = NULL;
	struct store *store, *faulty;
	enum store_result result = lmdb_open(&options, &store, &reason);

	/* Who may write needs no slot now: its reads wait for one. */
	if (result == STORE_FULL && read_only) {
		options.read_only = false;
		result = lmdb_open(&options, &store, &reason);
	}
	if (result == STORE_MISSING)
		log_message("%s: no such store; make one with: "
			    "intentctl --store %s init",
		    settings->store, settings->store);
	else if (result != STORE_OK)
		log_message("%s: %s", settings->store,
		    reason != NULL ? reason : store_result_name(result));
	opened = store;
	if (result != STORE_OK)
		return NULL;
	if (settings->faults[0] == '\0')
		return store;
	faulty = faulty_open(store, settings->faults);
	if (faulty == NULL) {
		log_message("faults: not a plan: %s", settings->faults);
		store_close(store);
		opened = NULL;
	}
	return faulty;
}

struct store *
data_open(const struct settings *settings)
{
	return open_store(settings, false);
}

struct store *
data_open_to_read(const struct settings *settings)
{
	return open_store(settings, settings->committers != 0);
}

int
data_clear_dead_readers(void)
{
	assert(opened != NULL);
	return lmdb_clear_dead_readers(opened);
}

/*
 * fcntl() and not flock(): its locks belong to a process, also where all have
 * inherited one open file.
 */
bool
data_lock(int lock)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(lock, F_SETLK, &whole) == 0)
		return true; /* kept until the process ends */
	log_message("committer: %s", errno == EAGAIN || errno == EACCES
					 ? "its predecessor is still at work"
					 : strerror(errno));
	return false;
}

/*
 * How long the registration of a webhook endpoint waits: for its ping's 5 s,
 * and for the ways there and back; but not until its worker is replaced.
 */
static int64_t
registration_wait_ms(const struct settings *settings)
{
	const int64_t patience_ms = settings->request_timeout_ms * 9 / 10;

	return patience_ms < REGISTRATION_WAIT_MS ? patience_ms
						  : REGISTRATION_WAIT_MS;
}

/* A row that every request meets shall not fill the log. */
static void
tell_damage(const struct finding *finding)
{
	static struct span next[TABLE_COUNT + 1];
	const unsigned kind = finding == NULL ? TABLE_COUNT : finding->table;
	const struct span now = clock_uptime();

	if (now.us < next[kind].us)
		return;
	next[kind].us = now.us + span_from_seconds(DAMAGE_SECONDS).us;
	if (finding == NULL)
		log_message("the store is damaged; run: intentctl verify");
	else
		log_message("the store is damaged: %s %s: %.*s; run: intentctl "
			    "verify",
		    table_name(finding->table), finding->row,
		    TEXT_PRINT(finding->sentence));
}

struct engine_options
data_engine_options(const struct process_context *context)
{
	const struct settings *settings = context->settings;
	const int64_t registration_ms = registration_wait_ms(settings);
	const int64_t rest_ms = settings->sandbox_latency_ms > registration_ms
				    ? settings->sandbox_latency_ms
				    : registration_ms;

	return (struct engine_options){
	    .sandbox_latency = span_from_ms(settings->sandbox_latency_ms),
	    .idempotency_wait = span_from_ms(settings->idempotency_wait_ms),
	    /*
	     * The longest life of a question: half as long again as a request
	     * may wait, for each of its two commits, and what it rests.
	     */
	    .request_timeout =
		span_from_ms(3 * settings->request_timeout_ms + rest_ms),
	    .registration_wait = span_from_ms(registration_ms),
	    .now = clock_now,
	    .damaged = tell_damage,
	    .latest = &context->board->latest_id};
}

void
data_tell_schema(const char *path, const struct schema *schema, char *to)
{
	const size_t size = DATA_SENTENCE_BYTES;
	const unsigned version = schema->version;

	switch (schema->state) {
	case SCHEMA_OWN:
		(void)snprintf(to, size, "%s: is this version's", path);
		break;
	case SCHEMA_NONE:
		(void)snprintf(to, size,
		    "%s: the store is not finished: run: intentctl --store %s "
		    "init",
		    path, path);
		break;
	case SCHEMA_OLDER:
		(void)snprintf(to, size,
		    "%s: an older version made this store (schema %u; this "
		    "one has %u): stop the server and run: intentctl --store "
		    "%s migrate",
		    path, version, (unsigned)SCHEMA_VERSION, path);
		break;
	case SCHEMA_NEWER:
		(void)snprintf(to, size,
		    "%s: a newer version made this store: install intentd of "
		    "schema %u or later (this one has %u)",
		    path, version, (unsigned)SCHEMA_VERSION);
		break;
	case SCHEMA_DAMAGED:
		(void)snprintf(to, size,
		    "%s: the store has no schema that is one, or lacks a "
		    "table: run: intentctl --store %s verify, or restore a "
		    "backup",
		    path, path);
		break;
	}
}

int
data_check(const struct settings *settings)
{
	char sentence[DATA_SENTENCE_BYTES];
	enum store_result result;
	struct schema schema;
	struct store *store;

	digest_start();
	store = data_open(settings);
	if (store == NULL)
		return 1;
	result = engine_read_schema(store, &schema);
	store_close(store);
	if (result == STORE_OK && schema.state == SCHEMA_OWN)
		return 0;
	if (result == STORE_OK) {
		data_tell_schema(settings->store, &schema, sentence);
		log_message("%s", sentence);
	} else {
		log_message(
		    "%s: %s", settings->store, store_result_name(result));
	}
	return 1;
}

bool
data_opens(const struct settings *settings)
{
	pid_t pid = fork();
	int status;

	/* As whoever is to work with it. */
	if (pid == 0)
		exit(identity_take(settings) ? data_check(settings) : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		log_message("fork: %s", strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status))
		log_message("%s: opening it ends with signal %d",
		    settings->store, WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
