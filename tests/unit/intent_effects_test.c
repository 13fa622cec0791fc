/*
 * What a decision does to the records, and what a refusal says, where the
 * matrix of intent_test.c does not show it.
 */
#include "core/intent_effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/metadata.h"

/* An intent and what it is asked, for what the matrix does not show. */
struct asking {
	struct intent intent;
	struct charge charge;
	struct command command;
	struct intent_question question;
	struct intent_decision decision;
	struct arena arena;
	_Alignas(max_align_t) uint8_t memory[METADATA_BYTES_MAX];
};

static struct asking *
ask(enum command_kind action, enum state state)
{
	static struct asking asking;
	bool taken = state == STATE_SUCCEEDED;

	asking.charge = (struct charge){
	    .id = {{2}},
	    .intent = {{1}},
	    .progress = PROGRESS_SUCCEEDED,
	    .amount = MONEY(1000),
	    .amount_captured = MONEY(taken ? 1000 : 0),
	};
	asking.intent = (struct intent){
	    .id = {{1}},
	    .state = (uint8_t)state,
	    .amount = MONEY(1000),
	    .amount_capturable =
		MONEY(state == STATE_REQUIRES_CAPTURE ? 1000 : 0),
	    .amount_received = MONEY(taken ? 1000 : 0),
	    .payment_method = TEXT("pm_card_visa"),
	    .initialized = true,
	};
	command_init(&asking.command, action);
	asking.command.now = instant_from_seconds(1767312000);
	asking.command.fresh = (struct id){{9}};
	arena_init(&asking.arena, asking.memory, sizeof(asking.memory));
	asking.question = (struct intent_question){
	    .action = action,
	    .intent = &asking.intent,
	    .command = &asking.command,
	    .verdict = {ANSWER_APPROVED, DECLINE_NONE},
	    .arena = &asking.arena,
	};
	if (taken || state == STATE_REQUIRES_CAPTURE) {
		asking.question.charge = &asking.charge;
		asking.intent.latest_charge = asking.charge.id;
	}
	return &asking;
}

static void
decide(struct asking *asking, enum error_id error)
{
	intent_decide(&asking->question, &asking->decision);
	assert_int_equal(asking->decision.error.id, error);
}

static void
each_reason_to_decline_is_kept(void **state)
{
	(void)state;
	for (unsigned i = DECLINE_NONE + 1; i < DECLINE_COUNT; i++) {
		struct asking *asking =
		    ask(COMMAND_INTENT_CONFIRM, STATE_REQUIRES_CONFIRMATION);

		asking->question.verdict =
		    (struct verdict){ANSWER_DECLINED, (enum decline)i};
		decide(asking, ERROR_CARD_DECLINED);
		assert_int_equal(asking->decision.error.decline, i);
		assert_int_equal(asking->decision.intent.last_decline, i);
		assert_int_equal(asking->decision.charge.decline, i);
	}
}

/* The test helper may leave the decline code out. */
static void
a_notice_of_failure_without_a_reason_is_a_generic_decline(void **state)
{
	struct asking *asking = ask(COMMAND_INTENT_NOTIFY, STATE_PROCESSING);

	(void)state;
	asking->command.status = STATE_REQUIRES_PAYMENT_METHOD;
	decide(asking, ERROR_NONE);
	assert_int_equal(asking->decision.intent.last_decline, DECLINE_GENERIC);
	assert_int_equal(asking->decision.charge.decline, DECLINE_GENERIC);
}

/* Of a notice that says how much was captured: found by tests/fuzz. */
static void
no_notice_captures_more_than_is_held(void **state)
{
	struct asking *asking =
	    ask(COMMAND_INTENT_NOTIFY, STATE_REQUIRES_CAPTURE);

	(void)state;
	asking->command.status = STATE_SUCCEEDED;
	asking->command.given = GIVEN_AMOUNT;
	asking->command.amount = MONEY(asking->intent.amount_capturable.units);
	decide(asking, ERROR_NONE);
	asking->command.amount.units++;
	decide(asking, ERROR_INVALID_STATE_TRANSITION);
	assert_false(asking->decision.acts);
}

static void
a_confirmation_forgets_the_last_decline(void **state)
{
	struct asking *asking =
	    ask(COMMAND_INTENT_CONFIRM, STATE_REQUIRES_CONFIRMATION);

	(void)state;
	asking->intent.last_decline = DECLINE_LOST_CARD;
	decide(asking, ERROR_NONE);
	assert_int_equal(asking->decision.intent.last_decline, DECLINE_NONE);
}

static void
must_say(const struct asking *asking, const char *sentence)
{
	char bytes[512];
	struct buffer message;

	buffer_init(&message, bytes, sizeof(bytes));
	error_message(&asking->decision.error, CONTRACT_CARD, &message);
	assert_true(message.length < sizeof(bytes));
	bytes[message.length] = '\0';
	assert_string_equal(bytes, sentence);
}

static void
a_refusal_names_the_status_and_those_that_allow_the_action(void **state)
{
	static const struct {
		enum command_kind action;
		enum state state;
		const char *sentence;
	} rows[] = {
	    {COMMAND_INTENT_CAPTURE, STATE_SUCCEEDED,
		"This payment intent cannot be captured while its status is "
		"succeeded; a status that allows it: requires_capture."},
	    {COMMAND_INTENT_CONFIRM, STATE_CANCELED,
		"This payment intent cannot be confirmed while its status is "
		"canceled; a status that allows it: requires_payment_method, "
		"requires_confirmation."},
	    {COMMAND_INTENT_CONFIRM, STATE_REQUIRES_PAYMENT_METHOD,
		"This payment intent cannot be confirmed while its status is "
		"requires_payment_method without a payment_method; a status "
		"that allows it: requires_confirmation."},
	    {COMMAND_INTENT_CANCEL, STATE_PROCESSING,
		"This payment intent cannot be canceled while its status is "
		"processing; a status that allows it: "
		"requires_payment_method, requires_confirmation, "
		"requires_action, requires_capture."},
	    {COMMAND_INTENT_REFUND, STATE_REQUIRES_CAPTURE,
		"This payment intent cannot be refunded while its status is "
		"requires_capture; a status that allows it: succeeded."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asking *asking = ask(rows[i].action, rows[i].state);

		decide(asking, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
		must_say(asking, rows[i].sentence);
	}
}

static void
other_refusals_name_what_would_be_right(void **state)
{
	struct asking *asking = ask(COMMAND_INTENT_REFUND, STATE_SUCCEEDED);

	(void)state;
	asking->command.given = GIVEN_AMOUNT;
	asking->command.amount = MONEY(701);
	asking->charge.amount_refunded = MONEY(300);
	decide(asking, ERROR_AMOUNT_TOO_LARGE);
	must_say(asking, "The refund exceeds what is left of the charge: 700.");

	asking->charge.amount_refunded = MONEY(1000);
	decide(asking, ERROR_PAYMENT_INTENT_UNEXPECTED_STATE);
	must_say(asking,
	    "This payment intent cannot be refunded while its status is "
	    "succeeded and nothing of it is left to refund.");

	asking = ask(COMMAND_INTENT_NOTIFY, STATE_CANCELED);
	asking->command.status = STATE_SUCCEEDED;
	decide(asking, ERROR_INVALID_STATE_TRANSITION);
	must_say(
	    asking, "The status cannot become 'succeeded' from 'canceled'.");
}

static void
metadata_is_merged_and_bounded(void **state)
{
	struct asking *asking = ask(COMMAND_INTENT_UPDATE, STATE_SUCCEEDED);
	char bytes[METADATA_PAIRS_MAX * 8];
	struct buffer before;
	struct text value;
	bool kept;

	(void)state;
	buffer_init(&before, bytes, sizeof(bytes));
	for (int i = 0; i < METADATA_PAIRS_MAX; i++) {
		char key[3] = {(char)('a' + i / 26), (char)('a' + i % 26), 0};

		metadata_put(&before, text_of(key), TEXT("old"));
	}
	asking->intent.metadata = buffer_text(&before);
	asking->command.given = GIVEN_METADATA;
	kept = command_keep(
	    &asking->command, TEXT("\2zz\1\0x"), &asking->command.metadata);
	assert_true(kept);
	decide(asking, ERROR_PARAMETER_INVALID);
	assert_string_equal(asking->decision.error.param, "metadata");
	assert_false(asking->decision.acts);

	/* One out, one in: still fifty. */
	kept = command_keep(&asking->command, TEXT("\2aa\0\0\2zz\1\0x"),
	    &asking->command.metadata);
	assert_true(kept);
	decide(asking, ERROR_NONE);
	value = asking->decision.intent.metadata;
	assert_int_equal(metadata_count(value), METADATA_PAIRS_MAX);
	assert_false(metadata_find(
	    asking->decision.intent.metadata, TEXT("aa"), &value));
	assert_true(metadata_find(
	    asking->decision.intent.metadata, TEXT("zz"), &value));
	assert_true(text_equal(value, TEXT("x")));
}

static void
a_full_arena_is_a_refusal_without_effect(void **state)
{
	struct asking *asking = ask(COMMAND_INTENT_UPDATE, STATE_SUCCEEDED);
	bool kept;

	(void)state;
	arena_init(&asking->arena, asking->memory, 1);
	asking->command.given = GIVEN_METADATA;
	kept = command_keep(
	    &asking->command, TEXT("\2zz\1\0x"), &asking->command.metadata);
	assert_true(kept);
	decide(asking, ERROR_SERVICE_UNAVAILABLE);
	assert_false(asking->decision.acts);
}

static void
sums_that_cannot_be_are_inconsistent(void **state)
{
	struct asking *asking = ask(COMMAND_INTENT_UPDATE, STATE_SUCCEEDED);
	struct intent intent = asking->intent;
	struct charge charge = asking->charge;

	(void)state;
	assert_true(intent_is_consistent(&intent, &charge));
	assert_false(intent_is_consistent(&intent, NULL));
	charge.amount_refunded = MONEY(1001);
	assert_false(intent_is_consistent(&intent, &charge));
	charge = asking->charge;
	charge.amount_captured = MONEY(999);
	assert_false(intent_is_consistent(&intent, &charge));
	charge = asking->charge;
	charge.progress = PROGRESS_PENDING;
	assert_false(intent_is_consistent(&intent, &charge));
	charge = asking->charge;
	intent.amount_received = MONEY(1001);
	assert_false(intent_is_consistent(&intent, &charge));
	intent = asking->intent;
	intent.amount_capturable = MONEY(1);
	assert_false(intent_is_consistent(&intent, &charge));
	intent = asking->intent;
	intent.state = STATE_REQUIRES_CAPTURE;
	assert_false(intent_is_consistent(&intent, &charge));
	intent = asking->intent;
	intent.latest_charge = (struct id){{5}};
	assert_false(intent_is_consistent(&intent, &charge));
	intent = asking->intent;
	intent.amount = MONEY_NONE;
	assert_false(intent_is_consistent(&intent, &charge));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_reason_to_decline_is_kept),
	    cmocka_unit_test(
		a_notice_of_failure_without_a_reason_is_a_generic_decline),
	    cmocka_unit_test(no_notice_captures_more_than_is_held),
	    cmocka_unit_test(a_confirmation_forgets_the_last_decline),
	    cmocka_unit_test(
		a_refusal_names_the_status_and_those_that_allow_the_action),
	    cmocka_unit_test(other_refusals_name_what_would_be_right),
	    cmocka_unit_test(metadata_is_merged_and_bounded),
	    cmocka_unit_test(a_full_arena_is_a_refusal_without_effect),
	    cmocka_unit_test(sums_that_cannot_be_are_inconsistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
