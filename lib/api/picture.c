#include "api/picture.h"

#include <assert.h>

#include "api/qr.h"
#include "api/stable_views.h"
#include "core/bundle.h"
#include "core/coin_intent.h"

bool
picture_find(struct engine *engine, const struct command *command,
    struct outcome *outcome, struct coin_intent *intent, struct error *error)
{
	enum store_result result = STORE_MISSING;
	bool found;
	bool live;

	if (id_is_set(command->target.id))
		result = engine_find_coin(
		    engine, command->target.id, outcome, &live);
	if (result == STORE_OK) {
		found = bundle_find(
		    outcome_objects(outcome), KIND_COIN_INTENT, 0, intent);
		assert(found);
		if (coin_intent_state(intent, command->now) ==
		    STATE_AWAITING_PAYMENT)
			return true;
		result = STORE_MISSING;
	}
	if (result != STORE_MISSING)
		return refuse(error, engine_failure(result));
	return refuse_about(error, ERROR_INTENT_MISSING, TEXT("id"),
	    command_text(command, command->target.text), TEXT_NONE);
}

bool
picture_write(const struct coin_intent *intent, struct buffer *png)
{
	char bytes[256];
	struct buffer payload;

	buffer_init(&payload, bytes, sizeof(bytes));
	stable_qr_payload(intent, &payload);
	assert(!payload.overflow);
	return qr_png(buffer_text(&payload), png);
}
