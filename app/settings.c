#include "app/settings.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "app/settings_rules.h"
#include "app/socket_address.h"
#include "base/text.h"

enum setting_kind { KIND_INTEGER, KIND_TEXT, KIND_CHOICE };

struct setting {
	const char *name;
	const char *sentence;
	size_t offset; /* of the value in struct settings */
	enum setting_kind kind;

	int64_t initial; /* KIND_INTEGER, and the index of KIND_CHOICE */
	int64_t minimum;
	int64_t maximum;
	const char *choices; /* KIND_CHOICE: separated by '|' */

	const char *initial_text; /* KIND_TEXT */
	enum text_rule rule;
	size_t bytes; /* with the NUL */
};

static const struct setting settings_table[] = {
/* clang-format off */
#define SETTING_INTEGER(id, value, low, high, text)                            \
	{.name = #id, .sentence = text,                                        \
	    .offset = offsetof(struct settings, id), .kind = KIND_INTEGER,     \
	    .initial = value, .minimum = low, .maximum = high},
#define SETTING_TEXT(id, check, size, value, text)                             \
	{.name = #id, .sentence = text,                                        \
	    .offset = offsetof(struct settings, id), .kind = KIND_TEXT,        \
	    .initial_text = value, .rule = check, .bytes = size},
#define SETTING_CHOICE(id, value, list, text)                                  \
	{.name = #id, .sentence = text,                                        \
	    .offset = offsetof(struct settings, id), .kind = KIND_CHOICE,      \
	    .initial = value, .choices = list},
#include "app/settings.def"
#undef SETTING_INTEGER
#undef SETTING_TEXT
#undef SETTING_CHOICE
    /* clang-format on */
};

_Static_assert(
    sizeof(settings_table) / sizeof(settings_table[0]) == SETTINGS_COUNT,
    "a row for each setting");

static int64_t *
number_of(struct settings *settings, const struct setting *setting)
{
	void *value = (char *)settings + setting->offset;

	assert(setting->kind != KIND_TEXT);
	return value;
}

static char *
text_in(struct settings *settings, const struct setting *setting)
{
	assert(setting->kind == KIND_TEXT);
	return (char *)settings + setting->offset;
}

void
settings_init(struct settings *settings)
{
	const struct setting *row;

	memset(settings->given, 0, sizeof(settings->given));
	for (row = settings_table; row < settings_table + SETTINGS_COUNT; row++)
		if (row->kind == KIND_TEXT)
			text_copy(text_of(row->initial_text),
			    text_in(settings, row), row->bytes);
		else
			*number_of(settings, row) = row->initial;
}

/* Begins an error with the place that it is about. */
__attribute__((format(printf, 2, 3))) static void
place(struct settings_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->reason, sizeof(error->reason), format, arguments);
	va_end(arguments);
}

/* Says the reason, behind the place.  Always false. */
__attribute__((format(printf, 2, 3))) static bool
reject(struct settings_error *error, const char *format, ...)
{
	size_t used = strlen(error->reason);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->reason + used, sizeof(error->reason) - used, format,
	    arguments);
	va_end(arguments);
	return false;
}

static bool
set_integer(struct settings *settings, const struct setting *row,
    struct text value, struct settings_error *error)
{
	if (text_to_integer(
		value, row->minimum, row->maximum, number_of(settings, row)))
		return true;
	return reject(error,
	    "`%.*s` is not a whole number from %" PRId64 " to %" PRId64,
	    TEXT_PRINT(value), row->minimum, row->maximum);
}

static bool
set_choice(struct settings *settings, const struct setting *row,
    struct text value, struct settings_error *error)
{
	struct text choice, rest = text_of(row->choices);
	int64_t index = 0;
	bool more;

	do {
		more = text_split(rest, '|', &choice, &rest);
		if (text_equal(choice, value)) {
			*number_of(settings, row) = index;
			return true;
		}
		index++;
	} while (more);
	return reject(
	    error, "`%.*s` is not one of %s", TEXT_PRINT(value), row->choices);
}

static bool
set_text(struct settings *settings, const struct setting *row,
    struct text value, struct settings_error *error)
{
	const char *broken;

	if (value.length >= row->bytes)
		return reject(error, "longer than %zu bytes", row->bytes - 1);
	broken = text_rule_broken(row->rule, value);
	if (broken != NULL)
		return reject(error, "`%.*s` %s", TEXT_PRINT(value), broken);
	text_copy(value, text_in(settings, row), row->bytes);
	return true;
}

/* As strcmp's equality, with '-' in `given` standing for '_' too. */
static bool
name_matches(const char *name, struct text given)
{
	size_t i;

	for (i = 0; i < given.length; i++)
		if (name[i] != given.bytes[i] &&
		    !(name[i] == '_' && given.bytes[i] == '-'))
			return false;
	return name[i] == '\0';
}

static const struct setting *
setting_named(struct text name)
{
	const struct setting *row;

	for (row = settings_table; row < settings_table + SETTINGS_COUNT; row++)
		if (name_matches(row->name, name))
			return row;
	return NULL;
}

/* Gives one setting its value; the place stands in `error` already. */
static bool
setting_give(struct settings *settings, struct text name, struct text value,
    struct settings_error *error)
{
	const struct setting *row = setting_named(name);
	bool *given;

	if (row == NULL)
		return reject(
		    error, "no such setting (intentd --print-config has all)");
	given = &settings->given[row - settings_table];
	if (*given)
		return reject(error, "given twice");
	*given = true;
	switch (row->kind) {
	case KIND_INTEGER:
		return set_integer(settings, row, value, error);
	case KIND_TEXT:
		return set_text(settings, row, value, error);
	case KIND_CHOICE:
		return set_choice(settings, row, value, error);
	}
	assert(false);
	return false;
}

/* One file while inih reads it; inih tells its handler no line. */
struct reading {
	struct settings *settings;    /* borrowed */
	struct settings_error *error; /* borrowed */
	const char *name;	      /* of the file; borrowed */
	FILE *file;		      /* borrowed */
	int line;		      /* from 1 */
	bool refused;		      /* `error` says why */
};

/* Lines for inih, as fgets(); it counts them and refuses the overlong. */
static char *
reading_line(char *line, int size, void *stream)
{
	struct reading *reading = stream;

	if (reading->refused || fgets(line, size, reading->file) == NULL)
		return NULL;
	reading->line++;
	if (strchr(line, '\n') != NULL || feof(reading->file))
		return line;
	place(reading->error, "%s:%d: ", reading->name, reading->line);
	reading->refused = true;
	reject(reading->error, "the line is too long or holds a NUL");
	return NULL;
}

/* One `name = value` from inih; 0 makes inih stop. */
static int
reading_setting(
    void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	bool taken;

	place(reading->error, "%s:%d: ", reading->name, reading->line);
	if (section[0] != '\0' && strcmp(section, "intentd") != 0) {
		taken =
		    reject(reading->error, "[%s]: no such section", section);
	} else {
		reject(reading->error, "%s: ", name);
		taken = setting_give(reading->settings, text_of(name),
		    text_of(value), reading->error);
	}
	reading->refused = !taken;
	return taken;
}

bool
settings_read(
    struct settings *settings, const char *file, struct settings_error *error)
{
	struct reading reading = {
	    .settings = settings, .error = error, .name = file};
	int result;

	memset(settings->given, 0, sizeof(settings->given));
	reading.file = fopen(file, "re");
	if (reading.file == NULL) {
		place(error, "%s: ", file);
		return reject(error, "%s", strerror(errno));
	}
	ini_use_stack = false;
	ini_max_line = SETTING_BYTES_MAX + 64;
	ini_initial_alloc = ini_max_line;
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_stop_on_first_error = true;
	result =
	    ini_parse_stream(reading_line, &reading, reading_setting, &reading);
	if (result == 0 && ferror(reading.file)) {
		place(error, "%s: ", file);
		reading.refused = true;
		reject(error, "%s", strerror(errno));
	}
	fclose(reading.file);
	if (reading.refused)
		return false;
	if (result == 0)
		return true;
	place(error, "%s:%d: ", file, reading.line);
	return reject(error, "not a line `name = value`");
}

bool
settings_override(
    struct settings *settings, char *const argv[], struct settings_error *error)
{
	struct text argument, name, value;

	memset(settings->given, 0, sizeof(settings->given));
	for (; *argv != NULL; argv++) {
		argument = text_of(*argv);
		place(error, "%s: ", *argv);
		if (!text_starts(argument, TEXT("--")))
			return reject(error, "not an option");
		if (!text_split(text_after(argument, 2), '=', &name, &value)) {
			if (setting_named(name) != NULL && argv[1] == NULL)
				return reject(error, "its value is missing");
			value = argv[1] != NULL ? text_of(*++argv) : TEXT("");
		}
		place(error, "--%.*s: ", TEXT_PRINT(name));
		if (!setting_give(settings, name, value, error))
			return false;
	}
	return true;
}

/* Whether the socket may be where it is. */
static bool
check_socket(const struct settings *settings, struct settings_error *error)
{
	struct socket_address address;
	const char *wrong =
	    socket_address_parse(text_of(settings->socket), &address);

	assert(wrong == NULL);
	if (settings->allow_remote == ALLOW_REMOTE_YES ||
	    socket_address_is_local(&address))
		return true;
	place(error, "socket: ");
	return reject(error,
	    "`%s` is not of this host alone, which takes allow_remote = yes",
	    settings->socket);
}

bool
settings_check(const struct settings *settings, struct settings_error *error)
{
	if (!check_socket(settings, error))
		return false;
	/* The supervisor could not tell a slow web server from a hang. */
	if (settings->connection_timeout_ms >= settings->request_timeout_ms) {
		place(error, "connection_timeout_ms: ");
		return reject(error,
		    "%" PRId64 " is not below request_timeout_ms, %" PRId64,
		    settings->connection_timeout_ms,
		    settings->request_timeout_ms);
	}
	if (settings->group[0] != '\0' && settings->user[0] == '\0') {
		place(error, "group: ");
		return reject(error, "needs a user");
	}
	/* Nobody else copies it. */
	if (settings->audit_log[0] != '\0' && settings->sweepers == 0) {
		place(error, "audit_log: ");
		return reject(error, "needs a sweeper: sweepers is 0");
	}
	/* Both are waited for within one request. */
	if (settings->sandbox_latency_ms + settings->idempotency_wait_ms >=
	    settings->request_timeout_ms) {
		place(error, "sandbox_latency_ms: ");
		return reject(error,
		    "with idempotency_wait_ms it is not below "
		    "request_timeout_ms, %" PRId64,
		    settings->request_timeout_ms);
	}
	return true;
}

/* A file of certificates, as far as its lines tell; else errno says why. */
static bool
has_certificate(const char *name)
{
	static const char begin[] = "-----BEGIN ";
	FILE *file = fopen(name, "re");
	char line[256];
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, begin, sizeof(begin) - 1) == 0 &&
			strstr(line, "CERTIFICATE-----") != NULL;
	if (!found && !ferror(file))
		errno = 0;
	(void)fclose(file);
	return found;
}

/* Or every endpoint would be said to fail, and be disabled in the end. */
static bool
check_authorities(const struct settings *settings, struct settings_error *error)
{
	const char *file = settings->webhook_ca_file;

	if (file[0] == '\0' || has_certificate(file))
		return true;
	place(error, "webhook_ca_file: ");
	return reject(error, "`%s`: %s", file,
	    errno != 0 ? strerror(errno) : "there is no certificate in it");
}

bool
settings_load(struct settings *settings, const struct settings_source *source,
    struct settings_error *error)
{
	settings_init(settings);
	if (source->file != NULL &&
	    !settings_read(settings, source->file, error))
		return false;
	return settings_override(settings, source->overrides, error) &&
	       settings_check(settings, error) &&
	       check_authorities(settings, error);
}

/* A sentence as lines of a comment, at most 80 columns each. */
static void
print_comment(FILE *file, struct text sentence)
{
	int column = 0, width;
	struct text word;
	bool more;

	do {
		more = text_split(sentence, ' ', &word, &sentence);
		width = (int)word.length + 1;
		if (column == 0 || column + width > 80) {
			fputs(column == 0 ? "#" : "\n#", file);
			column = 1;
		}
		fprintf(file, " %.*s", TEXT_PRINT(word));
		column += width;
	} while (more);
	fputc('\n', file);
}

struct text
settings_choice(const char *choices, int64_t index)
{
	struct text choice, rest = text_of(choices);

	do
		text_split(rest, '|', &choice, &rest);
	while (index-- > 0);
	return choice;
}

static void
print_setting(struct settings *settings, const struct setting *row, FILE *file)
{
	print_comment(file, text_of(row->sentence));
	switch (row->kind) {
	case KIND_INTEGER:
		fprintf(file,
		    "# %" PRId64 " to %" PRId64 ", default %" PRId64
		    "\n%s = %" PRId64 "\n",
		    row->minimum, row->maximum, row->initial, row->name,
		    *number_of(settings, row));
		return;
	case KIND_TEXT:
		fprintf(file, "# at most %zu bytes, default %s\n%s = %s\n",
		    row->bytes - 1,
		    row->initial_text[0] == '\0' ? "empty" : row->initial_text,
		    row->name, text_in(settings, row));
		return;
	case KIND_CHOICE:
		fprintf(file, "# %s, default %.*s\n%s = %.*s\n", row->choices,
		    TEXT_PRINT(settings_choice(row->choices, row->initial)),
		    row->name,
		    TEXT_PRINT(settings_choice(
			row->choices, *number_of(settings, row))));
		return;
	}
}

void
settings_print(const struct settings *settings, FILE *file)
{
	struct settings values = *settings;
	const struct setting *row;

	for (row = settings_table; row < settings_table + SETTINGS_COUNT;
	     row++) {
		if (row != settings_table)
			fputc('\n', file);
		print_setting(&values, row, file);
	}
}
