#include "front_answers.h"

#include <string.h>

#include "fuzz.h"
#include "strict_json.h"

/* FastCGI 1.0, section 8. */
enum {
	VERSION = 1,
	TYPE_END_REQUEST = 3,
	TYPE_STDOUT = 6,
	TYPE_STDERR = 7,
	TYPE_GET_VALUES_RESULT = 10,
	HEADER_BYTES = 8,
	END_BYTES = 8,
	ANSWER_BYTES_MAX = 8 << 20,
};

static char output[ANSWER_BYTES_MAX];

struct record {
	unsigned type;
	unsigned id;
	struct text content;
};

static struct record
take_record(struct text *rest)
{
	const uint8_t *head = (const uint8_t *)rest->bytes;
	struct record record;
	size_t padding;

	MUST(rest->length >= HEADER_BYTES);
	MUST(head[0] == VERSION);
	record.type = head[1];
	record.id = (unsigned)head[2] << 8 | head[3];
	record.content.bytes = rest->bytes + HEADER_BYTES;
	record.content.length = (size_t)head[4] << 8 | head[5];
	padding = head[6];
	MUST(rest->length >= HEADER_BYTES + record.content.length + padding);
	*rest =
	    text_after(*rest, HEADER_BYTES + record.content.length + padding);
	return record;
}

/* All of the streams, up to the request's end. */
static struct text
take_output(struct text *rest, unsigned id)
{
	static const uint8_t complete[END_BYTES] = {0};
	bool out_ended = false;
	struct record record;
	size_t length = 0;

	for (;;) {
		record = take_record(rest);
		MUST(record.id == id);
		if (record.type == TYPE_END_REQUEST)
			break;
		MUST(record.type == TYPE_STDOUT || record.type == TYPE_STDERR);
		if (record.type == TYPE_STDERR) {
			MUST(record.content.length == 0);
			continue;
		}
		MUST(!out_ended);
		out_ended = record.content.length == 0;
		MUST(length + record.content.length <= sizeof(output));
		memcpy(output + length, record.content.bytes,
		    record.content.length);
		length += record.content.length;
	}
	MUST(out_ended);
	MUST(record.content.length == END_BYTES);
	MUST(memcmp(record.content.bytes, complete, END_BYTES) == 0);
	return (struct text){output, length};
}

/* A management record behind the answer: nobody is to ask any more. */
static bool
take_parting(struct text *rest)
{
	struct record record;

	if (rest->length < 2 || rest->bytes[1] != TYPE_GET_VALUES_RESULT)
		return false;
	record = take_record(rest);
	MUST(record.id == 0);
	MUST(record.content.length == 0);
	return true;
}

/* What stands in the head of an answer. */
struct head {
	int64_t status;
	int64_t length;
	struct text type;
	struct text request;
};

static void
note_header(struct head *head, struct text name, struct text value)
{
	struct text code, reason;

	if (text_equal(name, TEXT("Status"))) {
		MUST(text_split(value, ' ', &code, &reason));
		MUST(reason.length > 0);
		MUST(head->status == 0);
		MUST(text_to_integer(code, 200, 599, &head->status));
	} else if (text_equal(name, TEXT("Content-Length"))) {
		MUST(head->length < 0);
		MUST(text_to_integer(value, 0, INT32_MAX, &head->length));
	} else if (text_equal(name, TEXT("Content-Type"))) {
		MUST(head->type.bytes == NULL);
		head->type = value;
	} else if (text_equal(name, TEXT("Request-Id"))) {
		MUST(head->request.bytes == NULL);
		head->request = value;
	}
}

/* name ": " value, of the characters that RFC 9110 gives them. */
static void
read_header(struct head *head, struct text line)
{
	struct text name, value;

	MUST(text_split(line, ':', &name, &value));
	MUST(name.length > 0);
	for (size_t i = 0; i < name.length; i++)
		MUST(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			    "yz-",
			 name.bytes[i]) != NULL);
	MUST(value.length > 1 && value.bytes[0] == ' ');
	value = text_after(value, 1);
	MUST(text_is_printable_ascii(value));
	note_header(head, name, value);
}

static struct text
read_head(struct text raw, struct head *head)
{
	struct text line, rest = raw;

	*head = (struct head){.length = -1};
	for (;;) {
		MUST(text_split(rest, '\n', &line, &rest));
		MUST(line.length > 0 && line.bytes[line.length - 1] == '\r');
		line.length--;
		if (line.length == 0)
			break;
		read_header(head, line);
	}
	MUST(head->status > 0);
	MUST((size_t)head->length == rest.length);
	return rest;
}

static void
judge_json(struct front_answer *answer)
{
	struct json_facts facts;

	MUST(text_is_utf8(answer->body));
	MUST(strict_json(answer->body, &facts, NULL));
	MUST(
	    facts.object && !facts.duplicate && !facts.nul && !facts.half_pair);
	MUST(facts.error == (answer->status >= 400));
	answer->id = facts.id;
}

void
front_take_answer(struct text *rest, unsigned id, struct text request,
    struct front_answer *answer)
{
	struct head head;

	*answer = (struct front_answer){
	    .body = read_head(take_output(rest, id), &head)};
	answer->last = take_parting(rest);
	answer->status = (int)head.status;
	answer->picture = text_equal(head.type, TEXT("image/png"));
	MUST(text_equal(head.request, request));
	/* Nothing here ever fails. */
	MUST(answer->status < 500);
	if (answer->picture) {
		MUST(answer->status == 200);
		MUST(text_starts(answer->body, TEXT("\x89PNG\r\n\x1a\n")));
		return;
	}
	MUST(text_equal(head.type, TEXT("application/json")));
	judge_json(answer);
}
