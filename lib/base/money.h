/*
 * Money: a whole number of the smallest units of a currency.
 *
 * The unit belongs to what holds the money: minor units (cents) for cards,
 * millionths of a dollar for stablecoins.  No operation uses floating point;
 * all of them are checked for overflow.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct money {
	int64_t units;
};

#define MONEY(number) ((struct money){(number)})
#define MONEY_NONE MONEY(0)

/* False, with *sum untouched, when the result does not fit. */
bool money_add(struct money a, struct money b, struct money *sum)
    __attribute__((warn_unused_result));
bool money_subtract(struct money a, struct money b, struct money *difference)
    __attribute__((warn_unused_result));

/* <0, 0 or >0. */
int money_compare(struct money a, struct money b);
static inline bool
money_is_positive(struct money money)
{
	return money.units > 0;
}

/*
 * Reads a decimal number's own text into units of 10^-`scale` (0 to 9):
 * digits, at most one point with digits on both sides; no sign but '-', no
 * exponent, no leading zeros.  `decimals_max` bounds the digits behind the
 * point (trailing zeros count) and is at most `scale`.  "-0" is 0.  *money is
 * set on MONEY_PARSE_OK alone; what is wrong in several ways is the first.
 */
enum money_parse {
	MONEY_PARSE_OK,
	MONEY_PARSE_MALFORMED,
	MONEY_PARSE_TOO_FINE,  /* more than decimals_max digits */
	MONEY_PARSE_TOO_LARGE, /* beyond int64_t, whatever its sign */
};

enum money_parse money_parse(struct text text, unsigned scale,
    unsigned decimals_max, struct money *money)
    __attribute__((warn_unused_result));

enum { MONEY_TEXT_BYTES = 32 };
/*
 * Units of 10^-`scale` (0 to 9) as a decimal number with at least
 * `decimals_min` (at most `scale`) digits behind the point and no trailing
 * zeros beyond them; a NUL follows.  Returns its length.
 */
unsigned money_format(struct money money, unsigned scale, unsigned decimals_min,
    char to[MONEY_TEXT_BYTES]);

#endif
