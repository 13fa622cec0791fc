/*
 * The tables of the manual pages: signals, settings, commands, options.
 */
#include <inttypes.h>
#include <stddef.h>

#include "app/ctl_commands.h"
#include "app/ctl_options.h"
#include "app/reference.h"
#include "app/reference_mdoc.h"
#include "app/settings.h"

static const struct {
	const char *name;
	const char *sentence;
} signals[] = {
#define SIGNAL(name, function, sentence) {"SIG" #name, sentence},
#include "app/signals.def"
#undef SIGNAL
};

/* A setting, as far as a reader is concerned. */
struct row {
	const char *name;
	const char *sentence;
	int64_t initial; /* of a number, and the index of a choice */
	int64_t minimum;
	int64_t maximum;
	const char *choices;	  /* "a|b"; NULL: it is none */
	const char *initial_text; /* of a text; NULL: it is none */
	size_t bytes;
};

static const struct row rows[] = {
/* clang-format off */
#define SETTING_INTEGER(id, value, low, high, text)                            \
	{.name = #id, .sentence = text, .initial = value, .minimum = low,      \
	    .maximum = high},
#define SETTING_TEXT(id, check, size, value, text)                             \
	{.name = #id, .sentence = text, .initial_text = value, .bytes = size},
#define SETTING_CHOICE(id, value, list, text)                                  \
	{.name = #id, .sentence = text, .initial = value, .choices = list},
#include "app/settings.def"
#undef SETTING_INTEGER
#undef SETTING_TEXT
#undef SETTING_CHOICE
    /* clang-format on */
};

static void
put(struct buffer *page, const char *string)
{
	buffer_put_text(page, text_of(string));
}

void
reference_manual_signals(struct buffer *page)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		buffer_print(page, ".It Dv %s\n", signals[i].name);
		mdoc_sentences(page, text_of(signals[i].sentence));
	}
}

/* What it may be, and what it is where nobody says. */
static void
put_bounds(const struct row *row, struct buffer *page)
{
	if (row->choices != NULL) {
		put(page, "The default is\n.Cm");
		mdoc_argument(
		    page, settings_choice(row->choices, row->initial));
		put(page, " .\n");
	} else if (row->initial_text == NULL) {
		buffer_print(page,
		    "From %" PRId64 " to %" PRId64 "; the default is %" PRId64
		    ".\n",
		    row->minimum, row->maximum, row->initial);
	} else {
		buffer_print(
		    page, "At most %zu bytes; the default is", row->bytes - 1);
		if (row->initial_text[0] == '\0') {
			put(page, " empty.\n");
			return;
		}
		put(page, "\n.Ql");
		mdoc_argument(page, text_of(row->initial_text));
		put(page, " .\n");
	}
}

void
reference_manual_settings(struct buffer *page)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		buffer_print(page, ".It Cm %s No =", row->name);
		if (row->choices != NULL) {
			put(page, " Cm");
			mdoc_argument(page, text_of(row->choices));
		} else {
			put(page, row->initial_text == NULL ? " Ar number"
							    : " Ar text");
		}
		put(page, "\n");
		mdoc_sentences(page, text_of(row->sentence));
		put_bounds(row, page);
	}
}

/* `macros` are those before its name: ".Fl", or ".It Fl". */
static void
put_option(const struct option *option, const char *macros, struct buffer *page)
{
	char name[64];

	ctl_option_name(option->field.name, name, sizeof(name));
	buffer_print(page, "%s -%s", macros, name);
	if (option->value != NULL) {
		put(page, " Ar");
		mdoc_argument(page, text_of(option->value));
	}
	put(page, "\n");
}

static void
put_command(const struct ctl_command *command, struct buffer *page)
{
	put(page, ".It Xo\n.Ic");
	mdoc_argument(page, text_of(command->words));
	put(page, "\n");
	if (command->operand != NULL) {
		put(page, ".Ar");
		mdoc_argument(page, text_of(command->operand));
		put(page, "\n");
	}
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		bool needed = (command->needs & (UINT64_C(1) << i)) != 0;

		if (!needed && (command->takes & (UINT64_C(1) << i)) == 0)
			continue;
		put_option(&ctl_options[i], needed ? ".Fl" : ".Op Fl", page);
	}
	put(page, ".Xc\n");
	mdoc_sentences(page, text_of(command->help));
}

void
reference_manual_commands(struct buffer *page)
{
	for (size_t i = 0; i < ctl_command_count; i++)
		put_command(&ctl_commands[i], page);
}

void
reference_manual_options(struct buffer *page)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		put_option(&ctl_options[i], ".It Fl", page);
		mdoc_sentences(page, text_of(ctl_options[i].help));
	}
}
