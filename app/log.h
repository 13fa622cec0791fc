/*
 * The log: one line a request, and messages, in logfmt or JSON, to where the
 * settings say (app/log_sink.h).  Each line is written at once.
 *
 * No line holds a body, a key beyond its public prefix, a raw path or a query.
 * A log that cannot be written stops no payment: its lines are lost, which is
 * counted, said once on standard error, and said in the log when it is back.
 */
#ifndef APP_LOG_H
#define APP_LOG_H

#include <stdatomic.h>

#include "api/handle.h"

struct settings;

/*
 * From here on in this process, and in those that it forks, as the settings
 * say; before, messages are `intentd: ` and their text on standard error.
 * Everything is borrowed: `reopen` is a number that changes when files are to
 * be opened anew, `lost` is where lost lines are counted, of all processes.
 * False: a file cannot be opened, which is said on standard error, and all
 * stays as it was.
 */
bool log_open(const struct settings *settings, const _Atomic uint32_t *reopen,
    _Atomic uint64_t *lost) __attribute__((warn_unused_result));

/* In a process that was just forked: it opens files of its own. */
void log_forked(void);

/*
 * Lets go of files that are to be opened anew.  Each line does so by itself;
 * for a process that may write none for long.
 */
void log_look(void);

/*
 * `time=... level=warning message="..."`: something is not as it should be.
 * What does not fit a line is cut.
 */
void log_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Likewise with level=notice: what an operator may want to know. */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where the time of a request went; sums, where it waited several times. */
struct log_durations {
	struct span queue; /* for a slot, since other commands had them all */
	/*
	 * For what a command came to, its commit included; of a request
	 * without a command: all of its handling, which reads the store.
	 */
	struct span store;
	struct span total; /* from its whole request to its answer */
};

/*
 * One request: `time=... request=req_... contract=card method=POST
 * route=/v1/payment_intents status=200 code= account=acct_...
 * key=sk_test_abcd idempotency=new queue_us=0 store_us=640 total_us=812`.  A
 * member that is not known is empty, in JSON null.  True: it was a slow one,
 * and ends with `slow=true`.
 */
bool log_request(const struct request *request, const struct response *response,
    const struct log_durations *durations);

#endif
