#include "app/reference_web.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "app/reference_catalogue.h"

static const struct web_error web_errors[] = {
#define WEB_ERROR(server, status, id, detail) \
	{WEB_SERVER_##server, status, ERROR_##id, {detail, sizeof(detail) - 1}},
#include "core/web_errors.def"
#undef WEB_ERROR
};

enum { WEB_ERROR_COUNT = sizeof(web_errors) / sizeof(web_errors[0]) };

static const char *const contract_resources[CONTRACT_COUNT] = {
    [CONTRACT_CARD] =
	"payment_intents|charges|refunds|customers|events|webhook_endpoints"
	"|api_keys|test_helpers",
    [CONTRACT_STABLE] =
	"payment-intents|transactions|merchants|qr|webhook-endpoints"
	"|test-helpers",
};

const struct web_error *
web_error_next(enum web_server server, const struct web_error *row)
{
	row = row == NULL ? web_errors : row + 1;
	for (; row < web_errors + WEB_ERROR_COUNT; row++)
		if (row->server == WEB_SERVER_ANY || row->server == server)
			return row;
	return NULL;
}

uint16_t
web_error_status(const struct web_error *row)
{
	uint16_t status = error_words(row->id, CONTRACT_CARD)->status;

	assert(status == error_words(row->id, CONTRACT_STABLE)->status);
	return status;
}

bool
web_error_passes(const struct web_error *row)
{
	return error_words(row->id, CONTRACT_CARD)->type == ERROR_TYPE_API &&
	       row->id != ERROR_INTERNAL_ERROR;
}

bool
web_error_names_methods(const struct web_error *row)
{
	return row->id == ERROR_METHOD_NOT_ALLOWED;
}

void
web_contract_pattern(enum contract_id contract, struct buffer *pattern)
{
	buffer_print(pattern, "^[^ ]+ +(https?://[^/ ]*)?/v1/(%s)([/?. ]|$)",
	    contract_resources[contract]);
}

/*
 * The message without the value that it quotes: a web server must not echo
 * the request, whose bytes it would not escape.  "Unrecognized URL: ''."
 * becomes "Unrecognized URL."
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
has_dollar(struct text text)
{
	return memchr(text.bytes, '$', text.length) != NULL;
}

void
web_error_body(const struct web_error *row, enum contract_id contract,
    struct text public_url, struct text allowed, struct buffer *body)
{
	const struct error_words *words = error_words(row->id, contract);
	char expanded[MESSAGE_BYTES_MAX];
	char shown[MESSAGE_BYTES_MAX];
	struct error error;

	/* A dollar would begin a variable of the web server's. */
	assert(!has_dollar(words->message));
	assert(!has_dollar(row->detail));
	refuse_about(&error, row->id, TEXT_NONE, TEXT_NONE,
	    web_error_names_methods(row) ? allowed : row->detail);
	catalogue_body(&error, contract,
	    message_without_value(
		catalogue_message(&error, contract, expanded), shown),
	    public_url, body);
	assert(!body->overflow);
}
