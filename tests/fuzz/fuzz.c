#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
must(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "%s:%d: must hold: %s\n", file, line, what);
	abort();
}

uint8_t
feed_byte(struct feed *feed)
{
	if (feed->length == 0)
		return 0;
	feed->length--;
	return *feed->bytes++;
}

uint64_t
feed_number(struct feed *feed, unsigned bytes)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < bytes; i++)
		number |= (uint64_t)feed_byte(feed) << (8 * i);
	return number;
}

struct text
feed_text(struct feed *feed, size_t length)
{
	struct text text = {(const char *)feed->bytes, length};

	if (text.length > feed->length)
		text.length = feed->length;
	feed->bytes += text.length;
	feed->length -= text.length;
	return text;
}

struct text
text_alone(struct text text)
{
	/* A byte more where it is empty: malloc(0) may give NULL. */
	char *copy = malloc(text.length == 0 ? 1 : text.length);

	MUST(copy != NULL);
	if (text.length > 0)
		memcpy(copy, text.bytes, text.length);
	return (struct text){copy, text.length};
}
