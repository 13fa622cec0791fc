/*
 * The way of a request: contract by path -> route -> caller (key, rate) ->
 * decode -> engine -> encode.
 *
 * Knows neither FastCGI nor sockets nor the clock: all of that comes in with
 * the request.  Reads are answered at once; where a command is to be run, the
 * way has two parts, and it is not known here who runs it, or how long that
 * takes.
 */
#ifndef API_HANDLE_H
#define API_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/rate.h"
#include "base/arena.h"
#include "base/id.h"
#include "base/text.h"
#include "base/time.h"
#include "core/command.h"
#include "core/outcome.h"
#include "core/webhook_url.h"

struct engine;
struct handling;
struct rate_table;

/* What became of the body before it got here. */
enum body_state {
	BODY_WHOLE,
	BODY_TOO_LARGE, /* beyond BODY_BYTES_MAX; `body` is empty */
	BODY_SHORT,	/* fewer bytes than the content length said */
};

enum { REQUEST_ENTROPY_BYTES = 64 };

/*
 * One request, copied out of the web server's hands; every text is borrowed
 * from the workspace's arena and lives until the arena's reset.
 */
struct request {
	struct text id;	    /* `req_...`: in the answer and in the log */
	struct text method; /* as sent */
	struct text path;   /* as sent: still with percent escapes */
	struct text query;  /* without the '?' */
	struct text content_type;
	struct text authorization;
	struct text idempotency_key; /* TEXT_NONE without the header */
	bool idempotency_key_repeated;
	struct text api_version;    /* X-API-Version */
	struct text remote_address; /* as text, IPv4 or IPv6 */
	struct text body;
	enum body_state body_state;
	struct instant now; /* the one reading of the clock */
	uint8_t entropy[REQUEST_ENTROPY_BYTES]; /* from the kernel */
};

/* What became of the request's idempotency key. */
enum idempotency {
	IDEMPOTENCY_NONE,     /* none was read */
	IDEMPOTENCY_UNUSED,   /* nothing was stored under it */
	IDEMPOTENCY_NEW,      /* the outcome was stored under it */
	IDEMPOTENCY_REPLAYED, /* an earlier one was found under it */
	IDEMPOTENCY_CONFLICT, /* ... of another request */
	IDEMPOTENCY_IN_USE,   /* the first request with it is on its way */
	IDEMPOTENCY_UNKNOWN,  /* so is the commit's fate */
	IDEMPOTENCY_COUNT
};

enum { RESPONSE_HEADERS_MAX = 12 };

struct response_header {
	struct text name;
	struct text value;
};

/*
 * One answer; every text lives until the reset of the workspace's arena, the
 * body until that of its scratch.
 */
struct response {
	int status;	    /* HTTP */
	struct text reason; /* its phrase */
	struct response_header headers[RESPONSE_HEADERS_MAX];
	unsigned header_count; /* Content-Type and Request-Id included */
	struct text body;

	/*
	 * For the log and for what is counted; static or in the arena, never
	 * a secret.
	 */
	struct text contract;	/* "card" or "stable" */
	struct text route;	/* `/v1/payment_intents/{id}` or TEXT_NONE */
	struct text error_code; /* TEXT_NONE unless refused */
	struct text key_prefix; /* first 12 characters of a recognised key */
	struct text account;	/* `acct_...` of a recognised key */
	bool replayed;
	enum idempotency idempotency;
	enum error_id error;   /* ERROR_NONE unless refused */
	enum rate_limit limit; /* that the request was beyond */
	unsigned route_number; /* of api/contract.h */
};

/* Where coins are paid, in one mode. */
struct chain {
	struct text name;  /* "base" */
	uint32_t id;	   /* EIP-155 */
	struct text token; /* the contract of the coin, EIP-55 */
};

/* What every request of a process shares; owned by the worker. */
struct service {
	struct engine *engine;
	struct rate_table *rates; /* shared by all workers; NULL: no limits */
	struct text public_url;	  /* without a slash at its end */
	bool default_stable;	  /* what paths of neither contract belong to */
	struct chain chains[MODE_COUNT];
	/* What URLs webhooks may have, by mode: https:// alone in live mode. */
	struct webhook_url_rules webhook_urls[MODE_COUNT];
	struct text stable_signature_header; /* its name */
	struct text version; /* of the program, told to webhooks' receivers */
	/* Requests a minute; 0 switches a limit off. */
	uint32_t rate_card_merchant;
	uint32_t rate_card_api_keys;
	uint32_t rate_stable_test;
	uint32_t rate_stable_live;
	uint32_t rate_address;
	/* Told, before it is served, 1 + a request's route_number; or NULL. */
	_Atomic uint32_t *route;
};

/* Where one request lives until it is answered; all of it is borrowed. */
struct workspace {
	struct arena *arena; /* this request's alone */
	/*
	 * For the tree of a body that is read and for one that is written:
	 * nothing in it outlives a function below but an answer's body, and
	 * requests that wait can share it.
	 */
	struct arena *scratch;
	struct command *command; /* what is to be run */
	struct outcome *outcome; /* what became of it */
};

/*
 * Begins to answer a request.  Never NULL; lives in the workspace's arena.
 *
 * If handle_waits(), workspace->command is to be run, and handle_end() comes
 * with workspace->outcome filled; or handle_refuse(), when there will be none.
 * Else `response` is filled: a refusal is an answer, and so is an internal
 * error.  `response` is borrowed until then.
 */
struct handling *handle_begin(const struct service *service,
    const struct workspace *workspace, const struct request *request,
    struct response *response);
bool handle_waits(const struct handling *handling);
void handle_end(struct handling *handling);
void handle_refuse(struct handling *handling, enum error_id id);

/*
 * What can wait until the answer has left: once a minute it is remembered that
 * a key was used.  True: workspace->command is to be run for it, and nobody
 * waits for the outcome; should it fail, the next request tries again.
 */
bool handle_rest(const struct handling *handling)
    __attribute__((warn_unused_result));

#endif
