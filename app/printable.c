#include "app/printable.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Bytes that a character of UTF-8 has by its first one; 1 where it is none. */
static size_t
character_bytes(uint8_t first)
{
	if (first >= 0xf0)
		return 4;
	if (first >= 0xe0)
		return 3;
	return first >= 0xc0 ? 2 : 1;
}

static bool
is_control(struct text character)
{
	const uint8_t first = (uint8_t)character.bytes[0];

	/* U+0080 to U+009F are 0xc2 and 0x80 to 0x9f. */
	return first < 0x20 || first == 0x7f ||
	       (first == 0xc2 && (uint8_t)character.bytes[1] < 0xa0);
}

/* They turn what follows around, or break the line (Unicode TR 36, 2.5). */
static bool
is_direction(struct text character)
{
	static const char *const marks[] = {"\xd8\x9c", "\xe2\x80\x8e",
	    "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
	    "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
	    "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (text_equal(character, text_of(marks[i])))
			return true;
	return false;
}

size_t
printable(char *bytes, size_t length, bool cut)
{
	size_t to = 0, count;
	struct text character;

	for (size_t from = 0; from < length; from += count) {
		count = character_bytes((uint8_t)bytes[from]);
		if (from + count > length && cut)
			break;
		if (from + count > length)
			count = 1;
		character = (struct text){bytes + from, count};
		if (!text_is_utf8(character)) {
			bytes[to++] = '?';
			count = 1;
		} else if (is_control(character) || is_direction(character)) {
			bytes[to++] = ' ';
		} else {
			memmove(bytes + to, bytes + from, count);
			to += count;
		}
	}
	return to;
}
