#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/codec.h"
#include "core/outcome.h"

void
row_put(
    struct store *store, enum table table, struct text key, struct text value)
{
	struct transaction *write;

	assert_int_equal(store_begin(store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(store_put(write, table, key, value), STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
}

void
row_delete(struct store *store, enum table table, struct text key)
{
	struct transaction *write;

	assert_int_equal(store_begin(store, STORE_WRITE, &write), STORE_OK);
	assert_int_equal(store_delete(write, table, key), STORE_OK);
	assert_int_equal(store_commit(write), STORE_OK);
}

bool
row_find(
    struct store *store, enum table table, struct text key, struct text *value)
{
	static char bytes[OUTCOME_BYTES_MAX];
	struct transaction *read;
	enum store_result result;
	struct text found;

	assert_int_equal(store_begin(store, STORE_READ, &read), STORE_OK);
	result = store_get(read, table, key, &found);
	assert_true(result == STORE_OK || result == STORE_MISSING);
	if (result == STORE_OK) {
		assert_true(found.length <= sizeof(bytes));
		memcpy(bytes, found.bytes, found.length);
		*value = (struct text){bytes, found.length};
	}
	store_abort(read);
	return result == STORE_OK;
}

void
row_put_record(struct store *store, enum table table, struct text key,
    enum kind kind, const void *record)
{
	static char bytes[OUTCOME_BYTES_MAX];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	codec_encode(kind, record, &buffer);
	assert_false(buffer.overflow);
	row_put(store, table, key, buffer_text(&buffer));
}

bool
row_find_record(struct store *store, enum table table, struct text key,
    enum kind kind, void *record)
{
	struct text value;

	if (!row_find(store, table, key, &value))
		return false;
	assert_int_equal(codec_decode(kind, value, record), CODEC_OK);
	return true;
}
