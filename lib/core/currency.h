/*
 * The currencies that money can be charged in: currencies.def.
 */
#ifndef CORE_CURRENCY_H
#define CORE_CURRENCY_H

#include <stdbool.h>

#include "base/text.h"

/* Whether `code` is an ISO 4217 code of the table; lower case alone. */
bool currency_is_known(struct text code);

#endif
