/*
 * Every object as a line of JSON.
 *
 * A page of rows is copied out of the store, and written once its transaction
 * has ended: whoever reads slowly keeps no page of the store from being used
 * again.  An intent and a balance are then shown with what belongs to them,
 * as the API shows them.  The last line says that nothing is missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl_file.h"
#include "app/ctl_options.h"
#include "app/gauge.h"
#include "core/codec.h"
#include "engine/schema.h"
#include "engine/upkeep.h"

enum {
	PAGE_ROWS_MAX = 1000,
	/* More than the largest record, which an event's may be. */
	PAGE_BYTES_MAX = 8 * 1024 * 1024,
};

/* What is written, in this order. */
static const struct export_step {
	enum table table;
	enum kind kind;
	bool has_mode;	/* keys: account, mode, id; else accounts, merchants */
	bool with_more; /* shown with other objects: engine_get() has them */
} steps[] = {
    {TABLE_ACCOUNTS, KIND_ACCOUNT, false, false},
    {TABLE_MERCHANTS, KIND_MERCHANT, false, false},
    {TABLE_API_KEYS, KIND_API_KEY, true, false},
    {TABLE_CUSTOMERS, KIND_CUSTOMER, true, false},
    {TABLE_INTENTS, KIND_INTENT, true, true},
    {TABLE_CHARGES, KIND_CHARGE, true, false},
    {TABLE_REFUNDS, KIND_REFUND, true, false},
    {TABLE_COIN_INTENTS, KIND_COIN_INTENT, true, false},
    {TABLE_TRANSFERS, KIND_TRANSFER, true, false},
    {TABLE_BALANCES, KIND_BALANCE, true, true},
    {TABLE_ENDPOINTS, KIND_ENDPOINT, true, false},
    {TABLE_EVENTS, KIND_EVENT, true, false},
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

struct page_rows {
	struct store_key keys[PAGE_ROWS_MAX];
	struct text encoded[PAGE_ROWS_MAX]; /* in `bytes` */
	unsigned count;
	size_t used;
	bool full; /* there may be more */
	char bytes[PAGE_BYTES_MAX];
};

struct export
{
	struct call *call;
	struct gauge gauge;
	struct page_rows page;
	uint64_t lines; /* written */
	uint64_t rows;	/* looked at */
};

/* -- A page ---------------------------------------------------------------- */

static bool
copy_row(struct text key, struct text encoded, void *context)
{
	struct page_rows *page = context;

	if (page->count == PAGE_ROWS_MAX ||
	    encoded.length > sizeof(page->bytes) - page->used) {
		page->full = true;
		return false;
	}
	page->keys[page->count] = key_copy(key);
	memcpy(page->bytes + page->used, encoded.bytes, encoded.length);
	page->encoded[page->count] =
	    (struct text){page->bytes + page->used, encoded.length};
	page->used += encoded.length;
	page->count++;
	return true;
}

static bool
has_account(const struct call *call)
{
	return id_is_set(call->command.scope.account);
}

/* Whose rows are looked at: of all accounts, or of one. */
static struct store_key
prefix_of(const struct call *call)
{
	return has_account(call) ? key_of_account(call->command.scope.account)
				 : (struct store_key){0};
}

static enum store_result
read_page(
    struct export *export, enum table table, const struct store_key *first)
{
	const struct store_key prefix = prefix_of(export->call);
	const struct store_key end = key_end(&prefix);
	const struct store_range range = {
	    key_text(first), key_text(&end), false};

	export->page.count = 0;
	export->page.used = 0;
	export->page.full = false;
	return engine_visit_range(
	    export->call->engine, table, &range, copy_row, &export->page);
}

/* -- A line ---------------------------------------------------------------- */

static void
begin_line(struct json_writer *writer, const struct place *place)
{
	char account[ID_TEXT_BYTES];

	id_format(place->account, record_type(KIND_ACCOUNT)->prefix, account);
	json_object_begin(writer);
	json_name(writer, TEXT("account"));
	json_string(writer, text_of(account));
	json_name(writer, TEXT("mode"));
	if (place->mode == MODE_NONE)
		json_null(writer);
	else
		json_string(writer, name_text(&mode_names, place->mode));
	json_name(writer, TEXT("data"));
}

/* As it now is, with what belongs to it; false: it is gone, or cannot be. */
static bool
load_whole(struct call *call, enum kind kind, const struct place *place)
{
	call->command.kind = COMMAND_GET;
	call->command.object = kind;
	call->command.scope.account = place->account;
	call->command.scope.mode = place->mode;
	call->command.target.id = place->id;
	engine_get(call->engine, &call->command, &call->outcome);
	return call->outcome.error.id == ERROR_NONE;
}

static bool
write_row(struct export *export, const struct export_step *step,
    const struct place *place, struct text encoded)
{
	struct call *call = export->call;
	struct encoding *encoding = &call->output.encoding;
	const bool live = place->mode == MODE_LIVE;
	union record record;

	encoding->live = live;
	encoding->chain = text_of(
	    live ? call->settings.chain_live : call->settings.chain_test);
	if (step->with_more && !load_whole(call, step->kind, place))
		return false;
	if (!step->with_more &&
	    codec_decode(step->kind, encoded, &record) != CODEC_OK)
		return false;
	begin_line(&encoding->writer, place);
	if (step->with_more)
		encode_objects(encoding, outcome_objects(&call->outcome));
	else
		encode_record(encoding, step->kind, &record);
	json_object_end(&encoding->writer);
	output_end(&call->output);
	export->lines++;
	return ferror(call->output.file) == 0;
}

/* Accounts and merchants have no mode; false: a key that is none. */
static bool
place_of(const struct export_step *step, struct text key, struct place *place)
{
	*place = (struct place){.mode = MODE_NONE};
	if (step->has_mode)
		return place_parse(key, place);
	if (key.length < ID_BYTES)
		return false;
	memcpy(place->account.bytes, key.bytes, ID_BYTES);
	place->id = key_id(key);
	return true;
}

/* Those of the other mode are passed over. */
static bool
write_page(struct export *export, const struct export_step *step, uint8_t mode)
{
	const struct page_rows *page = &export->page;
	struct place place;

	for (unsigned i = 0; i < page->count; i++) {
		if (!place_of(step, key_text(&page->keys[i]), &place))
			return false;
		export->rows++;
		if (mode != MODE_NONE && place.mode != MODE_NONE &&
		    place.mode != mode)
			continue;
		if (!write_row(export, step, &place, page->encoded[i]))
			return false;
		gauge_show(&export->gauge, export->rows, export->lines);
	}
	return true;
}

/* -- All ------------------------------------------------------------------- */

static enum ctl_status
fail_row(struct export *export)
{
	struct call *call = export->call;

	gauge_clear(&export->gauge);
	if (ferror(call->output.file) != 0)
		return ctl_fail("%s: %s", call->operand, strerror(errno));
	if (call->outcome.error.id != ERROR_NONE)
		return ctl_refuse(&call->outcome.error);
	return ctl_fail_store(STORE_DAMAGED);
}

static enum ctl_status
write_table(struct export *export, const struct export_step *step, uint8_t mode)
{
	struct store_key first = prefix_of(export->call);
	enum store_result result;

	do {
		result = read_page(export, step->table, &first);
		if (result != STORE_OK) {
			gauge_clear(&export->gauge);
			return ctl_fail_store(result);
		}
		if (!write_page(export, step, mode))
			return fail_row(export);
		if (export->page.count > 0)
			first = key_behind(
			    &export->page.keys[export->page.count - 1]);
	} while (export->page.full);
	return CTL_OK;
}

/* By this a file that was cut off, or whose writer ended, is known. */
static void
write_trailer(struct export *export)
{
	struct json_writer *writer = &export->call->output.encoding.writer;

	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("export"));
	json_name(writer, TEXT("schema"));
	json_integer(writer, SCHEMA_VERSION);
	json_name(writer, TEXT("complete"));
	json_boolean(writer, true);
	json_name(writer, TEXT("lines"));
	json_integer(writer, (int64_t) export->lines);
	json_object_end(writer);
	output_end(&export->call->output);
}

/* Rows to look at, where they are all there are; 0: not known before. */
static uint64_t
count_rows(const struct call *call)
{
	uint64_t counts[TABLE_COUNT];
	uint64_t sum = 0;

	if (has_account(call) ||
	    engine_count_tables(call->store, counts) != STORE_OK)
		return 0;
	for (size_t i = 0; i < STEPS; i++)
		sum += counts[steps[i].table];
	return sum;
}

static enum ctl_status
write_all(struct call *call, uint64_t *lines)
{
	static struct export export;
	/* What engine_get() is asked for is in the same command. */
	const struct scope asked = call->command.scope;
	enum ctl_status status = CTL_OK;

	export.call = call;
	gauge_init(&export.gauge, count_rows(call));
	for (size_t i = 0; status == CTL_OK && i < STEPS; i++) {
		call->command.scope = asked;
		status = write_table(&export, &steps[i], asked.mode);
	}
	if (status != CTL_OK)
		return status;
	write_trailer(&export);
	if (fflush(call->output.file) != 0)
		return fail_row(&export);
	gauge_end(&export.gauge, export.rows, export.lines);
	*lines = export.lines;
	return CTL_OK;
}

static enum ctl_status
export_to_file(struct call *call, uint64_t *lines)
{
	const bool replace = (call->noted & CTL_OPTION(FORCE)) != 0;
	struct ctl_file file;
	enum ctl_status status =
	    ctl_file_begin_beside(&file, call, call->operand, replace);
	int copy;

	if (status != CTL_OK)
		return status;
	/* The stream has a descriptor of its own: each is closed once. */
	copy = dup(file.descriptor);
	call->output.file = copy < 0 ? NULL : fdopen(copy, "w");
	if (call->output.file == NULL) {
		status = ctl_fail("%s: %s", file.fresh, strerror(errno));
	} else {
		status = write_all(call, lines);
		(void)fclose(call->output.file);
	}
	call->output.file = stdout;
	if (status == CTL_OK)
		status = ctl_file_keep(&file);
	ctl_file_drop(&file);
	return status;
}

static void
print_export(struct call *call, uint64_t lines)
{
	struct json_writer *writer;

	if (!call->output.json) {
		printf("export: %s, %" PRIu64 " lines\n", call->operand, lines);
		return;
	}
	writer = output_writer(&call->output);
	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("export"));
	json_name(writer, TEXT("file"));
	json_string(writer, text_of(call->operand));
	json_name(writer, TEXT("lines"));
	json_integer(writer, (int64_t)lines);
	json_object_end(writer);
	output_end(&call->output);
}

enum ctl_status
ctl_export(struct call *call)
{
	uint64_t lines = 0;
	enum ctl_status status;

	(void)ctl_note(call, "store_export", call->operand);
	if (strcmp(call->operand, "-") == 0) {
		/* Whoever reads it may end before: an error as any other. */
		signal(SIGPIPE, SIG_IGN);
		return write_all(call, &lines);
	}
	status = export_to_file(call, &lines);
	if (status == CTL_OK)
		print_export(call, lines);
	return status;
}
