#include <assert.h>
#include <stddef.h>

#include "engine/processor.h"

struct sandbox_method {
	struct text name;
	struct verdict verdict;
};

static const struct sandbox_method methods[] = {
#define PAYMENT_METHOD(name, answer, decline) \
	{{name, sizeof(name) - 1}, {ANSWER_##answer, DECLINE_##decline}},
#include "engine/sandbox.def"
#undef PAYMENT_METHOD
};

static const struct verdict approved = {ANSWER_APPROVED, DECLINE_NONE};
static const struct verdict unreachable = {ANSWER_UNREACHABLE, DECLINE_NONE};

static const struct sandbox_method *
method_find(struct text name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (text_equal(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static bool
sandbox_knows(struct text payment_method)
{
	return method_find(payment_method) != NULL;
}

static struct verdict
sandbox_initialize(struct text payment_method)
{
	const struct sandbox_method *method = method_find(payment_method);

	if (method != NULL && method->verdict.answer == ANSWER_UNREACHABLE)
		return unreachable;
	return approved;
}

static struct verdict
sandbox_confirm(const struct intent *intent, struct text payment_method)
{
	const struct sandbox_method *method = method_find(payment_method);

	assert(intent->initialized);
	return method == NULL ? unreachable : method->verdict;
}

static struct verdict
sandbox_capture(const struct intent *intent, struct money amount)
{
	assert(money_is_positive(amount));
	assert(money_compare(amount, intent->amount_capturable) <= 0);
	return approved;
}

static struct verdict
sandbox_release(const struct intent *intent)
{
	assert(intent != NULL);
	return approved;
}

static struct verdict
sandbox_refund(const struct intent *intent, struct money amount)
{
	assert(money_is_positive(amount));
	assert(money_compare(amount, intent->amount_received) <= 0);
	return approved;
}

const struct processor processor_sandbox = {
    .name = "sandbox",
    .knows = sandbox_knows,
    .initialize = sandbox_initialize,
    .confirm = sandbox_confirm,
    .capture = sandbox_capture,
    .release = sandbox_release,
    .refund = sandbox_refund,
};

static bool
none_knows(struct text payment_method)
{
	(void)payment_method;
	return true;
}

static struct verdict
none_initialize(struct text payment_method)
{
	(void)payment_method;
	return unreachable;
}

static struct verdict
none_confirm(const struct intent *intent, struct text payment_method)
{
	(void)intent;
	(void)payment_method;
	return unreachable;
}

static struct verdict
none_amount(const struct intent *intent, struct money amount)
{
	(void)intent;
	(void)amount;
	return unreachable;
}

static struct verdict
none_release(const struct intent *intent)
{
	(void)intent;
	return unreachable;
}

const struct processor processor_none = {
    .name = "none",
    .knows = none_knows,
    .initialize = none_initialize,
    .confirm = none_confirm,
    .capture = none_amount,
    .release = none_release,
    .refund = none_amount,
};
