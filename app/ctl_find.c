#include "app/ctl_find.h"

#include <assert.h>
#include <stdlib.h>

#include "core/bundle.h"
#include "core/codec.h"
#include "engine/upkeep.h"

struct walk {
	enum kind kind;
	find_visit *visit;
	void *context;
	bool damaged;
};

static bool
walk_row(struct text key, struct text encoded, void *context)
{
	struct walk *walk = context;
	union record record;

	(void)key;
	walk->damaged = codec_decode(walk->kind, encoded, &record) != CODEC_OK;
	return !walk->damaged && walk->visit(&record, walk->context);
}

enum ctl_status
find_each(struct call *call, enum table table, enum kind kind,
    find_visit *visit, void *context)
{
	struct walk walk = {kind, visit, context, false};
	enum store_result result;

	result = engine_visit(call->engine, table, walk_row, &walk);
	if (result == STORE_OK && walk.damaged)
		result = STORE_DAMAGED;
	return result == STORE_OK ? CTL_OK : ctl_fail_store(result);
}

/* One account, looked for among all. */
struct account_search {
	struct id wanted; /* ID_NONE: the only one */
	struct id found;
	struct id default_merchant;
	unsigned count;
};

static bool
see_account(const union record *record, void *context)
{
	struct account_search *search = context;
	const struct account *account = &record->account;

	if (id_is_set(search->wanted) && !id_equal(search->wanted, account->id))
		return true;
	search->found = account->id;
	search->default_merchant = account->default_merchant;
	search->count++;
	return search->count < 2;
}

enum ctl_status
find_account(struct call *call, struct id *default_merchant)
{
	struct id *account = &call->command.scope.account;
	struct account_search search = {.wanted = *account};
	enum ctl_status status;

	status =
	    find_each(call, TABLE_ACCOUNTS, KIND_ACCOUNT, see_account, &search);
	if (status != CTL_OK)
		return status;
	if (search.count > 1)
		return ctl_misuse(
		    call->row, "--account is missing: the store has several");
	if (search.count == 0 && id_is_set(search.wanted))
		return ctl_fail("there is no such account");
	if (search.count == 0)
		return ctl_fail("there is no account yet; make one first: "
				"intentctl account create --name NAME");
	*account = search.found;
	*default_merchant = search.default_merchant;
	return CTL_OK;
}

struct merchant_search {
	struct id wanted;
	struct id account;
};

static bool
see_merchant(const union record *record, void *context)
{
	struct merchant_search *search = context;

	if (!id_equal(record->merchant.id, search->wanted))
		return true;
	search->account = record->merchant.account;
	return false;
}

enum ctl_status
find_merchant(struct call *call, struct id merchant, struct id *account)
{
	struct merchant_search search = {.wanted = merchant};
	enum ctl_status status;

	status = find_each(
	    call, TABLE_MERCHANTS, KIND_MERCHANT, see_merchant, &search);
	*account = search.account;
	return status;
}

/* The ids of all accounts; they are few. */
struct accounts {
	struct id *ids; /* owned */
	size_t count;
	size_t size;
};

static bool
gather_account(const union record *record, void *context)
{
	struct accounts *accounts = context;

	if (accounts->count == accounts->size) {
		accounts->size = 2 * accounts->size + 16;
		accounts->ids = realloc(
		    accounts->ids, accounts->size * sizeof(accounts->ids[0]));
		assert(accounts->ids != NULL);
	}
	accounts->ids[accounts->count++] = record->account.id;
	return true;
}

/* Nothing of this id there, which is no failure of the store. */
static bool
is_missing(enum error_id id)
{
	return id != ERROR_NONE && id != ERROR_SERVICE_UNAVAILABLE &&
	       id != ERROR_INTERNAL_ERROR;
}

/* Looks in one account, in both modes; goes on only where it is missing. */
static bool
is_missing_in(struct call *call, struct id account)
{
	struct scope *scope = &call->command.scope;

	scope->account = account;
	for (unsigned mode = MODE_TEST; mode < MODE_COUNT; mode++) {
		scope->mode = (uint8_t)mode;
		engine_get(call->engine, &call->command, &call->outcome);
		if (!is_missing(call->outcome.error.id))
			return false;
	}
	return true;
}

enum ctl_status
find_object(struct call *call, enum kind kind)
{
	struct accounts accounts = {0};
	enum ctl_status status;
	bool missing = true;

	call->command.kind = COMMAND_GET;
	call->command.object = kind;
	status = find_each(
	    call, TABLE_ACCOUNTS, KIND_ACCOUNT, gather_account, &accounts);
	for (size_t i = 0; missing && i < accounts.count; i++)
		missing = is_missing_in(call, accounts.ids[i]);
	free(accounts.ids);
	if (status != CTL_OK)
		return status;
	if (accounts.count == 0)
		return ctl_fail("there is no account yet");
	if (call->outcome.error.id != ERROR_NONE)
		return ctl_refuse(&call->outcome.error);
	return CTL_OK;
}

/* The first row of a range. */
struct first_row {
	struct store_key key;
	bool found;
	struct outcome *copy; /* of the record, unless it is NULL; borrowed */
};

static bool
take_first(struct text key, struct text encoded, void *context)
{
	struct first_row *row = context;

	row->key = key_copy(key);
	row->found = true;
	if (row->copy != NULL)
		outcome_put_encoded(row->copy, encoded);
	return false;
}

static enum store_result
find_first(struct call *call, enum table table, struct text from,
    struct text end, struct first_row *row)
{
	const struct store_range range = {from, end, false};

	row->found = false;
	return engine_visit_range(call->engine, table, &range, take_first, row);
}

/* The account and mode of the first row from `next` on. */
static enum store_result
next_place(struct call *call, enum table table, const struct store_key *next,
    struct place *place, bool *more)
{
	struct first_row row = {.copy = NULL};
	enum store_result result;

	result = find_first(call, table, key_text(next), TEXT_NONE, &row);
	*more = row.found;
	if (result != STORE_OK || !row.found)
		return result;
	/* What all keys of objects, and of what belongs to one, begin with. */
	row.key.length = key_of_object(ID_NONE, 0, ID_NONE).length;
	return place_parse(key_text(&row.key), place) ? STORE_OK
						      : STORE_DAMAGED;
}

enum store_result
find_place(struct call *call, enum table table,
    struct store_key (*key_of)(struct id account, uint8_t mode, struct id id),
    struct outcome *copy, bool *found)
{
	struct first_row row = {.copy = copy};
	struct store_key next = {0}, prefix, end;
	enum store_result result;
	struct place place;
	bool more;

	*found = false;
	while (!*found) {
		result = next_place(call, table, &next, &place, &more);
		if (result != STORE_OK || !more)
			return result;
		prefix =
		    key_of(place.account, place.mode, call->command.target.id);
		end = key_end(&prefix);
		result = find_first(
		    call, table, key_text(&prefix), key_text(&end), &row);
		if (result != STORE_OK)
			return result;
		if (row.found && copy != NULL &&
		    !bundle_is_sound(outcome_objects(copy)))
			return STORE_DAMAGED;
		*found = row.found;
		prefix = key_of_objects(place.account, place.mode);
		next = key_end(&prefix);
	}
	call->command.scope.account = place.account;
	call->command.scope.mode = place.mode;
	return STORE_OK;
}
