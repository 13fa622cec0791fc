// Payment intents from end to end as card.md has them: what is shown, what
// create and update take, captures, refunds, charges, live mode, merchants.
// The state table stands in intents_states.test.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createRefund, getIntent,
	intentIn, invalid, operatorKey, visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';
import { assertShape, statuses } from './shapes.mjs';

const intents = '/v1/payment_intents';
const unexpected = { status: 400, type: 'invalid_request_error',
	code: 'payment_intent_unexpected_state', param: null };
let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function post(path, json, options = {}) {
	return server.request('POST', path, { ...options, json });
}

function get(path, options) {
	return server.request('GET', path, options).then(assertOk);
}

const on = (intent, action = '') =>
	`${intents}/${intent.id ?? intent}${action && `/${action}`}`;

// What of an object has another value than before.
function changes(before, after) {
	const names = Object.keys(before).filter((name) =>
		JSON.stringify(before[name]) !== JSON.stringify(after[name]));
	return Object.fromEntries(names.map((name) =>
		[name, after[name]]));
}

describe('what is shown', () => {
	for (const status of statuses)
		test(`an intent that is ${status}`, async () => {
			const intent = await intentIn(server, status);
			assertShape(intent, 'payment_intent');
			assert.equal(intent.merchant_id, server.merchantId);
			assert.equal(intent.livemode, false);
		});

	test('an intent of the fewest parameters', async () => {
		const intent = await createIntent(server);
		const { id, client_secret: secret, created, merchant_id: merchant,
			...rest } = assertShape(intent, 'payment_intent');
		assert.ok(id && secret && created && merchant);
		assert.deepEqual(rest, {
			object: 'payment_intent', amount: 2000, amount_capturable: 0,
			amount_received: 0, canceled_at: null, cancellation_reason: null,
			capture_method: 'automatic', confirmation_method: 'automatic',
			currency: 'usd', customer: null, description: null,
			last_payment_error: null, latest_charge: null, livemode: false,
			metadata: {}, next_action: null, payment_method: null,
			status: 'requires_payment_method',
			charges: { object: 'list', data: [], has_more: false,
				url: `/v1/charges?payment_intent=${id}` },
		});
	});

	test('an intent of all parameters', async () => {
		const customer = await createCustomer(server, { name: 'Ada' });
		const given = { amount: 99999999, currency: 'jpy',
			capture_method: 'manual', confirmation_method: 'manual',
			customer: customer.id, description: 'Ünïcödé 💳',
			metadata: { order: '7', 'ключ': 'значение' },
			payment_method: visa };
		const intent = await createIntent(server, { ...given, confirm: true,
			return_url: 'https://example.com/back' });
		assertShape(intent, 'payment_intent');
		for (const [name, value] of Object.entries(given))
			assert.deepEqual(intent[name], value, name);
		assert.equal(intent.amount_capturable, 99999999);
		const [charge] = intent.charges.data;
		assert.equal(charge.customer, customer.id);
		assert.deepEqual(charge.metadata, given.metadata);
		assert.deepEqual(await getIntent(server, intent.id), intent);
	});

	test('a charge and a refund, in every place that shows them', async () => {
		const { id } = await intentIn(server, 'succeeded');
		const refund = assertShape(await createRefund(server, {
			payment_intent: id, amount: 7, reason: 'too much',
			metadata: { a: 'b' } }), 'refund');
		assert.deepEqual([refund.amount, refund.reason, refund.status],
			[7, 'too much', 'succeeded']);
		const [charge] = (await getIntent(server, id)).charges.data;
		assert.equal(refund.charge, charge.id);
		assert.deepEqual(await get(`/v1/charges/${charge.id}`), charge);
		assert.deepEqual(await get(`/v1/refunds/${refund.id}`), refund);
		const ofIntent = `payment_intent=${id}`;
		const charges = await get(`/v1/charges?${ofIntent}`);
		const refunds = await get(`/v1/refunds?${ofIntent}`);
		assert.deepEqual([charges.data, refunds.data], [[charge], [refund]]);
	});

	test('an expanded customer, and its id where it is not asked for',
		async () => {
			const customer = assertShape(await createCustomer(server,
				{ email: 'ada@example.com' }), 'customer');
			const { id } = await createIntent(server,
				{ customer: customer.id, payment_method: visa });
			const plain = await getIntent(server, id);
			assert.equal(plain.customer, customer.id);
			const expanded = await get(`${on(id)}?expand[]=customer`);
			assert.deepEqual(changes(plain, expanded), { customer });
			const confirmed = assertOk(await post(on(id, 'confirm'),
				{ expand: ['customer'] }));
			assert.deepEqual(confirmed.customer, customer);
			assert.equal(confirmed.charges.data[0].customer, customer.id);
		});

	test('nothing but the customer can be expanded', async () => {
		const { id } = await createIntent(server);
		for (const value of ['charges', 'latest_charge', ''])
			assertRefused(await server.request('GET',
				`${on(id)}?expand[]=${value}`),
			{ ...invalid, param: 'expand[]' });
	});
});

describe('create', () => {
	test('with confirm does both at once', async () => {
		const intent = await createIntent(server,
			{ payment_method: visa, confirm: true });
		assert.equal(intent.status, 'succeeded');
		assert.equal(intent.amount_received, 2000);
	});

	test('with confirm and a declined card leaves the intent', async () => {
		const answer = await post(intents, { amount: 31, currency: 'usd',
			payment_method: 'pm_card_lost', confirm: true });
		const error = assertRefused(answer,
			{ status: 402, code: 'card_declined' });
		assert.equal(error.decline_code, 'lost_card');
		const { data: [left] } = await get(`${intents}?limit=1`);
		assertShape(left, 'payment_intent');
		assert.deepEqual([left.amount, left.status],
			[31, 'requires_payment_method']);
		assert.equal(left.last_payment_error.decline_code, 'lost_card');
	});

	test('with confirm but no payment method makes nothing', async () => {
		const before = await get(`${intents}?limit=1`);
		assertRefused(await post(intents,
			{ amount: 1, currency: 'usd', confirm: true }), unexpected);
		assert.deepEqual(await get(`${intents}?limit=1`), before);
	});

	test('takes no card number', async () => {
		for (const json of [{ card: { number: '4242424242424242' } },
			{ payment_method_data: { type: 'card' } }]) {
			const error = assertRefused(await post(intents,
				{ amount: 1, currency: 'usd', ...json }), invalid);
			assert.match(error.param, /^(card|payment_method_data)\[/);
		}
	});
});

describe('update', () => {
	const open = ['requires_payment_method', 'requires_confirmation'];

	for (const status of open)
		test(`changes everything while ${status}`, async () => {
			const { id: customer } = await createCustomer(server);
			const before = await intentIn(server, status);
			const given = { amount: 3000, currency: 'eur', customer,
				description: 'changed', metadata: { a: '1' },
				payment_method: 'pm_card_mastercard' };
			const after = assertOk(await post(on(before), given));
			const expected = status === 'requires_confirmation' ? given
				: { ...given, status: 'requires_confirmation' };
			assert.deepEqual(changes(before, after), expected);
			assert.deepEqual(await getIntent(server, before.id), after);
		});

	for (const status of statuses)
		test(`changes texts while ${status}`, async () => {
			const before = await intentIn(server, status);
			const given = { description: 'later', metadata: { a: '1' } };
			const after = assertOk(await post(on(before), given));
			assertShape(after, 'payment_intent');
			const { charges, ...changed } = changes(before, after);
			assert.deepEqual(changed, given);
			for (const charge of charges?.data ?? [])
				assert.deepEqual(charge.metadata, given.metadata);
			assert.deepEqual(await getIntent(server, before.id), after);
		});

	test('of nothing changes nothing', async () => {
		const intent = await intentIn(server, 'succeeded');
		assert.deepEqual(assertOk(await post(on(intent), {})), intent);
	});

	test('of a text and an amount together is refused whole', async () => {
		const intent = await intentIn(server, 'requires_capture');
		assertRefused(await post(on(intent),
			{ description: 'more', amount: 1 }), unexpected);
		assert.deepEqual(await getIntent(server, intent.id), intent);
	});

	test('empties description and customer', async () => {
		const { id: customer } = await createCustomer(server);
		const { id } = await createIntent(server,
			{ customer, description: 'x' });
		const intent = assertOk(await post(on(id),
			{ customer: '', description: '' }));
		assert.deepEqual([intent.customer, intent.description], [null, null]);
	});

	test('merges metadata, and an empty value removes its key', async () => {
		const { id } = await createIntent(server,
			{ metadata: { keep: '1', change: '2', go: '3' } });
		const intent = assertOk(await post(on(id),
			{ metadata: { change: 'two', go: '', come: '4', never: '' } }));
		const expected = { keep: '1', change: 'two', come: '4' };
		assert.deepEqual(intent.metadata, expected);
		const form = assertOk(await server.request('POST', on(id),
			{ form: 'metadata[keep]=&metadata[come]=5' }));
		assert.deepEqual(form.metadata, { change: 'two', come: '5' });
		const cleared = assertOk(await post(on(id), { metadata: '' }));
		assert.deepEqual(cleared.metadata, {});
	});

	test('lets metadata grow to 50 keys and no further', async () => {
		const pairs = (from, count) => Object.fromEntries(
			Array.from({ length: count }, (_, i) => [`k${from + i}`, 'v']));
		const { id } = await createIntent(server, { metadata: pairs(0, 49) });
		const full = assertOk(await post(on(id), { metadata: pairs(49, 1) }));
		assert.equal(Object.keys(full.metadata).length, 50);
		assertRefused(await post(on(id), { metadata: pairs(50, 1) }),
			{ ...invalid, param: 'metadata' });
		assert.deepEqual(await getIntent(server, id), full);
		const moved = assertOk(await post(on(id),
			{ metadata: { k0: '', k50: 'v' } }));
		assert.deepEqual(Object.keys(moved.metadata).sort(),
			Object.keys(pairs(1, 50)).sort());
	});
});

describe('capture', () => {
	test('takes all where no amount is given', async () => {
		const { id } = await intentIn(server, 'requires_capture');
		const intent = assertOk(await post(on(id, 'capture')));
		assertShape(intent, 'payment_intent');
		assert.deepEqual([intent.status, intent.amount_received,
			intent.amount_capturable], ['succeeded', 2000, 0]);
	});

	test('takes a part and releases the rest', async () => {
		const { id } = await intentIn(server, 'requires_capture');
		const intent = assertOk(await post(on(id, 'capture'),
			{ amount_to_capture: 1 }));
		const [charge] = intent.charges.data;
		assert.deepEqual([intent.amount, intent.amount_received,
			intent.amount_capturable], [2000, 1, 0]);
		assert.deepEqual([charge.amount, charge.amount_captured,
			charge.captured], [2000, 1, true]);
		assertRefused(await post(on(id, 'capture'), {}), unexpected);
		assertRefused(await post(on(id, 'refund'), { amount: 2 }),
			{ status: 400, code: 'amount_too_large', param: 'amount' });
		const refund = await createRefund(server, { payment_intent: id });
		assert.equal(refund.amount, 1);
	});

	test('takes no more than is held', async () => {
		const intent = await intentIn(server, 'requires_capture');
		for (const amount of [2001, 0, -1, '2000', 1.5, null])
			assertRefused(await post(on(intent, 'capture'),
				{ amount_to_capture: amount }),
			{ ...invalid, param: 'amount_to_capture' });
		assert.deepEqual(await getIntent(server, intent.id), intent);
	});

	test('is what cancel releases', async () => {
		const { id } = await intentIn(server, 'requires_capture');
		const intent = assertOk(await post(on(id, 'cancel'),
			{ cancellation_reason: 'duplicate' }));
		assertShape(intent, 'payment_intent');
		assert.deepEqual([intent.status, intent.cancellation_reason,
			intent.amount_capturable, intent.charges.data[0].captured],
		['canceled', 'duplicate', 0, false]);
	});
});

describe('refunds', () => {
	test('add up to what was captured and never to more', async () => {
		const { id } = await intentIn(server, 'succeeded');
		const parts = [500, 1, 999];
		for (const amount of parts)
			await createRefund(server, { payment_intent: id, amount });
		const error = assertRefused(await post('/v1/refunds',
			{ payment_intent: id, amount: 501 }),
		{ status: 400, type: 'invalid_request_error',
			code: 'amount_too_large', param: 'amount' });
		assert.match(error.message, /\b500\b/);
		const rest = assertOk(await post(on(id, 'refund')));
		assert.equal(rest.amount, 500);
		const intent = await getIntent(server, id);
		const [charge] = intent.charges.data;
		assert.deepEqual([charge.amount_refunded, charge.refunded],
			[2000, true]);
		assert.deepEqual([intent.status, intent.amount_received],
			['succeeded', 2000]);
		const { data } = await get(`/v1/refunds?payment_intent=${id}`);
		assert.deepEqual(data.map(({ amount }) => amount),
			[rest.amount, ...parts.reverse()]);
	});

	for (const amount of [0, -1, 1.5, '5', null, '', 2 ** 53])
		test(`refuse the amount ${JSON.stringify(amount)}`, async () => {
			const intent = await intentIn(server, 'succeeded');
			const refused = { status: 400, type: 'invalid_request_error',
				code: 'amount_invalid', param: 'amount' };
			assertRefused(await post(on(intent, 'refund'), { amount }),
				refused);
			assertRefused(await post('/v1/refunds',
				{ payment_intent: intent.id, amount }), refused);
			assert.deepEqual(await getIntent(server, intent.id), intent);
		});
});

describe('a failed payment', () => {
	test('shows why until it is confirmed again', async () => {
		const { id } = await createIntent(server,
			{ payment_method: 'pm_card_incorrect_cvc' });
		const { body: { error } } = await post(on(id, 'confirm'));
		const failed = await getIntent(server, id);
		const { type, code, decline_code: decline, message } = error;
		assert.deepEqual(failed.last_payment_error,
			{ type, code, decline_code: decline, message });
		const waiting = assertOk(await post(on(id, 'confirm'),
			{ payment_method: 'pm_card_3ds_required' }));
		assert.equal(waiting.last_payment_error, null);
		assert.equal(waiting.charges.data[0].failure_code, 'incorrect_cvc');
	});

	// The intent with as many failed charges, newest first.
	async function failTimes(count) {
		const { id } = await createIntent(server);
		const seen = [];
		for (let i = 0; i < count; i++) {
			await post(on(id, 'confirm'),
				{ payment_method: 'pm_card_declined' });
			const { latest_charge: latest } = await getIntent(server, id);
			seen.unshift(latest);
		}
		assert.equal(new Set(seen).size, count);
		return { intent: await getIntent(server, id), seen };
	}

	for (const count of [9, 10, 11])
		test(`shows the newest 10 of ${count} charges`, async () => {
			const { intent: { charges }, seen } = await failTimes(count);
			assert.deepEqual(charges.data.map(({ id }) => id),
				seen.slice(0, 10));
			const all = await get(`${charges.url}&limit=100`);
			assert.deepEqual(all.data.map(({ id }) => id), seen);
			assert.equal(charges.has_more, count > 10);
		});
});

describe('authentication', () => {
	test('has a link, and the place to come back to', async () => {
		const back = 'https://example.com/back?a=b&c=%20#d';
		const { id, next_action: action } = await createIntent(server, {
			payment_method: 'pm_card_3ds_required', confirm: true,
			return_url: back });
		assert.deepEqual(action, { type: 'redirect_to_url', redirect_to_url: {
			url: `${server.publicUrl}/sandbox/authenticate/${id}`,
			return_url: back } });
	});

	test('takes the return_url of confirm', async () => {
		const { id } = await createIntent(server,
			{ payment_method: 'pm_card_3ds_required' });
		const intent = assertOk(await post(on(id, 'confirm'),
			{ return_url: 'app://back' }));
		assert.equal(intent.next_action.redirect_to_url.return_url,
			'app://back');
	});

	test('has no charge before it ends, and one after', async () => {
		const intent = await intentIn(server, 'requires_action');
		assert.deepEqual(intent.charges.data, []);
		const paid = assertOk(await post(
			`/v1/test_helpers/payment_intents/${intent.id}/transition`,
			{ status: 'succeeded' }));
		assert.equal(paid.charges.data.length, 1);
		assert.equal(paid.next_action, null);
	});

	test('of a slow engine ends the charge that was pending', async () => {
		const intent = await intentIn(server, 'processing');
		const [pending] = intent.charges.data;
		assert.deepEqual([pending.status, pending.paid], ['pending', false]);
		const paid = assertOk(await post(
			`/v1/test_helpers/payment_intents/${intent.id}/transition`,
			{ status: 'succeeded' }));
		assert.deepEqual(paid.charges.data.map(({ id, status }) =>
			[id, status]), [[pending.id, 'succeeded']]);
	});
});

describe('live mode', () => {
	test('is shown in every object', async () => {
		const key = server.liveKey;
		const intent = await createIntent(server, {}, { key });
		const customer = await createCustomer(server, {}, { key });
		assertShape(intent, 'payment_intent');
		assertShape(customer, 'customer');
		assert.ok(intent.livemode && customer.livemode);
	});

	test('can do all that needs no engine', async () => {
		const options = { key: server.liveKey };
		const { id } = await createIntent(server,
			{ payment_method: 'pm_anything' }, options);
		assertOk(await post(on(id), { amount: 5 }, options));
		assertRefused(await post(on(id, 'confirm'), {}, options),
			{ status: 400, type: 'payment_error',
				code: 'payment_not_initialized', param: null });
		const canceled = assertOk(await post(on(id, 'cancel'), {}, options));
		assert.deepEqual([canceled.status, canceled.amount],
			['canceled', 5]);
	});

	test('does not see the objects of test mode', async () => {
		const { id } = await intentIn(server, 'succeeded');
		for (const [method, path] of [['GET', on(id)],
			['POST', on(id, 'refund')], ['POST', on(id)]])
			assertRefused(await server.request(method, path,
				{ key: server.liveKey }),
			{ status: 404, code: 'resource_missing', param: 'id' });
	});
});

describe('a merchant', () => {
	const refused = { status: 403, type: 'invalid_request_error',
		code: 'insufficient_permissions', param: null };
	let shop;

	before(async () => {
		const account = await createAccount(server);
		shop = { ...account, options: { key: account.testKey } };
	});

	test('who is suspended takes no money until activated', async () => {
		const { options } = shop;
		const confirmable = await intentIn(server, 'requires_confirmation',
			options);
		const held = await intentIn(server, 'requires_capture', options);
		const takings = [[intents, { amount: 1, currency: 'usd' }],
			[on(confirmable, 'confirm'), {}], [on(held, 'capture'), {}]];
		await server.ctl('merchant', 'suspend', shop.merchantId);
		for (const [path, json] of takings)
			assertRefused(await post(path, json, options), refused);
		assert.deepEqual(await getIntent(server, held.id, options), held);
		await server.ctl('merchant', 'activate', shop.merchantId);
		for (const [path, json] of takings)
			assertOk(await post(path, json, options));
	});

	test('who is suspended can still give back and let go', async () => {
		const { options } = shop;
		const paid = await intentIn(server, 'succeeded', options);
		const held = await intentIn(server, 'requires_capture', options);
		await server.ctl('merchant', 'suspend', shop.merchantId);
		const refund = assertOk(await post(on(paid, 'refund'),
			{ amount: 5 }, options));
		const canceled = assertOk(await post(on(held, 'cancel'), {}, options));
		assert.equal(assertOk(await post(on(paid), { description: 'x' },
			options)).description, 'x');
		assert.deepEqual([refund.amount, canceled.status], [5, 'canceled']);
		await server.ctl('merchant', 'activate', shop.merchantId);
	});

	test('of a bound key sees and makes its own objects alone', async () => {
		const second = await server.ctl('merchant', 'create',
			'--account', shop.id, '--name', 'Second');
		const { secret } = await operatorKey(server, shop.id, '--mode', 'test',
			'--type', 'secret', '--merchant', second.id);
		const first = await createIntent(server, {}, shop.options);
		const own = await createIntent(server, {}, { key: secret });
		assert.deepEqual([first.merchant_id, own.merchant_id],
			[shop.merchantId, second.id]);
		assertRefused(await server.request('GET', on(first), { key: secret }),
			{ status: 404, code: 'resource_missing' });
		const { data } = await get(intents, { key: secret });
		assert.deepEqual(data, [own]);
		assert.deepEqual(await getIntent(server, own.id, shop.options), own);
	});
});

test('the store is sound in the end', async () => {
	const { findings } = await server.ctl('verify');
	assert.deepEqual(findings, []);
});
