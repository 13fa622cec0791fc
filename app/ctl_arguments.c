#include "app/ctl_arguments.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "api/rules.h"
#include "app/ctl_options.h"

/* Options that every command has: of a value, or none. */
static const struct common {
	struct text name;
	uint16_t offset; /* of a const char *, or of a bool */
	bool is_flag;
} commons[] = {
    {{"config", 6}, offsetof(struct arguments, config), false},
    {{"store", 5}, offsetof(struct arguments, store), false},
    {{"json", 4}, offsetof(struct arguments, json), true},
    {{"version", 7}, offsetof(struct arguments, version), true},
    {{"help", 4}, offsetof(struct arguments, help), true},
};

enum { COMMON_COUNT = sizeof(commons) / sizeof(commons[0]) };

bool
arguments_misuse(struct arguments *arguments, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(arguments->misuse, sizeof(arguments->misuse), format, list);
	va_end(list);
	return false;
}

static const struct common *
common_named(struct text name)
{
	for (size_t i = 0; i < COMMON_COUNT; i++)
		if (text_equal(commons[i].name, name))
			return &commons[i];
	return NULL;
}

/* One option as it stands in argv. */
struct typed {
	struct text name;  /* without its `--` */
	const char *value; /* behind its '=', else NULL */
};

/* The option's value: behind its '=', or the next word, which is taken. */
static bool
take_value(struct arguments *arguments, struct typed *given, char *const **argv)
{
	if (given->value == NULL && (*argv)[1] != NULL)
		given->value = *++*argv;
	return given->value != NULL ||
	       arguments_misuse(arguments, "--%.*s: its value is missing",
		   TEXT_PRINT(given->name));
}

static bool
takes_no_value(struct arguments *arguments, const struct typed *given)
{
	return given->value == NULL ||
	       arguments_misuse(arguments, "--%.*s: takes no value",
		   TEXT_PRINT(given->name));
}

static bool
given_twice(struct arguments *arguments, const struct typed *given)
{
	return arguments_misuse(
	    arguments, "--%.*s: given more than once", TEXT_PRINT(given->name));
}

static bool
take_common(struct arguments *arguments, const struct common *common,
    struct typed *given, char *const **argv)
{
	void *target = (char *)arguments + common->offset;
	const char **value = target;

	if (common->is_flag) {
		*(bool *)target = true;
		return takes_no_value(arguments, given);
	}
	if (*value != NULL)
		return given_twice(arguments, given);
	if (!take_value(arguments, given, argv))
		return false;
	*value = given->value;
	return true;
}

static bool
put_row(struct arguments *arguments, const struct parameter *row)
{
	struct parameters *parameters = &arguments->parameters;

	if (parameters->count == BODY_PARAMETERS_MAX)
		return arguments_misuse(arguments, "too many values");
	parameters->rows[parameters->count++] = *row;
	return true;
}

/* A list's value has commas between its words: a row for each. */
static bool
put_rows(struct arguments *arguments, struct text root, struct text value)
{
	struct parameter row = {
	    .root = root,
	    .shape = PARAMETER_ELEMENT,
	    .kind = PARAMETER_FORM_TEXT,
	};
	struct text rest = value;
	bool more;

	do {
		more = text_split(rest, ',', &row.value, &rest);
		if (!put_row(arguments, &row))
			return false;
	} while (more);
	return true;
}

/* An option of the table, as a parameter of a form. */
static bool
take_option(struct arguments *arguments, const struct option *option,
    struct typed *given, char *const **argv)
{
	const struct field *field = &option->field;
	const struct parameters *parameters = &arguments->parameters;
	struct parameter row = {
	    .root = field->name,
	    .shape = PARAMETER_SCALAR,
	    .kind = PARAMETER_FORM_TEXT,
	};

	for (size_t i = 0; i < parameters->count; i++)
		if (text_equal(parameters->rows[i].root, field->name))
			return given_twice(arguments, given);
	if (option->value == NULL)
		return takes_no_value(arguments, given) &&
		       put_row(arguments, &row);
	if (!take_value(arguments, given, argv))
		return false;
	row.value = text_of(given->value);
	if (!text_is_utf8(row.value))
		return arguments_misuse(arguments, "--%.*s: must be UTF-8",
		    TEXT_PRINT(given->name));
	if (field->rule == rule_words)
		return put_rows(arguments, field->name, row.value);
	return put_row(arguments, &row);
}

/* Moves *argv to the option's last word. */
static bool
take_given(struct arguments *arguments, char *const **argv)
{
	struct text argument = text_after(text_of(**argv), 2);
	const struct common *common;
	enum ctl_option option;
	struct typed given;
	struct text value;

	given.value = NULL;
	if (text_split(argument, '=', &given.name, &value))
		given.value = value.bytes;
	common = common_named(given.name);
	if (common != NULL)
		return take_common(arguments, common, &given, argv);
	option = ctl_option_named(given.name);
	if (option < OPTION_COUNT)
		return take_option(
		    arguments, &ctl_options[option], &given, argv);
	return arguments_misuse(
	    arguments, "there is no option --%.*s", TEXT_PRINT(given.name));
}

static bool
take_word(struct arguments *arguments, struct text word)
{
	if (arguments->word_count == ARGUMENT_WORDS_MAX)
		return arguments_misuse(arguments, "too many words");
	if (!text_is_utf8(word))
		return arguments_misuse(arguments, "a word is not UTF-8");
	arguments->words[arguments->word_count++] = word;
	return true;
}

bool
arguments_read(struct arguments *arguments, char *const argv[])
{
	bool options_end = false;
	bool read = true;

	*arguments = (struct arguments){.config = NULL};
	for (argv++; read && *argv != NULL; argv++) {
		struct text argument = text_of(*argv);

		if (options_end || text_equal(argument, TEXT("-")) ||
		    !text_starts(argument, TEXT("-")))
			read = take_word(arguments, argument);
		else if (text_equal(argument, TEXT("--")))
			options_end = true;
		else if (text_starts(argument, TEXT("--")))
			read = take_given(arguments, &argv);
		else
			read = arguments_misuse(
			    arguments, "options begin with --");
	}
	return read;
}
