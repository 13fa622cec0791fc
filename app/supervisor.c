#include "app/supervisor.h"
#include "app/crash.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/confine.h"
#include "app/core_files.h"
#include "app/data.h"
#include "app/identity.h"
#include "app/listener.h"
#include "app/log.h"
#include "app/metrics.h"
#include "app/notify.h"
#include "app/pid_file.h"
#include "app/process.h"
#include "app/slots.h"
#include "app/supervision.h"

/* -- A reload -------------------------------------------------------------- */

/* What lasts as long as a server: a reload leaves it as it was. */
static const struct lasting {
	const char *name;
	size_t offset;
	size_t bytes;
	bool is_text;
} lasting_settings[] = {
#define LASTING(setting)                                                 \
	{                                                                \
#setting, offsetof(struct settings, setting),            \
		    sizeof(((struct settings *)NULL)->setting),          \
		    _Generic(((struct settings *)NULL)->setting, int64_t \
			     : false, default                            \
			     : true)                                     \
	}
    LASTING(store),
    LASTING(socket),
    LASTING(socket_owner),
    LASTING(socket_group),
    LASTING(socket_mode),
    LASTING(allow_remote),
    LASTING(committers),
    LASTING(commands_in_flight),
    LASTING(pid_file),
    LASTING(user),
    LASTING(group),
    LASTING(confine),
#undef LASTING
};

static void
keep_lasting(const struct settings *now, struct settings *fresh)
{
	const struct lasting *row = lasting_settings;
	const size_t rows = sizeof(lasting_settings) / sizeof(*row);
	const char *old, *given;
	bool equal;

	for (size_t i = 0; i < rows; i++, row++) {
		old = (const char *)now + row->offset;
		given = (const char *)fresh + row->offset;
		equal = row->is_text ? strcmp(old, given) == 0
				     : memcmp(old, given, row->bytes) == 0;
		if (equal)
			continue;
		log_message("%s: a reload does not change it, SIGUSR2 or a "
			    "restart does",
		    row->name);
		memcpy((char *)fresh + row->offset, old, row->bytes);
	}
}

/* False: logged where it went before. */
static bool
open_log(const struct supervisor *supervisor)
{
	const struct shared *shared = &supervisor->shared;

	return log_open(supervisor->settings, &shared->board->logs,
	    &shared->metrics.shared->log_lines_lost);
}

static void
reload(struct supervisor *supervisor)
{
	static struct settings fresh;
	struct settings_error error;

	notify_reloading();
	if (!settings_load(&fresh, supervisor->source, &error)) {
		log_message("the settings stay: %s", error.reason);
		notify_ready();
		return;
	}
	keep_lasting(supervisor->settings, &fresh);
	*supervisor->settings = fresh;
	supervisor->generation++;
	(void)open_log(supervisor);
	CRASH_POINT(SUPERVISOR_RELOADED);
	log_notice("the settings are read again");
	crews_size(supervisor);
}

/* -- Signals --------------------------------------------------------------- */

int
supervisor_open_signals(const int *numbers, size_t count)
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

/* A way to end that was asked for goes before a slower one. */
static void
end_by(struct supervisor *supervisor, enum ending ending)
{
	if (supervisor->ending < ending)
		supervisor->ending = ending;
}

/* Who takes over from nobody yet leaves that one's connections alone. */
static void
act_stop(struct supervisor *supervisor)
{
	end_by(supervisor,
	    supervisor->predecessor >= 0 ? ENDING_GENTLY : ENDING_SOON);
	handover_signal(supervisor, SIGTERM);
}

static void
act_quit(struct supervisor *supervisor)
{
	end_by(supervisor, ENDING_NOW);
	handover_signal(supervisor, SIGQUIT);
}

static void
act_reload(struct supervisor *supervisor)
{
	if (supervisor->ending == ENDING_NOT)
		reload(supervisor);
}

static void
act_reopen_logs(struct supervisor *supervisor)
{
	supervisor->shared.board->logs++;
	log_look();
}

static void
act_replace(struct supervisor *supervisor)
{
	if (supervisor->ending == ENDING_NOT)
		handover_begin(supervisor);
}

static void
act_add_worker(struct supervisor *supervisor)
{
	crews_scale(supervisor, 1);
}

static void
act_remove_worker(struct supervisor *supervisor)
{
	crews_scale(supervisor, -1);
}

static const struct {
	int number;
	void (*act)(struct supervisor *supervisor);
} actions[] = {
#define SIGNAL(name, action, sentence) {SIG##name, act_##action},
#include "app/signals.def"
#undef SIGNAL
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

void
supervisor_block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ACTIONS; i++)
		sigaddset(&set, actions[i].number);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
open_signals(void)
{
	int watched[ACTIONS + 1];

	for (size_t i = 0; i < ACTIONS; i++)
		watched[i] = actions[i].number;
	watched[ACTIONS] = SIGCHLD;
	return supervisor_open_signals(watched, ACTIONS + 1);
}

static void
act_on(struct supervisor *supervisor, uint32_t number)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if ((uint32_t)actions[i].number == number)
			actions[i].act(supervisor);
}

static void
read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo signal;

	while (read(supervisor->signals, &signal, sizeof(signal)) ==
	       sizeof(signal))
		act_on(supervisor, signal.ssi_signo);
	processes_reap(supervisor);
}

/* -- The loop -------------------------------------------------------------- */

/* When the loop has something to do, if nobody wakes it. */
static struct span
next_due(const struct supervisor *supervisor, struct span limit)
{
	const struct span now = clock_uptime();
	const struct span alive = notify_interval();
	struct span due = processes_next_due(supervisor, now);

	if (supervisor->handover.pid > 0)
		due = span_earlier(due, supervisor->handover.until);
	if (alive.us > 0)
		due = span_earlier(due, span_plus(now, alive));
	return span_earlier(due, limit);
}

/* It only wakes: what is new stands on the board. */
static void
hear_news(const struct supervisor *supervisor)
{
	uint64_t times;

	(void)!read(supervisor->shared.news, &times, sizeof(times));
}

/*
 * Waits for a signal, for news of a process, or for a new program's word, but
 * not beyond `limit`; and does what they ask for.
 */
static void
wait_for_news(struct supervisor *supervisor, struct span limit)
{
	struct pollfd files[] = {
	    {.fd = supervisor->signals, .events = POLLIN},
	    {.fd = supervisor->shared.news, .events = POLLIN},
	    {.fd = supervisor->handover.channel, .events = POLLIN},
	};
	const struct span until = next_due(supervisor, limit);
	int64_t left_ms = (until.us - clock_uptime().us + 999) / 1000;

	if (left_ms < 0)
		left_ms = 0;
	if (poll(files, sizeof(files) / sizeof(files[0]), (int)left_ms) <= 0)
		return;
	if (files[1].revents != 0)
		hear_news(supervisor);
	if (files[2].revents != 0)
		handover_hear(supervisor);
	if (files[0].revents != 0)
		read_signals(supervisor);
}

/* The settings in force serve: who waited for that is told. */
static void
note_complete(struct supervisor *supervisor)
{
	const struct settings *settings = supervisor->settings;
	const bool first = supervisor->complete == 0;

	if (supervisor->complete == supervisor->generation ||
	    !crews_serve(supervisor, first && supervisor->predecessor >= 0))
		return;
	supervisor->complete = supervisor->generation;
	CRASH_POINT(SUPERVISOR_READY);
	if (first) {
		log_notice("ready, socket %s%s, workers %d",
		    supervisor->listener.name, supervisor->listener.origin,
		    (int)settings->workers);
		identity_tell(settings);
		confine_tell(settings);
		if (!pid_file_write(settings->pid_file) &&
		    supervisor->predecessor >= 0) {
			/* Nobody would find this one: the other goes on. */
			supervisor->ending = ENDING_GENTLY;
			return;
		}
		handover_tell(supervisor);
	} else {
		log_notice("the settings are in force, workers %d",
		    (int)settings->workers);
	}
	notify_ready();
}

/* What is due now, by the clock and by what processes say of themselves. */
static void
step(struct supervisor *supervisor)
{
	const struct span now = clock_uptime();

	if (notify_interval().us > 0)
		notify_alive();
	processes_kill_late(supervisor, now);
	crews_balance(supervisor);
	processes_start_due(supervisor, clock_uptime());
	handover_look(supervisor, now);
	board_show(supervisor);
	if (supervisor->ending == ENDING_NOT)
		note_complete(supervisor);
}

static void
supervise(struct supervisor *supervisor)
{
	const struct span never = {INT64_MAX};

	for (;;) {
		step(supervisor);
		wait_for_news(supervisor, never);
		if (supervisor->ending != ENDING_NOT)
			return;
	}
}

/* -- The end --------------------------------------------------------------- */

/* Which a new program that is told to quit has for its files. */
enum { QUIT_WITHIN_MS = 1000 };

/* Tells the processes but those that commit, anew when it became urgent. */
static void
tell_end(struct supervisor *supervisor, enum ending *told)
{
	if (*told == supervisor->ending)
		return;
	*told = supervisor->ending;
	supervisor->stopping |= *told >= ENDING_SOON;
	board_show(supervisor);
	processes_signal(
	    supervisor, false, *told == ENDING_NOW ? SIGKILL : SIGTERM);
}

/* Those that commit serve the others until these have ended. */
static void
end_others(struct supervisor *supervisor, struct span limit)
{
	const struct span never = {INT64_MAX};
	enum ending told = ENDING_NOT;

	while (processes_run(supervisor, false)) {
		tell_end(supervisor, &told);
		step(supervisor);
		if (limit.us <= clock_uptime().us) {
			log_message(
			    "some requests did not end in time: killed");
			processes_signal(supervisor, false, SIGKILL);
			limit = never;
		}
		wait_for_news(supervisor, limit);
	}
}

static void
end_committer(struct supervisor *supervisor, struct span limit)
{
	slots_close(&supervisor->shared.slots);
	while (processes_run(supervisor, true)) {
		if (supervisor->ending == ENDING_NOW ||
		    limit.us <= clock_uptime().us) {
			processes_signal(supervisor, true, SIGKILL);
			limit = (struct span){INT64_MAX};
		}
		processes_kill_late(supervisor, clock_uptime());
		wait_for_news(supervisor, limit);
	}
}

/* A new program that came to nothing, since this one was told to end. */
static void
end_handover(struct supervisor *supervisor, struct span limit)
{
	const struct span at_once = span_from_ms(QUIT_WITHIN_MS);
	bool urgent = false;

	while (supervisor->handover.pid > 0) {
		if (supervisor->ending == ENDING_NOW && !urgent)
			limit = span_earlier(
			    limit, span_plus(clock_uptime(), at_once));
		urgent = supervisor->ending == ENDING_NOW;
		if (limit.us <= clock_uptime().us) {
			handover_signal(supervisor, SIGKILL);
			limit = (struct span){INT64_MAX};
		}
		wait_for_news(supervisor, limit);
	}
}

/* Lets running requests end, as long as the settings allow. */
static void
end_all(struct supervisor *supervisor)
{
	const struct span limit = span_plus(clock_uptime(),
	    span_from_ms(supervisor->settings->shutdown_timeout_ms));

	/* Whose the file is, who serves on. */
	if (supervisor->handover.keeps_socket ||
	    (supervisor->predecessor >= 0 && supervisor->socket_is_given))
		listener_forget(&supervisor->listener);
	else
		listener_close(&supervisor->listener);
	if (supervisor->ending > ENDING_GENTLY)
		notify_stopping();
	CRASH_POINT(SUPERVISOR_ENDS);
	end_others(supervisor, limit);
	CRASH_POINT(SUPERVISOR_DRAINED);
	end_committer(supervisor, limit);
	CRASH_POINT(SUPERVISOR_ENDED);
	end_handover(supervisor, limit);
	pid_file_remove(supervisor->settings->pid_file);
}

/* -- The start ------------------------------------------------------------- */

/* The file of this program; one that is put in its place has its name. */
static bool
find_program(struct supervisor *supervisor)
{
	static const char gone[] = " (deleted)";
	char *program = supervisor->program;
	ssize_t length = readlink(
	    "/proc/self/exe", program, sizeof(supervisor->program) - 1);

	if (length <= 0) {
		log_message("/proc/self/exe: %s", strerror(errno));
		return false;
	}
	program[length] = '\0';
	length -= (ssize_t)sizeof(gone) - 1;
	if (length > 0 && strcmp(program + length, gone) == 0)
		program[length] = '\0';
	return true;
}

/* All that must be there before the first process; the reason is logged. */
static bool
open_supervisor(struct supervisor *supervisor)
{
	int socket;

	supervisor->signals = open_signals();
	if (supervisor->signals < 0 || !confine_begin(supervisor->settings) ||
	    !handover_inherit(supervisor, &socket) ||
	    !find_program(supervisor) || !data_opens(supervisor->settings) ||
	    !processes_open(supervisor) ||
	    !handover_listen(supervisor, socket) ||
	    !identity_take(supervisor->settings))
		return false;
	supervisor->started = clock_uptime();
	board_show(supervisor);
	crews_size(supervisor);
	return open_log(supervisor);
}

int
supervisor_run(struct settings *settings, const struct settings_source *source,
    char *const argv[])
{
	static struct supervisor supervisor;
	bool opened;

	supervisor = (struct supervisor){.settings = settings,
	    .source = source,
	    .argv = argv,
	    .generation = 1,
	    .handover.channel = -1,
	    .predecessor = -1};
	core_files_allow(settings->core_files != 0);
	opened = open_supervisor(&supervisor);
	if (opened) {
		/* The store's lock file is for the processes alone. */
		umask(0077);
		supervise(&supervisor);
		end_all(&supervisor);
	}
	processes_close(&supervisor);
	return opened ? 0 : 1;
}
