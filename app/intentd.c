/*
 * intentd: the payment intents server.
 *
 * Start-up in the order of OpenBSD's daemons: the command line, the settings,
 * the resources, and only then the processes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "app/standard_files.h"
#include "app/supervisor.h"
#include "app/version.h"
#include "base/text.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: intentd [--config FILE] [--NAME VALUE | --NAME=VALUE]...\n"
    "               [--print-config | --version | --help]\n"
    "\n"
    "Serves payment intents to a web server over FastCGI.  NAME is a setting;\n"
    "--print-config prints all of them, as a settings file with explanations\n"
    "and the values in force.\n";

enum action { ACTION_RUN, ACTION_PRINT_CONFIG, ACTION_VERSION, ACTION_HELP };

static const struct {
	const char *option;
	enum action action;
} actions[] = {
    {"--print-config", ACTION_PRINT_CONFIG},
    {"--version", ACTION_VERSION},
    {"--help", ACTION_HELP},
};

struct options {
	enum action action;
	const char *config; /* NULL: no file */
	char **overrides;   /* ends with NULL; owned */
};

static _Noreturn void
fail(const char *reason)
{
	fprintf(stderr, "intentd: %s\n", reason);
	exit(EXIT_USAGE);
}

static bool
take_action(const char *argument, struct options *options)
{
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argument, actions[i].option) == 0) {
			options->action = actions[i].action;
			return true;
		}
	return false;
}

/* `--config FILE` and `--config=FILE`; moves *argv to its last word. */
static bool
take_config(char ***argv, struct options *options)
{
	const struct text name = TEXT("--config");
	struct text argument = text_of(**argv);
	const char *file;

	if (text_equal(argument, name))
		file = *++*argv;
	else if (text_starts(argument, TEXT("--config=")))
		file = **argv + name.length + 1;
	else
		return false;
	if (file == NULL)
		fail("--config: its value is missing");
	if (options->config != NULL)
		fail("--config: given twice");
	options->config = file;
	return true;
}

/* Whether the argument is a setting whose value is the next argument. */
static bool
has_value_behind(const char *argument)
{
	return strncmp(argument, "--", 2) == 0 && strchr(argument, '=') == NULL;
}

/* Takes the program's own options out; what is left are the overrides. */
static void
parse_options(int argc, char *argv[], struct options *options)
{
	size_t left = 0;

	*options = (struct options){.action = ACTION_RUN};
	options->overrides = calloc((size_t)argc + 1, sizeof(char *));
	if (options->overrides == NULL)
		fail("no memory");
	for (argv++; *argv != NULL; argv++) {
		if (take_action(*argv, options) || take_config(&argv, options))
			continue;
		options->overrides[left++] = *argv;
		if (has_value_behind(*argv) && argv[1] != NULL)
			options->overrides[left++] = *++argv;
	}
}

static void
load_settings(const struct settings_source *source, struct settings *settings)
{
	struct settings_error error;

	if (!settings_load(settings, source, &error))
		fail(error.reason);
}

int
main(int argc, char *argv[])
{
	static struct settings settings;
	struct settings_source source;
	struct options options;
	int status = 0;

	if (!standard_files_open())
		return EXIT_FAILURE;
	/* A file that may not grow (ulimit -f) is an error of the call. */
	signal(SIGXFSZ, SIG_IGN);
	parse_options(argc, argv, &options);
	source = (struct settings_source){options.config, options.overrides};
	switch (options.action) {
	case ACTION_HELP:
		fputs(usage, stdout);
		break;
	case ACTION_VERSION:
		puts("intentd " VERSION);
		break;
	case ACTION_PRINT_CONFIG:
		load_settings(&source, &settings);
		settings_print(&settings, stdout);
		break;
	case ACTION_RUN:
		supervisor_block_signals();
		load_settings(&source, &settings);
		status = supervisor_run(&settings, &source, argv);
		break;
	}
	free(options.overrides);
	return status;
}
