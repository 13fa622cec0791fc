/*
 * The rules of parameters that payments in coins have.
 */
#include <assert.h>

#include "api/decode.h"
#include "api/rules.h"
#include "base/eth_address.h"

enum {
	/* Money in coins is counted in millionths of a dollar. */
	COIN_SCALE = 6,
	/* More decimals than anybody means; beyond it is no amount. */
	DECIMALS_MAX = 9,
	TX_HASH_DIGITS = 64,
};

/* Contract, stable.md: amounts from 0.01 to 10000 dollars, in 10^-9. */
#define DOLLARS_MIN_NANOS INT64_C(10000000)
#define DOLLARS_MAX_NANOS INT64_C(10000000000000)

/*
 * Out of range comes before too fine: 0.009 is too small, 4.505 too fine.
 * The number's own text is read, exactly.
 */
bool
rule_dollars(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_NUMBER);
	struct money *amount = decode_target(decoding, field);
	enum money_parse parse;
	struct money nanos;

	if (row == NULL)
		return false;
	parse = money_parse(row->value, DECIMALS_MAX, DECIMALS_MAX, &nanos);
	if (parse == MONEY_PARSE_TOO_LARGE ||
	    (parse == MONEY_PARSE_OK && (nanos.units < DOLLARS_MIN_NANOS ||
					    nanos.units > DOLLARS_MAX_NANOS)))
		return refuse_about(decoding->error, ERROR_AMOUNT_OUT_OF_RANGE,
		    TEXT_NONE, row->value, TEXT_NONE);
	if (parse != MONEY_PARSE_OK ||
	    money_parse(row->value, COIN_SCALE, 2, amount) != MONEY_PARSE_OK)
		return decode_refuse(decoding, field, row);
	decode_mark_integer(field->name, amount->units);
	return true;
}

bool
rule_transfer(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_NUMBER);
	struct money *amount = decode_target(decoding, field);

	if (row == NULL)
		return false;
	if (money_parse(row->value, COIN_SCALE, COIN_SCALE, amount) !=
		MONEY_PARSE_OK ||
	    amount->units < 1 || amount->units > field->maximum)
		return decode_refuse(decoding, field, row);
	decode_mark_integer(field->name, amount->units);
	return true;
}

/* The text of a string parameter that is kept as it is. */
static bool
keep(struct decoding *decoding, const struct field *field, struct text text)
{
	decode_mark(field->name, text);
	return decode_keep(decoding, text, decode_target(decoding, field));
}

bool
rule_usd(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	if (!text_equal(row->value, TEXT("usd")))
		return decode_refuse(decoding, field, row);
	return keep(decoding, field, row->value);
}

bool
rule_ttl(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_NUMBER);
	struct span *ttl = decode_target(decoding, field);
	int64_t seconds;

	if (row == NULL)
		return false;
	if (!text_to_integer(row->value, INT64_MIN, INT64_MAX, &seconds))
		return decode_refuse(decoding, field, row);
	if (seconds < field->minimum || seconds > field->maximum)
		return refuse(decoding->error, ERROR_TTL_OUT_OF_RANGE);
	*ttl = span_from_seconds(seconds);
	decode_mark_integer(field->name, seconds);
	return true;
}

bool
rule_merchant(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct named *merchant = decode_target(decoding, field);

	if (row == NULL)
		return false;
	/* No merchant has the id of zeros, which means that none is named. */
	if (!id_parse(row->value, record_type(KIND_MERCHANT)->prefix,
		&merchant->id) ||
	    !id_is_set(merchant->id))
		return decode_refuse(decoding, field, row);
	decode_mark(field->name, row->value);
	return decode_keep(decoding, row->value, &merchant->text);
}

bool
rule_chain_address(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	char text[ETH_ADDRESS_TEXT_BYTES];
	struct eth_address address;

	if (row == NULL)
		return false;
	if (!eth_address_parse(row->value, &address))
		return decode_refuse(decoding, field, row);
	eth_address_format(address, text);
	return keep(decoding, field, text_of(text));
}

bool
rule_tx_hash(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	char text[2 + TX_HASH_DIGITS + 1] = "0x";

	if (row == NULL)
		return false;
	if (row->value.length != 2 + TX_HASH_DIGITS ||
	    !text_starts(row->value, TEXT("0x")))
		return decode_refuse(decoding, field, row);
	for (size_t i = 2; i < row->value.length; i++) {
		char c = row->value.bytes[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return decode_refuse(decoding, field, row);
		text[i] = c;
	}
	return keep(decoding, field, text_of(text));
}

/* No part of the fingerprint: it says which request this is, not what. */
bool
rule_idempotency_key(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	decoding->idempotency_key =
	    row->value.bytes == NULL ? TEXT("") : row->value;
	return true;
}

static bool
read_bound(
    struct decoding *decoding, const struct field *field, struct text key)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct instant instant;

	if (row == NULL)
		return false;
	if (!instant_from_iso(row->value, &instant))
		return decode_refuse(decoding, field, row);
	rules_narrow(decoding->command, key, instant_seconds(instant));
	decode_mark(field->name, row->value);
	return true;
}

bool
rule_after(struct decoding *decoding, const struct field *field)
{
	return read_bound(decoding, field, TEXT("gt"));
}

bool
rule_before(struct decoding *decoding, const struct field *field)
{
	return read_bound(decoding, field, TEXT("lt"));
}

bool
rule_from(struct decoding *decoding, const struct field *field)
{
	return read_bound(decoding, field, TEXT("gte"));
}

bool
rule_to(struct decoding *decoding, const struct field *field)
{
	return read_bound(decoding, field, TEXT("lte"));
}
