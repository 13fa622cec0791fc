/*
 * The verification of a store: walks every row of every table in one read
 * transaction and checks everything that must hold of it.
 *
 * It looks nothing up but in the store itself and keeps nothing, so its
 * memory does not grow with the store.  It may run beside the server; while
 * it does, LMDB cannot use space again that commits have freed.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include <stdint.h>

#include "base/text.h"
#include "core/codec.h"
#include "store/store.h"

enum finding_id {
#define FINDING(id, sentence) FINDING_##id,
#include "engine/findings.def"
#undef FINDING
	FINDING_COUNT
};

/* The longest key in hexadecimal, and a NUL. */
enum { FINDING_ROW_BYTES = 2 * 128 + 1 };

struct finding {
	enum finding_id id;
	enum table table;
	/*
	 * The row: the object's id, `owner/object` in a list, or the key in
	 * hexadecimal where it holds no id.
	 */
	char row[FINDING_ROW_BYTES];
	struct text sentence; /* static */
	/* Which field or which list; static; TEXT_NONE: the row says all. */
	struct text detail;
};

/* What is wrong with a row, without a detail; `key` has at least a byte. */
struct finding finding_of(
    enum finding_id id, enum table table, struct text key);
/* Why the bytes of a record were not believed; not for CODEC_OK. */
enum finding_id finding_of_value(enum codec_result result);

/* Is told each finding; borrowed for the call. */
typedef void finding_report(const struct finding *finding, void *context);

struct verification_summary {
	uint64_t records; /* rows, in all tables */
	uint64_t table_records[TABLE_COUNT];
	uint64_t findings;
};

/*
 * ok: all rows were seen, and *summary says whether all is well.  Any other
 * result is that of the store's read that failed; the summary ends there.
 */
enum store_result verify_store(struct store *store, finding_report *report,
    void *context, struct verification_summary *summary)
    __attribute__((warn_unused_result));

#endif
