#include "app/worker.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "api/handle.h"
#include "api/heap.h"
#include "api/rate.h"
#include "app/data.h"
#include "app/fastcgi.h"
#include "app/log.h"
#include "base/arena.h"
#include "base/digest.h"
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
	worker->fastcgi = fastcgi_open(context->listener, context->stop,
	    span_from_ms(settings->connection_timeout_ms));
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

/* One connection, already accepted, from its first byte to its last. */
static void
serve(struct worker *worker)
{
	struct process_status *status = worker->context->status;
	const struct span start = clock_uptime();
	struct request request = {0};
	struct response response = {0};

	fill_entropy(&request);
	if (!fastcgi_read(worker->fastcgi, &worker->arena, &request)) {
		log_message("dropped a connection that brought no request");
		return;
	}
	process_busy(status);
	request.now = clock_now();
	handle(&worker->service, &request, &response);
	process_busy(status);
	if (!fastcgi_answer(worker->fastcgi, &response))
		log_message("%.*s: the web server did not take the answer",
		    TEXT_PRINT(request.id));
	handle_finish(&worker->service);
	log_request(
	    &request, &response, (struct span){clock_uptime().us - start.us});
}

int
worker_run(const struct process_context *context)
{
	struct worker worker;

	if (!open_worker(&worker, context))
		return 1;
	heap_close();
	while (fastcgi_wait(worker.fastcgi)) {
		if (!fastcgi_accept(worker.fastcgi))
			continue;
		process_busy(context->status);
		serve(&worker);
		forget_request(&worker.arena);
		process_idle(context->status);
		if (engine_is_lost(worker.service.engine)) {
			log_message(
			    "a commit's fate is unknown: starting anew");
			break;
		}
	}
	close_worker(&worker);
	return 0;
}
