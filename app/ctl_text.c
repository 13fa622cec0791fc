#include "app/ctl_text.h"

#include <assert.h>
#include <stddef.h>

#include "base/buffer.h"
#include "core/coin_intent.h"
#include "core/fee.h"
#include "core/names.h"

enum { VALUE_BYTES_MAX = 8192, LABEL_COLUMNS = 16 };

/* One value on its way to the terminal. */
struct showing {
	struct instant now;
	struct buffer value;
};

struct column;
typedef void column_style(
    struct showing *showing, const struct column *column, const void *record);

/* A field of a record, or something made of several. */
struct column {
	const char *label;
	column_style *style;
	uint16_t offset;	   /* of the value in the record */
	enum kind kind;		   /* of ids */
	const struct names *names; /* of words */
	/* Columns in a list; 0: shown with the whole object alone. */
	uint8_t width;
};

#define VALUE(type, column, record)                            \
	((const type *)(const void *)((const char *)(record) + \
				      (column)->offset))

static void
show_id(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct id *id = VALUE(struct id, column, record);
	char text[ID_TEXT_BYTES];

	if (!id_is_set(*id))
		return;
	id_format(*id, record_type(column->kind)->prefix, text);
	buffer_put_text(&showing->value, text_of(text));
}

/* Control characters (C0, DEL, and C1 in UTF-8) become question marks. */
static void
show_text(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct text *text = VALUE(struct text, column, record);

	for (size_t i = 0; i < text->length; i++) {
		uint8_t byte = (uint8_t)text->bytes[i];
		bool is_c1 = byte == 0xc2 && i + 1 < text->length &&
			     (uint8_t)text->bytes[i + 1] < 0xa0;

		if (is_c1)
			i++;
		if (is_c1 || byte < 0x20 || byte == 0x7f)
			byte = '?';
		buffer_put_byte(&showing->value, byte);
	}
}

static void
show_word(
    struct showing *showing, const struct column *column, const void *record)
{
	buffer_put_text(&showing->value,
	    name_text(column->names, *VALUE(uint8_t, column, record)));
}

static void
show_time(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct instant *instant = VALUE(struct instant, column, record);
	char iso[TIME_ISO_BYTES];

	if (!instant_is_set(*instant))
		return;
	instant_to_iso(*instant, iso);
	buffer_put_text(&showing->value, text_of(iso));
}

/* The digits of a currency's minor unit; 0 for one that is not known. */
static unsigned
currency_digits(struct text currency)
{
	static const struct {
		struct text code;
		unsigned digits;
	} rows[] = {
#define CURRENCY(code, digits) {{code, sizeof(code) - 1}, digits},
#include "core/currencies.def"
#undef CURRENCY
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_equal(rows[i].code, currency))
			return rows[i].digits;
	return 0;
}

/* `20.00 usd`; the currency stands where the kind of record has it. */
static void
show_amount(
    struct showing *showing, const struct column *column, const void *record)
{
	struct text currency = column->kind == KIND_INTENT
				   ? ((const struct intent *)record)->currency
				   : ((const struct charge *)record)->currency;
	unsigned digits = currency_digits(currency);
	char number[MONEY_TEXT_BYTES];

	money_format(
	    *VALUE(struct money, column, record), digits, digits, number);
	buffer_print(&showing->value, "%s %.*s", number, TEXT_PRINT(currency));
}

/* Millionths with at least `decimals_min` decimals. */
static void
put_millionths(
    struct showing *showing, struct money money, unsigned decimals_min)
{
	char number[MONEY_TEXT_BYTES];

	money_format(money, 6, decimals_min, number);
	buffer_put_text(&showing->value, text_of(number));
}

/* `4.50 usd`, of a payment in coins. */
static void
show_dollars(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct coin_intent *intent = record;

	put_millionths(showing, *VALUE(struct money, column, record), 2);
	buffer_print(&showing->value, " %.*s", TEXT_PRINT(intent->currency));
}

static void
show_fee(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct coin_intent *intent = record;

	(void)column;
	put_millionths(
	    showing, fee_of(intent->amount, intent->fee_rate).fee, 2);
	buffer_print(&showing->value, " %.*s", TEXT_PRINT(intent->currency));
}

static void
show_rate(
    struct showing *showing, const struct column *column, const void *record)
{
	put_millionths(showing, MONEY(*VALUE(uint32_t, column, record)), 0);
}

static void
show_number(
    struct showing *showing, const struct column *column, const void *record)
{
	buffer_put_integer(&showing->value, *VALUE(uint32_t, column, record));
}

/* What every reader sees now, whether or not it is written down. */
static void
show_coin_status(
    struct showing *showing, const struct column *column, const void *record)
{
	(void)column;
	buffer_put_text(&showing->value,
	    name_text(&state_names, coin_intent_state(record, showing->now)));
}

/* One address, or the key that all addresses come from. */
static void
show_paid_to(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct merchant *merchant = record;

	(void)column;
	buffer_put_text(&showing->value, merchant->extended_key.length > 0
					     ? merchant->extended_key
					     : merchant->payment_address);
}

static void
show_permissions(
    struct showing *showing, const struct column *column, const void *record)
{
	uint32_t permissions = *VALUE(uint32_t, column, record);
	struct text separator = TEXT("");

	for (unsigned i = PERMISSION_NONE + 1; i < PERMISSION_COUNT; i++) {
		if ((permissions & (1u << i)) == 0)
			continue;
		buffer_put_text(&showing->value, separator);
		buffer_put_text(
		    &showing->value, name_text(&permission_names, i));
		separator = TEXT(",");
	}
}

/* Whether a key can be used, and if not, why. */
static void
show_key_status(
    struct showing *showing, const struct column *column, const void *record)
{
	const struct api_key *key = record;
	struct text status = TEXT("active");

	(void)column;
	if (instant_is_set(key->expires) &&
	    !instant_before(showing->now, key->expires))
		status = TEXT("expired");
	if (instant_is_set(key->revoked))
		status = TEXT("revoked");
	buffer_put_text(&showing->value, status);
}

/* The types of events that an endpoint is told of. */
static void
show_events(
    struct showing *showing, const struct column *column, const void *record)
{
	uint32_t events = *VALUE(uint32_t, column, record);
	struct text separator = TEXT("");

	if ((events & 1u << EVENT_NONE) != 0)
		buffer_put_text(&showing->value, TEXT("all"));
	else
		for (unsigned i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
			if ((events & 1u << i) == 0)
				continue;
			buffer_put_text(&showing->value, separator);
			buffer_put_text(
			    &showing->value, name_text(&event_names, i));
			separator = TEXT(",");
		}
}

/* `none` where no answer came. */
static void
show_answer(
    struct showing *showing, const struct column *column, const void *record)
{
	if (*VALUE(uint32_t, column, record) == 0)
		buffer_put_text(&showing->value, TEXT("none"));
	else
		show_number(showing, column, record);
}

static void
show_ms(
    struct showing *showing, const struct column *column, const void *record)
{
	show_number(showing, column, record);
	buffer_put_text(&showing->value, TEXT(" ms"));
}

/* The one merchant that a key sees. */
static void
show_bound_merchant(
    struct showing *showing, const struct column *column, const void *record)
{
	if (((const struct api_key *)record)->merchant_bound)
		show_id(showing, column, record);
	else
		buffer_put_text(&showing->value, TEXT("all"));
}

#define AT(record, field) .offset = offsetof(struct record, field)
#define ID(text, record, field, its_kind, columns)                  \
	{                                                           \
		.label = text, .style = show_id, AT(record, field), \
		.kind = KIND_##its_kind, .width = columns           \
	}
#define SHOW(text, record, field, its_style, columns)                 \
	{                                                             \
		.label = text, .style = its_style, AT(record, field), \
		.width = columns                                      \
	}
#define WORDS(text, record, field, its_names, columns)                \
	{                                                             \
		.label = text, .style = show_word, AT(record, field), \
		.names = &its_names, .width = columns                 \
	}
#define AMOUNT(text, record, field, its_kind, columns)                  \
	{                                                               \
		.label = text, .style = show_amount, AT(record, field), \
		.kind = KIND_##its_kind, .width = columns               \
	}

static const struct column account_columns[] = {
    ID("id", account, id, ACCOUNT, 31),
    SHOW("created", account, created, show_time, 20),
    ID("default merchant", account, default_merchant, MERCHANT, 30),
    SHOW("name", account, name, show_text, 1),
};

static const struct column merchant_columns[] = {
    ID("id", merchant, id, MERCHANT, 30),
    WORDS("status", merchant, status, merchant_status_names, 11),
    SHOW("created", merchant, created, show_time, 20),
    ID("account", merchant, account, ACCOUNT, 31),
    SHOW("fee rate", merchant, fee_rate, show_rate, 8),
    WORDS("settlement", merchant, settlement_schedule, schedule_names, 10),
    SHOW("chain", merchant, chain, show_text, 0),
    SHOW("paid to", merchant, id, show_paid_to, 42),
    SHOW("next child", merchant, next_child, show_number, 0),
    SHOW("email", merchant, email, show_text, 0),
    SHOW("name", merchant, business_name, show_text, 1),
};

static const struct column api_key_columns[] = {
    ID("id", api_key, id, API_KEY, 30),
    SHOW("begins with", api_key, prefix, show_text, 12),
    WORDS("type", api_key, type, key_type_names, 11),
    WORDS("mode", api_key, mode, mode_names, 4),
    SHOW("status", api_key, id, show_key_status, 7),
    SHOW("created", api_key, created, show_time, 20),
    SHOW("expires", api_key, expires, show_time, 0),
    SHOW("revoked", api_key, revoked, show_time, 0),
    SHOW("last used", api_key, last_used, show_time, 20),
    ID("account", api_key, account, ACCOUNT, 0),
    {.label = "merchant",
	.style = show_bound_merchant,
	AT(api_key, merchant),
	.kind = KIND_MERCHANT},
    SHOW("permissions", api_key, permissions, show_permissions, 0),
    SHOW("name", api_key, name, show_text, 1),
};

static const struct column intent_columns[] = {
    ID("id", intent, id, INTENT, 29),
    WORDS("status", intent, state, state_names, 23),
    AMOUNT("amount", intent, amount, INTENT, 15),
    AMOUNT("capturable", intent, amount_capturable, INTENT, 0),
    AMOUNT("received", intent, amount_received, INTENT, 0),
    SHOW("created", intent, created, show_time, 20),
    SHOW("canceled", intent, canceled, show_time, 0),
    WORDS("reason", intent, cancellation, cancellation_names, 0),
    WORDS("last decline", intent, last_decline, decline_names, 0),
    WORDS("capture", intent, capture_method, method_names, 0),
    ID("merchant", intent, merchant, MERCHANT, 0),
    ID("customer", intent, customer, CUSTOMER, 0),
    SHOW("payment method", intent, payment_method, show_text, 0),
    SHOW("description", intent, description, show_text, 1),
};

static const struct column charge_columns[] = {
    ID("charge", charge, id, CHARGE, 29),
    WORDS("status", charge, progress, progress_names, 9),
    AMOUNT("amount", charge, amount, CHARGE, 15),
    AMOUNT("captured", charge, amount_captured, CHARGE, 15),
    AMOUNT("refunded", charge, amount_refunded, CHARGE, 15),
    SHOW("created", charge, created, show_time, 20),
    WORDS("decline", charge, decline, decline_names, 1),
};

static const struct column coin_intent_columns[] = {
    ID("id", coin_intent, id, COIN_INTENT, 29),
    SHOW("status", coin_intent, id, show_coin_status, 16),
    SHOW("amount", coin_intent, amount, show_dollars, 15),
    SHOW("received", coin_intent, amount_received, show_dollars, 15),
    SHOW("fee", coin_intent, id, show_fee, 0),
    SHOW("fee rate", coin_intent, fee_rate, show_rate, 0),
    SHOW("created", coin_intent, created, show_time, 20),
    SHOW("expires", coin_intent, expires, show_time, 20),
    SHOW("confirmed", coin_intent, confirmed, show_time, 0),
    SHOW("cancelled", coin_intent, cancelled, show_time, 0),
    SHOW("settled", coin_intent, settled, show_time, 0),
    SHOW("chain", coin_intent, chain, show_text, 0),
    SHOW("paid to", coin_intent, payment_address, show_text, 0),
    SHOW("transaction", coin_intent, tx_hash, show_text, 0),
    SHOW("sender", coin_intent, sender_address, show_text, 0),
    ID("merchant", coin_intent, merchant, MERCHANT, 1),
};

static const struct column endpoint_columns[] = {
    ID("id", endpoint, id, ENDPOINT, 29),
    WORDS("family", endpoint, family, family_names, 6),
    WORDS("status", endpoint, status, endpoint_status_names, 8),
    WORDS("disabled", endpoint, disabled_reason, disabled_names, 11),
    SHOW("disabled at", endpoint, disabled, show_time, 0),
    SHOW("failing since", endpoint, failing_since, show_time, 20),
    SHOW("created", endpoint, created, show_time, 20),
    ID("merchant", endpoint, merchant, MERCHANT, 0),
    SHOW("old secret until", endpoint, old_until, show_time, 0),
    SHOW("events", endpoint, events, show_events, 0),
    SHOW("description", endpoint, description, show_text, 0),
    SHOW("url", endpoint, url, show_text, 1),
};

static const struct column delivery_columns[] = {
    ID("event", delivery, event, EVENT, 30),
    ID("endpoint", delivery, endpoint, ENDPOINT, 29),
    WORDS("state", delivery, state, delivery_state_names, 9),
    SHOW("made", delivery, attempts, show_number, 4),
    SHOW("left", delivery, left, show_number, 4),
    SHOW("created", delivery, created, show_time, 20),
    SHOW("due", delivery, due, show_time, 1),
};

static const struct column attempt_columns[] = {
    SHOW("attempt", attempt, number, show_number, 7),
    SHOW("begun", attempt, begun, show_time, 20),
    SHOW("took", attempt, duration_ms, show_ms, 8),
    WORDS("result", attempt, result, attempt_result_names, 11),
    SHOW("status", attempt, status, show_answer, 6),
    SHOW("reason", attempt, reason, show_text, 25),
    SHOW("answer", attempt, response, show_text, 1),
};

#define COLUMNS(table)                                  \
	{                                               \
		table, sizeof(table) / sizeof(table[0]) \
	}

static const struct columns {
	const struct column *rows;
	size_t count;
} columns_of[KIND_COUNT] = {
    [KIND_ACCOUNT] = COLUMNS(account_columns),
    [KIND_MERCHANT] = COLUMNS(merchant_columns),
    [KIND_API_KEY] = COLUMNS(api_key_columns),
    [KIND_INTENT] = COLUMNS(intent_columns),
    [KIND_CHARGE] = COLUMNS(charge_columns),
    [KIND_COIN_INTENT] = COLUMNS(coin_intent_columns),
    [KIND_ENDPOINT] = COLUMNS(endpoint_columns),
    [KIND_DELIVERY] = COLUMNS(delivery_columns),
    [KIND_ATTEMPT] = COLUMNS(attempt_columns),
};

static void
print_value(FILE *file, struct instant now, const struct column *column,
    const void *record, int width)
{
	struct showing showing = {.now = now};
	char bytes[VALUE_BYTES_MAX];

	buffer_init(&showing.value, bytes, sizeof(bytes));
	column->style(&showing, column, record);
	if (showing.value.length == 0)
		buffer_put_byte(&showing.value, '-');
	fprintf(file, "%-*.*s", width, (int)showing.value.length, bytes);
}

void
text_print_line(FILE *file, const char *label, struct text value)
{
	fprintf(file, "%-*s  %.*s\n", LABEL_COLUMNS, label, TEXT_PRINT(value));
}

void
text_print_object(
    FILE *file, struct instant now, enum kind kind, const void *record)
{
	const struct columns *columns = &columns_of[kind];

	assert(columns->count > 0);
	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->rows[i];

		fprintf(file, "%-*s  ", LABEL_COLUMNS, column->label);
		print_value(file, now, column, record, 0);
		fputc('\n', file);
	}
}

/* The last column ends its line, so that it needs no width. */
static int
width_of(const struct columns *columns, size_t i)
{
	return i + 1 == columns->count ? 0 : columns->rows[i].width;
}

void
text_print_head(FILE *file, enum kind kind)
{
	const struct columns *columns = &columns_of[kind];

	assert(columns->count > 0);
	for (size_t i = 0; i < columns->count; i++)
		if (columns->rows[i].width > 0)
			fprintf(file, "%s%-*s", i == 0 ? "" : "  ",
			    width_of(columns, i), columns->rows[i].label);
	fputc('\n', file);
}

void
text_print_row(
    FILE *file, struct instant now, enum kind kind, const void *record)
{
	const struct columns *columns = &columns_of[kind];

	assert(columns->count > 0);
	for (size_t i = 0; i < columns->count; i++) {
		if (columns->rows[i].width == 0)
			continue;
		fputs(i == 0 ? "" : "  ", file);
		print_value(
		    file, now, &columns->rows[i], record, width_of(columns, i));
	}
	fputc('\n', file);
}

void
text_print_secret(FILE *file, enum kind kind, const char *secret)
{
	/* Of a key the store has a digest alone; an endpoint's signs. */
	fprintf(file,
	    "%-*s  %s\n\n"
	    "Keep the secret now: it %swill not be shown again.\n",
	    LABEL_COLUMNS, "secret", secret,
	    kind == KIND_API_KEY ? "is not stored, and " : "");
}
