#include "store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct store_files files;

int
files_setup(void **state)
{
	temporary_make(&files.temporary);
	files.options = (struct lmdb_options){
	    .path = files.temporary.path,
	    .map_bytes = MAP_BYTES,
	    .map_bytes_max = MAP_BYTES,
	    .readers = 8,
	    .create = true,
	};
	files.store = NULL;
	*state = NULL;
	return 0;
}

int
files_setup_store(void **state)
{
	(void)files_setup(state);
	files_must_open();
	*state = files.store;
	return 0;
}

int
files_teardown(void **state)
{
	(void)state;
	if (files.store != NULL)
		files_close();
	temporary_remove(&files.temporary);
	return 0;
}

enum store_result
files_open(const char **reason)
{
	return lmdb_open(&files.options, &files.store, reason);
}

void
files_must_open(void)
{
	const char *reason;

	assert_int_equal(files_open(&reason), STORE_OK);
	assert_string_equal(reason, "");
}

void
files_close(void)
{
	store_close(files.store);
	files.store = NULL;
}

void
files_must_reopen(void)
{
	files_close();
	files_must_open();
}

struct store *
files_open_in_child(void)
{
	const char *reason;
	struct store *store;

	CHILD_MUST(lmdb_open(&files.options, &store, &reason) == STORE_OK);
	return store;
}

void
files_read_and_pause(struct child *self, void *context)
{
	struct store *store = files_open_in_child();
	struct transaction *read;

	(void)context;
	CHILD_MUST(store_begin(store, STORE_READ, &read) == STORE_OK);
	child_pause(self);
	store_abort(read);
	store_close(store);
}

enum store_result
files_put_rows(struct transaction *write, int limit, int *count)
{
	enum store_result result = STORE_OK;
	char value[KIB];
	char key[16];

	memset(value, 'v', sizeof(value));
	for (*count = 0; *count < limit; (*count)++) {
		(void)snprintf(key, sizeof(key), "%08d", *count);
		result = store_put(write, TABLE_EVENTS, text_of(key),
		    (struct text){value, sizeof(value)});
		if (result != STORE_OK)
			break;
	}
	return result;
}
