/*
 * What holds of the records of one kind: their amounts, their states, and
 * what others must say of them.
 */
#include "core/api_key.h"
#include "core/bundle.h"
#include "core/codec.h"
#include "core/intent.h"
#include "engine/verify_work.h"
#include "engine/work.h"

static void
check_merchant(struct verification *verification, const union record *record)
{
	struct store_key key = key_of_account(verification->place.account);
	union record account;

	if (!id_equal(record->merchant.account, verification->place.account))
		verify_find(verification, FINDING_OWNER_DIFFERS, TEXT_NONE);
	if (verify_load(verification, TABLE_ACCOUNTS, KIND_ACCOUNT,
		key_text(&key), &account) &&
	    !id_is_set(account.account.default_merchant))
		verify_find(verification, FINDING_DEFAULT_MISSING, TEXT_NONE);
	verify_coin_merchant(verification, record);
}

/* All keys of a type and mode begin alike: `sk_test_` and so on. */
static bool
prefix_fits(const struct api_key *key)
{
	static const uint8_t entropy[COMMAND_ENTROPY_BYTES];
	char sample[KEY_TEXT_BYTES];
	size_t alike =
	    KEY_TEXT_BYTES - 1 - API_KEY_RANDOM_DIGITS - API_KEY_CHECK_DIGITS;

	/* Of no type or mode, which has been said already. */
	if (key->type == KEY_TYPE_NONE || key->type >= KEY_TYPE_COUNT ||
	    key->mode == MODE_NONE || key->mode >= MODE_COUNT)
		return true;
	api_key_make((enum key_type)key->type, (enum mode)key->mode, entropy,
	    sizeof(entropy), sample);
	return key->prefix.length == API_KEY_PREFIX_BYTES &&
	       text_starts(key->prefix, (struct text){sample, alike});
}

static bool
permissions_fit(const struct api_key *key)
{
	const uint32_t known =
	    ((1u << PERMISSION_COUNT) - 1) & ~(1u << PERMISSION_NONE);

	return (key->permissions & ~known) == 0 &&
	       (key->permissions != 0) == (key->type == KEY_TYPE_RESTRICTED);
}

static void
check_api_key(struct verification *verification, const union record *record)
{
	const struct api_key *key = &record->api_key;
	const struct place *place = &verification->place;
	struct store_key index = key_of_api_key(&key->digest);
	struct text leads_to;

	if (!id_equal(key->account, place->account) || key->mode != place->mode)
		verify_find(verification, FINDING_OWNER_DIFFERS, TEXT_NONE);
	if (!prefix_fits(key))
		verify_find(verification, FINDING_KEY_PREFIX, TEXT_NONE);
	if (!permissions_fit(key))
		verify_find(verification, FINDING_KEY_PERMISSIONS, TEXT_NONE);
	if (!verify_get(
		verification, TABLE_KEY_DIGESTS, key_text(&index), &leads_to) ||
	    !text_equal(leads_to, verification->key))
		verify_find(verification, FINDING_KEY_NOT_INDEXED, TEXT_NONE);
}

/* What an intent's charges and refunds come to. */
struct totals {
	struct verification *verification; /* borrowed */
	unsigned charges;
	unsigned charges_succeeded;
	struct money refunded;
	bool overflow;
};

static bool
add_charge(struct text key, struct text value, void *context)
{
	struct totals *totals = context;
	union record record;

	(void)value;
	/* A row without its charge is a finding of the list. */
	if (!verify_load_object(
		totals->verification, KIND_CHARGE, key_id(key), &record))
		return true;
	totals->charges++;
	if (record.charge.progress == PROGRESS_SUCCEEDED)
		totals->charges_succeeded++;
	return true;
}

static bool
add_refund(struct text key, struct text value, void *context)
{
	struct totals *totals = context;
	union record record;

	(void)value;
	if (verify_load_object(
		totals->verification, KIND_REFUND, key_id(key), &record) &&
	    record.refund.progress == PROGRESS_SUCCEEDED &&
	    !money_add(
		totals->refunded, record.refund.amount, &totals->refunded))
		totals->overflow = true;
	return true;
}

/* The intent's charges and refunds against it and its latest charge. */
static void
check_totals(struct verification *verification, const struct intent *intent,
    const struct charge *latest)
{
	struct totals totals = {.verification = verification};
	struct money refunded =
	    latest == NULL ? MONEY_NONE : latest->amount_refunded;

	verify_scan_list(verification, LIST_CHARGES_OF_INTENT, intent->id,
	    add_charge, &totals);
	verify_scan_list(verification, LIST_REFUNDS_OF_INTENT, intent->id,
	    add_refund, &totals);
	if (totals.charges > 0 && !id_is_set(intent->latest_charge))
		verify_find(
		    verification, FINDING_LATEST_CHARGE_UNSET, TEXT_NONE);
	if (totals.charges_succeeded > 1)
		verify_find(verification, FINDING_CHARGES_SUCCEEDED, TEXT_NONE);
	if (totals.overflow || money_compare(totals.refunded, refunded) != 0)
		verify_find(verification, FINDING_REFUNDS_SUM, TEXT_NONE);
}

static void
check_intent(struct verification *verification, const union record *record)
{
	const struct intent *intent = &record->intent;
	const struct charge *latest = NULL;
	union record charge;

	if (instant_is_set(intent->canceled) !=
	    (intent->state == STATE_CANCELED))
		verify_find(verification, FINDING_INTENT_CANCELED, TEXT_NONE);
	if (intent->secret.length != SECRET_DIGITS)
		verify_find(verification, FINDING_INTENT_SECRET, TEXT_NONE);
	if (id_is_set(intent->latest_charge)) {
		/* Named but not there, which has been said already. */
		if (!verify_load_object(verification, KIND_CHARGE,
			intent->latest_charge, &charge))
			return;
		latest = &charge.charge;
	}
	if (!intent_is_consistent(intent, latest))
		verify_find(
		    verification, FINDING_INTENT_INCONSISTENT, TEXT_NONE);
	check_totals(verification, intent, latest);
}

/* 0 <= refunded <= captured <= amount, and captured once succeeded alone. */
static bool
amounts_fit(const struct charge *charge)
{
	return money_is_positive(charge->amount) &&
	       charge->amount_refunded.units >= 0 &&
	       money_compare(
		   charge->amount_refunded, charge->amount_captured) <= 0 &&
	       money_compare(charge->amount_captured, charge->amount) <= 0 &&
	       (charge->progress == PROGRESS_SUCCEEDED ||
		   charge->amount_captured.units == 0);
}

static void
check_charge(struct verification *verification, const union record *record)
{
	const struct charge *charge = &record->charge;
	const struct intent *intent;
	union record owner;

	if (!amounts_fit(charge))
		verify_find(verification, FINDING_CHARGE_AMOUNTS, TEXT_NONE);
	if (!verify_load_object(
		verification, KIND_INTENT, charge->intent, &owner))
		return;
	intent = &owner.intent;
	if (!id_equal(intent->merchant, charge->merchant))
		verify_find(verification, FINDING_INTENT_OF_OTHERS, TEXT_NONE);
	if (charge->progress == PROGRESS_SUCCEEDED &&
	    (money_compare(charge->amount, intent->amount) != 0 ||
		!text_equal(charge->currency, intent->currency)))
		verify_find(verification, FINDING_CHARGE_DIFFERS, TEXT_NONE);
}

static void
check_refund(struct verification *verification, const union record *record)
{
	const struct refund *refund = &record->refund;
	union record other;

	if (!money_is_positive(refund->amount))
		verify_find(verification, FINDING_REFUND_AMOUNT, TEXT_NONE);
	if (verify_load_object(
		verification, KIND_INTENT, refund->intent, &other) &&
	    !id_equal(other.intent.merchant, refund->merchant))
		verify_find(verification, FINDING_INTENT_OF_OTHERS, TEXT_NONE);
	if (!verify_load_object(
		verification, KIND_CHARGE, refund->charge, &other))
		return;
	if (!id_equal(other.charge.intent, refund->intent))
		verify_find(verification, FINDING_CHARGE_OF_OTHERS, TEXT_NONE);
	if (other.charge.progress != PROGRESS_SUCCEEDED)
		verify_find(verification, FINDING_REFUND_UNPAID, TEXT_NONE);
}

static void
check_customer(struct verification *verification, const union record *record)
{
	const struct customer *customer = &record->customer;
	size_t known = customer->email.length + customer->name.length +
		       customer->phone.length + customer->description.length +
		       customer->metadata.length;

	if (instant_is_set(customer->deleted) && known > 0)
		verify_find(verification, FINDING_CUSTOMER_KEPT, TEXT_NONE);
}

/* What an event of a type shows. */
static const enum kind kinds_shown[EVENT_COUNT] = {
    [EVENT_INTENT_CREATED] = KIND_INTENT,
    [EVENT_INTENT_REQUIRES_ACTION] = KIND_INTENT,
    [EVENT_INTENT_PROCESSING] = KIND_INTENT,
    [EVENT_INTENT_CAPTURABLE] = KIND_INTENT,
    [EVENT_INTENT_SUCCEEDED] = KIND_INTENT,
    [EVENT_INTENT_FAILED] = KIND_INTENT,
    [EVENT_INTENT_CANCELED] = KIND_INTENT,
    [EVENT_CHARGE_SUCCEEDED] = KIND_CHARGE,
    [EVENT_CHARGE_FAILED] = KIND_CHARGE,
    [EVENT_CHARGE_CAPTURED] = KIND_CHARGE,
    [EVENT_CHARGE_REFUNDED] = KIND_CHARGE,
    [EVENT_REFUND_CREATED] = KIND_REFUND,
    [EVENT_REFUND_FAILED] = KIND_REFUND,
    [EVENT_CUSTOMER_CREATED] = KIND_CUSTOMER,
    [EVENT_CUSTOMER_UPDATED] = KIND_CUSTOMER,
    [EVENT_CUSTOMER_DELETED] = KIND_CUSTOMER,
    [EVENT_COIN_CONFIRMED] = KIND_COIN_INTENT,
    [EVENT_COIN_EXPIRED] = KIND_COIN_INTENT,
    [EVENT_COIN_CANCELLED] = KIND_COIN_INTENT,
    [EVENT_TRANSACTION_CREATED] = KIND_TRANSFER,
    [EVENT_SETTLEMENT_COMPLETED] = KIND_COIN_INTENT,
    [EVENT_SETTLEMENT_FAILED] = KIND_COIN_INTENT,
    [EVENT_ENDPOINT_PING] = KIND_ENDPOINT,
};

static void
check_event(struct verification *verification, const union record *record)
{
	struct text rest = record->event.objects;
	uint8_t type = record->event.type;
	enum kind kind = type < EVENT_COUNT ? kinds_shown[type] : KIND_NONE;
	union record shown;
	struct text first;

	if (!bundle_is_sound(rest) || !bundle_next(&rest, &first)) {
		verify_find(verification, FINDING_EVENT_UNREADABLE, TEXT_NONE);
		return;
	}
	/* Of no type, which has been said already. */
	if (kind == KIND_NONE)
		return;
	if (codec_decode(kind, first, &shown) != CODEC_OK) {
		verify_find(verification, FINDING_EVENT_OTHER_KIND, TEXT_NONE);
		return;
	}
	if (!id_is_set(record->event.merchant) && kind != KIND_ENDPOINT)
		verify_find(
		    verification, FINDING_REFERENCE_MISSING, TEXT("merchant"));
	/* An endpoint can be deleted, and goes where it does not answer. */
	if (kind != KIND_ENDPOINT &&
	    !verify_load_object(verification, kind, shown.account.id, &shown))
		verify_find(verification, FINDING_EVENT_UNBACKED, TEXT_NONE);
}

/*
 * Used again once it was forgotten, a key leads to the newer outcome; so does
 * that of a registration whose end nobody saw, when it is begun anew.
 */
static bool
was_forgotten(struct verification *verification,
    const struct stored_outcome *stored, struct text newer)
{
	union record record;
	struct place place;
	struct span age;

	/* An index that leads to nothing is a finding of its own row. */
	if (!place_parse(newer, &place) ||
	    !verify_load(verification, TABLE_OUTCOMES, KIND_STORED_OUTCOME,
		newer, &record))
		return true;
	if (instant_is_set(stored->pending_until) &&
	    !instant_before(
		record.stored_outcome.created, stored->pending_until))
		return true;
	age = instant_minus(record.stored_outcome.created, stored->created);
	return age.us >= span_from_seconds(IDEMPOTENCY_REMEMBERED_SECONDS).us;
}

static void
check_outcome(struct verification *verification, const union record *record)
{
	const struct stored_outcome *stored = &record->stored_outcome;
	struct store_key index = key_of_idempotency(&stored->key);
	struct text leads_to;

	if (!bundle_is_sound(stored->objects))
		verify_find(
		    verification, FINDING_OUTCOME_UNREADABLE, TEXT_NONE);
	if (stored->error.length > 0 &&
	    error_named(stored->error) == ERROR_NONE)
		verify_find(verification, FINDING_OUTCOME_ERROR, TEXT_NONE);
	if (!verify_get(
		verification, TABLE_IDEMPOTENCY, key_text(&index), &leads_to))
		verify_find(
		    verification, FINDING_OUTCOME_NOT_INDEXED, TEXT_NONE);
	else if (!text_equal(leads_to, verification->key) &&
		 !was_forgotten(verification, stored, leads_to))
		verify_find(verification, FINDING_OUTCOME_REPLACED, TEXT_NONE);
}

static verify_kind *const checks[KIND_COUNT] = {
    [KIND_ACCOUNT] = NULL, /* all is said of every record */
    [KIND_MERCHANT] = check_merchant,
    [KIND_API_KEY] = check_api_key,
    [KIND_INTENT] = check_intent,
    [KIND_CHARGE] = check_charge,
    [KIND_REFUND] = check_refund,
    [KIND_CUSTOMER] = check_customer,
    [KIND_EVENT] = check_event,
    [KIND_STORED_OUTCOME] = check_outcome,
    [KIND_COIN_INTENT] = verify_coin_intent,
    [KIND_TRANSFER] = verify_transfer,
    [KIND_BALANCE] = verify_balance,
    [KIND_ENDPOINT] = verify_endpoint,
    [KIND_DELIVERY] = verify_delivery,
    [KIND_ATTEMPT] = verify_attempt,
};

void
verify_object(struct verification *verification, enum kind kind,
    const union record *record)
{
	if (checks[kind] != NULL)
		checks[kind](verification, record);
}
