#include "core/fee.h"

#include <assert.h>

struct fee
fee_of(struct money amount, uint32_t rate)
{
	/* In two parts, so that no product overflows. */
	int64_t whole = amount.units / FEE_RATE_ONE;
	int64_t part = amount.units % FEE_RATE_ONE * (int64_t)rate;
	int64_t fee = whole * (int64_t)rate + part / FEE_RATE_ONE;
	int64_t rest = part % FEE_RATE_ONE;

	assert(amount.units >= 0);
	assert(rate <= FEE_RATE_ONE);
	if (rest * 2 > FEE_RATE_ONE ||
	    (rest * 2 == FEE_RATE_ONE && fee % 2 == 1))
		fee++;
	assert(fee >= 0 && fee <= amount.units);
	return (struct fee){MONEY(fee), MONEY(amount.units - fee)};
}
