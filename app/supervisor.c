#include "app/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/rate.h"
#include "app/committer.h"
#include "app/data.h"
#include "app/listener.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/monitor.h"
#include "app/notify.h"
#include "app/process.h"
#include "app/slots.h"
#include "app/sweeper.h"
#include "app/worker.h"

/* The process table: what runs, how many of it, and what it is to others. */
struct process_kind {
	const char *name;
	process_run *run;
	size_t count;	   /* offset of the setting that says it */
	bool submits;	   /* it owns slots for commands */
	bool commits;	   /* it runs what is in them, and ends after those */
	bool unless_empty; /* the setting is a text: one, unless it is empty */
};

static const struct process_kind process_kinds[] = {
    {"committer", committer_run, offsetof(struct settings, committers),
	.commits = true},
    {"worker", worker_run, offsetof(struct settings, workers), .submits = true},
    {"sweeper", sweeper_run, offsetof(struct settings, sweepers),
	.submits = true},
    {"monitor", monitor_run, offsetof(struct settings, status), .submits = true,
	.unless_empty = true},
};

enum {
	PROCESS_KINDS = sizeof(process_kinds) / sizeof(process_kinds[0]),
	/* A process that lived shorter died of its start. */
	SHORT_LIFE_MS = 1000,
	/* The first wait after a short life; it doubles with each. */
	BACKOFF_FIRST_MS = 50,
	/* How often the supervisor shows that it lives, at least. */
	STEP_MS = 1000,
};

struct process {
	const struct process_kind *kind;
	int64_t number; /* of its kind, from 1 */
	struct process_status *status;
	unsigned owner;	     /* of slots, where its kind submits */
	pid_t pid;	     /* 0: not running */
	struct span started; /* this and the next on clock_uptime() */
	struct span start_at;
	struct span backoff;
	struct span stopped; /* by a signal: since when; 0: it is not */
};

struct supervisor {
	const struct settings *settings; /* borrowed */
	struct listener listener;
	struct metrics *metrics;	  /* shared with all processes */
	struct rate_table *rates;	  /* likewise */
	struct slots *slots;		  /* likewise */
	struct process_status *committer; /* NULL: there is none */
	int *bells;			  /* owned: one an owner of slots */
	struct board *board;		  /* shared: a place a process */
	struct process *processes;	  /* owned */
	size_t process_count;
	int signals;	   /* signalfd */
	struct span alive; /* how often systemd wants a word; 0: never */
	bool stop;	   /* somebody asked */
};

const char *
supervisor_kind_name(unsigned kind)
{
	assert(kind < PROCESS_KINDS);
	return process_kinds[kind].name;
}

static struct span
span_plus(struct span a, struct span b)
{
	return (struct span){a.us + b.us};
}

/* Zeroed memory that forks share; NULL, and the reason logged. */
static void *
map_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	log_message("no shared memory: %s", strerror(errno));
	return NULL;
}

/* Blocks the signals and returns them as a file; -1 and logged on failure. */
static int
open_signals(const int *numbers, size_t count)
{
	sigset_t set;
	int file;

	sigemptyset(&set);
	while (count-- > 0)
		sigaddset(&set, numbers[count]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	file = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (file < 0)
		log_message("signalfd: %s", strerror(errno));
	return file;
}

/*
 * In the child: runs the process.  It does not outlive its supervisor, since
 * nobody would watch over it.  SIGINT and SIGHUP stay blocked: a terminal
 * sends them to all, and the supervisor alone decides what they mean.
 */
static _Noreturn void
become(const struct supervisor *supervisor, const struct process *process,
    pid_t parent)
{
	static const int stop_signal[] = {SIGTERM};
	struct process_context context = {
	    .settings = supervisor->settings,
	    .number = process->number,
	    .board = supervisor->board,
	    .status = process->status,
	    .metrics = supervisor->metrics,
	    .rates = supervisor->rates,
	    .listener = supervisor->listener.file,
	    .slots = supervisor->slots,
	    .committer = supervisor->committer,
	    .bells = supervisor->bells,
	    .owner = process->owner,
	};
	sigset_t children;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	log_forked();
	close(supervisor->signals);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &children, NULL);
	context.stop = open_signals(stop_signal, 1);
	if (context.stop < 0)
		_exit(1);
	clock_set_offset(span_from_seconds(context.settings->clock_offset_s));
	process_show_start(context.status);
	exit(process->kind->run(&context));
}

static void
start_process(const struct supervisor *supervisor, struct process *process)
{
	pid_t parent = getpid();

	assert(process->pid == 0);
	process_clear(process->status);
	process->stopped = span_from_ms(0);
	if (process->kind->commits)
		slots_wake(supervisor->slots);
	process->pid = fork();
	if (process->pid == 0)
		become(supervisor, process, parent);
	process->started = clock_uptime();
	if (process->pid > 0) {
		process_appears(process->status, process->pid,
		    (uint32_t)(process->kind - process_kinds),
		    (uint32_t)process->number);
		process->status->generation = supervisor->board->generation;
		supervisor->board->starts++;
		return;
	}
	log_message("%s %d: fork: %s", process->kind->name,
	    (int)process->number, strerror(errno));
	process->pid = 0;
	process->start_at =
	    span_plus(process->started, span_from_ms(SHORT_LIFE_MS));
}

/* Logs how a process ended, and plans its next start. */
static void
process_ended(
    const struct supervisor *supervisor, struct process *process, int status)
{
	const int64_t longest =
	    supervisor->settings->restart_backoff_ms * INT64_C(1000);
	struct span now = clock_uptime();
	int64_t lived_ms = (now.us - process->started.us) / 1000;

	process->status->pid = 0;
	process->status->state = PROCESS_ABSENT;
	supervisor->board->deaths += status != 0 && !supervisor->stop;
	/* One that ends by itself (max_requests) leaves room for another. */
	if (lived_ms >= SHORT_LIFE_MS || status == 0)
		process->backoff = span_from_ms(0);
	else if (process->backoff.us == 0)
		process->backoff = span_from_ms(BACKOFF_FIRST_MS);
	else
		process->backoff.us *= 2;
	if (process->backoff.us > longest)
		process->backoff.us = longest;
	process->start_at = span_plus(now, process->backoff);
	if (status == 0) {
		process->pid = 0;
		return;
	}
	/* It may have said that the committer is busy, and not rung. */
	if (process->kind->submits)
		slots_ring(supervisor->slots);
	log_message("%s %d (pid %d) ended after %lld ms: %s %d%s%s",
	    process->kind->name, (int)process->number, (int)process->pid,
	    (long long)lived_ms, WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    WIFSIGNALED(status) ? ", " : "",
	    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "");
	process->pid = 0;
}

/* What waitpid() has said of a process. */
static void
process_changed(
    const struct supervisor *supervisor, struct process *process, int status)
{
	if (WIFSTOPPED(status))
		process->stopped = clock_uptime();
	else if (WIFCONTINUED(status))
		process->stopped = span_from_ms(0);
	else
		process_ended(supervisor, process, status);
}

static void
reap(struct supervisor *supervisor)
{
	struct process *process;
	int status;
	pid_t pid;
	size_t i;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
		if (pid <= 0)
			return;
		for (i = 0; i < supervisor->process_count; i++) {
			process = &supervisor->processes[i];
			if (process->pid == pid)
				process_changed(supervisor, process, status);
		}
	}
}

/* Processes of the kinds that commit, or of all others. */
static void
signal_all(const struct supervisor *supervisor, bool commits, int signal)
{
	const struct process *process;
	size_t i;

	for (i = 0; i < supervisor->process_count; i++) {
		process = &supervisor->processes[i];
		if (process->pid <= 0 || process->kind->commits != commits)
			continue;
		process->status->state = PROCESS_LEAVES;
		kill(process->pid, signal);
	}
}

static bool
any_runs(const struct supervisor *supervisor, bool commits)
{
	const struct process *process;
	size_t i;

	for (i = 0; i < supervisor->process_count; i++) {
		process = &supervisor->processes[i];
		if (process->pid > 0 && process->kind->commits == commits)
			return true;
	}
	return false;
}

/*
 * When a process has to be killed: one whose step takes too long, or that a
 * signal has stopped, since the web server goes on giving it requests.  0: it
 * waits for work.
 */
static struct span
hangs_at(const struct supervisor *supervisor, const struct process *process)
{
	struct span timeout =
	    span_from_ms(supervisor->settings->request_timeout_ms);
	int64_t since = atomic_load_explicit(
	    &process->status->busy_since_us, memory_order_relaxed);

	if (since == 0)
		since = process->stopped.us;
	if (process->pid == 0 || since == 0)
		return (struct span){0};
	/* Before those who wait for it give up: another one may serve them. */
	if (process->kind->commits)
		timeout.us /= 2;
	return span_plus((struct span){since}, timeout);
}

/* SIGKILL also ends a stopped process; its end is reaped like any other. */
static void
kill_hanging(struct supervisor *supervisor, struct span now)
{
	struct process *process;
	struct span limit;
	size_t i;

	for (i = 0; i < supervisor->process_count; i++) {
		process = &supervisor->processes[i];
		limit = hangs_at(supervisor, process);
		if (limit.us == 0 || limit.us > now.us)
			continue;
		log_message("%s %d (pid %d) hangs: killed", process->kind->name,
		    (int)process->number, (int)process->pid);
		kill(process->pid, SIGKILL);
		supervisor->board->kills++;
		process_idle(process->status);
		process->stopped = span_from_ms(0);
	}
}

/* All that is due, or those of the kinds that commit alone. */
static void
start_due(struct supervisor *supervisor, bool commits_alone, struct span now)
{
	struct process *process;
	size_t i;

	for (i = 0; i < supervisor->process_count; i++) {
		process = &supervisor->processes[i];
		if (process->pid == 0 && process->start_at.us <= now.us &&
		    (process->kind->commits || !commits_alone))
			start_process(supervisor, process);
	}
}

/*
 * When there is something to do next, if no signal comes.  A process that
 * waits now may begin a step at once, and hang with it.
 */
static struct span
next_due(const struct supervisor *supervisor, struct span now)
{
	const int64_t half_ms = supervisor->settings->request_timeout_ms / 2;
	struct span next =
	    span_plus(now, span_from_ms(half_ms < STEP_MS ? half_ms : STEP_MS));
	const struct process *process;
	struct span due;
	size_t i;

	for (i = 0; i < supervisor->process_count; i++) {
		process = &supervisor->processes[i];
		due = process->pid == 0 ? process->start_at
					: hangs_at(supervisor, process);
		if (due.us != 0 && due.us < next.us)
			next = due;
	}
	return next;
}

/*
 * Waits for a signal, but not beyond `until`, nor for longer than systemd
 * does; reaps, and notes a stop.
 */
static void
wait_for_signals(struct supervisor *supervisor, struct span until)
{
	struct pollfd signals = {.fd = supervisor->signals, .events = POLLIN};
	const struct span now = clock_uptime();
	struct signalfd_siginfo signal;
	int64_t left_ms;

	supervisor->board->alive_us = now.us;
	if (supervisor->alive.us != 0) {
		notify_alive();
		if (until.us > now.us + supervisor->alive.us)
			until = span_plus(now, supervisor->alive);
	}
	left_ms = (until.us - now.us + 999) / 1000;
	if (left_ms < 0)
		left_ms = 0;
	if (poll(&signals, 1, (int)left_ms) <= 0)
		return;
	while (read(supervisor->signals, &signal, sizeof(signal)) ==
	       sizeof(signal))
		if (signal.ssi_signo == SIGUSR1)
			atomic_fetch_add(&supervisor->board->logs, 1);
		else if (signal.ssi_signo != SIGCHLD)
			supervisor->stop = true;
	log_look();
	reap(supervisor);
}

/* Waits, up to `limit`, for the end of the kinds that commit, or do not. */
static void
await_end(struct supervisor *supervisor, bool commits, struct span limit)
{
	struct span now = clock_uptime();
	struct span due;

	while (any_runs(supervisor, commits) && now.us < limit.us) {
		kill_hanging(supervisor, now);
		/* Those that end need one that commits, alive. */
		if (!commits)
			start_due(supervisor, true, now);
		due = next_due(supervisor, now);
		wait_for_signals(supervisor, due.us < limit.us ? due : limit);
		now = clock_uptime();
	}
}

/* Lets running requests end, as long as the settings allow. */
static void
stop_all(struct supervisor *supervisor)
{
	const struct span limit = span_plus(clock_uptime(),
	    span_from_ms(supervisor->settings->shutdown_timeout_ms));
	const struct span never = {INT64_MAX};

	notify_stopping();
	supervisor->board->stopping = 1;
	listener_close(&supervisor->listener);
	signal_all(supervisor, false, SIGTERM);
	await_end(supervisor, false, limit);
	if (any_runs(supervisor, false))
		log_message("some requests did not end in time: killed");
	signal_all(supervisor, false, SIGKILL);
	await_end(supervisor, false, never);
	slots_close(supervisor->slots);
	await_end(supervisor, true, limit);
	signal_all(supervisor, true, SIGKILL);
	await_end(supervisor, true, never);
}

static int64_t
kind_count(const struct supervisor *supervisor, const struct process_kind *kind)
{
	const void *count = (const char *)supervisor->settings + kind->count;

	if (kind->unless_empty)
		return *(const char *)count != '\0';
	return *(const int64_t *)count;
}

/* Slots and a bell for each process that submits. */
static bool
open_slots(struct supervisor *supervisor, unsigned owners)
{
	const unsigned each =
	    (unsigned)supervisor->settings->commands_in_flight;
	uint8_t generation[GENERATION_BYTES];

	supervisor->slots = map_shared(slots_bytes(owners, each));
	supervisor->bells = calloc(owners, sizeof(*supervisor->bells));
	if (supervisor->slots == NULL || supervisor->bells == NULL)
		return false;
	for (unsigned i = 0; i < owners; i++) {
		supervisor->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (supervisor->bells[i] < 0) {
			log_message("eventfd: %s", strerror(errno));
			return false;
		}
	}
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	if (getrandom(generation, sizeof(generation), 0) < 0) {
		log_message("getrandom: %s", strerror(errno));
		return false;
	}
	slots_init(supervisor->slots, owners, each, generation);
	return true;
}

/* Lays out the table's processes; none is started. */
static bool
open_processes(struct supervisor *supervisor)
{
	const struct process_kind *kind;
	struct process *process;
	size_t total = 0;
	unsigned owner = 0;
	int64_t number;

	for (kind = process_kinds; kind < process_kinds + PROCESS_KINDS; kind++)
		total += (size_t)kind_count(supervisor, kind);
	supervisor->process_count = total;
	supervisor->processes = calloc(total, sizeof(*process));
	supervisor->board =
	    map_shared(sizeof(struct board) + total * sizeof(*process->status));
	supervisor->metrics = map_shared(metrics_bytes((unsigned)total));
	supervisor->rates = map_shared(rate_table_bytes());
	if (supervisor->processes == NULL || supervisor->board == NULL ||
	    supervisor->metrics == NULL || supervisor->rates == NULL)
		return false;
	metrics_init(supervisor->metrics, (unsigned)total);
	supervisor->board->place_count = (unsigned)total;
	supervisor->board->generation = 1;
	supervisor->board->started_us = clock_uptime().us;
	process = supervisor->processes;
	for (kind = process_kinds; kind < process_kinds + PROCESS_KINDS; kind++)
		for (number = 1; number <= kind_count(supervisor, kind);
		     number++, process++) {
			*process = (struct process){.kind = kind,
			    .number = number,
			    .owner = kind->submits ? owner++ : 0,
			    .status =
				&supervisor->board
				     ->places[process - supervisor->processes]};
			if (kind->commits)
				supervisor->committer = process->status;
		}
	return open_slots(supervisor, owner);
}

/* All that must be there before the first process; the reason is logged. */
static bool
open_supervisor(struct supervisor *supervisor)
{
	static const int watched[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1};
	const struct settings *settings = supervisor->settings;

	supervisor->signals =
	    open_signals(watched, sizeof(watched) / sizeof(watched[0]));
	return supervisor->signals >= 0 && data_opens(settings) &&
	       open_processes(supervisor) &&
	       listener_open(&supervisor->listener, settings) &&
	       log_open(settings, &supervisor->board->logs,
		   &supervisor->metrics->log_lines_lost);
}

/* Starts what is due and ends what hangs, until somebody asks to stop. */
static void
supervise(struct supervisor *supervisor)
{
	supervisor->alive = notify_interval();
	start_due(supervisor, false, clock_uptime());
	log_notice("ready, socket %s%s, workers %d", supervisor->listener.name,
	    supervisor->listener.origin, (int)supervisor->settings->workers);
	notify_ready();
	for (;;) {
		wait_for_signals(
		    supervisor, next_due(supervisor, clock_uptime()));
		if (supervisor->stop)
			return;
		kill_hanging(supervisor, clock_uptime());
		start_due(supervisor, false, clock_uptime());
	}
}

int
supervisor_run(const struct settings *settings)
{
	struct supervisor supervisor = {.settings = settings};
	bool opened = open_supervisor(&supervisor);

	if (opened) {
		/* The store's lock file is for the processes alone. */
		umask(0077);
		supervise(&supervisor);
		stop_all(&supervisor);
	}
	free(supervisor.bells);
	free(supervisor.processes);
	return opened ? 0 : 1;
}
