/*
 * How the stable contract shows its objects.  For stable.c, and for
 * operator.c, which shows them to the operator; the text of a payment's
 * picture is for picture.c.
 */
#ifndef API_STABLE_VIEWS_H
#define API_STABLE_VIEWS_H

#include "api/encode.h"

enum {
	STABLE_INTENT_MEMBERS = 25,
	STABLE_TRANSACTION_MEMBERS = 21,
	STABLE_MERCHANT_MEMBERS = 10,
	STABLE_BALANCE_MEMBERS = 8,
	STABLE_WEBHOOK_ENDPOINT_MEMBERS = 10,
	STABLE_DELETED_ENDPOINT_MEMBERS = 3,
	STABLE_EVENT_MEMBERS = 6,
};

extern const struct member stable_intent[STABLE_INTENT_MEMBERS];
extern const struct member stable_transaction[STABLE_TRANSACTION_MEMBERS];
extern const struct member stable_merchant[STABLE_MERCHANT_MEMBERS];
extern const struct member stable_balance[STABLE_BALANCE_MEMBERS];
extern const struct member
    stable_webhook_endpoint[STABLE_WEBHOOK_ENDPOINT_MEMBERS];
extern const struct member
    stable_deleted_endpoint[STABLE_DELETED_ENDPOINT_MEMBERS];
extern const struct member stable_event[STABLE_EVENT_MEMBERS];

#define STABLE_VIEW(table)                              \
	{                                               \
		table, sizeof(table) / sizeof(table[0]) \
	}

void stable_end_list(struct encoding *encoding, const struct list_page *page);

/* Ways to write a member. */
member_style stable_style_iso;	/* struct instant, ISO 8601; or null */
member_style stable_style_rate; /* uint32_t in millionths, as a number */

/* The payment as ERC-681 has it: what the picture says. */
void stable_qr_payload(
    const struct coin_intent *intent, struct buffer *payload);

#endif
