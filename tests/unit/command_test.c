#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/command.h"

/* Too large for the stack of a test, and so is their sum. */
static struct command command;
static struct command copy;

static void
a_new_command_has_nothing_but_its_kind(void **state)
{
	(void)state;
	memset(&command, 0xa5, sizeof(command));
	command_init(&command, COMMAND_INTENT_CAPTURE);
	assert_int_equal(command.kind, COMMAND_INTENT_CAPTURE);
	assert_int_equal(command.length, 0);
	assert_int_equal(command.given, 0);
	assert_false(command_has(&command, GIVEN_AMOUNT));
	assert_false(id_is_set(command.target.id));
	assert_null(command_text(&command, command.description).bytes);
	assert_int_equal(
	    command_size(&command), offsetof(struct command, bytes));
}

static void
kept_texts_come_back(void **state)
{
	(void)state;
	command_init(&command, COMMAND_CUSTOMER_CREATE);
	assert_true(command_keep(&command, TEXT("Ada"), &command.name));
	assert_true(command_keep(&command, TEXT("a@b.c"), &command.email));
	assert_true(command_keep(&command, TEXT_NONE, &command.phone));
	assert_true(
	    text_equal(command_text(&command, command.name), TEXT("Ada")));
	assert_true(
	    text_equal(command_text(&command, command.email), TEXT("a@b.c")));
	assert_null(command_text(&command, command.phone).bytes);
}

static void
a_copy_of_its_size_is_a_whole_copy(void **state)
{
	(void)state;
	command_init(&command, COMMAND_INTENT_CREATE);
	command.amount = MONEY(2000);
	command.given = GIVEN_AMOUNT | GIVEN_CURRENCY;
	assert_true(command_keep(&command, TEXT("usd"), &command.currency));
	assert_true(command_keep(&command, TEXT("tea"), &command.description));

	memset(&copy, 0xa5, sizeof(copy));
	memcpy(&copy, &command, command_size(&command));
	memset(&command, 0x5a, sizeof(command));
	assert_int_equal(copy.kind, COMMAND_INTENT_CREATE);
	assert_int_equal(copy.amount.units, 2000);
	assert_true(command_has(&copy, GIVEN_CURRENCY));
	assert_true(
	    text_equal(command_text(&copy, copy.currency), TEXT("usd")));
	assert_true(
	    text_equal(command_text(&copy, copy.description), TEXT("tea")));
	/* Not a byte more was copied. */
	assert_int_equal((uint8_t)copy.bytes[copy.length], 0xa5);
}

static void
a_full_command_keeps_nothing_more(void **state)
{
	static char bytes[COMMAND_BYTES_MAX];
	struct slice slice;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	command_init(&command, COMMAND_INTENT_CREATE);
	assert_true(command_keep(&command,
	    (struct text){bytes, sizeof(bytes) - 1}, &command.metadata));
	assert_false(command_keep(&command, TEXT("ab"), &slice));
	assert_int_equal(slice.length, 0);
	assert_true(command_keep(&command, TEXT("a"), &slice));
	assert_false(command_keep(&command, TEXT("a"), &slice));
	assert_true(command_keep(&command, TEXT(""), &slice));
	assert_true(command_size(&command) <= sizeof(command));
}

/* A copy of what somebody else may have written. */
static void
only_a_command_is_copied(void **state)
{
	(void)state;
#define REFUSES(field, wrong)                                            \
	do {                                                             \
		command_init(&command, COMMAND_CUSTOMER_CREATE);         \
		assert_true(                                             \
		    command_keep(&command, TEXT("Ada"), &command.name)); \
		assert_true(command_copy(&copy, &command));              \
		memset(&command.field, wrong, sizeof(command.field));    \
		assert_false(command_copy(&copy, &command));             \
	} while (0)
	REFUSES(kind, 0xff);
	REFUSES(object, 0xff);
	REFUSES(length, 0xff);
	REFUSES(length, 0);
	REFUSES(name.length, 0x01);
	REFUSES(name.offset, 0xff);
	REFUSES(ending_before.text, 0x01);
	REFUSES(now, 0x7f);
	REFUSES(asked, 0xff);
	REFUSES(scope.mode, MODE_COUNT);
	REFUSES(status, 0xff);
	REFUSES(idempotent, 2);
#undef REFUSES
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_command_has_nothing_but_its_kind),
	    cmocka_unit_test(kept_texts_come_back),
	    cmocka_unit_test(a_copy_of_its_size_is_a_whole_copy),
	    cmocka_unit_test(a_full_command_keeps_nothing_more),
	    cmocka_unit_test(only_a_command_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
