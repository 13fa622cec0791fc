#include "verify_damage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "till.h"

#define STRANGER ((struct id){{0xee, 1, 2, 3}})

/* -- Damage to any row ----------------------------------------------------- */

static void
cut_a_value(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_INTENT, shop->held);
	struct text value = shop_get(shop, TABLE_INTENTS, key_text(&key));

	value.length--;
	shop_put(shop, TABLE_INTENTS, key_text(&key), value);
}

static void
flip_a_bit(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_EVENT, shop->event);
	struct text value = shop_get(shop, TABLE_EVENTS, key_text(&key));
	char bytes[1024];

	assert_true(value.length <= sizeof(bytes));
	memcpy(bytes, value.bytes, value.length);
	bytes[value.length / 2] ^= 4;
	value.bytes = bytes;
	shop_put(shop, TABLE_EVENTS, key_text(&key), value);
}

/* The checksum is right again: another version wrote it on purpose. */
static void
raise_a_version(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_REFUND, shop->refund);
	struct text value = shop_get(shop, TABLE_REFUNDS, key_text(&key));
	uint8_t bytes[1024];
	size_t body = value.length - 4;

	assert_true(value.length <= sizeof(bytes));
	memcpy(bytes, value.bytes, value.length);
	bytes[1]++;
	bytes_put_le32(bytes + body, checksum(bytes, body));
	value.bytes = (const char *)bytes;
	shop_put(shop, TABLE_REFUNDS, key_text(&key), value);
}

static void
put_a_charge_among_refunds(struct shop *shop)
{
	struct store_key charge = shop_place(shop, KIND_CHARGE, shop->charge);
	struct store_key refund = shop_place(shop, KIND_REFUND, shop->refund);

	shop_put(shop, TABLE_REFUNDS, key_text(&refund),
	    shop_get(shop, TABLE_CHARGES, key_text(&charge)));
}

static void
put_a_short_key(struct shop *shop)
{
	shop_put(shop, TABLE_INTENTS, TEXT("short"), TEXT(""));
}

static void
move_a_record(struct shop *shop)
{
	struct store_key from = shop_place(shop, KIND_CUSTOMER, shop->customer);
	struct store_key to = shop_place(shop, KIND_CUSTOMER, STRANGER);

	shop_put(shop, TABLE_CUSTOMERS, key_text(&to),
	    shop_get(shop, TABLE_CUSTOMERS, key_text(&from)));
}

static void
put_into_another_mode(struct shop *shop)
{
	struct store_key from = shop_place(shop, KIND_REFUND, shop->refund);
	struct store_key to = key_of_object(shop->account, 7, shop->refund);

	shop_put(shop, TABLE_REFUNDS, key_text(&to),
	    shop_get(shop, TABLE_REFUNDS, key_text(&from)));
}

static void
delete_the_account(struct shop *shop)
{
	shop_delete(shop, TABLE_ACCOUNTS,
	    (struct text){(const char *)shop->account.bytes, ID_BYTES});
}

/* -- Damage to records and lists ------------------------------------------- */

static void
delete_a_charge(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_CHARGE, shop->charge);

	shop_delete(shop, TABLE_CHARGES, key_text(&key));
}

static void
delete_a_customer(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_CUSTOMER, shop->gone);

	shop_delete(shop, TABLE_CUSTOMERS, key_text(&key));
}

static struct store_key
row_of(const struct shop *shop, enum list list, struct id owner, struct id id)
{
	return key_of_list_row(shop->account, MODE_TEST, list, owner, id);
}

static void
put_row(struct shop *shop, struct store_key key)
{
	shop_put(shop, TABLE_LISTS, key_text(&key), TEXT(""));
}

static void
delete_row(struct shop *shop, struct store_key key)
{
	shop_delete(shop, TABLE_LISTS, key_text(&key));
}

static void
list_in_no_list(struct shop *shop)
{
	struct store_key key =
	    row_of(shop, LIST_REFUNDS_OF_INTENT, shop->paid, shop->refund);

	key.bytes[ID_BYTES + 1] = LIST_COUNT;
	put_row(shop, key);
}

static void
list_with_a_value(struct shop *shop)
{
	struct store_key key =
	    row_of(shop, LIST_REFUNDS_OF_INTENT, shop->paid, shop->refund);

	shop_put(shop, TABLE_LISTS, key_text(&key), TEXT("x"));
}

#define CHANGE(name, kind, id, change, finding, table, detail)           \
	static void name(struct shop *shop)                              \
	{                                                                \
		union record *record = shop_edit(shop, KIND_##kind, id); \
                                                                         \
		change;                                                  \
		shop_save(shop);                                         \
	}
#define LIST(name, function, list, owner, id, finding, table, detail) \
	static void name(struct shop *shop)                           \
	{                                                             \
		function(shop, row_of(shop, LIST_##list, owner, id)); \
	}
#define ALSO(name, finding, table, detail)
#define LOG(name, finding, table, detail)
#define WEB(name, finding, table, detail)
#include "verify_damage.def"
#undef CHANGE
#undef LIST
#undef ALSO
#undef LOG
#undef WEB

/* -- Damage to indexes and to the schema ----------------------------------- */

static struct store_key
digest_of(struct shop *shop)
{
	return key_of_api_key(
	    &shop_edit(shop, KIND_API_KEY, shop->key)->api_key.digest);
}

static struct store_key
idempotency_of(struct shop *shop)
{
	return key_of_idempotency(
	    &shop_edit(shop, KIND_STORED_OUTCOME, shop->second)
		 ->stored_outcome.key);
}

static void
delete_a_digest(struct shop *shop)
{
	struct store_key key = digest_of(shop);

	shop_delete(shop, TABLE_KEY_DIGESTS, key_text(&key));
}

static void
lead_a_digest_astray(struct shop *shop)
{
	struct store_key key = digest_of(shop);
	struct store_key place = shop_place(shop, KIND_API_KEY, shop->bound);

	shop_put(shop, TABLE_KEY_DIGESTS, key_text(&key), key_text(&place));
}

static void
lead_a_digest_nowhere(struct shop *shop)
{
	struct store_key key = digest_of(shop);
	struct store_key place = shop_place(shop, KIND_API_KEY, STRANGER);

	shop_put(shop, TABLE_KEY_DIGESTS, key_text(&key), key_text(&place));
}

static void
lead_a_digest_to_no_place(struct shop *shop)
{
	struct store_key key = digest_of(shop);

	shop_put(shop, TABLE_KEY_DIGESTS, key_text(&key), TEXT("somewhere"));
}

static void
delete_an_idempotency_key(struct shop *shop)
{
	struct store_key key = idempotency_of(shop);

	shop_delete(shop, TABLE_IDEMPOTENCY, key_text(&key));
}

static void
delete_an_outcome(struct shop *shop)
{
	struct store_key place =
	    shop_place(shop, KIND_STORED_OUTCOME, shop->second);

	shop_delete(shop, TABLE_OUTCOMES, key_text(&place));
}

/* The newer outcome's key leads back to the one that was forgotten. */
static void
lead_back_to_the_old(struct shop *shop)
{
	struct store_key key = idempotency_of(shop);
	struct store_key place =
	    shop_place(shop, KIND_STORED_OUTCOME, shop->first);

	shop_put(shop, TABLE_IDEMPOTENCY, key_text(&key), key_text(&place));
}

static void
lead_an_idempotency_key_to_no_place(struct shop *shop)
{
	struct store_key key = idempotency_of(shop);

	shop_put(shop, TABLE_IDEMPOTENCY, key_text(&key), TEXT(""));
}

static void
delete_the_schema(struct shop *shop)
{
	shop_delete(shop, TABLE_META, TEXT("schema"));
}

/* -- Damage to the indexes of payments in coins ---------------------------- */

static struct store_key
expiry_of(struct shop *shop, struct id id)
{
	return key_of_expiry(
	    shop_edit(shop, KIND_COIN_INTENT, id)->coin_intent.expires,
	    shop->account, MODE_TEST, id);
}

static struct store_key
amount_of(const struct shop *shop, int64_t amount)
{
	return key_of_coin_amount(
	    shop->account, MODE_TEST, shop->fixed, MONEY(amount));
}

static struct store_key
transfer_index_of(const struct shop *shop, uint32_t log_index)
{
	return key_of_transfer(
	    shop->account, MODE_TEST, TILL_CHAIN, TEXT("0x01"), log_index);
}

static struct store_key
count_of(const struct shop *shop, enum list list)
{
	return key_of_list(shop->account, MODE_TEST, list, shop->fixed);
}

static void
delete_a_place(struct shop *shop)
{
	struct store_key key = key_of_place(shop->own);

	shop_delete(shop, TABLE_PLACES, key_text(&key));
}

static void
lead_a_place_astray(struct shop *shop)
{
	struct store_key key = key_of_place(shop->own);
	struct store_key other =
	    shop_place(shop, KIND_COIN_INTENT, shop->shared);

	shop_put(shop, TABLE_PLACES, key_text(&key), key_text(&other));
}

static void
lead_a_place_to_no_place(struct shop *shop)
{
	struct store_key key = key_of_place(shop->own);

	shop_put(shop, TABLE_PLACES, key_text(&key), TEXT("?"));
}

static void
lead_a_place_nowhere(struct shop *shop)
{
	struct store_key key = key_of_place(STRANGER);
	struct store_key other = shop_place(shop, KIND_COIN_INTENT, STRANGER);

	shop_put(shop, TABLE_PLACES, key_text(&key), key_text(&other));
}

static void
delete_an_expiry(struct shop *shop)
{
	struct store_key key = expiry_of(shop, shop->own);

	shop_delete(shop, TABLE_EXPIRIES, key_text(&key));
}

static void
await_what_is_settled(struct shop *shop)
{
	struct store_key key = expiry_of(shop, shop->settled);

	shop_put(shop, TABLE_EXPIRIES, key_text(&key), TEXT(""));
}

static void
await_what_is_not_there(struct shop *shop)
{
	struct store_key key =
	    key_of_expiry(shop->now, shop->account, MODE_TEST, STRANGER);

	shop_put(shop, TABLE_EXPIRIES, key_text(&key), TEXT(""));
}

static void
await_with_a_value(struct shop *shop)
{
	struct store_key key = expiry_of(shop, shop->own);

	shop_put(shop, TABLE_EXPIRIES, key_text(&key), TEXT("x"));
}

static void
free_an_amount(struct shop *shop)
{
	struct store_key key = amount_of(shop, 10000);

	delete_row(shop, key);
}

/* The younger payment gives way to the older one. */
static void
give_an_amount_back(struct shop *shop)
{
	struct store_key key = amount_of(shop, 4500000);
	struct store_key id = key_of_place(shop->replaced);

	shop_put(shop, TABLE_LISTS, key_text(&key), key_text(&id));
}

static void
keep_another_amount(struct shop *shop)
{
	struct store_key key = amount_of(shop, 20000);
	struct store_key id = key_of_place(shop->shared);

	shop_put(shop, TABLE_LISTS, key_text(&key), key_text(&id));
}

static void
keep_an_amount_that_is_settled(struct shop *shop)
{
	struct store_key key = amount_of(shop, 4500000);
	struct store_key id = key_of_place(shop->settled);

	shop_put(shop, TABLE_LISTS, key_text(&key), key_text(&id));
}

static void
keep_an_amount_for_nobody(struct shop *shop)
{
	struct store_key key = amount_of(shop, 20000);

	shop_put(shop, TABLE_LISTS, key_text(&key), TEXT("nobody"));
}

static void
cut_an_amount(struct shop *shop)
{
	struct store_key key = amount_of(shop, 20000);

	key.length--;
	put_row(shop, key);
}

static void
delete_a_transfer_index(struct shop *shop)
{
	struct transfer transfer =
	    shop_edit(shop, KIND_TRANSFER, shop->transfer)->transfer;
	struct store_key key = transfer_index_of(shop, transfer.log_index);

	shop_delete(shop, TABLE_TRANSFER_PLACES, key_text(&key));
}

/* A second place for one transfer, which has one number in the log. */
static void
index_a_transfer_twice(struct shop *shop)
{
	struct store_key key = transfer_index_of(shop, UINT32_MAX);
	struct store_key place =
	    shop_place(shop, KIND_TRANSFER, shop->transfer);

	shop_put(shop, TABLE_TRANSFER_PLACES, key_text(&key), key_text(&place));
}

static void
delete_a_transfer(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_TRANSFER, shop->transfer);

	shop_delete(shop, TABLE_TRANSFERS, key_text(&key));
}

static void
delete_a_balance(struct shop *shop)
{
	struct store_key key = shop_place(shop, KIND_BALANCE, shop->fixed);

	shop_delete(shop, TABLE_BALANCES, key_text(&key));
}

static void
delete_a_count(struct shop *shop)
{
	struct store_key key = count_of(shop, LIST_COINS_SETTLED);

	shop_delete(shop, TABLE_COUNTS, key_text(&key));
}

static void
put_count(struct shop *shop, struct store_key key, uint8_t count)
{
	uint8_t bytes[8] = {count};

	shop_put(shop, TABLE_COUNTS, key_text(&key),
	    (struct text){(const char *)bytes, sizeof(bytes)});
}

static void
count_one_more(struct shop *shop)
{
	put_count(shop, count_of(shop, LIST_COINS_SETTLED), 2);
}

static void
count_what_is_empty(struct shop *shop)
{
	put_count(shop, count_of(shop, LIST_TRANSFERS_FAILED), 1);
}

static void
count_what_is_not_counted(struct shop *shop)
{
	put_count(shop, count_of(shop, LIST_TRANSFERS_OF_INTENT), 1);
}

static void
count_for_a_stranger(struct shop *shop)
{
	put_count(shop,
	    key_of_list(shop->account, MODE_TEST, LIST_COINS_SETTLED, STRANGER),
	    0);
}

static void
count_in_words(struct shop *shop)
{
	struct store_key key = count_of(shop, LIST_COINS_SETTLED);

	shop_put(shop, TABLE_COUNTS, key_text(&key), TEXT("one"));
}

/* -- The table ------------------------------------------------------------- */

#define DAMAGE(name, finding, table, detail)                          \
	{                                                             \
#name, name, FINDING_##finding, TABLE_##table, detail \
	}

const struct damage damages[] = {
    DAMAGE(put_a_short_key, KEY_MALFORMED, INTENTS, ""),
    DAMAGE(cut_a_value, VALUE_DAMAGED, INTENTS, ""),
    DAMAGE(flip_a_bit, VALUE_DAMAGED, EVENTS, ""),
    DAMAGE(raise_a_version, VALUE_OTHER_VERSION, REFUNDS, ""),
    DAMAGE(put_a_charge_among_refunds, VALUE_OTHER_KIND, REFUNDS, ""),
    DAMAGE(move_a_record, ID_DIFFERS, CUSTOMERS, ""),
    DAMAGE(put_into_another_mode, MODE_UNKNOWN, REFUNDS, ""),
    DAMAGE(delete_the_account, ACCOUNT_MISSING, MERCHANTS, ""),
    DAMAGE(delete_the_account, ACCOUNT_MISSING, EVENTS, ""),
    DAMAGE(delete_a_digest, KEY_NOT_INDEXED, API_KEYS, ""),
    DAMAGE(lead_a_digest_astray, KEY_NOT_INDEXED, API_KEYS, ""),
    DAMAGE(lead_a_digest_astray, PLACE_WRONG, KEY_DIGESTS, ""),
    DAMAGE(lead_a_digest_nowhere, PLACE_EMPTY, KEY_DIGESTS, ""),
    DAMAGE(lead_a_digest_to_no_place, PLACE_MALFORMED, KEY_DIGESTS, ""),
    DAMAGE(delete_a_charge, REFERENCE_MISSING, REFUNDS, "charge"),
    DAMAGE(delete_a_charge, EVENT_UNBACKED, EVENTS, ""),
    DAMAGE(delete_a_charge, LIST_EMPTY, LISTS, "charges of intent"),
    DAMAGE(delete_a_customer, EVENT_UNBACKED, EVENTS, ""),
    DAMAGE(list_in_no_list, LIST_UNKNOWN, LISTS, ""),
    DAMAGE(list_with_a_value, LIST_VALUE, LISTS, ""),
    DAMAGE(delete_an_idempotency_key, OUTCOME_NOT_INDEXED, OUTCOMES, ""),
    DAMAGE(delete_an_outcome, PLACE_EMPTY, IDEMPOTENCY, ""),
    DAMAGE(lead_back_to_the_old, OUTCOME_REPLACED, OUTCOMES, ""),
    DAMAGE(
	lead_an_idempotency_key_to_no_place, PLACE_MALFORMED, IDEMPOTENCY, ""),
    DAMAGE(delete_a_place, COIN_NOT_INDEXED, COIN_INTENTS, ""),
    DAMAGE(lead_a_place_astray, COIN_NOT_INDEXED, COIN_INTENTS, ""),
    DAMAGE(lead_a_place_astray, COIN_OTHER, PLACES, ""),
    DAMAGE(lead_a_place_to_no_place, PLACE_MALFORMED, PLACES, ""),
    DAMAGE(lead_a_place_nowhere, PLACE_EMPTY, PLACES, ""),
    DAMAGE(delete_an_expiry, EXPIRY_ABSENT, COIN_INTENTS, ""),
    DAMAGE(await_what_is_settled, EXPIRY_WRONG, EXPIRIES, ""),
    DAMAGE(await_what_is_not_there, EXPIRY_WRONG, EXPIRIES, ""),
    DAMAGE(await_with_a_value, LIST_VALUE, EXPIRIES, ""),
    DAMAGE(free_an_amount, AMOUNT_ABSENT, COIN_INTENTS, ""),
    DAMAGE(give_an_amount_back, AMOUNT_ABSENT, COIN_INTENTS, ""),
    DAMAGE(keep_another_amount, AMOUNT_WRONG, LISTS, ""),
    DAMAGE(keep_an_amount_that_is_settled, AMOUNT_WRONG, LISTS, ""),
    DAMAGE(keep_an_amount_for_nobody, AMOUNT_WRONG, LISTS, ""),
    DAMAGE(cut_an_amount, KEY_MALFORMED, LISTS, ""),
    DAMAGE(delete_a_transfer_index, TRANSFER_NOT_INDEXED, TRANSFERS, ""),
    DAMAGE(index_a_transfer_twice, PLACE_WRONG, TRANSFER_PLACES, ""),
    DAMAGE(delete_a_transfer, PLACE_EMPTY, TRANSFER_PLACES, ""),
    DAMAGE(delete_a_transfer, COIN_RECEIVED, COIN_INTENTS, ""),
    DAMAGE(delete_a_transfer, BALANCE_AVAILABLE, BALANCES, ""),
    DAMAGE(delete_a_transfer, LIST_EMPTY, LISTS, "transfers of intent"),
    DAMAGE(delete_a_balance, TRANSFER_WITHOUT_BALANCE, TRANSFERS, ""),
    DAMAGE(delete_a_count, COUNT_ABSENT, LISTS, "settled payments of merchant"),
    DAMAGE(count_one_more, COUNT_WRONG, COUNTS, "settled payments of merchant"),
    DAMAGE(count_what_is_empty, COUNT_WRONG, COUNTS,
	"failed transfers of merchant"),
    DAMAGE(count_what_is_not_counted, COUNT_UNKNOWN, COUNTS, ""),
    DAMAGE(count_for_a_stranger, COUNT_UNKNOWN, COUNTS, ""),
    DAMAGE(count_in_words, COUNT_MALFORMED, COUNTS, ""),
    DAMAGE(delete_the_schema, SCHEMA_MISSING, META, ""),
    DAMAGE(change_the_schema, SCHEMA_OTHER, META, ""),
    DAMAGE(put_an_unknown_meta_row, META_UNKNOWN, META, ""),
    DAMAGE(put_a_short_mark, MARK_MALFORMED, META, ""),
    DAMAGE(put_a_short_probe, PROBE_MALFORMED, META, ""),
#define CHANGE(name, kind, id, change, finding, table, detail) \
	DAMAGE(name, finding, table, detail),
#define LIST(name, function, list, owner, id, finding, table, detail) \
	DAMAGE(name, finding, table, detail),
#define ALSO(name, finding, table, detail) DAMAGE(name, finding, table, detail),
#define LOG ALSO
#define WEB ALSO
#include "verify_damage.def"
#undef CHANGE
#undef LIST
#undef ALSO
#undef LOG
#undef WEB
};

const size_t damage_count = sizeof(damages) / sizeof(damages[0]);
