/*
 * The rules of options that no parameter of the contracts has, beside those
 * of lib/api/rules.h.
 */
#ifndef APP_CTL_RULES_H
#define APP_CTL_RULES_H

#include "api/contract.h"

/* The id of an object that must be named right: struct id. */
field_rule rule_whole_id;
/* An address that can be paid to: struct slice, with EIP-55's checksum. */
field_rule rule_payment_address;
/* A decimal number from 0 to 1: uint32_t in millionths, exact. */
field_rule rule_fee_rate;
/* ISO 8601, UTC: struct instant. */
field_rule rule_now;
/* No value: being there says all. */
field_rule rule_flag;
/* Unix seconds that are not in the future: struct instant. */
field_rule rule_past;
/* Import's: the call's `from`, a whole number, and its `skip_refused`. */
field_rule rule_from_line;
field_rule rule_skip_refused;
/* The call's `socket`. */
field_rule rule_socket;
/* As rule_flag, and into the call's `noted`: CTL_OPTION() of its name. */
field_rule rule_noted;
/* As rule_flag: command->object becomes payments in coins. */
field_rule rule_coins;

#endif
