/*
 * Random commands against the model of the contract, on the memory store.
 *
 * ENGINE_SEED=number repeats a run (of a sequence that failed: the number
 * that was printed, with ENGINE_SEQUENCES=1); ENGINE_SEQUENCES=number makes
 * it longer.
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

#include "core/bundle.h"
#include "core/codec.h"
#include "engine_model.h"
#include "engine_steps.h"
#include "store/memory.h"

/* Some seconds' worth; what is built to find errors is ten times slower. */
#if defined(__SANITIZE_ADDRESS__)
#define SEQUENCES 1000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEQUENCES 1000
#endif
#endif
#ifndef SEQUENCES
#define SEQUENCES 4000
#endif

enum {
	STEPS = 50,
	INTENTS_MAX = 6,
	CUSTOMERS_MAX = 4,
	KEPT_MAX = STEPS,
	AMOUNT_MAX = 1000,
};

/* A command with a key that was run, and what it came to. */
struct kept {
	struct command *command; /* owned; as short as it is */
	struct outcome *outcome; /* likewise */
	bool stored;
};

struct sequence {
	uint64_t seed;
	uint64_t random;
	unsigned step;
	struct world *world;
	struct model_intent intents[INTENTS_MAX];
	int intent_count;
	struct id customers[CUSTOMERS_MAX];
	bool deleted[CUSTOMERS_MAX];
	int customer_count;
	struct kept kept[KEPT_MAX];
	int kept_count;
	struct snapshot before;
};

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *value = getenv(variable);

	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

/* xorshift64*, after Vigna: enough for tests, and the same everywhere. */
static unsigned
draw(struct sequence *sequence, unsigned bound)
{
	uint64_t random = sequence->random;

	random ^= random >> 12;
	random ^= random << 25;
	random ^= random >> 27;
	sequence->random = random;
	return (unsigned)((random * 0x2545f4914f6cdd1d >> 33) % bound);
}

static bool
once_in(struct sequence *sequence, unsigned bound)
{
	return draw(sequence, bound) == 0;
}

/* Fails with what is needed to see it again. */
#define MUST(sequence, holds) must(sequence, holds, #holds, __LINE__)

static void
must(struct sequence *sequence, bool holds, const char *what, int line)
{
	if (!holds)
		fail_msg("line %d: %s\n  in step %u of "
			 "ENGINE_SEED=%" PRIu64 " ENGINE_SEQUENCES=1",
		    line, what, sequence->step, sequence->seed);
}

static void
must_be_error(
    struct sequence *sequence, enum error_id actual, enum error_id expected)
{
	if (actual != expected)
		print_error("error %d, expected %d (the order of errors.def)\n",
		    (int)actual, (int)expected);
	MUST(sequence, actual == expected);
}

/* Often an approval, so that sequences get far. */
static const char *
draw_method(struct sequence *sequence)
{
	unsigned count = 0;

	while (model_method(count) != NULL)
		count++;
	return model_method(draw(sequence, 2) == 0 ? 0 : draw(sequence, count));
}

static int
draw_customer(struct sequence *sequence, struct model_wish *wish)
{
	int customer =
	    (int)draw(sequence, (unsigned)sequence->customer_count + 1) - 1;

	wish->customer_gone = customer >= 0 && sequence->deleted[customer];
	return customer;
}

static struct model_wish
draw_wish(struct sequence *sequence, enum command_kind kind)
{
	struct model_wish wish = {
	    .kind = kind,
	    .customer = MODEL_CUSTOMER_KEEP,
	    .says = (enum state)(1 + draw(sequence, STATE_CANCELED)),
	};

	if (kind == COMMAND_INTENT_CREATE) {
		wish.amount = 1 + draw(sequence, AMOUNT_MAX);
		wish.manual = once_in(sequence, 2);
		wish.confirm = once_in(sequence, 2);
		wish.customer = draw_customer(sequence, &wish);
	} else if (kind == COMMAND_INTENT_UPDATE) {
		if (once_in(sequence, 2))
			wish.text = "a new text";
		if (once_in(sequence, 4))
			wish.customer = draw_customer(sequence, &wish);
		if (once_in(sequence, 4))
			wish.amount = 1 + draw(sequence, AMOUNT_MAX);
	} else if ((kind == COMMAND_INTENT_CAPTURE ||
		       kind == COMMAND_INTENT_REFUND) &&
		   !once_in(sequence, 3)) {
		wish.amount = 1 + draw(sequence, AMOUNT_MAX / 2);
	}
	if (kind != COMMAND_INTENT_UPDATE ? !once_in(sequence, 3)
					  : once_in(sequence, 4))
		wish.method = draw_method(sequence);
	return wish;
}

/* The wish as a command about `target`. */
static void
make_command(struct sequence *sequence, const struct model_wish *wish,
    const struct model_intent *target)
{
	struct command *command = world_make(sequence->world, wish->kind);
	bool creates = wish->kind == COMMAND_INTENT_CREATE;
	bool confirms = wish->kind == COMMAND_INTENT_CONFIRM;
	bool updates = wish->kind == COMMAND_INTENT_UPDATE;

	if (creates) {
		command_give(command, GIVEN_CURRENCY, "eur");
		command->capture_method =
		    wish->manual ? METHOD_MANUAL : METHOD_AUTOMATIC;
		command->confirm = wish->confirm;
	} else if (wish->kind == COMMAND_INTENT_REFUND &&
		   once_in(sequence, 2)) {
		/* POST /v1/refunds names the intent by parameter. */
		command_name(command, &command->intent, target->id);
	} else {
		command_name(command, &command->target, target->id);
	}
	if (wish->amount != 0)
		command_give_amount(command, wish->amount);
	if (wish->method != NULL && (creates || confirms || updates))
		command_give(command, GIVEN_PAYMENT_METHOD, wish->method);
	if (wish->text != NULL)
		command_give(command, GIVEN_DESCRIPTION, wish->text);
	if (wish->customer >= 0)
		command_give_customer(
		    command, sequence->customers[wish->customer]);
	else if (wish->customer == MODEL_CUSTOMER_NONE)
		command_give_customer(command, ID_NONE);
	command->status = (uint8_t)wish->says;
	command->decline = DECLINE_LOST_CARD;
	command->cancellation = CANCELLATION_ABANDONED;
}

/* One of three commands has a key; its number is of this sequence. */
static void
give_key(struct sequence *sequence)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "key %d", sequence->kept_count);
	command_give_key(&sequence->world->command, key, key);
}

static void
keep(struct sequence *sequence, bool stored)
{
	struct world *world = sequence->world;
	struct kept *kept = &sequence->kept[sequence->kept_count++];

	kept->stored = stored;
	kept->command = malloc(command_size(&world->command));
	kept->outcome = malloc(outcome_size(&world->outcome));
	assert_non_null(kept->command);
	assert_non_null(kept->outcome);
	memcpy(kept->command, &world->command, command_size(&world->command));
	memcpy(kept->outcome, &world->outcome, outcome_size(&world->outcome));
}

/*
 * What a command may have done to the tables: a refusal without effect
 * nothing, but for its idempotency record.
 */
static void
check_tables(struct sequence *sequence, bool acted, bool stored)
{
	struct snapshot after;

	snapshot_take(sequence->world->store, &after);
	if (!acted)
		MUST(sequence,
		    snapshot_equal_but_keys(&sequence->before, &after));
	MUST(sequence,
	    after.rows[TABLE_OUTCOMES] ==
		sequence->before.rows[TABLE_OUTCOMES] + (stored ? 1 : 0));
	MUST(sequence,
	    after.rows[TABLE_IDEMPOTENCY] ==
		sequence->before.rows[TABLE_IDEMPOTENCY] + (stored ? 1 : 0));
	sequence->before = after;
}

/* Runs world->command, perhaps with a key. */
static void
run(struct sequence *sequence, enum error_id expected)
{
	struct world *world = sequence->world;
	bool acts = expected == ERROR_NONE || expected == ERROR_CARD_DECLINED;
	bool stored;

	if (once_in(sequence, 3))
		give_key(sequence);
	stored = world->command.idempotent && model_keeps(expected);
	must_be_error(sequence, world_run(world)->error.id, expected);
	MUST(sequence, !world->outcome.replayed);
	MUST(sequence, acts || world->outcome.length == 0);
	if (world->command.idempotent)
		keep(sequence, stored);
	check_tables(sequence, acts, stored);
}

static void
check_charge(struct sequence *sequence, const struct charge *charge,
    const struct model_intent *model, bool latest)
{
	bool succeeded = charge->progress == PROGRESS_SUCCEEDED;
	bool taken = charge->amount_captured.units > 0;

	MUST(sequence, id_equal(charge->intent, model->id));
	MUST(sequence, charge->amount_captured.units <= charge->amount.units);
	MUST(sequence,
	    charge->amount_refunded.units <= charge->amount_captured.units);
	MUST(sequence, succeeded || !taken);
	/* What is not the last attempt has failed. */
	MUST(sequence, latest || charge->progress == PROGRESS_FAILED);
	if (!latest)
		return;
	MUST(sequence, charge->amount_captured.units == model->captured);
	MUST(sequence, charge->amount_refunded.units == model->refunded);
	MUST(
	    sequence, (charge->progress == PROGRESS_PENDING) == model->pending);
	if (model->held > 0)
		MUST(sequence, succeeded);
}

/* The sums over the intent's refunds are those of its charge. */
struct refunds {
	int64_t sum;
	int64_t count;
};

static bool
add_refund(struct text objects, void *context)
{
	struct refunds *refunds = context;
	struct refund refund;

	if (!bundle_find(objects, KIND_REFUND, 0, &refund))
		return false;
	if (refund.progress == PROGRESS_SUCCEEDED)
		refunds->sum += refund.amount.units;
	refunds->count++;
	return true;
}

static void
check_refunds(struct sequence *sequence, const struct model_intent *model)
{
	struct world *world = sequence->world;
	struct command *command =
	    world_make_list(world, KIND_REFUND, LIST_LIMIT_MAX);
	struct refunds refunds = {0};
	struct error error;
	struct page page;

	command_name(command, &command->intent, model->id);
	MUST(sequence, engine_list(world->engine, command, add_refund, &refunds,
			   &page, &error));
	MUST(sequence, !page.has_more);
	MUST(sequence, refunds.sum == model->refunded);
	MUST(sequence, refunds.count == page.count);
}

/* The engine's intent is the model's. */
static void
check_intent(struct sequence *sequence, const struct model_intent *model)
{
	struct world *world = sequence->world;
	struct intent intent = world_intent(world, model->id);
	struct id customer = model->customer < 0
				 ? ID_NONE
				 : sequence->customers[model->customer];
	/* The ten that are shown, and one that says that there are more. */
	unsigned shown = model->charges < INTENT_CHARGES_SHOWN_MAX + 1
			     ? model->charges
			     : INTENT_CHARGES_SHOWN_MAX + 1;
	struct charge charge;

	MUST(sequence, intent.state == model->state);
	MUST(sequence, intent.amount.units == model->amount);
	MUST(sequence, intent.amount_capturable.units == model->held);
	MUST(sequence, intent.amount_received.units == model->captured);
	MUST(sequence, intent.initialized == model->initialized);
	MUST(sequence, id_equal(intent.customer, customer));
	MUST(sequence,
	    text_equal(intent.payment_method, text_of(model->method)));
	MUST(sequence, intent.amount_received.units <= intent.amount.units);
	MUST(sequence, instant_is_set(intent.canceled) ==
			   (model->state == STATE_CANCELED));
	MUST(sequence, world_count(world, KIND_CHARGE) == shown);
	for (unsigned i = 0; i < shown; i++) {
		MUST(sequence, bundle_find(outcome_objects(&world->outcome),
				   KIND_CHARGE, i, &charge));
		check_charge(sequence, &charge, model, i == 0);
		if (i == 0)
			MUST(sequence,
			    id_equal(charge.id, intent.latest_charge));
	}
	check_refunds(sequence, model);
}

static void
step_create(struct sequence *sequence)
{
	struct model_intent *intent =
	    &sequence->intents[sequence->intent_count];
	struct model_wish wish = draw_wish(sequence, COMMAND_INTENT_CREATE);
	enum error_id expected;

	*intent = (struct model_intent){.state = STATE_NONE};
	expected = model_do(intent, &wish);
	MUST(sequence, model_may_become(STATE_NONE, intent->state) ||
			   intent->state == STATE_NONE);
	make_command(sequence, &wish, NULL);
	intent->id = sequence->world->command.fresh;
	run(sequence, expected);
	if (intent->state == STATE_NONE)
		return;
	sequence->intent_count++;
	check_intent(sequence, intent);
}

static void
step_change(struct sequence *sequence, enum command_kind kind)
{
	struct model_intent *intent =
	    &sequence
		 ->intents[draw(sequence, (unsigned)sequence->intent_count)];
	struct model_wish wish = draw_wish(sequence, kind);
	struct model_intent before = *intent;
	enum error_id expected = model_do(intent, &wish);

	MUST(sequence, model_may_become(before.state, intent->state));
	MUST(sequence,
	    before.captured == 0 || before.captured == intent->captured);
	MUST(sequence, intent->captured <= intent->amount);
	MUST(sequence, intent->refunded <= intent->captured);
	make_command(sequence, &wish, &before);
	run(sequence, expected);
	check_intent(sequence, intent);
}

static void
step_customer(struct sequence *sequence)
{
	int number =
	    (int)draw(sequence, (unsigned)sequence->customer_count + 1);
	bool deletes = once_in(sequence, 3);

	if (number == sequence->customer_count) {
		if (number == CUSTOMERS_MAX)
			return;
		command_give(
		    world_make(sequence->world, COMMAND_CUSTOMER_CREATE),
		    GIVEN_NAME, "Somebody");
		sequence->deleted[number] = false;
		sequence->customers[number] = sequence->world->command.fresh;
		sequence->customer_count++;
		run(sequence, ERROR_NONE);
		return;
	}
	(void)world_make_about(sequence->world,
	    deletes ? COMMAND_CUSTOMER_DELETE : COMMAND_CUSTOMER_UPDATE,
	    sequence->customers[number]);
	run(sequence,
	    sequence->deleted[number] ? ERROR_CUSTOMER_MISSING : ERROR_NONE);
	sequence->deleted[number] |= deletes;
}

/* The same bytes, but for the mark that it is a replay. */
static void
must_be_replay(struct sequence *sequence, const struct outcome *first)
{
	const struct outcome *now = &sequence->world->outcome;

	MUST(sequence, now->replayed);
	MUST(sequence, now->error.id == first->error.id);
	MUST(sequence, now->error.decline == first->error.decline);
	MUST(sequence, strcmp(now->error.param, first->error.param) == 0);
	MUST(sequence, strcmp(now->error.value, first->error.value) == 0);
	MUST(sequence, strcmp(now->error.detail, first->error.detail) == 0);
	MUST(
	    sequence, text_equal(outcome_objects(now), outcome_objects(first)));
}

/* An earlier key again: for the same request, or for another one. */
static void
step_repeat(struct sequence *sequence)
{
	struct world *world = sequence->world;
	const struct kept *kept =
	    &sequence->kept[draw(sequence, (unsigned)sequence->kept_count)];
	struct command *command = world_make(world, kept->command->kind);
	struct instant now = command->now;
	struct id fresh = command->fresh;
	bool other = once_in(sequence, 3);

	if (!kept->stored)
		return;
	memcpy(command, kept->command, command_size(kept->command));
	command->now = now;
	command->fresh = fresh;
	if (other)
		command->fingerprint.bytes[draw(sequence, DIGEST_BYTES)] ^= 1;
	(void)world_run(world);
	if (other)
		must_be_error(sequence, world->outcome.error.id,
		    ERROR_IDEMPOTENCY_KEY_REUSE);
	else
		must_be_replay(sequence, kept->outcome);
	MUST(sequence, !other || world->outcome.length == 0);
	check_tables(sequence, false, false);
}

static void
step(struct sequence *sequence)
{
	static const enum command_kind kinds[] = {COMMAND_INTENT_UPDATE,
	    COMMAND_INTENT_CONFIRM, COMMAND_INTENT_CONFIRM,
	    COMMAND_INTENT_CONFIRM, COMMAND_INTENT_CAPTURE,
	    COMMAND_INTENT_CAPTURE, COMMAND_INTENT_CANCEL,
	    COMMAND_INTENT_REFUND, COMMAND_INTENT_REFUND, COMMAND_INTENT_REFUND,
	    COMMAND_INTENT_NOTIFY, COMMAND_INTENT_NOTIFY};
	unsigned choice = draw(sequence, 20);

	if (choice < 3)
		step_customer(sequence);
	else if (choice < 6 && sequence->kept_count > 0)
		step_repeat(sequence);
	else if (sequence->intent_count == 0 ||
		 (choice < 8 && sequence->intent_count < INTENTS_MAX))
		step_create(sequence);
	else
		step_change(sequence,
		    kinds[draw(sequence, sizeof(kinds) / sizeof(kinds[0]))]);
}

static void
play(uint64_t seed)
{
	static struct sequence sequence;

	sequence = (struct sequence){
	    .seed = seed,
	    .random = (seed + 1) * 0x9e3779b97f4a7c15 | 1,
	    .world = world_open(memory_open()),
	};
	snapshot_take(sequence.world->store, &sequence.before);
	for (sequence.step = 1; sequence.step <= STEPS; sequence.step++)
		step(&sequence);
	for (int i = 0; i < sequence.intent_count; i++)
		check_intent(&sequence, &sequence.intents[i]);
	world_verify(sequence.world);
	for (int i = 0; i < sequence.kept_count; i++) {
		free(sequence.kept[i].command);
		free(sequence.kept[i].outcome);
	}
	world_close(sequence.world);
}

static void
whatever_is_asked_the_engine_does_what_the_contract_says(void **state)
{
	uint64_t seed = number_of("ENGINE_SEED", (uint64_t)time(NULL) << 16);
	uint64_t count = number_of("ENGINE_SEQUENCES", SEQUENCES);

	(void)state;
	print_message("ENGINE_SEED=%" PRIu64 "\n", seed);
	for (uint64_t i = 0; i < count; i++)
		play(seed + i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		whatever_is_asked_the_engine_does_what_the_contract_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
