#include "app/worker.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/handle.h"
#include "api/rate.h"
#include "app/data.h"
#include "app/fastcgi.h"
#include "app/log.h"
#include "app/service.h"
#include "app/tasks.h"
#include "base/digest.h"
#include "base/heap.h"
#include "engine/engine.h"

/* How soon a worker without connections looks at the time. */
enum { BELL_WAIT_MS = 50 };

struct worker {
	const struct process_context *context; /* borrowed */
	struct store *store;		       /* owned, as all below */
	struct fastcgi *fastcgi;
	struct service service;
	struct tasks tasks;
	bool draining;
};

static void
open_service(struct worker *worker, struct engine *engine)
{
	const struct process_context *context = worker->context;

	worker->service = service_of(context->settings);
	worker->service.engine = engine;
	worker->service.rates = context->rates;
	worker->service.route = &context->status->route;
}

static bool
open_engine(struct worker *worker)
{
	const struct settings *settings = worker->context->settings;
	struct engine_options options = data_engine_options(worker->context);

	worker->store = data_open_to_read(settings);
	if (worker->store == NULL)
		return false;
	options.store = worker->store;
	open_service(worker, engine_open(&options));
	if (worker->service.engine == NULL)
		log_message("no memory for the engine");
	return worker->service.engine != NULL;
}

static bool
open_worker(struct worker *worker, const struct process_context *context)
{
	const struct settings *settings = context->settings;
	const struct fastcgi_options options = {
	    .listener = context->listener,
	    .stop = context->stop,
	    .bell = context->bells[context->owner],
	    .metrics = process_metrics(context),
	    .connections_max = (unsigned)settings->connections,
	    .timeout = span_from_ms(settings->connection_timeout_ms),
	};

	*worker = (struct worker){.context = context};
	digest_start();
	if (!tasks_open(&worker->tasks, context, &worker->service) ||
	    !open_engine(worker))
		return false;
	worker->fastcgi = fastcgi_open(&options);
	worker->tasks.fastcgi = worker->fastcgi;
	return true;
}

static void
close_worker(struct worker *worker)
{
	fastcgi_close(worker->fastcgi);
	engine_close(worker->service.engine);
	store_close(worker->store);
	tasks_close(&worker->tasks);
}

/*
 * Takes no more connections, and gives those up that there are: each after
 * its next answer, and with `at_once` those that are idle.
 */
static void
drain(struct worker *worker, bool at_once)
{
	if (!worker->draining) {
		fastcgi_drain(worker->fastcgi);
		/* What is lost is a death, with all that follows from one. */
		if (!engine_is_lost(worker->service.engine))
			process_retires(worker->context);
	}
	worker->draining = true;
	if (at_once)
		fastcgi_hang_up(worker->fastcgi);
}

/*
 * Somebody wants it to end.  Where the server goes on without it, idle
 * connections are left to the web server, which may be about to use one.
 */
static void
hear_stop(struct worker *worker)
{
	const struct process_context *context = worker->context;
	struct signalfd_siginfo signal;

	while (read(context->stop, &signal, sizeof(signal)) == sizeof(signal))
		continue;
	drain(worker, context->board->stopping != 0);
}

/* Enough requests; the workers do not leave all together. */
static bool
is_worn_out(const struct worker *worker)
{
	const struct settings *settings = worker->context->settings;
	int64_t max = settings->max_requests;
	int64_t turn = (worker->context->number - 1) % settings->workers;

	return max > 0 && worker->tasks.begun >=
			      max + max * turn / (2 * settings->workers);
}

static bool
is_done(const struct worker *worker)
{
	return worker->draining && fastcgi_connections(worker->fastcgi) == 0 &&
	       tasks_are_done(&worker->tasks);
}

/* Without connections, for the outcome of what clients no longer wait for. */
static enum fastcgi_event
wait_for_bell(const struct worker *worker)
{
	struct pollfd bell = {
	    .fd = worker->context->bells[worker->context->owner],
	    .events = POLLIN};

	return poll(&bell, 1, BELL_WAIT_MS) > 0 ? FASTCGI_BELL : FASTCGI_TIME;
}

static void
serve(struct worker *worker)
{
	struct connection *connection;
	enum fastcgi_event event;

	if (worker->draining && fastcgi_connections(worker->fastcgi) == 0)
		event = wait_for_bell(worker);
	else
		event = fastcgi_wait(worker->fastcgi,
		    tasks_have_room(&worker->tasks),
		    tasks_next_time(&worker->tasks), &connection);
	process_busy(worker->context->status);
	switch (event) {
	case FASTCGI_REQUEST:
		tasks_begin(&worker->tasks, connection);
		break;
	case FASTCGI_BELL:
		process_hear(worker->context->bells[worker->context->owner]);
		tasks_hear(&worker->tasks);
		break;
	case FASTCGI_STOP:
		hear_stop(worker);
		break;
	case FASTCGI_TIME:
		break;
	}
	tasks_look_at_the_time(&worker->tasks);
	if (is_worn_out(worker))
		drain(worker, false);
	if (engine_is_lost(worker->service.engine) && !worker->draining) {
		log_message("the store has to be opened anew: starting anew");
		drain(worker, true);
	}
	atomic_store_explicit(&worker->context->status->connections,
	    fastcgi_connections(worker->fastcgi), memory_order_relaxed);
	log_look();
	process_idle(worker->context->status);
}

int
worker_run(const struct process_context *context)
{
	struct worker worker;
	bool lost;

	if (!open_worker(&worker, context))
		return 1;
	heap_close();
	tasks_hear(&worker.tasks);
	process_serves(context);
	while (!is_done(&worker))
		serve(&worker);
	lost = engine_is_lost(worker.service.engine);
	close_worker(&worker);
	return lost ? 1 : 0;
}
