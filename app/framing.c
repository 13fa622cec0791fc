#include "app/framing.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/limits.h"

/* FastCGI 1.0, section 8. */
enum {
	VERSION = 1,
	TYPE_BEGIN_REQUEST = 1,
	TYPE_PARAMS = 4,
	TYPE_STDIN = 5,
	HEADER_BYTES = 8,
	PADDING_AT = 6, /* in a header */
	BEGIN_BYTES = 8,
};

struct header {
	unsigned version;
	unsigned type;
	unsigned id;
	size_t content_bytes;
	size_t padding_bytes;
};

static struct header
header_at(const uint8_t *bytes)
{
	return (struct header){.version = bytes[0],
	    .type = bytes[1],
	    .id = (unsigned)bytes[2] << 8 | bytes[3],
	    .content_bytes = (size_t)bytes[4] << 8 | bytes[5],
	    .padding_bytes = bytes[PADDING_AT]};
}

/* Takes a record's header; false where it cannot stand here. */
static bool
take_header(struct framing *framing, struct header header)
{
	static const unsigned types[FRAMING_END] = {
	    [FRAMING_BEGIN] = TYPE_BEGIN_REQUEST,
	    [FRAMING_PARAMETERS] = TYPE_PARAMS,
	    [FRAMING_INPUT] = TYPE_STDIN,
	};

	assert(framing->step < FRAMING_END);
	if (header.version != VERSION || header.type != types[framing->step])
		return false;
	if (framing->step == FRAMING_BEGIN) {
		framing->id = header.id;
		framing->step = FRAMING_PARAMETERS;
		return header.id != 0 && header.content_bytes == BEGIN_BYTES;
	}
	if (header.id != framing->id)
		return false;
	framing->content_bytes += header.content_bytes;
	if (header.content_bytes > 0)
		return framing->step != FRAMING_PARAMETERS ||
		       framing->content_bytes <= REQUEST_PARAMETERS_BYTES_MAX;
	framing->content_bytes = 0;
	framing->step++;
	return true;
}

enum framing_result
framing_scan(struct framing *framing, const uint8_t *bytes, size_t length)
{
	struct header header;

	while (framing->step != FRAMING_END &&
	       framing->next + HEADER_BYTES <= length) {
		header = header_at(bytes + framing->next);
		if (!take_header(framing, header))
			return FRAMING_BROKEN;
		if (framing->step == FRAMING_INPUT &&
		    framing->content_bytes > BODY_READ_BYTES_MAX)
			return FRAMING_CUT;
		framing->next +=
		    HEADER_BYTES + header.content_bytes + header.padding_bytes;
	}
	if (framing->step == FRAMING_END && framing->next <= length)
		return FRAMING_WHOLE;
	return length < REQUEST_BYTES_MAX ? FRAMING_PARTIAL : FRAMING_BROKEN;
}

size_t
framing_strip(uint8_t *bytes, size_t length)
{
	struct header header;
	size_t size, from = 0, to = 0;

	while (from + HEADER_BYTES <= length) {
		header = header_at(bytes + from);
		size = HEADER_BYTES + header.content_bytes;
		/* Only of a request that was cut. */
		if (size > length - from)
			size = length - from;
		if (to != from)
			memmove(bytes + to, bytes + from, size);
		bytes[to + PADDING_AT] = 0;
		from += size + header.padding_bytes;
		to += size;
	}
	return to;
}
