#include "app/worker.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "api/handle.h"
#include "api/rate.h"
#include "app/data.h"
#include "app/fastcgi.h"
#include "app/log.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/heap.h"
#include "engine/engine.h"

enum {
	/*
	 * Addresses, not memory.  Half of it is for the answer, of which the
	 * longest is a page of 100 intents with all the metadata there can
	 * be, shown once more with each of ten charges: below 140 MB.
	 */
	ARENA_BYTES = 512 << 20,
	/* A request that used more gives its pages back to the host. */
	ARENA_KEPT_BYTES = 1 << 20,
};

struct worker {
	const struct process_context *context; /* borrowed */
	struct store *store;		       /* owned */
	struct fastcgi *fastcgi;	       /* owned */
	struct arena arena;
	struct service service;
	int64_t requests_left; /* before it drains; below 0: no bound */
	bool draining;
};

static bool
open_arena(struct arena *arena)
{
	void *memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		log_message("no memory for requests: %s", strerror(errno));
		return false;
	}
	arena_init(arena, memory, ARENA_BYTES);
	return true;
}

static void
open_service(struct worker *worker, struct engine *engine)
{
	const struct settings *settings = worker->context->settings;

	worker->service = (struct service){
	    .engine = engine,
	    .rates = worker->context->rates,
	    .arena = &worker->arena,
	    .public_url = text_of(settings->public_url),
	    .default_stable =
		settings->default_contract == DEFAULT_CONTRACT_STABLE,
	    .rate_card_merchant = (uint32_t)settings->rate_card_merchant,
	    .rate_card_api_keys = (uint32_t)settings->rate_card_api_keys,
	    .rate_stable_test = (uint32_t)settings->rate_stable_test,
	    .rate_stable_live = (uint32_t)settings->rate_stable_live,
	    .rate_address = (uint32_t)settings->rate_address,
	    .chains =
		{
		    [MODE_TEST] = {text_of(settings->chain_test),
			(uint32_t)settings->chain_test_id,
			text_of(settings->chain_test_token)},
		    [MODE_LIVE] = {text_of(settings->chain_live),
			(uint32_t)settings->chain_live_id,
			text_of(settings->chain_live_token)},
		},
	};
}

/*
 * How many requests the worker answers: up to a quarter fewer than it may, by
 * chance, so that workers that began together do not leave together.
 */
static int64_t
choose_requests(int64_t max)
{
	uint32_t chance;
	ssize_t filled = getrandom(&chance, sizeof(chance), 0);

	assert(filled == sizeof(chance));
	return max == 0 ? -1 : max - (int64_t)chance % (max / 4 + 1);
}

static void
open_connections(struct worker *worker)
{
	const struct process_context *context = worker->context;
	const struct settings *settings = context->settings;
	struct fastcgi_options options = {.listener = context->listener,
	    .stop = context->stop,
	    .bell = -1,
	    .connections_max = (unsigned)settings->connections,
	    .timeout = span_from_ms(settings->connection_timeout_ms)};

	worker->fastcgi = fastcgi_open(&options);
	worker->requests_left = choose_requests(settings->max_requests);
}

static bool
open_worker(struct worker *worker, const struct process_context *context)
{
	const struct settings *settings = context->settings;
	struct engine_options options = {
	    .sandbox_latency = span_from_ms(settings->sandbox_latency_ms),
	    .idempotency_wait = span_from_ms(settings->idempotency_wait_ms),
	    .request_timeout = span_from_ms(settings->request_timeout_ms)};

	*worker = (struct worker){.context = context};
	digest_start();
	if (!open_arena(&worker->arena))
		return false;
	worker->store = data_open(settings);
	if (worker->store == NULL)
		return false;
	options.store = worker->store;
	open_service(worker, engine_open(&options));
	if (worker->service.engine == NULL) {
		log_message("no memory for the engine");
		return false;
	}
	open_connections(worker);
	return true;
}

static void
close_worker(struct worker *worker)
{
	fastcgi_close(worker->fastcgi);
	engine_close(worker->service.engine);
	store_close(worker->store);
}

static void
forget_request(struct arena *arena)
{
	int result;

	if (arena->used > ARENA_KEPT_BYTES) {
		result = madvise(arena->memory, arena->used, MADV_DONTNEED);
		assert(result == 0);
	}
	arena_reset(arena);
}

/* The one reading of entropy that a request has. */
static void
fill_entropy(struct request *request)
{
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	ssize_t filled =
	    getrandom(request->entropy, sizeof(request->entropy), 0);

	assert(filled == sizeof(request->entropy));
}

/* One request that has come, from its first byte to its last. */
static void
serve(struct worker *worker, struct connection *connection)
{
	struct process_status *status = worker->context->status;
	const struct span start = clock_uptime();
	struct request request = {0};
	struct response response = {0};

	fill_entropy(&request);
	if (!fastcgi_read(
		worker->fastcgi, connection, &worker->arena, &request))
		return;
	request.now = clock_now();
	handle(&worker->service, &request, &response);
	process_busy(status);
	fastcgi_answer(worker->fastcgi, connection, &worker->arena, &response);
	handle_finish(&worker->service);
	log_request(
	    &request, &response, (struct span){clock_uptime().us - start.us});
}

static void
drain(struct worker *worker)
{
	if (!worker->draining)
		fastcgi_drain(worker->fastcgi);
	worker->draining = true;
}

/* Takes what comes next; false: it was the last. */
static bool
work(struct worker *worker)
{
	const struct process_context *context = worker->context;
	struct connection *connection;

	switch (fastcgi_wait(
	    worker->fastcgi, true, (struct span){0}, &connection)) {
	case FASTCGI_REQUEST:
		process_busy(context->status);
		serve(worker, connection);
		forget_request(&worker->arena);
		process_idle(context->status);
		if (worker->requests_left > 0 && --worker->requests_left == 0)
			drain(worker);
		break;
	case FASTCGI_STOP:
		drain(worker);
		fastcgi_hang_up(worker->fastcgi);
		break;
	case FASTCGI_BELL: /* there is none */
	case FASTCGI_TIME: /* the last connection is gone */
		break;
	}
	return !worker->draining || fastcgi_connections(worker->fastcgi) > 0;
}

int
worker_run(const struct process_context *context)
{
	struct worker worker;

	if (!open_worker(&worker, context))
		return 1;
	heap_close();
	while (work(&worker)) {
		if (engine_is_lost(worker.service.engine)) {
			log_message(
			    "a commit's fate is unknown: starting anew");
			break;
		}
	}
	close_worker(&worker);
	return 0;
}
