/*
 * Random lives of webhook endpoints and their events against a model that
 * counts for itself: after each step every delivery is where the model has it,
 * and at the end nothing is left that was neither sent nor given up for a
 * reason.
 *
 * DELIVERY_SEED=number repeats a run (of a sequence that failed: the number
 * that was printed, with DELIVERY_SEQUENCES=1); DELIVERY_SEQUENCES=number makes
 * it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "delivery_model.h"
#include "engine/verify.h"
#include "engine_steps.h"
#include "post.h"
#include "store/memory.h"

enum {
	SEQUENCES = 150,
	STEPS = 120,
	MERCHANTS = 2,
	COURIERS = 3,
	ENDPOINTS = 6,
	DELIVERIES = STEPS * ENDPOINTS,
	DAY = 24 * 60 * 60,
};

static struct sequence {
	uint64_t seed;
	uint64_t random;
	unsigned step;
	struct till *till; /* NULL: all is well */
	struct id merchants[MERCHANTS];
	struct house houses[ENDPOINTS];
	unsigned house_count;
	struct parcel parcels[DELIVERIES];
	unsigned parcel_count;
} sequence;

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *value = getenv(variable);

	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

/* xorshift64*, after Vigna: enough for tests, and the same everywhere. */
static uint64_t
draw_bits(void)
{
	uint64_t random = sequence.random;

	random ^= random >> 12;
	random ^= random << 25;
	random ^= random >> 27;
	sequence.random = random;
	return random * 0x2545f4914f6cdd1d;
}

static unsigned
draw(unsigned bound)
{
	return (unsigned)((draw_bits() >> 33) % bound);
}

#define MUST(holds) must(holds, #holds, __LINE__)

static void
must(bool holds, const char *what, int line)
{
	if (!holds)
		fail_msg("line %d: %s", line, what);
}

static struct id
courier(unsigned number)
{
	return (struct id){{(uint8_t)number, 7}};
}

/* -- Endpoints ------------------------------------------------------------- */

static void
make_house(void)
{
	struct house house = {
	    .family = draw(2) == 0 ? FAMILY_CARD : FAMILY_COIN,
	    .merchant = draw(MERCHANTS + 1),
	    .status = ENDPOINT_ENABLED,
	};
	struct command *command;

	if (sequence.house_count == ENDPOINTS)
		return;
	if (house.family == FAMILY_CARD)
		house.merchant %= MERCHANTS;
	command = till_make(sequence.till, COMMAND_ENDPOINT_CREATE);
	command->scope.family = (uint8_t)house.family;
	if (house.merchant < MERCHANTS) {
		command->scope.merchant = sequence.merchants[house.merchant];
		command->scope.merchant_bound = true;
	}
	command->events = POST_ALL;
	till_keep(sequence.till, "https://shop.example/hook", &command->url);
	house.id = command->fresh;
	till_must(sequence.till, ERROR_NONE);
	sequence.houses[sequence.house_count++] = house;
}

/* One that is there, or NULL. */
static struct house *
draw_house(void)
{
	struct house *house;

	if (sequence.house_count == 0)
		return NULL;
	house = &sequence.houses[draw(sequence.house_count)];
	return house->status == HOUSE_GONE ? NULL : house;
}

static void
turn_house(void)
{
	struct house *house = draw_house();
	const bool enable = draw(3) > 0;
	struct command *command;

	if (house == NULL)
		return;
	command =
	    till_make_about(sequence.till, COMMAND_ENDPOINT_UPDATE, house->id);
	command->endpoint_status =
	    enable ? ENDPOINT_ENABLED : ENDPOINT_DISABLED;
	till_must(sequence.till, ERROR_NONE);
	house->status = command->endpoint_status;
	if (enable)
		house->failing = house->last = 0;
}

static void
delete_house(void)
{
	struct house *house = draw_house();

	if (house == NULL)
		return;
	till_make_about(sequence.till, COMMAND_ENDPOINT_DELETE, house->id);
	till_must(sequence.till, ERROR_NONE);
	house->status = HOUSE_GONE;
}

/* -- Events ---------------------------------------------------------------- */

/* The parcel of a row; it must be one. */
static struct parcel *
find_parcel(const struct due_delivery *row)
{
	for (unsigned i = 0; i < sequence.parcel_count; i++) {
		struct parcel *parcel = &sequence.parcels[i];

		if (id_equal(parcel->house->id, row->endpoint) &&
		    id_equal(parcel->event, row->event))
			return parcel;
	}
	must(false, "a row of nothing", __LINE__);
	return NULL;
}

static void
make_event(void)
{
	const unsigned merchant = draw(MERCHANTS);
	const enum family family = draw(2) == 0 ? FAMILY_CARD : FAMILY_COIN;
	struct id event =
	    family == FAMILY_CARD
		? post_card_event(sequence.till, sequence.merchants[merchant])
		: post_coin_event(sequence.till, sequence.merchants[merchant]);
	bool any = false;

	for (unsigned i = 0; i < sequence.house_count; i++) {
		struct house *house = &sequence.houses[i];

		if (house->status != ENDPOINT_ENABLED ||
		    house->family != family ||
		    (house->merchant < MERCHANTS &&
			house->merchant != merchant))
			continue;
		any = true;
		assert_true(sequence.parcel_count < DELIVERIES);
		sequence.parcels[sequence.parcel_count++] =
		    parcel_first(house, event, sequence.till->now.us);
	}
	MUST(sequence.till->outcome.delivers == any);
}

static struct parcel *
draw_parcel(void)
{
	/* Often a late one. */
	unsigned count = sequence.parcel_count;

	if (count == 0)
		return NULL;
	return &sequence.parcels[count - 1 -
				 draw(draw(2) == 0 ? count : count / 4 + 1)];
}

static void
resend(void)
{
	struct parcel *parcel = draw_parcel();
	const struct house *house;

	if (parcel == NULL)
		return;
	house = parcel->house;
	post_resend(sequence.till, parcel->event, house->id,
	    house->status == HOUSE_GONE ? ERROR_ENDPOINT_MISSING : ERROR_NONE);
	if (house->status != HOUSE_GONE)
		parcel_resend(parcel, sequence.till->now.us);
}

/* -- Couriers -------------------------------------------------------------- */

/* Whoever comes later gets nothing. */
static void
claim_row(const struct due_delivery *row)
{
	const unsigned holder = 1 + draw(COURIERS);
	const int64_t now = sequence.till->now.us;
	struct parcel *parcel = find_parcel(row);
	bool is_due = parcel_is_due(parcel, now);

	MUST(parcel->due == row->due.us);
	/* After the clock was set back the queue alone cannot tell for sure. */
	MUST(is_due || parcel->created > now);
	if (is_due)
		is_due = parcel_claim(parcel, holder, now);
	else
		parcel_look_at(parcel, now);
	post_claim(sequence.till, row, courier(holder));
	MUST((sequence.till->outcome.length > 0) == is_due);
	post_claim(sequence.till, row, courier(holder % COURIERS + 1));
	MUST(sequence.till->outcome.length == 0);
}

static void
claim(void)
{
	struct due_deliveries due = *post_due(sequence.till, 1 + draw(4));

	for (unsigned i = 0; i < due.count; i++)
		if (draw(4) > 0)
			claim_row(&due.rows[i]);
}

static struct due_delivery
row_of(const struct parcel *parcel)
{
	return (struct due_delivery){
	    .account = sequence.till->account,
	    .mode = sequence.till->scope.mode,
	    .endpoint = parcel->house->id,
	    .event = parcel->event,
	    .due = {parcel->due},
	};
}

/* A wait is up to a tenth longer than the contract says, and never shorter. */
static void
take_jitter(struct parcel *parcel)
{
	const int64_t now = sequence.till->now.us;
	struct delivery delivery;

	if (parcel->due == 0)
		return;
	MUST(post_get(
	    sequence.till, parcel->house->id, parcel->event, &delivery));
	MUST(delivery.due.us >= parcel->due);
	MUST(delivery.due.us <= parcel->due + (parcel->due - now) / 10);
	parcel->due = delivery.due.us;
}

/* By whoever holds it, or by one who thinks so. */
static void
end(void)
{
	const unsigned holder = 1 + draw(COURIERS);
	struct parcel *parcel = draw_parcel();
	const enum attempt_result result =
	    draw(3) == 0
		? ATTEMPT_SUCCEEDED
		: (enum attempt_result)(
		      ATTEMPT_SUCCEEDED + 1 +
		      draw(ATTEMPT_RESULT_COUNT - ATTEMPT_SUCCEEDED - 1));
	const struct attempt_report report = {
	    .begun = sequence.till->now, .result = result};
	struct due_delivery row;
	bool held;

	if (parcel == NULL || parcel->dropped)
		return;
	held = parcel->holder == holder && parcel->state == DELIVERY_PENDING;
	row = row_of(parcel);
	engine_end_delivery(sequence.till->engine, &row, courier(holder),
	    &report, draw_bits(), sequence.till->now, &sequence.till->command);
	till_must(sequence.till, ERROR_NONE);
	if (!held)
		return;
	parcel_end(parcel, result, sequence.till->now.us);
	take_jitter(parcel);
}

static void
release(void)
{
	const unsigned holder = 1 + draw(COURIERS);
	struct parcel *parcel = draw_parcel();
	struct due_delivery row;
	struct delivery delivery;

	if (parcel == NULL || parcel->dropped)
		return;
	row = row_of(parcel);
	post_release(sequence.till, &row, courier(holder));
	if (parcel->holder != holder || parcel->state != DELIVERY_PENDING)
		return;
	MUST(post_get(sequence.till, row.endpoint, row.event, &delivery));
	MUST(delivery.due.us <= sequence.till->now.us);
	parcel->holder = 0;
	parcel->due = delivery.due.us;
}

static void
pass_time(void)
{
	static const unsigned spans[] = {1, 70, 400, 10000, DAY, 5 * DAY};

	const int64_t span =
	    draw(spans[draw(sizeof(spans) / sizeof(spans[0]))]) + 1;

	/* Now and then the clock is set back. */
	till_pass_seconds(sequence.till, draw(12) == 0 ? -span : span);
}

/* -- What must hold -------------------------------------------------------- */

static void
check_all(void)
{
	unsigned rows = 0, queued = 0, attempts = 0;
	struct delivery delivery;

	for (unsigned i = 0; i < sequence.parcel_count; i++) {
		const struct parcel *parcel = &sequence.parcels[i];
		struct id endpoint = parcel->house->id;
		bool found =
		    post_get(sequence.till, endpoint, parcel->event, &delivery);

		MUST(found == !parcel->dropped);
		if (!found)
			continue;
		rows++;
		queued += parcel->due != 0;
		attempts += parcel->attempts;
		MUST(delivery.state == parcel->state);
		MUST(delivery.attempts == parcel->attempts);
		MUST(delivery.left == parcel->left);
		MUST(delivery.resent == parcel->resent);
		MUST(delivery.due.us == parcel->due);
		MUST(parcel->holder == 0
			 ? !id_is_set(delivery.holder)
			 : id_equal(delivery.holder, courier(parcel->holder)));
		MUST((parcel->state == DELIVERY_PENDING) == (parcel->due != 0));
	}
	MUST(till_rows(sequence.till, TABLE_DELIVERIES) == rows);
	MUST(till_rows(sequence.till, TABLE_DELIVERIES_DUE) == queued);
	MUST(till_rows(sequence.till, TABLE_ATTEMPTS) == attempts);
}

static void
check_houses(void)
{
	struct endpoint endpoint;

	for (unsigned i = 0; i < sequence.house_count; i++) {
		const struct house *house = &sequence.houses[i];
		bool found =
		    post_get_endpoint(sequence.till, house->id, &endpoint);

		MUST(found == (house->status != HOUSE_GONE));
		MUST(!found || endpoint.status == house->status);
		MUST(!found || endpoint.failing_since.us == house->failing);
	}
}

/* A finding_report; the till's merchants have no account's record. */
static void
count_finding(const struct finding *finding, void *context)
{
	unsigned *count = context;

	if (finding->table == TABLE_MERCHANTS)
		return;
	++*count;
	print_error("%s: %s\n", finding->row, finding->sentence.bytes);
}

/* One more courier that fails nowhere: nothing waits for ever. */
static void
deliver_all(void)
{
	struct due_deliveries due;
	unsigned rows;

	for (unsigned i = 0;; i++) {
		rows = till_rows(sequence.till, TABLE_DELIVERIES_DUE);
		if (rows == 0)
			return;
		MUST(i < 10 * DELIVERIES);
		due = *post_due(sequence.till, DUE_DELIVERIES_MAX);
		for (unsigned j = 0; j < due.count; j++) {
			post_claim(sequence.till, &due.rows[j], courier(9));
			if (sequence.till->outcome.length > 0)
				post_end(sequence.till, &due.rows[j],
				    courier(9), ATTEMPT_SUCCEEDED);
		}
		if (till_rows(sequence.till, TABLE_DELIVERIES_DUE) == rows)
			sequence.till->now = due.next;
	}
}

static void
check_end(void)
{
	struct verification_summary summary;
	struct delivery delivery;
	unsigned findings = 0;

	deliver_all();
	for (unsigned i = 0; i < sequence.parcel_count; i++) {
		const struct parcel *parcel = &sequence.parcels[i];
		const struct house *house = parcel->house;

		if (!post_get(
			sequence.till, house->id, parcel->event, &delivery)) {
			MUST(house->status == HOUSE_GONE);
			continue;
		}
		/* What was on its way arrived; what was over is as it was. */
		if (parcel->state != DELIVERY_PENDING)
			MUST(delivery.state == parcel->state);
		else if (house->status == ENDPOINT_ENABLED || parcel->resent)
			MUST(delivery.state == DELIVERY_SUCCEEDED);
		else
			MUST(delivery.state == DELIVERY_CANCELED);
	}
	MUST(verify_store(sequence.till->store, count_finding, &findings,
		 &summary) == STORE_OK);
	MUST(findings == 0);
}

/* -- Sequences ------------------------------------------------------------- */

static void
take_step(void)
{
	static void (*const steps[])(void) = {make_house, make_event,
	    make_event, make_event, claim, claim, claim, claim, end, end, end,
	    end, end, end, end, end, release, resend, turn_house, pass_time,
	    pass_time, pass_time, pass_time};
	const unsigned count = sizeof(steps) / sizeof(steps[0]);
	const unsigned step = draw(count + 1);

	if (step < count)
		steps[step]();
	else if (draw(4) == 0)
		delete_house();
}

static void
run_sequence(uint64_t seed)
{
	sequence = (struct sequence){
	    .seed = seed, .random = seed * 0x9e3779b97f4a7c15 | 1};
	sequence.till = till_open(memory_open());
	for (unsigned i = 0; i < MERCHANTS; i++)
		sequence.merchants[i] = till_merchant_plain(sequence.till);
	make_house();
	for (sequence.step = 0; sequence.step < STEPS; sequence.step++) {
		take_step();
		check_all();
		check_houses();
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
		print_error("in step %u of DELIVERY_SEED=%" PRIu64
			    " DELIVERY_SEQUENCES=1\n",
		    sequence.step, sequence.seed);
	return 0;
}

static void
everything_is_as_the_model_says_after_each_step(void **state)
{
	uint64_t seed =
	    number_of("DELIVERY_SEED", (uint64_t)time(NULL) * 100000);
	uint64_t count = number_of("DELIVERY_SEQUENCES", SEQUENCES);

	(void)state;
	print_message("DELIVERY_SEED=%" PRIu64 "\n", seed);
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
