/*
 * The audit log's rows: an outbox.  A line is written in the transaction of
 * its cause, so that there is neither without the other; it leaves the store
 * when it is known to be in the file (app/audit_file.h).
 *
 * META's row of the log is what the next line's number and hash come from.
 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "core/audit.h"
#include "engine/work.h"

/* What a command is called in the log; the others write no line. */
static const struct text names[COMMAND_COUNT] = {
#define NAME(command, word) [COMMAND_##command] = {word, sizeof(word) - 1}
    NAME(INTENT_CREATE, "intent_create"),
    NAME(INTENT_UPDATE, "intent_update"),
    NAME(INTENT_CONFIRM, "intent_confirm"),
    NAME(INTENT_CAPTURE, "intent_capture"),
    NAME(INTENT_CANCEL, "intent_cancel"),
    NAME(INTENT_REFUND, "intent_refund"),
    NAME(INTENT_NOTIFY, "intent_notify"),
    NAME(INTENT_ANSWER, "intent_answer"),
    NAME(COIN_CREATE, "coin_create"),
    NAME(COIN_CANCEL, "coin_cancel"),
    NAME(COIN_TRANSFER, "coin_transfer"),
    NAME(COIN_SETTLE, "coin_settle"),
    NAME(COIN_EXPIRE, "coin_expire"),
    NAME(CUSTOMER_CREATE, "customer_create"),
    NAME(CUSTOMER_UPDATE, "customer_update"),
    NAME(CUSTOMER_DELETE, "customer_delete"),
    NAME(KEY_CREATE, "key_create"),
    NAME(KEY_REVOKE, "key_revoke"),
    NAME(KEY_ROLL, "key_roll"),
    NAME(ENDPOINT_CREATE, "endpoint_create"),
    NAME(ENDPOINT_ANSWER, "endpoint_create"),
    NAME(ENDPOINT_UPDATE, "endpoint_update"),
    NAME(ENDPOINT_DELETE, "endpoint_delete"),
    NAME(ENDPOINT_ROTATE, "endpoint_rotate"),
    NAME(ENDPOINT_TEST, "endpoint_test"),
    NAME(DELIVERY_END, "endpoint_disable"),
    NAME(DELIVERY_RESEND, "delivery_resend"),
    NAME(EVENTS_FORGET, "events_forget"),
    NAME(ACCOUNT_CREATE, "account_create"),
    NAME(MERCHANT_CREATE, "merchant_create"),
    NAME(MERCHANT_STATUS, "merchant_status"),
#undef NAME
};

struct text
audit_name(enum command_kind kind)
{
	assert(names[kind].length > 0);
	return names[kind];
}

enum { LINK_BYTES = 8 + DIGEST_BYTES };

_Static_assert((int)AUDIT_STATE_BYTES == 2 * (int)LINK_BYTES,
    "a row of META has two links");

/* -- What is known of the log ---------------------------------------------- */

static void
put_link(uint8_t to[LINK_BYTES], const struct audit_link *link)
{
	bytes_put_le64(to, link->sequence);
	memcpy(to + 8, link->hash.bytes, DIGEST_BYTES);
}

static void
get_link(const char *from, struct audit_link *link)
{
	link->sequence = bytes_get_le64((const uint8_t *)from);
	memcpy(link->hash.bytes, from + 8, DIGEST_BYTES);
}

bool
audit_state_parse(struct text row, struct audit_state *state)
{
	if (row.length != AUDIT_STATE_BYTES)
		return false;
	get_link(row.bytes, &state->head);
	get_link(row.bytes + LINK_BYTES, &state->copied);
	return state->copied.sequence <= state->head.sequence &&
	       state->head.sequence <= INT64_MAX;
}

enum store_result
audit_get_state(struct transaction *transaction, struct audit_state *state)
{
	enum store_result result;
	struct text row;

	*state = (struct audit_state){0};
	result = store_get(transaction, TABLE_META, AUDIT_KEY, &row);
	/* Else the log would begin anew without a word. */
	if (result == STORE_MISSING)
		return STORE_DAMAGED;
	if (result != STORE_OK)
		return result;
	return audit_state_parse(row, state) ? STORE_OK : STORE_DAMAGED;
}

static enum store_result
put_state(struct transaction *transaction, const struct audit_state *state)
{
	uint8_t bytes[AUDIT_STATE_BYTES];

	assert(state->copied.sequence <= state->head.sequence);
	put_link(bytes, &state->head);
	put_link(bytes + LINK_BYTES, &state->copied);
	return store_put(transaction, TABLE_META, AUDIT_KEY,
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

enum store_result
audit_put_first_state(struct transaction *transaction)
{
	const struct audit_state state = {0};

	return put_state(transaction, &state);
}

/* -- Lines ----------------------------------------------------------------- */

/* Who did it: the engine outside; who sent the command; this process. */
static struct text
actor_of(const struct work *work)
{
	const struct command *command = work->command;

	if (command->kind == COMMAND_INTENT_ANSWER)
		return TEXT("engine");
	if (command->actor.length > 0)
		return command_text(command, command->actor);
	if (work->engine->actor.length > 0)
		return work->engine->actor;
	return TEXT("unknown");
}

static const char *
prefix_of(enum kind kind)
{
	return kind == KIND_NONE ? "" : record_type(kind)->prefix;
}

static void
put_members(struct audit_line *line, const struct work *work,
    const struct change *change)
{
	const struct command *command = work->command;
	const struct scope *scope = &command->scope;

	audit_put_word(line, TEXT("who"), actor_of(work));
	audit_put_word(line, TEXT("what"),
	    change->what.length > 0 ? change->what : audit_name(command->kind));
	audit_put_id(
	    line, TEXT("account"), prefix_of(KIND_ACCOUNT), scope->account);
	audit_put_word(line, TEXT("mode"), name_text(&mode_names, scope->mode));
	audit_put_id(
	    line, TEXT("merchant"), prefix_of(KIND_MERCHANT), change->merchant);
	audit_put_id(
	    line, TEXT("object"), prefix_of(change->kind), change->object);
	audit_put_word(line, TEXT("from"), change->from);
	audit_put_word(line, TEXT("to"), change->to);
	if (change->unit.length > 0)
		audit_put_number(line, change->unit, change->amount.units);
	audit_put_word(line, TEXT("currency"), change->currency);
	audit_put_id(
	    line, TEXT("made"), prefix_of(change->made_kind), change->made);
	audit_put_word(line, TEXT("detail"), change->detail);
	audit_put_word(
	    line, TEXT("request"), command_text(command, command->request));
}

enum store_result
work_audit(struct work *work, const struct change *change)
{
	enum store_result result;
	struct audit_state state;
	struct audit_line line;
	struct store_key key;
	struct text text;

	result = audit_get_state(work->transaction, &state);
	if (result != STORE_OK)
		return result;
	audit_begin(&line, &state.head, command_asked(work->command));
	put_members(&line, work, change);
	text = audit_end(&line, &state.head);
	key = key_of_audit(state.head.sequence);
	work->wrote = true;
	result =
	    store_put(work->transaction, TABLE_AUDIT, key_text(&key), text);
	return result == STORE_OK ? put_state(work->transaction, &state)
				  : result;
}

enum store_result
audit_note(struct work *work)
{
	const struct command *command = work->command;
	const struct change change = {
	    .what = command_text(command, command->name),
	    .detail = command_text(command, command->description),
	};

	work->decided = true;
	return work_audit(work, &change);
}

void
engine_audit_note_command(const struct engine *engine, struct instant now,
    struct text what, struct text detail, struct command *command)
{
	bool kept;

	assert(what.length > 0);
	if (detail.length > AUDIT_WORD_BYTES_MAX)
		detail.length = AUDIT_WORD_BYTES_MAX;
	command_init(command, COMMAND_AUDIT_NOTE);
	command->now = now;
	kept = command_keep(command, engine->actor, &command->actor) &&
	       command_keep(command, what, &command->name) &&
	       command_keep(command, detail, &command->description);
	assert(kept);
}

enum error_id
engine_audit_note(struct engine *engine, struct instant now, struct text what,
    struct text detail)
{
	engine_audit_note_command(engine, now, what, detail, engine->notice);
	engine_apply(engine, engine->notice, engine->swept);
	return engine->swept->error.id;
}

enum store_result
engine_audit(struct engine *engine, struct transaction *transaction,
    struct instant now, struct text what, struct text detail)
{
	bool wrote;

	engine_audit_note_command(engine, now, what, detail, engine->notice);
	return engine_execute(
	    engine, transaction, engine->notice, engine->swept, &wrote);
}

/* -- Lines that are in the file -------------------------------------------- */

/* Whether the store has this very line. */
static enum store_result
find_line(struct work *work, const struct audit_link *link, bool *found)
{
	struct store_key key = key_of_audit(link->sequence);
	struct digest previous;
	enum store_result result;
	struct audit_link own;
	struct text line;

	*found = false;
	result =
	    store_get(work->transaction, TABLE_AUDIT, key_text(&key), &line);
	if (result == STORE_MISSING)
		return STORE_OK;
	if (result != STORE_OK)
		return result;
	if (audit_read(line, &own, &previous) != AUDIT_OK)
		return STORE_DAMAGED;
	*found = audit_link_equal(&own, link);
	return STORE_OK;
}

static enum store_result
delete_lines(struct work *work, uint64_t first, uint64_t last)
{
	enum store_result result = STORE_OK;

	assert(last - first < AUDIT_FORGOTTEN_MAX);
	for (uint64_t i = first; result == STORE_OK && i <= last; i++) {
		struct store_key key = key_of_audit(i);

		result = store_delete(
		    work->transaction, TABLE_AUDIT, key_text(&key));
	}
	return result == STORE_MISSING ? STORE_DAMAGED : result;
}

/* What was forgotten already stays so: a repetition does nothing. */
enum store_result
audit_forget(struct work *work)
{
	const struct audit_link *copied = &work->command->audited;
	struct audit_state state;
	enum store_result result;
	bool found;

	result = audit_get_state(work->transaction, &state);
	if (result != STORE_OK || copied->sequence <= state.copied.sequence)
		return result;
	result = find_line(work, copied, &found);
	if (result != STORE_OK)
		return result;
	if (!found ||
	    copied->sequence - state.copied.sequence > AUDIT_FORGOTTEN_MAX) {
		refuse(&work->outcome->error, ERROR_INTERNAL_ERROR);
		return STORE_OK;
	}
	result =
	    delete_lines(work, state.copied.sequence + 1, copied->sequence);
	if (result != STORE_OK)
		return result;
	state.copied = *copied;
	work->wrote = true;
	work->decided = true;
	return put_state(work->transaction, &state);
}

void
engine_audit_forget(const struct audit_link *copied, struct instant now,
    struct command *command)
{
	command_init(command, COMMAND_AUDIT_FORGET);
	command->now = now;
	command->audited = *copied;
}

/* -- Reading --------------------------------------------------------------- */

enum store_result
engine_audit_state(struct engine *engine, struct audit_state *state)
{
	struct transaction *transaction;
	enum store_result result;

	result = read_begin(engine, &transaction);
	if (result != STORE_OK)
		return result;
	result = audit_get_state(transaction, state);
	read_end(engine, transaction, result);
	return result;
}

struct line_visit {
	audit_visit *visit;
	void *context;
	bool damaged;
};

static bool
visit_row(struct text key, struct text value, void *context)
{
	struct line_visit *lines = context;

	lines->damaged = key.length != 8;
	return !lines->damaged &&
	       lines->visit(bytes_get_be64((const uint8_t *)key.bytes), value,
		   lines->context);
}

enum store_result
engine_audit_lines(
    struct engine *engine, uint64_t from, audit_visit *visit, void *context)
{
	struct store_key first = key_of_audit(from);
	struct store_range range = {key_text(&first), TEXT(""), false};
	struct line_visit lines = {.visit = visit, .context = context};
	struct transaction *transaction;
	enum store_result result;

	result = read_begin(engine, &transaction);
	if (result != STORE_OK)
		return result;
	result =
	    store_scan(transaction, TABLE_AUDIT, &range, visit_row, &lines);
	if (result == STORE_OK && lines.damaged)
		result = STORE_DAMAGED;
	read_end(engine, transaction, result);
	return result;
}

struct wanted {
	uint64_t sequence;
	char *bytes;
	struct text *line;
};

static bool
take_wanted(uint64_t sequence, struct text line, void *context)
{
	const struct wanted *wanted = context;

	if (sequence == wanted->sequence &&
	    line.length <= AUDIT_LINE_BYTES_MAX) {
		memcpy(wanted->bytes, line.bytes, line.length);
		*wanted->line = (struct text){wanted->bytes, line.length};
	}
	return false;
}

enum store_result
engine_audit_line(struct engine *engine, uint64_t sequence,
    char bytes[AUDIT_LINE_BYTES_MAX], struct text *line)
{
	struct wanted wanted = {sequence, bytes, line};

	*line = TEXT_NONE;
	return engine_audit_lines(engine, sequence, take_wanted, &wanted);
}
