/*
 * Reads stores of LMDB for a test: a path a line on standard input, and for
 * each a line out, with the number of the last transaction, a digest of all
 * tables (FNV-1a, 64 bits: nobody makes collisions on purpose here), and the
 * numbers of the first and last lines of the audit log, 0 where there is none;
 * or the word "damaged" and what LMDB says.
 */
#include <inttypes.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TABLES_MAX = 64, NAME_BYTES = 64, PATH_BYTES = 4096 };

static uint64_t
digest(uint64_t sum, const void *bytes, size_t length)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ from[i]) * UINT64_C(1099511628211);
	return sum;
}

static uint64_t
digest_value(uint64_t sum, const MDB_val *value)
{
	sum = digest(sum, &value->mv_size, sizeof(value->mv_size));
	return digest(sum, value->mv_data, value->mv_size);
}

static int
digest_table(MDB_txn *txn, const char *name, uint64_t *sum)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi table;
	int code = mdb_dbi_open(txn, name, 0, &table);

	if (code == MDB_SUCCESS)
		code = mdb_cursor_open(txn, table, &cursor);
	if (code != MDB_SUCCESS)
		return code;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) ==
	       MDB_SUCCESS) {
		*sum = digest_value(*sum, &key);
		/* The main one's values are the tables' roots: pages. */
		if (name != NULL)
			*sum = digest_value(*sum, &value);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static uint64_t
number_of(const MDB_val *key)
{
	const unsigned char *bytes = key->mv_data;
	uint64_t number = 0;

	for (size_t i = 0; i < key->mv_size; i++)
		number = number << 8 | bytes[i];
	return number;
}

static int
read_audit(MDB_txn *txn, uint64_t lines[2])
{
	static const MDB_cursor_op ends[] = {MDB_FIRST, MDB_LAST};
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi table;
	int code = mdb_dbi_open(txn, "audit", 0, &table);

	if (code == MDB_SUCCESS)
		code = mdb_cursor_open(txn, table, &cursor);
	if (code != MDB_SUCCESS)
		return code;
	for (int i = 0; i < 2; i++) {
		code = mdb_cursor_get(cursor, &key, &value, ends[i]);
		lines[i] = code == MDB_SUCCESS ? number_of(&key) : 0;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static int
list_tables(MDB_txn *txn, char names[][NAME_BYTES], int *count)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi table;
	int code = mdb_dbi_open(txn, NULL, 0, &table);

	*count = 0;
	if (code == MDB_SUCCESS)
		code = mdb_cursor_open(txn, table, &cursor);
	if (code != MDB_SUCCESS)
		return code;
	while (*count < TABLES_MAX && (code = mdb_cursor_get(cursor, &key,
					   &value, MDB_NEXT)) == MDB_SUCCESS)
		(void)snprintf(names[(*count)++], NAME_BYTES, "%.*s",
		    (int)key.mv_size, (const char *)key.mv_data);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static int
read_store(MDB_env *env, const char *path, size_t *last, uint64_t *sum,
    uint64_t lines[2])
{
	char names[TABLES_MAX][NAME_BYTES];
	int count = 0;
	MDB_txn *txn;
	int code = mdb_env_set_maxdbs(env, TABLES_MAX);

	if (code == MDB_SUCCESS)
		code = mdb_env_open(
		    env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
	if (code == MDB_SUCCESS)
		code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (code != MDB_SUCCESS)
		return code;
	*last = mdb_txn_id(txn);
	*sum = UINT64_C(14695981039346656037);
	code = digest_table(txn, NULL, sum);
	if (code == MDB_SUCCESS)
		code = list_tables(txn, names, &count);
	for (int i = 0; code == MDB_SUCCESS && i < count; i++)
		code = digest_table(txn, names[i], sum);
	if (code == MDB_SUCCESS)
		code = read_audit(txn, lines);
	mdb_txn_abort(txn);
	return code;
}

int
main(void)
{
	char path[PATH_BYTES];

	while (fgets(path, sizeof(path), stdin) != NULL) {
		uint64_t lines[2] = {0};
		uint64_t sum = 0;
		size_t last = 0;
		MDB_env *env;
		int code = mdb_env_create(&env);

		path[strcspn(path, "\n")] = '\0';
		if (code == MDB_SUCCESS) {
			code = read_store(env, path, &last, &sum, lines);
			mdb_env_close(env);
		}
		if (code == MDB_SUCCESS)
			printf("%zu %016" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
			    last, sum, lines[0], lines[1]);
		else
			printf("damaged %s\n", mdb_strerror(code));
		(void)fflush(stdout);
	}
	return 0;
}
