/*
 * The catalogue against the contracts: what they publish stands here a
 * second time, copied from their tables and not from errors.def.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"

struct published {
	const char *code;
	uint16_t status;
	const char *type;
};

/* The shared table of README, section 8, in the words of card.md. */
#define SHARED(found, unauthorized, conflict)                         \
	{"route_not_found", 404, found},                              \
	    {"method_not_allowed", 405, "invalid_request_error"},     \
	    {"request_too_large", 413, "invalid_request_error"},      \
	    {"request_too_large", 414, "invalid_request_error"},      \
	    {"request_too_large", 431, "invalid_request_error"},      \
	    {"unsupported_media_type", 415, "invalid_request_error"}, \
	    {"insufficient_permissions", 403, unauthorized},          \
	    {"idempotency_key_in_use", 409, conflict},                \
	    {"service_unavailable", 502, "api_error"},                \
	    {"service_unavailable", 503, "api_error"},                \
	{                                                             \
		"service_unavailable", 504, "api_error"               \
	}

static const struct published card[] = {
    {"resource_missing", 404, "invalid_request_error"},
    {"parameter_invalid", 400, "invalid_request_error"},
    {"parameter_missing", 400, "invalid_request_error"},
    {"amount_invalid", 400, "invalid_request_error"},
    {"amount_too_large", 400, "invalid_request_error"},
    {"payment_intent_unexpected_state", 400, "invalid_request_error"},
    {"invalid_state_transition", 400, "invalid_request_error"},
    {"payment_not_initialized", 400, "payment_error"},
    {"idempotency_key_reuse", 422, "invalid_request_error"},
    {"internal_error", 500, "api_error"},
    {"authentication_failed", 401, "authentication_error"},
    {"rate_limit_exceeded", 429, "rate_limit_error"},
    {"card_declined", 402, "payment_error"},
    SHARED("invalid_request_error", "invalid_request_error",
	"invalid_request_error"),
};

static const struct published stable[] = {
    {"amount_out_of_range", 400, "invalid_request_error"},
    {"invalid_currency", 400, "invalid_request_error"},
    {"invalid_merchant", 400, "invalid_request_error"},
    {"merchant_not_found", 404, "not_found_error"},
    {"merchant_not_active", 422, "invalid_request_error"},
    {"intent_not_cancellable", 409, "conflict_error"},
    {"idempotency_key_conflict", 409, "conflict_error"},
    {"ttl_out_of_range", 400, "invalid_request_error"},
    {"missing_api_key", 401, "authentication_error"},
    {"invalid_api_key", 401, "authentication_error"},
    {"revoked_api_key", 401, "authentication_error"},
    {"environment_mismatch", 403, "authorization_error"},
    {"invalid_webhook_url", 400, "invalid_request_error"},
    {"webhook_unreachable", 422, "invalid_request_error"},
    {"rate_limit_exceeded", 429, "rate_limit_error"},
    {"parameter_missing", 400, "invalid_request_error"},
    {"parameter_invalid", 400, "invalid_request_error"},
    {"intent_not_found", 404, "not_found_error"},
    {"transaction_not_found", 404, "not_found_error"},
    {"webhook_not_found", 404, "not_found_error"},
    {"internal_error", 500, "api_error"},
    SHARED("not_found_error", "authorization_error", "conflict_error"),
};

static const struct {
	const struct published *rows;
	size_t count;
} contracts[CONTRACT_COUNT] = {
    [CONTRACT_CARD] = {card, sizeof(card) / sizeof(card[0])},
    [CONTRACT_STABLE] = {stable, sizeof(stable) / sizeof(stable[0])},
};

static bool
is_as_published(
    const struct error_words *words, const struct published *published)
{
	struct text type = name_text(&error_type_names, words->type);

	return words->status == published->status &&
	       text_equal(words->code, text_of(published->code)) &&
	       text_equal(type, text_of(published->type));
}

static bool
catalogue_has(const struct published *published, enum contract_id contract)
{
	for (unsigned id = ERROR_NONE + 1; id < ERROR_COUNT; id++)
		if (is_as_published(
			error_words((enum error_id)id, contract), published))
			return true;
	return false;
}

/* Every row of the catalogue that the contract has. */
static void
each_row(void (*check)(enum error_id, enum contract_id))
{
	unsigned rows = 0;

	for (unsigned contract = 0; contract < CONTRACT_COUNT; contract++)
		for (unsigned id = ERROR_NONE + 1; id < ERROR_COUNT; id++) {
			if (error_words(
				(enum error_id)id, (enum contract_id)contract)
				->status == 0)
				continue;
			check((enum error_id)id, (enum contract_id)contract);
			rows++;
		}
	assert_true(rows > 0);
}

static void
check_status_type_and_code(enum error_id id, enum contract_id contract)
{
	const struct error_words *words = error_words(id, contract);

	assert_in_range(words->status, 400, 504);
	assert_in_range(words->type, ERROR_TYPE_NONE + 1, ERROR_TYPE_COUNT - 1);
	assert_true(words->code.length > 0);
	for (size_t i = 0; i < words->code.length; i++)
		assert_non_null(memchr(
		    "abcdefghijklmnopqrstuvwxyz_", words->code.bytes[i], 27));
	assert_int_not_equal(words->code.bytes[0], '_');
}

static void
every_row_has_a_status_a_type_and_a_code_in_snake_case(void **state)
{
	(void)state;
	each_row(check_status_type_and_code);
}

static void
check_is_published(enum error_id id, enum contract_id contract)
{
	const struct error_words *words = error_words(id, contract);

	for (size_t i = 0; i < contracts[contract].count; i++)
		if (is_as_published(words, &contracts[contract].rows[i]))
			return;
	fail_msg("%.*s, %u: not in the contract", TEXT_PRINT(words->code),
	    words->status);
}

static void
every_row_is_one_of_the_contract(void **state)
{
	(void)state;
	each_row(check_is_published);
}

static void
every_code_of_the_contracts_has_a_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CONTRACT_COUNT; i++)
		for (size_t j = 0; j < contracts[i].count; j++) {
			const struct published *row = &contracts[i].rows[j];

			if (!catalogue_has(row, (enum contract_id)i))
				fail_msg("%s, %u, %s: is missing", row->code,
				    row->status, row->type);
		}
}

static void
check_can_be_read(enum error_id id, enum contract_id contract)
{
	const struct error_reference *reference = error_reference(id);
	char bytes[1024];
	struct buffer message;
	struct error error;

	assert_true(reference->meaning.length > 0);
	assert_true(reference->advice.length > 0);
	refuse_about(&error, id, reference->sample_param,
	    reference->sample_value, reference->sample_detail);
	buffer_init(&message, bytes, sizeof(bytes));
	error_message(&error, contract, &message);
	assert_false(message.overflow);
	assert_true(message.length > 0);
	/* Every mark is filled, and the sample has what it is filled with. */
	assert_null(memchr(bytes, '{', message.length));
	assert_null(memmem(bytes, message.length, "''", 2));
	if (text_equal(error_words(id, contract)->param, TEXT("*")))
		assert_true(error_param(&error, contract).length > 0);
}

static void
every_row_has_a_meaning_an_advice_and_a_sample(void **state)
{
	(void)state;
	each_row(check_can_be_read);
}

static void
assert_message(
    const struct error *error, enum contract_id contract, const char *expected)
{
	char bytes[1024];
	struct buffer message;

	buffer_init(&message, bytes, sizeof(bytes) - 1);
	error_message(error, contract, &message);
	assert_false(message.overflow);
	bytes[message.length] = '\0';
	assert_string_equal(bytes, expected);
}

static void
messages_say_what_they_are_about(void **state)
{
	struct error error;

	(void)state;
	refuse_about(&error, ERROR_PARAMETER_INVALID, TEXT("currency"),
	    TEXT("usdollar"), TEXT("must be a 3-letter ISO currency code"));
	assert_message(&error, CONTRACT_CARD,
	    "Invalid value for 'currency': must be a 3-letter ISO currency "
	    "code.");
	refuse_about(&error, ERROR_INTENT_MISSING, TEXT("id"),
	    TEXT("pi_nonexistent"), TEXT_NONE);
	assert_message(
	    &error, CONTRACT_CARD, "No such payment intent: 'pi_nonexistent'");
	refuse_about(&error, ERROR_MERCHANT_NOT_ACTIVE, TEXT_NONE, TEXT_NONE,
	    TEXT("suspended"));
	assert_message(&error, CONTRACT_STABLE, "The merchant is suspended.");
}

static void
marks_inside_of_a_value_are_not_expanded(void **state)
{
	struct error error;

	(void)state;
	refuse_about(&error, ERROR_INTENT_MISSING, TEXT("id"),
	    TEXT("{param}{value}"), TEXT_NONE);
	assert_message(
	    &error, CONTRACT_CARD, "No such payment intent: '{param}{value}'");
}

static void
a_message_that_does_not_fit_overflows(void **state)
{
	char bytes[16];
	struct buffer message;
	struct error error;

	(void)state;
	refuse(&error, ERROR_RATE_LIMIT_EXCEEDED);
	buffer_init(&message, bytes, sizeof(bytes));
	error_message(&error, CONTRACT_CARD, &message);
	assert_true(message.overflow);
}

/* What becomes of a value of the request. */
static void
assert_shown(struct text value, const char *expected)
{
	struct error error;

	refuse_about(
	    &error, ERROR_ROUTE_NOT_FOUND, TEXT_NONE, value, TEXT_NONE);
	assert_string_equal(error.value, expected);
	assert_true(text_is_utf8(text_of(error.value)));
	assert_true(text_characters(text_of(error.value)) <=
		    ERROR_VALUE_CHARACTERS_MAX);
}

/* `count` times the same character. */
static struct text
repeated(const char *character, size_t count, char *bytes)
{
	size_t length = strlen(character);

	for (size_t i = 0; i < count; i++)
		memcpy(bytes + i * length, character, length);
	bytes[count * length] = '\0';
	return text_of(bytes);
}

static void
a_value_is_cut_to_64_characters(void **state)
{
	static const char *const characters[] = {
	    "x", "\u00e9", "\u20ac", "\U0001f600"};
	char long_one[1024], cut[1024];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		repeated(characters[i], 64, cut);
		assert_shown(text_of(cut), cut);
		assert_shown(repeated(characters[i], 65, long_one), cut);
		assert_shown(repeated(characters[i], 200, long_one), cut);
	}
}

static void
control_characters_are_shown_as_question_marks(void **state)
{
	(void)state;
	assert_shown(TEXT("a\0b"), "a?b");
	assert_shown(TEXT("a\r\nb\tc"), "a??b?c");
	assert_shown(TEXT("\x1b[31m\x7f"), "?[31m?");
	assert_shown(TEXT("\u20ac\n"), "\u20ac?");
}

static void
broken_utf8_is_shown_as_question_marks(void **state)
{
	char bytes[1024];

	(void)state;
	assert_shown(TEXT("a\xff"
			  "b"),
	    "a?b");
	assert_shown(TEXT("\xc3"), "?");
	assert_shown(TEXT("\xc0\x80"), "??");
	assert_shown(TEXT("\xed\xa0\x80"), "???");
	/* Too long as well. */
	assert_shown(repeated("\xff", 300, bytes),
	    "????????????????????????????????"
	    "????????????????????????????????");
}

static void
a_parameter_is_named_when_the_row_names_one(void **state)
{
	struct error error;

	(void)state;
	/* The one given. */
	refuse_about(&error, ERROR_PARAMETER_MISSING, TEXT("metadata[a]"),
	    TEXT_NONE, TEXT_NONE);
	assert_true(text_equal(
	    error_param(&error, CONTRACT_CARD), TEXT("metadata[a]")));
	/* Always this one, whatever was given. */
	refuse_about(&error, ERROR_MERCHANT_MISSING, TEXT("merchant"),
	    TEXT_NONE, TEXT_NONE);
	assert_true(text_equal(
	    error_param(&error, CONTRACT_STABLE), TEXT("merchant_id")));
	/* Never one. */
	refuse_about(&error, ERROR_REQUEST_MALFORMED, TEXT("amount"), TEXT_NONE,
	    TEXT_NONE);
	assert_null(error_param(&error, CONTRACT_CARD).bytes);
	/* None was given. */
	refuse(&error, ERROR_PARAMETER_MISSING);
	assert_null(error_param(&error, CONTRACT_CARD).bytes);
}

static void
a_refusal_is_false_and_forgets_the_one_before(void **state)
{
	struct error error;

	(void)state;
	assert_false(refuse_about(&error, ERROR_PARAMETER_INVALID,
	    TEXT("amount"), TEXT("-1"), TEXT("must be positive")));
	error.decline = DECLINE_GENERIC;
	assert_false(refuse(&error, ERROR_INTERNAL_ERROR));
	assert_int_equal(error.id, ERROR_INTERNAL_ERROR);
	assert_int_equal(error.decline, DECLINE_NONE);
	assert_string_equal(error.param, "");
	assert_string_equal(error.value, "");
	assert_string_equal(error.detail, "");
	error_clear(&error);
	assert_int_equal(error.id, ERROR_NONE);
}

static void
long_parameters_and_details_are_cut(void **state)
{
	char bytes[1024];
	struct text euros = repeated("\u20ac", 200, bytes);
	struct error error;

	(void)state;
	refuse_about(&error, ERROR_PARAMETER_INVALID, euros, TEXT_NONE, euros);
	assert_in_range(strlen(error.param), ERROR_PARAM_BYTES_MAX - 3,
	    ERROR_PARAM_BYTES_MAX - 1);
	assert_true(text_is_utf8(text_of(error.param)));
	assert_in_range(strlen(error.detail), ERROR_DETAIL_BYTES_MAX - 3,
	    ERROR_DETAIL_BYTES_MAX - 1);
	assert_true(text_is_utf8(text_of(error.detail)));
}

/* Keys are of base 62, webhook secrets of base 64; a form has blanks for +. */
static void
what_makes_a_secret_secret_is_masked(void **state)
{
	static const struct {
		const char *given;
		const char *shown;
	} rows[] = {
	    {"sk_test_abcdEFGH1234", "sk_test_abcd********"},
	    {"pi_1_secret_abc9", "pi_1_secret_****"},
	    {"whsec_ab+cd/ef", "whsec_********"},
	    {"whsec_ab cd/ef", "whsec_********"},
	    {"/v1/whsec_ab%2Bcd", "/v1/whsec_*******"},
	    {"a[whsec_ab+c]", "a[whsec_****]"},
	    {"whsec_", "whsec_"},
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		refuse_about(&error, ERROR_PARAMETER_INVALID,
		    text_of(rows[i].given), text_of(rows[i].given), TEXT_NONE);
		assert_string_equal(error.value, rows[i].shown);
		assert_string_equal(error.param, rows[i].shown);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_row_has_a_status_a_type_and_a_code_in_snake_case),
	    cmocka_unit_test(every_row_is_one_of_the_contract),
	    cmocka_unit_test(every_code_of_the_contracts_has_a_row),
	    cmocka_unit_test(every_row_has_a_meaning_an_advice_and_a_sample),
	    cmocka_unit_test(messages_say_what_they_are_about),
	    cmocka_unit_test(marks_inside_of_a_value_are_not_expanded),
	    cmocka_unit_test(a_message_that_does_not_fit_overflows),
	    cmocka_unit_test(a_value_is_cut_to_64_characters),
	    cmocka_unit_test(control_characters_are_shown_as_question_marks),
	    cmocka_unit_test(broken_utf8_is_shown_as_question_marks),
	    cmocka_unit_test(a_parameter_is_named_when_the_row_names_one),
	    cmocka_unit_test(a_refusal_is_false_and_forgets_the_one_before),
	    cmocka_unit_test(long_parameters_and_details_are_cut),
	    cmocka_unit_test(what_makes_a_secret_secret_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
