#include "app/ctl_find.h"

#include <assert.h>
#include <stdlib.h>

#include "core/codec.h"

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
