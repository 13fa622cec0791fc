#include "core/bundle.h"

#include <assert.h>

#include "base/bytes.h"
#include "core/codec.h"

enum { LENGTH_BYTES = 4 };

void
bundle_put(struct buffer *bundle, enum kind kind, const void *record)
{
	size_t start = bundle->length;
	uint8_t length[LENGTH_BYTES] = {0};

	buffer_put(bundle, length, sizeof(length));
	codec_encode(kind, record, bundle);
	if (bundle->overflow)
		return;
	bytes_put_le32((uint8_t *)bundle->bytes + start,
	    (uint32_t)(bundle->length - start - LENGTH_BYTES));
}

void
bundle_put_encoded(struct buffer *bundle, struct text encoded)
{
	uint8_t length[LENGTH_BYTES];

	bytes_put_le32(length, (uint32_t)encoded.length);
	buffer_put(bundle, length, sizeof(length));
	buffer_put_text(bundle, encoded);
}

bool
bundle_next(struct text *rest, struct text *encoded)
{
	if (rest->length == 0)
		return false;
	assert(rest->length > LENGTH_BYTES);
	encoded->length = bytes_get_le32((const uint8_t *)rest->bytes);
	*rest = text_after(*rest, LENGTH_BYTES);
	assert(encoded->length <= rest->length);
	encoded->bytes = rest->bytes;
	*rest = text_after(*rest, encoded->length);
	return true;
}

bool
bundle_is_sound(struct text bundle)
{
	struct text encoded;
	union record record;
	enum kind kind;

	while (bundle.length > 0) {
		if (bundle.length <= LENGTH_BYTES ||
		    bytes_get_le32((const uint8_t *)bundle.bytes) >
			bundle.length - LENGTH_BYTES)
			return false;
		if (!bundle_next(&bundle, &encoded))
			return false;
		kind = codec_kind(encoded);
		if (kind == KIND_NONE ||
		    codec_decode(kind, encoded, &record) != CODEC_OK)
			return false;
	}
	return true;
}

bool
bundle_find(struct text bundle, enum kind kind, unsigned index, void *record)
{
	enum codec_result result;
	struct text encoded;

	while (bundle_next(&bundle, &encoded)) {
		if (codec_kind(encoded) != kind || index-- > 0)
			continue;
		result = codec_decode(kind, encoded, record);
		assert(result == CODEC_OK);
		return true;
	}
	return false;
}
