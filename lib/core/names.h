/*
 * The words of the contracts, once each.
 *
 * Every list is an X macro of rows (ID, "text"); it becomes an enum whose
 * first enumerator, ..._NONE, is 0 and means absent, and a table of texts.
 * Records store the numbers: rows are appended, never moved or removed.
 */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define MODE_NAMES(NAME)        \
	NAME(MODE_TEST, "test") \
	NAME(MODE_LIVE, "live")

#define STATE_NAMES(NAME)                                              \
	NAME(STATE_REQUIRES_PAYMENT_METHOD, "requires_payment_method") \
	NAME(STATE_REQUIRES_CONFIRMATION, "requires_confirmation")     \
	NAME(STATE_PROCESSING, "processing")                           \
	NAME(STATE_REQUIRES_ACTION, "requires_action")                 \
	NAME(STATE_REQUIRES_CAPTURE, "requires_capture")               \
	NAME(STATE_SUCCEEDED, "succeeded")                             \
	NAME(STATE_CANCELED, "canceled")                               \
	NAME(STATE_AWAITING_PAYMENT, "awaiting_payment")               \
	NAME(STATE_CONFIRMED, "confirmed")                             \
	NAME(STATE_EXPIRED, "expired")                                 \
	NAME(STATE_CANCELLED, "cancelled")                             \
	NAME(STATE_SETTLED, "settled")

/* What a capture or a confirmation waits for: the program or the engine. */
#define METHOD_NAMES(NAME)                  \
	NAME(METHOD_AUTOMATIC, "automatic") \
	NAME(METHOD_MANUAL, "manual")

#define CANCELLATION_NAMES(NAME)                    \
	NAME(CANCELLATION_ABANDONED, "abandoned")   \
	NAME(CANCELLATION_DUPLICATE, "duplicate")   \
	NAME(CANCELLATION_FRAUDULENT, "fraudulent") \
	NAME(CANCELLATION_REQUESTED_BY_CUSTOMER, "requested_by_customer")

#define DECLINE_NAMES(NAME)                                    \
	NAME(DECLINE_GENERIC, "generic_decline")               \
	NAME(DECLINE_INSUFFICIENT_FUNDS, "insufficient_funds") \
	NAME(DECLINE_LOST_CARD, "lost_card")                   \
	NAME(DECLINE_STOLEN_CARD, "stolen_card")               \
	NAME(DECLINE_EXPIRED_CARD, "expired_card")             \
	NAME(DECLINE_INCORRECT_CVC, "incorrect_cvc")           \
	NAME(DECLINE_PROCESSING_ERROR, "processing_error")     \
	NAME(DECLINE_DO_NOT_HONOR, "do_not_honor")

/* How far a charge or a refund is. */
#define PROGRESS_NAMES(NAME)                  \
	NAME(PROGRESS_PENDING, "pending")     \
	NAME(PROGRESS_SUCCEEDED, "succeeded") \
	NAME(PROGRESS_FAILED, "failed")

#define EVENT_NAMES(NAME)                                                    \
	NAME(EVENT_INTENT_CREATED, "payment_intent.created")                 \
	NAME(EVENT_INTENT_REQUIRES_ACTION, "payment_intent.requires_action") \
	NAME(EVENT_INTENT_PROCESSING, "payment_intent.processing")           \
	NAME(EVENT_INTENT_CAPTURABLE,                                        \
	    "payment_intent.amount_capturable_updated")                      \
	NAME(EVENT_INTENT_SUCCEEDED, "payment_intent.succeeded")             \
	NAME(EVENT_INTENT_FAILED, "payment_intent.payment_failed")           \
	NAME(EVENT_INTENT_CANCELED, "payment_intent.canceled")               \
	NAME(EVENT_CHARGE_SUCCEEDED, "charge.succeeded")                     \
	NAME(EVENT_CHARGE_FAILED, "charge.failed")                           \
	NAME(EVENT_CHARGE_CAPTURED, "charge.captured")                       \
	NAME(EVENT_CHARGE_REFUNDED, "charge.refunded")                       \
	NAME(EVENT_REFUND_CREATED, "refund.created")                         \
	NAME(EVENT_REFUND_FAILED, "refund.failed")                           \
	NAME(EVENT_CUSTOMER_CREATED, "customer.created")                     \
	NAME(EVENT_CUSTOMER_UPDATED, "customer.updated")                     \
	NAME(EVENT_CUSTOMER_DELETED, "customer.deleted")                     \
	NAME(EVENT_COIN_CONFIRMED, "payment_intent.confirmed")               \
	NAME(EVENT_COIN_EXPIRED, "payment_intent.expired")                   \
	NAME(EVENT_COIN_CANCELLED, "payment_intent.cancelled")               \
	NAME(EVENT_TRANSACTION_CREATED, "transaction.created")               \
	NAME(EVENT_SETTLEMENT_COMPLETED, "settlement.completed")             \
	NAME(EVENT_SETTLEMENT_FAILED, "settlement.failed")                   \
	NAME(EVENT_ENDPOINT_PING, "endpoint.ping")

#define KEY_TYPE_NAMES(NAME)                      \
	NAME(KEY_TYPE_SECRET, "secret")           \
	NAME(KEY_TYPE_PUBLISHABLE, "publishable") \
	NAME(KEY_TYPE_RESTRICTED, "restricted")

#define MERCHANT_STATUS_NAMES(NAME)                    \
	NAME(MERCHANT_STATUS_ONBOARDING, "onboarding") \
	NAME(MERCHANT_STATUS_ACTIVE, "active")         \
	NAME(MERCHANT_STATUS_SUSPENDED, "suspended")   \
	NAME(MERCHANT_STATUS_DEACTIVATED, "deactivated")

/* How far a transfer is that came in on a chain. */
#define TRANSACTION_STATUS_NAMES(NAME)           \
	NAME(TRANSACTION_CONFIRMED, "confirmed") \
	NAME(TRANSACTION_SETTLED, "settled")     \
	NAME(TRANSACTION_FAILED, "failed")

/* How often a merchant is paid out. */
#define SCHEDULE_NAMES(NAME)            \
	NAME(SCHEDULE_MANUAL, "manual") \
	NAME(SCHEDULE_DAILY, "daily")   \
	NAME(SCHEDULE_WEEKLY, "weekly") \
	NAME(SCHEDULE_MONTHLY, "monthly")

/* What a restricted key may be given; a :write includes its :read. */
#define PERMISSION_NAMES(NAME)                                    \
	NAME(PERMISSION_INTENTS_READ, "payment_intents:read")     \
	NAME(PERMISSION_INTENTS_WRITE, "payment_intents:write")   \
	NAME(PERMISSION_CHARGES_READ, "charges:read")             \
	NAME(PERMISSION_REFUNDS_READ, "refunds:read")             \
	NAME(PERMISSION_REFUNDS_WRITE, "refunds:write")           \
	NAME(PERMISSION_CUSTOMERS_READ, "customers:read")         \
	NAME(PERMISSION_CUSTOMERS_WRITE, "customers:write")       \
	NAME(PERMISSION_API_KEYS_READ, "api_keys:read")           \
	NAME(PERMISSION_API_KEYS_WRITE, "api_keys:write")         \
	NAME(PERMISSION_TEST_HELPERS_WRITE, "test_helpers:write") \
	NAME(PERMISSION_TRANSACTIONS_READ, "transactions:read")   \
	NAME(PERMISSION_MERCHANTS_READ, "merchants:read")         \
	NAME(PERMISSION_EVENTS_READ, "events:read")               \
	NAME(PERMISSION_ENDPOINTS_READ, "webhook_endpoints:read") \
	NAME(PERMISSION_ENDPOINTS_WRITE, "webhook_endpoints:write")

/* What is paid with; each has events and webhooks of its own. */
#define FAMILY_NAMES(NAME)        \
	NAME(FAMILY_CARD, "card") \
	NAME(FAMILY_COIN, "coin")

/* A webhook endpoint that is pending has not answered its ping yet. */
#define ENDPOINT_STATUS_NAMES(NAME)         \
	NAME(ENDPOINT_ENABLED, "enabled")   \
	NAME(ENDPOINT_DISABLED, "disabled") \
	NAME(ENDPOINT_PENDING, "pending")

/* Why a webhook endpoint is disabled. */
#define DISABLED_NAMES(NAME)                    \
	NAME(DISABLED_BY_REQUEST, "by_request") \
	NAME(DISABLED_BY_FAILURES, "by_failures")

/* How far an event is on its way to one endpoint. */
#define DELIVERY_STATE_NAMES(NAME)            \
	NAME(DELIVERY_PENDING, "pending")     \
	NAME(DELIVERY_SUCCEEDED, "succeeded") \
	NAME(DELIVERY_FAILED, "failed")       \
	NAME(DELIVERY_CANCELED, "canceled")

/* What an attempt to deliver came to; all but the first are failures. */
#define ATTEMPT_RESULT_NAMES(NAME)               \
	NAME(ATTEMPT_SUCCEEDED, "succeeded")     \
	NAME(ATTEMPT_REFUSED, "refused")         \
	NAME(ATTEMPT_TIMED_OUT, "timed_out")     \
	NAME(ATTEMPT_UNREACHABLE, "unreachable") \
	NAME(ATTEMPT_FORBIDDEN, "forbidden")     \
	NAME(ATTEMPT_TLS_FAILED, "tls_failed")   \
	NAME(ATTEMPT_UNREADABLE, "unreadable")

#define NAME_ENUMERATOR(id, text) id,
enum mode { MODE_NONE, MODE_NAMES(NAME_ENUMERATOR) MODE_COUNT };
enum state { STATE_NONE, STATE_NAMES(NAME_ENUMERATOR) STATE_COUNT };
enum method { METHOD_NONE, METHOD_NAMES(NAME_ENUMERATOR) METHOD_COUNT };
enum cancellation {
	CANCELLATION_NONE,
	CANCELLATION_NAMES(NAME_ENUMERATOR) CANCELLATION_COUNT
};
enum decline { DECLINE_NONE, DECLINE_NAMES(NAME_ENUMERATOR) DECLINE_COUNT };
enum progress { PROGRESS_NONE, PROGRESS_NAMES(NAME_ENUMERATOR) PROGRESS_COUNT };
enum event_type { EVENT_NONE, EVENT_NAMES(NAME_ENUMERATOR) EVENT_COUNT };
enum key_type { KEY_TYPE_NONE, KEY_TYPE_NAMES(NAME_ENUMERATOR) KEY_TYPE_COUNT };
enum merchant_status {
	MERCHANT_STATUS_NONE,
	MERCHANT_STATUS_NAMES(NAME_ENUMERATOR) MERCHANT_STATUS_COUNT
};
enum transaction_status {
	TRANSACTION_NONE,
	TRANSACTION_STATUS_NAMES(NAME_ENUMERATOR) TRANSACTION_STATUS_COUNT
};
enum schedule { SCHEDULE_NONE, SCHEDULE_NAMES(NAME_ENUMERATOR) SCHEDULE_COUNT };
enum permission {
	PERMISSION_NONE,
	PERMISSION_NAMES(NAME_ENUMERATOR) PERMISSION_COUNT
};
enum family { FAMILY_NONE, FAMILY_NAMES(NAME_ENUMERATOR) FAMILY_COUNT };
enum endpoint_status {
	ENDPOINT_NONE,
	ENDPOINT_STATUS_NAMES(NAME_ENUMERATOR) ENDPOINT_STATUS_COUNT
};
enum disabled { DISABLED_NONE, DISABLED_NAMES(NAME_ENUMERATOR) DISABLED_COUNT };
enum delivery_state {
	DELIVERY_NONE,
	DELIVERY_STATE_NAMES(NAME_ENUMERATOR) DELIVERY_STATE_COUNT
};
enum attempt_result {
	ATTEMPT_NONE,
	ATTEMPT_RESULT_NAMES(NAME_ENUMERATOR) ATTEMPT_RESULT_COUNT
};
#undef NAME_ENUMERATOR

/* The texts of one list, indexed by its enum; the first is empty. */
struct names {
	const struct text *texts; /* static */
	unsigned count;		  /* with the first */
};

extern const struct names mode_names;
extern const struct names state_names;
extern const struct names method_names;
extern const struct names cancellation_names;
extern const struct names decline_names;
extern const struct names progress_names;
extern const struct names event_names;
extern const struct names key_type_names;
extern const struct names merchant_status_names;
extern const struct names transaction_status_names;
extern const struct names schedule_names;
extern const struct names permission_names;
extern const struct names family_names;
extern const struct names endpoint_status_names;
extern const struct names disabled_names;
extern const struct names delivery_state_names;
extern const struct names attempt_result_names;

#define NAME_TEXT(id, words) [id] = {words, sizeof(words) - 1},
/* Defines the table `list_names` of one list. */
#define NAMES_DEFINE(list, LIST_NAMES)              \
	static const struct text list##_texts[] = { \
	    [0] = {"", 0}, LIST_NAMES(NAME_TEXT)};  \
	const struct names list##_names = {         \
	    list##_texts, sizeof(list##_texts) / sizeof(list##_texts[0])}

/* The text of a number of the list (asserted); 0 gives the empty text. */
struct text name_text(const struct names *names, unsigned value);
/* The number of a text, 0 if the list does not have it. */
unsigned name_find(const struct names *names, struct text text);

#endif
