#include "core/api_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/command.h"

enum { BYTES = COMMAND_ENTROPY_BYTES };

/* A key of entropy that counts up from `first`. */
static struct text
make(enum key_type type, enum mode mode, uint8_t first, char to[KEY_TEXT_BYTES])
{
	uint8_t entropy[BYTES];

	for (unsigned i = 0; i < BYTES; i++)
		entropy[i] = (uint8_t)(first + i * 7);
	api_key_make(type, mode, entropy, sizeof(entropy), to);
	return text_of(to);
}

static void
a_key_says_its_type_and_mode(void **state)
{
	static const struct {
		enum key_type type;
		enum mode mode;
		const char *prefix;
	} rows[] = {
	    {KEY_TYPE_SECRET, MODE_TEST, "sk_test_"},
	    {KEY_TYPE_SECRET, MODE_LIVE, "sk_live_"},
	    {KEY_TYPE_PUBLISHABLE, MODE_TEST, "pk_test_"},
	    {KEY_TYPE_PUBLISHABLE, MODE_LIVE, "pk_live_"},
	    {KEY_TYPE_RESTRICTED, MODE_TEST, "rk_test_"},
	    {KEY_TYPE_RESTRICTED, MODE_LIVE, "rk_live_"},
	};
	char bytes[KEY_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text key = make(rows[i].type, rows[i].mode, 1, bytes);

		assert_true(text_starts(key, text_of(rows[i].prefix)));
		assert_int_equal(key.length, 8 + 32);
		assert_true(api_key_is_wellformed(key));
	}
}

static void
behind_the_prefix_are_32_characters_of_base62(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	char bytes[KEY_TEXT_BYTES];

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		(void)make(KEY_TYPE_SECRET, MODE_TEST, (uint8_t)first, bytes);
		assert_int_equal(strspn(bytes + 8, alphabet), 32);
		assert_true(api_key_is_wellformed(text_of(bytes)));
	}
}

static void
the_same_entropy_makes_the_same_key_and_other_another(void **state)
{
	char a[KEY_TEXT_BYTES];
	char b[KEY_TEXT_BYTES];

	(void)state;
	(void)make(KEY_TYPE_SECRET, MODE_TEST, 1, a);
	(void)make(KEY_TYPE_SECRET, MODE_TEST, 1, b);
	assert_string_equal(a, b);
	(void)make(KEY_TYPE_SECRET, MODE_TEST, 2, b);
	assert_string_not_equal(a, b);
}

/* Every byte of 32 counts: no part of the randomness is dropped. */
static void
every_byte_of_entropy_counts(void **state)
{
	uint8_t entropy[32] = {0};
	char zero[KEY_TEXT_BYTES];
	char key[KEY_TEXT_BYTES];

	(void)state;
	api_key_make(
	    KEY_TYPE_SECRET, MODE_TEST, entropy, sizeof(entropy), zero);
	for (size_t i = 0; i < sizeof(entropy); i++) {
		entropy[i] = 1;
		api_key_make(
		    KEY_TYPE_SECRET, MODE_TEST, entropy, sizeof(entropy), key);
		assert_string_not_equal(key, zero);
		entropy[i] = 0;
	}
}

static void
any_one_wrong_character_is_noticed(void **state)
{
	static const char wrong[] = "0Az_-. \x7f\xff";
	char bytes[KEY_TEXT_BYTES];

	(void)state;
	(void)make(KEY_TYPE_SECRET, MODE_TEST, 3, bytes);
	for (size_t i = 0; i < KEY_TEXT_BYTES - 1; i++) {
		char right = bytes[i];

		for (size_t j = 0; j < sizeof(wrong); j++) {
			bytes[i] = wrong[j];
			assert_int_equal(api_key_is_wellformed((struct text){
					     bytes, KEY_TEXT_BYTES - 1}),
			    wrong[j] == right);
		}
		bytes[i] = right;
	}
}

static void
two_characters_in_each_other_s_place_are_noticed(void **state)
{
	char bytes[KEY_TEXT_BYTES];

	(void)state;
	(void)make(KEY_TYPE_SECRET, MODE_LIVE, 4, bytes);
	for (size_t i = 8; i + 2 < KEY_TEXT_BYTES; i++) {
		char left = bytes[i];

		if (left == bytes[i + 1])
			continue;
		bytes[i] = bytes[i + 1];
		bytes[i + 1] = left;
		assert_false(api_key_is_wellformed(text_of(bytes)));
		bytes[i + 1] = bytes[i];
		bytes[i] = left;
	}
	assert_true(api_key_is_wellformed(text_of(bytes)));
}

static void
the_prefix_cannot_be_exchanged_for_another(void **state)
{
	static const char *const prefixes[] = {"sk_live_", "pk_test_",
	    "rk_test_", "pk_live_", "rk_live_", "xk_test_", "SK_TEST_"};
	char bytes[KEY_TEXT_BYTES];

	(void)state;
	(void)make(KEY_TYPE_SECRET, MODE_TEST, 5, bytes);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		memcpy(bytes, prefixes[i], 8);
		assert_false(api_key_is_wellformed(text_of(bytes)));
	}
}

static void
other_lengths_are_no_keys(void **state)
{
	char bytes[KEY_TEXT_BYTES + 1];
	struct text key;

	(void)state;
	key = make(KEY_TYPE_SECRET, MODE_TEST, 6, bytes);
	assert_false(api_key_is_wellformed(TEXT_NONE));
	assert_false(api_key_is_wellformed(TEXT("")));
	for (size_t length = 0; length < key.length; length++)
		assert_false(
		    api_key_is_wellformed((struct text){key.bytes, length}));
	bytes[KEY_TEXT_BYTES - 1] = '0';
	assert_false(
	    api_key_is_wellformed((struct text){bytes, KEY_TEXT_BYTES}));
}

#define BIT(name) (1u << PERMISSION_##name)

static void
to_write_is_to_read(void **state)
{
	(void)state;
	assert_int_equal(permissions_close(BIT(INTENTS_WRITE)),
	    BIT(INTENTS_WRITE) | BIT(INTENTS_READ));
	assert_int_equal(permissions_close(BIT(REFUNDS_WRITE)),
	    BIT(REFUNDS_WRITE) | BIT(REFUNDS_READ));
	assert_int_equal(permissions_close(BIT(CUSTOMERS_WRITE)),
	    BIT(CUSTOMERS_WRITE) | BIT(CUSTOMERS_READ));
	assert_int_equal(permissions_close(BIT(API_KEYS_WRITE)),
	    BIT(API_KEYS_WRITE) | BIT(API_KEYS_READ));
}

static void
nothing_else_is_added(void **state)
{
	static const uint32_t alone[] = {0, BIT(INTENTS_READ),
	    BIT(CHARGES_READ), BIT(REFUNDS_READ), BIT(CUSTOMERS_READ),
	    BIT(API_KEYS_READ), BIT(TEST_HELPERS_WRITE)};

	(void)state;
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
		assert_int_equal(permissions_close(alone[i]), alone[i]);
	for (uint32_t set = 0; set < 1u << PERMISSION_COUNT; set++) {
		uint32_t closed = permissions_close(set);

		assert_int_equal(closed & set, set);
		assert_int_equal(permissions_close(closed), closed);
	}
}

/* A :write permission that is new must have its :read. */
static void
every_write_has_its_read(void **state)
{
	(void)state;
	for (unsigned i = 1; i < PERMISSION_COUNT; i++) {
		struct text name = name_text(&permission_names, i);
		char read[40];
		struct text object;
		struct text action;
		unsigned wanted;

		assert_true(text_split(name, ':', &object, &action));
		if (!text_equal(action, TEXT("write")))
			continue;
		(void)text_copy(object, read, sizeof(read));
		(void)strcat(read, ":read");
		wanted = name_find(&permission_names, text_of(read));
		if (wanted != 0)
			assert_true(permissions_close(1u << i) & 1u << wanted);
		else
			assert_int_equal(i, PERMISSION_TEST_HELPERS_WRITE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_says_its_type_and_mode),
	    cmocka_unit_test(behind_the_prefix_are_32_characters_of_base62),
	    cmocka_unit_test(
		the_same_entropy_makes_the_same_key_and_other_another),
	    cmocka_unit_test(every_byte_of_entropy_counts),
	    cmocka_unit_test(any_one_wrong_character_is_noticed),
	    cmocka_unit_test(two_characters_in_each_other_s_place_are_noticed),
	    cmocka_unit_test(the_prefix_cannot_be_exchanged_for_another),
	    cmocka_unit_test(other_lengths_are_no_keys),
	    cmocka_unit_test(to_write_is_to_read),
	    cmocka_unit_test(nothing_else_is_added),
	    cmocka_unit_test(every_write_has_its_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
