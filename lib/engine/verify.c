#include "engine/verify.h"

#include <assert.h>

#include "base/bytes.h"
#include "core/codec.h"
#include "engine/verify_work.h"
#include "engine/work.h"

static const struct text sentences[FINDING_COUNT] = {
#define FINDING(id, sentence) [FINDING_##id] = {sentence, sizeof(sentence) - 1},
#include "engine/findings.def"
#undef FINDING
};

_Static_assert((int)FINDING_ROW_BYTES == 2 * STORE_KEY_BYTES_MAX + 1,
    "a row's name holds any key");

enum {
	PLACE_BYTES = ID_BYTES + 1 + ID_BYTES,
	COUNT_KEY_BYTES = ID_BYTES + 1 + 1 + ID_BYTES,
	EXPIRY_KEY_BYTES = 8 + PLACE_BYTES,
	TRANSFER_KEY_BYTES = ID_BYTES + 1 + DIGEST_BYTES + 4 + 4,
	IDEMPOTENCY_KEY_BYTES = 16,
	AUDIT_KEY_BYTES = 8,
};

static verify_row check_meta, check_key_digest, check_idempotency;

/* Each table: how long its keys are, and what its rows are. */
static const struct rule {
	size_t key_bytes;  /* 0: of any length */
	enum kind kind;	   /* of its records; KIND_NONE: it has none */
	verify_row *check; /* of rows that are no records */
	enum kind ends;	   /* whose id their keys end with, or KIND_NONE */
} rules[TABLE_COUNT] = {
    [TABLE_META] = {.check = check_meta},
    [TABLE_ACCOUNTS] = {.key_bytes = ID_BYTES, .kind = KIND_ACCOUNT},
    [TABLE_MERCHANTS] = {.key_bytes = ID_BYTES + ID_BYTES,
	.kind = KIND_MERCHANT},
    [TABLE_API_KEYS] = {.key_bytes = PLACE_BYTES, .kind = KIND_API_KEY},
    [TABLE_KEY_DIGESTS] = {.key_bytes = DIGEST_BYTES,
	.check = check_key_digest},
    [TABLE_INTENTS] = {.key_bytes = PLACE_BYTES, .kind = KIND_INTENT},
    [TABLE_CHARGES] = {.key_bytes = PLACE_BYTES, .kind = KIND_CHARGE},
    [TABLE_REFUNDS] = {.key_bytes = PLACE_BYTES, .kind = KIND_REFUND},
    [TABLE_CUSTOMERS] = {.key_bytes = PLACE_BYTES, .kind = KIND_CUSTOMER},
    [TABLE_EVENTS] = {.key_bytes = PLACE_BYTES, .kind = KIND_EVENT},
    [TABLE_LISTS] = {.check = verify_list_row},
    [TABLE_IDEMPOTENCY] = {.key_bytes = IDEMPOTENCY_KEY_BYTES,
	.check = check_idempotency},
    [TABLE_OUTCOMES] = {.key_bytes = PLACE_BYTES, .kind = KIND_STORED_OUTCOME},
    [TABLE_COIN_INTENTS] = {.key_bytes = PLACE_BYTES, .kind = KIND_COIN_INTENT},
    [TABLE_TRANSFERS] = {.key_bytes = PLACE_BYTES, .kind = KIND_TRANSFER},
    [TABLE_TRANSFER_PLACES] = {.key_bytes = TRANSFER_KEY_BYTES,
	.check = verify_transfer_place},
    [TABLE_BALANCES] = {.key_bytes = PLACE_BYTES, .kind = KIND_BALANCE},
    [TABLE_COUNTS] = {.key_bytes = COUNT_KEY_BYTES,
	.check = verify_count,
	.ends = KIND_MERCHANT},
    [TABLE_ADDRESSES] = {.key_bytes = ID_BYTES, .check = verify_address},
    [TABLE_EXPIRIES] = {.key_bytes = EXPIRY_KEY_BYTES,
	.check = verify_expiry,
	.ends = KIND_COIN_INTENT},
    [TABLE_PLACES] = {.key_bytes = ID_BYTES,
	.check = verify_place,
	.ends = KIND_COIN_INTENT},
    [TABLE_AUDIT] = {.key_bytes = AUDIT_KEY_BYTES, .check = verify_audit_line},
    [TABLE_ENDPOINTS] = {.key_bytes = PLACE_BYTES, .kind = KIND_ENDPOINT},
    [TABLE_DELIVERIES] = {.key_bytes = DELIVERY_KEY_BYTES,
	.kind = KIND_DELIVERY},
    [TABLE_DELIVERIES_DUE] = {.key_bytes = DUE_KEY_BYTES, .check = verify_due},
    [TABLE_ATTEMPTS] = {.key_bytes = ATTEMPT_KEY_BYTES, .kind = KIND_ATTEMPT},
};

/* Rows that are named by the endpoint and the event in their keys. */
static bool
is_of_delivery(enum table table)
{
	return table == TABLE_DELIVERIES || table == TABLE_DELIVERIES_DUE ||
	       table == TABLE_ATTEMPTS;
}

enum table
verify_table_of(enum kind kind)
{
	size_t table = 0;

	assert(kind > KIND_NONE && kind < KIND_COUNT);
	while (rules[table].kind != kind)
		table++;
	assert(table < TABLE_COUNT);
	return (enum table)table;
}

/* What a row is called in a finding. */
static void
name_row(enum table table, struct text key, char to[FINDING_ROW_BYTES])
{
	const struct rule *rule = &rules[table];
	bool is_formed = key.length == rule->key_bytes;
	enum kind kind = rule->kind == KIND_NONE ? rule->ends : rule->kind;

	assert(key.length > 0);
	if (table == TABLE_META && text_is_printable_ascii(key))
		text_copy(key, to, FINDING_ROW_BYTES);
	else if (table == TABLE_LISTS)
		verify_name_list_row(key, to);
	else if (is_of_delivery(table) && is_formed)
		verify_name_delivery_row(table, key, to);
	else if (kind != KIND_NONE && is_formed)
		id_format(key_id(key), record_type(kind)->prefix, to);
	else
		bytes_to_hex((const uint8_t *)key.bytes, key.length, to);
}

struct finding
finding_of(enum finding_id id, enum table table, struct text key)
{
	struct finding finding = {
	    .id = id,
	    .table = table,
	    .sentence = sentences[id],
	};

	assert(id < FINDING_COUNT);
	name_row(table, key, finding.row);
	assert(finding.row[0] != '\0');
	return finding;
}

void
verify_find(
    struct verification *verification, enum finding_id id, struct text detail)
{
	struct finding finding;

	/* Where the store failed nothing can be said of its contents. */
	if (verification->result != STORE_OK)
		return;
	finding = finding_of(id, verification->table, verification->key);
	finding.detail = detail;
	verification->summary->findings++;
	verification->report(&finding, verification->context);
}

bool
verify_get(struct verification *verification, enum table table, struct text key,
    struct text *value)
{
	enum store_result result;

	result = store_get(verification->transaction, table, key, value);
	if (result != STORE_OK && result != STORE_MISSING)
		verification->result = result;
	return result == STORE_OK;
}

bool
verify_load(struct verification *verification, enum table table, enum kind kind,
    struct text key, union record *record)
{
	struct text value;

	return verify_get(verification, table, key, &value) &&
	       codec_decode(kind, value, record) == CODEC_OK;
}

bool
verify_load_object(struct verification *verification, enum kind kind,
    struct id id, union record *record)
{
	const struct place *place = &verification->place;
	struct store_key key = key_of_object(place->account, place->mode, id);

	return verify_load(
	    verification, verify_table_of(kind), kind, key_text(&key), record);
}

void
verify_scan_list(struct verification *verification, enum list list,
    struct id owner, store_visit *visit, void *context)
{
	const struct place *place = &verification->place;
	struct store_key prefix =
	    key_of_list(place->account, place->mode, list, owner);
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&prefix), key_text(&end), false};
	enum store_result result;

	result = store_scan(
	    verification->transaction, TABLE_LISTS, &range, visit, context);
	if (result != STORE_OK)
		verification->result = result;
}

/* verify_schema() looks at the schema, and says when it is missing. */
static void
check_meta(struct verification *verification, struct text value)
{
	bool is_mark = text_starts(verification->key, MARK_PREFIX);
	bool is_probe = text_equal(verification->key, PROBE_KEY);

	if (text_equal(verification->key, AUDIT_KEY))
		verify_audit_state(verification, value);
	else if (is_mark && (verification->key.length != MARK_KEY_BYTES ||
				value.length != MARK_BYTES))
		verify_find(verification, FINDING_MARK_MALFORMED, TEXT_NONE);
	else if (is_probe && value.length != PROBE_BYTES)
		verify_find(verification, FINDING_PROBE_MALFORMED, TEXT_NONE);
	else if (!is_mark && !is_probe &&
		 !text_equal(verification->key, SCHEMA_KEY))
		verify_find(verification, FINDING_META_UNKNOWN, TEXT_NONE);
}

bool
verify_follow(struct verification *verification, struct text value,
    enum kind kind, union record *record)
{
	enum finding_id found = FINDING_PLACE_EMPTY;
	struct place place;

	if (!place_parse(value, &place))
		found = FINDING_PLACE_MALFORMED;
	else if (verify_load(
		     verification, verify_table_of(kind), kind, value, record))
		return true;
	verify_find(verification, found, TEXT_NONE);
	return false;
}

static void
check_key_digest(struct verification *verification, struct text value)
{
	struct store_key index;
	union record record;

	if (!verify_follow(verification, value, KIND_API_KEY, &record))
		return;
	index = key_of_api_key(&record.api_key.digest);
	if (!text_equal(key_text(&index), verification->key))
		verify_find(verification, FINDING_PLACE_WRONG, TEXT_NONE);
}

static void
check_idempotency(struct verification *verification, struct text value)
{
	struct store_key index;
	union record record;

	if (!verify_follow(verification, value, KIND_STORED_OUTCOME, &record))
		return;
	index = key_of_idempotency(&record.stored_outcome.key);
	if (!text_equal(key_text(&index), verification->key))
		verify_find(verification, FINDING_PLACE_WRONG, TEXT_NONE);
}

/* What the key of a record says. */
static struct place
place_of(enum table table, struct text key)
{
	struct place place = {.id = key_id(key)};
	bool parsed;

	if (key.length == PLACE_BYTES) {
		parsed = place_parse(key, &place);
		assert(parsed);
		return place;
	}
	if (is_of_delivery(table)) {
		/* Its id is the event's, as in its record. */
		key.length = DELIVERY_KEY_BYTES;
		place.id = key_id(key);
		place.mode = (uint8_t)key.bytes[ID_BYTES];
	}
	assert(is_of_delivery(table) || table == TABLE_ACCOUNTS ||
	       table == TABLE_MERCHANTS);
	place.account = key_id((struct text){key.bytes, ID_BYTES});
	return place;
}

static bool
visit_row(struct text key, struct text value, void *context)
{
	struct verification *verification = context;
	enum table table = verification->table;
	const struct rule *rule = &rules[table];

	verification->summary->records++;
	verification->summary->table_records[table]++;
	verification->key = key;
	if (rule->key_bytes != 0 && key.length != rule->key_bytes) {
		verify_find(verification, FINDING_KEY_MALFORMED, TEXT_NONE);
	} else if (rule->kind == KIND_NONE) {
		rule->check(verification, value);
	} else {
		verification->place = place_of(table, key);
		verify_record(verification, rule->kind, value);
	}
	return verification->result == STORE_OK;
}

static void
verify_schema(struct verification *verification)
{
	enum store_result result = schema_check(verification->transaction);

	verification->table = TABLE_META;
	verification->key = SCHEMA_KEY;
	if (result == STORE_MISSING)
		verify_find(verification, FINDING_SCHEMA_MISSING, TEXT_NONE);
	else if (result == STORE_DAMAGED)
		verify_find(verification, FINDING_SCHEMA_OTHER, TEXT_NONE);
	else
		verification->result = result;
}

static enum store_result
verify_tables(struct verification *verification)
{
	static const struct store_range everything = {{"", 0}, {"", 0}, false};
	enum store_result result;

	verify_schema(verification);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (verification->result != STORE_OK)
			break;
		verification->table = (enum table)i;
		result = store_scan(verification->transaction,
		    verification->table, &everything, visit_row, verification);
		if (result != STORE_OK)
			return result;
	}
	verify_audit_end(verification);
	return verification->result;
}

enum store_result
verify_store(struct store *store, finding_report *report, void *context,
    struct verification_summary *summary)
{
	struct verification verification = {
	    .report = report,
	    .context = context,
	    .summary = summary,
	};
	enum store_result result;

	*summary = (struct verification_summary){0};
	result = store_begin(store, STORE_READ, &verification.transaction);
	if (result != STORE_OK)
		return result;
	result = verify_tables(&verification);
	store_abort(verification.transaction);
	return result;
}
