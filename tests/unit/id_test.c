#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/id.h"

static const uint8_t zeros[ID_RANDOM_BYTES];
static const uint8_t ones[ID_RANDOM_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const struct instant now = {INT64_C(1767323045123456)};

static struct id
id_filled(uint8_t byte)
{
	struct id id;

	memset(id.bytes, byte, sizeof(id.bytes));
	return id;
}

static void
an_id_is_48_bits_of_time_and_80_of_chance(void **state)
{
	(void)state;
	struct id id = id_make((struct instant){125}, ones);
	assert_memory_equal(id.bytes, "\0\0\0\0\0\x02", 6);
	assert_memory_equal(id.bytes + 6, ones, ID_RANDOM_BYTES);
	assert_true(id_equal(id_make(INSTANT_NEVER, zeros), ID_NONE));
}

static void
ids_sort_by_time_as_bytes_and_as_text(void **state)
{
	struct id early = id_make(now, ones);
	struct id late = id_make((struct instant){now.us + 63}, zeros);
	char early_text[ID_TEXT_BYTES], late_text[ID_TEXT_BYTES];

	(void)state;
	assert_true(memcmp(early.bytes, late.bytes, ID_BYTES) < 0);
	id_format(early, "pi_", early_text);
	id_format(late, "pi_", late_text);
	assert_true(strcmp(early_text, late_text) < 0);
}

static void
the_instant_of_an_id_is_within_a_tick_before(void **state)
{
	(void)state;
	for (int64_t us = now.us; us < now.us + 1000; us++) {
		struct id id = id_make((struct instant){us}, ones);
		struct instant instant = id_instant(id);

		assert_true(instant.us <= us);
		assert_true(instant.us > us - 63);
		struct id again = id_make(instant, ones);
		assert_true(id_equal(again, id));
	}
}

static void
the_floor_is_the_smallest_id_of_its_instant(void **state)
{
	struct id floor = id_floor(now);

	(void)state;
	assert_true(id_equal(floor, id_make(now, zeros)));
	struct id before = id_make((struct instant){now.us - 63}, ones);
	assert_true(memcmp(before.bytes, floor.bytes, ID_BYTES) < 0);
}

static void
the_last_instant_is_in_2527(void **state)
{
	const struct instant last = {INT64_C(17592186044415938)};

	(void)state;
	struct id id = id_make(last, ones);
	assert_true(id_equal(id, id_filled(0xff)));
	assert_true(id_instant(id).us == last.us);
}

static void
the_next_id_is_a_step_further(void **state)
{
	struct id id = id_make(now, zeros);

	(void)state;
	assert_true(id_equal(id_next(id, 0), id));
	assert_int_equal(id_next(id, 255).bytes[15], 255);
	assert_true(id_equal(id_next(id_next(id, 1), 2), id_next(id, 3)));
	id.bytes[15] = 0xff;
	assert_int_equal(id_next(id, 1).bytes[15], 0);
	assert_int_equal(id_next(id, 1).bytes[14], 1);
}

static void
a_step_over_the_end_of_the_random_part_keeps_the_order(void **state)
{
	struct id id = id_make(now, ones);
	struct id next = id_next(id, 1);

	(void)state;
	assert_true(memcmp(id.bytes, next.bytes, ID_BYTES) < 0);
	assert_memory_equal(next.bytes + 6, zeros, ID_RANDOM_BYTES);
}

static void
a_numbered_id_is_in_order_of_time_and_number(void **state)
{
	static const uint64_t numbers[] = {0, 1, 15, 16, (1 << 20) - 1, 1 << 20,
	    (1 << 20) + 1, 5000000, UINT64_C(4000000000), ID_NUMBERS_MAX - 1};
	struct instant second = instant_from_seconds(1700000000);
	struct instant next = instant_from_seconds(1700000001);
	struct id before = id_floor(second);

	(void)state;
	/* The chance that follows never makes up for the number. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct id low = id_make_numbered(second, numbers[i], zeros);
		struct id high = id_make_numbered(second, numbers[i], ones);

		assert_true(memcmp(before.bytes, low.bytes, ID_BYTES) <= 0);
		assert_true(memcmp(low.bytes, high.bytes, ID_BYTES) < 0);
		before = id_next(high, 1);
	}
	assert_true(memcmp(before.bytes, id_floor(next).bytes, ID_BYTES) <= 0);
}

static void
a_numbered_id_has_60_bits_of_chance(void **state)
{
	struct id low = id_make_numbered(now, 0x12345, zeros);
	struct id high = id_make_numbered(now, 0x12345, ones);

	(void)state;
	assert_memory_equal(low.bytes, id_floor(now).bytes, 6);
	assert_memory_equal(low.bytes + 6, "\x12\x34\x50\0\0\0\0\0\0\0", 10);
	assert_memory_equal(high.bytes, low.bytes, 8);
	assert_memory_equal(
	    high.bytes + 8, "\x5f\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void
an_id_is_set_unless_all_its_bytes_are_zero(void **state)
{
	(void)state;
	assert_false(id_is_set(ID_NONE));
	assert_true(id_is_set(id_next(ID_NONE, 1)));
	assert_false(id_equal(ID_NONE, id_filled(1)));
}

static void
the_text_is_crockfords_base_32(void **state)
{
	char text[ID_TEXT_BYTES];

	(void)state;
	id_format(ID_NONE, "pi_", text);
	assert_string_equal(text, "pi_00000000000000000000000000");
	id_format(id_filled(0xff), "", text);
	assert_string_equal(text, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
	id_format(id_next(ID_NONE, 32), "acct_", text);
	assert_string_equal(text, "acct_00000000000000000000000010");
	id_format((struct id){{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}},
	    "ch_", text);
	assert_string_equal(text, "ch_014d2pf2dbsqqzxq5tk1v58cgg");
}

static void
every_id_comes_back_from_its_text(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[ID_TEXT_BYTES];
		struct id parsed, id = id_filled((uint8_t)byte);

		id.bytes[byte % ID_BYTES] ^= 0x5a;
		id_format(id, "pi_", text);
		assert_true(id_parse(text_of(text), "pi_", &parsed));
		assert_true(id_equal(parsed, id));
	}
}

static void
texts_in_any_other_form_are_refused(void **state)
{
	static const char *const refused[] = {
	    "",
	    "pi_",
	    "pi_0000000000000000000000000",   /* a character short */
	    "pi_000000000000000000000000000", /* a character long */
	    "ch_00000000000000000000000000",  /* another kind */
	    "00000000000000000000000000",     /* no kind */
	    "PI_00000000000000000000000000",
	    "pi-00000000000000000000000000",
	    "pi_80000000000000000000000000", /* 2^128 */
	    "pi_z0000000000000000000000000",
	    "pi_0000000000000000000000000A", /* upper case */
	    "pi_0000000000000000000000000i", /* Crockford's aliases */
	    "pi_0000000000000000000000000l",
	    "pi_0000000000000000000000000o",
	    "pi_0000000000000000000000000u",
	    "pi_0000000000000-000000000000",
	    "pi_ 0000000000000000000000000",
	    "pi_\3770000000000000000000000000",
	};
	struct id id = id_filled(42);

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(id_parse(text_of(refused[i]), "pi_", &id));
	assert_false(id_parse(TEXT_NONE, "pi_", &id));
	assert_false(
	    id_parse(TEXT("pi_0000000000000000000000000\0"), "pi_", &id));
	assert_true(id_equal(id, id_filled(42)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_is_48_bits_of_time_and_80_of_chance),
	    cmocka_unit_test(ids_sort_by_time_as_bytes_and_as_text),
	    cmocka_unit_test(the_instant_of_an_id_is_within_a_tick_before),
	    cmocka_unit_test(the_floor_is_the_smallest_id_of_its_instant),
	    cmocka_unit_test(the_last_instant_is_in_2527),
	    cmocka_unit_test(the_next_id_is_a_step_further),
	    cmocka_unit_test(
		a_step_over_the_end_of_the_random_part_keeps_the_order),
	    cmocka_unit_test(a_numbered_id_is_in_order_of_time_and_number),
	    cmocka_unit_test(a_numbered_id_has_60_bits_of_chance),
	    cmocka_unit_test(an_id_is_set_unless_all_its_bytes_are_zero),
	    cmocka_unit_test(the_text_is_crockfords_base_32),
	    cmocka_unit_test(every_id_comes_back_from_its_text),
	    cmocka_unit_test(texts_in_any_other_form_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
