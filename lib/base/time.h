/*
 * Instants and spans.  The clock is app/'s alone; everything below is told the
 * time, or what to ask for it (engine.h: where a command takes effect).
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Microseconds since 1970-01-01T00:00:00Z without leap seconds; 0: never. */
struct instant {
	int64_t us;
};

/* A length of time in microseconds. */
struct span {
	int64_t us;
};

#define INSTANT_NEVER ((struct instant){0})

static inline bool
instant_is_set(struct instant instant)
{
	return instant.us != 0;
}

/* Whole seconds since 1970, rounded down. */
int64_t instant_seconds(struct instant instant);
/* All that follow saturate at the ends of the type. */
struct instant instant_from_seconds(int64_t seconds);
struct span span_from_seconds(int64_t seconds);
struct span span_from_ms(int64_t ms);
/* The shorter one, where zero stands for none. */
struct span span_earlier(struct span a, struct span b);
struct instant instant_plus(struct instant instant, struct span span);
struct span instant_minus(struct instant later, struct instant earlier);
static inline bool
instant_before(struct instant a, struct instant b)
{
	return a.us < b.us;
}

enum { TIME_ISO_BYTES = sizeof("2026-01-02T03:04:05Z") };

/*
 * ISO 8601 in UTC, whole seconds, `Z` (contract stable.md).  Years 1970 to
 * 9999; a NUL follows.
 */
void instant_to_iso(struct instant instant, char to[TIME_ISO_BYTES]);
/*
 * Reads the form above, also with a fraction of a second (dropped).  False
 * for anything else, days that do not exist and years outside 1970 to 9999.
 */
bool instant_from_iso(struct text text, struct instant *instant)
    __attribute__((warn_unused_result));

#endif
