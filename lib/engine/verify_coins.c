/*
 * What holds of payments in coins: the payments themselves, the transfers
 * that pay them, what merchants have of it, and the indexes of all that.
 */
#include "base/bytes.h"
#include "base/eth_address.h"
#include "base/hd_key.h"
#include "core/coin_intent.h"
#include "core/fee.h"
#include "engine/verify_work.h"

/* Somebody can have the key of it. */
static bool
is_payable(struct text address)
{
	struct eth_address parsed;

	return eth_address_parse(address, &parsed) &&
	       !eth_address_is_zero(parsed);
}

static void
check_fee_rate(struct verification *verification, uint32_t rate)
{
	if (rate > FEE_RATE_ONE)
		verify_find(verification, FINDING_FEE_RATE, TEXT_NONE);
}

void
verify_coin_merchant(
    struct verification *verification, const union record *record)
{
	const struct merchant *merchant = &record->merchant;
	bool has_address = merchant->payment_address.length > 0;
	bool has_key = merchant->extended_key.length > 0;
	struct hd_key key;

	if (has_address && !is_payable(merchant->payment_address))
		verify_find(verification, FINDING_MERCHANT_ADDRESS, TEXT_NONE);
	if (has_key &&
	    hd_key_parse(merchant->extended_key, &key) != HD_KEY_PARSE_OK)
		verify_find(verification, FINDING_MERCHANT_KEY, TEXT_NONE);
	if (has_address && has_key)
		verify_find(
		    verification, FINDING_MERCHANT_PAID_TWICE, TEXT_NONE);
	check_fee_rate(verification, merchant->fee_rate);
}

/* -- Payments -------------------------------------------------------------- */

/* What transfers come to; saturates, as a payment's own sum does. */
struct sum {
	struct verification *verification; /* borrowed */
	struct money money;
};

static void
sum_add(struct sum *sum, struct money money)
{
	if (!money_add(sum->money, money, &sum->money))
		sum->money = MONEY(INT64_MAX);
}

static bool
add_amount(struct text key, struct text value, void *context)
{
	struct sum *sum = context;
	union record record;

	(void)value;
	/* A row without its transfer is a finding of the list. */
	if (verify_load_object(
		sum->verification, KIND_TRANSFER, key_id(key), &record))
		sum_add(sum, record.transfer.amount);
	return true;
}

static bool
is_awaited(const struct coin_intent *intent)
{
	return intent->state == STATE_AWAITING_PAYMENT;
}

/* Whether somebody else may have taken an intent's amount after its time. */
struct successor {
	struct verification *verification; /* borrowed */
	const struct coin_intent *intent;  /* borrowed */
	bool found;
};

static bool
see_successor(struct text key, struct text value, void *context)
{
	struct successor *successor = context;
	const struct coin_intent *intent = successor->intent;
	union record record;

	(void)value;
	successor->found =
	    verify_load_object(successor->verification, KIND_COIN_INTENT,
		key_id(key), &record) &&
	    record.coin_intent.address_shared &&
	    money_compare(record.coin_intent.amount, intent->amount) == 0 &&
	    !instant_before(record.coin_intent.created, intent->expires);
	return !successor->found;
}

/* Payments made from its expiry on; it is rare that they are looked at. */
static bool
has_successor(
    struct verification *verification, const struct coin_intent *intent)
{
	const struct place *place = &verification->place;
	struct store_key prefix = key_of_list(place->account, place->mode,
	    LIST_COINS_OF_MERCHANT, intent->merchant);
	struct store_key first = key_append(&prefix, id_floor(intent->expires));
	struct store_key end = key_end(&prefix);
	struct store_range range = {key_text(&first), key_text(&end), false};
	struct successor successor = {verification, intent, false};
	enum store_result result;

	result = store_scan(verification->transaction, TABLE_LISTS, &range,
	    see_successor, &successor);
	if (result != STORE_OK)
		verification->result = result;
	return successor.found;
}

/*
 * What is awaited at a shared address keeps its amount there, until another
 * payment takes it: after its time, even if nobody has written that down.
 */
static void
check_awaited_amount(
    struct verification *verification, const struct coin_intent *intent)
{
	const struct place *place = &verification->place;
	struct store_key key = key_of_coin_amount(
	    place->account, place->mode, intent->merchant, intent->amount);
	struct store_key id = key_of_place(intent->id);
	struct text holder;

	if (verify_get(verification, TABLE_LISTS, key_text(&key), &holder) &&
	    text_equal(holder, key_text(&id)))
		return;
	if (!has_successor(verification, intent))
		verify_find(verification, FINDING_AMOUNT_ABSENT, TEXT_NONE);
}

static void
check_awaited(
    struct verification *verification, const struct coin_intent *intent)
{
	const struct place *place = &verification->place;
	struct store_key expiry = key_of_expiry(
	    intent->expires, place->account, place->mode, intent->id);
	struct text value;

	if (!verify_get(
		verification, TABLE_EXPIRIES, key_text(&expiry), &value))
		verify_find(verification, FINDING_EXPIRY_ABSENT, TEXT_NONE);
	if (intent->address_shared)
		check_awaited_amount(verification, intent);
}

/* The address is noted as the merchant's, whoever else might want it. */
static void
check_address(
    struct verification *verification, const struct coin_intent *intent)
{
	struct store_key key = key_of_address(intent->payment_address);
	struct store_key owner =
	    key_of_merchant(verification->place.account, intent->merchant);
	struct text value;

	if (!is_payable(intent->payment_address))
		return; /* has been reported */
	if (!verify_get(
		verification, TABLE_ADDRESSES, key_text(&key), &value) ||
	    !text_equal(value, key_text(&owner)))
		verify_find(verification, FINDING_COIN_NOT_INDEXED, TEXT_NONE);
}

void
verify_coin_intent(
    struct verification *verification, const union record *record)
{
	const struct coin_intent *intent = &record->coin_intent;
	struct store_key id = key_of_place(intent->id);
	struct sum received = {verification, MONEY_NONE};
	struct text leads_to;

	if (!coin_intent_is_consistent(intent))
		verify_find(verification, FINDING_COIN_INCONSISTENT, TEXT_NONE);
	if (!is_payable(intent->payment_address))
		verify_find(verification, FINDING_COIN_ADDRESS, TEXT_NONE);
	check_fee_rate(verification, intent->fee_rate);
	if (!verify_get(verification, TABLE_PLACES, key_text(&id), &leads_to) ||
	    !text_equal(leads_to, verification->key))
		verify_find(verification, FINDING_COIN_NOT_INDEXED, TEXT_NONE);
	check_address(verification, intent);
	verify_scan_list(verification, LIST_TRANSFERS_OF_INTENT, intent->id,
	    add_amount, &received);
	if (money_compare(received.money, intent->amount_received) != 0)
		verify_find(verification, FINDING_COIN_RECEIVED, TEXT_NONE);
	if (is_awaited(intent))
		check_awaited(verification, intent);
}

void
verify_address(struct verification *verification, struct text value)
{
	struct text merchant;

	if (value.length != ID_BYTES + ID_BYTES ||
	    !verify_get(verification, TABLE_MERCHANTS, value, &merchant))
		verify_find(verification, FINDING_PLACE_EMPTY, TEXT_NONE);
}

void
verify_place(struct verification *verification, struct text value)
{
	union record record;

	if (!verify_follow(verification, value, KIND_COIN_INTENT, &record))
		return;
	if (!id_equal(record.coin_intent.id, key_id(verification->key)))
		verify_find(verification, FINDING_COIN_OTHER, TEXT_NONE);
}

/* The place in the key is that of a payment which is awaited until then. */
void
verify_expiry(struct verification *verification, struct text value)
{
	struct text place_key = text_after(verification->key, 8);
	struct place *place = &verification->place;
	bool is_place = place_parse(place_key, place);
	struct store_key expiry;
	union record record;

	if (value.length > 0)
		verify_find(verification, FINDING_LIST_VALUE, TEXT_NONE);
	if (is_place && verify_load(verification, TABLE_COIN_INTENTS,
			    KIND_COIN_INTENT, place_key, &record)) {
		expiry = key_of_expiry(record.coin_intent.expires,
		    place->account, place->mode, place->id);
		if (is_awaited(&record.coin_intent) &&
		    text_equal(key_text(&expiry), verification->key))
			return;
	}
	verify_find(verification, FINDING_EXPIRY_WRONG, TEXT_NONE);
}

/* The value is the id of a payment that is awaited with this very key. */
void
verify_amount(struct verification *verification, struct text value)
{
	const struct place *place = &verification->place;
	const struct coin_intent *intent;
	struct store_key key;
	union record record;

	if (value.length == ID_BYTES &&
	    verify_load_object(
		verification, KIND_COIN_INTENT, key_id(value), &record)) {
		intent = &record.coin_intent;
		key = key_of_coin_amount(place->account, place->mode,
		    intent->merchant, intent->amount);
		if (is_awaited(intent) && intent->address_shared &&
		    text_equal(key_text(&key), verification->key))
			return;
	}
	verify_find(verification, FINDING_AMOUNT_WRONG, TEXT_NONE);
}

/* -- Transfers ------------------------------------------------------------- */

/* Chain and number in the log, at the end of a key of TRANSFER_PLACES. */
enum { CHAIN_BYTES = 4, LOG_INDEX_BYTES = 4 };

/* The row of the index for a transfer; its record does not know the chain. */
struct index_search {
	struct text place; /* borrowed */
	uint32_t log_index;
	bool found;
};

static bool
see_index_row(struct text key, struct text value, void *context)
{
	struct index_search *search = context;
	const uint8_t *end = (const uint8_t *)key.bytes + key.length;

	search->found =
	    bytes_get_le32(end - LOG_INDEX_BYTES) == search->log_index &&
	    text_equal(value, search->place);
	return !search->found;
}

static bool
is_indexed(struct verification *verification, const struct transfer *transfer)
{
	const struct place *place = &verification->place;
	struct store_key first = key_of_transfer(
	    place->account, place->mode, 0, transfer->tx_hash, 0);
	struct index_search search = {
	    verification->key, transfer->log_index, false};
	enum store_result result;
	struct store_range range;
	struct store_key end;

	/* The rows of all chains and numbers of one transaction's hash. */
	first.length -= CHAIN_BYTES + LOG_INDEX_BYTES;
	end = key_end(&first);
	range = (struct store_range){key_text(&first), key_text(&end), false};
	result = store_scan(verification->transaction, TABLE_TRANSFER_PLACES,
	    &range, see_index_row, &search);
	if (result != STORE_OK)
		verification->result = result;
	return search.found;
}

void
verify_transfer(struct verification *verification, const union record *record)
{
	const struct transfer *transfer = &record->transfer;
	const struct place *place = &verification->place;
	struct store_key balance =
	    key_of_object(place->account, place->mode, transfer->merchant);
	union record intent;
	struct text value;

	if (!money_is_positive(transfer->amount))
		verify_find(verification, FINDING_TRANSFER_AMOUNT, TEXT_NONE);
	check_fee_rate(verification, transfer->fee_rate);
	if (instant_is_set(transfer->settled) !=
	    (transfer->status == TRANSACTION_SETTLED))
		verify_find(verification, FINDING_TRANSFER_SETTLED, TEXT_NONE);
	if (!is_indexed(verification, transfer))
		verify_find(
		    verification, FINDING_TRANSFER_NOT_INDEXED, TEXT_NONE);
	if (!verify_get(
		verification, TABLE_BALANCES, key_text(&balance), &value))
		verify_find(
		    verification, FINDING_TRANSFER_WITHOUT_BALANCE, TEXT_NONE);
	if (id_is_set(transfer->intent) &&
	    verify_load_object(
		verification, KIND_COIN_INTENT, transfer->intent, &intent) &&
	    !id_equal(intent.coin_intent.merchant, transfer->merchant))
		verify_find(verification, FINDING_INTENT_OF_OTHERS, TEXT_NONE);
}

void
verify_transfer_place(struct verification *verification, struct text value)
{
	struct text key = verification->key;
	const uint8_t *numbers = (const uint8_t *)key.bytes + key.length -
				 CHAIN_BYTES - LOG_INDEX_BYTES;
	struct store_key expected;
	struct place place;
	union record record;

	if (!verify_follow(verification, value, KIND_TRANSFER, &record) ||
	    !place_parse(value, &place))
		return;
	expected =
	    key_of_transfer(place.account, place.mode, bytes_get_le32(numbers),
		record.transfer.tx_hash, record.transfer.log_index);
	if (!text_equal(key_text(&expected), key))
		verify_find(verification, FINDING_PLACE_WRONG, TEXT_NONE);
}

/* -- Balances and counts --------------------------------------------------- */

static bool
add_net(struct text key, struct text value, void *context)
{
	struct sum *sum = context;
	const struct transfer *transfer;
	union record record;

	(void)value;
	if (!verify_load_object(
		sum->verification, KIND_TRANSFER, key_id(key), &record))
		return true;
	transfer = &record.transfer;
	/* Of what cannot be, its own row tells; here it is nothing. */
	if (transfer->amount.units >= 0 && transfer->fee_rate <= FEE_RATE_ONE)
		sum_add(sum, fee_of(transfer->amount, transfer->fee_rate).net);
	return true;
}

static bool
is_sum(struct verification *verification, enum list list, struct id merchant,
    struct money money)
{
	struct sum sum = {verification, MONEY_NONE};

	verify_scan_list(verification, list, merchant, add_net, &sum);
	return money_compare(sum.money, money) == 0;
}

void
verify_balance(struct verification *verification, const union record *record)
{
	const struct balance *balance = &record->balance;

	if (!is_sum(verification, LIST_TRANSFERS_SETTLED, balance->id,
		balance->available))
		verify_find(verification, FINDING_BALANCE_AVAILABLE, TEXT_NONE);
	if (!is_sum(verification, LIST_TRANSFERS_CONFIRMED, balance->id,
		balance->pending))
		verify_find(verification, FINDING_BALANCE_PENDING, TEXT_NONE);
}

static bool
count_row(struct text key, struct text value, void *context)
{
	uint64_t *count = context;

	(void)key;
	(void)value;
	(*count)++;
	return true;
}

/* The key is that of a whole list, of a merchant that there is. */
void
verify_count(struct verification *verification, struct text value)
{
	struct text key = verification->key;
	uint8_t list = (uint8_t)key.bytes[ID_BYTES + 1];
	struct place *place = &verification->place;
	struct store_key merchant;
	uint64_t length = 0;
	struct text owner;

	*place = (struct place){
	    .account = key_id((struct text){key.bytes, ID_BYTES}),
	    .mode = (uint8_t)key.bytes[ID_BYTES],
	    .id = key_id(key),
	};
	merchant = key_of_merchant(place->account, place->id);
	if (!list_is_counted((enum list)list) ||
	    !verify_get(
		verification, TABLE_MERCHANTS, key_text(&merchant), &owner)) {
		verify_find(verification, FINDING_COUNT_UNKNOWN, TEXT_NONE);
		return;
	}
	if (value.length != sizeof(length)) {
		verify_find(verification, FINDING_COUNT_MALFORMED, TEXT_NONE);
		return;
	}
	verify_scan_list(
	    verification, (enum list)list, place->id, count_row, &length);
	if (bytes_get_le64((const uint8_t *)value.bytes) != length)
		verify_find(
		    verification, FINDING_COUNT_WRONG, verify_list_name(list));
}
