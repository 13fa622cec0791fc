/*
 * What is said of a process that has died.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "app/confine.h"
#include "app/log.h"
#include "app/supervision.h"

/* What reading a map behind the end of its file, or a wrong page, ends with. */
static bool
may_be_damage(int status)
{
	return WIFSIGNALED(status) &&
	       (WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGSEGV);
}

static void
log_end(const struct process *process, int64_t lived_ms, int status)
{
	log_message("%s %d (pid %d) ended after %lld ms: %s %d%s%s%s",
	    process->kind->name, (int)process->number, (int)process->pid,
	    (long long)lived_ms, WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    WIFSIGNALED(status) ? ", " : "",
	    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "",
	    may_be_damage(status)
		? "; the store may be damaged: run: intentctl verify"
		: "");
}

/* Killed by what confines it. */
static void
note_forbidden(struct supervisor *supervisor, const struct process *process)
{
	const uint32_t forbidden = process->status->forbidden;
	char name[CONFINE_NAME_BYTES] = "unknown";

	/* A thread of its own may have had no time to say which. */
	if (forbidden > 0)
		confine_call_name((int)(forbidden - 1), name);
	log_message("%s %d (pid %d) made a forbidden system call: %s (%d)",
	    process->kind->name, (int)process->number, (int)process->pid, name,
	    (int)forbidden - 1);
	supervisor->tally.forbidden++;
}

void
process_log_end(struct supervisor *supervisor, const struct process *process,
    int64_t lived_ms, int status)
{
	log_end(process, lived_ms, status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		note_forbidden(supervisor, process);
}
