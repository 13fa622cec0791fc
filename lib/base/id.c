#include "base/id.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum {
	/* A sixteenth of a millisecond is 125 / 2 microseconds. */
	US_PER_TWO_TICKS = 125,
	TICK_BYTES = ID_BYTES - ID_RANDOM_BYTES,
	TICK_BITS = 8 * TICK_BYTES,
	/* Of an id's number, in front of what remains random. */
	NUMBER_BITS = 20,
	PREFIX_BYTES_MAX = ID_TEXT_BYTES - ID_CHARACTERS - 1,
};

_Static_assert(TICK_BITS == 48, "48 bits of time");
_Static_assert(5 * ID_CHARACTERS == 8 * ID_BYTES + 2,
    "the first character has two bits to spare");

/* Crockford's: without i, l, o and u; in the order of ASCII, so it sorts. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The id as a number of 128 bits. */
struct halves {
	uint64_t high, low;
};

static struct halves
halves_of(struct id id)
{
	return (struct halves){
	    .high = bytes_get_be64(id.bytes),
	    .low = bytes_get_be64(id.bytes + 8),
	};
}

static struct id
id_of(struct halves halves)
{
	struct id id;

	bytes_put_be64(id.bytes, halves.high);
	bytes_put_be64(id.bytes + 8, halves.low);
	return id;
}

struct instant
id_instant_max(void)
{
	return (struct instant){
	    (int64_t)(((UINT64_C(1) << TICK_BITS) - 1) * US_PER_TWO_TICKS / 2)};
}

struct id
id_floor(struct instant instant)
{
	assert(instant.us >= 0);
	assert(instant.us <= INT64_MAX / 2);
	uint64_t ticks = (uint64_t)instant.us * 2 / US_PER_TWO_TICKS;

	assert(ticks < UINT64_C(1) << TICK_BITS);
	return id_of((struct halves){.high = ticks << (64 - TICK_BITS)});
}

struct id
id_make(struct instant now, const uint8_t random[ID_RANDOM_BYTES])
{
	struct id id = id_floor(now);

	memcpy(id.bytes + TICK_BYTES, random, ID_RANDOM_BYTES);
	return id;
}

struct id
id_make_numbered(struct instant instant, uint64_t number,
    const uint8_t random[ID_RANDOM_BYTES])
{
	enum {
		HIGH_CHANCE_BITS = 64 - TICK_BITS,
		LOW_NUMBER_BITS = NUMBER_BITS - HIGH_CHANCE_BITS,
	};
	struct halves halves = halves_of(id_make(instant, random));

	assert(number < ID_NUMBERS_MAX);
	halves.high = halves.high >> HIGH_CHANCE_BITS << HIGH_CHANCE_BITS;
	/* What does not fit beside the time is added to it. */
	halves.high += number >> LOW_NUMBER_BITS;
	halves.low = halves.low << LOW_NUMBER_BITS >> LOW_NUMBER_BITS |
		     number << (64 - LOW_NUMBER_BITS);
	return id_of(halves);
}

struct id
id_next(struct id id, uint64_t step)
{
	struct halves halves = halves_of(id);

	/*
	 * A random part of ones carries into the time: the order holds, and
	 * the instant is off by a sixteenth of a ms.
	 */
	halves.low += step;
	if (halves.low < step)
		halves.high++;
	return id_of(halves);
}

struct instant
id_instant(struct id id)
{
	uint64_t ticks = halves_of(id).high >> (64 - TICK_BITS);

	/* Rounded up, so that the instant's own tick is this one again. */
	return (struct instant){(int64_t)((ticks * US_PER_TWO_TICKS + 1) / 2)};
}

int
id_compare(struct id a, struct id b)
{
	return memcmp(a.bytes, b.bytes, ID_BYTES);
}

bool
id_equal(struct id a, struct id b)
{
	return id_compare(a, b) == 0;
}

bool
id_is_set(struct id id)
{
	return !id_equal(id, ID_NONE);
}

void
id_format(struct id id, const char *prefix, char to[ID_TEXT_BYTES])
{
	struct halves rest = halves_of(id);
	size_t prefix_length = strlen(prefix);
	char *characters = to + prefix_length;

	assert(prefix_length <= PREFIX_BYTES_MAX);
	memcpy(to, prefix, prefix_length);
	for (size_t i = ID_CHARACTERS; i > 0; i--) {
		characters[i - 1] = alphabet[rest.low & 0x1f];
		rest.low = rest.low >> 5 | rest.high << (64 - 5);
		rest.high >>= 5;
	}
	characters[ID_CHARACTERS] = '\0';
}

bool
id_parse(struct text text, const char *prefix, struct id *id)
{
	struct text expected = text_of(prefix);
	struct halves halves = {0};

	if (!text_starts(text, expected))
		return false;
	text = text_after(text, expected.length);
	if (text.length != ID_CHARACTERS)
		return false;
	/* The two bits to spare are zeros. */
	if (text.bytes[0] > '7')
		return false;
	for (size_t i = 0; i < ID_CHARACTERS; i++) {
		const char *found =
		    memchr(alphabet, text.bytes[i], sizeof(alphabet) - 1);
		if (found == NULL)
			return false;
		halves.high = halves.high << 5 | halves.low >> (64 - 5);
		halves.low = halves.low << 5 | (uint64_t)(found - alphabet);
	}
	*id = id_of(halves);
	return true;
}
