// Keys: who may do what (README, section 2).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createKey, getIntent,
	missing, operatorKey, restrictedKey, until,
	visa } from './fixtures.mjs';
import { assertOk, assertRefused, intentctl,
	startServer, webIs } from './harness.mjs';

const intents = '/v1/payment_intents';
const noKey = { status: 401, type: 'authentication_error',
	code: 'authentication_failed', param: null };
const forbidden = { status: 403, type: 'invalid_request_error',
	code: 'insufficient_permissions', param: null };
const permissions = ['payment_intents:read', 'payment_intents:write',
	'charges:read', 'refunds:read', 'refunds:write', 'customers:read',
	'customers:write', 'api_keys:read', 'api_keys:write',
	'test_helpers:write', 'events:read', 'webhook_endpoints:read',
	'webhook_endpoints:write'];

// Every endpoint, with the permission that a restricted key needs for it.
const endpoints = [
	['POST', intents, 'payment_intents:write'],
	['GET', intents, 'payment_intents:read'],
	['GET', `${intents}/pi_x`, 'payment_intents:read'],
	['POST', `${intents}/pi_x`, 'payment_intents:write'],
	['POST', `${intents}/pi_x/confirm`, 'payment_intents:write'],
	['POST', `${intents}/pi_x/capture`, 'payment_intents:write'],
	['POST', `${intents}/pi_x/cancel`, 'payment_intents:write'],
	['POST', `${intents}/pi_x/refund`, 'refunds:write'],
	['POST', '/v1/refunds', 'refunds:write'],
	['GET', '/v1/refunds', 'refunds:read'],
	['GET', '/v1/refunds/ref_x', 'refunds:read'],
	['GET', '/v1/charges', 'charges:read'],
	['GET', '/v1/charges/ch_x', 'charges:read'],
	['POST', '/v1/customers', 'customers:write'],
	['GET', '/v1/customers', 'customers:read'],
	['GET', '/v1/customers/cus_x', 'customers:read'],
	['POST', '/v1/customers/cus_x', 'customers:write'],
	['DELETE', '/v1/customers/cus_x', 'customers:write'],
	['GET', '/v1/events', 'events:read'],
	['GET', '/v1/events/evt_x', 'events:read'],
	['POST', '/v1/webhook_endpoints', 'webhook_endpoints:write'],
	['GET', '/v1/webhook_endpoints', 'webhook_endpoints:read'],
	['GET', '/v1/webhook_endpoints/we_x', 'webhook_endpoints:read'],
	['POST', '/v1/webhook_endpoints/we_x', 'webhook_endpoints:write'],
	['DELETE', '/v1/webhook_endpoints/we_x', 'webhook_endpoints:write'],
	['POST', '/v1/api_keys', 'api_keys:write'],
	['GET', '/v1/api_keys', 'api_keys:read'],
	['GET', '/v1/api_keys/key_x', 'api_keys:read'],
	['POST', '/v1/api_keys/key_x/revoke', 'api_keys:write'],
	['POST', '/v1/api_keys/key_x/roll', 'api_keys:write'],
	['POST', '/v1/test_helpers/payment_intents/pi_x/transition',
		'test_helpers:write'],
];

let server;

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

function makeKey(json, options) {
	return createKey(server, json, options);
}

function makeRestricted(list, options) {
	return restrictedKey(server, list, options);
}

async function assertWorks(key) {
	assertOk(await request('GET', intents, { key }));
}

async function assertNoKey(options) {
	const error = assertRefused(await request('GET', intents, options), noKey);
	assert.equal(error.message, 'Invalid API key provided.');
}

function withHeader(value) {
	return { headers: { Authorization: value } };
}

function basic(text) {
	return withHeader(`Basic ${Buffer.from(text).toString('base64')}`);
}

describe('the Authorization header', () => {
	test('Bearer and Basic are both taken', async () => {
		assertOk(await request('GET', intents));
		assertOk(await request('GET', intents, { auth: 'basic' }));
	});

	test('the name of the scheme may be written in any case', async () => {
		for (const scheme of ['bearer', 'BEARER'])
			assertOk(await request('GET', intents,
				withHeader(`${scheme} ${server.testKey}`)));
	});

	const refused = {
		'no header': () => ({ key: null }),
		'an empty header': () => withHeader(''),
		'a scheme alone': () => withHeader('Bearer'),
		'a scheme and a space': () => withHeader('Bearer '),
		'a key without a scheme': () => withHeader(server.testKey),
		'an unknown scheme': () => withHeader(`Digest ${server.testKey}`),
		'two keys': () =>
			withHeader(`Bearer ${server.testKey} ${server.testKey}`),
		'Basic with a password': () => basic(`${server.testKey}:secret`),
		'Basic without a colon': () => basic(server.testKey),
		'Basic without a name': () => basic(`:${server.testKey}`),
		'Basic with nothing': () => withHeader('Basic '),
		'Basic that is no base 64': () => withHeader('Basic !!!!'),
		'Basic beyond any key': () => basic(`${'k'.repeat(4000)}:`),
		'Basic with a bare key': () => withHeader(`Basic ${server.testKey}`),
	};
	for (const [what, options] of Object.entries(refused))
		test(`${what} is no key`, () => assertNoKey(options()));

	test('two keys with a comma are none', async () => {
		const options = withHeader(
			`Bearer ${server.testKey}, Bearer ${server.testKey}`);
		if (!webIs.refusesTwoKeysInALine)
			return assertNoKey(options);
		assertRefused(await server.request('GET', '/v1/payment_intents',
			options), { status: 400, code: 'parameter_invalid', param: null });
	});

	test('a key in the query is no key', async () => {
		assertRefused(await request('GET',
			`${intents}?api_key=${server.testKey}`, { key: null }), noKey);
	});
});

describe('keys that are none', () => {
	const changes = {
		'the last character changed': (key) =>
			key.slice(0, -1) + (key.endsWith('0') ? '1' : '0'),
		'the first character changed': (key) =>
			key.slice(0, 8) + (key[8] === '0' ? '1' : '0') + key.slice(9),
		'two characters swapped': (key) => key[20] === key[21] ? `${key}0`
			: key.slice(0, 20) + key[21] + key[20] + key.slice(22),
		'one character less': (key) => key.slice(0, -1),
		'one character more': (key) => `${key}0`,
		'another mode': (key) => key.replace('test', 'live'),
		'another type': (key) => key.replace('sk_', 'rk_'),
		'an unknown mode': (key) => key.replace('test', 'prod'),
		'an unknown type': (key) => key.replace('sk_', 'xk_'),
		'capital letters': (key) => key.toUpperCase(),
		'the prefix alone': (key) => key.slice(0, 8),
		'the part that is shown': (key) => key.slice(0, 12),
		'a character outside base62': (key) => `${key.slice(0, -1)}-`,
	};
	for (const [what, change] of Object.entries(changes))
		test(what, () => assertNoKey({ key: change(server.testKey) }));

	test('a well-formed key of another store', async () => {
		const store = join(server.dir, 'other.mdb');
		await intentctl(store, 'init');
		const { id } = await intentctl(store, 'account', 'create',
			'--name', 'Elsewhere');
		await intentctl(store, 'merchant', 'create', '--account', id,
			'--name', 'Elsewhere');
		const key = await intentctl(store, 'key', 'create', '--account', id,
			'--mode', 'test', '--type', 'secret', '--name', 'foreign');
		await assertNoKey({ key: key.secret });
	});

	test('a revoked key, also when revoked twice', async () => {
		const key = await makeKey({ name: 'to revoke' });
		await assertWorks(key.secret);
		const path = `/v1/api_keys/${key.id}/revoke`;
		const first = assertOk(await request('POST', path));
		assert.ok(first.revoked_at >= key.created);
		await assertNoKey({ key: key.secret });
		const second = assertOk(await request('POST', path));
		assert.equal(second.revoked_at, first.revoked_at);
		await assertNoKey({ key: key.secret });
	});

	test('a key after its time', async () => {
		const key = await makeKey({ name: 'short',
			expires_at: Math.ceil(Date.now() / 1000) + 1 });
		await until(() => request('GET', intents, { key: key.secret }),
			({ status }) => status === 401);
		assert.ok(Date.now() / 1000 >= key.expires_at);
		await assertNoKey({ key: key.secret });
	});

	test('a key revoked by the operator', async () => {
		const key = await operatorKey(server, server.accountId,
			'--mode', 'test', '--type', 'secret');
		await assertWorks(key.secret);
		await server.ctl('key', 'revoke', key.id);
		await assertNoKey({ key: key.secret });
	});
});

describe('publishable keys', () => {
	const key = () => server.publishableKey;
	let intent;

	before(async () => {
		const { id } = await createCustomer(server);
		intent = await createIntent(server,
			{ payment_method: visa, customer: id });
	});

	for (const [method, path] of endpoints) {
		const own = path === `${intents}/pi_x` && method === 'GET' ||
			path.endsWith('/confirm');
		test(`${method} ${path} ${own ? 'needs the secret' : 'is forbidden'}`,
			async () => {
				const answer = await request(method, path, { key: key() });
				assertRefused(answer, own ? { status: 400,
					code: 'parameter_missing', param: 'client_secret' }
					: forbidden);
			});
	}

	test('read the intent whose client_secret they send', async () => {
		const path = `${intents}/${intent.id}`;
		const secret = intent.client_secret;
		assert.ok(secret.startsWith(`${intent.id}_secret_`));
		assert.equal(assertOk(await request('GET',
			`${path}?client_secret=${secret}`, { key: key() })).id, intent.id);
	});

	test('see nothing with a wrong client_secret', async () => {
		const another = await createIntent(server);
		const last = intent.client_secret.at(-1) === '0' ? '1' : '0';
		for (const secret of [another.client_secret, intent.id, 'x',
			intent.client_secret.slice(0, -1) + last,
			`${intent.client_secret}0`])
			for (const [method, end] of [['GET', ''], ['POST', '/confirm']]) {
				const answer = await request(method,
					`${intents}/${intent.id}${end}?client_secret=${secret}`,
					{ key: key() });
				assertRefused(answer, { ...missing, param: 'id' });
			}
		assert.equal((await getIntent(server, intent.id)).status,
			'requires_confirmation');
	});

	test('do not expand the customer', async () => {
		assertRefused(await request('GET', `${intents}/${intent.id}` +
			`?client_secret=${intent.client_secret}&expand[]=customer`,
		{ key: key() }), forbidden);
	});

	test('of another account see nothing', async () => {
		const other = await createAccount(server);
		const foreign = await makeKey({ type: 'publishable', name: 'p' },
			{ key: other.testKey });
		assertRefused(await request('GET', `${intents}/${intent.id}` +
			`?client_secret=${intent.client_secret}`,
		{ key: foreign.secret }), { ...missing, param: 'id' });
	});

	for (const syntax of ['json', 'form'])
		test(`confirm with the client_secret, as ${syntax}`, async () => {
			const { id, client_secret } = await createIntent(server);
			const answer = await request('POST', `${intents}/${id}/confirm`, {
				key: key(), [syntax]: { client_secret, payment_method: visa } });
			assert.equal(assertOk(answer).status, 'succeeded');
		});
});

describe('restricted keys', () => {
	const holders = {};

	// What a set lacks: a permission, and what would bring it along.
	function without(permission) {
		return permissions.filter((one) => one !== permission &&
			one !== permission.replace(':read', ':write'));
	}

	before(async () => {
		await Promise.all(permissions.map(async (permission) => {
			const [has, lacks] = await Promise.all([
				makeRestricted([permission]),
				makeRestricted(without(permission))]);
			holders[permission] = { has, lacks };
		}));
	});

	for (const [method, path, permission] of endpoints)
		test(`${method} ${path} needs ${permission}`, async () => {
			const { has, lacks } = holders[permission];
			// What it would make may do no more than the key itself.
			const json = path === '/v1/api_keys' && method === 'POST'
				? { type: 'restricted', permissions: [permission] } : undefined;
			const refused = assertRefused(await request(method, path,
				{ key: lacks.secret, json }), forbidden);
			assert.ok(refused.message.includes(permission));
			const answer = await request(method, path,
				{ key: has.secret, json });
			assert.ok(![401, 403].includes(answer.status), answer.text);
		});

	for (const [method, path, permission] of endpoints.filter(
		([, , name]) => permissions.includes(name.replace(':read', ':write')) &&
			name.endsWith(':read')))
		test(`${permission.replace('read', 'write')} allows ${method} ${path}`,
			async () => {
				const { has } = holders[permission.replace('read', 'write')];
				const answer = await request(method, path,
					{ key: has.secret });
				assert.ok(![401, 403].includes(answer.status), answer.text);
			});

	test('show the permissions that they were given', async () => {
		const { has } = holders['refunds:write'];
		assert.match(has.secret, /^rk_test_/);
		assert.deepEqual(has.permissions, ['refunds:write']);
		const shown = assertOk(await request('GET', `/v1/api_keys/${has.id}`));
		assert.deepEqual(shown.permissions, ['refunds:write']);
	});

	test('expand a customer only where they may read one', async () => {
		const customer = await createCustomer(server, { name: 'Ada' });
		const { id } = await createIntent(server, { customer: customer.id });
		const path = `${intents}/${id}?expand[]=customer`;
		const narrow = holders['payment_intents:read'].has.secret;
		assertRefused(await request('GET', path, { key: narrow }), forbidden);
		const both = await makeRestricted(
			['payment_intents:read', 'customers:read']);
		const shown = assertOk(await request('GET', path,
			{ key: both.secret }));
		assert.deepEqual(shown.customer, customer);
	});
});

describe('what a restricted key may give', () => {
	let giver;

	before(async () => {
		giver = (await makeRestricted(['api_keys:write', 'charges:read']))
			.secret;
	});

	const weaker = [['charges:read'], ['api_keys:read'],
		['api_keys:write', 'charges:read']];
	for (const list of weaker)
		test(`it makes a key with ${list}`, async () => {
			const key = await makeRestricted(list, { key: giver });
			assert.deepEqual([...key.permissions].sort(), [...list].sort());
		});

	const stronger = {
		'a secret key': { type: 'secret' },
		'a key of the default type': {},
		'a publishable key': { type: 'publishable' },
		'another permission': { type: 'restricted',
			permissions: ['refunds:read'] },
		'one permission too many': { type: 'restricted',
			permissions: ['charges:read', 'payment_intents:write'] },
	};
	for (const [what, json] of Object.entries(stronger))
		test(`it does not make ${what}`, async () => {
			const keys = await request('GET', '/v1/api_keys?limit=1');
			assertRefused(await request('POST', '/v1/api_keys',
				{ key: giver, json }), forbidden);
			const after = await request('GET', '/v1/api_keys?limit=1');
			assert.equal(after.body.data[0].id, keys.body.data[0].id);
		});

	test('it does not roll what may do more', async () => {
		for (const old of [await makeKey({ name: 'all' }),
			await makeKey({ type: 'publishable', name: 'page' }),
			await makeRestricted(['refunds:write'])]) {
			assertRefused(await request('POST', `/v1/api_keys/${old.id}/roll`,
				{ key: giver }), forbidden);
			const shown = await request('GET', `/v1/api_keys/${old.id}`);
			assert.equal(assertOk(shown).revoked_at, null);
		}
	});

	test('it rolls what may do less', async () => {
		const old = await makeRestricted(['charges:read']);
		const key = assertOk(await request('POST',
			`/v1/api_keys/${old.id}/roll`, { key: giver }));
		assert.deepEqual(key.permissions, ['charges:read']);
	});

	test('it does not revoke what may do more', async () => {
		for (const key of [await makeKey({ name: 'all' }),
			await makeKey({ type: 'publishable', name: 'page' }),
			await makeRestricted(['refunds:write'])]) {
			assertRefused(await request('POST', `/v1/api_keys/${key.id}/revoke`,
				{ key: giver }), forbidden);
			const shown = await request('GET', `/v1/api_keys/${key.id}`);
			assert.equal(assertOk(shown).revoked_at, null);
		}
	});

	test('it revokes what may do less', async () => {
		const key = await makeRestricted(['charges:read']);
		const revoked = assertOk(await request('POST',
			`/v1/api_keys/${key.id}/revoke`, { key: giver }));
		assert.ok(revoked.revoked_at >= key.created);
		await assertNoKey({ key: key.secret });
	});
});
