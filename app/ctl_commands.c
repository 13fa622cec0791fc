#include "app/ctl_commands.h"

#include "app/ctl_options.h"

#define OPTION(name) CTL_OPTION(name)

const struct ctl_command ctl_commands[] = {
    {"init", .store = CTL_STORE_NONE, .run = ctl_init,
	.help = "Makes the store's file, readable by its owner alone."},
    {"account create", .needs = OPTION(NAME), .store = CTL_STORE_READY,
	.run = ctl_account_create,
	.help = "Makes an account: an owner of merchants and keys."},
    {"account list", .store = CTL_STORE_READY, .run = ctl_account_list,
	.help = "Shows all accounts."},
    {"merchant create", .needs = OPTION(NAME),
	.takes = OPTION(ACCOUNT) | OPTION(EMAIL) | OPTION(CHAIN) |
		 OPTION(PAYMENT_ADDRESS) | OPTION(EXTENDED_KEY) |
		 OPTION(FEE_RATE) | OPTION(SETTLEMENT_SCHEDULE) |
		 OPTION(STATUS),
	.store = CTL_STORE_READY, .run = ctl_merchant_create,
	.help = "Makes a merchant; an account's first one is its default."},
    {"merchant list", .takes = OPTION(ACCOUNT), .store = CTL_STORE_READY,
	.run = ctl_merchant_list,
	.help = "Shows all merchants, or those of an account."},
    {"merchant suspend", "MER", KIND_MERCHANT, .store = CTL_STORE_READY,
	.run = ctl_merchant_suspend,
	.help = "Lets a merchant take no more money; it can give back."},
    {"merchant activate", "MER", KIND_MERCHANT, .store = CTL_STORE_READY,
	.run = ctl_merchant_activate,
	.help = "Lets a merchant take money, for the first time or again."},
    {"merchant deactivate", "MER", KIND_MERCHANT, .store = CTL_STORE_READY,
	.run = ctl_merchant_deactivate,
	.help = "Closes a merchant: as suspend, under a name of its own."},
    {"merchant onboard", "MER", KIND_MERCHANT, .store = CTL_STORE_READY,
	.run = ctl_merchant_onboard,
	.help = "Puts a merchant back to where it takes no money yet."},
    {"key create", .needs = OPTION(MODE) | OPTION(TYPE),
	.takes = OPTION(ACCOUNT) | OPTION(NAME) | OPTION(PERMISSIONS) |
		 OPTION(MERCHANT) | OPTION(EXPIRES_AT),
	.store = CTL_STORE_READY, .run = ctl_key_create,
	.help = "Makes an API key and shows it, this once."},
    {"key list", .takes = OPTION(ACCOUNT), .store = CTL_STORE_READY,
	.run = ctl_key_list,
	.help = "Shows all keys, or those of an account, by their ids."},
    {"key revoke", "KEY", KIND_API_KEY, .store = CTL_STORE_READY,
	.run = ctl_key_revoke, .help = "Ends a key, at once and for good."},
    {"key roll", "KEY", KIND_API_KEY, .takes = OPTION(GRACE_SECONDS),
	.store = CTL_STORE_READY, .run = ctl_key_roll,
	.help = "Makes a key in place of another, and shows it, this once."},
    {"intent show", "PI", KIND_INTENT, .store = CTL_STORE_READY,
	.run = ctl_intent_show,
	.help = "Shows a payment intent, with its charges if by card."},
    {"intent list", .needs = OPTION(MODE),
	.takes = OPTION(ACCOUNT) | OPTION(LIMIT) | OPTION(STARTING_AFTER) |
		 OPTION(COINS),
	.store = CTL_STORE_READY, .run = ctl_intent_list,
	.help = "Shows an account's payment intents, newest first."},
    {"webhook list", .takes = OPTION(ACCOUNT) | OPTION(MODE),
	.store = CTL_STORE_READY, .run = ctl_webhook_list,
	.help = "Shows webhook endpoints; secrets never."},
    {"webhook show", "WE", KIND_ENDPOINT, .store = CTL_STORE_READY,
	.run = ctl_webhook_show, .help = "Shows a webhook endpoint."},
    {"webhook deliveries", "WE", KIND_ENDPOINT,
	.takes = OPTION(LIMIT) | OPTION(EVENT), .store = CTL_STORE_READY,
	.run = ctl_webhook_deliveries,
	.help = "Shows what is and was on its way to a webhook endpoint, "
		"newest first, with each attempt and what was answered."},
    {"webhook resend", "EVT", KIND_EVENT, .takes = OPTION(ENDPOINT),
	.store = CTL_STORE_READY, .run = ctl_webhook_resend,
	.help = "Sends an event once more, also where it has arrived."},
    {"webhook rotate", "WE", KIND_ENDPOINT, .takes = OPTION(GRACE_SECONDS),
	.store = CTL_STORE_READY, .run = ctl_webhook_rotate,
	.help = "Makes another secret and shows it, this once; the old one "
		"signs beside it for a while."},
    {"webhook test", "WE", KIND_ENDPOINT, .store = CTL_STORE_READY,
	.run = ctl_webhook_test,
	.help = "Sends endpoint.ping to a webhook endpoint, waits for what "
		"comes of it, and shows that."},
    {"sweep", .needs = OPTION(UNTIL_IDLE), .takes = OPTION(AT),
	.store = CTL_STORE_READY, .run = ctl_sweep,
	.help = "Writes down which payments in coins have expired."},
    {"import", "FILE",
	.takes = OPTION(ACCOUNT) | OPTION(MERCHANT) | OPTION(MODE) |
		 OPTION(BATCH) | OPTION(FROM) | OPTION(SKIP_REFUSED),
	.store = CTL_STORE_READY, .run = ctl_import,
	.help = "Makes payment intents of a file's lines (-: standard "
		"input)."},
    {"status", .takes = OPTION(SOCKET), .store = CTL_STORE_NONE,
	.run = ctl_show_status, .help = "Shows how the running server is."},
    {"top", .takes = OPTION(SOCKET), .store = CTL_STORE_NONE, .run = ctl_top,
	.help = "Shows it again each second, until q or Ctrl-C."},
    {"audit verify", "[FILE...]", .many = true, .store = CTL_STORE_READY,
	.run = ctl_audit_verify,
	.help = "Checks the audit log, in files from the oldest on and in the "
		"store."},
    {"audit show", .takes = OPTION(LIMIT) | OPTION(FROM),
	.store = CTL_STORE_READY, .run = ctl_audit_show,
	.help = "Shows the lines of the audit log that are in the store."},
    {"backup", "FILE",
	.takes = OPTION(FORCE) | OPTION(COMPACT) | OPTION(NO_VERIFY),
	.store = CTL_STORE_READY, .run = ctl_backup,
	.help = "Copies the store beside a running server, and checks the "
		"copy; it has all that was answered before it began (-: to "
		"standard output, unchecked)."},
    {"restore", "FILE", .takes = OPTION(FORCE), .store = CTL_STORE_NONE,
	.run = ctl_restore,
	.help = "Checks a backup and makes it the store, with the server "
		"stopped.  What was answered after the backup is gone, "
		"idempotency keys included: a request of that time would "
		"have its effect again."},
    {"stats", .takes = OPTION(FULL), .store = CTL_STORE_READY, .run = ctl_stats,
	.help = "Shows how much the store holds and what it takes up."},
    {"purge", .takes = OPTION(EVENTS_BEFORE) | OPTION(YES) | OPTION(AT),
	.store = CTL_STORE_READY, .run = ctl_purge,
	.help = "Removes outcomes of idempotency keys older than 24 hours, "
		"beside a running server; payments never."},
    {"compact", .store = CTL_STORE_NONE, .run = ctl_compact,
	.help = "Gives free space back to the disk, with the server stopped "
		"(backup --compact: a small copy of a running one)."},
    {"migrate", .takes = OPTION(DRY_RUN) | OPTION(NO_BACKUP),
	.store = CTL_STORE_NONE, .run = ctl_migrate,
	.help = "Makes an older version's store this one's, with the server "
		"stopped, and keeps a copy beside it."},
    {"export", "FILE", .takes = OPTION(ACCOUNT) | OPTION(MODE) | OPTION(FORCE),
	.store = CTL_STORE_READY, .run = ctl_export,
	.help = "Writes every object as a line of JSON (-: to standard "
		"output), each as it then is, and notes that in the store; "
		"for one moment of all, export a copy of a backup."},
    {"verify", .store = CTL_STORE_ANY, .run = ctl_verify,
	.help = "Checks every record, and all that must hold between them."},
};

const size_t ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);
