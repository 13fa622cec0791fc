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
	outcome->given_up = false;
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

static bool
is_sound(const struct outcome *outcome)
{
	/* As bytes: what is no bool must not be read as one. */
	const uint8_t flags[] = {
	    *(const uint8_t *)&outcome->replayed,
	    *(const uint8_t *)&outcome->remembered,
	    *(const uint8_t *)&outcome->asks_outside,
	    *(const uint8_t *)&outcome->delivers,
	    *(const uint8_t *)&outcome->given_up,
	};

	for (size_t i = 0; i < sizeof(flags); i++)
		if (flags[i] > 1)
			return false;
	return outcome->error.id < ERROR_COUNT &&
	       outcome->error.decline < DECLINE_COUNT;
}

bool
outcome_copy(struct outcome *copy, const struct outcome *from)
{
	/* Once: the next reading may be of another one. */
	const uint32_t length = *(const volatile uint32_t *)&from->length;
	struct error *error = &copy->error;

	if (length > sizeof(copy->bytes))
		return false;
	memcpy(copy, from, offsetof(struct outcome, bytes) + length);
	copy->length = length;
	/* Each ends where its room does at the latest. */
	error->param[sizeof(error->param) - 1] = '\0';
	error->value[sizeof(error->value) - 1] = '\0';
	error->detail[sizeof(error->detail) - 1] = '\0';
	copy->secret[sizeof(copy->secret) - 1] = '\0';
	return is_sound(copy);
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
