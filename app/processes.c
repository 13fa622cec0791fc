#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/committer.h"
#include "app/confine.h"
#include "app/core_files.h"
#include "app/courier.h"
#include "app/crash.h"
#include "app/log.h"
#include "app/monitor.h"
#include "app/slots.h"
#include "app/supervision.h"
#include "app/supervisor.h"
#include "app/sweeper.h"
#include "app/worker.h"

/*
 * The process table.  Workers stand last: their slots come and go at the end
 * of all slots (slots_set_owners()).
 */
static const struct process_kind process_kinds[] = {
    {"committer", committer_run, offsetof(struct settings, committers),
	.places = 1, .commits = true, .promises = PROMISE_ALL | PROMISE_WRITE},
    {"sweeper", sweeper_run, offsetof(struct settings, sweepers), .places = 1,
	.submits = true, .promises = PROMISE_ALL | PROMISE_AUDIT},
    {"monitor", monitor_run, offsetof(struct settings, status), .is_text = true,
	.places = 2, .overlaps = true, .submits = true,
	.promises = PROMISE_ALL | PROMISE_SERVE | PROMISE_STATUS},
    {"courier", courier_run, offsetof(struct settings, couriers),
	.places = 2 * COURIERS_MAX, .overlaps = true, .submits = true,
	.delivers = true, .promises = PROMISE_ALL | PROMISE_NETWORK},
    {"worker", worker_run, offsetof(struct settings, workers),
	.places = 2 * WORKERS_MAX, .scales = true, .overlaps = true,
	.submits = true, .promises = PROMISE_ALL | PROMISE_SERVE},
};

enum {
	PROCESS_KINDS = sizeof(process_kinds) / sizeof(process_kinds[0]),
	/* A process that lived shorter died of its start. */
	SHORT_LIFE_MS = 1000,
	/* The first wait after a short life; it doubles with each. */
	BACKOFF_FIRST_MS = 50,
};

_Static_assert((int)PROCESS_KINDS <= (int)CREWS_MAX, "a crew for each row");

const char *
process_kind_name(uint32_t kind)
{
	return kind < PROCESS_KINDS ? process_kinds[kind].name : "unknown";
}

/* -- The table ------------------------------------------------------------- */

/* Places by the table, and fewer that scale where there are not the files. */
static unsigned
count_places(const struct settings *settings, unsigned counts[PROCESS_KINDS])
{
	unsigned total = 0, scaling = 0, owners = 0, fit;
	const struct process_kind *kind;

	for (size_t i = 0; i < PROCESS_KINDS; i++) {
		kind = &process_kinds[i];
		counts[i] = kind->places;
		total += kind->places;
		scaling += kind->scales ? kind->places : 0;
		owners += kind->submits ? kind->places : 0;
	}
	fit = shared_fit(owners);
	if (fit == owners)
		return total;
	/* Two generations of at least the workers that were asked for. */
	if (fit < owners - scaling + 2 * (unsigned)settings->workers) {
		log_message("the host lets a process open too few files for "
			    "%d workers (ulimit -Hn)",
		    (int)settings->workers);
		return 0;
	}
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (process_kinds[i].scales)
			counts[i] -= owners - fit;
	return total - (owners - fit);
}

static void
lay_out(struct supervisor *supervisor, const unsigned counts[PROCESS_KINDS])
{
	struct process *process = supervisor->processes;
	struct process_status *status = supervisor->shared.board->places;
	unsigned owner = 0;
	struct crew *crew;

	for (size_t i = 0; i < PROCESS_KINDS; i++) {
		crew = &supervisor->crews[i];
		crew->kind = &process_kinds[i];
		crew->places = process;
		crew->place_count = counts[i];
		for (unsigned n = 0; n < counts[i]; n++, process++, status++) {
			*process = (struct process){.kind = crew->kind,
			    .number = n + 1,
			    .kind_number = (uint32_t)i,
			    .status = status};
			if (crew->kind->submits)
				process->owner = owner++;
		}
		if (crew->kind->delivers)
			supervisor->couriers = crew;
		if (crew->kind->commits && supervisor->settings->committers > 0)
			supervisor->committer = crew->places->status;
	}
	supervisor->crew_count = PROCESS_KINDS;
}

bool
processes_open(struct supervisor *supervisor)
{
	unsigned counts[PROCESS_KINDS], owners = 0;
	unsigned total = count_places(supervisor->settings, counts);

	if (total == 0)
		return false;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		owners += process_kinds[i].submits ? counts[i] : 0;
	supervisor->processes = calloc(total, sizeof(struct process));
	if (supervisor->processes == NULL) {
		log_message("no memory for the process table");
		return false;
	}
	if (!shared_open(
		&supervisor->shared, supervisor->settings, total, owners))
		return false;
	lay_out(supervisor, counts);
	return true;
}

void
processes_close(struct supervisor *supervisor)
{
	shared_close(&supervisor->shared);
	free(supervisor->processes);
}

/* -- One process ----------------------------------------------------------- */

/*
 * In the child: runs the process.  It does not outlive its supervisor, since
 * nobody would watch over it.  The supervisor's signals stay blocked but for
 * SIGTERM: a terminal sends some to all, and the supervisor alone decides what
 * they mean.
 */
static _Noreturn void
become(
    struct supervisor *supervisor, const struct process *process, pid_t parent)
{
	static const int stop_signal[] = {SIGTERM};
	struct shared *shared = &supervisor->shared;
	struct process_context context = {
	    .settings = supervisor->settings,
	    .number = process->number,
	    .promises = process->kind->promises,
	    .board = shared->board,
	    .place_count = shared->places,
	    .status = process->status,
	    .metrics = &shared->metrics,
	    .rates = shared->rates,
	    .listener = supervisor->listener.file,
	    .news = shared->news,
	    .lock = shared->lock,
	    .slots = &shared->slots,
	    .committer = supervisor->committer,
	    .bells = shared->bells,
	    .owner = process->owner,
	    .couriers = supervisor->couriers->places->status,
	    .courier_count = supervisor->couriers->place_count,
	    .courier_owner = supervisor->couriers->places->owner,
	};
	sigset_t children;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	close(supervisor->signals);
	(void)close(supervisor->handover.channel);
	(void)close(supervisor->predecessor);
	/* Who commits, which may be each for itself, rings the others. */
	if (!process->kind->commits &&
	    (supervisor->committer != NULL || !process->kind->submits))
		shared_keep_bell(shared,
		    process->kind->submits ? process->owner : shared->owners);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &children, NULL);
	context.stop = supervisor_open_signals(stop_signal, 1);
	if (context.stop < 0)
		_exit(1);
	clock_set_offset(span_from_seconds(context.settings->clock_offset_s));
	core_files_allow(context.settings->core_files != 0);
	log_forked();
	process_show_start(context.status);
	CRASH_POINT(PROCESS_STARTS);
	exit(process->kind->run(&context));
}

/* What others see of a place: a process that is about to run, or nobody. */
static void
show(struct process *process, enum process_state state)
{
	struct process_status *status = process->status;

	process_idle(status);
	status->service = PROCESS_OPENS;
	status->requests = 0;
	status->connections = 0;
	status->in_flight = 0;
	status->route = 0;
	status->request_since_us = 0;
	status->pid = 0;
	status->forbidden = 0;
	status->state = (uint32_t)state;
	status->generation = process->generation;
	status->started_us = clock_uptime().us;
}

static void
start_process(struct supervisor *supervisor, struct process *process)
{
	pid_t parent = getpid();

	assert(process->taken);
	assert(process->pid == 0);
	show(process, PROCESS_RUNS);
	process->generation = supervisor->generation;
	process->status->generation = process->generation;
	process->status->lives++;
	process->stopped = span_from_ms(0);
	if (process->kind->commits)
		slots_wake(&supervisor->shared.slots);
	process->pid = fork();
	if (process->pid == 0)
		become(supervisor, process, parent);
	process->started = clock_uptime();
	if (process->pid > 0) {
		CRASH_POINT(SUPERVISOR_FORKED);
		process->status->pid = (int32_t)process->pid;
		supervisor->tally.starts++;
		return;
	}
	log_message("%s %d: fork: %s", process->kind->name,
	    (int)process->number, strerror(errno));
	process->pid = 0;
	process->status->state = PROCESS_ABSENT;
	process->start_at =
	    span_plus(process->started, span_from_ms(SHORT_LIFE_MS));
}

void
process_take(struct supervisor *supervisor, struct process *process)
{
	struct slots *slots = &supervisor->shared.slots;

	assert(!process->taken);
	process->taken = true;
	process->generation = supervisor->generation;
	process->start_at = clock_uptime();
	if (process->kind->submits && process->owner >= slots_owners(slots))
		slots_set_owners(slots, process->owner + 1);
}

static void
free_place(struct process *process)
{
	*process = (struct process){.kind = process->kind,
	    .number = process->number,
	    .kind_number = process->kind_number,
	    .status = process->status,
	    .owner = process->owner};
}

void
process_leave(struct supervisor *supervisor, struct process *process)
{
	if (process->pid == 0) {
		free_place(process);
		return;
	}
	process->leaving = true;
	process->leave_by = span_plus(clock_uptime(),
	    span_from_ms(supervisor->settings->shutdown_timeout_ms));
	process->status->state = PROCESS_LEAVES;
	if (process->kind->commits)
		slots_retire(&supervisor->shared.slots);
	else
		kill(process->pid, SIGTERM);
}

/* -- Its end --------------------------------------------------------------- */

/* Counts a death; one too many of its kind is the emergency stop. */
static void
note_death(struct supervisor *supervisor, struct crew *crew, struct span now)
{
	const struct settings *settings = supervisor->settings;
	const struct span interval =
	    span_from_ms(settings->restarts_interval_ms);
	struct span *oldest, before;

	supervisor->tally.deaths++;
	if (settings->restarts_max == 0)
		return;
	oldest = &crew->deaths[crew->death_count++ %
			       (uint64_t)settings->restarts_max];
	before = *oldest;
	*oldest = now;
	if (before.us == 0 || now.us - before.us > interval.us)
		return;
	log_message("EMERGENCY: more than %d deaths of a %s within %d ms; "
		    "none is started for as long (restarts_max)",
	    (int)settings->restarts_max, crew->kind->name,
	    (int)settings->restarts_interval_ms);
	crew->resumes = span_plus(now, interval);
	memset(crew->deaths, 0, sizeof(crew->deaths));
	crew->death_count = 0;
}

/* When one that died starts again: later and later, if it dies of that. */
static void
plan_restart(const struct supervisor *supervisor, struct process *process,
    int64_t lived_ms, struct span now)
{
	const int64_t longest =
	    supervisor->settings->restart_backoff_ms * INT64_C(1000);

	if (lived_ms >= SHORT_LIFE_MS)
		process->backoff = span_from_ms(0);
	else if (process->backoff.us == 0)
		process->backoff = span_from_ms(BACKOFF_FIRST_MS);
	else
		process->backoff.us *= 2;
	if (process->backoff.us > longest)
		process->backoff.us = longest;
	process->start_at = span_plus(now, process->backoff);
}

/*
 * One that was to leave, or that ends well by itself (max_requests), leaves
 * its place.  A death keeps it, for the next start.
 */
static void
process_ended(
    struct supervisor *supervisor, struct process *process, int status)
{
	struct span now = clock_uptime();
	int64_t lived_ms = (now.us - process->started.us) / 1000;

	if (status != 0) {
		/* It may have said that the committer is busy, and not rung. */
		if (process->kind->submits)
			slots_ring(&supervisor->shared.slots);
		process_log_end(supervisor, process, lived_ms, status);
	}
	if (!process->leaving && status != 0) {
		note_death(supervisor,
		    &supervisor->crews[process->kind - process_kinds], now);
		plan_restart(supervisor, process, lived_ms, now);
		process->pid = 0;
	} else {
		free_place(process);
	}
	show(process, PROCESS_ABSENT);
	CRASH_POINT(SUPERVISOR_REAPED);
}

/* What waitpid() has said of a process. */
static void
process_changed(
    struct supervisor *supervisor, struct process *process, int status)
{
	if (WIFSTOPPED(status))
		process->stopped = clock_uptime();
	else if (WIFCONTINUED(status))
		process->stopped = span_from_ms(0);
	else
		process_ended(supervisor, process, status);
}

/* -- All processes --------------------------------------------------------- */

static struct process *
first_place(const struct supervisor *supervisor)
{
	return supervisor->processes;
}

static struct process *
end_of_places(const struct supervisor *supervisor)
{
	return supervisor->processes + supervisor->shared.places;
}

/* For all places, as a loop's head. */
#define EACH_PLACE(process, supervisor)      \
	process = first_place(supervisor);   \
	process < end_of_places(supervisor); \
	process++

void
processes_reap(struct supervisor *supervisor)
{
	struct process *process;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
		if (pid <= 0)
			return;
		if (handover_ended(supervisor, pid, status))
			continue;
		for (EACH_PLACE(process, supervisor))
			if (process->pid == pid) {
				process_changed(supervisor, process, status);
				break;
			}
	}
}

void
processes_signal(const struct supervisor *supervisor, bool commits, int signal)
{
	const struct process *process;

	for (EACH_PLACE(process, supervisor))
		if (process->pid > 0 && process->kind->commits == commits)
			kill(process->pid, signal);
}

bool
processes_run(const struct supervisor *supervisor, bool commits)
{
	const struct process *process;

	for (EACH_PLACE(process, supervisor))
		if (process->pid > 0 && process->kind->commits == commits)
			return true;
	return false;
}

/*
 * When a process has to be killed as one that hangs: its step takes too long,
 * or a signal has stopped it, since the web server goes on giving it requests.
 * 0: it waits for work.
 */
static struct span
hangs_at(const struct supervisor *supervisor, const struct process *process,
    struct span now)
{
	struct span timeout =
	    span_from_ms(supervisor->settings->request_timeout_ms);
	int64_t since = atomic_load_explicit(
	    &process->status->busy_since_us, memory_order_relaxed);

	if (since == 0)
		since = process->stopped.us;
	if (process->pid == 0 || since == 0)
		return (struct span){0};
	/* Whatever it says, it began within its own time. */
	if (since < process->started.us)
		since = process->started.us;
	else if (since > now.us)
		since = now.us;
	/* Before those who wait for it give up: another one may serve them. */
	if (process->kind->commits)
		timeout.us /= 2;
	return span_plus((struct span){since}, timeout);
}

static bool
is_past(struct span limit, struct span now)
{
	return limit.us != 0 && limit.us <= now.us;
}

static const char overwritten[] = "has its place on the board overwritten";
static const char hangs[] = "hangs";
static const char late[] = "did not leave in time";

/*
 * Why a process is to be killed; NULL: it is not.  What it says of itself and
 * cannot be, somebody else has written, and maybe more of what it goes by: its
 * successor begins with none of it.
 */
static const char *
reason_to_kill(const struct supervisor *supervisor,
    const struct process *process, struct span now)
{
	if (process->pid == 0)
		return NULL;
	if (process->status->service > PROCESS_RETIRES)
		return overwritten;
	if (is_past(hangs_at(supervisor, process, now), now))
		return hangs;
	return is_past(process->leave_by, now) ? late : NULL;
}

/* SIGKILL also ends a stopped process; its end is reaped like any other. */
void
processes_kill_late(struct supervisor *supervisor, struct span now)
{
	struct process *process;
	const char *reason;

	for (EACH_PLACE(process, supervisor)) {
		reason = reason_to_kill(supervisor, process, now);
		if (reason == NULL)
			continue;
		log_message("%s %d (pid %d) %s: killed", process->kind->name,
		    (int)process->number, (int)process->pid, reason);
		kill(process->pid, SIGKILL);
		supervisor->tally.kills += reason == hangs;
		process_idle(process->status);
		process->status->service = PROCESS_OPENS;
		process->stopped = span_from_ms(0);
		process->leave_by = span_from_ms(0);
	}
}

/* When a process that waits for its start gets it. */
static struct span
starts_at(const struct supervisor *supervisor, const struct process *process)
{
	struct span resumes =
	    supervisor->crews[process->kind - process_kinds].resumes;

	return resumes.us > process->start_at.us ? resumes : process->start_at;
}

void
processes_start_due(struct supervisor *supervisor, struct span now)
{
	const bool ends = supervisor->ending != ENDING_NOT;
	struct process *process;

	for (EACH_PLACE(process, supervisor))
		if (process->taken && process->pid == 0 &&
		    (process->kind->commits || !ends) &&
		    starts_at(supervisor, process).us <= now.us)
			start_process(supervisor, process);
}

/*
 * A process that waits now may begin a step at once, and hang with it.
 */
struct span
processes_next_due(const struct supervisor *supervisor, struct span now)
{
	struct span next = span_plus(
	    now, span_from_ms(supervisor->settings->request_timeout_ms / 2));
	const struct process *process;

	for (EACH_PLACE(process, supervisor)) {
		if (!process->taken)
			continue;
		if (process->pid == 0)
			next =
			    span_earlier(next, starts_at(supervisor, process));
		else
			next = span_earlier(next,
			    span_earlier(hangs_at(supervisor, process, now),
				process->leave_by));
	}
	return next;
}
