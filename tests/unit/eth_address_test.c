#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/eth_address.h"

/* EIP-55's test cases: capitals alone, small letters alone, and both. */
static const char *const published[] = {
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
};
enum { PUBLISHED = sizeof(published) / sizeof(published[0]) };

/* SEC 2: the base point of secp256k1, the public key of private key 1. */
static const uint8_t base_point[ETH_PUBLIC_KEY_BYTES] = {0x79, 0xbe, 0x66, 0x7e,
    0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
    0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b,
    0x16, 0xf8, 0x17, 0x98, 0x48, 0x3a, 0xda, 0x77, 0x26, 0xa3, 0xc4, 0x65,
    0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8, 0xfd, 0x17, 0xb4, 0x48,
    0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8};

static void
assert_text(struct eth_address address, const char *expected)
{
	char text[ETH_ADDRESS_TEXT_BYTES];

	eth_address_format(address, text);
	assert_string_equal(text, expected);
}

static void
a_public_key_has_its_address(void **state)
{
	(void)state;
	assert_text(eth_address_of(base_point),
	    "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
}

static void
published_addresses_come_back_as_they_were(void **state)
{
	struct eth_address address;

	(void)state;
	for (size_t i = 0; i < PUBLISHED; i++) {
		assert_true(eth_address_parse(text_of(published[i]), &address));
		assert_text(address, published[i]);
	}
}

/* Changes the case of all letters behind the 0x. */
static void
fold(char *text, char first, char last, int offset)
{
	for (char *at = text + 2; *at != '\0'; at++) {
		if (*at >= first && *at <= last)
			*at = (char)(*at + offset);
	}
}

static void
letters_of_one_case_carry_no_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < PUBLISHED; i++) {
		char text[ETH_ADDRESS_TEXT_BYTES];
		struct eth_address address;

		memcpy(text, published[i], sizeof(text));
		fold(text, 'A', 'F', 'a' - 'A');
		assert_true(eth_address_parse(text_of(text), &address));
		assert_text(address, published[i]);
		fold(text, 'a', 'f', 'A' - 'a');
		assert_true(eth_address_parse(text_of(text), &address));
		assert_text(address, published[i]);
	}
}

static void
every_letter_of_the_other_case_breaks_the_checksum(void **state)
{
	struct eth_address address;
	unsigned letters = 0;

	(void)state;
	for (size_t i = 4; i < PUBLISHED; i++) {
		for (size_t at = 2; at < ETH_ADDRESS_TEXT_BYTES - 1; at++) {
			char text[ETH_ADDRESS_TEXT_BYTES];

			memcpy(text, published[i], sizeof(text));
			if (text[at] <= '9')
				continue;
			text[at] ^= 'a' ^ 'A';
			letters++;
			assert_false(
			    eth_address_parse(text_of(text), &address));
		}
	}
	assert_true(letters > 40);
}

static void
texts_in_any_other_form_are_refused(void **state)
{
	static const char *const refused[] = {
	    "",
	    "0x",
	    "0x52908400098527886e0f7030069857d2e4169ee",   /* too short */
	    "0x52908400098527886e0f7030069857d2e4169ee71", /* too long */
	    "52908400098527886e0f7030069857d2e4169ee7",	   /* no 0x */
	    "0052908400098527886e0f7030069857d2e4169ee7",
	    "0X52908400098527886E0F7030069857D2E4169EE7",
	    "0x52908400098527886e0f7030069857d2e4169eg7", /* no digit */
	    "0x52908400098527886e0f7030069857d2e4169e:7",
	    "0x52908400098527886e0f7030069857d2e4169e/7",
	    "0x52908400098527886e0f7030069857d2e4169e@7",
	    "0x52908400098527886e0f7030069857d2e4169e`7",
	    "0x52908400098527886e0f7030069857d2e4169e\3777",
	    " 0x52908400098527886e0f7030069857d2e4169ee7", /* space */
	    "0x52908400098527886e0f7030069857d2e4169ee ",
	    "0x-2908400098527886e0f7030069857d2e4169ee7",
	    "vitalik.eth",
	};
	struct eth_address address = eth_address_of(base_point);

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(eth_address_parse(text_of(refused[i]), &address));
	assert_false(eth_address_parse(TEXT_NONE, &address));
	assert_false(eth_address_parse(
	    TEXT("0x52908400098527886e0f7030069857d2e4169ee\0"), &address));
	assert_true(eth_address_equal(address, eth_address_of(base_point)));
}

static void
zero_is_nobodys_address(void **state)
{
	static const char zero[] = "0x0000000000000000000000000000000000000000";
	struct eth_address address;

	(void)state;
	assert_true(eth_address_parse(text_of(zero), &address));
	assert_true(eth_address_is_zero(address));
	assert_text(address, zero);
	assert_false(eth_address_is_zero(eth_address_of(base_point)));
	for (size_t i = 0; i < ETH_ADDRESS_BYTES; i++) {
		struct eth_address other = {{0}};

		other.bytes[i] = 1;
		assert_false(eth_address_is_zero(other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_public_key_has_its_address),
	    cmocka_unit_test(published_addresses_come_back_as_they_were),
	    cmocka_unit_test(letters_of_one_case_carry_no_checksum),
	    cmocka_unit_test(
		every_letter_of_the_other_case_breaks_the_checksum),
	    cmocka_unit_test(texts_in_any_other_form_are_refused),
	    cmocka_unit_test(zero_is_nobodys_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
