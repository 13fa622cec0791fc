/*
 * Random payments in coins against a model that counts for itself: after each
 * step every balance, total, page and sum is the model's, whether or not the
 * sweeper has been there.
 *
 * COIN_SEED=number repeats a run (of a sequence that failed: the number that
 * was printed, with COIN_SEQUENCES=1); COIN_SEQUENCES=number makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coin_model.h"
#include "core/coin_intent.h"
#include "store/memory.h"
#include "till.h"

enum {
	SEQUENCES = 150,
	STEPS = 80,
	MERCHANTS = 3,
	MODES = 2,
	FIXED = 1, /* the merchant with one address */
};

_Static_assert((int)STEPS <= (int)COIN_MODEL_ROWS_MAX, "room for each step");

static const uint32_t rates[MERCHANTS] = {10000, 29000, 0};

struct sequence {
	uint64_t seed;
	uint64_t random;
	unsigned step;
	struct till *till; /* NULL: all is well */
	struct id merchants[MERCHANTS];
};

static struct sequence sequence;
static struct coin_model model;

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *value = getenv(variable);

	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

/* xorshift64*, after Vigna: enough for tests, and the same everywhere. */
static unsigned
draw(unsigned bound)
{
	uint64_t random = sequence.random;

	random ^= random >> 12;
	random ^= random << 25;
	random ^= random >> 27;
	sequence.random = random;
	return (unsigned)((random * 0x2545f4914f6cdd1d >> 33) % bound);
}

#define MUST(holds) must(holds, #holds, __LINE__)

static void
must(bool holds, const char *what, int line)
{
	if (!holds)
		fail_msg("line %d: %s", line, what);
}

/* Whose commands are made: one of the account's keys, or the merchant's. */
static void
be_caller(unsigned merchant, uint8_t mode)
{
	sequence.till->scope = (struct scope){
	    .account = sequence.till->account,
	    .merchant = sequence.merchants[merchant],
	    .merchant_bound = draw(4) == 0,
	    .mode = mode,
	};
}

static void
create(void)
{
	struct coin coin = {
	    .merchant = draw(MERCHANTS),
	    .mode = (uint8_t)(MODE_TEST + draw(MODES)),
	    .amount = 10000 * (1 + draw(4)) + 1,
	    .made = sequence.till->now,
	    .state = STATE_AWAITING_PAYMENT,
	};
	struct span ttl = span_from_seconds(60 + draw(100));
	bool taken = false;

	be_caller(coin.merchant, coin.mode);
	coin.id = till_make_create(
	    sequence.till, sequence.merchants[coin.merchant], coin.amount)
		      ->fresh;
	sequence.till->command.ttl = ttl;
	coin.expires =
	    instant_from_seconds(instant_seconds(instant_plus(coin.made, ttl)));
	for (unsigned i = 0; i < model.coin_count; i++)
		if (coin.merchant == FIXED &&
		    model.coins[i].merchant == FIXED &&
		    model.coins[i].mode == coin.mode &&
		    model.coins[i].amount == coin.amount &&
		    coin_model_state(&model, &model.coins[i]) ==
			STATE_AWAITING_PAYMENT)
			taken = true;
	till_must(sequence.till, taken ? ERROR_PARAMETER_INVALID : ERROR_NONE);
	if (!taken)
		model.coins[model.coin_count++] = coin;
}

/* A payment of the past, whose caller the next command has. */
static struct coin *
draw_coin(void)
{
	/* Often a late one: those are not closed yet. */
	unsigned newest = model.coin_count - 1;
	unsigned back = draw(draw(2) == 0 ? newest + 1 : newest / 4 + 1);
	struct coin *coin = &model.coins[newest - back];

	be_caller(coin->merchant, coin->mode);
	return coin;
}

static int64_t
draw_amount(const struct coin *coin)
{
	int64_t rest = coin->amount - coin->received;

	switch (draw(5)) {
	case 0:
		return 0; /* what is due */
	case 1:
		return 1;
	case 2:
		return coin->amount + draw(1000);
	case 3:
		return rest > 1 ? rest - 1 : 1;
	default:
		return 1 + draw((unsigned)coin->amount);
	}
}

static void
pay(void)
{
	struct coin *coin = draw_coin();
	int64_t rest = coin->amount - coin->received;
	struct payment payment = {
	    .coin = (unsigned)(coin - model.coins),
	    .amount = draw_amount(coin),
	    .made = sequence.till->now,
	};

	payment.id =
	    till_make_transfer(sequence.till, coin->id, payment.amount)->fresh;
	payment.serial = sequence.till->serial;
	till_must(sequence.till, ERROR_NONE);
	if (payment.amount == 0)
		payment.amount = rest > 0 ? rest : coin->amount;
	payment.late =
	    coin_model_write_down(&model, coin) != STATE_AWAITING_PAYMENT;
	coin->received += payment.amount;
	model.events[EVENT_TRANSACTION_CREATED]++;
	if (!payment.late && coin->received >= coin->amount) {
		coin->state = STATE_CONFIRMED;
		model.events[EVENT_COIN_CONFIRMED]++;
	}
	model.payments[model.payment_count++] = payment;
}

/* A transfer that is known, on any payment of its mode. */
static void
pay_again(void)
{
	struct coin *coin = draw_coin();
	const struct payment *known;
	uint64_t serial = sequence.till->serial;
	struct coin_intent seen;

	if (model.payment_count == 0)
		return;
	known = &model.payments[draw(model.payment_count)];
	if (model.coins[known->coin].mode != coin->mode)
		return;
	/* The tx_hash is made of the serial; the rest of it is new. */
	sequence.till->serial = known->serial - 1;
	(void)till_make_transfer(sequence.till, coin->id, 1 + draw(100));
	sequence.till->serial = serial;
	till_must(sequence.till, ERROR_NONE);
	till_first(sequence.till, KIND_COIN_INTENT, &seen);
	MUST(id_equal(seen.id, coin->id));
}

static void
cancel(void)
{
	struct coin *coin = draw_coin();
	bool open = coin_model_state(&model, coin) == STATE_AWAITING_PAYMENT;

	(void)till_make_about(sequence.till, COMMAND_COIN_CANCEL, coin->id);
	till_must(
	    sequence.till, open ? ERROR_NONE : ERROR_INTENT_NOT_CANCELLABLE);
	if (!open)
		return;
	coin->state = STATE_CANCELLED;
	model.events[EVENT_COIN_CANCELLED]++;
}

static void
settle(void)
{
	struct coin *coin = draw_coin();
	bool confirmed = coin->state == STATE_CONFIRMED;

	(void)till_make_about(sequence.till, COMMAND_COIN_SETTLE, coin->id);
	till_must(
	    sequence.till, confirmed ? ERROR_NONE : ERROR_INTENT_NOT_CONFIRMED);
	if (!confirmed)
		return;
	coin->state = STATE_SETTLED;
	model.events[EVENT_SETTLEMENT_COMPLETED]++;
	for (unsigned i = 0; i < model.payment_count; i++)
		if (&model.coins[model.payments[i].coin] == coin)
			model.payments[i].settled = true;
}

static void
sweep(unsigned batch)
{
	unsigned expected = 0;
	unsigned count;

	MUST(engine_sweep(sequence.till->engine, sequence.till->now, batch,
		 &count) == STORE_OK);
	while (expected < batch && coin_model_next_due(&model) != NULL) {
		(void)coin_model_write_down(
		    &model, coin_model_next_due(&model));
		expected++;
	}
	MUST(count == expected);
}

static void
take_step(void)
{
	unsigned kind = draw(20);

	if (draw(3) > 0)
		sequence.till->now.us += draw(25000000);
	model.now = sequence.till->now;
	if (model.coin_count == 0 || kind < 7)
		create();
	else if (kind < 12)
		pay();
	else if (kind == 12)
		pay_again();
	else if (kind < 15)
		cancel();
	else if (kind < 18)
		settle();
	else
		sweep(1 + draw(4));
}

static struct command *
make_page(const struct coin_filter *filter, unsigned limit)
{
	struct command *command;

	be_caller(filter->merchant, filter->mode);
	command = till_make_list(sequence.till, filter->kind,
	    sequence.merchants[filter->merchant], limit);
	command->with_status = (uint8_t)filter->status;
	command->created_gte = filter->from;
	command->created_lt = filter->until;
	return command;
}

static void
check_total(const struct coin_filter *filter)
{
	struct id ids[COIN_MODEL_ROWS_MAX];
	unsigned count = coin_model_list(&model, filter, ids);

	(void)make_page(filter, 1);
	MUST(till_list(sequence.till)->total == count);
}

/* Page by page from the newest, and back from the oldest. */
static void
check_pages(const struct coin_filter *filter)
{
	unsigned limit = 1 + draw(7);
	struct id ids[COIN_MODEL_ROWS_MAX];
	unsigned count = coin_model_list(&model, filter, ids);
	const struct till_page *page;
	unsigned seen = 0;

	do {
		struct command *command = make_page(filter, limit);

		if (seen > 0)
			till_name(sequence.till, &command->starting_after,
			    ids[seen - 1]);
		page = till_list(sequence.till);
		MUST(page->total == count);
		MUST(page->count ==
		     (count - seen < limit ? count - seen : limit));
		for (unsigned i = 0; i < page->count; i++)
			MUST(id_equal(page->ids[i], ids[seen++]));
		MUST(page->has_more == (seen < count));
	} while (page->has_more);
	for (seen = count; seen > 1;) {
		struct command *command = make_page(filter, limit);

		till_name(sequence.till, &command->ending_before, ids[--seen]);
		page = till_list(sequence.till);
		MUST(page->total == count);
		MUST(page->count == (seen < limit ? seen : limit));
		MUST(page->has_more == (seen > limit));
		seen -= page->count;
		for (unsigned i = 0; i < page->count; i++)
			MUST(id_equal(page->ids[i], ids[seen + i]));
		/* The next is before the newest of these. */
		seen++;
	}
}

static void
draw_dates(struct coin_filter *filter)
{
	int64_t first = instant_seconds(model.coins[0].made);
	unsigned length =
	    (unsigned)(instant_seconds(sequence.till->now) - first) + 2;

	if (draw(3) > 0)
		filter->from = instant_from_seconds(first + draw(length));
	if (draw(3) > 0)
		filter->until = instant_from_seconds(first + draw(length));
}

static const unsigned statuses_of_coins[] = {0, STATE_AWAITING_PAYMENT,
    STATE_CONFIRMED, STATE_EXPIRED, STATE_CANCELLED, STATE_SETTLED};
enum {
	COIN_STATUSES = sizeof(statuses_of_coins) / sizeof(statuses_of_coins[0])
};

static void
check_totals(unsigned merchant, uint8_t mode)
{
	struct coin_filter filter = {.merchant = merchant, .mode = mode};

	filter.kind = KIND_COIN_INTENT;
	for (unsigned i = 0; i < COIN_STATUSES; i++) {
		filter.status = statuses_of_coins[i];
		check_total(&filter);
	}
	filter.kind = KIND_TRANSFER;
	for (unsigned i = 0; i < TRANSACTION_STATUS_COUNT; i++) {
		filter.status = i;
		check_total(&filter);
	}
}

static void
check_balance(unsigned merchant, uint8_t mode)
{
	int64_t pending = 0;
	int64_t available = 0;
	struct balance balance;

	be_caller(merchant, mode);
	balance = till_balance(sequence.till, sequence.merchants[merchant]);
	for (unsigned i = 0; i < model.payment_count; i++) {
		const struct payment *payment = &model.payments[i];
		const struct coin *coin = &model.coins[payment->coin];

		if (coin->merchant != merchant || coin->mode != mode)
			continue;
		*(payment->settled ? &available : &pending) +=
		    coin_model_net(payment, rates[merchant]);
	}
	MUST(balance.pending.units == pending);
	MUST(balance.available.units == available);
}

/* What a payment has received is the sum of its transactions, as stored. */
static void
check_sums(void)
{
	struct coin *coin = draw_coin();
	struct coin_intent intent = till_intent(sequence.till, coin->id);
	int64_t sum = 0;

	MUST(coin_intent_state(&intent, sequence.till->now) ==
	     coin_model_state(&model, coin));
	MUST(intent.state == coin->state);
	for (unsigned i = 0; i < model.payment_count; i++) {
		const struct payment *payment = &model.payments[i];
		struct transfer transfer;

		if (&model.coins[payment->coin] != coin)
			continue;
		till_make_about(sequence.till, COMMAND_GET, payment->id)
		    ->object = KIND_TRANSFER;
		till_must(sequence.till, ERROR_NONE);
		till_first(sequence.till, KIND_TRANSFER, &transfer);
		MUST(transfer.amount.units == payment->amount);
		MUST(transfer.late == payment->late);
		MUST((transfer.status == TRANSACTION_SETTLED) ==
		     payment->settled);
		sum += transfer.amount.units;
	}
	MUST(intent.amount_received.units == sum);
	MUST(coin->received == sum);
}

static void
check_all(void)
{
	struct coin_filter filter = {
	    .kind = draw(2) == 0 ? KIND_COIN_INTENT : KIND_TRANSFER,
	    .merchant = draw(MERCHANTS),
	    .mode = (uint8_t)(MODE_TEST + draw(MODES)),
	};

	for (unsigned i = 0; i < MERCHANTS; i++)
		for (uint8_t mode = MODE_TEST; mode <= MODE_LIVE; mode++) {
			check_balance(i, mode);
			check_totals(i, mode);
		}
	filter.status = filter.kind == KIND_COIN_INTENT
			    ? statuses_of_coins[draw(COIN_STATUSES)]
			    : draw(TRANSACTION_STATUS_COUNT);
	check_pages(&filter);
	draw_dates(&filter);
	check_pages(&filter);
	check_sums();
}

static void
check_end(void)
{
	unsigned rows = 0;

	sweep(256);
	for (unsigned i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
		rows += model.events[i];
		MUST(till_events(sequence.till, (enum event_type)i) ==
		     model.events[i]);
	}
	MUST(till_rows(sequence.till, TABLE_EVENTS) == rows);
	/* What is awaited still, and nothing else, will expire. */
	rows = 0;
	for (unsigned i = 0; i < model.coin_count; i++)
		rows += model.coins[i].state == STATE_AWAITING_PAYMENT;
	MUST(till_rows(sequence.till, TABLE_EXPIRIES) == rows);
	MUST(till_rows(sequence.till, TABLE_TRANSFERS) == model.payment_count);
	check_all();
}

static void
run_sequence(uint64_t seed)
{
	struct merchant merchant = {.status = MERCHANT_STATUS_ACTIVE};
	static const struct text addresses[MERCHANTS] = {
	    {"0x8617E340B3D01FA5F11F306F4090FD50E238070D", 42},
	    {TILL_ADDRESS, 42},
	    {NULL, 0},
	};

	sequence = (struct sequence){
	    .seed = seed, .random = seed * 0x9e3779b97f4a7c15 | 1};
	model = (struct coin_model){0};
	sequence.till = till_open(memory_open());
	for (unsigned i = 0; i < MERCHANTS; i++) {
		bool extended = i != FIXED;

		merchant.fee_rate = rates[i];
		merchant.payment_address = addresses[i];
		merchant.extended_key = extended ? TEXT(TILL_XPUB) : TEXT_NONE;
		sequence.merchants[i] = till_merchant(sequence.till, &merchant);
	}
	for (sequence.step = 0; sequence.step < STEPS; sequence.step++) {
		take_step();
		if (model.coin_count > 0)
			check_all();
	}
	check_end();
	till_close(sequence.till);
	sequence.till = NULL;
}

/* What is needed to see a failure again. */
static int
tell(void **state)
{
	(void)state;
	if (sequence.till != NULL)
		print_error("in step %u of COIN_SEED=%" PRIu64
			    " COIN_SEQUENCES=1\n",
		    sequence.step, sequence.seed);
	return 0;
}

static void
everything_is_as_the_model_says_after_each_step(void **state)
{
	uint64_t seed = number_of("COIN_SEED", (uint64_t)time(NULL) * 100000);
	uint64_t count = number_of("COIN_SEQUENCES", SEQUENCES);

	(void)state;
	print_message("COIN_SEED=%" PRIu64 "\n", seed);
	for (uint64_t i = 0; i < count; i++)
		run_sequence(seed + i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		everything_is_as_the_model_says_after_each_step, tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
