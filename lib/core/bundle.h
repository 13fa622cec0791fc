/*
 * A bundle: several encoded records one behind the other, each with its
 * length.  The first is what the bundle is about, the others belong to it
 * (an intent's charges, its customer).  Outcomes, stored outcomes and events
 * all carry their objects this way.
 */
#ifndef CORE_BUNDLE_H
#define CORE_BUNDLE_H

#include "base/buffer.h"
#include "base/text.h"
#include "core/records.h"

/* Appends a record of a struct. */
void bundle_put(struct buffer *bundle, enum kind kind, const void *record);
/* Appends a record that is already encoded. */
void bundle_put_encoded(struct buffer *bundle, struct text encoded);

/* Takes the first encoded record off `rest`; false at the end. */
bool bundle_next(struct text *rest, struct text *encoded);

/*
 * Decodes the `index`-th record of `kind` (from 0): false if there is none.
 * A bundle was encoded by this program and is covered by a checksum: one
 * that cannot be read asserts.
 */
bool bundle_find(
    struct text bundle, enum kind kind, unsigned index, void *record);

/* Whether every record of it can be read: for bytes that nobody vouches for. */
bool bundle_is_sound(struct text bundle) __attribute__((warn_unused_result));

#endif
