/*
 * What nginx refuses by itself, said as intentd would say it.
 *
 * nginx answers an error of its own by an internal redirect to a location of
 * this server, whose body is a row of a map.  The location is one for all:
 * error_page has set the status, the maps choose the body and the headers by
 * the location's path.
 */
#include "app/reference.h"

#include <assert.h>

#include "app/reference_catalogue.h"
#include "app/reference_web.h"

static const char head[] =
    "# nginx's own errors in the words of the contracts: generated from\n"
    "# lib/core/errors.def and web_errors.def, not to be edited.\n"
    "#\n"
    "# For the http block, which besides this file needs\n"
    "#\n"
    "#   - the variable $intentd_public_url: intentd's setting public_url,\n"
    "#     no slash at its end, nothing that JSON would escape, as in\n"
    "#         map '' $intentd_public_url { default 'https://pay.example'; }\n"
    "#   - likewise $intentd_default_contract: the setting default_contract,\n"
    "#     card or stable;\n"
    "#   - no fastcgi_intercept_errors: what intentd says goes out as it is;\n"
    "#   - in the server block error_pages.conf, and the location /web-error/\n"
    "#     of nginx.conf, which sends $intentd_error with the two headers\n"
    "#     below. The status is the one of error_page, whatever its `return`\n"
    "#     says.\n";

static const char pages_head[] =
    "# nginx's status, ours, and where errors.conf has it said: generated "
    "from\n"
    "# lib/core/web_errors.def, not to be edited.\n"
    "#\n"
    "# For a server block, and not the http block, whose other servers have\n"
    "# errors of their own. No location of the server may have an error_page:\n"
    "# it would end the inheritance of those here.\n";

static void
put_string(struct buffer *settings, const char *string)
{
	buffer_put_text(settings, text_of(string));
}

/* As nginx reads it: in single quotes, with a backslash before ' and \. */
static void
put_quoted(struct buffer *settings, struct text text)
{
	buffer_put_byte(settings, '\'');
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '\'' || text.bytes[i] == '\\')
			buffer_put_byte(settings, '\\');
		buffer_put_byte(settings, (uint8_t)text.bytes[i]);
	}
	buffer_put_byte(settings, '\'');
}

static void
put_contracts(struct buffer *settings)
{
	put_string(settings, "\n# Who is spoken to: the path decides.\n"
			     "map $request $intentd_contract {\n");
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		put_string(settings, "    '~");
		web_contract_pattern((enum contract_id)i, settings);
		buffer_print(settings, "' %.*s;\n",
		    TEXT_PRINT(catalogue_contract((enum contract_id)i)));
	}
	put_string(settings, "    default $intentd_default_contract;\n}\n");
}

static void
put_error_page(const struct web_error *row, struct buffer *settings)
{
	buffer_print(settings, "error_page %u =%u /web-error/%u;\n",
	    row->status, web_error_status(row), row->status);
}

static void
put_body(const struct web_error *row, enum contract_id contract,
    struct buffer *settings)
{
	char bytes[2 * MESSAGE_BYTES_MAX];
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	web_error_body(row, contract, TEXT("$intentd_public_url"),
	    TEXT("$intentd_allow"), &body);
	buffer_print(settings, "    '%.*s /web-error/%u'\n        ",
	    TEXT_PRINT(catalogue_contract(contract)), row->status);
	put_quoted(settings, buffer_text(&body));
	put_string(settings, ";\n");
}

static void
put_bodies(const struct web_error *row, struct buffer *settings)
{
	for (unsigned i = 0; i < CONTRACT_COUNT; i++)
		put_body(row, (enum contract_id)i, settings);
}

static void
put_retry_after(const struct web_error *row, struct buffer *settings)
{
	if (web_error_passes(row))
		buffer_print(settings, "    /web-error/%u 1;\n", row->status);
}

static void
put_allowed(const struct web_error *row, struct buffer *settings)
{
	if (!web_error_names_methods(row))
		return;
	put_string(settings,
	    "\n"
	    "# What may be done here; the pages below /docs/ are files.\n"
	    "map $request_uri $intentd_allow {\n"
	    "    '~^/docs/' 'GET, HEAD';\n"
	    "    default ");
	put_quoted(settings, row->detail);
	put_string(settings, ";\n}\n");
	buffer_print(settings,
	    "map $uri $intentd_error_allow {\n"
	    "    /web-error/%u $intentd_allow;\n"
	    "    default '';\n"
	    "}\n",
	    row->status);
}

static void
for_each(void (*put)(const struct web_error *row, struct buffer *settings),
    struct buffer *settings)
{
	const struct web_error *row = NULL;

	while ((row = web_error_next(WEB_SERVER_NGINX, row)) != NULL)
		put(row, settings);
}

void
reference_nginx(struct buffer *settings)
{
	put_string(settings, head);
	put_contracts(settings);
	put_string(settings,
	    "\n# What is said.\nmap \"$intentd_contract $uri\" "
	    "$intentd_error {\n");
	for_each(put_bodies, settings);
	put_string(settings, "}\n\n# An empty header is not sent.\n"
			     "map $uri $intentd_error_retry_after {\n");
	for_each(put_retry_after, settings);
	put_string(settings, "    default '';\n}\n");
	for_each(put_allowed, settings);
}

void
reference_nginx_pages(struct buffer *settings)
{
	put_string(settings, pages_head);
	for_each(put_error_page, settings);
}
