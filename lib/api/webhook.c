#include "api/webhook.h"

#include <assert.h>

#include "api/contract.h"
#include "api/encode.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "core/delivery.h"

enum {
	/* What the headers' values take up of the arena. */
	HEADER_BYTES = 256,
	HEADERS_BYTES = WEBHOOK_HEADERS_MAX * (HEADER_BYTES + 16),
	/* The new one, and the one before it. */
	SECRETS_MAX = 2,
	SECRET_KEY_BYTES = ENDPOINT_SECRET_DIGITS / 4 * 3,
	BASE64_BYTES = (DIGEST_BYTES + 2) / 3 * 4 + 1,
};

/* One attempt's message on its way into the arena. */
struct writing {
	const struct service *service; /* borrowed, as all below */
	const struct contract *contract;
	struct arena *arena;
	struct webhook_message *message;
	/* The secrets in force, the newest first: what is behind `whsec_`. */
	struct text secrets[SECRETS_MAX];
	unsigned secret_count;
	char id[ID_TEXT_BYTES]; /* the event's */
	char time[24];		/* of the attempt, Unix seconds */
};

/* A signature of the message with one secret, behind what is there. */
typedef void signature(
    const struct writing *writing, struct text secret, struct buffer *value);

static void
put_header(struct writing *writing, struct text name, struct text value)
{
	struct webhook_message *message = writing->message;

	assert(message->header_count < WEBHOOK_HEADERS_MAX);
	message->headers[message->header_count++] =
	    (struct response_header){name, value};
}

/* False: the arena is full. */
static bool
add_header(struct writing *writing, struct text name, struct text value)
{
	struct text kept = arena_copy(writing->arena, value);

	put_header(writing, name, kept);
	return kept.bytes != NULL;
}

/* A header with a signature for each secret. */
static bool
add_signatures(struct writing *writing, struct text name, struct text head,
    struct text separator, signature *sign)
{
	char bytes[HEADER_BYTES];
	struct buffer value;

	buffer_init(&value, bytes, sizeof(bytes));
	buffer_put_text(&value, head);
	for (unsigned i = 0; i < writing->secret_count; i++) {
		if (i > 0)
			buffer_put_text(&value, separator);
		sign(writing, writing->secrets[i], &value);
	}
	assert(!value.overflow);
	return add_header(writing, name, buffer_text(&value));
}

/* Both contracts sign with the secret's whole text. */
static void
put_hex(const struct text *parts, size_t count, struct text digits,
    struct buffer *value)
{
	char secret[ENDPOINT_SECRET_BYTES];
	char hex[2 * DIGEST_BYTES + 1];
	struct digest digest;

	endpoint_secret_text(digits, secret);
	digest = hmac_sha256(text_of(secret), parts, count);
	bytes_to_hex(digest.bytes, DIGEST_BYTES, hex);
	buffer_put_text(value, text_of(hex));
}

static void
sign_card(
    const struct writing *writing, struct text secret, struct buffer *value)
{
	const struct text parts[] = {TEXT("v1="), text_of(writing->time),
	    TEXT("."), writing->message->body};

	buffer_put_text(value, TEXT("v1="));
	put_hex(parts, sizeof(parts) / sizeof(parts[0]), secret, value);
}

static void
sign_stable(
    const struct writing *writing, struct text secret, struct buffer *value)
{
	const struct text parts[] = {
	    text_of(writing->time), TEXT("."), writing->message->body};

	buffer_put_text(value, TEXT("sha256="));
	put_hex(parts, sizeof(parts) / sizeof(parts[0]), secret, value);
}

/* Standard Webhooks sign with the bytes that the secret is base64 of. */
static void
sign_standard(
    const struct writing *writing, struct text secret, struct buffer *value)
{
	const struct text parts[] = {text_of(writing->id), TEXT("."),
	    text_of(writing->time), TEXT("."), writing->message->body};
	uint8_t key[SECRET_KEY_BYTES];
	char base64[BASE64_BYTES];
	struct digest digest;
	bool decoded;

	decoded = bytes_from_base64(secret.bytes, secret.length, key);
	assert(decoded);
	digest = hmac_sha256((struct text){(const char *)key, SECRET_KEY_BYTES},
	    parts, sizeof(parts) / sizeof(parts[0]));
	bytes_to_base64(digest.bytes, DIGEST_BYTES, base64);
	buffer_put_text(value, TEXT("v1,"));
	buffer_put_text(value, text_of(base64));
}

/* Contract, card.md, "Webhooks". */
static bool
add_card_headers(struct writing *writing)
{
	char bytes[sizeof(writing->time) + 4];
	struct buffer head;

	buffer_init(&head, bytes, sizeof(bytes));
	buffer_put_text(&head, TEXT("t="));
	buffer_put_text(&head, text_of(writing->time));
	buffer_put_byte(&head, ',');
	return add_signatures(writing, TEXT("X-Signature"), buffer_text(&head),
	    TEXT(","), sign_card);
}

/* Contract, stable.md, "Webhooks". */
static bool
add_stable_headers(struct writing *writing)
{
	return add_signatures(writing,
		   writing->service->stable_signature_header, TEXT(""),
		   TEXT(","), sign_stable) &&
	       add_header(writing, TEXT("X-StableGenius-Timestamp"),
		   text_of(writing->time));
}

static bool
add_own_headers(struct writing *writing)
{
	switch (writing->contract->id) {
	case CONTRACT_CARD:
		return add_card_headers(writing);
	case CONTRACT_STABLE:
		return add_stable_headers(writing);
	case CONTRACT_COUNT:
		break;
	}
	assert(false);
	return false;
}

static bool
add_standard_headers(struct writing *writing)
{
	return add_header(writing, TEXT("webhook-id"), text_of(writing->id)) &&
	       add_header(writing, TEXT("webhook-timestamp"),
		   text_of(writing->time)) &&
	       add_signatures(writing, TEXT("webhook-signature"), TEXT(""),
		   TEXT(" "), sign_standard);
}

static bool
add_agent(struct writing *writing)
{
	struct text version = writing->service->version;
	char bytes[HEADER_BYTES];
	struct buffer agent;

	buffer_init(&agent, bytes, sizeof(bytes));
	buffer_put_text(&agent, TEXT("intentd"));
	if (version.length > 0)
		buffer_put_byte(&agent, '/');
	buffer_put_text(&agent, version);
	return add_header(writing, TEXT("User-Agent"), buffer_text(&agent));
}

/* What is left of the arena, but for the headers. */
static bool
write_body(struct writing *writing, uint8_t mode, const struct event *event)
{
	const struct service *service = writing->service;
	struct encoding encoding = {
	    .contract = writing->contract,
	    .public_url = service->public_url,
	    .live = mode == MODE_LIVE,
	    .chain = service->chains[mode].name,
	    .now = event->created,
	};
	size_t left = arena_left(writing->arena);
	struct buffer body;
	void *bytes;

	if (left <= HEADERS_BYTES)
		return false;
	bytes = arena_take(writing->arena, left - HEADERS_BYTES);
	assert(bytes != NULL);
	buffer_init(&body, bytes, left - HEADERS_BYTES);
	json_init(&encoding.writer, &body);
	encode_record(&encoding, KIND_EVENT, event);
	arena_keep(writing->arena, bytes, body.length);
	writing->message->body = buffer_text(&body);
	return !body.overflow;
}

static void
begin(struct writing *writing, const struct endpoint *endpoint,
    const struct event *event, struct instant now)
{
	struct buffer time;

	assert(endpoint->secret.length == ENDPOINT_SECRET_DIGITS);
	writing->secrets[writing->secret_count++] = endpoint->secret;
	if (endpoint->old_secret.length > 0 &&
	    instant_before(now, endpoint->old_until))
		writing->secrets[writing->secret_count++] =
		    endpoint->old_secret;
	id_format(event->id, record_type(KIND_EVENT)->prefix, writing->id);
	buffer_init(&time, writing->time, sizeof(writing->time) - 1);
	buffer_put_integer(&time, instant_seconds(now));
	writing->time[time.length] = '\0';
}

bool
webhook_write(const struct service *service, uint8_t mode,
    const struct endpoint *endpoint, const struct event *event,
    struct instant now, struct arena *arena, struct webhook_message *message)
{
	struct writing writing = {
	    .service = service,
	    .contract = contract_of_family((enum family)endpoint->family),
	    .arena = arena,
	    .message = message,
	};

	assert(mode > MODE_NONE && mode < MODE_COUNT);
	*message = (struct webhook_message){0};
	begin(&writing, endpoint, event, now);
	put_header(&writing, TEXT("Content-Type"), TEXT("application/json"));
	return write_body(&writing, mode, event) && add_agent(&writing) &&
	       add_own_headers(&writing) && add_standard_headers(&writing);
}
