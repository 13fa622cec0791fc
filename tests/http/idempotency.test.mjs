// README section 3: a key and what was asked with it come to one outcome.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startAhead } from './clock.mjs';
import { createAccount, createCustomer, createIntent, createKey, getIntent,
	intentIn, invalid, operatorKey, snapshot, until,
	visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const reused = { status: 422, type: 'invalid_request_error',
	code: 'idempotency_key_reuse', param: null };
const payment = { amount: 2000, currency: 'usd', payment_method: visa };
let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

let keysMade = 0;

function makeKey() {
	return `order ${process.pid}-${keysMade++}`;
}

function post(key, path, options = {}) {
	return server.request('POST', path,
		{ ...options, headers: { 'Idempotency-Key': key } });
}

function isReplayed({ headers }) {
	return headers['idempotent-replayed'] === 'true';
}

// The second answer says what the first one said, byte for byte.
function assertReplay(first, second) {
	assert.equal('idempotent-replayed' in first.headers, false);
	assert.ok(isReplayed(second), second.text);
	assert.equal(second.status, first.status);
	assert.equal(second.text, first.text);
	assert.equal(second.headers['content-type'],
		first.headers['content-type']);
	assert.notEqual(second.headers['request-id'],
		first.headers['request-id']);
}

// Sends the same twice; the state stays as the first one left it.
async function assertReplayed(path, options) {
	const key = makeKey();
	const first = await post(key, path, options);
	const before = await snapshot(server);
	assertReplay(first, await post(key, path, options));
	assert.deepEqual(await snapshot(server), before);
	return first;
}

describe('a replay of success', () => {
	test('of create', async () => {
		assertOk(await assertReplayed(intents, { json: payment }));
	});

	test('of create with everything', async () => {
		const { id: customer } = await createCustomer(server);
		const answer = await assertReplayed(intents, { json: { ...payment,
			customer, description: 'd', metadata: { a: '1', b: '2' },
			confirm: true, expand: ['customer'] } });
		assert.equal(assertOk(answer).customer.id, customer);
	});

	const actions = {
		confirm: ['requires_confirmation', {}],
		capture: ['requires_capture', { amount_to_capture: 700 }],
		cancel: ['requires_action', { cancellation_reason: 'abandoned' }],
		refund: ['succeeded', { amount: 300, metadata: { a: 'b' } }],
	};
	for (const [action, [status, json]] of Object.entries(actions))
		test(`of ${action}`, async () => {
			const { id } = await intentIn(server, status);
			assertOk(await assertReplayed(
				`${intents}/${id}/${action}`, { json }));
		});

	test('of update', async () => {
		const { id } = await createIntent(server);
		assertOk(await assertReplayed(`${intents}/${id}`,
			{ json: { metadata: { a: 'b' }, amount: 3 } }));
	});

	test('of a refund by its own path', async () => {
		const { id } = await intentIn(server, 'succeeded');
		assertOk(await assertReplayed('/v1/refunds',
			{ json: { payment_intent: id, amount: 900 } }));
	});

	test('of the test helper', async () => {
		const { id } = await intentIn(server, 'processing');
		assertOk(await assertReplayed(
			`/v1/test_helpers/payment_intents/${id}/transition`,
			{ json: { status: 'succeeded' } }));
	});

	test('of a customer made, and of one changed', async () => {
		const made = assertOk(await assertReplayed('/v1/customers',
			{ json: { name: 'Ada' } }));
		assertOk(await assertReplayed(`/v1/customers/${made.id}`,
			{ json: { phone: '1' } }));
	});

	test('stays the first outcome when the object has moved on', async () => {
		const key = makeKey();
		const first = await post(key, intents, { json: payment });
		const { id } = assertOk(first);
		assertOk(await server.request('POST', `${intents}/${id}/confirm`));
		assertReplay(first, await post(key, intents, { json: payment }));
		assert.equal((await getIntent(server, id)).status, 'succeeded');
	});
});

describe('a replay of a new API key', () => {
	test('shows all but the secret', async () => {
		const key = makeKey();
		const json = { name: 'shown once' };
		const first = assertOk(await post(key, '/v1/api_keys', { json }));
		assert.match(first.secret, /^sk_test_[0-9A-Za-z]{32}$/);
		const again = await post(key, '/v1/api_keys', { json });
		assert.ok(isReplayed(again));
		assert.ok(!again.text.includes(first.secret));
		assert.deepEqual(assertOk(again), { ...first, secret: null });
		assertOk(await server.request('GET', intents, { key: first.secret }));
	});

	test('that was rolled shows all but the secret', async () => {
		const key = makeKey();
		const old = await createKey(server, { name: 'old' });
		const roll = () => post(key, `/v1/api_keys/${old.id}/roll`);
		const first = assertOk(await roll());
		assert.notEqual(first.secret, old.secret);
		const again = await roll();
		assert.ok(isReplayed(again));
		assert.deepEqual(assertOk(again), { ...first, secret: null });
	});
});

describe('a replay of a refusal', () => {
	test('of a declined card', async () => {
		const { id } = await createIntent(server);
		const answer = await assertReplayed(`${intents}/${id}/confirm`,
			{ json: { payment_method: 'pm_card_insufficient_funds' } });
		assert.equal(assertRefused(answer, { status: 402 }).decline_code,
			'insufficient_funds');
		const { charges } = await getIntent(server, id);
		assert.equal(charges.data.length, 1);
	});

	test('of a create whose card is declined', async () => {
		assertRefused(await assertReplayed(intents, { json: { ...payment,
			payment_method: 'pm_card_stolen', confirm: true } }),
		{ status: 402, code: 'card_declined' });
	});

	const refusals = {
		payment_intent_unexpected_state:
			['requires_payment_method', 'capture', {}],
		amount_too_large: ['succeeded', 'refund', { amount: 2001 }],
		parameter_invalid:
			['requires_capture', 'capture', { amount_to_capture: 2001 }],
	};
	for (const [code, [status, action, json]] of Object.entries(refusals))
		test(`of ${code} by ${action}`, async () => {
			const { id } = await intentIn(server, status);
			assertRefused(await assertReplayed(`${intents}/${id}/${action}`,
				{ json }), { status: 400, code });
		});

	test('of payment_not_initialized', async () => {
		const { id } = await createIntent(server,
			{ payment_method: 'pm_card_not_initialized' });
		assertRefused(await assertReplayed(`${intents}/${id}/confirm`),
			{ status: 400, code: 'payment_not_initialized' });
	});

	test('of invalid_state_transition', async () => {
		const { id } = await intentIn(server, 'succeeded');
		assertRefused(await assertReplayed(
			`/v1/test_helpers/payment_intents/${id}/transition`,
			{ json: { status: 'canceled' } }),
		{ status: 400, code: 'invalid_state_transition' });
	});

	test('stays a refusal when it would go through now', async () => {
		const key = makeKey();
		const { id } = await intentIn(server, 'requires_confirmation');
		const capture = () => post(key, `${intents}/${id}/capture`);
		const first = await capture();
		assertRefused(first, { code: 'payment_intent_unexpected_state' });
		assertOk(await server.request('POST', `${intents}/${id}/confirm`));
		assertReplay(first, await capture());
	});
});

describe('the same request in other words', () => {
	const json = { amount: 2000, currency: 'usd',
		metadata: { b: '2', a: '1' }, confirm: false, expand: ['customer'] };
	const same = {
		'the order of members': { body: JSON.stringify({
			expand: ['customer'], confirm: false,
			metadata: { a: '1', b: '2' }, currency: 'usd', amount: 2000 }) },
		'white space': { body: JSON.stringify(json, null, '\t\n') },
		'escapes in JSON': { body: JSON.stringify(json)
			.replace('"usd"', '"\\u0075sd"') },
		'a form': { form: json },
		'a form in another order with another writing': { form:
			'expand[0]=customer&metadata%5Ba%5D=1&confirm=false&' +
			'metadata[b]=%32&currency=u%73d&amount=2000' },
		'Basic instead of Bearer': { json, auth: 'basic' },
		'a media type with a parameter': { body: JSON.stringify(json),
			type: 'application/json; charset=utf-8' },
	};
	for (const [difference, { type, ...options }] of Object.entries(same))
		test(`${difference} makes no difference`, async () => {
			const key = makeKey();
			const first = await post(key, intents, { json });
			assertOk(first);
			const headers = { 'Idempotency-Key': key };
			if (options.body)
				headers['Content-Type'] = type ?? 'application/json';
			assertReplay(first, await server.request('POST', intents,
				{ ...options, headers }));
		});

	test('an escape in the path makes no difference', async () => {
		const key = makeKey();
		const { id } = await createIntent(server, payment);
		const confirm = (name) => post(key, `${intents}/${name}/confirm`);
		const first = await confirm(id);
		assert.equal(assertOk(first).status, 'succeeded');
		assertReplay(first, await confirm(id.replace('p', '%70')));
		assertReplay(first, await confirm(id.replace('pi_', '%70%69%5F')));
	});
});

describe('another request with the same key', () => {
	const first = { ...payment, metadata: { a: '1' } };
	const others = {
		'another value': { ...first, amount: 2001 },
		'one parameter more': { ...first, description: '' },
		'one parameter less': payment,
		'another metadata value': { ...first, metadata: { a: '2' } },
		'another metadata key': { ...first, metadata: { b: '1' } },
		'metadata that only look alike': { ...first,
			metadata: { 'a': '', '1': '' } },
	};
	for (const [what, json] of Object.entries(others))
		test(`${what} is refused`, async () => {
			const key = makeKey();
			const made = await post(key, intents, { json: first });
			assertOk(made);
			const before = await snapshot(server);
			assertRefused(await post(key, intents, { json }), reused);
			assert.deepEqual(await snapshot(server), before);
			assertReplay(made, await post(key, intents, { json: first }));
		});

	test('another path is refused', async () => {
		const key = makeKey();
		const [a, b] = [await intentIn(server, 'succeeded'),
			await intentIn(server, 'succeeded')];
		const json = { amount: 5 };
		assertOk(await post(key, `${intents}/${a.id}/refund`, { json }));
		assertRefused(await post(key, `${intents}/${b.id}/refund`, { json }),
			reused);
		assertRefused(await post(key, `${intents}/${a.id}/capture`), reused);
		assertRefused(await post(key, '/v1/customers'), reused);
		assert.deepEqual(await getIntent(server, b.id), b);
	});

	test('after a refusal that was kept is refused as well', async () => {
		const key = makeKey();
		const { id } = await createIntent(server, payment);
		assertRefused(await post(key, `${intents}/${id}/capture`),
			{ code: 'payment_intent_unexpected_state' });
		assertRefused(await post(key, `${intents}/${id}/confirm`), reused);
		assert.equal((await getIntent(server, id)).status,
			'requires_confirmation');
	});
});

describe('the scope of a key', () => {
	test('is the account', async () => {
		const key = makeKey();
		const other = await createAccount(server);
		const options = { json: payment };
		const first = assertOk(await post(key, intents, options));
		const theirs = await post(key, intents,
			{ ...options, key: other.testKey });
		assert.ok(!isReplayed(theirs));
		assert.notEqual(assertOk(theirs).id, first.id);
	});

	test('is the mode', async () => {
		const key = makeKey();
		const options = { json: payment };
		const test = assertOk(await post(key, intents, options));
		const live = await post(key, intents,
			{ ...options, key: server.liveKey });
		assert.ok(!isReplayed(live));
		assert.deepEqual([test.livemode, assertOk(live).livemode],
			[false, true]);
	});

	test('is not the API key', async () => {
		const key = makeKey();
		const { secret } = await createKey(server, { name: 'second' });
		const first = await post(key, intents, { json: payment });
		assertReplay(first, await post(key, intents,
			{ json: payment, key: secret }));
	});

	// A key that is bound to another merchant of the account, or the default.
	async function bindKey({ id }, merchantId) {
		const { secret } = await operatorKey(server, id, '--mode', 'test',
			'--type', 'secret', '--merchant', merchantId);
		return { key: secret };
	}

	test('does not show one merchant\'s outcome to another', async () => {
		const key = makeKey();
		const account = await createAccount(server, 'Two shops');
		const second = await server.ctl('merchant', 'create',
			'--account', account.id, '--name', 'Second');
		const ours = await bindKey(account, account.merchantId);
		const theirs = await bindKey(account, second.id);
		const first = await post(key, intents, { ...ours, json: payment });
		const { id } = assertOk(first);
		const refused = await post(key, intents, { ...theirs, json: payment });
		assertRefused(refused, reused);
		assert.ok(!refused.text.includes(id) && !isReplayed(refused));
		const { data } = assertOk(await server.request('GET', intents, theirs));
		assert.deepEqual(data, []);
		assertReplay(first, await post(key, intents,
			{ ...ours, json: payment }));
	});

	test('is POST: GET and DELETE do not look at it', async () => {
		const key = makeKey();
		const headers = { 'Idempotency-Key': key };
		const { id } = assertOk(await post(key, '/v1/customers'));
		const path = `/v1/customers/${id}`;
		const found = await server.request('GET', path, { headers });
		const gone = await server.request('DELETE', path, { headers });
		assert.equal(assertOk(found).id, id);
		assert.equal(assertOk(gone).deleted, true);
		assert.ok(!isReplayed(found) && !isReplayed(gone));
		assertRefused(await server.request('DELETE', path, { headers }),
			{ status: 404, code: 'resource_missing' });
	});
});

describe('a refusal before the state machine', () => {
	// What is refused, and what is sent after mending, with the same key.
	const mended = { json: payment };
	const broken = {
		'syntax': { status: 400, options: { body: '{"amount":',
			headers: { 'Content-Type': 'application/json' } } },
		'a parameter': { status: 400,
			options: { json: { ...payment, amount: 0 } } },
		'an unknown parameter': { status: 400,
			options: { json: { ...payment, a: 1 } } },
		'a missing parameter': { status: 400, options: { json: {} } },
		'an unknown customer': { status: 404,
			options: { json: { ...payment, customer: 'cus_none' } } },
		'a wrong key': { status: 401,
			options: { ...mended, key: 'sk_test_wrong' } },
		'a media type': { status: 415, options: { body: 'a',
			headers: { 'Content-Type': 'text/plain' } } },
	};
	for (const [what, { status, options }] of Object.entries(broken))
		test(`because of ${what} keeps the key free`, async () => {
			const key = makeKey();
			const headers = { ...options.headers, 'Idempotency-Key': key };
			assertRefused(await server.request('POST', intents,
				{ ...options, headers }), { status });
			const answer = await post(key, intents, mended);
			assertOk(answer);
			assert.ok(!isReplayed(answer));
		});

	test('because of the permission keeps the key free', async () => {
		const key = makeKey();
		assertRefused(await post(key, intents,
			{ ...mended, key: server.publishableKey }), { status: 403 });
		assertOk(await post(key, intents, mended));
	});

	test('because of an unknown intent keeps the key free', async () => {
		const key = makeKey();
		assertRefused(await post(key, `${intents}/pi_none/confirm`),
			{ status: 404 });
		const { id } = await createIntent(server, payment);
		assertOk(await post(key, `${intents}/${id}/confirm`));
	});

	test('because of the merchant keeps the key free', async () => {
		const key = makeKey();
		const { merchantId, testKey } = await createAccount(server);
		const options = { ...mended, key: testKey };
		await server.ctl('merchant', 'suspend', merchantId);
		assertRefused(await post(key, intents, options), { status: 403 });
		await server.ctl('merchant', 'activate', merchantId);
		assertOk(await post(key, intents, options));
	});
});

describe('the form of a key', () => {
	const printable = Array.from({ length: 94 },
		(_, i) => String.fromCharCode(33 + i)).join('');
	for (const [what, key] of Object.entries({
		'1 character': '1',
		'255 characters': 'k'.repeat(255),
		'all that ASCII can print': printable,
		'a space inside': 'a b',
	}))
		test(`${what} can be a key`, async () => {
			const first = await post(key, intents, { json: payment });
			assertOk(first);
			assertReplay(first, await post(key, intents, { json: payment }));
		});

	test('the case of a letter counts', async () => {
		const [a, b] = [await post('Case', intents, { json: payment }),
			await post('case', intents, { json: payment })];
		assert.notEqual(assertOk(a).id, assertOk(b).id);
	});

	for (const [what, key] of Object.entries({
		'256 characters': 'k'.repeat(256),
		'no character': '',
		'a letter of Latin-1': 'cl\u00e9',
		'a tab': 'a\tb',
	}))
		test(`${what} cannot be a key`, async () => {
			const before = await snapshot(server);
			assertRefused(await post(key, intents, { json: payment }),
				{ ...invalid, param: 'Idempotency-Key' });
			assert.deepEqual(await snapshot(server), before);
		});
});

// The sandbox as an engine outside, which is asked between two transactions.
describe('a key whose first request waits', { concurrency: 2 }, () => {
	const json = { ...payment, confirm: true };
	const busy = { status: 409, type: 'invalid_request_error',
		code: 'idempotency_key_in_use', param: null };

	async function startPair(t, settings) {
		const slow = await startServer(t, { settings });
		const headers = { 'Idempotency-Key': makeKey() };
		const ask = () => slow.request('POST', intents, { headers, json });
		const first = ask();
		await until(() => slow.request('GET', intents),
			({ body }) => body.data.length === 1);
		return { slow, ask, first };
	}

	test('is in use, when the second does not wait', async (t) => {
		const { ask, first } = await startPair(t,
			{ sandbox_latency_ms: 1500, idempotency_wait_ms: 0 });
		const second = await ask();
		assertRefused(second, busy);
		assert.equal(second.headers['retry-after'], '1');
		assert.equal(assertOk(await first).status, 'succeeded');
		assertReplay(await first, await ask());
	});

	test('lets the second wait and replay', async (t) => {
		const { slow, ask, first } = await startPair(t,
			{ sandbox_latency_ms: 300 });
		const second = await ask();
		assert.equal(assertOk(await first).status, 'succeeded');
		assertReplay(await first, second);
		const { data } = assertOk(await slow.request('GET', intents));
		assert.equal(data.length, 1);
	});
});

// The order of these is that of the server's time: each starts it anew.
describe('a key after a day', () => {
	const day = 24 * 60 * 60;
	const headers = { 'Idempotency-Key': 'yesterday' };
	let folder, home, first;

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'intentd-clock-'));
	});

	after(() => rmSync(folder, { recursive: true, force: true }));

	// What the same request comes to when the clock is so far ahead.
	async function askAt(seconds, end) {
		const ahead = await startAhead(folder, seconds, { home });
		home = ahead.home;
		try {
			return await ahead.request('POST', intents,
				{ headers, json: payment });
		} finally {
			await ahead[end]();
		}
	}

	test('and before it is kept, however old the server is', async () => {
		first = await askAt(0, 'halt');
		assertOk(first);
		assertReplay(first, await askAt(day - 60, 'halt'));
	});

	test('is free again', async () => {
		const second = await askAt(day + 60, 'stop');
		assert.ok(!isReplayed(second));
		assert.notEqual(assertOk(second).id, assertOk(first).id);
	});
});

test('the store is sound in the end', async () => {
	const { findings } = await server.ctl('verify');
	assert.deepEqual(findings, []);
});
