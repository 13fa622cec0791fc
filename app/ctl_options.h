/*
 * The options of the command line: one table of what each is called, how it
 * is read and where it goes.  They are read by the rules of the contracts'
 * parameters (lib/api/rules.h), so that a name or a permission is the same
 * here and there.
 */
#ifndef APP_CTL_OPTIONS_H
#define APP_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/contract.h"

/* In the order in which a usage line has them. */
enum ctl_option {
	OPTION_ACCOUNT,
	OPTION_MODE,
	OPTION_TYPE,
	OPTION_NAME,
	OPTION_EMAIL,
	OPTION_CHAIN,
	OPTION_PAYMENT_ADDRESS,
	OPTION_EXTENDED_KEY,
	OPTION_FEE_RATE,
	OPTION_SETTLEMENT_SCHEDULE,
	OPTION_STATUS,
	OPTION_PERMISSIONS,
	OPTION_MERCHANT,
	OPTION_EXPIRES_AT,
	OPTION_GRACE_SECONDS,
	OPTION_LIMIT,
	OPTION_STARTING_AFTER,
	OPTION_COINS,
	OPTION_BATCH,
	OPTION_FROM,
	OPTION_SKIP_REFUSED,
	OPTION_UNTIL_IDLE,
	OPTION_AT,
	OPTION_SOCKET,
	OPTION_FORCE,
	OPTION_COMPACT,
	OPTION_NO_VERIFY,
	OPTION_FULL,
	OPTION_EVENTS_BEFORE,
	OPTION_YES,
	OPTION_DRY_RUN,
	OPTION_NO_BACKUP,
	OPTION_EVENT,
	OPTION_ENDPOINT,
	OPTION_COUNT
};

#define CTL_OPTION(option) (UINT64_C(1) << OPTION_##option)

struct option {
	const char *value;  /* its value in a usage line; NULL: has none */
	const char *help;   /* one sentence */
	struct field field; /* its name has '_' where the option has '-' */
};

extern const struct option ctl_options[OPTION_COUNT];

/* The option of a name without `--`, or OPTION_COUNT. */
enum ctl_option ctl_option_named(struct text name);

/*
 * `expires-at` for a parameter's name, `expires_at`, and `permissions` for one
 * of its elements, `permissions[]`; cut to the size.
 */
void ctl_option_name(struct text field, char *to, size_t size);

#endif
