/*
 * What a store says of itself: its schema, its last batches and its last probe;
 * and the operator's walk over it.
 */
#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/schema.h"
#include "engine/work.h"

/* The row of META, in front of the version. */
#define SCHEMA_PREFIX TEXT("intentd store, schema ")
enum { VERSION_DIGITS_MAX = 6 };

/* The version that a row says; 0: it says none. */
static unsigned
version_of(struct text row)
{
	unsigned version = 0;
	struct text digits;

	if (!text_starts(row, SCHEMA_PREFIX))
		return 0;
	digits = text_after(row, SCHEMA_PREFIX.length);
	if (digits.length > VERSION_DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < digits.length; i++) {
		if (digits.bytes[i] < '0' || digits.bytes[i] > '9')
			return 0;
		version = 10 * version + (unsigned)(digits.bytes[i] - '0');
	}
	return version;
}

/* ok, or missing: one of the tables, which a store of this schema has. */
static enum store_result
check_tables(struct transaction *transaction)
{
	enum store_result result = STORE_OK;
	uint64_t count;

	for (size_t i = 0; result == STORE_OK && i < TABLE_COUNT; i++)
		result = store_count(transaction, (enum table)i, &count);
	return result;
}

enum store_result
schema_read(struct transaction *transaction, struct schema *schema)
{
	enum store_result result;
	struct text row;

	*schema = (struct schema){.state = SCHEMA_DAMAGED};
	result = store_get(transaction, TABLE_META, SCHEMA_KEY, &row);
	if (result == STORE_MISSING) {
		schema->state = SCHEMA_NONE;
		return STORE_OK;
	}
	if (result != STORE_OK)
		return result;
	schema->version = version_of(row);
	if (schema->version == 0)
		return STORE_OK;
	schema->state = schema->version < SCHEMA_VERSION   ? SCHEMA_OLDER
			: schema->version > SCHEMA_VERSION ? SCHEMA_NEWER
							   : SCHEMA_OWN;
	if (schema->state != SCHEMA_OWN)
		return STORE_OK;
	result = check_tables(transaction);
	if (result == STORE_MISSING) {
		schema->state = SCHEMA_DAMAGED;
		return STORE_OK;
	}
	return result;
}

enum store_result
schema_write(struct transaction *transaction, unsigned version)
{
	char bytes[64];
	struct buffer row;

	assert(version >= 1 && version <= SCHEMA_VERSION);
	buffer_init(&row, bytes, sizeof(bytes));
	buffer_put_text(&row, SCHEMA_PREFIX);
	buffer_put_integer(&row, version);
	return store_put(
	    transaction, TABLE_META, SCHEMA_KEY, buffer_text(&row));
}

enum store_result
schema_check(struct transaction *transaction)
{
	enum store_result result;
	struct schema schema;

	result = schema_read(transaction, &schema);
	if (result != STORE_OK || schema.state == SCHEMA_OWN)
		return result;
	return schema.state == SCHEMA_NONE ? STORE_MISSING : STORE_DAMAGED;
}

enum store_result
engine_read_schema(struct store *store, struct schema *schema)
{
	struct transaction *transaction;
	enum store_result result;

	*schema = (struct schema){.state = SCHEMA_DAMAGED};
	result = store_begin(store, STORE_READ, &transaction);
	/* No slot for a reader, which a writer does not need. */
	if (result == STORE_FULL)
		result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_read(transaction, schema);
	store_abort(transaction);
	return result;
}

enum store_result
engine_check_store(struct store *store)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_check(transaction);
	store_abort(transaction);
	return result;
}

enum store_result
engine_init_store(struct store *store)
{
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = schema_check(transaction);
	if (result != STORE_MISSING) {
		store_abort(transaction);
		return result;
	}
	result = schema_write(transaction, SCHEMA_VERSION);
	if (result == STORE_OK)
		result = audit_put_first_state(transaction);
	if (result == STORE_OK)
		return store_commit(transaction);
	store_abort(transaction);
	return result;
}

/* -- Marks ----------------------------------------------------------------- */

enum {
	/* Removed at a time; the next committer removes what is left. */
	FORGOTTEN_MAX = 64,
};

#define MARK_AGE_MAX_US (INT64_C(24) * 60 * 60 * 1000000)

struct mark_key {
	char bytes[MARK_KEY_BYTES];
};

static struct mark_key
key_of_mark(const uint8_t generation[GENERATION_BYTES])
{
	struct mark_key key;

	memcpy(key.bytes, MARK_PREFIX.bytes, MARK_PREFIX_BYTES);
	memcpy(key.bytes + MARK_PREFIX_BYTES, generation, GENERATION_BYTES);
	return key;
}

static struct text
mark_key_text(const struct mark_key *key)
{
	return (struct text){key->bytes, sizeof(key->bytes)};
}

/* What was done is committed, or all of it aborted. */
static enum store_result
end(struct transaction *transaction, enum store_result result)
{
	if (result == STORE_OK)
		return store_commit(transaction);
	store_abort(transaction);
	return result;
}

enum store_result
engine_put_mark(struct transaction *transaction, const struct batch_mark *mark,
    const struct host_moment *now)
{
	const struct mark_key key = key_of_mark(mark->generation);
	uint8_t bytes[MARK_BYTES];

	assert(now->uptime.us >= 0);
	bytes_put_le64(bytes, mark->number);
	memcpy(bytes + 8, now->boot, BOOT_BYTES);
	bytes_put_le64(bytes + 8 + BOOT_BYTES, (uint64_t)now->uptime.us);
	return store_put(transaction, TABLE_META, mark_key_text(&key),
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

enum store_result
engine_get_mark(struct store *store, struct batch_mark *mark)
{
	const struct mark_key key = key_of_mark(mark->generation);
	struct transaction *transaction;
	enum store_result result;
	struct text row;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_get(transaction, TABLE_META, mark_key_text(&key), &row);
	if (result == STORE_OK && row.length != MARK_BYTES)
		result = STORE_DAMAGED;
	if (result == STORE_OK)
		mark->number = bytes_get_le64((const uint8_t *)row.bytes);
	store_abort(transaction);
	return result;
}

enum store_result
engine_delete_mark(struct store *store, const struct batch_mark *mark)
{
	const struct mark_key key = key_of_mark(mark->generation);
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_delete(transaction, TABLE_META, mark_key_text(&key));
	if (result == STORE_MISSING) {
		store_abort(transaction);
		return STORE_OK;
	}
	return end(transaction, result);
}

struct forgotten {
	struct host_moment now;
	struct mark_key keys[FORGOTTEN_MAX];
	size_t count;
};

/* Zeros: it is not known, as where a unit hides /proc/sys (ProcSubset). */
static bool
is_known(const uint8_t boot[BOOT_BYTES])
{
	static const uint8_t unknown[BOOT_BYTES];

	return memcmp(boot, unknown, BOOT_BYTES) != 0;
}

/* What is not known to be of another life may be of a server that runs. */
static bool
is_forgotten(const struct host_moment *now, const uint8_t row[MARK_BYTES])
{
	const uint8_t *boot = row + 8;
	uint64_t then = bytes_get_le64(row + 8 + BOOT_BYTES);

	return (is_known(boot) && is_known(now->boot) &&
		   memcmp(boot, now->boot, BOOT_BYTES) != 0) ||
	       now->uptime.us - (int64_t)then > MARK_AGE_MAX_US;
}

/* What is no mark is left for whoever verifies the store. */
static bool
visit_mark(struct text key, struct text value, void *context)
{
	struct forgotten *forgotten = context;

	if (text_starts(key, MARK_PREFIX) && key.length == MARK_KEY_BYTES &&
	    value.length == MARK_BYTES &&
	    is_forgotten(&forgotten->now, (const uint8_t *)value.bytes))
		memcpy(forgotten->keys[forgotten->count++].bytes, key.bytes,
		    MARK_KEY_BYTES);
	return forgotten->count < FORGOTTEN_MAX;
}

enum store_result
engine_forget_marks(struct store *store, const struct host_moment *now)
{
	const struct store_range everything = {TEXT(""), TEXT(""), false};
	struct forgotten forgotten = {.now = *now};
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(store, STORE_WRITE, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_scan(
	    transaction, TABLE_META, &everything, visit_mark, &forgotten);
	for (size_t i = 0; result == STORE_OK && i < forgotten.count; i++)
		result = store_delete(
		    transaction, TABLE_META, mark_key_text(&forgotten.keys[i]));
	if (result == STORE_OK && forgotten.count == 0) {
		store_abort(transaction);
		return STORE_OK;
	}
	return end(transaction, result);
}

void
engine_probe(struct instant now, struct command *command)
{
	command_init(command, COMMAND_PROBE);
	command->now = now;
}

enum store_result
probe_write(struct work *work)
{
	uint8_t bytes[PROBE_BYTES];

	bytes_put_le64(bytes, (uint64_t)work->command->now.us);
	work->wrote = true;
	return store_put(work->transaction, TABLE_META, PROBE_KEY,
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

enum store_result
engine_visit(
    struct engine *engine, enum table table, record_visit *visit, void *context)
{
	struct store_range everything = {TEXT(""), TEXT(""), false};
	struct transaction *transaction;
	enum store_result result;

	result = store_begin(engine->store, STORE_READ, &transaction);
	if (result != STORE_OK)
		return result;
	result = store_scan(transaction, table, &everything, visit, context);
	store_abort(transaction);
	return result;
}
