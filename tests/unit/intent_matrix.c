#include "intent_matrix.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/metadata.h"

enum {
	AMOUNT = 1000,
	REFUNDED_BEFORE = 400,
	BELOW = 100,
	VALUES_MAX = 8,
	DIMENSIONS_MAX = 4,
	CASES_MAX = 64, /* of one action in one situation */
	RESULT_BYTES = 512,
	ARENA_BYTES = 16 * 1024,
};

/* A status with what belongs to it. */
struct situation {
	enum state state;
	enum progress charge; /* PROGRESS_NONE: there is none */
	int64_t captured;
	int64_t refunded;
	const char *words;
};

static const struct situation situations[] = {
    {STATE_NONE, PROGRESS_NONE, 0, 0, "no intent yet"},
    {STATE_REQUIRES_PAYMENT_METHOD, PROGRESS_NONE, 0, 0, "no charge"},
    {STATE_REQUIRES_PAYMENT_METHOD, PROGRESS_FAILED, 0, 0, "charge failed"},
    {STATE_REQUIRES_CONFIRMATION, PROGRESS_NONE, 0, 0, "no charge"},
    {STATE_REQUIRES_CONFIRMATION, PROGRESS_FAILED, 0, 0, "charge failed"},
    {STATE_PROCESSING, PROGRESS_NONE, 0, 0, "no charge"},
    {STATE_PROCESSING, PROGRESS_PENDING, 0, 0, "charge pending"},
    {STATE_PROCESSING, PROGRESS_FAILED, 0, 0, "charge failed"},
    {STATE_REQUIRES_ACTION, PROGRESS_NONE, 0, 0, "no charge"},
    {STATE_REQUIRES_ACTION, PROGRESS_PENDING, 0, 0, "charge pending"},
    {STATE_REQUIRES_ACTION, PROGRESS_FAILED, 0, 0, "charge failed"},
    {STATE_REQUIRES_CAPTURE, PROGRESS_SUCCEEDED, 0, 0, "charge succeeded"},
    {STATE_SUCCEEDED, PROGRESS_SUCCEEDED, AMOUNT, 0, "nothing refunded"},
    {STATE_SUCCEEDED, PROGRESS_SUCCEEDED, AMOUNT, REFUNDED_BEFORE,
	"part refunded"},
    {STATE_SUCCEEDED, PROGRESS_SUCCEEDED, AMOUNT, AMOUNT, "all refunded"},
    {STATE_CANCELED, PROGRESS_NONE, 0, 0, "no charge"},
    {STATE_CANCELED, PROGRESS_FAILED, 0, 0, "charge failed"},
    {STATE_CANCELED, PROGRESS_SUCCEEDED, 0, 0, "charge released"},
};

enum { SITUATION_COUNT = sizeof(situations) / sizeof(situations[0]) };

/* What a scenario can differ in besides the situation. */
enum dimension {
	DIMENSION_NONE,
	DIMENSION_METHOD,
	DIMENSION_PAYMENT,
	DIMENSION_CAPTURE,
	DIMENSION_ENGINE,
	DIMENSION_AMOUNT,
	DIMENSION_FIELDS,
	DIMENSION_SAYS,
	DIMENSION_COUNT
};

static const struct {
	const char *name;
	unsigned count;
	const char *values[VALUES_MAX];
} dimensions[DIMENSION_COUNT] = {
    [DIMENSION_METHOD] = {"payment method", 2, {"absent", "given"}},
    [DIMENSION_PAYMENT] = {"payment", 2, {"initialized", "not initialized"}},
    [DIMENSION_CAPTURE] = {"capture method", 2, {"automatic", "manual"}},
    [DIMENSION_ENGINE] = {"engine", 5,
	{"approved", "declined", "action", "later", "unreachable"}},
    [DIMENSION_AMOUNT] = {"amount", 4, {"absent", "below", "equal", "above"}},
    [DIMENSION_FIELDS] = {"field", 8,
	{"none", "description", "metadata", "metadata cleared", "amount",
	    "currency", "customer", "payment_method"}},
    [DIMENSION_SAYS] = {"says", 7,
	{"requires_payment_method", "requires_confirmation", "processing",
	    "requires_action", "requires_capture", "succeeded", "canceled"}},
};

_Static_assert(
    STATE_CANCELED == 7, "the engine can say every status of a card payment");
_Static_assert(ANSWER_COUNT - 1 == 5, "the engine can give every answer");

static const struct action {
	enum command_kind kind;
	const char *name;
	enum dimension dimensions[DIMENSIONS_MAX]; /* DIMENSION_NONE ends */
} actions[] = {
    {COMMAND_INTENT_CREATE, "create",
	{DIMENSION_METHOD, DIMENSION_CAPTURE, DIMENSION_ENGINE}},
    {COMMAND_INTENT_CONFIRM, "confirm",
	{DIMENSION_METHOD, DIMENSION_PAYMENT, DIMENSION_ENGINE,
	    DIMENSION_CAPTURE}},
    {COMMAND_INTENT_CAPTURE, "capture", {DIMENSION_AMOUNT, DIMENSION_ENGINE}},
    {COMMAND_INTENT_CANCEL, "cancel", {DIMENSION_ENGINE}},
    {COMMAND_INTENT_UPDATE, "update", {DIMENSION_FIELDS}},
    {COMMAND_INTENT_REFUND, "refund", {DIMENSION_AMOUNT, DIMENSION_ENGINE}},
    {COMMAND_INTENT_NOTIFY, "notify", {DIMENSION_SAYS, DIMENSION_CAPTURE}},
};

enum { ACTION_COUNT = sizeof(actions) / sizeof(actions[0]) };

/* One question with all that it borrows. */
struct setting {
	struct intent intent;
	struct charge charge;
	struct command command;
	struct intent_question question;
	struct intent_decision decision;
	struct arena arena;
	_Alignas(max_align_t) uint8_t memory[ARENA_BYTES];
	unsigned values[DIMENSION_COUNT]; /* of the dimensions of the action */
};

static struct setting setting;

/* Alone in a create an intent is not there before; no other action is then. */
static bool
can_be_asked(const struct action *action, const struct situation *situation)
{
	return (situation->state == STATE_NONE) ==
	       (action->kind == COMMAND_INTENT_CREATE);
}

static unsigned
case_count(const struct action *action)
{
	unsigned count = 1;

	for (size_t i = 0; i < DIMENSIONS_MAX; i++)
		if (action->dimensions[i] != DIMENSION_NONE)
			count *= dimensions[action->dimensions[i]].count;
	assert(count <= CASES_MAX);
	return count;
}

static void
set_records(const struct situation *situation)
{
	bool has_method = situation->state != STATE_REQUIRES_PAYMENT_METHOD;
	bool holds = situation->state == STATE_REQUIRES_CAPTURE;

	setting.charge = (struct charge){
	    .id = {{2}},
	    .intent = {{1}},
	    .progress = (uint8_t)situation->charge,
	    .amount = MONEY(AMOUNT),
	    .amount_captured = MONEY(situation->captured),
	    .amount_refunded = MONEY(situation->refunded),
	    .currency = TEXT("eur"),
	    .payment_method = TEXT("pm_before"),
	};
	setting.intent = (struct intent){
	    .id = {{1}},
	    .state = (uint8_t)situation->state,
	    .amount = MONEY(AMOUNT),
	    .amount_capturable = MONEY(holds ? AMOUNT : 0),
	    .amount_received = MONEY(situation->captured),
	    .currency = TEXT("eur"),
	    .capture_method = setting.values[DIMENSION_CAPTURE] == 1
				  ? METHOD_MANUAL
				  : METHOD_AUTOMATIC,
	    .payment_method = has_method ? TEXT("pm_before") : TEXT_NONE,
	    .metadata = TEXT("\1a\1\0b"),
	    .initialized = setting.values[DIMENSION_PAYMENT] == 0,
	    .last_decline = situation->charge == PROGRESS_FAILED
				? DECLINE_EXPIRED_CARD
				: DECLINE_NONE,
	};
	if (situation->charge != PROGRESS_NONE)
		setting.intent.latest_charge = setting.charge.id;
}

static void
give(enum given given, struct text text, struct slice *slice)
{
	bool kept = command_keep(&setting.command, text, slice);

	assert(kept);
	setting.command.given |= given;
}

/* The amount that "equal" is: all that can be captured, or is left. */
static int64_t
whole_amount(const struct situation *situation)
{
	if (situation->state == STATE_SUCCEEDED)
		return situation->captured - situation->refunded;
	return AMOUNT;
}

static void
set_amount(const struct situation *situation)
{
	const int64_t amounts[] = {
	    0, BELOW, whole_amount(situation), whole_amount(situation) + 1};
	int64_t amount = amounts[setting.values[DIMENSION_AMOUNT]];

	if (setting.values[DIMENSION_AMOUNT] == 0)
		return;
	setting.command.given |= GIVEN_AMOUNT;
	/* What a request asks for is positive. */
	setting.command.amount = MONEY(amount > 0 ? amount : 1);
}

static void
set_fields(void)
{
	static const enum given given[] = {0, GIVEN_DESCRIPTION, GIVEN_METADATA,
	    GIVEN_METADATA_CLEARED, GIVEN_AMOUNT, GIVEN_CURRENCY,
	    GIVEN_CUSTOMER, GIVEN_PAYMENT_METHOD};
	struct command *command = &setting.command;

	command->given |= given[setting.values[DIMENSION_FIELDS]];
	if (command_has(command, GIVEN_DESCRIPTION))
		give(GIVEN_DESCRIPTION, TEXT("new"), &command->description);
	if (command_has(command, GIVEN_METADATA))
		give(GIVEN_METADATA, TEXT("\1c\1\0d"), &command->metadata);
	if (command_has(command, GIVEN_AMOUNT))
		command->amount = MONEY(AMOUNT - 1);
	if (command_has(command, GIVEN_CURRENCY))
		give(GIVEN_CURRENCY, TEXT("usd"), &command->currency);
	if (command_has(command, GIVEN_CUSTOMER))
		command->customer.id = (struct id){{3}};
	if (command_has(command, GIVEN_PAYMENT_METHOD))
		give(GIVEN_PAYMENT_METHOD, TEXT("pm_given"),
		    &command->payment_method);
}

static void
set_command(const struct action *action, const struct situation *situation)
{
	struct command *command = &setting.command;

	command_init(command, action->kind);
	command->now = instant_from_seconds(1767312000);
	command->fresh = (struct id){{9}};
	command->decline = DECLINE_LOST_CARD;
	command->cancellation = CANCELLATION_DUPLICATE;
	command->status = (uint8_t)(setting.values[DIMENSION_SAYS] + 1);
	set_amount(situation);
	if (action->kind == COMMAND_INTENT_UPDATE)
		set_fields();
	if (setting.values[DIMENSION_METHOD] == 1)
		give(GIVEN_PAYMENT_METHOD, TEXT("pm_given"),
		    &command->payment_method);
	if (action->kind != COMMAND_INTENT_CREATE)
		return;
	command->given |= GIVEN_AMOUNT;
	command->amount = MONEY(AMOUNT);
	command->capture_method = setting.values[DIMENSION_CAPTURE] == 1
				      ? METHOD_MANUAL
				      : METHOD_AUTOMATIC;
	give(GIVEN_CURRENCY, TEXT("eur"), &command->currency);
}

/* Asks the question with this number and has it decided. */
static void
decide(const struct action *action, const struct situation *situation,
    unsigned number)
{
	struct intent_question *question = &setting.question;

	memset(setting.values, 0, sizeof(setting.values));
	for (size_t i = DIMENSIONS_MAX; i-- > 0;) {
		enum dimension dimension = action->dimensions[i];

		if (dimension == DIMENSION_NONE)
			continue;
		setting.values[dimension] =
		    number % dimensions[dimension].count;
		number /= dimensions[dimension].count;
	}
	set_records(situation);
	set_command(action, situation);
	arena_init(&setting.arena, setting.memory, sizeof(setting.memory));
	*question = (struct intent_question){
	    .action = action->kind,
	    .command = &setting.command,
	    .verdict = {(enum answer)(setting.values[DIMENSION_ENGINE] + 1),
		DECLINE_NONE},
	    .arena = &setting.arena,
	};
	if (question->verdict.answer == ANSWER_DECLINED)
		question->verdict.decline = DECLINE_STOLEN_CARD;
	if (situation->state != STATE_NONE)
		question->intent = &setting.intent;
	if (situation->charge != PROGRESS_NONE)
		question->charge = &setting.charge;
	intent_decide(question, &setting.decision);
}

void
matrix_walk(matrix_visit *visit, void *context)
{
	for (size_t i = 0; i < SITUATION_COUNT; i++)
		for (size_t j = 0; j < ACTION_COUNT; j++) {
			const struct matrix_case one = {
			    .state = situations[i].state,
			    .action = actions[j].kind,
			    .question = &setting.question,
			    .decision = &setting.decision,
			};

			if (!can_be_asked(&actions[j], &situations[i]))
				continue;
			for (unsigned k = 0; k < case_count(&actions[j]); k++) {
				decide(&actions[j], &situations[i], k);
				visit(&one, context);
			}
		}
}

static void
write_number(struct buffer *to, const char *name, int64_t before, int64_t after)
{
	if (before != after)
		buffer_print(to, ", %s %lld>%lld", name, (long long)before,
		    (long long)after);
}

static void
write_text(
    struct buffer *to, const char *name, struct text before, struct text after)
{
	if (!text_equal(before, after))
		buffer_print(to, ", %s '%.*s'", name, TEXT_PRINT(after));
}

static void
write_intent(struct buffer *to, const struct intent *before)
{
	const struct intent *after = &setting.decision.intent;

	buffer_print(
	    to, " -> %.*s", TEXT_PRINT(name_text(&state_names, after->state)));
	write_number(to, "amount", before->amount.units, after->amount.units);
	write_number(to, "capturable", before->amount_capturable.units,
	    after->amount_capturable.units);
	write_number(to, "received", before->amount_received.units,
	    after->amount_received.units);
	write_text(to, "currency", before->currency, after->currency);
	write_text(to, "method", before->payment_method, after->payment_method);
	write_text(to, "description", before->description, after->description);
	write_number(to, "metadata", metadata_count(before->metadata),
	    metadata_count(after->metadata));
	if (!id_equal(before->customer, after->customer))
		buffer_print(to, ", customer");
	if (before->initialized != after->initialized)
		buffer_print(to, ", initialized");
	write_text(to, "last decline",
	    name_text(&decline_names, before->last_decline),
	    name_text(&decline_names, after->last_decline));
	write_text(to, "cancellation",
	    name_text(&cancellation_names, before->cancellation),
	    name_text(&cancellation_names, after->cancellation));
	if (before->canceled.us != after->canceled.us)
		buffer_print(to, ", canceled at");
}

static void
write_charge(struct buffer *to)
{
	const struct charge *after = &setting.decision.charge;
	bool fresh = setting.question.charge == NULL ||
		     !id_equal(after->id, setting.charge.id);
	struct charge before = fresh ? (struct charge){0} : setting.charge;

	buffer_print(to, "; %s charge %.*s", fresh ? "new" : "its",
	    TEXT_PRINT(name_text(&progress_names, after->progress)));
	write_number(to, "captured", before.amount_captured.units,
	    after->amount_captured.units);
	write_number(to, "refunded", before.amount_refunded.units,
	    after->amount_refunded.units);
	write_text(to, "method", before.payment_method, after->payment_method);
	write_text(to, "decline", name_text(&decline_names, before.decline),
	    name_text(&decline_names, after->decline));
}

/* What the decision is, in words. */
static void
write_result(char to[RESULT_BYTES])
{
	const struct intent_decision *decision = &setting.decision;
	struct intent nothing = {0};
	struct buffer buffer;

	buffer_init(&buffer, to, RESULT_BYTES - 1);
	if (decision->error.id != ERROR_NONE)
		buffer_print(&buffer, " refused %.*s",
		    TEXT_PRINT(
			error_words(decision->error.id, CONTRACT_CARD)->code));
	if (decision->error.decline != DECLINE_NONE)
		buffer_print(&buffer, " (%.*s)",
		    TEXT_PRINT(
			name_text(&decline_names, decision->error.decline)));
	if (decision->acts)
		write_intent(&buffer, setting.question.intent == NULL
					  ? &nothing
					  : &setting.intent);
	if (decision->acts && decision->charge_changed)
		write_charge(&buffer);
	if (decision->acts && decision->refunded)
		buffer_print(&buffer, "; refund %.*s of %lld",
		    TEXT_PRINT(
			name_text(&progress_names, decision->refund.progress)),
		    (long long)decision->refund.amount.units);
	for (unsigned i = 0; i < decision->event_count; i++)
		buffer_print(&buffer, "%s %.*s", i == 0 ? "; events" : "",
		    TEXT_PRINT(name_text(&event_names, decision->events[i])));
	assert(!buffer.overflow);
	to[buffer.length] = '\0';
}

/* One action in one situation, on its way into text. */
struct block {
	const struct action *action;
	struct buffer *to;
	char results[CASES_MAX][RESULT_BYTES];
};

static bool
same_results(const struct block *block, unsigned a, unsigned b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(block->results[a + i], block->results[b + i]) != 0)
			return false;
	return true;
}

/*
 * Writes the `count` results from `first` on, which differ in the dimensions
 * from `depth` on; `path` names the values of those before.
 */
static void
write_branch(const struct block *block, size_t depth, unsigned first,
    unsigned count, const char *path)
{
	enum dimension dimension = depth < DIMENSIONS_MAX
				       ? block->action->dimensions[depth]
				       : DIMENSION_NONE;
	unsigned values = dimensions[dimension].count;
	bool written[VALUES_MAX] = {false};

	if (dimension == DIMENSION_NONE) {
		buffer_print(block->to, "    %s:%s\n",
		    *path == '\0' ? "always" : path, block->results[first]);
		return;
	}
	count /= values;
	for (unsigned i = 0; i < values; i++) {
		char longer[RESULT_BYTES];
		unsigned alike = 0;
		int end = snprintf(longer, sizeof(longer), "%s%s%s", path,
		    *path == '\0' ? "" : ", ", dimensions[dimension].name);

		if (written[i])
			continue;
		for (unsigned j = i; j < values; j++) {
			if (!same_results(block, first + i * count,
				first + j * count, count))
				continue;
			written[j] = true;
			alike++;
			end +=
			    snprintf(longer + end, sizeof(longer) - (size_t)end,
				"%s%s", alike == 1 ? " " : "|",
				dimensions[dimension].values[j]);
			assert((size_t)end < sizeof(longer));
		}
		write_branch(block, depth + 1, first + i * count, count,
		    alike == values ? path : longer);
	}
}

void
matrix_write(struct buffer *to)
{
	static struct block block;

	block.to = to;
	for (size_t i = 0; i < SITUATION_COUNT; i++) {
		const struct situation *situation = &situations[i];

		buffer_print(to, "%s%.*s, %s\n", i == 0 ? "" : "\n",
		    TEXT_PRINT(situation->state == STATE_NONE
				   ? TEXT("before")
				   : name_text(&state_names, situation->state)),
		    situation->words);
		for (size_t j = 0; j < ACTION_COUNT; j++) {
			unsigned count = case_count(&actions[j]);

			if (!can_be_asked(&actions[j], situation))
				continue;
			block.action = &actions[j];
			for (unsigned k = 0; k < count; k++) {
				decide(&actions[j], situation, k);
				write_result(block.results[k]);
			}
			buffer_print(to, "  %s\n", actions[j].name);
			write_branch(&block, 0, 0, count, "");
		}
	}
}
