/*
 * The README's tables of errors: a row for each code, status, type and
 * parameter; the full story stands on the reference pages.
 */
#include "app/reference.h"

#include "app/reference_catalogue.h"

static void
put(struct buffer *markdown, const char *words)
{
	buffer_put_text(markdown, text_of(words));
}

/* In a cell a bar would end it. */
static void
put_cell(struct buffer *markdown, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '|')
			buffer_put_byte(markdown, '\\');
		buffer_put_byte(markdown, (uint8_t)text.bytes[i]);
	}
}

static bool
same_meaning(enum error_id a, enum error_id b, enum contract_id contract)
{
	return same_facts(a, b, contract) &&
	       text_equal(
		   error_reference(a)->meaning, error_reference(b)->meaning);
}

static void
put_param(struct buffer *markdown, struct text param)
{
	if (param.length == 0) {
		put(markdown, "null");
	} else if (text_equal(param, TEXT("*"))) {
		put(markdown, "the one at fault");
	} else {
		put(markdown, "`");
		put_cell(markdown, param);
		put(markdown, "`");
	}
}

/* One line for the rows that have the first one's facts. */
static void
put_facts(
    struct buffer *markdown, enum error_id first, enum contract_id contract)
{
	const struct error_words *words = error_words(first, contract);
	enum error_id id = first;

	buffer_print(markdown, "| `%.*s` | %u | `%.*s` | ",
	    TEXT_PRINT(words->code), words->status,
	    TEXT_PRINT(name_text(&error_type_names, words->type)));
	put_param(markdown, words->param);
	put(markdown, " |");
	for (; id != ERROR_NONE; id = catalogue_next(id, contract)) {
		if (!same_facts(first, id, contract) ||
		    !catalogue_is_new(id, contract, same_meaning))
			continue;
		put(markdown, " ");
		put_cell(markdown, error_reference(id)->meaning);
	}
	put(markdown, " |\n");
}

static void
put_table(struct buffer *markdown, enum contract_id contract)
{
	enum error_id id = catalogue_next(ERROR_NONE, contract);

	buffer_print(markdown,
	    "The %.*s contract:\n\n"
	    "| code | status | type | param | meaning |\n"
	    "| --- | --- | --- | --- | --- |\n",
	    TEXT_PRINT(catalogue_contract(contract)));
	for (; id != ERROR_NONE; id = catalogue_next(id, contract))
		if (catalogue_is_new(id, contract, same_facts))
			put_facts(markdown, id, contract);
}

void
reference_errors(struct buffer *markdown)
{
	put_table(markdown, CONTRACT_CARD);
	put(markdown, "\n");
	put_table(markdown, CONTRACT_STABLE);
}
