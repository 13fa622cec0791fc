/*
 * The words and the options of one call, before it is known what they mean.
 */
#ifndef APP_CTL_ARGUMENTS_H
#define APP_CTL_ARGUMENTS_H

#include <stdbool.h>

#include "api/parameters.h"

enum {
	/* `audit verify` and a file for each week of a year. */
	ARGUMENT_WORDS_MAX = 64,
	MISUSE_BYTES = 256,
};

struct arguments {
	const char *config; /* --config FILE; borrowed, as all here */
	const char *store;  /* --store PATH */
	bool json;
	bool version;
	bool help;
	struct text words[ARGUMENT_WORDS_MAX]; /* all that are no options */
	unsigned word_count;
	struct parameters parameters; /* a row for each option's value */
	char misuse[MISUSE_BYTES];    /* what is wrong, if something is */
};

/*
 * Reads `argv`, which ends with NULL, from its second word on.  False, with
 * `misuse`, for an option that there is not, that is given twice, or that has
 * no value, and for bytes that are not UTF-8.  Values are not looked at: a
 * sentence never repeats one, which might be a key.
 */
bool arguments_read(struct arguments *arguments, char *const argv[])
    __attribute__((warn_unused_result));

/* Notes what is wrong; always false. */
bool arguments_misuse(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
