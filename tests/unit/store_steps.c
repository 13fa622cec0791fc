#include "store_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"

struct transaction *
must_begin(struct store *store, enum store_mode mode)
{
	struct transaction *transaction;

	assert_int_equal(store_begin(store, mode, &transaction), STORE_OK);
	return transaction;
}

void
must_put(struct transaction *transaction, enum table table, const char *key,
    const char *value)
{
	assert_int_equal(
	    store_put(transaction, table, text_of(key), text_of(value)),
	    STORE_OK);
}

void
must_delete(struct transaction *transaction, enum table table, const char *key)
{
	assert_int_equal(
	    store_delete(transaction, table, text_of(key)), STORE_OK);
}

void
must_commit(struct transaction *transaction)
{
	assert_int_equal(store_commit(transaction), STORE_OK);
}

void
must_store(
    struct store *store, enum table table, const char *key, const char *value)
{
	struct transaction *transaction = must_begin(store, STORE_WRITE);

	must_put(transaction, table, key, value);
	must_commit(transaction);
}

void
must_find(struct transaction *transaction, enum table table, const char *key,
    const char *value)
{
	struct text found;
	enum store_result result =
	    store_get(transaction, table, text_of(key), &found);

	if (value == NULL) {
		assert_int_equal(result, STORE_MISSING);
		assert_null(found.bytes);
		return;
	}
	assert_int_equal(result, STORE_OK);
	assert_true(text_equal(found, text_of(value)));
}

void
must_hold(
    struct store *store, enum table table, const char *key, const char *value)
{
	struct transaction *transaction = must_begin(store, STORE_READ);

	must_find(transaction, table, key, value);
	store_abort(transaction);
}

/* Bytes that are not printable ASCII as "<ff>". */
static void
write_key(struct buffer *rows, struct text key)
{
	for (size_t i = 0; i < key.length; i++) {
		if (text_is_printable_ascii((struct text){&key.bytes[i], 1}))
			buffer_put_byte(rows, (uint8_t)key.bytes[i]);
		else
			buffer_print(rows, "<%02x>", (uint8_t)key.bytes[i]);
	}
}

static bool
write_row(struct text key, struct text value, void *context)
{
	struct buffer *rows = context;

	write_key(rows, key);
	buffer_put_byte(rows, '=');
	buffer_put_text(rows, value);
	buffer_put_byte(rows, ' ');
	return true;
}

void
must_scan(struct transaction *transaction, enum table table,
    struct store_range range, const char *rows)
{
	char bytes[512] = "";
	struct buffer buffer;

	/* One byte less: the text ends in NUL, for a readable failure. */
	buffer_init(&buffer, bytes, sizeof(bytes) - 1);
	assert_int_equal(
	    store_scan(transaction, table, &range, write_row, &buffer),
	    STORE_OK);
	assert_false(buffer.overflow);
	assert_string_equal(bytes, rows);
}
