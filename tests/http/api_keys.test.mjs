// The endpoints of api_keys, keys that are bound to a merchant, and the two
// modes (README, section 2).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAccount, createCustomer, createIntent, createKey,
	createRefund, getIntent, intentIn, invalid, missing, operatorKey,
	restrictedKey, storeText,
	until } from './fixtures.mjs';
import { assertOk, assertRefused, startServer } from './harness.mjs';

const intents = '/v1/payment_intents';
const keys = '/v1/api_keys';
const noKey = { status: 401, code: 'authentication_failed', param: null };
const forbidden = { status: 403, code: 'insufficient_permissions',
	param: null };

let server;
const secrets = new Set();

before(async () => {
	server = await startServer();
});

after(() => server.stop());

function request(method, path, options) {
	return server.request(method, path, options);
}

// Remembers every full key that was seen, for the end.
async function makeKey(json, options) {
	const key = await createKey(server, json, options);
	secrets.add(key.secret);
	return key;
}

async function roll(id, json, options) {
	const key = assertOk(await request('POST', `${keys}/${id}/roll`,
		{ ...options, json }));
	secrets.add(key.secret);
	return key;
}

function isRefused({ status }) {
	return status === 401;
}

function probe(key) {
	return request('GET', intents, { key });
}

// Until the key is recorded as used.
async function lastUsed(id) {
	const answer = await until(() => request('GET', `${keys}/${id}`),
		({ body }) => body.last_used !== null);
	return assertOk(answer).last_used;
}

describe('making a key', () => {
	const types = { secret: 'sk', publishable: 'pk', restricted: 'rk' };
	for (const [type, prefix] of Object.entries(types))
		for (const mode of ['test', 'live'])
			test(`${type}, ${mode}`, async () => {
				const permissions = type === 'restricted'
					? ['refunds:read', 'customers:write'] : [];
				const json = { type, name: `A ${type} key`,
					...permissions.length > 0 && { permissions } };
				const key = await makeKey(json, { key: server[`${mode}Key`] });
				assert.match(key.secret, new RegExp(
					`^${prefix}_${mode}_[0-9A-Za-z]{32}$`));
				assert.match(key.id, /^key_[0-9a-z]{26}$/);
				assert.deepEqual({ ...key, id: '', created: 0, secret: '' }, {
					id: '', object: 'api_key', created: 0, expires_at: null,
					last_used: null, livemode: mode === 'live',
					merchant_id: null, name: json.name, permissions,
					prefix: key.secret.slice(0, 12), revoked_at: null,
					secret: '', type });
			});

	test('the type is secret unless said', async () => {
		assert.equal((await makeKey({})).type, 'secret');
	});

	test('as a form', async () => {
		const key = assertOk(await request('POST', keys, { form:
			{ type: 'restricted', name: 'form',
				permissions: ['charges:read', 'refunds:write'] } }));
		secrets.add(key.secret);
		assert.deepEqual(key.permissions, ['charges:read', 'refunds:write']);
	});

	const now = Math.floor(Date.now() / 1000);
	const wrong = {
		'an unknown type': [{ type: 'master' }, 'type'],
		'a name of 257 characters': [{ name: 'n'.repeat(257) }, 'name'],
		'an unknown permission': [{ type: 'restricted',
			permissions: ['charges:write'] }, 'permissions[]'],
		'a permission twice': [{ type: 'restricted',
			permissions: ['charges:read', 'charges:read'] }, 'permissions[]'],
		'permissions that are a text': [{ type: 'restricted',
			permissions: 'charges:read' }, 'permissions'],
		'permissions of a secret key': [{ type: 'secret',
			permissions: ['charges:read'] }, 'permissions'],
		'an expiry that has passed': [{ expires_at: now - 1 }, 'expires_at'],
		'an expiry that is no number': [{ expires_at: '2030' }, 'expires_at'],
		'a mode': [{ mode: 'live' }, 'mode'],
		'a merchant': [{ merchant_id: 'mer_x' }, 'merchant_id'],
		'a key of one\'s own': [{ secret: 'sk_test_1' }, 'secret'],
	};
	for (const [what, [json, param]] of Object.entries(wrong))
		test(`refuses ${what}`, async () => {
			assertRefused(await request('POST', keys, { json }),
				{ ...invalid, param });
		});

	test('refuses a restricted key without permissions', async () => {
		assertRefused(await request('POST', keys,
			{ json: { type: 'restricted' } }),
		{ status: 400, code: 'parameter_missing', param: 'permissions' });
	});

	test('a repeated request makes no second key', async () => {
		const options = { json: { name: 'once' },
			headers: { 'Idempotency-Key': 'make a key' } };
		const first = await request('POST', keys, options);
		const second = await request('POST', keys, options);
		secrets.add(assertOk(first).secret);
		assert.equal(assertOk(second).id, first.body.id);
		assert.equal(second.headers['idempotent-replayed'], 'true');
		assert.ok(!second.text.includes(first.body.secret), 'shown twice');
	});
});

describe('a key that was made', () => {
	test('is shown without its secret from then on', async () => {
		const key = await makeKey({ name: 'shown once' });
		const path = `${keys}/${key.id}`;
		const answers = [await request('GET', path),
			await request('GET', `${keys}?limit=100`),
			await request('POST', `${path}/revoke`)];
		for (const answer of answers) {
			assertOk(answer);
			assert.ok(!answer.text.includes(key.secret));
			assert.ok(answer.text.includes(key.prefix));
		}
		assert.deepEqual(answers[0].body, { ...key, secret: null });
	});

	test('stands in the list of its mode', async () => {
		const [test, live] = [await makeKey({ name: 't' }),
			await makeKey({ name: 'l' }, { key: server.liveKey })];
		const ids = async (key) => assertOk(await request('GET',
			`${keys}?limit=100`, { key })).data.map(({ id }) => id);
		const [testIds, liveIds] = [await ids(server.testKey),
			await ids(server.liveKey)];
		assert.ok(testIds.includes(test.id) && !testIds.includes(live.id));
		assert.ok(liveIds.includes(live.id) && !liveIds.includes(test.id));
		assertRefused(await request('GET', `${keys}/${live.id}`),
			{ ...missing, param: 'id' });
	});

	test('remembers the minute of its last use', async () => {
		const minute = () => Math.floor(Date.now() / 60000) * 60;
		const key = await makeKey({ name: 'used' });
		assert.equal(key.last_used, null);
		const before = minute();
		assertOk(await probe(key.secret));
		const used = await lastUsed(key.id);
		assert.equal(used % 60, 0);
		assert.ok(used >= before && used <= minute());
	});
});

describe('rolling a key', () => {
	test('replaces it at once', async () => {
		const old = await makeKey({ name: 'old' });
		const key = await roll(old.id);
		assert.notEqual(key.secret, old.secret);
		assertRefused(await probe(old.secret), noKey);
		assertOk(await probe(key.secret));
		const shown = assertOk(await request('GET', `${keys}/${old.id}`));
		assert.ok(shown.revoked_at >= old.created);
	});

	test('keeps all but the key, its id and its age', async () => {
		const old = await makeKey({ type: 'restricted', name: 'narrow',
			permissions: ['charges:read'],
			expires_at: Math.floor(Date.now() / 1000) + 86400 });
		const key = await roll(old.id);
		for (const name of ['id', 'secret'])
			assert.notEqual(key[name], old[name]);
		const { id, secret, created, prefix, ...kept } = old;
		assert.ok(id && secret && prefix && key.created >= created);
		assert.equal(key.prefix, key.secret.slice(0, 12));
		assert.deepEqual({ ...key, id, secret, created, prefix },
			{ ...kept, id, secret, created, prefix });
	});

	test('lets the old key go on for the grace', async () => {
		const old = await makeKey({ name: 'old' });
		const before = Math.floor(Date.now() / 1000);
		const key = await roll(old.id, { grace_seconds: 86400 });
		for (const secret of [old.secret, key.secret])
			assertOk(await probe(secret));
		const shown = assertOk(await request('GET', `${keys}/${old.id}`));
		const after = Math.floor(Date.now() / 1000);
		assert.ok(shown.expires_at >= before + 86400);
		assert.ok(shown.expires_at <= after + 86400);
		assert.equal(shown.revoked_at, null);
		assert.equal(key.expires_at, null);
	});

	test('ends the old key when the grace is over', async () => {
		const old = await makeKey({ name: 'old' });
		const start = Date.now();
		const key = await roll(old.id, { grace_seconds: 1 });
		await until(() => probe(old.secret), isRefused);
		assert.ok(Date.now() - start >= 1000);
		assertOk(await probe(key.secret));
	});

	test('does not prolong a key that ends sooner', async () => {
		const end = Math.floor(Date.now() / 1000) + 600;
		const old = await makeKey({ name: 'old', expires_at: end });
		await roll(old.id, { grace_seconds: 86400 });
		const shown = assertOk(await request('GET', `${keys}/${old.id}`));
		assert.equal(shown.expires_at, end);
	});

	// Nor does the old one live on in what it makes meanwhile.
	test('leaves no way out to a key that ends', async () => {
		const old = await makeKey({ name: 'old' });
		const { id } = await roll(old.id, { grace_seconds: 600 });
		const end = assertOk(await request('GET', `${keys}/${old.id}`))
			.expires_at;
		const options = { key: old.secret };
		const made = await makeKey({ name: 'made' }, options);
		assert.equal(made.expires_at, end);
		const excess = { status: 403, code: 'insufficient_permissions' };
		assertRefused(await request('POST', keys, { ...options,
			json: { name: 'late', type: 'secret', expires_at: end + 2 } }),
		excess);
		assertRefused(await request('POST', `${keys}/${id}/roll`, options),
			excess);
	});

	test('is refused for a revoked key', async () => {
		const old = await makeKey({ name: 'old' });
		assertOk(await request('POST', `${keys}/${old.id}/revoke`));
		assertRefused(await request('POST', `${keys}/${old.id}/roll`),
			{ ...invalid, param: 'id' });
	});

	for (const grace of [-1, 86401, '60', 1.5])
		test(`refuses a grace of ${JSON.stringify(grace)}`, async () => {
			const old = await makeKey({ name: 'old' });
			assertRefused(await request('POST', `${keys}/${old.id}/roll`,
				{ json: { grace_seconds: grace } }),
			{ ...invalid, param: 'grace_seconds' });
			assertOk(await probe(old.secret));
		});
});

describe('keys and merchants', () => {
	const shop = {};

	before(async () => {
		shop.account = await createAccount(server, 'Two shops');
		const { id } = await server.ctl('merchant', 'create',
			'--account', shop.account.id, '--name', 'Second');
		shop.second = id;
		const key = await operatorKey(server, shop.account.id,
			'--mode', 'test', '--type', 'secret', '--merchant', id);
		secrets.add(key.secret);
		shop.all = { key: shop.account.testKey };
		shop.bound = { key: key.secret };
	});

	test('what they make is the key\'s merchant\'s, or the default\'s',
		async () => {
			const first = await createIntent(server, {}, shop.all);
			const second = await createIntent(server, {}, shop.bound);
			assert.equal(first.merchant_id, shop.account.merchantId);
			assert.equal(second.merchant_id, shop.second);
		});

	test('a bound key sees its own merchant\'s objects alone', async () => {
		const intent = await intentIn(server, 'succeeded', shop.all);
		const refund = await createRefund(server,
			{ payment_intent: intent.id, amount: 1 }, shop.all);
		const customer = await createCustomer(server, {}, shop.all);
		const paths = [`${intents}/${intent.id}`,
			`/v1/charges/${intent.latest_charge}`,
			`/v1/refunds/${refund.id}`, `/v1/customers/${customer.id}`];
		for (const path of paths) {
			assertOk(await request('GET', path, shop.all));
			assertRefused(await request('GET', path, shop.bound),
				{ ...missing, param: 'id' });
			const list = path.slice(0, path.lastIndexOf('/'));
			const { data } = assertOk(await request('GET', list, shop.bound));
			assert.ok(data.every(({ id }) => !path.endsWith(id)), list);
		}
		for (const action of ['', '/confirm', '/capture', '/cancel', '/refund'])
			assertRefused(await request('POST',
				`${intents}/${intent.id}${action}`, shop.bound),
			{ ...missing, param: 'id' });
		assert.deepEqual((await getIntent(server, intent.id, shop.all)).status,
			'succeeded');
	});

	test('an unbound key sees all merchants\' objects', async () => {
		const { id } = await createIntent(server, {}, shop.bound);
		assert.equal((await getIntent(server, id, shop.all)).id, id);
		const { data } = assertOk(await request('GET', intents, shop.all));
		assert.equal(data[0].id, id);
	});

	test('a bound key makes bound keys, and sees no others', async () => {
		const key = await makeKey({ name: 'bound' }, shop.bound);
		assert.equal(key.merchant_id, shop.second);
		const free = await makeKey({ name: 'free' }, shop.all);
		assert.equal(free.merchant_id, null);
		assertRefused(await request('GET', `${keys}/${free.id}`, shop.bound),
			{ ...missing, param: 'id' });
		assertRefused(await request('POST', `${keys}/${free.id}/roll`,
			shop.bound), { ...missing, param: 'id' });
		const { data } = assertOk(await request('GET', keys, shop.bound));
		assert.ok(data.every((one) => one.merchant_id === shop.second));
		const { merchant_id } = await createIntent(server, {},
			{ key: key.secret });
		assert.equal(merchant_id, shop.second);
	});

	test('a key bound to the default merchant sees no unbound ones', async () => {
		const { id, merchantId } = shop.account;
		const key = await operatorKey(server, id, '--mode', 'test',
			'--type', 'secret', '--merchant', merchantId);
		secrets.add(key.secret);
		const bound = { key: key.secret };
		const free = await makeKey({ name: 'free' }, shop.all);
		for (const [method, action] of [['GET', ''], ['POST', '/revoke'],
			['POST', '/roll']])
			assertRefused(await request(method, `${keys}/${free.id}${action}`,
				bound), { ...missing, param: 'id' });
		const { data } = assertOk(await request('GET', `${keys}?limit=100`,
			bound));
		assert.deepEqual(data.map((one) => one.id), [key.id]);
		assertOk(await probe(free.secret));
		assert.deepEqual(assertOk(await request('GET', `${keys}/${free.id}`,
			shop.all)).revoked_at, null);
	});

	test('a suspended merchant takes no money, and can be read', async () => {
		const open = await createIntent(server,
			{ payment_method: 'pm_card_visa' }, shop.bound);
		await server.ctl('merchant', 'suspend', shop.second);
		assertRefused(await request('POST', `${intents}/${open.id}/confirm`,
			shop.bound), forbidden);
		assert.equal((await getIntent(server, open.id, shop.bound)).status,
			'requires_confirmation');
		await createIntent(server, {}, shop.all);
		await server.ctl('merchant', 'activate', shop.second);
		assert.equal(assertOk(await request('POST',
			`${intents}/${open.id}/confirm`, shop.bound)).status, 'succeeded');
	});
});

describe('modes', () => {
	test('objects say the mode of the key that made them', async () => {
		for (const mode of ['test', 'live']) {
			const options = { key: server[`${mode}Key`] };
			const made = [await createIntent(server, {}, options),
				await createCustomer(server, {}, options),
				await makeKey({ name: mode }, options)];
			for (const { object, livemode } of made)
				assert.equal(livemode, mode === 'live', object);
		}
	});

	test('the test helper is for test mode alone', async () => {
		const { id } = await intentIn(server, 'processing');
		for (const key of [server.liveKey, (await restrictedKey(server,
			['test_helpers:write'], { key: server.liveKey })).secret])
			assertRefused(await request('POST',
				`/v1/test_helpers/payment_intents/${id}/transition`,
				{ key, json: { status: 'succeeded' } }), forbidden);
		assert.equal((await getIntent(server, id)).status, 'processing');
	});
});

describe('in the end', () => {
	test('neither the log nor the store has a key that was made', async () => {
		secrets.add(server.testKey);
		await server.halt();
		const texts = { log: server.log(),
			store: storeText(server) };
		assert.ok(secrets.size > 20);
		for (const [where, text] of Object.entries(texts))
			for (const secret of secrets) {
				assert.ok(!text.includes(secret), where);
				assert.ok(!text.includes(secret.slice(13)), where);
			}
		for (const secret of secrets)
			assert.ok(texts.store.includes(secret.slice(0, 12)), 'prefix');
	});
});
