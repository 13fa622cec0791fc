#include "app/ctl_options.h"

#include <assert.h>
#include <stddef.h>

#include "api/rules.h"
#include "app/ctl.h"
#include "app/ctl_rules.h"
#include "app/import_line.h"
#include "app/settings.h"
#include "base/limits.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define TARGET(member) .offset = offsetof(struct command, member)
#define MUST(words) .must = WORD(words)

/* A serialized key of BIP-32 has 111 or 112. */
enum { KEY_CHARACTERS_MAX = 128 };

/* Unix seconds of 9999-12-31, the last year that ISO 8601 can say. */
#define SECONDS_MAX INT64_C(253402300799)

/* Seven days: a secret's; a key's has a bound of its own. */
enum { GRACE_SECONDS_MAX = 7 * 86400 };

const struct option ctl_options[OPTION_COUNT] = {
    [OPTION_ACCOUNT] = {"ACCT",
	"The account; needed where the store has several.",
	{WORD("account"), rule_whole_id, TARGET(scope.account),
	    .kind = KIND_ACCOUNT,
	    MUST("must be the id of an account (acct_...)")}},
    [OPTION_MODE] = {"test|live", "Whether it is about real money.",
	{WORD("mode"), rule_word, TARGET(scope.mode), .choices = &mode_names,
	    MUST("must be test or live")}},
    [OPTION_TYPE] = {"secret|publishable|restricted",
	"What the key may do: everything; read and confirm an intent whose "
	"client secret comes along; what its permissions say.",
	{WORD("type"), rule_word, TARGET(key_type), .choices = &key_type_names,
	    MUST("must be secret, publishable or restricted")}},
    [OPTION_NAME] = {"NAME", "What people call it: 1 to 256 characters.",
	{WORD("name"), rule_text, TARGET(name), .minimum = 1,
	    .maximum = NAME_CHARACTERS_MAX,
	    MUST("must be a text of 1 to 256 characters")}},
    [OPTION_EMAIL] = {"EMAIL", "Whom to write to.",
	{WORD("email"), rule_email, TARGET(email), .minimum = 1,
	    .maximum = EMAIL_CHARACTERS_MAX, MUST("must be an email address")}},
    [OPTION_CHAIN] = {"CHAIN",
	"Where coins are paid in live mode: the chain of the settings, which "
	"is also what it is without this.",
	{WORD("chain"), rule_text, TARGET(chain), .minimum = 1,
	    .maximum = SETTING_WORD_BYTES - 1, MUST("must be a chain's name")}},
    [OPTION_PAYMENT_ADDRESS] = {"0x...",
	"The one address that all its payments in coins go to; two open "
	"ones of the same amount are then refused.",
	{WORD("payment_address"), rule_payment_address, TARGET(payment_address),
	    MUST("must be an address, 0x and 40 digits whose capitals are a "
		 "checksum (EIP-55)")}},
    [OPTION_EXTENDED_KEY] = {"xpub...",
	"An extended public key (BIP-32), from which every payment in coins "
	"gets an address of its own.",
	{WORD("extended_key"), rule_text, TARGET(extended_key), .minimum = 1,
	    .maximum = KEY_CHARACTERS_MAX,
	    MUST("must be an extended public key (BIP-32, xpub...)")}},
    [OPTION_FEE_RATE] = {"RATE",
	"What a payment in coins costs it: 0 (the default) to 1 with up to "
	"six decimals; 0.029 is 2.9 %.",
	{WORD("fee_rate"), rule_fee_rate, TARGET(fee_rate),
	    MUST("must be a number from 0 to 1 with at most six decimals")}},
    [OPTION_SETTLEMENT_SCHEDULE] = {"manual|daily|weekly|monthly",
	"How often it is paid out; daily without this.",
	{WORD("settlement_schedule"), rule_word, TARGET(schedule),
	    .choices = &schedule_names,
	    MUST("must be manual, daily, weekly or monthly")}},
    [OPTION_STATUS] = {"onboarding|active",
	"Whether it takes payments at once; active without this.",
	{WORD("status"), rule_word, TARGET(merchant_status),
	    .choices = &merchant_status_names,
	    .allowed =
		1u << MERCHANT_STATUS_ONBOARDING | 1u << MERCHANT_STATUS_ACTIVE,
	    MUST("must be onboarding or active")}},
    [OPTION_PERMISSIONS] = {"PERMISSION,...",
	"What a restricted key may do, such as "
	"payment_intents:read,refunds:write; :write includes :read.",
	{WORD("permissions"), rule_words, TARGET(permissions),
	    .choices = &permission_names,
	    MUST("must be permissions such as payment_intents:read, each "
		 "once")}},
    [OPTION_MERCHANT] = {"MER",
	"The one merchant that the key sees, or that the intents are of.",
	{WORD("merchant"), rule_whole_id, TARGET(scope.merchant),
	    .kind = KIND_MERCHANT,
	    MUST("must be the id of a merchant (mer_...)")}},
    [OPTION_EXPIRES_AT] = {"UNIX", "When it ends, in Unix seconds.",
	{WORD("expires_at"), rule_time, TARGET(expires), .minimum = 1,
	    .maximum = SECONDS_MAX,
	    MUST("must be Unix seconds in the future")}},
    [OPTION_GRACE_SECONDS] = {"N",
	"How long the old one goes on: a key 0 to 86400 (0 without this), a "
	"webhook endpoint's secret 0 to 604800 (86400 without this).",
	{WORD("grace_seconds"), rule_seconds, TARGET(grace),
	    .given = GIVEN_GRACE, .maximum = GRACE_SECONDS_MAX,
	    MUST("must be an integer from 0 to 604800")}},
    [OPTION_LIMIT] = {"N",
	"How many: 1 to 100; a page of a list has 10 without this.",
	{WORD("limit"), rule_limit, TARGET(limit), .minimum = 1,
	    .maximum = LIST_LIMIT_MAX,
	    MUST("must be an integer from 1 to 100")}},
    [OPTION_STARTING_AFTER] = {"PI", "The last one of the page before.",
	{WORD("starting_after"), rule_id, TARGET(starting_after),
	    .kind = KIND_INTENT,
	    MUST("must be the id of a payment intent (pi_...)")}},
    [OPTION_COINS] = {NULL, "Those in coins; without this, those by card.",
	{.name = WORD("coins"), .rule = rule_coins}},
    [OPTION_BATCH] = {"N",
	"How many lines are one transaction, written or not as a whole: 1 to "
	"5000, or else 1000.",
	{WORD("batch"), rule_limit, TARGET(limit), .minimum = 1,
	    .maximum = IMPORT_BATCH_MAX,
	    MUST("must be an integer from 1 to 5000")}},
    [OPTION_FROM] = {"LINE",
	"The line to begin with, from 1; of an import, where one before "
	"this one has ended.",
	{WORD("from"), rule_from_line, .minimum = 1,
	    .maximum = IMPORT_LINES_MAX,
	    MUST("must be an integer from 1 to 4000000000")}},
    [OPTION_SKIP_REFUSED] = {NULL,
	"Reports lines that are refused and goes on; without this, the first "
	"one ends it, and nothing of its batch is written.  What the API "
	"keeps of a refusal, such as a declined payment, is kept.",
	{.name = WORD("skip_refused"), .rule = rule_skip_refused}},
    [OPTION_UNTIL_IDLE] = {NULL,
	"To the end of what is due; nothing goes on after that.",
	{.name = WORD("until_idle"), .rule = rule_flag}},
    [OPTION_AT] = {"TIME",
	"As if it were then, such as 2026-01-02T03:04:05Z; for tests.",
	{WORD("at"), rule_now, TARGET(now),
	    MUST("must be a time such as 2026-01-02T03:04:05Z")}},
    [OPTION_SOCKET] = {"PATH",
	"The server's status socket; without this, the one of the settings.",
	{WORD("socket"), rule_socket,
	    MUST("must be an absolute path or tcp:127.0.0.1:PORT")}},
    [OPTION_FORCE] = {NULL,
	"Takes the place of what is there: a file, which stays until the new "
	"one is whole; or a store, which is kept beside it.",
	{.name = WORD("force"), .rule = rule_noted}},
    [OPTION_COMPACT] = {NULL,
	"Leaves free pages out and puts the others in order.",
	{.name = WORD("compact"), .rule = rule_noted}},
    [OPTION_NO_VERIFY] = {NULL, "Does not check every record of the copy.",
	{.name = WORD("no_verify"), .rule = rule_noted}},
    [OPTION_FULL] = {NULL,
	"Reads every payment and every delivery, in short transactions, "
	"and counts them by status; without this only what costs next to "
	"nothing is said.",
	{.name = WORD("full"), .rule = rule_noted}},
    [OPTION_EVENTS_BEFORE] = {"TIME",
	"Events made before it go as well, with their deliveries; such as "
	"2026-01-02T03:04:05Z.",
	{WORD("events_before"), rule_now, TARGET(expires),
	    MUST("must be a time such as 2026-01-02T03:04:05Z")}},
    [OPTION_YES] = {NULL, "Does it; without this it only counts.",
	{.name = WORD("yes"), .rule = rule_noted}},
    [OPTION_DRY_RUN] = {NULL, "Only says what would be done.",
	{.name = WORD("dry_run"), .rule = rule_noted}},
    [OPTION_NO_BACKUP] = {NULL, "Makes no copy of the store before.",
	{.name = WORD("no_backup"), .rule = rule_noted}},
    [OPTION_EVENT] = {"EVT", "The one event, of all that were on their way.",
	{WORD("event"), rule_whole_id, TARGET(event), .kind = KIND_EVENT,
	    MUST("must be the id of an event (evt_...)")}},
    [OPTION_ENDPOINT] = {"WE",
	"The one webhook endpoint; without this, each that wants the event.",
	{WORD("endpoint"), rule_whole_id, TARGET(endpoint),
	    .kind = KIND_ENDPOINT,
	    MUST("must be the id of a webhook endpoint (we_...)")}},
};

/* As text_equal, with '-' in the option standing for '_' in the field. */
static bool
names_option(struct text name, struct text field)
{
	if (name.length != field.length)
		return false;
	for (size_t i = 0; i < name.length; i++)
		if (name.bytes[i] == '_' ||
		    (name.bytes[i] != field.bytes[i] &&
			!(name.bytes[i] == '-' && field.bytes[i] == '_')))
			return false;
	return true;
}

enum ctl_option
ctl_option_named(struct text name)
{
	unsigned option = 0;

	while (option < OPTION_COUNT &&
	       !names_option(name, ctl_options[option].field.name))
		option++;
	return (enum ctl_option)option;
}

void
ctl_option_name(struct text field, char *to, size_t size)
{
	struct text element;
	struct text name;

	text_split(field, '[', &name, &element);
	text_copy(name, to, size);
	for (; *to != '\0'; to++)
		if (*to == '_')
			*to = '-';
}
