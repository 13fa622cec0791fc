#include "app/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "api/encode.h"
#include "app/data.h"
#include "app/listener.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/probe.h"
#include "app/status.h"
#include "app/status_http.h"
#include "app/status_socket.h"
#include "app/supervisor.h"
#include "base/digest.h"
#include "engine/engine.h"
#include "store/store.h"

#define METHODS "GET, HEAD"

enum {
	/* Counters have a row for each route and code, and histograms. */
	BODY_BYTES = 4 << 20,
	/* The supervisor steps once a second; one that is late is not dead. */
	ALIVE_MS_MIN = 3000,
	/* How often it looks whether the others have ended. */
	LEAVING_LOOK_MS = 20,
	/* How often it tries again to listen. */
	RETRY_MS = 250,
	/*
	 * How often libmicrohttpd is called at least: after it had no file for
	 * a connection it listens again by that alone.
	 */
	CALL_MS = 1000,
};

struct monitor {
	const struct process_context *context; /* borrowed */
	struct status_socket socket;	       /* owned, as all below */
	struct status_http *http; /* NULL: it does not listen yet */
	struct store *store;
	struct engine *engine; /* NULL: the committer runs commands */
	struct probe probe;
	struct status *status;
	char *body;	  /* BODY_BYTES */
	struct text said; /* of the request, in a refusal; borrowed */
	bool leaving;
	bool complained; /* of why it does not listen */
};

/* -- What it answers ------------------------------------------------------- */

static struct buffer
body_of(struct monitor *monitor)
{
	struct buffer buffer;

	buffer_init(&buffer, monitor->body, BODY_BYTES);
	return buffer;
}

static void
gather(struct monitor *monitor)
{
	status_gather(monitor->context, monitor->store, monitor->status);
}

static bool
refuse_request(
    struct monitor *monitor, enum error_id id, struct status_answer *answer)
{
	struct encoding encoding = {.contract = &contract_card,
	    .public_url = text_of(monitor->context->settings->public_url)};
	struct buffer buffer = body_of(monitor);
	struct error error;

	error_clear(&error);
	(void)refuse_about(&error, id, TEXT_NONE, monitor->said, TEXT(METHODS));
	json_init(&encoding.writer, &buffer);
	encode_error(&encoding, &error);
	answer->status = error_words(id, CONTRACT_CARD)->status;
	answer->type = "application/json";
	answer->body = buffer_text(&buffer);
	answer->allow = id == ERROR_METHOD_NOT_ALLOWED ? METHODS : NULL;
	answer->try_after = id == ERROR_SERVICE_UNAVAILABLE ? "1" : NULL;
	return true;
}

/* {"status":word}, or that the service is unavailable. */
static bool
answer_word(struct monitor *monitor, bool good, struct text word,
    struct status_answer *answer)
{
	struct buffer buffer = body_of(monitor);
	struct json_writer writer;

	if (!good)
		return refuse_request(
		    monitor, ERROR_SERVICE_UNAVAILABLE, answer);
	json_init(&writer, &buffer);
	json_object_begin(&writer);
	json_name(&writer, TEXT("status"));
	json_string(&writer, word);
	json_object_end(&writer);
	answer->status = 200;
	answer->type = "application/json";
	answer->body = buffer_text(&buffer);
	return true;
}

static bool
answer_status(struct monitor *monitor, struct status_answer *answer)
{
	struct buffer buffer = body_of(monitor);

	gather(monitor);
	status_write(monitor->status, &buffer);
	answer->status = 200;
	answer->type = "application/json";
	answer->body = buffer_text(&buffer);
	return true;
}

static bool
answer_metrics(struct monitor *monitor, struct status_answer *answer)
{
	struct buffer buffer = body_of(monitor);

	gather(monitor);
	metrics_render(monitor->context->metrics, &buffer);
	status_write_gauges(monitor->status, &buffer);
	if (buffer.overflow)
		return refuse_request(monitor, ERROR_INTERNAL_ERROR, answer);
	answer->status = 200;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	answer->body = buffer_text(&buffer);
	return true;
}

/*
 * Whether there is one, and with `serves` one that has opened its store:
 * without that (restarts_max) nobody takes what the store would.
 */
static bool
has_worker(const struct process_context *context, bool serves)
{
	const struct process_status *place = context->board->places;

	for (unsigned i = 0; i < context->place_count; i++, place++)
		if (place->pid != 0 &&
		    (!serves || place->service == PROCESS_SERVES) &&
		    strcmp(process_kind_name(place->kind), "worker") == 0)
			return true;
	return false;
}

/* Looks at the board alone: anybody may ask, and often. */
static bool
answer_healthz(struct monitor *monitor, struct status_answer *answer)
{
	const struct board *board = monitor->context->board;
	const int64_t step_ms = monitor->context->settings->request_timeout_ms;
	const struct span bound =
	    span_from_ms(step_ms > ALIVE_MS_MIN ? step_ms : ALIVE_MS_MIN);
	const int64_t alive_us = board->alive_us;
	const bool alive =
	    alive_us != 0 && clock_uptime().us - alive_us < bound.us;

	return answer_word(monitor,
	    alive && has_worker(monitor->context, false), TEXT("ok"), answer);
}

static bool
answer_readyz(struct monitor *monitor, struct status_answer *answer)
{
	const struct board *board = monitor->context->board;
	enum probe_result result = PROBE_FAILED;

	if (board->stopping == 0 && !monitor->leaving &&
	    has_worker(monitor->context, true))
		result = probe_ask(&monitor->probe);
	return result != PROBE_PENDING &&
	       answer_word(
		   monitor, result == PROBE_WRITTEN, TEXT("ready"), answer);
}

static const struct answerer {
	struct text path;
	bool (*answer)(struct monitor *, struct status_answer *);
} answerers[] = {
    {{"/status", 7}, answer_status},
    {{"/metrics", 8}, answer_metrics},
    {{"/healthz", 8}, answer_healthz},
    {{"/readyz", 7}, answer_readyz},
};

static bool
handle(void *context, struct text method, struct text path,
    struct status_answer *answer)
{
	struct monitor *monitor = context;

	monitor->said = path;
	for (size_t i = 0; i < sizeof(answerers) / sizeof(answerers[0]); i++) {
		if (!text_equal(answerers[i].path, path))
			continue;
		if (!text_equal(method, TEXT("GET")) &&
		    !text_equal(method, TEXT("HEAD"))) {
			monitor->said = method;
			return refuse_request(
			    monitor, ERROR_METHOD_NOT_ALLOWED, answer);
		}
		return answerers[i].answer(monitor, answer);
	}
	return refuse_request(monitor, ERROR_ROUTE_NOT_FOUND, answer);
}

/* -- The process ----------------------------------------------------------- */

/*
 * Where it cannot listen it tries again, and does not end: what is wrong with
 * the status is nobody else's trouble.
 */
static void
listen_if_possible(struct monitor *monitor)
{
	const struct settings *settings = monitor->context->settings;
	struct status_http_options options = {
	    .timeout_s =
		(unsigned)(settings->connection_timeout_ms + 999) / 1000,
	    .handle = handle,
	    .context = monitor,
	};

	if (monitor->http != NULL)
		return;
	if (!status_socket_open(&monitor->socket, settings->status,
		listener_group(monitor->context->listener))) {
		if (!monitor->complained)
			log_message("status: %s: %s", settings->status,
			    strerror(errno));
		monitor->complained = true;
		return;
	}
	options.listener = monitor->socket.file;
	monitor->http = status_http_open(&options);
	if (monitor->http == NULL)
		status_socket_close(&monitor->socket);
}

static bool
open_monitor(struct monitor *monitor, const struct process_context *context)
{
	struct engine_options options = data_engine_options(context);

	*monitor = (struct monitor){.context = context, .socket.file = -1};
	digest_start();
	monitor->status = calloc(1, sizeof(*monitor->status));
	monitor->body = malloc(BODY_BYTES);
	monitor->store = data_open_to_read(context->settings);
	if (monitor->status == NULL || monitor->body == NULL ||
	    monitor->store == NULL)
		return false;
	options.store = monitor->store;
	if (context->committer == NULL)
		monitor->engine = engine_open(&options);
	return (context->committer != NULL || monitor->engine != NULL) &&
	       probe_open(&monitor->probe, context, monitor->engine);
}

static void
close_monitor(struct monitor *monitor)
{
	status_http_close(monitor->http);
	status_socket_close(&monitor->socket);
	probe_close(&monitor->probe);
	engine_close(monitor->engine);
	if (monitor->store != NULL)
		store_close(monitor->store);
	free(monitor->body);
	free(monitor->status);
}

/*
 * All but the committer, which ends last, and other monitors, which would wait
 * for this one in turn.
 */
static bool
others_run(const struct process_context *context)
{
	const struct process_status *place = context->board->places;

	for (unsigned i = 0; i < context->place_count; i++, place++)
		if (place->pid != 0 && place != context->committer &&
		    place->kind != context->status->kind)
			return true;
	return false;
}

/* One of a server that goes on is replaced; else it stays to the end. */
static bool
is_done(const struct monitor *monitor)
{
	if (monitor->engine != NULL && engine_is_lost(monitor->engine))
		return true;
	return monitor->leaving && (monitor->context->board->stopping == 0 ||
				       !others_run(monitor->context));
}

static int64_t
least(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* How long nothing is to be done, in milliseconds. */
static int
wait_ms(struct monitor *monitor)
{
	const struct span until = probe_until(&monitor->probe);
	int64_t left = -1;

	if (monitor->http == NULL)
		left = RETRY_MS;
	else
		left = least(status_http_timeout_ms(monitor->http), CALL_MS);
	if (until.us != 0)
		left = least(
		    left, until.us <= clock_uptime().us
			      ? 0
			      : (until.us - clock_uptime().us) / 1000 + 1);
	if (monitor->leaving)
		left = least(left, LEAVING_LOOK_MS);
	return (int)left;
}

static void
serve(struct monitor *monitor)
{
	const struct process_context *context = monitor->context;
	const int bell = context->bells[context->owner];
	struct pollfd files[] = {
	    {.fd = bell, .events = POLLIN},
	    {.fd = monitor->leaving ? -1 : context->stop, .events = POLLIN},
	    {.fd = monitor->http == NULL ? -1 : status_http_file(monitor->http),
		.events = POLLIN},
	};

	(void)poll(files, sizeof(files) / sizeof(files[0]), wait_ms(monitor));
	process_busy(context->status);
	if ((files[1].revents & POLLIN) != 0)
		monitor->leaving = true;
	process_hear(bell);
	listen_if_possible(monitor);
	if (monitor->http != NULL) {
		if (probe_look(&monitor->probe) != PROBE_PENDING)
			status_http_resume(monitor->http);
		status_http_run(monitor->http);
	}
	process_idle(context->status);
}

int
monitor_run(const struct process_context *context)
{
	static struct monitor monitor;
	bool opened;

	/* In ps and top it is none of the workers. */
	(void)prctl(PR_SET_NAME, "intentd-monitor");
	opened = open_monitor(&monitor, context);
	if (opened) {
		listen_if_possible(&monitor);
		process_serves(context);
		while (!is_done(&monitor))
			serve(&monitor);
	}
	close_monitor(&monitor);
	return opened ? 0 : 1;
}
