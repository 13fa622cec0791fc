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

/* Divides the big-endian number in place; returns the remainder. */
static unsigned
divide(uint8_t *number, size_t length, unsigned divisor)
{
	unsigned remainder = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned dividend = remainder << 8 | number[i];
		number[i] = (uint8_t)(dividend / divisor);
		remainder = dividend % divisor;
	}
	return remainder;
}

void
bytes_to_base62(const uint8_t *bytes, size_t length, char *to, size_t digits)
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	_Static_assert(sizeof(alphabet) == 62 + 1, "base 62");
	uint8_t number[64];

	assert(length <= sizeof(number));
	memcpy(number, bytes, length);
	for (size_t i = digits; i > 0; i--)
		to[i - 1] = alphabet[divide(number, length, 62)];
}
