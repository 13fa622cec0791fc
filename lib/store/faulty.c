#include "store/faulty.h"

#include <assert.h>
#include <stdlib.h>

enum { RULES_MAX = 16 };

enum operation {
	OPERATION_BEGIN,
	OPERATION_GET,
	OPERATION_PUT,
	OPERATION_DELETE,
	OPERATION_SCAN,
	OPERATION_COMMIT,
	OPERATION_GROW,
	OPERATION_COUNT
};

#define MAY(result) (1u << STORE_##result)

/* What a plan may say of an operation: the results are those of store.h. */
static const struct {
	const char *name;
	bool has_table;
	unsigned results;
} kinds[] = {
    [OPERATION_BEGIN] = {"begin", false,
	MAY(FULL) | MAY(UNAVAILABLE) | MAY(DAMAGED)},
    [OPERATION_GET] = {"get", true,
	MAY(MISSING) | MAY(UNAVAILABLE) | MAY(DAMAGED)},
    [OPERATION_PUT] = {"put", true,
	MAY(FULL) | MAY(CONFLICT) | MAY(UNAVAILABLE) | MAY(DAMAGED)},
    [OPERATION_DELETE] = {"delete", true,
	MAY(MISSING) | MAY(FULL) | MAY(CONFLICT) | MAY(UNAVAILABLE) |
	    MAY(DAMAGED)},
    [OPERATION_SCAN] = {"scan", true, MAY(UNAVAILABLE) | MAY(DAMAGED)},
    [OPERATION_COMMIT] = {"commit", false,
	MAY(CONFLICT) | MAY(FULL) | MAY(UNAVAILABLE) | MAY(UNKNOWN) |
	    MAY(DAMAGED)},
    [OPERATION_GROW] = {"grow", false,
	MAY(FULL) | MAY(UNAVAILABLE) | MAY(DAMAGED)},
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == OPERATION_COUNT,
    "every operation has a row");

struct rule {
	enum operation operation;
	enum table table; /* TABLE_COUNT: any */
	enum store_result result;
	int64_t call;  /* the one that fails; 0: every */
	int64_t calls; /* seen until now */
};

struct faulty_transaction {
	struct transaction base;
	struct transaction *inner;
	bool failed; /* as store.h says of put: can only be aborted */
};

struct faulty {
	struct store base;
	struct store *inner; /* owned */
	struct rule rules[RULES_MAX];
	size_t rule_count;
	struct faulty_transaction read;
	struct faulty_transaction write;
};

static bool
read_operation(struct text name, enum operation *operation)
{
	for (int i = 0; i < OPERATION_COUNT; i++) {
		if (text_equal(name, text_of(kinds[i].name))) {
			*operation = (enum operation)i;
			return true;
		}
	}
	return false;
}

static bool
read_table(struct text name, enum table *table)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (text_equal(name, text_of(table_name((enum table)i)))) {
			*table = (enum table)i;
			return true;
		}
	}
	return false;
}

static bool
read_result(struct text name, enum store_result *result)
{
	for (int i = 0; i <= STORE_DAMAGED; i++) {
		const char *known = store_result_name((enum store_result)i);

		if (text_equal(name, text_of(known))) {
			*result = (enum store_result)i;
			return true;
		}
	}
	return false;
}

/* `operation[:table]=result[@n]` */
static bool
read_rule(struct text text, struct rule *rule)
{
	struct text left;
	struct text right;
	struct text name;
	struct text rest;

	*rule = (struct rule){.table = TABLE_COUNT};
	if (!text_split(text, '=', &left, &right))
		return false;
	if (text_split(left, ':', &name, &rest) &&
	    !read_table(rest, &rule->table))
		return false;
	if (!read_operation(name, &rule->operation))
		return false;
	if (rule->table != TABLE_COUNT && !kinds[rule->operation].has_table)
		return false;
	if (text_split(right, '@', &name, &rest) &&
	    !text_to_integer(rest, 1, INT64_MAX, &rule->call))
		return false;
	if (!read_result(name, &rule->result))
		return false;
	return (kinds[rule->operation].results & (1u << rule->result)) != 0;
}

static bool
read_plan(struct faulty *faulty, struct text plan)
{
	bool more = plan.length > 0;

	while (more) {
		struct text rule;

		more = text_split(plan, ',', &rule, &plan);
		if (faulty->rule_count == RULES_MAX)
			return false;
		if (!read_rule(rule, &faulty->rules[faulty->rule_count]))
			return false;
		faulty->rule_count++;
	}
	return true;
}

static bool
rule_matches(
    const struct rule *rule, enum operation operation, enum table table)
{
	return rule->operation == operation &&
	       (rule->table == TABLE_COUNT || rule->table == table);
}

/*
 * The rule that fails this call, or NULL.  Every rule that matches counts it,
 * also behind the one that has the word.
 */
static const struct rule *
next_rule(struct faulty *faulty, enum operation operation, enum table table)
{
	const struct rule *first = NULL;

	for (size_t i = 0; i < faulty->rule_count; i++) {
		struct rule *rule = &faulty->rules[i];

		if (!rule_matches(rule, operation, table))
			continue;
		rule->calls++;
		if (first == NULL &&
		    (rule->call == 0 || rule->call == rule->calls))
			first = rule;
	}
	return first;
}

/* As next_rule, for what needs no more than its result. */
static enum store_result
next_result(struct faulty *faulty, enum operation operation, enum table table)
{
	const struct rule *rule = next_rule(faulty, operation, table);

	return rule == NULL ? STORE_OK : rule->result;
}

static struct faulty *
faulty_of(struct store *store)
{
	return (struct faulty *)store;
}

static struct faulty_transaction *
transaction_of(struct transaction *transaction)
{
	struct faulty_transaction *ours =
	    (struct faulty_transaction *)transaction;

	assert(ours->inner != NULL);
	return ours;
}

static enum store_result
faulty_begin(
    struct store *store, enum store_mode mode, struct transaction **transaction)
{
	struct faulty *faulty = faulty_of(store);
	struct faulty_transaction *ours =
	    mode == STORE_WRITE ? &faulty->write : &faulty->read;
	enum store_result result =
	    next_result(faulty, OPERATION_BEGIN, TABLE_COUNT);

	assert(ours->inner == NULL);
	if (result != STORE_OK)
		return result;
	*ours = (struct faulty_transaction){.base = {store, mode}};
	result = store_begin(faulty->inner, mode, &ours->inner);
	if (result == STORE_OK)
		*transaction = &ours->base;
	return result;
}

static enum store_result
faulty_get(struct transaction *transaction, enum table table, struct text key,
    struct text *value)
{
	struct faulty_transaction *ours = transaction_of(transaction);
	enum store_result result =
	    next_result(faulty_of(transaction->store), OPERATION_GET, table);

	if (result != STORE_OK)
		return result;
	return store_get(ours->inner, table, key, value);
}

static enum store_result
faulty_put(struct transaction *transaction, enum table table, struct text key,
    struct text value)
{
	struct faulty_transaction *ours = transaction_of(transaction);
	enum store_result result =
	    next_result(faulty_of(transaction->store), OPERATION_PUT, table);

	if (result == STORE_OK)
		result = store_put(ours->inner, table, key, value);
	ours->failed |= result != STORE_OK;
	return result;
}

static enum store_result
faulty_delete(
    struct transaction *transaction, enum table table, struct text key)
{
	struct faulty_transaction *ours = transaction_of(transaction);
	enum store_result result =
	    next_result(faulty_of(transaction->store), OPERATION_DELETE, table);

	if (result == STORE_OK)
		result = store_delete(ours->inner, table, key);
	ours->failed |= result != STORE_OK && result != STORE_MISSING;
	return result;
}

static enum store_result
faulty_scan(struct transaction *transaction, enum table table,
    const struct store_range *range, store_visit *visit, void *context)
{
	struct faulty_transaction *ours = transaction_of(transaction);
	enum store_result result =
	    next_result(faulty_of(transaction->store), OPERATION_SCAN, table);

	if (result != STORE_OK)
		return result;
	return store_scan(ours->inner, table, range, visit, context);
}

static void
faulty_abort(struct transaction *transaction)
{
	struct faulty_transaction *ours = transaction_of(transaction);

	store_abort(ours->inner);
	ours->inner = NULL;
}

static enum store_result
faulty_commit(struct transaction *transaction)
{
	struct faulty_transaction *ours = transaction_of(transaction);
	struct transaction *inner = ours->inner;
	const struct rule *rule = NULL;
	enum store_result result;

	assert(!ours->failed);
	if (transaction->mode == STORE_WRITE)
		rule = next_rule(faulty_of(transaction->store),
		    OPERATION_COMMIT, TABLE_COUNT);
	ours->inner = NULL;
	if (rule == NULL)
		return store_commit(inner);
	if (rule->result != STORE_UNKNOWN || rule->calls % 2 != 0) {
		store_abort(inner);
		return rule->result;
	}
	result = store_commit(inner);
	return result == STORE_OK ? rule->result : result;
}

static enum store_result
faulty_grow(struct store *store)
{
	struct faulty *faulty = faulty_of(store);
	enum store_result result =
	    next_result(faulty, OPERATION_GROW, TABLE_COUNT);

	assert(faulty->read.inner == NULL);
	assert(faulty->write.inner == NULL);
	return result == STORE_OK ? store_grow(faulty->inner) : result;
}

/* Neither is planned to fail: no request asks for them. */
static enum store_result
faulty_count(struct transaction *transaction, enum table table, uint64_t *count)
{
	return store_count(transaction_of(transaction)->inner, table, count);
}

static enum store_result
faulty_stats(struct store *store, struct store_stats *stats)
{
	return store_stats(faulty_of(store)->inner, stats);
}

static bool
faulty_is_lost(const struct store *store)
{
	return store_is_lost(((const struct faulty *)store)->inner);
}

static void
faulty_close(struct store *store)
{
	struct faulty *faulty = faulty_of(store);

	assert(faulty->read.inner == NULL);
	assert(faulty->write.inner == NULL);
	store_close(faulty->inner);
	free(faulty);
}

static const struct store_operations faulty_operations = {
    .close = faulty_close,
    .begin = faulty_begin,
    .get = faulty_get,
    .put = faulty_put,
    .delete = faulty_delete,
    .scan = faulty_scan,
    .commit = faulty_commit,
    .abort = faulty_abort,
    .grow = faulty_grow,
    .count = faulty_count,
    .stats = faulty_stats,
    .is_lost = faulty_is_lost,
};

struct store *
faulty_open(struct store *inner, const char *plan)
{
	struct faulty *faulty = calloc(1, sizeof(*faulty));

	assert(inner != NULL && plan != NULL);
	assert(faulty != NULL);
	faulty->base.operations = &faulty_operations;
	if (!read_plan(faulty, text_of(plan))) {
		free(faulty);
		return NULL;
	}
	faulty->inner = inner;
	return &faulty->base;
}
