#include "app/ctl_help.h"

#include <string.h>

#include "app/ctl_options.h"

enum { COLUMNS = 80, COMMAND_COLUMNS = 21 };

/* Words that are put one behind the other, and wrapped at 80 columns. */
struct wrap {
	FILE *file;
	int indent; /* columns, of the lines that follow */
	int column;
};

static void
wrap_put(struct wrap *wrap, const char *word)
{
	int width = (int)strlen(word);

	if (wrap->column + 1 + width > COLUMNS) {
		fprintf(wrap->file, "\n%*s", wrap->indent, "");
		wrap->column = wrap->indent;
	} else {
		fputc(' ', wrap->file);
		wrap->column++;
	}
	fputs(word, wrap->file);
	wrap->column += width;
}

static void
wrap_put_sentence(struct wrap *wrap, const char *sentence)
{
	struct text rest = text_of(sentence);
	char bytes[COLUMNS];
	struct text word;
	bool more;

	do {
		more = text_split(rest, ' ', &word, &rest);
		text_copy(word, bytes, sizeof(bytes));
		wrap_put(wrap, bytes);
	} while (more);
	fputc('\n', wrap->file);
}

/* `--expires-at UNIX`, `--coins`; in brackets where it may be left out. */
static void
name_option(const struct option *option, bool optional, char to[COLUMNS])
{
	char name[COLUMNS / 2];

	ctl_option_name(option->field.name, name, sizeof(name));
	snprintf(to, COLUMNS, optional ? "[--%s%s%s]" : "--%s%s%s", name,
	    option->value == NULL ? "" : " ",
	    option->value == NULL ? "" : option->value);
}

void
ctl_print_usage(const struct ctl_command *command, FILE *file)
{
	struct wrap wrap = {file, 12, 16};
	char word[COLUMNS];

	fputs("usage: intentctl", file);
	if (command == NULL) {
		fputs(" [--config FILE] [--store PATH] COMMAND ... [--json]\n",
		    file);
		return;
	}
	wrap_put(&wrap, command->words);
	if (command->operand != NULL)
		wrap_put(&wrap, command->operand);
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		bool needed = (command->needs & (UINT64_C(1) << i)) != 0;

		if (!needed && (command->takes & (UINT64_C(1) << i)) == 0)
			continue;
		name_option(&ctl_options[i], !needed, word);
		wrap_put(&wrap, word);
	}
	wrap_put(&wrap, "[--json]");
	fputc('\n', file);
}

void
ctl_print_help(const struct ctl_command *command, FILE *file)
{
	struct wrap wrap = {file, 0, -1};
	char word[COLUMNS];

	ctl_print_usage(command, file);
	fprintf(file, "\n%s\n", command->help);
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (((command->needs | command->takes) & (UINT64_C(1) << i)) ==
		    0)
			continue;
		name_option(&ctl_options[i], false, word);
		fprintf(file, "\n  %s\n     ", word);
		wrap = (struct wrap){file, 6, 5};
		wrap_put_sentence(&wrap, ctl_options[i].help);
	}
}

void
ctl_print_commands(const struct ctl_command *commands, size_t count, FILE *file)
{
	ctl_print_usage(NULL, file);
	fputs(
	    "\nThe operator's side of intentd: works on its store, also while "
	    "it runs.\n\n",
	    file);
	for (size_t i = 0; i < count; i++) {
		struct wrap wrap = {
		    file, 2 + COMMAND_COLUMNS, 1 + COMMAND_COLUMNS};

		fprintf(file, "  %-*s", COMMAND_COLUMNS - 1, commands[i].words);
		wrap_put_sentence(&wrap, commands[i].help);
	}
	fputs("\n"
	      "  --config FILE  settings of intentd: where the store is, its "
	      "sizes, what\n                 answers name (public_url, "
	      "chain_live); without it and --store\n"
	      "                 those in " CTL_CONFIG ", if that is there\n"
	      "  --store PATH   the store, whatever the settings say\n"
	      "  --json         one JSON document, as the API has it\n"
	      "\n"
	      "`intentctl help COMMAND` has a command's options.  The exit "
	      "status is 0 when it\nis done, 1 when it is refused, 2 when it "
	      "is no such command.\n",
	    file);
}
