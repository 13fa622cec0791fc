/*
 * The rules of fields: one per type of parameter, for both contracts.
 */
#ifndef API_RULES_H
#define API_RULES_H

#include "api/contract.h"

/* Whole numbers: JSON numbers without point or exponent, or their text. */
field_rule rule_amount;	 /* struct money */
field_rule rule_limit;	 /* uint32_t */
field_rule rule_seconds; /* struct span */
field_rule rule_time;	 /* struct instant, Unix seconds, in the future */
field_rule rule_boolean; /* bool */
/* Texts: struct slice. */
field_rule rule_text;
field_rule rule_email;
field_rule rule_url;
field_rule rule_currency;
field_rule rule_payment_method;
field_rule rule_client_secret;
/* Amounts in dollars, with decimals: struct money in millionths. */
field_rule rule_dollars;	 /* of at most two decimals */
field_rule rule_transfer;	 /* of at most six, without an upper bound */
field_rule rule_usd;		 /* struct slice */
field_rule rule_ttl;		 /* struct span */
field_rule rule_merchant;	 /* struct named */
field_rule rule_chain_address;	 /* struct slice, EIP-55 */
field_rule rule_tx_hash;	 /* struct slice, lower case */
field_rule rule_idempotency_key; /* decoding->idempotency_key */
/*
 * URLs that webhooks can be sent to: struct slice.  By what the service allows
 * in the caller's mode, or https:// alone whatever it allows.  What was sent
 * is never shown again: a URL may hold a password.
 */
field_rule rule_webhook_url, rule_secure_webhook_url;
/* The type of an event of the contract: uint8_t. */
field_rule rule_event_type;
/*
 * types[]=word, of events of the contract: uint32_t, bits 1 << enum
 * event_type.  Bit 0 is "*", alone, if field->allowed has that bit.
 */
field_rule rule_event_types;
/* Bounds in time, ISO 8601: command->created_... */
field_rule rule_after, rule_before, rule_from, rule_to;
/* One word of a list of names: uint8_t. */
field_rule rule_word;
/* An id: struct named.  Only its prefix is looked at. */
field_rule rule_id;
/* The same; an empty text unsets it. */
field_rule rule_id_or_none;
/* metadata[key]=value, `maximum` pairs: struct slice, packed. */
field_rule rule_metadata;
/* permissions[]=word: uint32_t. */
field_rule rule_words;
/* expand[]=customer: bool. */
field_rule rule_expand_customer;
/* created[gt,gte,lt,lte]: command->created_... */
field_rule rule_created;

/*
 * Narrows the instants of a list: `key` is gt, gte, lt or lte.  Both bounds
 * are kept as a half-open range of seconds.
 */
void rules_narrow(struct command *command, struct text key, int64_t seconds);

#endif
