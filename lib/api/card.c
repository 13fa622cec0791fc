/*
 * The card contract (contract/card.md): its routes and their parameters.
 * How its objects are shown stands in card_views.c.
 */
#include "api/card_views.h"
#include "api/tables.h"

/* Contract: amounts are 1..99999999; integers stay below 2^53. */
#define AMOUNT_MAX 99999999
#define INTEGER_MAX ((INT64_C(1) << 53) - 1)
/* Unix seconds of 9999-12-31, the last year that ISO 8601 can say. */
#define SECONDS_MAX INT64_C(253402300799)

/* Parameters that several endpoints have. */
#define FIELD_AMOUNT(is_required)                                    \
	{                                                            \
		.name = WORD("amount"), .rule = rule_amount,         \
		.required = is_required, .given = GIVEN_AMOUNT,      \
		TARGET(amount), .minimum = 1, .maximum = AMOUNT_MAX, \
		MUST("must be an integer from 1 to 99999999")        \
	}
#define FIELD_CURRENCY(is_required)                                            \
	{                                                                      \
		.name = WORD("currency"), .rule = rule_currency,               \
		.required = is_required, .given = GIVEN_CURRENCY,              \
		TARGET(currency), MUST("must be a 3-letter ISO currency code") \
	}
#define FIELD_CUSTOMER(its_rule)                               \
	{                                                      \
		.name = WORD("customer"), .rule = its_rule,    \
		.given = GIVEN_CUSTOMER, TARGET(customer),     \
		.kind = KIND_CUSTOMER,                         \
		MUST("must be the id of a customer (cus_...)") \
	}
#define FIELD_INTENT(is_required)                                             \
	{                                                                     \
		.name = WORD("payment_intent"), .rule = rule_id,              \
		.required = is_required, TARGET(intent), .kind = KIND_INTENT, \
		MUST("must be the id of a payment intent (pi_...)")           \
	}
#define FIELD_DESCRIPTION                                                     \
	{                                                                     \
		.name = WORD("description"), .rule = rule_text,               \
		.given = GIVEN_DESCRIPTION, TARGET(description),              \
		.maximum = DESCRIPTION_CHARACTERS_MAX,                        \
		MUST("must be a text of at most 1000 characters, no control " \
		     "ones")                                                  \
	}
#define FIELD_METADATA                                           \
	{                                                        \
		.name = WORD("metadata"), .rule = rule_metadata, \
		.given = GIVEN_METADATA, TARGET(metadata),       \
		.maximum = METADATA_PAIRS_MAX,                   \
		MUST("must be " METADATA_BOUNDS)                 \
	}
#define FIELD_PAYMENT_METHOD                                                 \
	{                                                                    \
		.name = WORD("payment_method"), .rule = rule_payment_method, \
		.given = GIVEN_PAYMENT_METHOD, TARGET(payment_method),       \
		MUST("must be a payment method (pm_...) that exists")        \
	}
#define FIELD_RETURN_URL                                                       \
	{                                                                      \
		.name = WORD("return_url"), .rule = rule_url,                  \
		.given = GIVEN_RETURN_URL, TARGET(return_url), .minimum = 1,   \
		.maximum = URL_CHARACTERS_MAX, MUST("must be an absolute URL") \
	}
#define FIELD_CLIENT_SECRET                                                \
	{                                                                  \
		.name = WORD("client_secret"), .rule = rule_client_secret, \
		.given = GIVEN_CLIENT_SECRET, TARGET(client_secret),       \
		MUST("must be the client_secret of the payment intent")    \
	}
#define FIELD_EXPAND                                                     \
	{                                                                \
		.name = WORD("expand"), .rule = rule_expand_customer,    \
		TARGET(expand_customer), MUST("can be 'customer' alone") \
	}
#define FIELD_DECLINE_CODE                                       \
	{                                                        \
		.name = WORD("decline_code"), .rule = rule_word, \
		TARGET(decline), .choices = &decline_names,      \
		MUST("must be a decline code")                   \
	}

static const struct field intent_create_fields[] = {
    FIELD_AMOUNT(true),
    FIELD_CURRENCY(true),
    {.name = WORD("capture_method"),
	.rule = rule_word,
	TARGET(capture_method),
	.choices = &method_names,
	MUST("must be automatic or manual")},
    {.name = WORD("confirmation_method"),
	.rule = rule_word,
	TARGET(confirmation_method),
	.choices = &method_names,
	MUST("must be automatic or manual")},
    FIELD_CUSTOMER(rule_id),
    FIELD_DESCRIPTION,
    FIELD_METADATA,
    FIELD_PAYMENT_METHOD,
    {.name = WORD("confirm"),
	.rule = rule_boolean,
	TARGET(confirm),
	MUST("must be true or false")},
    FIELD_RETURN_URL,
    FIELD_EXPAND,
};

static const struct field intent_get_fields[] = {
    FIELD_EXPAND,
    FIELD_CLIENT_SECRET,
};

static const struct field intent_update_fields[] = {
    FIELD_AMOUNT(false),
    FIELD_CURRENCY(false),
    FIELD_CUSTOMER(rule_id_or_none),
    FIELD_DESCRIPTION,
    FIELD_METADATA,
    FIELD_PAYMENT_METHOD,
    FIELD_EXPAND,
};

static const struct field intent_list_fields[] = {
    FIELDS_OF_PAGE(KIND_INTENT),
    FIELD_CUSTOMER(rule_id),
    {.name = WORD("created"),
	.rule = rule_created,
	.maximum = SECONDS_MAX,
	MUST("must be Unix seconds in gt, gte, lt or lte")},
};

static const struct field intent_confirm_fields[] = {
    FIELD_PAYMENT_METHOD,
    FIELD_RETURN_URL,
    FIELD_CLIENT_SECRET,
    FIELD_EXPAND,
};

static const struct field intent_capture_fields[] = {
    {.name = WORD("amount_to_capture"),
	.rule = rule_amount,
	.given = GIVEN_AMOUNT,
	TARGET(amount),
	.minimum = 1,
	.maximum = AMOUNT_MAX,
	MUST("must be an integer from 1 to amount_capturable")},
    FIELD_EXPAND,
};

static const struct field intent_cancel_fields[] = {
    {.name = WORD("cancellation_reason"),
	.rule = rule_word,
	TARGET(cancellation),
	.choices = &cancellation_names,
	MUST("must be abandoned, duplicate, fraudulent or "
	     "requested_by_customer")},
    FIELD_EXPAND,
};

#define FIELDS_OF_REFUND                                                      \
	{.name = WORD("amount"),                                              \
	    .rule = rule_amount,                                              \
	    .given = GIVEN_AMOUNT,                                            \
	    TARGET(amount),                                                   \
	    .minimum = 1,                                                     \
	    .maximum = INTEGER_MAX,                                           \
	    .refusal = ERROR_AMOUNT_INVALID},                                 \
	    {.name = WORD("reason"),                                          \
		.rule = rule_text,                                            \
		TARGET(description),                                          \
		.maximum = DESCRIPTION_CHARACTERS_MAX,                        \
		MUST("must be a text of at most 1000 characters, no control " \
		     "ones")},                                                \
	    FIELD_METADATA

static const struct field intent_refund_fields[] = {FIELDS_OF_REFUND};

static const struct field refund_create_fields[] = {
    FIELD_INTENT(true),
    FIELDS_OF_REFUND,
};

static const struct field refund_list_fields[] = {
    FIELDS_OF_PAGE(KIND_REFUND),
    FIELD_INTENT(false),
};

static const struct field charge_list_fields[] = {
    FIELDS_OF_PAGE(KIND_CHARGE),
    FIELD_INTENT(false),
    FIELD_CUSTOMER(rule_id),
};

static const struct field customer_fields[] = {
    {.name = WORD("email"),
	.rule = rule_email,
	.given = GIVEN_EMAIL,
	TARGET(email),
	.maximum = EMAIL_CHARACTERS_MAX,
	MUST("must be an email address")},
    {.name = WORD("name"),
	.rule = rule_text,
	.given = GIVEN_NAME,
	TARGET(name),
	.maximum = NAME_CHARACTERS_MAX,
	MUST("must be a text of at most 256 characters, no control ones")},
    {.name = WORD("phone"),
	.rule = rule_text,
	.given = GIVEN_PHONE,
	TARGET(phone),
	.maximum = PHONE_CHARACTERS_MAX,
	MUST("must be a text of at most 64 characters, no control ones")},
    FIELD_DESCRIPTION,
    FIELD_METADATA,
};

static const struct field customer_list_fields[] = {
    FIELDS_OF_PAGE(KIND_CUSTOMER),
};

static const struct field key_create_fields[] = {
    {.name = WORD("name"),
	.rule = rule_text,
	TARGET(name),
	.maximum = NAME_CHARACTERS_MAX,
	MUST("must be a text of at most 256 characters, no control ones")},
    {.name = WORD("type"),
	.rule = rule_word,
	TARGET(key_type),
	.choices = &key_type_names,
	MUST("must be secret, publishable or restricted")},
    {.name = WORD("permissions"),
	.rule = rule_words,
	TARGET(permissions),
	.choices = &permission_names,
	MUST("must be permissions such as payment_intents:read, each once")},
    {.name = WORD("expires_at"),
	.rule = rule_time,
	TARGET(expires),
	.minimum = 1,
	.maximum = SECONDS_MAX,
	MUST("must be Unix seconds in the future")},
};

static const struct field key_list_fields[] = {FIELDS_OF_PAGE(KIND_API_KEY)};

/* Contract: an old key may go on for a day after it was rolled. */
static const struct field key_roll_fields[] = {
    {.name = WORD("grace_seconds"),
	.rule = rule_seconds,
	TARGET(grace),
	.maximum = 86400,
	MUST("must be an integer from 0 to 86400")},
};

static const struct field transition_fields[] = {
    {.name = WORD("status"),
	.rule = rule_word,
	.required = true,
	TARGET(status),
	.choices = &state_names,
	.allowed = 1u << STATE_SUCCEEDED | 1u << STATE_REQUIRES_CAPTURE |
		   1u << STATE_REQUIRES_PAYMENT_METHOD | 1u << STATE_CANCELED,
	MUST("must be succeeded, requires_capture, requires_payment_method "
	     "or canceled")},
    FIELD_DECLINE_CODE,
};

static const struct field event_list_fields[] = {
    FIELDS_OF_PAGE(KIND_EVENT),
    {.name = WORD("type"),
	.rule = rule_event_type,
	TARGET(with_type),
	MUST("must be the type of an event such as payment_intent.succeeded")},
};

#define FIELDS_OF_ENDPOINT(is_required)                                   \
	{.name = WORD("url"),                                             \
	    .rule = rule_webhook_url,                                     \
	    .required = is_required,                                      \
	    .given = GIVEN_URL,                                           \
	    TARGET(url),                                                  \
	    .refusal = ERROR_INVALID_WEBHOOK_URL,                         \
	    MUST("it must be a text")},                                   \
	    {.name = WORD("enabled_events"),                              \
		.rule = rule_event_types,                                 \
		.required = is_required,                                  \
		.given = GIVEN_EVENTS,                                    \
		TARGET(events),                                           \
		.allowed = 1u << EVENT_NONE,                              \
		MUST("must be types of events such as "                   \
		     "payment_intent.succeeded, each once, or * alone")}, \
	    FIELD_DESCRIPTION

static const struct field endpoint_create_fields[] = {FIELDS_OF_ENDPOINT(true)};

static const struct field endpoint_update_fields[] = {
    FIELDS_OF_ENDPOINT(false),
    {.name = WORD("status"),
	.rule = rule_word,
	.given = GIVEN_STATUS,
	TARGET(endpoint_status),
	.choices = &endpoint_status_names,
	.allowed = 1u << ENDPOINT_ENABLED | 1u << ENDPOINT_DISABLED,
	MUST("must be enabled or disabled")},
};

static const struct field endpoint_list_fields[] = {
    FIELDS_OF_PAGE(KIND_ENDPOINT),
};

static bool
check_intent_create(struct decoding *decoding)
{
	struct command *command = decoding->command;

	if (command->capture_method == METHOD_NONE)
		command->capture_method = METHOD_AUTOMATIC;
	if (command->confirmation_method == METHOD_NONE)
		command->confirmation_method = METHOD_AUTOMATIC;
	return true;
}

static bool
check_page(struct decoding *decoding)
{
	struct command *command = decoding->command;

	if (command->limit == 0)
		command->limit = 10;
	return decode_cursors(decoding);
}

static bool
check_key_create(struct decoding *decoding)
{
	struct command *command = decoding->command;
	bool restricted;

	if (command->key_type == KEY_TYPE_NONE)
		command->key_type = KEY_TYPE_SECRET;
	restricted = command->key_type == KEY_TYPE_RESTRICTED;
	if (restricted && command->permissions == 0)
		return refuse_about(decoding->error, ERROR_PARAMETER_MISSING,
		    TEXT("permissions"), TEXT_NONE, TEXT_NONE);
	if (!restricted && command->permissions != 0)
		return refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
		    TEXT("permissions"), TEXT_NONE,
		    TEXT("can be given to restricted keys alone"));
	return true;
}

static bool
check_transition(struct decoding *decoding)
{
	struct command *command = decoding->command;
	bool declines = command->status == STATE_REQUIRES_PAYMENT_METHOD;

	if (command->decline != DECLINE_NONE && !declines)
		return refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
		    TEXT("decline_code"), TEXT_NONE,
		    TEXT("goes with the status requires_payment_method alone"));
	if (command->decline == DECLINE_NONE && declines)
		command->decline = DECLINE_GENERIC;
	return true;
}

static const struct route routes[] = {
    ROUTE("POST", "/v1/payment_intents", INTENT_CREATE, INTENT, INTENTS_WRITE,
	FIELDS(intent_create_fields), .check = check_intent_create),
    ROUTE("GET", "/v1/payment_intents", LIST, INTENT, INTENTS_READ,
	FIELDS(intent_list_fields), .check = check_page),
    ROUTE("GET", "/v1/payment_intents/{id}", GET, INTENT, INTENTS_READ,
	FIELDS(intent_get_fields), .flags = ROUTE_PUBLISHABLE),
    ROUTE("POST", "/v1/payment_intents/{id}", INTENT_UPDATE, INTENT,
	INTENTS_WRITE, FIELDS(intent_update_fields)),
    ROUTE("POST", "/v1/payment_intents/{id}/confirm", INTENT_CONFIRM, INTENT,
	INTENTS_WRITE, FIELDS(intent_confirm_fields),
	.flags = ROUTE_PUBLISHABLE),
    ROUTE("POST", "/v1/payment_intents/{id}/capture", INTENT_CAPTURE, INTENT,
	INTENTS_WRITE, FIELDS(intent_capture_fields)),
    ROUTE("POST", "/v1/payment_intents/{id}/cancel", INTENT_CANCEL, INTENT,
	INTENTS_WRITE, FIELDS(intent_cancel_fields)),
    ROUTE("POST", "/v1/payment_intents/{id}/refund", INTENT_REFUND, INTENT,
	REFUNDS_WRITE, FIELDS(intent_refund_fields)),

    ROUTE("POST", "/v1/refunds", INTENT_REFUND, REFUND, REFUNDS_WRITE,
	FIELDS(refund_create_fields)),
    ROUTE("GET", "/v1/refunds", LIST, REFUND, REFUNDS_READ,
	FIELDS(refund_list_fields), .check = check_page),
    ROUTE("GET", "/v1/refunds/{id}", GET, REFUND, REFUNDS_READ, ),

    ROUTE("GET", "/v1/charges", LIST, CHARGE, CHARGES_READ,
	FIELDS(charge_list_fields), .check = check_page),
    ROUTE("GET", "/v1/charges/{id}", GET, CHARGE, CHARGES_READ, ),

    ROUTE("POST", "/v1/customers", CUSTOMER_CREATE, CUSTOMER, CUSTOMERS_WRITE,
	FIELDS(customer_fields)),
    ROUTE("GET", "/v1/customers", LIST, CUSTOMER, CUSTOMERS_READ,
	FIELDS(customer_list_fields), .check = check_page),
    ROUTE("GET", "/v1/customers/{id}", GET, CUSTOMER, CUSTOMERS_READ, ),
    ROUTE("POST", "/v1/customers/{id}", CUSTOMER_UPDATE, CUSTOMER,
	CUSTOMERS_WRITE, FIELDS(customer_fields)),
    ROUTE("DELETE", "/v1/customers/{id}", CUSTOMER_DELETE, CUSTOMER,
	CUSTOMERS_WRITE, ),

    ROUTE("GET", "/v1/events", LIST, EVENT, EVENTS_READ,
	FIELDS(event_list_fields), .check = check_page),
    ROUTE("GET", "/v1/events/{id}", GET, EVENT, EVENTS_READ, ),

    ROUTE("POST", "/v1/webhook_endpoints", ENDPOINT_CREATE, ENDPOINT,
	ENDPOINTS_WRITE, FIELDS(endpoint_create_fields)),
    ROUTE("GET", "/v1/webhook_endpoints", LIST, ENDPOINT, ENDPOINTS_READ,
	FIELDS(endpoint_list_fields), .check = check_page),
    ROUTE("GET", "/v1/webhook_endpoints/{id}", GET, ENDPOINT, ENDPOINTS_READ, ),
    ROUTE("POST", "/v1/webhook_endpoints/{id}", ENDPOINT_UPDATE, ENDPOINT,
	ENDPOINTS_WRITE, FIELDS(endpoint_update_fields)),
    ROUTE("DELETE", "/v1/webhook_endpoints/{id}", ENDPOINT_DELETE, ENDPOINT,
	ENDPOINTS_WRITE, ),

    ROUTE("POST", "/v1/api_keys", KEY_CREATE, API_KEY, API_KEYS_WRITE,
	FIELDS(key_create_fields), .check = check_key_create,
	.flags = ROUTE_KEYS),
    ROUTE("GET", "/v1/api_keys", LIST, API_KEY, API_KEYS_READ,
	FIELDS(key_list_fields), .check = check_page, .flags = ROUTE_KEYS),
    ROUTE("GET", "/v1/api_keys/{id}", GET, API_KEY, API_KEYS_READ,
	.flags = ROUTE_KEYS),
    ROUTE("POST", "/v1/api_keys/{id}/revoke", KEY_REVOKE, API_KEY,
	API_KEYS_WRITE, .flags = ROUTE_KEYS),
    ROUTE("POST", "/v1/api_keys/{id}/roll", KEY_ROLL, API_KEY, API_KEYS_WRITE,
	FIELDS(key_roll_fields), .flags = ROUTE_KEYS),

    ROUTE("POST", "/v1/test_helpers/payment_intents/{id}/transition",
	INTENT_NOTIFY, INTENT, TEST_HELPERS_WRITE, FIELDS(transition_fields),
	.check = check_transition, .flags = ROUTE_TEST_ONLY),
};

static const struct text roots[] = {
    WORD("payment_intents"),
    WORD("charges"),
    WORD("refunds"),
    WORD("customers"),
    WORD("events"),
    WORD("webhook_endpoints"),
    WORD("api_keys"),
    WORD("test_helpers"),
};

const struct contract contract_card = {
    .id = CONTRACT_CARD,
    .family = FAMILY_CARD,
    .name = WORD("card"),
    .roots = roots,
    .root_count = sizeof(roots) / sizeof(roots[0]),
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .views =
	{
	    [KIND_INTENT] = CARD_VIEW(card_intent),
	    [KIND_CHARGE] = CARD_VIEW(card_charge),
	    [KIND_REFUND] = CARD_VIEW(card_refund),
	    [KIND_CUSTOMER] = CARD_VIEW(card_customer),
	    [KIND_API_KEY] = CARD_VIEW(card_api_key),
	    [KIND_EVENT] = CARD_VIEW(card_event),
	    [KIND_ENDPOINT] = CARD_VIEW(card_webhook_endpoint),
	},
    .deleted =
	{
	    [KIND_CUSTOMER] = CARD_VIEW(card_deleted_customer),
	    [KIND_ENDPOINT] = CARD_VIEW(card_deleted_endpoint),
	},
    .end_list = card_end_list,
};
