#include "core/currency.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_LENGTH = 3 };

static const char codes[][CODE_LENGTH + 1] = {
#define CURRENCY(code, digits) code,
#include "core/currencies.def"
#undef CURRENCY
};

static int
compare_codes(const void *a, const void *b)
{
	return memcmp(a, b, CODE_LENGTH);
}

bool
currency_is_known(struct text code)
{
	if (code.length != CODE_LENGTH)
		return false;
	assert(code.bytes != NULL);
	return bsearch(code.bytes, codes, sizeof(codes) / sizeof(codes[0]),
		   sizeof(codes[0]), compare_codes) != NULL;
}
