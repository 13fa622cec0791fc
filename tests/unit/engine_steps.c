#include "engine_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "core/metadata.h"
#include "engine/verify.h"
#include "store/memory.h"
#include "store_files.h"

/* 2026-01-02T00:00:00Z. */
enum { FIRST_SECOND = 1767312000 };

/* splitmix64, after Vigna: randomness that repeats. */
static uint64_t
scramble(uint64_t seed)
{
	seed += 0x9e3779b97f4a7c15;
	seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
	seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
	return seed ^ (seed >> 31);
}

static void
fill(uint64_t seed, uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)scramble(seed * 64 + i);
}

static struct id
make_account(struct world *world, const char *name)
{
	command_give(
	    world_make(world, COMMAND_ACCOUNT_CREATE), GIVEN_NAME, name);
	world_must(world, ERROR_NONE);
	return world->command.fresh;
}

static struct id
make_merchant(struct world *world, struct id account)
{
	struct command *command = world_make(world, COMMAND_MERCHANT_CREATE);

	command->scope = (struct scope){.account = account, .mode = MODE_TEST};
	command_give(command, GIVEN_NAME, "A shop");
	command_give(command, GIVEN_EMAIL, "shop@example.com");
	world_must(world, ERROR_NONE);
	return command->fresh;
}

static struct scope
make_scope(struct world *world, const char *name)
{
	struct scope scope = {.mode = MODE_TEST};

	scope.account = make_account(world, name);
	scope.merchant = make_merchant(world, scope.account);
	return scope;
}

static struct world *
world_new(struct store *store)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_non_null(store);
	digest_start();
	world->now = instant_from_seconds(FIRST_SECOND);
	world_engine(world, store, 0, 0, 1000);
	return world;
}

struct world *
world_open(struct store *store)
{
	struct world *world = world_new(store);

	assert_int_equal(engine_init_store(store), STORE_OK);
	world->home = make_scope(world, "Home");
	world->second = make_merchant(world, world->home.account);
	world->foreign = make_scope(world, "Foreign");
	world->scope = world->home;
	return world;
}

struct world *
world_join(struct store *store, const struct world *like)
{
	struct world *world = world_new(store);

	world->home = like->home;
	world->second = like->second;
	world->foreign = like->foreign;
	world->scope = like->scope;
	world->now = like->now;
	world->serial = like->serial;
	return world;
}

void
world_engine(struct world *world, struct store *store, int64_t latency_ms,
    int64_t wait_ms, int64_t timeout_ms)
{
	const struct engine_options options = {
	    .store = store,
	    .sandbox_latency = span_from_ms(latency_ms),
	    .idempotency_wait = span_from_ms(wait_ms),
	    .request_timeout = span_from_ms(timeout_ms),
	};

	engine_close(world->engine);
	world->store = store;
	world->engine = engine_open(&options);
	assert_non_null(world->engine);
}

void
world_close(struct world *world)
{
	engine_close(world->engine);
	store_close(world->store);
	free(world);
}

static void
report(const struct finding *finding, void *context)
{
	(void)context;
	print_error("%s %s: %.*s %.*s\n", table_name(finding->table),
	    finding->row, TEXT_PRINT(finding->sentence),
	    TEXT_PRINT(finding->detail));
}

void
world_verify(struct world *world)
{
	struct verification_summary summary;

	assert_int_equal(
	    verify_store(world->store, report, NULL, &summary), STORE_OK);
	assert_int_equal(summary.findings, 0);
}

static int
setup_memory(void **state)
{
	*state = world_open(memory_open());
	return 0;
}

static int
teardown_memory(void **state)
{
	world_verify(*state);
	world_close(*state);
	return 0;
}

static int
setup_lmdb(void **state)
{
	(void)files_setup_store(state);
	*state = world_open(files.store);
	files.store = NULL;
	return 0;
}

static int
teardown_lmdb(void **state)
{
	world_verify(*state);
	world_close(*state);
	return files_teardown(state);
}

static int
run_with(const char *suite, struct CMUnitTest *tests, size_t count,
    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	for (size_t i = 0; i < count; i++) {
		tests[i].setup_func = setup;
		tests[i].teardown_func = teardown;
	}
	return _cmocka_run_group_tests(suite, tests, count, NULL, NULL);
}

int
world_run_on_memory(const char *suite, struct CMUnitTest *tests, size_t count)
{
	return run_with(suite, tests, count, setup_memory, teardown_memory);
}

int
world_run_on_both(const char *suite, struct CMUnitTest *tests, size_t count)
{
	int failures = world_run_on_memory(suite, tests, count);

	print_message("%s, on LMDB:\n", suite);
	return failures +
	       run_with(suite, tests, count, setup_lmdb, teardown_lmdb);
}

struct command *
world_make(struct world *world, enum command_kind kind)
{
	struct command *command = &world->command;
	uint8_t random[ID_RANDOM_BYTES];

	world->serial++;
	world->now = instant_plus(world->now, span_from_ms(1));
	fill(world->serial, random, sizeof(random));
	command_init(command, kind);
	command->scope = world->scope;
	command->now = world->now;
	command->fresh = id_make(world->now, random);
	fill(~world->serial, command->entropy, sizeof(command->entropy));
	return command;
}

struct command *
world_make_about(struct world *world, enum command_kind kind, struct id id)
{
	struct command *command = world_make(world, kind);

	command_name(command, &command->target, id);
	return command;
}

struct command *
world_make_get(struct world *world, enum kind object, struct id id)
{
	struct command *command = world_make_about(world, COMMAND_GET, id);

	command->object = object;
	return command;
}

struct command *
world_make_list(struct world *world, enum kind object, uint32_t limit)
{
	struct command *command = world_make(world, COMMAND_LIST);

	command->object = object;
	command->limit = limit;
	return command;
}

static void
keep(struct command *command, const char *text, struct slice *slice)
{
	bool kept = command_keep(command, text_of(text), slice);

	assert_true(kept);
}

void
command_name(struct command *command, struct named *named, struct id id)
{
	char text[ID_TEXT_BYTES];

	named->id = id;
	id_format(id, "", text);
	keep(command, text, &named->text);
}

void
command_give(struct command *command, enum given given, const char *text)
{
	const struct {
		enum given given;
		struct slice *slice;
	} slices[] = {
	    {GIVEN_CURRENCY, &command->currency},
	    {GIVEN_DESCRIPTION, &command->description},
	    {GIVEN_PAYMENT_METHOD, &command->payment_method},
	    {GIVEN_RETURN_URL, &command->return_url},
	    {GIVEN_EMAIL, &command->email},
	    {GIVEN_NAME, &command->name},
	    {GIVEN_PHONE, &command->phone},
	    {GIVEN_CLIENT_SECRET, &command->client_secret},
	};
	bool known = false;

	command->given |= given;
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		if (slices[i].given != given)
			continue;
		keep(command, text, slices[i].slice);
		known = true;
	}
	assert_true(known);
}

void
command_give_amount(struct command *command, int64_t units)
{
	command->given |= GIVEN_AMOUNT;
	command->amount = MONEY(units);
}

void
command_give_customer(struct command *command, struct id id)
{
	command->given |= GIVEN_CUSTOMER;
	if (id_is_set(id))
		command_name(command, &command->customer, id);
}

void
command_give_pair(struct command *command, const char *key, const char *value)
{
	char bytes[METADATA_BYTES_MAX];
	struct buffer packed;
	bool kept;

	buffer_init(&packed, bytes, sizeof(bytes));
	buffer_put_text(&packed, command_text(command, command->metadata));
	metadata_put(&packed, text_of(key), text_of(value));
	command->given |= GIVEN_METADATA;
	kept = command_keep(command, buffer_text(&packed), &command->metadata);
	assert_true(kept);
}

void
command_give_key(
    struct command *command, const char *key, const char *fingerprint)
{
	const struct text parts[] = {
	    {(const char *)command->scope.account.bytes, ID_BYTES},
	    {(const char *)&command->scope.mode, 1},
	    text_of(key),
	};

	command->idempotent = true;
	command->idempotency_key =
	    digest_parts(parts, sizeof(parts) / sizeof(parts[0]));
	command->fingerprint = digest_text(text_of(fingerprint));
}

const struct outcome *
world_run(struct world *world)
{
	/* What is not written shows. */
	memset(&world->outcome, 0xa5, offsetof(struct outcome, bytes));
	if (world->command.kind == COMMAND_GET)
		engine_get(world->engine, &world->command, &world->outcome);
	else
		engine_run(world->engine, &world->command, &world->outcome);
	return &world->outcome;
}

static const char *
error_name(enum error_id error)
{
	return error == ERROR_NONE ? "no refusal"
				   : error_reference(error)->name.bytes;
}

void
outcome_must(const struct outcome *outcome, enum error_id error)
{
	assert_string_equal(error_name(outcome->error.id), error_name(error));
}

void
world_must(struct world *world, enum error_id error)
{
	outcome_must(world_run(world), error);
}

struct id
world_create(struct world *world, int64_t amount, enum method capture)
{
	struct command *command = world_make(world, COMMAND_INTENT_CREATE);

	command_give_amount(command, amount);
	command_give(command, GIVEN_CURRENCY, "eur");
	command->capture_method = (uint8_t)capture;
	command->confirmation_method = METHOD_AUTOMATIC;
	world_must(world, ERROR_NONE);
	return command->fresh;
}

struct id
world_customer(struct world *world, const char *email)
{
	command_give(
	    world_make(world, COMMAND_CUSTOMER_CREATE), GIVEN_EMAIL, email);
	world_must(world, ERROR_NONE);
	return world->command.fresh;
}

struct id
world_confirmed(struct world *world, int64_t amount, enum method capture,
    const char *method)
{
	struct id intent = world_create(world, amount, capture);

	command_give(world_make_about(world, COMMAND_INTENT_CONFIRM, intent),
	    GIVEN_PAYMENT_METHOD, method);
	world_must(world, ERROR_NONE);
	return intent;
}

void
world_notify(struct world *world, struct id intent, enum state status)
{
	world_make_about(world, COMMAND_INTENT_NOTIFY, intent)->status =
	    (uint8_t)status;
	world_must(world, ERROR_NONE);
}

void
world_first(const struct world *world, enum kind kind, void *record)
{
	bool found =
	    bundle_find(outcome_objects(&world->outcome), kind, 0, record);

	assert_true(found);
}

unsigned
world_count(const struct world *world, enum kind kind)
{
	struct text rest = outcome_objects(&world->outcome);
	struct text encoded;
	unsigned count = 0;

	while (bundle_next(&rest, &encoded))
		count += codec_kind(encoded) == kind;
	return count;
}

struct intent
world_intent(struct world *world, struct id id)
{
	struct intent intent;

	(void)world_make_get(world, KIND_INTENT, id);
	world_must(world, ERROR_NONE);
	world_first(world, KIND_INTENT, &intent);
	assert_true(id_equal(intent.id, id));
	return intent;
}

struct charge
world_charge(struct world *world, struct id intent)
{
	struct charge charge;

	(void)world_intent(world, intent);
	world_first(world, KIND_CHARGE, &charge);
	assert_true(id_equal(charge.intent, intent));
	return charge;
}

void
must_be_state(unsigned actual, enum state expected)
{
	assert_string_equal(name_text(&state_names, actual).bytes,
	    name_text(&state_names, expected).bytes);
}

/* Eight bytes at a time: this is read after every command. */
static uint64_t
sum_text(uint64_t sum, struct text text)
{
	uint64_t word;

	sum = scramble(sum ^ text.length);
	for (; text.length >= sizeof(word);
	     text = text_after(text, sizeof(word))) {
		memcpy(&word, text.bytes, sizeof(word));
		sum = (sum ^ word) * 0x9fb21c651e98df25;
		sum ^= sum >> 32;
	}
	word = 0;
	memcpy(&word, text.bytes, text.length);
	return scramble(sum ^ word);
}

struct summing {
	uint64_t sum;
	size_t rows;
};

static bool
sum_visit(struct text key, struct text value, void *context)
{
	struct summing *summing = context;

	summing->sum = sum_text(sum_text(summing->sum, key), value);
	summing->rows++;
	return true;
}

void
snapshot_take(struct store *store, struct snapshot *snapshot)
{
	const struct store_range everything = {TEXT_NONE, TEXT_NONE, false};
	struct transaction *read;

	assert_int_equal(store_begin(store, STORE_READ, &read), STORE_OK);
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		struct summing summing = {0};

		assert_int_equal(store_scan(read, (enum table)i, &everything,
				     sum_visit, &summing),
		    STORE_OK);
		snapshot->sums[i] = summing.sum;
		snapshot->rows[i] = summing.rows;
	}
	store_abort(read);
}

bool
snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_equal_but_keys(a, b) &&
	       a->sums[TABLE_IDEMPOTENCY] == b->sums[TABLE_IDEMPOTENCY] &&
	       a->sums[TABLE_OUTCOMES] == b->sums[TABLE_OUTCOMES];
}

bool
snapshot_equal_but_keys(const struct snapshot *a, const struct snapshot *b)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (i != TABLE_IDEMPOTENCY && i != TABLE_OUTCOMES &&
		    a->sums[i] != b->sums[i])
			return false;
	return true;
}
