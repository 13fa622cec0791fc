#include "core/audit.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#define BEGINNING TEXT("seq=")
#define PREVIOUS TEXT(" previous=")
#define HASH TEXT(" hash=")

enum {
	HEX_BYTES = 2 * DIGEST_BYTES,
	SEQUENCE_DIGITS_MAX = 19,
};

static void
put_digest(struct buffer *buffer, const struct digest *digest)
{
	char hex[HEX_BYTES + 1];

	bytes_to_hex(digest->bytes, DIGEST_BYTES, hex);
	buffer_put(buffer, hex, HEX_BYTES);
}

static void
put_name(struct audit_line *line, struct text name)
{
	buffer_put_byte(&line->buffer, ' ');
	buffer_put_text(&line->buffer, name);
	buffer_put_byte(&line->buffer, '=');
}

/* ISO 8601 in UTC, with milliseconds. */
static void
put_time(struct audit_line *line, struct instant time)
{
	const int milliseconds = (int)(time.us / 1000 % 1000);
	char iso[TIME_ISO_BYTES];
	uint8_t digit[] = {'.', (uint8_t)('0' + milliseconds / 100),
	    (uint8_t)('0' + milliseconds / 10 % 10),
	    (uint8_t)('0' + milliseconds % 10), 'Z'};

	assert(time.us >= 0);
	instant_to_iso(time, iso);
	put_name(line, TEXT("time"));
	buffer_put(&line->buffer, iso, TIME_ISO_BYTES - sizeof("Z"));
	buffer_put(&line->buffer, digit, sizeof(digit));
}

void
audit_begin(
    struct audit_line *line, const struct audit_link *last, struct instant time)
{
	assert(last->sequence < INT64_MAX);
	buffer_init(&line->buffer, line->bytes, sizeof(line->bytes));
	line->previous = last->hash;
	line->sequence = last->sequence + 1;
	buffer_put_text(&line->buffer, BEGINNING);
	buffer_put_integer(&line->buffer, (int64_t)line->sequence);
	put_time(line, time);
}

static bool
is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '"' && c != '%' && c != '=';
}

/* How many of them the word begins with. */
static size_t
plain_bytes(struct text word)
{
	size_t count = 0;

	while (count < word.length && is_plain(word.bytes[count]))
		count++;
	return count;
}

void
audit_put_word(struct audit_line *line, struct text name, struct text word)
{
	static const char digits[] = "0123456789abcdef";
	struct buffer *buffer = &line->buffer;

	if (word.length == 0)
		return;
	put_name(line, name);
	if (word.length > AUDIT_WORD_BYTES_MAX)
		word.length = AUDIT_WORD_BYTES_MAX;
	for (;;) {
		size_t plain = plain_bytes(word);
		uint8_t byte;

		buffer_put(buffer, word.bytes, plain);
		if (plain == word.length)
			return;
		byte = (uint8_t)word.bytes[plain];
		buffer_put_byte(buffer, '%');
		buffer_put_byte(buffer, (uint8_t)digits[byte >> 4]);
		buffer_put_byte(buffer, (uint8_t)digits[byte & 15]);
		word = text_after(word, plain + 1);
	}
}

void
audit_put_id(
    struct audit_line *line, struct text name, const char *prefix, struct id id)
{
	char text[ID_TEXT_BYTES];

	if (!id_is_set(id))
		return;
	id_format(id, prefix, text);
	put_name(line, name);
	buffer_put_text(&line->buffer, text_of(text));
}

void
audit_put_number(struct audit_line *line, struct text name, int64_t number)
{
	put_name(line, name);
	buffer_put_integer(&line->buffer, number);
}

struct text
audit_end(struct audit_line *line, struct audit_link *own)
{
	struct buffer *buffer = &line->buffer;

	buffer_put_text(buffer, PREVIOUS);
	put_digest(buffer, &line->previous);
	own->hash = digest_text(buffer_text(buffer));
	buffer_put_text(buffer, HASH);
	put_digest(buffer, &own->hash);
	own->sequence = line->sequence;
	assert(!buffer->overflow);
	return buffer_text(buffer);
}

static bool
read_digit(char c, uint8_t *value)
{
	if (c >= '0' && c <= '9')
		*value = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

static bool
read_digest(const char *hex, struct digest *digest)
{
	uint8_t high;
	uint8_t low;

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		if (!read_digit(hex[2 * i], &high) ||
		    !read_digit(hex[2 * i + 1], &low))
			return false;
		digest->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ` name=` and the digits of a digest, at the end of `text`. */
static bool
take_digest(struct text *text, struct text name, struct digest *digest)
{
	const size_t length = name.length + HEX_BYTES;
	struct text end;

	if (text->length < length)
		return false;
	end = text_after(*text, text->length - length);
	text->length -= length;
	return text_starts(end, name) &&
	       read_digest(end.bytes + name.length, digest);
}

static bool
read_sequence(struct text line, uint64_t *sequence)
{
	struct text rest;
	struct text digits;
	int64_t number;

	if (!text_starts(line, BEGINNING) ||
	    !text_split(
		text_after(line, BEGINNING.length), ' ', &digits, &rest) ||
	    digits.length > SEQUENCE_DIGITS_MAX ||
	    !text_to_integer(digits, 1, INT64_MAX, &number))
		return false;
	*sequence = (uint64_t)number;
	return true;
}

enum audit_result
audit_read(struct text line, struct audit_link *own, struct digest *previous)
{
	struct text hashed = line;
	struct digest digest;
	struct text rest;

	if (line.length > AUDIT_LINE_BYTES_MAX ||
	    !text_is_printable_ascii(line) ||
	    !take_digest(&hashed, HASH, &own->hash))
		return AUDIT_MALFORMED;
	rest = hashed;
	if (!take_digest(&rest, PREVIOUS, previous) ||
	    !read_sequence(rest, &own->sequence))
		return AUDIT_MALFORMED;
	digest = digest_text(hashed);
	return memcmp(&digest, &own->hash, sizeof(digest)) == 0 ? AUDIT_OK
								: AUDIT_ALTERED;
}

bool
audit_follows(const struct audit_link *last, const struct audit_link *own,
    const struct digest *previous)
{
	return own->sequence == last->sequence + 1 &&
	       memcmp(previous, &last->hash, sizeof(*previous)) == 0;
}

bool
audit_link_equal(const struct audit_link *a, const struct audit_link *b)
{
	return a->sequence == b->sequence &&
	       memcmp(&a->hash, &b->hash, sizeof(a->hash)) == 0;
}

bool
audit_next(struct text *rest, struct text *name, struct text *word)
{
	struct text member;

	if (rest->length == 0)
		return false;
	(void)text_split(*rest, ' ', &member, rest);
	(void)text_split(member, '=', name, word);
	return true;
}
