/*
 * How much the store holds, what it takes up, and who reads it.
 *
 * Most of it costs next to nothing: tables know how many rows they have, lists
 * of payments in coins are counted as they change, and merchants and keys are
 * few.  What has to read every payment or delivery is asked for (--full).
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/ctl.h"
#include "app/ctl_options.h"
#include "engine/schema.h"
#include "engine/upkeep.h"
#include "store/lmdb.h"

struct figures {
	struct store_stats store;
	uint64_t disk_bytes;
	uint64_t free_bytes;
	uint64_t tables[TABLE_COUNT];
	struct tally tally;
};

/* The numbers of the store, in the order in which they are shown. */
static const struct figure {
	const char *name;
	size_t offset; /* of a uint64_t in struct figures */
} figures_shown[] = {
    {"file_bytes", offsetof(struct figures, store.file_bytes)},
    {"disk_bytes", offsetof(struct figures, disk_bytes)},
    {"map_bytes", offsetof(struct figures, store.map_bytes)},
    {"map_bytes_max", offsetof(struct figures, store.map_bytes_max)},
    {"used_bytes", offsetof(struct figures, store.used_bytes)},
    {"free_bytes", offsetof(struct figures, free_bytes)},
    {"page_bytes", offsetof(struct figures, store.page_bytes)},
    {"last_transaction", offsetof(struct figures, store.last_transaction)},
    {"oldest_reader_lag", offsetof(struct figures, store.oldest_reader_lag)},
};

static uint64_t
figure_of(const struct figures *figures, const struct figure *figure)
{
	return *(const uint64_t *)(const void *)((const char *)figures +
						 figure->offset);
}

static enum store_result
measure_free(struct store *store, uint64_t *bytes)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = lmdb_free_bytes(transaction, bytes);
	store_abort(transaction);
	return result;
}

static enum store_result
measure(struct call *call, struct figures *figures)
{
	const bool full = (call->noted & CTL_OPTION(FULL)) != 0;
	enum store_result result = store_stats(call->store, &figures->store);
	struct stat file;

	if (stat(call->settings.store, &file) == 0)
		figures->disk_bytes = (uint64_t)file.st_blocks * 512;
	/* As a server would have it, which may have made it longer since. */
	figures->store.map_bytes_max = (uint64_t)call->settings.store_bytes_max;
	if (result == STORE_OK)
		result = measure_free(call->store, &figures->free_bytes);
	if (result == STORE_OK)
		result = engine_count_tables(call->store, figures->tables);
	if (result == STORE_OK)
		result = engine_tally(
		    call->engine, full, call->command.now, &figures->tally);
	return result;
}

/* -- As JSON --------------------------------------------------------------- */

static void
write_number(struct json_writer *writer, struct text name, uint64_t value)
{
	json_name(writer, name);
	json_integer(writer, (int64_t)value);
}

/* An object with a member for each of the names that counts anything. */
static void
write_names(struct json_writer *writer, struct text name,
    const struct names *names, const uint64_t *counts)
{
	json_name(writer, name);
	json_object_begin(writer);
	for (unsigned i = 1; i < names->count; i++)
		if (counts[i] > 0)
			write_number(
			    writer, name_text(names, (uint8_t)i), counts[i]);
	json_object_end(writer);
}

static void
write_modes(struct json_writer *writer, struct text name,
    const struct names *names, const uint64_t *counts, size_t width)
{
	json_name(writer, name);
	json_object_begin(writer);
	for (unsigned mode = MODE_TEST; mode < MODE_COUNT; mode++)
		write_names(writer, name_text(&mode_names, (uint8_t)mode),
		    names, counts + mode * width);
	json_object_end(writer);
}

static void
write_instant(
    struct json_writer *writer, struct text name, struct instant instant)
{
	json_name(writer, name);
	if (instant_is_set(instant))
		json_integer(writer, instant_seconds(instant));
	else
		json_null(writer);
}

static void
write_tally(struct json_writer *writer, const struct tally *tally)
{
	write_names(writer, TEXT("merchants"), &merchant_status_names,
	    tally->merchants);
	write_modes(writer, TEXT("api_keys"), &key_type_names, tally->keys[0],
	    KEY_TYPE_COUNT);
	write_names(
	    writer, TEXT("api_keys_ended"), &mode_names, tally->keys_ended);
	write_modes(writer, TEXT("coin_intents"), &state_names, tally->coins[0],
	    STATE_COUNT);
	write_modes(writer, TEXT("webhook_endpoints"), &endpoint_status_names,
	    tally->endpoints[0], ENDPOINT_STATUS_COUNT);
	if (!tally->full)
		return;
	write_modes(writer, TEXT("intents"), &state_names, tally->intents[0],
	    STATE_COUNT);
	write_modes(writer, TEXT("deliveries"), &delivery_state_names,
	    tally->deliveries[0], DELIVERY_STATE_COUNT);
	write_instant(writer, TEXT("oldest"), tally->oldest);
	write_instant(writer, TEXT("newest"), tally->newest);
}

static void
write_figures(struct call *call, const struct figures *figures)
{
	struct json_writer *writer = output_writer(&call->output);

	json_object_begin(writer);
	json_name(writer, TEXT("object"));
	json_string(writer, TEXT("stats"));
	json_name(writer, TEXT("store"));
	json_string(writer, text_of(call->settings.store));
	write_number(writer, TEXT("schema"), SCHEMA_VERSION);
	for (size_t i = 0; i < sizeof(figures_shown) / sizeof(figures_shown[0]);
	     i++)
		write_number(writer, text_of(figures_shown[i].name),
		    figure_of(figures, &figures_shown[i]));
	write_number(writer, TEXT("readers"), figures->store.readers);
	write_number(writer, TEXT("readers_max"), figures->store.readers_max);
	write_number(writer, TEXT("oldest_reader_pid"),
	    (uint64_t)figures->store.oldest_reader_pid);
	json_name(writer, TEXT("tables"));
	json_object_begin(writer);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		write_number(writer, text_of(table_name((enum table)i)),
		    figures->tables[i]);
	json_object_end(writer);
	write_tally(writer, &figures->tally);
	json_object_end(writer);
	output_end(&call->output);
}

/* -- As text --------------------------------------------------------------- */

static void
print_number(const char *name, const char *more, uint64_t value)
{
	printf("%-20s %-24s %20" PRIu64 "\n", name, more, value);
}

static void
print_names(
    const char *label, const struct names *names, const uint64_t *counts)
{
	char word[64];

	for (unsigned i = 1; i < names->count; i++) {
		text_copy(name_text(names, (uint8_t)i), word, sizeof(word));
		if (counts[i] > 0)
			print_number(label, word, counts[i]);
	}
}

static void
print_modes(const char *what, const struct names *names, const uint64_t *counts,
    size_t width)
{
	char label[64];

	for (unsigned mode = MODE_TEST; mode < MODE_COUNT; mode++) {
		(void)snprintf(label, sizeof(label), "%s, %.*s", what,
		    TEXT_PRINT(name_text(&mode_names, (uint8_t)mode)));
		print_names(label, names, counts + mode * width);
	}
}

static void
print_instant(const char *name, struct instant instant)
{
	char iso[TIME_ISO_BYTES] = "-";

	if (instant_is_set(instant))
		instant_to_iso(instant, iso);
	printf("%-20s %-24s %20s\n", name, "", iso);
}

static void
print_figures(const struct call *call, const struct figures *figures)
{
	const struct tally *tally = &figures->tally;

	printf("%-20s %s\n", "store", call->settings.store);
	print_number("schema", "", SCHEMA_VERSION);
	for (size_t i = 0; i < sizeof(figures_shown) / sizeof(figures_shown[0]);
	     i++)
		print_number(figures_shown[i].name, "",
		    figure_of(figures, &figures_shown[i]));
	printf("%-20s %-24s %11" PRIu32 " of %5" PRIu32 "\n", "readers", "",
	    figures->store.readers, figures->store.readers_max);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		print_number(
		    "table", table_name((enum table)i), figures->tables[i]);
	print_names("merchants", &merchant_status_names, tally->merchants);
	print_modes("keys", &key_type_names, tally->keys[0], KEY_TYPE_COUNT);
	print_names("keys, ended", &mode_names, tally->keys_ended);
	print_modes("in coins", &state_names, tally->coins[0], STATE_COUNT);
	print_modes("endpoints", &endpoint_status_names, tally->endpoints[0],
	    ENDPOINT_STATUS_COUNT);
	if (!tally->full)
		return;
	print_modes("by card", &state_names, tally->intents[0], STATE_COUNT);
	print_modes("deliveries", &delivery_state_names, tally->deliveries[0],
	    DELIVERY_STATE_COUNT);
	print_instant("oldest", tally->oldest);
	print_instant("newest", tally->newest);
}

enum ctl_status
ctl_stats(struct call *call)
{
	static struct figures figures;
	enum store_result result = measure(call, &figures);

	if (result != STORE_OK)
		return ctl_fail_store(result);
	if (call->output.json)
		write_figures(call, &figures);
	else
		print_figures(call, &figures);
	return CTL_OK;
}
