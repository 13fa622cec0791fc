/*
 * Numbers as bytes, and bytes as text.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Little-endian, for records. */
void bytes_put_le32(uint8_t to[4], uint32_t value);
void bytes_put_le64(uint8_t to[8], uint64_t value);
uint32_t bytes_get_le32(const uint8_t from[4]);
uint64_t bytes_get_le64(const uint8_t from[8]);
/* Big-endian, for keys: the order of the bytes is the order of the numbers. */
void bytes_put_be64(uint8_t to[8], uint64_t value);
uint64_t bytes_get_be64(const uint8_t from[8]);

/* Lower-case hexadecimal; writes 2 x length characters and a NUL. */
void bytes_to_hex(const uint8_t *bytes, size_t length, char *to);

/*
 * Base64 (RFC 4648, section 4) with its padding: writes 4 characters for each
 * 3 bytes begun, and a NUL.  The inverse is of texts without padding whose
 * length is a multiple of 4, and writes 3 bytes for each 4 characters; false:
 * it is none.
 */
void bytes_to_base64(const uint8_t *bytes, size_t length, char *to);
bool bytes_from_base64(const char *text, size_t length, uint8_t *to)
    __attribute__((warn_unused_result));

/*
 * The number that `bytes` are (big-endian, at most 64 bytes), modulo
 * 62^digits, as exactly `digits` characters of 0-9A-Za-z; no NUL.  With 16
 * bytes more than the digits hold, the bias is below 2^-90.
 */
void bytes_to_base62(
    const uint8_t *bytes, size_t length, char *to, size_t digits);

#endif
