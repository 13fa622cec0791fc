/*
 * The settings: one table (settings.def), filled from its defaults, then from
 * one file, then from the command line.
 *
 * Nothing is guessed: a name that is unknown or given twice, a value out of
 * its bounds and a line that is not `name = value` are refused with their
 * place, and the caller ends the program.
 */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	/* Longest value with its NUL: a path of Linux, or a URL. */
	SETTING_BYTES_MAX = 4096,
	/* sun_path of sockaddr_un (unix(7)). */
	SETTING_SOCKET_BYTES = 108,
	/* It stands in every error, and in settings of nginx. */
	SETTING_URL_BYTES = 257,
	SETTING_WORD_BYTES = 64,
	/* 16 ports of five digits, with blanks between (webhook_url.h). */
	SETTING_PORTS_BYTES = 16 * 6,
	/* Half of its places in the process table (processes.c). */
	COURIERS_MAX = 8,
	/* Four octal digits. */
	SETTING_MODE_BYTES = 5,
	/* A place, a name, the longest value and a reason. */
	SETTINGS_ERROR_BYTES = 2 * SETTING_BYTES_MAX + 512,
};

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum default_contract { DEFAULT_CONTRACT_CARD, DEFAULT_CONTRACT_STABLE };

enum allow_remote { ALLOW_REMOTE_NO, ALLOW_REMOTE_YES };

/* How many rows there are. */
enum {
	SETTINGS_COUNT = 0
#define SETTING_INTEGER(name, initial, minimum, maximum, sentence) +1
#define SETTING_TEXT(name, rule, bytes, initial, sentence) +1
#define SETTING_CHOICE(name, initial, choices, sentence) +1
#include "app/settings.def"
#undef SETTING_INTEGER
#undef SETTING_TEXT
#undef SETTING_CHOICE
};

struct settings {
#define SETTING_INTEGER(name, initial, minimum, maximum, sentence) int64_t name;
#define SETTING_TEXT(name, rule, bytes, initial, sentence) char name[bytes];
#define SETTING_CHOICE(name, initial, choices, sentence) int64_t name;
#include "app/settings.def"
#undef SETTING_INTEGER
#undef SETTING_TEXT
#undef SETTING_CHOICE
	/* Which settings this source has given, by their rows. */
	bool given[SETTINGS_COUNT];
};

/* What is wrong and where, as one line without its end. */
struct settings_error {
	char reason[SETTINGS_ERROR_BYTES];
};

/* Every setting at its default. */
void settings_init(struct settings *settings);

/*
 * Reads `file`: lines `name = value`, comments that begin with # or ;, and
 * at most the section [intentd].  Errors begin with `file:line: `.
 */
bool settings_read(struct settings *settings, const char *file,
    struct settings_error *error) __attribute__((warn_unused_result));

/*
 * Takes the overrides `--name value` and `--name=value` (hyphens for
 * underscores do as well) from `argv`, which ends with NULL.  Errors begin
 * with `--name: `.
 */
bool settings_override(struct settings *settings, char *const argv[],
    struct settings_error *error) __attribute__((warn_unused_result));

/* What no row can say alone: rules between two settings. */
bool settings_check(const struct settings *settings,
    struct settings_error *error) __attribute__((warn_unused_result));

/* Where a program's settings come from; to be borrowed as long as it runs. */
struct settings_source {
	const char *file;	/* NULL: none */
	char *const *overrides; /* of its command line, ends with NULL */
};

/*
 * All of the above in their order, from the defaults on; and that certificates
 * are where webhook_ca_file says, for whoever reads it here.
 */
bool settings_load(struct settings *settings,
    const struct settings_source *source, struct settings_error *error)
    __attribute__((warn_unused_result));

/* The choice at `index` of a list "a|b"; it has so many. */
struct text settings_choice(const char *choices, int64_t index);

/* The values in force as a file that settings_read() takes, explained. */
void settings_print(const struct settings *settings, FILE *file);

#endif
