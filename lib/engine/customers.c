/*
 * Customers: whom a merchant's program takes payments from.
 */
#include "engine/work.h"

static enum store_result
save(struct work *work, const struct customer *customer, enum event_type type)
{
	struct outcome *outcome = work->outcome;
	const struct change change = {
	    .merchant = customer->merchant,
	    .kind = KIND_CUSTOMER,
	    .object = customer->id,
	};
	enum store_result result;

	work->decided = true;
	result = work_save(
	    work, TABLE_CUSTOMERS, KIND_CUSTOMER, customer->id, customer);
	if (result != STORE_OK)
		return result;
	outcome_put(outcome, KIND_CUSTOMER, customer);
	result = work_audit(work, &change);
	if (result != STORE_OK)
		return result;
	return work_event(work, type, customer->merchant, outcome);
}

/* Lays what was given over the customer. */
static bool
apply(struct work *work, struct customer *customer)
{
	const struct command *command = work->command;

	if (command_has(command, GIVEN_EMAIL))
		customer->email = command_text(command, command->email);
	if (command_has(command, GIVEN_NAME))
		customer->name = command_text(command, command->name);
	if (command_has(command, GIVEN_PHONE))
		customer->phone = command_text(command, command->phone);
	if (command_has(command, GIVEN_DESCRIPTION))
		customer->description =
		    command_text(command, command->description);
	return metadata_apply(command, &work->engine->arena,
	    &customer->metadata, &work->outcome->error);
}

enum store_result
customer_create(struct work *work)
{
	const struct command *command = work->command;
	struct customer customer = {
	    .id = command->fresh,
	    .merchant = command->scope.merchant,
	    .created = command->now,
	};
	enum store_result result;

	if (!apply(work, &customer))
		return STORE_OK;
	result = save(work, &customer, EVENT_CUSTOMER_CREATED);
	if (result == STORE_OK)
		result = work_list(work, LIST_CUSTOMERS_OF_ACCOUNT,
		    command->scope.account, customer.id);
	if (result == STORE_OK)
		result = work_list(work, LIST_CUSTOMERS_OF_MERCHANT,
		    customer.merchant, customer.id);
	return result;
}

/* The customer that the path names, as long as it is not deleted. */
static enum store_result
load(struct work *work, struct customer *customer, bool *found)
{
	const struct named *target = &work->command->target;
	enum store_result result;

	result = work_named(work, TABLE_CUSTOMERS, KIND_CUSTOMER, target,
	    ERROR_CUSTOMER_MISSING, TEXT("id"), customer, found);
	if (result != STORE_OK || !*found || !instant_is_set(customer->deleted))
		return result;
	*found = false;
	refuse_about(&work->outcome->error, ERROR_CUSTOMER_MISSING, TEXT("id"),
	    command_text(work->command, target->text), TEXT_NONE);
	return STORE_OK;
}

enum store_result
customer_update(struct work *work)
{
	struct customer customer;
	enum store_result result;
	bool found;

	result = load(work, &customer, &found);
	if (result != STORE_OK || !found || !apply(work, &customer))
		return result;
	return save(work, &customer, EVENT_CUSTOMER_UPDATED);
}

/* The record stays, without what is known of the person. */
enum store_result
customer_delete(struct work *work)
{
	struct customer customer;
	enum store_result result;
	bool found;

	result = load(work, &customer, &found);
	if (result != STORE_OK || !found)
		return result;
	result = work_unlist(work, LIST_CUSTOMERS_OF_ACCOUNT,
	    work->command->scope.account, customer.id);
	if (result == STORE_OK)
		result = work_unlist(work, LIST_CUSTOMERS_OF_MERCHANT,
		    customer.merchant, customer.id);
	if (result != STORE_OK)
		return result;
	customer = (struct customer){
	    .id = customer.id,
	    .merchant = customer.merchant,
	    .created = customer.created,
	    .deleted = work->command->now,
	};
	return save(work, &customer, EVENT_CUSTOMER_DELETED);
}
