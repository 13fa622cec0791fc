#include "store/keys.h"

#include <assert.h>
#include <string.h>

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
