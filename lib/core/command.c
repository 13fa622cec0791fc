#include "core/command.h"

#include <assert.h>
#include <string.h>

#include "core/intent.h"

void
command_init(struct command *command, enum command_kind kind)
{
	assert(command != NULL);
	assert(kind < COMMAND_COUNT);
	memset(command, 0, offsetof(struct command, bytes));
	command->kind = kind;
}

size_t
command_size(const struct command *command)
{
	assert(command->length <= sizeof(command->bytes));
	return offsetof(struct command, bytes) + command->length;
}

/* -- A copy of what somebody else has written -------------------------------
 */

#define FIELD(name) offsetof(struct command, name)

/* Where its texts' places are. */
static const size_t slices[] = {
    FIELD(actor),
    FIELD(request),
    FIELD(target.text),
    FIELD(currency),
    FIELD(customer.text),
    FIELD(intent.text),
    FIELD(merchant.text),
    FIELD(description),
    FIELD(metadata),
    FIELD(payment_method),
    FIELD(return_url),
    FIELD(client_secret),
    FIELD(chain),
    FIELD(token),
    FIELD(tx_hash),
    FIELD(sender_address),
    FIELD(email),
    FIELD(name),
    FIELD(phone),
    FIELD(payment_address),
    FIELD(extended_key),
    FIELD(url),
    FIELD(reason),
    FIELD(response),
    FIELD(starting_after.text),
    FIELD(ending_before.text),
};

/* Fields of a byte, of which only so many values stand for something. */
static const struct {
	size_t offset;
	unsigned count;
} bytes[] = {
    {FIELD(scope.merchant_bound), 2},
    {FIELD(scope.mode), MODE_COUNT},
    {FIELD(scope.family), FAMILY_COUNT},
    {FIELD(replay_as_now), 2},
    {FIELD(idempotent), 2},
    {FIELD(capture_method), METHOD_COUNT},
    {FIELD(confirmation_method), METHOD_COUNT},
    {FIELD(confirm), 2},
    {FIELD(cancellation), CANCELLATION_COUNT},
    {FIELD(status), STATE_COUNT},
    {FIELD(decline), DECLINE_COUNT},
    {FIELD(answer), ANSWER_COUNT},
    {FIELD(key_type), KEY_TYPE_COUNT},
    {FIELD(key_mode), MODE_COUNT},
    {FIELD(merchant_status), MERCHANT_STATUS_COUNT},
    {FIELD(schedule), SCHEDULE_COUNT},
    {FIELD(endpoint_status), ENDPOINT_STATUS_COUNT},
    {FIELD(pings), 2},
    {FIELD(gave_up), 2},
    {FIELD(attempt), ATTEMPT_RESULT_COUNT},
    {FIELD(counts_all), 2},
    {FIELD(created_none), 2},
    {FIELD(expand_customer), 2},
};

/* Inside of its bytes, as command_text() wants it. */
static bool
is_inside(const struct command *command, size_t offset)
{
	struct slice slice;

	memcpy(&slice, (const char *)command + offset, sizeof(slice));
	return slice.length == 0 ||
	       (slice.offset <= command->length &&
		   slice.length <= command->length - slice.offset);
}

static bool
is_sound(const struct command *command)
{
	if (command->kind >= COMMAND_COUNT || command->object >= KIND_COUNT ||
	    command->now.us < 0 || command->asked.us < 0 ||
	    id_instant_max().us < command->now.us ||
	    id_instant_max().us < command->asked.us)
		return false;
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
		if (!is_inside(command, slices[i]))
			return false;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		if (((const uint8_t *)command)[bytes[i].offset] >=
		    bytes[i].count)
			return false;
	return true;
}

bool
command_copy(struct command *copy, const struct command *from)
{
	/* Once: the next reading may be of another one. */
	const uint32_t length = *(const volatile uint32_t *)&from->length;

	if (length > sizeof(copy->bytes))
		return false;
	memcpy(copy, from, offsetof(struct command, bytes) + length);
	copy->length = length;
	return is_sound(copy);
}

bool
command_keep(struct command *command, struct text text, struct slice *slice)
{
	*slice = (struct slice){0, 0};
	assert(command->length <= sizeof(command->bytes));
	if (text.length > sizeof(command->bytes) - command->length)
		return false;
	if (text.length == 0)
		return true;
	memcpy(command->bytes + command->length, text.bytes, text.length);
	*slice = (struct slice){command->length, (uint32_t)text.length};
	command->length += slice->length;
	return true;
}

struct text
command_text(const struct command *command, struct slice slice)
{
	if (slice.length == 0)
		return TEXT_NONE;
	assert(slice.offset <= command->length);
	assert(slice.length <= command->length - slice.offset);
	return (struct text){command->bytes + slice.offset, slice.length};
}
