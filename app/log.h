/*
 * The log: lines on standard error, each written at once, so that lines of
 * several processes never mix.
 *
 * No line holds a body, a key beyond its public prefix, or a raw path.
 */
#ifndef APP_LOG_H
#define APP_LOG_H

#include "api/handle.h"

/* `intentd: ` and the message; the line's end is added. */
void log_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * One request in logfmt: `time=... request=req_... contract=card method=POST
 * route=/v1/payment_intents status=200 code= key=sk_test_abcd replayed=false
 * duration_us=812`.  A member that is not known stays empty.
 */
void log_request(const struct request *request, const struct response *response,
    struct span duration);

#endif
