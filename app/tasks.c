#include "app/tasks_work.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "app/crash.h"
#include "app/fastcgi.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/slots.h"
#include "engine/engine.h"

enum {
	/* An engine's answer that could not be written is tried for long. */
	ANSWER_REST_MS = 1000,
	ANSWER_TRIES_MAX = 600,
	/*
	 * What has ended two committers may have met another cause, such as a
	 * disk that stands still: it is tried thrice.
	 */
	ANSWER_TRIES_GIVEN_UP = ANSWER_TRIES_MAX / 3,
};

/* -- Commands on their way ------------------------------------------------- */

static void complete(
    struct tasks *tasks, struct task *task, struct outcome *outcome);

/* What the task has waited for ends here. */
static void
spend(struct task *task, struct span *on)
{
	const struct span now = clock_uptime();

	on->us += now.us - task->since.us;
	task->since = now;
}

static struct span
from_now(int64_t ms)
{
	return (struct span){clock_uptime().us + span_from_ms(ms).us};
}

static struct lane *
free_lane(struct tasks *tasks)
{
	for (unsigned i = 0; i < tasks->lane_count; i++)
		if (!tasks->lanes[i].busy)
			return &tasks->lanes[i];
	return NULL;
}

static void
submit(struct tasks *tasks, struct task *task, struct lane *lane)
{
	const struct process_context *context = tasks->context;
	const struct command *command = task->workspace.command;

	lane->busy = true;
	lane->task = task;
	task->lane = lane;
	task->state = TASK_WAITS;
	slots_write(context->slots, lane->slot, command);
	process_submit(context, lane->slot);
}

/* Runs the task's command, or has it run. */
static void
run(struct tasks *tasks, struct task *task)
{
	const struct process_context *context = tasks->context;
	struct lane *lane;

	task->since = clock_uptime();
	if (context->committer == NULL) {
		engine_apply(tasks->service->engine, task->workspace.command,
		    tasks->outcome);
		if (tasks->outcome->delivers)
			process_call_couriers(context);
		spend(task, &task->spent.store);
		complete(tasks, task, tasks->outcome);
		return;
	}
	task->until = (struct span){
	    task->since.us +
	    span_from_ms(context->settings->request_timeout_ms).us};
	lane = free_lane(tasks);
	if (lane != NULL) {
		submit(tasks, task, lane);
		return;
	}
	task->state = TASK_QUEUED;
	TAILQ_INSERT_TAIL(&tasks->queued, task, place);
}

static void
leave_lane(struct tasks *tasks, struct lane *lane)
{
	struct task *next = TAILQ_FIRST(&tasks->queued);

	if (lane->task != NULL)
		lane->task->lane = NULL;
	lane->task = NULL;
	lane->busy = false;
	if (next == NULL)
		return;
	TAILQ_REMOVE(&tasks->queued, next, place);
	spend(next, &next->spent.queue);
	submit(tasks, next, lane);
}

/*
 * A command is made in memory that all requests share: what is to be run gets
 * memory of its own.  False: there is none.
 */
static bool
keep_command(struct tasks *tasks, struct task *task)
{
	const size_t size = command_size(tasks->command);
	struct command *kept = arena_take(&task->arena, size);

	if (kept == NULL)
		return false;
	memcpy(kept, tasks->command, size);
	task->workspace.command = kept;
	task->tries = 0;
	return true;
}

/* -- Answers --------------------------------------------------------------- */

/* On the board: how many have no answer yet, and since when. */
static void
show_in_flight(const struct tasks *tasks)
{
	const struct task *task = TAILQ_FIRST(&tasks->live);

	while (task != NULL && task->connection == NULL)
		task = TAILQ_NEXT(task, lives);
	process_show_requests(tasks->context->status, tasks->in_flight,
	    task == NULL ? span_from_ms(0) : task->started);
}

/* Writes down, in the log and in numbers, that the task has its answer. */
static void
note_answer(struct tasks *tasks, struct task *task)
{
	struct process_metrics *metrics = process_metrics(tasks->context);

	task->spent.total = (struct span){clock_uptime().us - task->started.us};
	metrics_request(metrics, &task->response, task->spent.total);
	if (log_request(&task->request, &task->response, &task->spent))
		metrics_count(metrics, METRIC_SLOW_REQUESTS);
	tasks->in_flight--;
	show_in_flight(tasks);
}

static void
send_answer(struct tasks *tasks, struct task *task)
{
	CRASH_POINT(OWNER_ANSWERS);
	fastcgi_answer(
	    tasks->fastcgi, task->connection, &tasks->scratch, &task->response);
	CRASH_POINT(OWNER_ANSWERED);
	task->connection = NULL;
	tasks_forget_scratch(tasks);
	note_answer(tasks, task);
}

/* Sends the response, and remembers what it is to be remembered for. */
static void
answer(struct tasks *tasks, struct task *task)
{
	send_answer(tasks, task);
	task->workspace.command = tasks->command;
	if (handle_rest(task->handling) && keep_command(tasks, task))
		run(tasks, task);
	else
		task_end(tasks, task);
}

static void
refuse_client(struct tasks *tasks, struct task *task, enum error_id id)
{
	if (task->connection == NULL)
		return;
	handle_refuse(task->handling, id);
	send_answer(tasks, task);
}

static void
rest(struct task *task, struct span span)
{
	task->state = TASK_RESTS;
	task->until = (struct span){clock_uptime().us + span.us};
}

/*
 * What an engine outside has answered was not written down.  The client is
 * told so; the answer itself is not to be lost, and is handed on again.
 */
static void
hand_on_again(struct tasks *tasks, struct task *task, bool given_up)
{
	assert(task->workspace.command->kind == COMMAND_INTENT_ANSWER);
	refuse_client(tasks, task, ERROR_INTERNAL_ERROR);
	task->tries += given_up ? ANSWER_TRIES_GIVEN_UP : 1;
	if (task->tries < ANSWER_TRIES_MAX)
		rest(task, span_from_ms(ANSWER_REST_MS));
	else
		task_end(tasks, task);
}

static bool
goes_on(struct tasks *tasks, struct task *task, const struct outcome *outcome,
    struct span *rest)
{
	struct command *command = task->workspace.command;
	struct span waited = {clock_uptime().us - task->started.us};

	return engine_goes_on(tasks->service->engine, command, outcome, waited,
		   command, rest) &&
	       (task->connection != NULL ||
		   command->kind == COMMAND_INTENT_ANSWER);
}

/* The outcome of the task's command is there, for the time of this call. */
static void
complete(struct tasks *tasks, struct task *task, struct outcome *outcome)
{
	struct span span;

	if (task->workspace.command->kind == COMMAND_INTENT_ANSWER &&
	    outcome->error.id == ERROR_INTERNAL_ERROR) {
		hand_on_again(tasks, task, outcome->given_up);
	} else if (goes_on(tasks, task, outcome, &span)) {
		rest(task, span);
		CRASH_POINT(OWNER_RESTS);
	} else if (task->connection == NULL) {
		task_end(tasks, task);
	} else {
		task->workspace.outcome = outcome;
		handle_end(task->handling);
		answer(tasks, task);
	}
}

/* -- Requests -------------------------------------------------------------- */

/* The one reading of entropy that a request has. */
static void
fill_entropy(struct request *request)
{
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	ssize_t filled =
	    getrandom(request->entropy, sizeof(request->entropy), 0);

	assert(filled == sizeof(request->entropy));
}

static void
handle_request(struct tasks *tasks, struct task *task)
{
	task->workspace.command = tasks->command;
	task->workspace.outcome = tasks->outcome;
	task->request.now = clock_now();
	task->since = clock_uptime();
	task->handling = handle_begin(
	    tasks->service, &task->workspace, &task->request, &task->response);
	if (!handle_waits(task->handling)) {
		spend(task, &task->spent.store);
		answer(tasks, task);
	} else if (keep_command(tasks, task)) {
		tasks_forget_scratch(tasks);
		run(tasks, task);
	} else {
		refuse_client(tasks, task, ERROR_SERVICE_UNAVAILABLE);
		task_end(tasks, task);
	}
}

void
tasks_begin(struct tasks *tasks, struct connection *connection)
{
	struct task *task = TAILQ_FIRST(&tasks->free);

	TAILQ_REMOVE(&tasks->free, task, place);
	TAILQ_INSERT_TAIL(&tasks->live, task, lives);
	tasks->begun++;
	task->started = clock_uptime();
	task->spent = (struct log_durations){0};
	task->request = (struct request){0};
	fill_entropy(&task->request);
	if (!fastcgi_read(
		tasks->fastcgi, connection, &task->arena, &task->request)) {
		task_end(tasks, task);
		return;
	}
	task->connection = connection;
	tasks->in_flight++;
	process_show_begun(tasks->context->status, tasks->begun);
	show_in_flight(tasks);
	handle_request(tasks, task);
}

/* -- Outcomes and time ----------------------------------------------------- */

/* A slot whose command is done. */
static void
settle(struct tasks *tasks, struct lane *lane)
{
	struct slots *slots = tasks->context->slots;
	struct task *task = lane->task;

	CRASH_POINT(OWNER_DONE);
	if (task != NULL) {
		task->lane = NULL;
		lane->task = NULL;
		spend(task, &task->spent.store);
		slots_read(slots, lane->slot, tasks->outcome);
		complete(tasks, task, tasks->outcome);
		explicit_bzero(
		    tasks->outcome->secret, sizeof(tasks->outcome->secret));
	}
	slots_free(slots, lane->slot);
	CRASH_POINT(OWNER_FREED);
	leave_lane(tasks, lane);
}

/* Looks at what the committer has done. */
void
tasks_hear(struct tasks *tasks)
{
	const struct slots *slots = tasks->context->slots;
	struct lane *lane;

	for (unsigned i = 0; i < tasks->lane_count; i++) {
		lane = &tasks->lanes[i];
		if (lane->busy && slots_state(slots, lane->slot) >= SLOT_DONE)
			settle(tasks, lane);
	}
}

/* Out of the queue, or out of its slot; false: it is being run, or done. */
static bool
withdraw(struct tasks *tasks, struct task *task)
{
	struct lane *lane = task->lane;

	if (lane == NULL) {
		TAILQ_REMOVE(&tasks->queued, task, place);
		spend(task, &task->spent.queue);
		return true;
	}
	if (!slots_withdraw(tasks->context->slots, lane->slot))
		return false;
	spend(task, &task->spent.store);
	leave_lane(tasks, lane);
	return true;
}

/*
 * A command whose time is up.  Withdrawn it has no effect; one that is being
 * run may have, and is waited for half as long again.  After that the client
 * is told that it is not known, which the idempotency key will tell.
 */
static void
give_up(struct tasks *tasks, struct task *task)
{
	const struct process_context *context = tasks->context;

	if (withdraw(tasks, task)) {
		if (task->workspace.command->kind == COMMAND_INTENT_ANSWER) {
			hand_on_again(tasks, task, false);
			return;
		}
		refuse_client(tasks, task, ERROR_SERVICE_UNAVAILABLE);
		task_end(tasks, task);
	} else if (slots_state(context->slots, task->lane->slot) >= SLOT_DONE) {
		settle(tasks, task->lane);
	} else if (task->state == TASK_WAITS) {
		task->state = TASK_LATE;
		task->until =
		    from_now(context->settings->request_timeout_ms / 2);
	} else {
		spend(task, &task->spent.store);
		refuse_client(tasks, task, ERROR_INTERNAL_ERROR);
		task->state = TASK_UNHEARD;
	}
}

void
tasks_look_at_the_time(struct tasks *tasks)
{
	struct span now = clock_uptime();
	struct task *task, *next;

	for (task = TAILQ_FIRST(&tasks->live); task != NULL; task = next) {
		next = TAILQ_NEXT(task, lives);
		if (task->state == TASK_UNHEARD || task->until.us > now.us)
			continue;
		if (task->state == TASK_RESTS) {
			CRASH_POINT(OWNER_RESUMES);
			run(tasks, task);
		} else {
			give_up(tasks, task);
		}
	}
}

/* When the first task runs out of time; {0}: none does. */
struct span
tasks_next_time(const struct tasks *tasks)
{
	struct span next = {0};
	const struct task *task;

	TAILQ_FOREACH(task, &tasks->live, lives)
	if (task->state != TASK_UNHEARD &&
	    (next.us == 0 || task->until.us < next.us))
		next = task->until;
	return next;
}

bool
tasks_are_done(const struct tasks *tasks)
{
	const struct task *task;

	TAILQ_FOREACH(task, &tasks->live, lives)
	if (task->workspace.command->kind != COMMAND_KEY_TOUCH)
		return false;
	return true;
}
