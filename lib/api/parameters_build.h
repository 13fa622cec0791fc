/*
 * What the two syntaxes of parameters share: for json.c and form.c alone.
 *
 * Both walk a name from its root inwards by parameter_inside() and end in
 * parameters_add(), so that both give the same rows and keep one bound.
 */
#ifndef API_PARAMETERS_BUILD_H
#define API_PARAMETERS_BUILD_H

#include <stdbool.h>
#include <stddef.h>

#include "api/parameters.h"

/* Reasons that both syntaxes have; they complete "The request body ...". */
#define REASON_TOO_LARGE "is too large to be read."
#define REASON_TOO_MANY "has too many values."
#define REASON_TOO_DEEP "is nested more than 8 deep."
#define REASON_NOT_UTF8 "is not valid UTF-8."
#define REASON_NUL "has a NUL character."
_Static_assert(BODY_DEPTH_MAX == 8, "REASON_TOO_DEEP names the bound");

/* Fills *failure and returns PARAMETERS_MALFORMED. */
enum parameters_result parameters_malformed(
    struct parameters_failure *failure, const char *reason);

/*
 * The row one level further in than `row`: under the member `key`, or, for
 * TEXT_NONE, in an element.  A row without a root becomes the scalar `key`.
 */
struct parameter parameter_inside(struct parameter row, struct text key);

/* Appends a row unless the list is full or already has its scalar or member. */
enum parameters_result parameters_add(struct parameters *parameters,
    const struct parameter *row, struct arena *arena,
    struct parameters_failure *failure) __attribute__((warn_unused_result));

/* Reads exactly `digits` (1 to 4) hexadecimal digits off the front of `text`.
 */
bool hex_read(struct text text, size_t digits, unsigned *number)
    __attribute__((warn_unused_result));

#endif
