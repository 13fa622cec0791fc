#include "core/outcome.h"

#include <assert.h>
#include <string.h>

#include "core/bundle.h"

void
outcome_init(struct outcome *outcome)
{
	assert(outcome != NULL);
	error_clear(&outcome->error);
	outcome->replayed = false;
	outcome->remembered = false;
	outcome->asks_outside = false;
	outcome->delivers = false;
	outcome->fresh = ID_NONE;
	outcome->secret[0] = '\0';
	outcome->length = 0;
}

size_t
outcome_size(const struct outcome *outcome)
{
	assert(outcome->length <= sizeof(outcome->bytes));
	return offsetof(struct outcome, bytes) + outcome->length;
}

struct text
outcome_objects(const struct outcome *outcome)
{
	assert(outcome->length <= sizeof(outcome->bytes));
	return (struct text){outcome->bytes, outcome->length};
}

/* A buffer over what is left of the outcome's bytes. */
static struct buffer
outcome_buffer(struct outcome *outcome)
{
	struct buffer buffer;

	buffer_init(&buffer, outcome->bytes, sizeof(outcome->bytes));
	buffer.length = outcome->length;
	return buffer;
}

void
outcome_put(struct outcome *outcome, enum kind kind, const void *record)
{
	struct buffer buffer = outcome_buffer(outcome);

	bundle_put(&buffer, kind, record);
	assert(!buffer.overflow);
	outcome->length = (uint32_t)buffer.length;
}

void
outcome_put_encoded(struct outcome *outcome, struct text encoded)
{
	struct buffer buffer = outcome_buffer(outcome);

	bundle_put_encoded(&buffer, encoded);
	assert(!buffer.overflow);
	outcome->length = (uint32_t)buffer.length;
}
