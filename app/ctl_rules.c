#include "app/ctl_rules.h"

#include <assert.h>
#include <stddef.h>

#include "api/decode.h"
#include "app/ctl.h"
#include "app/ctl_options.h"
#include "app/status_socket.h"
#include "base/eth_address.h"
#include "core/fee.h"

/* The call whose command is being decoded. */
static struct call *
call_of(struct decoding *decoding)
{
	char *command = (char *)decoding->command;

	return (
	    struct call *)(void *)(command - offsetof(struct call, command));
}

/* Rates are millionths: six decimals. */
enum { RATE_SCALE = 6 };

bool
rule_whole_id(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct id *id = decode_target(decoding, field);

	if (row == NULL)
		return false;
	/* No object has the id of zeros, which here means none was named. */
	if (id_parse(row->value, record_type(field->kind)->prefix, id) &&
	    id_is_set(*id))
		return true;
	return decode_refuse(decoding, field, NULL);
}

bool
rule_payment_address(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	char text[ETH_ADDRESS_TEXT_BYTES];
	struct eth_address address;

	if (row == NULL)
		return false;
	if (!eth_address_parse(row->value, &address))
		return decode_refuse(decoding, field, row);
	if (eth_address_is_zero(address))
		return refuse_about(decoding->error, ERROR_PARAMETER_INVALID,
		    field->name, TEXT_NONE,
		    TEXT("is nobody's address: what is sent to it is lost"));
	eth_address_format(address, text);
	return decode_keep(
	    decoding, text_of(text), decode_target(decoding, field));
}

bool
rule_fee_rate(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_NUMBER);
	uint32_t *rate = decode_target(decoding, field);
	struct money parsed;

	if (row == NULL)
		return false;
	if (money_parse(row->value, RATE_SCALE, RATE_SCALE, &parsed) !=
		MONEY_PARSE_OK ||
	    parsed.units < 0 || parsed.units > FEE_RATE_ONE)
		return decode_refuse(decoding, field, row);
	*rate = (uint32_t)parsed.units;
	return true;
}

bool
rule_now(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);

	if (row == NULL)
		return false;
	if (!instant_from_iso(row->value, decode_target(decoding, field)))
		return decode_refuse(decoding, field, row);
	return true;
}

bool
rule_flag(struct decoding *decoding, const struct field *field)
{
	return decode_scalar(decoding, field, PARAMETER_TRUE) != NULL;
}

bool
rule_coins(struct decoding *decoding, const struct field *field)
{
	decoding->command->object = KIND_COIN_INTENT;
	return rule_flag(decoding, field);
}

bool
rule_past(struct decoding *decoding, const struct field *field)
{
	struct instant *instant = decode_target(decoding, field);
	int64_t value;

	if (!decode_integer(decoding, field, &value))
		return false;
	*instant = instant_from_seconds(value);
	decode_mark_integer(field->name, value);
	return !instant_before(decoding->request->now, *instant) ||
	       decode_refuse(decoding, field, NULL);
}

bool
rule_from_line(struct decoding *decoding, const struct field *field)
{
	int64_t value;

	if (!decode_integer(decoding, field, &value))
		return false;
	call_of(decoding)->from = (uint32_t)value;
	return true;
}

bool
rule_skip_refused(struct decoding *decoding, const struct field *field)
{
	call_of(decoding)->skip_refused = true;
	return rule_flag(decoding, field);
}

bool
rule_socket(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	struct call *call = call_of(decoding);
	struct socket_address address;

	if (row == NULL)
		return false;
	if (row->value.length >= sizeof(call->socket))
		return decode_refuse(decoding, field, row);
	(void)text_copy(row->value, call->socket, sizeof(call->socket));
	return status_address_read(call->socket, &address) ||
	       decode_refuse(decoding, field, row);
}

bool
rule_noted(struct decoding *decoding, const struct field *field)
{
	unsigned option = 0;

	while (!text_equal(ctl_options[option].field.name, field->name))
		option++;
	assert(option < OPTION_COUNT);
	call_of(decoding)->noted |= UINT64_C(1) << option;
	return rule_flag(decoding, field);
}
