/*
 * intentctl: the operator's command line.  It runs commands through the same
 * engine as the server, and beside it: the store takes one writer at a time.
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/clock.h"
#include "app/ctl.h"
#include "app/ctl_commands.h"
#include "app/ctl_decode.h"
#include "app/ctl_help.h"
#include "app/standard_files.h"
#include "app/version.h"
#include "base/digest.h"

/* Takes `row`'s words off the front of `words`; how many they are, or 0. */
static unsigned
match(const struct ctl_command *row, const struct text *words, unsigned count)
{
	struct text rest = text_of(row->words);
	unsigned matched = 0;
	struct text word;
	bool more;

	do {
		more = text_split(rest, ' ', &word, &rest);
		if (matched == count || !text_equal(words[matched], word))
			return 0;
		matched++;
	} while (more);
	return matched;
}

/* The command that words begin with; *used is how many of them name it. */
static const struct ctl_command *
find_command(const struct text *words, unsigned count, unsigned *used)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		*used = match(&ctl_commands[i], words, count);
		if (*used > 0)
			return &ctl_commands[i];
	}
	return NULL;
}

static enum ctl_status
help(const struct arguments *arguments, unsigned first)
{
	const struct text *words = arguments->words + first;
	unsigned count = arguments->word_count - first;
	const struct ctl_command *command;
	unsigned used;

	if (count == 0) {
		ctl_print_commands(ctl_commands, ctl_command_count, stdout);
		return CTL_OK;
	}
	command = find_command(words, count, &used);
	if (command == NULL || used != count)
		return ctl_misuse(
		    NULL, "there is no such command (intentctl help has all)");
	ctl_print_help(command, stdout);
	return CTL_OK;
}

/*
 * The settings file: the one that is named, or else the server's own if it is
 * there and no store is named, which need not be the server's.  NULL: none.
 */
static const char *
config_of(const struct arguments *arguments)
{
	const char *own = getenv("INTENTD_CONFIG");

	if (arguments->config != NULL || arguments->store != NULL)
		return arguments->config;
	if (own == NULL)
		own = CTL_CONFIG;
	return access(own, F_OK) == 0 ? own : NULL;
}

static enum ctl_status
load_settings(struct call *call, const struct arguments *arguments)
{
	struct settings *settings = &call->settings;
	const char *config = config_of(arguments);
	static struct settings_error error;
	size_t length;

	settings_init(settings);
	if (config != NULL && (!settings_read(settings, config, &error) ||
				  !settings_check(settings, &error)))
		return ctl_fail("%s", error.reason);
	if (arguments->store == NULL)
		return CTL_OK;
	length = strlen(arguments->store);
	if (length == 0 || length >= sizeof(settings->store))
		return ctl_misuse(call->row,
		    "--store: must be a path of 1 to %zu bytes",
		    sizeof(settings->store) - 1);
	text_copy(text_of(arguments->store), settings->store,
	    sizeof(settings->store));
	return CTL_OK;
}

/* Time and chance, read here and nowhere else. */
static void
init_command(struct command *command, struct instant now)
{
	uint8_t random[ID_RANDOM_BYTES + COMMAND_ENTROPY_BYTES];
	/* Up to 256 bytes are never cut short (getrandom(2)). */
	ssize_t filled = getrandom(random, sizeof(random), 0);

	assert(filled == sizeof(random));
	command_init(command, COMMAND_NONE);
	command->now = now;
	command->fresh = id_make(now, random);
	memcpy(command->entropy, random + ID_RANDOM_BYTES,
	    sizeof(command->entropy));
}

static enum ctl_status
run(struct call *call, const struct arguments *arguments)
{
	const struct instant now = clock_now();
	enum ctl_status status;
	unsigned used;

	call->row =
	    find_command(arguments->words, arguments->word_count, &used);
	if (call->row == NULL)
		return ctl_misuse(NULL,
		    arguments->word_count == 0
			? "a command is missing (intentctl help has all)"
			: "there is no such command (intentctl help has all)");
	status = load_settings(call, arguments);
	if (status != CTL_OK)
		return status;
	digest_start();
	init_command(&call->command, now);
	output_init(
	    &call->output, arguments->json, now, call->settings.public_url);
	status = ctl_decode(call, arguments, used);
	if (status == CTL_OK)
		status = ctl_open(call, call->row->store);
	if (status == CTL_OK)
		status = call->row->run(call);
	ctl_close(call);
	return status;
}

static enum ctl_status
answer(struct call *call, char *const argv[])
{
	static struct arguments arguments;
	const struct ctl_command *command;
	unsigned used;

	if (!arguments_read(&arguments, argv)) {
		command =
		    find_command(arguments.words, arguments.word_count, &used);
		return ctl_misuse(command, "%s", arguments.misuse);
	}
	if (arguments.version) {
		puts("intentctl " VERSION);
		return CTL_OK;
	}
	if (arguments.help)
		return help(&arguments, 0);
	if (arguments.word_count > 0 &&
	    text_equal(arguments.words[0], TEXT("help")))
		return help(&arguments, 1);
	return run(call, &arguments);
}

int
main(int argc, char *argv[])
{
	static struct call call;
	enum ctl_status status;

	(void)argc;
	if (!standard_files_open())
		return CTL_REFUSED;
	/* A file that may not grow (ulimit -f) is an error of the call. */
	signal(SIGXFSZ, SIG_IGN);
	status = answer(&call, argv);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = ctl_fail("the output could not be written");
	return (int)status;
}
