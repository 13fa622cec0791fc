/*
 * A verification at work: what verify.c shares with the files that check the
 * records (verify_records.c), what each kind means (verify_objects.c), and
 * the lists (verify_lists.c).
 */
#ifndef ENGINE_VERIFY_WORK_H
#define ENGINE_VERIFY_WORK_H

#include "core/records.h"
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

/* The table that holds the records of a kind. */
enum table verify_table_of(enum kind kind);

/* verify_records.c: all that holds of records of every kind. */
void verify_record(
    struct verification *verification, enum kind kind, struct text value);

/* verify_objects.c: what holds of this kind alone. */
void verify_object(struct verification *verification, enum kind kind,
    const union record *record);

/* verify_lists.c: the lists that an object must be in have a row for it. */
void verify_listed(struct verification *verification, enum kind kind,
    const union record *record);
/* The row that is being checked lists an object that belongs there. */
void verify_list_row(struct verification *verification, struct text value);
/* `owner/object` of a row of LISTS; in hexadecimal if the list is unknown. */
void verify_name_list_row(struct text key, char to[FINDING_ROW_BYTES]);

#endif
