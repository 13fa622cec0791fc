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
