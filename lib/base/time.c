#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	US_PER_SECOND = 1000 * 1000,
	SECONDS_PER_DAY = 24 * 60 * 60,
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
	/* 1969-12-31 as the day numbers of day_number() count. */
	DAYS_BEFORE_1970 = 719468,
};

struct date {
	int year, month, day;
};

int64_t
instant_seconds(struct instant instant)
{
	int64_t seconds = instant.us / US_PER_SECOND;

	/* C rounds towards zero. */
	return instant.us % US_PER_SECOND < 0 ? seconds - 1 : seconds;
}

/* The end of the type that a result with this sign ran over. */
static int64_t
saturated(bool negative)
{
	return negative ? INT64_MIN : INT64_MAX;
}

static int64_t
multiply(int64_t count, int64_t us)
{
	int64_t product;

	if (__builtin_mul_overflow(count, us, &product))
		return saturated(count < 0);
	return product;
}

struct instant
instant_from_seconds(int64_t seconds)
{
	return (struct instant){multiply(seconds, US_PER_SECOND)};
}

struct span
span_from_seconds(int64_t seconds)
{
	return (struct span){multiply(seconds, US_PER_SECOND)};
}

struct span
span_from_ms(int64_t ms)
{
	return (struct span){multiply(ms, 1000)};
}

struct span
span_earlier(struct span a, struct span b)
{
	if (a.us == 0 || b.us == 0)
		return a.us == 0 ? b : a;
	return a.us < b.us ? a : b;
}

struct instant
instant_plus(struct instant instant, struct span span)
{
	int64_t us;

	if (__builtin_add_overflow(instant.us, span.us, &us))
		us = saturated(span.us < 0);
	return (struct instant){us};
}

struct span
instant_minus(struct instant later, struct instant earlier)
{
	int64_t us;

	if (__builtin_sub_overflow(later.us, earlier.us, &us))
		us = saturated(later.us < 0);
	return (struct span){us};
}

/*
 * Days and dates by counting, not by gmtime() and timegm(): those read the
 * time zone's file.  The years here begin in March, so that the leap day is
 * the last of its year, and 400 of them have 146097 days; a month's first
 * day is the well-known (153 * month + 2) / 5.
 */
static int64_t
day_number(struct date date)
{
	int64_t year = date.month > 2 ? date.year : date.year - 1;
	int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;

	return 365 * year + year / 4 - year / 100 + year / 400 +
	       (153 * month + 2) / 5 + date.day - 1 - DAYS_BEFORE_1970;
}

static struct date
date_of_day(int64_t day)
{
	int64_t since = day + DAYS_BEFORE_1970;
	int64_t era = since / 146097;
	int64_t in_era = since % 146097;
	int64_t year =
	    (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;
	bool next_year = month >= 10;

	return (struct date){
	    .year = (int)(400 * era + year + (next_year ? 1 : 0)),
	    .month = (int)(next_year ? month - 9 : month + 3),
	    .day = (int)(in_year - (153 * month + 2) / 5 + 1),
	};
}

/* Without printf: every answer, line of the log and change has a time. */
static void
put_digits(char *to, int digits, int value)
{
	while (digits-- > 0) {
		to[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
instant_to_iso(struct instant instant, char to[TIME_ISO_BYTES])
{
	int64_t seconds = instant_seconds(instant);
	assert(seconds >= 0);
	struct date date = date_of_day(seconds / SECONDS_PER_DAY);
	int in_day = (int)(seconds % SECONDS_PER_DAY);

	assert(date.year >= YEAR_MIN);
	assert(date.year <= YEAR_MAX);
	memcpy(to, "....-..-..T..:..:..Z", TIME_ISO_BYTES);
	put_digits(to, 4, date.year);
	put_digits(to + 5, 2, date.month);
	put_digits(to + 8, 2, date.day);
	put_digits(to + 11, 2, in_day / 3600);
	put_digits(to + 14, 2, in_day / 60 % 60);
	put_digits(to + 17, 2, in_day % 60);
}

/* Whether the text has a digit wherever `shape` has one, and else its bytes. */
static bool
has_shape(struct text text, const char *shape)
{
	if (text.length != strlen(shape))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		bool is_digit = text.bytes[i] >= '0' && text.bytes[i] <= '9';
		if (shape[i] == '0' ? !is_digit : text.bytes[i] != shape[i])
			return false;
	}
	return true;
}

static int
number_at(struct text text, size_t offset, size_t digits)
{
	int number = 0;

	for (size_t i = offset; i < offset + digits; i++)
		number = number * 10 + (text.bytes[i] - '0');
	return number;
}

/* A day that does not exist comes back as another one. */
static bool
date_exists(struct date date)
{
	struct date same = date_of_day(day_number(date));

	return same.year == date.year && same.month == date.month &&
	       same.day == date.day;
}

/* Takes the `Z` off, and the fraction if there is one. */
static bool
without_zone(struct text text, struct text *local)
{
	struct text fraction;

	if (text.length == 0 || text.bytes[text.length - 1] != 'Z')
		return false;
	text.length--;
	if (!text_split(text, '.', local, &fraction))
		return true;
	for (size_t i = 0; i < fraction.length; i++) {
		if (fraction.bytes[i] < '0' || fraction.bytes[i] > '9')
			return false;
	}
	return fraction.length > 0;
}

bool
instant_from_iso(struct text text, struct instant *instant)
{
	struct text local;

	if (!without_zone(text, &local))
		return false;
	if (!has_shape(local, "0000-00-00T00:00:00"))
		return false;
	struct date date = {
	    .year = number_at(local, 0, 4),
	    .month = number_at(local, 5, 2),
	    .day = number_at(local, 8, 2),
	};
	int hour = number_at(local, 11, 2);
	int minute = number_at(local, 14, 2);
	int second = number_at(local, 17, 2);
	/* No leap seconds: an instant has no place for them. */
	if (date.year < YEAR_MIN || !date_exists(date))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*instant = instant_from_seconds(day_number(date) * SECONDS_PER_DAY +
					hour * 3600 + minute * 60 + second);
	return true;
}
