/*
 * A small shop on the memory store, made by running commands through the
 * engine, but for webhooks: all kinds of object, in all their relations.  And
 * ways to damage it, behind the engine's back.
 */
#ifndef UNIT_VERIFY_SHOP_H
#define UNIT_VERIFY_SHOP_H

#include "core/records.h"
#include "engine/engine.h"
#include "store/keys.h"

struct shop {
	struct store *store;   /* owned */
	struct engine *engine; /* owned */
	struct instant now;    /* a second later at each command */
	struct id account;
	struct id merchant; /* the account's default */
	struct id branch;   /* another one */
	struct id key;	    /* secret, of the whole account */
	struct id bound;    /* restricted, bound to the branch */
	struct id customer;
	struct id gone;	   /* a customer that was deleted */
	struct id paid;	   /* an intent of the customer, partly refunded */
	struct id charge;  /* of what was paid */
	struct id refund;  /* the first of two */
	struct id held;	   /* an intent that can be captured */
	struct id retried; /* declined, then paid: two charges */
	struct id failed;  /* the first charge of it */
	struct id canceled;
	struct id pending; /* an intent whose engine answers later */
	struct id event;   /* the first one, of a customer */
	struct id first;   /* an outcome whose key was forgotten */
	struct id second;  /* ... and used again */
	/* Payments in coins. */
	struct id fixed;    /* a merchant with one address */
	struct id extended; /* a merchant with an extended key */
	struct id settled;  /* a payment in coins, of one transfer */
	struct id transfer; /* that one */
	struct id parts;    /* confirmed by two transfers */
	struct id part;	    /* the first of them */
	struct id own;	    /* awaited, at an address of its own */
	struct id shared;   /* awaited, at the fixed address */
	struct id replaced; /* expired, and its amount taken by the next */
	struct id next;	    /* awaited */
	struct id released; /* expired, its amount taken, and free again */
	struct id late;	    /* cancelled, then paid */
	struct id swept;    /* expired, and written down */
	/* Webhooks. */
	struct id hook;	  /* the merchant's endpoint for cards */
	struct id off;	  /* the account's for coins, disabled */
	struct id asked;  /* for coins, and has not answered its ping yet */
	struct id ping;	  /* the event that asked it */
	struct id waits;  /* an event that waits for the hook */
	struct id closed; /* an endpoint that was deleted; so is its event */
};

void shop_open(struct shop *shop);
/* verify_shop_webhooks.c: that part of it, as the engine writes it. */
void shop_make_webhooks(struct shop *shop);
void shop_close(struct shop *shop);

/* What is on its way to an endpoint, and the n-th attempt at that. */
struct store_key shop_delivery(
    const struct shop *shop, struct id endpoint, struct id event);
struct store_key shop_attempt(const struct shop *shop, struct id endpoint,
    struct id event, uint32_t number);

/* Where an object of the shop lies. */
struct store_key shop_place(
    const struct shop *shop, enum kind kind, struct id id);

/*
 * A record to be changed and then saved under its old key.  One at a time;
 * its texts live until the next call.
 */
union record *shop_edit(struct shop *shop, enum kind kind, struct id id);
/* ... that lies elsewhere than objects do. */
union record *shop_edit_key(
    struct shop *shop, enum kind kind, struct store_key key);
void shop_save(struct shop *shop);

/* A record under a key. */
void shop_write(struct shop *shop, enum kind kind, struct store_key key,
    const void *record);

/* Rows as bytes. */
struct text shop_get(struct shop *shop, enum table table, struct text key);
void shop_put(
    struct shop *shop, enum table table, struct text key, struct text value);
void shop_delete(struct shop *shop, enum table table, struct text key);

#endif
