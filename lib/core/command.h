/*
 * A command: what somebody wants done, decoded and checked, with everything
 * that a decision needs from the outside (the time, randomness).  The same
 * struct carries what a read asks for.
 *
 * Flat and bounded, without pointers, so that it can be copied into memory
 * that another process reads: variable texts lie in `bytes`, and only the
 * first `length` of them need copying.
 */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/money.h"
#include "base/time.h"
#include "core/audit.h"
#include "core/error.h"
#include "core/names.h"
#include "core/records.h"

enum command_kind {
	COMMAND_NONE,
	/* Reads. */
	COMMAND_GET,  /* one object of `object` */
	COMMAND_LIST, /* a page of `object`s */
	/* Payment intents; core/intent.h decides. */
	COMMAND_INTENT_CREATE,
	COMMAND_INTENT_UPDATE,
	COMMAND_INTENT_CONFIRM,
	COMMAND_INTENT_CAPTURE,
	COMMAND_INTENT_CANCEL,
	COMMAND_INTENT_REFUND,
	COMMAND_INTENT_NOTIFY, /* the payment engine says `status` */
	COMMAND_INTENT_ANSWER, /* ... to the confirmation with `fresh` */
	/* Payments in coins; core/coin_intent.h decides. */
	COMMAND_COIN_CREATE,
	COMMAND_COIN_CANCEL,
	COMMAND_COIN_TRANSFER, /* a transfer was confirmed on its chain */
	COMMAND_COIN_SETTLE,   /* its money was paid out */
	COMMAND_COIN_EXPIRE,   /* write down that its time is over */
	/* Customers. */
	COMMAND_CUSTOMER_CREATE,
	COMMAND_CUSTOMER_UPDATE,
	COMMAND_CUSTOMER_DELETE,
	/* Keys. */
	COMMAND_KEY_CREATE,
	COMMAND_KEY_REVOKE,
	COMMAND_KEY_ROLL,
	COMMAND_KEY_TOUCH, /* remember that it was used */
	/* Webhooks: endpoints, and what is on its way to them. */
	COMMAND_ENDPOINT_CREATE,
	COMMAND_ENDPOINT_ANSWER, /* whether its ping was answered */
	COMMAND_ENDPOINT_UPDATE,
	COMMAND_ENDPOINT_DELETE,
	COMMAND_ENDPOINT_ROTATE, /* another secret, with `grace` for the old */
	COMMAND_ENDPOINT_TEST,	 /* sends it a ping */
	COMMAND_DELIVERY_CLAIM,
	COMMAND_DELIVERY_END,	  /* what an attempt came to */
	COMMAND_DELIVERY_RELEASE, /* no attempt was made after all */
	COMMAND_DELIVERY_RESEND,
	COMMAND_EVENTS_FORGET, /* those made before `expires` */
	/* The operator's. */
	COMMAND_ACCOUNT_CREATE,
	COMMAND_MERCHANT_CREATE,
	COMMAND_MERCHANT_STATUS,
	COMMAND_PROBE, /* whether the store can be written */
	/* The audit log. */
	COMMAND_AUDIT_NOTE,   /* a line: `name`, `description` */
	COMMAND_AUDIT_FORGET, /* lines up to `audited` are in the file */
	COMMAND_COUNT
};

/* A text of the command: where it lies in `bytes`.  All 0: absent. */
struct slice {
	uint32_t offset;
	uint32_t length;
};

/* An object that the request names: its id, unset if it cannot be one. */
struct named {
	struct id id;
	struct slice text; /* as the request wrote it */
};

/* Parameters that were given, where that differs from their value. */
enum given {
	GIVEN_AMOUNT = 1 << 0,
	GIVEN_CURRENCY = 1 << 1,
	GIVEN_CUSTOMER = 1 << 2,
	GIVEN_DESCRIPTION = 1 << 3,
	GIVEN_METADATA = 1 << 4,
	GIVEN_PAYMENT_METHOD = 1 << 5,
	GIVEN_RETURN_URL = 1 << 6,
	GIVEN_EMAIL = 1 << 7,
	GIVEN_NAME = 1 << 8,
	GIVEN_PHONE = 1 << 9,
	GIVEN_METADATA_CLEARED = 1 << 10, /* metadata="": all of it */
	GIVEN_CLIENT_SECRET = 1 << 11,
	GIVEN_GRACE = 1 << 12,
	GIVEN_TTL = 1 << 13,
	GIVEN_URL = 1 << 14,
	GIVEN_EVENTS = 1 << 15,
	GIVEN_STATUS = 1 << 16,
};

/* Who asks, and what of the store they see. */
struct scope {
	struct id account;
	struct id merchant;  /* bound to it, or the account's default */
	bool merchant_bound; /* sees this merchant's objects alone */
	uint8_t mode;	     /* enum mode */
	/* Whose webhook endpoints and events; FAMILY_NONE: all. */
	uint8_t family; /* enum family */
};

enum { COMMAND_ENTROPY_BYTES = 48 };

struct command {
	enum command_kind kind;
	enum kind object; /* of the target, or of the list */
	struct scope scope;
	struct instant now; /* when it came, or was stamped (engine.h) */
	/*
	 * When it was asked for, if what it makes is of another time, which
	 * `now` is then (import); else INSTANT_NEVER.
	 */
	struct instant asked;
	struct slice actor;   /* who asks; absent: the engine's own */
	struct slice request; /* with which request */
	struct id fresh;      /* of whatever it makes; likewise */
	uint8_t entropy[COMMAND_ENTROPY_BYTES]; /* for secrets */

	/* A replay shows the object as it now is, not as it was. */
	bool replay_as_now;
	bool idempotent; /* a key was given */
	struct digest idempotency_key;
	struct digest fingerprint;

	struct named target; /* the object in the path */
	uint32_t given;	     /* enum given */

	/* Payment intents and refunds. */
	struct money amount;
	struct slice currency;
	uint8_t capture_method;	     /* enum method */
	uint8_t confirmation_method; /* enum method */
	struct named customer;
	struct named intent;	  /* of a refund, and of lists */
	struct named merchant;	  /* of a payment in coins, and of lists */
	struct slice description; /* also a refund's reason */
	struct slice metadata;	  /* packed: metadata.h */
	struct slice payment_method;
	struct slice return_url;
	struct slice client_secret;
	bool confirm;	      /* at once, after create */
	uint8_t cancellation; /* enum cancellation */
	uint8_t status;	      /* enum state: what the engine says */
	uint8_t decline;      /* enum decline: why it says so */
	uint8_t answer;	      /* enum answer: to a confirmation */

	/* Payments in coins. */
	struct span ttl;
	struct slice chain;
	uint32_t chain_id;
	struct slice token;   /* the contract of the coin */
	struct slice tx_hash; /* of a transfer, as below */
	struct slice sender_address;
	uint32_t log_index;
	uint32_t block_number;

	/* Customers. */
	struct slice email;
	struct slice name; /* also a key's, an account's, a merchant's */
	struct slice phone;

	/* Keys. */
	uint8_t key_type;	       /* enum key_type */
	uint8_t key_mode;	       /* enum mode */
	uint32_t permissions;	       /* bit 1 << enum permission */
	uint32_t caller_permissions;   /* 0: all; else what a new key may get */
	struct instant caller_expires; /* unset: never; a new key's bound */
	struct instant expires;
	struct span grace;
	uint8_t merchant_status; /* enum merchant_status */

	/* Merchants. */
	struct slice payment_address;
	struct slice extended_key;
	uint32_t fee_rate; /* in millionths */
	uint8_t schedule;  /* enum schedule */

	/* Webhook endpoints. */
	struct slice url;
	uint32_t events;	 /* bit 1 << enum event_type; bit 0: all */
	uint8_t endpoint_status; /* enum endpoint_status */
	bool pings;		 /* it is not there before it has answered */
	bool gave_up;		 /* no answer is waited for any longer */

	/* Events on their way. */
	struct id endpoint;
	struct id event;
	struct id holder;     /* who makes the attempt */
	struct instant due;   /* of its row in deliveries_due */
	struct instant begun; /* when the attempt was */
	struct span duration;
	uint8_t attempt;     /* enum attempt_result */
	uint32_t answered;   /* the attempt's HTTP status; 0: no answer */
	struct slice reason; /* of its failure */
	struct slice response;

	/* The audit log. */
	struct audit_link audited;

	/* Lists. */
	uint8_t with_type;   /* enum event_type; 0: any */
	uint8_t with_status; /* enum state or transaction_status; 0: any */
	bool counts_all;     /* the page tells how many there are in all */
	uint32_t limit;
	struct named starting_after;
	struct named ending_before;
	struct instant created_gte; /* inclusive; INSTANT_NEVER: open */
	struct instant created_lt;  /* exclusive; INSTANT_NEVER: open */
	bool created_none;	    /* the bounds leave nothing */
	bool expand_customer;

	uint32_t length; /* of `bytes`; last, so that a copy can be short */
	char bytes[COMMAND_BYTES_MAX];
};

/* All absent; `bytes` is left as it is. */
void command_init(struct command *command, enum command_kind kind);

/* The bytes of a command that must be copied for a whole copy. */
size_t command_size(const struct command *command);

/*
 * A whole copy of what others may write meanwhile.  False: it is no command,
 * which no engine may see: its kind, a text's place or a value of a field is
 * none that there is.  It is the copy that was looked at.
 */
bool command_copy(struct command *copy, const struct command *from)
    __attribute__((warn_unused_result));

/* Keeps a text: false, with *slice absent, when there is no room. */
bool command_keep(struct command *command, struct text text,
    struct slice *slice) __attribute__((warn_unused_result));

/* A kept text; borrowed from the command; TEXT_NONE when absent. */
struct text command_text(const struct command *command, struct slice slice);

/* The time that keys are remembered from. */
static inline struct instant
command_asked(const struct command *command)
{
	return instant_is_set(command->asked) ? command->asked : command->now;
}

static inline bool
command_has(const struct command *command, enum given given)
{
	return (command->given & (uint32_t)given) != 0;
}

#endif
