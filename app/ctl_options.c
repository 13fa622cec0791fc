#include "app/ctl_options.h"

#include <assert.h>
#include <stddef.h>

#include "api/decode.h"
#include "api/rules.h"
#include "base/limits.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
#define TARGET(member) .offset = offsetof(struct command, member)
#define MUST(words) .must = WORD(words)

/* Unix seconds of 9999-12-31, the last year that ISO 8601 can say. */
#define SECONDS_MAX INT64_C(253402300799)

/* The id of an object that must be named right: struct id. */
static bool
rule_whole_id(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct id *id = decode_target(decoding, field);

	if (row == NULL)
		return false;
	/* No object has the id of zeros, which here means none was named. */
	if (id_parse(row->value, record_type(field->kind)->prefix, id) &&
	    id_is_set(*id))
		return true;
	return decode_refuse(decoding, field, NULL);
}

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
    [OPTION_PERMISSIONS] = {"PERMISSION,...",
	"What a restricted key may do, such as "
	"payment_intents:read,refunds:write; :write includes :read.",
	{WORD("permissions"), rule_words, TARGET(permissions),
	    .choices = &permission_names,
	    MUST("must be permissions such as payment_intents:read, each "
		 "once")}},
    [OPTION_MERCHANT] = {"MER", "The one merchant that the key sees.",
	{WORD("merchant"), rule_whole_id, TARGET(scope.merchant),
	    .kind = KIND_MERCHANT,
	    MUST("must be the id of a merchant (mer_...)")}},
    [OPTION_EXPIRES_AT] = {"UNIX", "When it ends, in Unix seconds.",
	{WORD("expires_at"), rule_time, TARGET(expires), .minimum = 1,
	    .maximum = SECONDS_MAX,
	    MUST("must be Unix seconds in the future")}},
    [OPTION_GRACE_SECONDS] = {"N",
	"How long the old key goes on: 0 (the default) to 86400.",
	{WORD("grace_seconds"), rule_seconds, TARGET(grace), .maximum = 86400,
	    MUST("must be an integer from 0 to 86400")}},
    [OPTION_LIMIT] = {"N", "How many: 1 to 100, or else 10.",
	{WORD("limit"), rule_limit, TARGET(limit), .minimum = 1,
	    .maximum = LIST_LIMIT_MAX,
	    MUST("must be an integer from 1 to 100")}},
    [OPTION_STARTING_AFTER] = {"PI", "The last one of the page before.",
	{WORD("starting_after"), rule_id, TARGET(starting_after),
	    .kind = KIND_INTENT,
	    MUST("must be the id of a payment intent (pi_...)")}},
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
