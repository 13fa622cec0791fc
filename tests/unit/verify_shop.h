/*
 * A small shop on the memory store, made by running commands through the
 * engine: all kinds of object, in all their relations.  And ways to damage
 * it, behind the engine's back.
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
};

void shop_open(struct shop *shop);
void shop_close(struct shop *shop);

/* Where an object of the shop lies. */
struct store_key shop_place(
    const struct shop *shop, enum kind kind, struct id id);

/*
 * A record to be changed and then saved under its old key.  One at a time;
 * its texts live until the next call.
 */
union record *shop_edit(struct shop *shop, enum kind kind, struct id id);
void shop_save(struct shop *shop);

/* Rows as bytes. */
struct text shop_get(struct shop *shop, enum table table, struct text key);
void shop_put(
    struct shop *shop, enum table table, struct text key, struct text value);
void shop_delete(struct shop *shop, enum table table, struct text key);

#endif
