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
	return intent->payment_address.bytes == NULL ? STORE_FULL : STORE_OK;
}

/* The next child of the merchant's extended key; its number is used up. */
static enum store_result
assign_child(
    struct work *work, struct merchant *merchant, struct coin_intent *intent)
{
	struct store_key key =
	    key_of_merchant(work->command->scope.account, merchant->id);
	enum hd_key_child child = HD_KEY_CHILD_INVALID;
	struct hd_key account;
	struct hd_key receiving;
	enum store_result result;

	if (hd_key_parse(merchant->extended_key, &account) != HD_KEY_PARSE_OK)
		return STORE_DAMAGED;
	while (child == HD_KEY_CHILD_INVALID)
		child = hd_key_receiving(
		    &account, merchant->next_child++, &receiving);
	/* Two thousand million payments: the merchant needs another key. */
	if (child != HD_KEY_CHILD_OK)
		return STORE_FULL;
	result = put_address(work, eth_address_of(receiving.point), intent);
	if (result != STORE_OK)
		return result;
	return work_save_key(
	    work, TABLE_MERCHANTS, KIND_MERCHANT, key_text(&key), merchant);
}

/* An address of test mode that comes from nothing but the payment's id. */
static enum store_result
assign_sandbox(struct work *work, struct coin_intent *intent)
{
	struct digest digest = digest_text(
	    (struct text){(const char *)work->command->fresh.bytes, ID_BYTES});
	struct eth_address address;

	memcpy(address.bytes, digest.bytes, sizeof(address.bytes));
	return put_address(work, address, intent);
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
		return assign_sandbox(work, intent);
	*assigned = false;
	refuse_about(&work->outcome->error, ERROR_MERCHANT_NOT_ACTIVE,
	    TEXT_NONE, TEXT_NONE, TEXT("without a payment address"));
	return STORE_OK;
}
