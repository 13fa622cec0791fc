#include "app/tasks_work.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "app/log.h"
#include "app/slots.h"

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
	/* Of each connection's place: what settings.def says of it. */
	ARENA_KEPT_BYTES = 40 << 10,
};

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
free_task(struct tasks *tasks, struct task *task)
{
	task->state = TASK_FREE;
	TAILQ_INSERT_HEAD(&tasks->free, task, place);
}

static bool
open_tasks(struct tasks *tasks)
{
	/* No connection has two requests at a time. */
	const unsigned count = (unsigned)tasks->context->settings->connections;
	struct task *task;

	TAILQ_INIT(&tasks->free);
	TAILQ_INIT(&tasks->queued);
	TAILQ_INIT(&tasks->live);
	tasks->all = calloc(count, sizeof(*tasks->all));
	tasks->command = calloc(1, sizeof(*tasks->command));
	tasks->outcome = calloc(1, sizeof(*tasks->outcome));
	if (tasks->all == NULL || tasks->command == NULL ||
	    tasks->outcome == NULL)
		return false;
	for (unsigned i = count; i-- > 0;) {
		task = &tasks->all[i];
		if (!open_arena(&task->arena, ARENA_BYTES))
			return false;
		task->workspace = (struct workspace){
		    .arena = &task->arena,
		    .scratch = &tasks->scratch,
		};
		free_task(tasks, task);
	}
	return true;
}

/*
 * The slots, as a dead predecessor has left them: free but for what is being
 * run, since nobody waits for the answers.
 */
static bool
open_lanes(struct tasks *tasks)
{
	const struct process_context *context = tasks->context;
	struct slots *slots = context->slots;
	struct lane *lane;

	tasks->lane_count = slots->each;
	tasks->lanes = calloc(tasks->lane_count, sizeof(*tasks->lanes));
	if (tasks->lanes == NULL)
		return false;
	for (unsigned i = 0; i < tasks->lane_count; i++) {
		lane = &tasks->lanes[i];
		lane->slot = context->owner * slots->each + i;
		lane->busy = !slots_reclaim(slots, lane->slot);
	}
	return true;
}

bool
tasks_open(struct tasks *tasks, const struct process_context *context,
    const struct service *service)
{
	*tasks = (struct tasks){.context = context, .service = service};
	if (open_arena(&tasks->scratch, SCRATCH_BYTES) && open_tasks(tasks) &&
	    open_lanes(tasks))
		return true;
	log_message("no memory for requests");
	return false;
}

void
tasks_close(struct tasks *tasks)
{
	free(tasks->lanes);
	free(tasks->all);
	free(tasks->command);
	free(tasks->outcome);
}

bool
tasks_have_room(const struct tasks *tasks)
{
	return !TAILQ_EMPTY(&tasks->free);
}

/* -- After an answer ------------------------------------------------------- */

/* The key that a request came with is nowhere once it has its answer. */
static void
forget(struct arena *arena, size_t kept_bytes)
{
	int result;

	if (arena->used > kept_bytes) {
		result = madvise(arena->memory, arena->used, MADV_DONTNEED);
		assert(result == 0);
	} else {
		explicit_bzero(arena->memory, arena->used);
	}
	arena_reset(arena);
}

void
tasks_forget_scratch(struct tasks *tasks)
{
	forget(&tasks->scratch, SCRATCH_KEPT_BYTES);
}

void
task_end(struct tasks *tasks, struct task *task)
{
	assert(task->connection == NULL);
	forget(&task->arena, ARENA_KEPT_BYTES);
	TAILQ_REMOVE(&tasks->live, task, lives);
	free_task(tasks, task);
}
