/*
 * The lines of the audit log: one a change, as text, each with the hash of the
 * one before it.
 *
 *	seq=17 time=2026-11-22T19:00:00.123Z who=key:sk_test_abcd:key_...
 *	what=intent_capture account=acct_... ... request=req_...
 *	previous=<64 digits> hash=<64 digits>
 *
 * on one line; members are `name=word`, with a space between them.  The hash
 * is SHA-256 of all that stands before ` hash=`, as lower-case hexadecimal,
 * and `previous` is the hash of the line with the number below; of line 1 it
 * is 64 zeros.  So sha256sum and a shell can check a log.
 *
 * A word has the printable characters of ASCII; space, `"`, `%`, `=` and all
 * other bytes are `%` and two digits of hexadecimal.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/text.h"
#include "base/time.h"

enum {
	/*
	 * A line without its end.  Some twelve members, of which no word is
	 * longer than the next bound, are shorter.
	 */
	AUDIT_LINE_BYTES_MAX = 4096,
	/* Of a word as given; what is behind it is cut. */
	AUDIT_WORD_BYTES_MAX = 256,
};

/* A line's number and its hash; all zero: before the first. */
struct audit_link {
	uint64_t sequence;
	struct digest hash;
};

/* A line that is being written. */
struct audit_line {
	struct buffer buffer;
	uint64_t sequence;
	struct digest previous;
	char bytes[AUDIT_LINE_BYTES_MAX];
};

/* Begins the line behind `last` with its number and its time. */
void audit_begin(struct audit_line *line, const struct audit_link *last,
    struct instant time);
/* A member; one whose word is empty, or whose id is unset, is left out. */
void audit_put_word(
    struct audit_line *line, struct text name, struct text word);
void audit_put_id(struct audit_line *line, struct text name, const char *prefix,
    struct id id);
void audit_put_number(
    struct audit_line *line, struct text name, int64_t number);
/* Ends it; the text, without a line's end, is borrowed from the line. */
struct text audit_end(struct audit_line *line, struct audit_link *own);

enum audit_result {
	AUDIT_OK,
	AUDIT_MALFORMED, /* not such a line */
	AUDIT_ALTERED,	 /* its hash is that of other bytes */
};

/*
 * Reads a line's number, its hash and that of the line before; checks its form
 * and its hash.
 */
enum audit_result audit_read(struct text line, struct audit_link *own,
    struct digest *previous) __attribute__((warn_unused_result));

/* Whether a line stands behind another one: the next number, its hash. */
bool audit_follows(const struct audit_link *last, const struct audit_link *own,
    const struct digest *previous);

bool audit_link_equal(const struct audit_link *a, const struct audit_link *b);

/* The members of a line, one by one; false behind the last. */
bool audit_next(struct text *rest, struct text *name, struct text *word);

#endif
