/*
 * The API: any texts as requests of HTTP, as the web server hands them on.
 *
 * An input is one or more requests with a line `==` between them:
 *
 *	POST /v1/payment_intents/{open}/confirm
 *	Idempotency-Key: a
 *
 *	{"payment_method":"pm_card_visa"}
 *
 * What stands in braces is a name of the stall's (stall.h).  Without a line for
 * it, the key is {sk}, the media type follows from the body's first byte, and
 * the length is the body's.  A line with `=` before any colon is a parameter
 * of FastCGI as it stands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "front.h"
#include "fuzz.h"

enum { REQUESTS_MAX = 16, REQUEST_BYTES = 1 << 20, RECORD_BYTES = 0x8000 };

static struct stall *stall;
static struct front *front;
static char expanded[REQUEST_BYTES];
static char parameters[REQUEST_BYTES];
static char records[2 * REQUEST_BYTES];

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	stall = stall_open();
	front = front_open(stall);
	return 0;
}

/* -- Texts ----------------------------------------------------------------- */

/* Takes what is before `end` off *rest; all of it where there is none. */
static struct text
take_until(struct text *rest, struct text end)
{
	struct text taken = *rest;
	const char *at = rest->length == 0 ? NULL
					   : memmem(rest->bytes, rest->length,
						 end.bytes, end.length);

	if (at == NULL) {
		*rest = TEXT_NONE;
		return taken;
	}
	taken.length = (size_t)(at - rest->bytes);
	*rest = text_after(*rest, taken.length + end.length);
	return taken;
}

/* With the names in braces replaced; what is no name stays. */
static struct text
expand(struct text text)
{
	struct text before, name, value, rest = text;
	struct buffer buffer;

	buffer_init(&buffer, expanded, sizeof(expanded));
	while (rest.length > 0) {
		before = take_until(&rest, TEXT("{"));
		buffer_put_text(&buffer, before);
		if (before.bytes + before.length == text.bytes + text.length)
			break;
		if (!text_split(rest, '}', &name, &value)) {
			buffer_put_byte(&buffer, '{');
			continue;
		}
		if (stall_text(stall, name).bytes == NULL) {
			buffer_put_byte(&buffer, '{');
			continue;
		}
		buffer_put_text(&buffer, stall_text(stall, name));
		rest = value;
	}
	return buffer_text(&buffer);
}

/* -- Records --------------------------------------------------------------- */

static void
put_length(struct buffer *buffer, size_t length)
{
	if (length < 128) {
		buffer_put_byte(buffer, (uint8_t)length);
		return;
	}
	buffer_put_byte(buffer, (uint8_t)(length >> 24 | 0x80));
	buffer_put_byte(buffer, (uint8_t)(length >> 16));
	buffer_put_byte(buffer, (uint8_t)(length >> 8));
	buffer_put_byte(buffer, (uint8_t)length);
}

static void
put_pair(struct buffer *buffer, struct text name, struct text value)
{
	put_length(buffer, name.length);
	put_length(buffer, value.length);
	buffer_put_text(buffer, name);
	buffer_put_text(buffer, value);
}

static void
put_record(struct buffer *buffer, uint8_t type, struct text content)
{
	const uint8_t head[8] = {1, type, 0, 1, (uint8_t)(content.length >> 8),
	    (uint8_t)content.length};

	buffer_put(buffer, head, sizeof(head));
	buffer_put_text(buffer, content);
}

static void
put_stream(struct buffer *buffer, uint8_t type, struct text content)
{
	struct text piece;

	while (content.length > 0) {
		piece = content;
		if (piece.length > RECORD_BYTES)
			piece.length = RECORD_BYTES;
		put_record(buffer, type, piece);
		content = text_after(content, piece.length);
	}
	put_record(buffer, type, TEXT(""));
}

/* What the head of a request has said itself. */
struct said {
	bool key;
	bool type;
	bool length;
};

/* HTTP_ and the name as CGI has it; the two of RFC 3875 without. */
static void
put_header(struct buffer *buffer, struct said *said, struct text name,
    struct text value)
{
	char bytes[128] = "HTTP_";
	size_t length = name.length < 100 ? name.length : 100;
	bool bare;

	said->key |= text_equal_nocase(name, TEXT("Authorization"));
	said->type |= text_equal_nocase(name, TEXT("Content-Type"));
	said->length |= text_equal_nocase(name, TEXT("Content-Length"));
	bare = text_equal_nocase(name, TEXT("Content-Type")) ||
	       text_equal_nocase(name, TEXT("Content-Length"));
	for (size_t i = 0; i < length; i++) {
		char c = name.bytes[i];

		bytes[5 + i] = c == '-'		      ? '_'
			       : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A')
						      : c;
	}
	put_pair(buffer,
	    (struct text){bare ? bytes + 5 : bytes, bare ? length : length + 5},
	    value);
}

static void
put_line(struct buffer *buffer, struct said *said, struct text line)
{
	struct text name, value, before, after;

	if (text_split(line, ':', &name, &value) &&
	    !text_split(name, '=', &before, &after)) {
		if (value.length > 0 && value.bytes[0] == ' ')
			value = text_after(value, 1);
		put_header(buffer, said, name, value);
	} else if (text_split(line, '=', &name, &value)) {
		put_pair(buffer, name, value);
	}
}

static void
put_rest(struct buffer *buffer, const struct said *said, struct text body)
{
	char bytes[128];

	if (!said->key) {
		(void)snprintf(bytes, sizeof(bytes), "Bearer %s",
		    stall->texts[STALL_SECRET_KEY]);
		put_pair(buffer, TEXT("HTTP_AUTHORIZATION"), text_of(bytes));
	}
	if (!said->type && body.length > 0)
		put_pair(buffer, TEXT("CONTENT_TYPE"),
		    body.bytes[0] == '{'
			? TEXT("application/json")
			: TEXT("application/x-www-form-urlencoded"));
	if (!said->length && body.length > 0) {
		(void)snprintf(bytes, sizeof(bytes), "%zu", body.length);
		put_pair(buffer, TEXT("CONTENT_LENGTH"), text_of(bytes));
	}
	put_pair(buffer, TEXT("REMOTE_ADDR"), TEXT("192.0.2.1"));
}

/* The records of one request; false: there was no room. */
static bool
make_records(struct text request, struct buffer *to)
{
	struct text head, body = request;
	struct text line, method, uri;
	struct buffer pairs;
	struct said said = {false, false, false};

	head = take_until(&body, TEXT("\n\n"));
	line = take_until(&head, TEXT("\n"));
	(void)text_split(line, ' ', &method, &uri);
	buffer_init(&pairs, parameters, sizeof(parameters));
	put_pair(&pairs, TEXT("REQUEST_METHOD"), method);
	put_pair(&pairs, TEXT("REQUEST_URI"), uri);
	while (head.length > 0) {
		line = take_until(&head, TEXT("\n"));
		put_line(&pairs, &said, line);
	}
	put_rest(&pairs, &said, body);
	/* A responder, and the connection is kept. */
	put_record(to, 1, TEXT("\0\1\1\0\0\0\0\0"));
	put_stream(to, 4, buffer_text(&pairs));
	put_stream(to, 5, body);
	return !pairs.overflow && !to->overflow;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct text rest = {(const char *)bytes, length};
	struct front_result result;
	struct buffer buffer;
	struct text one;

	for (unsigned i = 0; i < REQUESTS_MAX && rest.length > 0; i++) {
		one = take_until(&rest, TEXT("\n==\n"));
		buffer_init(&buffer, records, sizeof(records));
		if (!make_records(expand(one), &buffer))
			break;
		front_talk(front, buffer_text(&buffer), buffer.length, &result);
	}
	stall_verify(stall);
	stall_reset(stall);
	return 0;
}
