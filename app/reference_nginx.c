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
#include <string.h>

#include "app/reference_catalogue.h"

struct web_error {
	uint16_t status; /* the web server's */
	enum error_id id;
	struct text detail;
};

static const struct web_error web_errors[] = {
#define WEB_ERROR(status, id, detail) \
	{status, ERROR_##id, {detail, sizeof(detail) - 1}},
#include "core/web_errors.def"
#undef WEB_ERROR
};

enum { WEB_ERROR_COUNT = sizeof(web_errors) / sizeof(web_errors[0]) };

/* What the answer says: error_page can say one status for both contracts. */
static uint16_t
status_said(const struct web_error *row)
{
	uint16_t status = error_words(row->id, CONTRACT_CARD)->status;

	assert(status == error_words(row->id, CONTRACT_STABLE)->status);
	return status;
}

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

/*
 * By the request's first line: the only thing known of a request that could
 * not be read, while $request_uri is empty and $uri is the redirect's.
 */
static const struct {
	enum contract_id contract;
	const char *resources;
} contract_paths[] = {
    {CONTRACT_CARD,
	"payment_intents|charges|refunds|customers|events|webhook_endpoints"
	"|api_keys|test_helpers"},
    {CONTRACT_STABLE,
	"payment-intents|transactions|merchants|qr|webhook-endpoints"
	"|test-helpers"},
};

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
	for (size_t i = 0; i < CONTRACT_COUNT; i++)
		buffer_print(settings,
		    "    '~^[^ ]+ +(https?://[^/ ]*)?/v1/(%s)([/?. ]|$)' "
		    "%.*s;\n",
		    contract_paths[i].resources,
		    TEXT_PRINT(catalogue_contract(contract_paths[i].contract)));
	put_string(settings, "    default $intentd_default_contract;\n}\n");
}

static void
put_error_page(const struct web_error *row, struct buffer *settings)
{
	buffer_print(settings, "error_page %u =%u /web-error/%u;\n",
	    row->status, status_said(row), row->status);
}

/*
 * The message without the value that it quotes: nginx must not echo the
 * request, whose bytes it would not escape.  "Unrecognized URL: ''." becomes
 * "Unrecognized URL."
 */
static struct text
message_without_value(struct text message, char bytes[MESSAGE_BYTES_MAX])
{
	const struct text holes[] = {TEXT(": ''"), TEXT(" ''")};
	struct buffer kept;

	buffer_init(&kept, bytes, MESSAGE_BYTES_MAX);
	while (message.length > 0) {
		size_t hole = 0;

		for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++)
			if (hole == 0 && text_starts(message, holes[i]))
				hole = holes[i].length;
		if (hole == 0)
			buffer_put_byte(&kept, (uint8_t)message.bytes[0]);
		message = text_after(message, hole == 0 ? 1 : hole);
	}
	assert(!kept.overflow);
	return buffer_text(&kept);
}

static bool
is_about_the_method(const struct web_error *row)
{
	return row->id == ERROR_METHOD_NOT_ALLOWED;
}

static bool
has_dollar(struct text text)
{
	return memchr(text.bytes, '$', text.length) != NULL;
}

static void
put_body(const struct web_error *row, enum contract_id contract,
    struct buffer *settings)
{
	const struct error_words *words = error_words(row->id, contract);
	char expanded[MESSAGE_BYTES_MAX];
	char shown[MESSAGE_BYTES_MAX];
	char bytes[2 * MESSAGE_BYTES_MAX];
	struct error error;
	struct buffer body;

	/* nginx has no escape for a dollar: the ones below are variables. */
	assert(!has_dollar(words->message));
	assert(!has_dollar(row->detail));
	refuse_about(&error, row->id, TEXT_NONE, TEXT_NONE,
	    is_about_the_method(row) ? TEXT("$intentd_allow") : row->detail);
	buffer_init(&body, bytes, sizeof(bytes));
	catalogue_body(&error, contract,
	    message_without_value(
		catalogue_message(&error, contract, expanded), shown),
	    TEXT("$intentd_public_url"), &body);
	assert(!body.overflow);

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

/* What passes by itself may be tried again. */
static void
put_retry_after(const struct web_error *row, struct buffer *settings)
{
	if (error_words(row->id, CONTRACT_CARD)->type == ERROR_TYPE_API &&
	    row->id != ERROR_INTERNAL_ERROR)
		buffer_print(settings, "    /web-error/%u 1;\n", row->status);
}

static void
put_allowed(const struct web_error *row, struct buffer *settings)
{
	if (!is_about_the_method(row))
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
	for (size_t i = 0; i < WEB_ERROR_COUNT; i++)
		put(&web_errors[i], settings);
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
