// The members of the stable contract's objects, all of them and no others:
// what each one may be, and what they say of one another.
import assert from 'node:assert/strict';

const word = (value) => typeof value === 'string' && value.length > 0;
const flag = (value) => typeof value === 'boolean';
const whole = (value) => Number.isInteger(value) && value >= 0;
const money = (value) => typeof value === 'number' && value >= 0;
const exactly = (...values) => (value) => values.includes(value);
const matches = (pattern) => (value) =>
	typeof value === 'string' && pattern.test(value);
const time = matches(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const id = (prefix) => matches(new RegExp(`^${prefix}_[0-9a-z]{26}$`));
const address = matches(/^0x[0-9a-fA-F]{40}$/);
const hash = matches(/^0x[0-9a-f]{64}$/);
const orNull = (check) => (value) => value === null || check(value);
const metadata = (value) => value !== null && typeof value === 'object' &&
	Object.values(value).every((text) => typeof text === 'string');

export const statuses = ['awaiting_payment', 'confirmed', 'expired',
	'cancelled', 'settled'];
const chain = exactly('base', 'base-sepolia');

const payment = {
	merchant_id: id('mer'),
	amount: money,
	currency: exactly('usd'),
	net_amount: money,
	fee: money,
	fee_rate: money,
	payment_address: address,
	chain,
	token: exactly('USDC'),
	metadata,
};

const intent = {
	...payment,
	id: id('pi'),
	object: exactly('payment_intent'),
	status: exactly(...statuses),
	amount_received: money,
	qr_payload: matches(
		/^ethereum:0x[0-9a-fA-F]{40}@\d+\/transfer\?address=0x[0-9a-fA-F]{40}&uint256=\d+$/),
	qr_image_url: matches(/^http.*\/v1\/qr\/pi_[0-9a-z]{26}\.png$/),
	tx_hash: orNull(hash),
	sender_address: orNull(address),
	block_number: orNull(whole),
	confirmed_at: orNull(time),
	expires_at: time,
	expired_at: orNull(time),
	cancelled_at: orNull(time),
	settled_at: orNull(time),
	created_at: time,
};

const transaction = {
	...payment,
	id: id('txn'),
	object: exactly('transaction'),
	payment_intent_id: orNull(id('pi')),
	status: exactly('confirmed', 'settled', 'failed'),
	tx_hash: hash,
	log_index: whole,
	block_number: whole,
	sender_address: address,
	settlement_status: exactly('pending', 'completed', 'failed'),
	late: flag,
	confirmed_at: time,
};

const balance = {
	object: exactly('balance'),
	merchant_id: id('mer'),
	available: money,
	pending_settlement: money,
	currency: exactly('usd'),
	payment_address: orNull(address),
	chain,
	last_updated: orNull(time),
};

const merchant = {
	id: id('mer'),
	object: exactly('merchant'),
	business_name: word,
	email: orNull(word),
	status: exactly('onboarding', 'active', 'suspended', 'deactivated'),
	payment_address: orNull(address),
	chain,
	settlement_schedule: exactly('manual', 'daily', 'weekly', 'monthly'),
	fee_rate: money,
	created_at: time,
};

const webhookEndpoint = {
	id: id('we'),
	object: exactly('webhook_endpoint'),
	url: matches(/^https:\/\//),
	enabled_events: (value) => value.length > 0 && value.every(word),
	status: exactly('enabled', 'disabled'),
	disabled_reason: orNull(exactly('by_request', 'by_failures')),
	disabled_at: orNull(time),
	merchant_id: orNull(id('mer')),
	secret: orNull(matches(/^whsec_[0-9A-Za-z]{32}$/)),
	created_at: time,
};

const event = {
	id: id('evt'),
	object: exactly('event'),
	type: matches(/^[a-z_]+\.[a-z_]+$/),
	api_version: exactly('2026-04-01'),
	created_at: time,
	data: (value) => word(value.id),
};

const shapes = { payment_intent: intent, transaction, balance, merchant,
	webhook_endpoint: webhookEndpoint, event };

function assertMembers(object, shape) {
	assert.deepEqual(Object.keys(object).sort(), Object.keys(shape).sort());
	for (const [name, check] of Object.entries(shape))
		assert.ok(check(object[name]),
			`${name}: ${JSON.stringify(object[name])}`);
}

const paid = ['confirmed', 'settled'];

function assertIntentFits(found) {
	const { status } = found;
	const stands = {
		confirmed_at: paid.includes(status),
		tx_hash: paid.includes(status),
		sender_address: paid.includes(status),
		block_number: paid.includes(status),
		expired_at: status === 'expired',
		cancelled_at: status === 'cancelled',
		settled_at: status === 'settled',
	};
	for (const [name, stood] of Object.entries(stands))
		assert.equal(found[name] !== null, stood, `${name}, ${status}`);
	if (status === 'expired')
		assert.equal(found.expired_at, found.expires_at);
	if (status === 'awaiting_payment')
		assert.ok(found.amount_received < found.amount);
	if (paid.includes(status))
		assert.ok(found.amount_received >= found.amount);
	assert.ok(found.qr_image_url.endsWith(`/v1/qr/${found.id}.png`));
	assert.ok(found.qr_payload.includes(`=${found.payment_address}&`));
}

function assertTransactionFits(found) {
	const settlement = { confirmed: 'pending', settled: 'completed',
		failed: 'failed' };
	assert.equal(found.settlement_status, settlement[found.status]);
}

// The object is what the contract says an object of its type is; returns it.
export function assertStableShape(object, type) {
	assert.equal(object.object, type);
	assertMembers(object, shapes[type]);
	if (type === 'payment_intent')
		assertIntentFits(object);
	if (type === 'transaction')
		assertTransactionFits(object);
	return object;
}
