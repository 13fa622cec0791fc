/*
 * HTTP for the status socket: the one door to libmicrohttpd.
 *
 * Single-threaded: nothing in here blocks, the caller waits for one file and
 * a time.  Connections are bounded in number and in time.
 */
#ifndef APP_STATUS_HTTP_H
#define APP_STATUS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct status_http;

/* An answer; all texts are copied before the next request is handled. */
struct status_answer {
	int status;
	const char *type; /* Content-Type; static */
	struct text body;
	const char *allow;     /* with 405; NULL: none; static */
	const char *try_after; /* Retry-After; NULL: none; static */
};

/*
 * Answers a request without a body.  False: not yet; it is called again for
 * the same request after status_http_resume().
 */
typedef bool status_handler(void *context, struct text method, struct text path,
    struct status_answer *answer);

struct status_http_options {
	int listener;	    /* borrowed: it is not closed here */
	unsigned timeout_s; /* of a client that says nothing */
	status_handler *handle;
	void *context; /* its first argument; borrowed */
};

/* Owned by the caller; NULL: the reason is logged. */
struct status_http *status_http_open(const struct status_http_options *options)
    __attribute__((warn_unused_result));
void status_http_close(struct status_http *http);

/* Readable when status_http_run() has something to do. */
int status_http_file(const struct status_http *http);
/* How long it may be waited for, in milliseconds; -1: as long as it takes. */
int status_http_timeout_ms(struct status_http *http);
/* Does what can be done at once. */
void status_http_run(struct status_http *http);
/* Requests that were not answered yet are handled again. */
void status_http_resume(struct status_http *http);

#endif
