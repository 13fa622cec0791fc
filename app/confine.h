/*
 * What a process may still do once it serves: few system calls, and few files.
 *
 * Before that it has opened its store and what else it needs.  From then on a
 * call that is not in app/confine_calls.def for what the process is for kills
 * it (seccomp(2)), and the supervisor says which call it was; a file that is
 * not in the table of app/confine_files.c cannot be opened (landlock(7),
 * EACCES), where the kernel knows Landlock.  Nothing takes either back.
 */
#ifndef APP_CONFINE_H
#define APP_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/settings.h"

/* What a kind of process is for; bits, that its row has together. */
enum promise {
	PROMISE_ALL = 1,      /* memory, time, the log, the store to read */
	PROMISE_WRITE = 2,    /* the store */
	PROMISE_SERVE = 4,    /* connections that somebody else begins */
	PROMISE_STATUS = 8,   /* the status socket, and how the host is */
	PROMISE_NETWORK = 16, /* connections to receivers of webhooks */
	PROMISE_AUDIT = 32,   /* the audit log's file */
	/* Of PROMISE_STATUS, by what the setting `status` is; confine.c's. */
	PROMISE_STATUS_FILE = 64,
	PROMISE_STATUS_TCP = 128,
};

enum { CONFINE_NAME_BYTES = 32 };

/*
 * For the supervisor, before it does anything else, and with it for all that
 * it starts: nobody of its user looks into it (PR_SET_DUMPABLE; not where the
 * setting `core_files` wants cores, which app/core_files.h bounds), and no
 * program gives it more than it has.  Nothing where the setting `confine` is
 * no. False: the reason is logged; there is no seccomp, for one.
 */
bool confine_begin(const struct settings *settings)
    __attribute__((warn_unused_result));

/*
 * Logs what will not be confined here, once a server: by the setting, in a
 * build with sanitizers, by a kernel that is too old, or by where a log is.
 */
void confine_tell(const struct settings *settings);

/*
 * Confines this process; nothing where the setting is no.  `forbidden` is where
 * it leaves 1 + the number of the call that kills it; borrowed, for its life.
 * False: the reason is logged, and the process must not serve.
 */
bool confine_process(const struct settings *settings, unsigned promises,
    _Atomic uint32_t *forbidden) __attribute__((warn_unused_result));

/* The call's name, or "unknown"; its number is this machine's. */
void confine_call_name(int number, char name[CONFINE_NAME_BYTES]);

/* -- confine_files.c, for confine.c alone ---------------------------------- */

/* What of Landlock the kernel knows; 0: nothing. */
int confine_files_version(void);
/* Logs which settings let others than the committer write to the store. */
void confine_files_tell(const struct settings *settings);
/* False: the reason is logged. */
bool confine_files(const struct settings *settings, unsigned promises)
    __attribute__((warn_unused_result));

#endif
