#include "app/confine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"

/* What a sanitizer does at any time is not to be foreseen. */
#ifdef SANITIZED
static const bool is_possible = false;
#else
static const bool is_possible = true;
#endif

/* A thread is none of these (clone(2)). */
#define NEW_NAMESPACES                                                 \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | \
	    CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS)

/* libseccomp's level that can kill a process (seccomp_api_get(3)). */
enum { API_WITH_KILL = 3 };

static bool
is_wanted(const struct settings *settings)
{
	return is_possible && settings->confine != 0;
}

/* -- The table ------------------------------------------------------------- */

enum condition { ALWAYS, EQUAL, NOT_EQUAL };

struct call {
	const char *name;
	unsigned promises; /* any of them allows it */
	enum condition condition;
	unsigned argument;
	uint64_t mask;
	uint64_t value;
};

/* False and errno: libseccomp takes no such rule. */
static bool
allow(scmp_filter_ctx filter, int number, const struct call *call,
    uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp compared = {.arg = call->argument,
	    .op = SCMP_CMP_MASKED_EQ,
	    .datum_a = mask,
	    .datum_b = value};
	const int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW,
	    number, call->condition == ALWAYS ? 0 : 1, &compared);

	/* One that is allowed already. */
	if (result == 0 || result == -EEXIST)
		return true;
	errno = -result;
	return false;
}

/* Some bit is another one: the kernel looks at 32 of them, so do we. */
static bool
allow_others(scmp_filter_ctx filter, int number, const struct call *call)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		const uint64_t mask = UINT64_C(1) << bit;

		if (!allow(filter, number, call, mask, ~call->value & mask))
			return false;
	}
	return true;
}

static bool
add_call(scmp_filter_ctx filter, const struct call *call)
{
	const int number = seccomp_syscall_resolve_name(call->name);

	/* No call of this machine (negative), or of this libseccomp. */
	if (number < 0)
		return true;
	if (call->condition == NOT_EQUAL)
		return allow_others(filter, number, call);
	return allow(filter, number, call, call->mask, call->value);
}

/* What the process has of its own makes it no constant. */
static bool
add_calls(scmp_filter_ctx filter, unsigned promises)
{
	const struct call calls[] = {
#define CALL(promises, name) {#name, promises, ALWAYS, 0, 0, 0},
#define CALL_IF(promises, name, argument, mask, value) \
	{#name, promises, EQUAL, argument, mask, value},
#define CALL_UNLESS(promises, name, argument, value) \
	{#name, promises, NOT_EQUAL, argument, 0, value},
#include "app/confine_calls.def"
#undef CALL
#undef CALL_IF
#undef CALL_UNLESS
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((calls[i].promises & promises) != 0 &&
		    !add_call(filter, &calls[i])) {
			log_message(
			    "confine: %s: %s", calls[i].name, strerror(errno));
			return false;
		}
	return true;
}

/*
 * The C library takes clone() instead, of which can be seen what it makes:
 * clone3() has its flags in memory.
 */
static bool
add_exceptions(scmp_filter_ctx filter)
{
	return seccomp_rule_add(
		   filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

/* -- Its end --------------------------------------------------------------- */

static _Atomic uint32_t *process_forbidden; /* borrowed, shared */

/*
 * Nothing but the number is noted.  SIGSYS is blocked here, so that the kernel
 * kills the process by the next forbidden call (signal(7)): whatever else was
 * done to its signals, it cannot return.
 */
static void
die(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	atomic_store(process_forbidden, 1 + (uint32_t)info->si_syscall);
	for (;;)
		(void)syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8);
}

static bool
catch_forbidden(_Atomic uint32_t *forbidden)
{
	const struct sigaction action = {
	    .sa_sigaction = die, .sa_flags = SA_SIGINFO};

	process_forbidden = forbidden;
	return sigaction(SIGSYS, &action, NULL) == 0;
}

void
confine_call_name(int number, char name[CONFINE_NAME_BYTES])
{
	char *found =
	    seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	(void)snprintf(
	    name, CONFINE_NAME_BYTES, "%s", found != NULL ? found : "unknown");
	free(found);
}

/* -- The filter ------------------------------------------------------------ */

/*
 * Calls of another machine's numbers, such as 32-bit ones, kill at once.  As a
 * binary tree, since a worker's most frequent calls have high numbers as well
 * as low ones.
 */
static bool
set_up(scmp_filter_ctx filter)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
		   SCMP_ACT_KILL_PROCESS) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
}

static bool
confine_calls(unsigned promises, _Atomic uint32_t *forbidden)
{
	scmp_filter_ctx filter;
	bool loaded = false;
	int result;

	errno = 0;
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (filter == NULL || !set_up(filter) || !add_exceptions(filter) ||
	    !catch_forbidden(forbidden)) {
		log_message("confine: libseccomp is of no use here");
	} else if (add_calls(filter, promises)) {
		result = seccomp_load(filter);
		/*
		 * Without memory for all of a filter libseccomp may load some
		 * of it, and say that it has (2.5.4).
		 */
		if (result == 0 && errno == ENOMEM)
			result = -ENOMEM;
		loaded = result == 0;
		if (!loaded)
			log_message("confine: seccomp: %s", strerror(-result));
	}
	seccomp_release(filter);
	return loaded;
}

/*
 * What the settings make of them.  Where there is no committer, everybody who
 * has commands commits.
 */
static unsigned
promises_of(const struct settings *settings, unsigned promises)
{
	if (settings->committers == 0)
		promises |= PROMISE_WRITE;
	if ((promises & PROMISE_STATUS) != 0)
		promises |= settings->status[0] == '/' ? PROMISE_STATUS_FILE
						       : PROMISE_STATUS_TCP;
	return promises;
}

/* With what a reload has made of `core_files`. */
static bool
hide(const struct settings *settings)
{
	if (settings->core_files != 0 || prctl(PR_SET_DUMPABLE, 0) == 0)
		return true;
	log_message("confine: %s", strerror(errno));
	return false;
}

bool
confine_process(const struct settings *settings, unsigned promises,
    _Atomic uint32_t *forbidden)
{
	const unsigned all = promises_of(settings, promises);

	assert((promises & PROMISE_ALL) != 0);
	if (!is_wanted(settings))
		return true;
	/* Read once, for a syslog's lines, while that can be done. */
	tzset();
	return hide(settings) && confine_files(settings, all) &&
	       confine_calls(all, forbidden);
}

/* -- The supervisor -------------------------------------------------------- */

bool
confine_begin(const struct settings *settings)
{
	if (!is_wanted(settings))
		return true;
	if (seccomp_api_get() < API_WITH_KILL) {
		log_message("confine: seccomp (Linux 4.14) is not there or not "
			    "allowed here: `confine = no` serves without");
		return false;
	}
	if (!hide(settings))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return true;
	log_message("confine: %s", strerror(errno));
	return false;
}

void
confine_tell(const struct settings *settings)
{
	if (settings->confine == 0)
		log_message("confine = no: processes may make any system call");
	else if (!is_possible)
		log_notice("confine: not in a build with sanitizers");
	else if (confine_files_version() == 0)
		log_message("confine: without Landlock (Linux 5.13) processes "
			    "may open any file of their user's");
	else
		confine_files_tell(settings);
}
