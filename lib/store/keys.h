/*
 * The keys of the tables: account (16 bytes), mode (1), then what grows with
 * time.  Big-endian throughout, so that the order of bytes is the order of
 * ids and so of time.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/money.h"
#include "base/text.h"
#include "base/time.h"

/* A key and the memory that holds it. */
struct store_key {
	uint8_t length; /* bytes */
	uint8_t bytes[STORE_KEY_BYTES_MAX];
};

/*
 * Lists: which objects belong to an owner, in order of time.  Stored as
 * numbers: appended, never moved.
 */
enum list {
	LIST_NONE,
	LIST_INTENTS_OF_MERCHANT,
	LIST_INTENTS_OF_CUSTOMER,
	LIST_CHARGES_OF_INTENT,
	LIST_CHARGES_OF_MERCHANT,
	LIST_CHARGES_OF_CUSTOMER,
	LIST_REFUNDS_OF_INTENT,
	LIST_REFUNDS_OF_MERCHANT,
	LIST_CUSTOMERS_OF_ACCOUNT, /* those that are not deleted */
	LIST_CUSTOMERS_OF_MERCHANT,
	LIST_API_KEYS_OF_MERCHANT,
	/* Counted: table `counts` has their lengths. */
	LIST_COINS_OF_MERCHANT,
	LIST_COINS_AWAITING_PAYMENT,
	LIST_COINS_CONFIRMED,
	LIST_COINS_EXPIRED,
	LIST_COINS_CANCELLED,
	LIST_COINS_SETTLED,
	LIST_TRANSFERS_OF_MERCHANT,
	LIST_TRANSFERS_CONFIRMED,
	LIST_TRANSFERS_SETTLED,
	LIST_TRANSFERS_FAILED,
	/* Not counted. */
	LIST_TRANSFERS_OF_INTENT,
	/* Amounts that are awaited at a merchant's one address. */
	LIST_COIN_AMOUNTS,
	/* Webhook endpoints that hear of a merchant, or of a whole account. */
	LIST_ENDPOINTS_OF_OWNER,
	/* Events of cards. */
	LIST_EVENTS_OF_MERCHANT,
	/* ... of an account, one list for each type: list_of_event(). */
	LIST_EVENTS_OF_TYPE = 64,
	LIST_COUNT = LIST_EVENTS_OF_TYPE + 32
};

/* An account's events of a type: the list that has its number. */
static inline enum list
list_of_event(unsigned type)
{
	return (enum list)(LIST_EVENTS_OF_TYPE + type);
}

/* Whether the table `counts` has the length of a list. */
bool list_is_counted(enum list list);

/* The bytes of a key, borrowed from it. */
struct text key_text(const struct store_key *key);

/* An account, which has no mode. */
struct store_key key_of_account(struct id account);
/* A merchant of an account: merchants have no mode. */
struct store_key key_of_merchant(struct id account, struct id merchant);
/* Any object of an account and mode. */
struct store_key key_of_object(struct id account, uint8_t mode, struct id id);
/* All objects of an account and mode: a prefix. */
struct store_key key_of_objects(struct id account, uint8_t mode);
/* A row of a list, and the prefix of a whole list. */
struct store_key key_of_list_row(struct id account, uint8_t mode,
    enum list list, struct id owner, struct id id);
struct store_key key_of_list(
    struct id account, uint8_t mode, enum list list, struct id owner);
/* The index of idempotency keys: the first 16 bytes of the digest. */
struct store_key key_of_idempotency(const struct digest *digest);
/* A row of the index by time: what expires first comes first. */
struct store_key key_of_expiry(
    struct instant expires, struct id account, uint8_t mode, struct id id);
/* All rows before an instant end here. */
struct store_key key_of_expiry_end(struct instant now);
/* A transfer on a chain: (chain, tx_hash, log_index) of an account's mode. */
struct store_key key_of_transfer(struct id account, uint8_t mode,
    uint32_t chain_id, struct text tx_hash, uint32_t log_index);
/* The one open payment of an amount at a merchant's own address. */
struct store_key key_of_coin_amount(
    struct id account, uint8_t mode, struct id merchant, struct money amount);
/*
 * An address, in whatever account, by the first 16 bytes of its digest; the
 * value is the key_of_merchant() of whoever is paid there.
 */
struct store_key key_of_address(struct text address);
/*
 * An event on its way to an endpoint: account, mode, endpoint, event; and the
 * prefix of all that are or were on their way there.
 */
struct store_key key_of_delivery(
    struct id account, uint8_t mode, struct id endpoint, struct id event);
struct store_key key_of_deliveries(
    struct id account, uint8_t mode, struct id endpoint);
/* ... the same with the attempt's number behind it. */
struct store_key key_of_attempt(struct id account, uint8_t mode,
    struct id endpoint, struct id event, uint32_t number);
/*
 * The queue of each endpoint, by time: endpoint, due, event.  The value is
 * key_of_objects() of the account's mode.
 */
struct store_key key_of_due(
    struct id endpoint, struct instant due, struct id event);
/* A line of the audit log. */
struct store_key key_of_audit(uint64_t sequence);
/* An object by its id alone. */
struct store_key key_of_place(struct id id);
/* The index of API keys. */
struct store_key key_of_api_key(const struct digest *digest);

/* The prefix with an id behind it: a bound of a scan. */
struct store_key key_append(const struct store_key *prefix, struct id id);
/* The first key behind all that begin with `prefix`. */
struct store_key key_end(const struct store_key *prefix);

/* The least key behind `key`: where a scan goes on. */
struct store_key key_behind(const struct store_key *key);
/* A copy of the bytes of a key, of at most STORE_KEY_BYTES_MAX. */
struct store_key key_copy(struct text key);

/* The last id in a key: of the object that it names.  At least 16 bytes. */
struct id key_id(struct text key);

/* Where an object lies, as the value of an index. */
struct place {
	struct id account;
	uint8_t mode;
	struct id id;
};
/* False unless the bytes are a key of key_of_object. */
bool place_parse(struct text key, struct place *place)
    __attribute__((warn_unused_result));

#endif
