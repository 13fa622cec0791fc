/*
 * The state machine: its whole matrix as a golden file, and the table of the
 * contract, transcribed by hand, which it must agree with.
 *
 * GOLDEN=write writes the golden file anew: read the difference then.
 */
#include "core/intent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_matrix.h"

#define GOLDEN_PATH "tests/unit/golden/intent_matrix.txt"

enum { GOLDEN_BYTES_MAX = 256 * 1024 };

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
	matrix_write(&buffer);
	assert_false(buffer.overflow);
	if (wish != NULL && strcmp(wish, "write") == 0)
		write_golden(buffer_text(&buffer));
	length = read_golden(golden, sizeof(golden));
	compare_lines((struct text){golden, length}, buffer_text(&buffer));
}

/* Sets of states and of refusals. */
#define S(state) (1u << STATE_##state)
#define R(error) (UINT64_C(1) << ERROR_##error)

_Static_assert(ERROR_COUNT <= 64, "a set of refusals is 64 bits");

/* A cell of the contract's table: where an action may lead to. */
struct cell {
	uint32_t to;	   /* with an effect; the status itself included */
	uint64_t refusals; /* with or without an effect */
};

enum { COLUMNS = 6 };

#define NEVER                                         \
	{                                             \
		0, R(PAYMENT_INTENT_UNEXPECTED_STATE) \
	}
#define TEXT_ONLY(state)                                     \
	{                                                    \
		S(state), R(PAYMENT_INTENT_UNEXPECTED_STATE) \
	}
#define NOT_SAID                               \
	{                                      \
		0, R(INVALID_STATE_TRANSITION) \
	}
/* What the engine can answer to confirm. */
#define ANSWERED                                                   \
	(S(SUCCEEDED) | S(REQUIRES_CAPTURE) | S(REQUIRES_ACTION) | \
	    S(PROCESSING) | S(REQUIRES_PAYMENT_METHOD))
#define UNANSWERED (R(CARD_DECLINED) | R(PAYMENT_NOT_INITIALIZED))

static const enum command_kind columns[COLUMNS] = {COMMAND_INTENT_CONFIRM,
    COMMAND_INTENT_CAPTURE, COMMAND_INTENT_CANCEL, COMMAND_INTENT_UPDATE,
    COMMAND_INTENT_REFUND, COMMAND_INTENT_NOTIFY};

/*
 * card.md, "PaymentIntent", row by row: confirm, capture, cancel, update,
 * refund, "engine says".  Where the engine cannot be reached later than for a
 * confirmation there is service_unavailable besides (README, section 8).
 */
static const struct cell table[STATE_COUNT][COLUMNS] = {
    [STATE_REQUIRES_PAYMENT_METHOD] =
	{
	    {ANSWERED, UNANSWERED | R(PAYMENT_INTENT_UNEXPECTED_STATE)},
	    NEVER,
	    {S(CANCELED), 0},
	    {S(REQUIRES_PAYMENT_METHOD) | S(REQUIRES_CONFIRMATION), 0},
	    NEVER,
	    NOT_SAID,
	},
    [STATE_REQUIRES_CONFIRMATION] =
	{
	    {ANSWERED, UNANSWERED},
	    NEVER,
	    {S(CANCELED), 0},
	    {S(REQUIRES_CONFIRMATION), 0},
	    NEVER,
	    NOT_SAID,
	},
    [STATE_PROCESSING] =
	{
	    NEVER,
	    NEVER,
	    NEVER,
	    TEXT_ONLY(PROCESSING),
	    NEVER,
	    {S(SUCCEEDED) | S(REQUIRES_CAPTURE) | S(REQUIRES_ACTION) |
		    S(REQUIRES_PAYMENT_METHOD),
		R(INVALID_STATE_TRANSITION)},
	},
    [STATE_REQUIRES_ACTION] =
	{
	    NEVER,
	    NEVER,
	    {S(CANCELED), R(SERVICE_UNAVAILABLE)},
	    TEXT_ONLY(REQUIRES_ACTION),
	    NEVER,
	    {S(SUCCEEDED) | S(REQUIRES_CAPTURE) | S(PROCESSING) |
		    S(REQUIRES_PAYMENT_METHOD),
		R(INVALID_STATE_TRANSITION)},
	},
    [STATE_REQUIRES_CAPTURE] =
	{
	    NEVER,
	    {S(SUCCEEDED), R(PARAMETER_INVALID) | R(SERVICE_UNAVAILABLE)},
	    {S(CANCELED), R(SERVICE_UNAVAILABLE)},
	    TEXT_ONLY(REQUIRES_CAPTURE),
	    NEVER,
	    {S(SUCCEEDED) | S(CANCELED), R(INVALID_STATE_TRANSITION)},
	},
    [STATE_SUCCEEDED] =
	{
	    NEVER,
	    NEVER,
	    NEVER,
	    TEXT_ONLY(SUCCEEDED),
	    {S(SUCCEEDED), R(PAYMENT_INTENT_UNEXPECTED_STATE) |
			       R(AMOUNT_TOO_LARGE) | R(SERVICE_UNAVAILABLE)},
	    NOT_SAID,
	},
    [STATE_CANCELED] =
	{
	    NEVER,
	    NEVER,
	    NEVER,
	    TEXT_ONLY(CANCELED),
	    NEVER,
	    NOT_SAID,
	},
};

static void
gather(const struct matrix_case *one, void *context)
{
	struct cell(*found)[COLUMNS] = context;

	for (size_t i = 0; i < COLUMNS; i++) {
		struct cell *cell = &found[one->state][i];

		if (columns[i] != one->action)
			continue;
		if (one->decision->acts)
			cell->to |= 1u << one->decision->intent.state;
		cell->refusals |= UINT64_C(1) << one->decision->error.id;
	}
}

static void
every_cell_is_the_contract_s(void **state)
{
	static struct cell found[STATE_COUNT][COLUMNS];

	(void)state;
	matrix_walk(gather, found);
	for (unsigned i = STATE_NONE + 1; i < STATE_COUNT; i++)
		for (unsigned j = 0; j < COLUMNS; j++) {
			uint64_t refusals = found[i][j].refusals & ~R(NONE);

			if (found[i][j].to == table[i][j].to &&
			    refusals == table[i][j].refusals)
				continue;
			fail_msg("%s, column %u: to %x, not %x; "
				 "refusals %llx, not %llx",
			    name_text(&state_names, i).bytes, j + 1,
			    found[i][j].to, table[i][j].to,
			    (unsigned long long)refusals,
			    (unsigned long long)table[i][j].refusals);
		}
}

static void
decide_again(const struct matrix_case *one, void *context)
{
	static struct intent_decision again;
	_Alignas(max_align_t) uint8_t memory[1024];
	struct arena arena;
	struct intent_question question = *one->question;

	(void)context;
	arena_init(&arena, memory, sizeof(memory));
	question.arena = &arena;
	intent_decide(&question, &again);
	assert_int_equal(again.error.id, one->decision->error.id);
	assert_string_equal(again.error.detail, one->decision->error.detail);
	assert_int_equal(again.acts, one->decision->acts);
	assert_int_equal(again.intent.state, one->decision->intent.state);
	assert_int_equal(again.intent.amount_received.units,
	    one->decision->intent.amount_received.units);
	assert_int_equal(again.charge.amount_refunded.units,
	    one->decision->charge.amount_refunded.units);
	assert_memory_equal(
	    again.events, one->decision->events, sizeof(again.events));
}

static void
the_same_question_has_the_same_decision(void **state)
{
	(void)state;
	matrix_walk(decide_again, NULL);
}

/* A refusal writes nothing, but for a declined card. */
static void
check_refusal(const struct matrix_case *one, void *context)
{
	const struct intent_decision *decision = one->decision;
	bool refused = decision->error.id != ERROR_NONE;
	bool declined = decision->error.id == ERROR_CARD_DECLINED;

	(void)context;
	assert_int_equal(decision->acts, !refused || declined);
	assert_int_equal(decision->error.decline != DECLINE_NONE, declined);
	if (!decision->acts) {
		assert_int_equal(decision->event_count, 0);
		assert_false(decision->charge_changed);
		assert_false(decision->refunded);
	}
}

static void
a_refusal_has_no_effect_unless_the_card_is_declined(void **state)
{
	(void)state;
	matrix_walk(check_refusal, NULL);
}

/* Where the engine is not asked, its answer must make no difference. */
static void
check_verdict(const struct matrix_case *one, void *context)
{
	static struct intent_decision other;
	struct intent_question question = *one->question;

	(void)context;
	/* A create is told whether the payment could be initialized. */
	if (one->action == COMMAND_INTENT_CREATE ||
	    intent_needs_verdict(&question))
		return;
	question.verdict = (struct verdict){ANSWER_NONE, DECLINE_NONE};
	intent_decide(&question, &other);
	assert_int_equal(other.error.id, one->decision->error.id);
	assert_int_equal(other.acts, one->decision->acts);
	assert_int_equal(other.intent.state, one->decision->intent.state);
}

static void
the_engine_is_asked_wherever_its_answer_matters(void **state)
{
	(void)state;
	matrix_walk(check_verdict, NULL);
}

static void
check_asking(const struct matrix_case *one, void *context)
{
	unsigned *asked = context;
	bool open = one->state == STATE_REQUIRES_PAYMENT_METHOD ||
		    one->state == STATE_REQUIRES_CONFIRMATION;

	if (!intent_needs_verdict(one->question))
		return;
	++*asked;
	/* Money moves in these alone. */
	assert_true((one->action == COMMAND_INTENT_CONFIRM && open) ||
		    (one->action == COMMAND_INTENT_CAPTURE &&
			one->state == STATE_REQUIRES_CAPTURE) ||
		    (one->action == COMMAND_INTENT_CANCEL &&
			(one->state == STATE_REQUIRES_CAPTURE ||
			    one->state == STATE_REQUIRES_ACTION)) ||
		    (one->action == COMMAND_INTENT_REFUND &&
			one->state == STATE_SUCCEEDED));
}

static void
the_engine_is_not_asked_for_what_would_be_refused(void **state)
{
	unsigned asked = 0;

	(void)state;
	matrix_walk(check_asking, &asked);
	assert_true(asked > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_matrix_is_the_golden_file),
	    cmocka_unit_test(every_cell_is_the_contract_s),
	    cmocka_unit_test(the_same_question_has_the_same_decision),
	    cmocka_unit_test(
		a_refusal_has_no_effect_unless_the_card_is_declined),
	    cmocka_unit_test(the_engine_is_asked_wherever_its_answer_matters),
	    cmocka_unit_test(the_engine_is_not_asked_for_what_would_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
