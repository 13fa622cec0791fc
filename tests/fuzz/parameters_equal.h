/* Rows of parameters, compared. */
#ifndef FUZZ_PARAMETERS_EQUAL_H
#define FUZZ_PARAMETERS_EQUAL_H

#include <string.h>

#include "api/parameters.h"

static inline bool
parameters_equal(const struct parameters *a, const struct parameters *b)
{
	const struct parameter *one, *other;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		one = &a->rows[i];
		other = &b->rows[i];
		if (one->kind != other->kind || one->shape != other->shape ||
		    !text_equal(one->root, other->root) ||
		    !text_equal(one->key, other->key) ||
		    (one->key.bytes == NULL) != (other->key.bytes == NULL) ||
		    !text_equal(one->value, other->value))
			return false;
	}
	return true;
}

#endif
