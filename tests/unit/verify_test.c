/*
 * The verification finds nothing in a store that the engine wrote, and every
 * damage that is done to it behind the engine's back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/verify.h"
#include "store/faulty.h"
#include "store/memory.h"
#include "verify_damage.h"

/* What the last verification said. */
struct report {
	struct verification_summary summary;
	unsigned count;
	struct finding findings[256];
};

static void
take_finding(const struct finding *finding, void *context)
{
	struct report *report = context;

	assert_true(report->count <
		    sizeof(report->findings) / sizeof(report->findings[0]));
	report->findings[report->count++] = *finding;
}

static enum store_result
verify(struct store *store, struct report *report)
{
	report->count = 0;
	return verify_store(store, take_finding, report, &report->summary);
}

static void
print(const struct report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		print_message("%s %s: %.*s %.*s\n", table_name(finding->table),
		    finding->row, TEXT_PRINT(finding->sentence),
		    TEXT_PRINT(finding->detail));
	}
}

static const struct finding *
find(const struct report *report, const struct damage *damage)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		if (finding->id == damage->finding &&
		    finding->table == damage->table &&
		    text_equal(finding->detail, text_of(damage->detail)))
			return finding;
	}
	return NULL;
}

static void
a_store_that_the_engine_wrote_is_healthy(void **state)
{
	static struct report report;
	struct shop shop;

	(void)state;
	shop_open(&shop);
	assert_int_equal(verify(shop.store, &report), STORE_OK);
	print(&report);
	assert_int_equal(report.summary.findings, 0);
	for (unsigned table = 0; table < TABLE_COUNT; table++)
		assert_true(report.summary.table_records[table] > 0);
	shop_close(&shop);
}

static void
an_empty_store_has_no_schema(void **state)
{
	struct store *store = memory_open();
	static struct report report;

	(void)state;
	assert_int_equal(verify(store, &report), STORE_OK);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.findings[0].id, FINDING_SCHEMA_MISSING);
	assert_string_equal(report.findings[0].row, "schema");
	assert_int_equal(report.summary.records, 0);
	store_close(store);
}

/* What the engine writes when a processor refuses to give money back. */
static void
a_failed_refund_is_not_counted(void **state)
{
	static struct report report;
	struct shop shop;
	struct money failed;

	(void)state;
	shop_open(&shop);
	shop_edit(&shop, KIND_REFUND, shop.refund)->refund.progress =
	    PROGRESS_FAILED;
	shop_save(&shop);
	failed = shop_edit(&shop, KIND_REFUND, shop.refund)->refund.amount;
	shop_edit(&shop, KIND_CHARGE, shop.charge)
	    ->charge.amount_refunded.units -= failed.units;
	shop_save(&shop);
	assert_int_equal(verify(shop.store, &report), STORE_OK);
	print(&report);
	assert_int_equal(report.count, 0);
	shop_close(&shop);
}

/* What a registration leaves that was begun anew with its key. */
static void
an_outcome_that_nobody_awaited_may_be_replaced(void **state)
{
	static struct report report;
	struct stored_outcome *first;
	struct instant replaced;
	struct shop shop;

	(void)state;
	shop_open(&shop);
	replaced = shop_edit(&shop, KIND_STORED_OUTCOME, shop.second)
		       ->stored_outcome.created;
	first =
	    &shop_edit(&shop, KIND_STORED_OUTCOME, shop.first)->stored_outcome;
	first->created.us = replaced.us - 60 * 1000000;
	first->pending_until = replaced;
	shop_save(&shop);
	assert_int_equal(verify(shop.store, &report), STORE_OK);
	print(&report);
	assert_int_equal(report.count, 0);
	first->pending_until.us++;
	shop_save(&shop);
	assert_int_equal(verify(shop.store, &report), STORE_OK);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.findings[0].id, FINDING_OUTCOME_REPLACED);
	shop_close(&shop);
}

static void
every_damage_is_found(void **state)
{
	static struct report report;

	(void)state;
	for (size_t i = 0; i < damage_count; i++) {
		struct shop shop;

		shop_open(&shop);
		damages[i].apply(&shop);
		assert_int_equal(verify(shop.store, &report), STORE_OK);
		assert_int_equal(report.summary.findings, report.count);
		if (find(&report, &damages[i]) == NULL) {
			print(&report);
			fail_msg("%s was not found", damages[i].name);
		}
		shop_close(&shop);
	}
}

static void
every_finding_has_a_damage(void **state)
{
	bool has[FINDING_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < damage_count; i++)
		has[damages[i].finding] = true;
	for (unsigned id = 0; id < FINDING_COUNT; id++)
		if (!has[id])
			fail_msg("no damage causes finding %u", id);
}

/* The one finding of a store with one more row. */
static struct finding
find_row(enum table table, struct text key)
{
	static struct report report;
	struct shop shop;

	shop_open(&shop);
	shop_put(&shop, table, key, TEXT(""));
	assert_int_equal(verify(shop.store, &report), STORE_OK);
	assert_int_equal(report.count, 1);
	shop_close(&shop);
	return report.findings[0];
}

static void
a_row_is_named_by_its_ids_or_in_hexadecimal(void **state)
{
	struct store_key list = key_of_list_row((struct id){{1}}, MODE_TEST,
	    LIST_REFUNDS_OF_INTENT, (struct id){{0xf8}}, (struct id){{0, 1}});
	struct store_key amount = key_of_coin_amount(
	    (struct id){{1}}, MODE_TEST, (struct id){{0xf8}}, MONEY(4500000));
	struct store_key place = key_of_place((struct id){{0xf8}});
	struct store_key object =
	    key_of_object((struct id){{1}}, MODE_TEST, (struct id){{0xff}});
	struct store_key attempt = key_of_attempt((struct id){{1}}, MODE_TEST,
	    (struct id){{0xf8}}, (struct id){{0xff}}, 7);
	struct store_key due = key_of_due(
	    (struct id){{0xf8}}, instant_from_seconds(1), (struct id){{0xff}});

	(void)state;
	assert_string_equal(find_row(TABLE_LISTS, key_text(&list)).row,
	    "pi_7r000000000000000000000000/ref_00040000000000000000000000");
	assert_string_equal(find_row(TABLE_CHARGES, key_text(&object)).row,
	    "ch_7z000000000000000000000000");
	assert_string_equal(
	    find_row(TABLE_CHARGES, TEXT("\x01\xfe")).row, "01fe");
	assert_string_equal(find_row(TABLE_META, TEXT("color")).row, "color");
	assert_string_equal(find_row(TABLE_META, TEXT("\n")).row, "0a");
	assert_string_equal(find_row(TABLE_LISTS, key_text(&amount)).row,
	    "mer_7r000000000000000000000000/4.50");
	assert_string_equal(find_row(TABLE_PLACES, key_text(&place)).row,
	    "pi_7r000000000000000000000000");
	assert_string_equal(find_row(TABLE_ATTEMPTS, key_text(&attempt)).row,
	    "we_7r000000000000000000000000/evt_7z000000000000000000000000/7");
	assert_string_equal(find_row(TABLE_DELIVERIES_DUE, key_text(&due)).row,
	    "we_7r000000000000000000000000/evt_7z000000000000000000000000");
	list.bytes[ID_BYTES + 1] = LIST_ENDPOINTS_OF_OWNER;
	list.bytes[ID_BYTES + 2] = 1;
	assert_string_equal(find_row(TABLE_LISTS, key_text(&list)).row,
	    "acct_01000000000000000000000000/we_00040000000000000000000000");
	list.bytes[ID_BYTES + 1] = 200;
	assert_int_equal(
	    strlen(find_row(TABLE_LISTS, key_text(&list)).row), 2 * 50);
}

/* A store that fails is no finding, at whichever read it fails. */
static void
a_failing_store_ends_the_verification(void **state)
{
	static const char *const plans[] = {
	    "begin=unavailable",
	    "get:meta=unavailable",
	    "get:accounts=unavailable@3",
	    "get:customers=damaged",
	    "get:lists=unavailable@5",
	    "get:refunds=unavailable",
	    "get:key_digests=damaged",
	    "get:outcomes=unavailable",
	    "get:idempotency=unavailable",
	    "get:transfers=unavailable",
	    "get:balances=damaged",
	    "get:counts=unavailable",
	    "get:expiries=unavailable",
	    "get:places=damaged",
	    "get:merchants=unavailable@40",
	    "get:deliveries_due=damaged",
	    "get:deliveries=unavailable@2",
	    "scan:attempts=damaged",
	    "scan=unavailable@1",
	    "scan=damaged@7",
	};
	static struct report report;

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct shop shop;

		shop_open(&shop);
		shop.store = faulty_open(shop.store, plans[i]);
		assert_non_null(shop.store);
		assert_int_equal(verify(shop.store, &report),
		    strstr(plans[i], "damaged") == NULL ? STORE_UNAVAILABLE
							: STORE_DAMAGED);
		assert_int_equal(report.count, 0);
		shop_close(&shop);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_store_that_the_engine_wrote_is_healthy),
	    cmocka_unit_test(an_empty_store_has_no_schema),
	    cmocka_unit_test(a_failed_refund_is_not_counted),
	    cmocka_unit_test(an_outcome_that_nobody_awaited_may_be_replaced),
	    cmocka_unit_test(every_damage_is_found),
	    cmocka_unit_test(every_finding_has_a_damage),
	    cmocka_unit_test(a_row_is_named_by_its_ids_or_in_hexadecimal),
	    cmocka_unit_test(a_failing_store_ends_the_verification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
