/*
 * The stable contract (contract/stable.md).  Its paths are known, so that
 * every refusal on them is spoken in its own dialect; its endpoints are not
 * served yet.
 */
#include "api/contract.h"

#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}

static const struct text roots[] = {
    WORD("payment-intents"),
    WORD("transactions"),
    WORD("merchants"),
    WORD("qr"),
    WORD("webhook-endpoints"),
    WORD("test-helpers"),
};

const struct contract contract_stable = {
    .id = CONTRACT_STABLE,
    .name = WORD("stable"),
    .roots = roots,
    .root_count = sizeof(roots) / sizeof(roots[0]),
};
