#include "base/eth_address.h"

#include <string.h>

#include "base/bytes.h"
#include "base/keccak.h"

enum { DIGITS = 2 * ETH_ADDRESS_BYTES };

static const struct text prefix = {"0x", 2};

struct eth_address
eth_address_of(const uint8_t point[ETH_PUBLIC_KEY_BYTES])
{
	struct eth_address address;
	struct keccak keccak = keccak_text(
	    (struct text){(const char *)point, ETH_PUBLIC_KEY_BYTES});

	memcpy(address.bytes, keccak.bytes + KECCAK_BYTES - ETH_ADDRESS_BYTES,
	    ETH_ADDRESS_BYTES);
	return address;
}

bool
eth_address_is_zero(struct eth_address address)
{
	return eth_address_equal(address, (struct eth_address){{0}});
}

bool
eth_address_equal(struct eth_address a, struct eth_address b)
{
	return memcmp(a.bytes, b.bytes, ETH_ADDRESS_BYTES) == 0;
}

static bool
is_small(char digit)
{
	return digit >= 'a' && digit <= 'f';
}

static bool
is_capital(char digit)
{
	return digit >= 'A' && digit <= 'F';
}

/* The value of a hexadecimal digit, or -1. */
static int
value_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (is_small(digit))
		return digit - 'a' + 10;
	if (is_capital(digit))
		return digit - 'A' + 10;
	return -1;
}

void
eth_address_format(struct eth_address address, char to[ETH_ADDRESS_TEXT_BYTES])
{
	char *digits = to + prefix.length;

	memcpy(to, prefix.bytes, prefix.length);
	bytes_to_hex(address.bytes, ETH_ADDRESS_BYTES, digits);
	/* A letter is capital where the digest of all digits has 8 to f. */
	struct keccak keccak = keccak_text((struct text){digits, DIGITS});
	for (unsigned i = 0; i < DIGITS; i++) {
		uint8_t high_bit = i % 2 == 0 ? 0x80 : 0x08;

		if (is_small(digits[i]) && keccak.bytes[i / 2] & high_bit)
			digits[i] = (char)(digits[i] - 'a' + 'A');
	}
}

static bool
read_digits(const char *digits, struct eth_address *address)
{
	for (unsigned i = 0; i < ETH_ADDRESS_BYTES; i++) {
		int high = value_of(digits[2 * i]);
		int low = value_of(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		address->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Letters of both cases: somebody has put a checksum into them. */
static bool
is_mixed(struct text digits)
{
	bool small = false, capital = false;

	for (size_t i = 0; i < digits.length; i++) {
		small |= is_small(digits.bytes[i]);
		capital |= is_capital(digits.bytes[i]);
	}
	return small && capital;
}

bool
eth_address_parse(struct text text, struct eth_address *address)
{
	struct eth_address parsed;
	char formatted[ETH_ADDRESS_TEXT_BYTES];

	if (text.length != prefix.length + DIGITS || !text_starts(text, prefix))
		return false;
	struct text digits = text_after(text, prefix.length);
	if (!read_digits(digits.bytes, &parsed))
		return false;
	eth_address_format(parsed, formatted);
	if (is_mixed(digits) && !text_equal(text, text_of(formatted)))
		return false;
	*address = parsed;
	return true;
}
