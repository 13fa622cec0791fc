/*
 * What a command prints on standard output: one JSON document as the API has
 * it (--json), or aligned text for people.
 */
#ifndef APP_CTL_OUTPUT_H
#define APP_CTL_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "api/encode.h"
#include "base/buffer.h"
#include "base/time.h"
#include "core/records.h"

struct output {
	bool json;
	struct instant now; /* whether a key has expired */
	struct buffer buffer;
	struct encoding encoding;
	bool in_list;
	FILE *file; /* borrowed: standard output, if not set otherwise */
};

/* `public_url` begins the links in objects; borrowed. */
void output_init(struct output *output, bool json, struct instant now,
    const char *public_url);

/*
 * Prints the first object of a bundle with what belongs to it.  `secret` is
 * a key's text where it was just made, else "": shown here and never again.
 */
void output_object(
    struct output *output, struct text objects, bool live, const char *secret);

/*
 * Prints a list: a row for each object, and its end.  The rows of kinds that
 * are shown with others come as a bundle.  `next` is the id of the last row
 * if there are more, TEXT_NONE otherwise.
 */
void output_row(
    struct output *output, enum kind kind, const union record *record);
void output_row_objects(struct output *output, struct text objects, bool live);
void output_end_list(struct output *output, enum kind kind, struct text next);

/* For documents of another form: the writer, and what it wrote so far. */
struct json_writer *output_writer(struct output *output);
void output_flush(struct output *output);
/* Ends a document. */
void output_end(struct output *output);

#endif
