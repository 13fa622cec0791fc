/*
 * Every bound of the program, each with its reason.  A bound that a contract
 * publishes names its place in the contract; all others are ours.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
	/* Contract, README section 5: larger bodies are refused with 413. */
	BODY_BYTES_MAX = 64 * 1024,
	/*
	 * What is read of a body that is too large, so that the web server
	 * comes to read the refusal.  Ours lets 128 KiB pass.
	 */
	BODY_READ_BYTES_MAX = 1 << 20,
	/*
	 * Names and values of all parameters.  Ours reads 34 KiB of header
	 * lines (large_client_header_buffers), and sends the URL twice.
	 */
	REQUEST_PARAMETERS_BYTES_MAX = 128 * 1024,
	/*
	 * A request with the headers and paddings of its records; as much
	 * again as the two bounds above, since records may be short.
	 */
	REQUEST_BYTES_MAX = 2304 * 1024,
	/* Contract, README section 5: nesting of JSON and of form brackets. */
	BODY_DEPTH_MAX = 8,
	/* More pairs than any endpoint's table can use; bounds the decoder. */
	BODY_PARAMETERS_MAX = 256,

	/* Contract, README section 1: text of the request in a message. */
	ERROR_VALUE_CHARACTERS_MAX = 64,
	ERROR_VALUE_BYTES_MAX = 4 * ERROR_VALUE_CHARACTERS_MAX + 1,
	/* `metadata[<40 characters of up to 4 bytes>]` and a NUL. */
	ERROR_PARAM_BYTES_MAX = 192,
	/* The longest reason in the tables is a list of state names. */
	ERROR_DETAIL_BYTES_MAX = 256,

	/* Contract, card.md: metadata (of characters, up to 4 bytes each). */
	METADATA_PAIRS_MAX = 50,
	METADATA_KEY_CHARACTERS_MAX = 40,
	METADATA_VALUE_CHARACTERS_MAX = 500,
	/* 50 x (1 + 160 + 2 + 2000), all that the three bounds above admit. */
	METADATA_BYTES_MAX = 50 * (1 + 160 + 2 + 2000),

	/* Contract, stable.md: metadata has fewer pairs. */
	METADATA_PAIRS_MAX_STABLE = 10,

	/* Contract, card.md: description and refund reason, in characters. */
	DESCRIPTION_CHARACTERS_MAX = 1000,
	/* Contract, card.md: of customers, in characters. */
	NAME_CHARACTERS_MAX = 256,
	PHONE_CHARACTERS_MAX = 64,
	/* RFC 5321 admits 254; room for what others let pass. */
	EMAIL_CHARACTERS_MAX = 320,
	/* Longest URL that browsers and web servers agree to carry. */
	URL_CHARACTERS_MAX = 2048,
	PAYMENT_METHOD_BYTES_MAX = 64,

	/* Contract, README section 3. */
	IDEMPOTENCY_KEY_BYTES_MAX = 255,

	/* Contract, README section 7 and the endpoints' tables. */
	LIST_LIMIT_MAX = 100,

	/* An intent shows its newest charges; older ones are in the list. */
	INTENT_CHARGES_SHOWN_MAX = 10,

	/*
	 * The flat form of a command: everything of variable length that a
	 * body of BODY_BYTES_MAX can say, the names in the path, and who
	 * asks in which request.
	 */
	COMMAND_BYTES_MAX = BODY_BYTES_MAX + 5 * 1024,
	/*
	 * The flat form of an outcome: an intent and its customer, each with
	 * full metadata and texts, and INTENT_CHARGES_SHOWN_MAX charges.
	 */
	OUTCOME_BYTES_MAX = 288 * 1024,
	/* A decision: created, the engine's word, and what follows of it. */
	DECISION_EVENTS_MAX = 6,

	/* Who asks: `key:`, a key's prefix and id, or an operator's name. */
	ACTOR_BYTES_MAX = 128,

	/* LMDB's default bound of a key is 511; ours are far below. */
	STORE_KEY_BYTES_MAX = 128,

	/* Restricted keys name each permission at most once. */
	PERMISSIONS_MAX = 24,

	/* Counters of callers seen in one minute, in memory shared by all. */
	RATE_SLOTS = 1 << 16,
};

/* The bounds of metadata in words, for refusals. */
#define METADATA_BOUNDS                                               \
	"at most 50 pairs, keys of 1 to 40 and texts of at most 500 " \
	"characters"

#define METADATA_BOUNDS_STABLE                                        \
	"at most 10 pairs, keys of 1 to 40 and texts of at most 500 " \
	"characters"

#endif
