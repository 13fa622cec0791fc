/*
 * What is stored: the records, field by field.
 *
 * Each record is described once, by its list of FIELD(type, name); the list
 * becomes the struct and the table that the codec walks (codec.h).  Stored
 * in this order: a field is appended, with a new version, never moved.
 *
 * Texts are borrowed: from the store's transaction, a bundle or an arena.
 * Absent is ID_NONE, INSTANT_NEVER, an empty text, or an enumerator of 0.
 */
#ifndef CORE_RECORDS_H
#define CORE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/id.h"
#include "base/money.h"
#include "base/text.h"
#include "base/time.h"
#include "core/names.h"

/* Kinds of record; stored as numbers: appended, never moved. */
#define KIND_ROWS(KIND)                              \
	KIND(ACCOUNT, account, "acct_")              \
	KIND(MERCHANT, merchant, "mer_")             \
	KIND(API_KEY, api_key, "key_")               \
	KIND(INTENT, intent, "pi_")                  \
	KIND(CHARGE, charge, "ch_")                  \
	KIND(REFUND, refund, "ref_")                 \
	KIND(CUSTOMER, customer, "cus_")             \
	KIND(EVENT, event, "evt_")                   \
	KIND(STORED_OUTCOME, stored_outcome, "req_") \
	KIND(COIN_INTENT, coin_intent, "pi_")        \
	KIND(TRANSFER, transfer, "txn_")             \
	KIND(BALANCE, balance, "mer_")               \
	KIND(ENDPOINT, endpoint, "we_")              \
	KIND(DELIVERY, delivery, "evt_")             \
	KIND(ATTEMPT, attempt, "evt_")

enum kind {
	KIND_NONE,
#define KIND(id, name, prefix) KIND_##id,
	KIND_ROWS(KIND)
#undef KIND
	    KIND_COUNT
};

/* Types of field. */
#define FIELD_TYPE_ID struct id
#define FIELD_TYPE_ENUM uint8_t
#define FIELD_TYPE_FLAG bool
#define FIELD_TYPE_COUNT uint32_t
#define FIELD_TYPE_MONEY struct money
#define FIELD_TYPE_INSTANT struct instant
#define FIELD_TYPE_DIGEST struct digest
#define FIELD_TYPE_TEXT struct text

/* An owner of merchants, keys and all that these make. */
#define ACCOUNT_FIELDS(FIELD)                                \
	FIELD(ID, id)                                        \
	FIELD(TEXT, name)                                    \
	FIELD(ID, default_merchant) /* the first one made */ \
	FIELD(INSTANT, created)

#define MERCHANT_FIELDS(FIELD)                                               \
	FIELD(ID, id)                                                        \
	FIELD(ID, account)                                                   \
	FIELD(TEXT, business_name)                                           \
	FIELD(TEXT, email)                                                   \
	FIELD(ENUM, status) /* enum merchant_status */                       \
	FIELD(INSTANT, created)                                              \
	/* What follows is for stablecoins. */                               \
	FIELD(TEXT, chain)	     /* "base" */                            \
	FIELD(TEXT, payment_address) /* the one of all its intents, or: */   \
	FIELD(TEXT, extended_key)    /* an xpub; each intent has its own */  \
	FIELD(COUNT, next_child)     /* of the extended key; never reused */ \
	FIELD(COUNT, fee_rate)	     /* in millionths */                     \
	FIELD(ENUM, settlement_schedule) /* enum schedule */

/* A key; the key itself is not here, only its digest. */
#define API_KEY_FIELDS(FIELD)                                      \
	FIELD(ID, id)                                              \
	FIELD(ID, account)                                         \
	FIELD(ENUM, mode)     /* enum mode */                      \
	FIELD(ENUM, type)     /* enum key_type */                  \
	FIELD(DIGEST, digest) /* SHA-256 of the full key */        \
	FIELD(TEXT, prefix)   /* its first 12 characters */        \
	FIELD(TEXT, name)                                          \
	FIELD(COUNT, permissions)   /* bit 1 << enum permission */ \
	FIELD(ID, merchant)	    /* of what it makes */         \
	FIELD(FLAG, merchant_bound) /* and sees nothing else */    \
	FIELD(INSTANT, created)                                    \
	FIELD(INSTANT, last_used) /* to the minute */              \
	FIELD(INSTANT, expires)                                    \
	FIELD(INSTANT, revoked)

#define INTENT_FIELDS(FIELD)                                             \
	FIELD(ID, id)                                                    \
	FIELD(ID, merchant)                                              \
	FIELD(ENUM, state) /* enum state */                              \
	FIELD(MONEY, amount)                                             \
	FIELD(MONEY, amount_capturable)                                  \
	FIELD(MONEY, amount_received) /* what was captured */            \
	FIELD(TEXT, currency)                                            \
	FIELD(ENUM, capture_method)	 /* enum method */               \
	FIELD(ENUM, confirmation_method) /* enum method */               \
	FIELD(ID, customer)                                              \
	FIELD(TEXT, payment_method)                                      \
	FIELD(TEXT, description)                                         \
	FIELD(TEXT, metadata) /* packed: metadata.h */                   \
	FIELD(TEXT, return_url)                                          \
	FIELD(TEXT, secret)	  /* the part behind `pi_..._secret_` */ \
	FIELD(FLAG, initialized)  /* there is a payment at the engine */ \
	FIELD(ENUM, last_decline) /* enum decline */                     \
	FIELD(ENUM, cancellation) /* enum cancellation */                \
	FIELD(ID, latest_charge)                                         \
	FIELD(INSTANT, created)                                          \
	FIELD(INSTANT, canceled)

/* An attempt to move money; an intent has at most one that succeeded. */
#define CHARGE_FIELDS(FIELD)                      \
	FIELD(ID, id)                             \
	FIELD(ID, intent)                         \
	FIELD(ID, merchant)                       \
	FIELD(ID, customer)                       \
	FIELD(ENUM, progress) /* enum progress */ \
	FIELD(ENUM, decline)  /* enum decline */  \
	FIELD(MONEY, amount)                      \
	FIELD(MONEY, amount_captured)             \
	FIELD(MONEY, amount_refunded)             \
	FIELD(TEXT, currency)                     \
	FIELD(TEXT, payment_method)               \
	FIELD(INSTANT, created)

#define REFUND_FIELDS(FIELD)                           \
	FIELD(ID, id)                                  \
	FIELD(ID, intent)                              \
	FIELD(ID, charge)                              \
	FIELD(ID, merchant)                            \
	FIELD(ENUM, progress) /* enum progress */      \
	FIELD(MONEY, amount)                           \
	FIELD(TEXT, currency)                          \
	FIELD(TEXT, reason)                            \
	FIELD(TEXT, metadata) /* packed: metadata.h */ \
	FIELD(INSTANT, created)

#define CUSTOMER_FIELDS(FIELD)                         \
	FIELD(ID, id)                                  \
	FIELD(ID, merchant)                            \
	FIELD(TEXT, email)                             \
	FIELD(TEXT, name)                              \
	FIELD(TEXT, phone)                             \
	FIELD(TEXT, description)                       \
	FIELD(TEXT, metadata) /* packed: metadata.h */ \
	FIELD(INSTANT, created)                        \
	FIELD(INSTANT, deleted)

/* A payment in coins; amounts are millionths of a dollar. */
#define COIN_INTENT_FIELDS(FIELD)                                         \
	FIELD(ID, id)                                                     \
	FIELD(ID, merchant)                                               \
	FIELD(ENUM, state) /* enum state */                               \
	FIELD(MONEY, amount)                                              \
	FIELD(MONEY, amount_received) /* the sum of its transactions */   \
	FIELD(COUNT, fee_rate)	      /* in millionths, as it was then */ \
	FIELD(TEXT, currency)                                             \
	FIELD(TEXT, metadata)	     /* packed: metadata.h */             \
	FIELD(TEXT, payment_address) /* EIP-55 */                         \
	FIELD(FLAG, address_shared)  /* the merchant's; else its own */   \
	FIELD(TEXT, chain)                                                \
	FIELD(COUNT, chain_id)                                            \
	FIELD(TEXT, token)   /* the contract of the coin, EIP-55 */       \
	FIELD(TEXT, tx_hash) /* of the transfer that confirmed it */      \
	FIELD(TEXT, sender_address)                                       \
	FIELD(COUNT, block_number)                                        \
	FIELD(INSTANT, created)                                           \
	FIELD(INSTANT, expires)                                           \
	FIELD(INSTANT, confirmed)                                         \
	FIELD(INSTANT, cancelled)                                         \
	FIELD(INSTANT, settled)

/* A transfer that came in; amounts are millionths of a dollar. */
#define TRANSFER_FIELDS(FIELD)                                              \
	FIELD(ID, id)                                                       \
	FIELD(ID, intent) /* none: nobody asked for it */                   \
	FIELD(ID, merchant)                                                 \
	FIELD(ENUM, status) /* enum transaction_status */                   \
	FIELD(MONEY, amount)                                                \
	FIELD(COUNT, fee_rate) /* in millionths */                          \
	FIELD(TEXT, currency)                                               \
	FIELD(TEXT, chain)                                                  \
	FIELD(TEXT, token)                                                  \
	FIELD(TEXT, tx_hash)                                                \
	FIELD(COUNT, log_index)                                             \
	FIELD(COUNT, block_number)                                          \
	FIELD(TEXT, sender_address)                                         \
	FIELD(TEXT, payment_address)                                        \
	FIELD(FLAG, late)     /* its intent was not awaiting it any more */ \
	FIELD(TEXT, metadata) /* of its intent, packed: metadata.h */       \
	FIELD(INSTANT, confirmed)                                           \
	FIELD(INSTANT, settled)

/* What a merchant has in one mode; in millionths of a dollar. */
#define BALANCE_FIELDS(FIELD)              \
	FIELD(ID, id) /* the merchant's */ \
	FIELD(MONEY, available)            \
	FIELD(MONEY, pending)              \
	FIELD(INSTANT, updated)

/* A row of the outbox: what happened, with the object as it then was. */
#define EVENT_FIELDS(FIELD)                     \
	FIELD(ID, id)                           \
	FIELD(ID, merchant)                     \
	FIELD(ENUM, type) /* enum event_type */ \
	FIELD(INSTANT, created)                 \
	FIELD(TEXT, objects) /* a bundle; its first record is the object */

/* Where a merchant is told of events: a webhook endpoint. */
#define ENDPOINT_FIELDS(FIELD)                                                 \
	FIELD(ID, id)                                                          \
	FIELD(ID, merchant)  /* none: of all merchants of the account */       \
	FIELD(ENUM, family)  /* enum family: of what is paid with */           \
	FIELD(ENUM, status)  /* enum endpoint_status */                        \
	FIELD(COUNT, events) /* bit 1 << enum event_type; bit 0: all */        \
	FIELD(TEXT, url)                                                       \
	FIELD(TEXT, description)                                               \
	FIELD(TEXT, secret)	/* the part behind `whsec_` */                 \
	FIELD(TEXT, old_secret) /* likewise; signs beside it until: */         \
	FIELD(INSTANT, old_until)                                              \
	FIELD(                                                                 \
	    INSTANT, failing_since) /* no success since; NEVER: none failed */ \
	FIELD(ENUM, disabled_reason) /* enum disabled */                       \
	FIELD(INSTANT, disabled)                                               \
	FIELD(ENUM, ping) /* enum progress: what a pending one waits for */    \
	FIELD(INSTANT, created)                                                \
	FIELD(INSTANT, deleted) /* set in answers alone: its row is gone */    \
	FIELD(INSTANT, failed)	/* the latest failure since failing_since */

/* An event on its way to one endpoint. */
#define DELIVERY_FIELDS(FIELD)                                              \
	FIELD(ID, event)                                                    \
	FIELD(ID, endpoint)                                                 \
	FIELD(ENUM, state)     /* enum delivery_state */                    \
	FIELD(COUNT, attempts) /* that have ended: rows of `attempts` */    \
	FIELD(COUNT, left)     /* that its schedule still has */            \
	FIELD(INSTANT, created)                                             \
	FIELD(INSTANT, due) /* of its row in deliveries_due; NEVER: none */ \
	FIELD(ID, holder)   /* makes an attempt; its lease ends at `due` */ \
	FIELD(FLAG, resent) /* the next attempt is the operator's wish */

/* One attempt to deliver. */
#define ATTEMPT_FIELDS(FIELD)                               \
	FIELD(ID, event)                                    \
	FIELD(ID, endpoint)                                 \
	FIELD(COUNT, number) /* from 1 */                   \
	FIELD(INSTANT, begun)                               \
	FIELD(COUNT, duration_ms)                           \
	FIELD(ENUM, result)   /* enum attempt_result */     \
	FIELD(COUNT, status)  /* HTTP; 0: no answer came */ \
	FIELD(TEXT, reason)   /* of a failure, in words */  \
	FIELD(TEXT, response) /* what its body began with */

/* What a request with an idempotency key came to. */
#define STORED_OUTCOME_FIELDS(FIELD)                                          \
	FIELD(ID, id)                                                         \
	FIELD(DIGEST, key)	   /* of scope and key */                     \
	FIELD(DIGEST, fingerprint) /* of method, path and parameters */       \
	FIELD(INSTANT, created)                                               \
	FIELD(INSTANT, pending_until) /* an outside engine is being asked */  \
	FIELD(TEXT, error)	      /* its row's name; empty: no refusal */ \
	FIELD(ENUM, decline)	      /* enum decline */                      \
	FIELD(TEXT, param)                                                    \
	FIELD(TEXT, value)                                                    \
	FIELD(TEXT, detail)                                                   \
	FIELD(TEXT, objects) /* a bundle */

#define FIELD(type, name) FIELD_TYPE_##type name;
struct account {
	ACCOUNT_FIELDS(FIELD)
};
struct merchant {
	MERCHANT_FIELDS(FIELD)
};
struct api_key {
	API_KEY_FIELDS(FIELD)
};
struct intent {
	INTENT_FIELDS(FIELD)
};
struct charge {
	CHARGE_FIELDS(FIELD)
};
struct refund {
	REFUND_FIELDS(FIELD)
};
struct customer {
	CUSTOMER_FIELDS(FIELD)
};
struct event {
	EVENT_FIELDS(FIELD)
};
struct stored_outcome {
	STORED_OUTCOME_FIELDS(FIELD)
};
struct coin_intent {
	COIN_INTENT_FIELDS(FIELD)
};
struct transfer {
	TRANSFER_FIELDS(FIELD)
};
struct balance {
	BALANCE_FIELDS(FIELD)
};
struct endpoint {
	ENDPOINT_FIELDS(FIELD)
};
struct delivery {
	DELIVERY_FIELDS(FIELD)
};
struct attempt {
	ATTEMPT_FIELDS(FIELD)
};
#undef FIELD

/* One value of any kind, for code that walks tables. */
union record {
	struct account account;
	struct merchant merchant;
	struct api_key api_key;
	struct intent intent;
	struct charge charge;
	struct refund refund;
	struct customer customer;
	struct event event;
	struct stored_outcome stored_outcome;
	struct coin_intent coin_intent;
	struct transfer transfer;
	struct balance balance;
	struct endpoint endpoint;
	struct delivery delivery;
	struct attempt attempt;
};

enum field_type {
	FIELD_ID,
	FIELD_ENUM,
	FIELD_FLAG,
	FIELD_COUNT,
	FIELD_MONEY,
	FIELD_INSTANT,
	FIELD_DIGEST,
	FIELD_TEXT,
};

struct record_field {
	const char *name;
	enum field_type type;
	uint16_t offset; /* bytes, in the struct */
};

struct record_type {
	const char *name;   /* "intent" */
	const char *prefix; /* "pi_" */
	uint8_t version;    /* of the stored form */
	uint8_t field_count;
	uint16_t size; /* bytes, of the struct */
	const struct record_field *fields;
};

/* The description of a kind (asserted). */
const struct record_type *record_type(enum kind kind);

/* The whole text of a client secret: `pi_..._secret_...`. */
enum { CLIENT_SECRET_BYTES = ID_TEXT_BYTES + 8 + 25 + 1, SECRET_DIGITS = 25 };
void client_secret(const struct intent *intent, char to[CLIENT_SECRET_BYTES]);

#endif
