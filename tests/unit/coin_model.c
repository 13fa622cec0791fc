#include "coin_model.h"

#include <stddef.h>

enum state
coin_model_state(const struct coin_model *model, const struct coin *coin)
{
	bool over = model->now.us >= coin->expires.us;

	return coin->state == STATE_AWAITING_PAYMENT && over ? STATE_EXPIRED
							     : coin->state;
}

enum state
coin_model_write_down(struct coin_model *model, struct coin *coin)
{
	enum state state = coin_model_state(model, coin);

	if (state != coin->state)
		model->events[EVENT_COIN_EXPIRED]++;
	coin->state = state;
	return state;
}

/* Half to even, in numbers that fit. */
int64_t
coin_model_net(const struct payment *payment, uint32_t rate)
{
	int64_t product = payment->amount * rate;
	int64_t fee = (product + 500000) / 1000000;

	if (product % 1000000 == 500000 && fee % 2 == 1)
		fee--;
	return payment->amount - fee;
}

struct coin *
coin_model_next_due(struct coin_model *model)
{
	struct coin *next = NULL;

	for (unsigned i = 0; i < model->coin_count; i++) {
		struct coin *coin = &model->coins[i];

		if (coin->state == coin_model_state(model, coin))
			continue;
		if (next == NULL || coin->expires.us < next->expires.us ||
		    (coin->expires.us == next->expires.us &&
			coin->mode < next->mode))
			next = coin;
	}
	return next;
}

static bool
is_dated(const struct coin_filter *filter, struct instant made)
{
	return made.us >= filter->from.us &&
	       (filter->until.us == 0 || made.us < filter->until.us);
}

unsigned
coin_model_list(const struct coin_model *model,
    const struct coin_filter *filter, struct id ids[COIN_MODEL_ROWS_MAX])
{
	bool coins = filter->kind == KIND_COIN_INTENT;
	unsigned rows = coins ? model->coin_count : model->payment_count;
	unsigned count = 0;

	for (unsigned i = rows; i-- > 0;) {
		const struct payment *payment = &model->payments[i];
		const struct coin *coin =
		    &model->coins[coins ? i : payment->coin];
		unsigned status = coins
				      ? (unsigned)coin_model_state(model, coin)
				  : payment->settled ? TRANSACTION_SETTLED
						     : TRANSACTION_CONFIRMED;

		if (coin->merchant != filter->merchant ||
		    coin->mode != filter->mode ||
		    (filter->status != 0 && status != filter->status) ||
		    !is_dated(filter, coins ? coin->made : payment->made))
			continue;
		ids[count++] = coins ? coin->id : payment->id;
	}
	return count;
}
