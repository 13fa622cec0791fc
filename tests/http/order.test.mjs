// The order of refusals (README, section 6).  Each request breaks two rules
// next to each other in the order, and the first one must win:
//
//   route > method > size > key > permission > rate > syntax > parameters
//   (in the order of the endpoint's table) > idempotency > objects > state
import { after, before, describe, test } from 'node:test';

import { createAccount, createIntent, intentIn, invalid, missing,
	restrictedKey, until, visa } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const stableIntents = '/v1/payment-intents';
const jsonType = { 'Content-Type': 'application/json' };
const large = { description: 'x'.repeat(70000) };
const wrong = { type: 'invalid_request_error', param: null };

const refusal = {
	route: { ...wrong, status: 404, code: 'route_not_found' },
	method: { ...wrong, status: 405, code: 'method_not_allowed' },
	size: { ...wrong, status: 413, code: 'request_too_large' },
	key: { status: 401, type: 'authentication_error',
		code: 'authentication_failed', param: null },
	permission: { ...wrong, status: 403, code: 'insufficient_permissions' },
	rate: { status: 429, type: 'rate_limit_error',
		code: 'rate_limit_exceeded', param: null },
	media: { ...wrong, status: 415, code: 'unsupported_media_type' },
	syntax: { ...invalid, param: null },
	idempotency: { ...wrong, status: 422, code: 'idempotency_key_reuse' },
	state: { ...wrong, status: 400, code: 'payment_intent_unexpected_state' },
};

// A body that breaks the rules of syntax, and one that is of no known type.
const noJson = { body: '{"amount":', headers: jsonType };
const noType = { body: '{"amount":', headers: { 'Content-Type': 'text/xml' } };

let server;

before(async () => {
	server = await startServer({ settings: { rate_card_api_keys: 4 } });
});

after(() => server.stop());

function mistyped(key) {
	return key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
}

function request(method, path, options) {
	return server.request(method, path, options);
}

// The key of an account whose limit for /v1/api_keys is used up, and another
// one of it with few permissions.
async function spentAccount() {
	const account = await createAccount(server);
	const narrow = await restrictedKey(server, ['charges:read'],
		{ key: account.testKey });
	await spend(account.testKey);
	return { ...account, narrowKey: narrow.secret };
}

function spend(key) {
	return until(() => request('GET', '/v1/api_keys', { key }),
		({ status }) => status === 429, 20);
}

// Refused by the rate as long as the window lasts: at its turn, once more.
async function whileSpent(ask) {
	const { testKey, narrowKey } = await spentAccount();
	for (;;) {
		const answer = await ask(testKey, narrowKey);
		const still = await request('GET', '/v1/api_keys', { key: testKey });
		if (still.status === 429)
			return answer;
		await spend(testKey);
	}
}

describe('route, method, size and key', () => {
	test('the route before the method', async () => {
		assertRefused(await request('DELETE', '/v1/payments'), refusal.route);
	});

	test('the route before the size', async () => {
		assertRefused(await request('POST', '/v1/payments', { json: large }),
			refusal.route);
	});

	test('the method before the size', async () => {
		assertRefused(await request('PUT', intents, { json: large }),
			refusal.method);
	});

	test('the route and the method before the key', async () => {
		assertRefused(await request('GET', '/v1/payments', { key: null }),
			refusal.route);
		assertRefused(await request('PUT', intents, { key: null }),
			refusal.method);
	});

	test('the size before the key', async () => {
		assertRefused(await request('POST', intents,
			{ key: null, json: large }), refusal.size);
	});
});

describe('key, permission and rate', () => {
	test('a mistyped key before the permission', async () => {
		const { testKey } = await createAccount(server);
		const { secret } = await restrictedKey(server, ['charges:read'],
			{ key: testKey });
		assertRefused(await request('GET', intents, { key: secret }),
			refusal.permission);
		assertRefused(await request('GET', intents,
			{ key: mistyped(secret) }), refusal.key);
	});

	test('a revoked key before the permission', async () => {
		const { testKey } = await createAccount(server);
		const { id, secret } = await restrictedKey(server, ['charges:read'],
			{ key: testKey });
		assertOk(await request('POST', `/v1/api_keys/${id}/revoke`,
			{ key: testKey }));
		assertRefused(await request('GET', intents, { key: secret }),
			refusal.key);
	});

	test('the key before the rate of its merchant', async () => {
		const answer = await whileSpent((key) => request('GET', '/v1/api_keys',
			{ key: mistyped(key) }));
		assertRefused(answer, refusal.key);
	});

	test('the permission before the rate', async () => {
		const answer = await whileSpent((key, narrowKey) =>
			request('GET', '/v1/api_keys', { key: narrowKey }));
		assertRefused(answer, refusal.permission);
	});
});

describe('permission, rate and syntax', () => {
	test('the permission before the syntax', async () => {
		const { testKey } = await createAccount(server);
		const { secret } = await restrictedKey(server, ['charges:read'],
			{ key: testKey });
		for (const load of [noJson, noType])
			assertRefused(await request('POST', intents,
				{ ...load, key: secret }), refusal.permission);
	});

	for (const [what, load] of Object.entries({ syntax: noJson,
		'type of the body': noType, parameters: { json: { nmae: 1 } } }))
		test(`the rate before the ${what}`, async () => {
			const answer = await whileSpent((key) =>
				request('POST', '/v1/api_keys', { ...load, key }));
			assertRefused(answer, refusal.rate);
		});
});

describe('syntax and parameters', () => {
	test('the type of the body before what it says', async () => {
		assertRefused(await request('POST', intents, noType), refusal.media);
	});

	test('the syntax of the body before an unknown parameter', async () => {
		assertRefused(await request('POST', `${intents}?x=1`, noJson),
			refusal.syntax);
	});

	test('the syntax of a form before a missing parameter', async () => {
		assertRefused(await request('POST', intents, { form: 'amount=%' }),
			refusal.syntax);
	});
});

describe('parameters among themselves', () => {
	// Each is wrong; the table of the endpoint has them in this order.
	const create = ['amount', 'currency', 'capture_method',
		'confirmation_method', 'customer', 'description', 'metadata',
		'payment_method', 'confirm', 'return_url'];
	const right = { amount: 1, currency: 'usd' };

	for (let i = 0; i + 1 < create.length; i++)
		test(`creating: ${create[i]} before ${create[i + 1]}`, async () => {
			const json = { ...right, [create[i + 1]]: 7.5, [create[i]]: 7.5 };
			assertRefused(await request('POST', intents, { json }),
				{ ...invalid, param: create[i] });
		});

	test('a missing parameter before a wrong one behind it', async () => {
		assertRefused(await request('POST', intents,
			{ json: { currency: 'x' } }),
		{ status: 400, code: 'parameter_missing', param: 'amount' });
	});

	test('a wrong parameter before a missing one behind it', async () => {
		assertRefused(await request('POST', intents, { json: { amount: 0 } }),
			{ ...invalid, param: 'amount' });
	});

	const tables = {
		refunds: ['payment_intent', 'amount', 'reason', 'metadata'],
		customers: ['email', 'name', 'phone', 'description', 'metadata'],
		api_keys: ['name', 'type', 'permissions', 'expires_at'],
		webhook_endpoints: ['url', 'enabled_events', 'description'],
	};
	for (const [name, order] of Object.entries(tables))
		for (let i = 0; i + 1 < order.length; i++)
			test(`${name}: ${order[i]} before ${order[i + 1]}`, async () => {
				const key = (await createAccount(server)).testKey;
				const json = { [order[i + 1]]: 7.5, [order[i]]: -1 };
				if (name === 'refunds' && i > 0)
					json.payment_intent = 'pi_x';
				if (name === 'webhook_endpoints' && i > 0)
					json.url = 'https://shop.invalid/';
				assertRefused(await request('POST', `/v1/${name}`,
					{ key, json }), { status: 400, param: order[i] });
			});
});

describe('parameters, idempotency, objects and state', () => {
	let headers;

	// A key that stands for the making of an intent.
	before(async () => {
		headers = { 'Idempotency-Key': 'order' };
		await createIntent(server, {}, { headers });
	});

	test('a parameter before the reuse of a key', async () => {
		assertRefused(await request('POST', intents,
			{ headers, json: { amount: 0, currency: 'usd' } }),
		{ ...invalid, param: 'amount' });
	});

	test('an unknown parameter before the reuse of a key', async () => {
		assertRefused(await request('POST', intents,
			{ headers, json: { amount: 1, currency: 'usd', x: 1 } }),
		{ ...invalid, param: 'x' });
	});

	test('a parameter before the object named', async () => {
		assertRefused(await request('POST', `${intents}/pi_none/capture`,
			{ json: { amount_to_capture: 0 } }),
		{ ...invalid, param: 'amount_to_capture' });
	});

	test('the reuse of a key before the object in the path', async () => {
		assertRefused(await request('POST', `${intents}/pi_none/capture`,
			{ headers }), refusal.idempotency);
	});

	test('the reuse of a key before the object in a parameter', async () => {
		assertRefused(await request('POST', intents, { headers, json:
			{ amount: 2000, currency: 'usd', customer: 'cus_none' } }),
		refusal.idempotency);
	});

	test('the reuse of a key before the state', async () => {
		const { id } = await intentIn(server, 'canceled');
		assertRefused(await request('POST', `${intents}/${id}/capture`,
			{ headers }), refusal.idempotency);
	});

	test('the object named before the state', async () => {
		const { id } = await intentIn(server, 'succeeded');
		assertRefused(await request('POST', `${intents}/${id}`,
			{ json: { customer: 'cus_none' } }),
		{ ...missing, param: 'customer' });
	});

	test('a parameter before the state', async () => {
		const { id } = await intentIn(server, 'canceled');
		assertRefused(await request('POST', `${intents}/${id}/confirm`,
			{ json: { payment_method: 'pm_none' } }),
		{ ...invalid, param: 'payment_method' });
		assertRefused(await request('POST', `${intents}/${id}/refund`,
			{ json: { amount: 0 } }),
		{ status: 400, code: 'amount_invalid', param: 'amount' });
	});

	test('the state before what the amount exceeds', async () => {
		const { id } = await intentIn(server, 'requires_confirmation');
		assertRefused(await request('POST', `${intents}/${id}/refund`,
			{ json: { amount: 99999999 } }), refusal.state);
		assertRefused(await request('POST', `${intents}/${id}/capture`,
			{ json: { amount_to_capture: 99999999 } }), refusal.state);
	});

	test('the state before the engine', async () => {
		const { id } = await createIntent(server,
			{ payment_method: 'pm_card_not_initialized' });
		assertOk(await request('POST', `${intents}/${id}/cancel`));
		assertRefused(await request('POST', `${intents}/${id}/confirm`),
			refusal.state);
	});

	test('a refusal before the state machine leaves the key free', async () => {
		const { id } = await createIntent(server, { payment_method: visa });
		const again = { headers: { 'Idempotency-Key': 'mended' } };
		const path = `${intents}/${id}/confirm`;
		assertRefused(await request('POST', path,
			{ ...again, json: { payment_method: 'pm_none' } }), invalid);
		assertRefused(await request('POST', path,
			{ ...again, ...noJson, headers:
				{ ...again.headers, ...jsonType } }), refusal.syntax);
		assertRefused(await request('POST', path.replace(id, 'pi_none'),
			again), missing);
		assertOk(await request('POST', path, again));
	});
});

// What precedes the endpoints of the stable contract, in its own dialect.
describe('the stable contract', () => {
	const stableRoute = { status: 404, type: 'not_found_error',
		code: 'route_not_found', param: null };
	const path = `${stableIntents}/pi_1/pay`;

	test('the route before the method, the size, the key and the syntax',
		async () => {
			for (const options of [{ key: null }, { json: large }, noJson,
				noType, { headers: { 'Idempotency-Key': 'k'.repeat(300) } }])
				assertRefused(await request('POST', path, options),
					stableRoute);
		});

	test('the path decides the dialect, before the key does', async () => {
		assertRefused(await request('GET', path, { key: 'sk_test_0' }),
			stableRoute);
		assertRefused(await request('GET', '/v1/payment_intents/pi_1/pay',
			{ key: 'sk_test_0' }), refusal.route);
	});
});
