#include <assert.h>
#include <json-c/json.h>
#include <locale.h>
#include <setjmp.h>
#include <string.h>

#include "api/json_token.h"
#include "api/parameters.h"
#include "api/parameters_build.h"
#include "base/heap.h"

#define REASON_SYNTAX "is not valid JSON."
#define REASON_NOT_OBJECT "must be one JSON object."
#define REASON_DUPLICATE "has the same member twice."
#define REASON_HALF_PAIR "has half of a surrogate pair."

/*
 * json-c spends up to a kilobyte on a value, however short: a body full of
 * `{}` would take 17 MB.  Twice the parameters leaves room for the containers
 * around them and keeps the promise of PARAMETERS_ARENA_BYTES.
 */
enum { JSON_VALUES_MAX = 2 * BODY_PARAMETERS_MAX };

/*
 * What json-c does while it parses, it does in here: the library has no
 * argument for an allocator (heap.h) or for a duplicate member.  The linker
 * leads its calls to the __wrap_ function (ld's --wrap; the flags are in the
 * Makefile).
 */
struct parse {
	struct heap heap; /* json-c 0.16 trusts some of malloc's results */
	struct json_object *tree; /* in the arena; NULL: no JSON */
	bool duplicate;		  /* a member was there already */
};
static struct parse *running;

int __real_json_object_object_add(
    struct json_object *object, const char *key, struct json_object *value);
int __wrap_json_object_object_add(
    struct json_object *object, const char *key, struct json_object *value);

int
__wrap_json_object_object_add(
    struct json_object *object, const char *key, struct json_object *value)
{
	if (running != NULL && json_object_object_get_ex(object, key, NULL))
		running->duplicate = true;
	return __real_json_object_object_add(object, key, value);
}

/* The tree is never put back: its texts are read until the arena's reset. */
static struct json_object *
tree_read(struct text body)
{
	struct json_tokener *tokener;
	struct json_object *tree;

	/* A scalar counts as one level more for json-c. */
	tokener = json_tokener_new_ex(BODY_DEPTH_MAX + 1);
	json_tokener_set_flags(
	    tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* It may stop before a NUL and call that success: none is in here. */
	assert(memchr(body.bytes, '\0', body.length) == NULL);
	tree = json_tokener_parse_ex(tokener, body.bytes, (int)body.length);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		return NULL;
	return tree;
}

/*
 * Runs json-c on the arena; false where that is full.  json-c copies the
 * thread's locale on the heap for each parse, unless it is the constant "C",
 * and leaves its own in place where the parse is cut short.
 */
static bool
parse_run(struct parse *parse, struct text body)
{
	locale_t constant = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(constant);
	volatile bool full = true;

	assert(running == NULL);
	running = parse;
	heap_enter(&parse->heap);
	if (setjmp(parse->heap.full) == 0) {
		parse->tree = tree_read(body);
		full = false;
	}
	heap_leave();
	running = NULL;
	(void)uselocale(before);
	return !full;
}

/* The reason why a token of this kind ends the reading; NULL for a good one. */
static const char *
token_reason(enum json_token_kind kind)
{
	static const char *const reasons[JSON_TOKEN_KINDS] = {
	    [JSON_TOKEN_BROKEN] = REASON_SYNTAX,
	    [JSON_TOKEN_NUL] = REASON_NUL,
	    [JSON_TOKEN_HALF_PAIR] = REASON_HALF_PAIR,
	};

	return reasons[kind];
}

/* Nesting and number of values, while the tokens go by. */
struct tally {
	unsigned depth;
	size_t values;
};

/* NULL, or the reason why the body must not go on beyond this token. */
static const char *
tally_token(struct tally *tally, enum json_token_kind kind)
{
	if (kind == JSON_TOKEN_OBJECT_BEGIN || kind == JSON_TOKEN_ARRAY_BEGIN) {
		tally->depth++;
		tally->values++;
	} else if (kind == JSON_TOKEN_COMMA) {
		tally->values++;
	} else if (kind == JSON_TOKEN_OBJECT_END ||
		   kind == JSON_TOKEN_ARRAY_END) {
		if (tally->depth == 0)
			return REASON_SYNTAX;
		tally->depth--;
	}
	if (tally->depth > BODY_DEPTH_MAX)
		return REASON_TOO_DEEP;
	return tally->values > JSON_VALUES_MAX ? REASON_TOO_MANY : NULL;
}

/* NULL, or the reason why json-c must not see this body. */
static const char *
body_reason(struct text body)
{
	struct text rest = body;
	struct tally tally = {0};
	struct json_token token;
	const char *reason;

	if (!text_is_utf8(body))
		return REASON_NOT_UTF8;
	token = json_token_next(&rest);
	reason = token_reason(token.kind);
	if (reason == NULL && token.kind != JSON_TOKEN_OBJECT_BEGIN)
		return REASON_NOT_OBJECT;
	while (reason == NULL && token.kind != JSON_TOKEN_END) {
		reason = tally_token(&tally, token.kind);
		if (reason != NULL)
			break;
		token = json_token_next(&rest);
		reason = token_reason(token.kind);
	}
	return reason;
}

/* Where the rows go, and what is needed on the way through the tree. */
struct walk {
	struct parameters *parameters;
	struct parameters_failure *failure;
	struct arena *arena;
	struct text numbers; /* of the body: what is behind the last number */
};

/*
 * The next number's own text.  json-c saturates integers beyond 64 bits and
 * drops the sign of -0.  The tree is walked in the order of the body, and
 * without duplicates nothing of the body is missing in it.
 */
static struct text
number_next(struct walk *walk)
{
	struct json_token token;

	do
		token = json_token_next(&walk->numbers);
	while (token.kind != JSON_TOKEN_NUMBER && token.kind != JSON_TOKEN_END);
	assert(token.kind == JSON_TOKEN_NUMBER);
	return token.text;
}

/* Kind and value of a row from a scalar or an empty container. */
static void
leaf_read(struct walk *walk, struct json_object *leaf, struct parameter *row)
{
	switch (json_object_get_type(leaf)) {
	case json_type_null:
		row->kind = PARAMETER_NULL;
		break;
	case json_type_boolean:
		row->kind = json_object_get_boolean(leaf) ? PARAMETER_TRUE
							  : PARAMETER_FALSE;
		break;
	case json_type_double:
	case json_type_int:
		row->kind = PARAMETER_NUMBER;
		row->value = number_next(walk);
		break;
	case json_type_string:
		row->kind = PARAMETER_STRING;
		row->value.bytes = json_object_get_string(leaf);
		row->value.length = (size_t)json_object_get_string_len(leaf);
		break;
	case json_type_object:
		row->kind = PARAMETER_EMPTY_OBJECT;
		break;
	case json_type_array:
		row->kind = PARAMETER_EMPTY_ARRAY;
		break;
	}
}

/* Adds a row for each leaf of `tree`; `row` is where the tree stands. */
static enum parameters_result
walk_tree(struct walk *walk, struct json_object *tree, struct parameter row)
{
	enum parameters_result result = PARAMETERS_OK;
	struct parameter inside;
	size_t i, length;

	if (json_object_is_type(tree, json_type_object) &&
	    json_object_object_length(tree) > 0) {
		json_object_object_foreach(tree, name, member)
		{
			inside = parameter_inside(row, text_of(name));
			result = walk_tree(walk, member, inside);
			if (result != PARAMETERS_OK)
				break;
		}
		return result;
	}
	if (json_object_is_type(tree, json_type_array) &&
	    json_object_array_length(tree) > 0) {
		inside = parameter_inside(row, TEXT_NONE);
		length = json_object_array_length(tree);
		for (i = 0; i < length && result == PARAMETERS_OK; i++)
			result = walk_tree(
			    walk, json_object_array_get_idx(tree, i), inside);
		return result;
	}
	leaf_read(walk, tree, &row);
	return parameters_add(
	    walk->parameters, &row, walk->arena, walk->failure);
}

enum parameters_result
parameters_from_json(struct parameters *parameters, struct text body,
    struct arena *arena, struct parameters_failure *failure)
{
	struct parse parse = {.heap.arena = arena};
	struct walk walk = {parameters, failure, arena, body};
	struct parameter nowhere = {.root = TEXT_NONE};
	const char *reason;

	assert(body.length <= BODY_BYTES_MAX);
	reason = body_reason(body);
	if (reason != NULL)
		return parameters_malformed(failure, reason);
	if (!parse_run(&parse, body))
		return parameters_malformed(failure, REASON_TOO_LARGE);
	if (parse.tree == NULL)
		return parameters_malformed(failure, REASON_SYNTAX);
	if (parse.duplicate)
		return parameters_malformed(failure, REASON_DUPLICATE);
	assert(json_object_is_type(parse.tree, json_type_object));
	if (json_object_object_length(parse.tree) == 0)
		return PARAMETERS_OK;
	return walk_tree(&walk, parse.tree, nowhere);
}
