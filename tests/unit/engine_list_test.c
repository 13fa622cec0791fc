/*
 * Pages of lists: newest first, both ways, whatever is added meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine_steps.h"

enum { MANY = 250, ALL_MAX = 400 };

struct page_ids {
	enum kind kind;
	struct id ids[LIST_LIMIT_MAX];
	struct page page;
	unsigned stop_after; /* 0: never */
};

static bool
visit(struct text objects, void *context)
{
	struct page_ids *page = context;
	union record record;

	/* What a bundle is about comes first. */
	assert_int_equal(codec_kind(text_after(objects, 4)), page->kind);
	assert_true(bundle_find(objects, page->kind, 0, &record));
	assert_true(page->page.count < LIST_LIMIT_MAX);
	/* Every record begins with its id. */
	page->ids[page->page.count++] = record.intent.id;
	return page->page.count != page->stop_after;
}

/* Reads the page that world->command asks for. */
static struct page_ids
read_page(struct world *world)
{
	struct page_ids result = {.kind = world->command.object};
	struct error error;
	struct page page;
	bool read = engine_list(
	    world->engine, &world->command, visit, &result, &page, &error);

	assert_true(read);
	assert_int_equal(page.count, result.page.count);
	if (page.count > 0)
		assert_true(id_equal(page.last, result.ids[page.count - 1]));
	result.page = page;
	return result;
}

static void
must_be_page(
    struct world *world, const struct id *ids, unsigned count, bool has_more)
{
	struct page_ids page = read_page(world);

	assert_int_equal(page.page.count, count);
	assert_int_equal(page.page.has_more, has_more);
	for (unsigned i = 0; i < count; i++)
		assert_true(id_equal(page.ids[i], ids[i]));
}

/* Newest last. */
static void
create_many(struct world *world, struct id *ids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ids[i] = world_create(world, 100 + i, METHOD_AUTOMATIC);
}

static void
forwards_no_row_is_skipped_or_shown_twice(void **state)
{
	static struct id ids[MANY];
	struct world *world = *state;
	struct id cursor = ID_NONE;
	unsigned seen = 0;
	bool more = true;

	create_many(world, ids, MANY);
	while (more) {
		struct command *command =
		    world_make_list(world, KIND_INTENT, 7);
		struct page_ids page;

		if (id_is_set(cursor))
			command_name(command, &command->starting_after, cursor);
		page = read_page(world);
		for (unsigned i = 0; i < page.page.count; i++)
			assert_true(
			    id_equal(page.ids[i], ids[MANY - 1 - seen++]));
		cursor = page.page.last;
		more = page.page.has_more;
		/* New rows come before the first page. */
		(void)world_create(world, 1, METHOD_AUTOMATIC);
	}
	assert_int_equal(seen, MANY);
}

static void
backwards_no_row_is_skipped_or_shown_twice(void **state)
{
	static struct id ids[ALL_MAX];
	struct world *world = *state;
	unsigned count = MANY;
	unsigned seen = 1;
	bool more = true;

	create_many(world, ids, MANY);
	while (more) {
		struct command *command =
		    world_make_list(world, KIND_INTENT, 9);
		struct page_ids page;

		command_name(command, &command->ending_before, ids[seen - 1]);
		page = read_page(world);
		/* The page next to the cursor, newest first. */
		for (unsigned i = 0; i < page.page.count; i++)
			assert_true(id_equal(
			    page.ids[i], ids[seen + page.page.count - 1 - i]));
		seen += page.page.count;
		more = page.page.has_more;
		if (more && count < ALL_MAX)
			ids[count++] = world_create(world, 1, METHOD_AUTOMATIC);
	}
	assert_int_equal(seen, count);
}

static void
a_page_is_as_long_as_its_limit(void **state)
{
	struct world *world = *state;
	struct id ids[3];
	struct id newest_first[3];

	(void)world_make_list(world, KIND_INTENT, 1);
	must_be_page(world, NULL, 0, false);
	create_many(world, ids, 3);
	for (unsigned i = 0; i < 3; i++)
		newest_first[i] = ids[2 - i];
	(void)world_make_list(world, KIND_INTENT, 1);
	must_be_page(world, newest_first, 1, true);
	(void)world_make_list(world, KIND_INTENT, 2);
	must_be_page(world, newest_first, 2, true);
	(void)world_make_list(world, KIND_INTENT, 3);
	must_be_page(world, newest_first, 3, false);
	(void)world_make_list(world, KIND_INTENT, LIST_LIMIT_MAX);
	must_be_page(world, newest_first, 3, false);
}

static void
at_the_ends_there_is_nothing_more(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct id ids[2];

	create_many(world, ids, 2);
	command = world_make_list(world, KIND_INTENT, 10);
	command_name(command, &command->starting_after, ids[0]);
	must_be_page(world, NULL, 0, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command_name(command, &command->ending_before, ids[1]);
	must_be_page(world, NULL, 0, false);
}

static void
a_visitor_ends_the_page(void **state)
{
	struct world *world = *state;
	struct page_ids result = {.kind = KIND_INTENT, .stop_after = 2};
	struct error error;
	struct page page;
	struct id ids[3];
	bool read;

	create_many(world, ids, 3);
	(void)world_make_list(world, KIND_INTENT, 3);
	read = engine_list(
	    world->engine, &world->command, visit, &result, &page, &error);
	assert_true(read);
	assert_int_equal(page.count, 2);
}

static void
a_cursor_that_names_nothing_is_refused(void **state)
{
	struct world *world = *state;
	struct page_ids result = {.kind = KIND_INTENT};
	struct command *command = world_make_list(world, KIND_INTENT, 3);
	struct id customer;
	struct error error;
	struct page page;
	bool read;

	/* What no id can be. */
	assert_true(
	    command_keep(command, TEXT("pi_x"), &command->ending_before.text));
	read =
	    engine_list(world->engine, command, visit, &result, &page, &error);
	assert_false(read);
	assert_int_equal(error.id, ERROR_PARAMETER_INVALID);
	assert_string_equal(error.param, "ending_before");
	assert_string_equal(
	    error.detail, "must be the id of an object of this list");
	/* An id of another kind: a customer's. */
	customer = world_customer(world, "a@example.com");
	command = world_make_list(world, KIND_INTENT, 3);
	command_name(command, &command->starting_after, customer);
	read =
	    engine_list(world->engine, command, visit, &result, &page, &error);
	assert_false(read);
	assert_int_equal(error.id, ERROR_PARAMETER_INVALID);
	assert_string_equal(error.param, "starting_after");
}

static void
bounds_of_created_take_their_first_and_leave_their_end(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct instant times[6];
	struct id newest_first[6];

	for (unsigned i = 0; i < 6; i++) {
		newest_first[5 - i] =
		    world_create(world, 100, METHOD_AUTOMATIC);
		times[i] = world->command.now;
	}
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_gte = times[2];
	must_be_page(world, newest_first, 4, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_lt = times[2];
	must_be_page(world, newest_first + 4, 2, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_gte = times[1];
	command->created_lt = times[4];
	must_be_page(world, newest_first + 2, 3, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_gte = times[4];
	command->created_lt = times[1];
	must_be_page(world, NULL, 0, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_none = true;
	must_be_page(world, NULL, 0, false);
}

/* The contract's bounds go to the year 9999, ids to 2527. */
static void
bounds_of_created_may_lie_beyond_all_ids(void **state)
{
	struct instant last = instant_from_seconds(INT64_C(253402300799));
	struct world *world = *state;
	struct id id = world_create(world, 100, METHOD_AUTOMATIC);
	struct command *command = world_make_list(world, KIND_INTENT, 10);

	command->created_gte = last;
	must_be_page(world, NULL, 0, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_lt = last;
	must_be_page(world, &id, 1, false);
	/* The last instant of an id, and the one behind it. */
	for (int i = -1; i <= 0; i++) {
		last = (struct instant){INT64_C(17592186044416000) + i};
		command = world_make_list(world, KIND_INTENT, 10);
		command->created_gte = last;
		must_be_page(world, NULL, 0, false);
		command = world_make_list(world, KIND_INTENT, 10);
		command->created_lt = last;
		must_be_page(world, &id, 1, false);
	}
}

static void
bounds_and_cursors_hold_together(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct instant times[6];
	struct id newest_first[6];

	for (unsigned i = 0; i < 6; i++) {
		newest_first[5 - i] =
		    world_create(world, 100, METHOD_AUTOMATIC);
		times[i] = world->command.now;
	}
	command = world_make_list(world, KIND_INTENT, 1);
	command->created_gte = times[1];
	command->created_lt = times[5];
	command_name(command, &command->starting_after, newest_first[1]);
	must_be_page(world, newest_first + 2, 1, true);
	/* A cursor outside of the bounds. */
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_lt = times[3];
	command_name(command, &command->starting_after, newest_first[0]);
	must_be_page(world, newest_first + 3, 3, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_gte = times[3];
	command_name(command, &command->ending_before, newest_first[5]);
	must_be_page(world, newest_first, 3, false);
	command = world_make_list(world, KIND_INTENT, 10);
	command->created_lt = times[3];
	command_name(command, &command->ending_before, newest_first[1]);
	must_be_page(world, NULL, 0, false);
}

static struct id
create_for(struct world *world, struct id customer)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, 1000);
	command_give(command, GIVEN_CURRENCY, "eur");
	command_give(command, GIVEN_PAYMENT_METHOD, "pm_card_visa");
	command_give_customer(command, customer);
	command->capture_method = METHOD_AUTOMATIC;
	command->confirm = true;
	world_must(world, ERROR_NONE);
	return command->fresh;
}

static void
by_customer_there_are_his_intents_and_charges_alone(void **state)
{
	struct world *world = *state;
	struct id his = world_customer(world, "a@example.com");
	struct id other = world_customer(world, "b@example.com");
	struct command *command;
	struct id newest_first[2];
	struct id charge;

	newest_first[1] = create_for(world, his);
	(void)create_for(world, other);
	newest_first[0] = create_for(world, his);
	(void)world_create(world, 100, METHOD_AUTOMATIC);
	command = world_make_list(world, KIND_INTENT, 10);
	command_name(command, &command->customer, his);
	must_be_page(world, newest_first, 2, false);
	charge = world_charge(world, newest_first[0]).id;
	command = world_make_list(world, KIND_CHARGE, 1);
	command_name(command, &command->customer, his);
	must_be_page(world, &charge, 1, true);
	/* Of an intent as well: both hold. */
	command = world_make_list(world, KIND_CHARGE, 10);
	command_name(command, &command->customer, other);
	command_name(command, &command->intent, newest_first[0]);
	must_be_page(world, NULL, 0, false);
	command = world_make_list(world, KIND_CHARGE, 10);
	command_name(command, &command->customer, his);
	command_name(command, &command->intent, newest_first[0]);
	must_be_page(world, &charge, 1, false);
}

static void
an_intent_changes_lists_with_its_customer(void **state)
{
	struct world *world = *state;
	struct id a = world_customer(world, "a@example.com");
	struct id b = world_customer(world, "b@example.com");
	struct id id = world_create(world, 100, METHOD_AUTOMATIC);
	const struct id turns[] = {a, b, b, ID_NONE, a};

	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		struct command *command =
		    world_make_about(world, COMMAND_INTENT_UPDATE, id);

		command_give_customer(command, turns[i]);
		world_must(world, ERROR_NONE);
		command = world_make_list(world, KIND_INTENT, 10);
		command_name(command, &command->customer, a);
		must_be_page(world, &id, id_equal(turns[i], a), false);
		command = world_make_list(world, KIND_INTENT, 10);
		command_name(command, &command->customer, b);
		must_be_page(world, &id, id_equal(turns[i], b), false);
	}
}

static void
by_intent_there_are_all_its_charges_and_refunds(void **state)
{
	struct world *world = *state;
	struct id id = world_create(world, 1000, METHOD_AUTOMATIC);
	struct id charges[INTENT_CHARGES_SHOWN_MAX + 3];
	struct id refunds[3];
	struct command *command;
	unsigned count = INTENT_CHARGES_SHOWN_MAX + 3;

	(void)create_for(world, ID_NONE);
	for (unsigned i = count; i-- > 0;) {
		command = world_make_about(world, COMMAND_INTENT_CONFIRM, id);
		command_give(command, GIVEN_PAYMENT_METHOD,
		    i > 0 ? "pm_card_declined" : "pm_card_visa");
		world_must(world, i > 0 ? ERROR_CARD_DECLINED : ERROR_NONE);
		charges[i] = command->fresh;
	}
	for (unsigned i = 3; i-- > 0;) {
		command = world_make_about(world, COMMAND_INTENT_REFUND, id);
		command_give_amount(command, 10);
		world_must(world, ERROR_NONE);
		refunds[i] = command->fresh;
	}
	command = world_make_list(world, KIND_CHARGE, LIST_LIMIT_MAX);
	command_name(command, &command->intent, id);
	must_be_page(world, charges, count, false);
	command = world_make_list(world, KIND_REFUND, 2);
	command_name(command, &command->intent, id);
	must_be_page(world, refunds, 2, true);
	command_name(command, &command->starting_after, refunds[1]);
	must_be_page(world, refunds + 2, 1, false);
}

static void
a_deleted_customer_is_in_no_list_but_still_a_cursor(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct id newest_first[3];

	for (unsigned i = 3; i-- > 0;)
		newest_first[i] = world_customer(world, "a@example.com");
	(void)world_make_about(world, COMMAND_CUSTOMER_DELETE, newest_first[1]);
	world_must(world, ERROR_NONE);
	(void)world_make_list(world, KIND_CUSTOMER, 1);
	must_be_page(world, newest_first, 1, true);
	command = world_make_list(world, KIND_CUSTOMER, 10);
	command_name(command, &command->starting_after, newest_first[1]);
	must_be_page(world, newest_first + 2, 1, false);
}

/* For each kind of object: the one of the second merchant alone. */
static void
a_bound_key_sees_its_merchant_s_objects_alone(void **state)
{
	struct world *world = *state;
	struct id customers[2];
	struct id intents[2];
	struct id charge;

	for (unsigned i = 0; i < 2; i++) {
		customers[i] = world_customer(world, "a@example.com");
		intents[i] = create_for(world, customers[i]);
		world->scope.merchant = world->second;
	}
	charge = world_charge(world, intents[1]).id;
	world->scope.merchant_bound = true;
	(void)world_make_list(world, KIND_INTENT, 10);
	must_be_page(world, &intents[1], 1, false);
	(void)world_make_list(world, KIND_CUSTOMER, 10);
	must_be_page(world, &customers[1], 1, false);
	(void)world_make_list(world, KIND_CHARGE, 10);
	must_be_page(world, &charge, 1, false);
	(void)world_make_list(world, KIND_REFUND, 10);
	must_be_page(world, NULL, 0, false);
	world->scope = world->home;
	(void)world_make_list(world, KIND_INTENT, 10);
	assert_int_equal(read_page(world).page.count, 2);
}

/* The other merchant's key has taken payments from the same customer. */
static void
a_bound_key_sees_of_its_customer_its_own_intents(void **state)
{
	struct world *world = *state;
	struct command *command;
	struct id customer;
	struct id charge;
	struct id own;

	world->scope.merchant = world->second;
	customer = world_customer(world, "a@example.com");
	own = create_for(world, customer);
	world->scope = world->home;
	for (int i = 0; i < 5; i++)
		(void)create_for(world, customer);
	world->scope.merchant = world->second;
	world->scope.merchant_bound = true;
	charge = world_charge(world, own).id;
	command = world_make_list(world, KIND_INTENT, 1);
	command_name(command, &command->customer, customer);
	must_be_page(world, &own, 1, false);
	command = world_make_list(world, KIND_CHARGE, 1);
	command_name(command, &command->customer, customer);
	must_be_page(world, &charge, 1, false);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
	    cmocka_unit_test(forwards_no_row_is_skipped_or_shown_twice),
	    cmocka_unit_test(backwards_no_row_is_skipped_or_shown_twice),
	    cmocka_unit_test(a_page_is_as_long_as_its_limit),
	    cmocka_unit_test(at_the_ends_there_is_nothing_more),
	    cmocka_unit_test(a_visitor_ends_the_page),
	    cmocka_unit_test(a_cursor_that_names_nothing_is_refused),
	    cmocka_unit_test(
		bounds_of_created_take_their_first_and_leave_their_end),
	    cmocka_unit_test(bounds_of_created_may_lie_beyond_all_ids),
	    cmocka_unit_test(bounds_and_cursors_hold_together),
	    cmocka_unit_test(
		by_customer_there_are_his_intents_and_charges_alone),
	    cmocka_unit_test(an_intent_changes_lists_with_its_customer),
	    cmocka_unit_test(by_intent_there_are_all_its_charges_and_refunds),
	    cmocka_unit_test(
		a_deleted_customer_is_in_no_list_but_still_a_cursor),
	    cmocka_unit_test(a_bound_key_sees_its_merchant_s_objects_alone),
	    cmocka_unit_test(a_bound_key_sees_of_its_customer_its_own_intents),
	};

	return world_run_on_both(
	    "lists", tests, sizeof(tests) / sizeof(tests[0]));
}
