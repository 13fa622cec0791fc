#include "base/money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { SCALE_MAX = 9 };

bool
money_add(struct money a, struct money b, struct money *sum)
{
	int64_t units;

	if (__builtin_add_overflow(a.units, b.units, &units))
		return false;
	*sum = MONEY(units);
	return true;
}

bool
money_subtract(struct money a, struct money b, struct money *difference)
{
	int64_t units;

	if (__builtin_sub_overflow(a.units, b.units, &units))
		return false;
	*difference = MONEY(units);
	return true;
}

int
money_compare(struct money a, struct money b)
{
	return (a.units > b.units) - (a.units < b.units);
}

static bool
is_digits(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return false;
	}
	return text.length > 0;
}

/* Appends the digit on the side of the sign, so that INT64_MIN is read. */
static bool
append_digit(int64_t *units, int digit, bool negative)
{
	if (__builtin_mul_overflow(*units, 10, units))
		return false;
	return !__builtin_add_overflow(
	    *units, negative ? -digit : digit, units);
}

enum money_parse
money_parse(struct text text, unsigned scale, unsigned decimals_max,
    struct money *money)
{
	bool negative = text_starts(text, TEXT("-"));
	struct text whole, decimals;
	int64_t units = 0;

	assert(scale <= SCALE_MAX);
	assert(decimals_max <= scale);
	bool has_point = text_split(
	    text_after(text, negative ? 1 : 0), '.', &whole, &decimals);
	if (!is_digits(whole) || (has_point && !is_digits(decimals)))
		return MONEY_PARSE_MALFORMED;
	if (whole.bytes[0] == '0' && whole.length > 1)
		return MONEY_PARSE_MALFORMED;
	if (decimals.length > decimals_max)
		return MONEY_PARSE_TOO_FINE;

	for (size_t i = 0; i < whole.length; i++) {
		if (!append_digit(&units, whole.bytes[i] - '0', negative))
			return MONEY_PARSE_TOO_LARGE;
	}
	for (size_t i = 0; i < scale; i++) {
		int digit = i < decimals.length ? decimals.bytes[i] - '0' : 0;
		if (!append_digit(&units, digit, negative))
			return MONEY_PARSE_TOO_LARGE;
	}
	*money = MONEY(units);
	return MONEY_PARSE_OK;
}

unsigned
money_format(struct money money, unsigned scale, unsigned decimals_min,
    char to[MONEY_TEXT_BYTES])
{
	const char *sign = money.units < 0 ? "-" : "";
	/* The magnitude of INT64_MIN fits only without a sign. */
	uint64_t rest =
	    money.units < 0 ? 0 - (uint64_t)money.units : (uint64_t)money.units;
	char decimals[SCALE_MAX + 1] = "";

	assert(scale <= SCALE_MAX);
	assert(decimals_min <= scale);
	for (unsigned i = scale; i > 0; i--) {
		decimals[i - 1] = (char)('0' + rest % 10);
		rest /= 10;
	}
	unsigned shown = scale;
	while (shown > decimals_min && decimals[shown - 1] == '0')
		shown--;
	decimals[shown] = '\0';

	int length = snprintf(to, MONEY_TEXT_BYTES, "%s%" PRIu64 "%s%s", sign,
	    rest, shown > 0 ? "." : "", decimals);
	assert(length > 0);
	assert(length < MONEY_TEXT_BYTES);
	return (unsigned)length;
}
