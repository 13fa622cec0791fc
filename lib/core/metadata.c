#include "core/metadata.h"

#include <assert.h>
#include <stdint.h>

#include "base/limits.h"

/* The first `length` bytes of *rest, taken off it. */
static struct text
take(struct text *rest, size_t length)
{
	struct text taken = {rest->bytes, length};

	assert(length <= rest->length);
	*rest = text_after(*rest, length);
	return taken;
}

bool
metadata_next(struct text *rest, struct metadata_pair *pair)
{
	struct text size;

	assert(rest != NULL && pair != NULL);
	if (rest->length == 0)
		return false;
	size = take(rest, 1);
	pair->key = take(rest, (uint8_t)size.bytes[0]);
	size = take(rest, 2);
	pair->value = take(rest, (size_t)(uint8_t)size.bytes[0] |
				     (size_t)(uint8_t)size.bytes[1] << 8);
	return true;
}

void
metadata_put(struct buffer *packed, struct text key, struct text value)
{
	assert(key.length <= UINT8_MAX);
	assert(value.length <= UINT16_MAX);
	buffer_put_byte(packed, (uint8_t)key.length);
	buffer_put_text(packed, key);
	buffer_put_byte(packed, (uint8_t)(value.length & 0xff));
	buffer_put_byte(packed, (uint8_t)(value.length >> 8));
	buffer_put_text(packed, value);
}

/* Takes a length of `bytes` bytes and what it measures; false if cut off. */
static bool
skip(struct text *rest, size_t bytes)
{
	size_t length = 0;

	if (rest->length < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		length |= (size_t)(uint8_t)rest->bytes[i] << (8 * i);
	if (rest->length - bytes < length)
		return false;
	*rest = text_after(*rest, bytes + length);
	return true;
}

bool
metadata_is_sound(struct text packed)
{
	while (packed.length > 0)
		if (!skip(&packed, 1) || !skip(&packed, 2))
			return false;
	return true;
}

bool
metadata_find(struct text packed, struct text key, struct text *value)
{
	struct metadata_pair pair;

	while (metadata_next(&packed, &pair)) {
		if (!text_equal(pair.key, key))
			continue;
		*value = pair.value;
		return true;
	}
	return false;
}

unsigned
metadata_count(struct text packed)
{
	struct metadata_pair pair;
	unsigned count = 0;

	while (metadata_next(&packed, &pair))
		count++;
	return count;
}

bool
metadata_merge(struct text before, struct text changes, struct buffer *merged)
{
	struct metadata_pair pair;
	struct text rest = before;
	struct text value;

	while (metadata_next(&rest, &pair)) {
		value = pair.value;
		if (metadata_find(changes, pair.key, &value) &&
		    value.length == 0)
			continue;
		metadata_put(merged, pair.key, value);
	}
	rest = changes;
	while (metadata_next(&rest, &pair))
		if (pair.value.length > 0 &&
		    !metadata_find(before, pair.key, &value))
			metadata_put(merged, pair.key, pair.value);
	assert(!merged->overflow);
	return metadata_count(buffer_text(merged)) <= METADATA_PAIRS_MAX;
}
