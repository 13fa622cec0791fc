/*
 * One call of intentctl, the operator's command line: what its files share.
 *
 * A command is a row of the table in intentctl.c.  Its options are parameters
 * by the same rules as a request's (lib/api/rules.h), and fill the same
 * command that the engine runs for a request.
 */
#ifndef APP_CTL_H
#define APP_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/contract.h"
#include "app/ctl_output.h"
#include "app/settings.h"
#include "core/command.h"
#include "core/outcome.h"
#include "engine/engine.h"

/* The server's settings file, where `make install` places it. */
#define CTL_CONFIG "/etc/intentd/intentd.conf"

/* The exit status. */
enum ctl_status {
	CTL_OK,
	CTL_REFUSED, /* refused, not found, or the store failed */
	CTL_MISUSED, /* not a command, or not with these options */
};

/* What a command needs of the store. */
enum ctl_store {
	CTL_STORE_NONE,	 /* it does not open it, or does so itself */
	CTL_STORE_ANY,	 /* whatever it holds */
	CTL_STORE_READY, /* with this program's schema */
};

struct call;
typedef enum ctl_status ctl_function(struct call *call);

/* A command of the command line. */
struct ctl_command {
	const char *words;   /* "key create" */
	const char *operand; /* what follows them: "KEY"; NULL: nothing */
	enum kind object;    /* that the operand is the id of; or any text */
	uint64_t needs;	     /* options: a sum of CTL_OPTION() */
	uint64_t takes;	     /* options that may be left out */
	enum ctl_store store;
	ctl_function *run;
	const char *help; /* one sentence */
	bool many;	  /* of operands: none, one or more */
};

struct call {
	const struct ctl_command *row;
	struct settings settings;
	struct store *store;	     /* owned; NULL: not open */
	struct engine *engine;	     /* owned; NULL: not open */
	char actor[ACTOR_BYTES_MAX]; /* who calls, for the audit log */
	struct output output;
	const char *operand;	     /* borrowed from argv; NULL: has none */
	const struct text *operands; /* all of them, likewise */
	unsigned operand_count;
	/* Of import and of audit show. */
	uint32_t from;	   /* the line to begin with; 0: not given */
	bool skip_refused; /* go on behind a refused line */
	/* Of status and top alone: where the server tells; "": not given. */
	char socket[SETTING_SOCKET_BYTES];
	/* Options without a value that were given: CTL_OPTION(...). */
	uint64_t noted;
	int lock; /* of ctl_lock(), kept until the process ends; 0: none */
	struct command command;
	struct outcome outcome;
};

/*
 * Opens the store of the settings, and the engine over it; CTL_REFUSED when
 * it has said why not.
 */
enum ctl_status ctl_open(struct call *call, enum ctl_store store)
    __attribute__((warn_unused_result));
void ctl_close(struct call *call);
/*
 * Opens the store, and no engine, for this process alone: no server and no
 * other call of intentctl has it open, or can until this process ends.
 * `create`: makes tables that are missing.  CTL_REFUSED when it has said who
 * or what is in the way.
 */
enum ctl_status ctl_open_alone(struct call *call, bool create)
    __attribute__((warn_unused_result));
/* The lock of the same, also of a store that is missing, and no more. */
enum ctl_status ctl_lock(struct call *call) __attribute__((warn_unused_result));
/* CTL_REFUSED when it has said why the store is not this program's. */
enum ctl_status ctl_check_schema(const struct call *call)
    __attribute__((warn_unused_result));

/* Says why on standard error, as one line; always CTL_REFUSED. */
enum ctl_status ctl_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* The same of a call that is none, with its usage line; CTL_MISUSED. */
enum ctl_status ctl_misuse(const struct ctl_command *command,
    const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of a refusal, in the engine's words. */
enum ctl_status ctl_refuse(const struct error *error);
/* The same of a store that failed while it was read. */
enum ctl_status ctl_fail_store(enum store_result result);

/*
 * Notes in the audit log what was done otherwise than by a command: `what` is
 * a word such as `store_restore`, `detail` any text or "".
 */
enum ctl_status ctl_note(
    struct call *call, const char *what, const char *detail);

/*
 * Runs the command as it stands and prints the object that came of it;
 * CTL_REFUSED when it was refused.
 */
enum ctl_status ctl_run(struct call *call) __attribute__((warn_unused_result));

/* The commands, in ctl_merchants.c, ctl_keys.c, ctl_intents.c and so on. */
ctl_function ctl_init, ctl_verify;
ctl_function ctl_account_create, ctl_account_list;
ctl_function ctl_merchant_create, ctl_merchant_list;
ctl_function ctl_merchant_suspend, ctl_merchant_activate;
ctl_function ctl_merchant_deactivate, ctl_merchant_onboard;
ctl_function ctl_key_create, ctl_key_list, ctl_key_revoke, ctl_key_roll;
ctl_function ctl_intent_show, ctl_intent_list;
ctl_function ctl_sweep;
ctl_function ctl_import;
ctl_function ctl_show_status, ctl_top;
ctl_function ctl_audit_verify, ctl_audit_show;
ctl_function ctl_backup, ctl_restore, ctl_compact, ctl_migrate;
ctl_function ctl_stats, ctl_purge, ctl_export;
ctl_function ctl_webhook_list, ctl_webhook_show, ctl_webhook_deliveries;
ctl_function ctl_webhook_resend, ctl_webhook_rotate, ctl_webhook_test;

/* More lines in one transaction would not fit LMDB's bounds: ctl_import.c. */
enum { IMPORT_BATCH_MAX = 5000 };

#endif
