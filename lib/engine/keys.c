/*
 * API keys: made, revoked, rolled.  The store holds the digest alone; the
 * key's text leaves in outcome->secret, once, and is in no record.
 */
#include <assert.h>

#include "core/api_key.h"
#include "engine/work.h"

/* What became of a key, and the one that was made in its place. */
static enum store_result
audit_key(struct work *work, const struct api_key *key, struct id made)
{
	const struct change change = {
	    .merchant = key->merchant,
	    .kind = KIND_API_KEY,
	    .object = key->id,
	    .made_kind = KIND_API_KEY,
	    .made = made,
	    .detail = name_text(&key_type_names, key->type),
	};

	return work_audit(work, &change);
}

/* Makes the key's text and writes its record and its indexes. */
static enum store_result
save_new(struct work *work, struct api_key *key)
{
	const struct command *command = work->command;
	struct outcome *outcome = work->outcome;
	struct store_key place =
	    key_of_object(key->account, key->mode, key->id);
	struct store_key member = key_of_list_row(key->account, key->mode,
	    LIST_API_KEYS_OF_MERCHANT, key->merchant, key->id);
	struct store_key index;
	enum store_result result;

	api_key_make((enum key_type)key->type, (enum mode)key->mode,
	    command->entropy, sizeof(command->entropy), outcome->secret);
	key->digest = digest_text(text_of(outcome->secret));
	key->prefix = (struct text){outcome->secret, API_KEY_PREFIX_BYTES};
	index = key_of_api_key(&key->digest);
	work->decided = true;
	result = work_save_key(
	    work, TABLE_API_KEYS, KIND_API_KEY, key_text(&place), key);
	if (result == STORE_OK)
		result = store_put(work->transaction, TABLE_KEY_DIGESTS,
		    key_text(&index), key_text(&place));
	if (result == STORE_OK && key->merchant_bound)
		result = store_put(work->transaction, TABLE_LISTS,
		    key_text(&member), TEXT(""));
	if (result == STORE_OK)
		outcome_put(outcome, KIND_API_KEY, key);
	return result;
}

/* Whether what ends at `end`, or never, is there when the caller is not. */
static bool
outlives_caller(const struct command *command, struct instant end)
{
	return instant_is_set(command->caller_expires) &&
	       (!instant_is_set(end) ||
		   instant_before(command->caller_expires, end));
}

/*
 * A key gives no more than it has: a restricted one makes restricted ones
 * with some of its permissions, a bound one makes bound ones, and one that
 * ends makes ones that end no later.
 */
static bool
may_give(struct work *work)
{
	const struct command *command = work->command;
	uint32_t wanted = permissions_close(command->permissions);
	struct error *error = &work->outcome->error;

	if (instant_is_set(command->expires) &&
	    outlives_caller(command, command->expires))
		return refuse_about(error, ERROR_INSUFFICIENT_PERMISSIONS,
		    TEXT_NONE, TEXT_NONE,
		    TEXT("it cannot make a key that ends after itself"));
	if (command->caller_permissions == 0)
		return true;
	if (command->key_type != KEY_TYPE_RESTRICTED)
		return refuse_about(error, ERROR_INSUFFICIENT_PERMISSIONS,
		    TEXT_NONE, TEXT_NONE,
		    TEXT("a restricted key makes restricted keys alone"));
	if ((wanted & ~command->caller_permissions) != 0)
		return refuse_about(error, ERROR_INSUFFICIENT_PERMISSIONS,
		    TEXT_NONE, TEXT_NONE,
		    TEXT("it cannot give permissions that it lacks"));
	return true;
}

enum store_result
key_create(struct work *work)
{
	const struct command *command = work->command;
	struct api_key key = {
	    .id = command->fresh,
	    .account = command->scope.account,
	    .mode = command->key_mode,
	    .type = command->key_type,
	    .name = command_text(command, command->name),
	    .permissions = command->permissions,
	    .merchant = command->scope.merchant,
	    .merchant_bound = command->scope.merchant_bound,
	    .created = command->now,
	    .expires = instant_is_set(command->expires)
			   ? command->expires
			   : command->caller_expires,
	};
	enum store_result result;

	assert(command->key_mode == command->scope.mode);
	if (!may_give(work))
		return STORE_OK;
	result = save_new(work, &key);
	return result == STORE_OK ? audit_key(work, &key, ID_NONE) : result;
}

static enum store_result
load(struct work *work, struct api_key *key, bool *found)
{
	return work_named(work, TABLE_API_KEYS, KIND_API_KEY,
	    &work->command->target, ERROR_API_KEY_MISSING, TEXT("id"), key,
	    found);
}

static enum store_result
save(struct work *work, const struct api_key *key)
{
	return work_save(work, TABLE_API_KEYS, KIND_API_KEY, key->id, key);
}

/*
 * A restricted key ends or replaces no key that may do more than itself.
 */
static bool
may_touch(struct work *work, const struct api_key *key)
{
	uint32_t own = work->command->caller_permissions;

	if (own == 0 || (key->type == KEY_TYPE_RESTRICTED &&
			    (permissions_close(key->permissions) & ~own) == 0))
		return true;
	return refuse_about(&work->outcome->error,
	    ERROR_INSUFFICIENT_PERMISSIONS, TEXT_NONE, TEXT_NONE,
	    TEXT("the other key may do more than this one"));
}

/* Revoking a revoked key changes nothing. */
enum store_result
key_revoke(struct work *work)
{
	enum store_result result;
	struct api_key key;
	bool found;

	result = load(work, &key, &found);
	if (result != STORE_OK || !found || !may_touch(work, &key))
		return result;
	work->decided = true;
	if (!instant_is_set(key.revoked)) {
		key.revoked = work->command->now;
		result = save(work, &key);
		if (result == STORE_OK)
			result = audit_key(work, &key, ID_NONE);
	}
	if (result == STORE_OK)
		outcome_put(work->outcome, KIND_API_KEY, &key);
	return result;
}

/* A new key in place of an old one, which goes on for `grace`. */
enum store_result
key_roll(struct work *work)
{
	const struct command *command = work->command;
	struct instant end = instant_plus(command->now, command->grace);
	enum store_result result;
	struct api_key old;
	struct api_key key;
	bool found;

	result = load(work, &old, &found);
	if (result != STORE_OK || !found)
		return result;
	if (instant_is_set(old.revoked) ||
	    (instant_is_set(old.expires) &&
		!instant_before(command->now, old.expires))) {
		refuse_about(&work->outcome->error, ERROR_PARAMETER_INVALID,
		    TEXT("id"), TEXT_NONE,
		    TEXT("the key is revoked or has expired"));
		return STORE_OK;
	}
	if (!may_touch(work, &old))
		return STORE_OK;
	if (outlives_caller(command, old.expires)) {
		refuse_about(&work->outcome->error,
		    ERROR_INSUFFICIENT_PERMISSIONS, TEXT_NONE, TEXT_NONE,
		    TEXT("the other key ends after this one"));
		return STORE_OK;
	}
	key = old;
	key.id = command->fresh;
	key.created = command->now;
	key.last_used = INSTANT_NEVER;
	if (command->grace.us == 0)
		old.revoked = command->now;
	else if (!instant_is_set(old.expires) ||
		 instant_before(end, old.expires))
		old.expires = end;
	result = save(work, &old);
	if (result == STORE_OK)
		result = save_new(work, &key);
	return result == STORE_OK ? audit_key(work, &old, key.id) : result;
}

/* Remembers the minute in which a key was used. */
enum store_result
key_touch(struct work *work)
{
	enum store_result result;
	struct api_key key;
	bool found;

	result = load(work, &key, &found);
	if (result != STORE_OK || !found)
		return result;
	key.last_used =
	    instant_from_seconds(instant_seconds(work->command->now) / 60 * 60);
	return save(work, &key);
}
