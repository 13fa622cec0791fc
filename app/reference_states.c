/*
 * The life of a payment intent in each contract, drawn from the rows of its
 * table: a mermaid diagram of what moves, and a table of every status and
 * action.
 */
#include "app/reference.h"

#include <assert.h>
#include <stdbool.h>

#include "core/coin_intent.h"
#include "core/intent.h"
#include "core/machine.h"

enum { ROWS_MAX = 256, ACTIONS_MAX = 16, LABEL_BYTES_MAX = 512 };

/* The rows that can be reached, in their order. */
struct rows {
	struct transition_words row[ROWS_MAX];
	unsigned count;
	struct text actions[ACTIONS_MAX]; /* in order of appearance */
	unsigned action_count;
	uint32_t states; /* that the machine has: 1 << enum state */
};

/* A machine, and what is not to be read from its rows. */
struct lifecycle {
	const struct machine *machine;
	enum contract_id contract; /* in whose words it refuses */
	const char *heading;
	const char *closing;
	/* Shows a row as readers see it; NULL: as it stands. */
	void (*show)(struct transition_words *row);
};

static void
put(struct buffer *markdown, const char *words)
{
	buffer_put_text(markdown, text_of(words));
}

static void
put_state(struct buffer *markdown, enum state state)
{
	buffer_put_text(markdown, name_text(&state_names, state));
}

static bool
is_cell(const struct transition_words *row, enum state from, struct text action)
{
	return row->from == from && text_equal(row->action, action);
}

/* True when a row before it, without a guard, takes everything. */
static bool
is_hidden(const struct rows *rows, const struct transition_words *row)
{
	for (unsigned i = 0; i < rows->count; i++)
		if (is_cell(&rows->row[i], row->from, row->action) &&
		    rows->row[i].guard.length == 0)
			return true;
	return false;
}

static void
add_action(struct rows *rows, struct text action)
{
	for (unsigned i = 0; i < rows->action_count; i++)
		if (text_equal(rows->actions[i], action))
			return;
	assert(rows->action_count < ACTIONS_MAX);
	rows->actions[rows->action_count++] = action;
}

/* Rows on their way into a lifecycle. */
struct gathering {
	const struct lifecycle *lifecycle;
	struct rows *rows;
};

static void
add_row(const struct transition_words *row, void *context)
{
	struct gathering *gathering = context;
	struct rows *rows = gathering->rows;
	struct transition_words shown = *row;

	if (gathering->lifecycle->show != NULL)
		gathering->lifecycle->show(&shown);
	if (is_hidden(rows, &shown))
		return;
	assert(rows->count < ROWS_MAX);
	rows->row[rows->count++] = shown;
	if (shown.from == STATE_NONE)
		return;
	add_action(rows, shown.action);
	rows->states |= 1u << shown.from;
}

/*
 * The rows are asked about the state at an instant, and tell what the sweeper
 * has written down from what it has not.  Readers see no such difference, and
 * what they see of time is where each state is once `expires` has come.
 */
static void
show_coin_row(struct transition_words *row)
{
	struct instant expires = instant_from_seconds(1);
	struct coin_intent intent = {
	    .state = (uint8_t)row->from, .expires = expires};

	if (text_starts(row->action, TEXT("time "))) {
		row->guard = TEXT("");
		row->to = coin_intent_state(&intent, expires);
		row->event_count = row->to == row->from ? 0 : row->event_count;
	}
	if (row->to != row->from)
		return;
	row->to = STATE_NONE;
	row->guard = TEXT("");
}

/* Something comes of it, even of a refusal: a card may be declined. */
static bool
acts(const struct transition_words *row)
{
	return row->refusal == ERROR_NONE || row->to != STATE_NONE;
}

/* Worth an arrow: the status changes, or somebody is told. */
static bool
is_arrow(const struct transition_words *row)
{
	return acts(row) && (row->to != STATE_NONE || row->event_count > 0);
}

static enum state
arrow_end(const struct transition_words *row)
{
	return row->to == STATE_NONE ? row->from : row->to;
}

static bool
is_arrow_between(
    const struct transition_words *row, enum state from, enum state to)
{
	return is_arrow(row) && row->from == from && arrow_end(row) == to;
}

/* What the engine says is where the arrow ends: no need to write it. */
static bool
guard_is_silent(struct text guard)
{
	return guard.length == 0 || text_starts(guard, TEXT("says "));
}

/* "confirm (approved, answers later)": an action and its guards. */
static void
put_action(struct buffer *markdown, const struct rows *rows,
    const struct transition_words *arrow)
{
	const char *separator = " (";
	bool silent = false;

	buffer_put_text(markdown, arrow->action);
	for (unsigned i = 0; i < rows->count; i++)
		if (is_arrow_between(
			&rows->row[i], arrow->from, arrow_end(arrow)) &&
		    text_equal(rows->row[i].action, arrow->action) &&
		    guard_is_silent(rows->row[i].guard))
			silent = true;
	for (unsigned i = 0; i < rows->count && !silent; i++) {
		if (!is_arrow_between(
			&rows->row[i], arrow->from, arrow_end(arrow)) ||
		    !text_equal(rows->row[i].action, arrow->action))
			continue;
		put(markdown, separator);
		buffer_put_text(markdown, rows->row[i].guard);
		separator = ", ";
	}
	put(markdown, silent ? "" : ")");
}

static void
put_end(struct buffer *markdown, enum state state)
{
	if (state == STATE_NONE)
		put(markdown, "[*]");
	else
		put_state(markdown, state);
}

/* All that leads from one status to another; empty where nothing does. */
static struct text
arrow_label(const struct rows *rows, enum state from, enum state to,
    char bytes[LABEL_BYTES_MAX])
{
	struct text last = TEXT_NONE;
	struct buffer label;

	buffer_init(&label, bytes, LABEL_BYTES_MAX);
	for (unsigned i = 0; i < rows->count; i++) {
		const struct transition_words *row = &rows->row[i];

		if (!is_arrow_between(row, from, to) ||
		    text_equal(row->action, last))
			continue;
		put(&label, last.length > 0 ? ", " : "");
		put_action(&label, rows, row);
		last = row->action;
	}
	assert(!label.overflow);
	return buffer_text(&label);
}

/*
 * True when a later status that `from` leads to has the same arrow: without
 * those drawn twice the eye can follow the rest.
 */
static bool
is_shared(
    const struct rows *rows, enum state from, enum state to, struct text label)
{
	char bytes[LABEL_BYTES_MAX];

	if (from == STATE_NONE)
		return false;
	for (unsigned i = from + 1u; i < STATE_COUNT; i++) {
		enum state next = (enum state)i;

		if (arrow_label(rows, from, next, bytes).length > 0 &&
		    text_equal(arrow_label(rows, next, to, bytes), label))
			return true;
	}
	return false;
}

static void
put_arrow(struct buffer *markdown, const struct rows *rows, enum state from,
    enum state to)
{
	char bytes[LABEL_BYTES_MAX];
	struct text label = arrow_label(rows, from, to, bytes);

	if (label.length == 0 || is_shared(rows, from, to, label))
		return;
	put(markdown, "    ");
	put_end(markdown, from);
	put(markdown, " --> ");
	put_end(markdown, to);
	put(markdown, " : ");
	buffer_put_text(markdown, label);
	put(markdown, "\n");
}

/* Nothing leads from it to another status. */
static bool
is_final(const struct rows *rows, enum state state)
{
	for (unsigned i = 0; i < rows->count; i++)
		if (rows->row[i].from == state && is_arrow(&rows->row[i]) &&
		    arrow_end(&rows->row[i]) != state)
			return false;
	return true;
}

static void
put_diagram(struct buffer *markdown, const struct rows *rows)
{
	put(markdown, "```mermaid\nstateDiagram-v2\n");
	for (unsigned from = STATE_NONE; from < STATE_COUNT; from++)
		for (unsigned to = STATE_NONE + 1; to < STATE_COUNT; to++)
			put_arrow(
			    markdown, rows, (enum state)from, (enum state)to);
	for (unsigned state = STATE_NONE + 1; state < STATE_COUNT; state++) {
		if ((rows->states & (1u << state)) == 0 ||
		    !is_final(rows, (enum state)state))
			continue;
		put(markdown, "    ");
		put_state(markdown, (enum state)state);
		put(markdown, " --> [*]\n");
	}
	put(markdown, "```\n");
}

/* Where an action leads from a status; a tick where that stays. */
static void
put_cell(struct buffer *markdown, const struct rows *rows, enum state from,
    struct text action)
{
	const struct transition_words *only = NULL;
	bool shown[STATE_COUNT] = {false};
	unsigned acting = 0;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct transition_words *row = &rows->row[i];

		if (!is_cell(row, from, action) || !acts(row))
			continue;
		only = row;
		acting++;
		if (shown[row->to])
			continue;
		put(markdown, acting > 1 ? ", " : "");
		if (row->to == STATE_NONE)
			put(markdown, "✓");
		else
			buffer_print(markdown, "`%.*s`",
			    TEXT_PRINT(name_text(&state_names, row->to)));
		shown[row->to] = true;
	}
	if (acting == 0)
		put(markdown, "✗");
	if (acting == 1 && only->to == STATE_NONE && only->guard.length > 0) {
		put(markdown, " ");
		buffer_put_text(markdown, only->guard);
	}
}

static void
put_table(struct buffer *markdown, const struct rows *rows)
{
	put(markdown, "\n| status |");
	for (unsigned i = 0; i < rows->action_count; i++)
		buffer_print(markdown, " %.*s |", TEXT_PRINT(rows->actions[i]));
	put(markdown, "\n| --- |");
	for (unsigned i = 0; i < rows->action_count; i++)
		put(markdown, " --- |");
	for (unsigned from = STATE_NONE + 1; from < STATE_COUNT; from++) {
		if ((rows->states & (1u << from)) == 0)
			continue;
		put(markdown, "\n| `");
		put_state(markdown, (enum state)from);
		put(markdown, "` |");
		for (unsigned i = 0; i < rows->action_count; i++) {
			put(markdown, " ");
			put_cell(
			    markdown, rows, (enum state)from, rows->actions[i]);
			put(markdown, " |");
		}
	}
	put(markdown, "\n");
}

/* The error of an action's last row, which refuses what is left. */
static enum error_id
final_refusal(const struct rows *rows, struct text action)
{
	enum error_id refusal = ERROR_NONE;

	for (unsigned i = 0; i < rows->count; i++)
		if (text_equal(rows->row[i].action, action) &&
		    !acts(&rows->row[i]))
			refusal = rows->row[i].refusal;
	return refusal;
}

static void
put_refused_actions(
    struct buffer *markdown, const struct rows *rows, enum error_id refusal)
{
	const char *separator = " for ";

	for (unsigned i = 0; i < rows->action_count; i++) {
		if (final_refusal(rows, rows->actions[i]) != refusal)
			continue;
		put(markdown, separator);
		buffer_put_text(markdown, rows->actions[i]);
		separator = ", ";
	}
}

/* What the crosses of the table are answered with. */
static void
put_legend(
    struct buffer *markdown, const struct rows *rows, enum contract_id contract)
{
	const char *separator = "\n✓ keeps the status. ✗ is refused: ";
	bool said[ERROR_COUNT] = {[ERROR_NONE] = true};

	for (unsigned i = 0; i < rows->action_count; i++) {
		enum error_id refusal = final_refusal(rows, rows->actions[i]);

		if (said[refusal])
			continue;
		said[refusal] = true;
		buffer_print(markdown, "%s`%.*s`", separator,
		    TEXT_PRINT(error_words(refusal, contract)->code));
		put_refused_actions(markdown, rows, refusal);
		separator = "; ";
	}
	put(markdown, ".\n");
}

static void
put_lifecycle(struct buffer *markdown, const struct lifecycle *lifecycle)
{
	static struct rows rows;
	struct gathering gathering = {lifecycle, &rows};

	rows = (struct rows){.count = 0};
	machine_visit(lifecycle->machine, add_row, &gathering);
	buffer_print(markdown, "### %s\n\n", lifecycle->heading);
	put_diagram(markdown, &rows);
	buffer_print(markdown, "\n%s\n", lifecycle->closing);
	put_table(markdown, &rows);
	put_legend(markdown, &rows, lifecycle->contract);
}

void
reference_states(struct buffer *markdown)
{
	static const struct lifecycle lifecycles[] = {
	    {
		.machine = &intent_machine,
		.contract = CONTRACT_CARD,
		.heading = "Cards",
		.closing =
		    "What a status has in common with a later one that it "
		    "leads to is drawn from there\nalone; the table has all "
		    "of it.",
	    },
	    {
		.machine = &coin_machine,
		.contract = CONTRACT_STABLE,
		.heading = "Stablecoins",
		.closing =
		    "A transfer that changes no status is recorded all the "
		    "same: as a part of what is due,\nor, once the payment "
		    "is not awaited any more, with `late: true`. Time needs "
		    "nobody to look: from\n`expires_at` on every reader sees "
		    "`expired`.",
		.show = show_coin_row,
	    },
	};

	put_lifecycle(markdown, &lifecycles[0]);
	put(markdown, "\n");
	put_lifecycle(markdown, &lifecycles[1]);
}
