/*
 * LMDB against the memory store: the same random operations must have the
 * same results, and readers of both must see the same rows.
 *
 * STORE_SEED=number repeats a run; STORE_ROUNDS=number makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "store/lmdb.h"
#include "store/memory.h"
#include "temporary.h"

enum {
	SIDES = 2,
	ROUNDS = 150, /* write transactions */
	STEPS_MAX = 120,
	TABLES = 3,
	KEY_BYTES_MAX = 4,
	VALUE_BYTES_MAX = 9000, /* three pages */
	SCAN_BYTES_MAX = 4 * 1024 * 1024,
};

struct model {
	struct temporary temporary;
	uint64_t random;
	struct store *stores[SIDES];
	struct transaction *writes[SIDES];
	struct transaction *reads[SIDES]; /* NULL: none is open */
	struct buffer rows[SIDES];	  /* what a scan has seen */
	char value[VALUE_BYTES_MAX];
};

/* xorshift64*, after Vigna: enough for tests, and the same everywhere. */
static uint64_t
draw(struct model *model, uint64_t bound)
{
	model->random ^= model->random >> 12;
	model->random ^= model->random << 25;
	model->random ^= model->random >> 27;
	return (model->random * 0x2545f4914f6cdd1d >> 11) % bound;
}

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *value = getenv(variable);

	return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

/* Of few bytes, so that keys meet: the ends of the order, and its middle. */
static struct text
draw_key(struct model *model, char bytes[KEY_BYTES_MAX], size_t shortest)
{
	static const char alphabet[] = {'\0', '\1', 'a', 'b', '\xfe', '\xff'};
	size_t length = shortest + draw(model, KEY_BYTES_MAX - shortest + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = alphabet[draw(model, sizeof(alphabet))];
	return (struct text){bytes, length};
}

static struct text
draw_value(struct model *model)
{
	size_t bound = draw(model, 10) == 0 ? VALUE_BYTES_MAX : 40;
	size_t length = draw(model, bound);

	memset(model->value, (int)draw(model, 256), length);
	return (struct text){model->value, length};
}

static enum table
draw_table(struct model *model)
{
	return (enum table)draw(model, TABLES);
}

static void
step_put(struct model *model)
{
	enum table table = draw_table(model);
	char bytes[KEY_BYTES_MAX];
	struct text key = draw_key(model, bytes, 1);
	struct text value = draw_value(model);

	for (int i = 0; i < SIDES; i++)
		assert_int_equal(
		    store_put(model->writes[i], table, key, value), STORE_OK);
}

static void
step_delete(struct model *model)
{
	enum table table = draw_table(model);
	char bytes[KEY_BYTES_MAX];
	struct text key = draw_key(model, bytes, 1);
	enum store_result results[SIDES];

	for (int i = 0; i < SIDES; i++)
		results[i] = store_delete(model->writes[i], table, key);
	assert_int_equal(results[0], results[1]);
}

static void
compare_get(struct model *model, struct transaction *transactions[SIDES])
{
	enum table table = draw_table(model);
	char bytes[KEY_BYTES_MAX];
	struct text key = draw_key(model, bytes, 1);
	enum store_result results[SIDES];
	struct text values[SIDES];

	for (int i = 0; i < SIDES; i++)
		results[i] = store_get(transactions[i], table, key, &values[i]);
	assert_int_equal(results[0], results[1]);
	assert_true(text_equal(values[0], values[1]));
}

struct scan {
	struct buffer *rows;
	uint64_t left; /* rows until it is stopped */
};

static bool
gather(struct text key, struct text value, void *context)
{
	struct scan *scan = context;

	buffer_print(scan->rows, "%zu:%zu:", key.length, value.length);
	buffer_put_text(scan->rows, key);
	buffer_put_text(scan->rows, value);
	scan->left--;
	return scan->left > 0;
}

static void
compare_range(struct model *model, struct transaction *transactions[SIDES],
    enum table table, const struct store_range *range, uint64_t rows)
{
	for (int i = 0; i < SIDES; i++) {
		struct scan scan = {&model->rows[i], rows};

		buffer_reset(&model->rows[i]);
		assert_int_equal(
		    store_scan(transactions[i], table, range, gather, &scan),
		    STORE_OK);
		assert_false(model->rows[i].overflow);
	}
	assert_true(text_equal(
	    buffer_text(&model->rows[0]), buffer_text(&model->rows[1])));
}

static void
compare_scan(struct model *model, struct transaction *transactions[SIDES])
{
	char first[KEY_BYTES_MAX];
	char end[KEY_BYTES_MAX];
	struct store_range range = {
	    .first = draw_key(model, first, 0),
	    .end = draw_key(model, end, 0),
	    .descending = draw(model, 2) == 0,
	};

	compare_range(model, transactions, draw_table(model), &range,
	    1 + draw(model, 20));
}

static void
compare_everything(struct model *model, struct transaction *transactions[SIDES])
{
	struct store_range range = {TEXT_NONE, TEXT_NONE, false};

	for (int i = 0; i < TABLES; i++)
		compare_range(
		    model, transactions, (enum table)i, &range, UINT64_MAX);
}

static void
step(struct model *model)
{
	uint64_t kind = draw(model, 10);

	if (kind < 4)
		step_put(model);
	else if (kind < 6)
		step_delete(model);
	else if (kind < 8)
		compare_get(model, model->writes);
	else
		compare_scan(model, model->writes);
	if (model->reads[0] != NULL && kind == 9)
		compare_scan(model, model->reads);
}

static void
begin(struct model *model, enum store_mode mode,
    struct transaction *transactions[SIDES])
{
	for (int i = 0; i < SIDES; i++)
		assert_int_equal(
		    store_begin(model->stores[i], mode, &transactions[i]),
		    STORE_OK);
}

/* Readers stay open across several writers, or are begun anew. */
static void
turn_readers(struct model *model)
{
	if (model->reads[0] == NULL) {
		begin(model, STORE_READ, model->reads);
		return;
	}
	compare_everything(model, model->reads);
	if (draw(model, 3) != 0)
		return;
	for (int i = 0; i < SIDES; i++) {
		store_abort(model->reads[i]);
		model->reads[i] = NULL;
	}
}

static void
round_of_one_writer(struct model *model)
{
	uint64_t steps = draw(model, STEPS_MAX);
	bool keep = draw(model, 4) != 0;

	begin(model, STORE_WRITE, model->writes);
	for (uint64_t i = 0; i < steps; i++)
		step(model);
	for (int i = 0; i < SIDES; i++) {
		if (!keep)
			store_abort(model->writes[i]);
		else
			assert_int_equal(
			    store_commit(model->writes[i]), STORE_OK);
	}
	turn_readers(model);
}

static struct store *
open_lmdb(const char *path)
{
	const struct lmdb_options options = {
	    .path = path,
	    .map_bytes = 64 * 1024 * 1024,
	    .map_bytes_max = 64 * 1024 * 1024,
	    .readers = 4,
	    .create = true,
	};
	const char *reason;
	struct store *store;

	assert_int_equal(lmdb_open(&options, &store, &reason), STORE_OK);
	return store;
}

static void
lmdb_and_memory_agree(void **state)
{
	static struct model model;
	uint64_t rounds = number_of("STORE_ROUNDS", ROUNDS);

	(void)state;
	model.random = number_of("STORE_SEED", (uint64_t)time(NULL)) | 1;
	print_message("STORE_SEED=%llu\n", (unsigned long long)model.random);
	temporary_make(&model.temporary);
	model.stores[0] = open_lmdb(model.temporary.path);
	model.stores[1] = memory_open();
	for (int i = 0; i < SIDES; i++) {
		char *bytes = malloc(SCAN_BYTES_MAX);

		assert_non_null(bytes);
		buffer_init(&model.rows[i], bytes, SCAN_BYTES_MAX);
	}
	for (uint64_t i = 0; i < rounds; i++)
		round_of_one_writer(&model);
	begin(&model, STORE_WRITE, model.writes);
	compare_everything(&model, model.writes);
	for (int i = 0; i < SIDES; i++) {
		store_abort(model.writes[i]);
		if (model.reads[i] != NULL)
			store_abort(model.reads[i]);
		store_close(model.stores[i]);
		free(model.rows[i].bytes);
	}
	temporary_remove(&model.temporary);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lmdb_and_memory_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
