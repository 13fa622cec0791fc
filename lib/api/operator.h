/*
 * How the command line shows objects as JSON: a contract of views alone.
 *
 * An object of one of the two contracts is shown as that contract shows it.
 * An event is shown as the card contract has it, whatever its object is of.
 * What both contracts show, or the operator alone sees, has a view of its own
 * here: a webhook endpoint's has its family and its real status.  A merchant's
 * has what the stable contract tells of it, under the same names, and its
 * account, its extended key and that key's next child; `created` is in Unix
 * seconds, as everywhere on the command line, and `created_at` the same in
 * ISO 8601.  `chain` is the one of live mode, as it was when the merchant was
 * made.
 */
#ifndef API_OPERATOR_H
#define API_OPERATOR_H

#include "api/contract.h"

extern const struct contract contract_operator;

#endif
