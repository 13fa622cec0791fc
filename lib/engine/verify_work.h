/*
 * A verification at work: what verify.c shares with the files that check the
 * records (verify_records.c), what each kind means (verify_objects.c;
 * verify_coins.c for payments in coins, verify_webhooks.c for webhooks), and
 * the lists (verify_lists.c).
 */
#ifndef ENGINE_VERIFY_WORK_H
#define ENGINE_VERIFY_WORK_H

#include "core/records.h"
#include "engine/engine.h"
#include "engine/verify.h"
#include "store/keys.h"

struct verification {
	struct transaction *transaction; /* borrowed, as all below */
	finding_report *report;
	void *context;
	struct verification_summary *summary;
	enum store_result result; /* of the first read that failed */
	/* The row that is being checked; findings are about it. */
	enum table table;
	struct text key;
	/* What the key says: a merchant has no mode; an account is its id. */
	struct place place;
	struct store_key list; /* whose rows are being seen, one by one */
	bool log_seen;	       /* META has the row that follows */
	struct audit_state log;
	struct audit_link line; /* the latest one that was seen */
};

/* Reports about the row; `detail` is static or TEXT_NONE. */
void verify_find(
    struct verification *verification, enum finding_id id, struct text detail);

/*
 * Reads another record, whose texts are borrowed from the transaction.  False
 * when it is not there; also when it cannot be read, which its own row says,
 * or when the store failed, which verification->result says.
 */
bool verify_load(struct verification *verification, enum table table,
    enum kind kind, struct text key, union record *record)
    __attribute__((warn_unused_result));
/* An object of the row's account and mode. */
bool verify_load_object(struct verification *verification, enum kind kind,
    struct id id, union record *record) __attribute__((warn_unused_result));
/* The bytes of any row; false as above. */
bool verify_get(struct verification *verification, enum table table,
    struct text key, struct text *value) __attribute__((warn_unused_result));

/*
 * The record that a row of an index leads to, as key_of_object has it.  False
 * when it cannot be had, which has then been reported.
 */
bool verify_follow(struct verification *verification, struct text value,
    enum kind kind, union record *record) __attribute__((warn_unused_result));

/* Visits the rows of a list of the row's account and mode. */
void verify_scan_list(struct verification *verification, enum list list,
    struct id owner, store_visit *visit, void *context);

/* The table that holds the records of a kind. */
enum table verify_table_of(enum kind kind);

/* verify_records.c: all that holds of records of every kind. */
void verify_record(
    struct verification *verification, enum kind kind, struct text value);

/* verify_objects.c: what holds of this kind alone. */
void verify_object(struct verification *verification, enum kind kind,
    const union record *record);

/* verify_coins.c: the same of payments in coins and of what they bring. */
typedef void verify_kind(
    struct verification *verification, const union record *record);
verify_kind verify_coin_intent, verify_transfer, verify_balance;
/* What a merchant is paid in coins with. */
verify_kind verify_coin_merchant;
/* Rows that are no records, by their tables. */
typedef void verify_row(struct verification *verification, struct text value);
verify_row verify_transfer_place, verify_count, verify_expiry, verify_place;
/* A row of LISTS: an amount that is awaited. */
verify_row verify_amount, verify_address;

/* verify_webhooks.c: endpoints, what is on its way to them, and the queue. */
verify_kind verify_endpoint, verify_delivery, verify_attempt;
verify_row verify_due;
/* What their keys are: endpoint, event, and an attempt's number behind. */
enum {
	DELIVERY_KEY_BYTES = ID_BYTES + 1 + ID_BYTES + ID_BYTES,
	ATTEMPT_KEY_BYTES = DELIVERY_KEY_BYTES + 4,
	DUE_KEY_BYTES = ID_BYTES + 8 + ID_BYTES,
};
/* `endpoint/event` of a row of theirs, and the number of an attempt. */
void verify_name_delivery_row(
    enum table table, struct text key, char to[FINDING_ROW_BYTES]);

/* verify_audit.c: META's row of the audit log, its lines, and their end. */
verify_row verify_audit_state, verify_audit_line;
void verify_audit_end(struct verification *verification);

/* verify_lists.c: the lists that an object must be in have a row for it. */
void verify_listed(struct verification *verification, enum kind kind,
    const union record *record);
/* The row that is being checked lists an object that belongs there. */
void verify_list_row(struct verification *verification, struct text value);
/* What a list is called in findings; TEXT_NONE: it is none that there is. */
struct text verify_list_name(uint8_t list);
/* `owner/object` of a row of LISTS; in hexadecimal if the list is unknown. */
void verify_name_list_row(struct text key, char to[FINDING_ROW_BYTES]);

#endif
