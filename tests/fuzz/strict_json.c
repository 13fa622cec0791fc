#include "strict_json.h"

#include <string.h>

#include "fuzz.h"

enum {
	/* Deeper than anything that the program reads or writes. */
	DEPTH_MAX = 64,
	NAMES_MAX = 8192,
	STRINGS_MAX = 1 << 20,
};

/* One document on its way. */
struct reading {
	struct text rest;
	struct json_facts *facts;
	struct json_writer *writer; /* NULL: none */
	unsigned depth;
	size_t name_count;
	size_t used;		/* of `strings` */
	struct text last_value; /* the string that was read last, decoded */
};

/* Names of the objects that are open, and all strings, decoded. */
static struct text names[NAMES_MAX];
static char strings[STRINGS_MAX];

static bool read_value(struct reading *reading);

static int
peek(const struct reading *reading)
{
	return reading->rest.length == 0 ? -1 : (uint8_t)reading->rest.bytes[0];
}

static void
skip(struct reading *reading, size_t count)
{
	reading->rest = text_after(reading->rest, count);
}

static bool
take(struct reading *reading, int byte)
{
	if (peek(reading) != byte)
		return false;
	skip(reading, 1);
	return true;
}

static void
skip_space(struct reading *reading)
{
	while (take(reading, ' ') || take(reading, '\t') ||
	       take(reading, '\n') || take(reading, '\r'))
		continue;
}

/* ws, the byte, ws */
static bool
take_structural(struct reading *reading, int byte)
{
	skip_space(reading);
	if (!take(reading, byte))
		return false;
	skip_space(reading);
	return true;
}

static bool
is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
take_digits(struct reading *reading)
{
	if (!is_digit(peek(reading)))
		return false;
	while (is_digit(peek(reading)))
		skip(reading, 1);
	return true;
}

/* number = [ minus ] int [ frac ] [ exp ] */
static bool
read_number(struct reading *reading)
{
	const char *begin = reading->rest.bytes;

	(void)take(reading, '-');
	if (!take(reading, '0') && !take_digits(reading))
		return false;
	if (take(reading, '.') && !take_digits(reading))
		return false;
	if (take(reading, 'e') || take(reading, 'E')) {
		if (!take(reading, '+'))
			(void)take(reading, '-');
		if (!take_digits(reading))
			return false;
	}
	if (reading->writer != NULL)
		json_raw(reading->writer,
		    (struct text){
			begin, (size_t)(reading->rest.bytes - begin)});
	return true;
}

static void
keep_byte(struct reading *reading, unsigned byte)
{
	MUST(reading->used < STRINGS_MAX);
	strings[reading->used++] = (char)byte;
}

static void
keep_character(struct reading *reading, unsigned code)
{
	if (code < 0x80) {
		keep_byte(reading, code);
		return;
	}
	if (code < 0x800) {
		keep_byte(reading, 0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			keep_byte(reading, 0xe0 | code >> 12);
		} else {
			keep_byte(reading, 0xf0 | code >> 18);
			keep_byte(reading, 0x80 | (code >> 12 & 0x3f));
		}
		keep_byte(reading, 0x80 | (code >> 6 & 0x3f));
	}
	keep_byte(reading, 0x80 | (code & 0x3f));
}

/* 4HEXDIG, behind the `u`. */
static bool
take_unit(struct reading *reading, unsigned *unit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at;
	unsigned value;

	*unit = 0;
	for (int i = 0; i < 4; i++) {
		if (peek(reading) <= 0)
			return false;
		at = strchr(digits, peek(reading));
		if (at == NULL)
			return false;
		value = (unsigned)(at - digits);
		*unit = *unit << 4 | (value > 15 ? value - 6 : value);
		skip(reading, 1);
	}
	return true;
}

static bool
read_unicode(struct reading *reading)
{
	unsigned high, low;

	if (!take_unit(reading, &high))
		return false;
	if (high == 0)
		reading->facts->nul = true;
	if (high < 0xd800 || high > 0xdfff) {
		keep_character(reading, high);
		return true;
	}
	if (high > 0xdbff || reading->rest.length < 2 ||
	    memcmp(reading->rest.bytes, "\\u", 2) != 0) {
		reading->facts->half_pair = true;
		return true;
	}
	skip(reading, 2);
	if (!take_unit(reading, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		reading->facts->half_pair = true;
	else
		keep_character(reading,
		    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
	return true;
}

static bool
read_escape(struct reading *reading)
{
	static const char names_of[] = "\"\\/bfnrt";
	static const char bytes_of[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (take(reading, 'u'))
		return read_unicode(reading);
	if (peek(reading) <= 0)
		return false;
	at = strchr(names_of, peek(reading));
	if (at == NULL)
		return false;
	keep_byte(reading, (uint8_t)bytes_of[at - names_of]);
	skip(reading, 1);
	return true;
}

static bool
read_string(struct reading *reading)
{
	size_t begin = reading->used;

	if (!take(reading, '"'))
		return false;
	while (!take(reading, '"')) {
		if (take(reading, '\\')) {
			if (!read_escape(reading))
				return false;
			continue;
		}
		if (peek(reading) < 0x20)
			return false;
		keep_byte(reading, (unsigned)peek(reading));
		skip(reading, 1);
	}
	reading->last_value =
	    (struct text){strings + begin, reading->used - begin};
	return true;
}

static bool
read_literal(struct reading *reading)
{
	static const struct text words[] = {
	    {"true", 4}, {"false", 5}, {"null", 4}};

	for (unsigned i = 0; i < 3; i++) {
		if (!text_starts(reading->rest, words[i]))
			continue;
		skip(reading, words[i].length);
		if (reading->writer != NULL)
			json_raw(reading->writer, words[i]);
		return true;
	}
	return false;
}

static void
note_name(struct reading *reading, size_t first)
{
	struct text name = reading->last_value;

	for (size_t i = first; i < reading->name_count; i++)
		if (text_equal(names[i], name))
			reading->facts->duplicate = true;
	MUST(reading->name_count < NAMES_MAX);
	names[reading->name_count++] = name;
	if (reading->depth == 1 && text_equal(name, TEXT("error")))
		reading->facts->error = true;
	if (reading->writer != NULL)
		json_name(reading->writer, name);
}

/* member = string name-separator value */
static bool
read_member(struct reading *reading, size_t first)
{
	bool is_id;

	if (!read_string(reading))
		return false;
	is_id =
	    reading->depth == 1 && text_equal(reading->last_value, TEXT("id"));
	note_name(reading, first);
	if (!take_structural(reading, ':'))
		return false;
	reading->last_value = TEXT_NONE;
	if (!read_value(reading))
		return false;
	if (is_id)
		reading->facts->id = reading->last_value;
	return true;
}

/* What object and array have in common: [ item *( separator item ) ] */
static bool
read_items(struct reading *reading, int end, size_t first)
{
	skip_space(reading);
	if (take(reading, end)) {
		reading->facts->leaves++;
		return true;
	}
	for (;;) {
		if (end == '}' ? !read_member(reading, first)
			       : !read_value(reading))
			return false;
		if (!take_structural(reading, ','))
			break;
		reading->facts->commas++;
	}
	skip_space(reading);
	return take(reading, end);
}

static bool
read_container(struct reading *reading)
{
	const bool object = peek(reading) == '{';
	const size_t first = reading->name_count;
	struct json_writer *writer = reading->writer;
	bool read;

	skip(reading, 1);
	if (++reading->depth > DEPTH_MAX)
		return false;
	reading->facts->opened++;
	if (reading->depth > reading->facts->depth)
		reading->facts->depth = reading->depth;
	if (writer != NULL)
		object ? json_object_begin(writer) : json_array_begin(writer);
	read = read_items(reading, object ? '}' : ']', first);
	if (read && writer != NULL)
		object ? json_object_end(writer) : json_array_end(writer);
	reading->name_count = first;
	reading->depth--;
	return read;
}

static bool
read_value(struct reading *reading)
{
	switch (peek(reading)) {
	case '{':
	case '[':
		return read_container(reading);
	case '"':
		reading->facts->leaves++;
		if (!read_string(reading))
			return false;
		if (reading->writer != NULL)
			json_string(reading->writer, reading->last_value);
		return true;
	case 't':
	case 'f':
	case 'n':
		reading->facts->leaves++;
		return read_literal(reading);
	default:
		reading->facts->leaves++;
		return read_number(reading);
	}
}

bool
strict_json(
    struct text text, struct json_facts *facts, struct json_writer *writer)
{
	struct reading reading = {
	    .rest = text, .facts = facts, .writer = writer};

	*facts = (struct json_facts){0};
	skip_space(&reading);
	facts->object = peek(&reading) == '{';
	if (!read_value(&reading))
		return false;
	skip_space(&reading);
	return reading.rest.length == 0;
}
