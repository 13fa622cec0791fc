/*
 * What intentctl's completion knows: its commands, what each takes, and which
 * values an option has.  Nothing in the tables needs quotes beyond '...'.
 */
#include <assert.h>
#include <string.h>

#include "api/rules.h"
#include "app/ctl_commands.h"
#include "app/ctl_options.h"
#include "app/reference.h"

static void
put(struct buffer *script, const char *string)
{
	assert(strchr(string, '\'') == NULL);
	buffer_put_text(script, text_of(string));
}

static void
put_option(struct buffer *script, const struct option *option)
{
	char name[64];

	ctl_option_name(option->field.name, name, sizeof(name));
	buffer_print(script, "--%s", name);
}

static void
put_options(const struct ctl_command *command, struct buffer *script)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (((command->needs | command->takes) & (UINT64_C(1) << i)) ==
		    0)
			continue;
		put_option(script, &ctl_options[i]);
		put(script, " ");
	}
}

static void
put_command_tables(struct buffer *script)
{
	put(script, "_intentctl_commands() {\n\tprintf \"%s\\n\"");
	for (size_t i = 0; i < ctl_command_count; i++) {
		buffer_put_text(script, TEXT(" \\\n\t\t'"));
		put(script, ctl_commands[i].words);
		buffer_put_byte(script, '\'');
	}
	put(script, "\n}\n\n_intentctl_command() {\n\tcase $1 in\n");
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *command = &ctl_commands[i];

		buffer_print(script, "\t'%s')\n\t\toptions='", command->words);
		put_options(command, script);
		buffer_print(script, "' operand='%s'\n\t\t;;\n",
		    command->operand != NULL ? command->operand : "");
	}
	put(script, "\tesac\n}\n");
}

/* The words that a value may be; false: they are not to be listed. */
static bool
put_choices(const struct option *option, struct buffer *script)
{
	const struct field *field = &option->field;

	if (field->choices != NULL) {
		for (unsigned i = 1; i < field->choices->count; i++)
			if (field->allowed == 0 ||
			    (field->allowed & (1u << i)) != 0)
				buffer_print(script, "%.*s ",
				    TEXT_PRINT(name_text(field->choices, i)));
		return true;
	}
	if (strchr(option->value, '|') == NULL)
		return false;
	for (const char *at = option->value; *at != '\0'; at++)
		buffer_put_byte(script, *at == '|' ? ' ' : (uint8_t)*at);
	return true;
}

/* Options without a value are not in it. */
static void
put_value_tables(struct buffer *script)
{
	put(script, "\n_intentctl_value() {\n\tcase $1 in\n");
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &ctl_options[i];

		if (option->value == NULL)
			continue;
		put(script, "\t");
		put_option(script, option);
		buffer_put_text(script, TEXT(")\n\t\tvalues='"));
		if (put_choices(option, script))
			buffer_put_text(script, TEXT("'"));
		else
			buffer_print(script, "' kind='%s'", option->value);
		put(script,
		    option->field.rule == rule_words ? " list=yes\n" : "\n");
		put(script, "\t\t;;\n");
	}
	put(script, "\t*)\n\t\treturn 1\n\t\t;;\n\tesac\n}\n");
}

void
reference_completion(struct buffer *script)
{
	put_command_tables(script);
	put_value_tables(script);
}
