/*
 * The reference pages of the errors: one for each contract, complete in one
 * file.  But for the introduction, all words are the catalogue's.
 */
#include "app/reference.h"

#include <assert.h>
#include <stdbool.h>

#include "app/reference_catalogue.h"
#include "app/reference_html.h"

/* What examples show; a page does not know where it will be served. */
#define EXAMPLE_URL TEXT("https://pay.example")

static const char introduction[] =
    "<section id=\"reading\" aria-labelledby=\"reading-title\">\n"
    "<h2 id=\"reading-title\">How to read an error</h2>\n"
    "<div class=\"case\">\n<div>\n"
    "<p>Every error has this JSON as its body.</p>\n"
    "<dl>\n"
    "<dt><code>type</code></dt><dd>The class of error: what to do in "
    "general.</dd>\n"
    "<dt><code>code</code></dt><dd>The error: what programs decide by. It "
    "never changes.</dd>\n"
    "<dt><code>message</code></dt><dd>A sentence for a person. It may "
    "change.</dd>\n"
    "<dt><code>param</code></dt><dd>The parameter that is at fault, or "
    "null.</dd>\n"
    "<dt><code>doc_url</code></dt><dd>The place on this page that explains "
    "the code.</dd>\n"
    "</dl>\n"
    "<p>Every answer, also a good one, has a <code>Request-Id</code> header: "
    "quote it when you ask for help.</p>\n"
    "</div>\n<div>\n";

/* No status of HTTP is above it. */
enum { STATUS_MAX = 599 };

/* "404 Not Found" */
static void
put_status(struct buffer *page, uint16_t status)
{
	buffer_print(page, "%u ", status);
	html_text(page, status_phrase(status));
}

static bool
same_type(enum error_id a, enum error_id b, enum contract_id contract)
{
	return error_words(a, contract)->type == error_words(b, contract)->type;
}

static bool
type_has_status(enum error_id type, unsigned status, enum contract_id contract)
{
	enum error_id id = type;

	for (; id != ERROR_NONE; id = catalogue_next(id, contract))
		if (same_type(id, type, contract) &&
		    error_words(id, contract)->status == status)
			return true;
	return false;
}

/* The statuses of one type, in ascending order. */
static void
put_statuses(struct buffer *page, enum error_id type, enum contract_id contract)
{
	const char *separator = "";

	for (unsigned status = 1; status <= STATUS_MAX; status++) {
		if (!type_has_status(type, status, contract))
			continue;
		buffer_print(page, "%s%u", separator, status);
		separator = ", ";
	}
}

/* Two rows whose examples read alike. */
static bool
same_answer(enum error_id a, enum error_id b, enum contract_id contract)
{
	return same_facts(a, b, contract) &&
	       text_equal(error_words(a, contract)->message,
		   error_words(b, contract)->message);
}

/* One type: its statuses, and its codes as links. */
static void
put_type(struct buffer *page, enum error_id type, enum contract_id contract)
{
	enum error_id id = type;

	html(page, "<tr><th scope=\"row\">");
	html_code(page,
	    name_text(&error_type_names, error_words(type, contract)->type));
	html(page, "</th><td>");
	put_statuses(page, type, contract);
	html(page, "</td><td><ul class=\"codes\">\n");
	for (; id != ERROR_NONE; id = catalogue_next(id, contract)) {
		if (!same_type(id, type, contract) ||
		    !catalogue_is_new(id, contract, same_code))
			continue;
		html(page, "<li><a href=\"#");
		html_text(page, error_words(id, contract)->code);
		html(page, "\">");
		html_code(page, error_words(id, contract)->code);
		html(page, "</a></li>\n");
	}
	html(page, "</ul></td></tr>\n");
}

/* The types are the table of contents. */
static void
put_contents(struct buffer *page, enum contract_id contract)
{
	enum error_id id = catalogue_next(ERROR_NONE, contract);

	html(page,
	    "<nav aria-label=\"Error types and their codes\">\n<table>\n"
	    "<thead><tr><th scope=\"col\">Type</th><th scope=\"col\">HTTP"
	    "</th><th scope=\"col\">Codes</th></tr></thead>\n<tbody>\n");
	for (; id != ERROR_NONE; id = catalogue_next(id, contract))
		if (catalogue_is_new(id, contract, same_type))
			put_type(page, id, contract);
	html(page, "</tbody>\n</table>\n</nav>\n");
}

static void
put_example(struct buffer *page, enum error_id id, enum contract_id contract)
{
	struct error error = catalogue_sample(id);
	char message[MESSAGE_BYTES_MAX];
	char bytes[2 * MESSAGE_BYTES_MAX];
	struct buffer json;

	buffer_init(&json, bytes, sizeof(bytes));
	catalogue_body(&error, contract,
	    catalogue_message(&error, contract, message), EXAMPLE_URL, &json);
	assert(!json.overflow);
	html(page, "<pre><b>HTTP ");
	put_status(page, error_words(id, contract)->status);
	html(page, "</b>\nContent-Type: application/json\n\n");
	html_json(page, buffer_text(&json));
	html(page, "</pre>\n");
}

static void
put_introduction(struct buffer *page, enum contract_id contract)
{
	html(page, introduction);
	put_example(page, ERROR_PARAMETER_INVALID, contract);
	html(page, "</div>\n</div>\n</section>\n");
}

static void
put_facts(struct buffer *page, enum error_id id, enum contract_id contract)
{
	const struct error_words *words = error_words(id, contract);

	buffer_print(page, "<dl>\n<dt>HTTP</dt><dd>%u</dd>\n<dt>Type</dt><dd>",
	    words->status);
	html_code(page, name_text(&error_type_names, words->type));
	html(page, "</dd>\n<dt>Param</dt><dd>");
	if (words->param.length == 0)
		html(page, "null");
	else if (text_equal(words->param, TEXT("*")))
		html(page, "the parameter at fault");
	else
		html_code(page, words->param);
	html(page, "</dd>\n</dl>\n");
}

/* The messages of the other rows of the case, where they differ. */
static void
put_other_messages(
    struct buffer *page, enum error_id first, enum contract_id contract)
{
	enum error_id id = catalogue_next(first, contract);
	bool any = false;

	for (; id != ERROR_NONE; id = catalogue_next(id, contract)) {
		struct error error = catalogue_sample(id);
		char message[MESSAGE_BYTES_MAX];

		if (!same_case(first, id, contract) ||
		    !catalogue_is_new(id, contract, same_answer))
			continue;
		html(page, any ? "" : "<p>Also said as</p>\n<ul>\n");
		html(page, "<li>");
		html_text(page, catalogue_message(&error, contract, message));
		html(page, "</li>\n");
		any = true;
	}
	html(page, any ? "</ul>\n" : "");
}

static void
put_decline_codes(struct buffer *page)
{
	html(page, "<h3><code>decline_code</code> is one of</h3>\n"
		   "<ul class=\"codes\">\n");
	for (unsigned code = DECLINE_NONE + 1; code < DECLINE_COUNT; code++) {
		html(page, "<li>");
		html_code(page, name_text(&decline_names, code));
		html(page, "</li>\n");
	}
	html(page, "</ul>\n");
}

/* What the code can mean: words on one side, an answer on the other. */
static void
put_case(struct buffer *page, enum error_id id, enum contract_id contract)
{
	const struct error_reference *reference = error_reference(id);

	html(page, "<div class=\"case\">\n<div>\n");
	if (catalogue_is_new(id, contract, same_facts))
		put_facts(page, id, contract);
	html(page, "<p>");
	html_prose(page, reference->meaning);
	html(page, "</p>\n<p><strong>What to do:</strong> ");
	html_prose(page, reference->advice);
	html(page, "</p>\n");
	put_other_messages(page, id, contract);
	if (id == ERROR_CARD_DECLINED)
		put_decline_codes(page);
	html(page, "</div>\n<div>\n");
	if (catalogue_is_new(id, contract, same_answer))
		put_example(page, id, contract);
	html(page, "</div>\n</div>\n");
}

static void
put_code(struct buffer *page, enum error_id first, enum contract_id contract)
{
	struct text code = error_words(first, contract)->code;
	enum error_id id = first;

	html(page, "<section id=\"");
	html_text(page, code);
	html(page, "\">\n<h2><a href=\"#");
	html_text(page, code);
	html(page, "\">");
	html_code(page, code);
	html(page, "</a></h2>\n");
	for (; id != ERROR_NONE; id = catalogue_next(id, contract))
		if (same_code(first, id, contract) &&
		    catalogue_is_new(id, contract, same_case))
			put_case(page, id, contract);
	html(page, "</section>\n");
}

static void
put_head(struct buffer *page, enum contract_id contract, const char *other)
{
	struct text name = catalogue_contract(contract);

	html(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		   "<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" "
		   "content=\"width=device-width, initial-scale=1\">\n"
		   "<title>Errors of the ");
	html_text(page, name);
	html(page, " contract</title>\n<style>\n");
	html(page, html_style);
	html(page, "</style>\n</head>\n<body>\n<header>\n<h1>Errors of the ");
	html_text(page, name);
	html(page, " contract</h1>\n<p>See also the <a href=\"");
	html(page, other);
	html(page, "\">");
	html(page, other);
	html(page, " contract</a>.</p>\n</header>\n<main>\n");
}

static void
put_page(struct buffer *page, enum contract_id contract, const char *other)
{
	enum error_id id = catalogue_next(ERROR_NONE, contract);

	put_head(page, contract, other);
	put_contents(page, contract);
	put_introduction(page, contract);
	for (; id != ERROR_NONE; id = catalogue_next(id, contract))
		if (catalogue_is_new(id, contract, same_code))
			put_code(page, id, contract);
	html(page, "</main>\n</body>\n</html>\n");
}

void
reference_page_card(struct buffer *page)
{
	put_page(page, CONTRACT_CARD, "stable");
}

void
reference_page_stable(struct buffer *page)
{
	put_page(page, CONTRACT_STABLE, "card");
}
