#include "engine/addresses.h"

#include <assert.h>
#include <string.h>

#include "base/eth_address.h"
#include "base/hd_key.h"

/* The address in text, in the command's arena. */
static enum store_result
put_address(
    struct work *work, struct eth_address address, struct coin_intent *intent)
{
	char text[ETH_ADDRESS_TEXT_BYTES];

	eth_address_format(address, text);
	intent->payment_address =
	    arena_copy(&work->engine->arena, text_of(text));
	return intent->payment_address.bytes == NULL ? STORE_UNAVAILABLE
						     : STORE_OK;
}

enum store_result
address_claim(struct work *work, const struct merchant *merchant,
    struct text address, bool *claimed)
{
	struct store_key key = key_of_address(address);
	struct store_key owner =
	    key_of_merchant(merchant->account, merchant->id);
	enum store_result result;
	struct text holder;

	result = store_get(
	    work->transaction, TABLE_ADDRESSES, key_text(&key), &holder);
	*claimed = result == STORE_MISSING;
	if (result != STORE_MISSING)
		return result;
	work->wrote = true;
	return store_put(work->transaction, TABLE_ADDRESSES, key_text(&key),
	    key_text(&owner));
}

/*
 * The next child of the merchant's extended key whose address nobody was
 * given yet: two keys may have the same children.  Each number that was
 * looked at is used up.
 */
static enum store_result
assign_child(
    struct work *work, struct merchant *merchant, struct coin_intent *intent)
{
	struct store_key key =
	    key_of_merchant(work->command->scope.account, merchant->id);
	enum store_result result = STORE_OK;
	struct hd_key account;
	struct hd_key receiving;
	bool claimed = false;

	if (hd_key_parse(merchant->extended_key, &account) != HD_KEY_PARSE_OK)
		return STORE_DAMAGED;
	while (result == STORE_OK && !claimed) {
		enum hd_key_child child = hd_key_receiving(
		    &account, merchant->next_child++, &receiving);

		/*
		 * Two thousand million payments: another key is needed, and
		 * a larger store would be of no use.
		 */
		if (child == HD_KEY_CHILD_HARDENED)
			return STORE_UNAVAILABLE;
		if (child == HD_KEY_CHILD_INVALID)
			continue;
		result =
		    put_address(work, eth_address_of(receiving.point), intent);
		if (result == STORE_OK)
			result = address_claim(
			    work, merchant, intent->payment_address, &claimed);
	}
	if (result != STORE_OK)
		return result;
	return work_save_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), merchant);
}

/* An address of test mode that comes from nothing but the payment's id. */
static enum store_result
assign_sandbox(struct work *work, const struct merchant *merchant,
    struct coin_intent *intent, bool *assigned)
{
	struct digest digest = digest_text(
	    (struct text){(const char *)work->command->fresh.bytes, ID_BYTES});
	struct eth_address address;
	enum store_result result;

	memcpy(address.bytes, digest.bytes, sizeof(address.bytes));
	result = put_address(work, address, intent);
	if (result != STORE_OK)
		return result;
	return address_claim(work, merchant, intent->payment_address, assigned);
}

enum store_result
address_assign(struct work *work, struct merchant *merchant,
    struct coin_intent *intent, bool *assigned)
{
	*assigned = true;
	if (merchant->extended_key.length > 0)
		return assign_child(work, merchant, intent);
	if (merchant->payment_address.length > 0) {
		intent->payment_address = merchant->payment_address;
		intent->address_shared = true;
		return STORE_OK;
	}
	if (work->command->scope.mode == MODE_TEST)
		return assign_sandbox(work, merchant, intent, assigned);
	*assigned = false;
	refuse_about(&work->outcome->error, ERROR_MERCHANT_NOT_ACTIVE,
	    TEXT_NONE, TEXT_NONE, TEXT("without a payment address"));
	return STORE_OK;
}
