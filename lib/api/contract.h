/*
 * A contract as a value: all that distinguishes one published REST contract
 * from another, as tables.  Nothing in core, store or engine sees it.
 */
#ifndef API_CONTRACT_H
#define API_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "core/command.h"
#include "core/error.h"
#include "core/records.h"

struct decoding;
struct encoding;
struct field;

/*
 * The rule of a field: reads the rows of its parameter into the command.
 * False, with the refusal set, when they are not what the rule takes.
 */
typedef bool field_rule(struct decoding *decoding, const struct field *field);

/* One parameter of an endpoint.  The table is the parser. */
struct field {
	struct text name;
	field_rule *rule;
	bool required;
	enum given given; /* noted when the parameter is there; 0: not */
	uint16_t offset;  /* of the target in struct command */
	int64_t minimum;  /* of integers; of texts: characters */
	int64_t maximum;
	const struct names *choices; /* of words */
	uint32_t allowed;      /* of words: bits 1 << value; 0: all of them */
	enum kind kind;	       /* of ids */
	enum error_id refusal; /* ERROR_NONE: ERROR_PARAMETER_INVALID */
	struct text must;      /* completes "Invalid value for 'x': " */
};

/* What a route needs of the caller and of the request. */
enum route_flag {
	ROUTE_TEST_ONLY = 1 << 0,   /* keys of test mode alone */
	ROUTE_PUBLISHABLE = 1 << 1, /* publishable keys, with client_secret */
	ROUTE_KEYS = 1 << 2,	    /* the narrow limit of /v1/api_keys */
	ROUTE_OPEN = 1 << 3,	    /* for everybody: no key is looked at */
	ROUTE_PICTURE = 1 << 4,	    /* answered with a picture: picture.h */
	ROUTE_CREATES = 1 << 5,	    /* success is 201, but for a replay */
};

struct route {
	struct text method;
	struct text pattern; /* `/v1/payment_intents/{id}/confirm` */
	enum command_kind command;
	enum kind object;	    /* of the target, and of the answer */
	enum permission permission; /* of restricted keys */
	uint32_t flags;		    /* enum route_flag */
	const struct field *fields;
	unsigned field_count;
	/* What the table cannot say of two fields together; or NULL. */
	bool (*check)(struct decoding *decoding);
};

/* One member of an object: its name, and how it is written. */
struct member;
typedef void member_style(
    struct encoding *encoding, const struct member *member, const void *record);
struct member {
	struct text name;
	member_style *style;
	uint16_t offset;	   /* of the value in the record */
	enum kind kind;		   /* of ids */
	const struct names *names; /* of words */
	struct text constant;	   /* of members that never change */
};

/* How an object of one kind is shown. */
struct view {
	const struct member *members;
	unsigned count;
};

/* The list envelope's members behind `data`. */
struct list_page {
	struct text url; /* path of the list */
	uint32_t total;	 /* of all pages */
	bool has_more;
	struct text next_cursor; /* TEXT_NONE at the end */
};

struct contract {
	enum contract_id id;
	enum family family; /* what it pays with */
	struct text name;   /* "card": in doc_url and in the log */
	/* The second segments of its paths: what decides who speaks. */
	const struct text *roots;
	unsigned root_count;
	const struct route *routes;
	unsigned route_count;
	struct view views[KIND_COUNT];
	struct view deleted[KIND_COUNT]; /* of objects that were */
	/* The only X-API-Version there is, echoed; TEXT_NONE: none is read. */
	struct text version;
	/* A replayed key shows the object as it now is, not as it was. */
	bool replays_as_now;
	/* Requests are counted by account, not by merchant. */
	bool counts_accounts;
	/* Writes the list envelope's members behind `data`. */
	void (*end_list)(
	    struct encoding *encoding, const struct list_page *page);
};

extern const struct contract contract_card;
extern const struct contract contract_stable;

/* The contract that shows what is paid with this family (asserted). */
const struct contract *contract_of_family(enum family family);

/* The contract of a path, before anything else can fail. */
const struct contract *contract_of_path(
    struct text path, const struct contract *otherwise);

enum route_result { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/*
 * Finds the route.  *id gets the path's `{id}`, as sent, TEXT_NONE if
 * the pattern has none.  ROUTE_NO_METHOD: `allow` gets the methods that the
 * path has ("GET, POST").
 */
enum route_result route_find(const struct contract *contract,
    struct text method, struct text path, const struct route **route,
    struct text *id, struct buffer *allow) __attribute__((warn_unused_result));

/*
 * What requests are counted by: a number, from 0, for each route of all
 * contracts, and one for each contract's requests that found no route.
 */
unsigned route_numbers(void);
unsigned route_number(
    const struct contract *contract, const struct route *route);
/* Whose it is; *route gets the route, NULL for those that found none. */
const struct contract *route_numbered(
    unsigned number, const struct route **route);

#endif
