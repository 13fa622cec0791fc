/*
 * The life of a payment in coins: its whole matrix as a golden file, and the
 * table of the contract, transcribed by hand, which it must agree with.
 *
 * GOLDEN=write writes the golden file anew: read the difference then.
 */
#include "core/coin_intent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define GOLDEN_PATH "tests/unit/golden/coin_matrix.txt"

enum {
	GOLDEN_BYTES_MAX = 64 * 1024,
	AMOUNT = 1000,
	PART = 400,
	CREATED = 1000, /* seconds */
	EXPIRES = 1300,
};

/* What is stored, and when it is asked about. */
static const struct situation {
	const char *words;
	enum state stored;
	int64_t received;
	int64_t now; /* seconds */
	enum state seen;
} situations[] = {
    {"nothing received", STATE_AWAITING_PAYMENT, 0, 1299,
	STATE_AWAITING_PAYMENT},
    {"a part received", STATE_AWAITING_PAYMENT, PART, 1299,
	STATE_AWAITING_PAYMENT},
    {"at expires_at, not written down", STATE_AWAITING_PAYMENT, 0, EXPIRES,
	STATE_EXPIRED},
    {"past expires_at, a part received, not written down",
	STATE_AWAITING_PAYMENT, PART, 9999, STATE_EXPIRED},
    {"before expires_at", STATE_CONFIRMED, AMOUNT, 1299, STATE_CONFIRMED},
    {"past expires_at", STATE_CONFIRMED, AMOUNT + 1, 9999, STATE_CONFIRMED},
    {"nothing received", STATE_EXPIRED, 0, EXPIRES, STATE_EXPIRED},
    {"more than due received", STATE_EXPIRED, AMOUNT + PART, 9999,
	STATE_EXPIRED},
    {"before expires_at", STATE_CANCELLED, 0, 1299, STATE_CANCELLED},
    {"past expires_at, a part received", STATE_CANCELLED, PART, 9999,
	STATE_CANCELLED},
    {"past expires_at", STATE_SETTLED, AMOUNT, 9999, STATE_SETTLED},
};

enum { SITUATIONS = sizeof(situations) / sizeof(situations[0]) };

enum { AMOUNT_NOT_GIVEN = -1 };

static const struct action {
	const char *words;
	enum command_kind kind;
	int64_t amount;
} actions[] = {
    {"cancel", COMMAND_COIN_CANCEL, 0},
    {"transfer, amount not given", COMMAND_COIN_TRANSFER, AMOUNT_NOT_GIVEN},
    {"transfer of the smallest unit", COMMAND_COIN_TRANSFER, 1},
    {"transfer of one less than the rest of a part", COMMAND_COIN_TRANSFER,
	AMOUNT - PART - 1},
    {"transfer of the rest of a part", COMMAND_COIN_TRANSFER, AMOUNT - PART},
    {"transfer of one less than all", COMMAND_COIN_TRANSFER, AMOUNT - 1},
    {"transfer of all", COMMAND_COIN_TRANSFER, AMOUNT},
    {"transfer of more than all", COMMAND_COIN_TRANSFER, AMOUNT + 1},
    {"transfer of more than can be", COMMAND_COIN_TRANSFER, INT64_MAX},
    {"settle", COMMAND_COIN_SETTLE, 0},
    {"expire", COMMAND_COIN_EXPIRE, 0},
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static struct command command;
static struct coin_intent intent;
static struct coin_decision decision;

static void
keep(const char *text, struct slice *slice)
{
	bool kept = command_keep(&command, text_of(text), slice);

	assert_true(kept);
}

static void
make_command(enum command_kind kind, int64_t now)
{
	command_init(&command, kind);
	command.now = instant_from_seconds(now);
	memset(command.fresh.bytes, 7, sizeof(command.fresh.bytes));
	keep("0xhash", &command.tx_hash);
	keep("0xsender", &command.sender_address);
	command.log_index = 5;
	command.block_number = 77;
	command.chain_id = 1;
}

static void
make_intent(const struct situation *situation)
{
	intent = (struct coin_intent){
	    .id = {{1}},
	    .merchant = {{2}},
	    .state = (uint8_t)situation->stored,
	    .amount = MONEY(AMOUNT),
	    .amount_received = MONEY(situation->received),
	    .fee_rate = 10000,
	    .currency = TEXT("usd"),
	    .payment_address = TEXT("0xaddress"),
	    .chain = TEXT("base"),
	    .token = TEXT("0xtoken"),
	    .metadata = TEXT("packed"),
	    .created = instant_from_seconds(CREATED),
	    .expires = instant_from_seconds(EXPIRES),
	};
	if (situation->stored == STATE_CONFIRMED ||
	    situation->stored == STATE_SETTLED)
		intent.confirmed = instant_from_seconds(CREATED + 1);
	if (situation->stored == STATE_CANCELLED)
		intent.cancelled = instant_from_seconds(CREATED + 1);
	if (situation->stored == STATE_SETTLED)
		intent.settled = instant_from_seconds(CREATED + 2);
}

/* Asks one question of the matrix; `decision` has the answer. */
static void
decide(const struct situation *situation, const struct action *action)
{
	const struct coin_question question = {action->kind, &intent, &command};

	make_intent(situation);
	assert_true(coin_intent_is_consistent(&intent));
	make_command(action->kind, situation->now);
	if (action->amount > 0) {
		command.given = GIVEN_AMOUNT;
		command.amount = MONEY(action->amount);
	}
	/* What is not written shows. */
	memset(&decision, 0xa5, sizeof(decision));
	coin_intent_decide(&question, &decision);
}

static void
decide_create(void)
{
	const struct coin_question question = {
	    COMMAND_COIN_CREATE, NULL, &command};

	make_command(COMMAND_COIN_CREATE, CREATED);
	command.now.us += 999999;
	command.ttl = span_from_seconds(EXPIRES - CREATED);
	command.amount = MONEY(AMOUNT);
	keep("usd", &command.currency);
	keep("base", &command.chain);
	keep("0xtoken", &command.token);
	keep("packed", &command.metadata);
	memset(&decision, 0xa5, sizeof(decision));
	decision.intent = (struct coin_intent){
	    .merchant = {{2}},
	    .fee_rate = 10000,
	    .payment_address = TEXT("0xaddress"),
	    .address_shared = true,
	};
	coin_intent_decide(&question, &decision);
}

static void
write_result(struct buffer *to)
{
	const struct coin_intent *after = &decision.intent;
	const struct transfer *transfer = &decision.transfer;

	if (decision.error.id != ERROR_NONE)
		buffer_print(to, " refused %.*s (%s)",
		    TEXT_PRINT(
			error_words(decision.error.id, CONTRACT_STABLE)->code),
		    decision.error.detail);
	else if (!decision.acts)
		buffer_print(to, " nothing");
	if (decision.acts)
		buffer_print(to, " -> %.*s, received %lld",
		    TEXT_PRINT(name_text(&state_names, after->state)),
		    (long long)after->amount_received.units);
	if (decision.acts && after->confirmed.us != intent.confirmed.us)
		buffer_print(to, ", confirmed at");
	if (decision.acts && after->cancelled.us != intent.cancelled.us)
		buffer_print(to, ", cancelled at");
	if (decision.acts && after->settled.us != intent.settled.us)
		buffer_print(to, ", settled at");
	if (decision.transferred)
		buffer_print(to, "; %stransaction %.*s of %lld",
		    transfer->late ? "late " : "",
		    TEXT_PRINT(
			name_text(&transaction_status_names, transfer->status)),
		    (long long)transfer->amount.units);
	for (unsigned i = 0; i < decision.event_count; i++)
		buffer_print(to, "%s %.*s", i == 0 ? "; events" : "",
		    TEXT_PRINT(name_text(&event_names, decision.events[i])));
	buffer_print(to, "\n");
}

static void
write_matrix(struct buffer *to)
{
	intent = (struct coin_intent){0};
	decide_create();
	buffer_print(to, "before\n  create:");
	write_result(to);
	for (size_t i = 0; i < SITUATIONS; i++) {
		buffer_print(to, "\n%.*s, %s\n",
		    TEXT_PRINT(name_text(&state_names, situations[i].stored)),
		    situations[i].words);
		for (size_t j = 0; j < ACTIONS; j++) {
			decide(&situations[i], &actions[j]);
			buffer_print(to, "  %s:", actions[j].words);
			write_result(to);
		}
	}
}

static size_t
read_golden(char *to, size_t size)
{
	FILE *file = fopen(GOLDEN_PATH, "r");
	size_t length;

	if (file == NULL)
		fail_msg("%s: cannot be read; run the tests from the root",
		    GOLDEN_PATH);
	length = fread(to, 1, size, file);
	(void)fclose(file);
	return length;
}

static void
write_golden(struct text text)
{
	FILE *file = fopen(GOLDEN_PATH, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.bytes, 1, text.length, file), text.length);
	assert_int_equal(fclose(file), 0);
}

/* Fails with the first line that differs. */
static void
compare_lines(struct text golden, struct text now)
{
	for (int line = 1; golden.length > 0 || now.length > 0; line++) {
		struct text a;
		struct text b;

		(void)text_split(golden, '\n', &a, &golden);
		(void)text_split(now, '\n', &b, &now);
		if (text_equal(a, b))
			continue;
		fail_msg("%s:%d differs:\n  golden: %.*s\n  now:    %.*s\n"
			 "If that is right: GOLDEN=write make unit, and read "
			 "the difference.",
		    GOLDEN_PATH, line, TEXT_PRINT(a), TEXT_PRINT(b));
	}
}

static void
the_matrix_is_the_golden_file(void **state)
{
	static char golden[GOLDEN_BYTES_MAX];
	static char now[GOLDEN_BYTES_MAX];
	const char *wish = getenv("GOLDEN");
	struct buffer buffer;
	size_t length;

	(void)state;
	buffer_init(&buffer, now, sizeof(now));
	write_matrix(&buffer);
	assert_false(buffer.overflow);
	if (wish != NULL && strcmp(wish, "write") == 0)
		write_golden(buffer_text(&buffer));
	length = read_golden(golden, sizeof(golden));
	compare_lines((struct text){golden, length}, buffer_text(&buffer));
}

/* A cell of the contract's table. */
struct cell {
	enum state to; /* STATE_NONE: it stays */
	enum error_id refusal;
	bool late;
};

#define GOES(state)                              \
	{                                        \
		STATE_##state, ERROR_NONE, false \
	}
#define STAYS                                 \
	{                                     \
		STATE_NONE, ERROR_NONE, false \
	}
#define STAYS_LATE                           \
	{                                    \
		STATE_NONE, ERROR_NONE, true \
	}
#define REFUSED(error)                           \
	{                                        \
		STATE_NONE, ERROR_##error, false \
	}

/*
 * stable.md, "payment_intent", row by row, of the status that readers see:
 * cancel, time, less than due, paid in full, settled.  What is late after
 * `confirmed` the table leaves open: the money is not lost sight of.
 */
static const struct {
	struct cell cancel;
	struct cell time;
	struct cell part;
	struct cell full;
	struct cell settled;
} table[STATE_COUNT] = {
    [STATE_AWAITING_PAYMENT] = {GOES(CANCELLED), STAYS, STAYS, GOES(CONFIRMED),
	REFUSED(INTENT_NOT_CONFIRMED)},
    [STATE_CONFIRMED] = {REFUSED(INTENT_NOT_CANCELLABLE), STAYS, STAYS_LATE,
	STAYS_LATE, GOES(SETTLED)},
    [STATE_EXPIRED] = {REFUSED(INTENT_NOT_CANCELLABLE), STAYS, STAYS_LATE,
	STAYS_LATE, REFUSED(INTENT_NOT_CONFIRMED)},
    [STATE_CANCELLED] = {REFUSED(INTENT_NOT_CANCELLABLE), STAYS, STAYS_LATE,
	STAYS_LATE, REFUSED(INTENT_NOT_CONFIRMED)},
    [STATE_SETTLED] = {REFUSED(INTENT_NOT_CANCELLABLE), STAYS, STAYS_LATE,
	STAYS_LATE, REFUSED(INTENT_NOT_CONFIRMED)},
};

static struct cell
cell_of(const struct situation *situation, const struct action *action)
{
	int64_t rest = AMOUNT - situation->received;
	int64_t amount = action->amount == AMOUNT_NOT_GIVEN
			     ? (rest > 0 ? rest : AMOUNT)
			     : action->amount;

	if (action->kind == COMMAND_COIN_CANCEL)
		return table[situation->seen].cancel;
	if (action->kind == COMMAND_COIN_EXPIRE)
		return table[situation->seen].time;
	if (action->kind == COMMAND_COIN_SETTLE)
		return table[situation->seen].settled;
	return amount >= rest ? table[situation->seen].full
			      : table[situation->seen].part;
}

static bool
has_event(enum event_type type)
{
	for (unsigned i = 0; i < decision.event_count; i++)
		if (decision.events[i] == type)
			return true;
	return false;
}

static void
check_cell(const struct situation *situation, const struct action *action)
{
	struct cell cell = cell_of(situation, action);
	enum state to = cell.to == STATE_NONE ? situation->seen : cell.to;
	bool transfers = action->kind == COMMAND_COIN_TRANSFER;
	bool told = situation->stored == situation->seen;

	decide(situation, action);
	assert_int_equal(decision.error.id, cell.refusal);
	/* A refusal, and time that changes nothing, leave no trace. */
	assert_int_equal(
	    decision.acts, transfers || cell.to != STATE_NONE ||
			       (action->kind == COMMAND_COIN_EXPIRE && !told));
	assert_int_equal(decision.transferred, transfers);
	if (!decision.acts) {
		assert_int_equal(decision.event_count, 0);
		return;
	}
	assert_int_equal(decision.intent.state, to);
	assert_true(coin_intent_is_consistent(&decision.intent));
	assert_int_equal(
	    has_event(EVENT_COIN_CONFIRMED), cell.to == STATE_CONFIRMED);
	assert_int_equal(
	    has_event(EVENT_COIN_CANCELLED), cell.to == STATE_CANCELLED);
	assert_int_equal(has_event(EVENT_COIN_EXPIRED), !told);
	assert_int_equal(
	    has_event(EVENT_SETTLEMENT_COMPLETED), cell.to == STATE_SETTLED);
	assert_int_equal(has_event(EVENT_TRANSACTION_CREATED), transfers);
	if (transfers)
		assert_int_equal(decision.transfer.late, cell.late);
}

static void
every_cell_is_the_contract_s(void **state)
{
	(void)state;
	for (size_t i = 0; i < SITUATIONS; i++) {
		make_intent(&situations[i]);
		assert_int_equal(coin_intent_state(&intent,
				     instant_from_seconds(situations[i].now)),
		    situations[i].seen);
		for (size_t j = 0; j < ACTIONS; j++)
			check_cell(&situations[i], &actions[j]);
	}
}

static void
it_expires_at_the_very_microsecond(void **state)
{
	struct instant expires = instant_from_seconds(EXPIRES);

	(void)state;
	make_intent(&situations[0]);
	assert_int_equal(
	    coin_intent_state(&intent, (struct instant){expires.us - 1}),
	    STATE_AWAITING_PAYMENT);
	assert_int_equal(coin_intent_state(&intent, expires), STATE_EXPIRED);
	assert_int_equal(
	    coin_intent_state(&intent, (struct instant){expires.us + 1}),
	    STATE_EXPIRED);
}

static void
a_new_payment_is_what_was_asked_for(void **state)
{
	const struct coin_intent *made = &decision.intent;

	(void)state;
	decide_create();
	assert_int_equal(decision.error.id, ERROR_NONE);
	assert_true(decision.acts);
	assert_false(decision.transferred);
	assert_int_equal(decision.event_count, 0);
	assert_true(id_equal(made->id, command.fresh));
	assert_int_equal(made->state, STATE_AWAITING_PAYMENT);
	assert_int_equal(made->amount.units, AMOUNT);
	assert_int_equal(made->amount_received.units, 0);
	assert_int_equal(made->fee_rate, 10000);
	assert_true(made->address_shared);
	assert_true(text_equal(made->payment_address, TEXT("0xaddress")));
	assert_true(text_equal(made->currency, TEXT("usd")));
	assert_true(text_equal(made->chain, TEXT("base")));
	assert_int_equal(made->chain_id, 1);
	assert_true(text_equal(made->token, TEXT("0xtoken")));
	assert_true(text_equal(made->metadata, TEXT("packed")));
	assert_int_equal(made->created.us, command.now.us);
	/* Whole seconds: what is shown is the instant that decides. */
	assert_int_equal(made->expires.us, instant_from_seconds(EXPIRES).us);
	assert_int_equal(made->confirmed.us, 0);
	assert_int_equal(made->tx_hash.length, 0);
	assert_int_equal(made->block_number, 0);
}

static void
a_transfer_says_what_the_chain_said(void **state)
{
	const struct transfer *made = &decision.transfer;

	(void)state;
	decide(&situations[1], &actions[1]);
	assert_true(id_equal(made->id, command.fresh));
	assert_true(id_equal(made->intent, intent.id));
	assert_true(id_equal(made->merchant, intent.merchant));
	assert_int_equal(made->status, TRANSACTION_CONFIRMED);
	assert_int_equal(made->amount.units, AMOUNT - PART);
	assert_int_equal(made->fee_rate, intent.fee_rate);
	assert_true(text_equal(made->tx_hash, TEXT("0xhash")));
	assert_true(text_equal(made->sender_address, TEXT("0xsender")));
	assert_true(text_equal(made->payment_address, TEXT("0xaddress")));
	assert_true(text_equal(made->currency, TEXT("usd")));
	assert_true(text_equal(made->chain, TEXT("base")));
	assert_true(text_equal(made->token, TEXT("0xtoken")));
	assert_true(text_equal(made->metadata, TEXT("packed")));
	assert_int_equal(made->log_index, 5);
	assert_int_equal(made->block_number, 77);
	assert_int_equal(made->confirmed.us, command.now.us);
	assert_int_equal(made->settled.us, 0);
	/* It is the one that confirmed the payment. */
	assert_true(text_equal(decision.intent.tx_hash, TEXT("0xhash")));
	assert_true(
	    text_equal(decision.intent.sender_address, TEXT("0xsender")));
	assert_int_equal(decision.intent.block_number, 77);
	assert_int_equal(decision.intent.confirmed.us, command.now.us);
	/* A part is not. */
	decide(&situations[0], &actions[2]);
	assert_int_equal(decision.intent.tx_hash.length, 0);
	assert_int_equal(decision.intent.confirmed.us, 0);
}

/* Each damage to a sound record of a state must show. */
static const struct {
	enum state stored;
	const char *words;
	int64_t received;
	struct coin_intent put; /* what is set is put in */
	bool clear;		/* all instants */
} damages[] = {
    {STATE_AWAITING_PAYMENT, "paid", .received = AMOUNT},
    {STATE_AWAITING_PAYMENT, "owing", .received = -1},
    {STATE_AWAITING_PAYMENT, "card's", .put.state = STATE_SUCCEEDED},
    {STATE_AWAITING_PAYMENT, "no state", .put.state = STATE_COUNT},
    {STATE_AWAITING_PAYMENT, "nothing due", .put.amount = {-1}},
    {STATE_AWAITING_PAYMENT, "over at once", .put.expires = {1}},
    {STATE_AWAITING_PAYMENT, "confirmed at", .put.confirmed = {1}},
    {STATE_AWAITING_PAYMENT, "cancelled at", .put.cancelled = {1}},
    {STATE_AWAITING_PAYMENT, "settled at", .put.settled = {1}},
    {STATE_CONFIRMED, "unpaid", .received = AMOUNT - 1},
    {STATE_CONFIRMED, "never", .received = AMOUNT, .clear = true},
    {STATE_CONFIRMED, "cancelled at", AMOUNT, .put.cancelled = {1}},
    {STATE_CONFIRMED, "settled at", AMOUNT, .put.settled = {1}},
    {STATE_EXPIRED, "confirmed at", .put.confirmed = {1}},
    {STATE_CANCELLED, "never", .clear = true},
    {STATE_CANCELLED, "confirmed at", .put.confirmed = {1}},
    {STATE_SETTLED, "unpaid", .received = AMOUNT - 1},
    {STATE_SETTLED, "never", .received = AMOUNT, .clear = true},
};

static void
make_damaged(size_t number)
{
	const struct coin_intent *put = &damages[number].put;

	make_intent(&(struct situation){
	    .stored = damages[number].stored,
	    .received = damages[number].received,
	});
	if (put->state != STATE_NONE)
		intent.state = put->state;
	if (put->amount.units != 0)
		intent.amount = put->amount;
	if (put->expires.us != 0)
		intent.expires = put->expires;
	if (put->confirmed.us != 0)
		intent.confirmed = put->confirmed;
	if (put->cancelled.us != 0)
		intent.cancelled = put->cancelled;
	if (put->settled.us != 0)
		intent.settled = put->settled;
	if (!damages[number].clear)
		return;
	intent.confirmed = INSTANT_NEVER;
	intent.cancelled = INSTANT_NEVER;
	intent.settled = INSTANT_NEVER;
}

static void
what_does_not_fit_together_is_not_consistent(void **state)
{
	(void)state;
	for (size_t i = 0; i < SITUATIONS; i++) {
		make_intent(&situations[i]);
		assert_true(coin_intent_is_consistent(&intent));
	}
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		make_damaged(i);
		if (coin_intent_is_consistent(&intent))
			fail_msg("%.*s, %s: taken as consistent",
			    TEXT_PRINT(
				name_text(&state_names, damages[i].stored)),
			    damages[i].words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_matrix_is_the_golden_file),
	    cmocka_unit_test(every_cell_is_the_contract_s),
	    cmocka_unit_test(it_expires_at_the_very_microsecond),
	    cmocka_unit_test(a_new_payment_is_what_was_asked_for),
	    cmocka_unit_test(a_transfer_says_what_the_chain_said),
	    cmocka_unit_test(what_does_not_fit_together_is_not_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
