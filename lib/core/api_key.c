#include "core/api_key.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"

enum { ENTROPY_BYTES_MIN = 32, BODY_DIGITS = 32 };

_Static_assert(
    (int)API_KEY_RANDOM_DIGITS + (int)API_KEY_CHECK_DIGITS == BODY_DIGITS,
    "32 characters after the prefix");
_Static_assert(PERMISSION_COUNT <= 32, "a set of permissions is 32 bits");

/* sk_test_, pk_live_ and so on; all have eight characters. */
static const struct {
	enum key_type type;
	enum mode mode;
	struct text prefix;
} prefixes[] = {
    {KEY_TYPE_SECRET, MODE_TEST, {"sk_test_", 8}},
    {KEY_TYPE_SECRET, MODE_LIVE, {"sk_live_", 8}},
    {KEY_TYPE_PUBLISHABLE, MODE_TEST, {"pk_test_", 8}},
    {KEY_TYPE_PUBLISHABLE, MODE_LIVE, {"pk_live_", 8}},
    {KEY_TYPE_RESTRICTED, MODE_TEST, {"rk_test_", 8}},
    {KEY_TYPE_RESTRICTED, MODE_LIVE, {"rk_live_", 8}},
};

enum { PREFIX_COUNT = sizeof(prefixes) / sizeof(prefixes[0]) };

/* The checksum covers the prefix too: sk_ and pk_ are not exchangeable. */
static void
check_digits(struct text key, char to[API_KEY_CHECK_DIGITS])
{
	uint8_t sum[4];
	uint32_t crc = checksum(key.bytes, key.length);

	for (unsigned i = 0; i < sizeof(sum); i++)
		sum[i] = (uint8_t)(crc >> (24 - 8 * i));
	bytes_to_base62(sum, sizeof(sum), to, API_KEY_CHECK_DIGITS);
}

void
api_key_make(enum key_type type, enum mode mode, const uint8_t *entropy,
    size_t entropy_bytes, char to[KEY_TEXT_BYTES])
{
	size_t length = 0;

	assert(entropy_bytes >= ENTROPY_BYTES_MIN);
	for (unsigned i = 0; i < PREFIX_COUNT; i++)
		if (prefixes[i].type == type && prefixes[i].mode == mode)
			length =
			    text_copy(prefixes[i].prefix, to, KEY_TEXT_BYTES);
	assert(length > 0);
	bytes_to_base62(
	    entropy, entropy_bytes, to + length, API_KEY_RANDOM_DIGITS);
	length += API_KEY_RANDOM_DIGITS;
	check_digits((struct text){to, length}, to + length);
	length += API_KEY_CHECK_DIGITS;
	assert(length == KEY_TEXT_BYTES - 1);
	to[length] = '\0';
}

bool
api_key_is_wellformed(struct text key)
{
	char digits[API_KEY_CHECK_DIGITS];
	size_t body = KEY_TEXT_BYTES - 1 - API_KEY_CHECK_DIGITS;
	bool known = false;

	if (key.length != KEY_TEXT_BYTES - 1)
		return false;
	for (unsigned i = 0; i < PREFIX_COUNT; i++)
		known |= text_starts(key, prefixes[i].prefix);
	check_digits((struct text){key.bytes, body}, digits);
	return known &&
	       memcmp(digits, key.bytes + body, API_KEY_CHECK_DIGITS) == 0;
}

uint32_t
permissions_close(uint32_t permissions)
{
	static const struct {
		enum permission write;
		enum permission read;
	} pairs[] = {
	    {PERMISSION_INTENTS_WRITE, PERMISSION_INTENTS_READ},
	    {PERMISSION_REFUNDS_WRITE, PERMISSION_REFUNDS_READ},
	    {PERMISSION_CUSTOMERS_WRITE, PERMISSION_CUSTOMERS_READ},
	    {PERMISSION_API_KEYS_WRITE, PERMISSION_API_KEYS_READ},
	    {PERMISSION_ENDPOINTS_WRITE, PERMISSION_ENDPOINTS_READ},
	};

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if ((permissions & (1u << pairs[i].write)) != 0)
			permissions |= 1u << pairs[i].read;
	return permissions;
}
