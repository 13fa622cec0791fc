/*
 * API keys as text (contract, README section 2): a prefix that says type and
 * mode, 26 random characters, and a checksum of 6, so that a mistyped key is
 * refused without a look-up.
 */
#ifndef CORE_API_KEY_H
#define CORE_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "core/names.h"
#include "core/outcome.h"

enum {
	API_KEY_RANDOM_DIGITS = 26,
	API_KEY_CHECK_DIGITS = 6,
	/* What of a key is stored and shown: `sk_test_` and 4 more. */
	API_KEY_PREFIX_BYTES = 12,
};

/* Makes the key's text from at least 32 bytes of entropy. */
void api_key_make(enum key_type type, enum mode mode, const uint8_t *entropy,
    size_t entropy_bytes, char to[KEY_TEXT_BYTES]);

/* True if the text has the form of a key and its checksum is right. */
bool api_key_is_wellformed(struct text key);

/*
 * The permissions that a set gives: every `...:write` brings its `...:read`.
 * A set is a sum of 1 << enum permission.
 */
uint32_t permissions_close(uint32_t permissions);

#endif
