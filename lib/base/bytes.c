#include "base/bytes.h"

#include <assert.h>
#include <string.h>

/* Shifts and not memcpy(): compilers turn them into one move or bswap. */

void
bytes_put_le32(uint8_t to[4], uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

void
bytes_put_le64(uint8_t to[8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

uint32_t
bytes_get_le32(const uint8_t from[4])
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint32_t)from[i] << (8 * i);
	return value;
}

uint64_t
bytes_get_le64(const uint8_t from[8])
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

void
bytes_put_be64(uint8_t to[8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

uint64_t
bytes_get_be64(const uint8_t from[8])
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

void
bytes_to_hex(const uint8_t *bytes, size_t length, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 0xf];
	}
	*to = '\0';
}

/* The digits of base64, in the order of their values. */
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789+/";
_Static_assert(sizeof(base64_digits) == 64 + 1, "base 64");

enum {
	/* A group: so many bytes, or so many digits of 6 bits. */
	BASE64_GROUP_BYTES = 3,
	BASE64_GROUP_DIGITS = 4,
};

/* Up to three bytes as four digits; what has no bits of theirs is '='. */
static void
put_base64_group(const uint8_t *bytes, size_t length, char *to)
{
	uint32_t bits = 0;

	assert(length > 0 && length <= BASE64_GROUP_BYTES);
	for (size_t i = 0; i < BASE64_GROUP_BYTES; i++)
		bits = bits << 8 | (i < length ? bytes[i] : 0U);
	for (size_t i = 0; i < BASE64_GROUP_DIGITS; i++)
		to[i] = base64_digits[bits >> (18 - 6 * i) & 0x3f];
	for (size_t i = length + 1; i < BASE64_GROUP_DIGITS; i++)
		to[i] = '=';
}

void
bytes_to_base64(const uint8_t *bytes, size_t length, char *to)
{
	for (size_t i = 0; i < length; i += BASE64_GROUP_BYTES) {
		size_t left = length - i;

		put_base64_group(&bytes[i],
		    left < BASE64_GROUP_BYTES ? left : BASE64_GROUP_BYTES, to);
		to += BASE64_GROUP_DIGITS;
	}
	*to = '\0';
}

static bool
get_base64_group(const char *text, uint8_t *to)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < BASE64_GROUP_DIGITS; i++) {
		const char *digit =
		    memchr(base64_digits, text[i], sizeof(base64_digits) - 1);

		if (digit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
	}
	for (size_t i = 0; i < BASE64_GROUP_BYTES; i++)
		to[i] = (uint8_t)(bits >> (16 - 8 * i));
	return true;
}

bool
bytes_from_base64(const char *text, size_t length, uint8_t *to)
{
	if (length % BASE64_GROUP_DIGITS != 0)
		return false;
	for (size_t i = 0; i < length; i += BASE64_GROUP_DIGITS) {
		if (!get_base64_group(&text[i], to))
			return false;
		to += BASE64_GROUP_BYTES;
	}
	return true;
}

enum {
	LIMB_BYTES = 4,
	LIMBS_MAX = 64 / LIMB_BYTES,
	/* As many digits at a time as a limb holds. */
	GROUP_DIGITS = 5,
	GROUP = 62 * 62 * 62 * 62 * 62,
};

/* The number's limbs, the highest first, zeros in front. */
static void
split(const uint8_t *bytes, size_t length, uint32_t limbs[LIMBS_MAX])
{
	memset(limbs, 0, LIMBS_MAX * sizeof(limbs[0]));
	for (size_t i = 0; i < length; i++) {
		uint32_t *limb = &limbs[LIMBS_MAX - 1 - i / LIMB_BYTES];

		*limb |= (uint32_t)bytes[length - 1 - i]
			 << (8 * (i % LIMB_BYTES));
	}
}

/* Divides the number by GROUP in place; returns the remainder. */
static uint32_t
divide(uint32_t *limbs, size_t count)
{
	uint64_t remainder = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t dividend = remainder << 32 | limbs[i];

		limbs[i] = (uint32_t)(dividend / GROUP);
		remainder = dividend % GROUP;
	}
	return (uint32_t)remainder;
}

void
bytes_to_base62(const uint8_t *bytes, size_t length, char *to, size_t digits)
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	_Static_assert(sizeof(alphabet) == 62 + 1, "base 62");
	uint32_t limbs[LIMBS_MAX];
	uint32_t *first;
	uint32_t group = 0;

	assert(length <= LIMBS_MAX * LIMB_BYTES);
	split(bytes, length, limbs);
	first = &limbs[LIMBS_MAX - (length + LIMB_BYTES - 1) / LIMB_BYTES];
	for (size_t i = 0; i < digits; i++) {
		if (i % GROUP_DIGITS == 0)
			group =
			    divide(first, (size_t)(&limbs[LIMBS_MAX] - first));
		to[digits - 1 - i] = alphabet[group % 62];
		group /= 62;
	}
}
