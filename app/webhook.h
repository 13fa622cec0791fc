/*
 * Sends webhooks: many at a time, by libcurl's multi interface, which is used
 * in webhook.c alone.
 *
 * Each connection's address is checked when it is made, after the name was
 * resolved (CURLOPT_OPENSOCKETFUNCTION), so that no answer of a name server
 * leads into the host or its networks.  Redirects are not followed, proxies of
 * the environment are not asked, and what is not HTTP is not spoken.
 */
#ifndef APP_WEBHOOK_H
#define APP_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/time.h"
#include "core/delivery.h"
#include "core/names.h"

struct webhooks;
struct response_header;

struct webhooks_options {
	const char *ca_file; /* borrowed; "": the host's own */
	bool allow_private;
	unsigned in_flight_max;
	/* How much of an answer's body is read before it is cut off. */
	size_t response_bytes_max;
};

/* One attempt; all texts are borrowed until webhook_done. */
struct webhook_attempt {
	const char *url; /* with a NUL */
	const struct response_header *headers;
	unsigned header_count;
	struct text body;
	struct span timeout; /* of the whole of it */
	/*
	 * It could not be made, since this host lacks what that takes (files,
	 * memory, certificates to trust): not the receiver's failure.
	 */
	bool lacking;
	/* The answer, when it is done. */
	enum attempt_result result;
	uint32_t status; /* HTTP; 0: no answer */
	struct span duration;
	char reason[160]; /* of a failure, in words; never a secret */
	char response[RESPONSE_KEPT_BYTES]; /* printable UTF-8 */
	size_t response_length;
	/* The request has left whole, or never will. */
	bool sent;
	struct span sent_at; /* when that was seen, on clock_uptime() */
	void *transfer;	     /* webhook.c's */
};

/* Of an attempt that is over; it may begin others. */
typedef void webhook_done(struct webhook_attempt *attempt, void *context);

/*
 * Owned by the caller; NULL: the reason is logged.  From here on the process
 * ignores SIGPIPE.
 */
struct webhooks *webhooks_open(
    const struct webhooks_options *options, webhook_done *done, void *context);
/* Attempts under way are given up, without a word; NULL does nothing. */
void webhooks_close(struct webhooks *webhooks);

/*
 * Begins an attempt, of at most in_flight_max at a time (asserted); false:
 * there is no memory, and it was not begun.
 */
bool webhook_begin(struct webhooks *webhooks, struct webhook_attempt *attempt)
    __attribute__((warn_unused_result));
/* Gives one up, without a word. */
void webhook_cancel(struct webhooks *webhooks, struct webhook_attempt *attempt);

/*
 * Waits up to `wait` for any attempt to move on, or for one of `files` to be
 * readable; at most WEBHOOK_FILES_MAX.
 */
enum { WEBHOOK_FILES_MAX = 4 };
void webhooks_wait(struct webhooks *webhooks, struct span wait,
    const int *files, unsigned file_count);
/* Moves all attempts on, without waiting; those that are over are told of. */
void webhooks_move(struct webhooks *webhooks);

#endif
