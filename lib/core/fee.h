/*
 * Fees in millionths: fee = amount x rate, rounded half to even (contract,
 * stable.md, "payment_intent").
 */
#ifndef CORE_FEE_H
#define CORE_FEE_H

#include <stdint.h>

#include "base/money.h"

/* A rate of 1 is a million; 2.9 % is 29000. */
enum { FEE_RATE_ONE = 1000000 };

struct fee {
	struct money fee;
	struct money net; /* amount - fee: the two add up to the amount */
};

/* Amounts from 0; rates from 0 to FEE_RATE_ONE (both asserted). */
struct fee fee_of(struct money amount, uint32_t rate);

#endif
