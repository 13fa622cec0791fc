/*
 * JSON once more, by the letter of RFC 8259: one function for each of its
 * rules, sharing nothing with the program that it judges.
 */
#ifndef FUZZ_STRICT_JSON_H
#define FUZZ_STRICT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "api/json_writer.h"
#include "base/text.h"

/* What a document that is JSON turned out to be. */
struct json_facts {
	bool object;	/* all of it is one object */
	bool duplicate; /* an object has the same member twice */
	bool nul;	/* a string has U+0000, which no text here can hold */
	bool half_pair; /* a string has half of a surrogate pair */
	unsigned depth; /* of objects and arrays */
	size_t opened;	/* objects and arrays */
	size_t commas;
	size_t leaves;	/* scalars and empty containers */
	bool error;	/* there is a member `error` outermost */
	struct text id; /* of the outermost `id`, without quotes; or NONE */
};

/*
 * Whether `text` is JSON; *facts counts only then.  With a writer the values
 * are written again as they are read: in canonical form, where the facts have
 * no nul and no half_pair.  `text` must be UTF-8.
 */
bool strict_json(struct text text, struct json_facts *facts,
    struct json_writer *writer) __attribute__((warn_unused_result));

#endif
