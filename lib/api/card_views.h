/*
 * How the card contract shows its objects.  For card.c, and for operator.c,
 * which shows them to the operator.
 */
#ifndef API_CARD_VIEWS_H
#define API_CARD_VIEWS_H

#include "api/encode.h"

enum {
	CARD_INTENT_MEMBERS = 23,
	CARD_CHARGE_MEMBERS = 18,
	CARD_REFUND_MEMBERS = 11,
	CARD_CUSTOMER_MEMBERS = 10,
	CARD_DELETED_CUSTOMER_MEMBERS = 3,
	CARD_API_KEY_MEMBERS = 13,
	CARD_WEBHOOK_ENDPOINT_MEMBERS = 12,
	CARD_DELETED_ENDPOINT_MEMBERS = 3,
	CARD_EVENT_MEMBERS = 7,
};

extern const struct member card_intent[CARD_INTENT_MEMBERS];
extern const struct member card_charge[CARD_CHARGE_MEMBERS];
extern const struct member card_refund[CARD_REFUND_MEMBERS];
extern const struct member card_customer[CARD_CUSTOMER_MEMBERS];
extern const struct member card_deleted_customer[CARD_DELETED_CUSTOMER_MEMBERS];
extern const struct member card_api_key[CARD_API_KEY_MEMBERS];
extern const struct member card_webhook_endpoint[CARD_WEBHOOK_ENDPOINT_MEMBERS];
extern const struct member card_deleted_endpoint[CARD_DELETED_ENDPOINT_MEMBERS];
extern const struct member card_event[CARD_EVENT_MEMBERS];

#define CARD_VIEW(table)                                \
	{                                               \
		table, sizeof(table) / sizeof(table[0]) \
	}

void card_end_list(struct encoding *encoding, const struct list_page *page);

#endif
