/*
 * The engine on a store that fails: nothing is half-written, the outcome
 * says so, and a repetition with the same key acts once.
 *
 * Each failure that a call of the store may have is injected into each call
 * that a command makes, one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine_trial.h"

enum { CALLS_MAX = 60, FAILURES_MIN = 5, PLAN_BYTES = 64 };

/* Commands that are not tried here, and why. */
static const char *const untried[COMMAND_COUNT] = {
    [COMMAND_NONE] = "is none",
    [COMMAND_GET] = "reads: reads_of_a_failing_store_are_refused",
    [COMMAND_LIST] = "reads: reads_of_a_failing_store_are_refused",
    [COMMAND_INTENT_ANSWER] = "ends another one: engine_outside_test.c",
    [COMMAND_PROBE] = "writes one row in one call: engine_probe_test.c",
};

static void
each_command_is_tried_or_has_a_reason_not_to_be(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < COMMAND_COUNT; kind++) {
		unsigned rows = 0;

		for (unsigned i = 0; i < trial_commands(); i++)
			rows += trial_row(i)->kind == kind;
		if ((rows > 0) == (untried[kind] != NULL))
			fail_msg("command %u: %u rows, %s", kind, rows,
			    untried[kind] != NULL ? untried[kind]
						  : "and no reason");
	}
}

static bool
same_rows(const struct snapshot *a, const struct snapshot *b)
{
	return memcmp(a->rows, b->rows, sizeof(a->rows)) == 0;
}

/*
 * Nothing or all of it; true where the outcome is that of a command to which
 * nothing happened.
 */
static bool
check_trial(struct trial *trial, unsigned row, const struct snapshot *whole,
    const char *plan)
{
	enum error_id error = trial->outcome.error.id;
	bool failed =
	    error == ERROR_SERVICE_UNAVAILABLE || error == ERROR_INTERNAL_ERROR;
	bool nothing = snapshot_equal(&trial->before, &trial->after);
	bool all = snapshot_equal(whole, &trial->after);

	if (!nothing && !all)
		fail_msg("command %u under %s: half-written", row, plan);
	if (failed && !nothing)
		fail_msg("command %u under %s: failed, yet written", row, plan);
	if (failed && trial->outcome.length > 0)
		fail_msg(
		    "command %u under %s: objects beside a failure", row, plan);
	if (error == trial_row(row)->error && !all)
		fail_msg("command %u under %s: said to be done, but is not",
		    row, plan);
	return error == trial_row(row)->error;
}

/* True while the plan still reached a call of the command. */
static bool
try_plan(unsigned row, const struct snapshot *whole, const char *plan)
{
	static struct trial trial;
	bool done;

	trial_begin(&trial, row, plan);
	trial_run(&trial);
	done = check_trial(&trial, row, whole, plan);
	trial_repeat(&trial, row);
	snapshot_take(trial.stage.inner, &trial.after);
	if (!same_rows(whole, &trial.after))
		fail_msg("command %u under %s: twice", row, plan);
	world_verify(trial.stage.world);
	trial_end(&trial);
	return !done;
}

/* Each call of an operation on a table fails once, in one way. */
static unsigned
try_calls(unsigned row, const struct snapshot *whole, const char *operation,
    const char *result, unsigned calls_max)
{
	/* After these the command may succeed all the same. */
	bool harmless =
	    strcmp(result, "conflict") == 0 || strcmp(result, "missing") == 0;
	unsigned failures = 0;

	for (unsigned call = 1; call <= calls_max; call++) {
		char plan[PLAN_BYTES];
		bool failed;

		(void)snprintf(
		    plan, sizeof(plan), "%s=%s@%u", operation, result, call);
		failed = try_plan(row, whole, plan);
		failures += failed;
		if (!failed && !harmless)
			break;
	}
	return failures;
}

static unsigned
try_result(unsigned row, const struct snapshot *whole, const char *operation,
    const char *result, unsigned calls)
{
	if (trial_row(row)->heeds_absence && strcmp(result, "missing") == 0)
		return 0;
	return try_calls(row, whole, operation, result, calls);
}

static const char *const get_results[] = {"missing", "damaged"};
static const char *const put_results[] = {"full", "conflict", "damaged"};
static const char *const delete_results[] = {
    "missing", "full", "conflict", "damaged"};
static const char *const scan_results[] = {"damaged"};
static const char *const begin_results[] = {"full", "unavailable", "damaged"};
static const char *const commit_results[] = {
    "conflict", "full", "unavailable", "damaged"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
each_call_on_each_table_fails_once(void **state)
{
	static const struct {
		const char *operation;
		const char *const *results;
		size_t count;
	} rows[] = {
	    {"get", get_results, LENGTH(get_results)},
	    {"put", put_results, LENGTH(put_results)},
	    {"delete", delete_results, LENGTH(delete_results)},
	    {"scan", scan_results, LENGTH(scan_results)},
	};

	(void)state;
	for (unsigned i = 0; i < trial_commands(); i++) {
		struct snapshot whole = trial_whole_effect(i);
		unsigned failures = 0;

		for (size_t j = 0; j < LENGTH(rows); j++) {
			/* There is no way to go on after this one. */
			unsigned calls = try_calls(i, &whole, rows[j].operation,
			    "unavailable", CALLS_MAX);

			assert_true(calls < CALLS_MAX);
			for (size_t k = 0; k < rows[j].count; k++)
				failures +=
				    try_result(i, &whole, rows[j].operation,
					rows[j].results[k], calls);
			failures += calls;
		}
		/* The plans have reached the command. */
		assert_true(failures >= FAILURES_MIN);
	}
}

static void
each_begin_and_each_commit_fails_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < trial_commands(); i++) {
		struct snapshot whole = trial_whole_effect(i);

		for (size_t j = 0; j < LENGTH(begin_results); j++)
			assert_int_equal(
			    try_calls(i, &whole, "begin", begin_results[j], 2),
			    1);
		for (size_t j = 0; j < LENGTH(commit_results); j++)
			(void)try_calls(
			    i, &whole, "commit", commit_results[j], 2);
	}
}

static void
a_table_that_always_fails_is_an_answer_too(void **state)
{
	(void)state;
	for (unsigned i = 0; i < trial_commands(); i++) {
		for (unsigned j = 0; j < TABLE_COUNT; j++) {
			static struct trial trial;
			char plan[PLAN_BYTES];
			struct snapshot whole = trial_whole_effect(i);

			(void)snprintf(plan, sizeof(plan), "put:%s=conflict",
			    table_name((enum table)j));
			trial_begin(&trial, i, plan);
			trial_run(&trial);
			if (!check_trial(&trial, i, &whole, plan))
				outcome_must(
				    &trial.outcome, ERROR_SERVICE_UNAVAILABLE);
			trial_end(&trial);
		}
	}
}

/* The causes of a failure have the answers that the catalogue gives them. */
static void
a_failure_says_whether_to_try_again(void **state)
{
	static const struct {
		const char *plan;
		enum error_id error;
	} rows[] = {
	    {"begin=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"begin=full", ERROR_SERVICE_UNAVAILABLE},
	    {"begin=damaged", ERROR_INTERNAL_ERROR},
	    {"put:intents=full", ERROR_SERVICE_UNAVAILABLE},
	    {"put:events=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"put:outcomes=damaged", ERROR_INTERNAL_ERROR},
	    {"get:merchants=missing", ERROR_INTERNAL_ERROR},
	    {"get:idempotency=damaged", ERROR_INTERNAL_ERROR},
	    {"commit=full", ERROR_SERVICE_UNAVAILABLE},
	    {"commit=conflict", ERROR_SERVICE_UNAVAILABLE},
	    {"commit=damaged", ERROR_INTERNAL_ERROR},
	};
	static struct trial trial;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		trial_begin(&trial, 0, rows[i].plan);
		trial_run(&trial);
		outcome_must(&trial.outcome, rows[i].error);
		assert_true(snapshot_equal(&trial.before, &trial.after));
		trial_end(&trial);
	}
}

/* The commit's fate is hidden, and it did not happen. */
static void
an_unknown_commit_that_did_not_happen_is_no_success(void **state)
{
	static struct trial trial;

	(void)state;
	for (unsigned i = 0; i < trial_commands(); i++) {
		struct snapshot whole = trial_whole_effect(i);

		trial_begin(&trial, i, "commit=unknown@1");
		trial_run(&trial);
		outcome_must(&trial.outcome, ERROR_INTERNAL_ERROR);
		assert_true(snapshot_equal(&trial.before, &trial.after));
		trial_repeat(&trial, i);
		snapshot_take(trial.stage.inner, &trial.after);
		assert_true(same_rows(&whole, &trial.after));
		trial_end(&trial);
	}
}

/* One commit before it, because even ones are those that happen. */
static void
begin_second_commit(struct trial *trial, unsigned row, const char *plan)
{
	trial_begin(trial, row, plan);
	(void)world_customer(trial->stage.world, "first@example.com");
	snapshot_take(trial->stage.inner, &trial->before);
	trial_make(trial, row);
}

static void
an_unknown_commit_that_happened_is_answered_as_what_it_is(void **state)
{
	static struct trial trial;
	static struct trial calm;

	(void)state;
	for (unsigned i = 0; i < trial_commands(); i++) {
		begin_second_commit(&calm, i, "");
		trial_run(&calm);
		trial_end(&calm);
		begin_second_commit(&trial, i, "commit=unknown@2");
		trial_run(&trial);
		assert_true(snapshot_equal(&calm.after, &trial.after));
		/* Nobody can know; it is harmless to run it again. */
		if (trial_row(i)->keyless) {
			outcome_must(&trial.outcome, ERROR_INTERNAL_ERROR);
			trial_repeat(&trial, i);
			trial_end(&trial);
			continue;
		}
		outcome_must(&trial.outcome, trial_row(i)->error);
		assert_false(trial.outcome.replayed);
		assert_true(text_equal(outcome_objects(&trial.outcome),
		    outcome_objects(&calm.outcome)));
		/* Also what is shown but once, and is in no record. */
		assert_string_equal(trial.outcome.secret, calm.outcome.secret);
		trial_repeat(&trial, i);
		assert_true(trial.stage.world->outcome.replayed);
		trial_end(&trial);
	}
}

static void
without_a_key_an_unknown_commit_is_an_internal_error(void **state)
{
	static struct trial trial;

	(void)state;
	begin_second_commit(&trial, 0, "commit=unknown@2");
	trial.stage.world->command.idempotent = false;
	trial_run(&trial);
	outcome_must(&trial.outcome, ERROR_INTERNAL_ERROR);
	assert_int_equal(trial.outcome.length, 0);
	trial_end(&trial);
}

/* The store answers nothing at all any more, not even what became of it. */
static void
an_unknown_commit_of_a_store_that_is_gone_is_an_internal_error(void **state)
{
	static struct trial trial;

	(void)state;
	trial_begin(&trial, 0, "commit=unknown,begin=unavailable@2");
	trial_run(&trial);
	outcome_must(&trial.outcome, ERROR_INTERNAL_ERROR);
	trial_end(&trial);
}

static bool
see(struct text objects, void *context)
{
	(void)objects;
	(void)context;
	return true;
}

static void
reads_of_a_failing_store_are_refused(void **state)
{
	static const struct {
		const char *plan;
		enum error_id error;
	} rows[] = {
	    {"begin=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"get:intents=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"get:intents=damaged", ERROR_INTERNAL_ERROR},
	    {"get:charges=missing", ERROR_INTERNAL_ERROR},
	    {"scan:lists=unavailable", ERROR_SERVICE_UNAVAILABLE},
	};
	static struct trial trial;
	struct error error;
	struct page page;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct world *world;
		bool read;

		trial_begin(&trial, 0, rows[i].plan);
		world = trial.stage.world;
		(void)world_make_get(world, KIND_INTENT, trial.stage.paid);
		world_must(world, rows[i].error);
		assert_int_equal(world->outcome.length, 0);
		(void)world_make_list(world, KIND_INTENT, 10);
		read = engine_list(
		    world->engine, &world->command, see, NULL, &page, &error);
		assert_false(read);
		assert_int_equal(error.id, rows[i].error);
		trial_end(&trial);
	}
}

static void
a_key_that_cannot_be_looked_up_is_neither_known_nor_unknown(void **state)
{
	static const struct {
		const char *plan;
		enum error_id failure;
	} rows[] = {
	    {"begin=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"get:key_digests=unavailable", ERROR_SERVICE_UNAVAILABLE},
	    {"get:api_keys=damaged", ERROR_INTERNAL_ERROR},
	    {"get:api_keys=missing", ERROR_INTERNAL_ERROR},
	};
	static struct trial trial;
	struct caller caller;
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum error_id failure = ERROR_NONE;
		struct world *world;

		trial_begin(&trial, 0, rows[i].plan);
		world = trial.stage.world;
		digest = digest_text(text_of(trial.stage.secret));
		assert_int_equal(engine_caller(world->engine, &digest,
				     world->now, &caller, &failure),
		    CALLER_STORE_FAILED);
		assert_int_equal(failure, rows[i].failure);
		trial_end(&trial);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_command_is_tried_or_has_a_reason_not_to_be),
	    cmocka_unit_test(each_call_on_each_table_fails_once),
	    cmocka_unit_test(each_begin_and_each_commit_fails_once),
	    cmocka_unit_test(a_table_that_always_fails_is_an_answer_too),
	    cmocka_unit_test(a_failure_says_whether_to_try_again),
	    cmocka_unit_test(
		an_unknown_commit_that_did_not_happen_is_no_success),
	    cmocka_unit_test(
		an_unknown_commit_that_happened_is_answered_as_what_it_is),
	    cmocka_unit_test(
		without_a_key_an_unknown_commit_is_an_internal_error),
	    cmocka_unit_test(
		an_unknown_commit_of_a_store_that_is_gone_is_an_internal_error),
	    cmocka_unit_test(reads_of_a_failing_store_are_refused),
	    cmocka_unit_test(
		a_key_that_cannot_be_looked_up_is_neither_known_nor_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
