#include "api/card_views.h"

#include <assert.h>

#include "api/tables.h"
#include "core/bundle.h"
#include "core/names.h"

/* A string member in a nested object. */
static void
write_text(struct json_writer *writer, struct text name, struct text value)
{
	json_name(writer, name);
	if (value.length == 0)
		json_null(writer);
	else
		json_string(writer, value);
}

/* The list of an intent's charges, newest first, from its bundle. */
static void
style_charges(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct intent *intent = record;
	struct json_writer *writer = &encoding->writer;
	struct charge charge;
	unsigned count = 0;
	char id[ID_TEXT_BYTES];
	char url[sizeof("/v1/charges?payment_intent=") + ID_TEXT_BYTES];
	struct buffer buffer;

	(void)member;
	json_object_begin(writer);
	write_text(writer, TEXT("object"), TEXT("list"));
	json_name(writer, TEXT("data"));
	json_array_begin(writer);
	while (bundle_find(encoding->objects, KIND_CHARGE, count, &charge) &&
	       count < INTENT_CHARGES_SHOWN_MAX) {
		encode_record(encoding, KIND_CHARGE, &charge);
		count++;
	}
	json_array_end(writer);
	json_name(writer, TEXT("has_more"));
	json_boolean(writer,
	    bundle_find(encoding->objects, KIND_CHARGE, count, &charge));
	id_format(intent->id, record_type(KIND_INTENT)->prefix, id);
	buffer_init(&buffer, url, sizeof(url));
	buffer_put_text(&buffer, TEXT("/v1/charges?payment_intent="));
	buffer_put_text(&buffer, text_of(id));
	write_text(writer, TEXT("url"), buffer_text(&buffer));
	json_object_end(writer);
}

static void
style_client_secret(
    struct encoding *encoding, const struct member *member, const void *record)
{
	char secret[CLIENT_SECRET_BYTES];

	(void)member;
	client_secret(record, secret);
	json_string(&encoding->writer, text_of(secret));
}

/* The customer's id, or the customer where it was asked for. */
static void
style_customer(
    struct encoding *encoding, const struct member *member, const void *record)
{
	struct customer customer;

	if (bundle_find(encoding->objects, KIND_CUSTOMER, 0, &customer))
		encode_record(encoding, KIND_CUSTOMER, &customer);
	else
		style_id(encoding, member, record);
}

static void
style_last_payment_error(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct intent *intent = record;
	const struct error_words *words =
	    error_words(ERROR_CARD_DECLINED, CONTRACT_CARD);
	struct json_writer *writer = &encoding->writer;

	(void)member;
	if (intent->last_decline == DECLINE_NONE) {
		json_null(writer);
		return;
	}
	json_object_begin(writer);
	write_text(
	    writer, TEXT("type"), name_text(&error_type_names, words->type));
	write_text(writer, TEXT("code"), words->code);
	write_text(writer, TEXT("decline_code"),
	    name_text(&decline_names, intent->last_decline));
	write_text(writer, TEXT("message"), words->message);
	json_object_end(writer);
}

/* Where the customer authenticates; the sandbox's page is the test helper. */
static void
style_next_action(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct intent *intent = record;
	struct json_writer *writer = &encoding->writer;
	char id[ID_TEXT_BYTES];
	char url[512];
	struct buffer buffer;

	(void)member;
	if (intent->state != STATE_REQUIRES_ACTION) {
		json_null(writer);
		return;
	}
	id_format(intent->id, record_type(KIND_INTENT)->prefix, id);
	buffer_init(&buffer, url, sizeof(url));
	buffer_put_text(&buffer, encoding->public_url);
	buffer_put_text(&buffer, TEXT("/sandbox/authenticate/"));
	buffer_put_text(&buffer, text_of(id));
	json_object_begin(writer);
	write_text(writer, TEXT("type"), TEXT("redirect_to_url"));
	json_name(writer, TEXT("redirect_to_url"));
	json_object_begin(writer);
	write_text(writer, TEXT("url"), buffer_text(&buffer));
	write_text(writer, TEXT("return_url"), intent->return_url);
	json_object_end(writer);
	json_object_end(writer);
}

/* Whether the amount that the member points to is more than nothing. */
static void
style_is_positive(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct money *money =
	    (const void *)((const char *)record + member->offset);

	json_boolean(&encoding->writer, money_is_positive(*money));
}

static void
style_paid(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct charge *charge = record;

	(void)member;
	json_boolean(&encoding->writer, charge->progress == PROGRESS_SUCCEEDED);
}

static void
style_refunded(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct charge *charge = record;

	(void)member;
	json_boolean(
	    &encoding->writer, money_is_positive(charge->amount_captured) &&
				   money_compare(charge->amount_captured,
				       charge->amount_refunded) == 0);
}

/* Why a charge failed: the catalogue's words for a declined card. */
static void
style_failure_message(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct charge *charge = record;

	(void)member;
	if (charge->decline == DECLINE_NONE)
		json_null(&encoding->writer);
	else
		json_string(&encoding->writer,
		    error_words(ERROR_CARD_DECLINED, CONTRACT_CARD)->message);
}

/* A charge shows the metadata of its intent, which is in the bundle. */
static void
style_intent_metadata(
    struct encoding *encoding, const struct member *member, const void *record)
{
	struct intent intent;
	bool found = bundle_find(encoding->objects, KIND_INTENT, 0, &intent);
	struct member of_intent = *member;

	(void)record;
	assert(found);
	of_intent.offset = offsetof(struct intent, metadata);
	style_metadata(encoding, &of_intent, &intent);
}

static void
style_permissions(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct api_key *key = record;
	struct json_writer *writer = &encoding->writer;

	(void)member;
	json_array_begin(writer);
	for (unsigned i = PERMISSION_NONE + 1; i < PERMISSION_COUNT; i++)
		if ((key->permissions & (1u << i)) != 0)
			json_string(writer, name_text(&permission_names, i));
	json_array_end(writer);
}

/* The merchant that a key is bound to; null where it acts for all. */
static void
style_bound_merchant(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct api_key *key = record;

	if (key->merchant_bound)
		style_id(encoding, member, record);
	else
		json_null(&encoding->writer);
}

static void
style_key_livemode(
    struct encoding *encoding, const struct member *member, const void *record)
{
	const struct api_key *key = record;

	(void)member;
	json_boolean(&encoding->writer, key->mode == MODE_LIVE);
}

const struct member card_intent[CARD_INTENT_MEMBERS] = {
    ID(intent, "id", id, INTENT),
    OBJECT("payment_intent"),
    SHOW(intent, "amount", amount, style_minor),
    SHOW(intent, "amount_capturable", amount_capturable, style_minor),
    SHOW(intent, "amount_received", amount_received, style_minor),
    SHOW(intent, "canceled_at", canceled, style_seconds),
    WORDS(intent, "cancellation_reason", cancellation, cancellation_names),
    WORDS(intent, "capture_method", capture_method, method_names),
    MADE("charges", style_charges),
    MADE("client_secret", style_client_secret),
    WORDS(intent, "confirmation_method", confirmation_method, method_names),
    SHOW(intent, "created", created, style_seconds),
    SHOW(intent, "currency", currency, style_text),
    {.name = WORD("customer"),
	.style = style_customer,
	AT(intent, customer),
	.kind = KIND_CUSTOMER},
    SHOW(intent, "description", description, style_text),
    MADE("last_payment_error", style_last_payment_error),
    ID(intent, "latest_charge", latest_charge, CHARGE),
    MADE("livemode", style_livemode),
    ID(intent, "merchant_id", merchant, MERCHANT),
    SHOW(intent, "metadata", metadata, style_metadata),
    MADE("next_action", style_next_action),
    SHOW(intent, "payment_method", payment_method, style_text),
    WORDS(intent, "status", state, state_names),
};

const struct member card_charge[CARD_CHARGE_MEMBERS] = {
    ID(charge, "id", id, CHARGE),
    OBJECT("charge"),
    SHOW(charge, "amount", amount, style_minor),
    SHOW(charge, "amount_captured", amount_captured, style_minor),
    SHOW(charge, "amount_refunded", amount_refunded, style_minor),
    SHOW(charge, "captured", amount_captured, style_is_positive),
    SHOW(charge, "created", created, style_seconds),
    SHOW(charge, "currency", currency, style_text),
    ID(charge, "customer", customer, CUSTOMER),
    WORDS(charge, "failure_code", decline, decline_names),
    MADE("failure_message", style_failure_message),
    MADE("livemode", style_livemode),
    MADE("metadata", style_intent_metadata),
    MADE("paid", style_paid),
    ID(charge, "payment_intent", intent, INTENT),
    SHOW(charge, "payment_method", payment_method, style_text),
    MADE("refunded", style_refunded),
    WORDS(charge, "status", progress, progress_names),
};

const struct member card_refund[CARD_REFUND_MEMBERS] = {
    ID(refund, "id", id, REFUND),
    OBJECT("refund"),
    SHOW(refund, "amount", amount, style_minor),
    ID(refund, "charge", charge, CHARGE),
    SHOW(refund, "created", created, style_seconds),
    SHOW(refund, "currency", currency, style_text),
    MADE("livemode", style_livemode),
    SHOW(refund, "metadata", metadata, style_metadata),
    ID(refund, "payment_intent", intent, INTENT),
    SHOW(refund, "reason", reason, style_text),
    WORDS(refund, "status", progress, progress_names),
};

const struct member card_customer[CARD_CUSTOMER_MEMBERS] = {
    ID(customer, "id", id, CUSTOMER),
    OBJECT("customer"),
    SHOW(customer, "created", created, style_seconds),
    SHOW(customer, "description", description, style_text),
    SHOW(customer, "email", email, style_text),
    MADE("livemode", style_livemode),
    ID(customer, "merchant_id", merchant, MERCHANT),
    SHOW(customer, "metadata", metadata, style_metadata),
    SHOW(customer, "name", name, style_text),
    SHOW(customer, "phone", phone, style_text),
};

const struct member card_deleted_customer[CARD_DELETED_CUSTOMER_MEMBERS] = {
    ID(customer, "id", id, CUSTOMER),
    OBJECT("customer"),
    MADE("deleted", style_true),
};

const struct member card_api_key[CARD_API_KEY_MEMBERS] = {
    ID(api_key, "id", id, API_KEY),
    OBJECT("api_key"),
    SHOW(api_key, "created", created, style_seconds),
    SHOW(api_key, "expires_at", expires, style_seconds),
    SHOW(api_key, "last_used", last_used, style_seconds),
    MADE("livemode", style_key_livemode),
    {.name = WORD("merchant_id"),
	.style = style_bound_merchant,
	AT(api_key, merchant),
	.kind = KIND_MERCHANT},
    SHOW(api_key, "name", name, style_text),
    MADE("permissions", style_permissions),
    SHOW(api_key, "prefix", prefix, style_text),
    SHOW(api_key, "revoked_at", revoked, style_seconds),
    MADE("secret", style_secret),
    WORDS(api_key, "type", type, key_type_names),
};

const struct member card_webhook_endpoint[CARD_WEBHOOK_ENDPOINT_MEMBERS] = {
    ID(endpoint, "id", id, ENDPOINT),
    OBJECT("webhook_endpoint"),
    SHOW(endpoint, "created", created, style_seconds),
    SHOW(endpoint, "description", description, style_text),
    SHOW(endpoint, "disabled_at", disabled, style_seconds),
    WORDS(endpoint, "disabled_reason", disabled_reason, disabled_names),
    SHOW(endpoint, "enabled_events", events, style_event_types),
    MADE("livemode", style_livemode),
    ID(endpoint, "merchant_id", merchant, MERCHANT),
    MADE("secret", style_secret),
    SHOW(endpoint, "status", status, style_endpoint_status),
    SHOW(endpoint, "url", url, style_text),
};

const struct member card_deleted_endpoint[CARD_DELETED_ENDPOINT_MEMBERS] = {
    ID(endpoint, "id", id, ENDPOINT),
    OBJECT("webhook_endpoint"),
    MADE("deleted", style_true),
};

const struct member card_event[CARD_EVENT_MEMBERS] = {
    ID(event, "id", id, EVENT),
    OBJECT("event"),
    WORDS(event, "type", type, event_names),
    SHOW(event, "created", created, style_seconds),
    MADE("livemode", style_livemode),
    CONSTANT("api_version", API_VERSION),
    MADE("data", style_event_data),
};

void
card_end_list(struct encoding *encoding, const struct list_page *page)
{
	struct json_writer *writer = &encoding->writer;

	json_name(writer, TEXT("has_more"));
	json_boolean(writer, page->has_more);
	write_text(writer, TEXT("url"), page->url);
	write_text(writer, TEXT("next_cursor"), page->next_cursor);
}
