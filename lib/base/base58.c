#include "base/base58.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/digest.h"

enum { CHECKSUM_BYTES = 4 };

/* Without 0, O, I and l, which look alike. */
static const char alphabet[] = "123456789"
			       "ABCDEFGHJKLMNPQRSTUVWXYZ"
			       "abcdefghijkmnopqrstuvwxyz";

_Static_assert(sizeof(alphabet) == 58 + 1, "base 58");

/* How many bytes equal to `byte` stand in front. */
static size_t
leading(const void *bytes, size_t length, uint8_t byte)
{
	const uint8_t *at = bytes;
	size_t count = 0;

	while (count < length && at[count] == byte)
		count++;
	return count;
}

/* Appends a digit to the big-endian number; false if that does not fit. */
static bool
append(uint8_t *number, size_t length, unsigned digit)
{
	unsigned carry = digit;

	for (size_t i = length; i > 0; i--) {
		carry += 58U * number[i - 1];
		number[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	return carry == 0;
}

/* The text as a number of exactly `length` bytes, zeros in front included. */
static bool
read_number(struct text text, uint8_t *number, size_t length)
{
	memset(number, 0, length);
	for (size_t i = 0; i < text.length; i++) {
		const char *found =
		    memchr(alphabet, text.bytes[i], sizeof(alphabet) - 1);

		if (found == NULL)
			return false;
		if (!append(number, length, (unsigned)(found - alphabet)))
			return false;
	}
	return leading(text.bytes, text.length, (uint8_t)alphabet[0]) ==
	       leading(number, length, 0);
}

static bool
checksum_holds(const uint8_t *number, size_t length)
{
	struct digest once =
	    digest_text((struct text){(const char *)number, length});
	struct digest twice =
	    digest_text((struct text){(const char *)once.bytes, DIGEST_BYTES});

	return memcmp(number + length, twice.bytes, CHECKSUM_BYTES) == 0;
}

enum base58_decode
base58_decode(struct text text, void *payload, size_t length)
{
	uint8_t number[BASE58_PAYLOAD_BYTES_MAX + CHECKSUM_BYTES];

	assert(length > 0);
	assert(length <= BASE58_PAYLOAD_BYTES_MAX);
	if (!read_number(text, number, length + CHECKSUM_BYTES))
		return BASE58_DECODE_MALFORMED;
	if (!checksum_holds(number, length))
		return BASE58_DECODE_CHECKSUM;
	memcpy(payload, number, length);
	return BASE58_DECODE_OK;
}
