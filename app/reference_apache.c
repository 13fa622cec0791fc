/*
 * What Apache refuses by itself, said as intentd would say it.
 *
 * An ErrorDocument cannot change the status, and its text cannot name the
 * request's id where the request could not be read.  So Apache answers its own
 * errors by an internal redirect to a file of mod_asis, one for each status
 * that the contracts have, which says that status; mod_include puts in the
 * body, which a variable holds.
 */
#include "app/reference.h"

#include <assert.h>
#include <stddef.h>

#include "app/reference_catalogue.h"
#include "app/reference_web.h"

enum { STATUS_COUNT = 600 };

static const char head[] =
    "# Apache's own errors in the words of the contracts: generated from\n"
    "# lib/core/errors.def and web_errors.def, not to be edited.\n"
    "#\n"
    "# For a virtual host, which besides this file needs\n"
    "#\n"
    "#   - modules: asis, buffer, headers, include, log_config, rewrite, "
    "setenvif;\n"
    "#   - Define INTENTD_PUBLIC_URL: intentd's setting public_url, no slash\n"
    "#     at its end, nothing that JSON would escape;\n"
    "#   - Define INTENTD_DEFAULT_CONTRACT: the setting default_contract;\n"
    "#   - Define INTENTD_ERRORS: the directory of this file, which Apache's\n"
    "#     processes can read;\n"
    "#   - a Request-Id header for every answer, as apache.conf sets it;\n"
    "#   - RewriteEngine On, ProxyPass /web-error/ !, and no\n"
    "#     ProxyErrorOverride: what intentd says goes out as it is.\n";

static void
put_string(struct buffer *settings, const char *string)
{
	buffer_put_text(settings, text_of(string));
}

/* In double quotes, with a backslash before another one of them. */
static void
put_quoted(struct buffer *settings, struct text text)
{
	buffer_put_byte(settings, '"');
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '"' || text.bytes[i] == '\\')
			buffer_put_byte(settings, '\\');
		buffer_put_byte(settings, (uint8_t)text.bytes[i]);
	}
	buffer_put_byte(settings, '"');
}

/* Later lines go over earlier ones. */
static void
put_contracts(struct buffer *settings)
{
	put_string(settings, "\n# Who is spoken to: the path decides.\n"
			     "SetEnvIf Request_URI ^ "
			     "INTENTD_CONTRACT=${INTENTD_DEFAULT_CONTRACT}\n");
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		put_string(settings, "SetEnvIfExpr \"%{THE_REQUEST} =~ m#");
		web_contract_pattern((enum contract_id)i, settings);
		buffer_print(settings, "#\" INTENTD_CONTRACT=%.*s\n",
		    TEXT_PRINT(catalogue_contract((enum contract_id)i)));
	}
}

static void
put_rows(struct buffer *settings)
{
	const struct web_error *row = NULL;

	put_string(settings, "\n# Where Apache's statuses are said.\n");
	while ((row = web_error_next(WEB_SERVER_APACHE, row)) != NULL)
		buffer_print(settings, "ErrorDocument %u /web-error/%u\n",
		    row->status, row->status);
	put_string(settings,
	    "SetEnvIfExpr \"%{REQUEST_URI} =~ m#^/web-error/([0-9]+)$#\" "
	    "INTENTD_WEB_ERROR=$1\n"
	    "# What Apache says of a header field too large, or too many.\n");
	buffer_print(settings,
	    "SetEnvIfExpr \"%%{REQUEST_URI} == '/web-error/%u' && "
	    "reqenv('REDIRECT_ERROR_NOTES') =~ "
	    "m#request header field|number of request header#\" "
	    "INTENTD_WEB_ERROR=%u\n",
	    error_words(ERROR_REQUEST_MALFORMED, CONTRACT_CARD)->status,
	    error_words(ERROR_HEADERS_TOO_LARGE, CONTRACT_CARD)->status);
}

/* Apache's statuses that are said as `status`, as "408|411". */
static void
put_statuses(uint16_t status, struct buffer *settings)
{
	const struct web_error *row = NULL;
	const char *between = "";

	while ((row = web_error_next(WEB_SERVER_APACHE, row)) != NULL) {
		if (web_error_status(row) != status)
			continue;
		buffer_print(settings, "%s%u", between, row->status);
		between = "|";
	}
}

uint16_t
reference_apache_status(uint16_t after)
{
	for (unsigned status = after + 1U; status < STATUS_COUNT; status++) {
		const struct web_error *row = NULL;

		while ((row = web_error_next(WEB_SERVER_APACHE, row)) != NULL)
			if (web_error_status(row) == status)
				return (uint16_t)status;
	}
	return 0;
}

static void
put_files(struct buffer *settings)
{
	uint16_t status = 0;

	put_string(settings,
	    "\n# The file that says the status; nobody can ask for it.\n");
	while ((status = reference_apache_status(status)) != 0) {
		put_string(settings, "RewriteCond %{ENV:REDIRECT_STATUS} .\n"
				     "RewriteCond %{ENV:INTENTD_WEB_ERROR} ^(");
		put_statuses(status, settings);
		buffer_print(settings,
		    ")$\n"
		    "RewriteRule ^/web-error/ ${INTENTD_ERRORS}/%u.asis "
		    "[END]\n",
		    status);
	}
}

/* `condition`: of the request, besides the row and the contract, or "". */
static void
put_body(const struct web_error *row, enum contract_id contract,
    const char *condition, struct text allowed, struct buffer *settings)
{
	char bytes[2 * MESSAGE_BYTES_MAX];
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	put_string(&body, "INTENTD_ERROR=");
	web_error_body(
	    row, contract, TEXT("${INTENTD_PUBLIC_URL}"), allowed, &body);
	buffer_print(settings,
	    "SetEnvIfExpr \"reqenv('INTENTD_WEB_ERROR') == '%u' && "
	    "reqenv('INTENTD_CONTRACT') == '%.*s'%s\" \\\n\t",
	    row->status, TEXT_PRINT(catalogue_contract(contract)), condition);
	put_quoted(settings, buffer_text(&body));
	put_string(settings, "\n");
}

static const char is_page[] = " && %{THE_REQUEST} =~ m#^[^ ]+ +/docs/#";
static const struct text page_methods = TEXT("GET, HEAD");

static void
put_bodies(const struct web_error *row, struct buffer *settings)
{
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		put_body(row, (enum contract_id)i, "", row->detail, settings);
		if (web_error_names_methods(row))
			put_body(row, (enum contract_id)i, is_page,
			    page_methods, settings);
	}
}

/* Environment variables of mod_headers' lines below. */
static void
put_headers(const struct web_error *row, struct buffer *settings)
{
	if (web_error_passes(row))
		buffer_print(settings,
		    "SetEnvIfExpr \"reqenv('INTENTD_WEB_ERROR') == '%u'\" "
		    "INTENTD_RETRY_AFTER=1\n",
		    row->status);
	if (!web_error_names_methods(row))
		return;
	buffer_print(settings,
	    "SetEnvIfExpr \"reqenv('INTENTD_WEB_ERROR') == '%u'\" "
	    "\"INTENTD_ALLOW=%.*s\"\n"
	    "SetEnvIfExpr \"reqenv('INTENTD_WEB_ERROR') == '%u'%s\" "
	    "\"INTENTD_ALLOW=%.*s\"\n",
	    row->status, TEXT_PRINT(row->detail), row->status, is_page,
	    TEXT_PRINT(page_methods));
}

void
reference_apache(struct buffer *settings)
{
	const struct web_error *row = NULL;

	put_string(settings, head);
	put_contracts(settings);
	put_rows(settings);
	put_files(settings);
	put_string(settings, "\n# What is said.\n"
			     "<Directory \"${INTENTD_ERRORS}\">\n"
			     "AllowOverride None\n"
			     "Options IncludesNOEXEC\n"
			     "Require all granted\n"
			     "SetHandler send-as-is\n"
			     "SetOutputFilter INCLUDES;BUFFER\n"
			     "SetEnvIfExpr true INTENTD_REFUSED=1\n");
	while ((row = web_error_next(WEB_SERVER_APACHE, row)) != NULL)
		put_headers(row, settings);
	while ((row = web_error_next(WEB_SERVER_APACHE, row)) != NULL)
		put_bodies(row, settings);
	put_string(settings,
	    "Header always set Retry-After 1 env=INTENTD_RETRY_AFTER\n"
	    "Header always set Allow \"%{INTENTD_ALLOW}e\" "
	    "env=INTENTD_ALLOW\n"
	    "</Directory>\n");
}

void
reference_apache_file(uint16_t status, struct buffer *file)
{
	const struct web_error *row = NULL;

	do
		row = web_error_next(WEB_SERVER_APACHE, row);
	while (row != NULL && web_error_status(row) != status);
	assert(row != NULL);
	/* The reason is Apache's own. */
	buffer_print(file,
	    "Status: %u\n"
	    "Content-Type: application/json\n"
	    "\n"
	    "<!--#echo encoding=\"none\" var=\"INTENTD_ERROR\" -->",
	    status);
}
