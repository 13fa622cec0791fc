/*
 * What a command runs out of that is not the store's room: the store stays
 * as long as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "engine/work.h"
#include "store_files.h"
#include "till.h"

static int
setup(void **state)
{
	(void)files_setup(state);
	files.options.map_bytes = 1 * MIB;
	files.options.map_bytes_max = 4 * MIB;
	files_must_open();
	*state = till_open(files.store);
	files.store = NULL;
	return 0;
}

/* Answered with 503, whoever asks, and however often. */
static void
must_be_unavailable(struct till *till, struct id merchant)
{
	struct stat status;

	for (int i = 0; i < 3; i++) {
		(void)till_make_create(till, merchant, 4500000);
		till_must(till, ERROR_SERVICE_UNAVAILABLE);
	}
	assert_int_equal(stat(files.temporary.path, &status), 0);
	assert_int_equal(status.st_size, 1 * MIB);
	assert_false(engine_is_lost(till->engine));
	assert_int_equal(till_rows(till, TABLE_COIN_INTENTS), 0);
}

static void
an_extended_key_without_more_children_grows_no_store(void **state)
{
	struct till *till = *state;
	struct id merchant =
	    till_merchant(till, &(struct merchant){
				    .status = MERCHANT_STATUS_ACTIVE,
				    .extended_key = TEXT(TILL_XPUB),
				    .next_child = UINT32_C(1) << 31,
				});

	must_be_unavailable(till, merchant);
}

/* From the first byte to the last that it needs: wherever it is full. */
static void
an_arena_that_is_full_grows_no_store(void **state)
{
	struct till *till = *state;
	struct arena *arena = &till->engine->arena;
	size_t size = arena->size;
	struct id merchant = till_merchant_extended(till);
	size_t needed = 0;

	(void)till_make_create(till, merchant, 4500000);
	for (arena->size = 0; arena->size < size; arena->size += 16) {
		engine_run(till->engine, &till->command, &till->outcome);
		if (till->outcome.error.id == ERROR_NONE)
			break;
		needed = arena->size + 16;
		must_be_unavailable(till, merchant);
		(void)till_make_create(till, merchant, 4500000);
	}
	assert_true(needed > 0 && needed < size);
	arena->size = size;
}

#define AT_TILL(name)                                        \
	{                                                    \
#name, name, setup, till_teardown_lmdb, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    AT_TILL(an_extended_key_without_more_children_grows_no_store),
	    AT_TILL(an_arena_that_is_full_grows_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
