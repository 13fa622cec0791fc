#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/contract.h"
#include "api/encode.h"
#include "api/operator.h"
#include "api/webhook.h"
#include "base/digest.h"
#include "core/delivery.h"
#include "core/outcome.h"

/* base62, which is base64 of 24 bytes, too. */
#define SECRET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
#define OLD_SECRET "0123456789ABCDEFGHIJKLMNOPQRSTUV"
#define ENDPOINT "we_0t40xz8zsw9hvye44hyhzk0fm1"
#define EVENT "evt_0t40xz8zsw9hvye44hyhzk0fm2"
#define CUSTOMER "cus_0t40xz8zsw9hvye44hyhzk0fm3"
#define MERCHANT "mer_0t40xz8zsw9hvye44hyhzk0fm4"

/* 2026-01-02T03:04:00Z. */
static const struct instant made = {1767323040 * INT64_C(1000000)};

static _Alignas(max_align_t) uint8_t memory[64 * 1024];
static struct arena arena;
static struct outcome outcome; /* the objects of the event */
static struct event event;
static struct endpoint endpoint;
static struct webhook_message message;
static struct service service;

static struct instant
later(int64_t seconds)
{
	return instant_plus(made, span_from_seconds(seconds));
}

static struct id
id_of(const char *text, enum kind kind)
{
	struct id id;

	assert_true(id_parse(text_of(text), record_type(kind)->prefix, &id));
	return id;
}

static void
set_event(enum event_type type, enum kind kind, const void *record)
{
	outcome_init(&outcome);
	outcome_put(&outcome, kind, record);
	event = (struct event){
	    .id = id_of(EVENT, KIND_EVENT),
	    .type = (uint8_t)type,
	    .created = made,
	    .objects = outcome_objects(&outcome),
	};
}

static void
set_customer_event(void)
{
	const struct customer customer = {
	    .id = id_of(CUSTOMER, KIND_CUSTOMER),
	    .merchant = id_of(MERCHANT, KIND_MERCHANT),
	    .name = TEXT("Ada \"L\" \xc3\xa9"),
	    .created = made,
	};

	set_event(EVENT_CUSTOMER_CREATED, KIND_CUSTOMER, &customer);
}

static int
start(void **state)
{
	(void)state;
	digest_start();
	arena_init(&arena, memory, sizeof(memory));
	service = (struct service){
	    .public_url = TEXT("https://pay.example"),
	    .stable_signature_header = TEXT("X-Own-Signature"),
	    .version = TEXT("1.2"),
	};
	endpoint = (struct endpoint){
	    .id = id_of(ENDPOINT, KIND_ENDPOINT),
	    .family = FAMILY_CARD,
	    .status = ENDPOINT_ENABLED,
	    .events = 1u << EVENT_NONE,
	    .url = TEXT("https://shop.example/hook"),
	    .secret = TEXT(SECRET),
	    .created = made,
	};
	set_customer_event();
	return 0;
}

static void
write_at(struct instant now)
{
	arena_reset(&arena);
	assert_true(webhook_write(
	    &service, MODE_TEST, &endpoint, &event, now, &arena, &message));
}

/* The text with a NUL, until the next one. */
static const char *
with_nul(struct text text)
{
	static char bytes[4096];

	assert_in_range(text.length, 0, sizeof(bytes) - 1);
	memcpy(bytes, text.bytes, text.length);
	bytes[text.length] = '\0';
	return bytes;
}

static void
assert_text(struct text text, const char *expected)
{
	assert_string_equal(with_nul(text), expected);
}

static void
assert_header(unsigned index, const char *name, const char *value)
{
	assert_in_range(index, 0, message.header_count - 1);
	assert_text(message.headers[index].name, name);
	assert_text(message.headers[index].value, value);
}

/* Of the texts below at their times, as Python's hmac makes them. */
#define CARD "65ab482f0739dd0554e3583347b9e61f91cdfef6e748ece844f7ca910e1d20e8"
#define OLDCARD \
	"7d9e2780ab0df329bbde9dce0569b40209d572a93716e061840cdd4930be3137"
#define LATER "0c777cc26eb2060e517a6dd09f05e764c65c185212888b42ee04921922de4a8e"
#define CARD64 "6eBlzls/FEcd8JPA3wNlrro8wDkkCttCNofeFj/Lm8w="
#define OLDCARD64 "P3d66noq8lwU8lNuducF5VwHmq5cT8RZaocBA/4q1Hs="
#define STABLE \
	"6499f033ab44363caa7bdcad3afee76cff4c6965b5efd343ee98f47525fdfe11"
#define OLDSTABLE \
	"8326133e5041b9a9661bf8e24c54a8173a1fe856f11ea11b171f52524792c03b"
#define STABLE64 "2baDCoOv4Jl/147PYqeHHwjamsGfUPYoAFnu91eYD18="

static const char customer_event[] =
    "{\"id\":\"" EVENT "\",\"object\":\"event\","
    "\"type\":\"customer.created\",\"created\":1767323040,"
    "\"livemode\":false,\"api_version\":\"2026-04-01\","
    "\"data\":{\"object\":{\"id\":\"" CUSTOMER "\","
    "\"object\":\"customer\",\"created\":1767323040,"
    "\"description\":null,\"email\":null,\"livemode\":false,"
    "\"merchant_id\":\"" MERCHANT "\",\"metadata\":{},"
    "\"name\":\"Ada \\\"L\\\" \xc3\xa9\",\"phone\":null}}}";

/* The signatures are those of other programs, of the texts that are here. */
static void
a_card_event_and_its_headers(void **state)
{
	(void)state;
	write_at(later(60));
	assert_text(message.body, customer_event);
	assert_int_equal(message.header_count, 6);
	assert_header(0, "Content-Type", "application/json");
	assert_header(1, "User-Agent", "intentd/1.2");
	assert_header(2, "X-Signature", "t=1767323100,v1=" CARD);
	assert_header(3, "webhook-id", EVENT);
	assert_header(4, "webhook-timestamp", "1767323100");
	assert_header(5, "webhook-signature", "v1," CARD64);
}

static const char coin_ping[] =
    "{\"id\":\"" EVENT "\",\"object\":\"event\","
    "\"type\":\"endpoint.ping\",\"api_version\":\"2026-04-01\","
    "\"created_at\":\"2026-01-02T03:04:00Z\",\"data\":{"
    "\"id\":\"" ENDPOINT "\",\"object\":\"webhook_endpoint\","
    "\"url\":\"https://shop.example/hook\","
    "\"enabled_events\":[\"payment_intent.confirmed\"],"
    "\"status\":\"enabled\",\"disabled_reason\":null,"
    "\"disabled_at\":null,\"merchant_id\":null,\"secret\":null,"
    "\"created_at\":\"2026-01-02T03:04:00Z\"}}";

static void
set_coin_ping(void)
{
	endpoint.family = FAMILY_COIN;
	endpoint.status = ENDPOINT_PENDING;
	endpoint.events = 1u << EVENT_COIN_CONFIRMED;
	set_event(EVENT_ENDPOINT_PING, KIND_ENDPOINT, &endpoint);
}

static void
a_stable_event_and_its_headers(void **state)
{
	(void)state;
	set_coin_ping();
	write_at(later(60));
	assert_text(message.body, coin_ping);
	assert_int_equal(message.header_count, 7);
	assert_header(0, "Content-Type", "application/json");
	assert_header(1, "User-Agent", "intentd/1.2");
	assert_header(2, "X-Own-Signature", "sha256=" STABLE);
	assert_header(3, "X-StableGenius-Timestamp", "1767323100");
	assert_header(4, "webhook-id", EVENT);
	assert_header(5, "webhook-timestamp", "1767323100");
	assert_header(6, "webhook-signature", "v1," STABLE64);
}

static void
both_secrets_sign_until_the_old_one_ends(void **state)
{
	(void)state;
	endpoint.old_secret = TEXT(OLD_SECRET);
	endpoint.old_until = later(61);
	write_at(later(60));
	assert_header(2, "X-Signature", "t=1767323100,v1=" CARD ",v1=" OLDCARD);
	assert_header(5, "webhook-signature", "v1," CARD64 " v1," OLDCARD64);
	endpoint.old_until = later(60);
	write_at(later(60));
	assert_header(2, "X-Signature", "t=1767323100,v1=" CARD);
	assert_header(5, "webhook-signature", "v1," CARD64);
	set_coin_ping();
	endpoint.old_until = later(61);
	write_at(later(60));
	assert_header(
	    2, "X-Own-Signature", "sha256=" STABLE ",sha256=" OLDSTABLE);
}

static void
each_attempt_signs_the_same_body_anew(void **state)
{
	(void)state;
	write_at(later(3600));
	assert_text(message.body, customer_event);
	assert_header(2, "X-Signature", "t=1767326640,v1=" LATER);
	assert_header(3, "webhook-id", EVENT);
	assert_header(4, "webhook-timestamp", "1767326640");
}

static void
a_program_without_a_version_has_a_name(void **state)
{
	(void)state;
	service.version = TEXT_NONE;
	write_at(made);
	assert_header(1, "User-Agent", "intentd");
}

static void
live_mode_is_told(void **state)
{
	(void)state;
	arena_reset(&arena);
	assert_true(webhook_write(
	    &service, MODE_LIVE, &endpoint, &event, made, &arena, &message));
	assert_non_null(strstr(with_nul(message.body), "\"livemode\":true"));
	assert_null(strstr(with_nul(message.body), "\"livemode\":false"));
}

/* An arena of any size that is too small, each byte of it on its own. */
static void
a_full_arena_is_no_message(void **state)
{
	size_t needed;

	(void)state;
	write_at(made);
	needed = arena.used;
	for (size_t size = 0; size < needed; size++) {
		arena_init(&arena, memory, size);
		assert_false(webhook_write(&service, MODE_TEST, &endpoint,
		    &event, made, &arena, &message));
	}
}

/* -- What objects look like ----------------------------------------------- */

static char shown[4096];

static const char *
show(const struct contract *contract, const char *secret, enum kind kind,
    const void *record)
{
	struct encoding encoding = {.contract = contract,
	    .public_url = TEXT("https://pay.example"),
	    .now = later(1000),
	    .secret = secret};
	struct buffer buffer;

	buffer_init(&buffer, shown, sizeof(shown) - 1);
	json_init(&encoding.writer, &buffer);
	encode_record(&encoding, kind, record);
	assert_false(buffer.overflow);
	shown[buffer.length] = '\0';
	return shown;
}

static void
a_card_endpoint_shows_its_secret_once(void **state)
{
	(void)state;
	endpoint.merchant = id_of(MERCHANT, KIND_MERCHANT);
	endpoint.description = TEXT("the shop's");
	assert_string_equal(
	    show(&contract_card, "whsec_" SECRET, KIND_ENDPOINT, &endpoint),
	    "{\"id\":\"" ENDPOINT "\",\"object\":\"webhook_endpoint\","
	    "\"created\":1767323040,\"description\":\"the "
	    "shop's\","
	    "\"disabled_at\":null,\"disabled_reason\":"
	    "null,"
	    "\"enabled_events\":[\"*\"],\"livemode\":"
	    "false,"
	    "\"merchant_id\":\"" MERCHANT "\",\"secret\":"
	    "\"whsec_" SECRET "\",\"status\":"
	    "\"enabled\","
	    "\"url\":\"https:"
	    "//shop.example/"
	    "hook\"}");
	show(&contract_card, "", KIND_ENDPOINT, &endpoint);
	assert_non_null(strstr(shown, "\"secret\":null"));
	assert_null(strstr(shown, SECRET));
}

static void
an_endpoint_says_why_it_is_disabled(void **state)
{
	(void)state;
	endpoint.status = ENDPOINT_DISABLED;
	endpoint.disabled_reason = DISABLED_BY_FAILURES;
	endpoint.disabled = later(60);
	endpoint.events =
	    1u << EVENT_INTENT_SUCCEEDED | 1u << EVENT_CUSTOMER_DELETED;
	show(&contract_card, "", KIND_ENDPOINT, &endpoint);
	assert_non_null(strstr(shown,
	    "\"disabled_at\":1767323100,\"disabled_reason\":\"by_failures\","
	    "\"enabled_events\":[\"payment_intent.succeeded\","
	    "\"customer.deleted\"]"));
	assert_non_null(strstr(shown, "\"status\":\"disabled\""));
	show(&contract_stable, "", KIND_ENDPOINT, &endpoint);
	assert_non_null(strstr(shown,
	    "\"status\":\"disabled\",\"disabled_reason\":\"by_failures\","
	    "\"disabled_at\":\"2026-01-02T03:05:00Z\""));
}

static void
a_deleted_endpoint_is_an_id(void **state)
{
	const struct contract *const contracts[] = {
	    &contract_card, &contract_stable, &contract_operator};

	(void)state;
	endpoint.deleted = later(60);
	for (size_t i = 0; i < sizeof(contracts) / sizeof(contracts[0]); i++)
		assert_string_equal(
		    show(contracts[i], "", KIND_ENDPOINT, &endpoint),
		    "{\"id\":\"" ENDPOINT "\",\"object\":\"webhook_endpoint\","
		    "\"deleted\":true}");
}

/* The event in a list is what was sent, byte by byte. */
static void
an_event_is_the_same_wherever_it_is_read(void **state)
{
	(void)state;
	assert_string_equal(
	    show(&contract_card, "", KIND_EVENT, &event), customer_event);
	assert_string_equal(
	    show(&contract_operator, "", KIND_EVENT, &event), customer_event);
	set_coin_ping();
	assert_string_equal(
	    show(&contract_stable, "", KIND_EVENT, &event), coin_ping);
}

/* A secret beside an event is not its object's. */
static void
the_object_of_a_ping_has_no_secret(void **state)
{
	(void)state;
	set_event(EVENT_ENDPOINT_PING, KIND_ENDPOINT, &endpoint);
	show(&contract_card, "whsec_" SECRET, KIND_EVENT, &event);
	assert_non_null(strstr(shown, "\"secret\":null"));
	assert_null(strstr(shown, SECRET));
	assert_non_null(strstr(shown, "\"data\":{\"object\":{\"id\":\"we_"));
}

/* Later on it would be shown as expired. */
static void
the_object_of_an_event_is_as_it_was(void **state)
{
	const struct coin_intent intent = {
	    .id = id_of("pi_0t40xz8zsw9hvye44hyhzk0fm5", KIND_COIN_INTENT),
	    .merchant = id_of(MERCHANT, KIND_MERCHANT),
	    .state = STATE_AWAITING_PAYMENT,
	    .amount = MONEY(4500000),
	    .currency = TEXT("usd"),
	    .created = made,
	    .expires = later(300),
	};

	(void)state;
	endpoint.family = FAMILY_COIN;
	set_event(EVENT_COIN_CANCELLED, KIND_COIN_INTENT, &intent);
	show(&contract_stable, "", KIND_EVENT, &event);
	assert_non_null(strstr(shown, "\"status\":\"awaiting_payment\""));
	assert_non_null(strstr(shown, "\"expired_at\":null"));
	write_at(later(86400));
	assert_text(message.body, shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_card_event_and_its_headers, start),
	    cmocka_unit_test_setup(a_stable_event_and_its_headers, start),
	    cmocka_unit_test_setup(
		both_secrets_sign_until_the_old_one_ends, start),
	    cmocka_unit_test_setup(
		each_attempt_signs_the_same_body_anew, start),
	    cmocka_unit_test_setup(
		a_program_without_a_version_has_a_name, start),
	    cmocka_unit_test_setup(live_mode_is_told, start),
	    cmocka_unit_test_setup(a_full_arena_is_no_message, start),
	    cmocka_unit_test_setup(
		a_card_endpoint_shows_its_secret_once, start),
	    cmocka_unit_test_setup(an_endpoint_says_why_it_is_disabled, start),
	    cmocka_unit_test_setup(a_deleted_endpoint_is_an_id, start),
	    cmocka_unit_test_setup(
		an_event_is_the_same_wherever_it_is_read, start),
	    cmocka_unit_test_setup(the_object_of_a_ping_has_no_secret, start),
	    cmocka_unit_test_setup(the_object_of_an_event_is_as_it_was, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
