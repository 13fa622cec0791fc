#include "app/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "api/handle.h"
#include "api/rate.h"
#include "app/crash.h"
#include "app/data.h"
#include "app/fastcgi.h"
#include "app/log.h"
#include "app/slots.h"
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
	SCRATCH_BYTES = 512 << 20,
	/* A request's texts and body, and libfcgi's buffers around them. */
	ARENA_BYTES = 4 << 20,
	/* A request that used more gives its pages back to the host. */
	SCRATCH_KEPT_BYTES = 1 << 20,
	ARENA_KEPT_BYTES = 256 << 10,
};

enum task_state {
	TASK_FREE,
	TASK_WAITS, /* its command is in the slot */
	TASK_LATE,  /* as above, beyond its time, and being run */
	TASK_RESTS, /* before its next command */
	TASK_LOST,  /* nobody waits for it; its slot is not free yet */
};

/* One request, from its first byte in here to its last; one slot's owner. */
struct task {
	enum task_state state;
	unsigned slot;
	struct arena arena;
	struct workspace workspace;
	struct connection *connection; /* NULL: nobody waits */
	struct handling *handling;     /* in the arena */
	struct request request;
	struct response response;
	struct span started; /* this, and `until`, on clock_uptime() */
	struct span waited;  /* at rest, up to now */
	struct span until;   /* of a task that waits or rests */
	struct task *next;   /* of the free ones */
};

struct worker {
	const struct process_context *context; /* borrowed */
	struct store *store;		       /* owned, as all below */
	struct fastcgi *fastcgi;
	struct service service;
	struct arena scratch;
	struct task *tasks; /* one for each of its slots */
	struct task *free;  /* the one used last first: its memory is warm */
	unsigned task_count;
	int64_t requests; /* begun, for max_requests */
	bool draining;
};

/* -- The start ------------------------------------------------------------- */

static bool
open_arena(struct arena *arena, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		log_message("no memory for requests: %s", strerror(errno));
		return false;
	}
	arena_init(arena, memory, bytes);
	return true;
}

static void
open_service(struct worker *worker, struct engine *engine)
{
	const struct settings *settings = worker->context->settings;

	worker->service = (struct service){
	    .engine = engine,
	    .rates = worker->context->rates,
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
open_engine(struct worker *worker)
{
	const struct settings *settings = worker->context->settings;
	struct engine_options options = data_engine_options(settings);

	worker->store = data_open(settings);
	if (worker->store == NULL)
		return false;
	options.store = worker->store;
	open_service(worker, engine_open(&options));
	if (worker->service.engine == NULL)
		log_message("no memory for the engine");
	return worker->service.engine != NULL;
}

static void
free_task(struct worker *worker, struct task *task)
{
	task->state = TASK_FREE;
	task->next = worker->free;
	worker->free = task;
}

/*
 * A slot as a dead predecessor has left it: what is not being run is
 * withdrawn, since nobody waits for its answer.
 */
static void
take_over(struct worker *worker, struct task *task)
{
	struct slots *slots = worker->context->slots;

	task->state = TASK_LOST;
	if (slots_state(slots, task->slot) == SLOT_READY &&
	    slots_withdraw(slots, task->slot))
		free_task(worker, task);
	else if (slots_state(slots, task->slot) == SLOT_FREE)
		free_task(worker, task);
	/* Else it is looked at when the committer rings, and once now. */
}

static bool
open_tasks(struct worker *worker)
{
	const struct process_context *context = worker->context;
	struct slots *slots = context->slots;
	struct task *task;

	worker->task_count = slots->each;
	worker->tasks = calloc(worker->task_count, sizeof(*worker->tasks));
	if (worker->tasks == NULL)
		return false;
	for (unsigned i = worker->task_count; i-- > 0;) {
		task = &worker->tasks[i];
		task->slot = context->owner * slots->each + i;
		if (!open_arena(&task->arena, ARENA_BYTES))
			return false;
		task->workspace = (struct workspace){
		    .arena = &task->arena,
		    .scratch = &worker->scratch,
		    .command = slots_command(slots, task->slot),
		    .outcome = slots_outcome(slots, task->slot),
		};
		take_over(worker, task);
	}
	return true;
}

static bool
open_worker(struct worker *worker, const struct process_context *context)
{
	const struct settings *settings = context->settings;
	const struct fastcgi_options options = {
	    .listener = context->listener,
	    .stop = context->stop,
	    .bell = context->bells[context->owner],
	    .connections_max = (unsigned)settings->connections,
	    .timeout = span_from_ms(settings->connection_timeout_ms),
	};

	*worker = (struct worker){.context = context};
	digest_start();
	if (!open_arena(&worker->scratch, SCRATCH_BYTES) ||
	    !open_tasks(worker) || !open_engine(worker))
		return false;
	worker->fastcgi = fastcgi_open(&options);
	return true;
}

static void
close_worker(struct worker *worker)
{
	fastcgi_close(worker->fastcgi);
	engine_close(worker->service.engine);
	store_close(worker->store);
}

/* -- One request ----------------------------------------------------------- */

static void
forget(struct arena *arena, size_t kept_bytes)
{
	int result;

	if (arena->used > kept_bytes) {
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

static struct span
from_now(int64_t ms)
{
	return (struct span){clock_uptime().us + span_from_ms(ms).us};
}

static void complete(struct worker *worker, struct task *task);

/* Runs the command in the task's slot, or has it run. */
static void
run(struct worker *worker, struct task *task)
{
	const struct process_context *context = worker->context;

	if (context->committer == NULL) {
		engine_apply(worker->service.engine, task->workspace.command,
		    task->workspace.outcome);
		complete(worker, task);
		return;
	}
	task->state = TASK_WAITS;
	task->until = from_now(context->settings->request_timeout_ms);
	process_submit(context, task->slot);
}

static void
end_task(struct worker *worker, struct task *task)
{
	task->connection = NULL;
	forget(&task->arena, ARENA_KEPT_BYTES);
	free_task(worker, task);
}

/* Sends the response, and remembers what it is to be remembered for. */
static void
send_answer(struct worker *worker, struct task *task)
{
	struct span now;

	fastcgi_answer(worker->fastcgi, task->connection, &worker->scratch,
	    &task->response);
	CRASH_POINT(OWNER_ANSWERED);
	task->connection = NULL;
	forget(&worker->scratch, SCRATCH_KEPT_BYTES);
	now = clock_uptime();
	log_request(&task->request, &task->response,
	    (struct span){now.us - task->started.us});
}

static void
answer(struct worker *worker, struct task *task)
{
	send_answer(worker, task);
	if (handle_rest(task->handling))
		run(worker, task);
	else
		end_task(worker, task);
}

/* The outcome of the task's command is there. */
static void
complete(struct worker *worker, struct task *task)
{
	struct workspace *workspace = &task->workspace;
	struct span rest;

	if (task->connection == NULL) {
		end_task(worker, task);
	} else if (engine_goes_on(worker->service.engine, workspace->command,
		       workspace->outcome, task->waited, workspace->command,
		       &rest)) {
		task->state = TASK_RESTS;
		task->waited.us += rest.us;
		task->until = (struct span){clock_uptime().us + rest.us};
	} else {
		handle_end(task->handling);
		answer(worker, task);
	}
}

static void
begin(struct worker *worker, struct connection *connection)
{
	struct task *task = worker->free;
	struct request *request = &task->request;

	worker->free = task->next;
	worker->requests++;
	task->waited = span_from_ms(0);
	task->started = clock_uptime();
	*request = (struct request){0};
	fill_entropy(request);
	if (!fastcgi_read(worker->fastcgi, connection, &task->arena, request)) {
		end_task(worker, task);
		return;
	}
	task->connection = connection;
	request->now = clock_now();
	task->handling = handle_begin(
	    &worker->service, &task->workspace, request, &task->response);
	if (handle_waits(task->handling)) {
		forget(&worker->scratch, SCRATCH_KEPT_BYTES);
		run(worker, task);
	} else {
		answer(worker, task);
	}
}

/* -- Outcomes and time ----------------------------------------------------- */

/* A task whose command is done. */
static void
settle(struct worker *worker, struct task *task)
{
	CRASH_POINT(OWNER_DONE);
	slots_free(worker->context->slots, task->slot);
	CRASH_POINT(OWNER_FREED);
	if (task->state == TASK_LOST)
		end_task(worker, task);
	else
		complete(worker, task);
}

/* Looks at what the committer has done. */
static void
hear(struct worker *worker)
{
	struct task *task;

	for (unsigned i = 0; i < worker->task_count; i++) {
		task = &worker->tasks[i];
		if (task->state != TASK_FREE && task->state != TASK_RESTS &&
		    slots_state(worker->context->slots, task->slot) ==
			SLOT_DONE)
			settle(worker, task);
	}
}

/*
 * A command whose time is up.  Withdrawn it has no effect; one that is being
 * run may have, and is waited for half as long again.  After that the client
 * is told that it is not known, which the idempotency key will tell.
 */
static void
give_up(struct worker *worker, struct task *task)
{
	const struct settings *settings = worker->context->settings;
	struct slots *slots = worker->context->slots;
	bool withdrawn = slots_withdraw(slots, task->slot);

	if (!withdrawn && slots_state(slots, task->slot) == SLOT_DONE) {
		settle(worker, task);
		return;
	}
	if (!withdrawn && task->state == TASK_WAITS) {
		task->state = TASK_LATE;
		task->until = from_now(settings->request_timeout_ms / 2);
		return;
	}
	if (task->connection != NULL) {
		handle_refuse(task->handling,
		    withdrawn ? engine_failure_of(
				    task->workspace.command, STORE_UNAVAILABLE)
			      : ERROR_INTERNAL_ERROR);
		send_answer(worker, task);
	}
	if (withdrawn)
		end_task(worker, task);
	else
		task->state = TASK_LOST;
}

static bool
has_time(const struct task *task)
{
	return task->state != TASK_FREE && task->state != TASK_LOST;
}

static void
look_at_the_time(struct worker *worker)
{
	struct span now = clock_uptime();
	struct task *task;

	for (unsigned i = 0; i < worker->task_count; i++) {
		task = &worker->tasks[i];
		if (!has_time(task) || task->until.us > now.us)
			continue;
		if (task->state == TASK_RESTS)
			run(worker, task);
		else
			give_up(worker, task);
	}
}

/* When the first task runs out of time; {0}: none does. */
static struct span
next_time(const struct worker *worker)
{
	struct span next = {0};
	const struct task *task;

	for (unsigned i = 0; i < worker->task_count; i++) {
		task = &worker->tasks[i];
		if (has_time(task) &&
		    (next.us == 0 || task->until.us < next.us))
			next = task->until;
	}
	return next;
}

/* -- The process ----------------------------------------------------------- */

/*
 * Takes no more connections, and gives those up that there are: each after
 * its next answer, and with `at_once` those that are idle.
 */
static void
drain(struct worker *worker, bool at_once)
{
	if (!worker->draining)
		fastcgi_drain(worker->fastcgi);
	worker->draining = true;
	if (at_once)
		fastcgi_hang_up(worker->fastcgi);
}

/* Enough requests; the workers do not leave all together. */
static bool
is_worn_out(const struct worker *worker)
{
	const struct settings *settings = worker->context->settings;
	int64_t max = settings->max_requests;

	return max > 0 &&
	       worker->requests >= max + max * (worker->context->number - 1) /
					     (2 * settings->workers);
}

/* What is left then is remembered uses of keys: for the next worker. */
static bool
is_done(const struct worker *worker)
{
	return worker->draining && fastcgi_connections(worker->fastcgi) == 0;
}

static void
serve(struct worker *worker)
{
	struct connection *connection;
	enum fastcgi_event event = fastcgi_wait(worker->fastcgi,
	    worker->free != NULL, next_time(worker), &connection);

	process_busy(worker->context->status);
	switch (event) {
	case FASTCGI_REQUEST:
		begin(worker, connection);
		break;
	case FASTCGI_BELL:
		process_hear(worker->context->bells[worker->context->owner]);
		hear(worker);
		break;
	case FASTCGI_STOP:
		drain(worker, true);
		break;
	case FASTCGI_TIME:
		break;
	}
	look_at_the_time(worker);
	if (is_worn_out(worker))
		drain(worker, false);
	if (engine_is_lost(worker->service.engine) && !worker->draining) {
		log_message("a commit's fate is unknown: starting anew");
		drain(worker, true);
	}
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
	hear(&worker);
	while (!is_done(&worker))
		serve(&worker);
	lost = engine_is_lost(worker.service.engine);
	close_worker(&worker);
	return lost ? 1 : 0;
}
