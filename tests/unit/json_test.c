#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json_writer.h"
#include "api/parameters.h"
#include "unit/parameters_show.h"

static struct parameters rows;
static struct parameters_failure failure;
static struct arena arena;

static int
open_arena(void **state)
{
	(void)state;
	arena_init(&arena, malloc(2 * PARAMETERS_ARENA_BYTES),
	    2 * PARAMETERS_ARENA_BYTES);
	return arena.memory == NULL;
}

static int
close_arena(void **state)
{
	(void)state;
	free(arena.memory);
	return 0;
}

/* The body is copied to its exact size, so that a sanitizer sees its end. */
static enum parameters_result
read_body(struct text body)
{
	enum parameters_result result;
	char *bytes = malloc(body.length);

	assert_true(bytes != NULL || body.length == 0);
	if (body.length > 0)
		memcpy(bytes, body.bytes, body.length);
	arena_reset(&arena);
	rows.count = 0;
	body.bytes = bytes;
	result = parameters_from_json(&rows, body, &arena, &failure);
	/* Numbers are borrowed from the body. */
	for (size_t i = 0; i < rows.count; i++)
		rows.rows[i].value = arena_copy(&arena, rows.rows[i].value);
	free(bytes);
	return result;
}

static void
assert_refused(struct text body, const char *reason)
{
	enum parameters_result result = read_body(body);

	if (result != PARAMETERS_MALFORMED ||
	    strcmp(failure.reason, reason) != 0)
		fail_msg("%.*s: expected \"%s\", got %d \"%s\"",
		    TEXT_PRINT(body), reason, result,
		    result == PARAMETERS_OK ? "" : failure.reason);
	assert_null(failure.name.bytes);
}

static const struct {
	struct text body;
	const char *rows;
} accepted[] = {
    {TEXT("{}"), ""},
    {TEXT(" \t\r\n{ \n} \r\n\t"), ""},
    {TEXT("{\"amount\":2000}"), "amount=2000 number\n"},
    {TEXT("{\"a\":\"x\",\"b\":true,\"c\":false,\"d\":null}"),
	"a=x string\nb= true\nc= false\nd= null\n"},
    {TEXT("{\"metadata\":{\"order_id\":\"6735\",\"0\":1,\"\":2}}"),
	"metadata[order_id]=6735 string\nmetadata[0]=1 number\n"
	"metadata[]=2 number member\n"},
    {TEXT("{\"expand\":[\"a\",\"a\",[],{}]}"),
	"expand[]=a string\nexpand[]=a string\n"
	"expand[]= empty array\nexpand[]= empty object\n"},
    {TEXT("{\"a\":{},\"b\":[],\"c\":{\"d\":{},\"e\":[]}}"),
	"a= empty object\nb= empty array\n"
	"c[d]= empty object\nc[e]= empty array\n"},
    {TEXT("{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":[3]},\"f\":[[4]],\"g\":5}"),
	"a[b]=1 number deeper\na[b]=2 number deeper\na[e]=3 number deeper\n"
	"f[]=4 number deeper\ng=5 number\n"},
    {TEXT("{\"a[b]\":1,\"\":2}"), "a[b]=1 number\n=2 number\n"},
    {TEXT("{\"a\":[[[[[[[1]]]]]]]}"), "a[]=1 number deeper\n"},
    /* Numbers are as they were sent. */
    {TEXT("{\"a\":[0,-0,-0.0,2000.0,2e3,1E+2,1e-2,1e400]}"),
	"a[]=0 number\na[]=-0 number\na[]=-0.0 number\na[]=2000.0 number\n"
	"a[]=2e3 number\na[]=1E+2 number\na[]=1e-2 number\n"
	"a[]=1e400 number\n"},
    {TEXT("{\"a\":12345678901234567890123,\"b\":-9223372036854775809,"
	  "\"c\":18446744073709551615,\"d\":9007199254740993}"),
	"a=12345678901234567890123 number\nb=-9223372036854775809 number\n"
	"c=18446744073709551615 number\nd=9007199254740993 number\n"},
    /* Strings are decoded; a digit in one is not the next number. */
    {TEXT("{\"a\":\"1 [2] {3}\",\"4\":5}"), "a=1 [2] {3} string\n4=5 number\n"},
    {TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}"),
	"a=\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80 string\n"},
    {TEXT("{\"\\u0061\":\"\x7f\xc3\xa9\"}"), "a=\x7f\xc3\xa9 string\n"},
    {TEXT("{\"a\":\"\"}"), "a= string\n"},
    {TEXT("{\"a\":\"/* no comment */ 'x' NaN\"}"),
	"a=/* no comment */ 'x' NaN string\n"},
};

static void
bodies_become_rows(void **state)
{
	char shown[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		if (read_body(accepted[i].body) != PARAMETERS_OK)
			fail_msg("%.*s: %s", TEXT_PRINT(accepted[i].body),
			    failure.reason);
		parameters_show(&rows, shown, sizeof(shown));
		assert_string_equal(shown, accepted[i].rows);
	}
}

#define SYNTAX "is not valid JSON."
#define NOT_OBJECT "must be one JSON object."
#define NOT_UTF8 "is not valid UTF-8."
#define NUL "has a NUL character."
#define HALF_PAIR "has half of a surrogate pair."
#define DUPLICATE "has the same member twice."
#define TOO_DEEP "is nested more than 8 deep."
#define TOO_MANY "has too many values."
#define TOO_LARGE "is too large to be read."

static const struct {
	struct text body;
	const char *reason;
} refused[] = {
    /* One object, and nothing but white space around it. */
    {TEXT(""), NOT_OBJECT},
    {TEXT(" "), NOT_OBJECT},
    {TEXT("[]"), NOT_OBJECT},
    {TEXT("1"), NOT_OBJECT},
    {TEXT("\"a\""), NOT_OBJECT},
    {TEXT("null"), NOT_OBJECT},
    {TEXT("amount=1"), SYNTAX},
    {TEXT("{\"a\":1}x"), SYNTAX},
    {TEXT("{\"a\":1}{}"), SYNTAX},
    {TEXT("{},"), SYNTAX},
    {TEXT("{}\v"), SYNTAX},
    {TEXT("{}\0"), SYNTAX},
    {TEXT("\0{}"), SYNTAX},
    {TEXT("\xef\xbb\xbf{}"), SYNTAX},
    /* The grammar. */
    {TEXT("{"), SYNTAX},
    {TEXT("}"), NOT_OBJECT},
    {TEXT("{}}"), SYNTAX},
    {TEXT("{\"a\""), SYNTAX},
    {TEXT("{\"a\":"), SYNTAX},
    {TEXT("{\"a\":1"), SYNTAX},
    {TEXT("{\"a\":}"), SYNTAX},
    {TEXT("{\"a\"}"), SYNTAX},
    {TEXT("{\"a\" 1}"), SYNTAX},
    {TEXT("{\"a\"::1}"), SYNTAX},
    {TEXT("{\"a\":1,}"), SYNTAX},
    {TEXT("{,\"a\":1}"), SYNTAX},
    {TEXT("{\"a\":1,,\"b\":2}"), SYNTAX},
    {TEXT("{\"a\":1 \"b\":2}"), SYNTAX},
    {TEXT("{\"a\":[1,]}"), SYNTAX},
    {TEXT("{\"a\":[,1]}"), SYNTAX},
    {TEXT("{\"a\":[1 2]}"), SYNTAX},
    {TEXT("{\"a\":[1}"), SYNTAX},
    {TEXT("{\"a\":1]"), SYNTAX},
    {TEXT("{\"a\":[}]}"), SYNTAX},
    {TEXT("{\"a\":[\"b\":1]}"), SYNTAX},
    {TEXT("{1:2}"), SYNTAX},
    {TEXT("{null:2}"), SYNTAX},
    {TEXT("{a:1}"), SYNTAX},
    {TEXT("{'a':1}"), SYNTAX},
    {TEXT("{\"a\":'b'}"), SYNTAX},
    {TEXT("/**/{\"a\":1}"), SYNTAX},
    {TEXT("{\"a\":1/**/}"), SYNTAX},
    {TEXT("{\"a\":1}//"), SYNTAX},
    {TEXT("{\"a\":\v1}"), SYNTAX},
    {TEXT("{\"a\":1\0}"), SYNTAX},
    /* Words. */
    {TEXT("{\"a\":NaN}"), SYNTAX},
    {TEXT("{\"a\":nan}"), SYNTAX},
    {TEXT("{\"a\":-NaN}"), SYNTAX},
    {TEXT("{\"a\":Infinity}"), SYNTAX},
    {TEXT("{\"a\":-Infinity}"), SYNTAX},
    {TEXT("{\"a\":inf}"), SYNTAX},
    {TEXT("{\"a\":True}"), SYNTAX},
    {TEXT("{\"a\":NULL}"), SYNTAX},
    {TEXT("{\"a\":tru}"), SYNTAX},
    {TEXT("{\"a\":truefalse}"), SYNTAX},
    {TEXT("{\"a\":true1}"), SYNTAX},
    {TEXT("{\"a\":undefined}"), SYNTAX},
    /* Numbers. */
    {TEXT("{\"a\":12x}"), SYNTAX},
    {TEXT("{\"a\":012}"), SYNTAX},
    {TEXT("{\"a\":-012}"), SYNTAX},
    {TEXT("{\"a\":00}"), SYNTAX},
    {TEXT("{\"a\":1.}"), SYNTAX},
    {TEXT("{\"a\":1.e5}"), SYNTAX},
    {TEXT("{\"a\":.5}"), SYNTAX},
    {TEXT("{\"a\":-.5}"), SYNTAX},
    {TEXT("{\"a\":+1}"), SYNTAX},
    {TEXT("{\"a\":-}"), SYNTAX},
    {TEXT("{\"a\":--1}"), SYNTAX},
    {TEXT("{\"a\":1-2}"), SYNTAX},
    {TEXT("{\"a\":1.2.3}"), SYNTAX},
    {TEXT("{\"a\":1e}"), SYNTAX},
    {TEXT("{\"a\":1e+}"), SYNTAX},
    {TEXT("{\"a\":1e1.5}"), SYNTAX},
    {TEXT("{\"a\":0x10}"), SYNTAX},
    {TEXT("{\"a\":1_000}"), SYNTAX},
    {TEXT("{\"a\":- 1}"), SYNTAX},
    /* Strings. */
    {TEXT("{\"a\":\"b}"), SYNTAX},
    {TEXT("{\"a\":\"b\\\"}"), SYNTAX},
    {TEXT("{\"a\":\"\n\"}"), SYNTAX},
    {TEXT("{\"a\":\"\x1f\"}"), SYNTAX},
    {TEXT("{\"a\":\"\0\"}"), SYNTAX},
    {TEXT("{\"a\nb\":1}"), SYNTAX},
    {TEXT("{\"a\":\"\\q\"}"), SYNTAX},
    {TEXT("{\"a\":\"\\'\"}"), SYNTAX},
    {TEXT("{\"a\":\"\\u12\"}"), SYNTAX},
    {TEXT("{\"a\":\"\\u12g4\"}"), SYNTAX},
    {TEXT("{\"a\":\"\\U0041\"}"), SYNTAX},
    {TEXT("{\"a\":\"\\u0000\"}"), NUL},
    {TEXT("{\"a\\u0000b\":1}"), NUL},
    {TEXT("{\"a\":\"\\ud800\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\\udc00\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\\uDBFFx\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\\ud800\\u0041\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\\ud800\\ud800\\udc00\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\\ud83d\\ude0\"}"), HALF_PAIR},
    {TEXT("{\"a\":\"\xff\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xc3\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xc0\x80\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xed\xa0\x80\"}"), NOT_UTF8},
    {TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"), NOT_UTF8},
    {TEXT("{\"\xff\":1}"), NOT_UTF8},
    /* Members once, at any depth, however they are written. */
    {TEXT("{\"a\":1,\"a\":1}"), DUPLICATE},
    {TEXT("{\"a\":1,\"b\":2,\"\\u0061\":3}"), DUPLICATE},
    {TEXT("{\"a\":null,\"a\":1}"), DUPLICATE},
    {TEXT("{\"\":1,\"\":1}"), DUPLICATE},
    {TEXT("{\"a\":{\"b\":{\"c\":1,\"c\":2}}}"), DUPLICATE},
    {TEXT("{\"a\":[{\"b\":1,\"b\":[]}]}"), DUPLICATE},
    {TEXT("{\"a\":1,\"a\":2"), SYNTAX},
    /* Bounds. */
    {TEXT("{\"a\":[[[[[[[[]]]]]]]]}"), TOO_DEEP},
    {TEXT("{\"a\":[[[[[[[[[[[[[[[["), TOO_DEEP},
};

static void
what_the_rfc_does_not_know_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(refused[i].body, refused[i].reason);
}

/* Large bodies are put together here. */
static char large_bytes[BODY_BYTES_MAX];
static struct buffer large;

static struct text
large_body(
    const char *front, const char *piece, size_t pieces, const char *back)
{
	buffer_init(&large, large_bytes, sizeof(large_bytes));
	buffer_put_text(&large, text_of(front));
	for (size_t i = 0; i < pieces; i++)
		buffer_put_text(&large, text_of(piece));
	buffer_put_text(&large, text_of(back));
	assert_false(large.overflow);
	return buffer_text(&large);
}

static void
as_many_values_as_rows_are_taken(void **state)
{
	(void)state;
	assert_int_equal(
	    PARAMETERS_OK, read_body(large_body("{\"a\":[", "1,", 255, "1]}")));
	assert_int_equal(rows.count, BODY_PARAMETERS_MAX);
	assert_refused(large_body("{\"a\":[", "1,", 256, "1]}"), TOO_MANY);
	assert_int_equal(PARAMETERS_OK,
	    read_body(large_body("{\"a\":[", "[1],", 254, "1]}")));
	assert_refused(large_body("{\"a\":[", "1,", 32000, "1]}"), TOO_MANY);
	assert_refused(large_body("{\"a\":[", "{},", 21000, "1]}"), TOO_MANY);
}

static void
what_the_list_holds_already_is_repeated(void **state)
{
	(void)state;
	assert_int_equal(PARAMETERS_OK, read_body(TEXT("{\"a\":{\"b\":1}}")));
	assert_int_equal(PARAMETERS_REPEATED,
	    parameters_from_json(
		&rows, TEXT("{\"a\":{\"b\":2}}"), &arena, &failure));
	assert_true(text_equal(failure.name, TEXT("a[b]")));
}

static void
all_memory_is_the_arenas(void **state)
{
	struct text body =
	    TEXT("{\"amount\":1.5,\"metadata\":{\"a\":\"b\"},\"expand\":[]}");
	size_t heap_before, heap_after;

	(void)state;
	arena_reset(&arena);
	rows.count = 0;
	heap_before = mallinfo2().uordblks;
	assert_int_equal(
	    PARAMETERS_OK, parameters_from_json(&rows, body, &arena, &failure));
	heap_after = mallinfo2().uordblks;
	assert_int_equal(heap_before, heap_after);
	/* The tokener and the tree, which would otherwise be on the heap. */
	assert_true(arena.used > 1024);
	assert_in_range(
	    rows.rows[1].key.bytes, arena.memory, arena.memory + arena.used);
	assert_in_range(
	    rows.rows[1].value.bytes, arena.memory, arena.memory + arena.used);
}

/* Full at every place where json-c asks for memory. */
static void
a_full_arena_is_a_refusal(void **state)
{
	struct text body = large_body("{\"long\":\"", "\\u00e9", 300,
	    "\",\"a\":1.5,\"metadata\":{\"a\":\"b\"},\"c\":[1,{\"d\":2}]}");
	struct arena small;
	void *memory = malloc(PARAMETERS_ARENA_BYTES);
	enum parameters_result result;
	size_t refusals = 0;

	(void)state;
	assert_non_null(memory);
	for (size_t size = 0;; size += 8) {
		arena_init(&small, memory, size);
		rows.count = 0;
		result = parameters_from_json(&rows, body, &small, &failure);
		if (result == PARAMETERS_OK)
			break;
		assert_int_equal(result, PARAMETERS_MALFORMED);
		assert_string_equal(failure.reason, TOO_LARGE);
		refusals++;
	}
	assert_true(refusals > 100);
	assert_int_equal(rows.count, 5);
	free(memory);
}

/*
 * Bodies that are let through and cost the most, by what they are full of:
 * as many pieces as there may be values, and one string in what is left.
 * An escape in its middle makes json-c's buffer grow once more.
 */
static const struct {
	const char *front, *piece;
	size_t pieces;
} costly[] = {
    {"{\"a\":[", "", 0},
    {"{\"a\":[", "1.5,", 254},
    {"{\"a\":[", "[],", 254},
    {"{\"a\":[", "{},", 254},
    {"{\"a\":[", "{\"bbbbbbbbbbbbbbbb\":{}},", 169},
    {"{\"a\":[", "{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{}}}}}},", 72},
    {"{\"a\":[", "{\"b\":[{\"c\":[{\"d\":[]}]}]},", 72},
};

static struct text
costly_body(size_t i)
{
	enum { END = 3 };

	(void)large_body(
	    costly[i].front, costly[i].piece, costly[i].pieces, "\"");
	while (large.length < sizeof(large_bytes) / 2)
		buffer_put_byte(&large, 'x');
	buffer_put_text(&large, TEXT("\\n"));
	while (large.length < sizeof(large_bytes) - END)
		buffer_put_byte(&large, 'x');
	buffer_put_text(&large, TEXT("\"]}"));
	return buffer_text(&large);
}

static void
no_body_takes_more_than_is_promised(void **state)
{
	size_t worst = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(costly) / sizeof(costly[0]); i++) {
		arena_reset(&arena);
		rows.count = 0;
		assert_int_equal(
		    PARAMETERS_OK, parameters_from_json(&rows, costly_body(i),
				       &arena, &failure));
		if (arena.used > worst)
			worst = arena.used;
	}
	print_message("%zu bytes of the arena at the worst\n", worst);
	assert_true(worst <= PARAMETERS_ARENA_BYTES);
}

/* xorshift64: the same bodies in every run. */
static uint32_t
random_below(uint32_t bound)
{
	static uint64_t seed = 0x9e3779b97f4a7c15;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % bound;
}

static const struct text seeds[] = {
    TEXT("{\"amount\":2000,\"currency\":\"usd\",\"confirm\":true}"),
    TEXT("{\"metadata\":{\"a\":\"\\u00e9\",\"b\":null},\"expand\":[\"c\"]}"),
    TEXT("{\"a\":[1,-2.5e+3,0],\"b\":{\"c\":{\"d\":[{}]}},\"e\":false}"),
    TEXT("{\"a\":\"\\ud83d\\ude00\xc3\xa9\\\"\\\\\",\"b\":\"\",\"c\":[[]]}"),
};

static size_t
mutate(struct text seed, char *to, size_t size)
{
	static const char spice[] = "{}[]:,\"\\u0d8eE+-.1tfn' \n\x01\xc3\xff";
	size_t length = seed.length, at;

	assert_true(length + 8 < size);
	memcpy(to, seed.bytes, length);
	for (uint32_t n = 1 + random_below(3); n > 0; n--) {
		at = random_below((uint32_t)length);
		switch (random_below(3)) {
		case 0:
			to[at] = spice[random_below(sizeof(spice))];
			break;
		case 1:
			memmove(to + at, to + at + 1, length - at - 1);
			length--;
			break;
		default:
			memmove(to + at + 1, to + at, length - at);
			length++;
			break;
		}
	}
	return length;
}

static void
write_value(struct json_writer *writer, const struct parameter *row)
{
	switch (row->kind) {
	case PARAMETER_FORM_TEXT:
	case PARAMETER_STRING:
		json_string(writer, row->value);
		break;
	case PARAMETER_NUMBER:
		json_raw(writer, row->value);
		break;
	case PARAMETER_TRUE:
	case PARAMETER_FALSE:
		json_boolean(writer, row->kind == PARAMETER_TRUE);
		break;
	case PARAMETER_NULL:
		json_null(writer);
		break;
	case PARAMETER_EMPTY_OBJECT:
		json_object_begin(writer);
		json_object_end(writer);
		break;
	case PARAMETER_EMPTY_ARRAY:
		json_array_begin(writer);
		json_array_end(writer);
		break;
	}
}

/* The rows as JSON again; all rows of one root stand together. */
static struct text
write_rows(struct buffer *buffer)
{
	struct json_writer writer;

	json_init(&writer, buffer);
	json_object_begin(&writer);
	for (size_t i = 0; i < rows.count;) {
		struct text root = rows.rows[i].root;
		enum parameter_shape shape = rows.rows[i].shape;

		json_name(&writer, root);
		if (shape == PARAMETER_MEMBER)
			json_object_begin(&writer);
		else if (shape == PARAMETER_ELEMENT)
			json_array_begin(&writer);
		do {
			if (shape == PARAMETER_MEMBER)
				json_name(&writer, rows.rows[i].key);
			write_value(&writer, &rows.rows[i]);
			i++;
		} while (i < rows.count && text_equal(rows.rows[i].root, root));
		if (shape == PARAMETER_MEMBER)
			json_object_end(&writer);
		else if (shape == PARAMETER_ELEMENT)
			json_array_end(&writer);
	}
	json_object_end(&writer);
	assert_false(buffer->overflow);
	return buffer_text(buffer);
}

static void
drop_deeper_rows(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows.count; i++) {
		if (rows.rows[i].shape != PARAMETER_DEEPER)
			rows.rows[kept++] = rows.rows[i];
	}
	rows.count = kept;
}

/* What was accepted is text, and says the same when it is written again. */
static void
assert_round_trip(struct text body)
{
	char shown[4096], shown_again[4096], bytes[4096];
	struct buffer buffer;
	struct text written;

	assert_true(text_is_utf8(body));
	assert_null(memchr(body.bytes, '\0', body.length));
	drop_deeper_rows();
	parameters_show(&rows, shown, sizeof(shown));
	buffer_init(&buffer, bytes, sizeof(bytes));
	written = write_rows(&buffer);
	if (read_body(written) != PARAMETERS_OK)
		fail_msg("%.*s: %s", TEXT_PRINT(written), failure.reason);
	parameters_show(&rows, shown_again, sizeof(shown_again));
	assert_string_equal(shown, shown_again);
}

static void
mutated_bodies_are_refused_or_make_sense(void **state)
{
	size_t taken = 0;
	char bytes[256];

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct text body = seeds[i % (sizeof(seeds) / sizeof(*seeds))];
		body.length = mutate(body, bytes, sizeof(bytes));
		body.bytes = bytes;
		if (read_body(body) != PARAMETERS_OK)
			continue;
		assert_round_trip(body);
		taken++;
	}
	/* Enough of both kinds to have been worth it. */
	assert_in_range(taken, 4000, 36000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bodies_become_rows),
	    cmocka_unit_test(what_the_rfc_does_not_know_is_refused),
	    cmocka_unit_test(as_many_values_as_rows_are_taken),
	    cmocka_unit_test(what_the_list_holds_already_is_repeated),
	    cmocka_unit_test(all_memory_is_the_arenas),
	    cmocka_unit_test(a_full_arena_is_a_refusal),
	    cmocka_unit_test(no_body_takes_more_than_is_promised),
	    cmocka_unit_test(mutated_bodies_are_refused_or_make_sense),
	};

	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
