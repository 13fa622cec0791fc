/*
 * The reads of one request: one moment of the store, one begin, and no memory
 * but what the process has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_steps.h"
#include "store/faulty.h"
#include "store/memory.h"

/* -- Allocations, whoever asks for them: LMDB and libcrypto, too. */

static size_t allocations;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_ADDRESS_SANITIZER)
/* The sanitizer's own allocator calls this at each (its allocator_interface).
 */
void __sanitizer_malloc_hook(const volatile void *memory, size_t size);

void
__sanitizer_malloc_hook(const volatile void *memory, size_t size)
{
	(void)memory;
	(void)size;
	allocations++;
}
#else
/* A program's own functions have the word over those of its libraries. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
	allocations++;
	return __libc_realloc(memory, size);
}
#endif

/* -- Begins. */

static struct {
	struct store_operations real;
	struct store_operations counting;
	unsigned begins;
} counted;

static enum store_result
count_begin(
    struct store *store, enum store_mode mode, struct transaction **transaction)
{
	counted.begins++;
	return counted.real.begin(store, mode, transaction);
}

/* In the place of the backend's own operations, until the test's end. */
static void
count_begins(struct store *store)
{
	counted.real = *store->operations;
	counted.counting = counted.real;
	counted.counting.begin = count_begin;
	counted.begins = 0;
	store->operations = &counted.counting;
}

/* -- A shop with a key and an intent. */

struct shop {
	struct world *world;
	struct digest key;
	struct id intent;
};

static struct shop
make_shop(struct world *world)
{
	struct shop shop = {.world = world};
	struct command *command;

	shop.intent = world_create(world, 2000, METHOD_AUTOMATIC);
	command = world_make(world, COMMAND_KEY_CREATE);
	command->key_type = (uint8_t)KEY_TYPE_SECRET;
	command->key_mode = command->scope.mode;
	command_give(command, GIVEN_NAME, "till 1");
	world_must(world, ERROR_NONE);
	shop.key = digest_text(text_of(world->outcome.secret));
	return shop;
}

static void
must_recognise(const struct shop *shop)
{
	struct caller caller;
	enum error_id failure;

	assert_int_equal(engine_caller(shop->world->engine, &shop->key,
			     shop->world->now, &caller, &failure),
	    CALLER_OK);
}

static void
must_get(const struct shop *shop)
{
	(void)world_make_get(shop->world, KIND_INTENT, shop->intent);
	world_must(shop->world, ERROR_NONE);
}

static bool
visit(struct text objects, void *context)
{
	unsigned *rows = context;

	assert_true(objects.length > 0);
	(*rows)++;
	return true;
}

static void
must_list(const struct shop *shop, unsigned expected)
{
	struct world *world = shop->world;
	const struct command *command =
	    world_make_list(world, KIND_INTENT, LIST_LIMIT_MAX);
	unsigned rows = 0;
	struct page page;
	struct error error;

	assert_true(
	    engine_list(world->engine, command, visit, &rows, &page, &error));
	assert_int_equal(rows, expected);
}

static void
a_read_by_id_costs_one_begin(void **state)
{
	struct shop shop = make_shop(*state);
	struct engine *engine = shop.world->engine;

	count_begins(shop.world->store);
	engine_begin_reads(engine);
	assert_int_equal(counted.begins, 0);
	must_recognise(&shop);
	must_get(&shop);
	engine_end_reads(engine);
	assert_int_equal(counted.begins, 1);
}

static void
a_list_costs_one_begin(void **state)
{
	struct shop shop = make_shop(*state);
	struct engine *engine = shop.world->engine;

	count_begins(shop.world->store);
	engine_begin_reads(engine);
	must_recognise(&shop);
	must_list(&shop, 1);
	engine_end_reads(engine);
	assert_int_equal(counted.begins, 1);
}

static void
without_a_scope_each_read_has_its_own(void **state)
{
	struct shop shop = make_shop(*state);

	count_begins(shop.world->store);
	must_recognise(&shop);
	must_get(&shop);
	must_list(&shop, 1);
	assert_int_equal(counted.begins, 3);
	(void)world_create(shop.world, 2000, METHOD_AUTOMATIC);
}

static void
an_end_without_a_read_or_a_begin_does_nothing(void **state)
{
	struct world *world = *state;

	count_begins(world->store);
	engine_end_reads(world->engine);
	engine_begin_reads(world->engine);
	engine_end_reads(world->engine);
	engine_end_reads(world->engine);
	assert_int_equal(counted.begins, 0);
	(void)world_create(world, 2000, METHOD_AUTOMATIC);
}

/* Another engine on the store writes, as another process would. */
static void
what_is_written_meanwhile_is_not_seen_before_the_end(void **state)
{
	struct shop shop = make_shop(*state);
	struct world *other = world_join(shop.world->store, shop.world);

	other->now = instant_plus(other->now, span_from_ms(1000));
	other->serial += 1000;
	engine_begin_reads(shop.world->engine);
	must_recognise(&shop);
	(void)world_create(other, 3000, METHOD_AUTOMATIC);
	must_list(&shop, 1);
	must_get(&shop);
	engine_end_reads(shop.world->engine);
	must_list(&shop, 2);
	engine_close(other->engine);
	free(other);
}

static void
after_a_read_that_failed_the_next_begins_anew(void **state)
{
	struct shop shop = make_shop(*state);
	struct world *world = shop.world;
	struct store *inner = world->store;
	struct store *faulty = faulty_open(inner, "get:intents=damaged@1");

	assert_non_null(faulty);
	world_engine(world, faulty, 0, 0, 1000);
	count_begins(inner);
	engine_begin_reads(world->engine);
	must_recognise(&shop);
	(void)world_make_get(world, KIND_INTENT, shop.intent);
	world_must(world, ERROR_INTERNAL_ERROR);
	assert_int_equal(counted.begins, 1);
	must_get(&shop);
	must_list(&shop, 1);
	engine_end_reads(world->engine);
	assert_int_equal(counted.begins, 2);
	world->store = faulty;
}

static void
a_begin_that_failed_leaves_nothing_open(void **state)
{
	struct shop shop = make_shop(*state);
	struct world *world = shop.world;
	struct store *faulty = faulty_open(world->store, "begin=unavailable@1");

	assert_non_null(faulty);
	world_engine(world, faulty, 0, 0, 1000);
	engine_begin_reads(world->engine);
	(void)world_make_get(world, KIND_INTENT, shop.intent);
	world_must(world, ERROR_SERVICE_UNAVAILABLE);
	must_get(&shop);
	engine_end_reads(world->engine);
	world->store = faulty;
}

/* Runs `act` in a process of its own, which must end by an assertion. */
static void
must_assert(void (*act)(struct world *world), struct world *world)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		engine_begin_reads(world->engine);
		act(world);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
run_command(struct world *world)
{
	(void)world_make(world, COMMAND_CUSTOMER_CREATE);
	(void)world_run(world);
}

static void
sweep(struct world *world)
{
	unsigned count;
	enum store_result result =
	    engine_sweep(world->engine, world->now, 8, &count);

	(void)result;
}

static void
begin_again(struct world *world)
{
	engine_begin_reads(world->engine);
}

static void
whatever_writes_asserts_that_reads_are_ended(void **state)
{
	struct world *world = world_open(memory_open());

	(void)state;
	must_assert(run_command, world);
	must_assert(sweep, world);
	must_assert(begin_again, world);
	world_close(world);
}

static void
reads_allocate_nothing(void **state)
{
	struct shop shop = make_shop(*state);
	size_t before = allocations;
	FILE *stream;

	/* What a library takes by itself is counted. */
	stream = fopen("/dev/null", "r");
	assert_non_null(stream);
	assert_true(allocations > before);
	assert_int_equal(fclose(stream), 0);
	for (int i = 0; i < 1000; i++) {
		/* The first of them makes what is kept from then on. */
		if (i == 1)
			before = allocations;
		engine_begin_reads(shop.world->engine);
		must_recognise(&shop);
		must_get(&shop);
		must_list(&shop, 1);
		engine_end_reads(shop.world->engine);
	}
	assert_int_equal(allocations, before);
}

int
main(void)
{
	struct CMUnitTest both[] = {
	    cmocka_unit_test(a_read_by_id_costs_one_begin),
	    cmocka_unit_test(a_list_costs_one_begin),
	    cmocka_unit_test(without_a_scope_each_read_has_its_own),
	    cmocka_unit_test(an_end_without_a_read_or_a_begin_does_nothing),
	    cmocka_unit_test(
		what_is_written_meanwhile_is_not_seen_before_the_end),
	    cmocka_unit_test(after_a_read_that_failed_the_next_begins_anew),
	    cmocka_unit_test(a_begin_that_failed_leaves_nothing_open),
	    cmocka_unit_test(reads_allocate_nothing),
	};
	const struct CMUnitTest others[] = {
	    cmocka_unit_test(whatever_writes_asserts_that_reads_are_ended),
	};

	return world_run_on_both(
		   "reads", both, sizeof(both) / sizeof(both[0])) +
	       cmocka_run_group_tests(others, NULL, NULL);
}
