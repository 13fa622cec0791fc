#include "app/ctl_output.h"

#include <assert.h>
#include <stdio.h>

#include "api/operator.h"
#include "app/ctl_text.h"
#include "core/bundle.h"
#include "core/codec.h"

/*
 * One object at a time: an intent with ten charges, each of which shows the
 * intent's metadata, every byte of it escaped.
 */
enum { JSON_BYTES_MAX = 11 * 6 * METADATA_BYTES_MAX + OUTCOME_BYTES_MAX };

static char json_bytes[JSON_BYTES_MAX];

void
output_init(struct output *output, bool json, struct instant now,
    const char *public_url)
{
	*output = (struct output){
	    .json = json,
	    .now = now,
	    .encoding =
		{
		    .contract = &contract_operator,
		    .public_url = text_of(public_url),
		    .now = now,
		    .secret = "",
		},
	    .file = stdout,
	};
	buffer_init(&output->buffer, json_bytes, sizeof(json_bytes));
	json_init(&output->encoding.writer, &output->buffer);
}

struct json_writer *
output_writer(struct output *output)
{
	assert(output->json);
	return &output->encoding.writer;
}

void
output_flush(struct output *output)
{
	assert(!output->buffer.overflow);
	fwrite(output->buffer.bytes, 1, output->buffer.length, output->file);
	buffer_reset(&output->buffer);
}

void
output_end(struct output *output)
{
	buffer_put_byte(&output->buffer, '\n');
	output_flush(output);
	/* Another one may follow. */
	json_init(&output->encoding.writer, &output->buffer);
}

/* The record that a bundle is about. */
static enum kind
first_record(struct text objects, union record *record)
{
	struct text rest = objects;
	enum codec_result result;
	struct text encoded;
	bool found = bundle_next(&rest, &encoded);

	assert(found);
	result = codec_decode(codec_kind(encoded), encoded, record);
	assert(result == CODEC_OK);
	return codec_kind(encoded);
}

static void
print_charges(struct output *output, struct text objects)
{
	struct charge charge;
	unsigned count = 0;

	while (bundle_find(objects, KIND_CHARGE, count, &charge)) {
		if (count == 0) {
			putchar('\n');
			text_print_head(stdout, KIND_CHARGE);
		}
		text_print_row(stdout, output->now, KIND_CHARGE, &charge);
		count++;
	}
}

void
output_object(
    struct output *output, struct text objects, bool live, const char *secret)
{
	union record record;
	enum kind kind;

	if (output->json) {
		output->encoding.live = live;
		output->encoding.secret = secret;
		encode_objects(&output->encoding, objects);
		output_end(output);
		return;
	}
	kind = first_record(objects, &record);
	text_print_object(stdout, output->now, kind, &record);
	if (kind == KIND_INTENT)
		print_charges(output, objects);
	if (secret[0] != '\0')
		text_print_secret(stdout, kind, secret);
}

/* The envelope's begin, or the heads of the columns. */
static void
begin_list(struct output *output, enum kind kind)
{
	struct json_writer *writer = &output->encoding.writer;

	if (output->in_list)
		return;
	output->in_list = true;
	if (!output->json) {
		text_print_head(stdout, kind);
		return;
	}
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("list"));
	json_name(writer, TEXT("data"));
	json_array_begin(writer);
}

void
output_row(struct output *output, enum kind kind, const union record *record)
{
	begin_list(output, kind);
	if (output->json)
		encode_record(&output->encoding, kind, record);
	else
		text_print_row(stdout, output->now, kind, record);
	output_flush(output);
}

void
output_row_objects(struct output *output, struct text objects, bool live)
{
	union record record;
	enum kind kind = first_record(objects, &record);

	if (!output->json) {
		output_row(output, kind, &record);
		return;
	}
	begin_list(output, kind);
	output->encoding.live = live;
	encode_objects(&output->encoding, objects);
	output_flush(output);
}

void
output_end_list(struct output *output, enum kind kind, struct text next)
{
	const struct list_page page = {
	    .url = TEXT_NONE,
	    .has_more = next.length > 0,
	    .next_cursor = next,
	};
	struct encoding *encoding = &output->encoding;

	begin_list(output, kind);
	if (output->json) {
		json_array_end(&encoding->writer);
		encoding->contract->end_list(encoding, &page);
		json_object_end(&encoding->writer);
		output_end(output);
	} else if (page.has_more) {
		printf("There are more: --starting-after %.*s\n",
		    TEXT_PRINT(next));
	}
}
