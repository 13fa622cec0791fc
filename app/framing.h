/*
 * Where a request ends among the bytes of a FastCGI connection.
 *
 * Pure, and no parser: libfcgi reads parameters and body once all of them
 * have come (app/fastcgi.c).  The specification (FastCGI 1.0, section 3.3)
 * gives every record a header of eight bytes with its length; a request is
 * BEGIN_REQUEST, then PARAMS records to an empty one, then STDIN records to an
 * empty one, all with one id.  Nothing else is taken: no other order, no
 * second request in between (multiplexing), no ABORT_REQUEST and no
 * management records, none of which a web server sends to a responder that
 * it has not asked for its abilities.
 */
#ifndef APP_FRAMING_H
#define APP_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum framing_result {
	FRAMING_PARTIAL, /* good so far */
	FRAMING_WHOLE,	 /* `next` bytes are a request */
	/*
	 * The body is above BODY_READ_BYTES_MAX and need not be read to its
	 * end; the connection is of no use afterwards.
	 */
	FRAMING_CUT,
	FRAMING_BROKEN, /* no request */
};

enum framing_step {
	FRAMING_BEGIN,
	FRAMING_PARAMETERS,
	FRAMING_INPUT,
	FRAMING_END
};

/* How far a request has been looked through; zeroed before the first byte. */
struct framing {
	enum framing_step step; /* what is to come */
	size_t next;		/* where the next record begins */
	unsigned id;
	size_t content_bytes; /* of the step, so far */
};

/*
 * Looks on: `bytes` are all that came since the request's first byte, and
 * never fewer than the last time.  Not to be called again once it is not
 * FRAMING_PARTIAL.
 */
enum framing_result framing_scan(struct framing *framing, const uint8_t *bytes,
    size_t length) __attribute__((warn_unused_result));

/*
 * Takes the padding out of a request that is whole or cut, in place; returns
 * how long it is then.  Padding is legal behind every record, but libfcgi
 * loses its place behind a record that had padding and brought no content to
 * a stream: BEGIN_REQUEST, or the end of the parameters.
 */
size_t framing_strip(uint8_t *bytes, size_t length)
    __attribute__((warn_unused_result));

#endif
