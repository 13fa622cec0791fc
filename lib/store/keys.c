#include "store/keys.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum { IDEMPOTENCY_DIGEST_BYTES = 16 };

static void
append(struct store_key *key, const void *bytes, size_t length)
{
	assert(key->length + length <= sizeof(key->bytes));
	memcpy(key->bytes + key->length, bytes, length);
	key->length = (uint8_t)(key->length + length);
}

struct text
key_text(const struct store_key *key)
{
	return (struct text){(const char *)key->bytes, key->length};
}

struct store_key
key_of_account(struct id account)
{
	struct store_key key = {0};

	append(&key, account.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_merchant(struct id account, struct id merchant)
{
	struct store_key key = key_of_account(account);

	append(&key, merchant.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_objects(struct id account, uint8_t mode)
{
	struct store_key key = key_of_account(account);

	append(&key, &mode, 1);
	return key;
}

struct store_key
key_of_object(struct id account, uint8_t mode, struct id id)
{
	struct store_key key = key_of_objects(account, mode);

	append(&key, id.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_list(struct id account, uint8_t mode, enum list list, struct id owner)
{
	struct store_key key = key_of_objects(account, mode);
	uint8_t byte = (uint8_t)list;

	assert(list > LIST_NONE && list < LIST_COUNT);
	append(&key, &byte, 1);
	append(&key, owner.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_list_row(struct id account, uint8_t mode, enum list list,
    struct id owner, struct id id)
{
	struct store_key key = key_of_list(account, mode, list, owner);

	append(&key, id.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_idempotency(const struct digest *digest)
{
	struct store_key key = {0};

	append(&key, digest->bytes, IDEMPOTENCY_DIGEST_BYTES);
	return key;
}

bool
list_is_counted(enum list list)
{
	return list >= LIST_COINS_OF_MERCHANT && list <= LIST_TRANSFERS_FAILED;
}

struct store_key
key_of_expiry(
    struct instant expires, struct id account, uint8_t mode, struct id id)
{
	struct store_key place = key_of_object(account, mode, id);
	struct store_key key = {0};
	uint8_t time[8];

	bytes_put_be64(time, (uint64_t)expires.us);
	append(&key, time, sizeof(time));
	append(&key, place.bytes, place.length);
	return key;
}

struct store_key
key_of_expiry_end(struct instant now)
{
	struct store_key key = {0};
	uint8_t time[8];

	/* What expires now has expired. */
	bytes_put_be64(time, (uint64_t)now.us + 1);
	append(&key, time, sizeof(time));
	return key;
}

struct store_key
key_of_transfer(struct id account, uint8_t mode, uint32_t chain_id,
    struct text tx_hash, uint32_t log_index)
{
	struct store_key key = key_of_objects(account, mode);
	struct digest digest = digest_text(tx_hash);
	uint8_t numbers[8];

	bytes_put_le32(numbers, chain_id);
	bytes_put_le32(numbers + 4, log_index);
	append(&key, digest.bytes, sizeof(digest.bytes));
	append(&key, numbers, sizeof(numbers));
	return key;
}

struct store_key
key_of_coin_amount(
    struct id account, uint8_t mode, struct id merchant, struct money amount)
{
	struct store_key key =
	    key_of_list(account, mode, LIST_COIN_AMOUNTS, merchant);
	uint8_t units[8];

	bytes_put_be64(units, (uint64_t)amount.units);
	append(&key, units, sizeof(units));
	return key;
}

struct store_key
key_of_address(struct text address)
{
	struct digest digest = digest_text(address);
	struct store_key key = {0};

	append(&key, digest.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_deliveries(struct id account, uint8_t mode, struct id endpoint)
{
	return key_of_object(account, mode, endpoint);
}

struct store_key
key_of_delivery(
    struct id account, uint8_t mode, struct id endpoint, struct id event)
{
	struct store_key key = key_of_deliveries(account, mode, endpoint);

	append(&key, event.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_attempt(struct id account, uint8_t mode, struct id endpoint,
    struct id event, uint32_t number)
{
	struct store_key key = key_of_delivery(account, mode, endpoint, event);
	uint8_t bytes[4];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(number >> (24 - 8 * i));
	append(&key, bytes, sizeof(bytes));
	return key;
}

struct store_key
key_of_due(struct id endpoint, struct instant due, struct id event)
{
	struct store_key key = key_of_place(endpoint);
	uint8_t time[8];

	bytes_put_be64(time, (uint64_t)due.us);
	append(&key, time, sizeof(time));
	append(&key, event.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_audit(uint64_t sequence)
{
	struct store_key key = {0};
	uint8_t number[8];

	bytes_put_be64(number, sequence);
	append(&key, number, sizeof(number));
	return key;
}

struct store_key
key_of_place(struct id id)
{
	struct store_key key = {0};

	append(&key, id.bytes, ID_BYTES);
	return key;
}

struct store_key
key_of_api_key(const struct digest *digest)
{
	struct store_key key = {0};

	append(&key, digest->bytes, DIGEST_BYTES);
	return key;
}

struct store_key
key_append(const struct store_key *prefix, struct id id)
{
	struct store_key key = *prefix;

	append(&key, id.bytes, ID_BYTES);
	return key;
}

struct store_key
key_end(const struct store_key *prefix)
{
	struct store_key key = *prefix;

	while (key.length > 0 && key.bytes[key.length - 1] == UINT8_MAX)
		key.length--;
	if (key.length > 0)
		key.bytes[key.length - 1]++;
	return key;
}

struct store_key
key_behind(const struct store_key *key)
{
	struct store_key next = *key;

	if (next.length == sizeof(next.bytes))
		return key_end(key);
	next.bytes[next.length++] = 0;
	return next;
}

struct store_key
key_copy(struct text key)
{
	struct store_key copy = {0};

	append(&copy, key.bytes, key.length);
	return copy;
}

struct id
key_id(struct text key)
{
	struct id id;

	assert(key.length >= ID_BYTES);
	memcpy(id.bytes, key.bytes + key.length - ID_BYTES, ID_BYTES);
	return id;
}

bool
place_parse(struct text key, struct place *place)
{
	if (key.length != ID_BYTES + 1 + ID_BYTES)
		return false;
	memcpy(place->account.bytes, key.bytes, ID_BYTES);
	place->mode = (uint8_t)key.bytes[ID_BYTES];
	place->id = key_id(key);
	return true;
}
