// The members of the card contract's objects, all of them and no others:
// what each one may be, and which ones may be null.
import assert from 'node:assert/strict';

const word = (value) => typeof value === 'string' && value.length > 0;
const seconds = (value) => Number.isInteger(value) && value > 1.7e9;
const money = (value) => Number.isInteger(value) && value >= 0;
const flag = (value) => typeof value === 'boolean';
const exactly = (...values) => (value) => values.includes(value);
const matches = (pattern) => (value) =>
	typeof value === 'string' && pattern.test(value);
const id = (prefix) => matches(new RegExp(`^${prefix}_[0-9a-z]{26}$`));
const orNull = (check) => (value) => value === null || check(value);
const metadata = (value) => value !== null && typeof value === 'object' &&
	Object.values(value).every((text) => typeof text === 'string');
const nested = (shape) => (value) => {
	assertMembers(value, shape);
	return true;
};

export const declineCodes = ['generic_decline', 'insufficient_funds',
	'lost_card', 'stolen_card', 'expired_card', 'incorrect_cvc',
	'processing_error', 'do_not_honor'];

export const statuses = ['requires_payment_method', 'requires_confirmation',
	'processing', 'requires_action', 'requires_capture', 'succeeded',
	'canceled'];

const progress = exactly('succeeded', 'pending', 'failed');

const charge = {
	id: id('ch'),
	object: exactly('charge'),
	amount: money,
	amount_captured: money,
	amount_refunded: money,
	captured: flag,
	created: seconds,
	currency: matches(/^[a-z]{3}$/),
	customer: orNull(id('cus')),
	failure_code: orNull(exactly(...declineCodes)),
	failure_message: orNull(word),
	livemode: flag,
	metadata,
	paid: flag,
	payment_intent: id('pi'),
	payment_method: matches(/^pm_\w+$/),
	refunded: flag,
	status: progress,
};

const refund = {
	id: id('ref'),
	object: exactly('refund'),
	amount: money,
	charge: id('ch'),
	created: seconds,
	currency: matches(/^[a-z]{3}$/),
	livemode: flag,
	metadata,
	payment_intent: id('pi'),
	reason: orNull(word),
	status: progress,
};

const customer = {
	id: id('cus'),
	object: exactly('customer'),
	created: seconds,
	description: orNull(word),
	email: orNull(word),
	livemode: flag,
	merchant_id: id('mer'),
	metadata,
	name: orNull(word),
	phone: orNull(word),
};

const lastPaymentError = {
	type: exactly('payment_error'),
	code: exactly('card_declined'),
	decline_code: exactly(...declineCodes),
	message: exactly('Your card was declined.'),
};

const nextAction = {
	type: exactly('redirect_to_url'),
	redirect_to_url: nested({
		url: matches(/\/sandbox\/authenticate\/pi_[0-9a-z]{26}$/),
		return_url: orNull(word),
	}),
};

const chargesOfIntent = {
	object: exactly('list'),
	data: (value) => value.length <= 10 && value.every(nested(charge)),
	has_more: flag,
	url: matches(/^\/v1\/charges\?payment_intent=pi_[0-9a-z]{26}$/),
};

const intent = {
	id: id('pi'),
	object: exactly('payment_intent'),
	amount: money,
	amount_capturable: money,
	amount_received: money,
	canceled_at: orNull(seconds),
	cancellation_reason: orNull(exactly('abandoned', 'duplicate',
		'fraudulent', 'requested_by_customer')),
	capture_method: exactly('automatic', 'manual'),
	charges: nested(chargesOfIntent),
	client_secret: matches(/^pi_[0-9a-z]{26}_secret_[0-9A-Za-z]{16,}$/),
	confirmation_method: exactly('automatic', 'manual'),
	created: seconds,
	currency: matches(/^[a-z]{3}$/),
	customer: orNull((value) => typeof value === 'string'
		? id('cus')(value) : nested(customer)(value)),
	description: orNull(word),
	last_payment_error: orNull(nested(lastPaymentError)),
	latest_charge: orNull(id('ch')),
	livemode: flag,
	merchant_id: id('mer'),
	metadata,
	next_action: orNull(nested(nextAction)),
	payment_method: orNull(matches(/^pm_\w+$/)),
	status: exactly(...statuses),
};

const webhookEndpoint = {
	id: id('we'),
	object: exactly('webhook_endpoint'),
	created: seconds,
	description: orNull(word),
	disabled_at: orNull(seconds),
	disabled_reason: orNull(exactly('by_request', 'by_failures')),
	enabled_events: (value) => value.length > 0 && value.every(word),
	livemode: flag,
	merchant_id: id('mer'),
	secret: orNull(matches(/^whsec_[0-9A-Za-z]{32}$/)),
	status: exactly('enabled', 'disabled'),
	url: matches(/^https?:\/\//),
};

const event = {
	id: id('evt'),
	object: exactly('event'),
	type: matches(/^[a-z_]+\.[a-z_]+$/),
	created: seconds,
	livemode: flag,
	api_version: exactly('2026-04-01'),
	data: (value) => Object.keys(value).join() === 'object' &&
		word(value.object.id),
};

const shapes = { payment_intent: intent, charge, refund, customer,
	webhook_endpoint: webhookEndpoint, event };

function assertMembers(object, shape) {
	assert.deepEqual(Object.keys(object).sort(), Object.keys(shape).sort());
	for (const [name, check] of Object.entries(shape))
		assert.ok(check(object[name]),
			`${name}: ${JSON.stringify(object[name])}`);
}

// What the members of an intent say of one another.
function assertIntentFits(found) {
	const latest = found.charges.data[0]?.id ?? null;

	assert.equal(found.latest_charge, latest);
	assert.equal(found.canceled_at !== null, found.status === 'canceled');
	assert.equal(found.next_action !== null,
		found.status === 'requires_action');
	assert.equal(found.amount_capturable > 0,
		found.status === 'requires_capture');
	assert.equal(found.amount_received > 0, found.status === 'succeeded');
	assert.ok(found.client_secret.startsWith(`${found.id}_secret_`));
	for (const each of found.charges.data)
		assertChargeFits(each);
}

function assertChargeFits(found) {
	assert.equal(found.captured, found.amount_captured > 0);
	assert.equal(found.paid, found.status === 'succeeded');
	assert.equal(found.refunded, found.captured &&
		found.amount_refunded === found.amount_captured);
	assert.ok(found.amount_captured <= found.amount);
	assert.ok(found.amount_refunded <= found.amount_captured);
	assert.equal(found.failure_code === null, found.failure_message === null);
}

// The object is what the contract says an object of its type is; returns it.
export function assertShape(object, type) {
	assert.equal(object.object, type);
	assertMembers(object, shapes[type]);
	if (type === 'payment_intent')
		assertIntentFits(object);
	if (type === 'charge')
		assertChargeFits(object);
	return object;
}
