// The state table of card.md for real: every status, reached by its own way,
// against every action; what the test helper may say from where; and what
// every payment method of the sandbox leads to.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createCustomer, createIntent, createRefund, getIntent, intentIn,
	invalid, visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertShape, statuses } from './shapes.mjs';

const intents = '/v1/payment_intents';
let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function act(intent, { path = '', json }) {
	return server.request('POST', `${intents}/${intent.id}${path}`, { json });
}

function say(intent, json) {
	return server.request('POST',
		`/v1/test_helpers/payment_intents/${intent.id}/transition`, { json });
}

const refused = {
	status: 400,
	type: 'invalid_request_error',
	code: 'payment_intent_unexpected_state',
	param: null,
};

const actions = {
	'confirm': { path: '/confirm', verb: 'confirmed' },
	'confirm with a payment method': { path: '/confirm', verb: 'confirmed',
		json: { payment_method: visa } },
	'capture': { path: '/capture', verb: 'captured' },
	'cancel': { path: '/cancel', verb: 'canceled' },
	'update of the amount': { verb: 'updated', json: { amount: 2100 } },
	'update of the currency': { verb: 'updated', json: { currency: 'eur' } },
	'update of the customer': { verb: 'updated', json: { customer: '' } },
	'update of the payment method': { verb: 'updated',
		json: { payment_method: 'pm_card_mastercard' } },
	'update of the text': { verb: 'updated',
		json: { description: 'later', metadata: { a: 'b' } } },
	'refund': { path: '/refund', verb: 'refunded' },
};

// Each status: what follows from each action; what is not here is refused.
const table = {
	requires_payment_method: {
		'confirm with a payment method': 'succeeded',
		'cancel': 'canceled',
		'update of the amount': 'requires_payment_method',
		'update of the currency': 'requires_payment_method',
		'update of the customer': 'requires_payment_method',
		'update of the payment method': 'requires_confirmation',
		'update of the text': 'requires_payment_method',
	},
	requires_confirmation: {
		'confirm': 'succeeded',
		'confirm with a payment method': 'succeeded',
		'cancel': 'canceled',
		'update of the amount': 'requires_confirmation',
		'update of the currency': 'requires_confirmation',
		'update of the customer': 'requires_confirmation',
		'update of the payment method': 'requires_confirmation',
		'update of the text': 'requires_confirmation',
	},
	processing: { 'update of the text': 'processing' },
	requires_action: {
		'cancel': 'canceled',
		'update of the text': 'requires_action',
	},
	requires_capture: {
		'capture': 'succeeded',
		'cancel': 'canceled',
		'update of the text': 'requires_capture',
	},
	succeeded: {
		'update of the text': 'succeeded',
		'refund': 'succeeded',
	},
	canceled: { 'update of the text': 'canceled' },
};

// The statuses that a refusal's message names as those that allow it.
const allowedFrom = {
	confirmed: ['requires_payment_method', 'requires_confirmation'],
	captured: ['requires_capture'],
	canceled: ['requires_payment_method', 'requires_confirmation',
		'requires_action', 'requires_capture'],
	updated: ['requires_payment_method', 'requires_confirmation'],
	refunded: ['succeeded'],
};

function assertNamesStatuses(message, status, { verb }) {
	assert.match(message, new RegExp('^This payment intent cannot be ' +
		`${verb} while its status is ${status}\\b`));
	const [, list] = message.split('a status that allows it: ');
	const named = list.replace('.', '').split(', ');
	assert.deepEqual(named.sort(),
		allowedFrom[verb].filter((name) => name !== status).sort());
}

async function assertRefusedAction(status, name) {
	const before = await intentIn(server, status);
	const answer = await act(before, actions[name]);
	const { message } = assertRefused(answer, refused);
	assertNamesStatuses(message, status, actions[name]);
	assert.deepEqual(await getIntent(server, before.id), before);
}

async function assertAction(status, name, next) {
	const { id } = await intentIn(server, status);
	const body = assertOk(await act({ id }, actions[name]));
	const found = await getIntent(server, id);
	assert.equal(found.status, next);
	assertShape(found, 'payment_intent');
	if (name === 'refund')
		assertShape(body, 'refund');
	else
		assert.deepEqual(body, found);
}

for (const status of statuses)
	describe(`from ${status}`, () => {
		for (const name of Object.keys(actions)) {
			const next = table[status][name];
			if (next)
				test(`${name} leads to ${next}`, () =>
					assertAction(status, name, next));
			else
				test(`${name} is refused`, () =>
					assertRefusedAction(status, name));
		}
	});

describe('from succeeded', () => {
	test('a refund of all that is left is the last one', async () => {
		const { id } = await intentIn(server, 'succeeded');
		await createRefund(server, { payment_intent: id, amount: 1500 });
		await createRefund(server, { payment_intent: id });
		for (const json of [{}, { amount: 1 }, { amount: 2000 }]) {
			const { message } = assertRefused(
				await act({ id }, { path: '/refund', json }), refused);
			assert.match(message, /nothing of it is left/);
		}
	});
});

describe('a method that was declined', () => {
	test('leads back to requires_payment_method and on', async () => {
		const intent = await createIntent(server,
			{ payment_method: 'pm_card_declined' });
		const confirm = { path: '/confirm' };
		assert.equal((await act(intent, confirm)).status, 402);
		assertRefused(await act(intent, confirm), refused);
		const paid = assertOk(await act(intent,
			{ ...confirm, json: { payment_method: visa } }));
		assert.equal(paid.status, 'succeeded');
		assert.equal(paid.last_payment_error, null);
	});
});

const targets = ['succeeded', 'requires_capture', 'requires_payment_method',
	'canceled'];
const sayable = {
	requires_payment_method: [],
	requires_confirmation: [],
	processing: ['succeeded', 'requires_capture', 'requires_payment_method'],
	requires_action: ['succeeded', 'requires_capture',
		'requires_payment_method'],
	requires_capture: ['succeeded', 'canceled'],
	succeeded: [],
	canceled: [],
};

async function assertSaid(status, target) {
	const intent = await intentIn(server, status);
	const found = assertOk(await say(intent, { status: target }));
	assert.equal(found.status, target);
	assertShape(found, 'payment_intent');
	assert.deepEqual(await getIntent(server, intent.id), found);
}

async function assertUnsayable(status, target) {
	const intent = await intentIn(server, status);
	const { message } = assertRefused(await say(intent, { status: target }), {
		status: 400,
		type: 'invalid_request_error',
		code: 'invalid_state_transition',
		param: 'status',
	});
	assert.ok(message.includes(`'${target}' from '${status}'`), message);
	assert.deepEqual(await getIntent(server, intent.id), intent);
}

describe('the test helper', () => {
	for (const status of statuses)
		for (const target of targets)
			if (sayable[status].includes(target))
				test(`says ${target} from ${status}`, () =>
					assertSaid(status, target));
			else
				test(`may not say ${target} from ${status}`, () =>
					assertUnsayable(status, target));

	for (const status of ['processing', 'requires_action', 'paid', '', 1, null])
		test(`does not take the status ${JSON.stringify(status)}`, async () => {
			const intent = await intentIn(server, 'processing');
			assertRefused(await say(intent, { status }),
				{ ...invalid, param: 'status' });
		});

	test('needs a status', async () => {
		const intent = await intentIn(server, 'processing');
		assertRefused(await say(intent, {}),
			{ ...invalid, code: 'parameter_missing', param: 'status' });
	});

	test('says why a payment failed', async () => {
		const intent = await intentIn(server, 'requires_action');
		const found = assertOk(await say(intent, {
			status: 'requires_payment_method', decline_code: 'lost_card' }));
		assert.equal(found.last_payment_error.decline_code, 'lost_card');
		assert.equal(found.charges.data[0].failure_code, 'lost_card');
		assert.equal(found.charges.data[0].status, 'failed');
		assert.equal(found.payment_method, null);
	});

	test('says generic_decline where no reason is given', async () => {
		const intent = await intentIn(server, 'processing');
		const found = assertOk(await say(intent,
			{ status: 'requires_payment_method' }));
		assert.equal(found.last_payment_error.decline_code, 'generic_decline');
	});

	test('takes a reason for failures alone', async () => {
		const intent = await intentIn(server, 'processing');
		for (const json of [
			{ status: 'succeeded', decline_code: 'lost_card' },
			{ status: 'requires_payment_method', decline_code: 'rude' }])
			assertRefused(await say(intent, json),
				{ ...invalid, param: 'decline_code' });
		assert.deepEqual(await getIntent(server, intent.id), intent);
	});

	test('is for test mode alone', async () => {
		const options = { key: server.liveKey };
		const { id } = await createIntent(server, {}, options);
		assertRefused(await server.request('POST',
			`/v1/test_helpers/payment_intents/${id}/transition`,
			{ ...options, json: { status: 'canceled' } }),
		{ status: 403, type: 'invalid_request_error',
			code: 'insufficient_permissions', param: null });
	});
});

// What the engine answers at confirmation, by capture method.
const outcomes = {
	approves: { automatic: 'succeeded', manual: 'requires_capture' },
	asks: { automatic: 'requires_action', manual: 'requires_action' },
	waits: { automatic: 'processing', manual: 'processing' },
};

const methods = {
	approves: ['pm_card_visa', 'pm_card_mastercard', 'pm_card_visa_debit',
		'pm_card_mastercard_debit', 'pm_card_amex'],
	asks: ['pm_card_3ds_required', 'pm_card_authenticationRequired',
		'pm_card_threeDSecure2Required', 'pm_card_threeDSecureRequired'],
	waits: ['pm_card_pending'],
};

const declines = {
	generic_decline: ['pm_card_declined', 'pm_card_chargeDeclined',
		'pm_card_visa_chargeDeclined'],
	insufficient_funds: ['pm_card_insufficient_funds',
		'pm_card_chargeDeclinedInsufficientFunds',
		'pm_card_visa_chargeDeclinedInsufficientFunds'],
	expired_card: ['pm_card_expired', 'pm_card_chargeDeclinedExpiredCard'],
	lost_card: ['pm_card_lost', 'pm_card_chargeDeclinedLostCard',
		'pm_card_visa_chargeDeclinedLostCard'],
	stolen_card: ['pm_card_stolen', 'pm_card_chargeDeclinedStolenCard',
		'pm_card_visa_chargeDeclinedStolenCard'],
	incorrect_cvc: ['pm_card_incorrect_cvc',
		'pm_card_chargeDeclinedIncorrectCvc'],
	processing_error: ['pm_card_processing_error',
		'pm_card_chargeDeclinedProcessingError'],
	do_not_honor: ['pm_card_do_not_honor'],
};

async function assertMethod(method, capture, status) {
	const found = await createIntent(server, { payment_method: method,
		capture_method: capture, confirm: true });
	assert.equal(found.status, status);
	assert.equal(found.payment_method, method);
	assertShape(found, 'payment_intent');
	assert.deepEqual(await getIntent(server, found.id), found);
}

async function assertDeclined(method, code) {
	const { id } = await createIntent(server, { payment_method: method });
	const error = assertRefused(await act({ id }, { path: '/confirm' }),
		{ status: 402, type: 'payment_error', code: 'card_declined',
			param: null });
	assert.equal(error.decline_code, code);
	const found = await getIntent(server, id);
	assertShape(found, 'payment_intent');
	assert.equal(found.status, 'requires_payment_method');
	assert.equal(found.last_payment_error.decline_code, code);
	assert.equal(found.payment_method, null);
	const [charge] = found.charges.data;
	assert.deepEqual([charge.status, charge.failure_code,
		charge.payment_method], ['failed', code, method]);
}

describe('the sandbox', () => {
	for (const [answer, names] of Object.entries(methods))
		for (const method of names)
			for (const [capture, status] of Object.entries(outcomes[answer]))
				test(`${method}, ${capture}, leads to ${status}`, () =>
					assertMethod(method, capture, status));

	for (const [code, names] of Object.entries(declines))
		for (const method of names)
			test(`${method} is declined with ${code}`, () =>
				assertDeclined(method, code));

	test('pm_card_not_initialized has no payment at the engine', async () => {
		const intent = await createIntent(server,
			{ payment_method: 'pm_card_not_initialized' });
		assert.equal(intent.status, 'requires_confirmation');
		for (const json of [{}, { payment_method: visa }])
			assertRefused(await act(intent, { path: '/confirm', json }),
				{ status: 400, type: 'payment_error',
					code: 'payment_not_initialized', param: null });
		assert.deepEqual(await getIntent(server, intent.id), intent);
		const canceled = assertOk(await act(intent, { path: '/cancel' }));
		assert.equal(canceled.status, 'canceled');
	});

	test('a create that is to be confirmed and cannot be makes nothing',
		async () => {
			const list = () => server.request('GET', intents);
			const before = await list();
			assertRefused(await server.request('POST', intents, { json: {
				amount: 1, currency: 'usd', confirm: true,
				payment_method: 'pm_card_not_initialized' } }),
			{ status: 400, code: 'payment_not_initialized' });
			assert.equal((await list()).text, before.text);
		});

	for (const method of ['pm_card_unheard_of', 'pm_', 'pm_card_Visa', 'visa',
		'tok_visa', '', 7, null])
		test(`does not know ${JSON.stringify(method)}`, async () => {
			const expected = { ...invalid, param: 'payment_method' };
			assertRefused(await server.request('POST', intents, { json:
				{ amount: 1, currency: 'usd', payment_method: method } }),
			expected);
			const intent = await intentIn(server, 'requires_confirmation');
			for (const path of ['', '/confirm'])
				assertRefused(await act(intent,
					{ path, json: { payment_method: method } }), expected);
			assert.deepEqual(await getIntent(server, intent.id), intent);
		});
});

// As an engine outside: asked between two transactions.
describe('the sandbox with a latency', () => {
	let slow;

	before(async () => {
		slow = await startServer({ settings: { sandbox_latency_ms: 50 } });
	});

	after(() => slow.stop());

	function confirm({ id }, json) {
		return slow.request('POST', `${intents}/${id}/confirm`, { json });
	}

	test('pm_card_not_initialized leaves a failed charge', async () => {
		const { id } = await createIntent(slow);
		assertRefused(await confirm({ id },
			{ payment_method: 'pm_card_not_initialized' }),
		{ status: 400, type: 'payment_error',
			code: 'payment_not_initialized', param: null });
		const found = await getIntent(slow, id);
		assertShape(found, 'payment_intent');
		assert.deepEqual([found.status, found.payment_method],
			['requires_payment_method', null]);
		const { data } = found.charges;
		assert.deepEqual(data.map((charge) => [charge.id, charge.status,
			charge.paid]), [[found.latest_charge, 'failed', false]]);
		assert.equal(assertOk(await confirm({ id },
			{ payment_method: visa })).status, 'succeeded');
	});

	for (const [method, status] of Object.entries({
		pm_card_pending: 'processing', [visa]: 'succeeded' }))
		test(`${method} shows the customer who was asked for`, async () => {
			const customer = await createCustomer(slow, { name: 'Ada' });
			const intent = await createIntent(slow, { customer: customer.id,
				payment_method: method });
			const shown = assertOk(await confirm(intent,
				{ expand: ['customer'] }));
			assert.equal(shown.status, status);
			assert.deepEqual(shown.customer, customer);
		});
});
