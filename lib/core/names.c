#include "core/names.h"

#include <assert.h>

NAMES_DEFINE(mode, MODE_NAMES);
NAMES_DEFINE(state, STATE_NAMES);
NAMES_DEFINE(method, METHOD_NAMES);
NAMES_DEFINE(cancellation, CANCELLATION_NAMES);
NAMES_DEFINE(decline, DECLINE_NAMES);
NAMES_DEFINE(progress, PROGRESS_NAMES);
NAMES_DEFINE(event, EVENT_NAMES);
NAMES_DEFINE(key_type, KEY_TYPE_NAMES);
NAMES_DEFINE(merchant_status, MERCHANT_STATUS_NAMES);
NAMES_DEFINE(transaction_status, TRANSACTION_STATUS_NAMES);
NAMES_DEFINE(schedule, SCHEDULE_NAMES);
NAMES_DEFINE(permission, PERMISSION_NAMES);
NAMES_DEFINE(family, FAMILY_NAMES);
NAMES_DEFINE(endpoint_status, ENDPOINT_STATUS_NAMES);
NAMES_DEFINE(disabled, DISABLED_NAMES);
NAMES_DEFINE(delivery_state, DELIVERY_STATE_NAMES);
NAMES_DEFINE(attempt_result, ATTEMPT_RESULT_NAMES);

struct text
name_text(const struct names *names, unsigned value)
{
	assert(names != NULL);
	assert(value < names->count);
	return names->texts[value];
}

unsigned
name_find(const struct names *names, struct text text)
{
	assert(names != NULL);
	for (unsigned value = 1; value < names->count; value++)
		if (text_equal(names->texts[value], text))
			return value;
	return 0;
}
