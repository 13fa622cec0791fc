/*
 * The rules of fields that webhooks alone have.
 */
#include "api/decode.h"
#include "api/rules.h"
#include "core/delivery.h"
#include "core/webhook_url.h"

static bool
take_url(struct decoding *decoding, const struct field *field,
    const struct webhook_url_rules *rules)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	const char *fault;

	if (row == NULL)
		return false;
	fault = webhook_url_fault(row->value, rules);
	if (fault != NULL)
		return refuse_about(decoding->error, field->refusal,
		    field->name, TEXT_NONE, text_of(fault));
	decode_mark(field->name, row->value);
	return decode_keep(
	    decoding, row->value, decode_target(decoding, field));
}

static const struct webhook_url_rules *
rules_of_mode(const struct decoding *decoding)
{
	return &decoding->service->webhook_urls[decoding->caller->scope.mode];
}

bool
rule_webhook_url(struct decoding *decoding, const struct field *field)
{
	return take_url(decoding, field, rules_of_mode(decoding));
}

bool
rule_secure_webhook_url(struct decoding *decoding, const struct field *field)
{
	struct webhook_url_rules rules = *rules_of_mode(decoding);

	rules.http = false;
	return take_url(decoding, field, &rules);
}

/* A type that can be asked for, of the contract's own; else EVENT_NONE. */
static enum event_type
find_type(const struct decoding *decoding, struct text name)
{
	unsigned type = name_find(&event_names, name);

	if ((events_of(decoding->contract->family) & 1u << type) == 0)
		return EVENT_NONE;
	return (enum event_type)type;
}

bool
rule_event_type(struct decoding *decoding, const struct field *field)
{
	const struct parameter *row =
	    decode_scalar(decoding, field, PARAMETER_STRING);
	uint8_t *target = decode_target(decoding, field);

	if (row == NULL)
		return false;
	*target = (uint8_t)find_type(decoding, row->value);
	if (*target == EVENT_NONE)
		return decode_refuse(decoding, field, row);
	decode_mark(field->name, row->value);
	return true;
}

/* The bit of one element; 0: it is none that can be asked for. */
static uint32_t
type_bit(const struct decoding *decoding, const struct field *field,
    const struct parameter *row)
{
	enum event_type type;

	if (!decode_is_element(row))
		return 0;
	if (text_equal(row->value, TEXT("*")))
		return field->allowed & 1u << EVENT_NONE;
	type = find_type(decoding, row->value);
	return type == EVENT_NONE ? 0 : 1u << type;
}

bool
rule_event_types(struct decoding *decoding, const struct field *field)
{
	const uint32_t all = 1u << EVENT_NONE;
	uint32_t *target = decode_target(decoding, field);
	const struct parameter *row;
	size_t at = 0;

	for (row = decode_next(decoding, field, &at); row != NULL;
	     row = decode_next(decoding, field, &at)) {
		uint32_t bit = type_bit(decoding, field, row);
		bool mixed = *target != 0 && ((*target | bit) & all) != 0;

		if (bit == 0 || (*target & bit) != 0 || mixed)
			return decode_refuse(decoding, field, row);
		*target |= bit;
	}
	decode_mark_integer(field->name, *target);
	return true;
}
